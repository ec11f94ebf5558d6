//! The trail of a request, from its beginning to the entry that is written of it (`docs/adr/0030`,
//! `docs/adr/0035`). Whoever calls use cases begins one: the gate of the API for each request, and this
//! crate for what it does by itself.

use domain::actor::Staff;
use domain::audit::{AuditActor, AuditEntry, Purpose};
use domain::tax_code::TaxCode;
use storage::audit;
use storage::keyring::{Field, INSTALLATION};
use storage::trail::Beginning;
use uuid::Uuid;

pub use storage::trail::{Trail, current};

use crate::{Desk, DeskError};

impl Desk {
    /// Begins the trail of a request.
    pub fn begin_trail(
        &self,
        actor: AuditActor,
        operation: &str,
        purpose: Purpose,
        correlation: Option<Uuid>,
    ) -> Trail {
        Trail::begin(Beginning {
            id: self.ids.uuid(),
            at: self.clock.now(),
            actor,
            operation: operation.to_owned(),
            purpose: Some(purpose.as_str().to_owned()),
            correlation,
        })
    }

    /// Writes the [`Trail::rest`] of a request. Nothing may be answered before.
    pub fn end_trail(&self, rest: AuditEntry) -> Result<(), DeskError> {
        // The entry is not itself something to follow.
        Ok(self
            .db
            .write_alone(move |conn| audit::append(conn, &rest))?)
    }

    /// The name of a person in the trail.
    pub fn pseudonym(&self, tax_code: &TaxCode) -> Result<String, DeskError> {
        let keys = self.db.keyring()?;
        Ok(keys.print(INSTALLATION, Field::Person, tax_code.as_str())?)
    }

    /// Runs what the service does by itself: what it changes of a ticket is in the trail.
    pub(crate) fn by_itself<T>(&self, step: &str, f: impl FnOnce() -> T) -> T {
        let trail = self.begin_trail(AuditActor::System, step, Purpose::Maintenance, None);
        trail.within(f)
    }

    /// Runs what the service does later for a member of staff, who asked for it by this operation.
    pub(crate) fn on_behalf_of<T>(
        &self,
        staff: &Staff,
        operation: &str,
        f: impl FnOnce() -> T,
    ) -> T {
        let actor = AuditActor::Staff {
            account: staff.account,
            placement: Some(staff.placement),
            role: Some(staff.role),
            authority: Some(staff.authority.clone()),
            location: None,
        };
        let trail = self.begin_trail(actor, operation, Purpose::Assistance, None);
        trail.within(f)
    }
}

/// Says why the request at work looks at data, where whoever asks says so themselves.
pub fn state_purpose(code: &str) {
    if let Some(trail) = current() {
        trail.state_purpose(code);
    }
}

/// Says who the request at work is of, where it proved that only now.
pub(crate) fn is_of(actor: AuditActor) {
    if let Some(trail) = current() {
        trail.is_of(actor);
    }
}

/// Runs `f`, which keeps for later that something was refused.
pub(crate) fn refusing<T>(f: impl FnOnce() -> T) -> T {
    match current() {
        Some(trail) => trail.refusing(f),
        None => f(),
    }
}
