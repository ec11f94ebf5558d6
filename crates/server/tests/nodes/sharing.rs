//! What one node knows, the others know: sessions, keys of requests, wrong passwords, and what happens.
//! What each counts for itself is counted so on purpose.

use std::time::Duration;

use reqwest::{Method, Response, StatusCode};
use serde_json::json;

use crate::town::{Node, Town, answer, form, good};

/// Requests sent to both nodes at once.
const PAIRS: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_is_closed_on_one_node_is_over_on_the_other() {
    let Some(town) = Town::on_postgres("sessions") else {
        return;
    };
    let (first, second) = (town.start().await, town.start().await);
    let token = town.operator(&first).await;
    second.get("/v1/me", &token).await;
    let closing = first.request(Method::DELETE, "/v1/sessions/current");
    good(closing.bearer_auth(&token)).await;
    let asking = second.request(Method::GET, "/v1/me").bearer_auth(&token);
    assert_eq!(answer(asking).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_sent_to_both_nodes_at_once_is_filed_once() {
    let Some(town) = Town::on_postgres("keys") else {
        return;
    };
    let (first, second) = (town.start().await, town.start().await);
    let citizen = town.citizen();
    for n in 0..PAIRS {
        let (key, form) = (format!("pair-{n}"), form(&format!("richiesta {n}")));
        let file = |node: &Node| {
            let request = node.send("/v1/tickets", &form).bearer_auth(&citizen);
            request.header("idempotency-key", &key)
        };
        let (one, other) = tokio::join!(answer(file(&first)), answer(file(&second)));
        let later = good(file(&second)).await;
        for (status, answer) in [one, other] {
            // The later of the two may be told that the earlier is under way.
            if status != StatusCode::CONFLICT {
                assert_eq!(status, StatusCode::CREATED, "{answer}");
                assert_eq!(answer["id"], later["id"]);
            }
        }
    }
    assert_eq!(town.count("SELECT count(*) FROM tickets"), PAIRS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_passwords_count_together_whichever_node_gets_them() {
    let Some(mut town) = Town::on_postgres("locked") else {
        return;
    };
    // This profile locks an account when the ninth in a row is wrong.
    town.set("SPORTELLO__PASSWORDS__PROFILE", "sistema-ts");
    let nodes = [town.start().await, town.start().await];
    let right = town.credentials();
    let wrong = json!({"username": right["username"], "password": "una frase sbagliata"});
    let is_refused = async |node: &Node, credentials| {
        let (status, _) = answer(node.send("/v1/sessions", credentials)).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    };
    for node in nodes.iter().cycle().take(8) {
        is_refused(node, &wrong).await;
    }
    let locked = "SELECT count(*) FROM account_lives WHERE state = 'locked'";
    assert_eq!(town.count(locked), 0);
    // Whoever was wrong so often waits before the next try counts.
    town.forward("PT1M");
    is_refused(&nodes[0], &wrong).await;
    assert_eq!(town.count(locked), 1);
    town.forward("PT1M");
    for node in &nodes {
        is_refused(node, &right).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_listens_to_one_node_hears_of_what_another_does() {
    let Some(town) = Town::on_postgres("live") else {
        return;
    };
    let (first, second) = (town.start().await, town.start().await);
    let operator = town.operator(&second).await;
    let mut stream = listen(&second, &operator).await;
    let id = first.file(&town.citizen(), &form("richiesta")).await;
    tells_of(&mut stream, &id).await;
    second.get(&format!("/v1/tickets/{id}"), &operator).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_node_counts_calls_for_itself() {
    let Some(mut town) = Town::on_postgres("calls") else {
        return;
    };
    town.set("SPORTELLO__HTTP__REQUESTS_PER_MINUTE_CITIZEN", "3");
    let (first, second) = (town.start().await, town.start().await);
    let citizen = town.citizen();
    let mine = |node: &Node| {
        let request = node.request(Method::GET, "/v1/me/tickets");
        answer(request.bearer_auth(&citizen))
    };
    let mut calls = 0;
    while mine(&first).await.0 != StatusCode::TOO_MANY_REQUESTS {
        calls += 1;
        assert!(calls < 100, "the budget is never used up");
    }
    assert_eq!(mine(&second).await.0, StatusCode::OK);
}

/// What a node tells of what happens.
pub(crate) async fn listen(node: &Node, operator: &str) -> Response {
    let request = node
        .request(Method::GET, "/v1/events")
        .bearer_auth(operator);
    let stream = request.send().await.expect("an answer");
    assert_eq!(stream.status(), StatusCode::OK);
    stream
}

/// Waits until something is told of a request.
pub(crate) async fn tells_of(stream: &mut Response, id: &str) {
    let told = async {
        let mut text = String::new();
        while !text.contains(id) {
            let chunk = stream.chunk().await.expect("the stream goes on");
            text.push_str(&String::from_utf8_lossy(&chunk.expect("more of it")));
        }
    };
    let told = tokio::time::timeout(Duration::from_secs(120), told).await;
    told.expect("told within two minutes");
}
