//! Endpoints of authorities' own programs: keeping them, what they are told, and what becomes of
//! those who do not listen.

mod addresses;
mod deliveries;
mod endpoints;
mod failures;

use serde_json::{Value, json};
use tests::app::TestApp;
use tests::citizens::ANNA;
use tests::client::{Client, Reply};
use tests::forms;
use tests::people::TO4;
use tests::receiver::Receiver;
use tests::requester::Filed;

/// Where endpoints are kept.
const ENDPOINTS: &str = "/v1/webhook-endpoints";

/// An endpoint with a receiver behind it.
struct Told {
    id: String,
    path: String,
    secret: String,
}

impl Told {
    /// Adds an endpoint for `username`, at a path of the receiver.
    async fn add(
        app: &TestApp,
        username: &str,
        receiver: &Receiver,
        path: &str,
        event_types: &[&str],
    ) -> Told {
        let body = form(&receiver.url(path), event_types);
        let added = app.as_(username).await.post(ENDPOINTS, &body).await;
        added.is(201);
        let id = added.text_at("/endpoint/id").to_owned();
        Told {
            path: format!("{ENDPOINTS}/{id}"),
            id,
            secret: added.text_at("/secret").to_owned(),
        }
    }

    async fn show(&self, client: &Client) -> Reply {
        let shown = client.get(&self.path).await;
        shown.is(200);
        shown
    }

    /// The log, the newest first.
    async fn log(&self, client: &Client) -> Vec<Value> {
        let page = client.get(&format!("{}/deliveries", self.path)).await;
        page.is(200).list_at("/items").to_vec()
    }

    /// Asks for a test, and names its delivery.
    async fn ping(&self, client: &Client) -> String {
        let path = format!("{}/test-deliveries", self.path);
        let sent = client.post(&path, &json!({})).await;
        sent.is(201).text_at("/id").to_owned()
    }
}

fn form(url: &str, event_types: &[&str]) -> Value {
    json!({"url": url, "label": "Gestionale", "event_types": event_types})
}

/// Files a request that TO4 works.
async fn file(app: &TestApp) -> Filed {
    let form = forms::report_not_found_logged_in(TO4);
    app.file_as(&ANNA, &form, &[]).await
}

/// The types of events, without what all of them begin with.
fn types(receiver: &Receiver) -> Vec<String> {
    let events = receiver.got().into_iter().map(|got| got.event());
    events
        .map(|event| {
            let full = event["type"].as_str().expect("a type").to_owned();
            let short = full.strip_prefix("it.sportello.").expect("our prefix");
            short.to_owned()
        })
        .collect()
}
