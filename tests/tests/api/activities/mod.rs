//! Technical activities: what the region asks of the technical desk behind it.

mod desk;
mod hidden;
mod tool;

use serde_json::{Value, json};
use tests::citizens::MARIO;
use tests::client::Reply;
use tests::people::TO4;
use tests::programs::Program;
use tests::{Client, Filed, TestApp, forms};

/// An activity, with the ticket it was opened for.
pub(crate) struct Opened {
    pub(crate) filed: Filed,
    pub(crate) id: String,
}

impl Opened {
    pub(crate) fn path(&self) -> String {
        format!("/v1/activities/{}", self.id)
    }

    pub(crate) fn comments(&self) -> String {
        format!("{}/comments", self.path())
    }

    pub(crate) fn record(&self) -> String {
        format!("{}/external-record", self.path())
    }
}

/// A request of Mario's at TO4 that no playbook governs.
pub(crate) fn form() -> Value {
    let mut form = forms::report_not_found_logged_in(TO4);
    form["problem_type"] = json!("errore-tecnico");
    form
}

/// What the region asks.
pub(crate) fn activity() -> Value {
    json!({
        "summary": "Il fascicolo non si apre", "detail": "Errore 500 dopo l'accesso.",
        "asset": "FSE", "urgency": "critical",
        "catalogue_item": "application-fault", "catalogue_sub_item": "access",
    })
}

pub(crate) fn open_action(activity: &Value) -> Value {
    json!({"action": "open-activity", "activity": activity})
}

/// A ticket that the region has taken from TO4.
pub(crate) async fn at_region(app: &TestApp) -> Filed {
    let filed = app.file_as(&MARIO, &form(), &[]).await;
    let hand_over = json!({
        "action": "hand-over", "reason_code": "regional-service",
        "note": {"body": "Non è di nostra competenza.", "published": true},
    });
    let operator = app.as_("to4.operator").await;
    operator.act(&filed.id, &hand_over).await.is(201);
    let region = app.as_("region.operator").await;
    region
        .act(&filed.id, &json!({"action": "take"}))
        .await
        .is(201);
    filed
}

/// A ticket with an activity of this kind.
pub(crate) async fn open(app: &TestApp, activity: &Value) -> Opened {
    let filed = at_region(app).await;
    let region = app.as_("region.operator").await;
    let opened = region.act(&filed.id, &open_action(activity)).await;
    opened.is(201);
    let screen = region.screen(&filed.id).await;
    let id = screen.text_at("/activities/0/id").to_owned();
    Opened { filed, id }
}

/// Patches an activity as it stands.
pub(crate) async fn patch(client: &Client, opened: &Opened, change: &Value) -> Reply {
    let seen = client.get(&opened.path()).await;
    seen.is(200);
    client.patch(&opened.path(), seen.etag(), change).await
}

/// The program of an external tool.
pub(crate) async fn tool(app: &TestApp) -> (Program, Client) {
    let program = app.program(&["activities:sync"]).await;
    let client = app.with_token(&program.token);
    (program, client)
}

/// The kinds of a ticket's entries, the oldest first.
pub(crate) fn kinds(screen: &Reply) -> Vec<&str> {
    let entries = screen.list_at("/timeline").iter().rev();
    entries
        .filter_map(|entry| entry["event"].as_str())
        .collect()
}
