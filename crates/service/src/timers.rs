//! What time does to tickets: reminders (T07), giving up waiting (T08), auto-close (T12).

use domain::actor::Actor;
use domain::command::Command;
use domain::ids::{TicketId, TicketRef};
use domain::lifecycle::Due;
use domain::visibility::Scope;
use storage::tickets;

use crate::{Desk, DeskError};

/// Tickets looked at in one page.
const PAGE: i64 = 50;

/// What a run of the timers did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimersRun {
    /// Reminders sent.
    pub reminded: usize,
    /// Questions given up.
    pub given_up: usize,
    /// Tickets closed.
    pub closed: usize,
    /// Tickets that could not be handled, and stay due.
    pub failed: usize,
}

impl Desk {
    /// Handles every ticket whose time has come, a transaction each. Running it twice, or on two
    /// nodes, does nothing twice: each effect depends on the ticket's state and version.
    pub fn run_timers(&self) -> Result<TimersRun, DeskError> {
        let mut run = TimersRun::default();
        let mut after = None;
        loop {
            let now = self.clock.now();
            let due = self.db.read_in(&Scope::System, |conn| {
                tickets::list_due(conn, now, after, PAGE)
            })?;
            let Some(last) = due.last() else {
                return Ok(run);
            };
            // On to the next page whatever became of this one: a ticket that cannot be handled
            // holds nobody up, and is due again at the next run.
            after = Some(*last);
            for (_, id) in &due {
                match self.run_timer(*id) {
                    Ok(Due::Reminder { .. }) => run.reminded += 1,
                    Ok(Due::GiveUp) => run.given_up += 1,
                    Ok(Due::Close) => run.closed += 1,
                    // Somebody else had it in hand.
                    Ok(Due::Nothing) | Err(DeskError::Stale { .. }) => {}
                    Err(error) => {
                        run.failed += 1;
                        tracing::error!(ticket.id = %id, error = error.as_cause(), "a timer failed");
                    }
                }
            }
        }
    }

    fn run_timer(&self, id: TicketId) -> Result<Due, DeskError> {
        let desk = self.clone();
        self.db.write_in(&Scope::System, move |conn| {
            let now = desk.clock.now();
            let Some((mut ticket, dossier)) =
                tickets::find(conn, &Scope::System, &TicketRef::Id(id))?
            else {
                return Ok(Due::Nothing);
            };
            let windows = desk.settings.windows_for(&ticket);
            let due = ticket.due(now, windows);
            let command = match due {
                Due::Reminder { .. } => Command::Remind,
                Due::GiveUp => Command::GiveUp,
                Due::Close => Command::AutoClose,
                Due::Nothing => {
                    tickets::set_timer(conn, id, ticket.next_timer(windows))?;
                    return Ok(Due::Nothing);
                }
            };
            desk.apply(conn, &mut ticket, &dossier, &command, &Actor::System, now)?;
            Ok(due)
        })
    }
}
