//! What follows when a ticket comes to a desk: it is filed, handed over, returned or re-routed there,
//! falls back into its queue, or comes back from a merge.

use domain::actor::{Actor, Assignee};
use domain::command::Command;
use domain::event::{Change, Event};
use domain::state::State;
use domain::ticket::Ticket;
use jiff::Timestamp;
use storage::DbConnection;
use storage::tickets::Dossier;

use crate::work::Kind;
use crate::{Desk, DeskError};

impl Desk {
    /// Does what follows from `events`, in their transaction. The pool that a routing rule names comes
    /// first; what is somebody's already is left there.
    pub(crate) fn on_arrival(
        &self,
        conn: &mut DbConnection,
        ticket: &mut Ticket,
        dossier: &Dossier,
        events: &[Event],
        now: Timestamp,
    ) -> Result<(), DeskError> {
        let any = |wanted: fn(&Change) -> bool| events.iter().any(|event| wanted(&event.change));
        if any(is_transfer) {
            let alert = self.untouched_alert_at(ticket);
            self.schedule(conn, Kind::Untouched, ticket.id.uuid(), alert)?;
        }
        let arrival = events.iter().find_map(|event| event.change.custody());
        if let Some((_, Some(route))) = arrival
            && let Some(pool) = self.pool_of(conn, route)?
        {
            let to = Assignee::Pool(pool);
            let command = Command::Place { to };
            self.apply(conn, ticket, dossier, &command, &Actor::System, now)?;
        }
        if any(is_arrival) && ticket.assignee.is_none() {
            self.allot(conn, ticket, dossier, now)?;
        }
        Ok(())
    }

    /// Has those who lead the desk told of a ticket that nobody took, after a merge that left it in
    /// the state `merged` was undone: while it was merged nobody was told. An alert of before the merge
    /// was told, and is told once for each leg.
    pub(crate) fn watch_again(
        &self,
        conn: &mut DbConnection,
        ticket: &Ticket,
        merged: State,
    ) -> Result<(), DeskError> {
        let State::Removed { at: since } = merged else {
            return Ok(());
        };
        let alert = self.untouched_alert_at(ticket).filter(|at| *at >= since);
        if ticket.is_untouched() && alert.is_some() {
            self.schedule(conn, Kind::Untouched, ticket.id.uuid(), alert)?;
        }
        Ok(())
    }
}

fn is_transfer(change: &Change) -> bool {
    matches!(
        change,
        Change::HandedOver { .. } | Change::Returned { .. } | Change::Rerouted { .. }
    )
}

fn is_arrival(change: &Change) -> bool {
    is_transfer(change) || matches!(change, Change::Filed { .. } | Change::Released { .. })
}
