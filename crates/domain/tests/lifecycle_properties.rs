//! What holds for a ticket whatever people, requesters and timers do to it, in whatever order:
//! the invariants of `domain.md` §4.7 that live in the domain.

#[path = "lifecycle_properties/life.rs"]
mod life;
mod support;

use std::collections::BTreeSet;

use domain::actor::Actor;
use domain::command::Command;
use domain::state::Windows;
use jiff::SignedDuration;
use life::{Life, Step, Wait};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use support::{MICROSECOND, REGION, TO4};

/// Whoever has the ticket comes up more often than the rest: most others are refused.
#[rustfmt::skip]
const WHO: [&str; 16] = [
    "custodian", "custodian", "custodian", "custodian", "leader", "leader", "system", "system",
    "requester", "operator", "colleague", "supervisor", "admin", "cn1-operator",
    "regional-operator", "regional-supervisor",
];

#[rustfmt::skip]
const WHAT: [&str; 36] = [
    "take", "take + to colleague", "assign + to colleague", "assign + to supervisors", "assign",
    "note + internal", "note + published + to supervisors", "note", "ask-info + published",
    "ask-info + internal", "cancel-question + internal", "resolve + published", "resolve",
    "hand-over + published", "hand-over + internal", "hand-over other + published + short",
    "return + published", "return", "reroute CN1 + published", "reroute TO4 + published",
    "open-activity + published", "open-activity", "close-activity", "reopen + internal", "reopen",
    "remove duplicate of 416 + internal", "remove", "publish-note operator",
    "merge", "merge of a stranger", "undo-merge", "undo-merge", "link", "unlink",
    "close + published", "describe",
];

const TIMERS: [&str; 4] = ["remind", "give-up", "auto-close", "allot"];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let wait = prop_oneof![
        3 => (0..100_i64).prop_map(Wait::Hours),
        1 => Just(Wait::UntilTheTimer),
        1 => Just(Wait::UntilJustAfterTheTimer),
    ];
    let step = (
        select(&WHO[..]),
        select(&WHAT[..]),
        select(&TIMERS[..]),
        any::<bool>(),
        wait,
    );
    let step = step.prop_map(|(who, what, timer, writes, wait)| match (who, writes) {
        ("system", _) => (who, timer, wait),
        ("requester", true) => (who, "reply", wait),
        ("requester", false) => (who, "withdraw", wait),
        _ => (who, what, wait),
    });
    prop::collection::vec(step, 1..80)
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

    #[test]
    fn the_invariants_hold_after_any_sequence_of_commands(
        first in select(&[TO4, REGION][..]),
        steps in steps(),
    ) {
        let mut life = Life::of(support::filed(first));
        for step in steps {
            life.step(step)?;
        }
    }

    #[test]
    fn may_answer_and_closes_never_disagree(micros in 1..200_i64 * 86_400_000_000) {
        let windows =
            Windows { reply: SignedDuration::from_micros(micros), ..Windows::default() };
        let mut ticket = support::ticket("in-progress");
        let resolve = support::command("resolve + published", &ticket);
        let operator = support::actor("operator");
        let events = ticket.decide(&resolve, &operator, ticket.updated_at, &windows).unwrap();
        ticket.absorb(&events);
        let end = ticket.next_timer(&windows).unwrap();
        prop_assert_eq!(end, ticket.updated_at + windows.reply);
        let reply = support::command("reply", &ticket);
        for (now, may_answer) in [(end, true), (end + MICROSECOND, false)] {
            // Windows that changed since do not matter: the end was fixed on resolving.
            let windows = Windows::default();
            let answered = ticket.decide(&reply, &Actor::Requester, now, &windows);
            let closed = ticket.decide(&Command::AutoClose, &Actor::System, now, &windows);
            prop_assert_eq!(answered.is_ok(), may_answer);
            prop_assert_eq!(closed.is_ok(), !may_answer);
        }
    }
}

#[test]
fn two_changes_decided_on_one_version_claim_the_same_place_in_history() {
    let ticket = support::ticket("in-progress");
    let first_of = |what: &str, who: &str| {
        let command = support::command(what, &ticket);
        let events = ticket.decide(
            &command,
            &support::actor(who),
            ticket.updated_at,
            &Windows::default(),
        );
        events.unwrap().first().map(|event| event.seq)
    };
    assert_eq!(
        first_of("note + internal", "operator"),
        first_of("reply", "requester")
    );
}

#[test]
fn the_random_sequences_reach_every_change() {
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for first in [TO4, REGION].into_iter().cycle().take(400) {
        let mut life = Life::of(support::filed(first));
        for step in steps().new_tree(&mut runner).unwrap().current() {
            life.step(step).unwrap();
        }
        seen.extend(life.history.iter().map(|event| event.change.kind()));
    }
    assert_eq!(seen.len(), 22, "{seen:?}");
}
