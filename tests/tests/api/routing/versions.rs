//! Versions of the rules: entered, never changed, and in force from the next decision on.

use serde_json::{Value, json};
use tests::both;
use tests::people::{CN1, TO4};

use super::{SHIPPED, after, enter, file, region_first, technical_error};

/// Where a request filed now for TO4 begins.
async fn begins(app: &tests::TestApp) -> String {
    let filed = file(app, TO4).await;
    let screen = app.as_("region.supervisor").await.screen(&filed.id).await;
    screen.text_at("/custody/code").to_owned()
}

both!(an_installation_begins_with_the_shipped_rules, async |app| {
    for who in ["to4.supervisor", "to4.admin", "region.operator", "auditor"] {
        let client = app.as_(who).await;
        let list = client.get("/v1/routing-versions").await;
        let items = list.is(200).list_at("/items");
        assert_eq!(items.len(), 1, "{who}");
        assert_eq!(items[0]["version"], 1);
        assert!(items[0]["author_id"].is_null() && items[0]["comment"].is_null());
        let shown = client.get("/v1/routing-versions/1").await;
        assert_eq!(shown.is(200).text_at("/definition"), SHIPPED);
    }
    let reply = app.as_("auditor").await.get("/v1/routing-versions/2").await;
    reply.is_problem(404, "not-found");
});

both!(
    a_version_holds_from_the_next_decision_on_on_every_node,
    async |app| {
        let node = app.another_node();
        assert_eq!(begins(app).await, TO4);
        let entered = enter(app, &region_first()).await;
        entered.is(201);
        assert_eq!(entered.json["routing_version"]["version"], 2);
        assert_eq!(entered.json["routing_version"]["comment"], "Prova.");
        assert!(entered.json["routing_version"]["author_id"].is_string());
        assert_eq!(entered.text_at("/definition"), region_first());
        assert_eq!(begins(app).await, "REG010");
        // The other node read version 1 at its start, and none since.
        let token = app.citizen(&tests::citizens::ANNA).token().to_owned();
        let citizen = node.with_token(&token);
        let form = technical_error(TO4);
        let filed = citizen.post("/v1/tickets", &form).await;
        let id = filed.is(201).text_at("/id").to_owned();
        let screen = app.as_("region.supervisor").await.screen(&id).await;
        assert_eq!(screen.text_at("/custody/code"), "REG010");
        // And back, by entering the old text again: nothing is ever changed or taken away.
        enter(app, SHIPPED).await.is(201);
        assert_eq!(begins(app).await, TO4);
        let region = app.as_("region.supervisor").await;
        let first = region.get("/v1/routing-versions?limit=2").await;
        let versions = |page: &tests::Reply| -> Vec<Value> {
            let items = page.list_at("/items").iter();
            items.map(|one| one["version"].clone()).collect()
        };
        assert_eq!(versions(first.is(200)), [3, 2]);
        let cursor = first.text_at("/next_cursor");
        let next = format!("/v1/routing-versions?limit=2&cursor={cursor}");
        let second = region.get(&next).await;
        assert_eq!(versions(second.is(200)), [1]);
        assert!(second.json["next_cursor"].is_null());
    }
);

both!(
    what_is_wrong_with_a_version_is_told_with_line_and_reason_and_nothing_is_written,
    async |app| {
        let before = app.count("routing_versions");
        let first = "[[rule]]\n\
             code = \"to-technicians\"\n\
             changes = [\"filing\"]\n\
             services = [\"FSE\", \"FSF\"]\n\
             target = \"technical-desk\"\n";
        let refused = enter(app, &after(first)).await;
        refused
            .is_problem(422, "validation-error")
            .has_errors(&[("/definition", "not-possible")]);
        assert!(
            refused
                .text()
                .contains("riga 5, rule.target: il secondo livello"),
            "{refused}"
        );
        let shadowed = format!(
            "{SHIPPED}\n[[rule]]\ncode = \"late\"\nchanges = [\"filing\"]\ntarget = \"{CN1}\"\n"
        );
        let refused = enter(app, &shadowed).await;
        refused.has_errors(&[("/definition", "unreachable-rule")]);
        assert!(refused.text().contains("`otherwise-region`"), "{refused}");
        let refused = enter(app, "").await;
        assert_eq!(
            refused.is_problem(422, "validation-error").errors().len(),
            5
        );
        enter(app, "[[rule")
            .await
            .has_errors(&[("/definition", "malformed")]);
        let region = app.as_("region.supervisor").await;
        let reply = region
            .post(
                "/v1/routing-versions",
                &json!({"comment": " ", "colour": "red"}),
            )
            .await;
        reply.is_problem(422, "validation-error").has_errors(&[
            ("/definition", "required"),
            ("/comment", "required"),
            ("/colour", "unknown-field"),
        ]);
        let huge = format!("# {}\n{SHIPPED}", "x".repeat(65_536));
        let reply = enter(app, &huge).await;
        reply
            .is_problem(422, "validation-error")
            .has_errors(&[("/definition", "too-long")]);
        assert_eq!(app.count("routing_versions"), before);
        assert_eq!(
            begins(app).await,
            TO4,
            "the rules in force are the old ones"
        );
    }
);

both!(versions_entered_at_once_are_numbered_apart, async |app| {
    let region = app.as_("region.supervisor").await;
    let admin = app.as_("system-admin").await;
    let version = json!({"definition": SHIPPED});
    let path = "/v1/routing-versions";
    let (a, b, c, d) = tokio::join!(
        region.post(path, &version),
        admin.post(path, &version),
        region.post(path, &version),
        admin.post(path, &version),
    );
    let mut numbers: Vec<i64> = [a, b, c, d]
        .iter()
        .map(|reply| {
            reply.is(201).json["routing_version"]["version"]
                .as_i64()
                .unwrap()
        })
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [2, 3, 4, 5]);
});

both!(
    a_version_is_entered_once_however_often_it_is_sent,
    async |app| {
        let client = app.as_("region.supervisor").await;
        let send = async || {
            let request = client.request(reqwest::Method::POST, "/v1/routing-versions");
            let version = json!({"definition": region_first()});
            request.key("the-same").json(&version).send().await
        };
        let (first, again) = (send().await, send().await);
        assert_eq!(first.is(201).json, again.is(201).json);
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        assert_eq!(app.count("routing_versions"), 2);
    }
);
