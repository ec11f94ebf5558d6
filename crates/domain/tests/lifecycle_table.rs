//! The transitions of `domain.md` §4.2 by table: ticket, wait, actor, command and what it leads
//! to, a line each. Waits count from the ticket's last change.

#[path = "lifecycle_table/rows.rs"]
mod rows;
mod support;

use domain::actor::{Actor, Assignee};
use domain::command::{ActionCode, Command, Survivor};
use domain::event::{Change, Event};
use domain::rejection::Rejection;
use domain::state::{State, StateCode, Windows};
use domain::ticket::Ticket;
use jiff::SignedDuration;
use rows::{ALLOTTED, CLOCK, DESKS, LINKS, NOTES, NUDGES, PLAYBOOKS, TRANSITIONS};
use support::{MICROSECOND, PEOPLE, REGION, TO4};

#[test]
fn every_transition_leads_where_the_table_says() {
    check(TRANSITIONS);
}

#[test]
fn notes_are_asked_for_and_go_to_whom_the_table_says() {
    check(NOTES);
}

#[test]
fn a_desk_does_only_what_is_its_own_to_do() {
    check(DESKS);
}

#[test]
fn what_the_system_gives_out_is_that_persons_and_untouched() {
    check(ALLOTTED);
    let ticket = support::ticket("given by the system");
    assert!(ticket.is_untouched() && !ticket.is_transferred());
    assert!(support::ticket("returned").is_transferred());
    assert!(!support::ticket("in-progress at region").is_untouched());
}

#[test]
fn a_requester_nudges_after_the_wait_and_not_too_often() {
    check(NUDGES);
}

#[test]
fn a_playbook_lets_happen_what_the_table_says() {
    check(PLAYBOOKS);
}

#[test]
fn timers_fire_when_due_and_at_no_other_time() {
    check(CLOCK);
}

#[test]
fn tickets_are_linked_and_merged_as_the_table_says() {
    check(LINKS);
}

/// The state the history kept, with what it waits for put off by the time nothing could happen.
#[test]
fn an_undone_merge_brings_back_the_state_and_restarts_its_timer() {
    for name in ["new", "in-progress", "awaiting-info", "resolved"] {
        let before = support::ticket(name);
        let mut ticket = before.clone();
        let supervisor = support::actor("supervisor");
        let merged_at = before.updated_at + waited("2d");
        let events = support::apply(&mut ticket, &supervisor, "merge", merged_at).unwrap();
        let [
            Event {
                change:
                    Change::Removed {
                        merge: Some(merge), ..
                    },
                ..
            },
        ] = events.as_slice()
        else {
            panic!("{events:?}")
        };
        assert_eq!(merge.state, before.state);
        assert_eq!(ticket.next_timer(&Windows::default()), None, "I-13");

        let command = Command::UndoMerge {
            survivor: survivor_of(&ticket),
            state: merge.state,
            needs_attention: merge.needs_attention,
        };
        let now = merged_at + waited("1d");
        let events = ticket
            .decide(&command, &supervisor, now, &Windows::default())
            .unwrap();
        ticket.absorb(&events);
        assert_eq!(ticket.state, before.state.put_off(waited("1d")), "{name}");
        assert_eq!(ticket.legs, before.legs, "I-1: {name}");
        assert_eq!(ticket.merged_into, None);
        let timer = before.next_timer(&Windows::default());
        assert_eq!(
            ticket.next_timer(&Windows::default()),
            timer.map(|at| at + waited("1d")),
            "{name}"
        );
        if let (State::Resolved { since, .. }, State::Resolved { since: was, .. }) =
            (ticket.state, before.state)
        {
            assert_eq!(since, was, "it was resolved when it was");
        }
    }
}

fn survivor_of(merged: &Ticket) -> Survivor {
    let Some(named) = merged.merged_into.clone() else {
        panic!("{} is not merged", merged.number)
    };
    Survivor {
        named,
        custodian: merged.custodian.code.clone(),
        is_over: false,
        obstacle: None,
    }
}

#[test]
fn every_transition_has_a_row() {
    for number in 2..=24 {
        let id = format!("\nT{number:02} ");
        assert!(TRANSITIONS.contains(&id), "no row for{id}");
    }
}

/// T01.
#[test]
fn a_filed_ticket_is_new_at_the_desk_that_routing_found() {
    for desk in [TO4, REGION] {
        let ticket = support::filed(desk);
        assert_eq!(outcome(&ticket, Ok(&[])), format!(" → new at {desk}"));
        assert_eq!((ticket.version, ticket.legs.len()), (1, 1));
        assert_eq!(ticket.legs[0].custodian, ticket.custodian.code);
    }
}

#[test]
fn nobody_closes_by_hand_in_any_state() {
    for state in StateCode::ALL {
        for (name, role, _) in PEOPLE {
            let works_tickets = domain::lifecycle::may(role, ActionCode::Note);
            let expected = if works_tickets {
                "ManualCloseForbidden"
            } else {
                "Forbidden"
            };
            let seen = outcome_of(
                state.as_str(),
                SignedDuration::ZERO,
                name,
                "close + published",
            );
            assert_eq!(seen, expected, "{name} closes a {state:?} ticket");
        }
    }
}

#[test]
fn a_question_is_reminded_of_twice_and_given_up_after_thirty_days() {
    let mut ticket = support::ticket("awaiting-info");
    let asked = ticket.updated_at;
    let mut seen = Vec::new();
    for hour in 0..=30 * 24 {
        for timer in ["remind", "give-up", "auto-close"] {
            let now = asked + SignedDuration::from_hours(hour);
            if support::apply(&mut ticket, &Actor::System, timer, now).is_ok() {
                seen.push(format!("{timer} on day {}", hour / 24));
            }
        }
    }
    assert_eq!(
        seen,
        ["remind on day 5", "remind on day 10", "give-up on day 30"]
    );
}

#[test]
fn a_missed_run_of_the_scheduler_catches_up_with_one_reminder() {
    let mut ticket = support::ticket("awaiting-info");
    let late = ticket.updated_at + SignedDuration::from_hours(11 * 24);
    let mut remind = || support::apply(&mut ticket, &Actor::System, "remind", late);
    assert!(remind().is_ok());
    // Two were due: the requester hears one, not two in one second.
    assert_eq!(remind(), Err(Rejection::NotDue));
}

#[test]
fn a_refusal_names_what_the_same_person_may_do_instead() {
    let ticket = support::ticket("awaiting-info");
    let command = support::command("hand-over + published", &ticket);
    let operator = support::actor("operator");
    let refusal = ticket.decide(&command, &operator, ticket.updated_at, &Windows::default());
    let Err(Rejection::TransitionNotAllowed {
        action,
        state,
        allowed,
    }) = refusal
    else {
        panic!("{refusal:?}")
    };
    assert_eq!((action, state), ("hand-over", StateCode::AwaitingInfo));
    let allowed: Vec<_> = allowed.into_iter().map(ActionCode::as_str).collect();
    assert_eq!(
        allowed,
        [
            "assign",
            "note",
            "cancel-question",
            "resolve",
            "publish-note"
        ]
    );
}

#[test]
fn a_leg_tells_how_it_ended() {
    for (ticket, who, what, expected) in [
        (
            "handed over twice",
            "requester",
            "reply",
            "TO4 not-competent, REGION returned, TO4 not-competent, REGION",
        ),
        (
            "not-competent",
            "regional-operator",
            "reroute CN1 + published",
            "TO4 not-competent, REGION rerouted, CN1",
        ),
        ("resolved", "requester", "reply", "TO4"),
        ("resolved", "system", "auto-close", "TO4 resolved"),
        ("withdrawn", "system", "auto-close", "TO4 withdrawn"),
        (
            "in-progress",
            "supervisor",
            "remove + internal",
            "TO4 removed",
        ),
        ("auto-closed", "supervisor", "reopen + internal", "TO4"),
    ] {
        let mut ticket = support::ticket(ticket);
        let wait = if what == "auto-close" {
            waited("7d+")
        } else {
            waited("0")
        };
        let now = ticket.updated_at + wait;
        support::apply(&mut ticket, &support::actor(who), what, now).unwrap();
        let legs = ticket.legs.iter().map(|leg| {
            let outcome = leg
                .closed
                .as_ref()
                .map(|end| format!(" {}", end.outcome.as_str()));
            format!("{}{}", leg.custodian, outcome.unwrap_or_default())
        });
        assert_eq!(legs.collect::<Vec<_>>().join(", "), expected);
    }
}

/// Checks every row of a table and reports all the wrong ones at once.
fn check(table: &str) {
    let rows = table.lines().filter(|line| !line.is_empty());
    let wrong: Vec<_> = rows
        .filter_map(|row| {
            let columns: Vec<_> = row.split('|').map(str::trim).collect();
            let [_, ticket, wait, who, what, expected] = columns[..] else {
                panic!("{row}")
            };
            let seen = outcome_of(ticket, waited(wait), who, what);
            (seen.trim() != expected).then(|| format!("{row}\n    but it is: {seen}"))
        })
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// `7d`, or a microsecond more with `7d+` or less with `7d-`.
fn waited(words: &str) -> SignedDuration {
    let (days, rest) = words.split_once('d').unwrap_or((words, ""));
    let Ok(days) = days.parse::<i64>() else {
        panic!("{words:?} is no time")
    };
    let exact = SignedDuration::from_hours(days * 24);
    match rest {
        "+" => exact + MICROSECOND,
        "-" => exact - MICROSECOND,
        _ => exact,
    }
}

fn outcome_of(ticket: &str, wait: SignedDuration, who: &str, what: &str) -> String {
    let mut ticket = support::ticket(ticket);
    let now = ticket.updated_at + wait;
    let result = support::apply(&mut ticket, &support::actor(who), what, now);
    outcome(&ticket, result.as_deref())
}

/// `event[audience] → state at desk of owner, and what else is there`, or the refusal.
fn outcome(ticket: &Ticket, result: Result<&[Event], &Rejection>) -> String {
    let events = match result {
        Ok(events) => events,
        Err(Rejection::NoteRequired {
            published: true, ..
        }) => return "NoteRequired published".into(),
        Err(Rejection::NoteRequired {
            published: false, ..
        }) => return "NoteRequired internal".into(),
        Err(Rejection::AudienceMismatch { computed }) => {
            return format!("AudienceMismatch {}", computed.as_str());
        }
        Err(refusal) => {
            let shown = format!("{refusal:?}");
            return shown.split(' ').next().unwrap_or_default().to_owned();
        }
    };
    let events: Vec<_> = events.iter().map(event_in_words).collect();
    let mut shown = format!(
        "{} → {} at {}",
        events.join(", "),
        ticket.state.code().as_str(),
        ticket.custodian.code
    );
    match &ticket.assignee {
        Some(Assignee::Pool(pool)) => shown += &format!(" of {}", pool.code()),
        Some(Assignee::Operator(owner)) => {
            let found = PEOPLE
                .iter()
                .zip(0..)
                .find(|(_, place)| support::account(*place) == *owner);
            shown += &format!(
                " of {}",
                found.map_or("nobody known", |((name, ..), _)| name)
            );
        }
        None => {}
    }
    if ticket.needs_attention {
        shown += ", attention";
    }
    let counts = [
        ("bounces", ticket.bounces),
        ("reopens", ticket.reopens),
        ("reminders", ticket.reminders),
        ("nudges", ticket.nudges),
    ];
    for (name, count) in counts {
        if count > 0 {
            shown += &format!(", {name} {count}");
        }
    }
    shown
}

fn event_in_words(event: &Event) -> String {
    let mut shown = event
        .change
        .kind()
        .trim_start_matches("request.")
        .to_owned();
    if let Change::Resolved { code, .. } = &event.change {
        shown += &format!(" {}", code.as_str());
    }
    if let Some(note) = &event.note {
        let party = note.party.as_ref().map(|party| format!(" {party}"));
        shown += &format!("[{}{}]", note.audience.as_str(), party.unwrap_or_default());
    }
    shown
}
