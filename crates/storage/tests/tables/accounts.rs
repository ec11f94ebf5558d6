//! Accounts, placements and sessions.

use domain::actor::Role;
use domain::ids::{AccountId, PlacementId, SessionId};
use storage::accounts;
use storage::sessions::{self, LiveSession};
use storage::{Db, StoreError};
use uuid::Uuid;

use crate::concurrency::at_once;
use crate::town::{everywhere, hours, label, read, write};
use crate::words::{self, CN1, TO4};

/// The first of the people: "operator".
fn ada() -> AccountId {
    words::account(0)
}

/// The second: "colleague".
fn bob() -> AccountId {
    words::account(1)
}

const SESSION: SessionId = SessionId::new(Uuid::from_u128(1));

fn placement(number: u128) -> PlacementId {
    PlacementId::new(Uuid::from_u128(number))
}

fn place(db: &Db, number: u128, account: AccountId, role: Role, desk: &'static str) {
    write(db, move |conn| {
        let unit = ("01", "Sportello unico");
        accounts::insert_placement(conn, placement(number), account, role, &desk.into(), unit)
    });
}

/// A session of `ada` from hour 0 to hour 10.
fn log_in(db: &Db, chosen: Option<PlacementId>) {
    write(db, move |conn| {
        sessions::insert_session(conn, SESSION, ada(), chosen, "hash 0", hours(0), hours(10))
    });
}

fn live(db: &Db, now: i64, used_after: i64) -> Option<LiveSession> {
    read(db, |conn| {
        sessions::find_live_session(conn, SESSION, hours(now), hours(used_after))
    })
}

fn run(db: &Db, sql: &'static str) {
    use diesel::connection::SimpleConnection;
    write(db, move |conn| Ok(conn.batch_execute(sql)?));
}

#[test]
fn a_user_name_is_one_name_in_any_letter_case() {
    everywhere(|fresh| {
        let db = fresh.db();
        let account = read(db, |conn| accounts::find_by_username(conn, "OperaTor")).unwrap();
        assert_eq!((account.id, account.username.as_str()), (ada(), "operator"));
        assert_eq!(
            (account.active, account.failures, account.blocked_until),
            (true, 0, None)
        );
        assert!(read(db, |conn| accounts::find_by_username(conn, "nobody")).is_none());
        let again = db.write(|conn| {
            let id = AccountId::new(Uuid::from_u128(99));
            accounts::insert(conn, id, "OPERATOR", "Another", "$argon2id$", hours(0))
        });
        let Err(StoreError::UniqueViolation { constraint }) = again else {
            panic!("{again:?}")
        };
        assert_eq!(constraint, "accounts_username_key");
    });
}

#[test]
fn tries_are_counted_before_their_password_is_looked_at() {
    everywhere(|fresh| {
        let db = fresh.db();
        let tried = |at: i64| write(db, move |conn| accounts::count_try(conn, ada(), hours(at)));
        assert_eq!((tried(0), tried(0)), (Some(1), Some(2)));
        write(db, |conn| accounts::block(conn, ada(), hours(2)));
        assert_eq!(tried(1), None, "blocked: the try does not count");
        assert_eq!(tried(2), Some(3), "the delay is over");
        write(db, |conn| accounts::forget_tries(conn, ada()));
        let account = read(db, |conn| accounts::find_by_username(conn, "operator")).unwrap();
        assert_eq!((account.failures, account.blocked_until), (0, None));
    });
}

#[test]
fn tries_at_once_are_all_counted() {
    everywhere(|fresh| {
        let db = fresh.db();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| write(db, |conn| accounts::count_try(conn, ada(), hours(0))));
            }
        });
        let account = read(db, |conn| accounts::find_by_username(conn, "operator")).unwrap();
        assert_eq!(account.failures, 8);
    });
}

#[test]
fn a_session_lives_until_it_is_over_idle_or_revoked() {
    everywhere(|fresh| {
        let db = fresh.db();
        assert!(live(db, 0, -1).is_none(), "nobody logged in");
        log_in(db, None);
        let session = live(db, 0, -1).unwrap();
        assert_eq!((session.id, session.account), (SESSION, ada()));
        assert_eq!(session.display_name, label("operator"));
        assert_eq!(
            (session.username.as_str(), session.placement),
            ("operator", None)
        );
        assert!(live(db, 9, -1).is_some());
        assert!(live(db, 10, -1).is_none(), "over");
        assert!(live(db, 1, 0).is_none(), "idle");
        run(db, "UPDATE accounts SET active = FALSE");
        assert!(live(db, 1, -1).is_none(), "account not active");
        run(db, "UPDATE accounts SET active = TRUE");
        assert!(live(db, 1, -1).is_some());
        write(db, |conn| sessions::revoke_session(conn, SESSION, hours(2)));
        assert!(live(db, 1, -1).is_none(), "revoked");
    });
}

#[test]
fn a_session_has_the_placement_chosen_while_it_is_held() {
    everywhere(|fresh| {
        let db = fresh.db();
        place(db, 1, ada(), Role::Supervisor, TO4);
        place(db, 2, bob(), Role::Operator, CN1);
        log_in(db, None);
        let choose = |number| {
            let account = ada();
            write(db, move |conn| {
                sessions::choose_placement(conn, SESSION, account, placement(number), "chosen")
            })
        };
        let chosen = || {
            live(db, 1, -1)
                .unwrap()
                .placement
                .map(|one| (one.id, one.role))
        };
        let good = || {
            let state = read(db, |conn| sessions::find_refresh(conn, SESSION, hours(1)));
            state.unwrap().refresh_hash
        };
        assert!(!choose(2), "a colleague's");
        assert!(!choose(3), "nobody's");
        assert_eq!((chosen(), good()), (None, "hash 0".to_owned()));
        assert!(choose(1));
        assert_eq!(
            good(),
            "chosen",
            "the tokens of the former placement are over"
        );
        assert_eq!(chosen(), Some((placement(1), Role::Supervisor)));
        run(db, "UPDATE placements SET active = FALSE");
        assert_eq!(
            chosen(),
            None,
            "no longer held, and the session goes on without"
        );
        assert!(!choose(1));
    });
}

#[test]
fn a_refresh_token_is_good_for_one_rotation() {
    everywhere(|fresh| {
        let db = fresh.db();
        log_in(db, None);
        let rotate = |old: String, new: String, hour: i64| {
            write(db, move |conn| {
                sessions::rotate_refresh(conn, SESSION, &old, &new, hours(hour))
            })
        };
        let state = |hour| {
            read(db, |conn| {
                sessions::find_refresh(conn, SESSION, hours(hour))
            })
            .unwrap()
        };
        let mut good = "hash 0".to_owned();
        for round in 1..4 {
            let rotated = at_once(8, |number| {
                rotate(good.clone(), format!("hash {round} of {number}"), round)
            });
            let winners: Vec<_> = (0..8)
                .zip(rotated)
                .filter(|(_, rotated)| *rotated)
                .collect();
            let [(winner, _)] = winners[..] else {
                panic!("{winners:?}")
            };
            assert!(!rotate(good, "stolen".to_owned(), round));
            good = format!("hash {round} of {winner}");
            assert_eq!(state(round).refresh_hash, good);
            assert!(live(db, round, round - 1).is_some(), "a rotation is a use");
        }
        assert_eq!((state(9).ended, state(10).ended), (false, true));
        write(db, |conn| sessions::revoke_session(conn, SESSION, hours(4)));
        assert!(state(4).ended);
        assert!(!rotate(good, "after the end".to_owned(), 4));
    });
}

#[test]
fn a_session_is_revoked_once_and_forgotten_after_its_end() {
    everywhere(|fresh| {
        let db = fresh.db();
        log_in(db, None);
        write(db, |conn| sessions::revoke_session(conn, SESSION, hours(2)));
        write(db, |conn| sessions::revoke_session(conn, SESSION, hours(3)));
        let forget = |hour| {
            write(db, move |conn| {
                sessions::delete_ended_sessions(conn, hours(hour), 10)
            })
        };
        assert_eq!([forget(10), forget(11), forget(12)], [0, 1, 0]);
        assert!(read(db, |conn| sessions::find_refresh(conn, SESSION, hours(0))).is_none());
    });
}

#[test]
fn colleagues_are_the_active_people_of_a_desk_who_work_tickets() {
    everywhere(|fresh| {
        let db = fresh.db();
        place(db, 1, ada(), Role::Supervisor, TO4);
        place(db, 2, ada(), Role::Operator, TO4);
        place(db, 3, bob(), Role::Operator, TO4);
        place(db, 4, words::account(2), Role::Admin, TO4);
        place(db, 5, words::account(4), Role::Operator, CN1);
        let held = read(db, |conn| accounts::list_placements(conn, ada()));
        let roles: Vec<_> = held
            .iter()
            .map(|one| (one.role, one.authority.as_str()))
            .collect();
        assert_eq!(roles, [(Role::Operator, TO4), (Role::Supervisor, TO4)]);
        assert_eq!(held[0].authority_label, format!("Desk {TO4}"));
        let colleagues = || -> Vec<AccountId> {
            let found = read(db, |conn| accounts::list_colleagues(conn, &TO4.into()));
            found.into_iter().map(|one| one.account).collect()
        };
        assert_eq!(colleagues(), [bob(), ada(), ada()]);
        run(
            db,
            "UPDATE accounts SET active = FALSE WHERE username = 'colleague'",
        );
        run(
            db,
            "UPDATE placements SET active = FALSE WHERE role = 'supervisor'",
        );
        assert_eq!(colleagues(), [ada()]);
    });
}
