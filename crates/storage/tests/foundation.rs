//! The foundation of storage, on SQLite always and on PostgreSQL when `TEST_DATABASE_URL`
//! names a server where databases may be created.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside `#[test]`")]

mod support;

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Barrier, mpsc};
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use storage::blobs::{self, BlobError, BlobKey, BlobRef};
use storage::dialect;
use storage::sql_types::{Id, Json, Ts};
use storage::{Backend, Db, DbConfig, DbConnection, StoreError};
use support::Fresh;

mod schema {
    diesel::table! {
        use diesel::sql_types::*;
        use storage::sql_types::*;

        papers (id) {
            id -> Uid,
            created_at -> Instant,
            closed_at -> Nullable<Instant>,
            owner -> Nullable<Uid>,
            title -> Text,
            detail -> JsonDoc,
            extra -> Nullable<JsonDoc>,
            version -> BigInt,
        }
    }

    diesel::table! {
        tallies (name) {
            name -> Text,
            value -> BigInt,
        }
    }
}

use schema::{papers, tallies};

#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = papers, treat_none_as_default_value = false, treat_none_as_null = true)]
struct PaperRow {
    id: Id,
    created_at: Ts,
    closed_at: Option<Ts>,
    owner: Option<Id>,
    title: String,
    detail: Json,
    extra: Option<Json>,
    version: i64,
}

fn insert(conn: &mut DbConnection, row: &PaperRow) -> Result<(), StoreError> {
    diesel::insert_into(papers::table)
        .values(row)
        .execute(conn)?;
    Ok(())
}

fn update(conn: &mut DbConnection, row: &PaperRow, was: i64) -> Result<(), StoreError> {
    let changed = diesel::update(papers::table)
        .filter(papers::id.eq(row.id))
        .filter(papers::version.eq(was))
        .set(row)
        .execute(conn)?;
    if changed == 0 {
        return Err(StoreError::Stale);
    }
    Ok(())
}

struct Wanted {
    owner: Option<Id>,
    word: Option<String>,
    after: Option<(Ts, Id)>,
}

fn list(conn: &mut DbConnection, wanted: &Wanted) -> Result<Vec<PaperRow>, StoreError> {
    let mut query = papers::table.select(PaperRow::as_select()).into_boxed();
    if let Some(owner) = wanted.owner {
        query = query.filter(papers::owner.eq(owner));
    }
    if let Some(word) = &wanted.word {
        query = query.filter(dialect::contains(papers::title, word));
    }
    if let Some((at, id)) = wanted.after {
        query = query.filter(dialect::before((papers::created_at, papers::id), at, id));
    }
    Ok(query
        .order((papers::created_at.desc(), papers::id.desc()))
        .limit(50)
        .load(conn)?)
}

fn plain(_: &mut DbConfig) {}

/// Runs the test on every database there is, with `adjust` applied to the configuration.
fn everywhere(adjust: impl Fn(&mut DbConfig), test: impl Fn(&Fresh)) {
    support::everywhere(adjust, |fresh| {
        create_tables(fresh);
        test(fresh);
    });
}

fn create_tables(fresh: &Fresh) {
    let (uid, instant, json) = match fresh.db().backend() {
        Backend::Sqlite => ("BLOB", "INTEGER", "TEXT"),
        Backend::Postgres => ("uuid", "timestamptz", "jsonb"),
    };
    let sql = format!(
        "CREATE TABLE papers (id {uid} PRIMARY KEY, created_at {instant} NOT NULL, closed_at {instant},
             owner {uid}, title TEXT NOT NULL, detail {json} NOT NULL, extra {json}, version BIGINT NOT NULL);
         CREATE TABLE tallies (name TEXT PRIMARY KEY, value BIGINT NOT NULL, UNIQUE (value, name));
         CREATE UNIQUE INDEX tallies_value_key ON tallies (value);"
    );
    write(fresh.db(), move |conn| Ok(conn.batch_execute(&sql)?)).unwrap();
}

fn write<T: Send + 'static>(
    db: &Db,
    f: impl FnOnce(&mut DbConnection) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    db.write(f)
}

fn paper(number: u128, micros: i64) -> PaperRow {
    PaperRow {
        id: Id(uuid::Uuid::from_u128(number)),
        created_at: Ts(jiff::Timestamp::from_microsecond(micros).unwrap()),
        closed_at: None,
        owner: None,
        title: format!("paper {number}"),
        detail: Json(serde_json::json!({"città": "Salerno", "n": [1, 2.5, null]})),
        extra: None,
        version: 1,
    }
}

fn insert_all(db: &Db, rows: &[PaperRow]) {
    let rows = rows.to_vec();
    write(db, move |conn| {
        rows.iter().try_for_each(|row| insert(conn, row))
    })
    .unwrap();
}

fn set_tally(conn: &mut DbConnection, name: &str, value: i64) -> Result<(), StoreError> {
    diesel::insert_into(tallies::table)
        .values((tallies::name.eq(name), tallies::value.eq(value)))
        .execute(conn)?;
    Ok(())
}

fn tally(db: &Db, name: &'static str) -> Option<i64> {
    db.read(|conn| -> Result<_, StoreError> {
        Ok(tallies::table
            .find(name)
            .select(tallies::value)
            .first(conn)
            .optional()?)
    })
    .unwrap()
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    value: i64,
}

fn increment(conn: &mut DbConnection) -> Result<i64, StoreError> {
    let row: Number =
        diesel::sql_query("UPDATE tallies SET value = value + 1 WHERE name = 'n' RETURNING value")
            .get_result(conn)?;
    Ok(row.value)
}

const NEVER: Wanted = Wanted {
    owner: None,
    word: None,
    after: None,
};

#[test]
fn values_come_back_as_they_were_written() {
    everywhere(plain, |fresh| {
        let mut row = paper(0x0193_f00d, 1_795_305_600_123_457);
        row.closed_at = Some(Ts(jiff::Timestamp::from_microsecond(-1).unwrap()));
        row.owner = Some(Id(uuid::Uuid::from_u128(u128::MAX)));
        row.extra = Some(Json(serde_json::json!("text")));
        insert_all(fresh.db(), &[row.clone()]);
        let read = fresh.db().read(|conn| list(conn, &NEVER)).unwrap();
        assert_eq!(read, [row.clone()]);

        let (mut bare, was) = (row, 1);
        bare.closed_at = None;
        bare.owner = None;
        bare.extra = None;
        bare.version = 2;
        let changed = bare.clone();
        write(fresh.db(), move |conn| update(conn, &changed, was)).unwrap();
        assert_eq!(
            fresh.db().read(|conn| list(conn, &NEVER)).unwrap(),
            [bare.clone()]
        );
        let late = write(fresh.db(), move |conn| update(conn, &bare, was));
        assert!(matches!(late, Err(StoreError::Stale)), "{late:?}");
    });
}

#[test]
fn pages_follow_each_other_by_microsecond_and_id() {
    everywhere(plain, |fresh| {
        let rows: Vec<_> = [(3, 10), (1, 10), (2, 10), (9, -5), (4, 11), (5, 1_000_010)]
            .map(|(id, at)| paper(id, at))
            .to_vec();
        insert_all(fresh.db(), &rows);
        let mut expected = rows;
        expected.sort_by_key(|row| std::cmp::Reverse((row.created_at, row.id)));

        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let wanted = Wanted { after, ..NEVER };
            let page = fresh.db().read(|conn| list(conn, &wanted)).unwrap();
            let Some(first) = page.into_iter().next() else {
                break;
            };
            after = Some((first.created_at, first.id));
            seen.push(first);
        }
        assert_eq!(seen, expected);

        let older: i64 = fresh
            .db()
            .read(|conn| -> Result<_, StoreError> {
                let at = expected[3].clone();
                let newer = dialect::after((papers::created_at, papers::id), at.created_at, at.id);
                Ok(papers::table.filter(newer).count().get_result(conn)?)
            })
            .unwrap();
        assert_eq!(older, 3);
        let last: Option<Ts> = fresh
            .db()
            .read(|conn| -> Result<_, StoreError> {
                Ok(papers::table
                    .select(diesel::dsl::max(papers::created_at))
                    .first(conn)?)
            })
            .unwrap();
        assert_eq!(last, Some(expected[0].created_at));
    });
}

#[test]
fn a_search_takes_signs_literally_and_capitals_loosely() {
    everywhere(plain, |fresh| {
        let mut row = paper(1, 1);
        row.title = String::from("Sconto 100% \\ A_B");
        row.owner = Some(row.id);
        insert_all(fresh.db(), &[row.clone(), paper(2, 2)]);
        for (word, found) in [
            ("100% ", 1),
            ("sCONTO", 1),
            ("\\ a_b", 1),
            ("1_0", 0),
            ("", 2),
        ] {
            let wanted = Wanted {
                word: Some(word.to_owned()),
                ..NEVER
            };
            let page = fresh.db().read(|conn| list(conn, &wanted)).unwrap();
            assert_eq!(page.len(), found, "{word}");
        }
        let wanted = Wanted {
            owner: row.owner,
            ..NEVER
        };
        assert_eq!(fresh.db().read(|conn| list(conn, &wanted)).unwrap(), [row]);
    });
}

#[test]
fn an_upsert_changes_only_what_it_names() {
    everywhere(plain, |fresh| {
        write(fresh.db(), |conn| {
            let row = |value: i64| (tallies::name.eq("n"), tallies::value.eq(value));
            let new = |value| diesel::insert_into(tallies::table).values(row(value));
            dialect::upsert(new(1), &["name"], &["value"]).execute(conn)?;
            dialect::upsert(new(2), &["name"], &["value"]).execute(conn)?;
            let added = dialect::insert_if_absent(new(3), &["name"]).execute(conn)?;
            assert_eq!(added, 0);
            Ok(())
        })
        .unwrap();
        assert_eq!(tally(fresh.db(), "n"), Some(2));
    });
}

#[test]
fn a_failed_write_leaves_nothing_and_returns_its_own_error() {
    #[derive(Debug)]
    enum Own {
        Refused(&'static str),
        Store,
    }
    impl From<StoreError> for Own {
        fn from(_: StoreError) -> Self {
            Self::Store
        }
    }
    everywhere(plain, |fresh| {
        let refused = fresh.db().write(|conn| -> Result<(), Own> {
            set_tally(conn, "n", 1)?;
            Err(Own::Refused("because"))
        });
        assert!(matches!(refused, Err(Own::Refused("because"))));
        assert_eq!(tally(fresh.db(), "n"), None);
    });
}

#[test]
fn a_taken_value_is_named_alike_on_both() {
    everywhere(plain, |fresh| {
        let twice = write(fresh.db(), |conn| {
            set_tally(conn, "a", 1)?;
            set_tally(conn, "b", 1)
        });
        let Err(StoreError::UniqueViolation { constraint }) = twice else {
            panic!("{twice:?}")
        };
        assert_eq!(constraint, "tallies_value_key");
    });
}

#[test]
fn a_swallowed_failure_is_never_reported_as_success() {
    everywhere(plain, |fresh| {
        let result = write(fresh.db(), |conn| {
            set_tally(conn, "a", 1)?;
            let _ = set_tally(conn, "a", 2);
            Ok(())
        });
        // SQLite undoes the statement alone, PostgreSQL has given up the transaction.
        if fresh.is_sqlite() {
            result.unwrap();
            assert_eq!(tally(fresh.db(), "a"), Some(1));
        } else {
            assert!(matches!(result, Err(StoreError::Aborted)), "{result:?}");
            assert_eq!(tally(fresh.db(), "a"), None);
        }
        write(fresh.db(), |conn| set_tally(conn, "b", 9)).unwrap();
        assert_eq!(tally(fresh.db(), "b"), Some(9));
    });
}

#[test]
fn sixteen_writers_lose_no_update() {
    everywhere(plain, |fresh| {
        write(fresh.db(), |conn| set_tally(conn, "n", 0)).unwrap();
        let mut seen: Vec<i64> = std::thread::scope(|scope| {
            let all: Vec<_> = (0..16)
                .map(|_| {
                    scope.spawn(|| {
                        (0..50)
                            .map(|_| write(fresh.db(), increment).unwrap())
                            .collect::<Vec<_>>()
                    })
                })
                .collect();
            all.into_iter()
                .flat_map(|one| one.join().unwrap())
                .collect()
        });
        seen.sort_unstable();
        assert_eq!(seen, (1..=800).collect::<Vec<_>>());
        assert_eq!(tally(fresh.db(), "n"), Some(800));
    });
}

#[test]
fn writes_that_wait_share_a_commit() {
    everywhere(plain, |fresh| {
        if !fresh.is_sqlite() {
            return;
        }
        write(fresh.db(), |conn| set_tally(conn, "n", 0)).unwrap();
        let shared = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        if shared.load(Ordering::Relaxed) > 0 {
                            return;
                        }
                        let readers = fresh.db().clone();
                        let ahead = write(fresh.db(), move |conn| {
                            Ok(increment(conn)? - tally(&readers, "n").unwrap_or_default())
                        });
                        // More than its own increment is there and not yet committed.
                        if ahead.unwrap() > 1 {
                            shared.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert!(shared.load(Ordering::Relaxed) > 0);
    });
}

#[test]
fn a_failed_commit_is_told_and_the_next_write_works() {
    everywhere(plain, |fresh| {
        write(fresh.db(), |conn| {
            Ok(conn.batch_execute(
                "CREATE TABLE children (parent TEXT NOT NULL
                         REFERENCES tallies (name) DEFERRABLE INITIALLY DEFERRED)",
            )?)
        })
        .unwrap();
        let orphan = write(fresh.db(), |conn| {
            set_tally(conn, "n", 1)?;
            Ok(conn.batch_execute("INSERT INTO children (parent) VALUES ('none')")?)
        });
        match orphan {
            Err(StoreError::Commit(_)) => assert!(fresh.is_sqlite()),
            Err(StoreError::Database(_)) => assert!(!fresh.is_sqlite()),
            other => panic!("{other:?}"),
        }
        assert_eq!(tally(fresh.db(), "n"), None);
        write(fresh.db(), |conn| set_tally(conn, "n", 2)).unwrap();
        assert_eq!(tally(fresh.db(), "n"), Some(2));
    });
}

/// SQLite does so by itself when the disk is full.
#[test]
fn a_transaction_that_ended_too_early_is_no_success() {
    everywhere(plain, |fresh| {
        if !fresh.is_sqlite() {
            return;
        }
        for own_answer in [Ok(()), Err(StoreError::Stale)] {
            let result = write(fresh.db(), move |conn| {
                set_tally(conn, "n", 1)?;
                conn.batch_execute("ROLLBACK")?;
                own_answer
            });
            assert!(result.is_err());
            assert_eq!(tally(fresh.db(), "n"), None);
            write(fresh.db(), |conn| set_tally(conn, "m", 2)).unwrap();
            write(fresh.db(), |conn| {
                diesel::delete(tallies::table).execute(conn)?;
                Ok(())
            })
            .unwrap();
        }
    });
}

#[test]
fn one_of_two_that_wait_for_each_other_hears_conflict() {
    everywhere(plain, |fresh| {
        if fresh.is_sqlite() {
            return;
        }
        write(fresh.db(), |conn| {
            set_tally(conn, "a", 1)?;
            set_tally(conn, "b", 2)
        })
        .unwrap();
        let both = std::sync::Arc::new(Barrier::new(2));
        let outcomes = std::thread::scope(|scope| {
            [("a", "b"), ("b", "a")]
                .map(|(first, second)| {
                    let both = both.clone();
                    scope.spawn(move || {
                        write(fresh.db(), move |conn| {
                            let lock = "SELECT value FROM tallies WHERE name = ";
                            conn.batch_execute(&format!("{lock}'{first}' FOR UPDATE"))?;
                            both.wait();
                            Ok(conn.batch_execute(&format!("{lock}'{second}' FOR UPDATE"))?)
                        })
                    })
                })
                .map(|thread| thread.join().unwrap())
        });
        let conflicts = outcomes
            .iter()
            .filter(|outcome| matches!(outcome, Err(StoreError::Conflict)))
            .count();
        assert_eq!(conflicts, 1, "{outcomes:?}");
    });
}

#[test]
fn a_panic_or_refusal_harms_no_other_write() {
    everywhere(plain, |fresh| {
        write(fresh.db(), |conn| set_tally(conn, "n", 0)).unwrap();
        let start = Barrier::new(12);
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let all: Vec<_> = (0..12)
                .map(|number| {
                    let start = &start;
                    scope.spawn(move || {
                        start.wait();
                        write(fresh.db(), move |conn| {
                            let value = increment(conn)?;
                            match number % 3 {
                                0 => panic!("on purpose"),
                                1 => Err(StoreError::Stale),
                                _ => Ok(value),
                            }
                        })
                    })
                })
                .collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        for (number, outcome) in outcomes.iter().enumerate() {
            match number % 3 {
                0 => assert!(matches!(outcome, Err(StoreError::Panicked)), "{outcome:?}"),
                1 => assert!(matches!(outcome, Err(StoreError::Stale)), "{outcome:?}"),
                _ => assert!(outcome.is_ok(), "{outcome:?}"),
            }
        }
        assert_eq!(tally(fresh.db(), "n"), Some(4));
        let read: Result<(), StoreError> = fresh.db().read(|_| panic!("on purpose"));
        assert!(matches!(read, Err(StoreError::Panicked)));
        fresh.db().ping().unwrap();
    });
}

#[test]
fn a_panic_inside_a_savepoint_undoes_both() {
    everywhere(plain, |fresh| {
        let result = write(fresh.db(), |conn| {
            set_tally(conn, "outer", 1)?;
            use diesel::connection::TransactionManager;
            <DbConnection as TransactionManager<DbConnection>>::begin_transaction(conn)?;
            set_tally(conn, "inner", 2)?;
            if conn.batch_execute("SELECT 1").is_ok() {
                panic!("on purpose");
            }
            Ok(())
        });
        assert!(matches!(result, Err(StoreError::Panicked)), "{result:?}");
        assert_eq!(
            (tally(fresh.db(), "outer"), tally(fresh.db(), "inner")),
            (None, None)
        );
        write(fresh.db(), |conn| set_tally(conn, "next", 3)).unwrap();
        assert_eq!(tally(fresh.db(), "next"), Some(3));
    });
}

#[test]
fn who_waits_too_long_hears_busy_and_writes_nothing() {
    let short = |config: &mut DbConfig| {
        config.wait = Duration::from_millis(200);
        config.pool_size = 1;
    };
    everywhere(short, |fresh| {
        let (entered, is_in) = mpsc::channel();
        let (release, go_on) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            let long = scope.spawn(|| {
                write(fresh.db(), move |_| {
                    entered.send(()).unwrap();
                    go_on.recv().unwrap();
                    Ok(())
                })
            });
            is_in.recv().unwrap();
            let late = write(fresh.db(), |conn| set_tally(conn, "late", 1));
            assert!(matches!(late, Err(StoreError::Busy)), "{late:?}");
            release.send(()).unwrap();
            long.join().unwrap().unwrap();
        });
        write(fresh.db(), |conn| set_tally(conn, "next", 2)).unwrap();
        assert_eq!(tally(fresh.db(), "late"), None);
        assert_eq!(tally(fresh.db(), "next"), Some(2));
    });
}

#[test]
fn a_statement_that_takes_too_long_is_busy_and_writes_nothing() {
    let short = |config: &mut DbConfig| config.statement_timeout = Duration::from_millis(300);
    everywhere(short, |fresh| {
        if fresh.is_sqlite() {
            return;
        }
        let refused = write(fresh.db(), |conn| {
            set_tally(conn, "long", 1)?;
            Ok(conn.batch_execute("SELECT pg_sleep(60)")?)
        });
        assert!(matches!(refused, Err(StoreError::Busy)), "{refused:?}");
        assert_eq!(tally(fresh.db(), "long"), None);
    });
}

#[test]
fn a_file_locked_by_another_program_is_busy() {
    everywhere(plain, |fresh| {
        if !fresh.is_sqlite() {
            return;
        }
        // The usual patience is five seconds.
        write(fresh.db(), |conn| {
            Ok(conn.batch_execute("PRAGMA busy_timeout = 20")?)
        })
        .unwrap();
        let path = fresh.config.url.strip_prefix("sqlite://").unwrap();
        let mut other = SqliteConnection::establish(path).unwrap();
        other.batch_execute("BEGIN IMMEDIATE").unwrap();
        let refused = write(fresh.db(), |conn| set_tally(conn, "n", 1));
        assert!(matches!(refused, Err(StoreError::Busy)), "{refused:?}");
        other.batch_execute("COMMIT").unwrap();
        write(fresh.db(), |conn| set_tally(conn, "n", 2)).unwrap();
        assert_eq!(tally(fresh.db(), "n"), Some(2));
    });
}

#[test]
fn a_full_queue_of_writes_is_busy_at_once() {
    let tiny = |config: &mut DbConfig| {
        config.sqlite_queue = 1;
        config.wait = Duration::from_secs(60);
    };
    everywhere(tiny, |fresh| {
        if !fresh.is_sqlite() {
            return;
        }
        let (entered, is_in) = mpsc::channel();
        let (release, go_on) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                write(fresh.db(), move |_| {
                    entered.send(()).unwrap();
                    go_on.recv().unwrap();
                    Ok(())
                })
                .unwrap();
            });
            is_in.recv().unwrap();
            // Of two more, one takes the only place and one is turned away.
            let (tell, told) = mpsc::channel();
            for _ in 0..2 {
                let tell = tell.clone();
                scope.spawn(move || {
                    let _ = tell.send(write(fresh.db(), |_| Ok(())).is_ok());
                });
            }
            assert!(!told.recv().unwrap());
            release.send(()).unwrap();
            assert!(told.recv().unwrap());
        });
    });
}

#[test]
fn a_write_inside_a_write_does_not_wait_for_itself() {
    everywhere(plain, |fresh| {
        if !fresh.is_sqlite() {
            return;
        }
        let inner = fresh.db().clone();
        let result = write(fresh.db(), move |_| write(&inner, |_| Ok(())));
        assert!(matches!(result, Err(StoreError::Nested)), "{result:?}");
    });
}

#[test]
fn the_last_handle_waits_for_the_writes_under_way() {
    everywhere(plain, |fresh| {
        let db = Db::open(&fresh.config).unwrap();
        let (entered, is_in) = mpsc::channel();
        let held = db.clone();
        let thread = std::thread::spawn(move || {
            write(&held, move |conn| {
                entered.send(()).unwrap();
                set_tally(conn, "n", 1)
            })
        });
        is_in.recv().unwrap();
        drop(db);
        thread.join().unwrap().unwrap();
        assert_eq!(tally(fresh.db(), "n"), Some(1));

        // Also when the last handle is dropped by the writer itself.
        let db = Db::open(&fresh.config).unwrap();
        let inside = db.clone();
        write(&db, move |_| {
            drop(inside);
            Ok(())
        })
        .unwrap();
    });
}

#[test]
fn a_snapshot_sees_one_moment_and_writes_nothing() {
    everywhere(plain, |fresh| {
        write(fresh.db(), |conn| set_tally(conn, "n", 1)).unwrap();
        let count = |conn: &mut DbConnection| -> Result<i64, StoreError> {
            Ok(tallies::table.count().get_result(conn)?)
        };
        let (before, after) = fresh
            .db()
            .read_snapshot(|conn| {
                let before = count(conn)?;
                write(fresh.db(), |conn| set_tally(conn, "m", 2))?;
                Ok::<_, StoreError>((before, count(conn)?))
            })
            .unwrap();
        assert_eq!((before, after), (1, 1));
        assert_eq!(fresh.db().read(count).unwrap(), 2);

        assert!(
            fresh
                .db()
                .read_snapshot(|conn| set_tally(conn, "x", 3))
                .is_err()
        );
        if fresh.is_sqlite() {
            assert!(fresh.db().read(|conn| set_tally(conn, "x", 3)).is_err());
        }
        assert_eq!(fresh.db().read(count).unwrap(), 2);
    });
}

#[test]
fn statements_are_counted_without_the_transaction_around_them() {
    everywhere(plain, |fresh| {
        let before = fresh.db().statements();
        write(fresh.db(), |conn| {
            set_tally(conn, "a", 1)?;
            set_tally(conn, "b", 2)
        })
        .unwrap();
        assert_eq!(fresh.db().statements() - before, 2);
        let _ = write(fresh.db(), |conn| {
            set_tally(conn, "c", 3)?;
            Err::<(), _>(StoreError::Stale)
        });
        assert_eq!(fresh.db().statements() - before, 3);
        fresh.db().read_snapshot(|conn| list(conn, &NEVER)).unwrap();
        assert_eq!(fresh.db().statements() - before, 4);
    });
}

#[test]
fn a_connection_that_was_cut_is_replaced() {
    let one = |config: &mut DbConfig| config.pool_size = 1;
    everywhere(one, |fresh| {
        if fresh.is_sqlite() {
            return;
        }
        fresh.db().ping().unwrap();
        PgConnection::establish(&fresh.config.url)
            .unwrap()
            .batch_execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
            .unwrap();
        assert!(fresh.db().ping().is_err());
        fresh.db().ping().unwrap();
    });
}

#[test]
fn migrations_run_once_and_have_a_way_back() {
    everywhere(plain, |fresh| {
        let db = fresh.db();
        let all = db.pending().unwrap();
        assert_eq!(all.first().map(String::as_str), Some("00000000000001"));
        let together: Vec<_> = std::thread::scope(|scope| {
            let runners: Vec<_> = (0..4).map(|_| scope.spawn(|| db.migrate())).collect();
            runners
                .into_iter()
                .flat_map(|one| one.join().unwrap().unwrap())
                .collect()
        });
        let mut sorted = together;
        sorted.sort();
        assert_eq!(sorted, all);
        assert!(db.pending().unwrap().is_empty());

        let mut back = db.revert_all().unwrap();
        back.reverse();
        assert_eq!(back, all);
        assert_eq!(db.migrate().unwrap(), all);
    });
}

#[test]
fn urls_that_name_no_safe_database_open_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for url in [
        "",
        "test.db",
        "host=localhost dbname=x password=topsecret",
        "mysql://root:topsecret@localhost/x",
        "sqlite://",
        "sqlite://:memory:",
        "sqlite://file:x.db",
        "sqlite://x.db?mode=ro",
        "postgres://user:topsecret@db.example.org/x",
        "postgres://user:topsecret@10.0.0.1:5432/x?sslmode=prefer",
        "postgresql://user:topsecret@localhost/x?sslmode=verify-full",
        "postgres://user:topsecret@localhost,db.example.org/x",
        "postgres:///x?host=db.example.org",
        "postgres://user:topsecret@localhost/x?hostaddr=10.0.0.1",
    ] {
        let Err(error) = Db::open(&DbConfig::new(url)) else {
            panic!("{url} was opened")
        };
        assert!(
            matches!(error, StoreError::UnsupportedUrl(_)),
            "{url}: {error:?}"
        );
        assert!(
            !format!("{error} {error:?}").contains("topsecret"),
            "{error:?}"
        );
    }
    for url in [
        "postgres://user:topsecret@[::1]:1/x",
        "postgres://user:topsecret@localhost:x/y",
    ] {
        let Err(error) = Db::open(&DbConfig::new(url)) else {
            panic!("{url} was opened")
        };
        assert!(
            matches!(error, StoreError::Unreachable(_)),
            "{url}: {error:?}"
        );
        assert!(
            !format!("{error} {error:?}").contains("topsecret"),
            "{error:?}"
        );
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    everywhere(plain, |fresh| {
        let Some(path) = fresh.config.url.strip_prefix("sqlite://") else {
            return;
        };
        let folder = Path::new(path).parent().unwrap();
        for file in std::fs::read_dir(folder).unwrap() {
            let file = file.unwrap();
            let mode = file.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{:?}", file.path());
        }
    });
}

#[tokio::test]
async fn blobs_come_back_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("blobs");
    let path = place.display().to_string();
    for url in [
        path.clone(),
        format!("file://{path}/more"),
        String::from("memory:///some/folder"),
    ] {
        let store = blobs::open(&url, []).unwrap();
        let blob = store.put([0xab; 16], "contents".into()).await.unwrap();
        assert_eq!(blob.key.as_str(), "ab".repeat(16));
        assert_eq!(BlobKey::parse(blob.key.as_str()).unwrap(), blob.key);
        assert_eq!(blob.size, 8);
        assert_eq!(store.get(&blob).await.unwrap(), "contents");

        let taken = store.put([0xab; 16], "other".into()).await;
        assert!(
            matches!(taken, Err(StoreError::Blob(BlobError::Taken(_)))),
            "{taken:?}"
        );
        for wrong in [
            BlobRef {
                sha256: [0; 32],
                ..blob.clone()
            },
            BlobRef {
                size: 7,
                ..blob.clone()
            },
        ] {
            let tampered = store.get(&wrong).await;
            assert!(
                matches!(tampered, Err(StoreError::Blob(BlobError::Tampered(_)))),
                "{tampered:?}"
            );
        }

        let (past, future) = (jiff::Timestamp::UNIX_EPOCH, jiff::Timestamp::MAX);
        let old = store.list_older(0xab, future).await.unwrap();
        assert_eq!(old, std::slice::from_ref(&blob.key));
        assert!(store.list_older(0xab, past).await.unwrap().is_empty());
        assert!(store.list_older(0xac, future).await.unwrap().is_empty());

        store.delete(&blob.key).await.unwrap();
        store.delete(&blob.key).await.unwrap();
        let gone = store.get(&blob).await;
        assert!(
            matches!(gone, Err(StoreError::Blob(BlobError::Missing(_)))),
            "{gone:?}"
        );
    }
}

#[tokio::test]
async fn a_changed_file_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let store = blobs::open(&folder.path().display().to_string(), []).unwrap();
    let blob = store.put([1; 16], "contents".into()).await.unwrap();
    let file = folder.path().join("01/01").join(blob.key.as_str());
    let mut stored = std::fs::read(&file).unwrap();
    *stored.last_mut().unwrap() ^= 1;
    std::fs::write(&file, stored).unwrap();
    let tampered = store.get(&blob).await;
    assert!(
        matches!(tampered, Err(StoreError::Blob(BlobError::Tampered(_)))),
        "{tampered:?}"
    );
}

#[test]
fn blobs_open_only_known_places_and_keys() {
    for url in ["", "http://example.org/x", "file://relative", "gs://bucket"] {
        let Err(error) = blobs::open(url, []) else {
            panic!("{url} was opened")
        };
        assert!(matches!(error, StoreError::UnsupportedUrl(_)), "{error:?}");
    }
    for key in [
        "",
        "../../../../../../../../etc/passwd",
        &"AB".repeat(16),
        &"ab".repeat(17),
    ] {
        assert!(BlobKey::parse(key).is_err(), "{key}");
    }
}
