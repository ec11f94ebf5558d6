//! Two changes of one ticket: one is first. And what a ticket leaves behind at each desk.

use std::sync::Barrier;

use domain::visibility::Scope;
use storage::StoreError;
use storage::tickets::RequesterKind;

use crate::life::{self, Life};
use crate::town::{self, everywhere, find};
use crate::words::{self, CN1, REGION, TO4};

/// Runs `f` in this many threads that start together, and collects the answers.
pub(crate) fn at_once<T: Send>(threads: u32, f: impl Fn(u32) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(threads.try_into().unwrap());
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|number| {
                let (start, f) = (&start, &f);
                scope.spawn(move || {
                    start.wait();
                    f(number)
                })
            })
            .collect();
        running.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

#[test]
fn of_sixteen_saves_on_one_version_one_wins() {
    everywhere(|fresh| {
        let db = fresh.db();
        let mut life = Life::file(db, 1, TO4, RequesterKind::Citizen);
        let scope = Scope::Authority(TO4.into());
        for round in 0..5 {
            let outcomes = at_once(16, |number| {
                let mut ticket = life.ticket.clone();
                let operator = words::actor("operator");
                let what = ["note + internal", "note + published"][usize::from(number % 2 == 0)];
                let now = town::hours(round);
                let mut events = words::apply(&mut ticket, &operator, what, now).unwrap();
                for note in events.iter_mut().filter_map(|event| event.note.as_mut()) {
                    note.body = format!("from {number}");
                }
                let outcome = life::save(db, &scope, &ticket, &life.ticket, &events, &operator);
                (outcome, ticket)
            });
            let (won, lost): (Vec<_>, Vec<_>) = outcomes
                .into_iter()
                .partition(|(outcome, _)| outcome.is_ok());
            let stale = |(outcome, _): &(Result<(), StoreError>, _)| {
                matches!(outcome, Err(StoreError::Stale))
            };
            assert!(
                lost.iter().all(stale),
                "{:?}",
                lost.iter().map(|one| &one.0).collect::<Vec<_>>()
            );
            assert_eq!(won.len(), 1);
            let (found, _) = find(db, &Scope::System, life.ticket.id).unwrap();
            assert_eq!(Some(&found), won.first().map(|(_, ticket)| ticket));
            life.ticket = found;
        }
    });
}

/// The legs as rows tell them: custodian, and the place and the way they ended.
fn legs(life: &Life, db: &storage::Db) -> Vec<String> {
    let (found, _) = find(db, &Scope::System, life.ticket.id).unwrap();
    assert_eq!(found.legs, life.ticket.legs);
    let tell = |leg: &domain::ticket::Leg| match &leg.closed {
        Some(end) => format!(
            "{} {} until {}: {}",
            leg.no,
            leg.custodian,
            end.seq,
            end.outcome.as_str()
        ),
        None => format!("{} {}", leg.no, leg.custodian),
    };
    found.legs.iter().map(tell).collect()
}

#[test]
fn legs_are_closed_opened_again_and_never_lost() {
    everywhere(|fresh| {
        let db = fresh.db();
        let mut life = Life::file(db, 1, TO4, RequesterKind::Citizen);
        assert_eq!(legs(&life, db), [format!("1 {TO4}")]);

        life.play("operator hand-over + published");
        let first = format!("1 {TO4} until 2: not-competent");
        assert_eq!(legs(&life, db), [first.clone(), format!("2 {REGION}")]);

        life.play("regional-operator return + published");
        let second = format!("2 {REGION} until 3: returned");
        assert_eq!(
            legs(&life, db),
            [first.clone(), second.clone(), format!("3 {TO4}")]
        );

        life.play("operator hand-over + published; regional-operator reroute CN1 + published");
        let third = format!("3 {TO4} until 4: not-competent");
        let fourth = format!("4 {REGION} until 5: rerouted");
        let moved = [first, second, third, fourth];
        let with = |last: String| [&moved[..], &[last]].concat();
        assert_eq!(legs(&life, db), with(format!("5 {CN1}")));

        life.play("cn1-operator resolve + published; system auto-close");
        assert_eq!(legs(&life, db), with(format!("5 {CN1} until 7: resolved")));

        life.play("cn1-supervisor reopen + internal");
        assert_eq!(legs(&life, db), with(format!("5 {CN1}")));

        life.play("regional-supervisor remove + internal");
        assert_eq!(legs(&life, db), with(format!("5 {CN1} until 9: removed")));
    });
}
