//! What a playbook says: checks, rules, outcomes, and the words around them (`domain.md` §6).
//!
//! Only [`super::Set`] makes these, from files it has checked as a whole.

use std::collections::BTreeMap;

use domain::codes::{ProblemTypeCode, ServiceCode};
use domain::invalid::Text;
use domain::note::Audience;
use domain::state::{HandOverReason, ResolutionCode};
use serde::{Deserialize, Serialize};

use super::code::{AnswerCode, CheckCode, DraftCode, PlaybookCode, ValueName};
use super::draft::Draft;
use super::values::ValueRule;

/// What was answered, by check.
pub type Answers = BTreeMap<CheckCode, AnswerCode>;

/// A guided way from a problem to a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Playbook {
    /// Its code, which stays the same from version to version.
    pub code: PlaybookCode,
    /// What people call it.
    pub label: Text,
    /// What it is for, in a sentence.
    pub purpose: Text,
    /// Where it may be begun with; others go on to it alone.
    pub applies_to: Vec<Governed>,
    /// Whose desk works through it.
    pub run_by: RunBy,
    /// Whether it may decide that the region takes over; PB-1 and PB-5 never do (`domain.md` §6).
    pub may_escalate: bool,
    /// What has to be found out, in the order asked.
    pub checks: Vec<Check>,
    /// What follows from it: the first rule that holds decides.
    pub rules: Vec<Rule>,
    /// What to do when everything is answered, something with `unknown`, and no rule holds.
    pub undecided: Outcome,
    /// The values its drafts and checks ask for.
    pub values: Vec<ValueRule>,
    /// The notes it drafts.
    pub texts: Vec<Draft>,
}

impl Playbook {
    /// The check with that code.
    pub fn check(&self, code: &CheckCode) -> Option<&Check> {
        self.checks.iter().find(|check| check.code == *code)
    }

    /// The draft with that code.
    pub fn text(&self, code: &DraftCode) -> Option<&Draft> {
        self.texts.iter().find(|draft| draft.code == *code)
    }

    /// The value with that name.
    pub fn value(&self, name: &ValueName) -> Option<&ValueRule> {
        self.values.iter().find(|rule| rule.name == *name)
    }

    /// Every outcome it can have: those of its rules in order, then the one for what nobody knows.
    pub fn outcomes(&self) -> impl Iterator<Item = &Outcome> {
        self.rules
            .iter()
            .map(|rule| &rule.outcome)
            .chain([&self.undecided])
    }
}

/// Problem types of a service that a playbook may be begun with for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Governed {
    /// The service.
    pub service: ServiceCode,
    /// Its problem types.
    pub problem_types: Vec<ProblemTypeCode>,
    /// Its place among the playbooks of the same problem types, from 1: the first is the usual one.
    pub place: u8,
}

/// Whose desk works through a playbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunBy {
    /// The health authority that has the request.
    Authority,
    /// The regional desk.
    Region,
}

/// One thing to find out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Its code.
    pub code: CheckCode,
    /// The question, to the operator.
    pub question: Text,
    /// Who finds out, and where.
    pub verified_by: Text,
    /// What the citizen may be asked first (T04).
    pub ask_citizen: Option<Text>,
    /// What may be answered, in the order shown, `unknown` included where it is allowed; empty for
    /// a check of details.
    pub answers: Vec<Answer>,
    /// The values a check of details asks instead of an answer. It takes part in no rule.
    pub details: Vec<ValueName>,
}

impl Check {
    /// Whether it asks for values instead of an answer.
    pub fn is_details(&self) -> bool {
        self.answers.is_empty()
    }

    /// The answer with that code.
    pub fn answer(&self, code: &AnswerCode) -> Option<&Answer> {
        self.answers.iter().find(|answer| answer.code == *code)
    }
}

/// One of the answers a check takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its code.
    pub code: AnswerCode,
    /// What people read.
    pub label: Text,
    /// The values to ask for with this answer.
    pub needs: Vec<ValueName>,
}

/// What follows when conditions hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What must hold, all of it.
    pub when: Vec<Condition>,
    /// What follows.
    pub outcome: Outcome,
}

/// A check has one of these answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The check.
    pub check: CheckCode,
    /// The answers that satisfy it; `unknown` is never among them.
    pub is: Vec<AnswerCode>,
}

/// What a playbook says is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What to do.
    pub decision: Decision,
    /// Why, for the operator.
    pub why: Text,
    /// The reason of the hand-over; with `escalate` alone, and always there.
    pub reason: Option<HandOverReason>,
    /// How the request is resolved; always there with `resolve`, possible with `answer-citizen`.
    pub resolution: Option<ResolutionCode>,
    /// The note to write.
    pub text: Option<DraftCode>,
    /// What to do besides, or afterwards.
    pub follow_up: Option<Text>,
    /// When to look again, in days; with `hold` alone, and always there.
    pub review_after_days: Option<u32>,
    /// The playbook to go on with; with `continue` alone.
    pub next: Option<Next>,
}

impl Outcome {
    /// Rules are still open: more has to be found out.
    pub(super) fn more_to_check() -> Self {
        Outcome {
            decision: Decision::Continue,
            why: Text::new(
                "Mancano ancora alcune verifiche",
                "some checks have no answer yet",
            ),
            reason: None,
            resolution: None,
            text: None,
            follow_up: None,
            review_after_days: None,
            next: None,
        }
    }
}

/// Where to go on, and what is known there already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// The playbook to go on with.
    pub playbook: PlaybookCode,
    /// Answers to its checks that follow from what was found so far.
    pub carry: Vec<(CheckCode, AnswerCode)>,
}

/// What a playbook decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// The region takes over (T13).
    Escalate,
    /// The request is resolved (T09).
    Resolve,
    /// The citizen gets an answer that explains.
    AnswerCitizen,
    /// The citizen is asked for what is missing (T04).
    AskCitizen,
    /// The request stays open until something is corrected; it is not resolved meanwhile.
    Hold,
    /// The desk has something to do itself before it goes on.
    AuthorityActs,
    /// The technical desk gets an activity (T18).
    OpenActivity,
    /// More has to be found out, here or in the next playbook.
    Continue,
}

impl Decision {
    /// Every decision.
    pub const ALL: [Decision; 8] = [
        Decision::Escalate,
        Decision::Resolve,
        Decision::AnswerCitizen,
        Decision::AskCitizen,
        Decision::Hold,
        Decision::AuthorityActs,
        Decision::OpenActivity,
        Decision::Continue,
    ];

    /// The code used in files, in the API and in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Decision::Escalate => "escalate",
            Decision::Resolve => "resolve",
            Decision::AnswerCitizen => "answer-citizen",
            Decision::AskCitizen => "ask-citizen",
            Decision::Hold => "hold",
            Decision::AuthorityActs => "authority-acts",
            Decision::OpenActivity => "open-activity",
            Decision::Continue => "continue",
        }
    }

    /// The decision with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Decision::ALL.into_iter().find(|one| one.as_str() == code)
    }

    /// Who reads the note that goes with it (`domain.md` §5.1); `None` where there is none. An
    /// authority tells the requester what it does itself, the region tells the authority.
    pub const fn audience(self, run_by: RunBy) -> Option<Audience> {
        match (self, run_by) {
            (Decision::Escalate, _) => Some(Audience::Region),
            (
                Decision::Resolve | Decision::AnswerCitizen | Decision::AskCitizen | Decision::Hold,
                _,
            )
            | (Decision::AuthorityActs, RunBy::Authority) => Some(Audience::Citizen),
            (Decision::AuthorityActs, RunBy::Region) => Some(Audience::Authority),
            (Decision::OpenActivity, _) => Some(Audience::Technical),
            (Decision::Continue, _) => None,
        }
    }
}
