//! The technical desk and the region: opening, working, ending.

use serde_json::{Value, json};
use tests::citizens::MARIO;
use tests::{TestApp, both};

use super::{activity, at_region, kinds, open, open_action, patch, tool};

both!(
    an_activity_is_written_with_the_action_that_opens_it,
    async |app| {
        let filed = at_region(app).await;
        let region = app.as_("region.operator").await;
        let opened = region.act(&filed.id, &open_action(&activity())).await;
        opened.is(201);
        assert_eq!(opened.text_at("/ticket/state"), "external-work");
        assert_eq!(opened.text_at("/entry/event"), "activity.opened");
        assert_eq!(opened.text_at("/entry/audience"), "technical");
        assert_eq!(opened.text_at("/notified/0/audience"), "technical");

        let screen = region.screen(&filed.id).await;
        let shown = &screen.json["activities"][0];
        assert_eq!(shown["state"], "new");
        assert_eq!(shown["number"], filed.number.as_str());
        assert_eq!(shown["desk"]["code"], "TEC010");
        assert_eq!(shown["urgency"], "critical");
        assert_eq!(shown["impact"], "moderate");
        assert_eq!(shown["kind"], "user-service-restoration");
        assert_eq!(
            shown["catalogue_item"]["label"],
            "Malfunzionamento applicativo"
        );
        assert_eq!(shown["catalogue_sub_item"]["label"], "Accesso");
        // Four hours of the desk's, from nine in the morning in Rome.
        assert_eq!(shown["due_at"], "2026-03-02T12:00:00Z");
        let entry = &screen.json["timeline"][0];
        assert_eq!(entry["details"]["activity"], shown["id"]);

        let technician = app.as_("technician").await;
        let list = technician.get("/v1/activities").await;
        assert_eq!(list.is(200).list_at("/items").len(), 1);
        assert_eq!(list.json["items"][0]["id"], shown["id"]);
    }
);

both!(what_an_activity_is_about_is_in_the_catalogue, async |app| {
    let filed = at_region(app).await;
    let region = app.as_("region.operator").await;
    let catalogue = region.get("/v1/technical-catalogue").await;
    assert_eq!(catalogue.is(200).list_at("/items").len(), 8);
    for (item, sub_item, pointer) in [
        ("nothing", None, "/activity/catalogue_item"),
        (
            "application-fault",
            Some("enabling"),
            "/activity/catalogue_sub_item",
        ),
    ] {
        let mut bad = activity();
        bad["catalogue_item"] = json!(item);
        bad["catalogue_sub_item"] = json!(sub_item);
        region
            .act(&filed.id, &open_action(&bad))
            .await
            .is(422)
            .has_errors(&[(pointer, "not-in-list")]);
    }
    let bad = json!({"urgency": "now", "catalogue_sub_item": "access"});
    region
        .act(&filed.id, &open_action(&bad))
        .await
        .is(422)
        .has_errors(&[
            ("/activity/summary", "required"),
            ("/activity/detail", "required"),
            ("/activity/asset", "required"),
            ("/activity/urgency", "not-in-list"),
            ("/activity/catalogue_sub_item", "not-in-list"),
        ]);
    assert_eq!(app.count("activities"), 0);
    assert_eq!(
        region.screen(&filed.id).await.text_at("/state"),
        "in-progress"
    );
});

both!(
    a_technician_takes_works_and_ends_an_activity_and_the_ticket_goes_back,
    async |app| {
        let opened = open(app, &activity()).await;
        let technician = app.as_("technician").await;
        let taken = patch(&technician, &opened, &json!({"assignee": "me"})).await;
        assert_eq!(taken.is(200).text_at("/state"), "assigned");
        assert_eq!(taken.text_at("/assignee/label"), "Persona technician");
        let mine = technician.get("/v1/activities?mine=true").await;
        assert_eq!(mine.list_at("/items").len(), 1);
        patch(&technician, &opened, &json!({"state": "in-progress"}))
            .await
            .is(200);
        let region = app.as_("region.operator").await;
        let screen = region.screen(&opened.filed.id).await;
        assert_eq!(screen.text_at("/state"), "external-work");
        assert_eq!(screen.json["needs_attention"], true);

        let done = patch(&technician, &opened, &json!({"state": "resolved"})).await;
        assert_eq!(done.is(200).text_at("/closed_at"), "2026-03-02T08:00:00Z");
        let screen = region.screen(&opened.filed.id).await;
        assert_eq!(screen.text_at("/state"), "in-progress");
        assert_eq!(screen.json["needs_attention"], true);
        assert_eq!(screen.text_at("/activities/0/state"), "resolved");
        assert_eq!(
            kinds(&screen)[4..],
            ["activity.changed", "activity.changed", "activity.closed"]
        );
        let entry = &screen.json["timeline"][0];
        assert_eq!(entry["details"]["state"], "resolved");
        assert_eq!(entry["author"]["authority"], "TEC010");

        // It can only be closed now, which moves nothing.
        let again = patch(&technician, &opened, &json!({"state": "in-progress"})).await;
        again.is_problem(409, "activity-state-not-allowed");
        assert_eq!(again.json["allowed"], json!(["closed"]));
        patch(&technician, &opened, &json!({"urgency": "low"}))
            .await
            .is_problem(409, "activity-state-not-allowed");
        patch(&technician, &opened, &json!({"state": "closed"}))
            .await
            .is(200);
        let screen = region.screen(&opened.filed.id).await;
        assert_eq!(screen.text_at("/state"), "in-progress");
        assert_eq!(kinds(&screen).last(), Some(&"activity.changed"));
    }
);

both!(
    the_owner_at_the_region_is_told_and_who_did_it_is_not,
    async |app| {
        let opened = open(app, &activity()).await;
        app.set_email("region.operator", "region@example.org");
        let region = app.as_("region.operator").await;
        let preferences = json!({"assigned": "instant"});
        let path = "/v1/me/notification-preferences";
        region.put(path, &preferences).await.is(200);
        let before = app.count("outbox");
        let technician = app.as_("technician").await;
        patch(&technician, &opened, &json!({"state": "pending"}))
            .await
            .is(200);
        assert_eq!(app.count("outbox"), before + 1, "N-14");
        let region = app.as_("region.operator").await;
        patch(&region, &opened, &json!({"state": "cancelled"}))
            .await
            .is(200);
        assert_eq!(app.count("outbox"), before + 1, "their own doing");
    }
);

both!(the_region_withdraws_an_activity, async |app| {
    let opened = open(app, &activity()).await;
    let region = app.as_("region.operator").await;
    let closed = region
        .act(&opened.filed.id, &json!({"action": "close-activity"}))
        .await;
    assert_eq!(closed.is(201).text_at("/ticket/state"), "in-progress");
    let shown = app.as_("technician").await.get(&opened.path()).await;
    assert_eq!(shown.text_at("/activity/state"), "cancelled");
    let screen = region.screen(&opened.filed.id).await;
    assert_eq!(screen.json["needs_attention"], true);
    // Another can be opened, and has a record of its own.
    region
        .act(&opened.filed.id, &open_action(&activity()))
        .await
        .is(201);
    let screen = region.screen(&opened.filed.id).await;
    assert_eq!(screen.list_at("/activities").len(), 2);
});

both!(
    a_withdrawn_request_asks_to_leave_its_activity_be,
    async |app| {
        let opened = open(app, &activity()).await;
        let mario = app.citizen(&MARIO);
        let withdrawn = mario
            .post(&opened.filed.own_path("/withdrawal"), &json!({}))
            .await;
        withdrawn.is(201);
        let (_, tool) = tool(app).await;
        let before = tool.get("/v1/activity-changes").await;
        let after = before.json["next_after"].as_i64().expect("a place");
        app.run_jobs();
        app.run_jobs();
        let technician = app.as_("technician").await;
        let shown = technician.get(&opened.path()).await;
        assert_eq!(shown.text_at("/activity/state"), "new");
        assert_eq!(
            shown.text_at("/activity/cancel_requested_at"),
            "2026-03-02T08:00:00Z"
        );
        let news = tool
            .get(&format!("/v1/activity-changes?after={after}"))
            .await;
        assert_eq!(news.list_at("/items").len(), 1, "{news}");
        assert_eq!(news.json["items"][0]["data"]["cancel_requested"], true);

        // What the technical desk does then is not the withdrawn request's affair.
        let region = app.as_("region.operator").await;
        let seen = region.screen(&opened.filed.id).await;
        let version = seen.json["version"].clone();
        patch(&technician, &opened, &json!({"state": "cancelled"}))
            .await
            .is(200);
        let screen = region.screen(&opened.filed.id).await;
        assert_eq!(screen.json["version"], version);
        assert_eq!(screen.text_at("/state"), "resolved");
        assert_eq!(screen.text_at("/activities/0/state"), "cancelled");
    }
);

both!(one_activity_of_a_ticket_is_open_at_a_time, async |app| {
    let opened = open(app, &activity()).await;
    let mario = app.citizen(&MARIO);
    mario
        .post(&opened.filed.own_path("/withdrawal"), &json!({}))
        .await
        .is(201);
    mario
        .post(
            &opened.filed.own_path("/messages"),
            &json!({"body": "Non funziona ancora."}),
        )
        .await
        .is(201);
    let region = app.as_("region.operator").await;
    region
        .act(&opened.filed.id, &open_action(&activity()))
        .await
        .is_problem(409, "activity-open");
    assert_eq!(app.count("activities"), 1);
    patch(&region, &opened, &json!({"state": "cancelled"}))
        .await
        .is(200);
    region
        .act(&opened.filed.id, &open_action(&activity()))
        .await
        .is(201);
    assert_eq!(app.count("activities"), 2);
});

both!(
    an_overdue_activity_is_told_to_the_region_once,
    async |app| {
        let opened = open(app, &activity()).await;
        app.advance("PT3H59M");
        app.run_jobs();
        let told = async |app: &TestApp| {
            let region = app.as_("region.supervisor").await;
            let page = region.get("/v1/changes?limit=100").await;
            let rows = page.list_at("/items").to_vec();
            rows.into_iter()
                .filter(|row| row["type"] == "activity.overdue")
                .collect::<Vec<Value>>()
        };
        assert_eq!(told(app).await.len(), 0);
        app.advance("PT1M");
        app.run_jobs();
        app.run_jobs();
        let rows = told(app).await;
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0]["desk"], "REG010");
        assert_eq!(rows[0]["subject"], opened.id.as_str());
        let technician = app.as_("technician").await;
        let list = technician.get("/v1/activities?overdue=true").await;
        assert_eq!(list.list_at("/items").len(), 1);
        let list = technician.get("/v1/activities?overdue=false").await;
        assert_eq!(list.list_at("/items").len(), 0);
        let region = app.as_("region.operator").await;
        let screen = region.screen(&opened.filed.id).await;
        assert_eq!(screen.json["needs_attention"], true);
        assert_eq!(kinds(&screen).last(), Some(&"activity.overdue"));
    }
);

both!(
    another_urgency_is_another_time_and_what_is_over_is_never_overdue,
    async |app| {
        let opened = open(app, &activity()).await;
        let technician = app.as_("technician").await;
        let high = patch(&technician, &opened, &json!({"urgency": "high"})).await;
        // A working day of nine hours, of which half an hour is left for tomorrow.
        assert_eq!(high.is(200).text_at("/due_at"), "2026-03-03T08:00:00Z");
        app.advance("PT5H");
        app.run_jobs();
        assert_eq!(app.count("changes WHERE kind = 'activity.overdue'"), 0);
        let technician = app.as_("technician").await;
        patch(&technician, &opened, &json!({"state": "resolved"}))
            .await
            .is(200);
        app.advance("P3D");
        app.run_jobs();
        assert_eq!(app.count("changes WHERE kind = 'activity.overdue'"), 0);
        assert_eq!(app.count("due_work WHERE kind = 'activity-overdue'"), 0);
    }
);

both!(
    the_list_goes_by_the_time_they_are_due_and_reads_on,
    async |app| {
        let mut ids = Vec::new();
        for urgency in ["low", "critical", "medium"] {
            let mut wanted = activity();
            wanted["urgency"] = json!(urgency);
            ids.push(open(app, &wanted).await.id);
        }
        let technician = app.as_("technician").await;
        let first = technician.get("/v1/activities?limit=2").await;
        let shown: Vec<&str> = first
            .list_at("/items")
            .iter()
            .filter_map(|one| one["id"].as_str())
            .collect();
        assert_eq!(shown, [ids[1].as_str(), ids[2].as_str()]);
        let cursor = first.text_at("/next_cursor");
        let rest = technician
            .get(&format!("/v1/activities?limit=2&cursor={cursor}"))
            .await;
        assert_eq!(rest.text_at("/items/0/id"), ids[0]);
        assert_eq!(rest.json["next_cursor"], Value::Null);
        let critical = technician.get("/v1/activities?urgency=critical").await;
        assert_eq!(critical.text_at("/items/0/id"), ids[1]);
        let open = technician.get("/v1/activities?state=new,assigned").await;
        assert_eq!(open.list_at("/items").len(), 3);
        let over = technician.get("/v1/activities?state=closed").await;
        assert_eq!(over.list_at("/items").len(), 0);
        technician
            .get("/v1/activities?state=done")
            .await
            .is_problem(400, "malformed-request");
    }
);

both!(
    two_who_change_an_activity_at_the_same_version_do_not_both,
    async |app| {
        let opened = open(app, &activity()).await;
        let technician = app.as_("technician").await;
        let seen = technician.get(&opened.path()).await;
        let region = app.as_("region.operator").await;
        region
            .patch(&opened.path(), seen.etag(), &json!({"impact": "extensive"}))
            .await
            .is(200);
        technician
            .patch(&opened.path(), seen.etag(), &json!({"state": "resolved"}))
            .await
            .is_problem(412, "precondition-failed");
        let bare = technician.request(reqwest::Method::PATCH, &opened.path());
        bare.body("application/merge-patch+json", "{}")
            .send()
            .await
            .is_problem(428, "precondition-required");
        let screen = region.screen(&opened.filed.id).await;
        assert_eq!(screen.text_at("/state"), "external-work");
        assert_eq!(screen.text_at("/activities/0/impact"), "extensive");
        // A patch of nothing, or to what it is, changes nothing.
        let seen = technician.get(&opened.path()).await;
        for nothing in [json!({}), json!({"state": "new", "urgency": "critical"})] {
            let same = technician
                .patch(&opened.path(), seen.etag(), &nothing)
                .await;
            assert_eq!(same.is(200).json["version"], 2);
        }
        technician
            .patch(
                &opened.path(),
                seen.etag(),
                &json!({"state": "done", "assignee": "you", "colour": "red"}),
            )
            .await
            .is(422)
            .has_errors(&[
                ("/assignee", "not-in-list"),
                ("/state", "not-in-list"),
                ("/colour", "unknown-field"),
            ]);
        // The region does not work it itself.
        region
            .patch(&opened.path(), seen.etag(), &json!({"assignee": "me"}))
            .await
            .is(422)
            .has_errors(&[("/assignee", "not-in-list")]);
    }
);

both!(
    comments_stand_in_order_and_a_technicians_calls_for_attention,
    async |app| {
        let opened = open(app, &activity()).await;
        let region = app.as_("region.operator").await;
        let comment = json!({"body": "Succede solo con un browser?"});
        region.post(&opened.comments(), &comment).await.is(201);
        let screen = region.screen(&opened.filed.id).await;
        assert_eq!(screen.json["needs_attention"], false);
        let technician = app.as_("technician").await;
        let answer = technician.request(reqwest::Method::POST, &opened.comments());
        let answer = answer
            .key("once")
            .json(&json!({"body": "Con tutti."}))
            .send()
            .await;
        let written = answer.is(201).text_at("/id").to_owned();
        let again = technician.request(reqwest::Method::POST, &opened.comments());
        let again = again
            .key("once")
            .json(&json!({"body": "Con tutti."}))
            .send()
            .await;
        assert_eq!(again.is(201).text_at("/id"), written);
        let shown = technician.get(&opened.path()).await;
        let texts: Vec<&str> = shown
            .list_at("/comments")
            .iter()
            .filter_map(|one| one["body"].as_str())
            .collect();
        assert_eq!(texts, ["Succede solo con un browser?", "Con tutti."]);
        assert_eq!(
            shown.text_at("/comments/1/author_label"),
            "Persona technician"
        );
        let screen = region.screen(&opened.filed.id).await;
        assert_eq!(screen.json["needs_attention"], true);
        assert_eq!(kinds(&screen).last(), Some(&"activity.commented"));
        technician
            .post(
                &opened.comments(),
                &json!({"body": " ", "external_id": "C-1"}),
            )
            .await
            .is(422)
            .has_errors(&[("/body", "required"), ("/external_id", "unknown-field")]);
        assert_eq!(app.count("activity_comments"), 2);
    }
);

both!(
    a_ticket_from_before_activities_were_kept_can_be_taken_back,
    async |app| {
        let opened = open(app, &activity()).await;
        // As a release left it that wrote the text alone.
        app.execute("DELETE FROM due_work WHERE kind = 'activity-overdue'");
        app.execute("DELETE FROM activities");
        let region = app.as_("region.operator").await;
        let closed = region
            .act(&opened.filed.id, &json!({"action": "close-activity"}))
            .await;
        assert_eq!(closed.is(201).text_at("/ticket/state"), "in-progress");
    }
);

both!(
    what_the_region_adds_to_an_action_reaches_the_technical_desk,
    async |app| {
        let filed = at_region(app).await;
        let region = app.as_("region.operator").await;
        let mut action = open_action(&activity());
        action["note"] = json!({"body": "Chiamate prima il referente.", "published": true});
        region.act(&filed.id, &action).await.is(201);
        let screen = region.screen(&filed.id).await;
        let path = format!("/v1/activities/{}", screen.text_at("/activities/0/id"));
        let technician = app.as_("technician").await;
        let texts = async || {
            let shown = technician.get(&path).await;
            let comments = shown.is(200).list_at("/comments").iter();
            comments
                .map(|one| (one["authority_code"].clone(), one["body"].clone()))
                .collect::<Vec<_>>()
        };
        let first = (json!("REG010"), json!("Chiamate prima il referente."));
        assert_eq!(texts().await, std::slice::from_ref(&first));

        app.advance("PT1M");
        let note = json!({"body": "Si è risolto da sé.", "published": true});
        let close = json!({"action": "close-activity", "note": note});
        region.act(&filed.id, &close).await.is(201);
        let last = (json!("REG010"), json!("Si è risolto da sé."));
        assert_eq!(texts().await, [first, last]);

        // What stays with the region does.
        region
            .act(&filed.id, &open_action(&activity()))
            .await
            .is(201);
        let note = json!({"body": "Solo per noi.", "published": false});
        let close = json!({"action": "close-activity", "note": note});
        region.act(&filed.id, &close).await.is(201);
        assert_eq!(app.count("activity_comments"), 2);
    }
);

both!(
    who_leaves_the_technical_desk_leaves_their_activities,
    async |app| {
        let (open_one, over) = (open(app, &activity()).await, open(app, &activity()).await);
        let technician = app.as_("technician").await;
        for opened in [&open_one, &over] {
            patch(&technician, opened, &json!({"assignee": "me"}))
                .await
                .is(200);
        }
        patch(&technician, &over, &json!({"state": "resolved"}))
            .await
            .is(200);
        let me = technician.get("/v1/me").await;
        let account = format!("/v1/accounts/{}", me.text_at("/id"));
        let system = app.as_("system-admin").await;
        let seen = system.get(&account).await;
        seen.is(200);
        let step = json!({"step": "suspend", "reason": "change-of-role"});
        let request = system.request(reqwest::Method::POST, &format!("{account}/steps"));
        let suspended = request.if_match(seen.etag()).json(&step).send().await;
        suspended.is(201);

        let region = app.as_("region.operator").await;
        let shown = region.get(&open_one.path()).await;
        assert_eq!(shown.json["activity"]["assignee"], Value::Null, "{shown}");
        assert_eq!(shown.json["activity"]["version"], 3);
        // Who did the work stays known.
        let shown = region.get(&over.path()).await;
        assert!(shown.json["activity"]["assignee"].is_object(), "{shown}");
    }
);
