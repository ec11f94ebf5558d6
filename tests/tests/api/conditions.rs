//! What a client says it saw: entity tags on changes (`api.md` §1, change control).

use reqwest::Method;
use serde_json::json;
use tests::citizens::MARIO;
use tests::people::TO4;
use tests::{Filed, TestApp, both, forms};

async fn file(app: &TestApp) -> Filed {
    app.file_as(&MARIO, &forms::report_not_found_logged_in(TO4), &[])
        .await
}

both!(a_change_without_a_version_is_refused, async |app| {
    let filed = file(app).await;
    let operator = app.as_("to4.operator").await;
    let before = app.footprint();
    let reply = operator
        .post(&filed.staff_path("/actions"), &json!({"action": "take"}))
        .await;
    reply.is_problem(428, "precondition-required");
    let request = operator.request(Method::PATCH, &filed.staff_path(""));
    let body = json!({"priority": "high"}).to_string();
    let reply = request
        .body("application/merge-patch+json", body)
        .send()
        .await;
    reply.is_problem(428, "precondition-required");
    assert_eq!(app.footprint(), before);
});

both!(a_change_of_an_old_version_is_refused, async |app| {
    let filed = file(app).await;
    let operator = app.as_("to4.operator").await;
    let old = operator.screen(&filed.id).await.etag().to_owned();
    operator
        .act(&filed.id, &json!({"action": "take"}))
        .await
        .is(201);
    let before = app.footprint();
    let now = operator.screen(&filed.id).await;
    for stale in [
        old.as_str(),
        "\"999\"",
        "\"nonsense\"",
        "nonsense",
        "*",
        "",
        "W/\"2\"",
    ] {
        let note = json!({"action": "note", "note": {"body": "Tardi", "published": false}});
        let request = operator.request(Method::POST, &filed.staff_path("/actions"));
        let reply = request.if_match(stale).json(&note).send().await;
        reply.is_problem(412, "precondition-failed");
        assert_eq!(
            reply.json["current_version"], now.json["version"],
            "{stale}"
        );
        let patch = json!({"priority": "high"});
        let reply = operator.patch(&filed.staff_path(""), stale, &patch).await;
        reply.is_problem(412, "precondition-failed");
        assert_eq!(
            reply.json["current_version"], now.json["version"],
            "{stale}"
        );
    }
    assert_eq!(app.footprint(), before);
});

both!(of_two_changes_of_one_version_one_wins, async |app| {
    let filed = file(app).await;
    let one = app.as_("to4.operator").await;
    let etag = one.screen(&filed.id).await.etag().to_owned();
    let other = app.as_("to4.supervisor").await;
    let target = filed.staff_path("/actions");
    let attempt = |client: &tests::Client| {
        let request = client.request(Method::POST, &target).if_match(&etag);
        request.json(&json!({"action": "take"})).send()
    };
    let (first, second) = tokio::join!(attempt(&one), attempt(&other));
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 412], "{first}\n{second}");
    assert_eq!(app.count("ticket_events"), 2);
});

both!(
    the_tag_of_an_answer_is_good_for_the_next_change,
    async |app| {
        let filed = file(app).await;
        let operator = app.as_("to4.operator").await;
        let taken = operator.act(&filed.id, &json!({"action": "take"})).await;
        let patch = json!({"priority": "high", "tags": ["referti"], "recall_phone": "0125 123456"});
        let patched = operator
            .patch(&filed.staff_path(""), taken.etag(), &patch)
            .await;
        assert_eq!(patched.is(200).text_at("/priority"), "high");
        let cleared = json!({"recall_phone": null, "tags": []});
        let cleared = operator
            .patch(&filed.staff_path(""), patched.etag(), &cleared)
            .await;
        assert!(cleared.is(200).json["requester"]["recall_phone"].is_null());
        let screen = operator.screen(&filed.id).await;
        // The screen's tag is of its words as well, and begins with the version.
        let version = cleared.etag().trim_matches('"');
        assert!(screen.etag().starts_with(&format!("\"{version}-")));
    }
);

both!(only_descriptive_members_can_be_patched, async |app| {
    let filed = file(app).await;
    let operator = app.as_("to4.operator").await;
    let etag = operator.screen(&filed.id).await.etag().to_owned();
    let before = app.footprint();
    for (member, value) in [
        ("state", json!("auto-closed")),
        ("assignee", json!("me")),
        ("description", json!("Altro")),
        ("number", json!("2026-0000009-X")),
    ] {
        let patch = json!({member: value});
        let reply = operator.patch(&filed.staff_path(""), &etag, &patch).await;
        let pointer = format!("/{member}");
        reply
            .is(422)
            .has_errors(&[(pointer.as_str(), "unknown-field")]);
    }
    assert_eq!(app.footprint(), before);
});
