//! Who came in, tried to, and went (`conventions.md` PR-6): an entry of the audit trail for each, with the
//! account, or a keyed print of the name typed, and the caller's network as a print.
//!
//! Invariant: what succeeds carries its entry in its own transaction; what fails has one afterwards, in a
//! transaction that does not fail with it.

use domain::audit::{AuditActor, AuditEntry, AuditOutcome, SignInTrace};
use domain::codes::AuthorityCode;
use domain::ids::AccountId;
use jiff::Timestamp;
use storage::accounts::Placement;
use storage::{DbConnection, StoreError, audit, federated, lives, trail};

use crate::sign_in::SignedIn;
use crate::{Desk, DeskError};

/// A step of somebody coming in or going.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    LogIn,
    FederatedLogIn,
    LogOut,
    ChoosePlacement,
    ReuseRefreshToken,
    SetFirstPassword,
    ChangePassword,
    RecoverPassword,
}

impl Step {
    /// The operation of its entry.
    const fn operation(self) -> &'static str {
        match self {
            Step::LogIn => "log_in",
            Step::FederatedLogIn => "log_in_federated",
            Step::LogOut => "log_out",
            Step::ChoosePlacement => "choose_placement",
            Step::ReuseRefreshToken => "reuse_refresh_token",
            Step::SetFirstPassword => "set_first_password",
            Step::ChangePassword => "change_password",
            Step::RecoverPassword => "recover_password",
        }
    }
}

/// Somebody who was proved.
pub(crate) struct Known<'a> {
    pub(crate) account: AccountId,
    pub(crate) home: Option<&'a AuthorityCode>,
    pub(crate) placement: Option<&'a Placement>,
}

impl<'a> Known<'a> {
    /// Whose session was just opened or changed.
    pub(crate) fn of(signed_in: &'a SignedIn) -> Self {
        Known {
            account: signed_in.account,
            home: None,
            placement: signed_in.placement.as_ref(),
        }
    }

    fn actor(&self) -> AuditActor {
        let placement = self.placement;
        AuditActor::Staff {
            account: self.account,
            placement: placement.map(|one| one.id),
            role: placement.map(|one| one.role),
            authority: placement.map(|one| one.authority.clone()),
            location: placement.map(|one| one.location_code.clone()),
        }
    }
}

/// Whom a try that failed was about, as far as anybody knows.
#[derive(Debug, Clone)]
pub(crate) enum Tried {
    Account(AccountId),
    Username(String),
    Identity { issuer: String, subject: String },
    Nobody,
}

impl Desk {
    /// Writes the entry of what succeeded, in its transaction; `source` is the print of the network.
    pub(crate) fn trace(
        &self,
        conn: &mut DbConnection,
        step: Step,
        known: &Known<'_>,
        source: &str,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        let home = match known.placement {
            Some(placement) => Some(placement.authority.clone()),
            None => home_of(conn, known)?,
        };
        let trace = SignInTrace {
            account: Some(known.account),
            typed: None,
            source: source.to_owned(),
        };
        // The rest of this request is theirs.
        if let Some(trail) = trail::current() {
            trail.is_of(known.actor());
        }
        let outcome = AuditOutcome::Done;
        let entry = self.sign_in_entry(step, known.actor(), home, trace, outcome, now);
        Ok(audit::append(conn, &entry)?)
    }

    /// Writes the entry of what was refused, in the transaction that goes on.
    pub(crate) fn trace_refused(
        &self,
        conn: &mut DbConnection,
        step: Step,
        tried: &Tried,
        source: &str,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        self.append_failure(conn, step, tried, source, AuditOutcome::Refused, now)
    }

    /// Hands on how a step went, and writes an entry first if it failed. The step's own transactions are
    /// over by then.
    pub(crate) fn traced<T>(
        &self,
        step: Step,
        tried: Tried,
        source: &str,
        outcome: Result<T, DeskError>,
    ) -> Result<T, DeskError> {
        let Err(error) = &outcome else {
            return outcome;
        };
        let how = match error {
            DeskError::Busy | DeskError::Broken(..) => AuditOutcome::Failed,
            _ => AuditOutcome::Refused,
        };
        let (desk, source) = (self.clone(), self.source_print(source));
        self.db.write(move |conn| {
            let now = desk.clock.now();
            desk.append_failure(conn, step, &tried, &source, how, now)
        })?;
        outcome
    }

    fn append_failure(
        &self,
        conn: &mut DbConnection,
        step: Step,
        tried: &Tried,
        source: &str,
        outcome: AuditOutcome,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        let (life, typed) = match tried {
            Tried::Account(id) => (lives::find(conn, *id)?, None),
            Tried::Username(name) => (lives::find_by_username(conn, name)?, Some(name.clone())),
            Tried::Identity { issuer, subject } => {
                let known = federated::find(conn, issuer, subject)?;
                let life = match known {
                    Some(id) => lives::find(conn, id)?,
                    None => None,
                };
                (life, Some(format!("{issuer}\n{subject}")))
            }
            Tried::Nobody => (None, None),
        };
        let print = |name: String| self.secrets.fingerprint("name-typed", name.as_bytes());
        let trace = SignInTrace {
            account: life.as_ref().map(|life| life.id),
            typed: typed.filter(|_| life.is_none()).map(print),
            source: source.to_owned(),
        };
        let home = life.and_then(|life| life.home);
        let entry = self.sign_in_entry(step, AuditActor::Nobody, home, trace, outcome, now);
        Ok(audit::append(conn, &entry)?)
    }

    fn sign_in_entry(
        &self,
        step: Step,
        actor: AuditActor,
        home: Option<AuthorityCode>,
        trace: SignInTrace,
        outcome: AuditOutcome,
        now: Timestamp,
    ) -> AuditEntry {
        AuditEntry {
            id: self.ids.uuid(),
            nth: 1,
            at: now,
            chain: home.map_or_else(String::new, |code| code.as_str().to_owned()),
            actor,
            operation: step.operation().to_owned(),
            tickets: Vec::new(),
            subjects: Vec::new(),
            purpose: Some("security".to_owned()),
            outcome,
            correlation: trail::current().and_then(|trail| trail.correlation()),
            changed: Vec::new(),
            sign_in: Some(trace),
        }
    }
}

/// The authority that keeps an account.
fn home_of(
    conn: &mut DbConnection,
    known: &Known<'_>,
) -> Result<Option<AuthorityCode>, StoreError> {
    if let Some(home) = known.home {
        return Ok(Some(home.clone()));
    }
    Ok(lives::find(conn, known.account)?.and_then(|life| life.home))
}
