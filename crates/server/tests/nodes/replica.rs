//! Reads come from a replica, and nobody gets less than what they wrote (`docs/adr/0041`). With
//! `TEST_REPLICA_URL`, as `WITH_REPLICA=1 scripts/with-postgres.sh` sets it.

use reqwest::{Method, StatusCode};
use tokio::sync::{Mutex, MutexGuard};

use crate::sharing::{listen, tells_of};
use crate::town::psql::{cut, psql};
use crate::town::{Node, Town, answer, form};

/// One test at a time stops the one replica there is.
static REPLICA: Mutex<()> = Mutex::const_new(());

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_reads_what_they_wrote_and_others_what_the_replica_shows() {
    let Some((town, replica)) = Replicated::found("own", "30000").await else {
        return;
    };
    let (first, second) = (town.start().await, town.start().await);
    let citizen = town.citizen();
    let id = first.file(&citizen, &form("richiesta")).await;
    let (own, theirs) = (format!("/v1/me/tickets/{id}"), format!("/v1/tickets/{id}"));
    let operator = town.operator(&first).await;
    for (path, token) in [(&own, &citizen), (&theirs, &operator)] {
        is_read_from_the_replica(&second, path, token).await;
    }

    let paused = replica.pause(&town);
    first.resolve(&operator, &id).await;
    assert_eq!(second.get(&theirs, &operator).await["state"], "resolved");
    assert_eq!(second.get(&own, &citizen).await["state"], "new");
    drop(paused);
    until_it_says(&second, &own, &citizen, "resolved").await;
    is_read_from_the_replica(&second, &theirs, &operator).await;

    // Who looked is in the trail all the same, which is written where everything is.
    let looks = "SELECT count(*) FROM audit_entries WHERE body LIKE '%show_own_ticket%'";
    assert!(town.count(looks) >= 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_lags_too_far_is_not_read_from() {
    let Some((town, replica)) = Replicated::found("lag", "200").await else {
        return;
    };
    let node = town.start().await;
    let citizen = town.citizen();
    let id = node.file(&citizen, &form("richiesta")).await;
    let operator = town.operator(&node).await;
    let own = format!("/v1/me/tickets/{id}");
    is_read_from_the_replica(&node, &own, &citizen).await;
    let _paused = replica.pause(&town);
    node.resolve(&operator, &id).await;
    // The replica never shows it.
    until_it_says(&node, &own, &citizen, "resolved").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_cuts_its_connections_costs_nobody_an_answer() {
    let Some((town, replica)) = Replicated::found("cut", "30000").await else {
        return;
    };
    let node = town.start().await;
    let operator = town.operator(&node).await;
    for _ in 0..10 {
        is_read_from_the_replica(&node, "/v1/tickets", &operator).await;
        cut(&replica.url, &replica.database);
        node.get("/v1/tickets", &operator).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_not_there_costs_nobody_an_answer() {
    let Some(mut town) = Town::on_postgres("replica_gone") else {
        return;
    };
    let nowhere = "postgres://sportello@127.0.0.1:1/postgres";
    town.set("SPORTELLO__DATABASE__REPLICA_URL", nowhere);
    let node = town.start().await;
    let operator = town.operator(&node).await;
    node.get("/v1/tickets", &operator).await;
    assert_eq!(reads(&node, "sportello_replica_reads").await, 0);
    assert!(reads(&node, PASSED_BY).await > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_told_of_a_change_finds_it_on_the_replica() {
    let Some((town, replica)) = Replicated::found("told", "30000").await else {
        return;
    };
    let (first, second) = (town.start().await, town.start().await);
    let operator = town.operator(&second).await;
    let mut stream = listen(&second, &operator).await;
    is_read_from_the_replica(&second, "/v1/tickets", &operator).await;
    let before = reads(&second, PASSED_BY).await;
    let paused = replica.pause(&town);
    let id = first.file(&town.citizen(), &form("richiesta")).await;
    let path = format!("/v1/tickets/{id}");
    let asked = second.request(Method::GET, &path).bearer_auth(&operator);
    assert_eq!(answer(asked).await.0, StatusCode::NOT_FOUND);
    let is_told = tokio::select! {
        () = tells_of(&mut stream, &id) => true,
        () = is_read_again(&second) => false,
    };
    drop(paused);
    if is_told {
        // Only what is read where it is written says so already: a machine under load gave no connection.
        assert!(reads(&second, PASSED_BY).await > before, "told too soon");
    } else {
        tells_of(&mut stream, &id).await;
    }
    second.get(&path, &operator).await;
}

/// Reads that the replica did not take, because it lagged or gave no connection.
const PASSED_BY: &str = "sportello_replica_reads_behind";

/// The replica, for one test alone.
struct Replicated {
    url: String,
    database: String,
    _alone: MutexGuard<'static, ()>,
}

/// Replays nothing until it is dropped.
struct Paused(String);

impl Replicated {
    /// A town whose nodes read from the replica; none without one.
    async fn found(what: &str, max_lag: &str) -> Option<(Town, Replicated)> {
        let server = std::env::var("TEST_REPLICA_URL").ok()?;
        let alone = REPLICA.lock().await;
        let mut town = Town::on_postgres(&format!("replica_{what}"))?;
        let database = town.database.as_ref()?.name.clone();
        let url = server.replace("/postgres", &format!("/{database}"));
        town.set("SPORTELLO__DATABASE__REPLICA_URL", url);
        town.set("SPORTELLO__DATABASE__REPLICA_MAX_LAG_MS", max_lag);
        let replica = Replicated {
            url: server.replace("sportello@", "postgres@"),
            database,
            _alone: alone,
        };
        Some((town, replica))
    }

    /// Stops it where it shows all that was written so far.
    fn pause(&self, town: &Town) -> Paused {
        let written = psql(&town.url, "SELECT pg_current_wal_insert_lsn()");
        self.wait(&format!("pg_last_wal_replay_lsn() >= '{}'", written.trim()));
        psql(&self.url, "SELECT pg_wal_replay_pause()");
        // It is asked for first, and holds when the replay comes by.
        self.wait("pg_get_wal_replay_pause_state() = 'paused'");
        Paused(self.url.clone())
    }

    /// Polled, bounded.
    fn wait(&self, until: &str) {
        for _ in 0..6000 {
            if psql(&self.url, &format!("SELECT {until}")).trim() == "t" {
                return;
            }
        }
        panic!("the replica never has {until}");
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
        node.get(path, token).await;
        if reads(node, "sportello_replica_reads").await > before {
            return;
        }
    }
    panic!("{path} is never read from the replica");
}

/// Waits until the node has looked for news on the replica a few times. Polled, bounded.
async fn is_read_again(node: &Node) {
    let before = reads(node, "sportello_replica_reads").await;
    for _ in 0..6000 {
        if reads(node, "sportello_replica_reads").await > before + 2 {
            return;
        }
    }
    panic!("nobody looks for news on the replica");
}

/// Polled, bounded.
async fn until_it_says(node: &Node, path: &str, token: &str, state: &str) {
    for _ in 0..6000 {
        if node.get(path, token).await["state"] == state {
            return;
        }
    }
    panic!("{path} never says {state}");
}

/// A number of the node's metrics.
async fn reads(node: &Node, name: &str) -> u64 {
    let asked = node.request(Method::GET, "/metrics").send().await;
    let text = asked.expect("an answer").text().await;
    let text = text.expect("a body");
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.expect("the metric").parse().expect("a number")
}
