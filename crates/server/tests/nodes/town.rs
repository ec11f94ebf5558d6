//! A database and the nodes that share it.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::program;
use crate::psql::psql;

/// Requests that come due at once: enough for several claims of both nodes.
pub(crate) const REQUESTS: usize = 240;
/// How long due work is one node's alone.
const LEASE: &str = "PT2S";

/// A database, a folder, and the nodes that share them.
pub(crate) struct Town {
    folder: tempfile::TempDir,
    pub(crate) admin: String,
    pub(crate) database: String,
    settings: Vec<(&'static str, String)>,
}

/// A running node; ended when it is dropped.
pub(crate) struct Node {
    pub(crate) child: Child,
    pub(crate) base: String,
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
    pub(crate) async fn found(what: &str) -> Option<Town> {
        Town::found_with(what, Vec::new()).await
    }

    /// One whose nodes are told these settings, too.
    pub(crate) async fn found_with(
        what: &str,
        settings: Vec<(&'static str, String)>,
    ) -> Option<Town> {
        let admin = std::env::var("TEST_DATABASE_URL").ok()?;
        let database = format!("sportello_{what}_{}", std::process::id());
        psql(&admin, &format!("CREATE DATABASE {database}"));
        Some(Town {
            folder: tempfile::tempdir().expect("a folder"),
            admin,
            database,
            settings,
        })
    }

    pub(crate) fn url(&self) -> String {
        let (server, _) = self
            .admin
            .rsplit_once('/')
            .expect("a database in TEST_DATABASE_URL");
        format!("{server}/{}", self.database)
    }

    fn mail(&self) -> PathBuf {
        self.folder.path().join("data/mail")
    }

    pub(crate) fn program(&self) -> Command {
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
            .envs(self.settings.iter().cloned())
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn told(&self, arguments: &[&str]) -> String {
        let output = self.program().args(arguments).output().expect("it runs");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {error}");
        String::from_utf8(output.stdout).expect("text")
    }

    pub(crate) async fn start(&self, name: &str) -> Node {
        let port_file = self.folder.path().join(format!("port-{name}"));
        let mut command = self.program();
        command.stdout(Stdio::null()).stderr(Stdio::inherit());
        let (child, base) = program::listening(command, &port_file).await;
        Node { child, base }
    }

    /// What an operator logs in with.
    pub(crate) fn operator(&self) -> Value {
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
        json!({"username": operator["username"], "password": operator["password"]})
    }

    /// An operator's token.
    pub(crate) async fn log_in(&self, node: &Node) -> String {
        let credentials = self.operator();
        let session = post(node, "/v1/sessions", None, &[], &credentials).await;
        session["access_token"]
            .as_str()
            .expect("a token")
            .to_owned()
    }

    /// Files requests and resolves each of them.
    pub(crate) async fn resolve_many(&self, node: &Node) {
        let operator = self.log_in(node).await;
        for id in self.file_many(node).await {
            self.resolve(node, &operator, &id).await;
        }
    }

    /// Files requests; the answer is their ids.
    pub(crate) async fn file_many(&self, node: &Node) -> Vec<String> {
        let citizen = self.citizen();
        let mut ids = Vec::new();
        for n in 0..REQUESTS {
            let filed = post(node, "/v1/tickets", Some(&citizen), &[], &form(n)).await;
            ids.push(filed["id"].as_str().expect("an id").to_owned());
        }
        ids
    }

    /// A citizen's token.
    pub(crate) fn citizen(&self) -> String {
        let token = self.told(&[
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
        token.trim().to_owned()
    }

    /// Resolves a request that nobody has touched.
    pub(crate) async fn resolve(&self, node: &Node, operator: &str, id: &str) {
        let note = json!({"body": "Fatto.", "published": true});
        let resolve = json!({
            "action": "resolve", "resolution_code": "information-given", "note": note,
        });
        let path = format!("/v1/tickets/{id}/actions");
        let seen = [("if-match", "\"1\"")];
        post(node, &path, Some(operator), &seen, &resolve).await;
    }

    /// Moves everybody's clock past the reply window.
    pub(crate) fn forward(&self) {
        self.told(&["demo", "clock", "--forward", "P8D"]);
    }

    pub(crate) fn count(&self, what: &str) -> usize {
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

    pub(crate) fn closed(&self) -> usize {
        self.count("SELECT count(*) FROM ticket_events WHERE kind = 'request.closed'")
    }

    pub(crate) fn wait_for_some_closed(&self) {
        self.wait_for("SELECT count(*) FROM ticket_events WHERE kind = 'request.closed'");
    }

    /// Polled, bounded.
    pub(crate) fn wait_for(&self, some: &str) {
        for _ in 0..6000 {
            if self.count(some) > 0 {
                return;
            }
        }
        panic!("none came: {some}");
    }

    pub(crate) fn all_are_closed_once(&self) {
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
pub(crate) async fn until(node: &Node, path: &str, status: u16) {
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

/// What a citizen files.
pub(crate) fn form(n: usize) -> Value {
    json!({
        "service_code": "FSE", "problem_type": "errore-tecnico",
        "authority_code": "010204", "description": format!("richiesta {n}"),
        "privacy_ack": true,
    })
}

pub(crate) async fn post(
    node: &Node,
    path: &str,
    token: Option<&str>,
    headers: &[(&str, &str)],
    body: &Value,
) -> Value {
    let (status, answer) = ask(node, Method::POST, path, token, headers, Some(body)).await;
    assert!(status.is_success(), "{status} {path}: {answer}");
    answer
}

/// The answer, which must be a good one.
pub(crate) async fn get(node: &Node, path: &str, token: &str) -> Value {
    let (status, answer) = ask(node, Method::GET, path, Some(token), &[], None).await;
    assert!(status.is_success(), "{status} {path}: {answer}");
    answer
}

/// Whatever the answer is; without a body it is null.
pub(crate) async fn ask(
    node: &Node,
    method: Method,
    path: &str,
    token: Option<&str>,
    headers: &[(&str, &str)],
    body: Option<&Value>,
) -> (StatusCode, Value) {
    let http = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let mut request = http.request(method, format!("{}{path}", node.base));
    if let Some(body) = body {
        request = request
            .header("content-type", "application/json")
            .body(body.to_string());
    }
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.expect("an answer");
    let status = answer.status();
    let text = answer.text().await.expect("a body");
    (status, serde_json::from_str(&text).unwrap_or_default())
}

pub(crate) fn kill(child: &Child, signal: &str) {
    let done = Command::new("kill")
        .args([&format!("-{signal}"), &child.id().to_string()])
        .status()
        .expect("kill runs");
    assert!(done.success());
}
