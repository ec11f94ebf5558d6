//! Giving out what comes to a desk to those who are present there.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};
use tests::citizens::{ANNA, MARIO};
use tests::client::Reply;
use tests::people::{CN1, TO4, label_of};
use tests::requester::Filed;
use tests::{Client, TestApp, both, forms};

/// A request that no playbook governs.
fn form(authority: &str) -> Value {
    json!({
        "service_code": "FSE", "problem_type": "errore-tecnico", "authority_code": authority,
        "description": "La pagina mostra un errore.", "privacy_ack": true,
    })
}

async fn file(app: &TestApp, authority: &str) -> Filed {
    app.file_as(&MARIO, &form(authority), &[]).await
}

/// Sets how the desk of somebody who leads it gives out.
async fn set(app: &TestApp, username: &str, mode: &str) -> Reply {
    let client = app.as_(username).await;
    let path = "/v1/assignment-settings";
    let seen = client.get(path).await;
    let request = client.request(Method::PUT, path).if_match(seen.etag());
    request.json(&json!({"mode": mode})).send().await
}

/// The account of somebody in a placement.
async fn account(app: &TestApp, username: &str) -> String {
    let me = app.as_(username).await.get("/v1/me").await;
    me.text_at("/id").to_owned()
}

/// Everybody who works at TO4, by account, and one of them who is named.
async fn of_to4(app: &TestApp) -> Vec<String> {
    let found = app.as_("to4.operator").await.get("/v1/assignees").await;
    let mut ids: Vec<String> = found
        .list_at("/items")
        .iter()
        .filter(|one| one["kind"] == "operator")
        .map(|one| one["id"].as_str().expect("an id").to_owned())
        .collect();
    ids.sort();
    ids
}

async fn owner(app: &TestApp, username: &str, filed: &Filed) -> Option<String> {
    let screen = app.as_(username).await.screen(&filed.id).await;
    let owner = screen.json["assignee"]["id"].as_str();
    owner.map(str::to_owned)
}

async fn away(client: &Client, body: &Value) -> Reply {
    client.post("/v1/absences", body).await
}

/// Away on the test's first day, a Monday, and until Friday.
fn this_week(account: Option<&str>) -> Value {
    json!({"account_id": account, "from": "2026-03-02", "to": "2026-03-06"})
}

fn hand_over() -> Value {
    let note = json!({"body": "Guasto del sistema regionale.", "published": true});
    json!({"action": "hand-over", "reason_code": "regional-service", "note": note})
}

both!(
    what_comes_to_a_desk_stays_in_its_queue_unless_the_desk_says_otherwise,
    async |app| {
        let settings = app
            .as_("to4.operator")
            .await
            .get("/v1/assignment-settings")
            .await;
        settings.is(200);
        assert_eq!(settings.text_at("/mode"), "none");
        assert_eq!(settings.text_at("/desk/code"), TO4);
        let filed = file(app, TO4).await;
        assert_eq!(owner(app, "to4.operator", &filed).await, None);
    }
);

both!(
    a_filed_request_goes_to_whom_has_the_fewest_and_nobody_took_it_yet,
    async |app| {
        set(app, "to4.supervisor", "least-loaded").await.is(200);
        let people = of_to4(app).await;
        assert_eq!(
            people.len(),
            4,
            "operator, colleague, supervisor, two hats: {people:?}"
        );
        let mut loads: BTreeMap<String, usize> = BTreeMap::new();
        for round in 0..people.len() * 2 {
            let filed = file(app, TO4).await;
            let got = owner(app, "to4.operator", &filed).await.expect("an owner");
            // Equally few: the first by account.
            assert_eq!(got, people[round % people.len()], "round {round}");
            *loads.entry(got).or_default() += 1;
            let screen = app.as_("to4.operator").await.screen(&filed.id).await;
            assert_eq!(screen.text_at("/state"), "new");
            let assigned = &screen.list_at("/timeline")[0];
            assert_eq!(assigned["event"], "request.assigned");
            assert_eq!(assigned["author"]["kind"], "system");
            // The promise to take charge still runs.
            let clocks = screen.list_at("/sla/clocks");
            let take = clocks.iter().find(|clock| clock["clock"] == "take-charge");
            assert_eq!(take.expect("a clock")["met_at"], Value::Null);
        }
        assert!(loads.values().all(|count| *count == 2), "{loads:?}");
    }
);

both!(a_request_that_is_answered_makes_room, async |app| {
    set(app, "to4.supervisor", "least-loaded").await.is(200);
    let people = of_to4(app).await;
    for _ in 0..people.len() {
        file(app, TO4).await;
    }
    let last = app
        .as_("to4.supervisor")
        .await
        .get(&format!("/v1/tickets?assignee={}", people[3]))
        .await;
    let id = last.text_at("/items/0/id").to_owned();
    let note = json!({"body": "Risolto.", "published": true});
    let resolve =
        json!({"action": "resolve", "resolution_code": "information-given", "note": note});
    app.as_("to4.supervisor")
        .await
        .act(&id, &resolve)
        .await
        .is(201);
    let filed = file(app, TO4).await;
    assert_eq!(
        owner(app, "to4.operator", &filed).await.as_ref(),
        Some(&people[3])
    );
});

both!(
    two_requests_at_once_do_not_both_go_to_whom_has_the_fewest,
    async |app| {
        set(app, "to4.supervisor", "least-loaded").await.is(200);
        let people = of_to4(app).await;
        let citizens = [app.citizen(&MARIO), app.citizen(&ANNA)];
        let body = form(TO4);
        let (mario, anna) = (&citizens[0], &citizens[1]);
        let (a, b, c, d) = tokio::join!(
            mario.post("/v1/tickets", &body),
            anna.post("/v1/tickets", &body),
            mario.post("/v1/tickets", &body),
            anna.post("/v1/tickets", &body),
        );
        for filed in [a, b, c, d] {
            filed.is(201);
        }
        for person in &people {
            let path = format!("/v1/tickets?assignee={person}");
            let own = app.as_("to4.operator").await.get(&path).await;
            assert_eq!(own.list_at("/items").len(), 1, "{person}");
        }
    }
);

both!(whoever_is_present_takes_turns, async |app| {
    set(app, "to4.supervisor", "round-robin").await.is(200);
    let people = of_to4(app).await;
    let mut got = Vec::new();
    for _ in 0..5 {
        let filed = file(app, TO4).await;
        got.push(owner(app, "to4.operator", &filed).await.expect("an owner"));
    }
    assert_eq!(got[..4], people[..]);
    assert_eq!(got[4], people[0]);
    // Whose turn it is lasts when the desk's settings change.
    set(app, "to4.supervisor", "none").await.is(200);
    set(app, "to4.supervisor", "round-robin").await.is(200);
    let filed = file(app, TO4).await;
    assert_eq!(
        owner(app, "to4.operator", &filed).await.as_ref(),
        Some(&people[1])
    );
});

both!(
    whoever_is_away_gets_nothing_by_the_system_and_may_be_given_something_by_hand,
    async |app| {
        set(app, "to4.supervisor", "least-loaded").await.is(200);
        let operator = app.as_("to4.operator").await;
        let own = account(app, "to4.operator").await;
        let entered = away(&operator, &this_week(None)).await;
        entered.is(201);
        assert_eq!(entered.text_at("/account_label"), label_of("to4.operator"));
        let supervisor = app.as_("to4.supervisor").await;
        for name in ["to4.colleague", "to4.supervisor"] {
            let id = account(app, name).await;
            away(&supervisor, &this_week(Some(&id))).await.is(201);
        }
        let found = operator.get("/v1/assignees").await;
        let present = |label: &str| {
            let items = found.list_at("/items").iter();
            let mut named = items.filter(|one| one["label"] == label_of(label).as_str());
            named.next().expect("a colleague")["present"].clone()
        };
        assert_eq!(present("to4.operator"), false);
        assert_eq!(present("two.hats"), true);
        // Two hats is left.
        for _ in 0..2 {
            let filed = file(app, TO4).await;
            let got = owner(app, "to4.operator", &filed).await.expect("an owner");
            let mut others = vec![own.clone()];
            for name in ["to4.colleague", "to4.supervisor"] {
                others.push(account(app, name).await);
            }
            assert!(!others.contains(&got), "{got}");
            let assign = json!({"action": "assign", "assignee": own});
            supervisor.act(&filed.id, &assign).await.is(201);
            assert_eq!(
                owner(app, "to4.operator", &filed).await.as_ref(),
                Some(&own)
            );
        }
        // Back early.
        let path = format!("/v1/absences/{}", entered.text_at("/id"));
        operator.delete(&path).await.is(204);
        let list = operator.get("/v1/absences").await;
        assert_ne!(list.json["items"][0]["ended_at"], Value::Null);
        let found = operator.get("/v1/assignees").await;
        let back = found.list_at("/items").iter();
        assert_eq!(
            back.filter(|one| one["present"] == true).count(),
            2,
            "operator and two hats"
        );
    }
);

both!(
    an_absence_is_over_after_its_last_day_and_forgotten_later,
    async |app| {
        set(app, "to4.supervisor", "least-loaded").await.is(200);
        let own = account(app, "to4.operator").await;
        let operator = app.as_("to4.operator").await;
        away(&operator, &this_week(None)).await.is(201);
        let present = async |app: &TestApp| {
            let found = app.as_("to4.operator").await.get("/v1/assignees").await;
            let mine = found.list_at("/items").iter();
            let mut mine = mine.filter(|one| one["id"] == own.as_str());
            mine.next().expect("myself")["present"] == true
        };
        assert!(!present(app).await);
        app.advance("P4D");
        assert!(!present(app).await, "on the Friday");
        app.advance("P1D");
        assert!(present(app).await, "on the Saturday");
        app.desk.sweep_rows().expect("a sweep");
        assert_eq!(app.count("absences"), 1);
        app.advance("P91D");
        app.desk.sweep_rows().expect("a sweep");
        assert_eq!(app.count("absences"), 0);
    }
);

both!(where_everybody_is_away_it_stays_in_the_queue, async |app| {
    set(app, "to4.admin", "least-loaded").await.is(200);
    let supervisor = app.as_("to4.supervisor").await;
    for id in of_to4(app).await {
        away(&supervisor, &this_week(Some(&id))).await.is(201);
    }
    let filed = file(app, TO4).await;
    assert_eq!(owner(app, "to4.operator", &filed).await, None);
});

both!(
    absences_are_ones_own_or_of_colleagues_for_who_leads_and_say_no_reason,
    async |app| {
        let colleague = account(app, "to4.colleague").await;
        let stranger = account(app, "cn1.operator").await;
        let operator = app.as_("to4.operator").await;
        away(&operator, &this_week(Some(&colleague)))
            .await
            .is_problem(403, "forbidden");
        let supervisor = app.as_("to4.supervisor").await;
        away(&supervisor, &this_week(Some(&stranger)))
            .await
            .has_errors(&[("/account_id", "not-in-list")]);
        let mut reason = this_week(None);
        reason["reason"] = json!("Malattia");
        away(&operator, &reason)
            .await
            .has_errors(&[("/reason", "unknown-field")]);
        for (from, to, code) in [
            ("2026-03-06", "2026-03-02", "out-of-range"),
            ("2026-02-02", "2026-03-01", "out-of-range"),
            ("2026-03-02", "2027-03-04", "out-of-range"),
        ] {
            let body = json!({"from": from, "to": to});
            away(&operator, &body).await.has_errors(&[("/to", code)]);
        }
        let body = json!({"from": "2026-03-02T08:00", "to": "domani"});
        away(&operator, &body)
            .await
            .has_errors(&[("/from", "invalid-format"), ("/to", "invalid-format")]);
        assert_eq!(app.count("absences"), 0, "nothing is written on a refusal");

        let entered = away(&supervisor, &this_week(Some(&colleague))).await;
        let path = format!("/v1/absences/{}", entered.is(201).text_at("/id"));
        away(&operator, &this_week(None)).await.is(201);
        let seen = async |name: &str| {
            let list = app.as_(name).await.get("/v1/absences").await;
            list.is(200).list_at("/items").len()
        };
        assert_eq!(seen("to4.supervisor").await, 2);
        assert_eq!(seen("to4.admin").await, 2);
        assert_eq!(seen("to4.operator").await, 1);
        assert_eq!(seen("to4.colleague").await, 1);
        assert_eq!(seen("cn1.supervisor").await, 0);
        assert_eq!(seen("region.supervisor").await, 0);
        operator.delete(&path).await.is_problem(404, "not-found");
        let page = supervisor.get("/v1/absences?limit=1").await;
        let next = page.text_at("/next_cursor").to_owned();
        let rest = supervisor
            .get(&format!("/v1/absences?limit=1&cursor={next}"))
            .await;
        assert_ne!(rest.json["items"][0]["id"], page.json["items"][0]["id"]);
        assert_eq!(rest.json["next_cursor"], Value::Null);
    }
);

both!(
    a_hand_over_a_return_and_a_reroute_are_given_out_where_they_come_to,
    async |app| {
        set(app, "region.supervisor", "least-loaded").await.is(200);
        set(app, "cn1.supervisor", "round-robin").await.is(200);
        let filed = file(app, TO4).await;
        let operator = app.as_("to4.operator").await;
        operator.act(&filed.id, &hand_over()).await.is(201);
        let region = [
            account(app, "region.operator").await,
            account(app, "region.supervisor").await,
        ];
        let first = region.iter().min().cloned();
        assert_eq!(owner(app, "region.operator", &filed).await, first);
        let screen = app.as_("region.operator").await.screen(&filed.id).await;
        assert_eq!(screen.text_at("/state"), "not-competent");
        // The authority learns of none of that.
        let left = operator.screen(&filed.id).await;
        assert_eq!(left.json["assignee"], Value::Null);

        let note = json!({"body": "È di CN1.", "published": true});
        let reroute = json!({"action": "reroute", "authority_code": CN1, "note": note});
        let actor = app.as_("region.supervisor").await;
        actor.act(&filed.id, &reroute).await.is(201);
        let screen = app.as_("cn1.operator").await.screen(&filed.id).await;
        assert_eq!(screen.text_at("/state"), "new");
        assert_ne!(screen.json["assignee"], Value::Null);

        let other = file(app, TO4).await;
        operator.act(&other.id, &hand_over()).await.is(201);
        set(app, "to4.supervisor", "least-loaded").await.is(200);
        let note = json!({"body": "Mancano i dati.", "published": true});
        let back = json!({"action": "return", "note": note});
        app.as_("region.supervisor")
            .await
            .act(&other.id, &back)
            .await
            .is(201);
        let people = of_to4(app).await;
        assert_eq!(
            owner(app, "to4.operator", &other).await.as_ref(),
            people.first()
        );
    }
);

both!(
    what_somebody_who_leaves_had_is_given_to_those_who_stay,
    async |app| {
        let filed = file(app, TO4).await;
        let operator = app.as_("to4.operator").await;
        operator
            .act(&filed.id, &json!({"action": "take"}))
            .await
            .is(201);
        let own = account(app, "to4.operator").await;
        set(app, "to4.supervisor", "least-loaded").await.is(200);
        let admin = app.as_("to4.admin").await;
        let path = format!("/v1/accounts/{own}");
        let seen = admin.get(&path).await;
        let step = json!({"step": "suspend", "reason": "other"});
        let request = admin.request(Method::POST, &format!("{path}/steps"));
        let done = request.if_match(seen.etag()).json(&step).send().await;
        done.is(201);
        let got = owner(app, "to4.supervisor", &filed)
            .await
            .expect("an owner");
        assert_ne!(got, own, "I-6: an owner is active");
        let screen = app.as_("to4.supervisor").await.screen(&filed.id).await;
        let events: Vec<&str> = screen
            .list_at("/timeline")
            .iter()
            .take(2)
            .filter_map(|entry| entry["event"].as_str())
            .collect();
        assert_eq!(events, ["request.assigned", "request.released"]);
    }
);

both!(
    whoever_is_given_a_request_is_told_and_a_colleagues_note_leaves_it_theirs,
    async |app| {
        set(app, "to4.supervisor", "least-loaded").await.is(200);
        let people = of_to4(app).await;
        for name in [
            "to4.operator",
            "to4.colleague",
            "to4.supervisor",
            "two.hats",
        ] {
            app.set_email(name, &format!("{name}@example.org"));
        }
        let name = async |id: &str| {
            for name in ["to4.operator", "to4.colleague", "to4.supervisor"] {
                if account(app, name).await == id {
                    return Some(name);
                }
            }
            None
        };
        let Some(first) = name(&people[0]).await else {
            panic!("two hats was made last")
        };
        let client = app.as_(first).await;
        client
            .put(
                "/v1/me/notification-preferences",
                &json!({"assigned": "instant"}),
            )
            .await
            .is(200);
        let filed = file(app, TO4).await;
        let mails = app.mails_to(&format!("{first}@example.org")).await;
        assert_eq!(mails.len(), 1, "N-3");
        let other = match first {
            "to4.operator" => "to4.colleague",
            _ => "to4.operator",
        };
        let note = json!({"body": "Visto.", "published": false});
        let note = json!({"action": "note", "note": note});
        app.as_(other).await.act(&filed.id, &note).await.is(201);
        let screen = app.as_(other).await.screen(&filed.id).await;
        assert_eq!(screen.text_at("/state"), "in-progress");
        assert_eq!(screen.text_at("/assignee/id"), people[0]);
    }
);

both!(
    settings_are_changed_by_who_leads_the_desk_at_the_version_they_saw,
    async |app| {
        set(app, "to4.operator", "least-loaded")
            .await
            .is_problem(403, "forbidden");
        set(app, "region.operator", "least-loaded")
            .await
            .is_problem(403, "forbidden");
        let supervisor = app.as_("to4.supervisor").await;
        let path = "/v1/assignment-settings";
        let body = json!({"mode": "round-robin"});
        supervisor
            .put(path, &body)
            .await
            .is_problem(428, "precondition-required");
        let bad = set(app, "to4.supervisor", "random").await;
        bad.has_errors(&[("/mode", "not-in-list")]);
        let first = set(app, "to4.supervisor", "round-robin").await;
        first.is(200);
        for stale in ["\"1\"", "\"9\""] {
            let request = supervisor.request(Method::PUT, path).if_match(stale);
            let reply = request.json(&body).send().await;
            reply.is_problem(412, "precondition-failed");
            assert_eq!(reply.json["current_version"], 2);
        }
        assert_eq!(first.text_at("/mode"), "round-robin");
        assert_eq!(supervisor.get(path).await.json, first.json);
        // Each desk has its own.
        let elsewhere = app.as_("cn1.operator").await.get(path).await;
        assert_eq!(elsewhere.text_at("/mode"), "none");
    }
);

both!(
    what_staff_file_for_another_desk_is_given_out_there,
    async |app| {
        set(app, "cn1.supervisor", "round-robin").await.is(200);
        let operator = app.as_("to4.operator").await;
        let mut form = forms::report_not_found(&MARIO, CN1);
        form["requester_role"] = json!("operatore_assistenza");
        form["phone"] = json!("+39 011 5550123");
        let filed = operator.post("/v1/tickets", &form).await;
        let id = filed.is(201).text_at("/id");
        let screen = app.as_("cn1.operator").await.screen(id).await;
        assert!(screen.json["assignee"]["id"].is_string(), "{screen}");
        let own = operator.get(&format!("/v1/tickets/{id}")).await;
        own.is_problem(404, "not-found");
    }
);
