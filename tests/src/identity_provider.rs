//! A real identity provider, in a process of its own, and how a test directs it.
//!
//! What it does is written in `bin/identity_provider.rs`.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use api::oidc::{CitizenIssuer, HttpOptions, Issuer, JwksSource, LEVEL_2_OR_MORE, TokenAlgorithm};
use api::tokens::OWN_AUDIENCE;
use serde_json::{Value, json};

/// How long an instance of these tests waits for a provider.
const PATIENCE: Duration = Duration::from_millis(400);

/// Fetching that gives up soon and takes little, so that a bad provider is found out at once.
pub fn impatient() -> HttpOptions {
    HttpOptions {
        connect_timeout: PATIENCE,
        total_timeout: PATIENCE,
        max_body_bytes: 64 * 1024,
        proxy: None,
    }
}

/// A running provider; gone when it is dropped.
pub struct IdentityProvider {
    child: Child,
    name: String,
    http: reqwest::Client,
}

impl IdentityProvider {
    /// Starts the program; in a test it is `env!("CARGO_BIN_EXE_identity-provider")`.
    pub fn start(exe: &str) -> Self {
        let mut child = Command::new(exe)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the provider starts");
        let stdout = child.stdout.take().expect("its output");
        let mut address = String::new();
        BufReader::new(stdout)
            .read_line(&mut address)
            .expect("its address");
        IdentityProvider {
            child,
            name: format!("http://{}", address.trim()),
            http: reqwest::Client::builder()
                .no_proxy()
                .build()
                .expect("an HTTP client"),
        }
    }

    /// Its `iss`, which is its address.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How its keys are found, and what its tokens are for.
    pub fn issuer(&self) -> Issuer {
        Issuer {
            name: self.name.clone(),
            audience: OWN_AUDIENCE.to_owned(),
            algorithms: vec![TokenAlgorithm::Es256],
            require_not_before: true,
            jwks: JwksSource::Discovery,
        }
    }

    /// How an instance trusts it for citizens.
    pub fn for_citizens(&self) -> CitizenIssuer {
        CitizenIssuer {
            issuer: self.issuer(),
            accepted_levels: LEVEL_2_OR_MORE.map(str::to_owned).to_vec(),
        }
    }

    /// A signed token with these claims; `null` leaves one out. Give `iat`: its clock is not the
    /// test's.
    pub async fn token(&self, claims: &Value) -> String {
        self.signed("/token", claims).await
    }

    /// The same, as an access token.
    pub async fn voucher(&self, claims: &Value) -> String {
        self.signed("/voucher", claims).await
    }

    async fn signed(&self, path: &str, claims: &Value) -> String {
        let answer = self.post(path, claims).await;
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        let token = answer["id_token"].as_str();
        token.expect("a token").to_owned()
    }

    /// Signs with a new key from now on; the old ones stay in the key set if they are kept.
    pub async fn rotate(&self, keep: bool) {
        self.post("/rotate", &json!({ "keep": keep })).await;
    }

    /// Answers like this from now on: `ok`, `hang`, `huge`, `redirect` or `error`.
    pub async fn behave(&self, mode: &str) {
        self.post("/behave", &json!({ "mode": mode })).await;
    }

    /// What relying parties asked for so far.
    pub async fn log(&self) -> Vec<String> {
        let url = format!("{}/log", self.name);
        let reply = self.http.get(url).send().await.expect("an answer");
        let log: Value = reply.json().await.expect("JSON");
        let lines = log["requests"].as_array().expect("a list");
        let lines = lines.iter().filter_map(Value::as_str);
        lines.map(str::to_owned).collect()
    }

    async fn post(&self, path: &str, body: &Value) -> bytes::Bytes {
        let request = self.http.post(format!("{}{path}", self.name)).json(body);
        let reply = request.send().await.expect("an answer");
        assert!(reply.status().is_success(), "{path}: {}", reply.status());
        reply.bytes().await.expect("a body")
    }
}

impl Drop for IdentityProvider {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
