//! The feed: every row gets one place, in an order that no late commit gets into.

use std::sync::mpsc;

use domain::visibility::Scope;
use serde_json::json;
use storage::Db;
use storage::changes::{self, News};

use crate::concurrency::at_once;
use crate::town::{everywhere, hours, read, read_in, write};
use crate::words::{CN1, REGION, TO4};

fn news(number: usize, desk: Option<&str>, former: Option<&str>) -> News {
    News {
        kind: "announcement.published".to_owned(),
        desk: desk.map(Into::into),
        former_desk: former.map(Into::into),
        ticket: None,
        seq: None,
        subject: Some(number.to_string()),
        data: json!({"n": number}),
    }
}

fn put(db: &Db, number: usize, desk: Option<&str>, former: Option<&str>) {
    let news = news(number, desk, former);
    write(db, move |conn| changes::put(conn, &news, hours(0)));
}

fn place(db: &Db) -> usize {
    write(db, |conn| changes::place(conn, 100))
}

/// Places and subjects after a place.
fn seen(db: &Db, scope: &Scope, after: i64) -> Vec<(i64, String)> {
    let rows = read_in(db, scope, |conn| changes::list(conn, scope, after, 1000));
    rows.into_iter()
        .map(|row| (row.position, row.news.subject.unwrap()))
        .collect()
}

#[test]
fn a_row_is_read_as_it_was_written_once_it_has_its_place() {
    everywhere(|fresh| {
        let db = fresh.db();
        put(db, 1, Some(REGION), Some(TO4));
        assert!(read(db, changes::has_unplaced));
        assert_eq!(seen(db, &Scope::System, 0), []);
        assert_eq!(place(db), 1);
        assert!(!read(db, changes::has_unplaced));
        let rows = read(db, |conn| changes::list(conn, &Scope::System, 0, 10));
        assert_eq!(rows[0].news, news(1, Some(REGION), Some(TO4)));
        assert_eq!((rows[0].position, rows[0].at), (1, hours(0)));
        assert_eq!(read(db, changes::last_position), 1);
    });
}

#[test]
fn a_desk_reads_its_own_what_it_lost_and_what_is_for_all() {
    everywhere(|fresh| {
        let db = fresh.db();
        put(db, 1, Some(TO4), None);
        put(db, 2, Some(REGION), Some(TO4));
        put(db, 3, Some(CN1), Some(REGION));
        put(db, 4, None, None);
        place(db);
        let of = |scope: &Scope| -> Vec<i64> {
            let rows = seen(db, scope, 0);
            rows.into_iter().map(|(position, _)| position).collect()
        };
        assert_eq!(of(&Scope::Authority(TO4.into())), [1, 2, 4]);
        assert_eq!(of(&Scope::Authority(CN1.into())), [3, 4]);
        assert_eq!(of(&Scope::Region(REGION.into())), [1, 2, 3, 4]);
        assert_eq!(of(&Scope::Technical(REGION.into())), [0; 0]);
        assert_eq!(of(&Scope::Nothing), [0; 0]);
    });
}

#[test]
fn what_is_committed_late_comes_after_what_was_read_and_is_not_skipped() {
    everywhere(|fresh| {
        let db = fresh.db();
        // SQLite has one writer: nothing can be written before, and committed after, another.
        if fresh.is_sqlite() {
            put(db, 1, None, None);
        } else {
            let (begun, has_begun) = mpsc::channel();
            let (go_on, may_go_on) = mpsc::channel::<()>();
            std::thread::scope(|scope| {
                let late = scope.spawn(move || {
                    write(db, move |conn| {
                        changes::put(conn, &news(1, None, None), hours(0))?;
                        begun.send(()).unwrap();
                        may_go_on.recv().unwrap();
                        Ok(())
                    });
                });
                has_begun.recv().unwrap();
                put(db, 2, None, None);
                assert_eq!(place(db), 1);
                assert_eq!(seen(db, &Scope::System, 0), [(1, "2".to_owned())]);
                go_on.send(()).unwrap();
                late.join().unwrap();
            });
            assert_eq!(place(db), 1);
            assert_eq!(seen(db, &Scope::System, 1), [(2, "1".to_owned())]);
        }
    });
}

#[test]
fn many_writers_and_placers_leave_no_hole_and_no_double() {
    everywhere(|fresh| {
        let db = fresh.db();
        at_once(8, |thread| {
            for round in 0..10 {
                let number = usize::try_from(thread).unwrap() * 100 + round;
                put(db, number, Some(TO4), None);
                place(db);
            }
        });
        while place(db) > 0 {}
        let rows = seen(db, &Scope::System, 0);
        let positions: Vec<i64> = rows.iter().map(|(position, _)| *position).collect();
        assert_eq!(positions, (1..=80).collect::<Vec<_>>());
        let mut subjects: Vec<_> = rows.into_iter().map(|(_, subject)| subject).collect();
        subjects.sort();
        subjects.dedup();
        assert_eq!(subjects.len(), 80);
    });
}

#[test]
fn places_go_on_after_everything_old_was_forgotten() {
    everywhere(|fresh| {
        let db = fresh.db();
        put(db, 1, None, None);
        put(db, 2, None, None);
        place(db);
        put(db, 3, None, None);
        let forget = || write(db, |conn| changes::delete_old(conn, hours(1), 10));
        assert_eq!(forget(), 2, "what has no place yet stays");
        assert_eq!(read(db, changes::oldest_kept), 3);
        assert_eq!(forget(), 0);
        place(db);
        assert_eq!(seen(db, &Scope::System, 0), [(3, "3".to_owned())]);
    });
}
