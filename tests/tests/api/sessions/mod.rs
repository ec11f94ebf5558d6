//! Who is calling: log-in, placements, renewal and end of sessions, and tokens nobody issued.

mod forged;
mod hygiene;
mod life;
mod log_in;
mod placements;
mod tracking;

use serde_json::{Value, json};
use tests::{Reply, TestApp};

/// Logs in with any password.
async fn log_in(app: &TestApp, username: &str, password: &str) -> Reply {
    let credentials = json!({"username": username, "password": password});
    app.anonymous().post("/v1/sessions", &credentials).await
}

/// A problem without what names the call.
fn words(reply: &Reply) -> Value {
    let mut words = reply.json.clone();
    words["instance"] = Value::Null;
    words["correlation_id"] = Value::Null;
    words
}
