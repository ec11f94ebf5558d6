//! The requester's nudge ("sollecito").

use reqwest::Method;
use serde_json::{Value, json};
use tests::citizens::{ANNA, MARIO};
use tests::client::Reply;
use tests::people::{CN1, REGION, TO4};
use tests::requester::Filed;
use tests::{Client, TestApp, both, forms};

/// A request that no playbook governs.
fn form(authority: &str) -> Value {
    json!({
        "service_code": "FSE", "problem_type": "errore-tecnico", "authority_code": authority,
        "description": "La pagina mostra un errore.", "privacy_ack": true,
    })
}

async fn file(app: &TestApp) -> Filed {
    app.file_as(&MARIO, &form(TO4), &[]).await
}

async fn nudge(client: &Client, filed: &Filed) -> Reply {
    client.post(&filed.own_path("/nudges"), &json!({})).await
}

async fn act(app: &TestApp, username: &str, filed: &Filed, action: Value) {
    let client = app.as_(username).await;
    client.act(&filed.id, &action).await.is(201);
}

/// Waits until two working days are over: from Monday at nine in Rome.
const TWO_WORKING_DAYS: &str = "P2D";

both!(
    a_citizen_nudges_after_two_working_days_and_the_desk_sees_it,
    async |app| {
        let filed = file(app).await;
        act(app, "to4.operator", &filed, json!({"action": "take"})).await;
        let own = app.citizen(&MARIO).get(&filed.own_path("")).await;
        assert_eq!(own.json["nudge_count"], 0);
        let from = own.text_at("/next_nudge_from").to_owned();
        let early = nudge(&app.citizen(&MARIO), &filed).await;
        early.is_problem(429, "nudge-too-early");
        assert_eq!(early.text_at("/next_allowed_at"), from);
        let wait: i64 = early
            .header("retry-after")
            .expect("when")
            .parse()
            .expect("seconds");
        assert_eq!(
            from.parse::<jiff::Timestamp>().expect("a time"),
            app.now() + jiff::SignedDuration::from_secs(wait)
        );
        assert_eq!(
            app.count("ticket_events"),
            2,
            "nothing is written on a refusal"
        );
        app.advance(TWO_WORKING_DAYS);
        assert!(app.now().to_string() >= from);
        let done = nudge(&app.citizen(&MARIO), &filed).await;
        done.is(201);
        assert_eq!(done.json["nudge_count"], 1);
        assert!(done.text_at("/next_nudge_from") > from.as_str());
        let own = app.citizen(&MARIO).get(&filed.own_path("")).await;
        let last = own.list_at("/messages").last().expect("a message");
        assert_eq!(last["event"], "request.nudged");
        assert_eq!(last["text"], "Sollecito inviato");

        let screen = app.as_("to4.operator").await.screen(&filed.id).await;
        assert_eq!(screen.json["nudge_count"], 1);
        assert_eq!(screen.json["reminder_count"], 0, "those are the system's");
        assert_eq!(screen.json["needs_attention"], true);
        assert_eq!(screen.text_at("/last_nudged_at"), app.now().to_string());
        assert_eq!(screen.text_at("/state"), "in-progress");
        let list = app.as_("to4.operator").await.get("/v1/tickets").await;
        assert_eq!(list.json["items"][0]["nudge_count"], 1);
        let page = app
            .as_("to4.operator")
            .await
            .get("/v1/changes?limit=100")
            .await;
        let rows = page.list_at("/items").iter();
        assert_eq!(
            rows.filter(|row| row["type"] == "request.nudged").count(),
            1
        );
    }
);

both!(each_nudge_waits_and_the_sixth_is_refused, async |app| {
    let filed = file(app).await;
    for count in 1..=5 {
        // Over a week-end as well.
        app.advance("P4D");
        let done = nudge(&app.citizen(&MARIO), &filed).await;
        done.is(201);
        assert_eq!(done.json["nudge_count"], count);
        let again = nudge(&app.citizen(&MARIO), &filed).await;
        match count {
            5 => {
                again.is_problem(409, "nudges-used-up");
                assert_eq!(done.json["next_nudge_from"], Value::Null);
            }
            _ => {
                again.is_problem(429, "nudge-too-early");
            }
        }
    }
    app.advance("P30D");
    let last = nudge(&app.citizen(&MARIO), &filed).await;
    last.is_problem(409, "nudges-used-up");
    assert_eq!(last.header("retry-after"), None, "time cures nothing");
});

both!(
    a_request_that_waits_for_the_requester_or_is_answered_takes_no_nudge,
    async |app| {
        let [asked, resolved] = [file(app).await, file(app).await];
        let note = json!({"body": "Quando è successo?", "published": true});
        let ask = json!({"action": "ask-info", "note": note});
        act(app, "to4.operator", &asked, ask).await;
        let resolve =
            json!({"action": "resolve", "resolution_code": "information-given", "note": note});
        act(app, "to4.operator", &resolved, resolve).await;
        app.advance(TWO_WORKING_DAYS);
        for (filed, state) in [(&asked, "awaiting-info"), (&resolved, "resolved")] {
            let own = app.citizen(&MARIO).get(&filed.own_path("")).await;
            assert_eq!(own.json["next_nudge_from"], Value::Null);
            let refused = nudge(&app.citizen(&MARIO), filed).await;
            refused.is_problem(409, "transition-not-allowed");
            assert_eq!(refused.text_at("/state"), state);
        }
    }
);

both!(
    a_hand_over_is_not_told_by_when_the_next_nudge_is_possible,
    async |app| {
        let filed = file(app).await;
        let own = app.citizen(&MARIO).get(&filed.own_path("")).await;
        let from = own.text_at("/next_nudge_from").to_owned();
        let note = json!({"body": "Guasto del sistema regionale.", "published": true});
        let over = json!({"action": "hand-over", "reason_code": "regional-service", "note": note});
        act(app, "to4.operator", &filed, over).await;
        let own = app.citizen(&MARIO).get(&filed.own_path("")).await;
        assert_eq!(own.text_at("/next_nudge_from"), from);
        app.advance(TWO_WORKING_DAYS);
        nudge(&app.citizen(&MARIO), &filed).await.is(201);
        let screen = app.as_("region.operator").await.screen(&filed.id).await;
        assert_eq!(screen.json["nudge_count"], 1);
        assert_eq!(screen.text_at("/custody/code"), REGION);
        // Whoever handed it over learns nothing of that.
        let left = app.as_("to4.operator").await.screen(&filed.id).await;
        assert_eq!(left.json["nudge_count"], 0);
        assert_eq!(left.json["last_nudged_at"], Value::Null);
    }
);

both!(
    whoever_follows_the_link_and_a_program_for_the_citizen_nudge_as_well,
    async |app| {
        let mut anonymous = forms::report_not_found(&MARIO, TO4);
        anonymous["problem_type"] = json!("errore-tecnico");
        let tracked = app.file_anonymous(&anonymous, &[]).await;
        let filed = file(app).await;
        app.advance(TWO_WORKING_DAYS);
        let link = app.tracking(&tracked).await;
        nudge(&link, &tracked).await.is(201);
        let program = app.program(&["requests:reply"]).await;
        let client = app.with_token(&program.token);
        let path = filed.own_path("/nudges");
        let for_mario = || {
            let request = client.request(Method::POST, &path).key("once");
            request.header("citizen-token", app.citizen(&MARIO).token())
        };
        let first = for_mario().send().await;
        first.is(201);
        let again = for_mario().send().await;
        again.is(201);
        assert_eq!(again.json["nudge_count"], 1, "the same key, the same nudge");
        let request = client.request(Method::POST, &path);
        let stranger = request.header("citizen-token", app.citizen(&ANNA).token());
        stranger.send().await.is_problem(404, "not-found");
        let reader = app.program(&["requests:read"]).await;
        let reader = app.with_token(&reader.token);
        let request = reader.request(Method::POST, &path);
        let request = request.header("citizen-token", app.citizen(&MARIO).token());
        request.send().await.is_problem(403, "forbidden");
        nudge(&app.citizen(&ANNA), &filed)
            .await
            .is_problem(404, "not-found");
    }
);

both!(the_owner_is_told_of_a_nudge_else_the_queue, async |app| {
    let [owned, queued] = [file(app).await, file(app).await];
    act(app, "to4.operator", &owned, json!({"action": "take"})).await;
    for name in ["to4.operator", "to4.colleague"] {
        app.set_email(name, &format!("{name}@example.org"));
        let wish = match name {
            "to4.operator" => json!({"requester_wrote": "instant"}),
            _ => json!({"queue": "instant"}),
        };
        let client = app.as_(name).await;
        client
            .put("/v1/me/notification-preferences", &wish)
            .await
            .is(200);
    }
    app.advance(TWO_WORKING_DAYS);
    nudge(&app.citizen(&MARIO), &owned).await.is(201);
    nudge(&app.citizen(&MARIO), &queued).await.is(201);
    let told = async |name: &str| {
        let mails = app.mails_to(&format!("{name}@example.org")).await;
        mails.into_iter().map(|mail| mail.body).collect::<Vec<_>>()
    };
    let (operator, colleague) = (told("to4.operator").await, told("to4.colleague").await);
    assert_eq!((operator.len(), colleague.len()), (1, 1));
    assert!(operator[0].contains(&owned.number));
    assert!(colleague[0].contains(&queued.number));
    let elsewhere = app.as_("cn1.operator").await.get("/v1/changes").await;
    assert_eq!(elsewhere.list_at("/items").len(), 0, "{CN1}");
});

both!(
    a_nudge_about_a_merged_request_reaches_whoever_has_the_other_one,
    async |app| {
        let [goes, stays] = [file(app).await, file(app).await];
        let supervisor = app.as_("to4.supervisor").await;
        let seen = supervisor.screen(&goes.id).await;
        let body = json!({"into": stays.id});
        let request = supervisor.request(Method::POST, &goes.staff_path("/merges"));
        let merged = request.if_match(seen.etag()).json(&body).send().await;
        merged.is(201);
        app.advance(TWO_WORKING_DAYS);
        let done = nudge(&app.citizen(&MARIO), &goes).await;
        assert_eq!(done.is(201).text_at("/id"), stays.id);
        assert_eq!(done.json["nudge_count"], 1);
        let operator = app.as_("to4.operator").await;
        let screen = operator.screen(&stays.id).await;
        assert_eq!(screen.json["nudge_count"], 1);
        assert_eq!(screen.json["needs_attention"], true);
        let left = operator.screen(&goes.id).await;
        assert_eq!(left.json["nudge_count"], 0);
        // By either number, it is one request that is nudged about.
        nudge(&app.citizen(&MARIO), &stays)
            .await
            .is_problem(429, "nudge-too-early");
    }
);
