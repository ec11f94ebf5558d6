//! The entries of a request: with what they tell of, or not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use domain::audit::{AuditActor, AuditEntry, AuditOutcome};
use domain::ids::TicketId;
use domain::visibility::Scope;
use jiff::Timestamp;
use storage::audit_index::{self, Place, Wanted};
use storage::keyring::LocalMaster;
use storage::trail::{self, Beginning, Trail};
use storage::{Db, StoreError, audit, counters};
use uuid::Uuid;

use crate::support::{Fresh, everywhere};

fn opened(fresh: &Fresh) -> Db {
    let db = Db::open(&fresh.config).unwrap();
    db.migrate().unwrap();
    db.unlock(Arc::new(LocalMaster::new(&[1; 32]))).unwrap();
    let keyring = db.keyring().unwrap();
    keyring.ensure(&[], Timestamp::UNIX_EPOCH).unwrap();
    db
}

static NEXT: AtomicU64 = AtomicU64::new(1 << 32);

fn begun() -> Trail {
    Trail::begin(Beginning {
        id: Uuid::from_u128(NEXT.fetch_add(1, Ordering::Relaxed).into()),
        at: Timestamp::UNIX_EPOCH,
        actor: AuditActor::Operator,
        operation: "try".to_owned(),
        purpose: None,
        correlation: None,
    })
}

fn entries(db: &Db) -> Vec<AuditEntry> {
    let all = (Timestamp::UNIX_EPOCH, Timestamp::MAX);
    let mut found = db
        .read_in(&Scope::System, |conn| {
            audit_index::list(conn, &Wanted::All, all, None, 100)
        })
        .unwrap();
    found.reverse();
    found
}

fn count(db: &Db) -> i64 {
    db.write(|conn| counters::take_block(conn, "tries", 1))
        .unwrap()
}

#[test]
fn a_transaction_that_is_undone_leaves_no_entry() {
    everywhere(
        |_| {},
        |fresh| {
            let db = opened(fresh);
            let trail = begun();
            let failed: Result<(), StoreError> =
                trail.within(|| db.write(|_| Err(StoreError::Stale)));
            assert!(failed.is_err());
            assert!(entries(&db).is_empty());
            // What it still has to say at the end is that it was refused.
            let rest = trail.rest(AuditOutcome::Refused).unwrap();
            assert_eq!(rest.outcome, AuditOutcome::Refused);
        },
    );
}

#[test]
fn a_transaction_whose_entry_cannot_be_written_is_undone() {
    everywhere(
        |_| {},
        |fresh| {
            let db = opened(fresh);
            let first = count(&db);
            let rename = |from: &str, to: &str| {
                let sql = format!("ALTER TABLE {from} RENAME TO {to}");
                db.write(move |conn| Ok::<_, StoreError>(conn.batch_execute(&sql)?))
                    .unwrap();
            };
            rename("audit_entries", "away");
            let trail = begun();
            let written = trail.within(|| db.write(|conn| counters::take_block(conn, "tries", 1)));
            assert!(written.is_err());
            rename("away", "audit_entries");
            assert_eq!(count(&db), first + 1, "nothing was counted in between");
            assert!(entries(&db).is_empty());
        },
    );
}

#[test]
fn an_entry_says_what_was_seen_since_the_one_before() {
    everywhere(
        |_| {},
        |fresh| {
            let db = opened(fresh);
            let trail = begun();
            let (one, other) = (
                TicketId::new(Uuid::from_u128(1)),
                TicketId::new(Uuid::from_u128(2)),
            );
            for ticket in [one, other] {
                trail.within(|| {
                    trail.note_ticket(ticket, None);
                    db.write(|_| Ok::<_, StoreError>(())).unwrap();
                });
            }
            let said: Vec<_> = entries(&db)
                .into_iter()
                .map(|entry| (entry.nth, entry.tickets))
                .collect();
            assert_eq!(said, [(1, vec![one]), (2, vec![other])]);
            assert!(trail.rest(AuditOutcome::Done).is_none(), "all is said");
            trail.note_ticket(one, None);
            assert!(trail.rest(AuditOutcome::Done).is_none(), "and again");
            assert!(trail.rest(AuditOutcome::Failed).is_some());
        },
    );
}

#[test]
fn what_runs_apart_is_not_followed() {
    everywhere(
        |_| {},
        |fresh| {
            let db = opened(fresh);
            begun().within(|| trail::apart(|| count(&db)));
            assert!(entries(&db).is_empty());
        },
    );
}

#[test]
fn every_entry_is_indexed_once_and_found_by_what_it_names() {
    everywhere(
        |_| {},
        |fresh| {
            let db = opened(fresh);
            let ticket = TicketId::new(Uuid::from_u128(7));
            let at = |second: i64| Timestamp::from_second(second).unwrap();
            for second in 0..5_i64 {
                let entry = AuditEntry {
                    id: Uuid::from_u128(u128::from(second.unsigned_abs())),
                    nth: 1,
                    at: at(second),
                    chain: "010204".to_owned(),
                    actor: AuditActor::Operator,
                    operation: "try".to_owned(),
                    tickets: vec![ticket],
                    changed: Vec::new(),
                    subjects: vec!["somebody".to_owned()],
                    purpose: None,
                    outcome: AuditOutcome::Done,
                    correlation: None,
                    sign_in: None,
                };
                db.write(move |conn| audit::append(conn, &entry)).unwrap();
            }
            let index = |limit| {
                db.write_in(&Scope::System, move |conn| {
                    audit_index::index_waiting(conn, limit)
                })
                .unwrap()
            };
            assert_eq!([index(3), index(3), index(3)], [3, 2, 0]);
            let wanted = [
                Wanted::All,
                Wanted::Chain("010204".into()),
                Wanted::Ticket(ticket),
                Wanted::Person(vec!["somebody".to_owned()]),
            ];
            for wanted in wanted {
                let page = |after: Option<Place>| {
                    db.read_in(&Scope::System, |conn| {
                        audit_index::list(conn, &wanted, (at(1), at(4)), after, 2)
                    })
                    .unwrap()
                };
                let first = page(None);
                let seconds = |page: &[AuditEntry]| -> Vec<i64> {
                    page.iter().map(|one| one.at.as_second()).collect()
                };
                assert_eq!(seconds(&first), [3, 2], "{wanted:?}");
                let rest = page(first.last().map(Place::of));
                assert_eq!(seconds(&rest), [1], "{wanted:?}");
            }
        },
    );
}

#[test]
fn who_looked_at_a_ticket_is_behind_the_fence() {
    everywhere(
        |_| {},
        |fresh| {
            if fresh.is_sqlite() {
                return;
            }
            let db = opened(fresh);
            db.write_in(&Scope::System, |conn| {
                let sql = "INSERT INTO audit_tickets VALUES \
                     ('01990000-0000-7000-8000-000000000000', now(), \
                     '01990000-0000-7000-8000-000000000001', 1)";
                Ok::<_, StoreError>(diesel::sql_query(sql).execute(conn)?)
            })
            .unwrap();
            #[derive(diesel::QueryableByName)]
            struct Count {
                #[diesel(sql_type = diesel::sql_types::BigInt)]
                count: i64,
            }
            let seen = |scope: &Scope| {
                let sql = "SELECT count(*) AS count FROM audit_tickets";
                db.read_in(scope, |conn| {
                    Ok::<_, StoreError>(diesel::sql_query(sql).get_result::<Count>(conn)?.count)
                })
                .unwrap()
            };
            let scopes = [
                Scope::System,
                Scope::Nothing,
                Scope::Authority("010204".into()),
            ];
            assert_eq!(scopes.map(|scope| seen(&scope)), [1, 0, 0]);
        },
    );
}
