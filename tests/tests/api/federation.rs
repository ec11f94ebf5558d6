//! Citizens of an identity provider that is found by discovery: a process of its own, good and
//! bad. No database matters here, so one is enough.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::citizens::MARIO;
use tests::identity_provider::impatient;
use tests::{IdentityProvider, Options, Place, Reply, TestApp, running};

const TARGET: &str = "/v1/me/tickets";
const DOCUMENT: &str = "GET /.well-known/openid-configuration";
const KEY_SET: &str = "GET /jwks";

/// An instance that trusts a provider of its own.
fn with_provider(test: impl AsyncFnOnce(&TestApp, &IdentityProvider)) {
    let provider = IdentityProvider::start(env!("CARGO_BIN_EXE_identity-provider"));
    let options = Options {
        citizen_issuers: vec![provider.for_citizens()],
        issuer_http: impatient(),
        ..Options::default()
    };
    running::run(Place::Sqlite, options, async |app| {
        test(app, &provider).await;
    });
}

/// Mario's token by this provider, with one claim changed.
async fn token(app: &TestApp, provider: &IdentityProvider, name: &str, value: Value) -> String {
    let mut claims = json!({
        "iat": app.now().as_second(),
        "fiscal_number": format!("TINIT-{}", MARIO.tax_code),
        "given_name": MARIO.given_name,
        "family_name": MARIO.family_name,
    });
    claims[name] = value;
    provider.token(&claims).await
}

async fn good_token(app: &TestApp, provider: &IdentityProvider) -> String {
    token(app, provider, "email", json!(MARIO.email)).await
}

async fn shown(app: &TestApp, token: &str) -> Reply {
    app.with_token(token).get(TARGET).await
}

#[test]
fn a_citizen_of_a_discovered_provider_enters() {
    with_provider(async |app, provider| {
        assert!(provider.log().await.is_empty(), "asked before any token");
        let token = good_token(app, provider).await;
        for _ in 0..3 {
            shown(app, &token).await.is(200);
        }
        assert_eq!(provider.log().await, [DOCUMENT, KEY_SET]);
    });
}

#[test]
fn a_new_key_is_found_after_the_minute() {
    with_provider(async |app, provider| {
        let old = good_token(app, provider).await;
        shown(app, &old).await.is(200);
        provider.rotate(true).await;
        let new = good_token(app, provider).await;
        for _ in 0..5 {
            shown(app, &new).await.is_problem(401, "unauthenticated");
        }
        assert_eq!(provider.log().await.len(), 2, "asked within the minute");
        app.advance("PT60S");
        shown(app, &new).await.is(200);
        shown(app, &old).await.is(200);
        assert_eq!(provider.log().await.len(), 4);
        // The next time the old keys are taken out of the set.
        provider.rotate(false).await;
        let newest = good_token(app, provider).await;
        app.advance("PT60S");
        shown(app, &newest).await.is(200);
        shown(app, &old).await.is_problem(401, "unauthenticated");
        shown(app, &new).await.is_problem(401, "unauthenticated");
    });
}

#[test]
fn a_provider_that_cannot_be_used_is_told_as_503_in_time() {
    with_provider(async |app, provider| {
        let token = good_token(app, provider).await;
        for mode in ["hang", "huge", "redirect", "error"] {
            provider.behave(mode).await;
            let began = Instant::now();
            let reply = shown(app, &token).await;
            reply.is_problem(503, "temporarily-unavailable");
            assert!(reply.header("retry-after").is_some(), "{mode}");
            assert!(began.elapsed() < Duration::from_secs(5), "{mode}");
            // Whoever comes within the minute waits for nobody.
            let again = shown(app, &token).await;
            again.is_problem(503, "temporarily-unavailable");
            app.advance("PT60S");
        }
        assert_eq!(
            provider.log().await,
            [DOCUMENT; 4],
            "a redirect was followed"
        );
        // A provider in trouble is no reason to doubt the others.
        app.citizen(&MARIO).get(TARGET).await.is(200);
        provider.behave("ok").await;
        shown(app, &token).await.is(200);
    });
}

#[test]
fn known_keys_go_on_while_the_provider_hangs() {
    with_provider(async |app, provider| {
        shown(app, &good_token(app, provider).await).await.is(200);
        provider.behave("hang").await;
        app.advance("PT2H");
        let token = good_token(app, provider).await;
        shown(app, &token).await.is(200);
        app.advance("PT23H");
        let token = good_token(app, provider).await;
        let reply = shown(app, &token).await;
        reply.is_problem(503, "temporarily-unavailable");
    });
}

#[test]
fn what_the_provider_signs_is_still_checked() {
    with_provider(async |app, provider| {
        for (name, value) in [
            ("fiscal_number", json!(MARIO.tax_code)),
            ("fiscal_number", json!(format!("TINDE-{}", MARIO.tax_code))),
            ("fiscal_number", json!(format!("tinit-{}", MARIO.tax_code))),
            ("fiscal_number", json!("TINIT-RSSMRA80A01H501V")),
            ("fiscal_number", json!(null)),
            ("given_name", json!(null)),
            ("family_name", json!("")),
            ("sub", json!(null)),
            ("aud", json!("another")),
            ("aud", json!(null)),
            ("iss", json!("https://idp.example.org")),
            ("exp", json!(null)),
            ("exp", json!("2031-01-01")),
            ("nbf", json!(null)),
            ("nbf", json!(app.now().as_second() + 300)),
            ("iat", json!(app.now().as_second() + 300)),
            ("iat", json!(app.now().as_second() - 3600)),
        ] {
            let token = token(app, provider, name, value.clone()).await;
            let reply = shown(app, &token).await;
            assert_eq!(reply.status, 401, "{name} {value}: {reply}");
            reply.is_problem(401, "unauthenticated");
        }
        for level in [json!("https://www.spid.gov.it/SpidL1"), json!(null)] {
            let weak = token(app, provider, "acr", level).await;
            shown(app, &weak).await.is_problem(403, "level-too-low");
        }
    });
}

#[test]
fn a_token_of_the_provider_is_no_key_to_the_other_side() {
    with_provider(async |app, provider| {
        let token = good_token(app, provider).await;
        for target in ["/v1/tickets", "/v1/me", "/v1/queues"] {
            let reply = app.with_token(&token).get(target).await;
            reply.is_problem(403, "forbidden");
        }
        // The same person at two providers is not two citizens' worth of trust in one name.
        let mut claims = json!({"iss": "https://idp.example.org", "iat": app.now().as_second()});
        claims["fiscal_number"] = json!(format!("TINIT-{}", MARIO.tax_code));
        let foreign = provider.token(&claims).await;
        shown(app, &foreign)
            .await
            .is_problem(401, "unauthenticated");
    });
}
