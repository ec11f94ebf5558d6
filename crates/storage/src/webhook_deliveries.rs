//! The outbox as endpoints see it: what is due where, what was delivered, what was given up.

use diesel::dsl::exists;
use diesel::prelude::*;
use domain::ids::{EndpointId, MessageId};
use jiff::Timestamp;

use crate::schema::{outbox, webhook_attempts, webhook_endpoints};
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, dialect};

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// To be sent, for the first time or again.
    Pending,
    /// The receiver took it.
    Delivered,
    /// Given up.
    Failed,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [DeliveryState; 3] = [
        DeliveryState::Pending,
        DeliveryState::Delivered,
        DeliveryState::Failed,
    ];

    /// The code used in the API.
    pub const fn code(self) -> &'static str {
        match self {
            DeliveryState::Pending => "pending",
            DeliveryState::Delivered => "delivered",
            DeliveryState::Failed => "failed",
        }
    }

    /// The state with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        DeliveryState::ALL
            .into_iter()
            .find(|state| state.code() == code)
    }

    const fn stored(self) -> &'static str {
        match self {
            DeliveryState::Pending => "pending",
            DeliveryState::Delivered => "sent",
            DeliveryState::Failed => "parked",
        }
    }
}

/// A delivery, as its log tells of it.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Stable over every try, and what receivers know it by.
    pub id: MessageId,
    /// The event's type.
    pub event_type: String,
    /// The body, as it is sent.
    pub payload: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// Why it is not delivered, or was not at the last try.
    pub reason: Option<String>,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it is tried next, or given back by whoever tries it now.
    pub due_at: Timestamp,
    /// When it was delivered.
    pub delivered_at: Option<Timestamp>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = outbox)]
struct DeliveryRow {
    id: Id,
    template: String,
    payload: Option<String>,
    state: String,
    last_error: Option<String>,
    created_at: Ts,
    due_at: Ts,
    sent_at: Option<Ts>,
}

impl TryFrom<DeliveryRow> for Delivery {
    type Error = StoreError;

    fn try_from(row: DeliveryRow) -> Result<Self, StoreError> {
        let state = DeliveryState::ALL
            .into_iter()
            .find(|state| state.stored() == row.state);
        Ok(Delivery {
            id: MessageId::new(row.id.0),
            event_type: row.template,
            payload: row.payload.unwrap_or_default(),
            state: state.ok_or_else(|| StoreError::Corrupt {
                table: "outbox",
                id: row.id.0.to_string(),
                column: "state",
            })?,
            reason: row.last_error,
            created_at: row.created_at.0,
            due_at: row.due_at.0,
            delivered_at: row.sent_at.map(|at| at.0),
        })
    }
}

/// The enabled endpoints to which something is due.
pub fn list_due_endpoints(
    conn: &mut DbConnection,
    now: Timestamp,
) -> Result<Vec<EndpointId>, StoreError> {
    let due = outbox::table
        .filter(outbox::endpoint_id.eq(webhook_endpoints::id.nullable()))
        .filter(outbox::state.eq("pending").and(outbox::due_at.le(Ts(now))));
    let ids = webhook_endpoints::table
        .filter(webhook_endpoints::deleted_at.is_null())
        .filter(webhook_endpoints::disabled_at.is_null())
        .filter(exists(due))
        .order(webhook_endpoints::id.asc())
        .select(webhook_endpoints::id)
        .load::<Id>(conn)?;
    Ok(ids.into_iter().map(|id| EndpointId::new(id.0)).collect())
}

/// The deliveries to an endpoint, the newest first, before the one with this time and id.
pub fn list(
    conn: &mut DbConnection,
    endpoint: EndpointId,
    state: Option<DeliveryState>,
    before: Option<(Timestamp, MessageId)>,
    limit: i64,
) -> Result<Vec<Delivery>, StoreError> {
    let mut query = outbox::table
        .filter(outbox::endpoint_id.eq(Some(Id(endpoint.uuid()))))
        .select(DeliveryRow::as_select())
        .into_boxed();
    if let Some(state) = state {
        query = query.filter(outbox::state.eq(state.stored()));
    }
    if let Some((at, id)) = before {
        query = query.filter(dialect::before(
            (outbox::created_at, outbox::id),
            Ts(at),
            Id(id.uuid()),
        ));
    }
    let rows = query
        .order((outbox::created_at.desc(), outbox::id.desc()))
        .limit(limit)
        .load(conn)?;
    rows.into_iter().map(Delivery::try_from).collect()
}

/// The delivery to an endpoint with this id.
pub fn find(
    conn: &mut DbConnection,
    endpoint: EndpointId,
    id: MessageId,
) -> Result<Option<Delivery>, StoreError> {
    let row = outbox::table
        .find(Id(id.uuid()))
        .filter(outbox::endpoint_id.eq(Some(Id(endpoint.uuid()))))
        .select(DeliveryRow::as_select())
        .first(conn)
        .optional()?;
    row.map(Delivery::try_from).transpose()
}

/// Makes a delivery due now, with all its tries before it. Whoever tries it at this moment can
/// report no more, so it may arrive twice.
pub fn renew(conn: &mut DbConnection, id: MessageId, now: Timestamp) -> Result<(), StoreError> {
    diesel::update(outbox::table.find(Id(id.uuid())))
        .set((
            outbox::state.eq("pending"),
            outbox::attempts.eq(0),
            outbox::due_at.eq(Ts(now)),
            outbox::fence.eq(outbox::fence + 1),
            outbox::last_error.eq(None::<String>),
            outbox::sent_at.eq(None::<Ts>),
        ))
        .execute(conn)?;
    Ok(())
}

/// Gives up all that waits for an endpoint. Answers how much.
pub fn park_all(
    conn: &mut DbConnection,
    endpoint: EndpointId,
    reason: &str,
) -> Result<usize, StoreError> {
    let waiting = outbox::table
        .filter(outbox::endpoint_id.eq(Some(Id(endpoint.uuid()))))
        .filter(outbox::state.eq("pending"));
    Ok(diesel::update(waiting)
        .set((
            outbox::state.eq("parked"),
            outbox::fence.eq(outbox::fence + 1),
            outbox::last_error.eq(Some(reason.to_owned())),
        ))
        .execute(conn)?)
}

/// Forgets deliveries written before `before`, whatever became of them, and their tries, `most` at a
/// time.
pub fn delete_old(
    conn: &mut DbConnection,
    before: Timestamp,
    most: i64,
) -> Result<usize, StoreError> {
    let old = outbox::table
        .filter(outbox::endpoint_id.is_not_null())
        .filter(outbox::created_at.lt(Ts(before)))
        .select(outbox::id)
        .limit(most)
        .load::<Id>(conn)?;
    let tries = webhook_attempts::table.filter(webhook_attempts::delivery_id.eq_any(old.clone()));
    diesel::delete(tries).execute(conn)?;
    Ok(diesel::delete(outbox::table.filter(outbox::id.eq_any(old))).execute(conn)?)
}
