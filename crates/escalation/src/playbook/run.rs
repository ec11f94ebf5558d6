//! From answers to a decision: rules are gone through from the top, and the first that holds decides.
//!
//! A rule is passed over only when an answer contradicts it, and `unknown` does. While the first rule
//! not passed over waits for an answer nothing is decided, so the order of answering never matters
//! and one more answer never takes a decision back.

use std::cmp::Reverse;

use super::Set;
use super::code::{AnswerCode, CheckCode, PlaybookCode};
use super::model::{Answers, Condition, Decision, Outcome, Playbook, Rule};

/// The most playbooks a run goes through. A set in which a run could go through more is refused.
pub const LONGEST_RUN: usize = 16;

/// What came of answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The playbooks gone through; never empty.
    pub path: Vec<Step>,
    /// What is to be done: the outcome of the last of them, or `continue` while it waits for
    /// answers.
    pub outcome: Outcome,
    /// What to find out next: the checks that the last playbook waits for, or those answered with
    /// `unknown` if that is all it lacks.
    pub next_checks: Vec<CheckCode>,
    /// What keeps the nearest escalating rule of the run from holding; empty once one holds, and
    /// where there is none.
    pub unmet: Vec<Unmet>,
    /// The checks whose own answer counts for nothing, because what was carried along says
    /// otherwise.
    pub overruled: Vec<CheckCode>,
}

/// A playbook that a run went through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The playbook.
    pub playbook: PlaybookCode,
    /// The answers to its checks that counted, what was carried along included.
    pub answers: Answers,
    /// The place of the rule that held, from 0.
    pub rule: Option<usize>,
}

/// A condition that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmet {
    /// The playbook.
    pub playbook: PlaybookCode,
    /// The check.
    pub check: CheckCode,
    /// What was answered.
    pub answer: Option<AnswerCode>,
    /// What would satisfy it.
    pub needed: Vec<AnswerCode>,
}

impl Set {
    /// Goes from that playbook as far as the answers lead. Answers to checks of other playbooks do
    /// no harm.
    pub fn run(&self, start: &Playbook, answers: &Answers) -> Run {
        let mut run = Run {
            path: Vec::new(),
            outcome: Outcome::more_to_check(),
            next_checks: Vec::new(),
            unmet: Vec::new(),
            overruled: Vec::new(),
        };
        let mut gone_through = Vec::new();
        let mut carried = Answers::new();
        let mut here = Some(start);
        // A set is refused in which a run could come this far (`check::between`).
        while let Some(playbook) = here.take()
            && gone_through.len() < LONGEST_RUN
        {
            let known = run.known(playbook, answers, &carried);
            let found = find(&playbook.rules, |check| known.get(check));
            run.outcome = match found {
                Found::Holds(_, rule) => rule.outcome.clone(),
                Found::Open(_) => Outcome::more_to_check(),
                Found::Nothing => playbook.undecided.clone(),
            };
            run.next_checks = waits_for(playbook, &found, &known);
            if let Some(next) = &run.outcome.next {
                carried.extend(next.carry.iter().cloned());
                here = self.get(&next.playbook);
            }
            run.path.push(Step {
                playbook: playbook.code.clone(),
                answers: known,
                rule: found.place(),
            });
            gone_through.push(playbook);
        }
        if run.outcome.decision != Decision::Escalate {
            run.unmet = nearest_escalation(&gone_through, &run.path);
        }
        run
    }
}

impl Run {
    /// The answers to a playbook's own checks: what was carried along wins over what was answered.
    fn known(&mut self, playbook: &Playbook, answers: &Answers, carried: &Answers) -> Answers {
        let mut known = Answers::new();
        for check in &playbook.checks {
            let given = answers.get(&check.code);
            let fact = carried.get(&check.code);
            if let (Some(given), Some(fact)) = (given, fact)
                && given != fact
                && !given.is_unknown()
                && !self.overruled.contains(&check.code)
            {
                self.overruled.push(check.code.clone());
            }
            // An answer of another version of the playbook is none.
            if let Some(answer) = fact.or(given)
                && check.answer(answer).is_some()
            {
                known.insert(check.code.clone(), answer.clone());
            }
        }
        known
    }
}

/// How a condition stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The answer satisfies it.
    Holds,
    /// There is no answer.
    Open,
    /// The answer is another one.
    Contradicted,
}

/// How a condition stands after these answers.
pub(super) fn standing<'a>(
    condition: &Condition,
    answer: impl Fn(&CheckCode) -> Option<&'a AnswerCode>,
) -> Standing {
    match answer(&condition.check) {
        None => Standing::Open,
        Some(answer) if condition.is.contains(answer) => Standing::Holds,
        Some(_) => Standing::Contradicted,
    }
}

/// Which rule decides.
pub(super) enum Found<'a> {
    /// This one, at this place.
    Holds(usize, &'a Rule),
    /// None yet: this one waits for an answer, and no rule before it can hold.
    Open(&'a Rule),
    /// None of them.
    Nothing,
}

impl Found<'_> {
    const fn place(&self) -> Option<usize> {
        match self {
            Found::Holds(place, _) => Some(*place),
            Found::Open(_) | Found::Nothing => None,
        }
    }
}

/// The first rule that is not contradicted.
pub(super) fn find<'r, 'a>(
    rules: &'r [Rule],
    answer: impl Fn(&CheckCode) -> Option<&'a AnswerCode>,
) -> Found<'r> {
    for (place, rule) in rules.iter().enumerate() {
        let mut is_open = false;
        let mut is_contradicted = false;
        for condition in &rule.when {
            match standing(condition, &answer) {
                Standing::Holds => {}
                Standing::Open => is_open = true,
                Standing::Contradicted => is_contradicted = true,
            }
        }
        match (is_contradicted, is_open) {
            (true, _) => {}
            (false, true) => return Found::Open(rule),
            (false, false) => return Found::Holds(place, rule),
        }
    }
    Found::Nothing
}

/// The checks to go on with, in the order they are asked.
fn waits_for(playbook: &Playbook, found: &Found<'_>, known: &Answers) -> Vec<CheckCode> {
    let matters = |code: &CheckCode| match found {
        Found::Holds(..) => false,
        Found::Open(rule) => {
            rule.when.iter().any(|one| one.check == *code) && !known.contains_key(code)
        }
        Found::Nothing => known.get(code).is_some_and(AnswerCode::is_unknown),
    };
    let checks = playbook.checks.iter().map(|check| &check.code);
    checks.filter(|code| matters(code)).cloned().collect()
}

/// What the escalating rule lacks that contradicts the answers least and has most of them for it;
/// the later one of equals, because what is particular stands before what is usual.
fn nearest_escalation(playbooks: &[&Playbook], path: &[Step]) -> Vec<Unmet> {
    let pairs = playbooks.iter().zip(path);
    let escalating = pairs.flat_map(|(playbook, step)| {
        let rules = playbook.rules.iter();
        rules
            .filter(|rule| rule.outcome.decision == Decision::Escalate)
            .map(move |rule| (rule, step))
    });
    let nearest = escalating.max_by_key(|(rule, step)| {
        let stands = |wanted| {
            let conditions = rule.when.iter();
            conditions
                .filter(|one| standing(one, |check| step.answers.get(check)) == wanted)
                .count()
        };
        (
            Reverse(stands(Standing::Contradicted)),
            stands(Standing::Holds),
        )
    });
    let Some((rule, step)) = nearest else {
        return Vec::new();
    };
    let unmet = rule
        .when
        .iter()
        .filter(|one| standing(one, |check| step.answers.get(check)) != Standing::Holds);
    unmet
        .map(|one| Unmet {
            playbook: step.playbook.clone(),
            check: one.check.clone(),
            answer: step.answers.get(&one.check).cloned(),
            needed: one.is.clone(),
        })
        .collect()
}
