//! How due work fares, and what a clock that leaps leads to.

use serde_json::{Value, json};
use tests::citizens::MARIO;
use tests::people::TO4;
use tests::{TestApp, both, forms};

fn may_act(app: &TestApp) -> bool {
    app.desk.may_act_in_bulk().expect("the clock is looked at")
}

async fn scheduler(app: &TestApp) -> Value {
    app.as_("system-admin")
        .await
        .get("/v1/scheduler")
        .await
        .json
}

both!(
    a_clock_that_leaps_stops_mass_actions_on_every_node_until_somebody_resumes,
    async |app| {
        let other = app.another_desk();
        assert!(may_act(app), "the first look has nothing to compare");
        app.advance("P30D");
        assert!(may_act(app), "that much time passed");
        app.leap("PT59M");
        assert!(may_act(app));
        app.leap("PT1H1M");
        assert!(!may_act(app));
        assert!(!may_act(app), "and it stays so");
        assert!(!other.may_act_in_bulk().expect("the clock is looked at"));

        let state = scheduler(app).await;
        let times = ["clock_before", "clock_after"].map(|name| {
            let text = state["pause"][name].as_str().expect("a time");
            text.parse::<jiff::Timestamp>().expect("a time")
        });
        let [before, after] = times;
        assert_eq!(after.duration_since(before).as_mins(), 61);

        let admin = app.as_("system-admin").await;
        let resumed = admin.post("/v1/scheduler/resumptions", &json!({})).await;
        resumed.is(200);
        assert_eq!(resumed.json["pause"], Value::Null);
        assert!(may_act(app));
    }
);

both!(a_clock_that_is_set_back_stops_nothing, async |app| {
    assert!(may_act(app));
    app.leap("-P1D");
    assert!(may_act(app));
    app.advance("PT1H");
    assert!(may_act(app));
});

both!(
    what_fails_again_and_again_is_parked_and_can_be_tried_again,
    async |app| {
        let id = match app.db.backend() {
            storage::Backend::Sqlite => "x'01990000000070008000000000000001'",
            storage::Backend::Postgres => "'01990000-0000-7000-8000-000000000001'",
        };
        let at = match app.db.backend() {
            storage::Backend::Sqlite => "0",
            storage::Backend::Postgres => "'1970-01-01T00:00:00Z'",
        };
        app.execute(&format!(
            "INSERT INTO due_work (kind, subject, due_at, fence, attempts) \
             VALUES ('ticket-timer', {id}, {at}, 0, 0), ('unheard-of', {id}, {at}, 0, 0)"
        ));
        let run = || app.desk.run_due_work().expect("it runs");
        assert_eq!(run().failed, 1, "a ticket that is gone needs nothing");
        assert_eq!(run().failed, 0, "it waits");
        for _ in 1..10 {
            app.advance("PT6H");
            assert_eq!(run().failed, 1);
        }
        app.advance("P1D");
        assert_eq!(run().failed, 0, "ten tries are enough");
        let parked = app.count("due_work WHERE parked_at IS NOT NULL");
        assert_eq!(parked, 1);
        let admin = app.as_("system-admin").await;
        admin
            .post("/v1/scheduler/resumptions", &json!({}))
            .await
            .is(200);
        assert_eq!(run().failed, 1);
    }
);

both!(what_waits_and_what_was_done_is_told, async |app| {
    let filed = app
        .file_as(&MARIO, &forms::report_not_found_logged_in(TO4), &[])
        .await;
    let note = json!({"body": "Fatto.", "published": true});
    let resolve =
        json!({"action": "resolve", "resolution_code": "information-given", "note": note});
    let operator = app.as_("to4.operator").await;
    operator.act(&filed.id, &resolve).await.is(201);
    app.advance("P8D");
    let timers = |state: &Value| {
        let work = state["work"].as_array().expect("a list");
        let timers = work.iter().find(|one| one["kind"] == "ticket-timer");
        timers.expect("the kind").clone()
    };
    let waiting = timers(&scheduler(app).await);
    assert_eq!(waiting["due"], 1);
    assert!(waiting["oldest_due_at"].is_string());
    let metrics = app.anonymous().get("/metrics").await.text();
    assert!(
        metrics.contains("sportello_due_work{kind=\"ticket-timer\"} 1"),
        "{metrics}"
    );
    app.run_jobs();
    let done = timers(&scheduler(app).await);
    assert_eq!(
        (&done["due"], &done["oldest_due_at"]),
        (&json!(0), &Value::Null)
    );
});

both!(
    everything_that_came_due_while_nobody_was_there_is_done_once,
    async |app| {
        let note = json!({"body": "Fatto.", "published": true});
        let resolve =
            json!({"action": "resolve", "resolution_code": "information-given", "note": note});
        for _ in 0..25 {
            let form = forms::report_not_found_logged_in(TO4);
            let filed = app.file_as(&MARIO, &form, &[]).await;
            let operator = app.as_("to4.operator").await;
            operator.act(&filed.id, &resolve).await.is(201);
        }
        app.advance("P60D");
        let other = app.another_desk();
        let first = std::thread::spawn(move || other.run_due_work().expect("it runs").closed);
        let here = app.run_jobs().closed;
        assert_eq!(here + first.join().expect("it ends"), 25);
        assert_eq!(app.run_jobs().closed, 0);
        assert_eq!(app.count("ticket_events WHERE kind = 'request.closed'"), 25);
    }
);
