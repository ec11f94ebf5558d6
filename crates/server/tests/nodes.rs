//! Two nodes on one PostgreSQL do what time makes due, and one of them is killed, stopped or started
//! anew in the middle, or the database is away: no request is closed twice, none is left, and none is
//! mailed about twice.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test: what is missing fails it, and the test's own settings are in the environment"
)]

mod program;
mod psql;

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use psql::psql;
use serde_json::{Value, json};

/// Requests that come due at once: enough for several claims of both nodes.
const REQUESTS: usize = 240;
/// How long due work is one node's alone.
const LEASE: &str = "PT2S";

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

/// A database, a folder, and the nodes that share them.
struct Town {
    folder: tempfile::TempDir,
    admin: String,
    database: String,
}

/// A running node; ended when it is dropped.
struct Node {
    child: Child,
    base: String,
}

impl Drop for Node {
    fn drop(&mut self) {
        // A stopped process dies, too.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Town {
    /// None without a PostgreSQL server to found it on.
    async fn found(what: &str) -> Option<Town> {
        let admin = std::env::var("TEST_DATABASE_URL").ok()?;
        let database = format!("sportello_{what}_{}", std::process::id());
        psql(&admin, &format!("CREATE DATABASE {database}"));
        Some(Town {
            folder: tempfile::tempdir().expect("a folder"),
            admin,
            database,
        })
    }

    fn url(&self) -> String {
        let (server, _) = self
            .admin
            .rsplit_once('/')
            .expect("a database in TEST_DATABASE_URL");
        format!("{server}/{}", self.database)
    }

    fn mail(&self) -> PathBuf {
        self.folder.path().join("data/mail")
    }

    fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sportello"));
        command
            .current_dir(self.folder.path())
            .env("SPORTELLO__DATA__FOLDER", self.folder.path().join("data"))
            .env("SPORTELLO__DATABASE__URL", self.url())
            .env("SPORTELLO__HTTP__BIND", "127.0.0.1:0")
            .env("SPORTELLO__HTTP__REQUESTS_PER_MINUTE", "1000000")
            .env("SPORTELLO__HTTP__REQUESTS_PER_MINUTE_CITIZEN", "1000000")
            .env("SPORTELLO__QUOTA__FILINGS_PER_DAY", "10000")
            .env("SPORTELLO__JOBS__LEASE", LEASE)
            .env("SPORTELLO__NOTIFICATIONS__COPY_TO_CITIZENS", "true")
            .env("SPORTELLO__LOG__FILTER", "error")
            .stdin(Stdio::null());
        command
    }

    fn told(&self, arguments: &[&str]) -> String {
        let output = self.program().args(arguments).output().expect("it runs");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {error}");
        String::from_utf8(output.stdout).expect("text")
    }

    async fn start(&self, name: &str) -> Node {
        let port_file = self.folder.path().join(format!("port-{name}"));
        let mut command = self.program();
        command.stdout(Stdio::null()).stderr(Stdio::inherit());
        let (child, base) = program::listening(command, &port_file).await;
        Node { child, base }
    }

    /// An operator's token.
    async fn log_in(&self, node: &Node) -> String {
        let accounts: Value =
            serde_json::from_str(&self.told(&["demo", "accounts", "--json"])).expect("JSON");
        let operator = accounts
            .as_array()
            .expect("a list")
            .iter()
            .find(|one| {
                let placements = one["placements"].as_array().expect("a list");
                placements.len() == 1
                    && placements[0]["role"] == "operator"
                    && placements[0]["authority"]["code"] == "010204"
            })
            .expect("an operator of TO4");
        let credentials = json!({
            "username": operator["username"], "password": operator["password"],
        });
        let session = post(node, "/v1/sessions", None, &[], &credentials).await;
        session["access_token"]
            .as_str()
            .expect("a token")
            .to_owned()
    }

    /// Files requests and resolves each of them.
    async fn resolve_many(&self, node: &Node) {
        let operator = self.log_in(node).await;
        for id in self.file_many(node).await {
            let note = json!({"body": "Fatto.", "published": true});
            let resolve = json!({
                "action": "resolve", "resolution_code": "information-given", "note": note,
            });
            let path = format!("/v1/tickets/{id}/actions");
            let seen = [("if-match", "\"1\"")];
            post(node, &path, Some(&operator), &seen, &resolve).await;
        }
    }

    /// Files requests; the answer is their ids.
    async fn file_many(&self, node: &Node) -> Vec<String> {
        let citizen = self.told(&[
            "demo",
            "citizen-token",
            "--tax-code",
            "RSSMRA80A01H501U",
            "--given-name",
            "Mario",
            "--family-name",
            "Rossi",
            "--email",
            "mario.rossi@example.org",
        ]);
        let mut ids = Vec::new();
        for n in 0..REQUESTS {
            let form = json!({
                "service_code": "FSE", "problem_type": "errore-tecnico",
                "authority_code": "010204", "description": format!("richiesta {n}"),
                "privacy_ack": true,
            });
            let filed = post(node, "/v1/tickets", Some(citizen.trim()), &[], &form).await;
            ids.push(filed["id"].as_str().expect("an id").to_owned());
        }
        ids
    }

    /// Moves everybody's clock past the reply window.
    fn forward(&self) {
        self.told(&["demo", "clock", "--forward", "P8D"]);
    }

    fn count(&self, what: &str) -> usize {
        let output = Command::new("psql")
            .args([
                &self.url(),
                "-qAtc",
                &format!("SET sportello.scope_kind = 'system'; {what}"),
            ])
            .output()
            .expect("psql runs");
        let text = String::from_utf8(output.stdout).expect("text");
        text.trim().parse().expect("a number")
    }

    fn closed(&self) -> usize {
        self.count("SELECT count(*) FROM ticket_events WHERE kind = 'request.closed'")
    }

    fn wait_for_some_closed(&self) {
        self.wait_for("SELECT count(*) FROM ticket_events WHERE kind = 'request.closed'");
    }

    /// Polled, bounded.
    fn wait_for(&self, some: &str) {
        for _ in 0..6000 {
            if self.count(some) > 0 {
                return;
            }
        }
        panic!("none came: {some}");
    }

    fn all_are_closed_once(&self) {
        for _ in 0..6000 {
            let due = self.count("SELECT count(*) FROM due_work WHERE kind = 'ticket-timer'");
            let waiting = self.count("SELECT count(*) FROM outbox WHERE state = 'pending'");
            if (due, waiting) == (0, 0) {
                break;
            }
        }
        assert_eq!(self.closed(), REQUESTS, "each once");
        let tickets = "SELECT count(*) FROM tickets WHERE state = 'auto-closed'";
        assert_eq!(self.count(tickets), REQUESTS, "and all of them");
        let parked = "SELECT count(*) FROM due_work WHERE parked_at IS NOT NULL";
        assert_eq!(self.count(parked), 0);
        // One pointer for each answer. A message that is sent again keeps its id, and so its file.
        let sent = "SELECT count(*) FROM outbox WHERE state = 'sent'";
        assert_eq!(self.count(sent), REQUESTS);
        let files = std::fs::read_dir(self.mail()).expect("a folder");
        assert_eq!(files.count(), REQUESTS);
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        psql(
            &self.admin,
            &format!("DROP DATABASE {} WITH (FORCE)", self.database),
        );
    }
}

/// Polled, bounded.
async fn until(node: &Node, path: &str, status: u16) {
    let http = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    for _ in 0..6000 {
        let answer = http.get(format!("{}{path}", node.base)).send().await;
        if answer.is_ok_and(|answer| answer.status() == status) {
            return;
        }
    }
    panic!("{path} never answered {status}");
}

async fn post(
    node: &Node,
    path: &str,
    token: Option<&str>,
    headers: &[(&str, &str)],
    body: &Value,
) -> Value {
    let http = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let mut request = http
        .post(format!("{}{path}", node.base))
        .header("content-type", "application/json")
        .body(body.to_string());
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.expect("an answer");
    let status = answer.status();
    let text = answer.text().await.expect("a body");
    assert!(status.is_success(), "{status} {path}: {text}");
    serde_json::from_str(&text).expect("JSON")
}

fn kill(child: &Child, signal: &str) {
    let done = Command::new("kill")
        .args([&format!("-{signal}"), &child.id().to_string()])
        .status()
        .expect("kill runs");
    assert!(done.success());
}
