//! Who is told what, and how: N-1…N-16 of `domain.md` §5.3 as far as messages leave the house.
//!
//! A requester with a national identity reads on the web and gets no mail; an anonymous one gets
//! mail. Staff read their queue. The note of a hand-over, a return or a re-route is mailed to
//! nobody (I-4).

use domain::event::{Change, Event};
use domain::ids::TicketId;
use domain::note::Audience;
use domain::state::{RemovalReason, ResolutionCode, StateCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use storage::outbox::{self, Outgoing};
use storage::tickets::{Dossier, RequesterKind};
use storage::{DbConnection, StoreError};

use crate::Desk;
use crate::texts::MailTemplate;

/// Somebody who is told, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notified {
    /// Who.
    pub audience: Audience,
    /// How: `web`, `mail` or `queue`.
    pub channel: String,
}

/// The mail an event sends to a requester without a national identity, if any. `was` is the state
/// before.
pub fn mail_for(change: &Change, was: StateCode) -> Option<MailTemplate> {
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
        Change::Reopened { .. } if was == StateCode::AutoClosed => MailTemplate::Reopened,
        Change::Removed {
            reason: RemovalReason::Duplicate,
            ..
        } => MailTemplate::Duplicate,
        _ => return None,
    })
}

/// Whether mail reaches this requester.
pub const fn is_mailed(requester: RequesterKind) -> bool {
    matches!(requester, RequesterKind::Anonymous | RequesterKind::Staff)
}

/// Who is told of `event`, for the answer to the one who caused it.
pub fn told(event: &Event, was: StateCode, requester: RequesterKind) -> Vec<Notified> {
    let to = |audience, channel: &str| Notified {
        audience,
        channel: channel.to_owned(),
    };
    let requester_channel = if is_mailed(requester) && mail_for(&event.change, was).is_some() {
        "mail"
    } else {
        "web"
    };
    match (&event.change, event.note.as_ref().map(|note| note.audience)) {
        (Change::HandedOver { .. }, _) => vec![to(Audience::Region, "queue")],
        (Change::Returned { .. }, _) => vec![to(Audience::Authority, "queue")],
        (Change::Rerouted { .. }, _) => {
            vec![
                to(Audience::Authority, "queue"),
                to(Audience::Citizen, requester_channel),
            ]
        }
        (Change::ActivityOpened, _) => vec![to(Audience::Technical, "queue")],
        (
            Change::Removed {
                reason: RemovalReason::Duplicate,
                ..
            },
            _,
        ) if is_mailed(requester) => {
            vec![to(Audience::Citizen, "mail")]
        }
        (_, Some(Audience::Citizen)) => vec![to(Audience::Citizen, requester_channel)],
        (change, _) if mail_for(change, was).is_some() => {
            vec![to(Audience::Citizen, requester_channel)]
        }
        _ => Vec::new(),
    }
}

impl Desk {
    /// Puts out the mails that `events` cause, in the same transaction.
    pub(crate) fn put_mails(
        &self,
        conn: &mut DbConnection,
        ticket: TicketId,
        dossier: &Dossier,
        events: &[Event],
        was: StateCode,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if !is_mailed(dossier.requester) {
            return Ok(());
        }
        for event in events {
            let Some(template) = mail_for(&event.change, was) else {
                continue;
            };
            let recipient = dossier
                .details
                .notification_email
                .as_ref()
                .unwrap_or(&dossier.email);
            let message = Outgoing {
                ticket: Some(ticket),
                seq: Some(event.seq),
                ..self.message(template, recipient.clone(), dossier.details.lang)
            };
            outbox::put(conn, &message, now)?;
        }
        Ok(())
    }
}
