//! A run of retention whose process is killed in the middle: the next one goes on with it.

use std::process::Child;

use domain::visibility::Scope;
use storage::retention_runs::Run;
use storage::{Db, DbConfig, retention, retention_runs};

use crate::installation::form_with;
use crate::town::{TO4, Town};

/// Requests whose time is over: enough to be in the middle of them.
const REQUESTS: usize = 30;
/// What goes of each: identifiers, contacts, texts and files.
const CLASSES: usize = 4;
const DESCRIPTION: &str = "piantata nella descrizione";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_a_run_that_was_killed_twice_is_taken_up_and_proved() {
    is_taken_up(Town::on_sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_a_run_that_was_killed_twice_is_taken_up_and_proved() {
    if let Some(town) = Town::on_postgres("retention") {
        is_taken_up(town).await;
    }
}

async fn is_taken_up(mut town: Town) {
    // Nobody is asked first.
    town.set("SPORTELLO__RETENTION__ALWAYS_UP_TO", "1000");
    let ids = close_many(&town).await;
    town.forward("P770D");
    let db = Db::open(&DbConfig::new(&town.url)).expect("the database");

    let mut gone = 0;
    for _ in 0..2 {
        let mut running = town.begin(&["retention", "run"]);
        let killed_at = wait_for_more(&db, gone, &mut running);
        running.kill().expect("killed");
        running.wait().expect("reaped");
        gone = marks(&db).expect("the run is not over");
        assert!(gone >= killed_at && gone < REQUESTS * CLASSES, "{gone}");
        assert_eq!(gone % CLASSES, 0, "a request goes whole or not at all");
    }
    let cut_off = open_run(&db).expect("a run");

    let told = town.says(&["retention", "run"]);
    let id = cut_off.id.to_string();
    assert!(told.starts_with(&format!("run {id}: done")), "{told}");
    assert!(open_run(&db).is_none());
    for class in ["identifier", "contact", "health-text", "attachment"] {
        let line = format!("\nticket {class} of {TO4}: {REQUESTS}\n");
        assert!(format!("{told}\n").contains(&line), "{line}{told}");
    }
    let proof = format!(
        "{} entries of run {id} looked at: nothing of it is there, and the proof holds",
        REQUESTS * CLASSES
    );
    assert_eq!(town.says(&["retention", "verify", &id]).trim(), proof);
    assert_eq!(town.says(&["retention", "run"]).trim(), "nothing is due");
    let runs = db.read(|conn| retention_runs::list(conn, None, 10));
    assert_eq!(runs.expect("the runs").len(), 1);

    let server = town.start().await;
    let operator = town.operator(&server).await;
    for id in ids {
        let path = format!("/v1/tickets/{id}");
        assert_eq!(server.get(&path, &operator).await["description"], "—");
    }
}

/// Requests with a file each, answered and closed; the server is gone.
async fn close_many(town: &Town) -> Vec<String> {
    let server = town.start().await;
    let (citizen, operator) = (town.citizen(), town.operator(&server).await);
    let mut ids = Vec::new();
    for n in 0..REQUESTS {
        let file = format!("%PDF-1.4\n% {n}\n%%EOF\n");
        let form = form_with(DESCRIPTION, file.as_bytes());
        let id = server.file(&citizen, &form).await;
        server.resolve(&operator, &id).await;
        ids.push(id);
    }
    drop(server);
    town.forward("P8D");
    town.says(&["jobs", "run", "--once"]);
    ids
}

/// Waits until a run took more away. Polled, bounded by the run itself.
fn wait_for_more(db: &Db, before: usize, running: &mut Child) -> usize {
    loop {
        match marks(db) {
            Some(gone) if gone > before => return gone,
            _ => assert!(running.try_wait().expect("asked").is_none(), "it ended"),
        }
    }
}

fn open_run(db: &Db) -> Option<Run> {
    let found = db.read(retention_runs::find_open);
    found.expect("a look")
}

/// What the run that is not over has taken away by now.
fn marks(db: &Db) -> Option<usize> {
    let run = open_run(db)?;
    let marks = db.read_in(&Scope::System, |conn| {
        retention::list_marks(conn, run.id.uuid(), None, 10_000)
    });
    Some(marks.expect("marks").len())
}
