//! A known problem: its tickets are linked, and answered in one action, each of them once.

use reqwest::Method;
use serde_json::{Value, json};
use tests::citizens::{ANNA, MARIO};
use tests::client::Reply;
use tests::people::{CN1, TO4};
use tests::requester::Filed;
use tests::{Client, TestApp, both, forms};

const ANSWER: &str = "Il guasto è risolto.";

async fn known_issue(app: &TestApp) -> String {
    let body = json!({
        "title": {"it": "Guasto", "en": "Fault"}, "body": {"it": "Testo", "en": "Text"},
        "kind": "known-issue", "acknowledgement_required": false,
        "audience": {"authorities": [], "roles": [], "citizens": false},
        "valid_from": "2026-03-02T08:00:00Z", "valid_to": "2026-04-02T08:00:00Z",
    });
    let region = app.as_("region.supervisor").await;
    let reply = region.post("/v1/announcements", &body).await;
    reply.is(201);
    reply.header("location").expect("where it is").to_owned()
}

async fn file(app: &TestApp, authority: &str) -> Filed {
    let form = forms::report_not_found_logged_in(authority);
    app.file_as(&MARIO, &form, &[]).await
}

async fn link(client: &Client, path: &str, tickets: &[&str]) -> Reply {
    let body = json!({"tickets": tickets});
    client.post(&format!("{path}/tickets"), &body).await
}

fn note() -> Value {
    json!({"action": "note", "note": {"body": ANSWER, "published": true}})
}

fn statuses(reply: &Reply) -> Vec<i64> {
    let results = reply.is(200).list_at("/results").iter();
    results.filter_map(|one| one["status"].as_i64()).collect()
}

async fn answers_on(client: &Client, ticket: &Filed) -> usize {
    client
        .screen(&ticket.id)
        .await
        .text()
        .matches(ANSWER)
        .count()
}

both!(
    tickets_are_linked_by_id_or_number_with_a_result_each,
    async |app| {
        let path = known_issue(app).await;
        let (one, two, elsewhere) = (
            file(app, TO4).await,
            file(app, TO4).await,
            file(app, CN1).await,
        );
        let operator = app.as_("to4.operator").await;
        let named = [
            one.id.as_str(),
            two.number.as_str(),
            elsewhere.id.as_str(),
            "nothing",
        ];
        let linked = link(&operator, &path, &named).await;
        assert_eq!(statuses(&linked), [201, 201, 404, 404]);
        assert_eq!(linked.text_at("/results/1/ticket/id"), two.id);
        assert_eq!(linked.json["results"][2]["ticket"], Value::Null);
        assert_eq!(
            linked.json["results"][2]["problem"],
            linked.json["results"][3]["problem"]
        );
        link(&operator, &path, &named).await.is(200);
        assert_eq!(app.count("announcement_tickets"), 2);

        let list = operator.get(&format!("{path}/tickets?limit=1")).await;
        assert_eq!(list.is(200).text_at("/items/0/id"), one.id);
        let cursor = list.text_at("/next_cursor");
        let rest = operator
            .get(&format!("{path}/tickets?limit=1&cursor={cursor}"))
            .await;
        assert_eq!(
            (rest.text_at("/items/0/id"), &rest.json["next_cursor"]),
            (two.id.as_str(), &Value::Null)
        );
        let cn1 = app.as_("cn1.operator").await;
        assert!(
            cn1.get(&format!("{path}/tickets"))
                .await
                .list_at("/items")
                .is_empty()
        );
        link(&cn1, &path, &[&elsewhere.id]).await.is(200);
        let region = app.as_("region.operator").await;
        assert_eq!(
            region
                .get(&format!("{path}/tickets"))
                .await
                .list_at("/items")
                .len(),
            3
        );
        operator
            .post(
                &format!("{path}/tickets"),
                &json!({"tickets": [], "colour": 1}),
            )
            .await
            .is(422)
            .has_errors(&[("/tickets", "required"), ("/colour", "unknown-field")]);
    }
);

both!(
    one_answer_reaches_every_open_linked_ticket_of_the_desk,
    async |app| {
        let path = known_issue(app).await;
        let form = forms::report_not_found(&ANNA, TO4);
        let (one, two, done, elsewhere) = (
            app.file_anonymous(&form, &[]).await,
            file(app, TO4).await,
            file(app, TO4).await,
            file(app, CN1).await,
        );
        let operator = app.as_("to4.operator").await;
        link(&operator, &path, &[&one.id, &two.id, &done.id])
            .await
            .is(200);
        link(&app.as_("cn1.operator").await, &path, &[&elsewhere.id])
            .await
            .is(200);
        let solved = json!({
            "action": "resolve", "resolution_code": "information-given",
            "note": {"body": "Già fatto.", "published": true},
        });
        operator.act(&done.id, &solved).await.is(201);
        app.mails().await;
        let before = app.mails_to(ANNA.email).await.len();

        let mut resolve = solved.clone();
        resolve["note"]["body"] = json!(ANSWER);
        let answered = operator.post(&format!("{path}/answers"), &resolve).await;
        assert_eq!(statuses(&answered), [201, 201]);
        assert_eq!(answered.json["remaining"], 0);
        for (ticket, expected) in [(&one, 1), (&two, 1), (&done, 0)] {
            let screen = operator.screen(&ticket.id).await;
            assert_eq!(screen.json["state"], "resolved");
            assert_eq!(answers_on(&operator, ticket).await, expected);
        }
        let mails = app.mails_to(ANNA.email).await;
        assert_eq!(mails.len() - before, 1);
        assert!(mails.last().expect("a mail").body.contains(ANSWER));
        let cn1 = app.as_("cn1.operator").await;
        assert_eq!(answers_on(&cn1, &elsewhere).await, 0);
        assert_eq!(cn1.screen(&elsewhere.id).await.json["state"], "new");
    }
);

both!(
    a_ticket_that_cannot_be_answered_holds_up_no_other,
    async |app| {
        let path = known_issue(app).await;
        let (stuck, free) = (file(app, TO4).await, file(app, TO4).await);
        let note = json!({"body": "Non è di nostra competenza.", "published": true});
        let up = json!({"action": "hand-over", "reason_code": "regional-service", "note": note});
        let operator = app.as_("to4.operator").await;
        for ticket in [&stuck, &free] {
            operator.pass_playbook(&ticket.id).await;
            operator.act(&ticket.id, &up).await.is(201);
        }
        // What the technical desk works on cannot be resolved.
        let region = app.as_("region.operator").await;
        let activity = json!({
            "action": "open-activity",
            "activity": {"summary": "Guasto", "detail": "Il servizio è fermo.", "asset": "FSE"},
        });
        region
            .act(&stuck.id, &json!({"action": "take"}))
            .await
            .is(201);
        region.act(&stuck.id, &activity).await.is(201);
        link(&region, &path, &[&stuck.id, &free.id]).await.is(200);

        let resolve = json!({
            "action": "resolve", "resolution_code": "resolved-by-region",
            "note": {"body": ANSWER, "published": true},
        });
        let door = format!("{path}/answers");
        let answered = region.post(&door, &resolve).await;
        assert_eq!(statuses(&answered), [409, 201]);
        assert_eq!(
            answered.text_at("/results/0/problem"),
            "transition-not-allowed"
        );
        assert_eq!(answered.text_at("/results/0/ticket/id"), stuck.id);
        assert_eq!(app.count("announcement_answered"), 1);

        // The same answer goes on where it could not, and reaches nobody a second time.
        region
            .act(&stuck.id, &json!({"action": "close-activity"}))
            .await
            .is(201);
        let mut more = resolve.clone();
        more["answer_id"] = answered.json["answer_id"].clone();
        let more = region.post(&door, &more).await;
        assert_eq!(statuses(&more), [201]);
        assert_eq!(more.text_at("/results/0/ticket/id"), stuck.id);
    }
);

both!(
    a_repeated_call_answers_nobody_twice_also_after_a_crash,
    async |app| {
        let path = known_issue(app).await;
        let (one, two) = (file(app, TO4).await, file(app, TO4).await);
        let operator = app.as_("to4.operator").await;
        link(&operator, &path, &[&one.id]).await.is(200);
        let post = async |client: &Client, key: &str| {
            let request = client.request(Method::POST, &format!("{path}/answers"));
            request.key(key).json(&note()).send().await
        };
        let first = post(&operator, "broadcast").await;
        assert_eq!(statuses(&first), [201]);
        let again = post(&operator, "broadcast").await;
        assert_eq!(again.json, first.json);
        assert_eq!(again.header("idempotency-replayed"), Some("true"));

        // As if the program had died after the first ticket: its answer was not kept, and one more
        // ticket waits.
        app.execute("DELETE FROM idempotency_keys WHERE route LIKE '%/answers'");
        link(&operator, &path, &[&two.id]).await.is(200);
        let node = app.another_node();
        let elsewhere = node.with_token(operator.token());
        let resumed = post(&elsewhere, "broadcast").await;
        assert_eq!(statuses(&resumed), [201, 201]);
        assert_eq!(resumed.json["answer_id"], first.json["answer_id"]);
        for ticket in [&one, &two] {
            assert_eq!(answers_on(&operator, ticket).await, 1);
        }

        // Going on with it by its id reaches nobody again; another answer does.
        let mut more = note();
        more["answer_id"] = first.json["answer_id"].clone();
        let more = operator.post(&format!("{path}/answers"), &more).await;
        assert!(statuses(&more).is_empty());
        assert_eq!(statuses(&post(&operator, "another").await), [201, 201]);
        assert_eq!(answers_on(&operator, &one).await, 2);
    }
);

both!(
    bad_answers_and_foreign_announcements_are_refused,
    async |app| {
        let path = known_issue(app).await;
        let operator = app.as_("to4.operator").await;
        let bad = json!({
            "action": "remove", "note": {"body": " "}, "answer_id": "x", "assignee": "me",
        });
        operator
            .post(&format!("{path}/answers"), &bad)
            .await
            .is(422)
            .has_errors(&[
                ("/action", "not-in-list"),
                ("/note/body", "required"),
                ("/note/published", "required"),
                ("/answer_id", "invalid-format"),
                ("/assignee", "unknown-field"),
            ]);
        let mut foreign = note();
        foreign["answer_id"] = json!("01990000-0000-7000-8000-000000000000");
        operator
            .post(&format!("{path}/answers"), &foreign)
            .await
            .is(422)
            .has_errors(&[("/answer_id", "not-in-list")]);
        app.advance("P32D");
        let operator = app.as_("to4.operator").await;
        for door in ["tickets", "answers"] {
            let body = if door == "tickets" {
                json!({"tickets": ["x"]})
            } else {
                note()
            };
            let reply = operator.post(&format!("{path}/{door}"), &body).await;
            reply.is_problem(404, "not-found");
        }
    }
);
