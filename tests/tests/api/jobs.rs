//! What time does: reminders, giving up, closing; and that doing it twice does nothing twice.

use serde_json::json;
use tests::citizens::{ANNA, MARIO};
use tests::{both, files, forms, people::TO4};

both!(
    an_unanswered_question_is_reminded_twice_and_then_resolved_and_closed,
    async |app| {
        let filed = app
            .file_anonymous(&forms::report_not_found(&ANNA, TO4), &[])
            .await;
        let operator = app.as_("to4.operator").await;
        let note = json!({"body": "Quale referto cerca?", "published": true});
        operator
            .act(&filed.id, &json!({"action": "ask-info", "note": note}))
            .await
            .is(201);
        let before = app.mails_to(ANNA.email).await.len();

        for (days, subject_count) in [("P4D", 0), ("P1D", 1), ("P4D", 1), ("P1D", 2), ("P19D", 2)] {
            app.advance(days);
            app.run_jobs();
            app.run_jobs();
            let mails = app.mails_to(ANNA.email).await;
            assert_eq!(mails.len() - before, subject_count, "after another {days}");
        }
        app.advance("P1D");
        app.run_jobs();
        let mails = app.mails_to(ANNA.email).await;
        assert_eq!(
            mails.len() - before,
            3,
            "two reminders and the end of waiting"
        );
        assert!(
            mails
                .iter()
                .skip(before)
                .take(2)
                .all(|mail| mail.body.contains("Quale referto cerca?"))
        );

        let operator = app.as_("to4.operator").await;
        let screen = operator.screen(&filed.id).await;
        assert_eq!(screen.json["state"], "resolved");
        assert_eq!(screen.json["resolution_code"], "no-answer");

        app.advance("P7D");
        app.run_jobs();
        let operator = app.as_("to4.operator").await;
        assert_eq!(
            operator.screen(&filed.id).await.json["state"],
            "resolved",
            "the window has not passed"
        );
        app.advance("PT1S");
        assert_eq!(app.run_jobs().closed, 1);
        assert_eq!(app.run_jobs().closed, 0, "once is enough");
        let closed = app.as_("to4.operator").await.screen(&filed.id).await;
        assert_eq!(closed.json["state"], "auto-closed");
        let events: Vec<_> = closed
            .list_at("/timeline")
            .iter()
            .map(|entry| entry["event"].clone())
            .collect();
        assert_eq!(
            events,
            [
                "request.closed",
                "request.resolved",
                "request.reminded",
                "request.reminded",
                "request.information_requested",
                "request.created"
            ]
        );
    }
);

both!(an_answer_stops_the_clock_of_the_question, async |app| {
    let filed = app
        .file_as(&MARIO, &forms::report_not_found_logged_in(TO4), &[])
        .await;
    let operator = app.as_("to4.operator").await;
    let note = json!({"body": "Quale referto cerca?", "published": true});
    operator
        .act(&filed.id, &json!({"action": "ask-info", "note": note}))
        .await
        .is(201);
    let answer = json!({"body": "Quello di ortopedia."});
    app.citizen(&MARIO)
        .post(&filed.own_path("/messages"), &answer)
        .await
        .is(201);
    app.advance("P60D");
    let run = app.run_jobs();
    assert_eq!((run.reminded, run.given_up, run.closed), (0, 0, 0));
    assert_eq!(
        app.as_("to4.operator").await.screen(&filed.id).await.json["state"],
        "in-progress"
    );
});

both!(a_reply_after_closing_becomes_a_new_request, async |app| {
    let filed = app
        .file_as(&MARIO, &forms::report_not_found_logged_in(TO4), &[])
        .await;
    let operator = app.as_("to4.operator").await;
    let note = json!({"body": "Fatto.", "published": true});
    let resolve =
        json!({"action": "resolve", "resolution_code": "information-given", "note": note});
    operator.act(&filed.id, &resolve).await.is(201);
    app.advance("P8D");
    app.run_jobs();
    let citizen = app.citizen(&MARIO);
    let late = citizen
        .post(
            &filed.own_path("/messages"),
            &json!({"body": "Ancora non va."}),
        )
        .await;
    late.is(201);
    assert_eq!(late.json["is_follow_up"], true);
    assert_eq!(late.json["ticket"]["follow_up_of"], filed.id.as_str());
    assert_ne!(late.json["ticket"]["number"], filed.number.as_str());
    assert_eq!(late.json["ticket"]["description"], "Ancora non va.");
    let old = citizen.get(&filed.own_path("")).await;
    assert_eq!(
        old.json["state"], "auto-closed",
        "the closed one is untouched"
    );
});

both!(
    blobs_that_no_request_names_are_swept_and_others_are_not,
    async |app| {
        let kept = app
            .file_as(
                &MARIO,
                &forms::report_not_found_logged_in(TO4),
                &[files::pdf(700)],
            )
            .await;
        // Refused after the file was kept: its key was used with another body.
        let citizen = app.citizen(&MARIO);
        let mut form = forms::report_not_found_logged_in(TO4);
        let post = |form: &serde_json::Value| {
            citizen
                .request(reqwest::Method::POST, "/v1/tickets")
                .key("same")
                .json(form)
                .send()
        };
        post(&form).await.is(201);
        form["attachment"] = files::pdf(800).inline();
        post(&form).await.is_problem(422, "idempotency-key-reused");
        assert_eq!(app.count_blobs(), 2);
        // The store dates blobs by the system's clock; a century on, every blob is old.
        app.advance("P36500D");
        assert_eq!(app.desk.sweep_blobs().await.expect("a sweep"), 1);
        assert_eq!(app.desk.sweep_blobs().await.expect("a sweep"), 0);
        assert_eq!(app.count_blobs(), 1);
        let operator = app.as_("to4.operator").await;
        let file = operator
            .screen(&kept.id)
            .await
            .text_at("/attachments/0/id")
            .to_owned();
        operator
            .get(&kept.staff_path(&format!("/attachments/{file}")))
            .await
            .is(200);
    }
);

both!(
    the_link_of_a_closed_request_reaches_its_follow_up_and_nothing_else,
    async |app| {
        let form = forms::report_not_found(&ANNA, TO4);
        let filed = app.file_anonymous(&form, &[]).await;
        let other = app.file_anonymous(&form, &[]).await;
        let note = json!({"body": "Fatto.", "published": true});
        let resolve =
            json!({"action": "resolve", "resolution_code": "information-given", "note": note});
        app.as_("to4.operator")
            .await
            .act(&filed.id, &resolve)
            .await
            .is(201);
        app.advance("P8D");
        app.run_jobs();
        let tracking = app.tracking(&filed).await;
        let late = tracking
            .post(
                &filed.own_path("/messages"),
                &json!({"body": "Ancora non va."}),
            )
            .await;
        assert_eq!(late.is(201).json["is_follow_up"], true);
        let location = late.header("location").expect("a location").to_owned();
        assert_eq!(
            tracking.get(&location).await.is(200).json["follow_up_of"],
            filed.id.as_str()
        );
        assert_eq!(
            tracking.get("/v1/me/tickets").await.list_at("/items").len(),
            2
        );
        tracking
            .get(&other.own_path(""))
            .await
            .is_problem(404, "not-found");
    }
);

// The follow-up of a follow-up is out of the link's sight, and still there is only one.
both!(
    replies_to_a_closed_follow_up_share_one_follow_up_behind_the_link,
    async |app| {
        let form = forms::report_not_found(&ANNA, TO4);
        let filed = app.file_anonymous(&form, &[]).await;
        let note = json!({"body": "Fatto.", "published": true});
        let resolve =
            json!({"action": "resolve", "resolution_code": "information-given", "note": note});
        let close = async |ticket: &str| {
            let operator = app.as_("to4.operator").await;
            operator.act(ticket, &resolve).await.is(201);
            app.advance("P8D");
            app.run_jobs();
        };
        let say = async |path: &str, body: &str| {
            let tracking = app.tracking(&filed).await;
            let reply = tracking.post(path, &json!({"body": body})).await;
            reply.is(201).text_at("/ticket/id").to_owned()
        };
        close(&filed.id).await;
        let second = say(&filed.own_path("/messages"), "Ancora non va.").await;
        close(&second).await;
        let path = format!("/v1/me/tickets/{second}/messages");
        let third = say(&path, "E adesso?").await;
        assert_ne!(third, second);
        assert_eq!(say(&path, "Nessuno risponde?").await, third);
        assert_eq!(app.count("tickets"), 3);
    }
);
