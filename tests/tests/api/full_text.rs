//! Requests are found by the words on them, as far as whoever asks may read these.

use reqwest::Method;
use serde_json::{Value, json};
use tests::citizens::MARIO;
use tests::people::{CN1, TO4};
use tests::{Client, Reply, TestApp, both, forms};

async fn file(app: &TestApp, description: &str) -> String {
    let form = json!({
        "service_code": "FSE", "problem_type": "errore-tecnico", "authority_code": TO4,
        "description": description, "privacy_ack": true,
    });
    app.file_as(&MARIO, &form, &[]).await.id
}

async fn search(client: &Client, search: Value) -> Reply {
    client.post("/v1/ticket-searches", &search).await
}

/// The requests found, in order, and what may be missing.
async fn found(client: &Client, words: &str) -> (Vec<String>, Value) {
    let page = search(client, json!({"q": words})).await;
    let ids = page.is(200).list_at("/items").iter();
    let ids = ids.map(|item| item["id"].as_str().expect("an id").to_owned());
    (ids.collect(), page.json["search_gaps"].clone())
}

both!(
    a_request_is_found_by_its_words_its_number_and_what_it_is_about,
    async |app| {
        let one = file(app, "Non trovo più i referti della città, perché?").await;
        app.advance("PT1M");
        let other = file(app, "Il referto è di un'altra persona").await;
        let operator = app.as_("to4.operator").await;
        let number = operator.screen(&one).await.text_at("/number").to_owned();
        let both = vec![other.clone(), one.clone()];
        for (words, ids) in [
            ("REFERTO", &both),
            ("refer*", &both),
            ("consultazione", &both),
            ("PERCHE'", &vec![one.clone()]),
            ("citta", &vec![one.clone()]),
            ("\"altra persona\"", &vec![other.clone()]),
            ("\"persona altra\"", &vec![]),
            ("altra trovo", &vec![]),
            (&number, &vec![one.clone()]),
            ("?!", &vec![]),
        ] {
            assert_eq!(
                found(&operator, words).await,
                (ids.clone(), json!([])),
                "{words}"
            );
        }
        let list = operator.get("/v1/tickets?q=referto&limit=1").await;
        assert_eq!(list.is(200).json["items"][0]["id"], other);
        let next = list.text_at("/next_cursor").to_owned();
        let rest = operator
            .get(&format!("/v1/tickets?q=referto&limit=1&cursor={next}"))
            .await;
        assert_eq!(rest.is(200).json["items"][0]["id"], one);
        assert_eq!(rest.json["next_cursor"], Value::Null);
        let all = operator.get("/v1/tickets").await;
        assert_eq!(all.is(200).json["search_gaps"], Value::Null);
    }
);

both!(
    a_note_is_found_by_those_who_may_read_it_alone,
    async |app| {
        let form = forms::report_not_found(&MARIO, TO4);
        let id = app.file_as(&MARIO, &form, &[]).await.id;
        let operator = app.as_("to4.operator").await;
        let internal = json!({"body": "appunto zz11", "published": false});
        let published = json!({"body": "risposta zz12", "published": true});
        for note in [internal, published] {
            let act = json!({"action": "note", "note": note});
            operator.act(&id, &act).await.is(201);
        }
        let region = app.as_("region.supervisor").await;
        let elsewhere = app.as_("cn1.operator").await;
        for (who, words, count) in [
            (&operator, "zz11", 1),
            (&operator, "zz12", 1),
            (&region, "zz11", 0),
            (&region, "zz12", 1),
            (&elsewhere, "zz12", 0),
        ] {
            assert_eq!(found(who, words).await.0.len(), count, "{words}");
        }
        let over = json!({"action": "hand-over", "reason_code": "checks-passed",
            "note": {"body": "alla regione zz13", "published": true}});
        operator.pass_playbook(&id).await;
        operator.act(&id, &over).await.is(201);
        assert_eq!(found(&region, "zz13").await.0, [id]);
        assert_eq!(
            found(&operator, "zz12").await.0.len(),
            0,
            "it is not in its list any more"
        );
    }
);

both!(what_looks_like_syntax_is_words, async |app| {
    file(app, "uno due tre").await;
    let operator = app.as_("to4.operator").await;
    for words in [
        "uno AND",
        "OR",
        "NEAR(uno due)",
        "uno -due",
        "words:uno",
        "\"uno",
        "'",
        "\\",
        "%",
        "u*o",
        "()",
        "!&|",
        "<->",
        "uno:*",
        "^uno",
        "\"\"",
        "“uno due”",
    ] {
        let page = search(&operator, json!({"q": words})).await;
        assert_eq!(page.is(200).json["search_gaps"], json!([]), "{words}");
    }
    let long = search(&operator, json!({"q": "a".repeat(201)})).await;
    long.is(422).has_errors(&[("/q", "too-long")]);
});

both!(
    words_go_when_texts_are_sealed_and_come_back_when_they_are_opened,
    async |app| {
        let id = file(app, "La risonanza zz21").await;
        let operator = app.as_("to4.operator").await;
        let note = json!({"action": "note", "note": {"body": "appunto zz22", "published": true}});
        operator.act(&id, &note).await.is(201);
        let admin = app.as_("to4.admin").await;
        for (sealed, count) in [(true, 0), (false, 1)] {
            let target = format!("/v1/privacy-settings/{TO4}");
            let seen = admin.get(&target).await;
            let change = admin.request(Method::PUT, &target).if_match(seen.etag());
            let change = change.json(&json!({"seal_texts": sealed})).send().await;
            change.is(200);
            app.advance("PT2S");
            app.run_jobs();
            for words in ["zz21", "zz22"] {
                assert_eq!(
                    found(&operator, words).await.0.len(),
                    count,
                    "{words} {sealed}"
                );
            }
            let kept = tests::at_rest::texts(&app.db);
            assert_eq!(kept.iter().any(|row| row.contains("zz21")), !sealed);
            assert_eq!(
                found(&operator, "consultazione").await.0,
                std::slice::from_ref(&id)
            );
        }
        assert_eq!(
            found(&app.as_("cn1.operator").await, "zz21").await.0.len(),
            0,
            "{CN1}"
        );
    }
);
