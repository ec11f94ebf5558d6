//! One action on many tickets: each result once, what was to be done forgotten at the end, and a
//! desk's jobs its own.

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use domain::actor::Role;
use domain::ids::{BulkJobId, PlacementId};
use domain::visibility::Scope;
use storage::bulk::{self, ItemResult, Job, JobState};
use storage::tickets::RequesterKind;
use storage::{Db, StoreError, accounts};
use uuid::Uuid;

use crate::town::{self, everywhere, hours, read, read_in, write};
use crate::words::{CN1, REGION, TO4, account};

fn id(number: u128) -> BulkJobId {
    BulkJobId::new(Uuid::from_u128(number))
}

fn job(number: u128, desk: &str) -> Job {
    Job {
        id: id(number),
        desk: desk.into(),
        account: account(3),
        placement: PlacementId::new(Uuid::from_u128(number)),
        in_background: true,
        state: JobState::Running,
        total: 2,
        done: 0,
        failed: 0,
        created_at: hours(1),
        ended_at: None,
    }
}

fn reached(position: i64, ticket: u32) -> ItemResult {
    let ticket = town::ticket(ticket, TO4);
    ItemResult {
        position,
        named: ticket.number.to_string(),
        number: Some(ticket.number),
        reached: Some(ticket.id),
        version: Some(2),
        problem: None,
        at: hours(1),
    }
}

fn refused(position: i64) -> ItemResult {
    ItemResult {
        position,
        named: "nothing".to_owned(),
        number: None,
        reached: None,
        version: None,
        problem: Some("{}".to_owned()),
        at: hours(1),
    }
}

/// A job at TO4, one at CN1, each with a page and a result, and two tickets.
fn settle(db: &Db) {
    for number in [1, 2] {
        let dossier = town::dossier(number, RequesterKind::Citizen);
        town::file(db, &town::ticket(number, TO4), &dossier, None);
    }
    write(db, |conn| {
        for (number, desk) in [(1, TO4), (2, CN1)] {
            let placement = PlacementId::new(Uuid::from_u128(number));
            let location = ("01", "Sportello");
            let role = Role::Operator;
            accounts::insert_placement(conn, placement, account(3), role, &desk.into(), location)?;
            bulk::begin(conn, &job(number, desk), Some("{}"))?;
            bulk::insert_page(conn, id(number), 0, "[]")?;
        }
        bulk::insert_result(conn, id(1), &reached(0, 1))?;
        bulk::insert_result(conn, id(2), &refused(0))?;
        Ok(())
    });
}

#[test]
fn what_was_written_reads_back_and_a_job_begins_once() {
    everywhere(|fresh| {
        let db = fresh.db();
        settle(db);
        write(db, |conn| {
            let again = Job {
                total: 9,
                ..job(1, TO4)
            };
            bulk::begin(conn, &again, Some("another"))
        });
        assert_eq!(read(db, |conn| bulk::find(conn, id(1))), Some(job(1, TO4)));
        assert_eq!(
            read(db, |conn| bulk::find_action(conn, id(1))).as_deref(),
            Some("{}")
        );
        assert_eq!(
            read(db, |conn| bulk::find_page(conn, id(1), 0)).as_deref(),
            Some("[]")
        );
        assert_eq!(read(db, |conn| bulk::find_page(conn, id(1), 1)), None);
        assert_eq!(
            read(db, |conn| bulk::list_results(conn, id(1), None, 9)),
            [reached(0, 1)]
        );
        assert_eq!(
            read(db, |conn| bulk::list_results(conn, id(1), Some(0), 9)),
            []
        );
    });
}

#[test]
fn a_place_has_one_result_and_a_ticket_is_reached_once() {
    everywhere(|fresh| {
        let db = fresh.db();
        settle(db);
        let note = |result: ItemResult| {
            db.write_in(&Scope::System, move |conn| {
                bulk::insert_result(conn, id(1), &result)
            })
        };
        assert!(matches!(note(refused(0)), Ok(false)), "the place is taken");
        assert_eq!(
            read(db, |conn| bulk::list_results(conn, id(1), None, 9)),
            [reached(0, 1)]
        );
        let again = note(reached(1, 1));
        assert!(matches!(again, Err(StoreError::UniqueViolation { .. })));
        assert!(matches!(note(reached(1, 2)), Ok(true)));
        let has = |job, ticket| {
            let ticket = town::ticket(ticket, TO4).id;
            read(db, |conn| bulk::has_reached(conn, id(job), ticket))
        };
        assert_eq!(
            [has(1, 1), has(1, 2), has(2, 1)],
            [true, true, false],
            "by which job"
        );
    });
}

#[test]
fn a_job_that_ended_forgets_what_it_was_to_do_and_counts_no_more() {
    everywhere(|fresh| {
        let db = fresh.db();
        settle(db);
        let advance = |has_failed| write(db, move |conn| bulk::advance(conn, id(1), has_failed));
        assert!(advance(true));
        assert_eq!(read(db, |conn| bulk::count_running(conn, account(3))), 2);
        write(db, |conn| {
            bulk::end(conn, id(1), JobState::Cancelled, hours(2))
        });
        write(db, |conn| bulk::end(conn, id(1), JobState::Done, hours(3)));
        assert!(!advance(false));
        let ended = Job {
            state: JobState::Cancelled,
            failed: 1,
            ended_at: Some(hours(2)),
            ..job(1, TO4)
        };
        assert_eq!(read(db, |conn| bulk::find(conn, id(1))), Some(ended));
        assert_eq!(read(db, |conn| bulk::find_action(conn, id(1))), None);
        assert_eq!(read(db, |conn| bulk::count_running(conn, account(3))), 1);
    });
}

#[test]
fn a_job_is_forgotten_some_time_after_its_end_and_never_while_it_runs() {
    everywhere(|fresh| {
        let db = fresh.db();
        settle(db);
        let sweep = |before| write(db, move |conn| bulk::delete_old(conn, hours(before), 9));
        assert_eq!(sweep(1_000), 0, "both run");
        write(db, |conn| bulk::end(conn, id(1), JobState::Done, hours(2)));
        assert_eq!((sweep(2), sweep(3), sweep(1_000)), (0, 1, 0));
        assert_eq!(read(db, |conn| bulk::find(conn, id(1))), None);
        assert!(read(db, |conn| bulk::find(conn, id(2))).is_some());
        let left = read(db, |conn| bulk::list_results(conn, id(2), None, 9));
        assert_eq!(left, [refused(0)]);
    });
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// SQL that forgot its scope sees a desk's own rows alone, where there is a fence.
#[test]
fn the_fence_keeps_a_desk_to_its_own_jobs() {
    everywhere(|fresh| {
        if fresh.is_sqlite() {
            return;
        }
        let db = fresh.db();
        settle(db);
        for table in ["bulk_jobs", "bulk_pages", "bulk_results"] {
            for (scope, expected) in [
                (Scope::Authority(TO4.into()), 1),
                (Scope::Authority(REGION.into()), 0),
                (Scope::Region(REGION.into()), 2),
                (Scope::System, 2),
                (Scope::Nothing, 0),
                (town::citizen(1, 1, &[]), 0),
            ] {
                let seen = read_in(db, &scope, |conn| {
                    let sql = format!("SELECT count(*) AS count FROM {table}");
                    Ok(diesel::sql_query(sql).get_result::<Count>(conn)?.count)
                });
                assert_eq!(seen, expected, "{table} in {scope:?}");
            }
        }
        let foreign = db.write_in(&Scope::Authority(TO4.into()), |conn| {
            bulk::insert_page(conn, id(2), 1, "[]")
        });
        assert!(foreign.is_err(), "written for another desk");
    });
}
