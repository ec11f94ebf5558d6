//! What one node knows, the others know: sessions, keys of requests, wrong passwords, and what happens.
//! What each counts for itself is counted so on purpose.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::town::{Node, Town, ask, form, get, post};

/// Requests sent to both nodes at once.
const PAIRS: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_is_closed_on_one_node_is_over_on_the_other() {
    let Some(town) = Town::found("sessions").await else {
        return;
    };
    let (first, second) = (town.start("a").await, town.start("b").await);
    let token = town.log_in(&first).await;
    get(&second, "/v1/me", &token).await;
    let closing = ask(
        &first,
        Method::DELETE,
        "/v1/sessions/current",
        Some(&token),
        &[],
        None,
    );
    assert!(closing.await.0.is_success());
    let (status, _) = ask(&second, Method::GET, "/v1/me", Some(&token), &[], None).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_sent_to_both_nodes_at_once_is_filed_once() {
    let Some(town) = Town::found("keys").await else {
        return;
    };
    let (first, second) = (town.start("a").await, town.start("b").await);
    let citizen = town.citizen();
    for n in 0..PAIRS {
        let (key, form) = (format!("pair-{n}"), form(n));
        let headers = [("idempotency-key", key.as_str())];
        let file = |node| {
            let token = Some(citizen.as_str());
            ask(
                node,
                Method::POST,
                "/v1/tickets",
                token,
                &headers,
                Some(&form),
            )
        };
        let (one, other) = tokio::join!(file(&first), file(&second));
        let later = post(&second, "/v1/tickets", Some(&citizen), &headers, &form).await;
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
    // This profile locks an account when the ninth in a row is wrong.
    let profile = ("SPORTELLO__PASSWORDS__PROFILE", "sistema-ts".to_owned());
    let Some(town) = Town::found_with("locked", vec![profile]).await else {
        return;
    };
    let nodes = [town.start("a").await, town.start("b").await];
    let right = town.operator();
    let wrong = json!({"username": right["username"], "password": "una frase sbagliata"});
    let locked = "SELECT count(*) FROM account_lives WHERE state = 'locked'";
    for node in nodes.iter().cycle().take(9) {
        assert_eq!(town.count(locked), 0);
        assert_eq!(try_to_log_in(node, &wrong).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(town.count(locked), 1);
    for node in &nodes {
        assert_eq!(try_to_log_in(node, &right).await, StatusCode::UNAUTHORIZED);
    }
}

async fn try_to_log_in(node: &Node, credentials: &Value) -> StatusCode {
    let answer = ask(
        node,
        Method::POST,
        "/v1/sessions",
        None,
        &[],
        Some(credentials),
    );
    answer.await.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_listens_to_one_node_hears_of_what_another_does() {
    let Some(town) = Town::found("live").await else {
        return;
    };
    let (first, second) = (town.start("a").await, town.start("b").await);
    hears_of(&town, &first, &second).await;
}

/// Files at one node and waits until a listener of the other is told, and finds the request there.
pub(crate) async fn hears_of(town: &Town, acts: &Node, tells: &Node) {
    let operator = town.log_in(tells).await;
    let http = reqwest::Client::builder().no_proxy().build();
    let listening = http
        .expect("a client")
        .get(format!("{}/v1/events", tells.base))
        .bearer_auth(&operator)
        .send();
    let mut stream = listening.await.expect("an answer");
    assert_eq!(stream.status(), StatusCode::OK);
    let citizen = town.citizen();
    let filed = post(acts, "/v1/tickets", Some(&citizen), &[], &form(0)).await;
    let id = filed["id"].as_str().expect("an id");
    let told = async {
        let mut text = String::new();
        while !text.contains(id) {
            let chunk = stream.chunk().await.expect("the stream goes on");
            text.push_str(&String::from_utf8_lossy(&chunk.expect("more of it")));
        }
    };
    let told = tokio::time::timeout(Duration::from_secs(120), told).await;
    told.expect("told within two minutes");
    get(tells, &format!("/v1/tickets/{id}"), &operator).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_node_counts_calls_for_itself() {
    let few = (
        "SPORTELLO__HTTP__REQUESTS_PER_MINUTE_CITIZEN",
        "3".to_owned(),
    );
    let Some(town) = Town::found_with("calls", vec![few]).await else {
        return;
    };
    let (first, second) = (town.start("a").await, town.start("b").await);
    let citizen = town.citizen();
    let mine = |node| {
        let token = Some(citizen.as_str());
        ask(node, Method::GET, "/v1/me/tickets", token, &[], None)
    };
    let mut calls = 0;
    while mine(&first).await.0 != StatusCode::TOO_MANY_REQUESTS {
        calls += 1;
        assert!(calls < 100, "the budget is never used up");
    }
    assert_eq!(mine(&second).await.0, StatusCode::OK);
}
