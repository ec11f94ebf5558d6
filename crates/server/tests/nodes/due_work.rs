//! Two nodes on one PostgreSQL do what time makes due, and one of them is killed, stopped or started
//! anew in the middle, or the database is away: no request is closed twice, none is left, and none is
//! mailed about twice.

use serde_json::{Value, json};

use crate::psql::psql;
use crate::town::{REQUESTS, Town, kill, post, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_killed_in_the_middle_leaves_nothing_undone() {
    let Some(town) = Town::found("killed").await else {
        return;
    };
    let (mut first, second) = (town.start("a").await, town.start("b").await);
    town.resolve_many(&second).await;
    town.forward();
    town.wait_for_some_closed();
    kill(&first.child, "KILL");
    first.child.wait().expect("reaped");
    town.all_are_closed_once();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_stopped_in_the_middle_and_goes_on_late_repeats_nothing() {
    let Some(town) = Town::found("paused").await else {
        return;
    };
    let (first, second) = (town.start("a").await, town.start("b").await);
    town.resolve_many(&second).await;
    town.forward();
    town.wait_for_some_closed();
    kill(&first.child, "STOP");
    // What the stopped node had claimed is the other's when the lease is over.
    town.all_are_closed_once();
    kill(&first.child, "CONT");
    // It answers again, and so it has gone on with what it was at.
    town.log_in(&first).await;
    town.all_are_closed_once();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_started_anew_in_the_middle_goes_on() {
    let Some(town) = Town::found("restarted").await else {
        return;
    };
    let (mut first, second) = (town.start("a").await, town.start("b").await);
    town.resolve_many(&second).await;
    town.forward();
    town.wait_for_some_closed();
    kill(&first.child, "TERM");
    first.child.wait().expect("it stops by itself");
    let _again = town.start("a").await;
    town.all_are_closed_once();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_away_when_work_comes_due_costs_nothing_but_time() {
    let Some(town) = Town::found("away").await else {
        return;
    };
    let (first, second) = (town.start("a").await, town.start("b").await);
    town.resolve_many(&second).await;
    town.forward();
    town.wait_for_some_closed();
    let database = &town.database;
    psql(
        &town.admin,
        &format!("ALTER DATABASE {database} ALLOW_CONNECTIONS false"),
    );
    psql(
        &town.admin,
        &format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
        ),
    );
    for node in [&first, &second] {
        until(node, "/health/ready", 503).await;
        until(node, "/health/live", 200).await;
    }
    psql(
        &town.admin,
        &format!("ALTER DATABASE {database} ALLOW_CONNECTIONS true"),
    );
    for node in [&first, &second] {
        until(node, "/health/ready", 200).await;
    }
    town.all_are_closed_once();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bulk_job_whose_node_is_killed_in_the_middle_reaches_each_request_once() {
    let Some(town) = Town::found("bulk").await else {
        return;
    };
    let mut first = town.start("a").await;
    let requests = town.file_many(&first).await;
    let items: Vec<Value> = requests
        .iter()
        .map(|id| json!({"ticket": id, "version": 1}))
        .collect();
    let note = json!({"body": "Il guasto è risolto.", "published": false});
    let job = json!({"items": items, "action": {"action": "note", "note": note}});
    let operator = town.log_in(&first).await;
    post(&first, "/v1/bulk-actions", Some(&operator), &[], &job).await;
    town.wait_for("SELECT count(*) FROM bulk_results");
    kill(&first.child, "KILL");
    first.child.wait().expect("reaped");
    let _second = town.start("b").await;
    town.wait_for("SELECT count(*) FROM bulk_jobs WHERE state = 'done' AND action IS NULL");
    for what in [
        "SELECT count(*) FROM bulk_results WHERE problem IS NULL",
        "SELECT count(*) FROM notes WHERE body = 'Il guasto è risolto.'",
        "SELECT count(DISTINCT ticket_id) FROM notes WHERE body = 'Il guasto è risolto.'",
    ] {
        assert_eq!(town.count(what), REQUESTS, "{what}");
    }
}
