//! What happens to the tickets of somebody who no longer works at a desk (I-15).

use std::collections::HashSet;

use domain::actor::Actor;
use domain::codes::AuthorityCode;
use domain::command::Command;
use domain::ids::{AccountId, TicketRef};
use domain::permissions::{self, Right};
use domain::visibility::Scope;
use jiff::Timestamp;
use storage::{DbConnection, accounts, lives, tickets};

use crate::{Desk, DeskError};

impl Desk {
    /// Sends every ticket that is not over back to its queue, where the account may no longer work
    /// it: suspended or ended anywhere, or without a placement at that desk.
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
        Ok(released)
    }
}
