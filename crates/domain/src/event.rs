//! What happened to a ticket. Events name things by code and id and carry no personal data and
//! no free text: a text sits in the note beside its event, so that erasing a person never
//! rewrites history (ADR 0001).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::activity::ActivityFact;
use crate::actor::Assignee;
use crate::codes::{AuthorityCode, RuleCode};
use crate::ids::{
    AccountId, ActivityCommentId, ActivityId, ClientId, MessageId, TicketId, TicketNumber,
};
use crate::links::LinkKind;
use crate::note::Note;
use crate::playbook::{PlaybookWord, RanPlaybook};
use crate::review::ReviewOutcome;
use crate::state::{HandOverReason, Priority, RemovalReason, ResolutionCode, State, TicketKind};

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

/// The routing rule that found a desk, and the version of the rules it stands in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByRule {
    /// Its code.
    pub rule: RuleCode,
    /// The version.
    pub version: i32,
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
        /// By which rule; unknown where it happened before there were rules.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        route: Option<ByRule>,
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
    /// The requester asks that somebody get on with it ("sollecito").
    #[serde(rename = "request.nudged")]
    Nudged,
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
        /// By which rule; see [`Change::Filed`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        route: Option<ByRule>,
        /// The playbook that was run before, if one was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        playbook: Option<RanPlaybook>,
    },
    /// The answers to a playbook's checks lead somewhere else than before.
    #[serde(rename = "playbook.decided")]
    PlaybookDecided(PlaybookWord),
    /// A supervisor hands over against the playbook; why is the note beside it.
    #[serde(rename = "playbook.overridden")]
    PlaybookOverridden {
        /// The playbook that was run, if one was.
        playbook: Option<RanPlaybook>,
    },
    /// Time to look whether what is waited for came (A-7).
    #[serde(rename = "playbook.review_due")]
    ReviewDue,
    /// T16.
    #[serde(rename = "request.returned")]
    Returned {
        /// To which desk.
        to: AuthorityCode,
        /// By which rule; see [`Change::Filed`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        route: Option<ByRule>,
    },
    /// T17.
    #[serde(rename = "request.rerouted")]
    Rerouted {
        /// To which desk.
        to: AuthorityCode,
        /// By which rule; see [`Change::Filed`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        route: Option<ByRule>,
    },
    /// T18. Without the activity where a release that kept none wrote it.
    #[serde(rename = "activity.opened")]
    ActivityOpened(Option<ActivityFact>),
    /// The activity changed, and the ticket stays where it is.
    #[serde(rename = "activity.changed")]
    ActivityChanged(ActivityFact),
    /// Somebody wrote on the activity; the text is there.
    #[serde(rename = "activity.commented")]
    ActivityCommented {
        /// The activity.
        activity: ActivityId,
        /// The comment.
        comment: ActivityCommentId,
        /// Whether the regional desk wrote it.
        by_region: bool,
        /// The program that brought it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        origin: Option<ClientId>,
    },
    /// The activity should be over by now, and is not.
    #[serde(rename = "activity.overdue")]
    ActivityOverdue {
        /// The activity.
        activity: ActivityId,
    },
    /// T19. Without the activity as above.
    #[serde(rename = "activity.closed")]
    ActivityClosed(Option<ActivityFact>),
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
        /// Where the ticket goes on, if it was merged and not only removed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        merge: Option<Merge>,
    },
    /// A merge was undone.
    #[serde(rename = "request.restored")]
    Restored {
        /// The state it had, put off by the time it was merged.
        state: State,
        /// Whether a person should look at it, as it was.
        needs_attention: bool,
    },
    /// The ticket was linked with another.
    #[serde(rename = "link.added")]
    LinkAdded {
        /// Which.
        other: TicketId,
        /// How.
        kind: LinkKind,
    },
    /// The link with another ticket is gone.
    #[serde(rename = "link.removed")]
    LinkRemoved {
        /// Which.
        other: TicketId,
        /// How.
        kind: LinkKind,
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
    /// The processing of its data is restricted, as the person asked (GDPR 18).
    #[serde(rename = "request.restricted")]
    Restricted,
    /// The restriction is over.
    #[serde(rename = "request.restriction_lifted")]
    RestrictionLifted,
    /// Wrong data about the person were put right (GDPR 16).
    #[serde(rename = "request.rectified")]
    Rectified {
        /// Which, by name.
        members: Vec<String>,
    },
    /// T25.
    #[serde(rename = "request.anonymised")]
    Anonymised,
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

/// Where a merged ticket goes on, and how it stood before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merge {
    /// The ticket it goes on in.
    pub into: TicketId,
    /// Its state before, for undoing the merge.
    pub state: State,
    /// Whether a person should have looked at it.
    pub needs_attention: bool,
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
            Change::Nudged => "request.nudged",
            Change::Reminded { .. } => "request.reminded",
            Change::Resolved { .. } => "request.resolved",
            Change::AutoClosed => "request.closed",
            Change::HandedOver { .. } => "request.handed_over",
            Change::PlaybookDecided(_) => "playbook.decided",
            Change::PlaybookOverridden { .. } => "playbook.overridden",
            Change::ReviewDue => "playbook.review_due",
            Change::Returned { .. } => "request.returned",
            Change::Rerouted { .. } => "request.rerouted",
            Change::ActivityOpened(_) => "activity.opened",
            Change::ActivityChanged(_) => "activity.changed",
            Change::ActivityCommented { .. } => "activity.commented",
            Change::ActivityOverdue { .. } => "activity.overdue",
            Change::ActivityClosed(_) => "activity.closed",
            Change::Reopened { .. } => "request.reopened",
            Change::Removed { .. } => "request.removed",
            Change::Restored { .. } => "request.restored",
            Change::LinkAdded { .. } => "link.added",
            Change::LinkRemoved { .. } => "link.removed",
            Change::NotePublished { .. } => "note.published",
            Change::Undelivered { .. } => "message.undelivered",
            Change::ReviewRequested { .. } => "review.requested",
            Change::ReviewTaken => "review.taken",
            Change::ReviewDecided { .. } => "review.decided",
            Change::Restricted => "request.restricted",
            Change::RestrictionLifted => "request.restriction_lifted",
            Change::Rectified { .. } => "request.rectified",
            Change::Anonymised => "request.anonymised",
            Change::Described { .. } => "request.described",
        }
    }

    /// The desk it brings the ticket to, if it does, and the rule that found that desk.
    pub const fn custody(&self) -> Option<(&AuthorityCode, Option<&ByRule>)> {
        match self {
            Change::Filed {
                custodian: to,
                route,
            }
            | Change::HandedOver { to, route, .. }
            | Change::Returned { to, route }
            | Change::Rerouted { to, route } => Some((to, route.as_ref())),
            _ => None,
        }
    }

    /// The technical activity it is about; none for everything else.
    pub fn activity(&self) -> Option<ActivityId> {
        match self {
            Change::ActivityOpened(fact) | Change::ActivityClosed(fact) => {
                fact.map(|fact| fact.activity)
            }
            Change::ActivityChanged(fact) => Some(fact.activity),
            Change::ActivityCommented { activity, .. } | Change::ActivityOverdue { activity } => {
                Some(*activity)
            }
            _ => None,
        }
    }

    /// Whether only the region and the technical desk know of it: an authority that gets the ticket
    /// back reads nothing of its activities (`domain.md` §5.2).
    pub const fn is_technical(&self) -> bool {
        matches!(
            self,
            Change::ActivityOpened(_)
                | Change::ActivityChanged(_)
                | Change::ActivityCommented { .. }
                | Change::ActivityOverdue { .. }
                | Change::ActivityClosed(_)
        )
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
                | Change::Nudged
                | Change::Reminded { .. }
                | Change::Resolved { .. }
                | Change::AutoClosed
                | Change::Rerouted { .. }
                | Change::Reopened { .. }
                // Seen by the requester of a merged request alone: no other removed one is shown.
                | Change::Removed { .. }
                | Change::Restored { .. }
                | Change::NotePublished { .. }
                | Change::ReviewRequested { .. }
                | Change::ReviewTaken
                | Change::ReviewDecided { .. }
                | Change::Restricted
                | Change::RestrictionLifted
                | Change::Rectified { .. }
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
            route: None,
            playbook: None,
        };
        let json = serde_json::to_value(&change).unwrap();
        assert_eq!(json["type"], change.kind());
        assert_eq!(serde_json::from_value::<Change>(json).unwrap(), change);
    }

    #[test]
    fn a_change_of_custody_from_before_there_were_rules_is_still_read() {
        let old = r#"{"type": "request.returned", "data": {"to": "010204"}}"#;
        let change: Change = serde_json::from_str(old).unwrap();
        let to = || "010204".into();
        let returned = |route| Change::Returned { to: to(), route };
        assert_eq!(change, returned(None));
        assert_eq!(
            serde_json::to_value(&change).unwrap(),
            serde_json::from_str::<serde_json::Value>(old).unwrap()
        );
        let route = ByRule {
            rule: "back".into(),
            version: 3,
        };
        let json = serde_json::to_value(returned(Some(route.clone()))).unwrap();
        assert_eq!(json["data"]["route"]["rule"], "back");
        assert_eq!(json["data"]["route"]["version"], 3);
        let read: Change = serde_json::from_value(json).unwrap();
        assert_eq!(read, returned(Some(route)));
    }

    #[test]
    fn an_activity_of_a_release_that_kept_none_is_read_back() {
        for (json, change) in [
            (
                r#"{"type":"activity.opened"}"#,
                Change::ActivityOpened(None),
            ),
            (
                r#"{"type":"activity.closed"}"#,
                Change::ActivityClosed(None),
            ),
        ] {
            assert_eq!(serde_json::from_str::<Change>(json).unwrap(), change);
            let again = serde_json::to_string(&change).unwrap();
            assert_eq!(serde_json::from_str::<Change>(&again).unwrap(), change);
        }
        let fact = ActivityFact {
            activity: ActivityId::new(uuid::Uuid::from_u128(1)),
            state: crate::activity::ActivityState::Cancelled,
            origin: None,
        };
        let json = serde_json::to_string(&Change::ActivityClosed(Some(fact))).unwrap();
        assert!(json.contains(r#""state":"cancelled"}"#), "{json}");
        assert_eq!(
            serde_json::from_str::<Change>(&json).unwrap().activity(),
            Some(fact.activity)
        );
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
