//! How long personal data are kept, and how they go (`domain.md` T25, `conventions.md` PR-3,
//! `docs/adr/0037`): schedules, legal holds, runs and the proof of each.
//!
//! Which class is due when is `domain::retention`'s affair, where its data are that of
//! `storage::retention`. Invariant: what goes of a request goes in one transaction, with the event that
//! tells of it, and under no hold.

pub mod holds;
pub mod proof;
pub mod runs;
pub mod schedules;

use domain::actor::Actor;
use domain::command::Command;
use domain::ids::{TicketId, TicketRef};
use domain::retention::{Class, Kept};
use domain::visibility::Scope;
use jiff::Timestamp;
use storage::retention::{Kind, Limits, Mark};
use storage::{DbConnection, holds as hold_rows, retention, tickets};
use uuid::Uuid;

use crate::{Desk, DeskError};

/// What became of something that was due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// These classes went.
    Gone(Vec<Class>),
    /// It stays, for this reason.
    Kept(Kept),
    /// It is not due any more: it was taken up again, or somebody was here first.
    NotDue,
}

impl Desk {
    /// Takes away of a ticket what was over by these limits, and notes it under `run`, which may be an
    /// erasure that a person asked for as well. With who somebody is goes everything else.
    pub(crate) fn forget_ticket(
        &self,
        conn: &mut DbConnection,
        run: Uuid,
        id: TicketId,
        limits: &Limits,
        now: Timestamp,
    ) -> Result<Taken, DeskError> {
        // Before anything is read: whoever sets a hold meanwhile waits, or has been first.
        hold_rows::follow(conn)?;
        let Some((authority, since)) = retention::hold_over(conn, id)? else {
            return Ok(Taken::NotDue);
        };
        let gone = retention::list_gone(conn, id.uuid())?;
        let is_over = |class: Class| {
            let limit = limits.iter().find(|(one, _)| *one == class);
            limit.is_some_and(|(_, over_by)| since <= *over_by)
        };
        let takes_all = is_over(Class::Identifier);
        let mut classes = Class::OF_TICKETS.to_vec();
        classes.retain(|class| (takes_all || is_over(*class)) && !gone.contains(class));
        if classes.is_empty() {
            return Ok(Taken::NotDue);
        }
        let found = tickets::find(conn, &Scope::System, &TicketRef::Id(id))?;
        let Some((mut ticket, dossier)) = found else {
            return Ok(Taken::NotDue);
        };
        // What may not be processed may not be deleted either (GDPR 18(2)); an erasure asks before.
        let is_restricted = ticket.restricted_at.is_some();
        if is_restricted
            || hold_rows::exists_for_ticket(conn, id, &authority, &dossier.tax_code, now)?
        {
            return Ok(Taken::Kept(Kept::Hold));
        }
        if let Some(kept) = retention::find_going_on(conn, id)? {
            return Ok(Taken::Kept(kept));
        }
        if classes.contains(&Class::Identifier) {
            let command = Command::Anonymise { over_by: since };
            self.apply(conn, &mut ticket, &dossier, &command, &Actor::System, now)?;
        }
        for class in &classes {
            let mark = Mark {
                kind: Kind::Ticket,
                subject: id.uuid(),
                named: ticket.number.to_string(),
                authority: authority.clone(),
                class: *class,
            };
            retention::forget(conn, &mark, run, now)?;
        }
        Ok(Taken::Gone(classes))
    }

    /// The same of a complaint, or of a contact or a call back that is about no ticket.
    fn forget_other(
        &self,
        conn: &mut DbConnection,
        run: Uuid,
        mark: Mark,
        now: Timestamp,
    ) -> Result<Taken, DeskError> {
        hold_rows::follow(conn)?;
        if retention::list_gone(conn, mark.subject)?.contains(&mark.class) {
            return Ok(Taken::NotDue);
        }
        if hold_rows::exists_for_authority(conn, &mark.authority, now)? {
            return Ok(Taken::Kept(Kept::Hold));
        }
        if mark.kind == Kind::Complaint {
            for ticket in retention::list_tickets_of_complaint(conn, mark.subject)? {
                let found = tickets::find(conn, &Scope::System, &TicketRef::Id(ticket))?;
                let Some((ticket, dossier)) = found else {
                    continue;
                };
                let (desk, person) = (&ticket.custodian.code, &dossier.tax_code);
                if hold_rows::exists_for_ticket(conn, ticket.id, desk, person, now)? {
                    return Ok(Taken::Kept(Kept::Hold));
                }
            }
        }
        retention::forget(conn, &mark, run, now)?;
        Ok(Taken::Gone(vec![mark.class]))
    }
}
