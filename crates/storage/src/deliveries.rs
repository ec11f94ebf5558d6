//! The outbox as people see it: what could not be delivered, and what becomes of it. Never shows
//! an address, nor what a message says.

use diesel::prelude::*;
use domain::codes::AuthorityCode;
use domain::ids::{AccountId, EndpointId, MessageId, TicketId, TicketNumber};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::outbox::Channel;
use crate::schema::{outbox, tickets};
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, dialect, trail};

/// Whose deliveries somebody sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keeper {
    /// Those of a desk.
    Desk(AuthorityCode),
    /// All.
    Everything,
}

/// How far a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeliveryState {
    /// It is to be sent, now or later.
    Pending,
    /// It left.
    Sent,
    /// It was given up, and somebody must look.
    Parked,
    /// It was given up, and somebody has looked.
    Discarded,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [DeliveryState; 4] = [
        DeliveryState::Pending,
        DeliveryState::Sent,
        DeliveryState::Parked,
        DeliveryState::Discarded,
    ];

    /// The code used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            DeliveryState::Pending => "pending",
            DeliveryState::Sent => "sent",
            DeliveryState::Parked => "parked",
            DeliveryState::Discarded => "discarded",
        }
    }

    /// The state with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        DeliveryState::ALL
            .into_iter()
            .find(|state| state.as_str() == code)
    }
}

/// A message, seen from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Stable over every attempt.
    pub id: MessageId,
    /// How it leaves.
    pub channel: Channel,
    /// Which text, or which event.
    pub template: String,
    /// The ticket it is about.
    pub ticket: Option<(TicketId, TicketNumber)>,
    /// The program's address it goes to.
    pub endpoint: Option<EndpointId>,
    /// The desk that answers for it.
    pub desk: Option<AuthorityCode>,
    /// How far it is.
    pub state: DeliveryState,
    /// Tries so far.
    pub attempts: i32,
    /// Why the last one failed.
    pub last_error: Option<String>,
    /// When it was put out.
    pub created_at: Timestamp,
    /// When it is tried next, if it is.
    pub due_at: Option<Timestamp>,
    /// When it left.
    pub sent_at: Option<Timestamp>,
}

/// Which messages.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// How far they are.
    pub state: Option<DeliveryState>,
    /// How they leave.
    pub channel: Option<Channel>,
    /// The ticket they are about.
    pub ticket: Option<TicketId>,
}

type Columns = (
    (Id, String, String, Option<Id>, Option<Id>, Option<String>),
    (String, i32, Option<String>, Ts, Ts, Option<Ts>, Option<Ts>),
    Option<String>,
);

#[diesel::dsl::auto_type]
fn columns() -> _ {
    (
        (
            outbox::id,
            outbox::channel,
            outbox::template,
            outbox::ticket_id,
            outbox::endpoint_id,
            outbox::desk,
        ),
        (
            outbox::state,
            outbox::attempts,
            outbox::last_error,
            outbox::created_at,
            outbox::due_at,
            outbox::sent_at,
            outbox::discarded_at,
        ),
        tickets::number.nullable(),
    )
}

/// A page of messages, the newest first, after the one that the page before ended with.
pub fn list(
    conn: &mut DbConnection,
    keeper: &Keeper,
    filter: &Filter,
    after: Option<(Timestamp, MessageId)>,
    limit: i64,
) -> Result<Vec<Delivery>, StoreError> {
    let mut query = outbox::table
        .left_join(tickets::table.on(tickets::id.nullable().eq(outbox::ticket_id)))
        .select(columns())
        .into_boxed();
    if let Keeper::Desk(code) = keeper {
        query = query.filter(outbox::desk.eq(Some(code.as_str().to_owned())));
    }
    query = match filter.state {
        None => query,
        Some(DeliveryState::Pending) => query.filter(outbox::state.eq("pending")),
        Some(DeliveryState::Sent) => query.filter(outbox::state.eq("sent")),
        Some(DeliveryState::Parked) => query
            .filter(outbox::state.eq("parked"))
            .filter(outbox::discarded_at.is_null()),
        Some(DeliveryState::Discarded) => query
            .filter(outbox::state.eq("parked"))
            .filter(outbox::discarded_at.is_not_null()),
    };
    if let Some(channel) = filter.channel {
        query = query.filter(outbox::channel.eq(channel.as_str()));
    }
    if let Some(ticket) = filter.ticket {
        query = query.filter(outbox::ticket_id.eq(Some(Id(ticket.uuid()))));
    }
    if let Some((at, id)) = after {
        let keys = (outbox::created_at, outbox::id);
        query = query.filter(dialect::before(keys, Ts(at), Id(id.uuid())));
    }
    let rows = query
        .order((outbox::created_at.desc(), outbox::id.desc()))
        .limit(limit)
        .load::<Columns>(conn)?;
    rows.into_iter().map(into_delivery).collect()
}

/// One message, if its keeper may see it.
pub fn find(
    conn: &mut DbConnection,
    keeper: &Keeper,
    id: MessageId,
) -> Result<Option<Delivery>, StoreError> {
    let mut query = outbox::table
        .left_join(tickets::table.on(tickets::id.nullable().eq(outbox::ticket_id)))
        .filter(outbox::id.eq(Id(id.uuid())))
        .select(columns())
        .into_boxed();
    if let Keeper::Desk(code) = keeper {
        query = query.filter(outbox::desk.eq(Some(code.as_str().to_owned())));
    }
    let found = query.first::<Columns>(conn).optional()?;
    found.map(into_delivery).transpose()
}

/// Has a message that was given up tried again, from its first try on. False if it was not given up.
pub fn retry(conn: &mut DbConnection, id: MessageId, now: Timestamp) -> Result<bool, StoreError> {
    let changed = diesel::update(parked(id))
        .set((
            outbox::state.eq("pending"),
            outbox::attempts.eq(0),
            outbox::fence.eq(outbox::fence + 1),
            outbox::due_at.eq(Ts(now)),
            outbox::discarded_at.eq(None::<Ts>),
            outbox::discarded_by.eq(None::<Id>),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

/// Somebody has looked at a message that was given up, and leaves it. False if it was not given up.
pub fn discard(
    conn: &mut DbConnection,
    id: MessageId,
    by: AccountId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let changed = diesel::update(parked(id).filter(outbox::discarded_at.is_null()))
        .set((
            outbox::discarded_at.eq(Some(Ts(now))),
            outbox::discarded_by.eq(Some(Id(by.uuid()))),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

#[diesel::dsl::auto_type]
fn parked(id: MessageId) -> _ {
    let id: Id = Id(id.uuid());
    outbox::table
        .filter(outbox::id.eq(id))
        .filter(outbox::state.eq("parked"))
}

fn into_delivery(row: Columns) -> Result<Delivery, StoreError> {
    let (
        (id, channel, template, ticket, endpoint, desk),
        (state, attempts, last_error, created_at, due_at, sent_at, discarded_at),
        number,
    ) = row;
    let corrupt = |column| StoreError::Corrupt {
        table: "outbox",
        id: id.0.to_string(),
        column,
    };
    let state = match (state.as_str(), discarded_at) {
        ("pending", _) => DeliveryState::Pending,
        ("sent", _) => DeliveryState::Sent,
        (_, None) => DeliveryState::Parked,
        (_, Some(_)) => DeliveryState::Discarded,
    };
    let number = number
        .map(|text| TicketNumber::parse(&text).ok_or_else(|| corrupt("ticket_id")))
        .transpose()?;
    if let Some(id) = ticket {
        trail::note_ticket(TicketId::new(id.0));
    }
    Ok(Delivery {
        id: MessageId::new(id.0),
        channel: Channel::from_code(&channel).ok_or_else(|| corrupt("channel"))?,
        template,
        ticket: ticket.map(|id| TicketId::new(id.0)).zip(number),
        endpoint: endpoint.map(|id| EndpointId::new(id.0)),
        desk: desk.map(|code| code.as_str().into()),
        state,
        attempts,
        last_error,
        created_at: created_at.0,
        due_at: (state == DeliveryState::Pending).then_some(due_at.0),
        sent_at: sent_at.map(|at| at.0),
    })
}
