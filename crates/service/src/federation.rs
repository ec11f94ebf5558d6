//! Staff who come through a regional identity service: it says who they are and where they work.
//!
//! A person is issuer and subject; a mail address never tells (A7). What the service says is taken
//! anew at each log-in: a place it no longer names is lost.

use domain::account::AccountState;
use domain::actor::Role;
use domain::codes::AuthorityCode;
use domain::ids::{AccountId, PlacementId};
use domain::permissions::{self, Right};
use domain::visibility::Scope;
use jiff::Timestamp;
use serde_json::json;
use storage::accounts::Placement;
use storage::lives::{self, AccountEvent, Life};
use storage::{DbConnection, StoreError, accounts, federated};

use crate::clients::OnceToken;
use crate::evidence::sign_ins::{Known, Step, Tried};
use crate::sign_in::SignedIn;
use crate::{Desk, DeskError};

/// A person as the identity service vouches for them; everything in it was verified.
#[derive(Debug, Clone)]
pub struct FederatedPerson {
    /// The service.
    pub issuer: String,
    /// The person there.
    pub subject: String,
    /// The tax code, already checked.
    pub tax_code: String,
    /// What colleagues read.
    pub display_name: String,
    /// Whether the service saw a second factor.
    pub has_second_factor: bool,
    /// Where they work, as the installation maps it; what it does not know is left out.
    pub placements: Vec<FederatedPlacement>,
    /// The token: good once.
    pub token: OnceToken,
}

/// A role at a place, mapped from what the service says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FederatedPlacement {
    /// The role.
    pub role: Role,
    /// The authority.
    pub authority: AuthorityCode,
    /// The unit.
    pub location_code: String,
    /// The unit's label.
    pub location_label: String,
}

impl Desk {
    /// Opens a session for a person the identity service vouches for. Somebody it names no place for
    /// that we know is let in without any right. `source` is the caller's network.
    pub fn sign_in_federated(
        &self,
        person: &FederatedPerson,
        source: &str,
    ) -> Result<SignedIn, DeskError> {
        let print = self.source_print(source);
        let used = self.use_token(&person.token);
        let opened = used.and_then(|()| match self.let_in(person, &print) {
            // Of two first log-ins at once one makes the account, and the other finds it now.
            Err(DeskError::Credentials) => self.let_in(person, &print),
            other => other,
        });
        let tried = Tried::Identity {
            issuer: person.issuer.clone(),
            subject: person.subject.clone(),
        };
        self.traced(Step::FederatedLogIn, tried, source, opened)
    }

    fn let_in(&self, person: &FederatedPerson, source: &str) -> Result<SignedIn, DeskError> {
        let (desk, person, source) = (self.clone(), person.clone(), source.to_owned());
        // The same print as for accounts of our own: one person has one account.
        let print = self
            .secrets
            .fingerprint("person", person.tax_code.as_bytes());
        self.db.write_in(&Scope::System, move |conn| {
            let now = desk.clock.now();
            let known = federated::find(conn, &person.issuer, &person.subject)?;
            let life = match known {
                Some(id) => lives::find(conn, id)?.ok_or(DeskError::NotFound)?,
                None => desk.welcome(conn, &person, &print)?,
            };
            // The same identity with another tax code is not the same person.
            let is_same = life.person_print.as_ref().is_none_or(|kept| *kept == print);
            if !is_same || !life.state.may_sign_in() {
                return Err(DeskError::Credentials);
            }
            let life = desk.place_as_told(conn, life, &person, now)?;
            desk.release_tickets(conn, life.id, now)?;
            let opened = desk.open_session(conn, life, person.has_second_factor, now)?;
            desk.trace(
                conn,
                Step::FederatedLogIn,
                &Known::of(&opened),
                &source,
                now,
            )?;
            Ok(opened)
        })
    }

    /// An account for somebody who comes for the first time. It has no password and never gets one.
    fn welcome(
        &self,
        conn: &mut DbConnection,
        person: &FederatedPerson,
        print: &str,
    ) -> Result<Life, DeskError> {
        let now = self.clock.now();
        let id = AccountId::new(self.ids.uuid());
        let username = format!("fed-{}", id.uuid().simple());
        let mut life = Life::new(id, &username, &person.display_name, now);
        life.state = AccountState::Activated;
        life.person_print = Some(print.to_owned());
        let event = AccountEvent {
            kind: "account.federated".to_owned(),
            actor: None,
            detail: json!({"issuer": person.issuer}),
        };
        lives::insert(conn, &life, &event).map_err(known_otherwise)?;
        federated::insert(conn, &person.issuer, &person.subject, id, now)?;
        Ok(life)
    }

    /// Gives and takes places as the service says. Nobody becomes an administrator that way.
    fn place_as_told(
        &self,
        conn: &mut DbConnection,
        mut life: Life,
        person: &FederatedPerson,
        now: Timestamp,
    ) -> Result<Life, DeskError> {
        let held = accounts::list_placements(conn, life.id)?;
        let allowed = |one: &&FederatedPlacement| {
            !permissions::has(one.role, Right::KeepAccounts) || one.role == Role::RegionalSupervisor
        };
        let told: Vec<&FederatedPlacement> = person.placements.iter().filter(allowed).collect();
        let is_same = |one: &FederatedPlacement, other: &Placement| {
            (one.role, &one.authority, &one.location_code)
                == (other.role, &other.authority, &other.location_code)
        };
        let gone: Vec<&Placement> = held
            .iter()
            .filter(|one| !told.iter().any(|told| is_same(told, one)))
            .collect();
        let new: Vec<&&FederatedPlacement> = told
            .iter()
            .filter(|one| !held.iter().any(|held| is_same(one, held)))
            .collect();
        if gone.is_empty() && new.is_empty() {
            return Ok(life);
        }
        for one in gone {
            accounts::end_placement(conn, one.id)?;
        }
        for place in new {
            let id = PlacementId::new(self.ids.uuid());
            let unit = (place.location_code.as_str(), place.location_label.as_str());
            accounts::insert_placement(conn, id, life.id, place.role, &place.authority, unit)?;
            self.open_if_ready(conn, &place.authority, now)?;
        }
        let event = AccountEvent {
            kind: "account.placed".to_owned(),
            actor: None,
            detail: json!({"issuer": person.issuer, "placements": told.len()}),
        };
        lives::save(conn, &mut life, &event, now)?;
        Ok(life)
    }
}

/// Somebody with this tax code has an account of our own, or under another subject. Whether the service gave the
/// person a new one, or the code to somebody else, an administrator has to find out.
fn known_otherwise(error: StoreError) -> DeskError {
    match &error {
        StoreError::UniqueViolation { constraint }
            if constraint == "account_lives_person_print_key" =>
        {
            DeskError::Credentials
        }
        _ => error.into(),
    }
}
