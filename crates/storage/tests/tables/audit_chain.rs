//! The audit trail as evidence: linked once and in order whoever writes meanwhile, not linked if it is not
//! ours, and out of reach of the role that serves.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use domain::audit::{AuditActor, AuditEntry, AuditOutcome};
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use storage::audit::EntryName;
use storage::audit_links::Linking;
use storage::audit_proof::{Flaw, Page, Walk};
use storage::keyring::{INSTALLATION, LocalMaster};
use storage::{
    Db, DbConnection, StoreError, audit, audit_anchors, audit_links, audit_proof, keyring,
};
use uuid::Uuid;

use crate::append_only::refusal;
use crate::support::Fresh;
use crate::town::everywhere;

const CHAINS: [&str; 3] = ["", "TO4", "CN1"];

fn unlocked(fresh: &Fresh) -> &Db {
    let db = fresh.db();
    db.unlock(Arc::new(LocalMaster::new(&[1; 32]))).unwrap();
    let keyring = db.keyring().unwrap();
    keyring.ensure(&[], Timestamp::UNIX_EPOCH).unwrap();
    db
}

fn entry(id: Uuid, chain: &str) -> AuditEntry {
    AuditEntry {
        id,
        nth: 1,
        at: Timestamp::from_microsecond(1_772_438_400_000_001).unwrap(),
        chain: chain.to_owned(),
        actor: AuditActor::System,
        operation: "read_ticket".to_owned(),
        tickets: Vec::new(),
        changed: Vec::new(),
        subjects: vec!["a".repeat(22)],
        purpose: None,
        outcome: AuditOutcome::Done,
        correlation: None,
        sign_in: None,
    }
}

fn append(db: &Db, number: u128, chain: &'static str) -> EntryName {
    let id = Uuid::from_u128(number);
    db.write(move |conn| audit::append(conn, &entry(id, chain)))
        .unwrap();
    EntryName { id, nth: 1 }
}

fn link(db: &Db, limit: i64) -> Linking {
    db.write(move |conn| audit_links::link(conn, limit, Timestamp::UNIX_EPOCH))
        .unwrap()
}

fn sql(db: &Db, sql: impl Into<String>) {
    let sql = sql.into();
    db.write(move |conn| Ok::<_, StoreError>(conn.batch_execute(&sql)?))
        .unwrap();
}

/// Good places of all chains together; a flaw fails the test.
fn good(db: &Db) -> i64 {
    let mut good = 0;
    for chain in db.read(audit_links::chains).unwrap() {
        let mut walk = Walk::begin(&chain);
        loop {
            // Pages of three: the end of one is not the end of the chain.
            match db.read(|conn| walk.page(conn, 3)).unwrap() {
                Page::Good(_) => {}
                Page::End => break,
                Page::Bad(finding) => panic!("{finding:?}"),
            }
        }
        good += walk.good_until();
    }
    good
}

fn loose(db: &Db) -> Option<audit_proof::Finding> {
    let start = EntryName {
        id: Uuid::nil(),
        nth: 0,
    };
    let page = db.read(|conn| audit_proof::loose_page(conn, start, 10_000));
    page.unwrap().1
}

#[test]
fn whoever_writes_and_links_at_once_every_committed_entry_has_one_place() {
    everywhere(|fresh| {
        let db = unlocked(fresh);
        let (next, committed) = (RefCell::new(1_u128), RefCell::new(0_i64));
        let write = (select(CHAINS.to_vec()), prop::bool::weighted(0.8));
        let writes = prop::collection::vec(write, 1..12);
        let plan = prop::collection::vec(writes, 2..5);
        let mut runner = TestRunner::new(Config::with_cases(12));
        let outcome = runner.run(&plan, |plan| {
            let first = *next.borrow();
            run(db, &plan, first);
            let all: Vec<_> = plan.iter().flatten().collect();
            *next.borrow_mut() += u128::try_from(all.len()).unwrap();
            let kept = all.iter().filter(|(_, commits)| *commits).count();
            *committed.borrow_mut() += i64::try_from(kept).unwrap();
            while link(db, 7).linked > 0 {}
            prop_assert_eq!(db.read(audit_links::count_pending).unwrap(), (0, 0));
            prop_assert_eq!(good(db), *committed.borrow());
            prop_assert_eq!(loose(db), None);
            Ok(())
        });
        outcome.unwrap();
    });
}

/// Each thread writes its entries, and takes back some; two others link meanwhile.
fn run(db: &Db, plan: &[Vec<(&'static str, bool)>], first: u128) {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    link(db, 5);
                }
            });
        }
        let mut number = first;
        let mut writers = Vec::new();
        for writes in plan {
            let start = number;
            number += u128::try_from(writes.len()).unwrap();
            writers.push(scope.spawn(move || {
                for (id, (chain, commits)) in (start..).zip(writes) {
                    let id = Uuid::from_u128(id);
                    let (chain, commits) = (*chain, *commits);
                    let written = db.write(move |conn| {
                        audit::append(conn, &entry(id, chain))?;
                        commits.then_some(()).ok_or(StoreError::Stale)
                    });
                    assert_eq!(written.is_ok(), commits, "{written:?}");
                }
            }));
        }
        let ended: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        is_over.store(true, Ordering::Relaxed);
        for one in ended {
            one.unwrap();
        }
    });
}

/// On SQLite there is one writer, and nothing is committed late.
#[test]
fn an_entry_that_is_committed_late_is_linked_late_and_not_skipped() {
    everywhere(|fresh| {
        let db = unlocked(fresh);
        if fresh.is_sqlite() {
            return;
        }
        let (wrote, was_written) = mpsc::channel();
        let (go_on, told) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            let late = scope.spawn(move || {
                db.write(move |conn| {
                    audit::append(conn, &entry(Uuid::from_u128(1), "TO4"))?;
                    wrote.send(()).unwrap();
                    told.recv().unwrap();
                    Ok::<_, StoreError>(())
                })
            });
            was_written.recv().unwrap();
            let second = append(db, 2, "TO4");
            assert_eq!(link(db, 100).linked, 1);
            go_on.send(()).unwrap();
            late.join().unwrap().unwrap();
            assert_eq!(link(db, 100).linked, 1);
            let at = |seq| {
                let found = db.read(|conn| audit_links::find(conn, "TO4", seq));
                found.unwrap().unwrap().1
            };
            assert_eq!(at(1), second);
            assert_eq!(at(2).id, Uuid::from_u128(1));
        });
        assert_eq!(good(db), 2);
    });
}

#[test]
fn what_is_not_ours_is_not_linked_and_holds_up_nothing() {
    everywhere(|fresh| {
        let db = unlocked(fresh);
        let first = append(db, 1, "TO4");
        link(db, 100);
        // A copy under another name, as somebody with the database alone could make it.
        let forged = match fresh.is_sqlite() {
            true => "x'00000000000000000000000000000002'",
            false => "'00000000-0000-0000-0000-000000000002'",
        };
        sql(
            db,
            format!(
                "INSERT INTO audit_entries (id, nth, chain, at, body, mac)
                 SELECT {forged}, nth, chain, at, body, mac FROM audit_entries;
                 INSERT INTO audit_pending (entry_id, nth) SELECT entry_id, nth FROM audit_links"
            ),
        );
        append(db, 3, "TO4");
        let forged = EntryName {
            id: Uuid::from_u128(2),
            nth: 1,
        };
        let run = link(db, 100);
        assert_eq!((run.linked, run.refused), (1, vec![forged, first]));
        assert_eq!(link(db, 100), Linking::default());
        assert_eq!(db.read(audit_links::count_pending).unwrap(), (0, 2));
        let refused = db.read(|conn| audit_proof::list_refused(conn, 9)).unwrap();
        let named: Vec<_> = refused.iter().map(|one| (one.entry, one.flaw)).collect();
        assert_eq!(
            named,
            [(Some(forged), Flaw::Refused), (Some(first), Flaw::Refused)]
        );
        assert_eq!(good(db), 2);
    });
}

#[test]
fn an_entry_under_a_key_that_another_node_made_meanwhile_is_ours() {
    everywhere(|fresh| {
        let db = unlocked(fresh);
        append(db, 1, "TO4");
        let another = Db::open(&fresh.config).unwrap();
        another
            .unlock(Arc::new(LocalMaster::new(&[1; 32])))
            .unwrap();
        another
            .write(|conn| keyring::current()?.rotate(conn, INSTALLATION, Timestamp::UNIX_EPOCH))
            .unwrap();
        another.keyring().unwrap().reload().unwrap();
        append(&another, 2, "TO4");
        // In one transaction, which found the first under the keys it began with.
        let run = link(db, 100);
        assert_eq!((run.linked, run.refused), (2, Vec::new()));
        assert_eq!(good(db), 2);
    });
}

#[test]
fn an_entry_that_is_gone_before_it_is_linked_is_noticed() {
    everywhere(|fresh| {
        let db = unlocked(fresh);
        let gone = append(db, 1, "TO4");
        let on = if fresh.is_sqlite() {
            ""
        } else {
            "ON audit_entries"
        };
        sql(
            db,
            format!("DROP TRIGGER audit_entries_no_delete {on}; DELETE FROM audit_entries"),
        );
        append(db, 2, "TO4");
        let run = link(db, 100);
        assert_eq!((run.linked, run.refused), (1, vec![gone]));
    });
}

#[test]
fn entries_links_and_anchors_are_never_rewritten() {
    everywhere(|fresh| {
        let db = unlocked(fresh);
        append(db, 1, "TO4");
        link(db, 100);
        db.write(|conn| {
            audit_anchors::add(conn, 1, String::from("line"), &[], Timestamp::UNIX_EPOCH)
        })
        .unwrap();
        for (table, statement) in [
            ("audit_entries", "UPDATE audit_entries SET body = body"),
            ("audit_entries", "DELETE FROM audit_entries"),
            ("audit_links", "UPDATE audit_links SET hash = hash"),
            ("audit_links", "DELETE FROM audit_links"),
            ("audit_anchors", "UPDATE audit_anchors SET body = body"),
            ("audit_anchors", "DELETE FROM audit_anchors"),
        ] {
            let said = refusal(db, statement);
            let expected = format!("{table} is append-only");
            assert!(said.contains(&expected), "{statement}: {said}");
        }
    });
}

#[test]
fn a_sending_is_one_nodes_until_it_is_due_again() {
    everywhere(|fresh| {
        let db = unlocked(fresh);
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        db.write(move |conn| {
            audit_anchors::add(conn, 1, String::from("line"), &["file", "mail"], at(0))
        })
        .unwrap();
        let due = |now| {
            db.read(|conn| {
                let mut due = Vec::new();
                for place in audit_anchors::list_places_due(conn, now)? {
                    due.extend(audit_anchors::list_due(conn, &place, now, 9)?);
                }
                Ok::<_, StoreError>(due)
            })
            .unwrap()
        };
        let both = due(at(0));
        assert_eq!(both.len(), 2);
        for (send, expected) in [(&both[0], true), (&both[0], false), (&both[1], true)] {
            let send = send.clone();
            let claimed = db.write(move |conn| audit_anchors::claim(conn, &send, at(10)));
            assert_eq!(claimed.unwrap(), expected);
        }
        assert_eq!(due(at(9)), []);
        let again = due(at(10));
        assert_eq!(
            again.iter().map(|one| one.tries).collect::<Vec<_>>(),
            [1, 1]
        );
        let sent = again[0].clone();
        db.write(move |conn| audit_anchors::mark_sent(conn, &sent))
            .unwrap();
        let standing = db.read(audit_anchors::standing).unwrap();
        assert_eq!(
            (standing.last, standing.failing, standing.failing_place),
            (1, 1, Some(String::from("mail")))
        );
    });
}

/// Runs a statement as a role of its own, and answers what the database said.
fn told(app: &Db, statement: &'static str) -> String {
    let outcome = app
        .write(move |conn: &mut DbConnection| Ok::<_, StoreError>(conn.batch_execute(statement)?));
    match outcome {
        Ok(()) => String::from("done"),
        Err(StoreError::Database(reason)) => reason.to_string(),
        Err(other) => other.to_string(),
    }
}

#[test]
fn the_role_that_serves_reads_and_adds_to_the_trail_and_does_nothing_else() {
    let made = RefCell::new(Vec::new());
    everywhere(|fresh| {
        if fresh.is_sqlite() {
            assert!(fresh.db().may_change_evidence().unwrap(), "no roles there");
            return;
        }
        let owner = unlocked(fresh);
        let role = format!("serving_{}", std::process::id());
        // Whoever drops the database has to end what is left of its connections.
        sql(owner, format!("CREATE ROLE {role} LOGIN ROLE CURRENT_USER"));
        let (_, rest) = fresh.config.url.split_once('@').unwrap();
        let mut config = fresh.config.clone();
        config.url = format!("postgres://{role}@{rest}");
        let (admin, _) = fresh.admin.clone().unwrap();
        made.borrow_mut().push((admin, role));
        let app = Db::open(&config).unwrap();
        assert!(!owner.grant_to(owner).unwrap(), "nobody is given their own");
        assert!(owner.grant_to(&app).unwrap());
        assert!(owner.may_change_evidence().unwrap());
        assert!(!app.may_change_evidence().unwrap());
        assert_eq!(app.pending().unwrap(), Vec::<String>::new());

        // It works: entries, links and anchors are added and read.
        app.unlock(Arc::new(LocalMaster::new(&[1; 32]))).unwrap();
        append(&app, 1, "TO4");
        assert_eq!(link(&app, 100).linked, 1);
        app.write(|conn| {
            audit_anchors::add(
                conn,
                1,
                String::from("line"),
                &["file"],
                Timestamp::UNIX_EPOCH,
            )
        })
        .unwrap();
        assert_eq!(good(&app), 1);
        assert_eq!(told(&app, "UPDATE counters SET value = value"), "done");

        for table in ["audit_entries", "audit_links", "audit_anchors"] {
            let column = if table == "audit_links" {
                "hash"
            } else {
                "body"
            };
            for statement in [
                format!("UPDATE {table} SET {column} = {column}"),
                format!("DELETE FROM {table}"),
                format!("TRUNCATE {table}"),
                format!("DROP TRIGGER {table}_no_update ON {table}"),
                format!("ALTER TABLE {table} DISABLE TRIGGER ALL"),
                format!("ALTER TABLE {table} RENAME TO gone"),
                format!("DROP TABLE {table} CASCADE"),
            ] {
                let said = told(&app, statement.clone().leak());
                let is_refused =
                    said.contains("permission denied") || said.contains("must be owner");
                assert!(is_refused, "{statement}: {said}");
            }
        }
        let said = told(&app, "SET session_replication_role = replica");
        assert!(said.contains("permission denied"), "{said}");
        assert_eq!(good(owner), 1);
    });
    // The rights went with the database; a role is the whole server's.
    for (admin, role) in made.into_inner() {
        let mut server = PgConnection::establish(&admin).unwrap();
        server.batch_execute(&format!("DROP ROLE {role}")).unwrap();
    }
}
