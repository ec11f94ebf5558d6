//! I-9, and what else holds for the clocks of a ticket, whatever happens to it: histories are made by
//! the life cycle itself, from random commands of random people at random times.
//!
//! I-9 reads "the sum of leg times + paused time = life of the request (± 1 s)". A leg's time is what
//! counts for its desk: all of it but the pauses, and the wait for the automatic close with it. The pauses
//! are the stays in awaiting-info. The life is from filing to the close or the removal, or to now; a
//! ticket that is reopened after its close lives on as if it had never been closed.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "helpers of tests, outside `#[test]`"
)]

#[path = "lifecycle_properties/life.rs"]
mod life;
#[expect(dead_code, reason = "other tests of the life cycle use the rest")]
mod support;

use domain::calendar::{Calendar, WEEKDAYS, Week};
use domain::codes::AuthorityCode;
use domain::event::Change;
use domain::ids::SlaPolicyId;
use domain::sla::{self, Clock, ClockKind, ClockState, Run, Step, Targets, Terms, WorkingTime};
use domain::state::StateCode;
use jiff::{SignedDuration, Timestamp};
use life::{Life, Wait};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use support::{REGION, TO4};

const WHO: [&str; 6] = [
    "custodian",
    "custodian",
    "custodian",
    "leader",
    "system",
    "requester",
];

#[rustfmt::skip]
const WHAT: [&str; 16] = [
    "take", "note + published", "note + internal", "ask-info + published", "ask-info + published",
    "cancel-question + internal", "resolve + published", "resolve + published", "hand-over + published",
    "return + published", "reroute CN1 + published", "open-activity + published", "close-activity",
    "reopen + internal", "remove + internal", "describe",
];

fn histories() -> impl Strategy<Value = (Vec<Step>, SignedDuration)> {
    let wait = prop_oneof![
        3 => (0..60_i64).prop_map(Wait::Hours),
        1 => Just(Wait::UntilTheTimer),
        1 => Just(Wait::UntilJustAfterTheTimer),
    ];
    let step = (select(&WHO[..]), select(&WHAT[..]), any::<bool>(), wait).prop_map(
        |(who, what, other, wait)| match (who, other) {
            ("system", true) => (who, "auto-close", wait),
            ("system", false) => (who, "give-up", wait),
            ("requester", true) => (who, "reply", wait),
            ("requester", false) => (who, "withdraw", wait),
            _ => (who, what, wait),
        },
    );
    let steps = prop::collection::vec(step, 0..60);
    (select(&[TO4, REGION][..]), steps, 0..400_i64).prop_map(|(first, steps, hours)| {
        let filed = support::filed(first);
        let mut history = vec![Step {
            at: filed.created_at,
            change: Change::Filed {
                custodian: AuthorityCode::from(first),
                route: None,
            },
            answers: false,
        }];
        let mut life = Life::of(filed);
        for step in steps {
            life.step(step).expect("a step of a life");
        }
        history.extend(life.history.iter().map(Step::from));
        (history, SignedDuration::from_hours(hours))
    })
}

/// The states of a ticket by its history, told apart from how the clocks read it.
fn states(history: &[Step]) -> Vec<(Timestamp, StateCode)> {
    let mut state = StateCode::New;
    history
        .iter()
        .map(|step| {
            state = match step.change {
                Change::Filed { .. } | Change::Returned { .. } | Change::Rerouted { .. } => {
                    StateCode::New
                }
                Change::Taken { .. }
                | Change::QuestionWithdrawn
                | Change::InfoReceived
                | Change::ActivityClosed(_)
                | Change::Reopened { .. } => StateCode::InProgress,
                Change::InfoRequested => StateCode::AwaitingInfo,
                Change::Resolved { .. } => StateCode::Resolved,
                Change::AutoClosed => StateCode::AutoClosed,
                Change::HandedOver { .. } => StateCode::NotCompetent,
                Change::ActivityOpened(_) => StateCode::ExternalWork,
                Change::Removed { .. } => StateCode::Removed,
                _ => state,
            };
            (step.at, state)
        })
        .collect()
}

/// The time spent in a state up to `now`.
fn spent(history: &[Step], wanted: StateCode, now: Timestamp) -> SignedDuration {
    let states = states(history);
    let ends = states.iter().skip(1).map(|(at, _)| *at).chain([now]);
    let stays = states.iter().zip(ends);
    stays
        .filter(|((_, state), _)| *state == wanted)
        .map(|((from, _), to)| to.duration_since(*from))
        .sum()
}

fn calendar(hours: &str) -> Calendar {
    let week = Week::parse(WEEKDAYS.map(|_| vec![hours.to_owned()])).unwrap();
    Calendar::new(week, false, Vec::new()).unwrap()
}

fn clocks(history: &[Step], calendar: &Calendar) -> Vec<Clock> {
    let time = |text| WorkingTime::parse(text).unwrap();
    let targets = Targets {
        take_charge: time("PT8H"),
        first_response: time("PT16H"),
        resolution: time("PT40H"),
        escalate_after: time("PT8H"),
    };
    sla::clocks(history, |_, _| {
        Some(Terms {
            policy: SlaPolicyId::new(uuid::Uuid::nil()),
            targets,
            calendar,
        })
    })
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, cases: 512, ..Config::default() })]

    #[test]
    fn leg_times_and_pauses_are_the_life_of_the_ticket((history, more) in histories()) {
        let last = history.last().unwrap().at;
        let now = last + more;
        let is_over = states(&history).last().unwrap().1.is_final();
        let end = if is_over { last_close(&history) } else { now };
        let life = end.duration_since(history[0].at);
        let legs = sla::legs(&history, now);
        let active: SignedDuration = legs.iter().map(|leg| leg.active).sum();
        let paused: SignedDuration = legs.iter().map(|leg| leg.paused).sum();
        prop_assert!((active + paused - life).abs() <= SignedDuration::from_secs(1));
        prop_assert_eq!(paused, spent(&history, StateCode::AwaitingInfo, now), "only awaiting-info pauses");
        for leg in &legs {
            let end = leg.closed_at.unwrap_or(now);
            prop_assert_eq!(leg.active + leg.paused, end.duration_since(leg.opened_at));
        }
        for (leg, next) in legs.iter().zip(legs.iter().skip(1)) {
            prop_assert_eq!(leg.closed_at, Some(next.opened_at));
        }
    }

    /// On a calendar that is always open, a running clock's time is what is left of the clock on the wall.
    #[test]
    fn a_resolution_is_due_after_its_target_of_work((history, more) in histories()) {
        let always = calendar("00:00-24:00");
        let now = history.last().unwrap().at + more;
        let all = clocks(&history, &always);
        let last_leg = sla::legs(&history, now).pop().unwrap();
        let clock = all.iter().find(|one| one.leg == last_leg.no && one.kind == ClockKind::Resolution);
        let clock = clock.unwrap();
        let since_leg: Vec<Step> = history
            .iter()
            .skip_while(|step| step.at < last_leg.opened_at)
            .cloned()
            .collect();
        prop_assert_eq!(clock.started_at, last_leg.opened_at);
        if clock.run == Run::Running && clock.due_at > since_leg.last().unwrap().at {
            let idle = [StateCode::AwaitingInfo, StateCode::Resolved, StateCode::AutoClosed]
                .map(|state| spent(&since_leg, state, history.last().unwrap().at))
                .into_iter()
                .sum::<SignedDuration>();
            prop_assert_eq!(clock.due_at, clock.started_at + clock.target + idle);
        }
        let state = states(&history).last().unwrap().1;
        let expected = match state {
            StateCode::AwaitingInfo => matches!(clock.run, Run::Paused { .. }),
            state if state.is_open() => clock.run == Run::Running,
            _ => matches!(clock.run, Run::Stopped { .. }),
        };
        prop_assert!(expected, "{:?} in {:?}", clock.run, state);
    }

    /// Whatever happens next, what was breached stays breached, and nothing is told twice.
    #[test]
    fn what_happened_to_a_clock_stays((history, _) in histories(), office in any::<bool>()) {
        let calendar = calendar(if office { "08:30-17:30" } else { "00:00-24:00" });
        let mut before: Vec<(Clock, Vec<sla::Alert>, bool)> = Vec::new();
        for length in 1..=history.len() {
            let now = history[length - 1].at;
            let all = clocks(&history[..length], &calendar);
            prop_assert_eq!(&all, &clocks(&history[..length], &calendar), "the same again");
            for (old, alerts, breached) in &before {
                let new = all.iter().find(|one| (one.leg, one.kind) == (old.leg, old.kind));
                let new = new.expect("a clock does not go away");
                let now_alerts: Vec<_> = new.alerts(now).collect();
                prop_assert!(alerts.iter().all(|alert| now_alerts.contains(alert)));
                prop_assert!(!breached || new.state(now) == ClockState::Breached);
                prop_assert_eq!((new.started_at, new.target), (old.started_at, old.target));
            }
            before = all
                .into_iter()
                .map(|clock| {
                    let alerts = clock.alerts(now).collect();
                    let breached = clock.state(now) == ClockState::Breached;
                    (clock, alerts, breached)
                })
                .collect();
        }
    }
}

fn last_close(history: &[Step]) -> Timestamp {
    let closes = |step: &&Step| matches!(step.change, Change::AutoClosed | Change::Removed { .. });
    history.iter().rev().find(closes).expect("a close").at
}

#[test]
fn the_random_histories_pause_move_and_come_back() {
    let mut runner = TestRunner::deterministic();
    let (mut pauses, mut moves, mut returns, mut closed) = (0, 0, 0, 0);
    for _ in 0..300 {
        let (history, _) = histories().new_tree(&mut runner).unwrap().current();
        let count = |wanted: fn(&Change) -> bool| {
            history.iter().filter(|step| wanted(&step.change)).count()
        };
        pauses += count(|change| matches!(change, Change::InfoReceived));
        moves += count(|change| matches!(change, Change::HandedOver { .. }));
        returns += count(|change| matches!(change, Change::Reopened { .. }));
        closed += count(|change| matches!(change, Change::AutoClosed));
    }
    assert!(
        pauses > 20 && moves > 20 && returns > 20 && closed > 20,
        "{pauses} {moves} {returns} {closed}"
    );
}
