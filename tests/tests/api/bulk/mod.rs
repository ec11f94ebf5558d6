//! One action on many tickets: each by the rules of a single one, and each of them once.

mod at_once;
mod jobs;

use reqwest::Method;
use serde_json::{Value, json};
use tests::citizens::MARIO;
use tests::client::Reply;
use tests::requester::Filed;
use tests::{Client, TestApp, forms};

const NOTE: &str = "Il guasto è risolto: riprovi.";

/// A ticket that no playbook governs.
async fn file(app: &TestApp, authority: &str) -> Filed {
    let mut form = forms::report_not_found_logged_in(authority);
    form["problem_type"] = json!("errore-tecnico");
    app.file_as(&MARIO, &form, &[]).await
}

async fn file_some(app: &TestApp, authority: &str, count: usize) -> Vec<Filed> {
    let mut filed = Vec::new();
    for _ in 0..count {
        filed.push(file(app, authority).await);
    }
    filed
}

fn item(ticket: &str, version: i64) -> Value {
    json!({"ticket": ticket, "version": version})
}

fn note() -> Value {
    json!({"action": "note", "note": {"body": NOTE, "published": true}})
}

async fn post(client: &Client, items: &[Value], action: Value) -> Reply {
    let body = json!({"items": items, "action": action});
    client.post("/v1/bulk-actions", &body).await
}

async fn post_once(client: &Client, items: &[Value], action: Value, key: &str) -> Reply {
    let request = client.request(Method::POST, "/v1/bulk-actions");
    let body = json!({"items": items, "action": action});
    request.key(key).json(&body).send().await
}

fn statuses(reply: &Reply, list: &str) -> Vec<i64> {
    let results = reply.is(200).list_at(list).iter();
    results.filter_map(|one| one["status"].as_i64()).collect()
}

async fn notes_on(client: &Client, ticket: &Filed) -> usize {
    let screen = client.screen(&ticket.id).await;
    screen.text().matches(NOTE).count()
}
