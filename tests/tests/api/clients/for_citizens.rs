//! A program that carries a citizen's signed token acts as that citizen; nothing else makes it one.

use api::oidc::LEVEL_2_OR_MORE;
use reqwest::Method;
use serde_json::{Value, json};
use tests::citizens::{ANNA, LAURA, MARIO, new_key};
use tests::forge::claims_in;
use tests::people::TO4;
use tests::{both, forms};

use super::{carrying, filing_for, with_proof};

const ALL: [&str; 3] = ["requests:create", "requests:read", "requests:reply"];
const OWN: &str = "/v1/me/tickets";

both!(a_citizens_token_makes_a_program_that_citizen, async |app| {
    let program = app.program(&ALL).await;
    let program = app.with_token(&program.token);
    let (anna, mario) = (app.citizen(&ANNA), app.citizen(&MARIO));
    let form = forms::report_not_found_logged_in(TO4);
    let filed = filing_for(&program, &anna, &form).send().await;
    let id = filed.is(201).text_at("/id").to_owned();
    let target = format!("{OWN}/{id}");
    let messages = format!("{target}/messages");

    // Hers, with and without the program.
    anna.get(&target).await.is(200);
    let listed = carrying(program.request(Method::GET, OWN), &anna);
    assert_eq!(listed.send().await.is(200).list_at("/items").len(), 1);
    let shown = carrying(program.request(Method::GET, &target), &anna);
    assert_eq!(shown.send().await.is(200).text_at("/id"), id);
    let reply = carrying(program.request(Method::POST, &messages), &anna);
    let body = json!({"body": "Nessuna novità?"});
    reply.json(&body).send().await.is(201);

    // Not his, by the same program.
    let listed = carrying(program.request(Method::GET, OWN), &mario);
    assert_eq!(listed.send().await.is(200).list_at("/items").len(), 0);
    let shown = carrying(program.request(Method::GET, &target), &mario);
    shown.send().await.is_problem(404, "not-found");
    let before = app.footprint();
    let reply = carrying(program.request(Method::POST, &messages), &mario);
    let reply = reply.json(&body).send().await;
    reply.is_problem(404, "not-found");

    // And nobody's, without a token.
    program.get(OWN).await.is_problem(403, "forbidden");
    program.get(&target).await.is_problem(403, "forbidden");
    let reply = program.post(&messages, &body).await;
    reply.is_problem(403, "forbidden");
    assert_eq!(app.footprint(), before);
});

both!(a_bare_header_names_nobody, async |app| {
    let program = app.program(&ALL).await;
    let program = app.with_token(&program.token);
    app.file_as(&ANNA, &forms::report_not_found_logged_in(TO4), &[])
        .await;
    let before = app.footprint();
    let form = forms::report_not_found_logged_in(TO4);
    for name in [
        "x-citizen",
        "x-citizen-tax-code",
        "x-tax-code",
        "x-fiscal-code",
        "x-fiscal-number",
        "x-codice-fiscale",
        "codicefiscale",
        "shib-identita-codicefiscale",
        "remote-user",
        "x-remote-user",
        "x-forwarded-user",
    ] {
        let list = program.request(Method::GET, OWN);
        let reply = list.header(name, ANNA.tax_code).send().await;
        reply.is_problem(403, "forbidden");
        let filing = program.request(Method::POST, "/v1/tickets").json(&form);
        let reply = filing.header(name, ANNA.tax_code).send().await;
        reply.is_problem(422, "validation-error");
        let list = app.anonymous().request(Method::GET, OWN);
        let reply = list.header(name, ANNA.tax_code).send().await;
        reply.is_problem(401, "unauthenticated");
    }
    assert_eq!(app.footprint(), before);
});

both!(a_program_alone_files_for_a_proved_address, async |app| {
    let program = app.program(&["requests:create"]).await;
    let program = app.with_token(&program.token);
    let form = forms::report_not_found(&ANNA, TO4);
    let reply = program.post("/v1/tickets", &form).await;
    reply
        .is(422)
        .has_errors(&[("/email_proof", "otp-required")]);
    assert_eq!(app.count("tickets"), 0);
    let form = with_proof(app).await;
    program.post("/v1/tickets", &form).await.is(201);
    let reply = program.post("/v1/tickets", &form).await;
    reply.is(422).has_errors(&[("/email_proof", "otp-wrong")]);
    assert_eq!(app.count("tickets"), 1);
    // Her own list does not show it: nobody proved that it was she.
    let own = app.citizen(&ANNA).get(OWN).await;
    assert_eq!(own.list_at("/items").len(), 0);
});

both!(
    the_header_counts_beside_a_programs_token_alone,
    async |app| {
        let form = forms::report_not_found_logged_in(TO4);
        app.file_as(&ANNA, &form, &[]).await;
        let (anna, mario) = (app.citizen(&ANNA), app.citizen(&MARIO));
        // Beside a citizen's own token.
        for carried in [anna.token(), "nonsense", ""] {
            let list = mario.request(Method::GET, OWN);
            let reply = list.header("citizen-token", carried).send().await;
            assert_eq!(reply.is(200).list_at("/items").len(), 0);
        }
        // Beside a token of staff.
        let operator = app.as_("to4.operator").await;
        let list = carrying(operator.request(Method::GET, OWN), &anna);
        list.send().await.is_problem(403, "forbidden");
        let me = operator.request(Method::GET, "/v1/me");
        me.header("citizen-token", "nonsense").send().await.is(200);
        // Beside none.
        let list = carrying(app.anonymous().request(Method::GET, OWN), &anna);
        list.send().await.is_problem(401, "unauthenticated");
    }
);

both!(a_citizens_token_that_is_not_good_is_refused, async |app| {
    let program = app.program(&ALL).await;
    let program = app.with_token(&program.token);
    let good = app.citizen(&ANNA).token().to_owned();
    let changed = |name: &str, value: Value| {
        let mut claims = claims_in(&good);
        claims[name] = value;
        app.issuer.key.sign(&claims).expect("a token")
    };
    let now = app.now().as_second();
    let stranger = new_key().sign(&claims_in(&good)).expect("a token");
    let operator = app.as_("to4.operator").await.token().to_owned();
    let own = program.token().to_owned();
    let before = app.footprint();
    for (what, token) in [
        ("nothing", String::new()),
        ("a tax code", ANNA.tax_code.to_owned()),
        ("a stranger's signature", stranger),
        (
            "another issuer",
            changed("iss", json!("https://evil.example.org")),
        ),
        ("another audience", changed("aud", json!("another"))),
        ("expired", changed("exp", json!(now - 61))),
        ("with Bearer", format!("Bearer {good}")),
        ("two tokens", format!("{good}, {good}")),
        ("staff's", operator),
        ("a program's", own),
    ] {
        let list = program.request(Method::GET, OWN);
        let reply = list.header("citizen-token", &token).send().await;
        assert_eq!(reply.status, 401, "{what}: {reply}");
        reply.is_problem(401, "unauthenticated");
        let filing = program.request(Method::POST, "/v1/tickets");
        let form = forms::report_not_found_logged_in(TO4);
        let filing = filing.header("citizen-token", &token).json(&form);
        filing.send().await.is_problem(401, "unauthenticated");
    }
    let weak = changed("acr", json!("https://www.spid.gov.it/SpidL1"));
    assert!(!LEVEL_2_OR_MORE.contains(&"https://www.spid.gov.it/SpidL1"));
    let list = program.request(Method::GET, OWN);
    let reply = list.header("citizen-token", &weak).send().await;
    reply.is_problem(403, "level-too-low");
    // Two of them: which one would it be?
    let list = carrying(program.request(Method::GET, OWN), &app.citizen(&ANNA));
    let reply = carrying(list, &app.citizen(&LAURA)).send().await;
    reply.is_problem(401, "unauthenticated");
    assert_eq!(app.footprint(), before);
});

both!(two_programs_do_not_share_idempotency_keys, async |app| {
    let form = forms::report_not_found_logged_in(TO4);
    let mario = app.citizen(&MARIO);
    let mut ids = Vec::new();
    for _ in 0..2 {
        let program = app.program(&["requests:create"]).await;
        let program = app.with_token(&program.token);
        let first = filing_for(&program, &mario, &form).key("k-1").send().await;
        first.is(201);
        assert_eq!(first.header("idempotency-replayed"), None);
        let again = filing_for(&program, &mario, &form).key("k-1").send().await;
        assert_eq!(again.is(201).header("idempotency-replayed"), Some("true"));
        assert_eq!(again.json, first.json);
        ids.push(first.text_at("/id").to_owned());

        // The same for nobody in particular.
        let form = with_proof(app).await;
        let first = program.request(Method::POST, "/v1/tickets").key("k-2");
        let first = first.json(&form).send().await;
        first.is(201);
        assert_eq!(first.header("idempotency-replayed"), None);
        ids.push(first.text_at("/id").to_owned());
    }
    // And the citizen's own.
    let own = mario.request(Method::POST, "/v1/tickets").key("k-1");
    let own = own.json(&form).send().await;
    assert_eq!(own.is(201).header("idempotency-replayed"), None);
    ids.push(own.text_at("/id").to_owned());
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5);
});
