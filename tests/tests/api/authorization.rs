//! Who may call what: every operation of the policy table against every sort of caller.
//!
//! A new operation without a row here fails, and so does a row without an operation.

use api::policy::{RULES, Rule};
use reqwest::Method;
use serde_json::{Value, json};
use tests::app::{Options, TestApp};
use tests::citizens::{ANNA, MARIO};
use tests::client::Client;
use tests::requester::Filed;
use tests::{both, files, forms, people::TO4};

/// The columns, in the order of the rows below.
const CALLERS: [&str; 8] = [
    "nobody",
    "citizen, owner",
    "citizen, another",
    "tracking",
    "operator of the custodian",
    "operator elsewhere",
    "region",
    "admin",
];

/// The status each caller gets. `422` stands for "let in, and told what is wrong with an empty body".
const ROWS: &[(&str, [u16; 8])] = &[
    ("show_status", [200; 8]),
    ("show_liveness", [200; 8]),
    ("show_readiness", [200; 8]),
    ("show_metrics", [200; 8]),
    ("show_description_yaml", [200; 8]),
    ("show_description_json", [200; 8]),
    ("show_problem", [200; 8]),
    ("list_services", [200; 8]),
    ("show_form", [200; 8]),
    ("list_authorities", [200; 8]),
    ("start_email_proof", [422; 8]),
    ("verify_email_proof", [422; 8]),
    ("file_ticket", [422, 422, 422, 403, 422, 422, 422, 422]),
    ("open_session", [422; 8]),
    ("refresh_session", [422; 8]),
    ("open_tracking_session", [422; 8]),
    ("choose_placement", [401, 403, 403, 403, 422, 422, 422, 422]),
    ("close_session", [401, 403, 403, 403, 204, 204, 204, 204]),
    ("show_me", [401, 403, 403, 403, 200, 200, 200, 200]),
    ("list_tickets", [401, 403, 403, 403, 200, 200, 200, 200]),
    ("find_tickets", [401, 403, 403, 403, 200, 200, 200, 200]),
    ("show_ticket", [401, 403, 403, 403, 200, 404, 200, 200]),
    ("edit_ticket", [401, 403, 403, 403, 200, 404, 403, 403]),
    ("list_timeline", [401, 403, 403, 403, 200, 404, 200, 200]),
    ("act_on_ticket", [401, 403, 403, 403, 201, 404, 403, 403]),
    (
        "download_attachment",
        [401, 403, 403, 403, 200, 404, 200, 200],
    ),
    ("show_queues", [401, 403, 403, 403, 200, 200, 200, 200]),
    ("list_assignees", [401, 403, 403, 403, 200, 200, 200, 200]),
    ("list_own_tickets", [401, 200, 200, 200, 403, 403, 403, 403]),
    ("show_own_ticket", [401, 200, 404, 200, 403, 403, 403, 403]),
    ("add_message", [401, 201, 404, 201, 403, 403, 403, 403]),
    (
        "download_own_attachment",
        [401, 200, 404, 200, 403, 403, 403, 403],
    ),
    ("withdraw_ticket", [401, 201, 404, 201, 403, 403, 403, 403]),
];

#[test]
fn every_operation_has_a_row_and_every_row_an_operation() {
    let rows: Vec<&str> = ROWS.iter().map(|(operation, _)| *operation).collect();
    let operations: Vec<&str> = RULES.iter().map(|rule| rule.operation).collect();
    let missing: Vec<_> = operations
        .iter()
        .filter(|one| !rows.contains(one))
        .collect();
    let stale: Vec<_> = rows
        .iter()
        .filter(|one| !operations.contains(one))
        .collect();
    assert!(
        missing.is_empty() && stale.is_empty(),
        "without a row: {missing:?}; stale: {stale:?}"
    );
}

/// Many proofs of one address, which the caps would refuse.
fn without_caps() -> Options {
    let mut options = Options::default();
    options.settings.email_proof.per_hour = 1000;
    options.settings.email_proof.per_day = 1000;
    options
}

both!(
    every_operation_answers_every_caller_as_the_table_says,
    without_caps(),
    async |app| {
        let mut wrong = Vec::new();
        let mut cells = 0;
        for (operation, expected) in ROWS {
            let rule = RULES
                .iter()
                .find(|rule| rule.operation == *operation)
                .expect("a rule");
            // Fresh tickets and sessions for each operation: some of them change or end what they meet.
            let owned = app
                .file_as(
                    &ANNA,
                    &forms::report_not_found_logged_in(TO4),
                    &[files::pdf(900)],
                )
                .await;
            let tracked = app
                .file_anonymous(&forms::report_not_found(&MARIO, TO4), &[files::pdf(900)])
                .await;
            for (caller, (name, status)) in CALLERS.iter().zip(expected).enumerate() {
                let client = client_of(app, caller, &tracked).await;
                let ticket = if caller == 3 { &tracked } else { &owned };
                let got = call(app, &client, rule, ticket).await;
                cells += 1;
                if got != *status {
                    wrong.push(format!("{operation} by {name}: {got}, not {status}"));
                }
            }
        }
        assert!(
            wrong.is_empty(),
            "{} of {cells} cells:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
    }
);

async fn client_of(app: &TestApp, caller: usize, tracked: &Filed) -> Client {
    match caller {
        0 => app.anonymous(),
        1 => app.citizen(&ANNA),
        2 => app.citizen(&MARIO),
        3 => app.tracking(tracked).await,
        4 => app.as_("to4.operator").await,
        5 => app.as_("cn1.operator").await,
        6 => app.as_("region.operator").await,
        _ => app.as_("to4.admin").await,
    }
}

async fn call(app: &TestApp, client: &Client, rule: &Rule, ticket: &Filed) -> u16 {
    let staff = app.as_("to4.operator").await;
    let screen = staff.screen(&ticket.id).await;
    let file = screen
        .json
        .pointer("/attachments/0/id")
        .and_then(Value::as_str)
        .expect("a file")
        .to_owned();
    let path = rule
        .path
        .replace("{ticket}", &ticket.id)
        .replace("{attachment}", &file)
        .replace("{slug}", "not-found")
        .replace("{service}", "FSE")
        .replace("{proof}", "01990000-0000-7000-8000-000000000000");
    let method = Method::from_bytes(rule.method.as_bytes()).expect("a method");
    let mut request = client.request(method, &path);
    if rule.facts.needs_if_match {
        request = request.if_match(screen.etag());
    }
    let body = match rule.operation {
        "act_on_ticket" => {
            Some(json!({"action": "note", "note": {"body": "Nota.", "published": false}}))
        }
        "add_message" => Some(json!({"body": "Un messaggio."})),
        _ if rule.method == "POST" || rule.method == "PUT" => Some(json!({})),
        _ => None,
    };
    let request = match (rule.method, body) {
        ("PATCH", _) => request.body("application/merge-patch+json", "{}"),
        (_, Some(body)) => request.json(&body),
        (_, None) => request,
    };
    request.send().await.status
}
