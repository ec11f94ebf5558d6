//! What endpoints are told: an event becomes a delivery to each endpoint that asks for it and may
//! see it, in the transaction of what happened. Bodies are CloudEvents 1.0 and hold ids and codes.

use domain::codes::AuthorityCode;
use domain::ids::MessageId;
use domain::invalid::Lang;
use domain::webhook::{MAX_PAYLOAD_BYTES, TYPE_PREFIX, is_event_type};
use jiff::Timestamp;
use serde_json::{Value, json};
use storage::changes::News;
use storage::outbox::{self, Channel, Outgoing};
use storage::webhooks::Endpoint;
use storage::{DbConnection, StoreError};

use crate::Desk;

impl Desk {
    /// Writes a delivery for each endpoint that asks for this and may see it: those of the desks
    /// concerned, and the region's.
    pub(crate) fn tell_endpoints(
        &self,
        conn: &mut DbConnection,
        news: &News,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if !is_event_type(&news.kind) {
            return Ok(());
        }
        let mut desks: Vec<&AuthorityCode> = vec![self.reference.region()];
        desks.extend(news.desk.iter().chain(&news.former_desk));
        let endpoints = self.endpoints(conn)?;
        let asking: Vec<&Endpoint> = endpoints
            .iter()
            .filter(|endpoint| news.desk.is_none() || desks.contains(&&endpoint.desk))
            .filter(|endpoint| endpoint.filter.takes(&news.kind))
            .collect();
        if asking.is_empty() {
            return Ok(());
        }
        let body = self.cloud_event(news, now);
        for endpoint in asking {
            let delivery = self.delivery(endpoint, &news.kind, body.clone());
            outbox::put(conn, &delivery, now)?;
        }
        Ok(())
    }

    /// A delivery to be put out.
    pub(super) fn delivery(&self, endpoint: &Endpoint, kind: &str, body: String) -> Outgoing {
        let id = MessageId::new(self.ids.uuid());
        Outgoing {
            // Of no desk: its own log shows what became of it.
            endpoint: Some(endpoint.id),
            payload: Some(body),
            ..Outgoing::new(id, Channel::Webhook, kind, String::new(), Lang::It)
        }
    }

    /// The body: one event, one id, for every endpoint the same.
    pub(super) fn cloud_event(&self, news: &News, now: Timestamp) -> String {
        let id = self.ids.uuid().to_string();
        let body = self.envelope(&id, news, &news.data, now).to_string();
        if body.len() <= MAX_PAYLOAD_BYTES {
            return body;
        }
        // Whoever wants to know asks for it anyway.
        tracing::error!(event.kind = news.kind, "news were too long for a webhook");
        self.envelope(&id, news, &json!({}), now).to_string()
    }

    fn envelope(&self, id: &str, news: &News, detail: &Value, now: Timestamp) -> Value {
        let source = &self.settings.webhooks.source;
        let ticket = news.ticket.map(|id| id.to_string());
        let mut event = json!({
            "specversion": "1.0",
            "id": id,
            "source": source,
            "type": format!("{TYPE_PREFIX}{}", news.kind),
            "time": now.to_string(),
            "datacontenttype": "application/json",
            "dataschema": format!("{source}/openapi.json#/components/schemas/WebhookEventData"),
            "data": {"ticket_id": ticket, "seq": news.seq, "detail": detail},
        });
        let subject = news.subject.clone().or(ticket);
        if let (Some(members), Some(subject)) = (event.as_object_mut(), subject) {
            members.insert("subject".to_owned(), subject.into());
        }
        event
    }
}
