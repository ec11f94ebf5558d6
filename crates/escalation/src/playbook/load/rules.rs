//! Rules and outcomes: conditions that exist, and decisions that have what belongs to them.

use domain::state::{HandOverReason, ResolutionCode};
use toml::Spanned;

use super::{Loaded, Reader, find_check};
use crate::playbook::code::{AnswerCode, CheckCode, DraftCode, PlaybookCode, UNKNOWN};
use crate::playbook::file::{RawChoice, RawConditions, RawNext, RawRule, Word};
use crate::playbook::model::{Check, Condition, Decision, Next, Outcome, Rule};

impl Reader<'_> {
    pub(super) fn rules(&mut self, raw: Vec<RawRule>, checks: &[Check]) -> Vec<Rule> {
        let mut rules = Vec::new();
        for mut one in raw {
            let when = one.when.take();
            if when.as_ref().is_none_or(|when| when.get_ref().is_empty()) {
                let message = "a rule without conditions would hold whatever is unknown";
                self.say(one.decision.span(), "rule.when", message);
            }
            rules.push(Rule {
                when: self.conditions("rule.when", when, checks),
                outcome: self.outcome("rule", one),
            });
        }
        rules
    }

    pub(super) fn undecided(&mut self, mut raw: RawRule) -> Outcome {
        if let Some(when) = raw.when.take() {
            self.say(
                when.span(),
                "undecided.when",
                "it is for whatever is left: no conditions",
            );
        }
        let place = raw.decision.span();
        let outcome = self.outcome("undecided", raw);
        let is_open = matches!(
            outcome.decision,
            Decision::AskCitizen | Decision::AuthorityActs | Decision::Continue
        );
        if !is_open || outcome.next.is_some() {
            let message = "what nobody knows settles nothing: `ask-citizen`, `authority-acts` or \
                           `continue`, and no `next`";
            self.say(place, "undecided.decision", message);
        }
        outcome
    }

    /// The conditions in the order of the checks they name.
    pub(super) fn conditions(
        &mut self,
        field: &str,
        raw: Option<Spanned<RawConditions>>,
        checks: &[Check],
    ) -> Vec<Condition> {
        let mut found = Vec::new();
        for (word, choice) in raw.map(Spanned::into_inner).unwrap_or_default() {
            let Some(check) = find_check(checks, &word) else {
                let message = format!("there is no check `{}`", word.get_ref());
                self.say(word.span(), field, &message);
                continue;
            };
            let at = choice.span();
            let words = match choice.into_inner() {
                RawChoice::One(answer) => vec![Word::new(at.clone(), answer)],
                RawChoice::AnyOf(words) => words,
            };
            if words.is_empty() {
                self.say(at, field, "an empty list is satisfied by nothing");
            }
            self.once(field, words.iter());
            let is = words
                .iter()
                .filter_map(|word| self.known_answer(field, word, check))
                .collect();
            found.push(Condition {
                check: check.code.clone(),
                is,
            });
        }
        found.sort_by_key(|condition| checks.iter().position(|one| one.code == condition.check));
        found
    }

    fn known_answer(&mut self, field: &str, word: &Word, check: &Check) -> Option<AnswerCode> {
        let answer = AnswerCode::from(word.get_ref().as_str());
        let message = match () {
            () if check.is_details() => {
                format!("`{}` asks for values, which no rule looks at", check.code)
            }
            () if answer.is_unknown() => format!("`{UNKNOWN}` satisfies no rule"),
            () if check.answer(&answer).is_none() => {
                format!("`{}` has no answer `{answer}`", check.code)
            }
            () => return Some(answer),
        };
        self.say(word.span(), field, &message);
        None
    }

    fn outcome(&mut self, part: &str, raw: RawRule) -> Outcome {
        let field = |name: &str| format!("{part}.{name}");
        let decision = Decision::from_code(raw.decision.get_ref()).unwrap_or_else(|| {
            let all: Vec<&str> = Decision::ALL.into_iter().map(Decision::as_str).collect();
            let message = format!("is none of {}", all.join(", "));
            self.say(raw.decision.span(), &field("decision"), &message);
            Decision::Continue
        });
        let reason = raw.reason.as_ref().and_then(|word| {
            let reason = HandOverReason::from_code(word.get_ref());
            if reason.is_none() {
                self.say(word.span(), &field("reason"), "is no reason of a hand-over");
            }
            reason
        });
        let resolution = raw.resolution.as_ref().and_then(|word| {
            let code =
                ResolutionCode::from_code(word.get_ref()).filter(|code| code.is_for_people());
            if code.is_none() {
                self.say(
                    word.span(),
                    &field("resolution"),
                    "is no resolution that people give",
                );
            }
            code
        });
        if let Some(days) = &raw.review_after_days
            && !(1..=90).contains(days.get_ref())
        {
            self.say(
                days.span(),
                &field("review_after_days"),
                "must be from 1 to 90",
            );
        }
        Outcome {
            decision,
            why: self.text(&field("why"), raw.why),
            reason,
            resolution,
            text: raw.text.map(|word| DraftCode::new(word.into_inner())),
            follow_up: raw
                .follow_up
                .map(|text| self.text(&field("follow_up"), text)),
            review_after_days: raw.review_after_days.map(Spanned::into_inner),
            next: raw.next.map(|next| self.next(next.into_inner())),
        }
    }

    /// What is carried is looked at when all playbooks are there.
    fn next(&mut self, raw: RawNext) -> Next {
        let carry = raw.carry.into_iter();
        Next {
            playbook: PlaybookCode::new(raw.playbook.into_inner()),
            carry: carry
                .map(|(check, answer)| {
                    let check = CheckCode::new(check.into_inner());
                    (check, AnswerCode::new(answer.into_inner()))
                })
                .collect(),
        }
    }

    /// Each decision has what belongs to it, and nothing that belongs to another.
    pub(super) fn outcomes_fit(&mut self, loaded: &Loaded<'_>) {
        let rules = loaded.places.rules.iter().map(|place| (*place, "rule"));
        let places = rules.chain([(loaded.places.undecided, "undecided")]);
        for (outcome, (place, part)) in loaded.playbook.outcomes().zip(places) {
            for (field, message) in misfits(loaded, outcome) {
                self.say(place..place, &format!("{part}.{field}"), &message);
            }
        }
    }
}

/// Whether a part goes with a decision.
#[derive(Clone, Copy)]
enum Part {
    Needed,
    Possible,
    Foreign,
}

fn misfits(loaded: &Loaded<'_>, outcome: &Outcome) -> Vec<(&'static str, String)> {
    use Part::{Foreign, Needed, Possible};
    let playbook = &loaded.playbook;
    let decision = outcome.decision;
    let mut found = Vec::new();
    if decision == Decision::Escalate && !playbook.may_escalate {
        let message = "`may_escalate = false`: this playbook hands nothing over".to_owned();
        found.push(("decision", message));
    }
    let (reason, resolution, text, follow_up, review, next) = match decision {
        Decision::Escalate => (Needed, Foreign, Needed, Possible, Foreign, Foreign),
        Decision::Resolve => (Foreign, Needed, Needed, Possible, Foreign, Foreign),
        Decision::AnswerCitizen => (Foreign, Possible, Needed, Possible, Foreign, Foreign),
        Decision::AskCitizen => (Foreign, Foreign, Needed, Possible, Foreign, Foreign),
        Decision::Hold => (Foreign, Foreign, Possible, Possible, Needed, Foreign),
        Decision::AuthorityActs => (Foreign, Foreign, Possible, Needed, Foreign, Foreign),
        Decision::OpenActivity => (Foreign, Foreign, Needed, Possible, Foreign, Foreign),
        Decision::Continue => (Foreign, Foreign, Foreign, Possible, Foreign, Possible),
    };
    let parts = [
        ("reason", outcome.reason.is_some(), reason),
        ("resolution", outcome.resolution.is_some(), resolution),
        ("text", outcome.text.is_some(), text),
        ("follow_up", outcome.follow_up.is_some(), follow_up),
        (
            "review_after_days",
            outcome.review_after_days.is_some(),
            review,
        ),
        ("next", outcome.next.is_some(), next),
    ];
    for (field, is_there, part) in parts {
        let message = match (is_there, part) {
            (false, Needed) => format!("`{}` needs it", decision.as_str()),
            (true, Foreign) => format!("does not belong to `{}`", decision.as_str()),
            _ => continue,
        };
        found.push((field, message));
    }
    if let Some(code) = &outcome.text {
        match playbook.text(code) {
            None => found.push(("text", format!("there is no text `{code}`"))),
            Some(draft) if decision.audience(playbook.run_by) != Some(draft.audience) => {
                let wanted = decision
                    .audience(playbook.run_by)
                    .map_or("nobody", |one| one.as_str());
                let message = format!(
                    "`{code}` is read by {}, and `{}` is for {wanted}",
                    draft.audience.as_str(),
                    decision.as_str(),
                );
                found.push(("text", message));
            }
            Some(_) => {}
        }
    }
    found
}
