//! One ticket's life, kept in the database step by step.

use domain::actor::Actor;
use domain::event::Event;
use domain::rejection::Rejection;
use domain::state::Windows;
use domain::ticket::Ticket;
use domain::visibility::Scope;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use storage::tickets::RequesterKind;
use storage::{Db, StoreError, tickets};

use crate::town;
use crate::words::{self, CN1, MICROSECOND, REGION, TO4};

/// Whoever has the ticket comes up more often than the rest: most others are refused.
#[rustfmt::skip]
const WHO: [&str; 12] = [
    "custodian", "custodian", "custodian", "custodian", "leader", "leader", "system", "system",
    "requester", "requester", "cn1-operator", "regional-supervisor",
];

#[rustfmt::skip]
const WHAT: [&str; 26] = [
    "take", "take + to colleague", "assign + to colleague", "assign + to supervisors",
    "note + internal", "note + internal", "note + published + to supervisors", "note + published",
    "ask-info + published", "cancel-question + internal", "resolve + published",
    "resolve duplicate + published", "hand-over + published", "hand-over other + published",
    "return + published", "reroute CN1 + published", "reroute TO4 + published",
    "open-activity + published", "close-activity", "close-activity + published",
    "reopen + internal", "reopen + internal + to supervisors", "remove duplicate of 416 + internal",
    "publish-note operator", "publish-note regional-operator", "describe",
];

const TIMERS: [&str; 4] = ["remind", "give-up", "auto-close", "allot"];

/// How long until the next command.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wait {
    Hours(i64),
    UntilJustAfterTheTimer,
}

pub(crate) type Step = (&'static str, &'static str, Wait);

/// Any story: a first custodian and what is tried then.
pub(crate) fn stories(length: usize) -> impl Strategy<Value = (&'static str, Vec<Step>)> {
    let wait = prop_oneof![
        3 => (0..100_i64).prop_map(Wait::Hours),
        1 => Just(Wait::UntilJustAfterTheTimer),
    ];
    let step = (
        select(&WHO[..]),
        select(&WHAT[..]),
        select(&TIMERS[..]),
        0..6_u8,
        wait,
    );
    let step = step.prop_map(|(who, what, timer, pick, wait)| match (who, pick) {
        ("system", _) => (who, timer, wait),
        ("requester", 0) => (who, "withdraw", wait),
        ("requester", _) => (who, "reply", wait),
        _ => (who, what, wait),
    });
    (
        select(&[TO4, REGION][..]),
        prop::collection::vec(step, 1..length),
    )
}

/// Checks `cases` random stories: fewer where every step crosses a network.
pub(crate) fn check(
    cases: u32,
    length: usize,
    test: impl Fn((&'static str, Vec<Step>)) -> Result<(), TestCaseError>,
) {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config).run(&stories(length), test).unwrap();
}

/// A ticket, and all that happened to it.
pub(crate) struct Life {
    db: Db,
    pub(crate) ticket: Ticket,
    pub(crate) history: Vec<Event>,
    now: Timestamp,
    requester: Scope,
}

impl Life {
    /// Files a ticket.
    pub(crate) fn file(db: &Db, number: u32, custodian: &str, requester: RequesterKind) -> Self {
        let ticket = town::ticket(number, custodian);
        town::file(db, &ticket, &town::dossier(number, requester), None);
        Life {
            db: db.clone(),
            history: vec![town::filing_of(&ticket)],
            now: ticket.created_at,
            requester: match requester {
                RequesterKind::Citizen => town::citizen(number, number, &[]),
                RequesterKind::Anonymous | RequesterKind::Staff => Scope::Tracking(ticket.id),
            },
            ticket,
        }
    }

    /// Plays a story such as `operator take; system auto-close`: an hour between people, and
    /// timers when they are due.
    pub(crate) fn play(&mut self, story: &'static str) {
        for step in story.split("; ").filter(|step| !step.is_empty()) {
            let (who, what) = step.split_once(' ').unwrap();
            let wait = match who {
                "system" => Wait::UntilJustAfterTheTimer,
                _ => Wait::Hours(1),
            };
            if let Err(refusal) = self.step((who, what, wait)) {
                panic!("{step}: {refusal}");
            }
        }
    }

    /// Decides, absorbs and saves. Each text is the only one of its kind.
    pub(crate) fn step(&mut self, (who, what, wait): Step) -> Result<(), Rejection> {
        let timer = self.ticket.next_timer(&Windows::default());
        self.now = match (wait, timer) {
            (Wait::Hours(hours), _) => self.now + SignedDuration::from_hours(hours),
            (Wait::UntilJustAfterTheTimer, Some(at)) => self.now.max(at + MICROSECOND),
            (Wait::UntilJustAfterTheTimer, None) => self.now,
        };
        let actor = self.actor(who);
        let was = self.ticket.clone();
        let mut events = words::apply(&mut self.ticket, &actor, what, self.now)?;
        for event in &mut events {
            if let Some(note) = &mut event.note {
                let audience = note.audience.as_str();
                note.body = format!("MARKED {} {} {audience}", self.ticket.number, event.seq);
            }
        }
        let scope = match &actor {
            Actor::Staff(staff) => Scope::of(staff),
            Actor::System => Scope::System,
            Actor::Requester => self.requester.clone(),
        };
        save(&self.db, &scope, &self.ticket, &was, &events, &actor).unwrap();
        self.history.extend(events);
        Ok(())
    }

    /// Whom a step is done by: `custodian` and `leader` are of the desk that has the ticket.
    fn actor(&self, who: &str) -> Actor {
        let (operator, supervisor) = match self.ticket.custodian.code.as_str() {
            TO4 => ("operator", "supervisor"),
            CN1 => ("cn1-operator", "cn1-supervisor"),
            _ => ("regional-operator", "regional-supervisor"),
        };
        words::actor(match who {
            "custodian" => operator,
            "leader" => supervisor,
            who => who,
        })
    }
}

/// Saves as the use cases do, within the actor's own scope.
pub(crate) fn save(
    db: &Db,
    scope: &Scope,
    ticket: &Ticket,
    was: &Ticket,
    events: &[Event],
    actor: &Actor,
) -> Result<(), StoreError> {
    let (ticket, events, actor) = (ticket.clone(), events.to_vec(), actor.clone());
    let was = was.clone();
    db.write_in(scope, move |conn| {
        let timer = ticket.next_timer(&Windows::default());
        tickets::save(conn, &ticket, &was, &events, &actor, timer, None)
    })
}
