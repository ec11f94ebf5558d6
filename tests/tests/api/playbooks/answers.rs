//! Answers: merged, kept with author and time, seen by the desk that gave them.

use futures_util::future::join_all;
use serde_json::json;
use tests::both;
use tests::people::{CN1, label_of};

use super::{answer, check, events, file, hand_over, playbook, resolve};

both!(
    before_the_first_answer_the_usual_playbook_is_shown_as_it_would_begin,
    async |app| {
        let filed = file(app).await;
        let operator = app.as_("to4.operator").await;
        let shown = playbook(&operator, &filed).await;
        shown.is(200);
        assert_eq!(shown.text_at("/playbook/code"), "PB-2");
        assert_eq!(shown.json["playbook"]["version"], 1);
        let others: Vec<_> = shown
            .list_at("/others")
            .iter()
            .map(|one| &one["code"])
            .collect();
        assert_eq!(others, ["PB-6", "PB-1"]);
        assert_eq!(shown.text_at("/decision"), "continue");
        assert!(shown.json["run"]["started_at"].is_null(), "{shown}");
        let c1 = check(&shown.json["run"], "c1");
        assert_eq!(c1["question"], "Il referto è di questa Azienda?");
        let choices: Vec<_> = c1["answers"].as_array().expect("answers").iter().collect();
        assert_eq!(choices.len(), 3, "{c1}");
        assert_eq!(shown.json["unmet"], json!(null), "it is part of the run");
        assert_eq!(shown.json["run"]["unmet"][0]["check"], "c1");
        // Looking changes nothing.
        assert_eq!(operator.screen(&filed.id).await.json["state"], "new");
        assert_eq!(app.count("playbook_runs"), 0);
    }
);

both!(
    the_first_answers_take_charge_and_others_leave_the_version_alone,
    async |app| {
        let filed = file(app).await;
        let operator = app.as_("to4.operator").await;
        let first = answer(&operator, &filed, json!({"c1": "yes"})).await;
        first.is(200);
        let screen = operator.screen(&filed.id).await;
        assert_eq!(
            events(&screen),
            ["request.created", "request.taken", "playbook.decided"]
        );
        assert_eq!(screen.text_at("/state"), "in-progress");
        assert_eq!(screen.text_at("/assignee/label"), label_of("to4.operator"));
        assert_eq!(first.json["version"], screen.json["version"]);
        let second = answer(&operator, &filed, json!({"c2": "yes"})).await;
        assert_eq!(second.is(200).json["version"], first.json["version"]);
        let third = answer(&operator, &filed, json!({"c3": "yes"})).await;
        assert_ne!(third.is(200).json["version"], first.json["version"]);
    }
);

both!(
    answers_are_merged_and_kept_with_author_time_and_evidence,
    async |app| {
        let filed = file(app).await;
        let operator = app.as_("to4.operator").await;
        let form = json!({"answers": {"c1": "yes"}, "evidence": {"c1": "Repository, 2 marzo"},
            "values": {"report_id": " TO4-118273 "}});
        operator.answer(&filed.id, &form).await.is(200);
        app.advance("PT1H");
        let colleague = app.as_("to4.colleague").await;
        answer(&colleague, &filed, json!({"c2": "yes", "c3": "yes"}))
            .await
            .is(200);
        let operator = app.as_("to4.operator").await;
        let shown = playbook(&operator, &filed).await;
        let c1 = check(&shown.json["run"], "c1");
        assert_eq!(c1["answer"], "yes");
        assert_eq!(c1["evidence"], "Repository, 2 marzo");
        assert_eq!(c1["author"], label_of("to4.operator").as_str());
        assert_eq!(c1["answered_at"], "2026-03-02T08:00:00Z");
        let c2 = check(&shown.json["run"], "c2");
        assert_eq!(c2["author"], label_of("to4.colleague").as_str());
        assert_eq!(c2["answered_at"], "2026-03-02T09:00:00Z");
        // The note still lacks a value; given, it says all of it, and then what the desk adds.
        assert_eq!(shown.json["note_draft"]["missing"], json!(["report_date"]));
        assert!(shown.json["note_draft"]["body"].is_null());
        let form = json!({"values": {"report_date": "2026-02-12"}, "addition": "Urgente."});
        let whole = operator.answer(&filed.id, &form).await;
        let body = whole.is(200).text_at("/note_draft/body");
        for words in ["TO4-118273", "12/02/2026", "Urgente."] {
            assert!(body.contains(words), "{words} in {body}");
        }
        // Null takes back, and what was answered stays in the history of answers.
        let form =
            json!({"answers": {"c3": null}, "values": {"report_id": null}, "addition": null});
        let back = operator.answer(&filed.id, &form).await;
        assert_eq!(back.is(200).text_at("/decision"), "continue");
        assert!(check(&back.json["run"], "c3")["answer"].is_null());
        assert!(back.json["run"]["addition"].is_null());
        assert_eq!(app.count("playbook_answers"), 4);
        // Saying the same again leaves no row.
        answer(&operator, &filed, json!({"c1": "yes"}))
            .await
            .is(200);
        assert_eq!(app.count("playbook_answers"), 4);
    }
);

both!(
    what_cannot_be_read_is_named_all_at_once_and_changes_nothing,
    async |app| {
        let filed = file(app).await;
        let operator = app.as_("to4.operator").await;
        let before = app.footprint();
        let form = json!({
            "answers": {"c1": "maybe", "c2": true, "zz": "yes", "c0": "yes", "yy": null},
            "values": {"report_id": "x".repeat(65), "report_date": "ieri", "pin": "12345"},
            "evidence": {"c3": "Visto."},
            "addition": "y".repeat(501),
        });
        let refused = operator.answer(&filed.id, &form).await;
        refused.is_problem(422, "validation-error").has_errors(&[
            ("/answers/c1", "not-in-list"),
            ("/answers/c2", "invalid-format"),
            ("/answers/zz", "unknown-field"),
            ("/answers/yy", "unknown-field"),
            ("/answers/c0", "takes-values"),
            ("/answers/c3", "required"),
            ("/values/report_id", "too-long"),
            ("/values/report_date", "invalid-format"),
            ("/values/pin", "unknown-field"),
            ("/addition", "too-long"),
        ]);
        for (form, pointer, code) in [
            (json!({"answers": []}), "/answers", "invalid-type"),
            (json!({"reply": "yes"}), "/reply", "unknown-field"),
            (json!({}), "/answers", "required"),
            (
                json!({"playbook": "PB-3", "answers": {"v1": "yes"}}),
                "/playbook",
                "not-in-list",
            ),
        ] {
            let refused = operator.answer(&filed.id, &form).await;
            refused
                .is_problem(422, "validation-error")
                .has_errors(&[(pointer, code)]);
        }
        assert_eq!(app.footprint(), before);
        assert_eq!(app.count("playbook_runs"), 0);
    }
);

both!(
    answers_of_several_people_at_the_same_time_are_all_kept,
    async |app| {
        let filed = file(app).await;
        let operator = app.as_("to4.operator").await;
        answer(&operator, &filed, json!({"c1": "yes"}))
            .await
            .is(200);
        let colleague = app.as_("to4.colleague").await;
        let supervisor = app.as_("to4.supervisor").await;
        let replies = join_all([
            answer(&colleague, &filed, json!({"c2": "yes"})),
            answer(&supervisor, &filed, json!({"c3": "yes"})),
        ])
        .await;
        for reply in replies {
            reply.is(200);
        }
        let shown = playbook(&operator, &filed).await;
        assert_eq!(shown.is(200).text_at("/decision"), "escalate");
        assert_eq!(app.count("playbook_answers"), 3);
    }
);

both!(another_playbook_begins_another_run, async |app| {
    let filed = file(app).await;
    let operator = app.as_("to4.operator").await;
    operator.pass_playbook(&filed.id).await;
    let form = json!({"playbook": "PB-1", "answers": {"e1": "yes", "e2": "no"}});
    let other = operator.answer(&filed.id, &form).await;
    assert_eq!(other.is(200).text_at("/playbook/code"), "PB-1");
    assert_eq!(other.text_at("/decision"), "hold");
    let earlier = other.list_at("/earlier_runs");
    assert_eq!(earlier[0]["begun_with"]["code"], "PB-2");
    // The last one counts.
    operator
        .act(&filed.id, &hand_over())
        .await
        .is_problem(409, "playbook-not-satisfied");
});

both!(
    answers_are_seen_by_their_desk_and_after_a_hand_over_by_the_region,
    async |app| {
        const EVIDENCE: &str = "Protocollo aziendale 4711";
        let filed = file(app).await;
        let operator = app.as_("to4.operator").await;
        let form = json!({"answers": {"c1": "no"}, "evidence": {"c1": EVIDENCE}});
        operator.answer(&filed.id, &form).await.is(200);
        let region = app.as_("region.operator").await;
        let cn1 = app.as_("cn1.operator").await;
        let early = playbook(&region, &filed).await;
        assert!(!early.is(200).text().contains(EVIDENCE), "{early}");
        assert!(early.list_at("/earlier_runs").is_empty());
        assert_eq!(early.json["may_answer"], false);
        playbook(&cn1, &filed).await.is_problem(404, "not-found");
        answer(&cn1, &filed, json!({"c1": "yes"}))
            .await
            .is_problem(404, "not-found");
        answer(&region, &filed, json!({"c1": "yes"}))
            .await
            .is_problem(403, "not-in-custody");

        operator.act(&filed.id, &hand_over()).await.is(201);
        let seen = playbook(&region, &filed).await;
        let run = &seen.is(200).list_at("/earlier_runs")[0];
        assert_eq!(check(run, "c1")["answer"], "no");
        assert_eq!(check(run, "c1")["evidence"], EVIDENCE);
        assert!(seen.json["run"].is_null() && seen.json["may_answer"] == false);
        let past = playbook(&operator, &filed).await;
        let run = &past.is(200).list_at("/earlier_runs")[0];
        assert_eq!(check(run, "c1")["answer"], "no");
        assert_eq!(past.json["may_answer"], false);
        answer(&operator, &filed, json!({"c1": "yes"}))
            .await
            .is_problem(403, "not-in-custody");

        let note = json!({"body": "Verificate voi.", "published": true});
        let on = json!({"action": "reroute", "authority_code": CN1, "note": note});
        region.act(&filed.id, &on).await.is(201);
        let at_cn1 = playbook(&cn1, &filed).await;
        assert!(!at_cn1.is(200).text().contains(EVIDENCE), "{at_cn1}");
        assert!(at_cn1.list_at("/earlier_runs").is_empty());
        let own = answer(&cn1, &filed, json!({"c1": "yes"})).await;
        assert_eq!(own.is(200).text_at("/decision"), "continue");
        let past = playbook(&operator, &filed).await;
        let run = &past.is(200).list_at("/earlier_runs")[0];
        assert_eq!(check(run, "c1")["answer"], "no", "its own, not CN1's");
        assert_eq!(past.list_at("/earlier_runs").len(), 1);
        assert!(past.list_at("/allowed_actions").is_empty());
    }
);

both!(
    the_desk_that_answers_a_resolved_ticket_is_told_what_it_may_do,
    async |app| {
        let filed = file(app).await;
        let operator = app.as_("to4.operator").await;
        operator.act(&filed.id, &resolve()).await.is(201);
        let refused = answer(&operator, &filed, json!({"c1": "yes"})).await;
        refused.is_problem(409, "transition-not-allowed");
        let admin = app.as_("to4.admin").await;
        answer(&admin, &filed, json!({"c1": "yes"}))
            .await
            .is_problem(403, "forbidden");
    }
);
