//! Receivers that fail, hang, put us off or want nothing any more.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};
use tests::app::TestApp;
use tests::both;
use tests::receiver::{Answer, Receiver};

use super::{Told, file};

/// The published waits after each try, with all of the spread.
const WAITS: [&str; 9] = [
    "PT6S", "PT330S", "PT33M", "PT132M", "PT330M", "PT11H", "PT924M", "PT22H", "PT1584M",
];

/// The one delivery of a fresh endpoint that answers like this, after one try.
async fn first_try(app: &TestApp, answer: Answer) -> (Receiver, Told, Value) {
    let receiver = Receiver::start();
    receiver.answers("/in", answer);
    let told = Told::add(app, "to4.admin", &receiver, "/in", &["*"]).await;
    told.ping(&app.as_("to4.admin").await).await;
    app.send_webhooks().await;
    let mut log = told.log(&app.as_("to4.admin").await).await;
    (receiver, told, log.remove(0))
}

/// How long after now the next try is due.
fn wait(app: &TestApp, delivery: &Value) -> SignedDuration {
    let next = delivery["next_attempt_at"].as_str().expect("another try");
    let next: jiff::Timestamp = next.parse().expect("a time");
    next.duration_since(app.now())
}

both!(
    a_failing_delivery_follows_the_schedule_and_is_given_up,
    async |app| {
        let (receiver, told, first) = first_try(app, Answer::Status(503)).await;
        assert_eq!(first["state"], "pending");
        let least = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
        let mut delivery = first;
        for (tried, seconds) in least.into_iter().enumerate() {
            let wait = wait(app, &delivery).as_secs();
            assert!(
                (seconds..=seconds * 11 / 10).contains(&wait),
                "{tried}: {wait}"
            );
            // Not a moment too early.
            assert_eq!(app.send_webhooks().await, Default::default());
            app.advance(WAITS[tried]);
            let run = app.send_webhooks().await;
            let is_last = tried == least.len() - 1;
            assert_eq!(
                (run.retried, run.failed),
                (usize::from(!is_last), usize::from(is_last))
            );
            delivery = told.log(&app.as_("to4.admin").await).await.remove(0);
        }
        assert_eq!(delivery["state"], "failed");
        assert_eq!(delivery["reason"], "http-503");
        assert_eq!(delivery["attempts"].as_array().expect("a list").len(), 10);
        let got = receiver.got();
        assert_eq!(got.len(), 10);
        assert!(
            got.iter()
                .all(|one| one.header("webhook-id") == got[0].header("webhook-id"))
        );
        assert!(got.iter().all(|one| one.body == got[0].body));
        // Each try has its own time, and is signed for it.
        assert_ne!(
            got[0].header("webhook-timestamp"),
            got[9].header("webhook-timestamp")
        );
        assert!(
            got.iter()
                .all(|one| one.verified_by(&told.secret) == Some(0))
        );
    }
);

both!(a_receiver_may_put_us_off, async |app| {
    let after = |value: &str| Answer::With(429, "Retry-After", value.to_owned());
    let (_, _, delivery) = first_try(app, after("600")).await;
    assert_eq!(wait(app, &delivery).as_secs(), 600);
    // In the form of a date, and a day at most.
    let (_, _, delivery) = first_try(app, after("Mon, 02 Mar 2026 09:00:00 GMT")).await;
    assert_eq!(wait(app, &delivery).as_secs(), 3600);
    let (_, _, delivery) = first_try(app, after("99999999")).await;
    assert_eq!(wait(app, &delivery).as_secs(), 86_400);
    // Never sooner than the schedule.
    let (_, _, delivery) = first_try(app, after("0")).await;
    assert!(wait(app, &delivery).as_secs() >= 5);
});

both!(a_redirect_is_a_failure_and_is_not_followed, async |app| {
    let elsewhere = Receiver::start();
    let to = elsewhere.url("/elsewhere");
    let (receiver, _, delivery) = first_try(app, Answer::With(307, "Location", to)).await;
    assert_eq!(delivery["attempts"][0]["status"], 307);
    assert_eq!(delivery["state"], "pending");
    assert_eq!(receiver.got().len(), 1);
    assert!(elsewhere.got().is_empty());
    let inside = "http://169.254.169.254/latest/meta-data".to_owned();
    let (_, _, delivery) = first_try(app, Answer::With(302, "Location", inside)).await;
    assert_eq!(delivery["reason"], "http-302");
});

both!(an_answer_410_ends_the_endpoint, async |app| {
    let receiver = Receiver::start();
    receiver.answers("/in", Answer::Status(500));
    let told = Told::add(app, "to4.admin", &receiver, "/in", &["request.created"]).await;
    let watcher = Told::add(app, "to4.admin", &receiver, "/watch", &["webhook.*"]).await;
    file(app).await;
    app.send_webhooks().await;
    receiver.answers("/in", Answer::Status(410));
    file(app).await;
    app.send_webhooks().await;
    let admin = app.as_("to4.admin").await;
    let shown = told.show(&admin).await;
    assert_eq!(shown.json["state"], "disabled");
    assert_eq!(shown.json["disabled_reason"], "gone");
    assert_eq!(shown.json["version"], 2);
    let log = told.log(&admin).await;
    assert_eq!(log[0]["reason"], "http-410");
    // What waited is given up, and what happens now is not even written.
    assert_eq!(
        (&log[1]["state"], &log[1]["reason"]),
        (&json!("failed"), &json!("endpoint-disabled"))
    );
    receiver.got();
    file(app).await;
    app.send_webhooks().await;
    assert_eq!(told.log(&admin).await.len(), 2);
    let got = receiver.got();
    assert_eq!(got.len(), 1, "only the news of it");
    assert_eq!(got[0].path, "/watch");
    assert_eq!(got[0].event()["type"], "it.sportello.webhook.disabled");
    assert_eq!(got[0].event()["subject"], told.id.as_str());
    assert_eq!(got[0].event()["data"]["detail"], json!({"reason": "gone"}));
    assert_eq!(watcher.show(&admin).await.json["state"], "enabled");
    for path in [
        "test-deliveries".to_owned(),
        format!(
            "deliveries/{}/retries",
            log[1]["id"].as_str().expect("an id")
        ),
    ] {
        let refused = admin
            .post(&format!("{}/{path}", told.path), &json!({}))
            .await;
        refused.is_problem(409, "endpoint-disabled");
    }
    // Enabled again, it is told of what happens from now on.
    receiver.answers("/in", Answer::Status(200));
    let enabled = admin
        .patch(&told.path, shown.etag(), &json!({"state": "enabled"}))
        .await;
    assert_eq!(enabled.is(200).json["disabled_reason"], Value::Null);
    file(app).await;
    assert_eq!(app.send_webhooks().await.delivered, 1);
});

both!(
    days_of_failure_disable_an_endpoint_and_a_success_begins_anew,
    async |app| {
        let receiver = Receiver::start();
        receiver.answers("/in", Answer::Status(500));
        let told = Told::add(app, "to4.admin", &receiver, "/in", &["*"]).await;
        let try_once = async || {
            let admin = app.as_("to4.admin").await;
            told.ping(&admin).await;
            app.send_webhooks().await;
            told.show(&admin).await
        };
        let since = app.now().to_string();
        assert_eq!(try_once().await.json["failing_since"], since.as_str());
        app.advance("P4D");
        assert_eq!(try_once().await.json["failing_since"], since.as_str());
        receiver.answers("/in", Answer::Status(200));
        assert_eq!(try_once().await.json["failing_since"], Value::Null);
        receiver.answers("/in", Answer::Status(500));
        try_once().await;
        app.advance("PT119H");
        assert_eq!(try_once().await.json["state"], "enabled");
        app.advance("PT1H");
        let shown = try_once().await;
        assert_eq!(shown.json["state"], "disabled");
        assert_eq!(shown.json["disabled_reason"], "failing");
        assert_eq!(app.count("changes WHERE kind = 'webhook.disabled'"), 1);
    }
);

both!(disabling_by_hand_gives_up_what_waits, async |app| {
    let (receiver, told, _) = first_try(app, Answer::Status(500)).await;
    let admin = app.as_("to4.admin").await;
    let shown = told.show(&admin).await;
    let off = admin
        .patch(&told.path, shown.etag(), &json!({"state": "disabled"}))
        .await;
    assert_eq!(off.is(200).json["disabled_reason"], "by-hand");
    receiver.got();
    app.advance("PT1H");
    assert_eq!(app.send_webhooks().await, Default::default());
    assert!(receiver.got().is_empty());
    let admin = app.as_("to4.admin").await;
    assert_eq!(told.log(&admin).await[0]["reason"], "endpoint-disabled");
});

/// Tries that are cut short soon.
fn impatient() -> tests::Options {
    let mut options = tests::Options::default();
    options.settings.webhooks.timeout = SignedDuration::from_millis(400);
    options
}

both!(whoever_hangs_is_left, impatient(), async |app| {
    let (receiver, _, delivery) = first_try(app, Answer::Hang).await;
    assert_eq!(delivery["attempts"][0]["fault"], "timed-out");
    assert_eq!(delivery["attempts"][0]["status"], Value::Null);
    assert_eq!(delivery["state"], "pending");
    receiver.release();
});

both!(an_endless_body_is_not_read, async |app| {
    let (_, _, delivery) = first_try(app, Answer::EndlessBody).await;
    assert_eq!(delivery["state"], "delivered");
});

both!(endless_headers_and_nonsense_are_failures, async |app| {
    for answer in [Answer::EndlessHead, Answer::Nonsense] {
        let (_, _, delivery) = first_try(app, answer).await;
        assert_eq!(delivery["attempts"][0]["fault"], "broken-answer");
        assert_eq!(delivery["state"], "pending");
    }
});

both!(a_slow_receiver_delays_nobody_else, async |app| {
    let receiver = Receiver::start();
    receiver.answers("/slow", Answer::Hang);
    let slow = Told::add(app, "to4.admin", &receiver, "/slow", &["request.created"]).await;
    let quick = Told::add(app, "to4.admin", &receiver, "/quick", &["request.created"]).await;
    let admin = app.as_("to4.admin").await;
    for round in 1..=3 {
        file(app).await;
        // Begins, and waits for nobody.
        app.webhooks
            .send(Duration::ZERO)
            .await
            .expect("a beginning");
        receiver.wait_for("/quick", round).await;
    }
    // One at a time: the slow one was asked once.
    receiver.wait_for("/slow", 1).await;
    let got = receiver.got();
    assert_eq!(got.iter().filter(|one| one.path == "/slow").count(), 1);
    assert!(
        slow.log(&admin)
            .await
            .iter()
            .all(|one| one["state"] == "pending")
    );
    receiver.release();
    app.send_webhooks().await;
    for told in [slow, quick] {
        let log = told.log(&admin).await;
        assert_eq!(log.len(), 3);
        assert!(log.iter().all(|one| one["state"] == "delivered"), "{log:?}");
    }
});

both!(two_nodes_send_nothing_twice, async |app| {
    let receiver = Receiver::start();
    let told = Told::add(app, "to4.admin", &receiver, "/in", &["*"]).await;
    let admin = app.as_("to4.admin").await;
    for _ in 0..10 {
        told.ping(&admin).await;
    }
    let other = jobs::Webhooks::new(app.desk.clone()).expect("a client");
    let (one, two) = tokio::join!(
        app.webhooks.send(Duration::from_secs(60)),
        other.send(Duration::from_secs(60)),
    );
    let sent = one.expect("one node").delivered + two.expect("the other").delivered;
    assert_eq!(sent, 10);
    let mut ids: Vec<String> = receiver
        .got()
        .iter()
        .map(|got| got.header("webhook-id").to_owned())
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 10);
});

both!(
    a_node_that_died_leaves_its_delivery_to_the_next,
    async |app| {
        let receiver = Receiver::start();
        let told = Told::add(app, "to4.admin", &receiver, "/in", &["*"]).await;
        told.ping(&app.as_("to4.admin").await).await;
        let endpoint = told.id.parse().expect("an id");
        let claimed = app.desk.claim_delivery(endpoint).expect("a claim");
        assert!(claimed.is_some());
        assert_eq!(app.send_webhooks().await.delivered, 0);
        app.advance("PT6M");
        assert_eq!(app.send_webhooks().await.delivered, 1);
        // Whoever comes back late changes nothing any more.
        let outcome = domain::webhook::Outcome::Failed(domain::webhook::Fault::Broken);
        let late = app
            .desk
            .report_delivery(claimed.expect("a delivery"), outcome, Duration::ZERO);
        late.expect("it is noted");
        let log = told.log(&app.as_("to4.admin").await).await;
        assert_eq!(log[0]["state"], "delivered");
    }
);

both!(what_cannot_be_signed_is_given_up, async |app| {
    let receiver = Receiver::start();
    let told = Told::add(app, "to4.admin", &receiver, "/in", &["*"]).await;
    let admin = app.as_("to4.admin").await;
    told.ping(&admin).await;
    app.execute("DELETE FROM webhook_secrets");
    assert_eq!(app.send_webhooks().await.failed, 1);
    assert_eq!(told.log(&admin).await[0]["reason"], "not-signed");
    assert!(receiver.got().is_empty());
});
