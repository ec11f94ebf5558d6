//! What happens to the tickets and activities of somebody who no longer works at a desk (I-15).

use std::collections::HashSet;

use domain::actor::{Actor, Assignee};
use domain::codes::AuthorityCode;
use domain::command::Command;
use domain::event::{Change, Event};
use domain::ids::{AccountId, TicketRef};
use domain::permissions::{self, Right};
use domain::ticket::Ticket;
use domain::visibility::Scope;
use jiff::Timestamp;
use storage::tickets::Dossier;
use storage::{DbConnection, accounts, lives, tickets};

use crate::{Desk, DeskError};

impl Desk {
    /// Sends every ticket that is not over back to its queue, where the account may no longer work
    /// it: suspended or ended anywhere, or without a placement at that desk. Technical activities
    /// likewise; they are not counted.
    pub(crate) fn release_tickets(
        &self,
        conn: &mut DbConnection,
        account: AccountId,
        now: Timestamp,
    ) -> Result<usize, DeskError> {
        let is_working = lives::find(conn, account)?.is_some_and(|life| life.state.is_working());
        let desks: HashSet<AuthorityCode> = accounts::list_placements(conn, account)?
            .into_iter()
            .filter(|one| is_working && permissions::has(one.role, Right::Work))
            .map(|one| one.authority)
            .collect();
        let mut released = 0;
        for (id, custodian) in tickets::list_owned(conn, account)? {
            if desks.contains(&custodian) {
                continue;
            }
            let found = tickets::find(conn, &Scope::System, &TicketRef::Id(id))?;
            let Some((mut ticket, dossier)) = found else {
                continue;
            };
            let command = Command::Release;
            self.apply(conn, &mut ticket, &dossier, &command, &Actor::System, now)?;
            released += 1;
        }
        self.release_activities(conn, account, &desks, now)?;
        Ok(released)
    }

    /// Sends a ticket that `events` brought back to its desk's queue, if its owner left that desk
    /// while it was over: nobody took it from them then (I-6, I-15).
    pub(crate) fn release_if_gone(
        &self,
        conn: &mut DbConnection,
        ticket: &mut Ticket,
        dossier: &Dossier,
        events: &[Event],
        now: Timestamp,
    ) -> Result<(), DeskError> {
        let is_back = |event: &Event| {
            matches!(
                event.change,
                Change::Reopened { .. } | Change::Restored { .. }
            )
        };
        let owner = match &ticket.assignee {
            Some(Assignee::Operator(owner)) => *owner,
            _ => return Ok(()),
        };
        if !events.iter().any(is_back) || ticket.state.code().is_final() {
            return Ok(());
        }
        let colleagues = accounts::list_colleagues(conn, &ticket.custodian.code)?;
        if !colleagues.iter().any(|one| one.account == owner) {
            let command = Command::Release;
            self.apply(conn, ticket, dossier, &command, &Actor::System, now)?;
        }
        Ok(())
    }
}
