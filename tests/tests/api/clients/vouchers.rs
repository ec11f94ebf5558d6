//! Vouchers of a national platform, by a real identity provider. No database matters here, so one
//! is enough.

use serde_json::{Value, json};
use service::clients::NewClient;
use tests::citizens::ANNA;
use tests::identity_provider::impatient;
use tests::people::TO4;
use tests::{IdentityProvider, Options, Place, Reply, TestApp, forms, running};

use super::{filing_for, with_proof};

const NAME: &str = "programma-del-portale";
const PURPOSE: &str = "b5f0e1c2-0000-4000-8000-000000000001";

/// An instance that takes vouchers of a provider of its own, and knows one program by them.
fn with_provider(test: impl AsyncFnOnce(&TestApp, &IdentityProvider)) {
    let provider = IdentityProvider::start(env!("CARGO_BIN_EXE_identity-provider"));
    let options = Options {
        voucher_issuers: vec![provider.issuer()],
        issuer_http: impatient(),
        ..Options::default()
    };
    running::run(Place::Sqlite, options, async |app| {
        let program = NewClient {
            voucher: Some((provider.issuer().name, NAME.to_owned())),
            purposes: vec![PURPOSE.to_owned()],
            ..app.new_program(&["requests:create", "requests:read"])
        };
        app.desk.add_client(program).expect("a program");
        test(app, &provider).await;
    });
}

/// A voucher with one claim changed.
async fn voucher(app: &TestApp, provider: &IdentityProvider, name: &str, value: Value) -> String {
    let mut claims = json!({
        "iat": app.now().as_second(), "sub": NAME, "client_id": NAME, "purposeId": PURPOSE,
        "acr": null,
    });
    claims[name] = value;
    provider.voucher(&claims).await
}

async fn good(app: &TestApp, provider: &IdentityProvider) -> String {
    voucher(app, provider, "sub", json!(NAME)).await
}

/// What becomes of a filing that is not whole: 422 for whoever may file.
async fn shown(app: &TestApp, token: &str) -> Reply {
    let form = forms::report_not_found(&ANNA, TO4);
    app.with_token(token).post("/v1/tickets", &form).await
}

#[test]
fn a_voucher_is_as_good_as_a_secret() {
    with_provider(async |app, provider| {
        let token = good(app, provider).await;
        let program = app.with_token(&token);
        let form = with_proof(app).await;
        program.post("/v1/tickets", &form).await.is(201);
        // Again: a voucher is carried as long as it lives.
        let form = forms::report_not_found_logged_in(TO4);
        let anna = app.citizen(&ANNA);
        filing_for(&program, &anna, &form).send().await.is(201);
        // Under one name or the other.
        let by_sub = voucher(app, provider, "client_id", json!(null)).await;
        shown(app, &by_sub).await.is(422);
        for target in ["/v1/tickets", "/v1/me", "/v1/me/tickets"] {
            let reply = program.get(target).await;
            reply.is_problem(403, "forbidden");
        }
        app.advance("PT32M");
        shown(app, &token).await.is_problem(401, "unauthenticated");
    });
}

#[test]
fn a_voucher_that_is_not_good_is_refused() {
    with_provider(async |app, provider| {
        let now = app.now().as_second();
        let before = app.footprint();
        for (name, value) in [
            ("purposeId", json!("b5f0e1c2-0000-4000-8000-000000000002")),
            ("purposeId", json!("")),
            ("purposeId", json!(null)),
            ("purposeId", json!([PURPOSE])),
            ("purposeId", json!(format!("{PURPOSE} {PURPOSE}"))),
            ("client_id", json!("another")),
            ("sub", json!("another")),
            ("aud", json!("another")),
            ("aud", json!(null)),
            ("iss", json!("https://evil.example.org")),
            ("exp", json!(now - 61)),
            ("exp", json!(now + 2 * 24 * 3600)),
            ("exp", json!("2031-01-01")),
            ("nbf", json!(null)),
            ("nbf", json!(now + 300)),
            ("iat", json!(now + 300)),
            ("jti", json!(null)),
            ("cnf", json!({"jkt": "somebody's key"})),
        ] {
            let token = voucher(app, provider, name, value.clone()).await;
            let reply = shown(app, &token).await;
            assert_eq!(reply.status, 401, "{name} {value}: {reply}");
            reply.is_problem(401, "unauthenticated");
        }
        // A client that nobody registered, whole as its voucher is.
        let claims = json!({
            "iat": now, "sub": "another", "client_id": "another", "purposeId": PURPOSE,
        });
        let token = provider.voucher(&claims).await;
        shown(app, &token).await.is_problem(401, "unauthenticated");
        // What the same provider signs for another end.
        let claims = json!({
            "iat": now, "sub": NAME, "client_id": NAME, "purposeId": PURPOSE,
        });
        let token = provider.token(&claims).await;
        shown(app, &token).await.is_problem(401, "unauthenticated");
        assert_eq!(app.footprint(), before);
        shown(app, &good(app, provider).await).await.is(422);
    });
}

#[test]
fn a_voucher_ends_with_its_program() {
    with_provider(async |app, provider| {
        let token = good(app, provider).await;
        shown(app, &token).await.is(422);
        let known = app.desk.list_clients().expect("the programs");
        app.desk
            .revoke_client(known[0].client.id)
            .expect("it is revoked");
        shown(app, &token).await.is_problem(401, "unauthenticated");
    });
}

#[test]
fn the_platforms_new_key_is_found_after_the_minute() {
    with_provider(async |app, provider| {
        shown(app, &good(app, provider).await).await.is(422);
        provider.rotate(false).await;
        let token = good(app, provider).await;
        for _ in 0..5 {
            shown(app, &token).await.is_problem(401, "unauthenticated");
        }
        assert_eq!(provider.log().await.len(), 2, "asked within the minute");
        app.advance("PT60S");
        shown(app, &token).await.is(422);
        assert_eq!(provider.log().await.len(), 4);
    });
}

#[test]
fn a_platform_that_cannot_be_asked_is_told_as_503() {
    with_provider(async |app, provider| {
        let token = good(app, provider).await;
        for mode in ["hang", "error", "huge", "redirect"] {
            provider.behave(mode).await;
            let reply = shown(app, &token).await;
            reply.is_problem(503, "temporarily-unavailable");
            assert!(reply.header("retry-after").is_some(), "{mode}");
            app.advance("PT60S");
        }
        // Others are served meanwhile.
        app.citizen(&ANNA).get("/v1/me/tickets").await.is(200);
        provider.behave("ok").await;
        shown(app, &token).await.is(422);
    });
}
