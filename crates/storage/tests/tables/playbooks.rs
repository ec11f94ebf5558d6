//! Versions of playbooks that never change, and answers that are their desk's own.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use domain::codes::PlaybookCode;
use domain::state::PlaybookDecision;
use domain::visibility::Scope;
use storage::playbook_runs::{self, GivenAnswer, PlaybookRun};
use storage::playbooks::{self, PlaybookVersion, Step, VersionState};
use storage::tickets::RequesterKind;
use storage::{Db, DbConnection, StoreError};
use uuid::Uuid;

use crate::append_only::refusal;
use crate::town::{self, everywhere, hours, read, read_in, write};
use crate::words::{CN1, REGION, TO4, account};

fn version(number: i32, state: VersionState) -> PlaybookVersion {
    let step = Step {
        at: hours(1),
        by: Some(account(3)),
    };
    PlaybookVersion {
        code: "PB-2".into(),
        version: number,
        state,
        definition: format!("text {number}"),
        comment: "Prova".to_owned(),
        created: step,
        approved: (state != VersionState::Draft).then_some(step),
        activated: None,
        retired: None,
    }
}

fn run(number: u32, desk: &str) -> PlaybookRun {
    PlaybookRun {
        id: Uuid::from_u128(u128::from(number) + 1000),
        ticket: town::ticket(number, desk).id,
        leg: 1,
        desk: desk.into(),
        begun_with: "PB-2".into(),
        pins: BTreeMap::from([("PB-1".to_owned(), 1), ("PB-2".to_owned(), 3)]),
        path: vec!["PB-2".to_owned(), "PB-1".to_owned()],
        playbook: "PB-1".into(),
        version: 1,
        decision: PlaybookDecision::Hold,
        addition: Some("Urgente.".to_owned()),
        started_at: hours(1),
        started_by: account(3),
        overridden_at: None,
        handed_over_at: None,
    }
}

fn given(check: &str, answer: Option<&str>) -> GivenAnswer {
    GivenAnswer {
        playbook: "PB-2".into(),
        version: 3,
        check: check.to_owned(),
        answer: answer.map(str::to_owned),
        evidence: Some("Visto.".to_owned()),
        by: account(3),
        by_label: None,
        at: hours(1),
    }
}

/// A run with answers at each of two desks.
fn settle(db: &Db) {
    for (number, desk) in [(1, TO4), (2, CN1)] {
        let ticket = town::ticket(number, desk);
        town::file(
            db,
            &ticket,
            &town::dossier(number, RequesterKind::Staff),
            None,
        );
    }
    write(db, |conn| {
        for (number, desk) in [(1, TO4), (2, CN1)] {
            let run = run(number, desk);
            playbook_runs::insert(conn, &run)?;
            let answers = [
                given("c1", Some("yes")),
                given("c1", None),
                given("c2", Some("no")),
            ];
            playbook_runs::append_answers(conn, &run, 0, &answers)?;
            playbook_runs::set_value(conn, &run, "report_id", Some("A"), account(3), hours(1))?;
            playbook_runs::set_value(conn, &run, "report_id", Some("B"), account(3), hours(2))?;
        }
        Ok(())
    });
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

fn count(conn: &mut DbConnection, table: &str) -> Result<i64, StoreError> {
    let sql = format!("SELECT count(*) AS count FROM {table}");
    Ok(diesel::sql_query(sql).get_result::<Count>(conn)?.count)
}

#[test]
fn one_version_of_a_playbook_is_in_force_and_its_text_never_changes() {
    everywhere(|fresh| {
        let db = fresh.db();
        write(db, |conn| {
            assert!(playbooks::insert(conn, &version(1, VersionState::Active))?);
            assert!(!playbooks::insert(conn, &version(1, VersionState::Draft))?);
            assert!(playbooks::insert(
                conn,
                &version(2, VersionState::Approved)
            )?);
            Ok(())
        });
        let (code, step) = (
            PlaybookCode::from("PB-2"),
            version(1, VersionState::Draft).created,
        );
        let (approved, active) = (VersionState::Approved, VersionState::Active);
        let second = {
            let code = code.clone();
            db.write(move |conn| playbooks::step(conn, &code, 2, approved, active, step))
        };
        assert!(
            matches!(second, Err(StoreError::UniqueViolation { .. })),
            "{second:?}"
        );
        let (retired, of) = (VersionState::Retired, code.clone());
        write(db, move |conn| {
            playbooks::step(conn, &of, 1, active, retired, step)?;
            playbooks::step(conn, &of, 2, approved, active, step)
        });
        let of = code.clone();
        let again = db.write(move |conn| playbooks::step(conn, &of, 1, active, retired, step));
        assert!(matches!(again, Err(StoreError::Stale)), "{again:?}");
        assert_eq!(read(db, playbooks::list_active), [(code.clone(), 2)]);
        let found = read(db, |conn| playbooks::find(conn, &code, 1));
        let found = found.expect("version 1");
        assert_eq!(found.retired, Some(step));
        for sql in [
            "UPDATE playbook_versions SET definition = 'x'",
            "UPDATE playbook_versions SET version = 9 WHERE version = 1",
            "DELETE FROM playbook_versions",
        ] {
            assert!(refusal(db, sql).contains("append-only"), "{sql}");
        }
    });
}

#[test]
fn a_run_reads_back_with_the_answers_that_count_and_the_last_values() {
    everywhere(|fresh| {
        let db = fresh.db();
        settle(db);
        let ticket = town::ticket(1, TO4).id;
        let runs = read(db, |conn| playbook_runs::list(conn, ticket, None));
        assert_eq!(runs, [run(1, TO4)]);
        let rows = read(db, |conn| playbook_runs::list_answers(conn, runs[0].id));
        assert_eq!(rows.len(), 3);
        assert!(rows.iter().all(|row| row.by_label.is_some()));
        let latest = playbook_runs::latest(&rows);
        assert_eq!(latest, BTreeMap::from([("c2".to_owned(), "no".to_owned())]));
        let values = read(db, |conn| playbook_runs::list_values(conn, runs[0].id));
        assert_eq!(values["report_id"], "B");
        for sql in [
            "UPDATE playbook_answers SET answer = 'yes'",
            "DELETE FROM playbook_answers",
        ] {
            assert!(refusal(db, sql).contains("append-only"), "{sql}");
        }
        let was_run = |code: &str| read(db, |conn| playbook_runs::was_run(conn, &code.into()));
        assert!(was_run("PB-1") && was_run("PB-2") && !was_run("PB-3") && !was_run("PB-"));
    });
}

#[test]
fn a_desk_sees_its_own_runs_and_no_requester_any() {
    everywhere(|fresh| {
        let db = fresh.db();
        settle(db);
        let tables = ["playbook_runs", "playbook_answers", "playbook_values"];
        let seen =
            |scope: &Scope| tables.map(|table| read_in(db, scope, |conn| count(conn, table)));
        assert_eq!(seen(&Scope::Region(REGION.into())), [2, 6, 2]);
        if fresh.is_sqlite() {
            return; // The fence is PostgreSQL's; the queries name the desk on both.
        }
        assert_eq!(seen(&Scope::Authority(TO4.into())), [1, 3, 1]);
        assert_eq!(seen(&town::citizen(1, 1, &[])), [0, 0, 0]);
        assert_eq!(seen(&Scope::Tracking(town::ticket(1, TO4).id)), [0, 0, 0]);
        assert_eq!(seen(&Scope::Nothing), [0, 0, 0]);
        let elsewhere = db.write_in(&Scope::Authority(CN1.into()), |conn| {
            let mut other = run(1, TO4);
            other.id = Uuid::from_u128(7);
            playbook_runs::insert(conn, &other)
        });
        assert!(elsewhere.is_err(), "in another desk's name");
    });
}

#[test]
fn a_desk_finds_its_own_runs_of_a_ticket_alone() {
    everywhere(|fresh| {
        let db = fresh.db();
        settle(db);
        let ticket = town::ticket(1, TO4).id;
        let of = |desk: &str| {
            read(db, |conn| {
                playbook_runs::list(conn, ticket, Some(&desk.into()))
            })
        };
        assert_eq!((of(TO4).len(), of(CN1).len()), (1, 0));
    });
}
