//! `sportello doctor`: a line for each thing an installation needs. Makes nothing: what the first
//! start would make is said to be missing, and is no fault.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, ensure};
use domain::account::SingleAdmin;
use domain::catalogue::Reference;
use service::Ids;
use service::clock::SystemIds;
use storage::{Backend, Db};

use crate::config::{Config, MailKind};
use crate::master::Masters;
use crate::{federation, instance, keys, out, reference};

/// What a check found, if nothing is wrong.
type Finding = anyhow::Result<String>;

/// Checks everything, and fails if anything is wrong.
pub(crate) fn run(file: Option<&Path>) -> anyhow::Result<ExitCode> {
    let config = match Config::load(file) {
        Ok(config) => config,
        Err(error) => {
            tell("configuration", Err(error))?;
            return Ok(ExitCode::FAILURE);
        }
    };
    let mut is_well = tell("configuration", Ok("read and checked".to_owned()))?;
    let reference = reference::load(config.reference.as_deref());
    is_well &= tell(
        "reference data",
        reference.as_ref().map(reference::summary).map_err(again),
    )?;
    if let Ok(reference) = &reference {
        let found = reference::playbooks(config.reference.as_deref(), reference);
        let summary = found.map(|(_, set)| reference::playbooks_summary(&set));
        is_well &= tell("playbooks", summary)?;
    }
    is_well &= tell("keys", check_keys(&config))?;
    is_well &= tell("database", check_database(&config))?;
    is_well &= tell("data keys", check_data_keys(&config))?;
    is_well &= tell("audit trail", check_trail(&config))?;
    is_well &= tell("attachments", check_blobs(&config))?;
    is_well &= tell("mail", check_mail(&config))?;
    is_well &= tell("citizens", check_citizens(&config))?;
    is_well &= tell("delegations", config.delegations.summary())?;
    is_well &= tell("staff", check_staff(&config, reference.as_ref().ok()))?;
    is_well &= tell("programs", check_programs(&config))?;
    is_well &= tell(
        "authorities",
        check_authorities(&config, reference.as_ref().ok()),
    )?;
    is_well &= tell("routing", check_routing(&config))?;
    is_well &= tell("passwords", Ok(check_passwords(&config)))?;
    is_well &= tell("administrators", check_administrators(&config))?;
    Ok(if is_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn tell(what: &str, finding: Finding) -> anyhow::Result<bool> {
    match finding {
        Ok(found) => out::say(&format!("ok    {what}: {found}")).map(|()| true),
        Err(error) => out::say(&format!("FAIL  {what}: {error:#}")).map(|()| false),
    }
}

fn again(error: &anyhow::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:#}")
}

fn check_keys(config: &Config) -> Finding {
    let folder = config.keys();
    let made = [keys::SIGNING_KEY_FILE, instance::ROOT_SECRET];
    // The master key may be there already: that one is made on purpose.
    if made.iter().all(|name| !folder.join(name).exists()) {
        return Ok(format!(
            "those in {} are made at the first start",
            folder.display()
        ));
    }
    for name in made {
        let path = folder.join(name);
        ensure!(
            path.exists(),
            "{} is missing, and the next start would make another",
            path.display()
        );
    }
    let key = keys::load_or_create_signing_key(&folder)?;
    instance::secrets(config)?;
    Ok(format!("{} signs with {}", folder.display(), key.id()))
}

/// Whether the master key is there and opens what it wrapped.
fn check_data_keys(config: &Config) -> Finding {
    let masters = Masters::of(config);
    if is_new(config)? {
        return Ok(match masters.is_there()? {
            true => "made at the first start".to_owned(),
            false => "no master key yet; before the first start: `sportello keys init`".to_owned(),
        });
    }
    let status = super::look(config)?.desk.show_keys()?;
    let in_use = status
        .keys
        .iter()
        .filter(|(row, _)| row.is_in_use())
        .count();
    ensure!(
        status.plain == 0,
        "{} values are plain, and sealed at the next start",
        status.plain
    );
    Ok(format!(
        "{in_use} in use under the master key {}, {}",
        status.master,
        super::keys::summary(&status)
    ))
}

fn check_database(config: &Config) -> Finding {
    if let Some(path) = config.database.url.strip_prefix("sqlite://")
        && !Path::new(path).exists()
    {
        return Ok(format!("{path} is made at the first start"));
    }
    let db = Db::open(&config.database).context("database.url")?;
    db.ping()?;
    let pending = db.pending()?;
    let backend = format!("{:?}", db.backend());
    if pending.is_empty() {
        let (waiting, parked) = db.read(storage::outbox::count)?;
        let mail = format!("{waiting} messages wait, {parked} were given up");
        let paused = match db.read(storage::job_runs::find_pause)? {
            Some(_) => "; mass actions wait, because the clock leapt: `sportello jobs resume`",
            None => "",
        };
        // Not wrong, since each query has its scope: only the second fence is missing.
        let warning = match db.bypasses_row_security()? {
            true => format!("; WARNING: {}", super::UNFENCED),
            false => String::new(),
        };
        return Ok(format!(
            "{backend}, tables up to date, {mail}{paused}{warning}"
        ));
    }
    let pending = pending.join(", ");
    ensure!(
        config.migrate_on_start,
        "{backend}, not run yet: {pending}; run `sportello migrate`"
    );
    Ok(format!("{backend}, run at the next start: {pending}"))
}

/// Entries are linked, anchors leave, and nobody but the owner of the tables can change either.
fn check_trail(config: &Config) -> Finding {
    if is_new(config)? {
        return Ok("known after the first start".to_owned());
    }
    let instance = super::look(config)?;
    let state = instance.desk.trail_state()?;
    ensure!(
        state.refused == 0,
        "{} entries are not ours, or were deleted before they were linked; look: sportello audit verify",
        state.refused
    );
    let anchors = match state.anchors.last_at {
        Some(at) => format!("anchor {} of {at}", state.anchors.last),
        None => String::from("no anchor yet"),
    };
    let mut told = format!("{} entries wait to be linked, {anchors}", state.waiting);
    if let Some(place) = &state.anchors.failing_place {
        let failing = state.anchors.failing;
        told.push_str(&format!(
            "; WARNING: {failing} anchors did not arrive yet ({place})"
        ));
    }
    if instance.db.may_change_evidence()? {
        told.push_str(match instance.db.backend() {
            Backend::Sqlite => {
                "; whoever can write the database's file can change the trail: keep the anchors elsewhere"
            }
            Backend::Postgres => {
                "; WARNING: the user of database.url owns the trail, and whoever has its password can \
                 change it: set database.owner_url for `sportello migrate`"
            }
        });
    }
    Ok(told)
}

/// Writes, reads and deletes a blob.
fn check_blobs(config: &Config) -> Finding {
    let url = &config.blobs.url;
    let is_folder = !url.contains("://");
    if is_folder && !Path::new(url).exists() {
        return Ok(format!("{url} is made at the first start"));
    }
    let store = storage::blobs::open(url, config.blobs.options.clone()).context("blobs.url")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut random = [0; 16];
    SystemIds.fill(&mut random);
    runtime.block_on(async {
        let blob = store.put(random, "doctor".into()).await?;
        let read = store.get(&blob).await;
        store.delete(&blob.key).await?;
        read
    })?;
    Ok(format!("{url} can be written, read and deleted from"))
}

fn check_mail(config: &Config) -> Finding {
    let base_url = config.mail.base_url(config.http.bind);
    if let Some(folder) = config.mail.missing_folder() {
        return Ok(format!(
            "{} is made at the first start; no mail leaves",
            folder.display()
        ));
    }
    jobs::mail::open(&config.mail.config(&base_url))?;
    Ok(match config.mail.kind {
        MailKind::Folder => "to a folder; no mail leaves".to_owned(),
        MailKind::Smtp => format!("by SMTP, with links to {base_url}"),
    })
}

fn check_citizens(config: &Config) -> Finding {
    let issuers = config.citizens.issuers.clone();
    let count = issuers.len();
    api::oidc::CitizenVerifier::new(issuers, config.citizens.http.clone())
        .context("citizens.issuers")?;
    Ok(match count {
        0 => "no issuer: filing by proved e-mail address only".to_owned(),
        count => format!("{count} issuers"),
    })
}

fn check_staff(config: &Config, reference: Option<&Reference>) -> Finding {
    if let Some(reference) = reference {
        federation::staff(config, reference)?;
    }
    Ok(match config.staff.issuers.len() {
        0 => "no issuer: accounts of our own only".to_owned(),
        count => format!("{count} issuers"),
    })
}

fn check_programs(config: &Config) -> Finding {
    let base_url = config.mail.base_url(config.http.bind);
    federation::vouchers(config)?;
    let certificates = match federation::certificates(config, &base_url)? {
        Some(_) => "tokens with certificates",
        None => "no tokens with certificates",
    };
    let count = config.clients.voucher_issuers.len();
    Ok(format!("{certificates}, vouchers of {count} issuers"))
}

/// Where the rules for passwords fall short of the modern ones; a contract may want it so.
fn check_passwords(config: &Config) -> String {
    let policies = &config.passwords.policies;
    let told: Vec<String> = policies
        .profiles
        .iter()
        .filter(|(name, _)| {
            *name == policies.usual
                || config
                    .passwords
                    .by_authority
                    .values()
                    .any(|one| one == name)
        })
        .map(|(name, policy)| {
            let deviations: Vec<String> = policy
                .deviations()
                .iter()
                .map(|one| format!("{} {} instead of {}", one.parameter, one.value, one.modern))
                .collect();
            match deviations.is_empty() {
                true => format!("{name} deviates in nothing"),
                false => format!("{name} deviates: {}", deviations.join(", ")),
            }
        })
        .collect();
    told.join("; ")
}

/// Whether the database has no tables yet, or not all of them.
pub(super) fn is_new(config: &Config) -> anyhow::Result<bool> {
    let path = config.database.url.strip_prefix("sqlite://");
    Ok(path.is_some_and(|path| !Path::new(path).exists())
        || !Db::open(&config.database)?.pending()?.is_empty())
}

/// The routing rules in force still fit the reference data.
fn check_routing(config: &Config) -> Finding {
    if is_new(config)? {
        return Ok("known after the first start".to_owned());
    }
    let (version, flaws) = super::look(config)?.desk.check_routing()?;
    let told: Vec<String> = flaws.iter().map(ToString::to_string).collect();
    ensure!(told.is_empty(), "version {version}: {}", told.join("; "));
    Ok(format!("version {version} fits the reference data"))
}

/// Every authority that receives requests has exactly one administrator (`domain.md` §9.4).
fn check_administrators(config: &Config) -> Finding {
    if is_new(config)? {
        return Ok("known after the first start".to_owned());
    }
    let found = super::look(config)?.desk.check_admins()?;
    let told: Vec<String> = found
        .into_iter()
        .map(|(code, outcome)| match outcome {
            SingleAdmin::Pick { remove, .. } => format!("{code} has {}", remove.len() + 1),
            _ => format!("{code} has none"),
        })
        .collect();
    Ok(match told.is_empty() {
        true => "one for each authority that receives requests".to_owned(),
        false => format!("{}; the region appoints one", told.join(", ")),
    })
}

fn check_authorities(config: &Config, reference: Option<&Reference>) -> Finding {
    let own = &config.lifecycle.windows_by_authority;
    for code in own.keys() {
        let is_known = reference.is_none_or(|reference| reference.authority_any(code).is_some());
        ensure!(
            is_known,
            "lifecycle.authorities.{code}: there is no such authority"
        );
    }
    Ok(format!("{} with times of their own", own.len()))
}
