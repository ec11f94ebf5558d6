//! The texts on an authority's requests, sealed at rest or searched: never both.

use reqwest::Method;
use serde_json::{Value, json};
use tests::citizens::MARIO;
use tests::people::{CN1, TO4};
use tests::{Client, Reply, TestApp, both};

/// Written by nobody but these tests.
const SAID: &str = "Il referto della risonanza xq71 non si apre.";
const ASKED: &str = "Ci dica la data dell'esame xq72.";

async fn file(app: &TestApp, authority: &str) -> String {
    let form = json!({
        "service_code": "FSE", "problem_type": "errore-tecnico", "authority_code": authority,
        "description": SAID, "privacy_ack": true,
    });
    let filed = app.file_as(&MARIO, &form, &[]).await;
    let operator = match authority {
        TO4 => "to4.operator",
        _ => "cn1.operator",
    };
    let note = json!({"body": ASKED, "published": true});
    let asked = json!({"action": "ask-info", "note": note});
    app.as_(operator).await.act(&filed.id, &asked).await.is(201);
    filed.id
}

async fn seal_texts(admin: &Client, authority: &str, wanted: bool) -> Reply {
    let target = format!("/v1/privacy-settings/{authority}");
    let seen = admin.get(&target).await;
    let request = admin.request(Method::PUT, &target).if_match(seen.etag());
    request.json(&json!({"seal_texts": wanted})).send().await
}

/// Whether the words are anywhere in the database.
fn is_at_rest(app: &TestApp, word: &str) -> bool {
    tests::at_rest::texts(&app.db)
        .iter()
        .any(|text| text.contains(word))
}

async fn found(client: &Client, word: &str) -> (Vec<String>, Value) {
    let page = client.get(&format!("/v1/tickets?q={word}")).await;
    let items = page.is(200).list_at("/items").iter();
    let ids = items.map(|item| item["id"].as_str().expect("an id").to_owned());
    (ids.collect(), page.json["unsearched_authorities"].clone())
}

both!(
    sealed_texts_are_nowhere_at_rest_and_read_as_before,
    async |app| {
        let before = file(app, TO4).await;
        assert!(is_at_rest(app, "xq71") && is_at_rest(app, "xq72"));
        let admin = app.as_("to4.admin").await;
        let sealed = seal_texts(&admin, TO4, true).await;
        assert_eq!(sealed.is(200).json["full_text_search"], false);
        let after = file(app, TO4).await;
        app.run_jobs();
        app.run_jobs();
        assert!(!is_at_rest(app, "xq71") && !is_at_rest(app, "xq72"));
        let operator = app.as_("to4.operator").await;
        for ticket in [&before, &after] {
            let screen = operator.screen(ticket).await;
            assert_eq!(screen.json["description"], SAID);
            assert!(screen.text().contains("xq72"));
            let mario = app.citizen(&MARIO);
            let own = mario.get(&format!("/v1/me/tickets/{ticket}")).await;
            assert!(own.is(200).text().contains("xq72"));
        }
    }
);

both!(
    sealed_texts_are_not_searched_and_the_list_says_so,
    async |app| {
        let here = file(app, TO4).await;
        let there = file(app, CN1).await;
        let region = app.as_("region.supervisor").await;
        let (ids, unsearched) = found(&region, "xq71").await;
        assert_eq!((ids.len(), unsearched), (2, json!([])));
        let admin = app.as_("to4.admin").await;
        seal_texts(&admin, TO4, true).await.is(200);
        app.run_jobs();
        app.run_jobs();
        let (ids, unsearched) = found(&region, "xq71").await;
        assert_eq!(ids, std::slice::from_ref(&there));
        assert_eq!(unsearched[0]["code"], TO4);
        let number = region.screen(&here).await.text_at("/number").to_owned();
        assert_eq!(found(&region, &number).await.0, std::slice::from_ref(&here));
        let plain = region.get("/v1/tickets").await;
        assert_eq!(plain.is(200).json["unsearched_authorities"], Value::Null);

        seal_texts(&admin, TO4, false).await.is(200);
        app.advance("PT2S");
        app.run_jobs();
        assert_eq!(found(&region, "xq71").await.0.len(), 2);
    }
);

both!(
    an_authority_decides_for_itself_and_on_the_version_it_saw,
    async |app| {
        let admin = app.as_("to4.admin").await;
        let target = format!("/v1/privacy-settings/{TO4}");
        let shown = admin.get(&target).await;
        assert_eq!(
            shown.is(200).json,
            json!({"seal_texts": false, "full_text_search": true})
        );
        let unseen = admin.put(&target, &json!({"seal_texts": true})).await;
        unseen.is_problem(428, "precondition-required");
        seal_texts(&admin, TO4, true).await.is(200);
        let stale = admin.request(Method::PUT, &target).if_match(shown.etag());
        let stale = stale.json(&json!({"seal_texts": false})).send().await;
        stale.is_problem(412, "precondition-failed");
        let wrong = admin.request(Method::PUT, &target).if_match("\"2\"");
        let wrong = wrong.json(&json!({"seal_texts": "yes", "seal": 1})).send();
        let errors = [("/seal", "unknown-field"), ("/seal_texts", "invalid-type")];
        wrong.await.is(422).has_errors(&errors);
        admin
            .get(&format!("/v1/privacy-settings/{CN1}"))
            .await
            .is(404);
        let auditor = app.as_("auditor").await;
        assert_eq!(auditor.get(&target).await.is(200).json["seal_texts"], true);
    }
);
