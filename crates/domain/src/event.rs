//! What happened to a ticket. Events name things by code and id and carry no personal data and
//! no free text: a text sits in the note beside its event, so that erasing a person never
//! rewrites history (ADR 0001).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::actor::Assignee;
use crate::codes::AuthorityCode;
use crate::ids::{AccountId, MessageId, TicketNumber};
use crate::note::Note;
use crate::review::ReviewOutcome;
use crate::state::{HandOverReason, Priority, RemovalReason, ResolutionCode, TicketKind};

/// One entry of a ticket's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its place in the ticket's history: 1, 2, 3 … without holes (I-10).
    pub seq: i64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub change: Change,
    /// What was written along with it.
    pub note: Option<Note>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum Change {
    /// T01.
    #[serde(rename = "request.created")]
    Filed {
        /// The first custodian.
        custodian: AuthorityCode,
    },
    /// T02, T14.
    #[serde(rename = "request.taken")]
    Taken {
        /// By whom.
        by: AccountId,
    },
    /// T03.
    #[serde(rename = "request.assigned")]
    Assigned {
        /// To whom.
        to: Assignee,
    },
    /// Back to the desk's queue, because its owner no longer works there (I-15).
    #[serde(rename = "request.released")]
    Released {
        /// Who had it.
        from: AccountId,
    },
    /// A note alone.
    #[serde(rename = "note.added")]
    NoteAdded,
    /// T04.
    #[serde(rename = "request.information_requested")]
    InfoRequested,
    /// T06.
    #[serde(rename = "request.question_withdrawn")]
    QuestionWithdrawn,
    /// T05.
    #[serde(rename = "request.information_received")]
    InfoReceived,
    /// T23.
    #[serde(rename = "request.message_received")]
    MessageReceived,
    /// T07.
    #[serde(rename = "request.reminded")]
    Reminded {
        /// How many of the question's reminders are due by now; those that were missed are not sent late.
        nth: u32,
    },
    /// T08, T09, T15, T20.
    #[serde(rename = "request.resolved")]
    Resolved {
        /// How.
        code: ResolutionCode,
        /// End of the reply window.
        closes_at: Timestamp,
    },
    /// T12.
    #[serde(rename = "request.closed")]
    AutoClosed,
    /// T13.
    #[serde(rename = "request.handed_over")]
    HandedOver {
        /// Why.
        reason: HandOverReason,
        /// To which desk.
        to: AuthorityCode,
    },
    /// T16.
    #[serde(rename = "request.returned")]
    Returned {
        /// To which desk.
        to: AuthorityCode,
    },
    /// T17.
    #[serde(rename = "request.rerouted")]
    Rerouted {
        /// To which desk.
        to: AuthorityCode,
    },
    /// T18.
    #[serde(rename = "activity.opened")]
    ActivityOpened,
    /// T19.
    #[serde(rename = "activity.closed")]
    ActivityClosed,
    /// T10, T11, T21.
    #[serde(rename = "request.reopened")]
    Reopened {
        /// Whether the requester's reply did it.
        by_reply: bool,
        /// Whether a review that was upheld did it (`domain.md` §9.8).
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        on_review: bool,
    },
    /// T22.
    #[serde(rename = "request.removed")]
    Removed {
        /// Why.
        reason: RemovalReason,
        /// The ticket that stays, for a duplicate.
        duplicate_of: Option<TicketNumber>,
    },
    /// An internal note shown to the citizen: this entry repeats it.
    #[serde(rename = "note.published")]
    NotePublished {
        /// The entry of the internal note.
        of: i64,
    },
    /// A message about it could not be delivered and was given up (`domain.md` D-7).
    #[serde(rename = "message.undelivered")]
    Undelivered {
        /// Which.
        message: MessageId,
    },
    /// The requester asks for a review of the decision (`domain.md` §9.8).
    #[serde(rename = "review.requested")]
    ReviewRequested {
        /// The desk that decides it.
        desk: AuthorityCode,
        /// Until when.
        due_at: Timestamp,
    },
    /// A supervisor who was not involved looks at it.
    #[serde(rename = "review.taken")]
    ReviewTaken,
    /// The review is decided; its note tells the requester why.
    #[serde(rename = "review.decided")]
    ReviewDecided {
        /// How.
        outcome: ReviewOutcome,
    },
    /// Descriptive members changed.
    #[serde(rename = "request.described")]
    Described {
        /// New priority.
        priority: Option<Priority>,
        /// New kind; `Some(None)` cleared it.
        #[serde(default, with = "nested", skip_serializing_if = "Option::is_none")]
        kind: Option<Option<TicketKind>>,
        /// All tags now.
        tags: Option<Vec<String>>,
        /// Contact members that changed, by name.
        contacts: Vec<String>,
    },
}

impl Change {
    /// The event type (`domain.md`, annex), as kept in rows and sent to others.
    pub const fn kind(&self) -> &'static str {
        match self {
            Change::Filed { .. } => "request.created",
            Change::Taken { .. } => "request.taken",
            Change::Assigned { .. } => "request.assigned",
            Change::Released { .. } => "request.released",
            Change::NoteAdded => "note.added",
            Change::InfoRequested => "request.information_requested",
            Change::QuestionWithdrawn => "request.question_withdrawn",
            Change::InfoReceived => "request.information_received",
            Change::MessageReceived => "request.message_received",
            Change::Reminded { .. } => "request.reminded",
            Change::Resolved { .. } => "request.resolved",
            Change::AutoClosed => "request.closed",
            Change::HandedOver { .. } => "request.handed_over",
            Change::Returned { .. } => "request.returned",
            Change::Rerouted { .. } => "request.rerouted",
            Change::ActivityOpened => "activity.opened",
            Change::ActivityClosed => "activity.closed",
            Change::Reopened { .. } => "request.reopened",
            Change::Removed { .. } => "request.removed",
            Change::NotePublished { .. } => "note.published",
            Change::Undelivered { .. } => "message.undelivered",
            Change::ReviewRequested { .. } => "review.requested",
            Change::ReviewTaken => "review.taken",
            Change::ReviewDecided { .. } => "review.decided",
            Change::Described { .. } => "request.described",
        }
    }

    /// Whether the requester is told that this happened; its note has an audience of its own.
    /// Hand-overs, returns, assignments and activities are the desks' affair (`domain.md` §5.2).
    pub const fn is_told_to_requester(&self) -> bool {
        matches!(
            self,
            Change::Filed { .. }
                | Change::InfoRequested
                | Change::InfoReceived
                | Change::MessageReceived
                | Change::Reminded { .. }
                | Change::Resolved { .. }
                | Change::AutoClosed
                | Change::Rerouted { .. }
                | Change::Reopened { .. }
                | Change::NotePublished { .. }
                | Change::ReviewRequested { .. }
                | Change::ReviewTaken
                | Change::ReviewDecided { .. }
        )
    }
}

/// Keeps "cleared" apart from "unchanged" in JSON, which has one null for both.
mod nested {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<T: Serialize, S: Serializer>(
        value: &Option<Option<T>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(inner) => inner.serialize(serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Option<T>>, D::Error> {
        Option::<T>::deserialize(deserializer).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_in_json_is_the_kind_of_the_row() {
        let change = Change::HandedOver {
            reason: HandOverReason::Other,
            to: "REG010".into(),
        };
        let json = serde_json::to_value(&change).unwrap();
        assert_eq!(json["type"], change.kind());
        assert_eq!(serde_json::from_value::<Change>(json).unwrap(), change);
    }

    #[test]
    fn a_cleared_kind_is_not_an_unchanged_one() {
        for kind in [None, Some(None), Some(Some(TicketKind::Malfunction))] {
            let change = Change::Described {
                priority: None,
                kind,
                tags: None,
                contacts: vec![],
            };
            let json = serde_json::to_string(&change).unwrap();
            assert_eq!(
                serde_json::from_str::<Change>(&json).unwrap(),
                change,
                "{json}"
            );
        }
    }
}
