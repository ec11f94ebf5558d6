//! While a fix is waited for nothing is resolved, and somebody is told to look again.

use serde_json::json;
use tests::both;

use super::{allowed, answer, check, events, file, hand_over, resolve};

both!(nothing_is_resolved_until_the_fix_is_recorded, async |app| {
    let filed = file(app).await;
    let operator = app.as_("to4.operator").await;
    let held = answer(
        &operator,
        &filed,
        json!({"c1": "yes", "c2": "yes", "c3": "no", "e2": "no"}),
    )
    .await;
    assert_eq!(held.is(200).text_at("/decision"), "hold");
    assert_eq!(held.text_at("/note_draft/audience"), "citizen");
    assert_eq!(held.list_at("/why").len(), 2, "PB-2, and then PB-1");
    let e1 = check(&held.json["run"], "e1");
    assert_eq!(
        (&e1["answer"], &e1["is_carried"]),
        (&json!("yes"), &json!(true))
    );

    let screen = operator.screen(&filed.id).await;
    assert_eq!(screen.text_at("/state"), "in-progress");
    assert_eq!(screen.text_at("/waiting_reason"), "sending-fix");
    assert_eq!(screen.text_at("/review_at"), "2026-03-05T08:00:00Z");
    assert_eq!(screen.text_at("/playbook/code"), "PB-1");
    let why_not = (false, Some("playbook-not-satisfied".to_owned()));
    assert_eq!(allowed(&screen, "resolve"), why_not);
    let before = app.footprint();
    let refused = operator.act(&filed.id, &resolve()).await;
    refused
        .is_problem(409, "playbook-not-satisfied")
        .has_errors(&[("/playbook/answers/e2", "fix-pending")]);
    assert_eq!(app.footprint(), before);

    let form = json!({"answers": {"e2": "yes"}, "values": {"resent_on": "2026-03-02"}});
    let fixed = operator.answer(&filed.id, &form).await;
    assert_eq!(fixed.is(200).text_at("/decision"), "resolve");
    assert!(
        fixed.text_at("/note_draft/body").contains("02/03/2026"),
        "{fixed}"
    );
    assert_eq!(fixed.text_at("/run/resolution_code"), "sending-error-fixed");
    let screen = operator.screen(&filed.id).await;
    assert!(screen.json["waiting_reason"].is_null() && screen.json["review_at"].is_null());
    operator.act(&filed.id, &resolve()).await.is(201);
    app.advance("P4D");
    app.run_jobs();
    let operator = app.as_("to4.operator").await;
    let screen = operator.screen(&filed.id).await;
    assert!(
        !events(&screen).contains(&"playbook.review_due"),
        "{screen}"
    );
});

both!(many_answered_at_once_do_not_get_past_a_hold, async |app| {
    let filed = file(app).await;
    let operator = app.as_("to4.operator").await;
    let form = json!({"playbook": "PB-1", "answers": {"e1": "yes", "e2": "no"}});
    let held = operator.answer(&filed.id, &form).await;
    assert_eq!(held.is(200).text_at("/decision"), "hold");
    let refused = operator.act(&filed.id, &hand_over()).await;
    refused
        .is_problem(409, "playbook-not-satisfied")
        .has_errors(&[("/playbook", "no-hand-over")]);
    let issue = json!({
        "title": {"it": "Guasto", "en": "Fault"}, "body": {"it": "Testo", "en": "Text"},
        "kind": "known-issue", "acknowledgement_required": false,
        "audience": {"authorities": [], "roles": [], "citizens": false},
        "valid_from": "2026-03-02T08:00:00Z", "valid_to": "2026-04-02T08:00:00Z",
    });
    let region = app.as_("region.supervisor").await;
    let issue = region.post("/v1/announcements", &issue).await;
    let path = issue.header("location").expect("where it is").to_owned();
    let link = json!({"tickets": [filed.id]});
    operator
        .post(&format!("{path}/tickets"), &link)
        .await
        .is(200);
    let answered = operator.post(&format!("{path}/answers"), &resolve()).await;
    assert_eq!(answered.is(200).json["results"][0]["status"], 409);
    assert_eq!(
        answered.text_at("/results/0/problem"),
        "playbook-not-satisfied"
    );
    let screen = operator.screen(&filed.id).await;
    assert_eq!(screen.text_at("/state"), "in-progress");
});

both!(
    when_the_review_is_due_somebody_should_look_and_is_told_once,
    async |app| {
        let filed = file(app).await;
        let operator = app.as_("to4.operator").await;
        let form = json!({"playbook": "PB-1", "answers": {"e1": "yes", "e2": "no"}});
        operator.answer(&filed.id, &form).await.is(200);
        app.advance("P2DT23H59M");
        app.run_jobs();
        let operator = app.as_("to4.operator").await;
        let screen = operator.screen(&filed.id).await;
        assert_eq!(screen.json["needs_attention"], false);
        app.advance("PT1M");
        app.run_jobs();
        app.run_jobs();
        let screen = operator.screen(&filed.id).await;
        assert_eq!(screen.json["needs_attention"], true);
        let told = |screen: &tests::Reply| {
            let all = events(screen).into_iter();
            all.filter(|event| *event == "playbook.review_due").count()
        };
        assert_eq!(told(&screen), 1);
        let list = operator.get("/v1/tickets?needs_attention=true").await;
        assert_eq!(list.is(200).list_at("/items").len(), 1);
        // Looked at, and still waiting: a new date.
        let again = answer(&operator, &filed, json!({"e2": "no"})).await;
        assert_eq!(again.is(200).text_at("/decision"), "hold");
        let screen = operator.screen(&filed.id).await;
        assert_eq!(screen.text_at("/review_at"), "2026-03-08T08:00:00Z");
        app.advance("P3D");
        app.run_jobs();
        let operator = app.as_("to4.operator").await;
        assert_eq!(told(&operator.screen(&filed.id).await), 2);
    }
);

both!(
    a_hold_stands_whatever_is_begun_anew_or_taken_back,
    async |app| {
        let ways = [
            (
                json!({"answers": {"e2": null}}),
                json!({"answers": {"e2": "yes"}}),
            ),
            (
                json!({"playbook": "PB-2"}),
                json!({"answers": {"c1": "yes", "c2": "yes", "c3": "no", "e2": "yes"}}),
            ),
            // What nobody knows is no decision either.
            (
                json!({"playbook": "PB-2", "answers": {"c1": "unknown", "c2": "unknown", "c3": "unknown"}}),
                json!({"playbook": "PB-1", "answers": {"e1": "yes", "e2": "yes"}}),
            ),
        ];
        let operator = app.as_("to4.operator").await;
        for (way, fix) in ways {
            let filed = file(app).await;
            let form = json!({"playbook": "PB-1", "answers": {"e1": "yes", "e2": "no"}});
            let held = operator.answer(&filed.id, &form).await;
            assert_eq!(held.is(200).text_at("/decision"), "hold");
            let before = operator.screen(&filed.id).await;

            operator.answer(&filed.id, &way).await.is(200);
            let screen = operator.screen(&filed.id).await;
            assert_eq!(screen.text_at("/waiting_reason"), "sending-fix", "{way}");
            assert_eq!(screen.text_at("/review_at"), "2026-03-05T08:00:00Z");
            assert_eq!(screen.text_at("/playbook/code"), "PB-1");
            assert_eq!(screen.json["version"], before.json["version"], "{way}");
            let refused = operator.act(&filed.id, &resolve()).await;
            refused.is_problem(409, "playbook-not-satisfied");
            let names_it = refused.text().contains("/playbook/answers/e2");
            assert!(names_it, "{way}: {refused}");

            let fixed = operator.answer(&filed.id, &fix).await;
            assert_eq!(fixed.is(200).text_at("/decision"), "resolve", "{fix}");
            operator.act(&filed.id, &resolve()).await.is(201);
        }
    }
);
