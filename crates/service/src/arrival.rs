//! What happens to a ticket as it comes to a desk: whoever the rules say is given it.

use domain::actor::{Actor, Assignee};
use domain::command::Command;
use domain::event::Event;
use domain::ticket::Ticket;
use jiff::Timestamp;
use storage::DbConnection;
use storage::tickets::Dossier;

use crate::{Desk, DeskError};

impl Desk {
    /// Gives a ticket that `events` brought to another desk to the pool that its routing rule names, in
    /// the same transaction. Any other events change nothing.
    pub(crate) fn on_arrival(
        &self,
        conn: &mut DbConnection,
        ticket: &mut Ticket,
        dossier: &Dossier,
        events: &[Event],
        now: Timestamp,
    ) -> Result<(), DeskError> {
        let arrival = events.iter().find_map(|event| event.change.custody());
        let Some((_, Some(route))) = arrival else {
            return Ok(());
        };
        if let Some(pool) = self.pool_of(conn, route)? {
            let to = Assignee::Pool(pool);
            let command = Command::Place { to };
            self.apply(conn, ticket, dossier, &command, &Actor::System, now)?;
        }
        Ok(())
    }
}
