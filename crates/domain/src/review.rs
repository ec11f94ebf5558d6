//! The review of a decided request (`domain.md` §9.8): when it can be asked for, who may decide it,
//! and where it stands.
//!
//! Pure: the service says what time it is and what happened so far. Invariant: who had a hand in a
//! request does not decide whether it was settled well.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::actor::Assignee;
use crate::event::Change;
use crate::ids::AccountId;
use crate::invalid::Text;
use crate::state::{ResolutionCode, StateCode};

/// Where a review stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReviewState {
    /// Asked for; nobody looks at it yet.
    Requested,
    /// Somebody looks at it.
    InReview,
    /// The requester was right.
    Upheld,
    /// The decision stands.
    Rejected,
}

impl ReviewState {
    /// Every state, in the order of a review's life.
    pub const ALL: [ReviewState; 4] = [
        ReviewState::Requested,
        ReviewState::InReview,
        ReviewState::Upheld,
        ReviewState::Rejected,
    ];

    /// The code used in rows and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            ReviewState::Requested => "requested",
            ReviewState::InReview => "in-review",
            ReviewState::Upheld => "upheld",
            ReviewState::Rejected => "rejected",
        }
    }

    /// The state with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        ReviewState::ALL
            .into_iter()
            .find(|state| state.as_str() == code)
    }

    /// What people call it.
    pub const fn label(self) -> Text {
        match self {
            ReviewState::Requested => Text::new("Richiesta", "Requested"),
            ReviewState::InReview => Text::new("In esame", "Under examination"),
            ReviewState::Upheld => Text::new("Accolta", "Upheld"),
            ReviewState::Rejected => Text::new("Respinta", "Rejected"),
        }
    }

    /// Whether it waits for a decision.
    pub const fn is_open(self) -> bool {
        matches!(self, ReviewState::Requested | ReviewState::InReview)
    }

    /// Where taking it leads.
    pub const fn taken(self) -> Result<Self, ReviewRefused> {
        match self {
            ReviewState::Requested => Ok(ReviewState::InReview),
            state => Err(ReviewRefused::NotNow { state }),
        }
    }

    /// Where a decision leads: only what was examined is decided.
    pub const fn decided(self, outcome: ReviewOutcome) -> Result<Self, ReviewRefused> {
        match (self, outcome) {
            (ReviewState::InReview, ReviewOutcome::Upheld) => Ok(ReviewState::Upheld),
            (ReviewState::InReview, ReviewOutcome::Rejected) => Ok(ReviewState::Rejected),
            (state, _) => Err(ReviewRefused::NotNow { state }),
        }
    }
}

/// How a review is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReviewOutcome {
    /// The requester was right.
    Upheld,
    /// The decision stands.
    Rejected,
}

impl ReviewOutcome {
    /// Every outcome.
    pub const ALL: [ReviewOutcome; 2] = [ReviewOutcome::Upheld, ReviewOutcome::Rejected];

    /// The code used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            ReviewOutcome::Upheld => "upheld",
            ReviewOutcome::Rejected => "rejected",
        }
    }

    /// The outcome with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        ReviewOutcome::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == code)
    }
}

/// What follows when the requester was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remedy {
    /// The request is worked on again.
    Reopen,
    /// It was set right in some other way, which the reasons tell.
    SettledOtherwise,
}

impl Remedy {
    /// Every remedy.
    pub const ALL: [Remedy; 2] = [Remedy::Reopen, Remedy::SettledOtherwise];

    /// The code used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Remedy::Reopen => "reopen",
            Remedy::SettledOtherwise => "settled-otherwise",
        }
    }

    /// The remedy with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Remedy::ALL
            .into_iter()
            .find(|remedy| remedy.as_str() == code)
    }
}

/// What an installation sets about reviews.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReviewRules {
    /// Whether they can be asked for at all; those that were are decided in any case.
    pub enabled: bool,
    /// For how long after the resolution.
    pub request_within: SignedDuration,
    /// How long the desk has for its decision.
    pub decide_within: SignedDuration,
    /// How long before the end of that term the desk is warned.
    pub warn_before: SignedDuration,
}

impl Default for ReviewRules {
    fn default() -> Self {
        let days = |days: i64| SignedDuration::from_hours(24 * days);
        ReviewRules {
            enabled: true,
            request_within: days(60),
            decide_within: days(30),
            warn_before: days(5),
        }
    }
}

/// Why a review is refused: one variant per reason a person can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReviewRefused {
    /// The installation offers none.
    #[error("reviews are not offered")]
    NotOffered,
    /// Nothing was decided that could be reviewed: the request is open, or was withdrawn.
    #[error("nothing was decided in state {}", state.as_str())]
    NothingDecided {
        /// Where the request stands, as its requester is told.
        state: StateCode,
        /// For how long after a resolution a review can be asked for.
        within: SignedDuration,
    },
    /// The time for it is over.
    #[error("too late")]
    TooLate {
        /// Until when it was possible.
        until: Timestamp,
    },
    /// One review a request.
    #[error("asked for before")]
    Twice {
        /// When it was asked for.
        requested_at: Timestamp,
    },
    /// Whoever had a hand in the request does not review it.
    #[error("involved before")]
    Involved,
    /// The review is not where this step begins.
    #[error("not possible in state {}", state.as_str())]
    NotNow {
        /// Where it stands.
        state: ReviewState,
    },
}

/// How a request was settled last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// When.
    pub at: Timestamp,
    /// How.
    pub code: ResolutionCode,
}

impl Settled {
    /// Reads it from a request's history, oldest first; none if it was reopened or removed since. What
    /// came back from a merge is settled as it was before.
    pub fn last<'a>(history: impl IntoIterator<Item = (Timestamp, &'a Change)>) -> Option<Self> {
        let mut settled: Option<Settled> = None;
        let mut before_merge: Option<Settled> = None;
        for (at, change) in history {
            match change {
                Change::Resolved { code, .. } => settled = Some(Settled { at, code: *code }),
                Change::Removed { merge: Some(_), .. } => before_merge = settled.take(),
                Change::Restored { .. } => settled = before_merge.take(),
                Change::Reopened { .. } | Change::Removed { .. } => settled = None,
                _ => {}
            }
        }
        settled
    }
}

impl ReviewRules {
    /// Until when a review of what was settled can be asked for; none if there is nothing to review.
    pub fn possible_until(&self, settled: Option<Settled>) -> Option<Timestamp> {
        let settled = settled.filter(|settled| settled.code != ResolutionCode::Withdrawn)?;
        let until = settled.at.checked_add(self.request_within);
        self.enabled.then(|| until.unwrap_or(Timestamp::MAX))
    }

    /// Whether a review can be asked for now; the answer is until when it is to be decided.
    pub fn request(
        &self,
        state: StateCode,
        settled: Option<Settled>,
        requested_before: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Timestamp, ReviewRefused> {
        if !self.enabled {
            return Err(ReviewRefused::NotOffered);
        }
        if let Some(requested_at) = requested_before {
            return Err(ReviewRefused::Twice { requested_at });
        }
        match self.possible_until(settled) {
            None => Err(ReviewRefused::NothingDecided {
                state: state.citizen_code(),
                within: self.request_within,
            }),
            Some(until) if now > until => Err(ReviewRefused::TooLate { until }),
            Some(_) => Ok(now
                .checked_add(self.decide_within)
                .unwrap_or(Timestamp::MAX)),
        }
    }

    /// When the desk is warned that the term of a decision is nearly over.
    pub fn warn_at(&self, due_at: Timestamp) -> Timestamp {
        due_at.checked_sub(self.warn_before).unwrap_or(due_at)
    }
}

/// Whether somebody had a hand in a request: owned it, or did or wrote anything on it. What is done
/// to the review itself does not count.
pub fn is_involved<'a>(
    account: AccountId,
    history: impl IntoIterator<Item = (Option<AccountId>, &'a Change)>,
) -> bool {
    history.into_iter().any(|(author, change)| match change {
        Change::ReviewTaken | Change::ReviewDecided { .. } => false,
        Change::Reopened {
            on_review: true, ..
        } => false,
        Change::Assigned {
            to: Assignee::Operator(owner),
        } if *owner == account => true,
        _ => author == Some(account),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Merge;
    use crate::ids::TicketId;
    use crate::state::{RemovalReason, State};
    use uuid::Uuid;

    const RESOLVED: &str = "2026-03-02T08:00:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn settled(code: ResolutionCode) -> Option<Settled> {
        let at = at(RESOLVED);
        Some(Settled { at, code })
    }

    #[test]
    fn a_review_can_be_asked_for_until_the_last_second_of_its_term_and_once() {
        let rules = ReviewRules::default();
        let until = at("2026-05-01T08:00:00Z");
        let asked = at("2026-03-10T08:00:00Z");
        let before = Some(asked);
        let done = settled(ResolutionCode::InformationGiven);
        let gone = settled(ResolutionCode::Withdrawn);
        let nothing = |state| {
            Err(ReviewRefused::NothingDecided {
                state,
                within: rules.request_within,
            })
        };
        let after = at("2026-05-01T08:00:00.000001Z");
        #[rustfmt::skip]
        let rows = [
            (StateCode::Resolved, done, None, at(RESOLVED), Ok(at("2026-04-01T08:00:00Z"))),
            (StateCode::AutoClosed, done, None, until, Ok(at("2026-05-31T08:00:00Z"))),
            (StateCode::AutoClosed, done, None, after, Err(ReviewRefused::TooLate { until })),
            (StateCode::AutoClosed, done, before, until, Err(ReviewRefused::Twice { requested_at: asked })),
            (StateCode::InProgress, None, None, until, nothing(StateCode::InProgress)),
            // A hand-over is not told to the requester, by a refusal neither.
            (StateCode::NotCompetent, None, None, until, nothing(StateCode::InProgress)),
            (StateCode::Resolved, gone, None, until, nothing(StateCode::Resolved)),
        ];
        for (state, settled, before, now, expected) in rows {
            assert_eq!(
                rules.request(state, settled, before, now),
                expected,
                "{state:?} {now}"
            );
        }
        let off = ReviewRules {
            enabled: false,
            ..rules
        };
        let refused = off.request(StateCode::Resolved, done, None, until);
        assert_eq!(refused, Err(ReviewRefused::NotOffered));
    }

    #[test]
    fn a_review_is_taken_before_it_is_decided_and_decided_once() {
        use ReviewState::{InReview, Rejected, Requested, Upheld};
        for state in ReviewState::ALL {
            let refused = Err(ReviewRefused::NotNow { state });
            let taken = match state {
                Requested => Ok(InReview),
                _ => refused,
            };
            assert_eq!(state.taken(), taken, "{state:?}");
            for (outcome, to) in [
                (ReviewOutcome::Upheld, Upheld),
                (ReviewOutcome::Rejected, Rejected),
            ] {
                let decided = match state {
                    InReview => Ok(to),
                    _ => refused,
                };
                assert_eq!(state.decided(outcome), decided, "{state:?} {outcome:?}");
            }
        }
    }

    #[test]
    fn what_was_reopened_is_not_settled() {
        let resolved = Change::Resolved {
            code: ResolutionCode::NoAnswer,
            closes_at: at(RESOLVED),
        };
        let reopened = Change::Reopened {
            by_reply: true,
            on_review: false,
        };
        let story = |changes: &[&Change]| {
            let dated = changes.iter().map(|change| (at(RESOLVED), *change));
            Settled::last(dated)
        };
        assert_eq!(story(&[]), None);
        assert_eq!(
            story(&[&resolved, &Change::AutoClosed]),
            settled(ResolutionCode::NoAnswer)
        );
        assert_eq!(story(&[&resolved, &reopened]), None);
    }

    #[test]
    fn what_came_back_from_a_merge_is_settled_as_it_was() {
        let resolved = Change::Resolved {
            code: ResolutionCode::InformationGiven,
            closes_at: at(RESOLVED),
        };
        let removed = |merge| Change::Removed {
            reason: RemovalReason::Duplicate,
            duplicate_of: None,
            merge,
        };
        let gone = removed(None);
        let merged = removed(Some(Merge {
            into: TicketId::new(Uuid::from_u128(1)),
            state: State::InProgress,
            needs_attention: false,
        }));
        let restored = Change::Restored {
            state: State::InProgress,
            needs_attention: false,
        };
        let reopened = Change::Reopened {
            by_reply: true,
            on_review: false,
        };
        let was = settled(ResolutionCode::InformationGiven);
        let rows: [(&[&Change], Option<Settled>); 6] = [
            (&[&resolved, &merged], None),
            (&[&resolved, &merged, &restored], was),
            (&[&resolved, &merged, &restored, &merged, &restored], was),
            (&[&resolved, &merged, &restored, &reopened], None),
            (&[&resolved, &reopened, &merged, &restored], None),
            (&[&resolved, &gone], None),
        ];
        for (story, expected) in rows {
            let at_once = story.iter().map(|change| (at(RESOLVED), *change));
            assert_eq!(Settled::last(at_once), expected, "{story:?}");
        }
    }

    #[test]
    fn whoever_owned_or_wrote_was_involved_and_a_reviewer_was_not() {
        let me = AccountId::new(Uuid::from_u128(1));
        let other = AccountId::new(Uuid::from_u128(2));
        let given = Change::Assigned {
            to: Assignee::Operator(me),
        };
        let decided = Change::ReviewDecided {
            outcome: ReviewOutcome::Upheld,
        };
        let reopened = |on_review| Change::Reopened {
            by_reply: false,
            on_review,
        };
        let rows = [
            (Some(other), Change::NoteAdded, false),
            (Some(me), Change::NoteAdded, true),
            (Some(other), given, true),
            (None, Change::MessageReceived, false),
            (Some(me), Change::ReviewTaken, false),
            (Some(me), decided, false),
            (Some(me), reopened(true), false),
            (Some(me), reopened(false), true),
        ];
        for (author, change, expected) in rows {
            assert_eq!(is_involved(me, [(author, &change)]), expected, "{change:?}");
        }
    }
}
