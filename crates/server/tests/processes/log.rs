//! No secret reaches the log (D-13), not even at its most talkative.
use std::fs::File;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::town::{Town, program};

const WRONG: &str = "una frase segreta e sbagliata";
const CHOSEN: &str = "tre rane blu e un treno";

fn told(town: &Town, arguments: &[&str]) -> Value {
    serde_json::from_str(&town.says(arguments)).expect("JSON")
}

/// What a caller sends and hears, and every secret in it.
struct Caller {
    http: reqwest::Client,
    base: String,
    secrets: Vec<String>,
}

impl Caller {
    async fn send(&self, request: reqwest::RequestBuilder, status: u16) -> (Value, String) {
        let answer = request.send().await.expect("an answer");
        let etag = answer.headers().get("etag").cloned();
        let seen = answer.status().as_u16();
        let body = answer.text().await.expect("a body");
        assert_eq!(seen, status, "{body}");
        let etag = etag.and_then(|tag| tag.to_str().map(str::to_owned).ok());
        let body = serde_json::from_str(&body).unwrap_or(Value::Null);
        (body, etag.unwrap_or_default())
    }

    fn post(&self, target: &str, body: &Value) -> reqwest::RequestBuilder {
        let request = self.http.post(format!("{}{target}", self.base));
        request
            .header("content-type", "application/json")
            .body(body.to_string())
    }

    async fn log_in(&mut self, username: &str, password: &str) -> String {
        let body = json!({"username": username, "password": password});
        let (session, _) = self.send(self.post("/v1/sessions", &body), 201).await;
        for name in ["access_token", "refresh_token"] {
            self.secrets
                .push(session[name].as_str().expect("a token").to_owned());
        }
        self.secrets.push(password.to_owned());
        session["access_token"]
            .as_str()
            .expect("a token")
            .to_owned()
    }
}

/// The line of a mail that is a security code, once a whole mail is there.
fn security_code(mails: &Path) -> Option<String> {
    let is_code = |line: &&str| {
        line.len() == 12
            && line
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    };
    let mails = std::fs::read_dir(mails).ok()?;
    mails
        .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path()).ok())
        .find_map(|mail| mail.lines().find(is_code).map(str::to_owned))
}

#[tokio::test]
async fn no_password_code_or_token_reaches_the_log() {
    let town = Town::on_sqlite();
    let log = town.folder.path().join("log");
    let file = File::create(&log).expect("a file for the log");
    let mut command = town.program(&[]);
    command
        .env("SPORTELLO__LOG__FILTER", "trace")
        .stdout(file.try_clone().expect("the same file"))
        .stderr(file);
    let (mut server, base) = program::listening(command, &town.folder.path().join("port")).await;
    let http = reqwest::Client::new();
    let secrets = vec![WRONG.to_owned(), CHOSEN.to_owned()];
    let mut caller = Caller {
        http,
        base,
        secrets,
    };

    let demo = told(&town, &["demo", "accounts", "--json"]);
    let admin = demo.as_array().expect("accounts").iter().find(|account| {
        account["placements"][0]["role"] == "admin"
            && account["placements"][0]["authority"]["code"] == "010204"
    });
    let admin = admin.expect("an administrator");
    let name = admin["username"].as_str().expect("a name");
    let wrong = json!({"username": name, "password": WRONG});
    caller.send(caller.post("/v1/sessions", &wrong), 401).await;
    let password = admin["password"].as_str().expect("a password");
    let token = caller.log_in(name, password).await;

    let newcomer = json!({
        "username": "nuova.persona", "given_name": "Nuova", "family_name": "Persona",
        "tax_code": "VRDNNA60A02L219W", "email": "nuova.persona@example.org",
        "placements": [{"role": "operator", "authority_code": "010204", "location_code": "1"}],
    });
    let request = caller.post("/v1/accounts", &newcomer).bearer_auth(&token);
    let (account, mut etag) = caller.send(request, 201).await;
    let id = account["id"].as_str().expect("an id");
    let mut codes = Value::Null;
    for body in [
        json!({"step": "identify", "attested": "in-person", "document_kind": "passport"}),
        json!({"step": "issue"}),
    ] {
        let request = caller.post(&format!("/v1/accounts/{id}/steps"), &body);
        let request = request.bearer_auth(&token).header("if-match", &etag);
        (codes, etag) = caller.send(request, 201).await;
    }
    let identification = codes["codes"]["identification_code"]
        .as_str()
        .expect("a code");
    // Mail leaves a moment later: polled, bounded.
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    let mut security = None;
    for _ in 0..3000 {
        security = security_code(&town.data("mail"));
        if security.is_some() {
            break;
        }
        ticks.tick().await;
    }
    let security = security.expect("a mail with a code");
    let mut showing = json!({
        "identification_code": identification, "security_code": "AAAAAAAAAAAA", "password": CHOSEN,
    });
    caller
        .send(caller.post("/v1/activations", &showing), 422)
        .await;
    showing["security_code"] = security.clone().into();
    caller
        .send(caller.post("/v1/activations", &showing), 201)
        .await;
    caller.secrets.extend([identification.to_owned(), security]);
    caller.log_in("nuova.persona", CHOSEN).await;

    let client = told(&town, &["demo", "client", "--scopes", "requests:create"]);
    let (id, secret) = (&client["client_id"], &client["client_secret"]);
    let secret = secret.as_str().expect("a secret");
    let request = caller.http.post(format!("{}/v1/oauth/token", caller.base));
    let request = request
        .basic_auth(id.as_str().expect("an id"), Some(secret))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("grant_type=client_credentials");
    let (granted, _) = caller.send(request, 200).await;
    let granted = granted["access_token"].as_str().expect("a token");
    caller
        .secrets
        .extend([secret.to_owned(), granted.to_owned()]);

    server.kill().expect("it is stopped");
    server.wait().expect("it has stopped");
    let log = std::fs::read_to_string(log).expect("the log");
    assert!(log.contains("/v1/activations"), "the log says nothing");
    for secret in &caller.secrets {
        assert!(!log.contains(secret.as_str()), "{secret} is in the log");
    }
    assert!(
        !log.contains("VRDNNA60A02L219W"),
        "a tax code is in the log"
    );
}
