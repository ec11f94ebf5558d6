//! The second fence, which PostgreSQL alone has: what SQL that forgot its scope sees and changes.

use std::cell::Cell;
use std::collections::BTreeSet;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use domain::actor::Actor;
use domain::ids::TicketId;
use domain::state::StateCode;
use domain::visibility::{Opened, Scope, view_of};
use storage::sql_types::{Id, Uid};
use storage::tickets::RequesterKind;
use storage::{Db, DbConnection, StoreError, tickets};
use uuid::Uuid;

use crate::append_only::attachment;
use crate::life::{self, Life};
use crate::plans;
use crate::support::{self, Fresh};
use crate::town::{self, ELSEWHERE, everywhere, read_in, write};
use crate::words::{CN1, REGION, TO4};

/// The tables behind the fence, and the column that says whose ticket a row is about.
const FENCED: [(&str, &str); 5] = [
    ("tickets", "id"),
    ("ticket_events", "ticket_id"),
    ("notes", "ticket_id"),
    ("attachments", "ticket_id"),
    ("ticket_sla", "ticket_id"),
];

/// Runs the test where there is a fence.
fn fenced(test: impl Fn(&Fresh)) {
    everywhere(|fresh| {
        if !fresh.is_sqlite() {
            test(fresh);
        }
    });
}

#[derive(QueryableByName)]
struct Seen {
    #[diesel(sql_type = Uid)]
    id: Id,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[derive(QueryableByName)]
struct Setting {
    #[diesel(sql_type = Text)]
    value: String,
}

fn ids(conn: &mut DbConnection, table: &str, column: &str) -> Result<BTreeSet<u128>, StoreError> {
    let sql = format!("SELECT DISTINCT {column} AS id FROM {table}");
    let rows: Vec<Seen> = diesel::sql_query(sql).load(conn)?;
    Ok(rows.into_iter().map(|row| row.id.0.as_u128()).collect())
}

fn count(conn: &mut DbConnection, table: &str) -> Result<i64, StoreError> {
    let sql = format!("SELECT count(*) AS count FROM {table}");
    Ok(diesel::sql_query(sql).get_result::<Count>(conn)?.count)
}

/// The tickets that a query without a condition finds: the same in all five tables.
fn seen(db: &Db, scope: &Scope) -> Vec<u128> {
    let all = FENCED.map(|(table, column)| read_in(db, scope, |conn| ids(conn, table, column)));
    let [tickets, others @ ..] = all;
    for (other, (table, _)) in others.into_iter().zip(FENCED.iter().skip(1)) {
        assert_eq!(other, tickets, "{table} in {scope:?}");
    }
    tickets.into_iter().collect()
}

/// How many rows a statement changed.
fn change(db: &Db, scope: &Scope, sql: impl Into<String>) -> usize {
    let sql = sql.into();
    let changed = db.write_in(scope, move |conn| {
        Ok::<_, StoreError>(diesel::sql_query(sql).execute(conn)?)
    });
    changed.unwrap()
}

fn is_refused(outcome: Result<usize, StoreError>) -> bool {
    matches!(outcome, Err(StoreError::Database(reason))
        if reason.to_string().contains("violates row-level security policy"))
}

fn citizen(number: u32) -> Scope {
    town::citizen(number, number, &[])
}

fn tracking(number: u32) -> Scope {
    Scope::Tracking(TicketId::new(Uuid::from_u128(number.into())))
}

/// Four tickets with an entry, a note and a file each:
/// 1 of a citizen at TO4, 2 and its follow-up 3 at CN1, 4 at TO4 until it was handed over.
fn settle(db: &Db) {
    let (anonymous, of_citizen) = (RequesterKind::Anonymous, RequesterKind::Citizen);
    let rows = [
        (1, TO4, of_citizen),
        (2, CN1, anonymous),
        (3, CN1, anonymous),
        (4, TO4, of_citizen),
    ];
    for (number, desk, requester) in rows {
        let mut dossier = town::dossier(number, requester);
        dossier.follow_up_of = (number == 3).then(|| town::ticket(2, CN1).id);
        let ticket = town::ticket(number, desk);
        town::file(db, &ticket, &dossier, Some(attachment(number)));
    }
    write(db, |conn| {
        Ok(conn.batch_execute(
            "INSERT INTO notes SELECT ticket_id, seq, 'note', 'team', NULL, NULL, 'x'
             FROM ticket_events;
             INSERT INTO ticket_sla SELECT id, 'running', created_at, due_at, '[]', '[]' FROM tickets",
        )?)
    });
    // Out of the desk's custody, not out of its sight: its leg stays.
    let to4 = Scope::Authority(TO4.into());
    let hand_over = format!("UPDATE tickets SET custodian = '{REGION}' WHERE {}", is(4));
    assert_eq!(change(db, &to4, hand_over), 1);
}

fn is(number: u128) -> String {
    format!("id = '{}'", Uuid::from_u128(number))
}

#[test]
fn the_role_of_the_tests_is_bound_by_policies() {
    everywhere(|fresh| {
        assert!(
            !fresh.db().bypasses_row_security().unwrap(),
            "the role in TEST_DATABASE_URL is a superuser or has BYPASSRLS, so that nothing here \
             would be tested: use a plain role that may create databases"
        );
    });
}

#[test]
fn without_a_scope_nothing_is_seen_and_nothing_written() {
    fenced(|fresh| {
        let db = fresh.db();
        settle(db);
        assert_eq!(seen(db, &Scope::Nothing), []);
        for table in FENCED.map(|(table, _)| table).into_iter().chain(["legs"]) {
            let counts = [
                db.read(|conn| count(conn, table)),
                db.read_snapshot(|conn| count(conn, table)),
                db.write(move |conn| count(conn, table)),
            ];
            assert_eq!(counts.map(Result::unwrap), [0; 3], "{table}");
            // The policy speaks before the columns' own conditions do.
            let insert = format!("INSERT INTO {table} DEFAULT VALUES");
            let outcome = db.write(move |conn| Ok(diesel::sql_query(insert).execute(conn)?));
            assert!(is_refused(outcome), "{table}");
            let delete = format!("DELETE FROM {table}");
            assert_eq!(change(db, &Scope::Nothing, delete), 0, "{table}");
        }
        let update = "UPDATE tickets SET priority = 1";
        assert_eq!(change(db, &Scope::Nothing, update), 0);
        let (ticket, dossier) = (town::ticket(9, TO4), town::dossier(9, RequesterKind::Staff));
        let filed = db.write(move |conn| {
            let event = town::filing_of(&ticket);
            tickets::insert(
                conn,
                &ticket,
                &dossier,
                "FSE Altro",
                &event,
                &Actor::System,
                None,
            )
            .map(|()| 1)
        });
        assert!(is_refused(filed));
        assert_eq!(seen(db, &Scope::System), [1, 2, 3, 4]);
    });
}

#[test]
fn an_authority_sees_and_changes_what_it_has_or_had() {
    fenced(|fresh| {
        let db = fresh.db();
        settle(db);
        let desk = |code: &str| Scope::Authority(code.into());
        assert_eq!(seen(db, &desk(TO4)), [1, 4]);
        assert_eq!(seen(db, &desk(CN1)), [2, 3]);
        assert_eq!(seen(db, &desk(REGION)), [4]);
        assert_eq!(seen(db, &desk(ELSEWHERE)), []);
        assert_eq!(seen(db, &desk("' OR true --")), []);
        assert_eq!(seen(db, &Scope::Region(REGION.into())), [1, 2, 3, 4]);

        let touch = |number| format!("UPDATE tickets SET priority = 1 WHERE {}", is(number));
        assert_eq!(change(db, &desk(TO4), touch(2)), 0);
        assert_eq!(change(db, &desk(TO4), touch(1)), 1);
        let everything = "UPDATE tickets SET needs_attention = true";
        assert_eq!(change(db, &desk(CN1), everything), 2);
        for table in ["tickets", "attachments", "legs"] {
            let delete = format!("DELETE FROM {table}");
            assert_eq!(change(db, &desk(TO4), delete), 0, "{table}");
        }
        assert_eq!(change(db, &Scope::System, "DELETE FROM attachments"), 4);
    });
}

#[test]
fn a_citizen_sees_their_own_and_what_is_of_those_they_act_for() {
    fenced(|fresh| {
        let db = fresh.db();
        settle(db);
        assert_eq!(seen(db, &citizen(1)), [1]);
        assert_eq!(
            seen(db, &citizen(2)),
            [],
            "an e-mail address is no identity"
        );
        assert_eq!(seen(db, &citizen(9)), []);
        for (delegators, expected) in [
            (vec![], vec![1]),
            (vec![4], vec![1, 4]),
            (vec![2, 4], vec![1, 4]),
            (vec![9], vec![1]),
        ] {
            let scope = town::citizen(1, 1, &delegators);
            assert_eq!(seen(db, &scope), expected[..], "{delegators:?}");
        }
    });
}

#[test]
fn a_tracking_session_sees_its_ticket_and_what_follows_up_on_it() {
    fenced(|fresh| {
        let db = fresh.db();
        settle(db);
        assert_eq!(seen(db, &tracking(2)), [2, 3]);
        assert_eq!(seen(db, &tracking(3)), [3]);
        assert_eq!(seen(db, &tracking(1)), [], "an identity is needed for it");
        assert_eq!(seen(db, &tracking(9)), []);
        let remove = format!("UPDATE tickets SET state = 'removed' WHERE {}", is(3));
        assert_eq!(change(db, &Scope::System, remove), 1);
        assert_eq!(seen(db, &tracking(2)), [2]);
    });
}

#[test]
fn a_grant_opens_what_it_names_to_be_read() {
    fenced(|fresh| {
        let db = fresh.db();
        settle(db);
        let ticket = |number: u128| TicketId::new(Uuid::from_u128(number));
        let authority = |code: &str| Scope::Granted(Opened::Authority(code.into()));
        let rows = [
            (Scope::Granted(Opened::Ticket(ticket(1))), vec![1]),
            (Scope::Granted(Opened::Inspected(ticket(2))), vec![2]),
            (Scope::Granted(Opened::Ticket(ticket(9))), vec![]),
            // 4 was TO4's and is the region's: a grant is about what an authority has now.
            (authority(TO4), vec![1]),
            (authority(CN1), vec![2, 3]),
            (authority(REGION), vec![4]),
            (authority("' OR true --"), vec![]),
        ];
        for (scope, expected) in rows {
            assert_eq!(seen(db, &scope), expected, "{scope:?}");
            for sql in [
                "UPDATE tickets SET priority = 1",
                "DELETE FROM digest_items",
                "INSERT INTO legs SELECT * FROM legs",
                "INSERT INTO notes SELECT * FROM notes",
            ] {
                let written = db.write_in(&scope, move |conn| {
                    Ok::<_, StoreError>(diesel::sql_query(sql).execute(conn)?)
                });
                let refused = matches!(&written, Err(StoreError::Database(reason))
                    if reason.to_string().contains("read-only transaction"));
                assert!(refused, "{sql} in {scope:?}: {written:?}");
            }
        }
        assert_eq!(seen(db, &Scope::System), [1, 2, 3, 4]);
    });
}

#[test]
fn a_look_at_tickets_carries_two_questions_of_the_fence() {
    fenced(|fresh| {
        let plan = read_in(fresh.db(), &Scope::Authority(TO4.into()), |conn| {
            let DbConnection::Pg(pg) = conn else {
                panic!("there is a fence")
            };
            let sql = "EXPLAIN SELECT number FROM tickets WHERE id = gen_random_uuid()";
            Ok(plans::postgres(pg, sql))
        });
        let count = |part: &str| plan.iter().filter(|line| line.contains(part)).count();
        assert_eq!(count("InitPlan"), 2, "{plan:#?}");
        assert_eq!(count("SubPlan"), 0, "{plan:#?}");
    });
}

#[test]
fn a_scope_ends_with_its_transaction() {
    let one_connection = |config: &mut storage::DbConfig| config.pool_size = 1;
    support::everywhere(one_connection, |fresh| {
        let db = fresh.db();
        db.migrate().unwrap();
        let setting = |conn: &mut DbConnection| {
            let sql = "SELECT pg_backend_pid() || coalesce(nullif(
                           current_setting('sportello.scope_kind', true), ''), ' without')
                       || coalesce(current_setting('sportello.scope_key', true), '') AS value";
            Ok::<_, StoreError>(diesel::sql_query(sql).get_result::<Setting>(conn)?.value)
        };
        if fresh.is_sqlite() {
            return;
        }
        let without = db.read(setting).unwrap();
        assert!(without.ends_with(" without"), "{without}");
        let backend = without.trim_end_matches(" without");
        let with = format!("{backend}authority{TO4}");
        let scope = Scope::Authority(TO4.into());

        assert_eq!(db.read_in(&scope, setting).unwrap(), with);
        assert_eq!(db.read(setting).unwrap(), without);
        assert_eq!(db.read_snapshot_in(&scope, setting).unwrap(), with);
        assert_eq!(db.read_keyed_in(&scope, setting).unwrap(), with);
        assert_eq!(db.read_snapshot(setting).unwrap(), without);
        assert_eq!(db.write_in(&scope, setting).unwrap(), with);
        assert_eq!(db.write(setting).unwrap(), without);
        let undone: Result<(), _> = db.write_in(&scope, |_| Err(StoreError::Stale));
        assert!(undone.is_err());
        assert_eq!(db.read(setting).unwrap(), without);
    });
}

#[test]
fn a_scope_that_cannot_be_said_is_refused() {
    fenced(|fresh| {
        let scope = Scope::Authority("TO4\0".into());
        let outcome = fresh.db().read_in(&scope, |conn| count(conn, "tickets"));
        assert!(outcome.is_err());
        assert_eq!(fresh.db().read(|conn| count(conn, "tickets")).unwrap(), 0);
    });
}

/// Whether the fence lets `scope` at this ticket, whatever the query says.
fn is_in_reach(db: &Db, scope: &Scope, ticket: TicketId) -> bool {
    read_in(db, scope, |conn| {
        let sql = "SELECT count(*) AS count FROM tickets WHERE id = $1";
        let query = diesel::sql_query(sql).bind::<Uid, _>(Id(ticket.uuid()));
        Ok(query.get_result::<Count>(conn)?.count == 1)
    })
}

#[test]
fn after_any_history_the_fence_stands_where_the_domain_says() {
    fenced(|fresh| {
        let (db, number) = (fresh.db(), Cell::new(0));
        life::check(15, 40, |(custodian, steps)| {
            number.set(number.get() + 1);
            let requesters = [
                RequesterKind::Citizen,
                RequesterKind::Anonymous,
                RequesterKind::Staff,
            ];
            let requester = requesters[usize::try_from(number.get() % 3).unwrap()];
            let mut life = Life::file(db, number.get(), custodian, requester);
            for step in steps {
                let _ = life.step(step);
            }
            let is_citizen = requester == RequesterKind::Citizen;
            let is_there = life.ticket.state.code() != StateCode::Removed;
            let desks = [TO4, CN1, REGION, ELSEWHERE].map(|desk| Scope::Authority(desk.into()));
            let others = [Scope::Region(REGION.into()), Scope::System, Scope::Nothing];
            let desks = desks.into_iter().chain(others).map(|scope| (scope, true));
            // What the scope of a requester proves before the domain is asked.
            let requesters = [
                (citizen(number.get()), is_citizen),
                (citizen(9_999), false),
                (tracking(number.get()), !is_citizen && is_there),
                (tracking(9_999), false),
            ];
            for (scope, is_proved) in desks.chain(requesters) {
                assert_eq!(
                    is_in_reach(db, &scope, life.ticket.id),
                    is_proved && view_of(&life.ticket, &scope).is_some(),
                    "{scope:?} {:?}",
                    life.ticket
                );
            }
            Ok(())
        });
    });
}
