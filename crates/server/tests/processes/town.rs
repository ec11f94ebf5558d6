//! An installation of its own on either database, a demonstration whose clock the test moves, and the
//! processes that work on it.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};
use storage::{Db, DbConfig};
use tempfile::TempDir;

use crate::program;
use crate::psql::psql;

/// The health authority whose operator works.
pub(crate) const TO4: &str = "010204";

/// An installation.
pub(crate) struct Town {
    folder: TempDir,
    url: String,
    /// On PostgreSQL, who may drop the database, and its name.
    database: Option<(String, String)>,
    settings: Vec<(&'static str, String)>,
}

/// A server; killed when it is dropped, as by a power cut.
pub(crate) struct Node {
    child: Child,
    base: String,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Town {
    /// One on SQLite.
    pub(crate) fn on_sqlite() -> Town {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("data/sportello.db");
        Town {
            url: format!("sqlite://{}", file.display()),
            folder,
            database: None,
            settings: Vec::new(),
        }
    }

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
            database: Some((admin, name)),
            settings: Vec::new(),
        })
    }

    /// Sets a variable for every process from now on.
    pub(crate) fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.settings.retain(|(known, _)| *known != name);
        self.settings.push((name, value.into()));
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Lets another role of PostgreSQL work on the database from now on.
    pub(crate) fn serve_as(&mut self, role: &str) {
        let (_, place) = self.url.split_once('@').expect("a role in the URL");
        self.url = format!("postgres://{role}@{place}");
    }

    pub(crate) fn data(&self, file: &str) -> PathBuf {
        self.folder.path().join("data").join(file)
    }

    /// The database, opened by the test itself.
    pub(crate) fn db(&self) -> Db {
        Db::open(&DbConfig::new(&self.url)).expect("the database")
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
            .env("SPORTELLO__LOG__FILTER", "off")
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .args(arguments)
            .stdin(Stdio::null());
        command
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

    /// What a command complains of that fails.
    #[track_caller]
    pub(crate) fn refuses(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert!(!output.status.success(), "{arguments:?} succeeded");
        String::from_utf8(output.stderr).expect("text")
    }

    /// What a command says that ends with 1.
    #[track_caller]
    pub(crate) fn finds(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// Keeps a copy of the database as it is, while nobody works on it.
    pub(crate) fn keep_copy(&self) {
        let Some((admin, name)) = &self.database else {
            let log = std::fs::metadata(self.data("sportello.db-wal"));
            assert!(log.map_or(true, |log| log.len() == 0), "it was closed");
            let copied = std::fs::copy(self.data("sportello.db"), self.data("copy.db"));
            copied.expect("a copy");
            return;
        };
        psql(
            admin,
            &format!("CREATE DATABASE {name}_copy TEMPLATE {name}"),
        );
    }

    /// Puts the copy in the place of the database.
    pub(crate) fn put_copy_back(&self) {
        let Some((admin, name)) = &self.database else {
            for beside in ["sportello.db-wal", "sportello.db-shm"] {
                let _ = std::fs::remove_file(self.data(beside));
            }
            let moved = std::fs::rename(self.data("copy.db"), self.data("sportello.db"));
            return moved.expect("the copy is there");
        };
        psql(admin, &format!("DROP DATABASE {name} WITH (FORCE)"));
        psql(
            admin,
            &format!("ALTER DATABASE {name}_copy RENAME TO {name}"),
        );
    }

    fn output(&self, arguments: &[&str]) -> Output {
        self.program(arguments).output().expect("it runs")
    }

    /// Starts a server.
    pub(crate) async fn start(&self) -> Node {
        let mut command = self.program(&[]);
        command.stdout(Stdio::null()).stderr(Stdio::inherit());
        let (child, base) = program::listening(command, &self.folder.path().join("port")).await;
        Node { child, base }
    }

    /// A citizen's token.
    pub(crate) fn citizen(&self) -> String {
        let mut arguments = vec!["demo", "citizen-token"];
        arguments.extend(["--tax-code", "RSSMRA80A01H501U"]);
        arguments.extend(["--given-name", "Mario", "--family-name", "Rossi"]);
        arguments.extend(["--email", "mario.rossi@example.org"]);
        self.says(&arguments).trim().to_owned()
    }

    /// A token of an operator of [`TO4`].
    pub(crate) async fn operator(&self, node: &Node) -> String {
        let accounts = self.says(&["demo", "accounts", "--json"]);
        let accounts: Value = serde_json::from_str(&accounts).expect("JSON");
        let is_operator = |one: &&Value| {
            let placements = one["placements"].as_array().expect("a list");
            placements.len() == 1
                && placements[0]["role"] == "operator"
                && placements[0]["authority"]["code"] == TO4
        };
        let found = accounts
            .as_array()
            .expect("a list")
            .iter()
            .find(is_operator);
        let operator = found.expect("an operator");
        let credentials = json!({
            "username": operator["username"], "password": operator["password"],
        });
        let session = node.post("/v1/sessions", None, None, &credentials).await;
        session["access_token"]
            .as_str()
            .expect("a token")
            .to_owned()
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        if let Some((admin, name)) = &self.database {
            psql(admin, &format!("DROP DATABASE {name} WITH (FORCE)"));
        }
    }
}

impl Node {
    /// What a request is answered with that succeeds.
    pub(crate) async fn post(
        &self,
        path: &str,
        token: Option<&str>,
        seen: Option<&str>,
        body: &Value,
    ) -> Value {
        let mut request = http()
            .post(format!("{}{path}", self.base))
            .header("content-type", "application/json")
            .body(body.to_string());
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(seen) = seen {
            request = request.header("if-match", seen);
        }
        answered(path, request).await
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Value {
        let request = http().get(format!("{}{path}", self.base));
        answered(path, request.bearer_auth(token)).await
    }
}

fn http() -> reqwest::Client {
    let client = reqwest::Client::builder().no_proxy().build();
    client.expect("a client")
}

async fn answered(path: &str, request: reqwest::RequestBuilder) -> Value {
    let answer = request.send().await.expect("an answer");
    let status = answer.status();
    let text = answer.text().await.expect("a body");
    assert!(status.is_success(), "{status} {path}: {text}");
    serde_json::from_str(&text).expect("JSON")
}
