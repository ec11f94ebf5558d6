//! Telling people: which messages leave the house when something happens to a ticket. Who is told
//! of what is `domain::notification`'s table; here is which text, to which address, put out in the
//! transaction of what happened.
//!
//! A requester with a national identity reads on the web; an anonymous one gets mail. Staff see
//! their queue, and get the mail they asked for. The note of a hand-over, a return or a re-route is
//! mailed to nobody (I-4).

use std::collections::HashSet;

use domain::actor::{Actor, Assignee};
use domain::event::{Change, Event};
use domain::ids::{AccountId, TicketId};
use domain::invalid::Lang;
use domain::note::Audience;
use domain::notification::{Before, Mode, Party, Told, Topic, rules_for, told_to_requester};
use domain::state::{RemovalReason, ResolutionCode};
use domain::ticket::Ticket;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use storage::DbConnection;
use storage::notifications::{self, Wanted, Wanting};
use storage::outbox::{self, Outgoing};
use storage::tickets::{Dossier, RequesterKind};

use crate::texts::MailTemplate;
use crate::work::Kind;
use crate::{Desk, DeskError};

/// Somebody who is told, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notified {
    /// Who.
    pub audience: Audience,
    /// How: `web`, `mail` or `queue`.
    pub channel: String,
}

/// The mail that tells a requester without a national identity what happened, if one does.
fn mail_for(change: &Change) -> Option<MailTemplate> {
    Some(match change {
        Change::Filed { .. } => MailTemplate::Receipt,
        Change::InfoRequested => MailTemplate::InfoRequested,
        Change::Reminded { .. } => MailTemplate::InfoReminder,
        Change::Resolved {
            code: ResolutionCode::NoAnswer,
            ..
        } => MailTemplate::AutoResolved,
        Change::Resolved {
            code: ResolutionCode::Withdrawn,
            ..
        } => MailTemplate::Withdrawn,
        Change::Resolved { .. } => MailTemplate::Resolved,
        Change::Rerouted { .. } => MailTemplate::Rerouted,
        Change::Reopened { .. } | Change::Restored { .. } => MailTemplate::Reopened,
        Change::ReviewRequested { .. } => MailTemplate::ReviewRequested,
        Change::ReviewDecided { .. } => MailTemplate::ReviewDecided,
        Change::AutoClosed => MailTemplate::Closed,
        Change::Removed {
            reason: RemovalReason::Duplicate,
            ..
        } => MailTemplate::Duplicate,
        _ => return None,
    })
}

/// Whether mail reaches this requester without a setting that says so.
pub const fn is_mailed(requester: RequesterKind) -> bool {
    matches!(requester, RequesterKind::Anonymous | RequesterKind::Staff)
}

/// Who is told of `event`, for the answer to the one who caused it.
pub fn told(event: &Event, before: Before, requester: RequesterKind) -> Vec<Notified> {
    let to = |audience, channel: &str| Notified {
        audience,
        channel: channel.to_owned(),
    };
    let desk = match &event.change {
        Change::HandedOver { .. } => Some(Audience::Region),
        Change::Returned { .. } | Change::Rerouted { .. } => Some(Audience::Authority),
        Change::ActivityOpened(_) => Some(Audience::Technical),
        _ => None,
    };
    let is_written_to = event
        .note
        .as_ref()
        .is_some_and(|note| note.audience == Audience::Citizen);
    let requester = match told_to_requester(&event.change, before, !is_mailed(requester)) {
        Told::ByMail => Some("mail"),
        Told::OnScreen | Told::OnScreenAndPointer => Some("web"),
        // Where they are written to, they read it, whether a mail says so or not.
        Told::Nothing | Told::ByMailIfClosingsAre => {
            (is_written_to && desk.is_none() && !matches!(event.change, Change::Removed { .. }))
                .then_some("web")
        }
    };
    let desk = desk.map(|audience| to(audience, "queue"));
    let requester = requester.map(|channel| to(Audience::Citizen, channel));
    desk.into_iter().chain(requester).collect()
}

impl Desk {
    /// Puts out the messages that `events` cause, in the same transaction.
    pub(crate) fn tell(
        &self,
        conn: &mut DbConnection,
        ticket: &Ticket,
        dossier: &Dossier,
        events: &[Event],
        before: Before,
        actor: &Actor,
    ) -> Result<(), DeskError> {
        for event in events {
            self.tell_requester(conn, ticket, dossier, event, before)?;
            self.tell_staff(conn, ticket, event, before, actor)?;
        }
        Ok(())
    }

    fn tell_requester(
        &self,
        conn: &mut DbConnection,
        ticket: &Ticket,
        dossier: &Dossier,
        event: &Event,
        before: Before,
    ) -> Result<(), DeskError> {
        let is_logged_in = !is_mailed(dossier.requester);
        let desk = &ticket.custodian.code;
        let template = match told_to_requester(&event.change, before, is_logged_in) {
            Told::Nothing | Told::OnScreen => None,
            Told::ByMail => mail_for(&event.change),
            Told::OnScreenAndPointer => self
                .notification_settings(conn, desk)?
                .copy_to_citizens
                .then_some(MailTemplate::Pointer),
            Told::ByMailIfClosingsAre => self
                .notification_settings(conn, desk)?
                .mail_on_close
                .then_some(MailTemplate::Closed),
        };
        // Whose address is gone is told nothing.
        let Some(template) = template.filter(|_| !dossier.is_gone()) else {
            return Ok(());
        };
        let recipient = dossier
            .details
            .notification_email
            .as_ref()
            .unwrap_or(&dossier.email);
        let message = Outgoing {
            desk: Some(desk.clone()),
            ticket: Some(ticket.id),
            seq: Some(event.seq),
            ..self.message(template, recipient.clone(), dossier.details.lang)
        };
        Ok(outbox::put(conn, &message, event.at)?)
    }

    fn tell_staff(
        &self,
        conn: &mut DbConnection,
        ticket: &Ticket,
        event: &Event,
        before: Before,
        actor: &Actor,
    ) -> Result<(), DeskError> {
        let owner = match &ticket.assignee {
            Some(Assignee::Operator(account)) => Some(*account),
            _ => None,
        };
        let author = match actor {
            Actor::Staff(staff) => Some(staff.account),
            Actor::System | Actor::Requester => None,
        };
        let mut told = HashSet::new();
        for (party, topic) in rules_for(&event.change, before).filter_map(|rule| rule.staff) {
            let (topic, wanted) = match (party, owner) {
                (Party::Queue, _) | (Party::OwnerElseQueue, None) => (Topic::Queue, Wanted::All),
                (Party::Supervisors, _) => (topic, Wanted::Supervisors),
                (Party::Owner, None) => continue,
                (Party::Owner | Party::OwnerElseQueue, Some(owner)) => (topic, Wanted::One(owner)),
            };
            let desk = &ticket.custodian.code;
            for one in self.wanting(conn, topic, desk, wanted)?.iter() {
                // Nobody is told what they did themselves, nor the same thing twice.
                if Some(one.account) != author && told.insert(one.account) {
                    self.tell_one(conn, ticket, event, topic, one)?;
                }
            }
        }
        Ok(())
    }

    fn tell_one(
        &self,
        conn: &mut DbConnection,
        ticket: &Ticket,
        event: &Event,
        topic: Topic,
        one: &Wanting,
    ) -> Result<(), DeskError> {
        match one.mode {
            Mode::Off => Ok(()),
            Mode::Digest => self.tell_later(conn, one.account, ticket.id, topic, event.at),
            Mode::Instant => {
                let template = match topic {
                    Topic::Assigned => MailTemplate::StaffAssigned,
                    Topic::RequesterWrote => MailTemplate::StaffRequesterWrote,
                    Topic::Queue => MailTemplate::StaffQueue,
                };
                let message = Outgoing {
                    desk: Some(ticket.custodian.code.clone()),
                    ticket: Some(ticket.id),
                    seq: Some(event.seq),
                    account: Some(one.account),
                    ..self.message(template, one.email.clone(), Lang::It)
                };
                Ok(outbox::put(conn, &message, event.at)?)
            }
        }
    }

    /// Adds to somebody's next digest, and has it sent at the hour for it.
    pub(crate) fn tell_later(
        &self,
        conn: &mut DbConnection,
        account: AccountId,
        ticket: TicketId,
        topic: Topic,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        notifications::add_to_digest(conn, account, ticket, topic, now)?;
        let at = self
            .settings
            .delivery
            .digest_after(now, &self.settings.time_zone);
        self.schedule(conn, Kind::Digest, account.uuid(), Some(at))
    }
}
