//! The demo accounts: one for each role, with random passwords kept beside them.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use domain::actor::Role;
use domain::codes::AuthorityCode;
use serde::{Deserialize, Serialize};
use service::Desk;

use crate::{passwords, private_file};

/// Somebody to log in as.
pub(super) const EXAMPLE: &str = "to4.operator";

/// Somebody of the demo.
struct Person {
    username: &'static str,
    display_name: &'static str,
    /// Role at which authority.
    placements: &'static [(Role, &'static str)],
}

/// Two operators at each authority, so that a ticket can be given to a colleague.
const STAFF: [Person; 14] = [
    person(EXAMPLE, "Olga Operatrice", &[(Role::Operator, "010204")]),
    person(
        "to4.colleague",
        "Carlo Collega",
        &[(Role::Operator, "010204")],
    ),
    person(
        "to4.supervisor",
        "Silvia Responsabile",
        &[(Role::Supervisor, "010204")],
    ),
    person("to4.admin", "Aldo Referente", &[(Role::Admin, "010204")]),
    person(
        "cn1.operator",
        "Omar Operatore",
        &[(Role::Operator, "010210")],
    ),
    person(
        "cn1.colleague",
        "Chiara Collega",
        &[(Role::Operator, "010210")],
    ),
    person(
        "cn1.supervisor",
        "Sergio Responsabile",
        &[(Role::Supervisor, "010210")],
    ),
    person("cn1.admin", "Ada Referente", &[(Role::Admin, "010210")]),
    person(
        "region.operator",
        "Rita Regionale",
        &[(Role::RegionalOperator, "REG010")],
    ),
    person(
        "region.supervisor",
        "Remo Responsabile",
        &[(Role::RegionalSupervisor, "REG010")],
    ),
    person(
        "system.admin",
        "Sara Sistemista",
        &[(Role::SystemAdmin, "REG010")],
    ),
    person("auditor", "Ugo Revisore", &[(Role::Auditor, "REG010")]),
    person(
        "technician",
        "Tina Tecnica",
        &[(Role::Technician, "TEC010")],
    ),
    person(
        "two.placements",
        "Dora Duesedi",
        &[(Role::Operator, "010204"), (Role::Supervisor, "010210")],
    ),
];

const fn person(
    username: &'static str,
    display_name: &'static str,
    placements: &'static [(Role, &'static str)],
) -> Person {
    Person {
        username,
        display_name,
        placements,
    }
}

/// An account as `demo accounts` shows it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct DemoAccount {
    username: String,
    password: String,
    placements: Vec<DemoPlacement>,
}

#[derive(Clone, Serialize, Deserialize)]
struct DemoPlacement {
    role: String,
    authority: Named,
    location: Named,
}

#[derive(Clone, Serialize, Deserialize)]
struct Named {
    code: String,
    label: String,
}

/// Makes the accounts that are not there.
pub(super) fn see_to(folder: &Path, desk: &Desk) -> anyhow::Result<()> {
    let accounts = match read(folder)? {
        Some(accounts) => accounts,
        None => invent(folder, desk)?,
    };
    let mut missing = Vec::new();
    for account in &accounts {
        if !desk.has_account(&account.username)? {
            missing.push(account);
        }
    }
    // Hashing is slow on purpose; the desk sees to it that not too many run at once.
    std::thread::scope(|scope| {
        let adding: Vec<_> = missing
            .into_iter()
            .map(|account| scope.spawn(|| add(desk, account)))
            .collect();
        for thread in adding {
            match thread.join() {
                Ok(added) => added?,
                Err(_) => bail!("adding a demo account panicked"),
            }
        }
        Ok(())
    })
}

/// The accounts, if they were made.
pub(super) fn read(folder: &Path) -> anyhow::Result<Option<Vec<DemoAccount>>> {
    let path = file(folder);
    let Some(text) = private_file::read(&path)? else {
        return Ok(None);
    };
    let accounts = serde_json::from_str(&text);
    accounts
        .map(Some)
        .with_context(|| format!("{} is damaged", path.display()))
}

/// A line for each placement.
pub(super) fn table(accounts: &[DemoAccount]) -> String {
    let mut lines = vec![format!(
        "{:<18} {:<25} {:<20} at",
        "username", "password", "role"
    )];
    for account in accounts {
        for placement in &account.placements {
            lines.push(format!(
                "{:<18} {:<25} {:<20} {} {}",
                account.username,
                account.password,
                placement.role,
                placement.authority.code,
                placement.authority.label
            ));
        }
    }
    lines.join("\n")
}

fn file(folder: &Path) -> PathBuf {
    folder.join("accounts.json")
}

/// Written before the first account is made: a start that was cut short goes on with them.
fn invent(folder: &Path, desk: &Desk) -> anyhow::Result<Vec<DemoAccount>> {
    let mut accounts = Vec::new();
    for Person {
        username,
        placements,
        ..
    } in STAFF
    {
        if desk.has_account(username)? {
            bail!(
                "the database has the demo account {username}, and {} with its password is gone; \
                 throw the demo's data away and start again",
                file(folder).display()
            );
        }
        let placements = placements
            .iter()
            .map(|(role, authority)| placement(desk, *role, authority));
        accounts.push(DemoAccount {
            username: username.to_owned(),
            password: passwords::random()?,
            placements: placements.collect::<anyhow::Result<_>>()?,
        });
    }
    private_file::replace(&file(folder), &serde_json::to_string_pretty(&accounts)?)?;
    Ok(accounts)
}

fn placement(desk: &Desk, role: Role, authority: &str) -> anyhow::Result<DemoPlacement> {
    let authority = desk
        .reference()
        .authority_any(authority)
        .with_context(|| format!("the reference data has no authority {authority} for the demo"))?;
    Ok(DemoPlacement {
        role: role.code().to_owned(),
        authority: Named {
            code: authority.code.as_str().to_owned(),
            label: authority.label.it.to_string(),
        },
        location: Named {
            code: format!("{}-01", authority.code),
            label: format!("Sede di {}", authority.short_label.it),
        },
    })
}

fn add(desk: &Desk, account: &DemoAccount) -> anyhow::Result<()> {
    let person = STAFF
        .iter()
        .find(|person| person.username == account.username);
    let name = person.map_or(account.username.as_str(), |person| person.display_name);
    let mut placements = Vec::new();
    for placement in &account.placements {
        let role = Role::from_code(&placement.role)
            .with_context(|| format!("demo account {}: no such role", account.username))?;
        placements.push((
            role,
            AuthorityCode::new(&placement.authority.code),
            placement.location.code.clone(),
            placement.location.label.clone(),
        ));
    }
    desk.add_account(&account.username, name, &account.password, &placements)?;
    Ok(())
}
