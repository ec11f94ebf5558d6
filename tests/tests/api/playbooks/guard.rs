//! Nothing is handed over against its playbook, whoever asks and however, unless a supervisor says why.

use reqwest::Method;
use serde_json::json;
use tests::both;
use tests::people::TO4;

use super::{allowed, answer, events, file, file_free, hand_over, playbook};

both!(
    a_hand_over_waits_for_the_playbook_and_changes_nothing_until_then,
    async |app| {
        let filed = file(app).await;
        let operator = app.as_("to4.operator").await;
        let screen = operator.screen(&filed.id).await;
        let why_not = (false, Some("playbook-not-satisfied".to_owned()));
        assert_eq!(allowed(&screen, "hand-over"), why_not);
        let before = app.footprint();
        // As a program would that never looked at the screen: the version guessed, the body by hand.
        let refused = operator
            .request(Method::POST, &filed.staff_path("/actions"))
            .if_match("\"1\"")
            .body(
                "application/json",
                hand_over().to_string().replace(' ', "  "),
            )
            .send()
            .await;
        refused
            .is_problem(409, "playbook-not-satisfied")
            .has_errors(&[
                ("/playbook/answers/c1", "unanswered"),
                ("/playbook/answers/c2", "unanswered"),
                ("/playbook/answers/c3", "unanswered"),
            ]);
        assert_eq!(refused.json["unmet"], json!(["c1", "c2", "c3"]));
        assert_eq!(app.footprint(), before);

        let halfway = answer(&operator, &filed, json!({"c1": "yes", "c2": "yes"})).await;
        assert_eq!(halfway.is(200).text_at("/decision"), "continue");
        assert_eq!(allowed(&halfway, "hand-over"), why_not);
        let against = answer(&operator, &filed, json!({"c2": "unknown", "c3": "yes"})).await;
        assert_eq!(against.is(200).text_at("/decision"), "ask-citizen");
        let refused = operator.act(&filed.id, &hand_over()).await;
        refused.has_errors(&[("/playbook/answers/c2", "not-satisfied")]);
        assert_eq!(
            operator.screen(&filed.id).await.text_at("/custody/code"),
            TO4
        );

        let passed = answer(&operator, &filed, json!({"c2": "yes"})).await;
        assert_eq!(passed.is(200).text_at("/decision"), "escalate");
        assert_eq!(allowed(&passed, "hand-over"), (true, None));
        let done = operator.act(&filed.id, &hand_over()).await;
        assert_eq!(done.is(201).text_at("/ticket/state"), "not-competent");
        let region = app.as_("region.operator").await.screen(&filed.id).await;
        let event = &region.list_at("/timeline")[0];
        assert_eq!(event["event"], "request.handed_over");
        let ran = json!({"code": "PB-2", "version": 1, "decision": "escalate",
            "reason": "checks-passed"});
        assert_eq!(event["details"]["playbook"], ran);
    }
);

both!(
    what_no_playbook_governs_is_handed_over_as_before,
    async |app| {
        let filed = file_free(app).await;
        let operator = app.as_("to4.operator").await;
        let shown = playbook(&operator, &filed).await;
        assert!(
            shown.is(200).json["playbook"].is_null() && shown.json["run"].is_null(),
            "{shown}"
        );
        let refused = answer(&operator, &filed, json!({"c1": "yes"})).await;
        refused
            .is_problem(422, "validation-error")
            .has_errors(&[("/playbook", "no-playbook")]);
        assert_eq!(operator.screen(&filed.id).await.json["state"], "new");
        operator.act(&filed.id, &hand_over()).await.is(201);
    }
);

both!(
    an_answer_taken_back_after_the_screen_was_read_stops_the_hand_over,
    async |app| {
        let filed = file(app).await;
        let operator = app.as_("to4.operator").await;
        operator.pass_playbook(&filed.id).await;
        let seen = operator.screen(&filed.id).await;
        let colleague = app.as_("to4.colleague").await;
        let back = answer(&colleague, &filed, json!({"c3": null})).await;
        assert_eq!(back.is(200).text_at("/decision"), "continue");
        let late = operator.request(Method::POST, &filed.staff_path("/actions"));
        let late = late.if_match(seen.etag()).json(&hand_over()).send().await;
        late.is_problem(412, "precondition-failed");
        let now = operator.act(&filed.id, &hand_over()).await;
        now.is_problem(409, "playbook-not-satisfied")
            .has_errors(&[("/playbook/answers/c3", "unanswered")]);
    }
);

both!(
    a_supervisor_hands_over_against_it_and_only_the_team_reads_why,
    async |app| {
        const WHY: &str = "Il sistema aziendale è fermo da ieri.";
        let filed = file(app).await;
        let mut over = hand_over();
        over["override_reason"] = json!(WHY);
        let operator = app.as_("to4.operator").await;
        let before = app.footprint();
        operator
            .act(&filed.id, &over)
            .await
            .is_problem(403, "forbidden");
        let supervisor = app.as_("to4.supervisor").await;
        supervisor
            .act(&filed.id, &hand_over())
            .await
            .is_problem(409, "playbook-not-satisfied");
        for (words, code) in [("Perché sì.", "too-short"), (&"x".repeat(501), "too-long")] {
            let mut short = over.clone();
            short["override_reason"] = json!(words);
            let refused = supervisor.act(&filed.id, &short).await;
            refused
                .is_problem(422, "validation-error")
                .has_errors(&[("/override_reason", code)]);
        }
        assert_eq!(app.footprint(), before);

        let done = supervisor.act(&filed.id, &over).await;
        done.is(201);
        assert_eq!(done.text_at("/entry/event"), "request.handed_over");
        assert_eq!(done.text_at("/entry/audience"), "region");
        let own = operator.screen(&filed.id).await;
        assert_eq!(
            events(&own),
            [
                "request.created",
                "playbook.overridden",
                "request.handed_over"
            ]
        );
        assert_eq!(own.list_at("/timeline")[1]["body"], WHY);
        assert_eq!(own.list_at("/timeline")[1]["audience"], "team");
        let region = app.as_("region.supervisor").await;
        let seen = region.screen(&filed.id).await;
        assert!(events(&seen).contains(&"playbook.overridden"), "{seen}");
        assert!(!seen.text().contains(WHY), "{seen}");
        let runs = playbook(&region, &filed).await;
        let run = &runs.is(200).list_at("/earlier_runs")[0];
        assert!(!run["overridden_at"].is_null(), "{runs}");
        let citizen = app.citizen(&tests::citizens::ANNA);
        let told = citizen.get(&filed.own_path("")).await;
        assert!(!told.text().contains(WHY) && !told.text().contains("playbook"));
    }
);

both!(a_ticket_that_came_back_is_checked_anew, async |app| {
    let filed = file(app).await;
    let operator = app.as_("to4.operator").await;
    operator.pass_playbook(&filed.id).await;
    operator.act(&filed.id, &hand_over()).await.is(201);
    let region = app.as_("region.operator").await;
    let back = json!({"action": "return", "note": {"body": "Riverificate.", "published": true}});
    region.act(&filed.id, &back).await.is(201);
    operator
        .act(&filed.id, &hand_over())
        .await
        .is_problem(409, "playbook-not-satisfied");
    let shown = playbook(&operator, &filed).await;
    assert!(shown.is(200).json["run"]["started_at"].is_null(), "{shown}");
    assert_eq!(shown.list_at("/earlier_runs").len(), 1);
    operator.pass_playbook(&filed.id).await;
    operator.act(&filed.id, &hand_over()).await.is(201);
});
