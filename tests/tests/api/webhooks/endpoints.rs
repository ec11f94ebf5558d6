//! Adding, changing and ending endpoints, and their secrets.

use serde_json::json;
use tests::both;
use tests::people::{CN1, REGION, TO4};
use tests::receiver::Receiver;

use super::{ENDPOINTS, Told, form};

both!(an_endpoint_is_kept_by_its_authority_alone, async |app| {
    let receiver = Receiver::start();
    let told = Told::add(app, "to4.admin", &receiver, "/in", &["request.*"]).await;
    let admin = app.as_("to4.admin").await;
    let shown = told.show(&admin).await;
    assert_eq!(shown.json["authority_code"], TO4);
    assert_eq!(shown.json["state"], "enabled");
    assert_eq!(shown.json["event_types"], json!(["request.*"]));
    assert!(!shown.everything().contains(&told.secret));
    let etag = shown.etag().to_owned();
    for other in ["cn1.admin", "region.supervisor"] {
        let client = app.as_(other).await;
        client.get(&told.path).await.is_problem(404, "not-found");
        client
            .patch(&told.path, &etag, &json!({"label": "Mio"}))
            .await
            .is_problem(404, "not-found");
        let listed = client.get(ENDPOINTS).await;
        assert_eq!(listed.is(200).list_at("/items").len(), 0, "{other}");
    }
    let all = app.as_("system-admin").await.get(ENDPOINTS).await;
    assert_eq!(all.is(200).list_at("/items").len(), 1);
});

both!(
    an_endpoint_belongs_where_its_keeper_may_put_it,
    async |app| {
        let receiver = Receiver::start();
        let mut body = form(&receiver.url("/in"), &["*"]);
        let region = Told::add(app, "region.supervisor", &receiver, "/in", &["*"]).await;
        let supervisor = app.as_("region.supervisor").await;
        let shown = region.show(&supervisor).await;
        assert_eq!(shown.json["authority_code"], REGION);
        body["authority_code"] = json!(CN1);
        for keeper in ["to4.admin", "region.supervisor"] {
            let refused = app.as_(keeper).await.post(ENDPOINTS, &body).await;
            refused.has_errors(&[("/authority_code", "not-in-list")]);
        }
        let system = app.as_("system-admin").await;
        let added = system.post(ENDPOINTS, &body).await;
        assert_eq!(added.is(201).json["endpoint"]["authority_code"], CN1);
        body["authority_code"] = json!("999999");
        system
            .post(ENDPOINTS, &body)
            .await
            .has_errors(&[("/authority_code", "not-in-list")]);
    }
);

both!(all_that_is_wrong_is_told_at_once, async |app| {
    let admin = app.as_("to4.admin").await;
    let body = json!({
        "url": "ftp://example.org/", "label": " ",
        "event_types": ["request.created", "request.vanished", "x.*"], "authority_code": CN1,
    });
    admin.post(ENDPOINTS, &body).await.has_errors(&[
        ("/url", "url-not-https"),
        ("/label", "required"),
        ("/event_types/1", "not-in-list"),
        ("/event_types/2", "not-in-list"),
        ("/authority_code", "not-in-list"),
    ]);
    let both = json!({"url": "ftp://example.org/", "event_types": "all", "name": "A"});
    admin.post(ENDPOINTS, &both).await.has_errors(&[
        ("/event_types", "invalid-type"),
        ("/label", "required"),
        ("/name", "unknown-field"),
        ("/url", "url-not-https"),
    ]);
    let unknown =
        json!({"url": "https://93.184.216.34/", "label": "A", "event_types": ["*"], "name": "A"});
    admin
        .post(ENDPOINTS, &unknown)
        .await
        .has_errors(&[("/name", "unknown-field")]);
    let refused = admin
        .post(
            ENDPOINTS,
            &form("http://receiver.test:9/", &["request.vanished"]),
        )
        .await;
    assert!(refused.text().contains("request.vanished"), "{refused}");
});

both!(a_change_needs_the_version_that_was_seen, async |app| {
    let receiver = Receiver::start();
    let told = Told::add(app, "to4.admin", &receiver, "/in", &["*"]).await;
    let admin = app.as_("to4.admin").await;
    let first = told.show(&admin).await.etag().to_owned();
    let change = json!({"label": "Nuovo nome", "event_types": ["note.published"]});
    let changed = admin.patch(&told.path, &first, &change).await;
    assert_eq!(changed.is(200).json["label"], "Nuovo nome");
    assert_eq!(changed.json["event_types"], json!(["note.published"]));
    assert_eq!(changed.json["version"], 2);
    admin
        .patch(&told.path, &first, &change)
        .await
        .is_problem(412, "precondition-failed");
    admin
        .delete(&told.path)
        .await
        .is_problem(428, "precondition-required");
    for (bad, errors) in [
        (json!({"label": null}), [("/label", "required")]),
        (json!({"url": null}), [("/url", "required")]),
        (json!({"state": "asleep"}), [("/state", "not-in-list")]),
        (json!({"secret": "mine"}), [("/secret", "unknown-field")]),
        (json!({"event_types": []}), [("/event_types", "required")]),
        (
            json!({"url": "https://10.0.0.1/"}),
            [("/url", "url-not-public")],
        ),
    ] {
        admin
            .patch(&told.path, changed.etag(), &bad)
            .await
            .has_errors(&errors);
    }
    let gone = admin.request(reqwest::Method::DELETE, &told.path);
    gone.if_match(changed.etag()).send().await.is(204);
    admin.get(&told.path).await.is_problem(404, "not-found");
    let listed = admin.get(ENDPOINTS).await;
    assert!(listed.list_at("/items").is_empty());
    assert_eq!(app.count("webhook_secrets"), 0);
});

both!(lists_come_in_pages_and_a_desk_has_twenty, async |app| {
    let admin = app.as_("to4.admin").await;
    let mut ids = Vec::new();
    for number in 0..20 {
        let body = form(&format!("http://receiver.test:9/{number}"), &["*"]);
        let added = admin.post(ENDPOINTS, &body).await;
        ids.push(added.is(201).text_at("/endpoint/id").to_owned());
    }
    admin
        .post(ENDPOINTS, &form("http://receiver.test:9/more", &["*"]))
        .await
        .has_errors(&[("/url", "too-many")]);
    let mut found = Vec::new();
    let mut next = format!("{ENDPOINTS}?limit=8");
    loop {
        let page = admin.get(&next).await;
        for item in page.is(200).list_at("/items") {
            found.push(item["id"].as_str().expect("an id").to_owned());
        }
        match page.json["next_cursor"].as_str() {
            Some(cursor) => next = format!("{ENDPOINTS}?limit=8&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(found, ids);
});

both!(
    a_repeated_request_shows_the_same_secret_and_no_other_does,
    async |app| {
        let admin = app.as_("to4.admin").await;
        let body = form("http://receiver.test:9/", &["*"]);
        let post = async || {
            let request = admin.request(reqwest::Method::POST, ENDPOINTS);
            request.key("k-1").json(&body).send().await
        };
        let (first, second) = (post().await, post().await);
        assert_eq!(first.is(201).json, second.is(201).json);
        assert_eq!(app.count("webhook_endpoints"), 1);
        let secret = first.text_at("/secret");
        assert!(
            secret.starts_with("whsec_") && secret.len() == 50,
            "{secret}"
        );
        let listed = admin.get(ENDPOINTS).await;
        assert!(!listed.everything().contains(secret));
    }
);

both!(
    after_a_rotation_two_secrets_are_good_for_a_day,
    async |app| {
        let receiver = Receiver::start();
        let told = Told::add(app, "to4.admin", &receiver, "/in", &["*"]).await;
        let rotations = format!("{}/secret-rotations", told.path);
        let rotate = async || {
            let rotated = app
                .as_("to4.admin")
                .await
                .post(&rotations, &json!({}))
                .await;
            rotated.is(201).text_at("/secret").to_owned()
        };
        let send = async || {
            told.ping(&app.as_("to4.admin").await).await;
            app.send_webhooks().await;
            receiver.got().remove(0)
        };
        let second = rotate().await;
        let got = send().await;
        assert_eq!(got.signatures().len(), 2);
        assert_eq!(got.verified_by(&second), Some(0));
        assert_eq!(got.verified_by(&told.secret), Some(1));
        app.advance("PT24H");
        let got = send().await;
        assert_eq!(got.signatures().len(), 1);
        assert_eq!(got.verified_by(&second), Some(0));
        // Two at most: a third takes the place of the first.
        let third = rotate().await;
        let fourth = rotate().await;
        let got = send().await;
        assert_eq!(got.signatures().len(), 2);
        assert_eq!(got.verified_by(&fourth), Some(0));
        assert_eq!(got.verified_by(&third), Some(1));
        assert_eq!(got.verified_by(&second), None);
    }
);
