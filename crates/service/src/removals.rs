//! The report of what was removed (T22): why, where, about what and by whom, so that misuse is seen.

use domain::actor::{Actor, Staff};
use domain::event::{Change, Event};
use domain::ids::TicketId;
use domain::permissions::{Reach, Right, reach};
use domain::ticket::Ticket;
use domain::visibility::Scope;
use jiff::Timestamp;
use jiff::civil::Date;
use storage::{DbConnection, removals};

pub use storage::removals::{Counts, Removal};

use crate::{Desk, DeskError};

/// What was removed in a period.
pub struct RemovalReport {
    /// How many there were, by what they have in common.
    pub counts: Counts,
    /// A page of them, the latest first.
    pub items: Vec<Removal>,
}

impl Desk {
    /// What was removed from the first to the last of these days, as far as the placement sees it.
    pub fn report_removals(
        &self,
        staff: &Staff,
        (from, to): (Date, Date),
        after: Option<(Timestamp, TicketId)>,
        limit: i64,
    ) -> Result<RemovalReport, DeskError> {
        let end = to
            .tomorrow()
            .map_or(Timestamp::MAX, |day| self.beginning_of(day));
        let period = (self.beginning_of(from), end);
        // An auditor reads the report about all, and sees none of the tickets.
        let scope = match reach(staff.role, Right::ReadReports) {
            Reach::All => Scope::System,
            _ => Scope::of(staff),
        };
        self.db.read_snapshot_in(&scope, |conn| {
            Ok(RemovalReport {
                counts: removals::count(conn, &scope, period)?,
                items: removals::list(conn, &scope, period, after, limit)?,
            })
        })
    }

    /// Notes a removal for the report, and for the purge of the ticket's files. What came back, by
    /// whomever, was not removed: its files stay.
    pub(crate) fn note_removal(
        &self,
        conn: &mut DbConnection,
        ticket: &Ticket,
        events: &[Event],
        actor: &Actor,
    ) -> Result<(), DeskError> {
        for event in events {
            match (&event.change, actor) {
                (Change::Removed { reason, .. }, Actor::Staff(staff)) => {
                    let (desk, service) = (&ticket.custodian.code, &ticket.service);
                    let by = staff.account;
                    removals::insert(conn, ticket.id, event.at, *reason, desk, service, by)?;
                }
                (Change::Restored { .. }, _) => removals::delete(conn, ticket.id)?,
                _ => {}
            }
        }
        Ok(())
    }
}
