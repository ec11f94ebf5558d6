//! Writing what was decided: the ticket, its history, what is to happen next and who is told, in
//! one transaction. The only place that does so for a ticket that is there already.

use domain::actor::Actor;
use domain::command::Command;
use domain::event::Event;
use domain::ids::TicketRef;
use domain::notification::Before;
use domain::sla::Clock;
use domain::ticket::Ticket;
use domain::visibility::Scope;
use jiff::Timestamp;
use storage::tickets::{self, Dossier};
use storage::{DbConnection, StoreError};

use crate::work::Kind;
use crate::{Desk, DeskError};

impl Desk {
    /// Decides and records a command of the requester or the system.
    pub(crate) fn apply(
        &self,
        conn: &mut DbConnection,
        ticket: &mut Ticket,
        dossier: &Dossier,
        command: &Command,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<Vec<Event>, DeskError> {
        let windows = self.settings.windows_for(ticket).clone();
        let events = ticket.decide(command, actor, now, &windows)?;
        self.record(conn, ticket, dossier, &events, actor, None, now)?;
        Ok(events)
    }

    /// Brings the ticket to where `events` lead, and writes all that follows from them. A version
    /// lost meanwhile is `Stale` (I-14). `contacts` replaces the dossier, if given. The answer is the
    /// ticket's clocks as they stand then.
    #[expect(
        clippy::too_many_arguments,
        reason = "what was decided, by whom, when, and about what: each is needed and none is optional"
    )]
    pub(crate) fn record(
        &self,
        conn: &mut DbConnection,
        ticket: &mut Ticket,
        dossier: &Dossier,
        events: &[Event],
        actor: &Actor,
        contacts: Option<&Dossier>,
        now: Timestamp,
    ) -> Result<Vec<Clock>, DeskError> {
        let before = ticket.clone();
        ticket.absorb(events);
        self.save(conn, &before, ticket, events, actor, contacts)?;
        self.tell(conn, ticket, dossier, events, Before::of(&before), actor)?;
        self.publish_events(conn, ticket, events, &before.custodian.code, now)?;
        self.note_removal(conn, ticket, events, actor)?;
        self.plan_cancelling(conn, &before, ticket, events, now)?;
        let clocks = self.keep_clocks(conn, ticket, events, now)?;
        // Moves no clock: whoever is given a ticket has not taken charge.
        self.on_arrival(conn, ticket, dossier, events, now)?;
        self.release_if_gone(conn, ticket, dossier, events, now)?;
        Ok(clocks)
    }

    fn save(
        &self,
        conn: &mut DbConnection,
        before: &Ticket,
        ticket: &Ticket,
        events: &[Event],
        actor: &Actor,
        contacts: Option<&Dossier>,
    ) -> Result<(), DeskError> {
        let timer = ticket.next_timer(self.settings.windows_for(ticket));
        match tickets::save(conn, ticket, before, events, actor, timer, contacts) {
            Err(StoreError::Stale) => {
                let found = tickets::find(conn, &Scope::System, &TicketRef::Id(ticket.id))?;
                return Err(DeskError::Stale {
                    current: found.map_or(before.version, |(now, _)| now.version),
                });
            }
            other => other?,
        }
        // Most changes leave the next look where it was: then there is nothing to write.
        let awaited = ticket.awaited_timer(self.settings.windows_for(ticket));
        if before.awaited_timer(self.settings.windows_for(before)) != awaited {
            self.schedule(conn, Kind::TicketTimer, ticket.id.uuid(), awaited)?;
        }
        let review = ticket.next_review();
        if before.next_review() != review {
            self.schedule(conn, Kind::PlaybookReview, ticket.id.uuid(), review)?;
        }
        Ok(())
    }
}
