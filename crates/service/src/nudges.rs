//! A requester's nudge ("sollecito"): asking that somebody get on with a request of theirs.

use domain::actor::Actor;
use domain::command::Command;
use domain::ids::TicketRef;
use domain::rejection::Rejection;
use domain::ticket::Ticket;
use domain::visibility::Scope;
use jiff::Timestamp;

use crate::links::end_of;
use crate::once::{Answer, Once};
use crate::own_screen::RequesterTicket;
use crate::{Desk, DeskError};

impl Desk {
    /// Nudges whoever has the requester's ticket, or the one that it was merged into.
    pub fn nudge(
        &self,
        scope: &Scope,
        wanted: TicketRef,
        once: &Once,
    ) -> Result<Answer<RequesterTicket>, DeskError> {
        let (desk, reach) = (self.clone(), scope.clone());
        self.write_once(scope, once, move |conn| {
            let now = desk.clock.now();
            let (mut ticket, dossier) = end_of(conn, &reach, &wanted)?;
            let command = Command::Nudge {
                possible_from: desk.nudge_possible_from(&ticket),
                most: desk.settings.nudges.most,
            };
            let actor = Actor::Requester;
            match desk.apply(conn, &mut ticket, &dossier, &command, &actor, now) {
                Err(DeskError::Rejected(Rejection::NudgeTooEarly { possible_from })) => {
                    return Err(DeskError::TooEarly {
                        next: possible_from,
                        wait: possible_from.duration_since(now),
                    });
                }
                other => other?,
            };
            let on_behalf_of = reach.is_another(&dossier.tax_code);
            Ok(desk.requester_ticket(&ticket, &dossier, on_behalf_of))
        })
    }

    /// From when the requester may nudge next; none while there is nobody to nudge, or when they have
    /// done so as often as they may.
    pub(crate) fn next_nudge_from(&self, ticket: &Ticket) -> Option<Timestamp> {
        let code = self.told_authority(ticket);
        let code = code.unwrap_or_else(|| self.reference.region());
        let calendar = &self.reference.calendar_of(code)?.calendar;
        self.settings.nudges.next(ticket, calendar)
    }

    fn nudge_possible_from(&self, ticket: &Ticket) -> Timestamp {
        // Where there is none, the ticket says why before it asks for the time.
        self.next_nudge_from(ticket).unwrap_or(Timestamp::MAX)
    }
}
