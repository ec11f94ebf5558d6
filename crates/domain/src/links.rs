//! Tickets that belong together: how one looks like another, and when one may go on in another
//! (`domain.md` T01, T22, §9.4.3, `docs/adr/0027`).
//!
//! A likeness is a hint for people and decides nothing. Who reads the answers to a ticket decides
//! whether it may be merged, because whatever is said on it afterwards reaches the readers of the other.

use std::cmp::Reverse;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ids::{TicketId, TicketNumber};
use crate::state::{StateCode, codes};
use crate::ticket::Ticket;

codes! {
    /// How two tickets belong together.
    LinkKind {
        /// Somebody said so; the same from both sides.
        Related = "related",
        /// The later one goes on from the closed earlier one (T24).
        FollowUp = "follow-up",
        /// One was merged into the other (T22).
        Duplicate = "duplicate",
    }
}

codes! {
    /// What the other ticket of a link is.
    LinkRole {
        /// Beside this one.
        Peer = "peer",
        /// This one goes on from it.
        Earlier = "earlier",
        /// It goes on from this one.
        Later = "later",
        /// This one was merged into it.
        Survivor = "survivor",
        /// It was merged into this one.
        Merged = "merged",
    }
}

impl LinkRole {
    /// The kind of link the role is in.
    pub const fn kind(self) -> LinkKind {
        match self {
            LinkRole::Peer => LinkKind::Related,
            LinkRole::Earlier | LinkRole::Later => LinkKind::FollowUp,
            LinkRole::Survivor | LinkRole::Merged => LinkKind::Duplicate,
        }
    }
}

codes! {
    /// Why a ticket cannot be merged into another, or a merge not be undone.
    MergeObstacle {
        /// It is the same ticket.
        Itself = "itself",
        /// Another desk has the other one.
        OtherCustody = "other-custody",
        /// Somebody else reads the answers to the other one.
        OtherRequester = "other-requester",
        /// A delegate filed one of them: who reads it follows from a delegation that may end.
        Delegated = "delegated",
        /// The other one is closed, removed or merged itself.
        SurvivorOver = "survivor-over",
        /// The time for undoing it is over.
        TooLate = "too-late",
    }
}

codes! {
    /// What makes a ticket look like another, the strongest first.
    Resemblance {
        /// The same examination, by its date.
        SameExamDate = "same-exam-date",
        /// The same trouble.
        SameProblemType = "same-problem-type",
        /// The same person needs the same service.
        SameService = "same-service",
    }
}

impl Resemblance {
    /// How much it says: an examination's date more than the two others together.
    const fn weight(self) -> u8 {
        match self {
            Resemblance::SameExamDate => 4,
            Resemblance::SameProblemType => 2,
            Resemblance::SameService => 1,
        }
    }
}

/// What is compared of a ticket; that it is the same person's was asked of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traits<'a> {
    /// The service.
    pub service: &'a str,
    /// The problem type.
    pub problem_type: &'a str,
    /// The date of the examination, where the form asks for one.
    pub exam_date: Option<&'a str>,
}

/// What makes two tickets of one person look alike, the strongest first; nothing at all if they are
/// about different services.
pub fn likeness(one: Traits<'_>, other: Traits<'_>) -> Vec<Resemblance> {
    if one.service != other.service {
        return Vec::new();
    }
    let has_same_date = one.exam_date.is_some() && one.exam_date == other.exam_date;
    Resemblance::ALL
        .iter()
        .copied()
        .filter(|resemblance| match resemblance {
            Resemblance::SameExamDate => has_same_date,
            Resemblance::SameProblemType => one.problem_type == other.problem_type,
            Resemblance::SameService => true,
        })
        .collect()
}

/// What a list of likenesses is ordered by: the likest first, then the newest.
pub fn likest_first(
    resemblances: &[Resemblance],
    created_at: Timestamp,
) -> Reverse<(u8, Timestamp)> {
    let score = resemblances.iter().map(|one| one.weight()).sum();
    Reverse((score, created_at))
}

/// Whether a ticket lasts into now: it is open, or was settled less than `window` ago. Storage asks
/// the same in SQL.
pub fn overlaps(
    state: StateCode,
    settled_at: Option<Timestamp>,
    now: Timestamp,
    window: SignedDuration,
) -> bool {
    match state {
        StateCode::Removed => false,
        StateCode::Resolved | StateCode::AutoClosed => {
            settled_at.is_some_and(|at| now.duration_since(at) <= window)
        }
        _ => true,
    }
}

/// Who asked, and who reads the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requester<'a> {
    /// What sort of requester, as a code.
    pub kind: &'a str,
    /// Whom the ticket is about.
    pub tax_code: &'a str,
    /// Who reads the answers: a national identity, or the mailboxes of who has none.
    pub readers: (&'a str, &'a str),
    /// Whether a delegate filed it.
    pub is_delegated: bool,
}

/// Why a ticket of `one` may not go on in a ticket of `other`, if it may not.
pub fn differ(one: Requester<'_>, other: Requester<'_>) -> Option<MergeObstacle> {
    if one.is_delegated || other.is_delegated {
        return Some(MergeObstacle::Delegated);
    }
    (one != other).then_some(MergeObstacle::OtherRequester)
}

/// A ticket by its two names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedTicket {
    /// For machines.
    pub id: TicketId,
    /// For people.
    pub number: TicketNumber,
}

impl From<&Ticket> for NamedTicket {
    fn from(ticket: &Ticket) -> Self {
        NamedTicket {
            id: ticket.id,
            number: ticket.number.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FSE: Traits<'_> = Traits {
        service: "FSE",
        problem_type: "referto-non-trovato",
        exam_date: Some("2026-02-10"),
    };

    #[test]
    fn the_same_examination_says_more_than_the_same_trouble() {
        let rows = [
            (FSE, "same-exam-date same-problem-type same-service"),
            (
                Traits {
                    problem_type: "errore-tecnico",
                    ..FSE
                },
                "same-exam-date same-service",
            ),
            (
                Traits {
                    exam_date: Some("2026-02-11"),
                    ..FSE
                },
                "same-problem-type same-service",
            ),
            (
                Traits {
                    problem_type: "errore-tecnico",
                    exam_date: None,
                    ..FSE
                },
                "same-service",
            ),
            (
                Traits {
                    service: "SIRVA",
                    ..FSE
                },
                "",
            ),
        ];
        let mut keys = Vec::new();
        for (other, expected) in rows {
            let found = likeness(FSE, other);
            let words: Vec<&str> = found.iter().map(|one| one.as_str()).collect();
            assert_eq!(words.join(" "), expected);
            keys.push(likest_first(&found, Timestamp::UNIX_EPOCH));
        }
        assert!(keys.is_sorted(), "{keys:?}");
        let undated = Traits {
            exam_date: None,
            ..FSE
        };
        assert!(!likeness(undated, undated).contains(&Resemblance::SameExamDate));
    }

    #[test]
    fn what_was_settled_long_ago_is_no_duplicate() {
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1000);
        let window = SignedDuration::from_hours(24);
        let settled = now - window;
        let rows = [
            (StateCode::New, None, true),
            (StateCode::AwaitingInfo, Some(Timestamp::UNIX_EPOCH), true),
            (StateCode::Resolved, Some(settled), true),
            (
                StateCode::AutoClosed,
                Some(settled - SignedDuration::from_micros(1)),
                false,
            ),
            (StateCode::Removed, Some(now), false),
        ];
        for (state, at, expected) in rows {
            assert_eq!(overlaps(state, at, now, window), expected, "{state:?}");
        }
    }

    #[test]
    fn only_what_the_same_people_read_may_be_merged() {
        let mario = Requester {
            kind: "citizen",
            tax_code: "RSSMRA80A01H501U",
            readers: ("mario", ""),
            is_delegated: false,
        };
        let rows = [
            (mario, None),
            (
                Requester {
                    readers: ("anna", ""),
                    ..mario
                },
                Some(MergeObstacle::OtherRequester),
            ),
            (
                Requester {
                    tax_code: "BNCNNA85D52L219A",
                    ..mario
                },
                Some(MergeObstacle::OtherRequester),
            ),
            (
                Requester {
                    kind: "anonymous",
                    ..mario
                },
                Some(MergeObstacle::OtherRequester),
            ),
            (
                Requester {
                    is_delegated: true,
                    ..mario
                },
                Some(MergeObstacle::Delegated),
            ),
        ];
        for (other, expected) in rows {
            assert_eq!(differ(mario, other), expected);
            assert_eq!(differ(other, mario), expected, "the same from both sides");
        }
    }
}
