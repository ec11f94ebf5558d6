//! Reviews of decided requests: the requester asks, a supervisor who had no hand in it decides.

use reqwest::Method;
use serde_json::{Value, json};
use tests::citizens::{ANNA, MARIO};
use tests::client::Reply;
use tests::people::{REGION, TO4};
use tests::requester::Filed;
use tests::{Client, Options, TestApp, both, forms};

const REASON: &str = "La spiegazione non risolve il problema.";
const REASONS: &str = "Ha ragione: il sistema era fermo quel giorno.";
/// Written by the desk for itself.
const PLANTED: &str = "SOLO PER NOI";

fn form() -> Value {
    let mut form = forms::report_not_found_logged_in(TO4);
    form["problem_type"] = json!("errore-tecnico");
    form
}

async fn filed_by_mario(app: &TestApp) -> Filed {
    app.file_as(&MARIO, &form(), &[]).await
}

async fn resolve(app: &TestApp, filed: &Filed, username: &str) {
    let colleague = app.as_(username).await;
    let internal = json!({"action": "note", "note": {"body": PLANTED, "published": false}});
    colleague.act(&filed.id, &internal).await.is(201);
    let resolve = json!({"action": "resolve", "resolution_code": "information-given",
        "note": {"body": "Ecco come fare.", "published": true}});
    colleague.act(&filed.id, &resolve).await.is(201);
}

async fn resolved(app: &TestApp) -> Filed {
    let filed = filed_by_mario(app).await;
    resolve(app, &filed, "to4.operator").await;
    filed
}

async fn ask(client: &Client, filed: &Filed) -> Reply {
    let path = filed.own_path("/reviews");
    client.post(&path, &json!({"reason": REASON})).await
}

/// The path of the only review, asked for by Mario.
async fn asked(app: &TestApp, filed: &Filed) -> String {
    ask(&app.citizen(&MARIO), filed).await.is(201);
    let queue = app.as_("region.operator").await.get("/v1/reviews").await;
    assert_eq!(queue.list_at("/items").len(), 1);
    format!("/v1/reviews/{}", queue.text_at("/items/0/id"))
}

async fn step(client: &Client, path: &str, step: &str, body: &Value) -> Reply {
    let seen = client.get(path).await;
    let request = client.request(Method::POST, &format!("{path}/{step}"));
    request.if_match(seen.etag()).json(body).send().await
}

async fn take(client: &Client, path: &str) -> Reply {
    step(client, path, "examinations", &json!({})).await
}

fn upheld() -> Value {
    json!({"outcome": "upheld", "reasons": REASONS})
}

fn rejected() -> Value {
    json!({"outcome": "rejected", "reasons": REASONS})
}

/// What the requester is shown, and that none of it names staff or tells what was internal.
async fn own(client: &Client, filed: &Filed) -> Reply {
    let own = client.get(&filed.own_path("")).await;
    own.is(200);
    let all = own.everything();
    assert!(!all.contains(PLANTED) && !all.contains("Persona"), "{all}");
    own
}

both!(
    an_upheld_review_reopens_the_request_and_tells_the_requester_why,
    async |app| {
        let filed = resolved(app).await;
        let mario = app.citizen(&MARIO);
        let before = own(&mario, &filed).await;
        assert_eq!(before.json["review"], Value::Null);
        let until = before.text_at("/can_request_review_until");
        assert_eq!(until, "2026-05-01T08:00:00Z");

        let receipt = ask(&mario, &filed).await;
        receipt.is(201);
        assert_eq!(receipt.text_at("/state"), "requested");
        assert_eq!(receipt.text_at("/due_at"), "2026-04-01T08:00:00Z");
        assert_eq!(receipt.text_at("/responsible_office/code"), TO4);
        let location = receipt.header("location").expect("where it is");
        assert_eq!(location, filed.own_path(""));

        let supervisor = app.as_("to4.supervisor").await;
        let queue = supervisor.get("/v1/reviews?state=requested").await;
        assert_eq!(queue.text_at("/items/0/ticket/number"), filed.number);
        let path = format!("/v1/reviews/{}", queue.text_at("/items/0/id"));
        let review = supervisor.get(&path).await;
        assert_eq!(review.text_at("/reason"), REASON);
        assert_eq!(review.json["involved_before"], false);

        let taken = take(&supervisor, &path).await;
        taken.is(201);
        assert_eq!(taken.text_at("/state"), "in-review");
        assert_eq!(taken.text_at("/taken_by/label"), "Persona to4 supervisor");
        let in_review = own(&mario, &filed).await;
        assert_eq!(in_review.text_at("/review/state_label"), "In esame");

        let decided = step(&supervisor, &path, "decisions", &upheld()).await;
        decided.is(201);
        assert_eq!(decided.text_at("/remedy"), "reopen");
        let after = own(&mario, &filed).await;
        assert_eq!(after.text_at("/state"), "in-progress");
        assert_eq!(after.text_at("/review/state"), "upheld");
        assert_eq!(after.text_at("/review/reasons"), REASONS);
        assert_eq!(after.json["review"]["reopened"], true);
        assert_eq!(after.json["can_request_review_until"], Value::Null);
        let screen = supervisor.screen(&filed.id).await;
        assert_eq!(screen.json["needs_attention"], true);
        assert_eq!(app.count("due_work WHERE kind = 'review'"), 0);
    }
);

both!(
    a_rejected_review_and_one_settled_otherwise_leave_the_request_as_it_is,
    async |app| {
        for decision in [
            rejected(),
            json!({"outcome": "upheld", "remedy": "settled-otherwise", "reasons": REASONS}),
        ] {
            let filed = resolved(app).await;
            ask(&app.citizen(&MARIO), &filed).await.is(201);
            let supervisor = app.as_("to4.supervisor").await;
            let queue = supervisor.get("/v1/reviews?state=requested").await;
            let path = format!("/v1/reviews/{}", queue.text_at("/items/0/id"));
            take(&supervisor, &path).await.is(201);
            let decided = step(&supervisor, &path, "decisions", &decision).await;
            decided.is(201);
            let after = own(&app.citizen(&MARIO), &filed).await;
            assert_eq!(after.text_at("/state"), "resolved");
            assert_eq!(after.json["review"]["state"], decision["outcome"]);
            assert_eq!(after.json["review"]["reopened"], false);
            let again = step(&supervisor, &path, "decisions", &upheld()).await;
            again.is_problem(409, "review-step-not-allowed");
        }
    }
);

both!(
    whoever_had_a_hand_in_the_request_does_not_decide_its_review,
    async |app| {
        let filed = filed_by_mario(app).await;
        resolve(app, &filed, "to4.supervisor").await;
        let path = asked(app, &filed).await;
        let supervisor = app.as_("to4.supervisor").await;
        let shown = supervisor.get(&path).await;
        assert_eq!(shown.json["involved_before"], true);
        let written = app.footprint();
        take(&supervisor, &path)
            .await
            .is_problem(409, "review-involved-before");
        assert_eq!(app.footprint(), written, "nothing is written on refusal");

        let operator = app.as_("to4.operator").await;
        operator.get(&path).await.is(200);
        take(&operator, &path).await.is_problem(403, "forbidden");
        let elsewhere = app.as_("cn1.supervisor").await;
        elsewhere.get(&path).await.is_problem(404, "not-found");
        assert!(
            elsewhere
                .get("/v1/reviews")
                .await
                .list_at("/items")
                .is_empty()
        );

        // Where nobody at the desk may, the region does.
        let region = app.as_("region.supervisor").await;
        take(&region, &path).await.is(201);
        let refused = step(&supervisor, &path, "decisions", &upheld()).await;
        refused.is_problem(409, "review-involved-before");
        let decided = step(&region, &path, "decisions", &rejected()).await;
        assert_eq!(decided.is(201).text_at("/state"), "rejected");
    }
);

both!(
    a_supervisor_who_once_owned_the_request_was_involved,
    async |app| {
        let filed = filed_by_mario(app).await;
        let supervisor = app.as_("to4.supervisor").await;
        let me = supervisor.get("/v1/me").await.text_at("/id").to_owned();
        let operator = app.as_("to4.operator").await;
        let give = json!({"action": "assign", "assignee": me});
        operator.act(&filed.id, &give).await.is(201);
        resolve(app, &filed, "to4.operator").await;
        let path = asked(app, &filed).await;
        take(&supervisor, &path)
            .await
            .is_problem(409, "review-involved-before");
    }
);

both!(
    what_the_region_settled_is_reviewed_by_its_supervisor,
    async |app| {
        let filed = filed_by_mario(app).await;
        let note = json!({"body": "Riguarda il sistema regionale.", "published": true});
        let hand_over =
            json!({"action": "hand-over", "reason_code": "regional-service", "note": note});
        let operator = app.as_("to4.operator").await;
        operator.act(&filed.id, &hand_over).await.is(201);
        let resolve = json!({"action": "resolve", "resolution_code": "resolved-by-region",
            "note": {"body": "Fatto.", "published": true}});
        let regional = app.as_("region.operator").await;
        regional.act(&filed.id, &resolve).await.is(201);
        let path = asked(app, &filed).await;
        let at_home = app.as_("to4.supervisor").await;
        at_home.get(&path).await.is_problem(404, "not-found");
        let supervisor = app.as_("region.supervisor").await;
        assert_eq!(
            supervisor.get(&path).await.text_at("/authority_code"),
            REGION
        );
        take(&supervisor, &path).await.is(201);
    }
);

both!(
    a_review_is_asked_for_after_the_decision_within_its_term_and_once,
    async |app| {
        let open = filed_by_mario(app).await;
        let mario = app.citizen(&MARIO);
        let early = ask(&mario, &open).await;
        early.is_problem(409, "review-not-decided");
        assert_eq!(early.text_at("/state"), "new");
        assert_eq!(early.text_at("/request_within"), "P60D");
        assert_eq!(
            own(&mario, &open).await.json["can_request_review_until"],
            Value::Null
        );
        mario
            .post(&open.own_path("/withdrawal"), &json!({}))
            .await
            .is(201);
        let withdrawn = ask(&mario, &open).await;
        withdrawn.is_problem(409, "review-not-decided");

        let (last, late) = (resolved(app).await, resolved(app).await);
        app.advance("P8D");
        app.run_jobs();
        app.advance("P52D");
        let mario = app.citizen(&MARIO);
        ask(&mario, &last).await.is(201);
        let twice = ask(&mario, &last).await;
        twice.is_problem(409, "review-requested-before");
        assert_eq!(twice.text_at("/requested_at"), "2026-05-01T08:00:00Z");
        app.advance("PT1S");
        let too_late = ask(&mario, &late).await;
        too_late.is_problem(409, "review-too-late");
        assert_eq!(too_late.text_at("/possible_until"), "2026-05-01T08:00:00Z");
        assert_eq!(
            own(&mario, &late).await.json["can_request_review_until"],
            Value::Null
        );
        assert_eq!(app.count("reviews"), 1);
    }
);

both!(
    an_anonymous_requester_asks_by_the_link_and_is_told_by_mail,
    async |app| {
        let mut form = forms::report_not_found(&ANNA, TO4);
        form["problem_type"] = json!("errore-tecnico");
        let filed = app.file_anonymous(&form, &[]).await;
        resolve(app, &filed, "to4.operator").await;
        app.advance("P8D");
        app.run_jobs();
        app.advance("P50D");
        let tracking = app.tracking(&filed).await;
        ask(&tracking, &filed).await.is(201);
        let mails = app.mails_to(ANNA.email).await;
        let receipt = mails.last().expect("a receipt");
        assert!(
            receipt.subject.contains("revisione richiesta"),
            "{receipt:?}"
        );
        assert!(receipt.body.contains("29/05/2026"), "{}", receipt.body);
        assert!(receipt.body.contains("ASL TO4"), "{}", receipt.body);

        let supervisor = app.as_("to4.supervisor").await;
        let queue = supervisor.get("/v1/reviews").await;
        let path = format!("/v1/reviews/{}", queue.text_at("/items/0/id"));
        take(&supervisor, &path).await.is(201);
        step(&supervisor, &path, "decisions", &upheld())
            .await
            .is(201);
        let mails = app.mails_to(ANNA.email).await;
        let decided = mails.last().expect("the decision");
        assert!(decided.subject.contains("revisione decisa"), "{decided:?}");
        assert!(decided.body.contains(REASONS));
        assert!(mails.iter().all(|mail| !mail.body.contains(PLANTED)));
        assert!(
            mails.iter().all(|mail| !mail.subject.contains("riaperta")),
            "one mail tells of one decision"
        );
        let own = own(&app.tracking(&filed).await, &filed).await;
        assert_eq!(own.text_at("/review/reasons"), REASONS);
    }
);

both!(
    a_program_asks_for_the_citizen_whose_token_it_carries,
    async |app| {
        let filed = resolved(app).await;
        let program = app.program(&["requests:reply"]).await;
        let program = app.with_token(program.token);
        let body = json!({"reason": REASON});
        let path = filed.own_path("/reviews");
        program
            .post(&path, &body)
            .await
            .is_problem(403, "forbidden");
        let call = || {
            program
                .request(Method::POST, &path)
                .key("once-and-for-all")
                .json(&body)
        };
        let token = app.citizen(&MARIO).token().to_owned();
        let first = call().header("citizen-token", &token).send().await;
        first.is(201);
        let again = call().header("citizen-token", &token).send().await;
        assert_eq!(again.is(201).json, first.json);
        assert_eq!(app.count("reviews"), 1);
    }
);

both!(
    the_desk_is_alerted_before_the_term_and_when_it_is_over_once_each,
    async |app| {
        let filed = resolved(app).await;
        let path = asked(app, &filed).await;
        let alerts = async || {
            let supervisor = app.as_("to4.supervisor").await;
            let page = supervisor.get("/v1/changes?after=0&limit=100").await;
            let rows = page.list_at("/items").to_vec();
            let rows = rows
                .into_iter()
                .filter(|row| row["type"] == "review.overdue");
            rows.map(|row| row["data"]["level"].as_str().unwrap_or_default().to_owned())
                .collect::<Vec<_>>()
        };
        let overdue = async || {
            let supervisor = app.as_("to4.supervisor").await;
            let page = supervisor.get("/v1/reviews?overdue=true").await;
            page.is(200).list_at("/items").len()
        };
        app.advance("P24DT23H59M59S");
        app.run_jobs();
        assert!(alerts().await.is_empty());
        app.advance("PT1S");
        app.run_jobs();
        app.run_jobs();
        assert_eq!(alerts().await, ["warning"]);
        app.advance("P5D");
        app.run_jobs();
        assert_eq!(
            (alerts().await.len(), overdue().await),
            (1, 0),
            "due, not over"
        );
        app.advance("PT1S");
        app.run_jobs();
        app.run_jobs();
        assert_eq!(alerts().await, ["warning", "over"]);
        assert_eq!(overdue().await, 1);
        let supervisor = app.as_("to4.supervisor").await;
        assert_eq!(supervisor.get(&path).await.json["overdue"], true);
        take(&supervisor, &path).await.is(201);
        step(&supervisor, &path, "decisions", &rejected())
            .await
            .is(201);
        assert_eq!(overdue().await, 0);
    }
);

both!(
    a_supervisor_who_wants_mail_gets_it_when_a_review_is_asked_for_and_due,
    async |app| {
        app.set_email("to4.supervisor", "capo@example.org");
        let supervisor = app.as_("to4.supervisor").await;
        let preferences = json!({"queue": "instant"});
        let path = "/v1/me/notification-preferences";
        supervisor.put(path, &preferences).await.is(200);
        let filed = resolved(app).await;
        let before = app.mails_to("capo@example.org").await.len();
        asked(app, &filed).await;
        assert_eq!(app.mails_to("capo@example.org").await.len(), before + 1);
        app.advance("P25D");
        app.run_jobs();
        assert_eq!(app.mails_to("capo@example.org").await.len(), before + 2);
    }
);

fn switched_off() -> Options {
    let mut options = Options::default();
    options.settings.reviews.enabled = false;
    options
}

both!(
    where_reviews_are_switched_off_nobody_can_ask_for_one,
    switched_off(),
    async |app| {
        let filed = resolved(app).await;
        let mario = app.citizen(&MARIO);
        ask(&mario, &filed)
            .await
            .is_problem(409, "review-not-offered");
        assert_eq!(
            own(&mario, &filed).await.json["can_request_review_until"],
            Value::Null
        );
    }
);

both!(a_stale_or_missing_version_changes_nothing, async |app| {
    let filed = resolved(app).await;
    let path = asked(app, &filed).await;
    let supervisor = app.as_("to4.supervisor").await;
    let first = supervisor.get(&path).await;
    supervisor
        .post(&format!("{path}/examinations"), &json!({}))
        .await
        .is_problem(428, "precondition-required");
    take(&supervisor, &path).await.is(201);
    let request = supervisor.request(Method::POST, &format!("{path}/decisions"));
    let stale = request.if_match(first.etag()).json(&upheld()).send().await;
    stale.is_problem(412, "precondition-failed");
    assert_eq!(stale.json["current_version"], 2);
    assert_eq!(supervisor.get(&path).await.text_at("/state"), "in-review");
});

both!(every_bad_field_of_a_review_is_told_at_once, async |app| {
    let filed = resolved(app).await;
    let mario = app.citizen(&MARIO);
    let path = filed.own_path("/reviews");
    mario
        .post(&path, &json!({"reason": "  ", "colour": "red"}))
        .await
        .is(422)
        .has_errors(&[("/reason", "required"), ("/colour", "unknown-field")]);
    let path = asked(app, &filed).await;
    let supervisor = app.as_("to4.supervisor").await;
    let bad = json!({"outcome": "rejected", "remedy": "reopen", "reasons": "x".repeat(5001)});
    step(&supervisor, &path, "decisions", &bad)
        .await
        .is(422)
        .has_errors(&[("/remedy", "not-allowed"), ("/reasons", "too-long")]);
    supervisor
        .get("/v1/reviews?state=lost")
        .await
        .is_problem(400, "malformed-request");
});

both!(
    a_reply_that_reopened_the_request_leaves_its_review_to_be_decided,
    async |app| {
        let filed = resolved(app).await;
        let path = asked(app, &filed).await;
        let mario = app.citizen(&MARIO);
        let reply = json!({"body": "Non funziona ancora."});
        mario
            .post(&filed.own_path("/messages"), &reply)
            .await
            .is(201);
        let supervisor = app.as_("to4.supervisor").await;
        take(&supervisor, &path).await.is(201);
        step(&supervisor, &path, "decisions", &upheld())
            .await
            .is(201);
        let after = own(&mario, &filed).await;
        assert_eq!(after.text_at("/state"), "in-progress");
        assert_eq!(after.json["review"]["reopened"], false);
    }
);

/// Brings a request under review back to the desk, by its requester's own word.
async fn reopened_under_review(app: &TestApp) -> (Filed, String) {
    let filed = resolved(app).await;
    let path = asked(app, &filed).await;
    let reply = json!({"body": "Non funziona ancora."});
    let mario = app.citizen(&MARIO);
    let said = mario.post(&filed.own_path("/messages"), &reply).await;
    said.is(201);
    (filed, path)
}

both!(
    the_review_of_a_removed_request_is_neither_decided_nor_alerted,
    async |app| {
        let (filed, path) = reopened_under_review(app).await;
        let note = json!({"body": "Non è una richiesta.", "published": false});
        let remove = json!({"action": "remove", "removal_reason": "spam", "note": note});
        let remover = app.as_("to4.supervisor").await;
        remover.act(&filed.id, &remove).await.is(201);
        let region = app.as_("region.supervisor").await;
        let written = app.footprint();
        let refused = take(&region, &path).await;
        refused.is_problem(409, "transition-not-allowed");
        assert_eq!(app.footprint(), written, "nothing is written on refusal");
        assert_eq!(region.get(&path).await.text_at("/state"), "requested");

        app.advance("P31D");
        app.run_jobs();
        let region = app.as_("region.supervisor").await;
        let page = region.get("/v1/changes?after=0&limit=100").await;
        let rows = page.is(200).list_at("/items");
        assert!(rows.iter().all(|row| row["type"] != "review.overdue"));
        assert_eq!(app.count("due_work WHERE kind = 'review'"), 0);
    }
);

both!(
    a_past_custodian_reads_no_later_word_of_the_review,
    async |app| {
        let (filed, path) = reopened_under_review(app).await;
        let note = json!({"body": "Riguarda il sistema regionale.", "published": true});
        let hand_over =
            json!({"action": "hand-over", "reason_code": "regional-service", "note": note});
        let operator = app.as_("to4.operator").await;
        operator.act(&filed.id, &hand_over).await.is(201);
        app.advance("PT1M");
        let region = app.as_("region.supervisor").await;
        take(&region, &path).await.is(201);
        step(&region, &path, "decisions", &rejected()).await.is(201);
        assert_eq!(region.get(&path).await.text_at("/reasons"), REASONS);

        let past = app.as_("to4.supervisor").await.get(&path).await;
        assert_eq!(past.is(200).text_at("/reason"), REASON);
        for member in ["reasons", "taken_by", "decided_by", "decided_at"] {
            assert_eq!(past.json[member], Value::Null, "{member}");
        }
        let all = past.everything();
        assert!(!all.contains("region supervisor"), "{all}");
    }
);

both!(whoever_answered_the_playbook_was_involved, async |app| {
    let form = forms::report_not_found_logged_in(TO4);
    let filed = app.file_as(&MARIO, &form, &[]).await;
    let operator = app.as_("to4.operator").await;
    let first = json!({"answers": {"c1": "yes"}});
    operator.answer(&filed.id, &first).await.is(200);
    // No entry of the history tells of this one.
    let supervisor = app.as_("to4.supervisor").await;
    let second = json!({"answers": {"c2": "yes"}});
    supervisor.answer(&filed.id, &second).await.is(200);
    resolve(app, &filed, "to4.operator").await;
    let path = asked(app, &filed).await;
    assert_eq!(supervisor.get(&path).await.json["involved_before"], true);
    take(&supervisor, &path)
        .await
        .is_problem(409, "review-involved-before");
});

both!(
    a_review_asked_for_on_a_merged_number_is_one_of_where_it_leads,
    async |app| {
        let goes = filed_by_mario(app).await;
        app.advance("PT1M");
        let stays = filed_by_mario(app).await;
        let supervisor = app.as_("to4.supervisor").await;
        let seen = supervisor.screen(&goes.id).await;
        let merge = supervisor.request(Method::POST, &goes.staff_path("/merges"));
        let merge = merge.if_match(seen.etag());
        merge.json(&json!({"into": stays.id})).send().await.is(201);
        let mario = app.citizen(&MARIO);
        ask(&mario, &goes)
            .await
            .is_problem(409, "review-not-decided");
        resolve(app, &stays, "to4.operator").await;
        ask(&mario, &goes).await.is(201);
        let queue = app.as_("region.operator").await.get("/v1/reviews").await;
        assert_eq!(queue.text_at("/items/0/ticket/number"), stays.number);
        let after = own(&mario, &stays).await;
        assert_eq!(after.text_at("/review/state"), "requested");
        ask(&mario, &stays)
            .await
            .is_problem(409, "review-requested-before");
    }
);
