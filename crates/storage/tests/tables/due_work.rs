//! Due work: each piece claimed by one at a time, and only its holder may end it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use storage::Db;
use storage::due_work::{self, Claimed};
use uuid::Uuid;

use crate::concurrency::at_once;
use crate::town::{everywhere, hours, read, write};

const KIND: &str = "ticket-timer";

fn subject(number: u32) -> Uuid {
    Uuid::from_u128(number.into())
}

fn set(db: &Db, number: u32, at: Timestamp) {
    write(db, move |conn| {
        due_work::set(conn, KIND, subject(number), at)
    });
}

fn claim(db: &Db, now: Timestamp, lease_end: Timestamp) -> Vec<Claimed> {
    write(db, move |conn| due_work::claim(conn, now, lease_end, 50))
}

fn hold(db: &Db, work: &Claimed) -> bool {
    let work = work.clone();
    write(db, move |conn| due_work::hold(conn, &work))
}

fn finish(db: &Db, work: &Claimed) {
    let work = work.clone();
    write(db, move |conn| due_work::finish(conn, &work));
}

fn due_at(db: &Db, number: u32) -> Option<Timestamp> {
    read(db, |conn| due_work::due_at(conn, KIND, subject(number)))
}

#[test]
fn what_is_not_due_yet_is_left_alone() {
    everywhere(|fresh| {
        let db = fresh.db();
        set(db, 1, hours(2));
        assert_eq!(claim(db, hours(1), hours(3)), []);
        let claimed = claim(db, hours(2), hours(3));
        assert_eq!(claimed.len(), 1);
        assert_eq!(
            (claimed[0].subject, claimed[0].due_at, claimed[0].attempts),
            (subject(1), hours(2), 1)
        );
    });
}

#[test]
fn a_lease_that_ended_lets_another_in_and_its_holder_out() {
    everywhere(|fresh| {
        let db = fresh.db();
        set(db, 1, hours(0));
        let first = claim(db, hours(1), hours(2));
        assert_eq!(claim(db, hours(1), hours(2)), [], "it is taken");
        let second = claim(db, hours(2), hours(3));
        assert!(!hold(db, &first[0]), "the first was too slow");
        assert!(hold(db, &second[0]));
        finish(db, &first[0]);
        assert_eq!(due_at(db, 1), Some(hours(0)), "which takes nothing away");
        finish(db, &second[0]);
        assert_eq!(due_at(db, 1), None);
    });
}

#[test]
fn what_is_set_anew_while_it_is_done_stays() {
    everywhere(|fresh| {
        let db = fresh.db();
        set(db, 1, hours(0));
        let claimed = claim(db, hours(1), hours(2));
        set(db, 1, hours(5));
        finish(db, &claimed[0]);
        assert_eq!(due_at(db, 1), Some(hours(5)));
        let work = claimed[0].clone();
        write(db, move |conn| due_work::postpone(conn, &work, hours(9)));
        assert_eq!(due_at(db, 1), Some(hours(5)));
    });
}

#[test]
fn sixteen_claimers_at_once_get_each_piece_once() {
    everywhere(|fresh| {
        let db = fresh.db();
        for number in 0..40 {
            set(db, number, hours(0));
        }
        let claimed = at_once(16, |_| claim(db, hours(1), hours(2)));
        let all: Vec<Uuid> = claimed.iter().flatten().map(|work| work.subject).collect();
        let once: BTreeSet<Uuid> = all.iter().copied().collect();
        assert_eq!((all.len(), once.len()), (40, 40));
    });
}

#[test]
fn two_that_set_a_piece_first_make_one_piece() {
    everywhere(|fresh| {
        let db = fresh.db();
        for number in 0..10 {
            at_once(4, |thread| set(db, number, hours(i64::from(thread))));
        }
        assert_eq!(claim(db, hours(5), hours(6)).len(), 10);
    });
}

#[test]
fn a_piece_that_fails_waits_and_in_the_end_is_parked_and_can_be_tried_again() {
    everywhere(|fresh| {
        let db = fresh.db();
        set(db, 1, hours(0));
        let fail = |work: &Claimed, next: Option<Timestamp>| {
            let work = work.clone();
            write(db, move |conn| {
                due_work::fail(conn, &work, "broken: storage", next, hours(1))
            });
        };
        let first = claim(db, hours(1), hours(2));
        fail(&first[0], Some(hours(4)));
        assert_eq!(claim(db, hours(3), hours(5)), []);
        let second = claim(db, hours(4), hours(5));
        assert_eq!(second[0].attempts, 2);
        let backlog = read(db, |conn| due_work::backlog(conn, hours(4)));
        assert_eq!(backlog[0].oldest_due_at, Some(hours(0)), "since it was due");
        fail(&second[0], None);
        assert_eq!(claim(db, hours(9), hours(10)), []);
        let backlog = read(db, |conn| due_work::backlog(conn, hours(9)));
        assert_eq!((backlog[0].due, backlog[0].parked), (0, 1));
        assert_eq!(write(db, due_work::retry_parked), 1);
        assert_eq!(claim(db, hours(9), hours(10))[0].attempts, 1);
    });
}

#[test]
fn what_is_given_back_is_free_at_once_and_was_not_tried() {
    everywhere(|fresh| {
        let db = fresh.db();
        set(db, 1, hours(0));
        let work = claim(db, hours(1), hours(2)).remove(0);
        write(db, move |conn| due_work::give_back(conn, &work));
        assert_eq!(claim(db, hours(1), hours(2))[0].attempts, 1);
    });
}
