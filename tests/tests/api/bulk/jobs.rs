//! More than a hundred tickets: a job that any node works, on behalf of who began it.

use std::cell::Cell;

use serde_json::{Value, json};
use tests::client::Reply;
use tests::people::{CN1, TO4};
use tests::requester::Filed;
use tests::{Client, TestApp, both};

use super::{file_some, item, note, notes_on, post, post_once, statuses};

/// So many tickets that nobody waits: the real ones first, and then names of nothing.
fn many(real: &[Filed], count: usize) -> Vec<Value> {
    let real = real.iter().map(|one| item(&one.id, 1));
    let nothing = (0..).map(|n| item(&format!("nothing {n}"), 1));
    real.chain(nothing).take(count).collect()
}

async fn begin(client: &Client, items: &[Value]) -> String {
    let reply = post(client, items, note()).await;
    reply
        .is(202)
        .header("location")
        .expect("where it is")
        .to_owned()
}

/// Every result of a job that has ended, page by page, as whoever reads it is led there.
async fn results(client: &Client, job: &str) -> Vec<Value> {
    let ended = client.get(job).await;
    let list = ended
        .is(303)
        .header("location")
        .expect("its results")
        .to_owned();
    let (mut found, mut next) = (Vec::new(), format!("{list}?limit=100"));
    loop {
        let page = client.get(&next).await;
        found.extend(page.is(200).list_at("/items").iter().cloned());
        match page.json["next_cursor"].as_str() {
            Some(cursor) => next = format!("{list}?limit=100&cursor={cursor}"),
            None => return found,
        }
    }
}

async fn progress(client: &Client, job: &str) -> (Value, Value, Value) {
    let list = client.get(&format!("{job}/results?limit=1")).await;
    let member = |name: &str| list.json["bulk_job"][name].clone();
    (member("done"), member("failed"), member("remaining"))
}

fn state(reply: &Reply) -> &str {
    reply.text_at("/bulk_job/state")
}

both!(
    a_hundred_tickets_are_answered_at_once_and_one_more_makes_a_job,
    async |app| {
        let real = file_some(app, TO4, 2).await;
        let operator = app.as_("to4.operator").await;
        let at_once = post(&operator, &many(&[], 100), note()).await;
        assert_eq!(statuses(&at_once, "/results"), [404; 100]);

        let started = post(&operator, &many(&real, 101), note()).await;
        started.is(202);
        let job = started.header("location").expect("where it is").to_owned();
        assert_eq!(job, format!("/v1/bulk-jobs/{}", started.text_at("/id")));
        assert_eq!(started.json["remaining"], 101);
        let running = operator.get(&job).await;
        assert_eq!(running.is(200).text_at("/state"), "running");
        assert!(running.header("retry-after").is_some());
        assert_eq!(notes_on(&operator, &real[0]).await, 0, "nothing yet");

        app.run_jobs();
        let found = results(&operator, &job).await;
        let codes: Vec<_> = found
            .iter()
            .filter_map(|one| one["status"].as_i64())
            .collect();
        assert_eq!((codes.len(), &codes[..3]), (101, &[201, 201, 404][..]));
        assert_eq!(found[0]["number"], real[0].number.as_str());
        assert_eq!(found[0]["version"], 3);
        assert_eq!(found[2]["ticket"], "nothing 0");
        assert_eq!(found[100]["ticket"], "nothing 98");
        assert_eq!(found[2]["problem"]["type"], "/problems/not-found");
        for ticket in &real {
            assert_eq!(notes_on(&operator, ticket).await, 1);
        }
        app.run_jobs();
        assert_eq!(notes_on(&operator, &real[0]).await, 1, "once is enough");
        let screen = operator.screen(&real[0].id).await;
        let author = operator.get("/v1/me").await;
        assert!(screen.text().contains(author.text_at("/id")), "it was them");
        let kept = app.count("bulk_jobs WHERE action IS NOT NULL");
        assert_eq!(kept, 0, "the note is forgotten");
    }
);

both!(
    ten_thousand_tickets_are_taken_and_not_one_more,
    async |app| {
        let operator = app.as_("to4.operator").await;
        begin(&operator, &many(&[], 10_000)).await;
        assert_eq!(app.count("bulk_pages"), 100);
        post(&operator, &many(&[], 10_001), note())
            .await
            .is(422)
            .has_errors(&[("/items", "too-many-items")]);
        post(&operator, &many(&[], 12_000), note())
            .await
            .is_problem(400, "malformed-request");
        assert_eq!(app.count("bulk_jobs"), 1);
        // Nobody else's body may hold as much.
        let tickets: Vec<Value> = (0..300).map(|n| json!({"x": n})).collect();
        operator
            .post("/v1/contacts", &json!({"tickets": tickets}))
            .await
            .is_problem(400, "malformed-request");
    }
);

both!(a_job_goes_on_where_it_was_when_its_node_died, async |app| {
    let real = file_some(app, TO4, 6).await;
    let operator = app.as_("to4.operator").await;
    let job = begin(&operator, &many(&real, 130)).await;
    // A node that ends after three tickets.
    let left = Cell::new(5);
    let is_stopping = || {
        left.set(left.get() - 1);
        left.get() <= 0
    };
    app.desk.run_due_work_until(&is_stopping).expect("it runs");
    assert_eq!(
        progress(&operator, &job).await,
        (3.into(), 0.into(), 127.into())
    );

    // Another one takes it up and dies at once: nobody else does it until the lease ends.
    let (now, lease_end) = (app.now(), app.now() + jiff::SignedDuration::from_mins(5));
    let dead = app
        .db
        .write(move |conn| storage::due_work::claim(conn, now, lease_end, 20))
        .expect("it is claimed");
    assert!(dead.iter().any(|work| work.kind == "bulk-job"));
    app.run_jobs();
    assert_eq!(progress(&operator, &job).await.0, 3);

    app.advance("PT5M");
    let other = app.another_desk();
    assert_eq!(other.run_due_work().expect("it runs").other, 127);
    // The one that was thought dead goes on late, and does nothing.
    let late = dead.into_iter().find(|work| work.kind == "bulk-job");
    let late = late.expect("the job");
    let held = app
        .db
        .write(move |conn| storage::due_work::hold(conn, &late));
    assert!(!held.expect("it is asked"));
    let operator = app.as_("to4.operator").await;
    assert_eq!(results(&operator, &job).await.len(), 130);
    for ticket in &real {
        assert_eq!(notes_on(&operator, ticket).await, 1);
    }
});

both!(two_nodes_at_one_job_reach_each_ticket_once, async |app| {
    let real = file_some(app, TO4, 12).await;
    let operator = app.as_("to4.operator").await;
    let jobs = [
        begin(&operator, &many(&real[..6], 150)).await,
        begin(&operator, &many(&real[6..], 150)).await,
    ];
    let other = app.another_desk();
    let there = std::thread::spawn(move || other.run_due_work().expect("it runs").failed);
    let here = app.desk.run_due_work().expect("it runs").failed;
    assert_eq!(here + there.join().expect("it ends"), 0);
    for job in jobs {
        assert_eq!(results(&operator, &job).await.len(), 150);
    }
    for ticket in &real {
        assert_eq!(notes_on(&operator, ticket).await, 1);
    }
});

both!(
    whoever_is_suspended_meanwhile_does_nothing_more,
    async |app| {
        let real = file_some(app, TO4, 4).await;
        let colleague = app.as_("to4.colleague").await;
        let job = begin(&colleague, &many(&real, 110)).await;
        let left = Cell::new(4);
        let is_stopping = || {
            left.set(left.get() - 1);
            left.get() <= 0
        };
        app.desk.run_due_work_until(&is_stopping).expect("it runs");
        app.set_state("to4.colleague", "suspended");
        app.run_jobs();
        let supervisor = app.as_("to4.supervisor").await;
        let list = supervisor.get(&format!("{job}/results")).await;
        assert_eq!(state(&list), "stopped");
        assert_eq!(
            progress(&supervisor, &job).await,
            (2.into(), 0.into(), 108.into())
        );
        assert_eq!(notes_on(&supervisor, &real[3]).await, 0);
        assert_eq!(app.count("bulk_jobs WHERE action IS NOT NULL"), 0);
    }
);

both!(
    whoever_left_the_desk_meanwhile_does_nothing_more,
    async |app| {
        let real = file_some(app, TO4, 1).await;
        let colleague = app.as_("to4.colleague").await;
        let job = begin(&colleague, &many(&real, 110)).await;
        app.execute(
            "UPDATE placements SET active = false WHERE account_id = \
             (SELECT id FROM accounts WHERE username = 'to4.colleague')",
        );
        app.run_jobs();
        let supervisor = app.as_("to4.supervisor").await;
        let list = supervisor.get(&format!("{job}/results")).await;
        assert_eq!(state(&list), "stopped");
        assert!(list.list_at("/items").is_empty());
        assert_eq!(notes_on(&supervisor, &real[0]).await, 0);
    }
);

both!(a_job_waits_while_mass_actions_do, async |app| {
    let operator = app.as_("to4.operator").await;
    let job = begin(&operator, &many(&[], 101)).await;
    assert!(app.desk.may_act_in_bulk().expect("a first look"));
    app.leap("PT2H");
    app.run_jobs();
    app.advance("PT5M");
    app.run_jobs();
    let operator = app.as_("to4.operator").await;
    assert_eq!(operator.get(&job).await.is(200).json["remaining"], 101);
    app.as_("system-admin")
        .await
        .post("/v1/scheduler/resumptions", &json!({}))
        .await
        .is(200);
    app.advance("PT1M");
    app.run_jobs();
    assert_eq!(results(&operator, &job).await.len(), 101);
});

both!(
    a_job_is_its_owners_and_their_supervisors_alone,
    async |app| {
        let operator = app.as_("to4.operator").await;
        let job = begin(&operator, &many(&[], 101)).await;
        let list = format!("{job}/results");
        for stranger in [
            "to4.colleague",
            "to4.admin",
            "cn1.operator",
            "cn1.supervisor",
            "region.operator",
            "region.supervisor",
        ] {
            let stranger = app.as_(stranger).await;
            for reply in [
                stranger.get(&job).await,
                stranger.get(&list).await,
                stranger.delete(&job).await,
            ] {
                reply.is_problem(404, "not-found");
            }
        }
        for known in ["to4.operator", "to4.supervisor"] {
            let known = app.as_(known).await;
            known.get(&job).await.is(200);
            known.get(&list).await.is(200);
        }
        let nowhere = "/v1/bulk-jobs/01990000-0000-7000-8000-000000000000";
        operator.get(nowhere).await.is_problem(404, "not-found");
        operator.delete(nowhere).await.is_problem(404, "not-found");

        // What was answered at once is no job.
        post(&operator, &many(&[], 2), note()).await.is(200);
        assert_eq!(app.count("bulk_jobs"), 2);
        app.as_("to4.supervisor").await.delete(&job).await.is(204);
    }
);

both!(
    a_cancelled_job_leaves_the_rest_and_keeps_what_it_did,
    async |app| {
        let real = file_some(app, TO4, 4).await;
        let operator = app.as_("to4.operator").await;
        let job = begin(&operator, &many(&real, 120)).await;
        let left = Cell::new(4);
        let is_stopping = || {
            left.set(left.get() - 1);
            left.get() <= 0
        };
        app.desk.run_due_work_until(&is_stopping).expect("it runs");
        for _ in 0..2 {
            operator.delete(&job).await.is(204);
        }
        app.run_jobs();
        let list = operator.get(&format!("{job}/results")).await;
        assert_eq!(state(&list), "cancelled");
        assert_eq!(statuses(&list, "/items"), [201, 201]);
        assert_eq!(list.json["bulk_job"]["remaining"], 118);
        assert_eq!(notes_on(&operator, &real[2]).await, 0);
        assert_eq!(app.count("due_work WHERE kind = 'bulk-job'"), 0);
        operator.get(&job).await.is(303);
    }
);

both!(nobody_has_more_than_three_jobs_under_way, async |app| {
    let operator = app.as_("to4.operator").await;
    for _ in 0..3 {
        begin(&operator, &many(&[], 101)).await;
    }
    let fourth = post(&operator, &many(&[], 101), note()).await;
    fourth.is_problem(429, "quota-exceeded");
    assert!(fourth.header("retry-after").is_some());
    begin(&app.as_("to4.colleague").await, &many(&[], 101)).await;
    post(&operator, &many(&[], 1), note()).await.is(200);
    app.run_jobs();
    begin(&operator, &many(&[], 101)).await;
});

both!(a_job_begun_twice_with_one_key_is_one, async |app| {
    let real = file_some(app, TO4, 1).await;
    let operator = app.as_("to4.operator").await;
    let items = many(&real, 101);
    let first = post_once(&operator, &items, note(), "job").await;
    let again = post_once(&operator, &items, note(), "job").await;
    assert_eq!(first.is(202).json, again.is(202).json);
    assert_eq!(first.header("location"), again.header("location"));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(app.count("bulk_jobs"), 1);
    app.run_jobs();
    assert_eq!(notes_on(&operator, &real[0]).await, 1);
});

both!(
    tickets_that_went_elsewhere_meanwhile_are_out_of_the_jobs_reach,
    async |app| {
        let real = file_some(app, TO4, 2).await;
        let foreign = file_some(app, CN1, 1).await;
        let operator = app.as_("to4.operator").await;
        let named = [&real[..], &foreign[..]].concat();
        let job = begin(&operator, &many(&named, 101)).await;
        let up = json!({
            "action": "hand-over", "reason_code": "regional-service",
            "note": {"body": "Non è di nostra competenza.", "published": true},
        });
        operator.act(&real[0].id, &up).await.is(201);
        app.run_jobs();
        let found = results(&operator, &job).await;
        let codes: Vec<_> = found
            .iter()
            .filter_map(|one| one["status"].as_i64())
            .collect();
        assert_eq!(&codes[..4], &[403, 201, 404, 404]);
        assert_eq!(found[2]["problem"], found[3]["problem"]);
        assert_eq!(found[2]["number"], Value::Null);
    }
);

both!(a_job_is_forgotten_thirty_days_after_its_end, async |app| {
    let operator = app.as_("to4.operator").await;
    let job = begin(&operator, &many(&[], 101)).await;
    app.run_jobs();
    app.advance("P30D");
    app.desk.sweep_rows().expect("a sweep");
    let operator = app.as_("to4.operator").await;
    operator.get(&job).await.is(303);
    app.advance("PT1S");
    app.desk.sweep_rows().expect("a sweep");
    operator.get(&job).await.is_problem(404, "not-found");
    let left = ["bulk_jobs", "bulk_pages", "bulk_results"].map(|table| app.count(table));
    assert_eq!(left, [0, 0, 0]);
});

async fn words_of(client: &Client, list: &str, lang: &str) -> String {
    let request = client.request(reqwest::Method::GET, list);
    let reply = request.header("accept-language", lang).send().await;
    reply.is(200).text_at("/items/0/problem/title").to_owned()
}

both!(
    results_are_told_in_the_language_of_who_reads_them,
    async |app: &TestApp| {
        let operator = app.as_("to4.operator").await;
        let job = begin(&operator, &many(&[], 101)).await;
        app.run_jobs();
        let list = format!("{job}/results");
        assert_eq!(words_of(&operator, &list, "it").await, "Non trovato");
        assert_eq!(words_of(&operator, &list, "en").await, "Not found");
    }
);
