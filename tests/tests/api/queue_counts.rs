//! The counters of a queue: kept, and right after each change, whatever has been folded of it.

use serde_json::{Value, json};
use tests::citizens::MARIO;
use tests::people::{CN1, TO4};
use tests::requester::Filed;
use tests::{TestApp, both};

/// A request that no playbook governs.
async fn file(app: &TestApp, authority: &str) -> Filed {
    let form = json!({
        "service_code": "FSE", "problem_type": "errore-tecnico", "authority_code": authority,
        "description": "La pagina mostra un errore.", "privacy_ack": true,
    });
    app.file_as(&MARIO, &form, &[]).await
}

async fn act(app: &TestApp, username: &str, filed: &Filed, action: Value) {
    let client = app.as_(username).await;
    client.act(&filed.id, &action).await.is(201);
}

fn note(action: &str) -> Value {
    json!({"action": action, "note": {"body": "Serve un dato.", "published": true}})
}

/// What somebody reads of their queue: the states that occur, then mine, unassigned, overdue, untouched, and
/// of these the transferred.
async fn queue(app: &TestApp, username: &str) -> String {
    let queue = app.as_(username).await.get("/v1/queues").await;
    queue.is(200);
    let mut said: Vec<String> = Vec::new();
    for state in queue.list_at("/states") {
        if state["count"] != 0 {
            said.push(format!(
                "{} {}",
                state["count"],
                state["state"].as_str().unwrap_or_default()
            ));
        }
    }
    for name in [
        "mine",
        "unassigned",
        "overdue",
        "untouched",
        "transferred_untouched",
    ] {
        said.push(queue.json[name].to_string());
    }
    said.join(", ")
}

fn fold(app: &TestApp) {
    app.desk
        .fold_queue_counts(&|| false)
        .expect("the deltas are folded");
    assert_eq!(app.count("queue_deltas"), 0);
}

both!(
    whoever_acts_reads_the_new_numbers_folded_or_not,
    async |app| {
        let (one, other) = (file(app, TO4).await, file(app, TO4).await);
        assert_eq!(queue(app, "to4.operator").await, "2 new, 0, 2, 0, 2, 0");
        act(app, "to4.operator", &one, json!({"action": "take"})).await;
        assert_eq!(
            queue(app, "to4.operator").await,
            "1 new, 1 in-progress, 1, 1, 0, 1, 0"
        );
        assert_ne!(app.count("queue_deltas"), 0, "nothing was folded yet");
        fold(app);
        assert_eq!(
            queue(app, "to4.operator").await,
            "1 new, 1 in-progress, 1, 1, 0, 1, 0"
        );
        assert_eq!(
            queue(app, "to4.supervisor").await,
            "1 new, 1 in-progress, 0, 1, 0, 1, 0"
        );

        act(app, "to4.operator", &one, note("ask-info")).await;
        let hand_over = json!({"action": "hand-over", "reason_code": "regional-service",
            "note": {"body": "Guasto del sistema regionale.", "published": true}});
        act(app, "to4.operator", &other, hand_over).await;
        assert_eq!(
            queue(app, "to4.operator").await,
            "1 awaiting-info, 1, 0, 0, 0, 0"
        );
        assert_eq!(
            queue(app, "region.operator").await,
            "1 not-competent, 0, 1, 0, 1, 1"
        );
        fold(app);
        let back = json!({"action": "reroute", "authority_code": CN1,
            "note": {"body": "È di CN1.", "published": true}});
        act(app, "region.operator", &other, back).await;
        assert_eq!(queue(app, "cn1.operator").await, "1 new, 0, 1, 0, 1, 1");
        assert_eq!(queue(app, "region.operator").await, "0, 0, 0, 0, 0");
    }
);

both!(
    what_is_late_is_overdue_at_its_instant_and_not_before,
    async |app| {
        let filed = file(app, TO4).await;
        let screen = app.as_("to4.operator").await.screen(&filed.id).await;
        let due: jiff::Timestamp = screen.text_at("/sla/due_at").parse().expect("a time");
        let until = due.duration_since(app.now());
        fold(app);
        app.advance(&format!("PT{}S", until.as_secs()));
        assert_eq!(queue(app, "to4.operator").await, "1 new, 0, 1, 0, 1, 0");
        app.advance("PT1S");
        assert_eq!(queue(app, "to4.operator").await, "1 new, 0, 1, 1, 1, 0");
        app.advance("P40D");
        assert_eq!(queue(app, "to4.operator").await, "1 new, 0, 1, 1, 1, 0");
        act(app, "to4.operator", &filed, json!({"action": "take"})).await;
        fold(app);
        assert_eq!(
            queue(app, "to4.operator").await,
            "1 in-progress, 1, 0, 1, 0, 0"
        );
        let resolve = json!({"action": "resolve", "resolution_code": "information-given",
            "note": {"body": "Ecco il dato.", "published": true}});
        act(app, "to4.operator", &filed, resolve).await;
        assert_eq!(
            queue(app, "to4.operator").await,
            "1 resolved, 0, 0, 0, 0, 0"
        );
    }
);

both!(
    counters_cost_the_same_statements_for_one_request_as_for_thirty,
    async |app| {
        let operator = app.as_("to4.operator").await;
        let mut costs = Vec::new();
        for growth in [1, 29] {
            for _ in 0..growth {
                file(app, TO4).await;
            }
            let before = app.db.statements();
            operator.get("/v1/queues").await.is(200);
            costs.push(app.db.statements() - before);
        }
        assert_eq!(costs.first(), costs.last());
        assert!(costs.iter().all(|cost| *cost <= 4), "{costs:?}");
    }
);

both!(
    a_recount_corrects_what_was_spoiled_and_finds_nothing_else,
    async |app| {
        let filed = file(app, TO4).await;
        file(app, CN1).await;
        act(app, "to4.operator", &filed, json!({"action": "take"})).await;
        let recount = || app.desk.recount_queues().expect("the queues are counted").1;
        assert_eq!(recount(), 0);
        fold(app);
        app.execute("UPDATE queue_totals SET total = 7 WHERE measure = 'state'");
        assert_ne!(
            queue(app, "to4.operator").await,
            "1 in-progress, 1, 0, 0, 0, 0"
        );
        assert_ne!(recount(), 0);
        assert_eq!(
            queue(app, "to4.operator").await,
            "1 in-progress, 1, 0, 0, 0, 0"
        );
        assert_eq!(queue(app, "cn1.operator").await, "1 new, 0, 1, 0, 1, 0");
        assert_eq!(recount(), 0);
    }
);
