use super::*;
use crate::calendar::Week;
use crate::event::Merge;
use crate::ids::{AccountId, TicketId};
use crate::state::{HandOverReason, RemovalReason, ResolutionCode, State};

/// Monday to Friday, half past eight to half past five.
fn desks() -> Calendar {
    let hours = vec!["08:30-17:30".to_owned()];
    let [a, b, c, d, e] = std::array::from_fn(|_| hours.clone());
    let week = Week::parse([a, b, c, d, e, vec![], vec![]]).unwrap();
    Calendar::new(week, true, Vec::new()).unwrap()
}

/// One working day to take charge, two to answer, five to resolve, and one more until the region hears.
fn terms<'a>(calendar: &'a Calendar) -> impl Fn(&AuthorityCode, Timestamp) -> Option<Terms<'a>> {
    let days = |text| WorkingTime::parse(text).unwrap();
    move |_, _| {
        Some(Terms {
            policy: SlaPolicyId::new(uuid::Uuid::nil()),
            targets: Targets {
                take_charge: days("P1D"),
                first_response: days("P2D"),
                resolution: days("P5D"),
                escalate_after: days("P1D"),
            },
            calendar,
        })
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The history of a ticket filed on Monday 2 March 2026 at ten: what, when, and `+` for a note to the
/// citizen.
fn history(rest: &[(&str, &str)]) -> Vec<Step> {
    let desk = AuthorityCode::from;
    let mut steps = vec![Step {
        at: at("2026-03-02T10:00+01"),
        change: Change::Filed {
            custodian: desk("010204"),
            route: None,
        },
        answers: false,
    }];
    for (what, when) in rest {
        let (what, answers) = match what.strip_suffix(" +") {
            Some(what) => (what, true),
            None => (*what, false),
        };
        let change = match what {
            "taken" => Change::Taken {
                by: AccountId::new(uuid::Uuid::nil()),
            },
            "note" => Change::NoteAdded,
            "asked" => Change::InfoRequested,
            "answered" => Change::InfoReceived,
            "resolved" => Change::Resolved {
                code: ResolutionCode::InformationGiven,
                closes_at: Timestamp::MAX,
            },
            "reopened" => Change::Reopened {
                by_reply: true,
                on_review: false,
            },
            "closed" => Change::AutoClosed,
            "handed over" => Change::HandedOver {
                reason: HandOverReason::Other,
                to: desk("REG010"),
                route: None,
                playbook: None,
            },
            "returned" => Change::Returned {
                to: desk("010204"),
                route: None,
            },
            "merged" => Change::Removed {
                reason: RemovalReason::Duplicate,
                duplicate_of: None,
                merge: Some(Merge {
                    into: TicketId::new(uuid::Uuid::nil()),
                    state: State::InProgress,
                    needs_attention: false,
                }),
            },
            "restored" => Change::Restored {
                state: State::InProgress,
                needs_attention: false,
            },
            other => panic!("{other}"),
        };
        steps.push(Step {
            at: at(when),
            change,
            answers,
        });
    }
    steps
}

fn clock(history: &[Step], kind: ClockKind, leg: i32) -> Clock {
    let calendar = desks();
    let all = clocks(history, terms(&calendar));
    let found = all
        .into_iter()
        .find(|one| (one.kind, one.leg) == (kind, leg));
    found.expect("a clock")
}

#[test]
fn a_new_ticket_has_three_clocks_by_working_time() {
    let filed = history(&[]);
    let due = |kind| clock(&filed, kind, 1).due_at;
    assert_eq!(due(ClockKind::TakeCharge), at("2026-03-03T10:00+01"));
    assert_eq!(due(ClockKind::FirstResponse), at("2026-03-04T10:00+01"));
    // Five working days: over the week-end.
    assert_eq!(due(ClockKind::Resolution), at("2026-03-09T10:00+01"));
    let resolution = clock(&filed, ClockKind::Resolution, 1);
    // 75 % of 45 hours are 33 hours and three quarters.
    assert_eq!(resolution.warn_at, at("2026-03-05T16:45+01"));
    assert_eq!(resolution.escalate_at, at("2026-03-10T10:00+01"));
}

/// Nobody could work it meanwhile, and being merged is neither taking charge nor an answer.
#[test]
fn the_clocks_of_a_ticket_whose_merge_is_undone_go_on_where_they_stood() {
    let merged = [("merged", "2026-03-02T15:00+01")];
    let stopped = clock(&history(&merged), ClockKind::TakeCharge, 1);
    assert!(matches!(stopped.run, Run::Stopped { .. }));
    let restored = history(&[merged[0], ("restored", "2026-03-03T15:00+01")]);
    for kind in [ClockKind::TakeCharge, ClockKind::FirstResponse] {
        assert_eq!(clock(&restored, kind, 1).run, Run::Running, "{kind:?}");
    }
    // A working day later than without the merge.
    let due = clock(&restored, ClockKind::Resolution, 1).due_at;
    assert_eq!(due, at("2026-03-10T10:00+01"));
    let legs = legs(&restored, at("2026-03-03T16:00+01"));
    assert_eq!(legs.len(), 1);
    assert_eq!(legs[0].closed_at, None);
    assert_eq!(legs[0].active, SignedDuration::from_hours(30), "I-9");
}

/// What stands at which moment.
#[test]
fn a_clock_warns_breaches_and_is_escalated() {
    let resolution = clock(&history(&[]), ClockKind::Resolution, 1);
    for (now, state, alerts) in [
        ("2026-03-05T16:44+01", ClockState::OnTrack, 0),
        ("2026-03-05T16:45+01", ClockState::Warning, 1),
        ("2026-03-09T09:59+01", ClockState::Warning, 1),
        ("2026-03-09T10:00+01", ClockState::Breached, 2),
        ("2026-03-10T10:00+01", ClockState::Breached, 3),
    ] {
        assert_eq!(resolution.state(at(now)), state, "{now}");
        assert_eq!(resolution.alerts(at(now)).count(), alerts, "{now}");
    }
    let next = |now| resolution.next_alert(at(now));
    assert_eq!(next("2026-03-02T10:00+01"), Some(resolution.warn_at));
    assert_eq!(next("2026-03-05T16:45+01"), Some(resolution.due_at));
    assert_eq!(next("2026-03-10T10:00+01"), None);
}

#[test]
fn only_a_question_pauses() {
    // Asked on Tuesday at ten, answered on Thursday at ten: eighteen working hours later.
    let asked = history(&[
        ("taken", "2026-03-02T11:00+01"),
        ("asked +", "2026-03-03T10:00+01"),
    ]);
    let paused = clock(&asked, ClockKind::Resolution, 1);
    let much_later = at("2026-06-01T10:00+02");
    assert_eq!(paused.state(much_later), ClockState::Paused);
    assert_eq!(paused.next_alert(at("2026-03-03T10:00+01")), None);
    let mut answered = asked.clone();
    answered.extend(history(&[("answered", "2026-03-05T10:00+01")]).split_off(1));
    let going_on = clock(&answered, ClockKind::Resolution, 1);
    assert_eq!(going_on.due_at, at("2026-03-11T10:00+01"));
    assert_eq!(going_on.paused, SignedDuration::from_hours(48));
    // The question was a first response, in time.
    let response = clock(&answered, ClockKind::FirstResponse, 1);
    assert_eq!(response.met_at(), Some(at("2026-03-03T10:00+01")));
    // External work, notes and messages pause nothing.
    let noted = history(&[
        ("taken", "2026-03-02T11:00+01"),
        ("note +", "2026-03-06T10:00+01"),
    ]);
    assert_eq!(clock(&noted, ClockKind::Resolution, 1).run, Run::Running);
}

#[test]
fn what_is_done_late_stays_breached() {
    let late = history(&[
        ("taken", "2026-03-03T10:01+01"),
        ("note +", "2026-03-04T09:59+01"),
        ("resolved +", "2026-03-16T10:00+01"),
    ]);
    let state = |kind| clock(&late, kind, 1).state(at("2026-04-01T10:00+02"));
    assert_eq!(state(ClockKind::TakeCharge), ClockState::Breached);
    assert_eq!(
        state(ClockKind::FirstResponse),
        ClockState::Met,
        "just in time"
    );
    assert_eq!(state(ClockKind::Resolution), ClockState::Breached);
    let resolution = clock(&late, ClockKind::Resolution, 1);
    assert_eq!(
        (
            resolution.met_at(),
            resolution.next_alert(at("2026-03-16T10:00+01"))
        ),
        (None, None)
    );
}

#[test]
fn each_leg_has_clocks_of_its_own_and_the_response_belongs_to_the_ticket() {
    let moved = history(&[
        ("handed over", "2026-03-03T09:00+01"),
        ("taken", "2026-03-03T12:00+01"),
        ("returned", "2026-03-04T09:00+01"),
        ("note +", "2026-03-05T09:00+01"),
    ]);
    let calendar = desks();
    let all = clocks(&moved, terms(&calendar));
    let legs: Vec<_> = all.iter().map(|one| (one.leg, one.kind.as_str())).collect();
    assert_eq!(
        legs,
        [
            (1, "take-charge"),
            (1, "first-response"),
            (1, "resolution"),
            (2, "take-charge"),
            (2, "resolution"),
            (3, "take-charge"),
            (3, "resolution"),
        ]
    );
    let third = clock(&moved, ClockKind::Resolution, 3);
    assert_eq!(third.started_at, at("2026-03-04T09:00+01"));
    assert_eq!(third.due_at, at("2026-03-11T09:00+01"));
    let response = clock(&moved, ClockKind::FirstResponse, 1);
    // Due on Wednesday at ten, whoever has it.
    assert_eq!(response.due_at, at("2026-03-04T10:00+01"));
    assert_eq!(
        response.state(at("2026-03-05T09:00+01")),
        ClockState::Breached
    );
}

#[test]
fn the_time_after_a_resolution_does_not_count_when_the_ticket_comes_back() {
    let back = history(&[
        ("taken", "2026-03-02T10:00+01"),
        ("resolved +", "2026-03-03T10:00+01"),
        ("reopened", "2026-03-10T10:00+01"),
    ]);
    let resolution = clock(&back, ClockKind::Resolution, 1);
    // One day was used; four are left.
    assert_eq!(resolution.due_at, at("2026-03-16T10:00+01"));
    assert_eq!(
        (resolution.paused, resolution.run),
        (SignedDuration::ZERO, Run::Running)
    );
}

#[test]
fn a_closed_leg_that_is_reopened_goes_on() {
    let mut closed = history(&[
        ("taken", "2026-03-02T10:00+01"),
        ("resolved +", "2026-03-03T10:00+01"),
        ("closed", "2026-03-10T10:00+01"),
    ]);
    let now = at("2026-03-20T10:00+01");
    let days = |days: i64| SignedDuration::from_hours(days * 24);
    let total = |history: &[Step]| legs(history, now)[0].active;
    assert_eq!(total(&closed), days(8));
    closed.extend(history(&[("reopened", "2026-03-12T10:00+01")]).split_off(1));
    assert_eq!(total(&closed), days(18));
    assert_eq!(clock(&closed, ClockKind::Resolution, 1).run, Run::Running);
}

#[test]
fn without_terms_there_are_no_clocks() {
    assert_eq!(clocks(&history(&[]), |_, _| None), []);
    assert_eq!(clocks(&[], |_, _| None), []);
}
