//! The words of mails: standard ones for all, and a desk's own for the requests it has in custody.

use reqwest::Method;
use serde_json::{Value, json};
use tests::citizens::{ANNA, LAURA, MARIO, Person};
use tests::client::Client;
use tests::mail::Mail;
use tests::people::{CN1, TO4};
use tests::requester::Filed;
use tests::{Reply, TestApp, both, forms};

const RECEIPT: &str = "/v1/message-templates/receipt";
const SUBJECT: &str = "La tua richiesta {{ number }} è da noi";
const BODY: &str = "Ciao,\n\nil numero è {{ number }}, il servizio {{ service_label }}.\n\n\
                    Segui qui:\n{{ tracking_link }}\n\nL'ASL di Prova";

/// Changes words after reading which version they have.
async fn change(client: &Client, method: Method, target: &str, body: Option<Value>) -> Reply {
    let (template, _) = target.split_once("/overrides/").expect("a language");
    let seen = client.get(template).await;
    let request = client.request(method, target).if_match(seen.etag());
    match body {
        Some(body) => request.json(&body).send().await,
        None => request.send().await,
    }
}

async fn reword(client: &Client, target: &str, subject: &str, body: &str) -> Reply {
    let body = json!({"subject": subject, "body": body});
    change(client, Method::PUT, target, Some(body)).await
}

async fn restore(client: &Client, target: &str) -> Reply {
    change(client, Method::DELETE, target, None).await
}

/// Files without a digital identity, and returns the receipt as well.
async fn file(app: &TestApp, person: &Person, desk: &str) -> (Filed, Mail) {
    let form = forms::report_not_found(person, desk);
    let filed = app.file_anonymous(&form, &[]).await;
    (filed, newest_mail(app, person).await)
}

async fn newest_mail(app: &TestApp, person: &Person) -> Mail {
    let mut mails = app.mails_to(person.email).await;
    mails.pop().expect("a mail")
}

both!(
    an_authoritys_own_words_go_out_for_its_requests_until_it_takes_them_back,
    async |app| {
        let admin = app.as_("to4.admin").await;
        let target = format!("{RECEIPT}/overrides/it");
        let changed = reword(&admin, &target, SUBJECT, BODY).await;
        assert_eq!(changed.is(200).json["version"], 2);
        assert_eq!(changed.json["is_overridden"], true);
        assert_eq!(changed.etag(), "\"2\"");

        let (filed, mail) = file(app, &ANNA, TO4).await;
        let number = mail.link().expect("a link").0;
        assert_eq!(mail.subject, format!("La tua richiesta {number} è da noi"));
        assert!(mail.body.starts_with(&format!(
            "Ciao,\n\nil numero è {number}, il servizio Ritiro"
        )));
        assert!(mail.body.contains("non rispondere"), "{}", mail.body);
        assert!(
            mail.html
                .contains(&format!("<p>Ciao,</p>\n<p>il numero è <bdi>{number}</bdi>")),
            "{}",
            mail.html
        );
        assert!(mail.html.contains("<p>L&#39;ASL di Prova</p>"));
        app.tracking(&filed)
            .await
            .get(&filed.own_path(""))
            .await
            .is(200);

        let (_, elsewhere) = file(app, &MARIO, CN1).await;
        assert!(elsewhere.subject.ends_with("l'abbiamo ricevuta"));

        let back = restore(&admin, &target).await;
        assert_eq!(back.is(200).json["is_overridden"], false);
        assert!(back.json["languages"][0]["own"].is_null());
        let (_, standard) = file(app, &LAURA, TO4).await;
        assert!(standard.subject.ends_with("l'abbiamo ricevuta"));
        restore(&admin, &target).await.is_problem(404, "not-found");

        // What was said, by whom and when, stays known.
        let screen = admin.get(RECEIPT).await;
        let history = screen.is(200).list_at("/history");
        let versions: Vec<&Value> = history.iter().map(|change| &change["version"]).collect();
        assert_eq!(versions, [3, 2]);
        assert!(history[0]["words"].is_null());
        assert_eq!(history[1]["words"]["subject"], SUBJECT);
        assert_eq!(history[1]["words"]["body"], BODY);
        let me = admin.get("/v1/me").await;
        assert_eq!(history[1]["author_id"], me.text_at("/id"));
        assert_eq!(history[1]["at"], app.now().to_string());
    }
);

both!(a_desk_sees_and_changes_its_own_words_alone, async |app| {
    let admin = app.as_("to4.admin").await;
    let region = app.as_("region.supervisor").await;
    let target = "/v1/message-templates/resolved/overrides/it";
    let body = "Da {{ number }}: {{ note }}\n\n{{ tracking_link }} entro {{ closes_on }}";
    reword(&admin, target, "Azienda", body).await.is(200);
    reword(&region, target, "Regione", body).await.is(200);
    let own = |reply: Reply| reply.json["message_template"]["languages"][0]["own"].clone();
    let screen = "/v1/message-templates/resolved";
    let supervisor = app.as_("to4.supervisor").await;
    assert_eq!(
        own(supervisor.get(screen).await)["words"]["subject"],
        "Azienda"
    );
    let other = app.as_("cn1.admin").await;
    assert!(own(other.get(screen).await).is_null());
    let system = app.as_("system-admin").await;
    assert_eq!(own(system.get(screen).await)["words"]["subject"], "Regione");

    // The words are those of whoever has the request when the mail goes out.
    let (filed, _) = file(app, &ANNA, TO4).await;
    let operator = app.as_("to4.operator").await;
    let hand_over = json!({"action": "hand-over", "reason_code": "issued-by-other-authority",
        "note": {"body": "Di competenza di un altro ente, per residenza.", "published": true}});
    operator.pass_playbook(&filed.id).await;
    operator.act(&filed.id, &hand_over).await.is(201);
    let regional = app.as_("region.operator").await;
    let resolve = json!({"action": "resolve", "resolution_code": "information-given",
        "note": {"body": "Ecco fatto.", "published": true}});
    regional.act(&filed.id, &resolve).await.is(201);
    assert_eq!(newest_mail(app, &ANNA).await.subject, "Regione");

    let (filed, _) = file(app, &MARIO, TO4).await;
    let resolve = json!({"action": "resolve", "resolution_code": "information-given",
        "note": {"body": "Ecco fatto.", "published": true}});
    operator.act(&filed.id, &resolve).await.is(201);
    assert_eq!(newest_mail(app, &MARIO).await.subject, "Azienda");
});

both!(what_is_wrong_with_words_is_told_all_at_once, async |app| {
    let admin = app.as_("to4.admin").await;
    let target = format!("{RECEIPT}/overrides/it");
    let rows: &[(Value, &[(&str, &str)])] = &[
        (
            json!({}),
            &[("/subject", "required"), ("/body", "required")],
        ),
        (
            json!({"subject": " ", "body": "\n"}),
            &[("/subject", "required"), ("/body", "required")],
        ),
        (
            json!({"subject": 1, "body": BODY, "html": "x"}),
            &[("/subject", "invalid-type"), ("/html", "unknown-field")],
        ),
        (
            json!({"subject": "Per {{ service_label }}\r\n", "body": "{{ number }}"}),
            &[
                ("/subject", "forbidden-chars"),
                ("/body", "placeholder-missing"),
                ("/body", "placeholder-missing"),
            ],
        ),
        (
            json!({"subject": "Per {{ service_label }}", "body": format!("{BODY} {{{{ note }}}} {{{{ code }}}}")}),
            &[
                ("/subject", "unknown-placeholder"),
                ("/body", "unknown-placeholder"),
                ("/body", "unknown-placeholder"),
            ],
        ),
        (
            json!({"subject": "a\nBcc: x@example.org", "body": format!("{BODY} {{% for x in y %}}")}),
            &[
                ("/subject", "forbidden-chars"),
                ("/body", "template-syntax"),
            ],
        ),
        (
            json!({"subject": "{{ number | upper }}", "body": format!("{BODY} {{{{ range(9) }}}}")}),
            &[
                ("/subject", "template-syntax"),
                ("/body", "template-syntax"),
            ],
        ),
        (
            json!({"subject": "<b>x</b>", "body": format!("{BODY}\n\n<img src=https://example.org/x.png>")}),
            &[
                ("/subject", "html-not-allowed"),
                ("/body", "html-not-allowed"),
                ("/body", "remote-content"),
            ],
        ),
        (
            json!({"subject": "è".repeat(79), "body": "è".repeat(4_001)}),
            &[("/subject", "too-long"), ("/body", "too-long")],
        ),
        (
            json!({"subject": SUBJECT, "body": "{{number}}".repeat(4) + BODY}),
            &[("/body", "placeholder-repeated")],
        ),
    ];
    for (body, errors) in rows {
        let reply = change(&admin, Method::PUT, &target, Some(body.clone())).await;
        reply.is_problem(422, "validation-error").has_errors(errors);
        // A preview judges alike; what is left out stands as it is.
        let mut tried = body.clone();
        tried["lang"] = json!("it");
        if body.as_object().is_some_and(|body| !body.is_empty()) {
            let preview = admin.post(&format!("{RECEIPT}/previews"), &tried).await;
            preview.is(422).has_errors(errors);
        }
    }
    let unknown = admin
        .request(Method::PUT, &target)
        .if_match("\"1\"")
        .header("accept-language", "en")
        .json(&json!({"subject": "x", "body": format!("{BODY} {{{{ ssn }}}}")}))
        .send()
        .await;
    assert_eq!(
        unknown.is(422).text_at("/errors/0/message"),
        "there is no placeholder ssn here"
    );
    assert_eq!(app.count("message_wordings"), 0);
});

both!(
    words_are_changed_by_whoever_saw_the_last_ones,
    async |app| {
        let admin = app.as_("to4.admin").await;
        let [it, en] = ["it", "en"].map(|lang| format!("{RECEIPT}/overrides/{lang}"));
        let words = json!({"subject": SUBJECT, "body": BODY});
        let put = |target: &str, seen: &str| {
            let request = admin.request(Method::PUT, target).if_match(seen);
            request.json(&words).send()
        };
        let blind = admin.put(&it, &words).await;
        blind.is_problem(428, "precondition-required");
        let blind = admin.delete(&it).await;
        blind.is_problem(428, "precondition-required");
        put(&it, "\"1\"").await.is(200);
        // Both languages are read and guarded as one thing.
        let stale = put(&en, "\"1\"").await;
        stale.is_problem(412, "precondition-failed");
        assert_eq!(stale.json["current_version"], 2);
        assert_eq!(put(&en, "\"2\"").await.is(200).etag(), "\"3\"");
        let stale = admin.request(Method::DELETE, &it).if_match("\"2\"");
        stale.send().await.is_problem(412, "precondition-failed");
        assert_eq!(app.count("message_wordings"), 2);
        let screen = admin.get(RECEIPT).await;
        let known = admin.request(Method::GET, RECEIPT);
        let known = known.header("if-none-match", screen.etag());
        known.send().await.is(304);
    }
);

both!(of_two_who_change_at_once_one_is_told, async |app| {
    let admin = app.as_("to4.admin").await;
    let target = format!("{RECEIPT}/overrides/it");
    let words = json!({"subject": SUBJECT, "body": BODY});
    let put = || {
        let request = admin.request(Method::PUT, &target).if_match("\"1\"");
        request.json(&words).send()
    };
    let (one, two) = futures_util::future::join(put(), put()).await;
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
    assert_eq!(app.count("message_wordings"), 1);
});

both!(codes_and_credentials_keep_their_words, async |app| {
    let admin = app.as_("to4.admin").await;
    let list = admin.get("/v1/message-templates").await;
    let items = list.is(200).list_at("/items");
    let reserved: Vec<&str> = items
        .iter()
        .filter(|item| item["may_override"] == false)
        .map(|item| item["template"].as_str().expect("a code"))
        .collect();
    let expected = [
        "one-time-code",
        "security-code",
        "credential-expiring",
        "client-expiring",
        "complaint-received",
        "complaint-extended",
        "complaint-reply",
        "rights-extended",
        "rights-answered",
        "export-ready",
        "staff-assigned",
        "staff-requester-wrote",
        "staff-queue",
        "staff-digest",
        "break-glass",
    ];
    assert_eq!(reserved, expected);
    let words = json!({"subject": "Codice", "body": "Il codice: {{ code }} {{ minutes }}"});
    for template in expected {
        let target = format!("/v1/message-templates/{template}");
        let over = format!("{target}/overrides/it");
        let put = admin.request(Method::PUT, &over).if_match("\"1\"");
        let reply = put.json(&words).send().await;
        reply.is_problem(403, "forbidden");
        let delete = admin.request(Method::DELETE, &over).if_match("\"1\"");
        delete.send().await.is_problem(403, "forbidden");
        let tried = json!({"lang": "it", "subject": "x"});
        let preview = admin.post(&format!("{target}/previews"), &tried).await;
        preview.is_problem(403, "forbidden");
        // To read they are anybody's who reads words.
        let preview = admin
            .post(&format!("{target}/previews"), &json!({"lang": "en"}))
            .await;
        assert!(
            preview
                .is(200)
                .text_at("/html")
                .contains("<html lang=\"en\"")
        );
    }
});

both!(what_is_not_there_is_not_found, async |app| {
    let admin = app.as_("to4.admin").await;
    let words = json!({"subject": SUBJECT, "body": BODY});
    for target in [
        "/v1/message-templates/farewell/overrides/it",
        "/v1/message-templates/receipt/overrides/fr",
        "/v1/message-templates/receipt/overrides/IT",
    ] {
        let put = admin.request(Method::PUT, target).if_match("\"1\"");
        put.json(&words).send().await.is_problem(404, "not-found");
        let delete = admin.request(Method::DELETE, target).if_match("\"1\"");
        delete.send().await.is_problem(404, "not-found");
    }
    let show = admin.get("/v1/message-templates/farewell").await;
    show.is_problem(404, "not-found");
    let tried = json!({"lang": "it"});
    let preview = admin
        .post("/v1/message-templates/farewell/previews", &tried)
        .await;
    preview.is_problem(404, "not-found");
    for (wrong, errors) in [
        (json!({}), [("/lang", "required")]),
        (json!({"lang": "fr"}), [("/lang", "not-in-list")]),
        (json!({"lang": 1}), [("/lang", "invalid-type")]),
        (json!({"lang": "it", "x": 1}), [("/x", "unknown-field")]),
    ] {
        let preview = admin.post(&format!("{RECEIPT}/previews"), &wrong).await;
        preview.is(422).has_errors(&errors);
    }
});

both!(a_preview_shows_both_parts_and_keeps_nothing, async |app| {
    let supervisor = app.as_("to4.supervisor").await;
    let target = format!("{RECEIPT}/previews");
    let now = supervisor.post(&target, &json!({"lang": "it"})).await;
    assert_eq!(
        now.is(200).text_at("/subject"),
        "Richiesta 2026-0000417-S: l'abbiamo ricevuta"
    );
    let tried = json!({"lang": "it", "subject": SUBJECT, "body": BODY});
    let preview = supervisor.post(&target, &tried).await;
    assert_eq!(
        preview.is(200).text_at("/subject"),
        "La tua richiesta 2026-0000417-S è da noi"
    );
    let (text, html) = (preview.text_at("/text"), preview.text_at("/html"));
    assert!(text.contains("Segui qui:\nhttps://assistenza.example.org/"));
    assert!(html.contains("<p>Segui qui:<br>\n<a href=\"https://assistenza.example.org/"));
    assert_eq!(app.count("message_wordings"), 0);

    // What is left out is what holds now.
    let admin = app.as_("to4.admin").await;
    reword(&admin, &format!("{RECEIPT}/overrides/it"), SUBJECT, BODY)
        .await
        .is(200);
    let half = json!({"lang": "it", "subject": "Solo l'oggetto"});
    let preview = supervisor.post(&target, &half).await;
    assert_eq!(preview.is(200).text_at("/subject"), "Solo l'oggetto");
    assert!(preview.text_at("/text").contains("L'ASL di Prova"));
    let now = supervisor.post(&target, &json!({"lang": "it"})).await;
    assert!(now.is(200).text_at("/text").contains("L'ASL di Prova"));
});

both!(a_mail_goes_out_whatever_became_of_the_words, async |app| {
    // As if a release had taken a placeholder away, or a hand had been in the table.
    for (version, body) in [
        (2, "Servizio {{ ssn }}"),
        (3, "{% for x in y %}"),
        (4, "Solo {{ number }}"),
        (
            5,
            "<script>{{ number }}{{ service_label }}{{ tracking_link }}</script>",
        ),
    ] {
        app.execute(&format!(
            "INSERT INTO message_wordings \
             SELECT '{TO4}', 'receipt', {version}, 'it', 'Oggetto', '{body}', id, created_at \
             FROM accounts WHERE username = 'to4.admin'"
        ));
        app.advance("PT2H");
        let (_, mail) = file(app, &ANNA, TO4).await;
        assert!(mail.subject.ends_with("l'abbiamo ricevuta"), "{body}");
        assert!(!mail.html.contains("<script"));
        let admin = app.as_("to4.admin").await;
        let preview = admin
            .post(&format!("{RECEIPT}/previews"), &json!({"lang": "it"}))
            .await;
        assert!(preview.is(200).text_at("/subject").ends_with("ricevuta"));
    }
});

both!(what_a_person_wrote_is_text_in_both_parts, async |app| {
    let admin = app.as_("to4.admin").await;
    let target = "/v1/message-templates/info-requested/overrides/it";
    let body = "Per {{ number }}, {{ service_label }}:\n\n{{ note }}\n\n{{ tracking_link }}";
    reword(&admin, target, "Una domanda", body).await.is(200);
    let (filed, _) = file(app, &ANNA, TO4).await;
    let operator = app.as_("to4.operator").await;
    let note =
        "Prima riga,\nseconda\n\n<script>alert('1')</script> {{ code }} {{ number }} {% x %}";
    let ask = json!({"action": "ask-info", "note": {"body": note, "published": true}});
    operator.act(&filed.id, &ask).await.is(201);
    let mail = newest_mail(app, &ANNA).await;
    assert_eq!(mail.subject, "Una domanda");
    assert!(
        mail.body.contains(&format!(":\n\n{note}\n\nhttps://")),
        "{}",
        mail.body
    );
    let escaped = "<p><bdi>Prima riga,<br>\nseconda<br>\n<br>\n&lt;script&gt;alert(&#39;1&#39;)\
                   &lt;/script&gt; {{ code }} {{ number }} {% x %}</bdi></p>";
    assert!(mail.html.contains(escaped), "{}", mail.html);
    assert!(!mail.html.contains("<script"));
});
