//! Up to a hundred tickets, answered at once.

use reqwest::Method;
use serde_json::{Value, json};
use tests::people::{CN1, TO4};
use tests::{both, files};

use super::{file, file_some, item, note, notes_on, post, post_once, statuses};

both!(
    every_ticket_has_a_result_and_one_that_refuses_holds_up_no_other,
    async |app| {
        let tickets = file_some(app, TO4, 3).await;
        let [one, two, stale] = tickets.as_slice() else {
            panic!("three tickets")
        };
        let elsewhere = file(app, CN1).await;
        let operator = app.as_("to4.operator").await;
        operator
            .act(&stale.id, &json!({"action": "take"}))
            .await
            .is(201);
        let items = [
            item(&one.id, 1),
            item(&elsewhere.id, 1),
            item("01990000-0000-7000-8000-000000000000", 1),
            item("nothing", 1),
            item(&stale.id, 1),
            item(&two.number, 1),
        ];
        let reply = post(&operator, &items, note()).await;
        assert_eq!(statuses(&reply, "/results"), [201, 404, 404, 404, 412, 201]);
        let results = reply.list_at("/results");
        assert_eq!(results[0]["number"], one.number.as_str());
        assert_eq!(results[0]["problem"], Value::Null);
        assert_eq!(results[0]["version"], 3, "taken, and noted");
        // Out of reach is as if it had never existed.
        for at in [1, 2, 3] {
            assert_eq!(results[at]["number"], Value::Null);
            assert_eq!(results[at]["problem"], results[1]["problem"]);
        }
        assert_eq!(results[4]["version"], 2);
        assert_eq!(results[4]["problem"]["current_version"], 2);
        assert_eq!(
            results[4]["problem"]["type"],
            "/problems/precondition-failed"
        );
        assert!(results[4]["problem"]["title"].is_string());
        assert_eq!(results[5]["ticket"], two.number.as_str());

        for (ticket, expected) in [(one, 1), (two, 1), (stale, 0)] {
            assert_eq!(notes_on(&operator, ticket).await, expected);
        }
        assert_eq!(
            notes_on(&app.as_("cn1.operator").await, &elsewhere).await,
            0
        );
        let screen = operator.screen(&one.id).await;
        assert_eq!(screen.json["version"], results[0]["version"]);
    }
);

both!(
    a_result_is_what_the_same_call_for_the_ticket_alone_would_be_answered_with,
    async |app| {
        let ticket = file(app, TO4).await;
        let asked = [
            (
                "to4.operator",
                json!({"action": "resolve", "resolution_code": "information-given"}),
            ),
            ("to4.operator", json!({"action": "close"})),
            (
                "to4.operator",
                json!({"action": "return", "note": {"body": "Torna.", "published": true}}),
            ),
            (
                "to4.operator",
                json!({
                    "action": "ask-info", "expected_audience": "region",
                    "note": {"body": "Quando?", "published": true},
                }),
            ),
            (
                "to4.operator",
                json!({"action": "assign", "assignee": "nobody"}),
            ),
            (
                "to4.operator",
                json!({
                    "action": "hand-over", "reason_code": "other",
                    "note": {"body": "Breve.", "published": true},
                }),
            ),
            (
                "to4.operator",
                json!({
                    "action": "remove", "removal_reason": "spam", "note": {"body": "X.", "published": false},
                }),
            ),
            (
                "to4.operator",
                json!({"action": "cancel-question", "note": {"body": "X.", "published": false}}),
            ),
            ("to4.admin", note()),
            ("region.operator", note()),
            ("cn1.operator", note()),
        ];
        let before = app.footprint();
        for (username, action) in asked {
            let client = app.as_(username).await;
            let alone = client.act(&ticket.id, &action).await;
            assert!(alone.status >= 400, "{username} {action}");
            let many = post(&client, &[item(&ticket.id, 1)], action.clone()).await;
            let result = &many.is(200).json["results"][0];
            assert_eq!(result["status"], alone.status, "{username} {action}");
            let mut expected = alone.json.clone();
            let document = expected.as_object_mut().expect("a problem");
            document.remove("instance");
            document.remove("correlation_id");
            assert_eq!(result["problem"], expected, "{username} {action}");
        }
        assert_eq!(app.footprint(), before, "nothing was written");
    }
);

both!(
    who_gave_a_ticket_away_may_not_write_to_it_in_bulk_either,
    async |app| {
        let ticket = file(app, TO4).await;
        let operator = app.as_("to4.operator").await;
        let up = json!({
            "action": "hand-over", "reason_code": "regional-service",
            "note": {"body": "Non è di nostra competenza.", "published": true},
            "expected_audience": "region",
        });
        let handed = post(&operator, &[item(&ticket.id, 1)], up).await;
        assert_eq!(statuses(&handed, "/results"), [201]);
        for version in [1, 2, 3, 99] {
            let late = post(&operator, &[item(&ticket.id, version)], note()).await;
            assert_eq!(statuses(&late, "/results"), [403], "version {version}");
            let result = &late.json["results"][0];
            assert_eq!(result["problem"]["type"], "/problems/not-in-custody");
            assert_eq!(result["version"], Value::Null);
        }
    }
);

both!(
    who_gives_a_ticket_away_is_told_the_version_it_left,
    async |app| {
        let supervisor = app.as_("region.supervisor").await;
        let path = "/v1/assignment-settings";
        let seen = supervisor.get(path).await;
        let request = supervisor.request(Method::PUT, path).if_match(seen.etag());
        let set = request.json(&json!({"mode": "least-loaded"})).send().await;
        set.is(200);
        let ticket = file(app, TO4).await;
        let operator = app.as_("to4.operator").await;
        let up = json!({
            "action": "hand-over", "reason_code": "regional-service",
            "note": {"body": "Non è di nostra competenza.", "published": true},
        });
        let items = [item(&ticket.id, 1), item(&ticket.number, 3)];
        let reply = post(&operator, &items, up).await;
        assert_eq!(statuses(&reply, "/results"), [201, 403]);
        let left = operator.screen(&ticket.id).await;
        assert_eq!(reply.json["results"][0]["version"], left.json["version"]);
        assert_eq!(reply.json["results"][1]["version"], Value::Null);
        let now = supervisor.screen(&ticket.id).await;
        assert_ne!(now.json["version"], left.json["version"], "given out since");
    }
);

both!(
    a_ticket_named_twice_is_reached_once_whatever_it_is_called,
    async |app| {
        let ticket = file(app, TO4).await;
        let operator = app.as_("to4.operator").await;
        // The last one guesses the version that the first leads to.
        let items = [
            item(&ticket.id, 1),
            item(&ticket.id, 1),
            item(&ticket.number, 3),
        ];
        let reply = post(&operator, &items, note()).await;
        assert_eq!(statuses(&reply, "/results"), [201, 412, 412]);
        assert_eq!(notes_on(&operator, &ticket).await, 1);
    }
);

both!(
    a_repeated_call_acts_on_nobody_twice_also_after_a_crash,
    async |app| {
        let tickets = file_some(app, TO4, 3).await;
        let operator = app.as_("to4.operator").await;
        let items: Vec<Value> = tickets.iter().map(|one| item(&one.id, 1)).collect();
        let first = post_once(&operator, &items, note(), "bulk").await;
        assert_eq!(statuses(&first, "/results"), [201; 3]);
        let again = post_once(&operator, &items, note(), "bulk").await;
        assert_eq!(again.json, first.json);
        assert_eq!(again.header("idempotency-replayed"), Some("true"));

        // As if the program had died after the second ticket: its answer was not kept, and nothing is
        // known of the third.
        app.execute("DELETE FROM idempotency_keys WHERE route LIKE '%/bulk-actions'");
        app.execute("DELETE FROM bulk_results WHERE position = 2");
        let node = app.another_node();
        let elsewhere = node.with_token(operator.token());
        let resumed = post_once(&elsewhere, &items, note(), "bulk").await;
        assert_eq!(statuses(&resumed, "/results"), [201, 201, 412]);
        assert_eq!(resumed.json["results"][0], first.json["results"][0]);
        for ticket in &tickets {
            assert_eq!(notes_on(&operator, ticket).await, 1);
        }
        post_once(&operator, &items[..1], note(), "bulk")
            .await
            .is_problem(422, "idempotency-key-reused");

        // After a day the key asks for something new, and is answered anew.
        app.advance("P2D");
        let operator = app.as_("to4.operator").await;
        let new = post_once(&operator, &items, note(), "bulk").await;
        assert_eq!(statuses(&new, "/results"), [412; 3]);
    }
);

both!(of_twenty_calls_at_once_each_ticket_hears_one, async |app| {
    let tickets = file_some(app, TO4, 4).await;
    let operator = app.as_("to4.operator").await;
    let items: Vec<Value> = tickets.iter().map(|one| item(&one.id, 1)).collect();
    let (operator, items) = (&operator, &items);
    let calls = (0..20).map(|_| post(operator, items, note()));
    let replies = futures_util::future::join_all(calls).await;
    let mut reached = [0; 4];
    for reply in &replies {
        for (at, status) in statuses(reply, "/results").into_iter().enumerate() {
            assert!([201, 412, 503].contains(&status), "{reply}");
            reached[at] += usize::from(status == 201);
        }
    }
    assert_eq!(reached, [1; 4]);
    for ticket in &tickets {
        assert_eq!(notes_on(operator, ticket).await, 1);
    }
});

both!(
    every_bad_field_of_a_bulk_action_is_told_at_once,
    async |app| {
        let ticket = file(app, TO4).await;
        let operator = app.as_("to4.operator").await;
        let before = app.footprint();
        let items = [
            json!({"ticket": ticket.id, "version": "1"}),
            json!({"ticket": 7, "version": 1.5, "colour": "red"}),
            json!({"version": 0}),
            json!("nothing"),
            json!({"ticket": ticket.id, "version": null}),
        ];
        let action = json!({"action": "fly", "note": {"body": " "}, "seq": "x"});
        post(&operator, &items, action).await.is(422).has_errors(&[
            ("/items/0/version", "invalid-type"),
            ("/items/1/ticket", "invalid-type"),
            ("/items/1/version", "invalid-type"),
            ("/items/1/colour", "unknown-field"),
            ("/items/2/ticket", "required"),
            ("/items/2/version", "out-of-range"),
            ("/items/3", "invalid-type"),
            ("/items/4/version", "required"),
            ("/action/action", "not-in-list"),
            ("/action/note/body", "required"),
            ("/action/note/published", "required"),
            ("/action/seq", "invalid-type"),
        ]);
        let nothing = json!({"colour": "red"});
        operator
            .post("/v1/bulk-actions", &nothing)
            .await
            .is(422)
            .has_errors(&[
                ("/items", "required"),
                ("/action", "required"),
                ("/colour", "unknown-field"),
            ]);
        for items in [json!([]), json!("all")] {
            let body = json!({"items": items, "action": note()});
            operator.post("/v1/bulk-actions", &body).await.is(422);
        }
        assert_eq!(app.footprint(), before);
        assert_eq!(app.count("bulk_jobs"), 0);
    }
);

both!(no_file_goes_along_with_many_tickets, async |app| {
    let ticket = file(app, TO4).await;
    let operator = app.as_("to4.operator").await;
    let fields =
        json!({"items": json!([item(&ticket.id, 1)]).to_string(), "action": note().to_string()});
    operator
        .post_form("/v1/bulk-actions", &fields, &[files::pdf(300)])
        .await
        .is_problem(415, "unsupported-media-type");
    let mut with_file = note();
    with_file["attachment"] = files::pdf(300).inline();
    post(&operator, &[item(&ticket.id, 1)], with_file)
        .await
        .is(422)
        .has_errors(&[("/action/attachment", "unknown-field")]);
    assert_eq!(app.count_blobs(), 0);
});
