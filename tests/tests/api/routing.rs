//! Routing: rules that the region reads and changes, and where requests go by them.

#[path = "routing/custody.rs"]
mod custody;
#[path = "routing/preview.rs"]
mod preview;
#[path = "routing/versions.rs"]
mod versions;

use serde_json::{Value, json};
use tests::citizens::ANNA;
use tests::{Filed, Reply, TestApp};

/// The rules every installation begins with.
const SHIPPED: &str = include_str!("../../../config/reference/routing.toml");

/// A request without a playbook, for this authority.
fn technical_error(authority: &str) -> Value {
    json!({
        "service_code": "FSE",
        "problem_type": "errore-tecnico",
        "authority_code": authority,
        "description": "Il sistema segnala un errore.",
        "privacy_ack": true,
    })
}

async fn file(app: &TestApp, authority: &str) -> Filed {
    app.file_as(&ANNA, &technical_error(authority), &[]).await
}

/// The shipped rules after others.
fn after(first: &str) -> String {
    format!("{first}\n{SHIPPED}")
}

/// The shipped rules, by which every request begins at the region.
fn region_first() -> String {
    let begins_elsewhere = |block: &&str| {
        !block.contains("code = \"regional-services\"")
            && !block.contains("code = \"declared-authority\"")
    };
    let blocks: Vec<&str> = SHIPPED.split("\n\n").filter(begins_elsewhere).collect();
    blocks.join("\n\n")
}

async fn enter(app: &TestApp, definition: &str) -> Reply {
    let region = app.as_("region.supervisor").await;
    let version = json!({"definition": definition, "comment": "Prova."});
    region.post("/v1/routing-versions", &version).await
}

/// A note that goes along with a change of custody.
fn note() -> Value {
    json!({"body": "Il sistema aziendale non segnala errori.", "published": true})
}

fn hand_over() -> Value {
    json!({"action": "hand-over", "reason_code": "checks-passed", "note": note()})
}

fn send_back() -> Value {
    json!({"action": "return", "note": note()})
}

fn reroute(to: &str) -> Value {
    json!({"action": "reroute", "authority_code": to, "note": note()})
}

/// The newest entry of this kind in a request's timeline.
fn entry<'a>(screen: &'a Reply, event: &str) -> &'a Value {
    let entries = screen.list_at("/timeline").iter();
    let mut found = entries.filter(|entry| entry["event"] == event);
    found
        .next()
        .unwrap_or_else(|| panic!("no {event} in {screen}"))
}
