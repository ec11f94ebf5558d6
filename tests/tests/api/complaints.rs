//! The register of complaints: filed by citizens or entered by staff, prepared, decided, answered.

use reqwest::Method;
use serde_json::{Value, json};
use tests::citizens::{ANNA, MARIO};
use tests::client::Reply;
use tests::people::{CN1, REGION, TO4};
use tests::{Client, TestApp, both, forms};

/// Written by the desk for itself.
const PLANTED: &str = "SOLO PER NOI";
/// What the scheme below makes of the value `12,50`.
const ANSWER: &str = "Le rendiamo 12,50 euro.";

fn complaint() -> Value {
    json!({
        "authority_code": TO4, "subject": "Attesa allo sportello", "text": "Ho aspettato due ore.",
        "happened_at": "2026-03-01T09:00:00Z",
    })
}

/// A complaint that came by letter from an association, which has no mail address.
fn letter() -> Value {
    json!({
        "channel": "letter", "subject": "Barriere", "text": "Il sito non si legge con lo schermo.",
        "complainant": {"kind": "association", "label": "Associazione Prova", "postal_address": "Via Roma 1"},
        "received_at": "2026-03-01T09:00:00Z", "happened_at": "2026-02-10T09:00:00Z",
        "protocol": {"number": "2026/114", "registered_on": "2026-03-01", "office": "AOO TO4"},
    })
}

/// Files as Mario, and answers the path for staff and his own.
async fn filed(app: &TestApp) -> (String, String) {
    let mario = app.citizen(&MARIO);
    let reply = mario.post("/v1/me/complaints", &complaint()).await;
    reply.is(201);
    let id = reply.text_at("/id").to_owned();
    (
        format!("/v1/complaints/{id}"),
        format!("/v1/me/complaints/{id}"),
    )
}

async fn entered(app: &TestApp) -> String {
    let operator = app.as_("to4.operator").await;
    let reply = operator.post("/v1/complaints", &letter()).await;
    reply.is(201);
    reply.header("location").expect("where it is").to_owned()
}

/// Calls a change with the version the caller sees now.
async fn change(client: &Client, path: &str, more: &str, body: &Value) -> Reply {
    let seen = client.get(path).await;
    let request = client.request(Method::POST, &format!("{path}/{more}"));
    request.if_match(seen.etag()).json(body).send().await
}

async fn step(client: &Client, path: &str, step: &str) -> Reply {
    change(
        client,
        path,
        "steps",
        &json!({"step": step, "note": PLANTED}),
    )
    .await
}

async fn draft_scheme(app: &TestApp) -> String {
    let scheme = json!({
        "code": "rimborso", "label": "Rimborso",
        "body": {
            "it": "Gentile {{ complainant }},\n\nLe rendiamo {{ amount }} euro. Reclamo {{ number }}.",
            "en": "Dear {{ complainant }},\n\nwe return {{ amount }} euro. Complaint {{ number }}.",
        },
        "placeholders": [{"code": "amount", "kind": "number", "label": "Importo"}],
    });
    let supervisor = app.as_("to4.supervisor").await;
    let reply = supervisor
        .post("/v1/complaint-reply-schemes", &scheme)
        .await;
    reply.is(201);
    reply.text_at("/id").to_owned()
}

async fn approved_scheme(app: &TestApp) -> String {
    let id = draft_scheme(app).await;
    let admin = app.as_("to4.admin").await;
    let path = format!("/v1/complaint-reply-schemes/{id}");
    change(&admin, &path, "approvals", &json!({})).await.is(201);
    id
}

fn reply_by(scheme: &str) -> Value {
    json!({"scheme_id": scheme, "values": [{"code": "amount", "value": "12,50"}]})
}

/// Brings a complaint to where its reply is prepared.
async fn prepared(app: &TestApp, path: &str) -> String {
    let scheme = approved_scheme(app).await;
    let operator = app.as_("to4.operator").await;
    step(&operator, path, "prepare").await.is(201);
    let drafted = change(&operator, path, "reply-drafts", &reply_by(&scheme)).await;
    assert_eq!(drafted.is(201).text_at("/state"), "reply-prepared");
    scheme
}

/// What the complainant is shown: none of it names staff or tells what was internal.
async fn own(client: &Client, path: &str) -> Reply {
    let own = client.get(path).await;
    own.is(200);
    let all = own.everything();
    assert!(!all.contains(PLANTED) && !all.contains("Persona"), "{all}");
    own
}

both!(
    a_citizen_complains_and_is_answered_by_an_approved_scheme,
    async |app| {
        let (path, mine) = filed(app).await;
        let mario = app.citizen(&MARIO);
        let first = own(&mario, &mine).await;
        assert!(
            first.text_at("/number").starts_with("R-2026-000001-"),
            "{:?}",
            first.json
        );
        assert_eq!(first.text_at("/responsible_office/code"), TO4);
        assert_eq!(first.text_at("/due_at"), "2026-04-01T08:00:00Z");
        assert_eq!(first.text_at("/state_label"), "Ricevuto");
        let receipt = app.mails_to(MARIO.email).await;
        assert!(
            receipt[0].body.contains("01/04/2026"),
            "{}",
            receipt[0].body
        );

        let scheme = approved_scheme(app).await;
        let operator = app.as_("to4.operator").await;
        step(&operator, &path, "prepare").await.is(201);
        step(&operator, &path, "ask-authority").await.is(201);
        assert_eq!(own(&mario, &mine).await.text_at("/state"), "in-preparation");
        step(&operator, &path, "resume").await.is(201);
        let preview = operator
            .post(&format!("{path}/reply-previews"), &reply_by(&scheme))
            .await;
        assert!(preview.is(200).text_at("/text").contains(ANSWER));
        assert_eq!(app.count("complaint_dispatches"), 0);
        let drafted = change(&operator, &path, "reply-drafts", &reply_by(&scheme)).await;
        drafted.is(201);
        assert_eq!(own(&mario, &mine).await.text_at("/state"), "in-preparation");
        // Whoever prepares does not send.
        change(&operator, &path, "replies", &json!({}))
            .await
            .is_problem(403, "forbidden");

        let supervisor = app.as_("to4.supervisor").await;
        let sent = change(&supervisor, &path, "replies", &json!({})).await;
        assert_eq!(sent.is(201).text_at("/state"), "sent");
        let dispatch = &sent.json["dispatches"][0];
        assert_eq!(dispatch["way"], "mail");
        assert_eq!(dispatch["recipient"], MARIO.email);
        assert_eq!(dispatch["scheme_id"], scheme);
        let text = dispatch["text"].as_str().expect("a text");
        assert!(
            text.starts_with("Gentile Mario Rossi,") && text.contains(ANSWER),
            "{text}"
        );
        let mails = app.mails_to(MARIO.email).await;
        let mail = mails.last().expect("the reply");
        assert!(mail.subject.ends_with("risposta") && mail.body.contains(ANSWER));
        assert!(mails.iter().all(|mail| !mail.body.contains(PLANTED)));
        let after = own(&mario, &mine).await;
        assert_eq!(after.text_at("/letters/0/text"), text);

        app.advance("P30D");
        app.run_jobs();
        let closed = own(&app.citizen(&MARIO), &mine).await;
        assert_eq!(closed.text_at("/state"), "closed");
    }
);

both!(
    a_complaint_without_an_address_is_answered_on_paper_under_a_protocol_number,
    async |app| {
        let path = entered(app).await;
        prepared(app, &path).await;
        let admin = app.as_("to4.admin").await;
        let before = app.footprint();
        change(&admin, &path, "replies", &json!({}))
            .await
            .is_problem(409, "complaint-protocol-needed");
        assert_eq!(app.footprint(), before, "nothing is written on refusal");
        let protocol =
            json!({"number": "2026/201", "registered_on": "2026-03-02", "office": "AOO TO4"});
        let sent = change(&admin, &path, "replies", &json!({"protocol": protocol})).await;
        assert_eq!(sent.is(201).text_at("/dispatches/0/way"), "paper");
        assert_eq!(
            sent.text_at("/dispatches/0/recipient"),
            "Associazione Prova"
        );
        let numbers: Vec<_> = sent
            .list_at("/protocols")
            .iter()
            .map(|one| (one["direction"].clone(), one["number"].clone()))
            .collect();
        assert_eq!(
            numbers,
            [
                (json!("inbound"), json!("2026/114")),
                (json!("outbound"), json!("2026/201"))
            ]
        );
        let again = json!({"direction": "inbound", "number": "2026/114",
            "registered_on": "2026-03-09", "office": "Altra"});
        admin
            .post(&format!("{path}/protocols"), &again)
            .await
            .is(422)
            .has_errors(&[("/number", "already-registered")]);
    }
);

both!(
    what_came_late_after_the_fact_is_marked_and_taken,
    async |app| {
        let late = entered(app).await;
        let (in_time, _) = filed(app).await;
        let operator = app.as_("to4.operator").await;
        assert_eq!(operator.get(&late).await.json["late_filed"], true);
        assert_eq!(operator.get(&in_time).await.json["late_filed"], false);
        // The term runs from the receipt, not from the entry.
        assert_eq!(
            operator.get(&late).await.text_at("/due_at"),
            "2026-03-31T09:00:00Z"
        );
    }
);

both!(
    each_party_sees_its_own_complaints_and_auditors_read_them_all,
    async |app| {
        let (path, mine) = filed(app).await;
        for username in ["to4.operator", "to4.admin", "region.operator", "auditor"] {
            let reader = app.as_(username).await;
            reader.get(&path).await.is(200);
            assert_eq!(
                reader.get("/v1/complaints").await.list_at("/items").len(),
                1
            );
        }
        let elsewhere = app.as_("cn1.supervisor").await;
        elsewhere.get(&path).await.is_problem(404, "not-found");
        assert!(
            elsewhere
                .get("/v1/complaints")
                .await
                .list_at("/items")
                .is_empty()
        );
        for username in ["technician", "system-admin"] {
            let stranger = app.as_(username).await;
            stranger.get(&path).await.is_problem(403, "forbidden");
        }
        let anna = app.citizen(&ANNA);
        anna.get(&mine).await.is_problem(404, "not-found");
        assert!(
            anna.get("/v1/me/complaints")
                .await
                .list_at("/items")
                .is_empty()
        );

        let auditor = app.as_("auditor").await;
        step(&auditor, &path, "note")
            .await
            .is_problem(403, "forbidden");
        // The region's operators prepare what is the region's.
        let regional = app.as_("region.operator").await;
        step(&regional, &path, "prepare")
            .await
            .is_problem(403, "forbidden");
        let mut elsewhere = letter();
        elsewhere["authority_code"] = json!(CN1);
        let operator = app.as_("to4.operator").await;
        operator
            .post("/v1/complaints", &elsewhere)
            .await
            .is(422)
            .has_errors(&[("/authority_code", "not-in-list")]);
        elsewhere["authority_code"] = json!(REGION);
        regional.post("/v1/complaints", &elsewhere).await.is(201);
    }
);

both!(
    a_complaint_by_the_tracking_link_is_about_its_request,
    async |app| {
        let request = app
            .file_anonymous(&forms::report_not_found(&ANNA, TO4), &[])
            .await;
        let tracking = app.tracking(&request).await;
        let body = json!({"subject": "Nessuna risposta", "text": "Aspetto da un mese."});
        let reply = tracking.post("/v1/me/complaints", &body).await;
        reply.is(201);
        assert_eq!(reply.text_at("/responsible_office/code"), TO4);
        assert_eq!(reply.text_at("/tickets/0/number"), request.number);
        let mine = format!("/v1/me/complaints/{}", reply.text_at("/id"));
        own(&tracking, &mine).await;
        let other = app
            .file_anonymous(&forms::report_not_found(&ANNA, CN1), &[])
            .await;
        let other = app.tracking(&other).await;
        other.get(&mine).await.is_problem(404, "not-found");
        let operator = app.as_("to4.operator").await;
        let staff = operator
            .get(&format!("/v1/complaints/{}", reply.text_at("/id")))
            .await;
        assert_eq!(staff.text_at("/complainant/email"), ANNA.email);
    }
);

both!(
    a_term_is_extended_once_and_the_complainant_is_told_why,
    async |app| {
        let (path, mine) = filed(app).await;
        let reason = "Attendiamo la relazione del reparto.";
        let body = json!({"reason": reason});
        let operator = app.as_("to4.operator").await;
        change(&operator, &path, "extensions", &body)
            .await
            .is_problem(403, "forbidden");
        let supervisor = app.as_("to4.supervisor").await;
        let extended = change(&supervisor, &path, "extensions", &body).await;
        assert_eq!(extended.is(201).text_at("/due_at"), "2026-05-01T08:00:00Z");
        let mails = app.mails_to(MARIO.email).await;
        let mail = mails.last().expect("the notice");
        assert!(
            mail.body.contains(reason) && mail.body.contains("01/05/2026"),
            "{}",
            mail.body
        );
        let mine = own(&app.citizen(&MARIO), &mine).await;
        assert_eq!(mine.json["extended"], true);
        assert_eq!(mine.text_at("/letters/0/text"), reason);
        let again = change(&supervisor, &path, "extensions", &body).await;
        again.is_problem(409, "complaint-extended-before");
        assert_eq!(again.text_at("/due_at"), "2026-05-01T08:00:00Z");
    }
);

both!(an_overdue_complaint_is_told_once_and_listed, async |app| {
    let (path, mine) = filed(app).await;
    let told = async || {
        let operator = app.as_("to4.operator").await;
        let page = operator.get("/v1/changes?after=0&limit=100").await;
        let rows = page.list_at("/items").to_vec();
        rows.iter()
            .filter(|row| row["type"] == "complaint.overdue")
            .count()
    };
    let listed = async || {
        let operator = app.as_("to4.operator").await;
        let page = operator.get("/v1/complaints?overdue=true").await;
        page.is(200).list_at("/items").len()
    };
    app.advance("P30D");
    app.run_jobs();
    assert_eq!((told().await, listed().await), (0, 0), "due, not over");
    app.advance("PT1S");
    app.run_jobs();
    app.run_jobs();
    assert_eq!((told().await, listed().await), (1, 1));
    // Silence is visible to who waits.
    assert_eq!(own(&app.citizen(&MARIO), &mine).await.json["overdue"], true);
    prepared(app, &path).await;
    let supervisor = app.as_("to4.supervisor").await;
    change(&supervisor, &path, "replies", &json!({}))
        .await
        .is(201);
    assert_eq!(listed().await, 0);
});

both!(
    a_reply_can_be_given_back_and_a_complaint_looked_at_again,
    async |app| {
        let (path, _) = filed(app).await;
        let scheme = prepared(app, &path).await;
        let supervisor = app.as_("to4.supervisor").await;
        let returned = step(&supervisor, &path, "return-reply").await;
        assert_eq!(returned.is(201).text_at("/state"), "in-preparation");
        change(&supervisor, &path, "replies", &json!({}))
            .await
            .is_problem(409, "complaint-step-not-allowed");
        let operator = app.as_("to4.operator").await;
        change(&operator, &path, "reply-drafts", &reply_by(&scheme))
            .await
            .is(201);
        change(&supervisor, &path, "replies", &json!({}))
            .await
            .is(201);
        let again = step(&supervisor, &path, "reexamine").await;
        assert_eq!(again.is(201).text_at("/state"), "under-reexamination");
        app.advance("P30D");
        app.run_jobs();
        let supervisor = app.as_("to4.supervisor").await;
        let open = supervisor.get(&path).await;
        assert_eq!(
            open.text_at("/state"),
            "under-reexamination",
            "it does not close"
        );
        let archived = step(&supervisor, &path, "archive").await;
        assert_eq!(archived.is(201).text_at("/state"), "archived");
        let refused = step(&supervisor, &path, "note").await;
        refused.is_problem(409, "complaint-step-not-allowed");
        assert!(refused.list_at("/allowed").is_empty());
    }
);

both!(
    a_scheme_is_approved_by_somebody_else_and_makes_no_reply_before,
    async |app| {
        let (path, _) = filed(app).await;
        let admin = app.as_("to4.admin").await;
        let own = json!({"code": "scuse", "label": "Scuse", "body": {"it": "Ci scusiamo.", "en": "Sorry."}});
        let drafted = admin.post("/v1/complaint-reply-schemes", &own).await;
        let own = drafted.header("location").expect("where it is").to_owned();
        change(&admin, &own, "approvals", &json!({}))
            .await
            .is_problem(409, "reply-scheme-own");

        let scheme = draft_scheme(app).await;
        let operator = app.as_("to4.operator").await;
        step(&operator, &path, "prepare").await.is(201);
        change(&operator, &path, "reply-drafts", &reply_by(&scheme))
            .await
            .is_problem(409, "reply-scheme-not-approved");
        let at = format!("/v1/complaint-reply-schemes/{scheme}");
        let supervisor = app.as_("to4.supervisor").await;
        change(&supervisor, &at, "approvals", &json!({}))
            .await
            .is_problem(403, "forbidden");
        let elsewhere = app.as_("cn1.supervisor").await;
        elsewhere.get(&at).await.is_problem(404, "not-found");
        change(&admin, &at, "approvals", &json!({})).await.is(201);
        change(&operator, &path, "reply-drafts", &reply_by(&scheme))
            .await
            .is(201);
        // Another draft is another version, and leaves the approved one as it is.
        let next = draft_scheme(app).await;
        let next = operator
            .get(&format!("/v1/complaint-reply-schemes/{next}"))
            .await;
        assert_eq!(next.json["version"], 2);
        let page = operator
            .get("/v1/complaint-reply-schemes?approved=true")
            .await;
        assert_eq!(page.list_at("/items").len(), 1);
    }
);

both!(what_was_sent_cannot_be_changed_by_anybody, async |app| {
    let (path, _) = filed(app).await;
    prepared(app, &path).await;
    let supervisor = app.as_("to4.supervisor").await;
    change(&supervisor, &path, "replies", &json!({}))
        .await
        .is(201);
    for table in ["complaint_dispatches", "complaint_entries"] {
        let sql = format!("DELETE FROM {table}");
        let outcome = app
            .db
            .write_in(&domain::visibility::Scope::System, move |conn| {
                use diesel::connection::SimpleConnection;
                Ok::<_, storage::StoreError>(conn.batch_execute(&sql)?)
            });
        assert!(outcome.is_err(), "{table}");
    }
});

both!(
    a_complaint_is_classified_by_the_list_and_linked_to_requests_in_reach,
    async |app| {
        let form = forms::report_not_found_logged_in(TO4);
        let request = app.file_as(&MARIO, &form, &[]).await;
        let (path, _) = filed(app).await;
        let operator = app.as_("to4.operator").await;
        let seen = operator.get(&path).await.etag().to_owned();
        let bad = json!({"classification": "weather"});
        operator
            .patch(&path, &seen, &bad)
            .await
            .is(422)
            .has_errors(&[("/classification", "not-in-list")]);
        let good = json!({"classification": "waiting-time", "tickets": [request.number]});
        let described = operator.patch(&path, &seen, &good).await;
        described.is(200);
        assert_eq!(
            described.text_at("/classification/label"),
            "Tempi di attesa"
        );
        assert_eq!(described.text_at("/tickets/0/id"), request.id);
        operator
            .patch(&path, &seen, &good)
            .await
            .is_problem(412, "precondition-failed");
        let strange =
            json!({"subject": "x", "text": "y", "authority_code": TO4, "tickets": [request.id]});
        let anna = app.citizen(&ANNA);
        anna.post("/v1/me/complaints", &strange)
            .await
            .is(422)
            .has_errors(&[("/tickets/0", "not-in-list")]);
    }
);

both!(
    every_bad_field_of_a_complaint_is_told_at_once,
    async |app| {
        let mario = app.citizen(&MARIO);
        let bad = json!({"subject": "a\nb", "email": "x", "happened_at": "2030-01-01T00:00:00Z", "colour": 1});
        mario
            .post("/v1/me/complaints", &bad)
            .await
            .is(422)
            .has_errors(&[
                ("/subject", "invalid-format"),
                ("/text", "required"),
                ("/happened_at", "out-of-range"),
                ("/email", "invalid-format"),
                ("/colour", "unknown-field"),
            ]);
        mario
            .post("/v1/me/complaints", &json!({"subject": "x", "text": "y"}))
            .await
            .is(422)
            .has_errors(&[("/authority_code", "required")]);
        let operator = app.as_("to4.operator").await;
        let bad = json!({"channel": "pigeon", "complainant": {"kind": "ghost"}, "subject": "x"});
        operator
            .post("/v1/complaints", &bad)
            .await
            .is(422)
            .has_errors(&[
                ("/channel", "not-in-list"),
                ("/complainant/kind", "not-in-list"),
                ("/complainant/label", "required"),
                ("/text", "required"),
            ]);
        assert_eq!(app.count("complaints"), 0);
    }
);

both!(
    a_complainant_is_shown_no_linked_request_of_somebody_else,
    async |app| {
        let form = forms::report_not_found_logged_in(TO4);
        let mine = app.file_as(&MARIO, &form, &[]).await;
        let strange = app.file_as(&ANNA, &form, &[]).await;
        let elsewhere = forms::report_not_found_logged_in(CN1);
        let elsewhere = app.file_as(&ANNA, &elsewhere, &[]).await;
        let (path, own_path) = filed(app).await;
        let operator = app.as_("to4.operator").await;
        let seen = operator.get(&path).await.etag().to_owned();
        // Nobody links what they cannot see.
        let wish = json!({"tickets": [elsewhere.number]});
        operator
            .patch(&path, &seen, &wish)
            .await
            .is(422)
            .has_errors(&[("/tickets/0", "not-in-list")]);
        let wish = json!({"tickets": [mine.number, strange.number]});
        let linked = operator.patch(&path, &seen, &wish).await;
        assert_eq!(linked.is(200).list_at("/tickets").len(), 2);

        let shown = own(&app.citizen(&MARIO), &own_path).await;
        assert_eq!(shown.list_at("/tickets").len(), 1);
        assert_eq!(shown.text_at("/tickets/0/number"), mine.number);
        assert!(!shown.everything().contains(&strange.number));
    }
);

both!(
    a_complaint_sends_mail_to_no_address_that_was_not_proved,
    async |app| {
        const STRANGE: &str = "qualcuno@example.org";
        let request = app
            .file_anonymous(&forms::report_not_found(&ANNA, TO4), &[])
            .await;
        let tracking = app.tracking(&request).await;
        for (client, known) in [(app.citizen(&MARIO), MARIO.email), (tracking, ANNA.email)] {
            let mut body = complaint();
            body["email"] = json!(STRANGE);
            client
                .post("/v1/me/complaints", &body)
                .await
                .is(422)
                .has_errors(&[("/email", "not-allowed")]);
            let before = app.mails_to(known).await.len();
            // The same box, written in other letters.
            body["email"] = json!(known.to_uppercase());
            client.post("/v1/me/complaints", &body).await.is(201);
            assert_eq!(app.mails_to(known).await.len(), before + 1);
        }
        assert_eq!(app.count("complaints"), 2);
        assert!(app.mails_to(STRANGE).await.is_empty());
    }
);

both!(no_program_reads_or_files_complaints, async |app| {
    let program = app.program(&["requests:read", "requests:reply"]).await;
    let program = app.with_token(program.token);
    let token = app.citizen(&MARIO).token().to_owned();
    for method in [Method::GET, Method::POST] {
        let mut request = program.request(method.clone(), "/v1/me/complaints");
        if method == Method::POST {
            request = request.key("once-and-for-all").json(&complaint());
        }
        let reply = request.header("citizen-token", &token).send().await;
        reply.is_problem(403, "forbidden");
    }
    assert_eq!(app.count("complaints"), 0);
});
