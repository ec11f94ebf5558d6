//! What the playbook of a ticket says, as far as the life cycle heeds it: a hand-over needs its word
//! (T13), and nothing is resolved while a fix is waited for (T09).
//!
//! Which playbooks there are and what answers lead to is `escalation::playbook`'s affair; here is the
//! word they came to, as it stands on the ticket. Codes alone: the answers are rows of their own.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::codes::PlaybookCode;
use crate::invalid::FieldError;
use crate::state::{HandOverReason, PlaybookDecision, WaitingReason};

/// What the answers of the present custodian lead to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaybookWord {
    /// The playbook that came to it.
    pub playbook: PlaybookCode,
    /// Its version, which the ticket keeps.
    pub version: i32,
    /// What to do.
    pub decision: PlaybookDecision,
    /// Why the ticket may be handed over, if it may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<HandOverReason>,
    /// What is waited for, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
}

/// What an open ticket waits for without being paused (`domain.md` A-7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// What for.
    pub reason: WaitingReason,
    /// When somebody should look whether it came.
    pub review_at: Timestamp,
    /// Whether the desk was told that the time has come.
    #[serde(default)]
    pub is_told: bool,
}

impl PlaybookWord {
    /// Whether another word says the same; when to look again is not what is said.
    pub fn says_the_same_as(&self, other: &PlaybookWord) -> bool {
        self.playbook == other.playbook
            && self.version == other.version
            && self.decision == other.decision
            && self.reason == other.reason
            && self.waiting.is_some() == other.waiting.is_some()
    }
}

/// The playbook behind a hand-over, as the event keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RanPlaybook {
    /// Its code.
    pub code: PlaybookCode,
    /// Its version.
    pub version: i32,
    /// What it decided: anything but `escalate` means that a supervisor overrode it.
    pub decision: PlaybookDecision,
    /// Why, by its rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<HandOverReason>,
}

impl From<&PlaybookWord> for RanPlaybook {
    fn from(word: &PlaybookWord) -> Self {
        RanPlaybook {
            code: word.playbook.clone(),
            version: word.version,
            decision: word.decision,
            reason: word.reason,
        }
    }
}

/// Whether playbooks have a say in an action, found by whoever gives the command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Verdict {
    /// No playbook governs the ticket.
    #[default]
    NotGoverned,
    /// One does: its word is on the ticket, or was not come to yet.
    Governed {
        /// The checks that keep it from the word the action needs, by pointer.
        unmet: Vec<FieldError>,
    },
}
