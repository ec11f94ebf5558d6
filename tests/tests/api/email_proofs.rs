//! The proof of an e-mail address: one address, one filing, a few tries, half an hour.

use serde_json::json;
use tests::citizens::{ANNA, MARIO};
use tests::people::TO4;
use tests::{both, forms};

both!(a_filing_without_a_good_proof_is_refused, async |app| {
    let good = forms::report_not_found(&ANNA, TO4);
    let other = app.prove_email(MARIO.email).await;
    let own = app.prove_email(ANNA.email).await;
    let before = app.footprint();
    let forged = own.replace('.', ".A");
    for (proof, code) in [
        (json!(null), "otp-required"),
        (json!("nonsense"), "otp-wrong"),
        (json!(forged), "otp-wrong"),
        (json!(other), "otp-wrong"),
    ] {
        let mut form = good.clone();
        form["email_proof"] = proof;
        let reply = app.anonymous().post("/v1/tickets", &form).await;
        reply.is(422).has_errors(&[("/email_proof", code)]);
    }
    assert_eq!(app.footprint(), before);

    let mut form = good.clone();
    form["email_proof"] = json!(own);
    app.anonymous().post("/v1/tickets", &form).await.is(201);
    let again = app.anonymous().post("/v1/tickets", &form).await;
    again.is(422).has_errors(&[("/email_proof", "otp-wrong")]);
    assert_eq!(app.count("tickets"), 1);
});

both!(a_proof_ends_after_half_an_hour, async |app| {
    let mut form = forms::report_not_found(&ANNA, TO4);
    form["email_proof"] = json!(app.prove_email(ANNA.email).await);
    app.advance("PT31M");
    let reply = app.anonymous().post("/v1/tickets", &form).await;
    reply.is(422);
    assert_eq!(reply.errors()[0].0, "/email_proof", "{reply}");
    assert_eq!(app.count("tickets"), 0);
});

both!(a_code_ends_after_half_an_hour_or_five_tries, async |app| {
    let anonymous = app.anonymous();
    let body = json!({"email": ANNA.email});
    let started = anonymous.post("/v1/email-proofs", &body).await;
    let target = format!("/v1/email-proofs/{}/verifications", started.text_at("/id"));
    let mails = app.mails_to(ANNA.email).await;
    let code = mails[0].code().expect("a code").to_owned();
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for _ in 0..5 {
        let reply = anonymous.post(&target, &json!({"code": wrong})).await;
        reply
            .is_problem(422, "otp-invalid")
            .has_errors(&[("/code", "otp-wrong")]);
    }
    let reply = anonymous.post(&target, &json!({"code": code})).await;
    reply
        .is_problem(422, "otp-invalid")
        .has_errors(&[("/code", "otp-exhausted")]);

    let started = anonymous.post("/v1/email-proofs", &body).await;
    let target = format!("/v1/email-proofs/{}/verifications", started.text_at("/id"));
    let mails = app.mails_to(ANNA.email).await;
    let code = mails.last().and_then(|mail| mail.code()).expect("a code");
    app.advance("PT31M");
    let reply = anonymous.post(&target, &json!({"code": code})).await;
    reply
        .is_problem(422, "otp-invalid")
        .has_errors(&[("/code", "otp-expired")]);

    let unknown = "/v1/email-proofs/019a0000-0000-7000-8000-000000000000/verifications";
    let reply = anonymous.post(unknown, &json!({"code": code})).await;
    reply
        .is_problem(422, "otp-invalid")
        .has_errors(&[("/code", "otp-wrong")]);
    anonymous
        .post(
            "/v1/email-proofs/nonsense/verifications",
            &json!({"code": code}),
        )
        .await
        .is_problem(404, "not-found");
});

both!(an_address_gets_three_codes_an_hour, async |app| {
    let body = json!({"email": ANNA.email});
    for _ in 0..3 {
        app.anonymous()
            .post("/v1/email-proofs", &body)
            .await
            .is(202);
    }
    let reply = app.anonymous().post("/v1/email-proofs", &body).await;
    reply.is_problem(429, "quota-exceeded");
    assert_eq!(app.mails_to(ANNA.email).await.len(), 3);
    app.advance("PT1H1S");
    app.anonymous()
        .post("/v1/email-proofs", &body)
        .await
        .is(202);
});

both!(an_address_that_is_none_gets_no_code, async |app| {
    for address in [
        "",
        "anna",
        "anna@example",
        "a\r\nBcc: b@example.org",
        "anna@exa mple.org",
    ] {
        let reply = app
            .anonymous()
            .post("/v1/email-proofs", &json!({"email": address}))
            .await;
        reply.is(422);
        assert_eq!(reply.errors()[0].0, "/email", "{reply}");
    }
    assert_eq!(app.mails().await, []);
});
