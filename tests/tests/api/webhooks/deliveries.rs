//! What endpoints are told, how it looks, and its log.

use serde_json::json;
use tests::both;
use tests::receiver::{Answer, Receiver};

use super::{ENDPOINTS, Told, file, types};

both!(
    each_endpoint_is_told_what_it_asks_for_and_may_see,
    async |app| {
        let receiver = Receiver::start();
        Told::add(app, "to4.admin", &receiver, "/to4", &["request.*"]).await;
        Told::add(app, "to4.admin", &receiver, "/to4-notes", &["note.*"]).await;
        Told::add(app, "cn1.admin", &receiver, "/cn1", &["*"]).await;
        Told::add(
            app,
            "region.supervisor",
            &receiver,
            "/region",
            &["request.created"],
        )
        .await;
        let filed = file(app).await;
        let take = json!({"action": "take"});
        app.as_("to4.operator")
            .await
            .act(&filed.id, &take)
            .await
            .is(201);
        let run = app.send_webhooks().await;
        assert_eq!((run.delivered, run.retried, run.failed), (3, 0, 0));
        let mut paths: Vec<_> = receiver.got().into_iter().map(|got| got.path).collect();
        paths.sort();
        assert_eq!(paths, ["/region", "/to4", "/to4"]);
        assert_eq!(app.send_webhooks().await.delivered, 0);
    }
);

both!(
    an_authority_hears_of_a_request_until_it_hands_it_over,
    async |app| {
        let receiver = Receiver::start();
        Told::add(app, "to4.admin", &receiver, "/to4", &["*"]).await;
        let filed = file(app).await;
        let note =
            json!({"body": "Non è di nostra competenza, serve la regione.", "published": true});
        let hand_over = json!({"action": "hand-over", "reason_code": "issued-by-other-authority", "note": note});
        let operator = app.as_("to4.operator").await;
        operator.pass_playbook(&filed.id).await;
        let handed = operator.act(&filed.id, &hand_over).await;
        handed.is(201);
        app.send_webhooks().await;
        let told = types(&receiver);
        assert!(told.contains(&"request.handed_over".to_owned()), "{told:?}");
        app.as_("region.operator")
            .await
            .act(&filed.id, &json!({"action": "take"}))
            .await
            .is(201);
        app.send_webhooks().await;
        assert_eq!(types(&receiver), Vec::<String>::new());
    }
);

both!(a_delivery_is_signed_and_thin, async |app| {
    let receiver = Receiver::start();
    let told = Told::add(app, "to4.admin", &receiver, "/in", &["request.created"]).await;
    let filed = file(app).await;
    app.send_webhooks().await;
    let got = receiver.got().remove(0);
    assert_eq!(got.verified_by(&told.secret), Some(0));
    assert_eq!(
        got.header("content-type"),
        "application/cloudevents+json; charset=utf-8"
    );
    let seconds = app.now().as_second().to_string();
    assert_eq!(got.header("webhook-timestamp"), seconds);
    let event = got.event();
    let members: Vec<&str> = event
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    let mut sorted = members.clone();
    sorted.sort_unstable();
    assert_eq!(
        sorted,
        [
            "data",
            "datacontenttype",
            "dataschema",
            "id",
            "source",
            "specversion",
            "subject",
            "time",
            "type"
        ]
    );
    assert_eq!(event["specversion"], "1.0");
    assert_eq!(event["type"], "it.sportello.request.created");
    assert_eq!(event["source"], "https://sportello.example.org");
    assert_eq!(event["subject"], filed.id.as_str());
    assert_eq!(event["time"], app.now().to_string());
    assert_eq!(event["data"]["ticket_id"], filed.id.as_str());
    assert_eq!(event["data"]["seq"], 1);
    assert!(got.body.len() < 20_000);
    // Nothing of the person, and nothing they wrote.
    let anna = tests::citizens::ANNA;
    for personal in [anna.tax_code, anna.given_name, anna.family_name, anna.email] {
        let found = got.body.to_lowercase().contains(&personal.to_lowercase());
        assert!(!found, "{personal} in {}", got.body);
    }
    let schema = event["dataschema"].as_str().expect("an address");
    let (document, pointer) = schema.split_once('#').expect("a pointer");
    assert!(document.ends_with("/openapi.json"));
    let description = app.anonymous().get("/openapi.json").await;
    assert!(description.json.pointer(pointer).is_some(), "{schema}");
});

both!(one_event_has_one_id_for_all_its_endpoints, async |app| {
    let receiver = Receiver::start();
    Told::add(app, "to4.admin", &receiver, "/one", &["request.created"]).await;
    Told::add(app, "to4.admin", &receiver, "/two", &["request.created"]).await;
    file(app).await;
    app.send_webhooks().await;
    let got = receiver.got();
    assert_eq!(got.len(), 2);
    assert_eq!(got[0].event()["id"], got[1].event()["id"]);
    assert_ne!(got[0].header("webhook-id"), got[1].header("webhook-id"));
});

both!(
    the_log_tells_each_try_and_a_redelivery_keeps_its_id,
    async |app| {
        let receiver = Receiver::start();
        let told = Told::add(app, "to4.admin", &receiver, "/in", &["request.created"]).await;
        receiver.answers("/in", Answer::Status(500));
        file(app).await;
        app.send_webhooks().await;
        let admin = app.as_("to4.admin").await;
        let log = told.log(&admin).await;
        assert_eq!(log.len(), 1);
        assert_eq!(log[0]["state"], "pending");
        assert_eq!(log[0]["reason"], "http-500");
        assert_eq!(log[0]["event_type"], "request.created");
        assert_eq!(log[0]["attempts"][0]["status"], 500);
        assert_eq!(log[0]["attempts"][0]["number"], 1);
        let first = receiver.got().remove(0);
        assert_eq!(log[0]["event"], first.event());
        assert_eq!(log[0]["id"], first.header("webhook-id"));
        receiver.answers("/in", Answer::Status(200));
        let retries = format!(
            "{}/deliveries/{}/retries",
            told.path,
            first.header("webhook-id")
        );
        for state in ["pending", "delivered"] {
            let page = admin
                .get(&format!("{}/deliveries?state={state}", told.path))
                .await;
            assert_eq!(page.is(200).list_at("/items").len(), 1, "{state}");
            // What was delivered can be delivered once more.
            admin.post(&retries, &json!({})).await.is(201);
            app.send_webhooks().await;
            let again = receiver.got().remove(0);
            assert_eq!(again.header("webhook-id"), first.header("webhook-id"));
            assert_eq!(again.body, first.body);
        }
        let log = told.log(&admin).await;
        assert_eq!(log[0]["state"], "delivered");
        assert_eq!(log[0]["attempts"].as_array().expect("a list").len(), 3);
        assert_eq!(log[0]["attempts"][2]["number"], 3);
        let elsewhere = Told::add(app, "to4.admin", &receiver, "/other", &["*"]).await;
        let wrong = format!(
            "{}/deliveries/{}/retries",
            elsewhere.path,
            first.header("webhook-id")
        );
        admin
            .post(&wrong, &json!({}))
            .await
            .is_problem(404, "not-found");
    }
);

both!(the_log_comes_in_pages, async |app| {
    let receiver = Receiver::start();
    let told = Told::add(app, "to4.admin", &receiver, "/in", &["sla.*"]).await;
    let admin = app.as_("to4.admin").await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(told.ping(&admin).await);
    }
    ids.reverse();
    let mut found = Vec::new();
    let mut path = format!("{}/deliveries?limit=2", told.path);
    loop {
        let page = admin.get(&path).await;
        for item in page.is(200).list_at("/items") {
            found.push(item["id"].as_str().expect("an id").to_owned());
        }
        match page.json["next_cursor"].as_str() {
            Some(cursor) => path = format!("{}/deliveries?limit=2&cursor={cursor}", told.path),
            None => break,
        }
    }
    assert_eq!(found, ids);
});

both!(
    a_test_reaches_an_endpoint_that_asks_for_nothing_of_the_kind,
    async |app| {
        let receiver = Receiver::start();
        let told = Told::add(app, "to4.admin", &receiver, "/in", &["sla.breached"]).await;
        told.ping(&app.as_("to4.admin").await).await;
        app.send_webhooks().await;
        let got = receiver.got().remove(0);
        assert_eq!(got.event()["type"], "it.sportello.webhook.ping");
        assert_eq!(got.event()["subject"], told.id.as_str());
        assert_eq!(got.verified_by(&told.secret), Some(0));
    }
);

both!(programs_are_told_of_passwords_that_end, async |app| {
    let receiver = Receiver::start();
    Told::add(
        app,
        "to4.admin",
        &receiver,
        "/to4",
        &["credential.expiring"],
    )
    .await;
    Told::add(
        app,
        "region.supervisor",
        &receiver,
        "/region",
        &["credential.expiring"],
    )
    .await;
    Told::add(
        app,
        "cn1.admin",
        &receiver,
        "/cn1",
        &["credential.expiring"],
    )
    .await;
    let end = app
        .now()
        .checked_add(jiff::SignedDuration::from_hours(24 * 7))
        .expect("a time");
    let end = match app.db.backend() {
        storage::Backend::Sqlite => end.as_microsecond().to_string(),
        storage::Backend::Postgres => format!("'{end}'"),
    };
    app.execute(&format!(
        "UPDATE account_lives SET must_change_by = {end} WHERE account_id = \
         (SELECT id FROM accounts WHERE username = 'to4.operator')"
    ));
    assert_eq!(app.desk.warn_of_ends().expect("a warning"), 1);
    assert_eq!(app.desk.warn_of_ends().expect("none twice"), 0);
    app.send_webhooks().await;
    let got = receiver.got();
    let mut paths: Vec<&str> = got.iter().map(|got| got.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["/region", "/to4"]);
    let me = app.as_("to4.operator").await.get("/v1/me").await;
    assert_eq!(got[0].event()["subject"], me.text_at("/id"));
    assert_eq!(got[0].event()["data"]["detail"], json!({"days": 7}));
});

both!(what_is_old_is_swept_with_its_tries, async |app| {
    let receiver = Receiver::start();
    receiver.answers("/in", Answer::Status(410));
    let told = Told::add(app, "to4.admin", &receiver, "/in", &["*"]).await;
    told.ping(&app.as_("to4.admin").await).await;
    app.send_webhooks().await;
    assert_eq!(app.count("webhook_attempts"), 1);
    app.advance("P31D");
    app.desk.sweep_rows().expect("a sweep");
    assert_eq!(app.count("webhook_attempts"), 0);
    let listed = app.as_("to4.admin").await.get(ENDPOINTS).await;
    assert_eq!(listed.list_at("/items").len(), 1);
    let log = told.log(&app.as_("to4.admin").await).await;
    assert!(log.is_empty());
});
