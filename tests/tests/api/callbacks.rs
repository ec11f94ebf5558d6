//! Calling people back: three half-days, and then a text message.

use reqwest::Method;
use serde_json::{Value, json};
use service::outbox::DeliveryFailure;
use service::text_gateway::{TextGateway, TextMessage};
use std::sync::Mutex;
use tests::citizens::MARIO;
use tests::client::Reply;
use tests::people::{CN1, TO4};
use tests::{Client, Options, TestApp, both, forms};

const PHONE: &str = "+393331234567";

/// Keeps what it is asked to send, or refuses it.
#[derive(Default)]
struct Gateway {
    sent: Mutex<Vec<TextMessage>>,
    refuses: Option<DeliveryFailure>,
}

impl TextGateway for Gateway {
    fn send(&self, message: &TextMessage) -> Result<(), DeliveryFailure> {
        if let Some(failure) = &self.refuses {
            return Err(failure.clone());
        }
        self.sent.lock().expect("a list").push(message.clone());
        Ok(())
    }
}

fn wish() -> Value {
    json!({
        "phone": "333 123 4567", "reason": "Vuole sapere del referto.", "sms_allowed": true,
        "wished": {"from": "2026-03-02T09:00:00Z", "to": "2026-03-02T11:00:00Z"},
    })
}

async fn plan(client: &Client, body: &Value) -> String {
    let planned = client.post("/v1/callbacks", body).await;
    planned.is(201);
    planned.header("location").expect("where it is").to_owned()
}

async fn attempt(client: &Client, path: &str, outcome: &str) -> Reply {
    let seen = client.get(path).await;
    let request = client.request(Method::POST, &format!("{path}/attempts"));
    let request = request.if_match(seen.etag());
    request.json(&json!({"outcome": outcome})).send().await
}

/// Three attempts in vain, on Monday at eight and at one o'clock UTC and on Tuesday at `last`.
async fn in_vain(app: &TestApp, body: &Value, outcomes: [&str; 3]) -> (String, Reply) {
    let path = plan(&app.as_("to4.operator").await, body).await;
    let mut last = None;
    for (outcome, wait) in outcomes.into_iter().zip(["PT5H", "PT19H", "PT0S"]) {
        let reply = attempt(&app.as_("to4.operator").await, &path, outcome).await;
        reply.is(201);
        last = Some(reply);
        app.advance(wait);
    }
    (path, last.expect("three attempts"))
}

both!(
    after_three_half_days_in_vain_a_text_message_goes_out,
    async |app| {
        let form = forms::report_not_found_logged_in(TO4);
        let filed = app.file_as(&MARIO, &form, &[]).await;
        let mut body = wish();
        body["ticket"] = json!(filed.number);
        let outcomes = ["no-answer", "busy", "no-answer"];
        let (path, last) = in_vain(app, &body, outcomes).await;
        assert_eq!(last.text_at("/state"), "unreachable");
        assert_eq!(last.list_at("/attempts").len(), 3);
        assert_eq!(last.json["next_attempt_from"], Value::Null);

        let operator = app.as_("to4.operator").await;
        let out = operator.get("/v1/deliveries?channel=sms").await;
        assert_eq!(out.text_at("/items/0/template"), "callback-unreachable");
        assert_eq!(out.text_at("/items/0/ticket/number"), filed.number);
        assert!(!out.everything().contains("3331234567"));

        let gateway = Gateway::default();
        let run = app.desk.deliver_texts(&gateway).expect("texts are sent");
        assert_eq!((run.sent, run.parked), (1, 0));
        let sent = gateway.sent.lock().expect("a list").clone();
        assert_eq!(sent[0].to, PHONE);
        assert!(sent[0].text.contains(&filed.number), "{}", sent[0].text);
        assert_eq!(app.desk.deliver_texts(&gateway).expect("nothing").sent, 0);
        attempt(&operator, &path, "reached")
            .await
            .is_problem(409, "callback-not-waiting");
    }
);

both!(
    the_text_message_becomes_a_file_where_no_gateway_is_set,
    async |app| {
        in_vain(app, &wish(), ["busy", "busy", "busy"]).await;
        let folder = tempfile::tempdir().expect("a folder");
        let transport = jobs::text::TextTransport::Folder(folder.path().to_owned());
        let gateway = jobs::text::open(&transport).expect("a gateway");
        let run = app.desk.deliver_texts(gateway.as_ref());
        assert_eq!(run.expect("texts are sent").sent, 1);
        let mut files = std::fs::read_dir(folder.path()).expect("the folder");
        let file = files.next().expect("a file").expect("a file").path();
        let text = std::fs::read_to_string(file).expect("the file");
        let message: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(message["to"], PHONE);
        assert!(
            message["text"]
                .as_str()
                .expect("a text")
                .starts_with("Assistenza")
        );
        assert!(files.next().is_none(), "one message, one file");
    }
);

/// Half-days and nights are those of the place.
fn in_rome() -> Options {
    let mut options = Options::default();
    options.settings.time_zone = jiff::tz::TimeZone::get("Europe/Rome").expect("a zone");
    options
}

both!(
    a_second_attempt_in_a_half_day_is_refused_and_says_when,
    in_rome(),
    async |app| {
        let operator = app.as_("to4.operator").await;
        let path = plan(&operator, &wish()).await;
        let first = attempt(&operator, &path, "no-answer").await;
        assert_eq!(first.text_at("/state"), "waiting");
        // Noon in Rome.
        assert_eq!(first.text_at("/next_attempt_from"), "2026-03-02T11:00:00Z");
        let again = attempt(&operator, &path, "no-answer").await;
        again.is_problem(409, "callback-same-half-day");
        assert_eq!(again.text_at("/next_allowed_at"), "2026-03-02T11:00:00Z");
        app.advance("PT3H");
        let operator = app.as_("to4.operator").await;
        let reached = attempt(&operator, &path, "reached").await;
        reached.is(201);
        assert_eq!(reached.text_at("/state"), "done");
        assert_eq!(app.count("outbox WHERE channel = 'sms'"), 0);
    }
);

both!(
    who_did_not_allow_it_or_has_another_number_gets_no_text_message,
    async |app| {
        let mut body = wish();
        body["sms_allowed"] = json!(false);
        in_vain(app, &body, ["busy", "busy", "busy"]).await;
        assert_eq!(app.count("outbox WHERE channel = 'sms'"), 0);
        body["sms_allowed"] = json!(true);
        body["wished"] = json!({"from": "2026-04-02T09:00:00Z", "to": "2026-04-02T11:00:00Z"});
        let (_, last) = in_vain(app, &body, ["busy", "wrong-number", "busy"]).await;
        assert_eq!(last.text_at("/state"), "unreachable");
        assert_eq!(app.count("outbox WHERE channel = 'sms'"), 0);
    }
);

both!(
    a_text_message_waits_for_the_morning,
    in_rome(),
    async |app| {
        let path = plan(&app.as_("to4.operator").await, &wish()).await;
        // The third attempt is made at nine in the evening in Rome.
        for wait in ["PT5H", "PT31H", "PT0S"] {
            attempt(&app.as_("to4.operator").await, &path, "busy")
                .await
                .is(201);
            app.advance(wait);
        }
        let gateway = Gateway::default();
        let sent = |app: &TestApp| app.desk.deliver_texts(&gateway).expect("texts").sent;
        assert_eq!(sent(app), 0);
        let list = app.as_("to4.operator").await;
        let list = list.get("/v1/deliveries?channel=sms").await;
        assert_eq!(list.text_at("/items/0/due_at"), "2026-03-04T07:00:00Z");
        app.advance("PT10H");
        assert_eq!(sent(app), 0);
        app.advance("PT1H");
        assert_eq!(sent(app), 1);
    }
);

both!(
    what_the_gateway_refuses_is_tried_again_or_shown,
    async |app| {
        in_vain(app, &wish(), ["busy", "busy", "busy"]).await;
        let away = Gateway {
            refuses: Some(DeliveryFailure::Transient("gateway: status 503".to_owned())),
            ..Gateway::default()
        };
        let run = app.desk.deliver_texts(&away).expect("a run");
        assert_eq!((run.sent, run.retried), (0, 1));
        app.advance("PT1M");
        let refuses = Gateway {
            refuses: Some(DeliveryFailure::Permanent("gateway: status 400".to_owned())),
            ..Gateway::default()
        };
        let run = app.desk.deliver_texts(&refuses).expect("a run");
        assert_eq!((run.retried, run.parked), (0, 1));
        let operator = app.as_("to4.operator").await;
        let parked = operator.get("/v1/deliveries?state=parked").await;
        assert_eq!(parked.text_at("/items/0/channel"), "sms");
        assert_eq!(parked.text_at("/items/0/last_error"), "gateway: status 400");
    }
);

both!(
    every_bad_field_of_a_call_back_is_told_at_once,
    async |app| {
        let operator = app.as_("to4.operator").await;
        let bad = json!({
            "phone": "call me", "reason": "x".repeat(201), "language": "de", "sms_allowed": "yes",
            "wished": {"from": "2026-03-02T11:00:00Z", "to": "2026-03-02T09:00:00Z", "day": 1}, "colour": "red",
        });
        operator
            .post("/v1/callbacks", &bad)
            .await
            .is(422)
            .has_errors(&[
                ("/phone", "invalid-format"),
                ("/reason", "too-long"),
                ("/language", "not-in-list"),
                ("/sms_allowed", "invalid-type"),
                ("/wished/to", "empty-interval"),
                ("/wished/day", "unknown-field"),
                ("/colour", "unknown-field"),
            ]);
        operator
            .post("/v1/callbacks", &json!({}))
            .await
            .is(422)
            .has_errors(&[
                ("/phone", "required"),
                ("/reason", "required"),
                ("/wished", "required"),
                ("/sms_allowed", "required"),
            ]);
        assert_eq!(app.count("callbacks"), 0);
    }
);

both!(of_two_attempts_at_the_same_time_one_counts, async |app| {
    let operator = app.as_("to4.operator").await;
    let path = plan(&operator, &wish()).await;
    let seen = operator.get(&path).await;
    let node = app.another_node();
    let other = node.with_token(operator.token());
    let post = async |client: &Client| {
        let request = client.request(Method::POST, &format!("{path}/attempts"));
        let request = request.if_match(seen.etag());
        request.json(&json!({"outcome": "busy"})).send().await
    };
    let (one, two) = tokio::join!(post(&operator), post(&other));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 412], "{one} {two}");
    assert_eq!(app.count("callback_attempts"), 1);
});

both!(
    a_queue_is_its_desks_alone_and_goes_by_the_wished_time,
    async |app| {
        let to4 = app.as_("to4.operator").await;
        let mut later = wish();
        later["wished"] = json!({"from": "2026-03-03T09:00:00Z", "to": "2026-03-03T11:00:00Z"});
        let late = plan(&to4, &later).await;
        let early = plan(&to4, &wish()).await;
        let cn1 = app.as_("cn1.operator").await;
        cn1.get(&early).await.is_problem(404, "not-found");
        let request = cn1.request(Method::POST, &format!("{early}/attempts"));
        let request = request.if_match("\"1\"").json(&json!({"outcome": "busy"}));
        request.send().await.is_problem(404, "not-found");
        let elsewhere = app
            .file_as(&MARIO, &forms::report_not_found_logged_in(CN1), &[])
            .await;
        let mut about = wish();
        about["ticket"] = json!(elsewhere.id);
        to4.post("/v1/callbacks", &about)
            .await
            .is(422)
            .has_errors(&[("/ticket", "not-in-list")]);

        let queue = to4.get("/v1/callbacks?state=waiting&limit=1").await;
        assert!(early.ends_with(queue.text_at("/items/0/id")));
        let cursor = queue.text_at("/next_cursor");
        let rest = to4
            .get(&format!(
                "/v1/callbacks?state=waiting&limit=1&cursor={cursor}"
            ))
            .await;
        assert!(late.ends_with(rest.text_at("/items/0/id")));
        assert_eq!(cn1.get("/v1/callbacks").await.list_at("/items").len(), 0);

        let seen = to4.get(&early).await;
        let cancel = |tag: &str| {
            let request = to4.request(Method::POST, &format!("{early}/cancellations"));
            request.if_match(tag).json(&json!({})).send()
        };
        cancel("\"7\"").await.is_problem(412, "precondition-failed");
        let cancelled = cancel(seen.etag()).await;
        assert_eq!(cancelled.is(201).text_at("/state"), "cancelled");
        cancel(cancelled.etag())
            .await
            .is_problem(409, "callback-not-waiting");
        let waiting = to4.get("/v1/callbacks?state=waiting").await;
        assert_eq!(waiting.list_at("/items").len(), 1);
        let region = app.as_("region.operator").await.get("/v1/callbacks").await;
        assert_eq!(region.list_at("/items").len(), 2);
    }
);
