//! Tokens that nobody issued, or that somebody issued for something else.

use api::tokens::SigningKey;
use aws_lc_rs::hmac;
use data_encoding::BASE64URL_NOPAD;
use domain::ids::{AccountId, SessionId};
use reqwest::Method;
use serde_json::{Value, json};
use tests::citizens::{MARIO, new_key};
use tests::opening::own_key;
use tests::{TestApp, both, forms, people::TO4};

/// A token with this header and these claims, and a signature made by `sign`.
fn token(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = BASE64URL_NOPAD.encode(&sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn claims_in(token: &str) -> Value {
    let part = token.split('.').nth(1).expect("claims");
    serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
}

/// Every forgery of a good token with these claims, made without its private key.
fn forgeries(good: &str, key: &SigningKey) -> Vec<(&'static str, String)> {
    let claims = claims_in(good);
    let kid = key.id();
    let public = key.public_jwk();
    let nothing = |_: &[u8]| Vec::new();
    let shared = |secret: String| {
        move |text: &[u8]| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
            hmac::sign(&key, text).as_ref().to_vec()
        }
    };
    let x = public["x"].as_str().expect("x").to_owned();
    let hs256 = json!({"alg": "HS256", "typ": "JWT", "kid": kid});
    let own = new_key();
    let (head, rest) = good.split_once('.').expect("three parts");
    let (body, signature) = rest.split_once('.').expect("three parts");
    let mut raised = claims.clone();
    raised["exp"] = json!(4_000_000_000_i64);
    let raised = BASE64URL_NOPAD.encode(raised.to_string().as_bytes());
    let none = |alg: &str| {
        token(
            &json!({"alg": alg, "typ": "JWT", "kid": kid}),
            &claims,
            nothing,
        )
    };
    vec![
        ("alg none", none("none")),
        ("alg None", none("None")),
        (
            "no alg",
            token(&json!({"typ": "JWT", "kid": kid}), &claims, nothing),
        ),
        ("no signature", none("ES256")),
        (
            "HS256 with the public key",
            token(&hs256, &claims, shared(public.to_string())),
        ),
        ("HS256 with its x", token(&hs256, &claims, shared(x))),
        ("another key", own.sign(&claims).unwrap()),
        (
            "another key under the known name",
            format!(
                "{head}.{body}.{}",
                own.sign(&claims).unwrap().rsplit('.').next().unwrap()
            ),
        ),
        (
            "a key it brings along",
            token(
                &json!({"alg": "ES256", "typ": "JWT", "kid": kid, "jwk": own.public_jwk()}),
                &claims,
                |_| vec![1; 64],
            ),
        ),
        (
            "a key it points to",
            token(
                &json!({"alg": "ES256", "kid": kid, "jku": "https://evil.example.org/jwks"}),
                &claims,
                |_| vec![1; 64],
            ),
        ),
        (
            "a signature of zeros",
            format!("{head}.{body}.{}", BASE64URL_NOPAD.encode(&[0; 64])),
        ),
        ("a longer life", format!("{head}.{raised}.{signature}")),
        ("a cut signature", good[..good.len() - 4].to_owned()),
        ("a fourth part", format!("{good}.x")),
        ("two parts", format!("{head}.{body}")),
        ("nothing", String::new()),
        ("dots", "..".to_owned()),
        ("text", "nonsense".to_owned()),
        ("much", "a".repeat(8000)),
    ]
}

async fn is_refused(app: &TestApp, target: &str, what: &str, token: &str) {
    let reply = app.with_token(token).get(target).await;
    assert_eq!(reply.status, 401, "{what}: {reply}");
    reply.is_problem(401, "unauthenticated");
    assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
}

both!(forged_tokens_of_staff_are_refused, async |app| {
    let good = app.as_("to4.operator").await.token().to_owned();
    app.with_token(&good).get("/v1/me").await.is(200);
    // The program's public key is not published; a forger might still have it.
    for (what, forged) in forgeries(&good, &own_key()) {
        is_refused(app, "/v1/me", what, &forged).await;
    }
    let ghost = app.tokens.issue_staff(
        AccountId::new(app.desk.ids().uuid()),
        SessionId::new(app.desk.ids().uuid()),
        app.desk.ids().uuid(),
        app.now(),
    );
    is_refused(
        app,
        "/v1/me",
        "a session that never was",
        &ghost.unwrap().token,
    )
    .await;
    // The citizens' provider cannot make staff.
    let mut claims = claims_in(&good);
    claims["nbf"] = claims["iat"].clone();
    let by_provider = app.issuer.key.sign(&claims).unwrap();
    is_refused(
        app,
        "/v1/me",
        "signed by the citizens' provider",
        &by_provider,
    )
    .await;
});

both!(forged_tokens_of_citizens_are_refused, async |app| {
    let good = app.citizen(&MARIO).token().to_owned();
    let target = "/v1/me/tickets";
    app.with_token(&good).get(target).await.is(200);
    for (what, forged) in forgeries(&good, &app.issuer.key) {
        is_refused(app, target, what, &forged).await;
    }
    let now = app.now().as_second();
    for (what, member, value) in [
        ("another issuer", "iss", json!("https://evil.example.org")),
        ("another audience", "aud", json!("somebody-else")),
        ("expired", "exp", json!(now - 61)),
        ("not yet", "nbf", json!(now + 120)),
        ("from the future", "iat", json!(now + 120)),
        ("no subject", "sub", json!("")),
        ("no tax code", "fiscal_number", json!(null)),
        (
            "a wrong tax code",
            "fiscal_number",
            json!("TINIT-RSSMRA80A01H501V"),
        ),
        ("no name", "given_name", json!("")),
    ] {
        let mut claims = claims_in(&good);
        claims[member] = value;
        let token = app.issuer.key.sign(&claims).unwrap();
        is_refused(app, target, what, &token).await;
    }
    let mut claims = claims_in(&good);
    claims["acr"] = json!("https://www.spid.gov.it/SpidL1");
    let weak = app.with_token(app.issuer.key.sign(&claims).unwrap());
    weak.get(target).await.is_problem(403, "level-too-low");
    app.advance("PT32M");
    is_refused(app, target, "expired by the clock", &good).await;
});

both!(a_token_opens_its_own_side_alone, async |app| {
    let filed = app
        .file_as(&MARIO, &forms::report_not_found_logged_in(TO4), &[])
        .await;
    let citizen = app.citizen(&MARIO);
    for target in ["/v1/tickets", "/v1/me", "/v1/queues", &filed.staff_path("")] {
        citizen.get(target).await.is_problem(403, "forbidden");
    }
    let operator = app.as_("to4.operator").await;
    for target in ["/v1/me/tickets", &filed.own_path("")] {
        operator.get(target).await.is_problem(403, "forbidden");
    }
    for target in [
        "/v1/tickets",
        "/v1/me",
        "/v1/me/tickets",
        &filed.own_path(""),
    ] {
        app.anonymous()
            .get(target)
            .await
            .is_problem(401, "unauthenticated");
    }
});

both!(what_is_no_bearer_token_is_refused, async |app| {
    let good = app.citizen(&MARIO).token().to_owned();
    for value in [
        format!("Basic {good}"),
        "Bearer".to_owned(),
        "Bearer  ".to_owned(),
        good.clone(),
        format!("Bearer {good} {good}"),
        format!("Bearer {good}, Bearer {good}"),
    ] {
        let request = app.anonymous().request(Method::GET, "/v1/me/tickets");
        let reply = request.header("authorization", &value).send().await;
        reply.is_problem(401, "unauthenticated");
    }
    // Filing needs no token; a bad one is still not ignored.
    let form = forms::report_not_found_logged_in(TO4);
    let reply = app.with_token("nonsense").post("/v1/tickets", &form).await;
    reply.is_problem(401, "unauthenticated");
    assert_eq!(app.count("tickets"), 0);
    app.with_token("nonsense").get("/v1/services").await.is(200);
});
