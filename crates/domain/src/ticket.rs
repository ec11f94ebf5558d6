//! The ticket as it stands now: everything the lifecycle decides on, and nothing personal.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::actor::Assignee;
use crate::codes::{AuthorityCode, ProblemTypeCode, ServiceCode};
use crate::event::{ByRule, Change, Event};
use crate::ids::{TicketId, TicketNumber};
use crate::links::NamedTicket;
use crate::playbook::{PlaybookWord, Waiting};
use crate::state::{Priority, State, TicketKind, Windows};

/// A desk that can hold tickets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desk {
    /// Its code.
    pub code: AuthorityCode,
    /// Whether it is the regional desk.
    pub is_region: bool,
}

/// A desk that is to receive a ticket, with what the rules need to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The desk.
    pub desk: Desk,
    /// Whether it is active today and enabled for the ticket's service.
    pub accepts: bool,
    /// Whose place it took (`domain.md` §8): what was theirs comes to it.
    pub predecessors: Vec<AuthorityCode>,
    /// The rule that found it.
    pub route: Option<ByRule>,
}

impl Target {
    /// Whether it is that desk, or took its place.
    pub fn stands_for(&self, code: &AuthorityCode) -> bool {
        self.desk.code == *code || self.predecessors.contains(code)
    }
}

/// A stretch of a ticket's life with one custodian (`domain.md` §4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leg {
    /// 1 for the first.
    pub no: i32,
    /// Who had custody.
    pub custodian: AuthorityCode,
    /// Since when.
    pub opened_at: Timestamp,
    /// How it ended, if it did.
    pub closed: Option<LegEnd>,
}

/// The end of a leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegEnd {
    /// When.
    pub at: Timestamp,
    /// The last entry of history that belongs to it.
    pub seq: i64,
    /// How.
    pub outcome: LegOutcome,
}

/// How a leg ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LegOutcome {
    /// Answered and closed.
    Resolved,
    /// Handed over.
    NotCompetent,
    /// Sent back.
    Returned,
    /// Sent to another authority.
    Rerouted,
    /// Withdrawn by the requester and closed.
    Withdrawn,
    /// Removed.
    Removed,
}

impl LegOutcome {
    /// The code used in the API and in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            LegOutcome::Resolved => "resolved",
            LegOutcome::NotCompetent => "not-competent",
            LegOutcome::Returned => "returned",
            LegOutcome::Rerouted => "rerouted",
            LegOutcome::Withdrawn => "withdrawn",
            LegOutcome::Removed => "removed",
        }
    }

    /// The outcome with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        [
            LegOutcome::Resolved,
            LegOutcome::NotCompetent,
            LegOutcome::Returned,
            LegOutcome::Rerouted,
            LegOutcome::Withdrawn,
            LegOutcome::Removed,
        ]
        .into_iter()
        .find(|outcome| outcome.as_str() == code)
    }
}

/// A ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// For machines.
    pub id: TicketId,
    /// For people.
    pub number: TicketNumber,
    /// The place of the last event in its history; also the version clients see (I-14).
    pub version: i64,
    /// The service it is about.
    pub service: ServiceCode,
    /// What the trouble is.
    pub problem_type: ProblemTypeCode,
    /// The authority the requester named; never changes (I-7).
    pub declared_authority: Option<AuthorityCode>,
    /// Who holds it now.
    pub custodian: Desk,
    /// Where it stands.
    pub state: State,
    /// Where it goes on, while it is merged: it is removed then, and its number leads there.
    pub merged_into: Option<NamedTicket>,
    /// Who works it at the custodian's desk.
    pub assignee: Option<Assignee>,
    /// Its custodians in order; the last one is open while the ticket is not final.
    pub legs: Vec<Leg>,
    /// How often the region returned it.
    pub bounces: i32,
    /// How often it was reopened.
    pub reopens: i32,
    /// How many reminders went to the requester in all.
    pub reminders: i32,
    /// How often the requester nudged; no reminder, which the system sends.
    pub nudges: i32,
    /// When they did so last.
    pub nudged_at: Option<Timestamp>,
    /// Something happened that a person should look at.
    pub needs_attention: bool,
    /// How soon it matters.
    pub priority: Priority,
    /// What sort of request it is, when somebody said so.
    pub kind: Option<TicketKind>,
    /// Words for finding it again: lower-case slugs, no free text.
    pub tags: Vec<String>,
    /// When the person was taken out of it (T25): from then on it is for counting.
    pub anonymised_at: Option<Timestamp>,
    /// What the answers of the present custodian to its playbook lead to, once there are any.
    pub playbook: Option<PlaybookWord>,
    /// Since when the processing of its data is restricted (GDPR 18); none while it is not.
    pub restricted_at: Option<Timestamp>,
    /// When it was filed.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a ticket is made from, beside the requester's own data.
#[derive(Debug, Clone)]
pub struct NewTicket {
    /// A fresh id.
    pub id: TicketId,
    /// A fresh number.
    pub number: TicketNumber,
    /// The service.
    pub service: ServiceCode,
    /// The problem type.
    pub problem_type: ProblemTypeCode,
    /// The authority named.
    pub declared_authority: Option<AuthorityCode>,
    /// The first custodian.
    pub custodian: Desk,
    /// The rule that found it.
    pub route: Option<ByRule>,
}

impl Ticket {
    /// Files a ticket (T01): the ticket and the first entry of its history.
    pub fn file(new: NewTicket, now: Timestamp) -> (Ticket, Event) {
        let change = Change::Filed {
            custodian: new.custodian.code.clone(),
            route: new.route,
        };
        let leg = Leg {
            no: 1,
            custodian: new.custodian.code.clone(),
            opened_at: now,
            closed: None,
        };
        let ticket = Ticket {
            id: new.id,
            number: new.number,
            version: 1,
            service: new.service,
            problem_type: new.problem_type,
            declared_authority: new.declared_authority,
            custodian: new.custodian,
            state: State::New,
            merged_into: None,
            assignee: None,
            legs: vec![leg],
            bounces: 0,
            reopens: 0,
            reminders: 0,
            nudges: 0,
            nudged_at: None,
            needs_attention: false,
            priority: Priority::Medium,
            kind: None,
            tags: Vec::new(),
            anonymised_at: None,
            playbook: None,
            restricted_at: None,
            created_at: now,
            updated_at: now,
        };
        (
            ticket,
            Event {
                seq: 1,
                at: now,
                change,
                note: None,
            },
        )
    }

    /// The authority that had custody before the present leg.
    pub fn previous_custodian(&self) -> Option<&AuthorityCode> {
        self.legs.iter().rev().nth(1).map(|leg| &leg.custodian)
    }

    /// The desk where it was filed, whose key seals what belongs to it wherever custody moves.
    pub fn filed_at(&self) -> &AuthorityCode {
        let first = self.legs.first();
        first.map_or(&self.custodian.code, |leg| &leg.custodian)
    }

    /// Whether nobody of its desk took charge since it came there: a colleague it was merely given to
    /// has not touched it either.
    pub fn is_untouched(&self) -> bool {
        self.state.code().is_untouched()
    }

    /// Whether it came to its desk from another one.
    pub fn is_transferred(&self) -> bool {
        self.legs.len() > 1
    }

    /// What it waits for without being paused, while anybody works it.
    pub fn waiting(&self) -> Option<&Waiting> {
        let word = self.playbook.as_ref();
        word.filter(|_| self.state.code().is_open())
            .and_then(|word| word.waiting.as_ref())
    }

    /// When somebody must be told to look whether that came; none once they were.
    pub fn next_review(&self) -> Option<Timestamp> {
        if self.restricted_at.is_some() {
            return None;
        }
        let waiting = self.waiting().filter(|waiting| !waiting.is_told);
        waiting.map(|waiting| waiting.review_at)
    }

    /// When it was closed or removed; none while it is not over.
    pub const fn over_since(&self) -> Option<Timestamp> {
        match self.state {
            State::AutoClosed { at, .. } | State::Removed { at } => Some(at),
            _ => None,
        }
    }

    /// When the scheduler must look at this ticket next; none while only people can move it.
    pub fn next_timer(&self, windows: &Windows) -> Option<Timestamp> {
        match self.state {
            State::Resolved { closes_at, .. } => Some(closes_at),
            State::AwaitingInfo { since, reminders } => {
                let reminder = usize::try_from(reminders)
                    .ok()
                    .and_then(|sent| windows.reminders.get(sent));
                let wait = reminder.map_or(windows.give_up, |next| (*next).min(windows.give_up));
                since.checked_add(wait).ok()
            }
            _ => None,
        }
    }

    /// The same, and none while the processing is restricted: time stands still then (GDPR 18).
    pub fn awaited_timer(&self, windows: &Windows) -> Option<Timestamp> {
        let timer = self.next_timer(windows);
        timer.filter(|_| self.restricted_at.is_none())
    }
}
