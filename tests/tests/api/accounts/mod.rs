//! Accounts of staff: their life, their codes, who keeps them, and what proves who somebody is.

mod administrator;
mod codes;
mod freshness;
mod life;
mod networks;
mod operators;
mod own_password;
mod pending;
mod policies;
mod second_factor;

use domain::tax_code::TaxCode;
use reqwest::Method;
use serde_json::{Value, json};
use tests::people::TO4;
use tests::{Client, Options, Reply, TestApp};

/// What new people choose for a password.
const PHRASE: &str = "tre rane blu e un treno";
/// What they choose next.
const OTHER_PHRASE: &str = "sette gatti gialli in barca";

/// What nobody chose.
const WRONG: &str = "un'altra frase, ma sbagliata";

/// TO4 obeys the rules of the health-card system; the others are modern.
fn sistema_ts() -> Options {
    let mut options = Options::default();
    let policies = &mut options.settings.sign_in.policies;
    let chosen = (TO4.into(), "sistema-ts".to_owned());
    policies.by_authority.extend([chosen]);
    options
}

/// Somebody who is to work here.
struct Newcomer {
    username: String,
    form: Value,
}

impl Newcomer {
    /// The person of this number; no two numbers share a name, a mailbox or a tax code.
    fn new(number: u32, role: &str, authority: &str) -> Self {
        let username = format!("nuova.persona{number}");
        let placement = json!({
            "role": role,
            "authority_code": authority,
            "location_code": format!("{authority}-02"),
        });
        let form = json!({
            "username": username,
            "given_name": "Nuova",
            "family_name": "Persona",
            "tax_code": tax_code(number),
            "email": format!("{username}@example.org"),
            "placements": [placement],
        });
        Newcomer { username, form }
    }

    /// The same person with another member.
    fn with(mut self, member: &str, value: Value) -> Self {
        self.form[member] = value;
        self
    }

    fn email(&self) -> &str {
        self.form["email"].as_str().expect("an address")
    }
}

/// An invented tax code with the right check character.
fn tax_code(number: u32) -> String {
    let start = format!("VRDNNA{:02}A{:02}L219", 60 + number / 28, 1 + number % 28);
    let mut codes = ('A'..='Z').map(|check| format!("{start}{check}"));
    codes
        .find(|code| TaxCode::parse(code, false).is_ok())
        .expect("a check character")
}

/// Both codes, each from its own channel.
struct Codes {
    identification: String,
    security: String,
}

async fn log_in(app: &TestApp, username: &str, password: &str) -> Reply {
    let credentials = json!({"username": username, "password": password});
    app.anonymous().post("/v1/sessions", &credentials).await
}

async fn refresh(app: &TestApp, session: &Reply) -> Reply {
    let body = json!({"refresh_token": session.text_at("/refresh_token")});
    app.anonymous().post("/v1/sessions/refresh", &body).await
}

/// Asks for an account, which must be granted. Answers its id.
async fn create(keeper: &Client, newcomer: &Newcomer) -> String {
    let reply = keeper.post("/v1/accounts", &newcomer.form).await;
    reply.is(201).text_at("/id").to_owned()
}

/// The account's screen, which must be in reach.
async fn screen(keeper: &Client, id: &str) -> Reply {
    let reply = keeper.get(&format!("/v1/accounts/{id}")).await;
    reply.is(200);
    reply
}

/// Takes a step with an account whose version is read first; out of reach, it is guessed.
async fn step(keeper: &Client, id: &str, body: &Value) -> Reply {
    let target = format!("/v1/accounts/{id}");
    let seen = keeper.get(&target).await;
    let etag = seen.header("etag").unwrap_or("\"1\"").to_owned();
    let request = keeper.request(Method::POST, &format!("{target}/steps"));
    request.if_match(&etag).json(body).send().await
}

/// A step with everything it may need.
fn body_of(step: &str) -> Value {
    match step {
        "identify" => {
            json!({"step": step, "attested": "in-person", "document_kind": "identity-card"})
        }
        "suspend" | "revoke" => json!({"step": step, "reason": "change-of-role"}),
        _ => json!({"step": step}),
    }
}

/// Changes the placements of an account whose version is read first.
async fn place(keeper: &Client, id: &str, placements: &Value) -> Reply {
    let target = format!("/v1/accounts/{id}");
    let etag = screen(keeper, id).await.etag().to_owned();
    let request = keeper.request(Method::PUT, &format!("{target}/placements"));
    let body = json!({"placements": placements});
    request.if_match(&etag).json(&body).send().await
}

/// The security code of the newest mail to this address.
async fn security_code(app: &TestApp, email: &str) -> String {
    let is_code = |line: &&str| {
        line.len() == 12
            && line
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    };
    let mails = app.mails_to(email).await;
    let newest = mails.last().expect("a mail");
    let code = newest.body.lines().find(is_code);
    code.expect("a line with a code").to_owned()
}

/// Makes codes for an account, and reads each where it goes.
async fn issue(app: &TestApp, keeper: &Client, id: &str, email: &str) -> Codes {
    let issued = step(keeper, id, &body_of("issue")).await;
    let identification = issued.is(201).text_at("/codes/identification_code");
    Codes {
        identification: identification.to_owned(),
        security: security_code(app, email).await,
    }
}

/// An account that waits for both its codes.
async fn issued(app: &TestApp, keeper: &Client, newcomer: &Newcomer) -> (String, Codes) {
    let id = create(keeper, newcomer).await;
    step(keeper, &id, &body_of("identify")).await.is(201);
    let codes = issue(app, keeper, &id, newcomer.email()).await;
    (id, codes)
}

async fn activate(app: &TestApp, codes: &Codes, password: &str) -> Reply {
    show(app, &codes.identification, &codes.security, password).await
}

async fn show(app: &TestApp, identification: &str, security: &str, password: &str) -> Reply {
    let body = json!({
        "identification_code": identification,
        "security_code": security,
        "password": password,
    });
    app.anonymous().post("/v1/activations", &body).await
}

/// An account whose person set [`PHRASE`]. Answers its id.
async fn activated(app: &TestApp, keeper: &Client, newcomer: &Newcomer) -> String {
    let (id, codes) = issued(app, keeper, newcomer).await;
    activate(app, &codes, PHRASE).await.is(201);
    id
}

/// The id of an account in reach.
async fn id_of(keeper: &Client, username: &str) -> String {
    let page = keeper.get("/v1/accounts?limit=100").await;
    let accounts = page.is(200).list_at("/items");
    let found = accounts.iter().find(|one| one["username"] == username);
    let id = found.and_then(|one| one["id"].as_str());
    id.expect("the account").to_owned()
}

/// What happened to an account, the oldest first.
async fn history(keeper: &Client, id: &str) -> Vec<Value> {
    let reply = screen(keeper, id).await;
    let mut events = reply.list_at("/history").to_vec();
    events.reverse();
    events
}

async fn event_names(keeper: &Client, id: &str) -> Vec<String> {
    let events = history(keeper, id).await;
    let name = |event: &Value| event["event"].as_str().expect("a name").to_owned();
    events.iter().map(name).collect()
}

/// An answer byte for byte, without what names the call.
fn words(reply: &Reply) -> String {
    reply.text().replace(reply.text_at("/correlation_id"), "")
}

/// Changes a password with the old one.
async fn change(app: &TestApp, username: &str, old: &str, new: &str) -> Reply {
    let body = json!({"username": username, "password": old, "new_password": new});
    app.anonymous().post("/v1/password-changes", &body).await
}
