//! What a desk keeps beside tickets: whose it is, and that one of two changes counts.

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use domain::callback::{AttemptOutcome, CallbackState, HalfDay};
use domain::contact::{ContactChannel, ContactOutcome, Direction};
use domain::ids::{CallbackId, ContactId};
use domain::invalid::Lang;
use domain::phone::PhoneNumber;
use domain::visibility::Scope;
use jiff::tz::TimeZone;
use storage::callbacks::{self, Attempt, Callback};
use storage::contacts::{self, Contact};
use storage::deliveries::Keeper;
use storage::{Db, StoreError};
use uuid::Uuid;

use crate::town::{everywhere, hours, read_in, write};
use crate::words::{CN1, REGION, TO4, account};

fn contact(number: u128, desk: &str) -> Contact {
    Contact {
        id: ContactId::new(Uuid::from_u128(number)),
        version: 1,
        desk: desk.into(),
        channel: ContactChannel::Phone,
        direction: Direction::Inbound,
        at: hours(1),
        outcome: ContactOutcome::Answered,
        ticket: None,
        note: None,
        author: account(3),
        created_at: hours(1),
    }
}

fn callback(number: u128, desk: &str) -> Callback {
    Callback {
        id: CallbackId::new(Uuid::from_u128(number)),
        version: 1,
        desk: desk.into(),
        phone: PhoneNumber::parse("333 1234567").unwrap(),
        reason: "Prova".to_owned(),
        ticket: None,
        wished_from: hours(2),
        wished_to: hours(3),
        sms_allowed: true,
        lang: Lang::It,
        state: CallbackState::Waiting,
        author: account(3),
        created_at: hours(1),
        closed_at: None,
    }
}

fn attempt(hour: i64) -> Attempt {
    Attempt {
        at: hours(hour),
        outcome: AttemptOutcome::Busy,
        note: None,
        author: account(3),
    }
}

fn settle(db: &Db) {
    write(db, |conn| {
        for (number, desk) in [(1, TO4), (2, CN1)] {
            contacts::insert(conn, &contact(number, desk))?;
            callbacks::insert(conn, &callback(number, desk))?;
            let half_day = HalfDay::of(hours(2), &TimeZone::UTC);
            let id = CallbackId::new(Uuid::from_u128(number));
            callbacks::insert_attempt(conn, &TO4.into(), id, half_day, &attempt(2))?;
        }
        Ok(())
    });
}

#[test]
fn a_row_reads_back_as_it_was_written() {
    everywhere(|fresh| {
        let db = fresh.db();
        settle(db);
        let (scope, id) = (Scope::System, Uuid::from_u128(1));
        let found = read_in(db, &scope, |conn| {
            contacts::find(conn, &Keeper::Everything, ContactId::new(id))
        });
        assert_eq!(found, Some(contact(1, TO4)));
        let found = read_in(db, &scope, |conn| {
            callbacks::find(conn, &Keeper::Desk(TO4.into()), CallbackId::new(id))
        });
        assert_eq!(found, Some(callback(1, TO4)));
        let elsewhere = read_in(db, &scope, |conn| {
            callbacks::find(conn, &Keeper::Desk(CN1.into()), CallbackId::new(id))
        });
        assert_eq!(elsewhere, None);
        let made = read_in(db, &scope, |conn| {
            callbacks::list_attempts(conn, &[CallbackId::new(id)])
        });
        assert_eq!(made, [(CallbackId::new(id), attempt(2))]);
    });
}

#[test]
fn a_stale_change_and_a_second_attempt_in_a_half_day_are_refused() {
    everywhere(|fresh| {
        let db = fresh.db();
        settle(db);
        let id = CallbackId::new(Uuid::from_u128(1));
        let save = |was: i64| {
            db.write_in(&Scope::System, move |conn| {
                callbacks::save(conn, id, CallbackState::Cancelled, was, hours(4))
            })
        };
        assert!(save(1).is_ok());
        assert!(matches!(save(1), Err(StoreError::Stale)));
        let again = db.write_in(&Scope::System, move |conn| {
            let half_day = HalfDay::of(hours(2), &TimeZone::UTC);
            callbacks::insert_attempt(conn, &TO4.into(), id, half_day, &attempt(3))
        });
        assert!(matches!(again, Err(StoreError::UniqueViolation { .. })));
    });
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// SQL that forgot its scope sees a desk's own rows alone, where there is a fence.
#[test]
fn the_fence_keeps_a_desk_to_its_own() {
    everywhere(|fresh| {
        if fresh.is_sqlite() {
            return;
        }
        let db = fresh.db();
        settle(db);
        for table in ["contacts", "callbacks", "callback_attempts"] {
            for (scope, expected) in [
                (Scope::Authority(TO4.into()), 1),
                (Scope::Authority(REGION.into()), 0),
                (Scope::Region(REGION.into()), 2),
                (Scope::System, 2),
                (Scope::Nothing, 0),
            ] {
                let seen = read_in(db, &scope, |conn| {
                    let sql = format!("SELECT count(*) AS count FROM {table}");
                    Ok(diesel::sql_query(sql).get_result::<Count>(conn)?.count)
                });
                assert_eq!(seen, expected, "{table} in {scope:?}");
            }
        }
        let foreign = db.write_in(&Scope::Authority(TO4.into()), |conn| {
            contacts::insert(conn, &contact(3, CN1))
        });
        assert!(foreign.is_err(), "written for another desk");
    });
}
