//! Playbooks: the answers of a desk, what they lead to, and what that lets happen.

mod answers;
mod guard;
mod hold;
mod report;
mod versions;

use serde_json::{Value, json};
use tests::citizens::ANNA;
use tests::people::TO4;
use tests::{Client, Filed, Reply, TestApp, forms};

/// A report that is not found, at TO4.
async fn file(app: &TestApp) -> Filed {
    let form = forms::report_not_found_logged_in(TO4);
    app.file_as(&ANNA, &form, &[]).await
}

/// What no playbook governs.
async fn file_free(app: &TestApp) -> Filed {
    let mut form = forms::report_not_found_logged_in(TO4);
    form["problem_type"] = json!("errore-tecnico");
    form["extra"] = json!({});
    app.file_as(&ANNA, &form, &[]).await
}

fn hand_over() -> Value {
    json!({
        "action": "hand-over", "reason_code": "checks-passed",
        "note": {"body": "Il referto risulta inviato e non si trova.", "published": true},
    })
}

fn resolve() -> Value {
    json!({
        "action": "resolve", "resolution_code": "sending-error-fixed",
        "note": {"body": "Il documento è di nuovo consultabile.", "published": true},
    })
}

async fn playbook(client: &Client, filed: &Filed) -> Reply {
    client.get(&filed.staff_path("/playbook")).await
}

async fn answer(client: &Client, filed: &Filed, answers: Value) -> Reply {
    client
        .answer(&filed.id, &json!({ "answers": answers }))
        .await
}

/// The check with this code, as a run shows it.
fn check<'a>(run: &'a Value, code: &str) -> &'a Value {
    let checks = run["checks"].as_array().expect("checks").iter();
    let mut found = checks.filter(|one| one["code"] == code);
    found.next().expect("the check")
}

/// Whether an action would be accepted, and the reason if not.
fn allowed(reply: &Reply, action: &str) -> (bool, Option<String>) {
    let mut actions = reply.list_at("/allowed_actions").iter();
    let one = actions
        .find(|one| one["action"] == action)
        .expect("the action");
    (
        one["allowed"] == true,
        one["reason"].as_str().map(str::to_owned),
    )
}

/// The events of a ticket, as its screen shows them, oldest first.
fn events(screen: &Reply) -> Vec<&str> {
    let mut events: Vec<&str> = screen
        .list_at("/timeline")
        .iter()
        .filter_map(|entry| entry["event"].as_str())
        .collect();
    events.reverse();
    events
}
