//! From request to work: which steps there are where, who attested what, and which channel tells what.

use domain::account::{AccountState, AccountStep};
use reqwest::Method;
use serde_json::{Value, json};
use tests::both;
use tests::people::TO4;

use super::{
    Codes, Newcomer, PHRASE, activate, body_of, create, event_names, history, id_of, issued,
    log_in, screen, security_code, step, tax_code,
};

both!(
    an_account_lives_from_the_request_to_the_first_log_in,
    async |app| {
        let admin = app.as_("to4.admin").await;
        let newcomer = Newcomer::new(1, "operator", TO4);
        let created = admin.post("/v1/accounts", &newcomer.form).await;
        let id = created.is(201).text_at("/id");
        assert_eq!(created.text_at("/state"), "requested");
        assert_eq!(created.text_at("/label"), "Nuova Persona");
        assert_eq!(created.text_at("/home"), TO4);
        assert_eq!(
            created.header("location"),
            Some(format!("/v1/accounts/{id}").as_str())
        );
        assert_eq!(created.etag(), "\"1\"");
        assert!(!created.text().contains(&tax_code(1)));

        let identified = step(&admin, id, &body_of("identify")).await;
        assert_eq!(identified.is(201).text_at("/account/state"), "identified");
        assert!(identified.json["codes"].is_null());
        let issue = step(&admin, id, &body_of("issue")).await;
        assert_eq!(issue.is(201).text_at("/account/state"), "issued");
        assert_eq!(issue.etag(), "\"3\"");
        // Without a password there is nothing to log in with.
        for password in [" ", PHRASE] {
            log_in(app, &newcomer.username, password).await.is(401);
        }
        let codes = Codes {
            identification: issue.text_at("/codes/identification_code").to_owned(),
            security: security_code(app, newcomer.email()).await,
        };
        let activation = activate(app, &codes, PHRASE).await;
        assert_eq!(activation.is(201).text_at("/username"), newcomer.username);
        let state = screen(&admin, id).await;
        assert_eq!(state.text_at("/account/state"), "activated");
        let session = log_in(app, &newcomer.username, PHRASE).await;
        assert_eq!(session.is(201).text_at("/placement/role"), "operator");
        let state = screen(&admin, id).await;
        assert_eq!(state.text_at("/account/state"), "active");
        assert_eq!(
            event_names(&admin, id).await,
            [
                "account.requested",
                "account.identified",
                "credential.issued",
                "credential.activated",
                "account.active"
            ]
        );
    }
);

both!(the_history_says_who_attested_and_how, async |app| {
    let admin = app.as_("to4.admin").await;
    let id = create(&admin, &Newcomer::new(1, "operator", TO4)).await;
    let remote =
        json!({"step": "identify", "attested": "remote", "document_kind": "digital-identity"});
    step(&admin, &id, &remote).await.is(201);
    let suspicion = json!({"step": "revoke", "reason": "mistake"});
    step(&admin, &id, &suspicion).await.is(201);
    let me = admin.get("/v1/me").await;
    let events = history(&admin, &id).await;
    for event in &events {
        assert_eq!(event["actor_id"], me.json["id"], "{event}");
    }
    assert_eq!(events[1]["detail"]["attested"], "remote");
    assert_eq!(events[1]["detail"]["document_kind"], "digital-identity");
    assert_eq!(events[2]["event"], "credential.revoked");
    assert_eq!(events[2]["detail"]["reason"], "mistake");
});

both!(an_attestation_says_how_and_by_what, async |app| {
    let admin = app.as_("to4.admin").await;
    let id = create(&admin, &Newcomer::new(1, "operator", TO4)).await;
    for (body, errors) in [
        (
            json!({"step": "identify"}),
            vec![("/attested", "required"), ("/document_kind", "required")],
        ),
        (
            json!({"step": "identify", "attested": "by-phone", "document_kind": "passport"}),
            vec![("/attested", "not-in-list")],
        ),
        (
            json!({"step": "identify", "attested": "remote", "document_kind": "a copy"}),
            vec![("/document_kind", "not-in-list")],
        ),
        (json!({"step": "activate"}), vec![("/step", "not-in-list")]),
        (json!({"step": "suspend"}), vec![("/reason", "required")]),
        (
            json!({"step": "revoke", "reason": "Trasferita a Cuneo"}),
            vec![("/reason", "not-in-list")],
        ),
        (
            json!({"step": "suspend", "reason": "absence", "attested": "remote"}),
            vec![("/attested", "not-accepted")],
        ),
    ] {
        let reply = step(&admin, &id, &body).await;
        reply
            .is_problem(422, "validation-error")
            .has_errors(&errors);
    }
    assert_eq!(event_names(&admin, &id).await, ["account.requested"]);
});

both!(the_steps_offered_are_those_that_work, async |app| {
    let admin = app.as_("to4.admin").await;
    let newcomer = Newcomer::new(1, "operator", TO4);
    let id = create(&admin, &newcomer).await;
    for state in AccountState::ALL.map(AccountState::code) {
        // One mailbox gets three codes an hour at most.
        app.advance("PT30M");
        let admin = app.as_("to4.admin").await;
        for wanted in AccountStep::BY_HAND.map(AccountStep::code) {
            app.set_state(&newcomer.username, state);
            let seen = screen(&admin, &id).await;
            assert_eq!(seen.text_at("/account/state"), state);
            let offered = seen.json["account"]["allowed_steps"].clone();
            let is_offered = offered
                .as_array()
                .is_some_and(|steps| steps.contains(&json!(wanted)));
            let reply = step(&admin, &id, &body_of(wanted)).await;
            if is_offered {
                reply.is(201);
                continue;
            }
            reply.is_problem(409, "account-step-not-allowed");
            assert_eq!(reply.json["allowed"], offered, "{state} {wanted}");
            assert_eq!(reply.text_at("/state"), state);
        }
    }
});

both!(nobody_changes_an_account_they_have_not_seen, async |app| {
    let admin = app.as_("to4.admin").await;
    let id = create(&admin, &Newcomer::new(1, "operator", TO4)).await;
    let first = screen(&admin, &id).await.etag().to_owned();
    step(&admin, &id, &body_of("identify")).await.is(201);
    let placements = json!({"placements": [
        {"role": "supervisor", "authority_code": TO4, "location_code": "01"}]});
    for (method, rest, body) in [
        (Method::POST, "steps", body_of("issue")),
        (Method::PUT, "placements", placements),
    ] {
        let target = format!("/v1/accounts/{id}/{rest}");
        let blind = admin.request(method.clone(), &target).json(&body);
        blind.send().await.is_problem(428, "precondition-required");
        let stale = admin.request(method, &target).if_match(&first).json(&body);
        let stale = stale.send().await;
        stale.is_problem(412, "precondition-failed");
        assert_eq!(stale.json["current_version"], 2);
    }
    let seen = screen(&admin, &id).await;
    assert_eq!(seen.text_at("/account/state"), "identified");
    assert_eq!(seen.text_at("/account/placements/0/role"), "operator");
    assert_eq!(app.count("outbox"), 0);
});

both!(
    each_code_goes_its_own_way_and_no_password_goes_any,
    async |app| {
        let admin = app.as_("to4.admin").await;
        let newcomer = Newcomer::new(1, "operator", TO4);
        let id = create(&admin, &newcomer).await;
        step(&admin, &id, &body_of("identify")).await.is(201);
        let answer = step(&admin, &id, &body_of("issue")).await;
        let security = security_code(app, newcomer.email()).await;
        let identification = answer
            .is(201)
            .text_at("/codes/identification_code")
            .to_owned();
        assert!(!answer.everything().contains(&security));
        let seen = screen(&admin, &id).await.everything();
        assert!(!seen.contains(&identification) && !seen.contains(&security));

        let grouped: Vec<String> = identification
            .as_bytes()
            .chunks(4)
            .map(|four| String::from_utf8_lossy(four).into_owned())
            .collect();
        let grouped = grouped.join("-");
        for sheet in ["/codes/sheet_text", "/codes/sheet_html"] {
            let sheet = answer.text_at(sheet);
            assert!(sheet.contains(&grouped), "{sheet}");
            assert!(sheet.contains(&newcomer.username), "{sheet}");
        }
        let codes = Codes {
            identification,
            security,
        };
        let activation = activate(app, &codes, PHRASE).await;
        let session = log_in(app, &newcomer.username, PHRASE).await;
        for reply in [&activation, &session, &screen(&admin, &id).await] {
            assert!(!reply.everything().contains(PHRASE), "{reply}");
        }
        for mail in app.mails().await {
            assert_eq!(mail.to, newcomer.email());
            for secret in [&codes.identification, &grouped, PHRASE] {
                assert!(!mail.body.contains(secret), "{mail:?}");
                assert!(!mail.subject.contains(secret), "{mail:?}");
            }
            assert!(!mail.subject.contains(&codes.security), "{mail:?}");
        }
    }
);

both!(
    the_sheet_is_italian_and_holds_no_markup_of_others,
    async |app| {
        let admin = app.as_("to4.admin").await;
        let newcomer = Newcomer::new(1, "operator", TO4);
        let id = create(&admin, &newcomer).await;
        app.execute(&format!(
            "UPDATE accounts SET display_name = 'Anna <b>\"&\"</b>' WHERE username = '{}'",
            newcomer.username
        ));
        step(&admin, &id, &body_of("identify")).await.is(201);
        let issue = step(&admin, &id, &body_of("issue")).await;
        let html = issue.is(201).text_at("/codes/sheet_html");
        assert!(
            html.starts_with("<!doctype html>\n<html lang=\"it\">"),
            "{html}"
        );
        assert!(
            html.contains("Anna &lt;b&gt;&quot;&amp;&quot;&lt;/b&gt;"),
            "{html}"
        );
        assert!(!html.contains("<b>"), "{html}");
        assert!(html.contains("Foglio da consegnare di persona"), "{html}");
    }
);

both!(without_an_address_there_are_no_codes, async |app| {
    let admin = app.as_("to4.admin").await;
    let id = id_of(&admin, "to4.operator").await;
    let reply = step(&admin, &id, &body_of("issue")).await;
    reply.is(422).has_errors(&[("/email", "required")]);
    let seen = screen(&admin, &id).await;
    assert_eq!(seen.text_at("/account/state"), "active");
});

both!(
    whoever_is_revoked_may_come_back_as_somebody_new,
    async |app| {
        let admin = app.as_("to4.admin").await;
        let newcomer = Newcomer::new(1, "operator", TO4);
        let id = create(&admin, &newcomer).await;
        step(&admin, &id, &body_of("revoke")).await.is(201);
        let seen = screen(&admin, &id).await;
        assert_eq!(seen.json["account"]["placements"], Value::Array(Vec::new()));
        let again = newcomer.with("username", json!("nuova.persona"));
        assert_ne!(create(&admin, &again).await, id);
    }
);

both!(two_first_log_ins_at_once_are_both_good, async |app| {
    let admin = app.as_("to4.admin").await;
    let newcomer = Newcomer::new(1, "operator", TO4);
    let (id, codes) = issued(app, &admin, &newcomer).await;
    activate(app, &codes, PHRASE).await.is(201);
    let four = (0..4).map(|_| log_in(app, &newcomer.username, PHRASE));
    for session in futures_util::future::join_all(four).await {
        session.is(201);
    }
    let names = event_names(&admin, &id).await;
    let firsts = names.iter().filter(|name| *name == "account.active");
    assert_eq!(firsts.count(), 1);
});
