//! Personal data go when their time is over, and nothing else does: what is due, what is kept, who sets
//! the terms, and what a run proves.

use std::cell::Cell;

use domain::ids::RetentionRunId;
use reqwest::Method;
use serde_json::{Value, json};
use service::retention::proof::{Run, Verification};
use service::retention::runs::{RunOrder, RunOutcome};
use tests::app::Options;
use tests::at_rest::places_of;
use tests::citizens::{ANNA, MARIO};
use tests::people::{CN1, TO4};
use tests::requester::Filed;
use tests::{Client, Reply, TestApp, both, files};

/// What people wrote, each to be found nowhere in the end.
const DESCRIPTION: &str = "PIANTATA nella descrizione";
const INTERNAL: &str = "PIANTATA nella nota interna";
const ANSWER: &str = "PIANTATA nella risposta";
const CONTACT: &str = "PIANTATA nel contatto";
const REVIEW: &str = "PIANTATA nella richiesta di riesame";

async fn file(app: &TestApp, authority: &str) -> Filed {
    let form = json!({
        "service_code": "FSE", "problem_type": "errore-tecnico", "authority_code": authority,
        "description": DESCRIPTION, "privacy_ack": true,
    });
    app.file_as(&MARIO, &form, &[files::pdf(700)]).await
}

async fn resolve(app: &TestApp, filed: &Filed) {
    let operator = app.as_("to4.operator").await;
    let note = json!({"body": INTERNAL, "published": false});
    let act = json!({"action": "note", "note": note});
    operator.act(&filed.id, &act).await.is(201);
    let contact = json!({"channel": "phone", "direction": "inbound", "outcome": "answered",
        "ticket": filed.number, "note": CONTACT});
    operator.post("/v1/contacts", &contact).await.is(201);
    let note = json!({"body": ANSWER, "published": true});
    let act = json!({"action": "resolve", "resolution_code": "information-given", "note": note});
    operator.act(&filed.id, &act).await.is(201);
}

fn close(app: &TestApp) {
    app.advance("P8D");
    app.run_jobs();
}

/// A request at TO4 that was worked and closed.
async fn closed(app: &TestApp) -> Filed {
    let filed = file(app, TO4).await;
    resolve(app, &filed).await;
    close(app);
    filed
}

fn run(app: &TestApp) -> RunOutcome {
    let run = app.desk.run_retention(&RunOrder::default(), &|| false);
    run.expect("retention runs")
}

async fn done(app: &TestApp) -> Run {
    let RunOutcome::Done(done) = run(app) else {
        panic!("the run is over");
    };
    let files = app.desk.delete_retired_files().await;
    files.expect("files go");
    done
}

async fn verify(app: &TestApp, id: RetentionRunId) -> Verification {
    let seen = app.desk.verify_retention_run(id).await;
    seen.expect("a look")
}

async fn screen(app: &TestApp, filed: &Filed) -> Value {
    let supervisor = app.as_("region.supervisor").await;
    supervisor.screen(&filed.id).await.json
}

both!(
    a_request_whose_time_is_over_names_nobody_anywhere,
    async |app| {
        let filed = closed(app).await;
        let other = file(app, CN1).await;
        let before = screen(app, &filed).await;
        let there = places_of(&app.db, "PIANTATA");
        assert!(
            ["notes.body", "tickets.description"]
                .iter()
                .all(|place| there.iter().any(|one| one == place)),
            "the look finds what is there: {there:?}"
        );
        app.advance("P770D");
        let reports = async || {
            let auditor = app.as_("region.supervisor").await;
            let queues = auditor.get("/v1/queues").await;
            queues.is(200);
            (queues.json, app.count("tickets"), app.count("legs"))
        };
        let counted = reports().await;
        let proof = done(app).await;
        assert_eq!(reports().await, counted);

        let after = screen(app, &filed).await;
        assert_eq!(after["anonymised_at"], app.now().to_string());
        for member in [
            "number",
            "state",
            "resolution_code",
            "created_at",
            "service",
            "problem_type",
            "declared_authority",
            "custody",
            "legs",
            "channel",
        ] {
            assert_eq!(after[member], before[member], "{member}");
        }
        for member in ["given_name", "family_name", "tax_code", "email"] {
            assert_eq!(after["requester"][member], "—", "{member}");
        }
        assert_eq!(after["description"], "—");
        let timeline = after["timeline"].to_string();
        assert!(timeline.contains("request.anonymised"), "{timeline}");
        for planted in [&MARIO.tax_code, &MARIO.family_name, &"PIANTATA"] {
            assert!(!after.to_string().contains(*planted), "{planted}");
        }
        // The other one, still open, is as it was.
        assert_eq!(screen(app, &other).await["description"], DESCRIPTION);
        let left = places_of(&app.db, "PIANTATA nella nota");
        assert!(left.is_empty(), "{left:?}");
        for word in [ANSWER, CONTACT] {
            assert!(places_of(&app.db, word).is_empty(), "{word}");
        }
        assert_eq!(app.count_blobs(), 1, "the other request's file");

        let operator = app.as_("to4.operator").await;
        let list = operator.get("/v1/tickets?state=auto-closed").await;
        list.is(200);
        assert!(list.text().contains(&filed.number));
        assert!(!list.text().contains(MARIO.tax_code));
        let search = json!({"tax_code": MARIO.tax_code});
        let search = operator.post("/v1/ticket-searches", &search).await;
        search.is(200);
        assert!(!search.text().contains(&filed.number));
        let own = app.citizen(&MARIO).get("/v1/me/tickets").await;
        own.is(200);
        assert!(own.text().contains(&other.number) && !own.text().contains(&filed.number));
        app.citizen(&MARIO)
            .get(&filed.own_path(""))
            .await
            .is_problem(404, "not-found");

        let seen = verify(app, proof.id).await;
        assert!(seen.is_clean(), "{seen:?}");
        assert_eq!(seen.checked, 4);
    }
);

both!(files_go_first_and_texts_stay, async |app| {
    let filed = closed(app).await;
    assert_eq!(app.count_blobs(), 1);
    app.advance("P215D");
    let proof = done(app).await;
    assert_eq!(app.count_blobs(), 0);
    let after = screen(app, &filed).await;
    assert_eq!(after["anonymised_at"], Value::Null);
    assert_eq!(after["description"], DESCRIPTION);
    let file = &after["attachments"][0];
    assert_ne!(file["purged_at"], Value::Null, "{file}");
    assert!(verify(app, proof.id).await.is_clean());
    assert_eq!(run(app), RunOutcome::Nothing);
});

both!(what_is_not_over_long_enough_stays, async |app| {
    let filed = closed(app).await;
    app.advance("P150D");
    assert_eq!(run(app), RunOutcome::Nothing);
    assert_eq!(screen(app, &filed).await["description"], DESCRIPTION);
    assert_eq!(app.count("retention_runs"), 0);
});

both!(a_request_that_was_taken_up_again_is_safe, async |app| {
    let filed = closed(app).await;
    let supervisor = app.as_("to4.supervisor").await;
    let note = json!({"body": "Si riapre.", "published": false});
    let reopen = json!({"action": "reopen", "note": note});
    supervisor.act(&filed.id, &reopen).await.is(201);
    app.advance("P920D");
    assert_eq!(run(app), RunOutcome::Nothing);
    assert_eq!(screen(app, &filed).await["description"], DESCRIPTION);
});

async fn hold(app: &TestApp, path: &str, body: &Value) -> Reply {
    let auditor = app.as_("auditor").await;
    let set = auditor.post(path, body).await;
    set.is(201);
    set
}

async fn end(app: &TestApp, hold: &Reply) -> Reply {
    let auditor = app.as_("auditor").await;
    let path = format!("/v1/legal-holds/{}/endings", hold.text_at("/id"));
    auditor
        .post(&path, &json!({"reason": "Causa finita."}))
        .await
}

both!(a_hold_keeps_a_request_until_somebody_ends_it, async |app| {
    let filed = closed(app).await;
    app.advance("P770D");
    let holds = [
        (
            filed.staff_path("/legal-holds"),
            json!({"reason": "Causa 12/2029"}),
        ),
        (
            "/v1/legal-holds".to_owned(),
            json!({"reason": "Ispezione", "authority_code": TO4}),
        ),
        (
            "/v1/legal-holds".to_owned(),
            json!({"reason": "Querela", "tax_code": MARIO.tax_code}),
        ),
    ];
    for (path, body) in holds {
        let set = hold(app, &path, &body).await;
        let RunOutcome::Done(kept) = run(app) else {
            panic!("the run is over");
        };
        let proof = kept.proof.expect("a proof");
        assert_eq!(proof.counts, "[]", "{body}");
        assert!(proof.kept.contains("legal-hold"), "{}", proof.kept);
        assert_eq!(screen(app, &filed).await["description"], DESCRIPTION);
        assert_eq!(end(app, &set).await.text_at("/end_reason"), "Causa finita.");
        end(app, &set).await.is_problem(409, "hold-ended");
    }
    // Why, and about whom, is sealed.
    for word in ["Causa", "Ispezione", "Querela", MARIO.tax_code] {
        assert!(places_of(&app.db, word).is_empty(), "{word}");
    }
    done(app).await;
    assert_eq!(screen(app, &filed).await["description"], "—");
});

both!(a_hold_that_ran_out_keeps_nothing, async |app| {
    let filed = closed(app).await;
    let until = app.now().checked_add(jiff::SignedDuration::from_hours(24));
    let until = until.expect("a time").to_string();
    let body = json!({"reason": "Fino a domani", "until": until});
    hold(app, &filed.staff_path("/legal-holds"), &body).await;
    app.advance("P770D");
    done(app).await;
    assert_ne!(screen(app, &filed).await["anonymised_at"], Value::Null);
});

both!(holds_are_for_the_region_and_the_auditor, async |app| {
    let filed = file(app, TO4).await;
    let path = filed.staff_path("/legal-holds");
    let supervisor = app.as_("to4.supervisor").await;
    let refused = supervisor.post(&path, &json!({"reason": "No"})).await;
    refused.is_problem(403, "forbidden");
    let region = app.as_("region.supervisor").await;
    let wrong = json!({"authority_code": TO4, "tax_code": "X", "until": "ieri", "who": 1});
    let wrong = region.post("/v1/legal-holds", &wrong).await;
    let found: Vec<&str> = wrong.errors().iter().map(|(pointer, _)| *pointer).collect();
    for pointer in ["/tax_code", "/until", "/reason", "/who"] {
        assert!(found.contains(&pointer), "{pointer} in {found:?}");
    }
    let past = json!({"reason": "Ieri", "until": "2020-01-01T00:00:00Z"});
    let past = region.post(&path, &past).await;
    past.has_errors(&[("/until", "in-the-past")]);
    let nowhere = "/v1/tickets/2026-0000001-A/legal-holds";
    region
        .post(nowhere, &json!({"reason": "Nessuna"}))
        .await
        .is_problem(404, "not-found");
    assert_eq!(app.count("legal_holds"), 0);
    let set = region.post(&path, &json!({"reason": "Causa"})).await;
    set.is(201);
    let list = app.as_("auditor").await.get(&path).await;
    assert_eq!(list.text_at("/items/0/id"), set.text_at("/id"));
    assert_eq!(list.text_at("/items/0/reason"), "Causa");
});

both!(a_dry_run_counts_and_writes_nothing, async |app| {
    let filed = closed(app).await;
    app.advance("P770D");
    let before = app.footprint();
    let counts = app.desk.preview_retention(&RunOrder::default());
    let counts: Vec<(String, String, i64)> = counts
        .expect("counts")
        .into_iter()
        .map(|one| (one.class, one.authority, one.count))
        .collect();
    let expected = ["attachment", "contact", "health-text", "identifier"];
    assert_eq!(
        counts,
        expected.map(|class| (class.to_owned(), TO4.to_owned(), 1))
    );
    let ahead = RunOrder {
        authority: Some(CN1.to_owned()),
        ..RunOrder::default()
    };
    assert_eq!(app.desk.preview_retention(&ahead).expect("counts"), []);
    assert_eq!(app.footprint(), before);
    for table in ["retention_runs", "retention_marks", "retention_blobs"] {
        assert_eq!(app.count(table), 0, "{table}");
    }
    assert_eq!(screen(app, &filed).await["description"], DESCRIPTION);
});

both!(
    nothing_is_taken_away_before_its_time_by_order,
    async |app| {
        closed(app).await;
        let order = RunOrder {
            at: app
                .now()
                .checked_add(jiff::SignedDuration::from_hours(1))
                .ok(),
            ..RunOrder::default()
        };
        let refused = app.desk.run_retention(&order, &|| false);
        assert!(matches!(refused, Err(service::DeskError::Invalid(_))));
        assert_eq!(app.count("retention_runs"), 0);
    }
);

both!(a_clock_that_leapt_takes_nothing_away, async |app| {
    let filed = closed(app).await;
    assert!(app.desk.may_act_in_bulk().expect("a look"));
    app.leap("P770D");
    assert!(!app.desk.may_act_in_bulk().expect("a look"));
    assert_eq!(run(app), RunOutcome::Paused);
    assert_eq!(screen(app, &filed).await["description"], DESCRIPTION);
});

/// Even one request waits for a person.
fn careful() -> Options {
    let mut options = Options::default();
    options.settings.retention.always_up_to = 0;
    options
}

both!(
    more_than_usual_waits_until_somebody_confirms,
    careful(),
    async |app| {
        let filed = closed(app).await;
        app.advance("P770D");
        let RunOutcome::Waiting(waiting) = run(app) else {
            panic!("it waits");
        };
        assert_eq!((waiting.due, waiting.in_stock), (1, 1));
        assert!(matches!(run(app), RunOutcome::Waiting(again) if again.id == waiting.id));
        assert_eq!(screen(app, &filed).await["description"], DESCRIPTION);
        let order = RunOrder {
            is_confirmed: true,
            ..RunOrder::default()
        };
        let outcome = app.desk.run_retention(&order, &|| false);
        let outcome = outcome.expect("it goes on");
        assert!(matches!(outcome, RunOutcome::Done(run) if run.id == waiting.id));
        assert_eq!(screen(app, &filed).await["description"], "—");
        assert_eq!(app.count("retention_runs"), 1);
    }
);

both!(
    a_run_that_was_cut_off_is_taken_up_where_it_was,
    async |app| {
        let mut all = Vec::new();
        for _ in 0..3 {
            let filed = file(app, TO4).await;
            resolve(app, &filed).await;
            all.push(filed);
        }
        close(app);
        app.advance("P770D");
        let pieces = Cell::new(0);
        let is_stopping = || pieces.replace(pieces.get() + 1) >= 1;
        let cut = app.desk.run_retention(&RunOrder::default(), &is_stopping);
        assert!(matches!(cut.expect("it stops"), RunOutcome::Stopped(_)));
        let mut gone = 0;
        for filed in &all {
            let shown = screen(app, filed).await;
            let is_gone = shown["anonymised_at"] != Value::Null;
            assert_eq!(is_gone, shown["description"] == "—", "never half of one");
            gone += i32::from(is_gone);
        }
        assert_eq!(gone, 1);
        let other = app.another_desk();
        let outcome = other.run_nightly_retention(&|| false).expect("it goes on");
        let RunOutcome::Done(whole) = outcome else {
            panic!("the run is over");
        };
        app.desk.delete_retired_files().await.expect("files go");
        assert_eq!(app.count("retention_runs"), 1);
        assert_eq!(app.count("retention_marks"), 12);
        let seen = verify(app, whole.id).await;
        assert!(seen.is_clean() && seen.checked == 12, "{seen:?}");
    }
);

both!(a_run_is_proved_and_what_is_put_back_is_found, async |app| {
    let filed = closed(app).await;
    app.advance("P770D");
    let proof = done(app).await;
    let auditor = app.as_("auditor").await;
    let list = auditor.get("/v1/retention-runs").await;
    assert_eq!(list.text_at("/items/0/id"), proof.id.to_string());
    let shown = auditor
        .get(&format!("/v1/retention-runs/{}", proof.id))
        .await;
    shown.is(200);
    assert_eq!(shown.text_at("/state"), "done");
    assert_eq!(shown.list_at("/counts").len(), 4);
    assert_eq!(shown.json["counts"][3]["count"], 1);
    assert_eq!(shown.text_at("/digest").len(), 64);
    auditor
        .get(&format!("/v1/retention-runs/{}", filed.id))
        .await
        .is_problem(404, "not-found");
    app.execute("UPDATE tickets SET description = 'di nuovo qui' WHERE description = '—'");
    let seen = verify(app, proof.id).await;
    assert_eq!(seen.left, [(filed.number.clone(), "tickets")]);
    assert!(seen.is_same_list && seen.is_in_trail && !seen.is_clean());
});

both!(what_still_goes_on_keeps_a_request, async |app| {
    let filed = closed(app).await;
    let ask = json!({"reason": REVIEW});
    let citizen = app.citizen(&MARIO);
    citizen
        .post(&filed.own_path("/reviews"), &ask)
        .await
        .is(201);
    app.advance("P770D");
    let RunOutcome::Done(kept) = run(app) else {
        panic!("the run is over");
    };
    let proof = kept.proof.expect("a proof");
    assert!(proof.kept.contains("open-review"), "{}", proof.kept);
    assert_eq!(screen(app, &filed).await["anonymised_at"], Value::Null);
});

both!(
    the_files_of_a_removed_request_under_a_hold_stay,
    async |app| {
        let filed = file(app, TO4).await;
        let note = json!({"body": "Non è una richiesta.", "published": false});
        let action = json!({"action": "remove", "removal_reason": "spam", "note": note});
        let supervisor = app.as_("to4.supervisor").await;
        supervisor.act(&filed.id, &action).await.is(201);
        let set = hold(
            app,
            &filed.staff_path("/legal-holds"),
            &json!({"reason": "Causa"}),
        )
        .await;
        app.advance("P31D");
        app.desk.sweep_rows().expect("a sweep");
        assert_eq!(app.count("purged_attachments"), 0);
        end(app, &set).await.is(201);
        app.desk.sweep_rows().expect("a sweep");
        assert_eq!(app.count("purged_attachments"), 1);
    }
);

fn terms(identifier: &str, attachment: &str) -> Value {
    json!({"identifier": identifier, "contact": "P24M", "health_text": "P24M",
        "attachment": attachment, "complaint": "P24M"})
}

async fn put(client: &Client, path: &str, etag: &str, body: &Value) -> Reply {
    let request = client.request(Method::PUT, path);
    request.if_match(etag).json(body).send().await
}

both!(
    a_schedule_is_checked_kept_by_version_and_proposed_by_the_region,
    async |app| {
        let path = format!("/v1/retention-schedules/{TO4}");
        let admin = app.as_("system-admin").await;
        let usual = admin.get("/v1/retention-schedules").await;
        usual.is(200);
        assert_eq!(usual.text_at("/items/0/terms/identifier"), "P24M");
        assert_eq!(usual.text_at("/items/0/terms/attachment"), "P6M");
        assert_eq!(usual.text_at("/audit_at_least"), "P24M");
        let seen = admin.get(&path).await;
        let etag = seen.etag().to_owned();
        let missing = admin.put(&path, &terms("P24M", "P6M")).await;
        missing.is_problem(428, "precondition-required");
        // Reviews can be asked for during sixty days.
        let short = put(&admin, &path, &etag, &terms("P24M", "P59D")).await;
        short.has_errors(&[("/attachment", "too-short")]);
        let long = put(&admin, &path, &etag, &terms("P12M", "P6M")).await;
        long.has_errors(&[("/contact", "too-long"), ("/health_text", "too-long")]);
        let odd = json!({"identifier": "two years", "contact": "P24M", "extra": 1});
        let odd = put(&admin, &path, &etag, &odd).await;
        odd.is(422);
        assert_eq!(odd.errors().len(), 5, "{:?}", odd.errors());
        assert_eq!(app.count("retention_schedules"), 0);

        let region = app.as_("region.supervisor").await;
        let proposed = put(&region, &path, &etag, &terms("P36M", "P12M")).await;
        proposed.is(200);
        assert_eq!(
            proposed.text_at("/terms/identifier"),
            "P24M",
            "not in force"
        );
        assert_eq!(proposed.text_at("/proposal/terms/identifier"), "P36M");
        put(&admin, &path, &etag, &terms("P36M", "P12M"))
            .await
            .is_problem(412, "precondition-failed");
        let set = put(&admin, &path, proposed.etag(), &terms("P36M", "P12M")).await;
        assert_eq!(set.text_at("/terms/identifier"), "P36M");
        assert_eq!(set.json["proposal"], Value::Null);
        assert_ne!(set.json["set"]["created_by"], Value::Null);
        app.as_("auditor").await.get(&path).await.is(200);
        app.as_("to4.admin")
            .await
            .get(&path)
            .await
            .is_problem(403, "forbidden");
        put(
            &admin,
            "/v1/retention-schedules/nowhere",
            &etag,
            &terms("P24M", "P6M"),
        )
        .await
        .is_problem(404, "not-found");

        // It holds at that authority, and nowhere else.
        let filed = closed(app).await;
        app.advance("P770D");
        done(app).await;
        let shown = screen(app, &filed).await;
        assert_eq!(shown["anonymised_at"], Value::Null);
        assert_ne!(shown["attachments"][0]["purged_at"], Value::Null);
        app.advance("P400D");
        done(app).await;
        assert_ne!(screen(app, &filed).await["anonymised_at"], Value::Null);
    }
);

both!(a_complaint_goes_when_its_own_time_is_over, async |app| {
    let complaint = json!({"subject": "PIANTATA in oggetto", "text": "PIANTATA nel reclamo",
        "authority_code": TO4});
    let filed = app
        .citizen(&ANNA)
        .post("/v1/me/complaints", &complaint)
        .await;
    filed.is(201);
    let manager = app.as_("to4.supervisor").await;
    let path = format!("/v1/complaints/{}", filed.text_at("/id"));
    let seen = manager.get(&path).await;
    let step = json!({"step": "archive", "note": "PIANTATA nel passo"});
    let request = manager.request(Method::POST, &format!("{path}/steps"));
    request
        .if_match(seen.etag())
        .json(&step)
        .send()
        .await
        .is(201);
    assert!(manager.get(&path).await.text().contains("PIANTATA"));
    app.advance("P770D");
    let proof = done(app).await;
    assert_eq!(places_of(&app.db, "PIANTATA"), Vec::<String>::new());
    let manager = app.as_("to4.supervisor").await;
    let after = manager.get(&path).await;
    after.is(200);
    assert_eq!(after.text_at("/subject"), "—");
    assert!(verify(app, proof.id).await.is_clean());
});
