//! Policies: versions that are entered, never changed, and never change the past.

use serde_json::{Value, json};
use tests::people::{CN1, TO4};
use tests::{TestApp, both};

use super::{clock, file};

/// A version that shortens the resolution, valid from this day.
fn policy(valid_from: &str) -> Value {
    json!({
        "desk_kind": "authority",
        "label": "Sportelli degli enti 2026",
        "owner_body": "Consiglio di amministrazione",
        "approved_on": "2026-02-20",
        "valid_from": valid_from,
        "formula": "p90 del tempo di lavoro per tratta",
        "targets": {
            "take_charge": "PT4H",
            "first_response": "P1D",
            "resolution": "P2D",
            "escalate_after": "PT4H",
        },
    })
}

async fn add(app: &TestApp, policy: &Value) -> tests::Reply {
    let client = app.as_("region.supervisor").await;
    client.post("/v1/sla-policies", policy).await
}

/// When the resolution of a ticket that is filed now is due.
async fn due(app: &TestApp) -> String {
    let filed = file(app).await;
    let screen = app.as_("to4.operator").await.screen(&filed.id).await;
    clock(&screen, "resolution", 1)["due_at"]
        .as_str()
        .expect("a time")
        .to_owned()
}

both!(an_installation_begins_with_proposals, async |app| {
    for who in ["to4.supervisor", "to4.admin", "system-admin", "auditor"] {
        let list = app.as_(who).await.get("/v1/sla-policies").await;
        let items = list.is(200).list_at("/items");
        let rows: Vec<_> = items
            .iter()
            .map(|one| {
                let text = |name: &str| one[name].as_str().unwrap();
                (
                    text("desk_kind"),
                    one["targets"]["resolution"].as_str().unwrap(),
                )
            })
            .collect();
        assert_eq!(rows, [("authority", "P5D"), ("region", "P3D")]);
        assert!(items[0]["approved_on"].is_null() && items[0]["version"] == 1);
    }
});

both!(a_new_version_is_for_legs_that_open_later, async |app| {
    let open = file(app).await;
    app.advance("PT1H");
    let added = add(app, &policy("2026-03-02")).await;
    added.is(201);
    assert_eq!(added.json["version"], 2);
    assert_eq!(added.text_at("/in_force_from"), "2026-03-02T09:00:00Z");
    assert_eq!(due(app).await, "2026-03-04T09:00:00Z");
    let screen = app.as_("to4.operator").await.screen(&open.id).await;
    let kept = clock(&screen, "resolution", 1).clone();
    assert_eq!(kept["due_at"], "2026-03-09T08:00:00Z");
    // Not even when everything is made anew.
    app.desk.recompute_sla().expect("made anew");
    let screen = app.as_("to4.operator").await.screen(&open.id).await;
    assert_eq!(clock(&screen, "resolution", 1), &kept);
    let list = app.as_("auditor").await.get("/v1/sla-policies").await;
    let versions: Vec<_> = list
        .list_at("/items")
        .iter()
        .map(|one| one["version"].clone())
        .collect();
    assert_eq!(versions, [2, 1, 1], "nothing was changed or lost");
});

both!(
    a_version_announced_for_a_day_holds_from_that_day,
    async |app| {
        add(app, &policy("2026-03-04")).await.is(201);
        assert_eq!(due(app).await, "2026-03-09T08:00:00Z");
        app.advance("P1DT15H");
        assert_eq!(
            due(app).await,
            "2026-03-10T16:30:00Z",
            "at eleven of the evening before"
        );
        app.advance("PT2H");
        assert_eq!(due(app).await, "2026-03-05T16:30:00Z");
    }
);

both!(
    a_version_that_would_change_the_past_is_refused,
    async |app| {
        let before = app.count("sla_policies");
        for day in ["2026-03-01", "2025-12-31", "1970-01-01"] {
            let reply = add(app, &policy(day)).await;
            reply
                .is_problem(422, "validation-error")
                .has_errors(&[("/valid_from", "changes-the-past")]);
        }
        assert_eq!(app.count("sla_policies"), before);
    }
);

both!(
    all_that_is_wrong_with_a_version_is_told_at_once,
    async |app| {
        let mut wrong = policy("2026-03-01");
        wrong["desk_kind"] = json!("everybody");
        wrong["approved_on"] = json!("2026-03-03");
        wrong["valid_to"] = json!("2026-02-01");
        wrong["calendar"] = json!("moon");
        wrong["service_code"] = json!("NOPE");
        wrong["owner_body"] = json!("  ");
        wrong["targets"]["resolution"] = json!("P1M");
        let reply = add(app, &wrong).await;
        reply.is_problem(422, "validation-error").has_errors(&[
            ("/desk_kind", "not-in-list"),
            ("/service_code", "not-in-list"),
            ("/approved_on", "in-the-future"),
            ("/valid_from", "changes-the-past"),
            ("/valid_to", "out-of-range"),
            ("/calendar", "not-in-list"),
            ("/owner_body", "required"),
            ("/targets/resolution", "invalid-format"),
        ]);
        let mut unknown = policy("2026-03-02");
        unknown["colour"] = json!("red");
        add(app, &unknown)
            .await
            .has_errors(&[("/colour", "unknown-field")]);
        // The region is no authority.
        let mut elsewhere = policy("2026-03-02");
        elsewhere["authority_code"] = json!("REG010");
        add(app, &elsewhere)
            .await
            .has_errors(&[("/authority_code", "not-in-list")]);
    }
);

both!(
    a_desk_may_have_a_promise_and_a_calendar_of_its_own,
    async |app| {
        let mut own = policy("2026-03-02");
        own["authority_code"] = json!(TO4);
        own["calendar"] = json!("cancellations");
        own["targets"]["resolution"] = json!("PT48H");
        add(app, &own).await.is(201);
        let mut elsewhere = policy("2026-03-02");
        elsewhere["authority_code"] = json!(CN1);
        add(app, &elsewhere).await.is(201);
        // Round the clock.
        assert_eq!(due(app).await, "2026-03-04T08:00:00Z");
    }
);

both!(
    a_version_is_entered_once_however_often_it_is_sent,
    async |app| {
        let client = app.as_("system-admin").await;
        let send = async || {
            let request = client.request(reqwest::Method::POST, "/v1/sla-policies");
            request
                .key("the-same")
                .json(&policy("2026-03-02"))
                .send()
                .await
        };
        let (first, again) = (send().await, send().await);
        assert_eq!(first.is(201).text_at("/id"), again.is(201).text_at("/id"));
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        assert_eq!(app.count("sla_policies"), 3);
    }
);
