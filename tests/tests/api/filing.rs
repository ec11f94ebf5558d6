//! Filing: every bad field gets its own clear answer, as JSON and as a form, and writes nothing.

use serde_json::{Value, json};
use tests::citizens::{ANNA, MARIO};
use tests::people::{CN1, TO4};
use tests::{Client, Reply, TestApp, both, forms};

/// Files the form as JSON and as parts; both must be refused alike and write nothing.
async fn refused(app: &TestApp, client: &Client, form: &Value, errors: &[(&str, &str)]) -> Reply {
    let before = app.footprint();
    let as_parts = client.post_form("/v1/tickets", form, &[]).await;
    as_parts.is_problem(422, "validation-error");
    as_parts.has_errors(errors);
    let as_json = client.post("/v1/tickets", form).await;
    as_json.is_problem(422, "validation-error");
    as_json.has_errors(errors);
    assert_eq!(app.footprint(), before, "something was written");
    as_json
}

/// Anna's form with a proof of her address, which a refused filing does not use up.
async fn proved_form(app: &TestApp) -> Value {
    let mut form = forms::report_not_found(&ANNA, TO4);
    form["email_proof"] = json!(app.prove_email(ANNA.email).await);
    form
}

both!(a_wrong_tax_code_is_named, async |app| {
    let good = proved_form(app).await;
    for (tax_code, code) in [
        ("RSSMRA80A01H501V", "checksum"),
        ("RSSMRA80A01H501", "length"),
        ("RSSMRA80A01H501UU", "length"),
        ("RSSMRA80A32H501U", "invalid-format"),
        ("RSSMRA80Z01H501U", "invalid-format"),
        ("00000000000", "invalid-format"),
        ("", "required"),
        ("   ", "required"),
    ] {
        let mut form = good.clone();
        form["tax_code"] = json!(tax_code);
        refused(app, &app.anonymous(), &form, &[("/tax_code", code)]).await;
    }
});

both!(omocodia_and_provisional_codes_are_accepted, async |app| {
    for (at, (tax_code, kept)) in [
        ("RSSMRA80A01H50MM", "RSSMRA80A01H50MM"),
        ("RSSMRAULALMHRLMD", "RSSMRAULALMHRLMD"),
        (" rssmra80a01h501u ", "RSSMRA80A01H501U"),
        ("12345678903", "12345678903"),
        ("STP0100100000001", "STP0100100000001"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut form = forms::report_not_found(&ANNA, TO4);
        form["email"] = json!(format!("anna{at}@example.org"));
        form["tax_code"] = json!(tax_code);
        let filed = app.file_anonymous(&form, &[]).await;
        let screen = app.as_("to4.operator").await.screen(&filed.id).await;
        assert_eq!(screen.text_at("/requester/tax_code"), kept);
    }
});

both!(fields_of_the_service_are_enforced, async |app| {
    let good = proved_form(app).await;
    let anonymous = app.anonymous();
    let mut form = good.clone();
    form["extra"] = json!({"team_number": "80380000100123456789"});
    refused(app, &anonymous, &form, &[("/extra/exam_date", "required")]).await;
    let mut form = good.clone();
    form["extra"]["shoe_size"] = json!("43");
    refused(
        app,
        &anonymous,
        &form,
        &[("/extra/shoe_size", "unknown-field")],
    )
    .await;
    for (name, value) in [
        ("team_number", "8038000010012345678"),
        ("team_number", "8038000010012345678x"),
        ("exam_date", "2026-03-03"),
        ("exam_date", "1899-12-31"),
        ("exam_date", "2026-02-30"),
    ] {
        let mut form = good.clone();
        form["extra"][name] = json!(value);
        let before = app.footprint();
        let reply = anonymous.post("/v1/tickets", &form).await;
        reply.is_problem(422, "validation-error");
        assert_eq!(reply.errors()[0].0, format!("/extra/{name}"), "{reply}");
        assert_eq!(app.footprint(), before);
    }
});

both!(what_is_not_in_the_catalogue_is_refused, async |app| {
    let good = proved_form(app).await;
    for (name, value, code) in [
        ("service_code", "NOPE", "not-in-list"),
        ("service_code", "", "required"),
        ("problem_type", "impossibilita-a-pagare", "not-in-list"),
        ("problem_type", "green-pass", "not-in-list"),
        ("problem_type", "", "required"),
        ("authority_code", "999999", "not-in-list"),
        ("authority_code", "REG010", "not-in-list"),
        // Enabled for payments alone.
        ("authority_code", "010996", "not-in-list"),
        ("authority_code", "", "required"),
        ("nickname", "Nannina", "unknown-field"),
        ("given_name", "123", "invalid-format"),
        ("given_name", "", "required"),
        ("family_name", "abcdefghijabcdefghijabcdefghijx", "too-long"),
        ("email", "anna@", "invalid-format"),
        ("phone", "no", "invalid-format"),
        ("on_behalf_of", "RSSMRA80A01H501U", "delegation-missing"),
    ] {
        let mut form = good.clone();
        form[name] = json!(value);
        let before = app.footprint();
        for reply in [
            app.anonymous().post("/v1/tickets", &form).await,
            app.anonymous().post_form("/v1/tickets", &form, &[]).await,
        ] {
            reply.is_problem(422, "validation-error");
            let wanted = (format!("/{name}"), code);
            let found = reply.errors();
            assert!(
                found.contains(&(wanted.0.as_str(), code)),
                "{wanted:?}: {reply}"
            );
        }
        assert_eq!(app.footprint(), before);
    }
});

both!(a_description_is_counted_in_characters, async |app| {
    let good = forms::report_not_found_logged_in(TO4);
    let mario = app.citizen(&MARIO);
    for text in [
        "🙂".repeat(500),
        "è".repeat(500),
        "riga\nriga\tfine <b>".to_owned(),
    ] {
        let mut form = good.clone();
        form["description"] = json!(text);
        let filed = app.file_as(&MARIO, &form, &[]).await;
        let screen = mario.get(&filed.own_path("")).await;
        assert_eq!(screen.text_at("/description"), text);
    }
    for (text, code) in [
        ("🙂".repeat(501), "too-long"),
        ("a".repeat(501), "too-long"),
        (String::new(), "required"),
        ("un campanello \u{7}".to_owned(), "forbidden-chars"),
        ("nul \0 in mezzo".to_owned(), "forbidden-chars"),
    ] {
        let mut form = good.clone();
        form["description"] = json!(text);
        refused(app, &mario, &form, &[("/description", code)]).await;
    }
});

both!(text_that_is_no_unicode_is_unreadable, async |app| {
    let mario = app.citizen(&MARIO);
    let before = app.footprint();
    let good = forms::report_not_found_logged_in(TO4).to_string();
    for surrogate in [r"\ud800", r"\udc00", r"\ud800\ud800"] {
        let body = good.replace("Non trovo", surrogate);
        assert_ne!(body, good);
        let request = mario.request(reqwest::Method::POST, "/v1/tickets");
        let reply = request.body("application/json", body).send().await;
        reply.is_problem(400, "malformed-request");
    }
    let raw = good.replace("Non trovo", "@@@").into_bytes();
    let at = raw.windows(3).position(|three| three == b"@@@").unwrap();
    let mut raw_surrogate = raw.clone();
    raw_surrogate[at..at + 3].copy_from_slice(b"\xed\xa0\x80");
    let request = mario.request(reqwest::Method::POST, "/v1/tickets");
    let reply = request.body("application/json", raw_surrogate).send().await;
    reply.is_problem(400, "malformed-request");
    // The same three bytes in a part of a form.
    let mut fields = forms::report_not_found_logged_in(TO4);
    fields.as_object_mut().unwrap().remove("description");
    let form = tests::multipart::form(&fields, &[]).field("description", b"foto \xed\xa0\x80");
    let request = mario.request(reqwest::Method::POST, "/v1/tickets");
    let reply = request.form(form).send().await;
    assert!(matches!(reply.status, 400 | 422), "{reply}");
    assert_eq!(app.footprint(), before);
});

both!(all_bad_fields_are_named_at_once, async |app| {
    let form = json!({
        "service_code": "FSE", "problem_type": "referto-non-trovato",
        "given_name": "", "family_name": "Bianchi", "tax_code": "RSSMRA80A01H501V",
        "email": "no", "description": "", "extra": {"exam_date": "ieri"},
        "privacy_ack": false, "colour": "red",
    });
    let errors = [
        ("/given_name", "required"),
        ("/tax_code", "checksum"),
        ("/email", "invalid-format"),
        ("/description", "required"),
        ("/authority_code", "required"),
        ("/extra/exam_date", "invalid-format"),
        ("/extra/team_number", "required"),
        ("/privacy_ack", "not-accepted"),
        ("/email_proof", "otp-required"),
        ("/colour", "unknown-field"),
    ];
    refused(app, &app.anonymous(), &form, &errors).await;
});

both!(a_value_of_another_type_is_named, async |app| {
    let good = forms::report_not_found_logged_in(TO4);
    let before = app.footprint();
    for (name, value, pointer) in [
        ("description", json!(5), "/description"),
        ("service_code", json!(["FSE"]), "/service_code"),
        ("privacy_ack", json!("forse"), "/privacy_ack"),
        ("extra", json!("no"), "/extra"),
        ("attachment", json!("no"), "/attachment"),
        ("self_help_path", json!(["a", 1]), "/self_help_path/1"),
    ] {
        let mut form = good.clone();
        form[name] = value;
        let reply = app.citizen(&MARIO).post("/v1/tickets", &form).await;
        reply.is_problem(422, "validation-error");
        assert!(
            reply.errors().contains(&(pointer, "invalid-type")),
            "{reply}"
        );
    }
    assert_eq!(app.footprint(), before);
});

both!(a_token_says_who_files, async |app| {
    let good = forms::report_not_found_logged_in(CN1);
    for (name, value) in [
        ("tax_code", ANNA.tax_code),
        ("given_name", "Giulia"),
        ("family_name", "Verdi"),
    ] {
        let mut form = good.clone();
        form[name] = json!(value);
        let pointer = format!("/{name}");
        let errors = [(pointer.as_str(), "identity-mismatch")];
        refused(app, &app.citizen(&MARIO), &form, &errors).await;
    }
});

both!(messages_speak_the_callers_language, async |app| {
    let mut form = proved_form(app).await;
    form["tax_code"] = json!("RSSMRA80A01H501V");
    for (lang, words) in [("it", "controllo"), ("en", "check")] {
        let request = app
            .anonymous()
            .request(reqwest::Method::POST, "/v1/tickets");
        let reply = request
            .header("accept-language", lang)
            .json(&form)
            .send()
            .await;
        reply.has_errors(&[("/tax_code", "checksum")]);
        let message = reply.text_at("/errors/0/message");
        assert!(message.contains(words), "{lang}: {message}");
        assert_eq!(reply.header("content-language"), Some(lang));
    }
});
