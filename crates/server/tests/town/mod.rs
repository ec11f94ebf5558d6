//! An installation of its own on either database, a demonstration whose clock the test moves, and the
//! servers and commands that work on it.

pub(crate) mod program;
pub(crate) mod psql;

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use self::psql::{drop_database, psql};

/// The health authority whose operator works.
pub(crate) const TO4: &str = "010204";

/// An installation.
pub(crate) struct Town {
    pub(crate) folder: TempDir,
    pub(crate) url: String,
    /// Its database on PostgreSQL.
    pub(crate) database: Option<Database>,
    pub(crate) settings: Vec<(&'static str, String)>,
}

/// A database on PostgreSQL; dropped with the town.
pub(crate) struct Database {
    /// Where statements about it run.
    pub(crate) admin: String,
    pub(crate) name: String,
}

impl Drop for Database {
    fn drop(&mut self) {
        drop_database(&self.admin, &self.name);
    }
}

/// A server; killed when it is dropped, as by a power cut.
pub(crate) struct Node {
    pub(crate) child: Child,
    base: String,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Town {
    /// One on PostgreSQL; none without a server to found it on.
    pub(crate) fn on_postgres(what: &str) -> Option<Town> {
        let admin = std::env::var("TEST_DATABASE_URL").ok()?;
        let name = format!("sportello_{what}_{}", std::process::id());
        psql(&admin, &format!("CREATE DATABASE {name}"));
        let (server, _) = admin
            .rsplit_once('/')
            .expect("a database in TEST_DATABASE_URL");
        Some(Town {
            folder: tempfile::tempdir().expect("a folder"),
            url: format!("{server}/{name}"),
            database: Some(Database { admin, name }),
            settings: Vec::new(),
        })
    }

    /// Sets a variable for every process from now on.
    pub(crate) fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.settings.retain(|(known, _)| *known != name);
        self.settings.push((name, value.into()));
    }

    /// A file or a folder among its data.
    pub(crate) fn data(&self, file: &str) -> PathBuf {
        self.folder.path().join("data").join(file)
    }

    pub(crate) fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sportello"));
        command
            .current_dir(self.folder.path())
            .env("SPORTELLO__DATA__FOLDER", self.data(""))
            .env("SPORTELLO__DATABASE__URL", &self.url)
            .env("SPORTELLO__HTTP__BIND", "127.0.0.1:0")
            .env("SPORTELLO__HTTP__REQUESTS_PER_MINUTE", "1000000")
            .env("SPORTELLO__HTTP__REQUESTS_PER_MINUTE_CITIZEN", "1000000")
            .env("SPORTELLO__QUOTA__FILINGS_PER_DAY", "10000")
            // Whatever port they listen on, servers are one to the world, and tokens hold at each.
            .env("SPORTELLO__MAIL__BASE_URL", "https://sportello.example.org")
            .env("SPORTELLO__LOG__FILTER", "off")
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn output(&self, arguments: &[&str]) -> Output {
        self.program(arguments).output().expect("it runs")
    }

    /// What a command says that succeeds.
    #[track_caller]
    pub(crate) fn says(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(output.status.success(), "{arguments:?}: {text}{error}");
        text
    }

    /// Starts a server; several may run at once.
    pub(crate) async fn start(&self) -> Node {
        let mut command = self.program(&[]);
        command.stdout(Stdio::null()).stderr(Stdio::inherit());
        let (child, base) = program::listening(command, &self.folder.path().join("port")).await;
        Node { child, base }
    }

    /// Moves everybody's clock.
    pub(crate) fn forward(&self, by: &str) {
        self.says(&["demo", "clock", "--forward", by]);
    }

    /// A citizen's token.
    pub(crate) fn citizen(&self) -> String {
        let mut arguments = vec!["demo", "citizen-token"];
        arguments.extend(["--tax-code", "RSSMRA80A01H501U"]);
        arguments.extend(["--given-name", "Mario", "--family-name", "Rossi"]);
        arguments.extend(["--email", "mario.rossi@example.org"]);
        self.says(&arguments).trim().to_owned()
    }

    /// What an operator of [`TO4`] logs in with.
    pub(crate) fn credentials(&self) -> Value {
        let accounts = self.says(&["demo", "accounts", "--json"]);
        let accounts: Vec<Value> = serde_json::from_str(&accounts).expect("JSON");
        let is_operator = |one: &&Value| {
            let placements = one["placements"].as_array().expect("a list");
            placements.len() == 1
                && placements[0]["role"] == "operator"
                && placements[0]["authority"]["code"] == TO4
        };
        let operator = accounts.iter().find(is_operator).expect("an operator");
        json!({"username": operator["username"], "password": operator["password"]})
    }

    /// An operator's token.
    pub(crate) async fn operator(&self, node: &Node) -> String {
        let session = good(node.send("/v1/sessions", &self.credentials())).await;
        text(&session["access_token"])
    }
}

impl Node {
    /// A request that is yet to be sent.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let http = reqwest::Client::builder().no_proxy().build();
        let http = http.expect("a client");
        http.request(method, format!("{}{path}", self.base))
    }

    /// A request that is yet to be sent, with a body.
    pub(crate) fn send(&self, path: &str, body: &Value) -> RequestBuilder {
        self.request(Method::POST, path)
            .header("content-type", "application/json")
            .body(body.to_string())
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Value {
        good(self.request(Method::GET, path).bearer_auth(token)).await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: &Value) -> Value {
        good(self.send(path, body).bearer_auth(token)).await
    }

    /// Files a request; the answer is its id.
    pub(crate) async fn file(&self, citizen: &str, form: &Value) -> String {
        text(&self.post("/v1/tickets", citizen, form).await["id"])
    }

    /// Resolves a request that nobody has touched.
    pub(crate) async fn resolve(&self, operator: &str, id: &str) {
        let resolve = json!({
            "action": "resolve", "resolution_code": "information-given",
            "note": {"body": "Fatto.", "published": true},
        });
        let request = self.send(&format!("/v1/tickets/{id}/actions"), &resolve);
        let seen = request.bearer_auth(operator).header("if-match", "\"1\"");
        good(seen).await;
    }
}

/// What a citizen files.
pub(crate) fn form(description: &str) -> Value {
    json!({
        "service_code": "FSE", "problem_type": "errore-tecnico", "authority_code": TO4,
        "description": description, "privacy_ack": true,
    })
}

/// Whatever the answer is; without a body it is null.
pub(crate) async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let answer = request.send().await.expect("an answer");
    let status = answer.status();
    let text = answer.text().await.expect("a body");
    (status, serde_json::from_str(&text).unwrap_or_default())
}

/// The answer, which must be a good one.
pub(crate) async fn good(request: RequestBuilder) -> Value {
    let asked = format!("{request:?}");
    let (status, answer) = answer(request).await;
    assert!(status.is_success(), "{asked}: {status} {answer}");
    answer
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
