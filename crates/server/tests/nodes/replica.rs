//! Reads come from a replica, and nobody gets less than what they wrote (`docs/adr/0041`). With
//! `TEST_REPLICA_URL`, as `WITH_REPLICA=1 scripts/with-postgres.sh` sets it.

use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard};

use crate::psql::psql;
use crate::sharing::hears_of;
use crate::town::{Node, Town, form, get, post};

/// One test at a time stops the one replica there is.
static REPLICA: Mutex<()> = Mutex::const_new(());

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_reads_what_they_wrote_and_others_what_the_replica_shows() {
    let Some((town, replica)) = Replicated::found("own", "30000").await else {
        return;
    };
    let (first, second) = (town.start("a").await, town.start("b").await);
    let citizen = town.citizen();
    let filed = post(&first, "/v1/tickets", Some(&citizen), &[], &form(0)).await;
    let id = filed["id"].as_str().expect("an id");
    let (own, theirs) = (format!("/v1/me/tickets/{id}"), format!("/v1/tickets/{id}"));
    let operator = town.log_in(&first).await;
    for (path, token) in [(&own, &citizen), (&theirs, &operator)] {
        is_read_from_the_replica(&second, path, token).await;
    }

    let paused = replica.pause();
    town.resolve(&first, &operator, id).await;
    assert_eq!(get(&second, &theirs, &operator).await["state"], "resolved");
    assert_eq!(get(&second, &own, &citizen).await["state"], "new");
    drop(paused);
    until_it_says(&second, &own, &citizen, "resolved").await;
    is_read_from_the_replica(&second, &theirs, &operator).await;

    // Who looked is in the trail all the same, which is written where everything is.
    let looks = "SELECT count(*) FROM audit_entries WHERE operation = 'show_own_ticket'";
    assert!(town.count(looks) >= 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_lags_too_far_is_not_read_from() {
    let Some((town, replica)) = Replicated::found("lag", "200").await else {
        return;
    };
    let node = town.start("a").await;
    let citizen = town.citizen();
    let filed = post(&node, "/v1/tickets", Some(&citizen), &[], &form(0)).await;
    let id = filed["id"].as_str().expect("an id");
    let operator = town.log_in(&node).await;
    let own = format!("/v1/me/tickets/{id}");
    is_read_from_the_replica(&node, &own, &citizen).await;
    let _paused = replica.pause();
    town.resolve(&node, &operator, id).await;
    // The replica never shows it.
    until_it_says(&node, &own, &citizen, "resolved").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_cuts_its_connections_costs_nobody_an_answer() {
    let Some((town, replica)) = Replicated::found("cut", "30000").await else {
        return;
    };
    let node = town.start("a").await;
    let operator = town.log_in(&node).await;
    for _ in 0..10 {
        is_read_from_the_replica(&node, "/v1/tickets", &operator).await;
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ";
        psql(&replica.url, &format!("{cut}'{}'", town.database));
        get(&node, "/v1/tickets", &operator).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_not_there_costs_nobody_an_answer() {
    let nowhere = "postgres://sportello@127.0.0.1:1/postgres".to_owned();
    let settings = vec![("SPORTELLO__DATABASE__REPLICA_URL", nowhere)];
    let Some(town) = Town::found_with("replica_gone", settings).await else {
        return;
    };
    let node = town.start("a").await;
    let operator = town.log_in(&node).await;
    get(&node, "/v1/tickets", &operator).await;
    assert_eq!(reads(&node, "sportello_replica_reads").await, 0);
    assert!(reads(&node, "sportello_replica_reads_behind").await > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_told_of_a_change_finds_it_on_the_replica() {
    let Some((town, _replica)) = Replicated::found("told", "30000").await else {
        return;
    };
    let (first, second) = (town.start("a").await, town.start("b").await);
    hears_of(&town, &first, &second).await;
}

/// The replica, for one test alone.
struct Replicated {
    url: String,
    _alone: MutexGuard<'static, ()>,
}

/// Replays nothing until it is dropped.
struct Paused(String);

impl Replicated {
    /// A town whose nodes read from the replica; none without one.
    async fn found(what: &str, max_lag: &str) -> Option<(Town, Replicated)> {
        let server = std::env::var("TEST_REPLICA_URL").ok()?;
        let alone = REPLICA.lock().await;
        let what = format!("replica_{what}");
        let database = format!("sportello_{what}_{}", std::process::id());
        let url = server.replace("/postgres", &format!("/{database}"));
        let settings = vec![
            ("SPORTELLO__DATABASE__REPLICA_URL", url),
            (
                "SPORTELLO__DATABASE__REPLICA_MAX_LAG_MS",
                max_lag.to_owned(),
            ),
        ];
        let town = Town::found_with(&what, settings).await?;
        let replica = Replicated {
            url: server.replace("sportello@", "postgres@"),
            _alone: alone,
        };
        Some((town, replica))
    }

    fn pause(&self) -> Paused {
        psql(&self.url, "SELECT pg_wal_replay_pause()");
        // It is asked for first, and holds when the replay comes by.
        let holds =
            "DO $$ BEGIN WHILE pg_get_wal_replay_pause_state() <> 'paused' LOOP END LOOP; END $$";
        psql(&self.url, holds);
        Paused(self.url.clone())
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        psql(&self.0, "SELECT pg_wal_replay_resume()");
    }
}

/// Asks until the replica gives the answer. Polled, bounded.
async fn is_read_from_the_replica(node: &Node, path: &str, token: &str) {
    for _ in 0..6000 {
        let before = reads(node, "sportello_replica_reads").await;
        get(node, path, token).await;
        if reads(node, "sportello_replica_reads").await > before {
            return;
        }
    }
    panic!("{path} is never read from the replica");
}

/// Polled, bounded.
async fn until_it_says(node: &Node, path: &str, token: &str, state: &str) {
    for _ in 0..6000 {
        if get(node, path, token).await["state"] == Value::from(state) {
            return;
        }
    }
    panic!("{path} never says {state}");
}

/// A number of the node's metrics.
async fn reads(node: &Node, name: &str) -> u64 {
    let http = reqwest::Client::builder().no_proxy().build();
    let asked = http
        .expect("a client")
        .get(format!("{}/metrics", node.base));
    let text = asked.send().await.expect("an answer").text().await;
    let text = text.expect("a body");
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.expect("the metric").parse().expect("a number")
}
