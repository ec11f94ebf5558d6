//! The log of deliveries, and what a keeper can do about one: try it again, or send a test.

use domain::actor::Staff;
use domain::ids::{EndpointId, MessageId};
use domain::visibility::Scope;
use domain::webhook::PING;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use storage::changes::News;
use storage::webhook_deliveries::{self, Delivery, DeliveryState};
use storage::webhooks::{self, Attempt, Endpoint};
use storage::{DbConnection, outbox};

use super::endpoint_scope;
use crate::once::{Answer, Once};
use crate::{Desk, DeskError};

/// A delivery with its tries.
#[derive(Debug, Clone)]
pub struct DeliveryView {
    /// The delivery.
    pub delivery: Delivery,
    /// Its body, as it is sent.
    pub event: Value,
    /// Its tries, in order.
    pub attempts: Vec<Attempt>,
}

/// A delivery that was put out by hand.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TestDelivery {
    /// Its id.
    pub id: MessageId,
}

impl Desk {
    /// The deliveries to an endpoint, the newest first, before the one with this time and id.
    pub fn list_webhook_deliveries(
        &self,
        keeper: &Staff,
        endpoint: EndpointId,
        state: Option<DeliveryState>,
        before: Option<(Timestamp, MessageId)>,
        limit: i64,
    ) -> Result<Vec<DeliveryView>, DeskError> {
        self.db.read_snapshot(|conn| {
            in_reach(conn, keeper, endpoint)?;
            let found = webhook_deliveries::list(conn, endpoint, state, before, limit)?;
            with_attempts(conn, found)
        })
    }

    /// Sends an endpoint an event that nothing happened for, whatever it asks for.
    pub fn test_endpoint(
        &self,
        keeper: &Staff,
        id: EndpointId,
        once: &Once,
    ) -> Result<Answer<TestDelivery>, DeskError> {
        let (desk, keeper) = (self.clone(), keeper.clone());
        self.write_once(&Scope::Nothing, once, move |conn| {
            let now = desk.clock.now();
            let endpoint = enabled_in_reach(conn, &keeper, id)?;
            let news = News {
                kind: PING.to_owned(),
                desk: None,
                former_desk: None,
                ticket: None,
                seq: None,
                subject: Some(id.to_string()),
                data: json!({}),
            };
            let body = desk.cloud_event(&news, now);
            let delivery = desk.delivery(&endpoint, PING, body);
            outbox::put(conn, &delivery, now)?;
            Ok(TestDelivery { id: delivery.id })
        })
    }

    /// Delivers again, under the same id: now, and then by the whole schedule.
    pub fn redeliver(
        &self,
        keeper: &Staff,
        endpoint: EndpointId,
        id: MessageId,
        once: &Once,
    ) -> Result<Answer<TestDelivery>, DeskError> {
        let (desk, keeper) = (self.clone(), keeper.clone());
        self.write_once(&Scope::Nothing, once, move |conn| {
            in_reach(conn, &keeper, endpoint)?;
            let found = webhook_deliveries::find(conn, endpoint, id)?;
            let delivery = found.ok_or(DeskError::NotFound)?;
            enabled_in_reach(conn, &keeper, endpoint)?;
            webhook_deliveries::renew(conn, delivery.id, desk.clock.now())?;
            Ok(TestDelivery { id: delivery.id })
        })
    }
}

fn with_attempts(
    conn: &mut DbConnection,
    found: Vec<Delivery>,
) -> Result<Vec<DeliveryView>, DeskError> {
    let ids: Vec<MessageId> = found.iter().map(|delivery| delivery.id).collect();
    let all = webhooks::list_attempts(conn, &ids)?;
    Ok(found
        .into_iter()
        .map(|delivery| DeliveryView {
            attempts: all
                .iter()
                .filter(|attempt| attempt.delivery == delivery.id)
                .cloned()
                .collect(),
            event: serde_json::from_str(&delivery.payload).unwrap_or_default(),
            delivery,
        })
        .collect())
}

fn in_reach(
    conn: &mut DbConnection,
    keeper: &Staff,
    id: EndpointId,
) -> Result<Endpoint, DeskError> {
    webhooks::find(conn, &endpoint_scope(keeper), id)?.ok_or(DeskError::NotFound)
}

fn enabled_in_reach(
    conn: &mut DbConnection,
    keeper: &Staff,
    id: EndpointId,
) -> Result<Endpoint, DeskError> {
    let endpoint = in_reach(conn, keeper, id)?;
    match endpoint.disabled {
        None => Ok(endpoint),
        Some(_) => Err(DeskError::EndpointDisabled),
    }
}
