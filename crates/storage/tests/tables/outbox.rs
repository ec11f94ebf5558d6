//! Messages on their way out: each claimed by one at a time, and only the holder may report.

use std::collections::BTreeSet;

use domain::ids::{MessageId, ProofId};
use domain::invalid::Lang;
use jiff::Timestamp;
use storage::outbox::{self, Channel, Outgoing};
use storage::tickets::RequesterKind;
use storage::{Db, StoreError};
use uuid::Uuid;

use crate::concurrency::at_once;
use crate::life::Life;
use crate::town::{everywhere, hours, read, write};
use crate::words::TO4;

fn message(number: u32) -> Outgoing {
    Outgoing {
        id: MessageId::new(Uuid::from_u128(number.into())),
        channel: Channel::Mail,
        desk: None,
        ticket: None,
        seq: None,
        proof: Some(ProofId::new(Uuid::from_u128(7))),
        account: None,
        issue: None,
        client: None,
        endpoint: None,
        payload: None,
        template: "one-time-code".to_owned(),
        recipient: "ada@example.org".to_owned(),
        lang: Lang::En,
        attempts: 0,
        fence: 0,
    }
}

fn put(db: &Db, message: Outgoing, now: Timestamp) {
    write(db, move |conn| outbox::put(conn, &message, now));
}

fn claim(db: &Db, now: Timestamp, lease_end: Timestamp, limit: i64) -> Vec<Outgoing> {
    write(db, move |conn| {
        outbox::claim(conn, Channel::Mail, now, lease_end, limit)
    })
}

/// Says how it went with a message, in a transaction of its own.
fn report(
    db: &Db,
    message: &Outgoing,
    f: impl FnOnce(&mut storage::DbConnection, &Outgoing) -> Result<bool, StoreError> + Send + 'static,
) -> bool {
    let message = message.clone();
    write(db, move |conn| f(conn, &message))
}

/// How many wait, and how many were given up.
fn counts(db: &Db) -> (i64, i64) {
    read(db, outbox::count)
}

#[test]
fn a_message_is_claimed_as_it_was_put() {
    everywhere(|fresh| {
        let db = fresh.db();
        let ticket = Life::file(db, 1, TO4, RequesterKind::Anonymous).ticket.id;
        let about_a_ticket = Outgoing {
            ticket: Some(ticket),
            seq: Some(1),
            proof: None,
            lang: Lang::It,
            ..message(2)
        };
        put(db, message(1), hours(0));
        put(db, about_a_ticket.clone(), hours(1));
        put(db, message(3), hours(3));
        let claimed = claim(db, hours(2), hours(9), 10);
        let tell = |one: &Outgoing| {
            format!(
                "{:?}",
                Outgoing {
                    attempts: 0,
                    fence: 0,
                    ..one.clone()
                }
            )
        };
        let expected = [message(1), about_a_ticket];
        assert_eq!(
            claimed.iter().map(tell).collect::<Vec<_>>(),
            expected.iter().map(tell).collect::<Vec<_>>()
        );
        assert!(
            claimed
                .iter()
                .all(|one| (one.attempts, one.fence) == (1, 1))
        );
        assert_eq!(counts(db), (3, 0));
    });
}

#[test]
fn no_two_claimers_get_the_same_message() {
    everywhere(|fresh| {
        let db = fresh.db();
        let all: BTreeSet<_> = (0..60).map(|number| message(number).id).collect();
        for number in 0..60 {
            put(db, message(number), hours(0));
        }
        let claimed: Vec<_> = at_once(6, |_| {
            let mut mine = Vec::new();
            loop {
                let some = claim(db, hours(1), hours(2), 4);
                mine.extend(some.into_iter().map(|one| one.id));
                // Having lost a race is not the end: somebody else took those, not the rest.
                let left = claim(db, hours(1), hours(2), 60);
                if left.is_empty() {
                    break mine;
                }
                mine.extend(left.into_iter().map(|one| one.id));
            }
        })
        .concat();
        assert_eq!(claimed.len(), 60);
        assert_eq!(claimed.into_iter().collect::<BTreeSet<_>>(), all);
        assert!(claim(db, hours(1), hours(2), 60).is_empty());
    });
}

#[test]
fn a_lease_that_ran_out_passes_the_message_on_and_the_old_holder_is_not_heard() {
    everywhere(|fresh| {
        let db = fresh.db();
        put(db, message(1), hours(0));
        let first = claim(db, hours(0), hours(1), 1).remove(0);
        assert!(claim(db, hours(0), hours(9), 1).is_empty());
        let second = claim(db, hours(1), hours(2), 1).remove(0);
        assert_eq!((second.attempts, second.fence), (2, first.fence + 1));

        assert!(!report(db, &first, |conn, one| outbox::mark_sent(
            conn,
            one,
            hours(1)
        )));
        assert!(!report(db, &first, |conn, one| outbox::mark_retry(
            conn,
            one,
            "no",
            hours(1)
        )));
        assert!(!report(db, &first, |conn, one| outbox::park(
            conn, one, "never"
        )));
        assert_eq!(counts(db), (1, 0));
        assert!(
            claim(db, hours(1), hours(2), 1).is_empty(),
            "the second lease holds"
        );

        assert!(report(db, &second, |conn, one| outbox::mark_sent(
            conn,
            one,
            hours(1)
        )));
        assert!(!report(db, &second, |conn, one| outbox::mark_sent(
            conn,
            one,
            hours(1)
        )));
        assert!(!report(db, &second, |conn, one| outbox::park(
            conn, one, "too late"
        )));
        assert_eq!(counts(db), (0, 0));
        assert!(claim(db, hours(99), hours(100), 1).is_empty());
    });
}

#[test]
fn a_retry_waits_until_its_time_and_counts_the_tries() {
    everywhere(|fresh| {
        let db = fresh.db();
        put(db, message(1), hours(0));
        for try_no in 1..4 {
            let now = hours(i64::from(try_no));
            let held = claim(db, now, hours(50), 1).remove(0);
            assert_eq!(held.attempts, try_no);
            let next = hours(i64::from(try_no) + 1);
            assert!(report(db, &held, move |conn, one| {
                outbox::mark_retry(conn, one, "451", next)
            }));
            assert!(claim(db, now, hours(50), 1).is_empty());
        }
        assert_eq!(counts(db), (1, 0));
    });
}

#[test]
fn a_parked_message_stays_and_is_never_claimed_again() {
    everywhere(|fresh| {
        let db = fresh.db();
        put(db, message(1), hours(0));
        put(db, message(2), hours(0));
        let held = claim(db, hours(0), hours(1), 1).remove(0);
        assert!(report(db, &held, |conn, one| outbox::park(
            conn, one, "550"
        )));
        assert_eq!(counts(db), (1, 1));
        let rest = claim(db, hours(99), hours(100), 10);
        assert_eq!(
            rest.iter().map(|one| one.id).collect::<Vec<_>>(),
            [message(2).id]
        );
        assert!(!report(db, &held, |conn, one| outbox::mark_sent(
            conn,
            one,
            hours(2)
        )));
    });
}

#[test]
fn only_what_left_is_forgotten() {
    everywhere(|fresh| {
        let db = fresh.db();
        for number in 1..5 {
            put(db, message(number), hours(0));
        }
        let held = claim(db, hours(0), hours(1), 3);
        for (one, hour) in held.iter().zip([1, 2]) {
            assert!(report(db, one, move |conn, one| outbox::mark_sent(
                conn,
                one,
                hours(hour)
            )));
        }
        assert!(report(db, &held[2], |conn, one| outbox::park(
            conn, one, "550"
        )));
        let forget = || write(db, |conn| outbox::delete_sent(conn, hours(2), 10));
        assert_eq!((forget(), forget()), (1, 0));
        assert_eq!(counts(db), (1, 1));
    });
}

#[test]
fn a_message_falls_with_the_write_that_caused_it() {
    everywhere(|fresh| {
        let outcome = fresh.db().write(|conn| {
            outbox::put(conn, &message(1), hours(0))?;
            Err::<(), _>(StoreError::Stale)
        });
        assert!(matches!(outcome, Err(StoreError::Stale)), "{outcome:?}");
        assert_eq!(counts(fresh.db()), (0, 0));
    });
}
