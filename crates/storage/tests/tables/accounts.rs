//! Accounts, placements and sessions.

use domain::account::AccountState;
use domain::actor::Role;
use domain::ids::{AccountId, ClientId, CredentialId, IssueId, PlacementId, SessionId};
use storage::clients::{self, Client, Credential, CredentialKind};
use storage::credentials::{self, Issue};
use storage::lives::{self, Life};
use storage::sessions::{self, LiveSession, NewSession};
use storage::{Db, StoreError};
use storage::{accounts, login_sources, used_tokens};
use uuid::Uuid;

use crate::concurrency::at_once;
use crate::town::{self, everywhere, hours, label, read, write};
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
        let session = NewSession {
            id: SESSION,
            account: ada(),
            placement: chosen,
            refresh_hash: "hash 0",
            has_second_factor: false,
            expires_at: hours(10),
        };
        sessions::insert_session(conn, session, hours(0))
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
        let account = read(db, |conn| lives::find_by_username(conn, "OperaTor")).unwrap();
        assert_eq!((account.id, account.username.as_str()), (ada(), "operator"));
        assert_eq!((account.state, account.failures), (AccountState::Active, 0));
        assert!(read(db, |conn| lives::find_by_username(conn, "nobody")).is_none());
        let again = db.write(|conn| {
            let id = AccountId::new(Uuid::from_u128(99));
            town::person(conn, id, "OPERATOR")
        });
        let Err(StoreError::UniqueViolation { constraint }) = again else {
            panic!("{again:?}")
        };
        assert_eq!(constraint, "accounts_username_key");
    });
}

#[test]
fn a_changed_account_is_stale_for_whoever_saw_it_before() {
    everywhere(|fresh| {
        let db = fresh.db();
        let seen = read(db, |conn| lives::find(conn, ada())).unwrap();
        let save = |mut life: Life, state| {
            life.state = state;
            db.write(move |conn| {
                lives::save(conn, &mut life, &town::event("account.probe"), hours(1))
            })
        };
        save(seen.clone(), AccountState::Suspended).unwrap();
        assert!(matches!(
            save(seen, AccountState::Revoked),
            Err(StoreError::Stale)
        ));
        let now = read(db, |conn| lives::find(conn, ada())).unwrap();
        assert_eq!((now.version, now.state), (2, AccountState::Suspended));
        let events = read(db, |conn| lives::list_events(conn, ada(), 10));
        let kinds: Vec<(i64, &str)> = events
            .iter()
            .map(|past| (past.seq, past.event.kind.as_str()))
            .collect();
        assert_eq!(kinds, [(2, "account.probe"), (1, "account.moved_in")]);
    });
}

#[test]
fn an_authority_has_one_administrator() {
    everywhere(|fresh| {
        let db = fresh.db();
        place(db, 1, ada(), Role::Admin, TO4);
        place(db, 2, bob(), Role::Admin, CN1);
        let second = db.write(|conn| {
            let unit = ("01", "Sportello unico");
            accounts::insert_placement(conn, placement(3), bob(), Role::Admin, &TO4.into(), unit)
        });
        let Err(StoreError::UniqueViolation { constraint }) = second else {
            panic!("{second:?}")
        };
        assert_eq!(constraint, "placements_authority_code_key");
        write(db, |conn| accounts::end_placement(conn, placement(1)));
        place(db, 3, bob(), Role::Admin, TO4);
        let admins = read(db, |conn| accounts::list_admins(conn, &TO4.into()));
        assert_eq!(admins, [(bob(), placement(3))]);
    });
}

#[test]
fn tries_are_counted_by_network_before_their_password_is_looked_at() {
    everywhere(|fresh| {
        let db = fresh.db();
        let tried = |source: &'static str, at: i64| {
            let count = move |conn: &mut _| login_sources::count(conn, ada(), source, hours(at));
            write(db, count).map(|tries| (tries.here, tries.anywhere, tries.is_known))
        };
        assert_eq!(tried("guesser", 0), Some((1, 1, false)));
        assert_eq!(tried("guesser", 0), Some((2, 2, false)));
        write(db, |conn| {
            login_sources::block(conn, ada(), "guesser", hours(2))
        });
        assert_eq!(tried("guesser", 1), None, "this network waits");
        assert_eq!(tried("office", 1), Some((1, 3, false)), "another does not");
        write(db, |conn| {
            login_sources::succeed(conn, ada(), "office", hours(1))
        });
        assert_eq!(tried("office", 1), Some((1, 1, true)));
        assert_eq!(
            tried("guesser", 1),
            None,
            "the right password elsewhere helps no guesser"
        );
        write(db, |conn| login_sources::forget(conn, ada()));
        assert_eq!(tried("guesser", 3), Some((1, 1, false)));
    });
}

#[test]
fn tries_at_once_are_all_counted() {
    everywhere(|fresh| {
        let db = fresh.db();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    write(db, |conn| {
                        login_sources::count(conn, ada(), "one", hours(0))
                    })
                });
            }
        });
        let account = read(db, |conn| lives::find(conn, ada())).unwrap();
        assert_eq!(account.failures, 8);
    });
}

#[test]
fn a_token_is_used_once() {
    everywhere(|fresh| {
        let db = fresh.db();
        let take =
            |print: &'static str| write(db, move |conn| used_tokens::take(conn, print, hours(1)));
        assert_eq!((take("a"), take("a"), take("b")), (true, false, true));
        let swept = |at| {
            write(db, move |conn| {
                used_tokens::delete_ended(conn, hours(at), 10)
            })
        };
        assert_eq!((swept(1), swept(2)), (0, 2));
    });
}

#[test]
fn new_codes_void_the_old_and_five_wrong_ones_void_the_new() {
    everywhere(|fresh| {
        let db = fresh.db();
        let issue = |number: u128, print: &str| Issue {
            id: IssueId::new(Uuid::from_u128(number)),
            account: ada(),
            identification_print: print.to_owned(),
            security_print: "security".to_owned(),
            created_at: hours(0),
            expires_at: hours(10),
            tries: 0,
            used_at: None,
            voided_at: None,
        };
        for (number, print) in [(1, "first"), (2, "second")] {
            let new = issue(number, print);
            write(db, move |conn| credentials::insert_issue(conn, &new));
        }
        let find = |print: &'static str| {
            read(db, move |conn| credentials::find_issue(conn, print)).unwrap()
        };
        assert!(find("first").voided_at.is_some() && find("second").voided_at.is_none());
        for wrong in 1..=5 {
            write(db, move |conn| {
                credentials::count_try(conn, IssueId::new(Uuid::from_u128(2)), 5, hours(1))
            });
            assert_eq!(find("second").voided_at.is_some(), wrong == 5, "{wrong}");
        }
        let used = write(db, |conn| {
            credentials::use_issue(conn, IssueId::new(Uuid::from_u128(2)), hours(2))
        });
        assert!(!used);
    });
}

#[test]
fn two_secrets_of_a_program_are_good_at_once_and_no_third() {
    everywhere(|fresh| {
        let db = fresh.db();
        let client = ClientId::new(Uuid::from_u128(1));
        write(db, move |conn| {
            clients::insert(
                conn,
                &Client {
                    id: client,
                    label: "Portale".to_owned(),
                    contact: "portale@example.org".to_owned(),
                    scopes: vec!["requests:create".to_owned()],
                    voucher: None,
                    purposes: Vec::new(),
                    created_at: hours(0),
                    expires_at: hours(100),
                    revoked_at: None,
                },
            )
        });
        let good = |at| {
            let all = read(db, move |conn| {
                clients::list_credentials(conn, client, CredentialKind::Secret, hours(at))
            });
            all.into_iter().map(|one| one.value).collect::<Vec<_>>()
        };
        for (number, value) in [(1, "one"), (2, "two"), (3, "three")] {
            write(db, move |conn| {
                clients::insert_credential(
                    conn,
                    &Credential {
                        id: CredentialId::new(Uuid::from_u128(number)),
                        client,
                        kind: CredentialKind::Secret,
                        value: value.to_owned(),
                        created_at: hours(i64::try_from(number).unwrap()),
                        expires_at: hours(50),
                    },
                )
            });
        }
        assert_eq!(good(4), ["three", "two"]);
        write(db, move |conn| {
            clients::revoke_older(conn, client, CredentialKind::Secret, hours(5))
        });
        assert_eq!(good(6), ["three"]);
        assert!(good(60).is_empty(), "their time is over");
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
