//! What holds for the shipped playbooks whatever is answered, in whatever order, and with whatever
//! values.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside `#[test]`")]

#[expect(dead_code, reason = "other tests of playbooks use the rest")]
mod support;

use std::sync::LazyLock;

use domain::invalid::Lang;
use escalation::playbook::{
    AnswerCode, Answers, CheckCode, Decision, LONGEST_RUN, Part, Playbook, Set, ValueKind,
    ValueName, Values,
};
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use proptest::test_runner::Config;
use support::shipped;

static SET: LazyLock<Set> = LazyLock::new(shipped);

/// A playbook to begin with.
fn start() -> impl Strategy<Value = &'static Playbook> {
    select(SET.playbooks().iter().collect::<Vec<_>>())
}

/// Answers to all checks of all playbooks, in an order of their own.
fn everything() -> impl Strategy<Value = Vec<(CheckCode, AnswerCode)>> {
    let checks: Vec<_> = SET
        .playbooks()
        .iter()
        .flat_map(|playbook| &playbook.checks)
        .filter(|check| !check.is_details())
        .collect();
    let count = checks.len();
    prop::collection::vec(any::<Index>(), count).prop_flat_map(move |picks| {
        let answers: Vec<_> = checks
            .iter()
            .zip(picks)
            .map(|(check, pick)| (check.code.clone(), pick.get(&check.answers).code.clone()))
            .collect();
        Just(answers).prop_shuffle()
    })
}

/// Any part of them.
fn something() -> impl Strategy<Value = Answers> {
    everything().prop_flat_map(|all| {
        let count = all.len();
        subsequence(all, 0..=count).prop_map(|some| some.into_iter().collect())
    })
}

/// A value of each name, or none, in the form they are read into: without blanks around.
fn values() -> impl Strategy<Value = Values> {
    let rules: Vec<_> = SET
        .playbooks()
        .iter()
        .flat_map(|playbook| &playbook.values)
        .collect();
    let each = rules.iter().map(|rule| {
        let good = match rule.kind {
            ValueKind::Text { .. } => "[A-Za-z0-9{}<>&%$/][A-Za-z0-9{}<>&%$ /]{0,60}[a-z}]".boxed(),
            ValueKind::Digits { length } => prop::collection::vec(0_u8..10, length)
                .prop_map(|digits| digits.iter().map(u8::to_string).collect())
                .boxed(),
            ValueKind::Date => (1_i8..=28, 1_i8..=12)
                .prop_map(|(day, month)| format!("2026-{month:02}-{day:02}"))
                .boxed(),
            ValueKind::Amount => (0_u32..100_000)
                .prop_map(|cents| format!("{}.{:02}", cents / 100, cents % 100))
                .boxed(),
            ValueKind::Authority => Just("010204".to_owned()).boxed(),
        };
        (Just(rule.name.clone()), prop::option::of(good))
    });
    each.collect::<Vec<_>>().prop_map(|all| {
        let given = all.into_iter();
        given
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    })
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, cases: 512, ..Config::default() })]

    #[test]
    fn a_run_ends_and_says_what_comes_next(start in start(), answers in something()) {
        let run = SET.run(start, &answers);
        prop_assert!((1..LONGEST_RUN).contains(&run.path.len()));
        let last = run.path.last().unwrap();
        let playbook = SET.get(&last.playbook).unwrap();
        match last.rule {
            Some(rule) => {
                prop_assert_eq!(&run.outcome, &playbook.rules[rule].outcome);
                prop_assert!(run.outcome.next.is_none());
                prop_assert!(run.next_checks.is_empty());
            }
            None => {
                prop_assert!(!run.next_checks.is_empty());
                prop_assert_ne!(run.outcome.decision, Decision::Escalate);
                prop_assert_ne!(run.outcome.decision, Decision::Resolve);
            }
        }
    }

    #[test]
    fn the_order_of_answering_never_matters_and_more_answers_never_undecide(
        start in start(),
        all in everything(),
    ) {
        let mut answers = Answers::new();
        let mut decided = None;
        for (check, answer) in all.iter().cloned() {
            answers.insert(check, answer);
            let run = SET.run(start, &answers);
            if let Some(before) = &decided {
                prop_assert_eq!(&run.outcome, before);
            }
            if run.path.last().unwrap().rule.is_some() {
                decided = Some(run.outcome);
            }
        }
        // Whatever the order was, the end is the same.
        let sorted: Answers = all.into_iter().collect();
        let end = SET.run(start, &sorted);
        prop_assert_eq!(&SET.run(start, &answers), &end);
        if let Some(before) = decided {
            prop_assert_eq!(end.outcome, before);
        }
    }

    #[test]
    fn what_nobody_knows_satisfies_nothing(start in start(), answers in something()) {
        let run = SET.run(start, &answers);
        for step in &run.path {
            let Some(rule) = step.rule else { continue };
            let playbook = SET.get(&step.playbook).unwrap();
            for condition in &playbook.rules[rule].when {
                prop_assert!(!step.answers[&condition.check].is_unknown());
            }
        }
        // With every `unknown` taken back, what was decided by a rule may wait, and nothing else
        // is decided.
        let known: Answers = answers
            .into_iter()
            .filter(|(_, answer)| !answer.is_unknown())
            .collect();
        let without = SET.run(start, &known);
        if without.path.last().unwrap().rule.is_some() {
            prop_assert_eq!(without.outcome, run.outcome);
        }
    }

    #[test]
    fn what_keeps_from_handing_over_is_told_until_it_is_done(
        start in start(),
        answers in something(),
    ) {
        let run = SET.run(start, &answers);
        let may_escalate = run
            .path
            .iter()
            .any(|step| SET.get(&step.playbook).unwrap().may_escalate);
        let is_escalated = run.outcome.decision == Decision::Escalate;
        if is_escalated || !may_escalate {
            prop_assert!(run.unmet.is_empty());
        }
        for unmet in &run.unmet {
            let step = run.path.iter().find(|step| step.playbook == unmet.playbook).unwrap();
            prop_assert!(step.answers.contains_key(&unmet.check) == unmet.answer.is_some());
            prop_assert!(!unmet.answer.as_ref().is_some_and(|one| unmet.needed.contains(one)));
        }
    }

    #[test]
    fn a_draft_is_complete_when_nothing_is_missing_and_not_before(
        start in start(),
        all in everything(),
        values in values(),
    ) {
        let run = SET.run(start, &all.into_iter().collect());
        let Some(note) = SET.draft(&run, &values, Lang::It) else {
            prop_assert!(run.outcome.text.is_none());
            return Ok(());
        };
        prop_assert!(note.invalid.is_empty());
        prop_assert_eq!(note.body.is_some(), note.missing.is_empty());
        prop_assert!(note.missing.iter().all(|name| !values.contains_key(name)));
        let last = SET.get(&run.path.last().unwrap().playbook).unwrap();
        prop_assert_eq!(Some(note.audience), run.outcome.decision.audience(last.run_by));
        // Filled with what was missing, it is whole.
        let mut full = values;
        for name in note.missing {
            full.insert(name.clone(), example(&name));
        }
        let body = SET.draft(&run, &full, Lang::It).unwrap().body.unwrap();
        prop_assert!(!body.is_empty() && body.chars().count() < 2_000);
        let draft = last.text(run.outcome.text.as_ref().unwrap()).unwrap();
        for sentence in draft.sentences.iter().filter(|one| one.when.is_empty()) {
            let is_said = !sentence.optional || sentence.gaps().all(|name| full.contains_key(name));
            for part in sentence.parts(Lang::It).iter().filter(|_| is_said) {
                match part {
                    Part::Words(words) => prop_assert!(body.contains(words)),
                    Part::Gap(name) if is_text(name) => {
                        prop_assert!(body.contains(&full[name]), "as it is");
                    }
                    Part::Gap(_) => {}
                }
            }
        }
    }
}

fn is_text(name: &ValueName) -> bool {
    matches!(SET.value(name).unwrap().kind, ValueKind::Text { .. })
}

fn example(name: &ValueName) -> String {
    let example = match SET.value(name).unwrap().kind {
        ValueKind::Text { .. } => "R-1",
        ValueKind::Digits { .. } => "301000000000000000",
        ValueKind::Date => "2026-11-20",
        ValueKind::Amount => "36.15",
        ValueKind::Authority => "010204",
    };
    example.to_owned()
}
