//! The program of an external tool: it picks up, reports and comments, and hears nothing of itself.

use serde_json::{Value, json};
use tests::client::Reply;
use tests::people::CN1;
use tests::{Client, both};

use super::{Opened, activity, kinds, open, patch, tool};

async fn report(client: &Client, opened: &Opened, body: &Value) -> Reply {
    client.put(&opened.record(), body).await
}

/// What a program is told after a place.
async fn news(client: &Client, after: i64) -> (Vec<Value>, i64) {
    let page = client
        .get(&format!("/v1/activity-changes?after={after}"))
        .await;
    page.is(200);
    let next = page.json["next_after"].as_i64().expect("a place");
    (page.list_at("/items").to_vec(), next)
}

both!(
    a_program_picks_an_activity_up_and_reports_in_its_tools_words,
    async |app| {
        let opened = open(app, &activity()).await;
        let (_, tool) = tool(app).await;
        let list = tool.get("/v1/activities?linked=false").await;
        assert_eq!(list.is(200).text_at("/items/0/id"), opened.id);
        let tied = report(&tool, &opened, &json!({"external_id": "INC000123"})).await;
        assert_eq!(tied.is(200).text_at("/outcome"), "applied");
        assert_eq!(tied.text_at("/activity/external_id"), "INC000123");
        let list = tool.get("/v1/activities?linked=false").await;
        assert_eq!(list.list_at("/items").len(), 0);

        let words = [
            ("Assegnato", "assigned"),
            ("IN CORSO", "in-progress"),
            ("pendente", "pending"),
            ("in-progress", "in-progress"),
            ("Risolto", "resolved"),
            ("Chiuso", "closed"),
        ];
        for ((word, state), sequence) in words.into_iter().zip(1..) {
            let body = json!({"external_id": "INC000123", "state": word, "sequence": sequence});
            let reported = report(&tool, &opened, &body).await;
            assert_eq!(reported.is(200).text_at("/outcome"), "applied", "{word}");
            assert_eq!(reported.text_at("/activity/state"), state, "{word}");
        }
        let region = app.as_("region.operator").await;
        let screen = region.screen(&opened.filed.id).await;
        assert_eq!(screen.text_at("/state"), "in-progress");
        assert_eq!(screen.json["needs_attention"], true);
        let closed = kinds(&screen)
            .iter()
            .filter(|kind| **kind == "activity.closed")
            .count();
        assert_eq!(closed, 1);
    }
);

both!(
    an_unknown_word_or_a_missing_number_changes_nothing,
    async |app| {
        let opened = open(app, &activity()).await;
        let (_, tool) = tool(app).await;
        for (body, errors) in [
            (
                json!({"external_id": "INC1", "state": "Sospeso", "sequence": 1}),
                vec![("/state", "not-in-list")],
            ),
            (
                json!({"external_id": "INC1", "state": "Risolto"}),
                vec![("/sequence", "required")],
            ),
            (
                json!({"external_id": "with space", "sequence": -1, "note": "x"}),
                vec![
                    ("/external_id", "invalid-format"),
                    ("/sequence", "out-of-range"),
                    ("/note", "unknown-field"),
                ],
            ),
            (json!({}), vec![("/external_id", "required")]),
        ] {
            report(&tool, &opened, &body)
                .await
                .is(422)
                .has_errors(&errors);
        }
        let shown = tool.get(&opened.path()).await;
        assert_eq!(shown.json["activity"]["external_id"], Value::Null);
        assert_eq!(shown.json["activity"]["version"], 1);
    }
);

both!(an_external_id_is_given_once, async |app| {
    let (one, two) = (open(app, &activity()).await, open(app, &activity()).await);
    let (_, first) = tool(app).await;
    report(&first, &one, &json!({"external_id": "INC1"}))
        .await
        .is(200);
    let again = report(&first, &one, &json!({"external_id": "INC1"})).await;
    assert_eq!(again.is(200).text_at("/outcome"), "unchanged");
    assert_eq!(again.json["activity"]["version"], 2);
    report(&first, &one, &json!({"external_id": "INC2"}))
        .await
        .is_problem(409, "external-id-taken");
    report(&first, &two, &json!({"external_id": "INC1"}))
        .await
        .is_problem(409, "external-id-taken");
    // Another tool has numbers of its own, but not for this activity.
    let (_, second) = tool(app).await;
    report(&second, &one, &json!({"external_id": "INC1"}))
        .await
        .is_problem(409, "external-id-taken");
    report(&second, &two, &json!({"external_id": "INC1"}))
        .await
        .is(200);
    assert_eq!(app.count("activities WHERE external_id = 'INC1'"), 2);
});

both!(
    late_and_repeated_reports_do_nothing_and_so_do_those_after_the_end,
    async |app| {
        let opened = open(app, &activity()).await;
        let (_, tool) = tool(app).await;
        let say = async |state: &str, sequence: i64| {
            let body = json!({"external_id": "INC1", "state": state, "sequence": sequence});
            let reported = report(&tool, &opened, &body).await;
            reported.is(200);
            (
                reported.text_at("/outcome").to_owned(),
                reported.text_at("/activity/state").to_owned(),
            )
        };
        let is = |outcome: &str, state: &str| (outcome.to_owned(), state.to_owned());
        assert_eq!(say("In corso", 10).await, is("applied", "in-progress"));
        assert_eq!(say("In corso", 10).await, is("unchanged", "in-progress"));
        assert_eq!(say("Assegnato", 9).await, is("outdated", "in-progress"));
        assert_eq!(say("Pendente", 10).await, is("outdated", "in-progress"));
        // The same state again counts by its number.
        assert_eq!(say("In corso", 20).await, is("unchanged", "in-progress"));
        assert_eq!(say("Pendente", 15).await, is("outdated", "in-progress"));
        assert_eq!(say("Risolto", 30).await, is("applied", "resolved"));
        assert_eq!(say("In corso", 40).await, is("over", "resolved"));
        let region = app.as_("region.operator").await;
        let screen = region.screen(&opened.filed.id).await;
        assert_eq!(screen.text_at("/state"), "in-progress");
        assert_eq!(screen.text_at("/activities/0/state"), "resolved");
        // Words are welcome all the same.
        let comment = json!({"body": "Riaperto da noi.", "external_id": "W1"});
        tool.post(&opened.comments(), &comment).await.is(201);
    }
);

both!(what_a_program_brought_is_not_told_back_to_it, async |app| {
    let opened = open(app, &activity()).await;
    let (program, tool_client) = tool(app).await;
    let (_, other) = tool(app).await;
    let (seen, after) = news(&tool_client, 0).await;
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0]["type"], "activity.opened");
    assert_eq!(seen[0]["subject"], opened.id.as_str());
    assert_eq!(seen[0]["data"]["number"], opened.filed.number.as_str());

    let body = json!({"external_id": "INC1", "state": "In corso", "sequence": 1});
    report(&tool_client, &opened, &body).await.is(200);
    let comment = json!({"body": "Visto.", "external_id": "W1"});
    tool_client.post(&opened.comments(), &comment).await.is(201);
    let (seen, after) = news(&tool_client, after).await;
    assert_eq!(seen, [] as [Value; 0], "its own");
    let (seen, _) = news(&other, 0).await;
    let kinds: Vec<&str> = seen.iter().filter_map(|row| row["type"].as_str()).collect();
    assert_eq!(
        kinds,
        ["activity.opened", "activity.changed", "activity.commented"]
    );
    assert_eq!(seen[1]["data"]["origin"], program.id.to_string());
    assert_eq!(seen[1]["data"]["activity_state"], "in-progress");
    assert_eq!(seen[2]["data"]["origin"], program.id.to_string());

    // What happens here is told.
    let technician = app.as_("technician").await;
    patch(&technician, &opened, &json!({"state": "resolved"}))
        .await
        .is(200);
    let (seen, _) = news(&tool_client, after).await;
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0]["type"], "activity.closed");
    assert_eq!(seen[0]["data"]["activity_state"], "resolved");
    assert_eq!(seen[0]["data"]["origin"], Value::Null);
});

both!(a_comment_of_a_tool_is_written_once, async |app| {
    let (one, two) = (open(app, &activity()).await, open(app, &activity()).await);
    let (_, client) = tool(app).await;
    let comment = json!({"body": "In lavorazione dal gruppo reti.", "external_id": "W1"});
    let first = client.post(&one.comments(), &comment).await;
    first.is(201);
    let again = client.post(&one.comments(), &comment).await;
    again.is(200);
    assert_eq!(again.text_at("/id"), first.text_at("/id"));
    client
        .post(&two.comments(), &comment)
        .await
        .is_problem(409, "external-id-taken");
    // Another tool counts its own.
    let (_, other) = tool(app).await;
    other.post(&one.comments(), &comment).await.is(201);
    assert_eq!(app.count("activity_comments"), 2);
    client
        .post(&one.comments(), &json!({"body": "Senza numero."}))
        .await
        .is(422)
        .has_errors(&[("/external_id", "required")]);
    let region = app.as_("region.operator").await;
    let screen = region.screen(&one.filed.id).await;
    assert_eq!(screen.json["needs_attention"], true);
    assert_eq!(
        kinds(&screen)[4..],
        ["activity.commented", "activity.commented"]
    );
});

both!(a_program_acts_for_nobody_and_has_no_ticket, async |app| {
    let opened = open(app, &activity()).await;
    let (_, tool) = tool(app).await;
    for target in ["/v1/tickets", "/v1/changes", &opened.filed.staff_path("")] {
        tool.get(target).await.is_problem(403, "forbidden");
    }
    let seen = tool.get(&opened.path()).await;
    tool.patch(&opened.path(), seen.etag(), &json!({"state": "resolved"}))
        .await
        .is_problem(403, "forbidden");
    // Names of people are for colleagues.
    let technician = app.as_("technician").await;
    patch(&technician, &opened, &json!({"assignee": "me"}))
        .await
        .is(200);
    technician
        .post(&opened.comments(), &json!({"body": "Ci penso io."}))
        .await
        .is(201);
    let shown = tool.get(&opened.path()).await;
    assert!(!shown.everything().contains("Persona"), "{shown}");
    assert_eq!(shown.text_at("/comments/0/authority_code"), "TEC010");
    // What it brings stands in the history as nobody's doing here.
    let body = json!({"external_id": "INC1", "state": "Risolto", "sequence": 1});
    report(&tool, &opened, &body).await.is(200);
    let region = app.as_("region.operator").await;
    let screen = region.screen(&opened.filed.id).await;
    assert_eq!(screen.text_at("/timeline/0/author/kind"), "system");
    let nothing = "/v1/activities/01990000-0000-7000-8000-000000000000";
    tool.get(nothing).await.is_problem(404, "not-found");
    tool.put(
        &format!("{nothing}/external-record"),
        &json!({"external_id": "INC9"}),
    )
    .await
    .is_problem(404, "not-found");
});

both!(a_tool_hears_of_no_other_desk_and_of_no_owner, async |app| {
    let opened = open(app, &activity()).await;
    let technician = app.as_("technician").await;
    let comment = json!({"body": "Ci penso io."});
    technician.post(&opened.comments(), &comment).await.is(201);
    patch(&technician, &opened, &json!({"state": "resolved"}))
        .await
        .is(200);
    let region = app.as_("region.operator").await;
    let note = json!({"body": "È di CN1.", "published": true});
    let reroute = json!({"action": "reroute", "authority_code": CN1, "note": note});
    region.act(&opened.filed.id, &reroute).await.is(201);
    let cn1 = app.as_("cn1.operator").await;
    cn1.act(&opened.filed.id, &json!({"action": "take"}))
        .await
        .is(201);
    patch(&technician, &opened, &json!({"state": "closed"}))
        .await
        .is(200);

    let (_, tool) = tool(app).await;
    let (seen, _) = news(&tool, 0).await;
    assert_eq!(seen.len(), 4, "{seen:?}");
    let last = json!({
        "number": opened.filed.number, "activity_state": "closed", "origin": null,
    });
    assert_eq!(seen[3]["data"], last);
    let told = ["number", "activity_state", "origin", "comment"];
    for row in &seen {
        assert_eq!(row["desk"], "TEC010", "{row}");
        assert_eq!(row["former_desk"], Value::Null, "{row}");
        let data = row["data"].as_object().expect("codes and ids");
        let is_known = |name: &String| told.contains(&name.as_str());
        assert!(data.keys().all(is_known), "{row}");
    }
});
