//! What only shows when every combination of answers is tried: combinations without a decision, rules
//! that never decide, drafts that say nothing.

mod between;

use domain::catalogue::ReferenceError;

pub(super) use between::between;

use super::code::{AnswerCode, CheckCode, ValueName};
use super::load::Loaded;
use super::model::{Answers, Check, Outcome, Playbook};
use super::run::{Found, find};

/// The most combinations of answers a playbook may have: enough for seven questions with three
/// answers each, and few enough to try them all at every start.
pub const MOST_COMBINATIONS: usize = 4_096;

/// One answer to each check, in the order asked.
type Combination<'a> = [(&'a CheckCode, &'a AnswerCode)];

/// Everything that is wrong inside a playbook.
pub(super) fn within(loaded: &Loaded<'_>) -> Vec<ReferenceError> {
    let playbook = &loaded.playbook;
    let mut errors = unnamed(loaded);
    errors.extend(unused(loaded));
    let combinations = playbook
        .checks
        .iter()
        .filter(|check| !check.is_details())
        .try_fold(1, |count: usize, check| {
            count.checked_mul(check.answers.len())
        });
    if combinations.is_none_or(|count| count > MOST_COMBINATIONS) {
        let message = format!(
            "has more than {MOST_COMBINATIONS} combinations of answers, too many to try them all"
        );
        errors.push(loaded.error(loaded.places.code, "check", message));
        return errors;
    }
    errors.extend(tried(loaded));
    errors
}

/// Checks and answers that no rule looks at.
fn unnamed(loaded: &Loaded<'_>) -> Vec<ReferenceError> {
    let playbook = &loaded.playbook;
    let mut errors = Vec::new();
    for (check, place) in playbook.checks.iter().zip(&loaded.places.checks) {
        if check.is_details() {
            continue;
        }
        let conditions = playbook.rules.iter().flat_map(|rule| &rule.when);
        let named: Vec<&AnswerCode> = conditions
            .filter(|one| one.check == check.code)
            .flat_map(|one| &one.is)
            .collect();
        if named.is_empty() {
            let message = format!("no rule looks at `{}`", check.code);
            errors.push(loaded.error(*place, "check.code", message));
            continue;
        }
        let answers = check.answers.iter().map(|answer| &answer.code);
        for answer in answers.filter(|one| !one.is_unknown() && !named.contains(one)) {
            let message = format!("no rule looks at {}={answer}", check.code);
            errors.push(loaded.error(*place, "check.answers", message));
        }
    }
    errors
}

/// Texts that no outcome names, and values that nothing asks for.
fn unused(loaded: &Loaded<'_>) -> Vec<ReferenceError> {
    let playbook = &loaded.playbook;
    let mut errors = Vec::new();
    for (draft, place) in playbook.texts.iter().zip(&loaded.places.texts) {
        if playbook
            .outcomes()
            .all(|outcome| outcome.text.as_ref() != Some(&draft.code))
        {
            let message = format!("nothing is decided with `{}`", draft.code);
            errors.push(loaded.error(*place, "text.code", message));
        }
    }
    for (rule, place) in playbook.values.iter().zip(&loaded.places.values) {
        if !is_asked_for(playbook, &rule.name) {
            let message = format!("no text and no check asks for `{}`", rule.name);
            errors.push(loaded.error(*place, "value.name", message));
        }
    }
    errors
}

fn is_asked_for(playbook: &Playbook, name: &ValueName) -> bool {
    let in_texts = playbook.texts.iter().flat_map(|draft| &draft.sentences);
    let in_checks = playbook.checks.iter();
    in_texts
        .flat_map(|sentence| sentence.gaps())
        .chain(in_checks.flat_map(|check| {
            let needs = check.answers.iter().flat_map(|answer| &answer.needs);
            check.details.iter().chain(needs)
        }))
        .any(|asked| asked == name)
}

/// Tries every combination.
fn tried(loaded: &Loaded<'_>) -> Vec<ReferenceError> {
    let playbook = &loaded.playbook;
    let mut decided = vec![false; playbook.rules.len()];
    let mut gaps = Findings::default();
    let mut silent = Findings::default();
    let mut said: Vec<Vec<bool>> = playbook
        .texts
        .iter()
        .map(|draft| vec![false; draft.sentences.len()])
        .collect();
    each(playbook, &Answers::new(), |combination| {
        let outcome = match find(&playbook.rules, |check| answer_of(combination, check)) {
            Found::Holds(place, rule) => {
                if let Some(decided) = decided.get_mut(place) {
                    *decided = true;
                }
                &rule.outcome
            }
            Found::Open(_) | Found::Nothing => {
                if combination.iter().all(|(_, answer)| !answer.is_unknown()) {
                    gaps.note(combination);
                }
                &playbook.undecided
            }
        };
        if !say(playbook, outcome, combination, &mut said) {
            silent.note(combination);
        }
    });
    let mut errors = Vec::new();
    if let Some(which) = gaps.told() {
        errors.push(loaded.error(
            loaded.places.code,
            "rule",
            format!("no rule decides {which}"),
        ));
    }
    if let Some(which) = silent.told() {
        let message = format!("the text that goes with the decision says nothing for {which}");
        errors.push(loaded.error(loaded.places.code, "text", message));
    }
    let rules = playbook.rules.iter().zip(&loaded.places.rules);
    for ((rule, place), _) in rules.zip(decided).filter(|(_, decided)| !decided) {
        let when: Vec<String> = rule
            .when
            .iter()
            .map(|one| {
                let is: Vec<&str> = one.is.iter().map(AnswerCode::as_str).collect();
                format!("{}={}", one.check, is.join("|"))
            })
            .collect();
        let message = format!(
            "the rule for {} never decides: rules before it hold in every such case",
            when.join(", ")
        );
        errors.push(loaded.error(*place, "rule.when", message));
    }
    for (said, places) in said.iter().zip(&loaded.places.sentences) {
        for (_, place) in said.iter().zip(places).filter(|(said, _)| !**said) {
            let message = "this sentence is for answers that its text never goes with".to_owned();
            errors.push(loaded.error(*place, "text.sentence.when", message));
        }
    }
    errors
}

/// Marks the sentences that go with an outcome; whether there is one that is always said.
fn say(
    playbook: &Playbook,
    outcome: &Outcome,
    combination: &Combination<'_>,
    said: &mut [Vec<bool>],
) -> bool {
    let Some(code) = &outcome.text else {
        return true;
    };
    let mut texts = playbook.texts.iter().zip(said);
    let Some((draft, marks)) = texts.find(|(draft, _)| draft.code == *code) else {
        return true;
    };
    let mut is_something_said = false;
    for (sentence, mark) in draft.sentences.iter().zip(marks) {
        if sentence.is_for(|check| answer_of(combination, check)) {
            *mark = true;
            is_something_said |= !sentence.optional;
        }
    }
    is_something_said
}

/// Calls `visit` with every combination of answers to a playbook's checks that agrees with what was
/// carried along. Nothing is made anew for each: there can be thousands, at every start.
pub(super) fn each<'a>(
    playbook: &'a Playbook,
    carried: &'a Answers,
    mut visit: impl FnMut(&Combination<'a>),
) {
    let checks: Vec<&Check> = playbook
        .checks
        .iter()
        .filter(|check| !check.is_details())
        .collect();
    extend(&checks, carried, &mut Vec::new(), &mut visit);
}

fn extend<'a>(
    checks: &[&'a Check],
    carried: &'a Answers,
    so_far: &mut Vec<(&'a CheckCode, &'a AnswerCode)>,
    visit: &mut impl FnMut(&Combination<'a>),
) {
    let Some((check, rest)) = checks.split_first() else {
        return visit(so_far);
    };
    let fact = carried.get(&check.code);
    let answers = check.answers.iter().map(|answer| &answer.code);
    for answer in answers.filter(|one| fact.is_none_or(|fact| fact == *one)) {
        so_far.push((&check.code, answer));
        extend(rest, carried, so_far, visit);
        so_far.pop();
    }
}

pub(super) fn answer_of<'a>(
    combination: &Combination<'a>,
    check: &CheckCode,
) -> Option<&'a AnswerCode> {
    let found = combination.iter().find(|(code, _)| *code == check)?;
    Some(found.1)
}

pub(super) fn told(combination: &Combination<'_>) -> String {
    let pairs = combination
        .iter()
        .map(|(check, answer)| format!("{check}={answer}"));
    pairs.collect::<Vec<_>>().join(", ")
}

/// The first of the combinations that have a fault, and how many have it.
#[derive(Default)]
struct Findings {
    first: Option<String>,
    count: usize,
}

impl Findings {
    fn note(&mut self, combination: &Combination<'_>) {
        self.first.get_or_insert_with(|| told(combination));
        self.count += 1;
    }

    fn told(self) -> Option<String> {
        let more = self.count.saturating_sub(1);
        self.first.map(|first| match more {
            0 => first,
            more => format!("{first} (and {more} more)"),
        })
    }
}
