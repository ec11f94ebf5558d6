//! What was promised, and whether it is kept: clocks on screens and lists, and what is told of them.
//! Every test begins on Monday 2 March 2026 at nine in Italy; TO4's desk works from half past eight to
//! half past five.

mod policies;

use serde_json::{Value, json};
use tests::citizens::{ANNA, MARIO};
use tests::people::{REGION, TO4};
use tests::{Filed, Reply, TestApp, both, forms};

async fn file(app: &TestApp) -> Filed {
    app.file_as(&MARIO, &forms::report_not_found_logged_in(TO4), &[])
        .await
}

async fn act(app: &TestApp, who: &str, filed: &Filed, action: Value) {
    app.as_(who).await.act(&filed.id, &action).await.is(201);
}

fn note(action: &str, published: bool) -> Value {
    let body = "Il referto non risulta nei sistemi aziendali.";
    json!({"action": action, "note": {"body": body, "published": published}})
}

fn resolve() -> Value {
    let mut action = note("resolve", true);
    action["resolution_code"] = json!("information-given");
    action
}

fn hand_over() -> Value {
    let mut action = note("hand-over", true);
    action["reason_code"] = json!("regional-service");
    action
}

/// The clock of a kind in a leg, as a screen shows it.
fn clock<'a>(screen: &'a Reply, kind: &str, leg: i64) -> &'a Value {
    let clocks = screen.list_at("/sla/clocks").iter();
    clocks
        .clone()
        .find(|one| one["clock"] == kind && one["leg"] == leg)
        .unwrap_or_else(|| panic!("no {kind} of leg {leg} in {:?}", clocks.as_slice()))
}

/// What the feed tells of promises: kind, clock, leg, level and desk.
fn told(app: &TestApp) -> Vec<String> {
    app.desk.place_changes().expect("places");
    let all = app.desk.read_feed_of_all(0, 10_000).expect("the feed");
    all.iter()
        .filter(|change| change.news.kind.starts_with("sla."))
        .map(|change| {
            let (news, data) = (&change.news, &change.news.data);
            let text = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
            let desk = news.desk.as_ref().map(ToString::to_string);
            format!(
                "{} {} {} {} {}",
                news.kind,
                text("clock"),
                data["leg"],
                text("level"),
                desk.unwrap_or_default()
            )
        })
        .collect()
}

both!(
    a_new_ticket_shows_three_clocks_by_working_time,
    async |app| {
        let filed = file(app).await;
        let screen = app.as_("to4.operator").await.screen(&filed.id).await;
        let due = |kind| {
            clock(&screen, kind, 1)["due_at"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        assert_eq!(due("take-charge"), "2026-03-03T08:00:00Z");
        assert_eq!(due("first-response"), "2026-03-04T08:00:00Z");
        assert_eq!(due("resolution"), "2026-03-09T08:00:00Z");
        assert_eq!(screen.text_at("/sla/due_at"), "2026-03-09T08:00:00Z");
        assert_eq!(screen.text_at("/sla/warn_at"), "2026-03-05T14:45:00Z");
        assert_eq!(screen.text_at("/sla/state"), "on-track");
        assert_eq!(clock(&screen, "resolution", 1)["target"], "PT45H");
        let list = app.as_("to4.operator").await.get("/v1/tickets").await;
        assert_eq!(list.text_at("/items/0/due_at"), "2026-03-09T08:00:00Z");
        assert_eq!(list.text_at("/items/0/sla/state"), "on-track");
    }
);

both!(
    time_warns_the_desk_then_the_supervisor_then_the_region_each_once,
    async |app| {
        let filed = file(app).await;
        act(app, "to4.operator", &filed, note("note", true)).await;
        let before = app.as_("to4.operator").await.screen(&filed.id).await;
        let steps: [(&str, &[&str]); 4] = [
            // Just before three quarters of 45 hours have passed.
            ("P3DT6H44M", &[]),
            ("PT1M", &["sla.warning resolution 1 desk 010204"]),
            (
                "P3DT17H15M",
                &["sla.breached resolution 1 supervisor 010204"],
            ),
            ("P1D", &["sla.breached resolution 1 region REG010"]),
        ];
        let mut so_far: Vec<String> = Vec::new();
        for (wait, news) in steps {
            app.advance(wait);
            app.run_jobs();
            app.run_jobs();
            so_far.extend(news.iter().map(|one| (*one).to_owned()));
            assert_eq!(told(app), so_far, "after {wait} more");
        }
        app.advance("P30D");
        app.run_jobs();
        assert_eq!(told(app), so_far, "nothing is told twice");
        let after = app.as_("to4.operator").await.screen(&filed.id).await;
        for untouched in ["/updated_at", "/number"] {
            assert_eq!(after.text_at(untouched), before.text_at(untouched));
        }
        assert_eq!(after.json["version"], before.json["version"]);
        assert_eq!(after.text_at("/sla/state"), "breached");
        assert_eq!(
            clock(&after, "resolution", 1)["breached_at"],
            "2026-03-09T08:00:00Z"
        );
    }
);

both!(
    what_passed_while_no_job_ran_is_told_when_somebody_acts,
    async |app| {
        let filed = file(app).await;
        act(app, "to4.operator", &filed, note("note", true)).await;
        app.advance("P14D");
        act(app, "to4.operator", &filed, resolve()).await;
        // It is over: nobody is warned, and the region needs not know.
        assert_eq!(told(app), ["sla.breached resolution 1 supervisor 010204"]);
        app.run_jobs();
        assert_eq!(told(app).len(), 1);
        let screen = app.as_("to4.operator").await.screen(&filed.id).await;
        assert_eq!(screen.text_at("/sla/state"), "breached");
    }
);

both!(
    a_question_pauses_the_clock_until_it_is_answered,
    async |app| {
        let filed = file(app).await;
        act(app, "to4.operator", &filed, json!({"action": "take"})).await;
        app.advance("P1D");
        act(app, "to4.operator", &filed, note("ask-info", true)).await;
        app.advance("P4D");
        app.run_jobs();
        let operator = app.as_("to4.operator").await;
        let asked = operator.screen(&filed.id).await;
        assert_eq!(asked.text_at("/sla/state"), "paused");
        assert_eq!(
            clock(&asked, "resolution", 1)["paused_since"],
            "2026-03-03T08:00:00Z"
        );
        assert_eq!(clock(&asked, "first-response", 1)["state"], "met");
        // Still within its reminders, and long past what would have been due.
        app.advance("P5D");
        assert_eq!(told(app), Vec::<String>::new());
        let operator = app.as_("to4.operator").await;
        assert_eq!(operator.get("/v1/queues").await.json["overdue"], 0);
        let due = operator
            .get("/v1/tickets?due_before=2026-03-12T08:00:00Z")
            .await;
        assert_eq!(due.list_at("/items").len(), 0, "paused is not due");
        let answer = json!({"body": "È la radiografia del dieci febbraio."});
        let path = filed.own_path("/messages");
        app.citizen(&MARIO).post(&path, &answer).await.is(201);
        let screen = app.as_("to4.operator").await.screen(&filed.id).await;
        let resolution = clock(&screen, "resolution", 1);
        // Thursday 12 March at nine; one day was used, four are left: over a week-end.
        assert_eq!(resolution["due_at"], "2026-03-18T08:00:00Z");
        assert_eq!(resolution["paused_seconds"], 9 * 24 * 3600);
        assert_eq!(screen.text_at("/sla/state"), "on-track");
    }
);

both!(
    a_leg_of_the_region_has_its_own_clocks_which_the_authority_does_not_see,
    async |app| {
        let filed = file(app).await;
        app.advance("PT1H");
        let to4 = app.as_("to4.operator").await;
        to4.pass_playbook(&filed.id).await;
        act(app, "to4.operator", &filed, hand_over()).await;
        app.advance("PT1H");
        let region = app.as_("region.operator").await.screen(&filed.id).await;
        // Three working days, and Torino's calendar.
        assert_eq!(
            clock(&region, "resolution", 2)["due_at"],
            "2026-03-05T09:00:00Z"
        );
        assert_eq!(clock(&region, "resolution", 1)["state"], "met");
        assert_eq!(clock(&region, "first-response", 1)["state"], "on-track");
        let past = app.as_("to4.operator").await.screen(&filed.id).await;
        let seen: Vec<_> = past
            .list_at("/sla/clocks")
            .iter()
            .map(|one| (one["clock"].as_str().unwrap(), one["leg"].as_i64().unwrap()))
            .collect();
        assert_eq!(seen, [("take-charge", 1), ("resolution", 1)]);
        assert_eq!(past.text_at("/sla/due_at"), "2026-03-09T08:00:00Z");
        // The region's own breach goes to the region's supervisors, and no further.
        act(app, "region.operator", &filed, json!({"action": "take"})).await;
        act(app, "region.operator", &filed, note("note", true)).await;
        app.advance("P20D");
        app.run_jobs();
        assert_eq!(
            told(app),
            [
                format!("sla.warning resolution 2 desk {REGION}"),
                format!("sla.breached resolution 2 supervisor {REGION}"),
            ]
        );
    }
);

both!(lists_filter_and_sort_by_how_tickets_stand, async |app| {
    let old = file(app).await;
    act(app, "to4.operator", &old, note("note", true)).await;
    app.advance("P4D");
    let asked = file(app).await;
    act(app, "to4.operator", &asked, note("ask-info", true)).await;
    let done = file(app).await;
    act(app, "to4.operator", &done, resolve()).await;
    let fresh = file(app).await;
    let operator = app.as_("to4.operator").await;
    let ids = async |query: &str| {
        let page = operator.get(&format!("/v1/tickets?{query}")).await;
        page.is(200);
        let items = page.list_at("/items").iter();
        items
            .map(|item| {
                let id = item["id"].as_str().unwrap();
                let names = [
                    (&old, "old"),
                    (&asked, "asked"),
                    (&done, "done"),
                    (&fresh, "fresh"),
                ];
                let name = names.iter().find(|(filed, _)| filed.id == id);
                name.map_or("?", |(_, name)| *name)
            })
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(ids("sla=warning").await, "old");
    assert_eq!(ids("sla=paused").await, "asked");
    assert_eq!(ids("sla=met").await, "done");
    assert_eq!(ids("sla=on-track").await, "fresh");
    assert_eq!(ids("sla=breached").await, "");
    assert_eq!(ids("sort=due_at&limit=1").await, "old");
    assert_eq!(ids("sort=due_at&state=new,in-progress").await, "old fresh");
    let refused = operator.get("/v1/tickets?sla=late").await;
    refused.is_problem(400, "malformed-request");
    let search = operator
        .post("/v1/ticket-searches", &json!({"sla": "warning"}))
        .await;
    assert_eq!(search.is(200).text_at("/items/0/id"), old.id);

    app.advance("P3DT1M");
    let operator = app.as_("to4.operator").await;
    let breached = operator.get("/v1/tickets?sla=breached").await;
    assert_eq!(breached.list_at("/items").len(), 1);
    assert_eq!(breached.text_at("/items/0/sla/state"), "breached");
    assert_eq!(operator.get("/v1/queues").await.json["overdue"], 1);
});

both!(
    clocks_made_anew_are_the_same_and_leave_the_ticket_alone,
    async |app| {
        let filed = file(app).await;
        act(app, "to4.operator", &filed, json!({"action": "take"})).await;
        app.advance("P1D");
        act(app, "to4.operator", &filed, note("ask-info", true)).await;
        app.advance("P3D");
        let answer = json!({"body": "Eccolo."});
        let path = filed.own_path("/messages");
        app.citizen(&MARIO).post(&path, &answer).await.is(201);
        app.advance("P9D");
        app.run_jobs();
        let other = app
            .file_as(&ANNA, &forms::report_not_found_logged_in(TO4), &[])
            .await;
        let screens = async || {
            let operator = app.as_("to4.operator").await;
            let first = operator.screen(&filed.id).await;
            let second = operator.screen(&other.id).await;
            [first.json, second.json]
        };
        let (before, news) = (screens().await, told(app));
        assert!(!news.is_empty());
        assert_eq!(app.desk.recompute_sla().expect("made anew"), 2);
        assert_eq!(screens().await, before);
        // As a program of the version before left it: without clocks.
        app.execute("DELETE FROM ticket_sla");
        let bare = app.as_("to4.operator").await.screen(&filed.id).await;
        assert!(bare.json["sla"]["state"].is_null());
        assert_eq!(app.desk.recompute_sla().expect("made anew"), 2);
        assert_eq!(screens().await, before);
        app.run_jobs();
        assert_eq!(
            told(app),
            news,
            "what is found for the first time is no news"
        );
    }
);
