//! What time does to tickets: reminders (T07), giving up waiting (T08), auto-close (T12), and a look
//! at what waits for a fix.

use domain::actor::Actor;
use domain::command::Command;
use domain::ids::{TicketId, TicketRef};
use domain::lifecycle::Due;
use domain::visibility::Scope;
use jiff::Timestamp;
use storage::{DbConnection, tickets};

use crate::work::Next;
use crate::{Desk, DeskError};

impl Desk {
    /// Does what has become due on a ticket, as it stands now. What it does plans the next look
    /// itself; where nothing is due any more, the times may have been set anew since.
    pub(crate) fn run_timer(
        &self,
        conn: &mut DbConnection,
        id: TicketId,
        now: Timestamp,
    ) -> Result<(Due, Next), DeskError> {
        let Some((mut ticket, dossier)) = tickets::find(conn, &Scope::System, &TicketRef::Id(id))?
        else {
            return Ok((Due::Nothing, Next::Done));
        };
        let windows = self.settings.windows_for(&ticket);
        let due = ticket.due(now, windows);
        let command = match due {
            Due::Reminder { .. } => Command::Remind,
            Due::GiveUp => Command::GiveUp,
            Due::Close => Command::AutoClose,
            Due::Nothing => {
                let next = ticket.awaited_timer(windows);
                return Ok((Due::Nothing, next.map_or(Next::Done, Next::At)));
            }
        };
        self.apply(conn, &mut ticket, &dossier, &command, &Actor::System, now)?;
        Ok((due, Next::Done))
    }

    /// Tells the desk of a ticket that waits for a fix to look whether it came.
    pub(crate) fn review_hold(
        &self,
        conn: &mut DbConnection,
        id: TicketId,
        now: Timestamp,
    ) -> Result<Next, DeskError> {
        let found = tickets::find(conn, &Scope::System, &TicketRef::Id(id))?;
        let Some((mut ticket, dossier)) = found else {
            return Ok(Next::Done);
        };
        match ticket.next_review() {
            Some(at) if at <= now => {
                let (command, actor) = (Command::ReviewHold, Actor::System);
                self.apply(conn, &mut ticket, &dossier, &command, &actor, now)?;
                Ok(Next::Done)
            }
            Some(at) => Ok(Next::At(at)),
            None => Ok(Next::Done),
        }
    }
}
