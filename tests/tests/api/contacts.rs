//! Contacts: logged on or before a ticket, seen by the desk that had them.

use serde_json::{Value, json};
use tests::citizens::MARIO;
use tests::people::{CN1, TO4};
use tests::requester::Filed;
use tests::{TestApp, both, forms};

async fn file(app: &TestApp, authority: &str) -> Filed {
    let form = forms::report_not_found_logged_in(authority);
    app.file_as(&MARIO, &form, &[]).await
}

fn rang() -> Value {
    json!({"channel": "phone", "direction": "inbound", "outcome": "answered"})
}

fn with(mut body: Value, member: &str, value: impl Into<Value>) -> Value {
    body[member] = value.into();
    body
}

both!(
    a_contact_is_logged_before_a_request_and_linked_to_it_once,
    async |app| {
        let operator = app.as_("to4.operator").await;
        let noted = with(rang(), "note", "Chiede dei referti.");
        let logged = operator.post("/v1/contacts", &noted).await;
        logged.is(201);
        assert_eq!(logged.json["ticket"], Value::Null);
        assert_eq!(logged.text_at("/at"), app.now().to_string());
        let path = logged.header("location").expect("where it is").to_owned();

        let filed = file(app, TO4).await;
        let link = json!({"ticket": filed.number});
        operator
            .patch(&path, "\"9\"", &link)
            .await
            .is_problem(412, "precondition-failed");
        let linked = operator.patch(&path, logged.etag(), &link).await;
        linked.is(200);
        assert_eq!(linked.text_at("/ticket/id"), filed.id);

        let other = file(app, TO4).await;
        operator
            .patch(&path, linked.etag(), &json!({"ticket": other.id}))
            .await
            .is(422)
            .has_errors(&[("/ticket", "already-linked")]);
        let seen = operator.get(&path).await;
        assert_eq!(seen.text_at("/ticket/number"), filed.number);
        assert_eq!(seen.text_at("/note"), "Chiede dei referti.");
    }
);

both!(every_bad_field_of_a_contact_is_told_at_once, async |app| {
    let operator = app.as_("to4.operator").await;
    let bad = json!({
        "channel": "pigeon", "outcome": 7, "at": "2099-01-01T00:00:00Z", "note": " ", "colour": "red",
    });
    operator
        .post("/v1/contacts", &bad)
        .await
        .is(422)
        .has_errors(&[
            ("/channel", "not-in-list"),
            ("/direction", "required"),
            ("/outcome", "invalid-type"),
            ("/at", "in-the-future"),
            ("/note", "required"),
            ("/colour", "unknown-field"),
        ]);
    assert_eq!(app.count("contacts"), 0);
});

both!(
    a_request_out_of_reach_is_as_one_that_never_existed,
    async |app| {
        let elsewhere = file(app, CN1).await;
        let operator = app.as_("to4.operator").await;
        let mut answers = Vec::new();
        for ticket in [
            elsewhere.id.as_str(),
            elsewhere.number.as_str(),
            "01990000-0000-7000-8000-000000000000",
            "nothing",
        ] {
            let about = with(rang(), "ticket", ticket);
            let reply = operator.post("/v1/contacts", &about).await;
            reply.is(422).has_errors(&[("/ticket", "not-in-list")]);
            answers.push(reply.json["errors"].clone());
        }
        answers.dedup();
        assert_eq!(answers.len(), 1);
        let about = with(rang(), "ticket", elsewhere.id.as_str());
        let region = app.as_("region.operator").await;
        region.post("/v1/contacts", &about).await.is(201);
    }
);

both!(
    a_desk_sees_its_own_contacts_and_the_region_all,
    async |app| {
        let filed = file(app, TO4).await;
        let to4 = app.as_("to4.operator").await;
        let contacts = [
            with(rang(), "ticket", filed.id.as_str()),
            with(rang(), "channel", "counter"),
            with(rang(), "at", "2026-03-01T09:00:00Z"),
        ];
        for contact in &contacts {
            to4.post("/v1/contacts", contact).await.is(201);
        }
        let cn1 = app.as_("cn1.operator").await;
        let other = cn1.post("/v1/contacts", &rang()).await;
        let path = other.header("location").expect("where it is");
        to4.get(path).await.is_problem(404, "not-found");
        to4.patch(path, "\"1\"", &json!({"ticket": filed.id}))
            .await
            .is_problem(404, "not-found");

        let count = async |client: &tests::Client, query: &str| {
            let page = client.get(&format!("/v1/contacts{query}")).await;
            page.is(200).list_at("/items").len()
        };
        let region = app.as_("region.supervisor").await;
        assert_eq!((count(&to4, "").await, count(&cn1, "").await), (3, 1));
        assert_eq!(count(&region, "").await, 4);
        for (query, expected) in [
            ("?channel=counter", 1),
            ("?channel=phone", 2),
            ("?outcome=abandoned", 0),
            ("?to=2026-03-02T00:00:00Z", 1),
            ("?from=2026-03-01T09:00:00Z&to=2026-03-02T00:00:00Z", 1),
            ("?from=2026-03-02T00:00:00Z", 2),
        ] {
            assert_eq!(count(&to4, query).await, expected, "{query}");
        }
        let about = format!("?ticket={}", filed.number);
        assert_eq!(
            (count(&to4, &about).await, count(&cn1, &about).await),
            (1, 0)
        );
        to4.get("/v1/contacts?channel=pigeon&colour=red")
            .await
            .is(400);
    }
);

both!(contacts_come_in_pages_the_newest_first, async |app| {
    let operator = app.as_("to4.operator").await;
    for minute in ["01", "03", "02", "02"] {
        let at = format!("2026-03-01T09:{minute}:00Z");
        operator
            .post("/v1/contacts", &with(rang(), "at", at))
            .await
            .is(201);
    }
    let (mut found, mut next) = (Vec::new(), "/v1/contacts?limit=1".to_owned());
    loop {
        let page = operator.get(&next).await;
        found.push(page.text_at("/items/0/at").to_owned());
        match page.json["next_cursor"].as_str() {
            Some(cursor) => next = format!("/v1/contacts?limit=1&cursor={cursor}"),
            None => break,
        }
    }
    let minutes: Vec<&str> = found.iter().map(|at| &at[14..16]).collect();
    assert_eq!(minutes, ["03", "02", "02", "01"]);
});

both!(a_contact_logged_twice_with_one_key_is_one, async |app| {
    let operator = app.as_("to4.operator").await;
    let post = async || {
        let request = operator.request(reqwest::Method::POST, "/v1/contacts");
        request.key("once").json(&rang()).send().await
    };
    let (first, second) = (post().await, post().await);
    assert_eq!(first.json, second.json);
    assert_eq!(second.header("idempotency-replayed"), Some("true"));
    assert_eq!(app.count("contacts"), 1);
});
