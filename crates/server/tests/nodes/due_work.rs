//! Two nodes on one PostgreSQL do what time makes due, and one of them is killed, stopped or started
//! anew in the middle, or the database is away: no request is closed twice, none is left, and none is
//! mailed about twice.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::town::psql::{cut, psql};
use crate::town::{Database, Node, Town, form};

/// Requests that come due at once: enough for several claims of both nodes.
const REQUESTS: usize = 240;
/// How long due work is one node's alone.
const LEASE: &str = "PT2S";
/// How long all of it may take.
const LONGEST: Duration = Duration::from_secs(300);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_killed_in_the_middle_leaves_nothing_undone() {
    let Some(town) = found("killed") else {
        return;
    };
    let (mut first, second) = (town.start().await, town.start().await);
    resolve_many(&town, &second).await;
    town.forward("P8D");
    wait_for(&town, CLOSED);
    kill(&first.child, "KILL");
    first.child.wait().expect("reaped");
    all_are_closed_once(&town);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_stopped_in_the_middle_and_goes_on_late_repeats_nothing() {
    let Some(town) = found("paused") else {
        return;
    };
    let (mut first, second) = (town.start().await, town.start().await);
    resolve_many(&town, &second).await;
    town.forward("P8D");
    wait_for(&town, CLOSED);
    kill(&first.child, "STOP");
    // What the stopped node had claimed is the other's when the lease is over.
    all_are_closed_once(&town);
    kill(&first.child, "CONT");
    // It answers again, and ends what it was at before it stops.
    town.operator(&first).await;
    kill(&first.child, "TERM");
    first.child.wait().expect("it stops by itself");
    all_are_closed_once(&town);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_started_anew_in_the_middle_goes_on() {
    let Some(town) = found("restarted") else {
        return;
    };
    let (mut first, second) = (town.start().await, town.start().await);
    resolve_many(&town, &second).await;
    town.forward("P8D");
    wait_for(&town, CLOSED);
    kill(&first.child, "TERM");
    first.child.wait().expect("it stops by itself");
    let _again = town.start().await;
    all_are_closed_once(&town);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_away_when_work_comes_due_costs_nothing_but_time() {
    let Some(town) = found("away") else {
        return;
    };
    let (first, second) = (town.start().await, town.start().await);
    resolve_many(&town, &second).await;
    town.forward("P8D");
    wait_for(&town, CLOSED);
    let Database { admin, name } = town.database.as_ref().expect("one on PostgreSQL");
    let allow = |connections: bool| {
        let change = format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {connections}");
        psql(admin, &change);
    };
    allow(false);
    cut(admin, name);
    for node in [&first, &second] {
        until(node, "/health/ready", 503).await;
        until(node, "/health/live", 200).await;
    }
    allow(true);
    for node in [&first, &second] {
        until(node, "/health/ready", 200).await;
    }
    all_are_closed_once(&town);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bulk_job_whose_node_is_killed_in_the_middle_reaches_each_request_once() {
    let Some(town) = found("bulk") else {
        return;
    };
    let mut first = town.start().await;
    let requests = file_many(&town, &first).await;
    let items: Vec<Value> = requests
        .iter()
        .map(|id| json!({"ticket": id, "version": 1}))
        .collect();
    let note = json!({"body": "Il guasto è risolto.", "published": false});
    let job = json!({"items": items, "action": {"action": "note", "note": note}});
    let operator = town.operator(&first).await;
    first.post("/v1/bulk-actions", &operator, &job).await;
    wait_for(&town, "SELECT count(*) FROM bulk_results");
    kill(&first.child, "KILL");
    first.child.wait().expect("reaped");
    let _second = town.start().await;
    wait_for(
        &town,
        "SELECT count(*) FROM bulk_jobs WHERE state = 'done' AND action IS NULL",
    );
    for what in [
        "SELECT count(*) FROM bulk_results WHERE problem IS NULL",
        "SELECT count(*) FROM notes WHERE body = 'Il guasto è risolto.'",
        "SELECT count(DISTINCT ticket_id) FROM notes WHERE body = 'Il guasto è risolto.'",
    ] {
        assert_eq!(town.count(what), REQUESTS, "{what}");
    }
}

/// A town whose nodes mail each requester and lend out work for a short time.
fn found(what: &str) -> Option<Town> {
    let mut town = Town::on_postgres(what)?;
    town.set("SPORTELLO__JOBS__LEASE", LEASE);
    town.set("SPORTELLO__NOTIFICATIONS__COPY_TO_CITIZENS", "true");
    Some(town)
}

/// Files requests; the answer is their ids.
async fn file_many(town: &Town, node: &Node) -> Vec<String> {
    let citizen = town.citizen();
    let mut ids = Vec::new();
    for n in 0..REQUESTS {
        ids.push(node.file(&citizen, &form(&format!("richiesta {n}"))).await);
    }
    ids
}

/// Files requests and resolves each of them.
async fn resolve_many(town: &Town, node: &Node) {
    let operator = town.operator(node).await;
    for id in file_many(town, node).await {
        node.resolve(&operator, &id).await;
    }
}

const CLOSED: &str = "SELECT count(*) FROM ticket_events WHERE kind = 'request.closed'";

/// Waits until there are some, and not yet all. Polled, bounded.
fn wait_for(town: &Town, some: &str) {
    for _ in 0..6000 {
        let there = town.count(some);
        if there > 0 {
            assert!(there < REQUESTS, "this is not the middle: {some}");
            return;
        }
    }
    panic!("none came: {some}");
}

/// Waits for the end, which may be a while: what failed because a stopped node held it is tried again a
/// minute later. Polled, bounded.
fn all_are_closed_once(town: &Town) {
    let began = Instant::now();
    let is_over = || {
        let due = town.count("SELECT count(*) FROM due_work WHERE kind = 'ticket-timer'");
        let waiting = town.count("SELECT count(*) FROM outbox WHERE state = 'pending'");
        (due, waiting) == (0, 0)
    };
    while !is_over() && began.elapsed() < LONGEST {}
    assert_eq!(town.count(CLOSED), REQUESTS, "each once");
    let tickets = "SELECT count(*) FROM tickets WHERE state = 'auto-closed'";
    assert_eq!(town.count(tickets), REQUESTS, "and all of them");
    let parked = "SELECT count(*) FROM due_work WHERE parked_at IS NOT NULL";
    assert_eq!(town.count(parked), 0);
    // One pointer for each answer. A message that is sent again keeps its id, and so its file.
    let sent = "SELECT count(*) FROM outbox WHERE state = 'sent'";
    assert_eq!(town.count(sent), REQUESTS);
    let files = std::fs::read_dir(town.data("mail")).expect("a folder");
    assert_eq!(files.count(), REQUESTS);
}

/// Polled, bounded.
async fn until(node: &Node, path: &str, status: u16) {
    for _ in 0..6000 {
        let answer = node.request(Method::GET, path).send().await;
        if answer.is_ok_and(|answer| answer.status() == status) {
            return;
        }
    }
    panic!("{path} never answered {status}");
}

fn kill(child: &Child, signal: &str) {
    let done = Command::new("kill")
        .args([&format!("-{signal}"), &child.id().to_string()])
        .status()
        .expect("kill runs");
    assert!(done.success());
}
