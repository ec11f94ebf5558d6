//! Endpoints that are told what happened, the secrets they know us by, and each try to tell them.
//! The deliveries themselves are in `webhook_deliveries`.

use diesel::prelude::*;
use domain::codes::AuthorityCode;
use domain::ids::{AccountId, EndpointId, MessageId, WebhookSecretId};
use domain::webhook::{EventFilter, Outcome};
use jiff::Timestamp;

use crate::schema::{webhook_attempts, webhook_endpoints, webhook_secrets};
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, settled};

/// An address that is told what happened.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// For machines.
    pub id: EndpointId,
    /// Raised by each change of somebody's hand, and when it is disabled.
    pub version: i64,
    /// Whose it is, and so which events it sees.
    pub desk: AuthorityCode,
    /// Where, as it was checked when it was saved.
    pub url: String,
    /// What people call it.
    pub label: String,
    /// What it asks for.
    pub filter: EventFilter,
    /// Why and since when it is sent nothing; none while it is enabled.
    pub disabled: Option<(DisabledReason, Timestamp)>,
    /// Since when no delivery succeeded, if the last one failed.
    pub failing_since: Option<Timestamp>,
    /// When it was added.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: AccountId,
}

/// Why an endpoint is sent nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisabledReason {
    /// Somebody wanted it so.
    ByHand,
    /// It answered 410.
    Gone,
    /// It failed for days.
    Failing,
}

impl DisabledReason {
    /// Every reason.
    pub const ALL: [DisabledReason; 3] = [
        DisabledReason::ByHand,
        DisabledReason::Gone,
        DisabledReason::Failing,
    ];

    /// The code used in the API and in rows.
    pub const fn code(self) -> &'static str {
        match self {
            DisabledReason::ByHand => "by-hand",
            DisabledReason::Gone => "gone",
            DisabledReason::Failing => "failing",
        }
    }

    fn from_code(code: &str) -> Option<Self> {
        DisabledReason::ALL
            .into_iter()
            .find(|reason| reason.code() == code)
    }
}

/// Which endpoints somebody may know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndpointScope {
    /// All.
    All,
    /// Those of this desk.
    Desk(AuthorityCode),
    /// None.
    Nothing,
}

/// A secret that deliveries are signed with, as it is kept.
#[derive(Clone)]
pub struct Secret {
    /// Its id.
    pub id: WebhookSecretId,
    /// Its bytes, sealed.
    pub sealed: Vec<u8>,
}

/// A try to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The delivery.
    pub delivery: MessageId,
    /// Counted from 1, on over redeliveries.
    pub number: i32,
    /// When it began.
    pub at: Timestamp,
    /// What was answered.
    pub status: Option<i32>,
    /// Why nothing was answered.
    pub fault: Option<String>,
    /// How long it took.
    pub duration_ms: i64,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = webhook_endpoints, treat_none_as_default_value = false)]
struct EndpointRow {
    id: Id,
    version: i64,
    desk: String,
    url: String,
    label: String,
    event_types: String,
    disabled_reason: Option<String>,
    disabled_at: Option<Ts>,
    failing_since: Option<Ts>,
    created_at: Ts,
    created_by: Id,
}

impl From<&Endpoint> for EndpointRow {
    fn from(endpoint: &Endpoint) -> Self {
        let (reason, at) = endpoint.disabled.unzip();
        EndpointRow {
            id: Id(endpoint.id.uuid()),
            version: endpoint.version,
            desk: endpoint.desk.to_string(),
            url: endpoint.url.clone(),
            label: endpoint.label.clone(),
            event_types: endpoint.filter.words().join(" "),
            disabled_reason: reason.map(|reason| reason.code().to_owned()),
            disabled_at: at.map(Ts),
            failing_since: endpoint.failing_since.map(Ts),
            created_at: Ts(endpoint.created_at),
            created_by: Id(endpoint.created_by.uuid()),
        }
    }
}

impl TryFrom<EndpointRow> for Endpoint {
    type Error = StoreError;

    fn try_from(row: EndpointRow) -> Result<Self, StoreError> {
        let reason = match &row.disabled_reason {
            None => None,
            Some(code) => {
                Some(
                    DisabledReason::from_code(code).ok_or_else(|| StoreError::Corrupt {
                        table: "webhook_endpoints",
                        id: row.id.0.to_string(),
                        column: "disabled_reason",
                    })?,
                )
            }
        };
        Ok(Endpoint {
            id: EndpointId::new(row.id.0),
            version: row.version,
            desk: AuthorityCode::new(row.desk),
            url: row.url,
            label: row.label,
            filter: EventFilter::from_stored(&row.event_types),
            disabled: reason.zip(row.disabled_at.map(|at| at.0)),
            failing_since: row.failing_since.map(|at| at.0),
            created_at: row.created_at.0,
            created_by: AccountId::new(row.created_by.0),
        })
    }
}

/// Adds an endpoint.
pub fn insert(conn: &mut DbConnection, endpoint: &Endpoint) -> Result<(), StoreError> {
    settled::forget();
    diesel::insert_into(webhook_endpoints::table)
        .values(EndpointRow::from(endpoint))
        .execute(conn)?;
    Ok(())
}

/// The endpoint with this id, if it is in reach and not deleted.
pub fn find(
    conn: &mut DbConnection,
    scope: &EndpointScope,
    id: EndpointId,
) -> Result<Option<Endpoint>, StoreError> {
    let mut query = webhook_endpoints::table
        .filter(webhook_endpoints::id.eq(Id(id.uuid())))
        .filter(webhook_endpoints::deleted_at.is_null())
        .select(EndpointRow::as_select())
        .into_boxed();
    match scope {
        EndpointScope::All => {}
        EndpointScope::Desk(desk) => {
            query = query.filter(webhook_endpoints::desk.eq(desk.to_string()));
        }
        EndpointScope::Nothing => return Ok(None),
    }
    query
        .first(conn)
        .optional()?
        .map(Endpoint::try_from)
        .transpose()
}

/// The endpoints in reach, the oldest first, after `after`.
pub fn list(
    conn: &mut DbConnection,
    scope: &EndpointScope,
    after: Option<EndpointId>,
    limit: i64,
) -> Result<Vec<Endpoint>, StoreError> {
    let mut query = webhook_endpoints::table
        .filter(webhook_endpoints::deleted_at.is_null())
        .select(EndpointRow::as_select())
        .into_boxed();
    match scope {
        EndpointScope::All => {}
        EndpointScope::Desk(desk) => {
            query = query.filter(webhook_endpoints::desk.eq(desk.to_string()));
        }
        EndpointScope::Nothing => return Ok(Vec::new()),
    }
    if let Some(after) = after {
        query = query.filter(webhook_endpoints::id.gt(Id(after.uuid())));
    }
    let rows = query
        .order(webhook_endpoints::id.asc())
        .limit(limit)
        .load(conn)?;
    rows.into_iter().map(Endpoint::try_from).collect()
}

/// How many endpoints a desk has.
pub fn count(conn: &mut DbConnection, desk: &AuthorityCode) -> Result<i64, StoreError> {
    Ok(webhook_endpoints::table
        .filter(webhook_endpoints::desk.eq(desk.to_string()))
        .filter(webhook_endpoints::deleted_at.is_null())
        .count()
        .get_result(conn)?)
}

/// The enabled endpoints of all desks.
pub fn list_enabled(conn: &mut DbConnection) -> Result<Vec<Endpoint>, StoreError> {
    let rows: Vec<EndpointRow> = webhook_endpoints::table
        .filter(webhook_endpoints::deleted_at.is_null())
        .filter(webhook_endpoints::disabled_at.is_null())
        .order(webhook_endpoints::id.asc())
        .select(EndpointRow::as_select())
        .load(conn)?;
    rows.into_iter().map(Endpoint::try_from).collect()
}

/// Writes a changed endpoint with the next version, if it is still at the one that was seen.
pub fn save(conn: &mut DbConnection, endpoint: &mut Endpoint) -> Result<(), StoreError> {
    settled::forget();
    let row = EndpointRow::from(&*endpoint);
    let held = webhook_endpoints::table
        .find(row.id)
        .filter(webhook_endpoints::version.eq(row.version))
        .filter(webhook_endpoints::deleted_at.is_null());
    let changed = diesel::update(held)
        .set((
            webhook_endpoints::version.eq(row.version + 1),
            webhook_endpoints::url.eq(row.url),
            webhook_endpoints::label.eq(row.label),
            webhook_endpoints::event_types.eq(row.event_types),
            webhook_endpoints::disabled_reason.eq(row.disabled_reason),
            webhook_endpoints::disabled_at.eq(row.disabled_at),
            webhook_endpoints::failing_since.eq(row.failing_since),
        ))
        .execute(conn)?;
    if changed == 0 {
        return Err(StoreError::Stale);
    }
    endpoint.version += 1;
    Ok(())
}

/// Notes since when an endpoint fails, or that it works again. Its version stays: nobody changed it.
pub fn set_failing(
    conn: &mut DbConnection,
    id: EndpointId,
    since: Option<Timestamp>,
) -> Result<(), StoreError> {
    diesel::update(webhook_endpoints::table.find(Id(id.uuid())))
        .set(webhook_endpoints::failing_since.eq(since.map(Ts)))
        .execute(conn)?;
    Ok(())
}

/// Takes an endpoint out of everybody's reach, and its secrets away. Its deliveries stay to be
/// swept.
pub fn delete(
    conn: &mut DbConnection,
    endpoint: &Endpoint,
    now: Timestamp,
) -> Result<(), StoreError> {
    settled::forget();
    let id = Id(endpoint.id.uuid());
    let held = webhook_endpoints::table
        .find(id)
        .filter(webhook_endpoints::version.eq(endpoint.version))
        .filter(webhook_endpoints::deleted_at.is_null());
    let changed = diesel::update(held)
        .set(webhook_endpoints::deleted_at.eq(Some(Ts(now))))
        .execute(conn)?;
    if changed == 0 {
        return Err(StoreError::Stale);
    }
    let secrets = webhook_secrets::table.filter(webhook_secrets::endpoint_id.eq(id));
    diesel::delete(secrets).execute(conn)?;
    Ok(())
}

/// Adds a secret. The newest of those there were is good until `others_end`, the older ones are
/// taken away: two at most are good at once.
pub fn insert_secret(
    conn: &mut DbConnection,
    endpoint: EndpointId,
    secret: &Secret,
    now: Timestamp,
    others_end: Timestamp,
) -> Result<(), StoreError> {
    let known = list_secrets(conn, endpoint, now)?;
    let of_endpoint =
        webhook_secrets::table.filter(webhook_secrets::endpoint_id.eq(Id(endpoint.uuid())));
    match known.first() {
        None => {
            diesel::delete(of_endpoint).execute(conn)?;
        }
        Some(newest) => {
            let newest = Id(newest.id.uuid());
            diesel::delete(of_endpoint.filter(webhook_secrets::id.ne(newest))).execute(conn)?;
            diesel::update(webhook_secrets::table.find(newest))
                .set(webhook_secrets::expires_at.eq(Some(Ts(others_end))))
                .execute(conn)?;
        }
    }
    diesel::insert_into(webhook_secrets::table)
        .values((
            webhook_secrets::id.eq(Id(secret.id.uuid())),
            webhook_secrets::endpoint_id.eq(Id(endpoint.uuid())),
            webhook_secrets::sealed.eq(secret.sealed.clone()),
            webhook_secrets::created_at.eq(Ts(now)),
        ))
        .execute(conn)?;
    Ok(())
}

/// The secrets that are good now, the newest first.
pub fn list_secrets(
    conn: &mut DbConnection,
    endpoint: EndpointId,
    now: Timestamp,
) -> Result<Vec<Secret>, StoreError> {
    let rows = webhook_secrets::table
        .filter(webhook_secrets::endpoint_id.eq(Id(endpoint.uuid())))
        .filter(
            webhook_secrets::expires_at
                .is_null()
                .or(webhook_secrets::expires_at.assume_not_null().gt(Ts(now))),
        )
        .order((
            webhook_secrets::created_at.desc(),
            webhook_secrets::id.desc(),
        ))
        .select((webhook_secrets::id, webhook_secrets::sealed))
        .load::<(Id, Vec<u8>)>(conn)?;
    Ok(rows
        .into_iter()
        .map(|(id, sealed)| Secret {
            id: WebhookSecretId::new(id.0),
            sealed,
        })
        .collect())
}

/// Notes a try, after those there were.
pub fn insert_attempt(
    conn: &mut DbConnection,
    delivery: MessageId,
    at: Timestamp,
    outcome: Outcome,
    duration_ms: i64,
) -> Result<(), StoreError> {
    let delivery = Id(delivery.uuid());
    let last = webhook_attempts::table
        .filter(webhook_attempts::delivery_id.eq(delivery))
        .select(diesel::dsl::max(webhook_attempts::number))
        .first::<Option<i32>>(conn)?;
    let (status, fault) = match outcome {
        Outcome::Answered { status, .. } => (Some(i32::from(status)), None),
        Outcome::Failed(fault) => (None, Some(fault.code().to_owned())),
    };
    diesel::insert_into(webhook_attempts::table)
        .values((
            webhook_attempts::delivery_id.eq(delivery),
            webhook_attempts::number.eq(last.unwrap_or(0) + 1),
            webhook_attempts::at.eq(Ts(at)),
            webhook_attempts::status.eq(status),
            webhook_attempts::fault.eq(fault),
            webhook_attempts::duration_ms.eq(duration_ms),
        ))
        .execute(conn)?;
    Ok(())
}

/// The tries of these deliveries, each delivery's in order.
pub fn list_attempts(
    conn: &mut DbConnection,
    deliveries: &[MessageId],
) -> Result<Vec<Attempt>, StoreError> {
    let ids: Vec<Id> = deliveries.iter().map(|id| Id(id.uuid())).collect();
    let rows = webhook_attempts::table
        .filter(webhook_attempts::delivery_id.eq_any(ids))
        .order((webhook_attempts::delivery_id, webhook_attempts::number))
        .select((
            webhook_attempts::delivery_id,
            webhook_attempts::number,
            webhook_attempts::at,
            webhook_attempts::status,
            webhook_attempts::fault,
            webhook_attempts::duration_ms,
        ))
        .load::<(Id, i32, Ts, Option<i32>, Option<String>, i64)>(conn)?;
    Ok(rows
        .into_iter()
        .map(
            |(delivery, number, at, status, fault, duration_ms)| Attempt {
                delivery: MessageId::new(delivery.0),
                number,
                at: at.0,
                status,
                fault,
                duration_ms,
            },
        )
        .collect())
}
