//! Assertions that a program signed with its own key (RFC 7523).

use api::tokens::OWN_AUDIENCE;
use domain::ids::ClientId;
use jiff::SignedDuration;
use serde_json::{Value, json};
use service::clients::{CredentialKind, NewClient};
use tests::app::OWN_ISSUER;
use tests::forge::{Silence, TestKey, with};
use tests::programs::grant_by;
use tests::{Client, Reply, TestApp, both};

use super::{is_refused, with_proof};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A program that registered this key.
fn program(app: &TestApp, key: &TestKey) -> ClientId {
    let id = app.desk.add_client(app.new_program(&["requests:create"]));
    let id = id.expect("a program");
    register(app, id, key);
    id
}

fn register(app: &TestApp, id: ClientId, key: &TestKey) {
    let jwk = key.key.public_jwk().to_string();
    let added = app.desk.add_client_credential(id, CredentialKind::Key, jwk);
    added.expect("the key is registered");
}

/// What a program says of itself, under another `jti` each time.
fn claims(app: &TestApp, id: ClientId) -> Value {
    let (id, now) = (id.to_string(), app.now().as_second());
    json!({
        "iss": id, "sub": id, "aud": format!("{OWN_ISSUER}/v1/oauth/token"),
        "iat": now, "exp": now + 120, "jti": app.desk.ids().uuid(),
    })
}

async fn show(client: &Client, assertion: &str) -> Reply {
    let fields = [
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", assertion),
    ];
    grant_by(client, &fields).await
}

both!(an_assertion_is_as_good_as_a_secret, async |app| {
    let key = TestKey::new();
    let id = program(app, &key);
    let good = claims(app, id);
    for claims in [
        good.clone(),
        with(claims(app, id), "aud", json!(OWN_ISSUER)),
        with(claims(app, id), "aud", json!([OWN_ISSUER])),
    ] {
        let reply = show(&app.anonymous(), &key.sign(&key.header(), &claims)).await;
        assert_eq!(reply.is(200).text_at("/scope"), "requests:create");
        let token = app.with_token(reply.text_at("/access_token"));
        let form = with_proof(app).await;
        token.post("/v1/tickets", &form).await.is(201);
    }
});

both!(an_assertion_is_good_once, async |app| {
    let key = TestKey::new();
    let id = program(app, &key);
    let assertion = key.sign(&key.header(), &claims(app, id));
    show(&app.anonymous(), &assertion).await.is(200);
    let node = app.another_node();
    for client in [app.anonymous(), node.anonymous()] {
        is_refused(&show(&client, &assertion).await, 401, "invalid_client");
    }
    // Until it is over by itself, whatever the timers forget meanwhile.
    app.advance("PT179S");
    app.run_jobs();
    let reply = show(&app.anonymous(), &assertion).await;
    is_refused(&reply, 401, "invalid_client");
    // Another program's of the same `jti` is another.
    let other_key = TestKey::new();
    let other = program(app, &other_key);
    for (id, key) in [(id, &key), (other, &other_key)] {
        let named = with(claims(app, id), "jti", json!("number one"));
        let assertion = key.sign(&key.header(), &named);
        show(&app.anonymous(), &assertion).await.is(200);
        show(&app.anonymous(), &assertion).await.is(401);
    }
});

both!(of_twenty_shows_at_once_one_counts, async |app| {
    let key = TestKey::new();
    let id = program(app, &key);
    let assertion = key.sign(&key.header(), &claims(app, id));
    let client = app.anonymous();
    let shows = (0..20).map(|_| show(&client, &assertion));
    let replies = futures_util::future::join_all(shows).await;
    let good = replies.iter().filter(|reply| reply.status == 200).count();
    let refused = replies.iter().filter(|reply| reply.status == 401).count();
    assert_eq!((good, refused), (1, 19));
});

both!(an_assertion_that_is_not_good_is_refused, async |app| {
    let key = TestKey::new();
    let id = program(app, &key);
    let other = program(app, &TestKey::new());
    let silence = Silence::new();
    let now = app.now().as_second();
    let good = || claims(app, id);
    let wrong_claims = [
        ("iss", json!(other.to_string())),
        ("iss", json!("portale")),
        ("iss", json!(null)),
        ("sub", json!(other.to_string())),
        ("sub", json!(null)),
        ("aud", json!("https://another.example.org/v1/oauth/token")),
        ("aud", json!(OWN_AUDIENCE)),
        ("aud", json!(["https://another.example.org", OWN_ISSUER])),
        ("aud", json!(null)),
        ("exp", json!(now - 61)),
        ("exp", json!(now + 361)),
        ("exp", json!(now + 3600)),
        ("exp", json!("2026-03-02T10:00:00Z")),
        ("exp", json!((now + 120).to_string())),
        ("exp", json!(null)),
        ("iat", json!(now + 300)),
        ("nbf", json!(now + 300)),
        ("jti", json!(null)),
        ("jti", json!("")),
        ("jti", json!("j".repeat(5000))),
    ];
    let mut forged: Vec<(String, String)> = wrong_claims
        .into_iter()
        .map(|(name, value)| {
            let what = format!("{name} {value}").chars().take(80).collect();
            let claims = with(good(), name, value);
            (what, key.sign(&key.header(), &claims))
        })
        .collect();
    let stranger = TestKey::new();
    for (name, value) in [
        ("alg", json!("none")),
        ("alg", json!("HS256")),
        ("kid", json!("../../etc/passwd")),
        ("typ", json!("logout+jwt")),
        ("jwk", stranger.key.public_jwk()),
        ("jku", json!(format!("{}/jwks", silence.url()))),
        ("x5u", json!(format!("{}/chain", silence.url()))),
        ("crit", json!(["exp"])),
    ] {
        let header = with(key.header(), name, value.clone());
        forged.push((format!("{name} {value}"), key.sign(&header, &good())));
        forged.push((
            format!("{name} {value}, a stranger's"),
            stranger.sign(&header, &good()),
        ));
    }
    forged.push((
        "a stranger's key under the known name".to_owned(),
        stranger.sign(&key.header(), &good()),
    ));
    forged.push((
        "a stranger's key".to_owned(),
        stranger.sign(&stranger.header(), &good()),
    ));
    forged.push(("nothing".to_owned(), String::new()));
    forged.push(("text".to_owned(), "a.b.c".to_owned()));
    for (what, assertion) in &forged {
        let reply = show(&app.anonymous(), assertion).await;
        assert_eq!(reply.status, 401, "{what}: {reply}");
        is_refused(&reply, 401, "invalid_client");
    }
    assert!(silence.was_kept());
    // Nothing was used up by the attempts.
    assert_eq!(app.count("used_tokens"), 0);
    let named = with(good(), "client_id", json!(id.to_string()));
    let reply = show(&app.anonymous(), &key.sign(&key.header(), &named)).await;
    reply.is(200);
});

both!(a_programs_key_is_changed_without_a_gap, async |app| {
    let (old, new) = (TestKey::new(), TestKey::new());
    let id = program(app, &old);
    let shown = async |key: &TestKey| {
        let assertion = key.sign(&key.header(), &claims(app, id));
        show(&app.anonymous(), &assertion).await.status
    };
    assert_eq!((shown(&old).await, shown(&new).await), (200, 401));
    app.advance("PT1S");
    register(app, id, &new);
    assert_eq!((shown(&old).await, shown(&new).await), (200, 200));
    let ended = app.desk.end_older_credentials(id, CredentialKind::Key);
    assert_eq!(ended.expect("the older ended"), 1);
    assert_eq!((shown(&old).await, shown(&new).await), (401, 200));
    app.desk.revoke_client(id).expect("it is revoked");
    assert_eq!(shown(&new).await, 401);
});

both!(
    an_assertion_of_a_program_that_ended_is_refused,
    async |app| {
        let key = TestKey::new();
        let short = NewClient {
            life: SignedDuration::from_mins(10),
            ..app.new_program(&["requests:create"])
        };
        let id = app.desk.add_client(short).expect("a program");
        register(app, id, &key);
        let assertion = key.sign(&key.header(), &claims(app, id));
        show(&app.anonymous(), &assertion).await.is(200);
        app.advance("PT11M");
        let assertion = key.sign(&key.header(), &claims(app, id));
        let reply = show(&app.anonymous(), &assertion).await;
        is_refused(&reply, 401, "invalid_client");
    }
);
