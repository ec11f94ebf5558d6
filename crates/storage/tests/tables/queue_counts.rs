//! The kept counters of queues say what a count of the rows would, whatever happened and whenever it was folded.

mod cost;

use std::cell::Cell;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Text};
use domain::actor::Assignee;
use domain::codes::AuthorityCode;
use domain::state::StateCode;
use domain::visibility::Scope;
use jiff::{SignedDuration, Timestamp};
use storage::queue_counts::{self, Counters};
use storage::sql_types::{Instant, Ts};
use storage::tickets::RequesterKind;
use storage::{Db, DbConnection, StoreError};

use crate::concurrency::at_once;
use crate::life::{self, Life};
use crate::support::Fresh;
use crate::town::{self, Count, ELSEWHERE, everywhere, read, read_in, write};
use crate::words::{self, CN1, REGION, TO4};

const DESKS: [&str; 4] = [TO4, CN1, REGION, ELSEWHERE];

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Bool)]
    needs_attention: bool,
    #[diesel(sql_type = Nullable<Text>)]
    assignee: Option<String>,
    #[diesel(sql_type = Instant)]
    due_at: Ts,
    #[diesel(sql_type = Nullable<Instant>)]
    state_since: Option<Ts>,
    #[diesel(sql_type = Bool)]
    is_transferred: bool,
}

/// Counts the rows themselves, one after the other.
fn count_rows(conn: &mut DbConnection, desk: &str, me: &Assignee, now: Timestamp) -> Counters {
    let sql = "SELECT state, needs_attention, assignee, due_at, state_since, EXISTS (SELECT 1 FROM legs \
               WHERE legs.ticket_id = tickets.id AND legs.no = 2) AS is_transferred \
               FROM tickets WHERE custodian = $1";
    let query = diesel::sql_query(sql).bind::<Text, _>(desk);
    let rows: Vec<Row> = query.load(conn).unwrap();
    let me = match me {
        Assignee::Operator(account) => format!("operator:{account}"),
        Assignee::Pool(pool) => format!("pool:{}", pool.code()),
    };
    let mut counters = Counters::default();
    let mut by_state = std::collections::BTreeMap::new();
    for row in rows {
        let state = StateCode::from_code(&row.state).unwrap();
        *by_state.entry(state).or_insert(0) += 1;
        counters.needs_attention += i64::from(row.needs_attention);
        let is_untouched = matches!(state, StateCode::New | StateCode::NotCompetent);
        counters.untouched += i64::from(is_untouched);
        counters.transferred_untouched += i64::from(is_untouched && row.is_transferred);
        if state.is_open() {
            counters.mine += i64::from(row.assignee.as_ref() == Some(&me));
            counters.unassigned += i64::from(row.assignee.is_none());
            // A question that was asked in time pauses the clock.
            let waits = state == StateCode::AwaitingInfo
                && row.state_since.is_some_and(|since| row.due_at.0 > since.0);
            counters.overdue += i64::from(!waits && row.due_at.0 < now);
        }
    }
    counters.by_state = by_state.into_iter().collect();
    counters
}

/// Compares every desk's counters with its rows, at times from long before to long after.
#[track_caller]
fn assert_right(db: &Db) {
    let minutes = [
        -40 * 1_440,
        0,
        17,
        60,
        3 * 1_440 + 1,
        33 * 1_440,
        200 * 1_440,
    ];
    let owners = [
        Assignee::Operator(words::account(0)),
        Assignee::Operator(words::account(1)),
        Assignee::Pool(domain::actor::Pool::Supervisors),
    ];
    for (now, me) in minutes.into_iter().zip(owners.iter().cycle()) {
        let now = town::filed_at() + SignedDuration::from_mins(now);
        for desk in DESKS {
            let scope = Scope::Authority(desk.into());
            let (kept, found) = db
                .read_snapshot_in(&Scope::System, |conn| {
                    let found = count_rows(conn, desk, me, now);
                    Ok::<_, StoreError>((kept(conn, desk, me, now)?, found))
                })
                .unwrap();
            assert_eq!(kept, found, "{desk} at {now}");
            let seen = read_in(db, &scope, |conn| self::kept(conn, desk, me, now));
            assert_eq!(seen, found, "{desk} at {now}, as the desk sees it");
        }
    }
}

fn kept(
    conn: &mut DbConnection,
    desk: &str,
    me: &Assignee,
    now: Timestamp,
) -> Result<Counters, StoreError> {
    queue_counts::count(conn, &AuthorityCode::from(desk), me, now)
}

fn fold(db: &Db, limit: i64) -> usize {
    write(db, move |conn| queue_counts::fold(conn, limit))
}

fn fold_all(db: &Db) {
    while fold(db, 1_000) > 0 {}
    assert!(!read(db, queue_counts::has_deltas));
}

fn execute(db: &Db, sql: &str) {
    let sql = sql.to_owned();
    write(db, move |conn| Ok(conn.batch_execute(&sql)?));
}

/// The id of the ticket with this number, as this database writes it.
fn id(fresh: &Fresh, number: u32) -> String {
    match fresh.is_sqlite() {
        true => format!("x'{number:032x}'"),
        false => format!("'{}'", uuid::Uuid::from_u128(number.into())),
    }
}

/// A time some minutes after the filing, as this database writes it.
fn minutes(fresh: &Fresh, later: i64) -> String {
    let at = town::filed_at() + SignedDuration::from_mins(later);
    match fresh.is_sqlite() {
        true => at.as_microsecond().to_string(),
        false => format!("'{at}'"),
    }
}

/// A statement that makes a ticket out of ticket 1, without a history: only such a one can be deleted.
fn copy(fresh: &Fresh, number: u32, desk: &str, due: i64) -> String {
    format!(
        "INSERT INTO tickets (id, number, created_at, custodian, state, resolution_code, timer_at, \
         version, service_code, problem_type, at_region, tallies, needs_attention, priority, tags, \
         channel, requester_kind, identity_print, tax_code_print, key_desk, family_name_print, \
         email_print, dossier, updated_at, due_at) SELECT {}, 'N{number}', created_at, '{desk}', 'new', \
         'duplicate', due_at, version, service_code, problem_type, true, tallies, needs_attention, \
         priority, tags, channel, requester_kind, identity_print, tax_code_print, key_desk, \
         family_name_print, email_print, dossier, updated_at, {} FROM tickets WHERE id = {};",
        id(fresh, number),
        minutes(fresh, due),
        id(fresh, 1),
    )
}

/// Numbers that look like chance and are the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn of<T: Copy>(&mut self, items: &[T]) -> T {
        let place = usize::try_from(self.below(1_000)).unwrap();
        *items.iter().cycle().nth(place).unwrap()
    }
}

/// Something that some program could do to rows, or a person by hand.
fn by_hand(fresh: &Fresh, chance: &mut Chance, ticket: u32) -> String {
    let due = i64::try_from(chance.below(100 * 1_440)).unwrap() - 50 * 1_440;
    let of = format!("WHERE id = {}", id(fresh, ticket));
    let leg = format!("ticket_id = {} AND no = 2", id(fresh, ticket));
    match chance.below(10) {
        0 | 1 => {
            let states = [
                "new",
                "in-progress",
                "awaiting-info",
                "not-competent",
                "external-work",
                "resolved",
                "auto-closed",
                "removed",
            ];
            let since = minutes(fresh, due / 2);
            let state = chance.of(&states);
            format!("UPDATE tickets SET state = '{state}', state_since = {since} {of};")
        }
        2 => format!("UPDATE tickets SET needs_attention = NOT needs_attention {of};"),
        3 => {
            let account = words::account(usize::from(chance.below(2) == 0));
            let owner = format!("'operator:{account}'");
            let owner = chance.of(&["NULL", "'pool:supervisors'", owner.as_str()]);
            format!("UPDATE tickets SET assignee = {owner} {of};")
        }
        4 => format!(
            "UPDATE tickets SET custodian = '{}' {of};",
            chance.of(&DESKS)
        ),
        5 => format!("UPDATE tickets SET due_at = {} {of};", minutes(fresh, due)),
        6 => format!(
            "INSERT INTO legs (ticket_id, no, custodian, opened_at) SELECT id, 2, custodian, created_at \
             FROM tickets {of} AND NOT EXISTS (SELECT 1 FROM legs WHERE {leg});"
        ),
        7 => format!("DELETE FROM legs WHERE {leg};"),
        8 => format!(
            "DELETE FROM legs WHERE {leg}; DELETE FROM tickets {of}; {}",
            copy(fresh, ticket, chance.of(&DESKS), due)
        ),
        _ => format!(
            "UPDATE tickets SET state = 'removed', assignee = NULL, needs_attention = false {of};"
        ),
    }
}

#[test]
fn counters_are_what_the_rows_say_after_any_histories_however_much_is_folded() {
    everywhere(|fresh| {
        let (db, number) = (fresh.db(), Cell::new(1));
        Life::file(db, 1, TO4, RequesterKind::Citizen);
        let copied = 10_000..10_012_u32;
        for one in copied.clone() {
            execute(db, &copy(fresh, one, TO4, i64::from(one) % 7 * 1_440));
        }
        let chance = std::cell::RefCell::new(Chance(0x5eed));
        let cases = if fresh.is_sqlite() { 12 } else { 6 };
        life::check(cases, 20, |(custodian, steps)| {
            let chance = &mut *chance.borrow_mut();
            number.set(number.get() + 1);
            let mut life = Life::file(db, number.get(), custodian, RequesterKind::Citizen);
            for (place, step) in steps.into_iter().enumerate() {
                let _ = life.step(step);
                let ticket = copied.start + u32::try_from(chance.below(12)).unwrap();
                execute(db, &by_hand(fresh, chance, ticket));
                if chance.below(3) == 0 {
                    fold(db, 7);
                }
                if place % 4 == 0 {
                    assert_right(db);
                }
            }
            Ok(())
        });
        assert_right(db);
        fold_all(db);
        assert_right(db);
        // And a count of all that is there finds nothing to correct.
        for desk in DESKS.map(AuthorityCode::from) {
            assert_eq!(write(db, move |conn| queue_counts::recount(conn, &desk)), 0);
        }
        while write(db, |conn| queue_counts::delete_empty(conn, 5)) > 0 {}
        assert_right(db);
    });
}

/// Some tickets at TO4 and CN1, of which nothing is folded.
fn settle(fresh: &Fresh) {
    let db = fresh.db();
    Life::file(db, 1, TO4, RequesterKind::Citizen);
    Life::file(db, 2, TO4, RequesterKind::Citizen).play("operator take");
    Life::file(db, 3, TO4, RequesterKind::Citizen).play("operator hand-over + published");
    Life::file(db, 4, CN1, RequesterKind::Citizen);
}

#[test]
fn a_folding_that_is_cut_off_has_not_happened() {
    everywhere(|fresh| {
        let db = fresh.db();
        settle(fresh);
        let outcome: Result<(), StoreError> = db.write_in(&Scope::System, |conn| {
            assert!(queue_counts::fold(conn, 5)? > 0);
            Err(StoreError::Stale)
        });
        assert!(outcome.is_err());
        assert_right(db);
        fold_all(db);
        assert_right(db);
        assert_eq!(fold(db, 5), 0);
    });
}

#[test]
fn four_who_fold_at_once_fold_everything_once() {
    everywhere(|fresh| {
        let db = fresh.db();
        settle(fresh);
        at_once(4, |number| match number {
            0 => {
                for number in 10..20 {
                    Life::file(db, number, CN1, RequesterKind::Citizen);
                }
            }
            _ => while fold(db, 2) > 0 {},
        });
        assert_right(db);
        fold_all(db);
        assert_right(db);
    });
}

#[test]
fn nobody_who_changes_tickets_of_a_desk_waits_for_its_counters() {
    everywhere(|fresh| {
        // SQLite has one writer, who waits for nobody.
        if fresh.is_sqlite() {
            return;
        }
        settle(fresh);
        let open = || {
            let mut conn = PgConnection::establish(&fresh.config.url).unwrap();
            let begin =
                "BEGIN; SET LOCAL sportello.scope_kind = 'system'; SET LOCAL lock_timeout = '1ms'";
            conn.batch_execute(begin).unwrap();
            DbConnection::Pg(conn)
        };
        let [mut one, mut other, mut folding] = [open(), open(), open()];
        one.batch_execute(&copy(fresh, 101, TO4, 5)).unwrap();
        other.batch_execute(&copy(fresh, 102, TO4, 5)).unwrap();
        assert!(queue_counts::fold(&mut folding, 100).unwrap() > 0);
        for (conn, number) in [(&mut one, 101), (&mut other, 102)] {
            let of = id(fresh, number);
            let take = format!("UPDATE tickets SET state = 'in-progress' WHERE id = {of}; COMMIT");
            conn.batch_execute(&take).unwrap();
        }
        folding.batch_execute("COMMIT").unwrap();
        assert_right(fresh.db());
        fold_all(fresh.db());
        assert_right(fresh.db());
    });
}

#[test]
fn a_recount_corrects_what_was_changed_by_hand_and_says_how_much() {
    everywhere(|fresh| {
        let db = fresh.db();
        settle(fresh);
        fold(db, 3);
        let recount = || {
            let wrong =
                DESKS.map(|desk| write(db, move |conn| queue_counts::recount(conn, &desk.into())));
            wrong.iter().sum::<usize>()
        };
        assert_eq!(recount(), 0);
        fold_all(db);
        execute(
            db,
            "UPDATE queue_totals SET total = total + 3 WHERE measure = 'state' AND code = 'new'",
        );
        execute(
            db,
            "DELETE FROM queue_totals WHERE measure = 'late-hour' AND custodian = 'TO4'",
        );
        execute(
            db,
            "INSERT INTO queue_totals VALUES ('TO4', 'assignee', 'pool:nobody', 0, 4)",
        );
        assert_eq!(recount(), 4);
        assert_right(db);
        assert_eq!(recount(), 0);
    });
}

#[test]
fn the_migration_counts_what_was_there() {
    everywhere(|fresh| {
        let db = fresh.db();
        settle(fresh);
        let folder = match fresh.is_sqlite() {
            true => "sqlite",
            false => "postgres",
        };
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
        for step in ["down.sql", "up.sql"] {
            let file = root
                .join(folder)
                .join("00000000000033_queue_counts")
                .join(step);
            execute(db, &std::fs::read_to_string(file).unwrap());
        }
        assert!(!read(db, queue_counts::has_deltas));
        assert_right(db);
        Life::file(db, 9, TO4, RequesterKind::Citizen).play("operator take");
        assert_right(db);
    });
}

#[test]
fn a_desk_sees_its_own_counters_and_writes_none() {
    everywhere(|fresh| {
        if fresh.is_sqlite() {
            return;
        }
        let db = fresh.db();
        settle(fresh);
        fold(db, 2);
        for table in ["queue_totals", "queue_deltas"] {
            let count = |scope: &Scope, desk: &str| {
                let sql =
                    format!("SELECT count(*) AS count FROM {table} WHERE custodian LIKE '{desk}'");
                read_in(db, scope, |conn| {
                    Ok(diesel::sql_query(sql).get_result::<Count>(conn)?.count)
                })
            };
            let all = count(&Scope::System, "%");
            assert!(all > 0);
            assert_eq!(count(&Scope::Region(REGION.into()), "%"), all);
            for desk in DESKS {
                let own = count(&Scope::System, desk);
                assert_eq!(count(&Scope::Authority(desk.into()), "%"), own, "{desk}");
            }
            for scope in [
                town::citizen(1, 1, &[]),
                Scope::Technical(TO4.into()),
                Scope::Nothing,
            ] {
                assert_eq!(count(&scope, "%"), 0, "{scope:?}");
            }
        }
        let desk = Scope::Authority(TO4.into());
        for sql in [
            "UPDATE queue_totals SET total = 0",
            "DELETE FROM queue_totals",
            "DELETE FROM queue_deltas",
            "UPDATE queue_deltas SET step = 0",
        ] {
            let changed = db.write_in(&desk, move |conn| {
                Ok::<_, StoreError>(diesel::sql_query(sql).execute(conn)?)
            });
            assert_eq!(changed.unwrap(), 0, "{sql}");
        }
        let forged = "INSERT INTO queue_totals VALUES ('TO4', 'state', 'new', 0, 1)";
        let refused = db.write_in(&desk, move |conn| {
            Ok::<_, StoreError>(diesel::sql_query(forged).execute(conn)?)
        });
        assert!(refused.is_err());
        assert_right(db);
    });
}
