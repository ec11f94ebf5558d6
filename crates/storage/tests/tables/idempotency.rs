//! Answers kept for repeated requests.

use storage::StoreError;
use storage::idempotency::{self, RequestKey};

use crate::concurrency::at_once;
use crate::town::{everywhere, hours, read, write};

fn key(principal: &str, route: &str, key: &str) -> RequestKey {
    RequestKey {
        principal: principal.to_owned(),
        route: route.to_owned(),
        key: key.to_owned(),
    }
}

#[test]
fn an_answer_is_found_under_its_whole_key_only() {
    everywhere(|fresh| {
        let db = fresh.db();
        let one = key("account 1", "POST /v1/tickets", "k");
        write(db, {
            let one = one.clone();
            move |conn| idempotency::insert(conn, &one, "fingerprint", &[0, 255, 7], hours(1))
        });
        let kept = read(db, |conn| idempotency::find(conn, &one)).unwrap();
        assert_eq!(
            (
                kept.fingerprint.as_str(),
                kept.answer.as_slice(),
                kept.created_at
            ),
            ("fingerprint", &[0, 255, 7][..], hours(1))
        );
        for other in [
            key("account 2", "POST /v1/tickets", "k"),
            key("account 1", "POST /v1/tickets/1/updates", "k"),
            key("account 1", "POST /v1/tickets", "K"),
        ] {
            assert!(
                read(db, |conn| idempotency::find(conn, &other)).is_none(),
                "{other:?}"
            );
            write(db, move |conn| {
                idempotency::insert(conn, &other, "f", &[], hours(1))
            });
        }
    });
}

#[test]
fn of_many_first_answers_one_is_kept_and_the_rest_are_told() {
    everywhere(|fresh| {
        let db = fresh.db();
        let one = key("anonymous", "POST /v1/tickets", "k");
        let outcomes = at_once(8, |number| {
            let one = one.clone();
            db.write(move |conn| {
                idempotency::insert(conn, &one, &number.to_string(), &[], hours(1))?;
                Ok::<_, StoreError>(number)
            })
        });
        let mut won = Vec::new();
        for outcome in outcomes {
            match outcome {
                Ok(number) => won.push(number.to_string()),
                Err(StoreError::UniqueViolation { .. }) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        let kept = read(db, |conn| idempotency::find(conn, &one)).unwrap();
        assert_eq!(won, [kept.fingerprint]);
    });
}

#[test]
fn one_key_or_all_old_ones_are_forgotten() {
    everywhere(|fresh| {
        let db = fresh.db();
        let keys = [1, 2, 3, 4].map(|hour| (key("p", "r", &format!("k{hour}")), hour));
        for (one, hour) in keys.clone() {
            write(db, move |conn| {
                idempotency::insert(conn, &one, "f", b"x", hours(hour))
            });
        }
        let [_, _, _, (last, _)] = keys.clone();
        write(db, move |conn| idempotency::delete(conn, &last));
        assert_eq!(
            write(db, |conn| idempotency::delete_old(conn, hours(2), 10)),
            1
        );
        let left = keys.map(|(one, _)| read(db, |conn| idempotency::find(conn, &one)).is_some());
        assert_eq!(left, [false, true, true, false]);
    });
}
