//! Announcements: who writes them, who reads them when, and who said so.

use serde_json::{Value, json};
use tests::citizens::{ANNA, MARIO};
use tests::client::Reply;
use tests::people::{CN1, TO4};
use tests::{Client, TestApp, both, forms};

/// Holds from the beginning of each test for a day.
fn about(title: &str, authorities: &[&str]) -> Value {
    json!({
        "title": {"it": title, "en": format!("{title} (en)")},
        "body": {"it": "Il servizio è fermo.", "en": "The service is down."},
        "kind": "known-issue", "acknowledgement_required": true,
        "audience": {"authorities": authorities, "roles": [], "citizens": false},
        "valid_from": "2026-03-02T08:00:00Z", "valid_to": "2026-03-03T08:00:00Z",
    })
}

async fn announce(client: &Client, body: &Value) -> (String, Reply) {
    let reply = client.post("/v1/announcements", body).await;
    reply.is(201);
    let path = reply.header("location").expect("where it is").to_owned();
    (path, reply)
}

fn titles(reply: &Reply) -> Vec<&str> {
    let shown = reply.is(200).list_at("/announcements").iter();
    shown.filter_map(|one| one["title"].as_str()).collect()
}

async fn read_by(app: &TestApp, username: &str) -> Vec<String> {
    let me = app.as_(username).await.get("/v1/me").await;
    titles(&me).into_iter().map(str::to_owned).collect()
}

both!(
    staff_read_what_is_for_their_desk_and_role_while_it_holds,
    async |app| {
        let region = app.as_("region.supervisor").await;
        announce(&region, &about("A tutti", &[])).await;
        announce(&region, &about("A CN1", &[CN1])).await;
        let mut supervisors = about("Ai supervisori", &[]);
        supervisors["audience"]["roles"] = json!(["supervisor"]);
        announce(&region, &supervisors).await;
        let mut later = about("Domani", &[]);
        later["valid_from"] = json!("2026-03-03T07:00:00Z");
        announce(&region, &later).await;

        assert_eq!(read_by(app, "to4.operator").await, ["A tutti"]);
        assert_eq!(read_by(app, "cn1.operator").await, ["A CN1", "A tutti"]);
        assert_eq!(
            read_by(app, "to4.supervisor").await,
            ["Ai supervisori", "A tutti"]
        );
        assert_eq!(read_by(app, "auditor").await, ["A tutti"]);
        assert!(
            read_by(app, "two.hats").await.is_empty(),
            "no placement yet"
        );
        app.advance("PT23H");
        assert_eq!(read_by(app, "to4.operator").await, ["Domani", "A tutti"]);
        app.advance("PT1H");
        assert!(read_by(app, "to4.operator").await.is_empty());

        let operator = app.as_("to4.operator").await;
        operator
            .post("/v1/announcements", &about("No", &[TO4]))
            .await
            .is_problem(403, "forbidden");
    }
);

both!(
    who_has_read_it_says_so_once_and_its_keepers_count,
    async |app| {
        let supervisor = app.as_("to4.supervisor").await;
        let (path, _) = announce(&supervisor, &about("Avviso", &[TO4])).await;
        let operator = app.as_("to4.operator").await;
        let me = operator.get("/v1/me").await;
        assert_eq!(me.json["announcements"][0]["acknowledged"], false);
        let done = format!("{path}/acknowledgements");
        let first = operator.post(&done, &json!({})).await;
        first.is(201);
        app.advance("PT1M");
        let again = operator.post(&done, &json!({})).await;
        assert_eq!(again.is(201).json, first.json);
        let me = operator.get("/v1/me").await;
        assert_eq!(me.json["announcements"][0]["acknowledged"], true);
        assert_eq!(
            operator.get(&path).await.json["acknowledgements"],
            Value::Null
        );

        app.as_("to4.colleague")
            .await
            .post(&done, &json!({}))
            .await
            .is(201);
        let kept = app.as_("to4.admin").await;
        assert_eq!(kept.get(&path).await.json["acknowledgements"], 2);
        let list = kept.get("/v1/announcements").await;
        assert_eq!(list.json["items"][0]["acknowledgements"], 2);

        let elsewhere = app.as_("cn1.supervisor").await;
        elsewhere.get(&path).await.is_problem(404, "not-found");
        elsewhere
            .post(&done, &json!({}))
            .await
            .is_problem(404, "not-found");
        assert!(
            elsewhere
                .get("/v1/announcements")
                .await
                .list_at("/items")
                .is_empty()
        );
        app.advance("P1D");
        let operator = app.as_("to4.operator").await;
        operator
            .post(&done, &json!({}))
            .await
            .is_problem(404, "not-found");
    }
);

both!(
    citizens_read_what_concerns_the_authority_of_their_requests,
    async |app| {
        let mine = app
            .file_as(&MARIO, &forms::report_not_found_logged_in(TO4), &[])
            .await;
        let tracked = app
            .file_anonymous(&forms::report_not_found(&ANNA, CN1), &[])
            .await;
        let region = app.as_("region.supervisor").await;
        for (title, authorities) in [
            ("A tutti", vec![]),
            ("A TO4", vec![TO4]),
            ("A CN1", vec![CN1]),
        ] {
            let mut open = about(title, &authorities);
            open["audience"]["citizens"] = json!(true);
            announce(&region, &open).await;
        }
        announce(&region, &about("Al personale", &[])).await;
        let own = app.citizen(&MARIO).get("/v1/me/tickets").await;
        assert_eq!(titles(&own), ["A TO4", "A tutti"]);
        assert_eq!(own.text_at("/items/0/id"), mine.id);
        let own = app.tracking(&tracked).await.get("/v1/me/tickets").await;
        assert_eq!(titles(&own), ["A CN1", "A tutti"]);
        let own = app.citizen(&ANNA).get("/v1/me/tickets").await;
        assert_eq!(titles(&own), ["A tutti"], "who has no request");
        let english = app
            .citizen(&MARIO)
            .request(reqwest::Method::GET, "/v1/me/tickets");
        let english = english.header("accept-language", "en").send().await;
        assert_eq!(titles(&english), ["A TO4 (en)", "A tutti (en)"]);
    }
);

both!(
    its_words_and_its_end_can_be_changed_by_who_keeps_it,
    async |app| {
        let supervisor = app.as_("to4.supervisor").await;
        let (path, written) = announce(&supervisor, &about("Avviso", &[TO4])).await;
        let end =
            json!({"valid_to": "2026-03-02T08:00:00Z", "title": {"it": "Risolto", "en": "Solved"}});
        let ended = supervisor.patch(&path, written.etag(), &end).await;
        ended.is(200);
        assert_eq!(ended.text_at("/title/it"), "Risolto");
        assert!(read_by(app, "to4.operator").await.is_empty());
        supervisor
            .patch(&path, written.etag(), &end)
            .await
            .is_problem(412, "precondition-failed");
        let bad = json!({
            "valid_to": null, "title": {"it": "Due\nrighe", "en": ""}, "valid_from": "2026-03-02T08:00:00Z",
        });
        supervisor
            .patch(&path, ended.etag(), &bad)
            .await
            .is(422)
            .has_errors(&[
                ("/valid_to", "required"),
                ("/title/it", "forbidden-chars"),
                ("/title/en", "required"),
                ("/valid_from", "unknown-field"),
            ]);
        let before = json!({"valid_to": "2026-03-02T07:59:59Z"});
        supervisor
            .patch(&path, ended.etag(), &before)
            .await
            .is(422)
            .has_errors(&[("/valid_to", "empty-interval")]);

        let region = app.as_("region.supervisor").await;
        let (to_all, written) = announce(&region, &about("A tutti", &[])).await;
        let supervisor = app.as_("to4.supervisor").await;
        supervisor
            .patch(
                &to_all,
                written.etag(),
                &json!({"valid_to": "2026-03-02T09:00:00Z"}),
            )
            .await
            .is_problem(403, "forbidden");
    }
);

both!(
    every_bad_field_of_an_announcement_is_told_at_once,
    async |app| {
        let supervisor = app.as_("to4.supervisor").await;
        let bad = json!({
            "title": {"it": "x".repeat(201)}, "body": "Testo", "kind": "rumour",
            "audience": {"authorities": [TO4, CN1], "roles": ["king"], "citizens": 1},
            "valid_from": "2026-03-02T08:00:00Z", "valid_to": "2026-03-02T08:00:00Z", "colour": "red",
        });
        supervisor
            .post("/v1/announcements", &bad)
            .await
            .is(422)
            .has_errors(&[
                ("/title/it", "too-long"),
                ("/title/en", "required"),
                ("/body", "invalid-type"),
                ("/kind", "not-in-list"),
                ("/audience/authorities/1", "not-in-list"),
                ("/audience/roles/0", "not-in-list"),
                ("/audience/citizens", "invalid-type"),
                ("/valid_to", "empty-interval"),
                ("/acknowledgement_required", "required"),
                ("/colour", "unknown-field"),
            ]);
        // Who writes for one authority writes to no other, and so not to all.
        supervisor
            .post("/v1/announcements", &about("A tutti", &[]))
            .await
            .is(422)
            .has_errors(&[("/audience/authorities", "own-authority-only")]);
        app.as_("region.supervisor")
            .await
            .post("/v1/announcements", &about("A nessuno", &["999999"]))
            .await
            .is(422)
            .has_errors(&[("/audience/authorities/0", "not-in-list")]);
        assert_eq!(app.count("announcements"), 0);
    }
);

both!(
    the_feed_tells_when_an_announcement_begins_and_not_before,
    async |app| {
        let region = app.as_("region.supervisor").await;
        let mut later = about("Domani", &[CN1]);
        later["valid_from"] = json!("2026-03-02T10:00:00Z");
        let (path, _) = announce(&region, &later).await;
        let mut called_off = about("Annullato", &[CN1]);
        called_off["valid_from"] = json!("2026-03-02T10:00:00Z");
        let (off, written) = announce(&region, &called_off).await;
        let end = json!({"valid_to": "2026-03-02T10:00:00Z"});
        region.patch(&off, written.etag(), &end).await.is(200);

        let told = async |username: &str| {
            let feed = app.as_(username).await.get("/v1/changes?after=0").await;
            let rows = feed.is(200).list_at("/items").to_vec();
            let is_ours = |row: &Value| row["type"] == "announcement.published";
            rows.into_iter().filter(is_ours).collect::<Vec<_>>()
        };
        app.run_jobs();
        assert!(told("cn1.operator").await.is_empty());
        app.advance("PT2H");
        app.run_jobs();
        app.run_jobs();
        let rows = told("cn1.operator").await;
        assert_eq!(rows.len(), 1);
        let id = path.rsplit('/').next().expect("an id");
        assert!(rows[0].to_string().contains(id), "{}", rows[0]);
        assert!(!rows[0].to_string().contains("Domani"), "{}", rows[0]);
        assert!(told("to4.operator").await.is_empty());
    }
);
