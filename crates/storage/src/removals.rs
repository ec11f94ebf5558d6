//! Tickets that were removed (T22): one row each, for the report and for the purge of their files.

use diesel::prelude::*;
use domain::codes::{AuthorityCode, ServiceCode};
use domain::ids::{AccountId, TicketId};
use domain::state::{RemovalReason, StateCode};
use domain::visibility::Scope;
use jiff::Timestamp;

use crate::connection::MultiBackend;
use crate::schema::{accounts, removals, tickets};
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, dialect, trail};

/// A ticket that was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// Which.
    pub ticket: TicketId,
    /// Its number.
    pub number: String,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: RemovalReason,
    /// The desk that had it.
    pub desk: AuthorityCode,
    /// What it was about.
    pub service: ServiceCode,
    /// Who removed it.
    pub by: AccountId,
    /// Their name.
    pub label: String,
}

/// From when, until before when.
pub type Period = (Timestamp, Timestamp);

/// How many there were, by what they have in common.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// By reason's code.
    pub by_reason: Vec<(String, i64)>,
    /// By desk's code.
    pub by_desk: Vec<(String, i64)>,
    /// By service's code.
    pub by_service: Vec<(String, i64)>,
    /// By who removed them, with their name.
    pub by_person: Vec<(AccountId, String, i64)>,
}

/// Notes that a ticket was removed.
pub fn insert(
    conn: &mut DbConnection,
    ticket: TicketId,
    at: Timestamp,
    reason: RemovalReason,
    desk: &AuthorityCode,
    service: &ServiceCode,
    by: AccountId,
) -> Result<(), StoreError> {
    diesel::insert_into(removals::table)
        .values((
            removals::ticket_id.eq(Id(ticket.uuid())),
            removals::at.eq(Ts(at)),
            removals::reason.eq(reason.as_str()),
            removals::desk.eq(desk.as_str().to_owned()),
            removals::service_code.eq(service.as_str().to_owned()),
            removals::account_id.eq(Id(by.uuid())),
        ))
        .execute(conn)?;
    Ok(())
}

/// Forgets that a ticket was removed, because it came back.
pub fn delete(conn: &mut DbConnection, ticket: TicketId) -> Result<(), StoreError> {
    diesel::delete(removals::table.find(Id(ticket.uuid()))).execute(conn)?;
    Ok(())
}

/// Counts the removals of a period that `scope` may see, the most frequent first.
pub fn count(conn: &mut DbConnection, scope: &Scope, period: Period) -> Result<Counts, StoreError> {
    macro_rules! by {
        ($column:expr) => {{
            let mut counts = removals::table
                .filter(in_reach(scope, period))
                .group_by($column)
                .select(($column, diesel::dsl::count_star()))
                .load::<(String, i64)>(conn)?;
            counts.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
            counts
        }};
    }
    let (by_reason, by_desk) = (by!(removals::reason), by!(removals::desk));
    let by_service = by!(removals::service_code);
    let people = removals::table
        .filter(in_reach(scope, period))
        .group_by(removals::account_id)
        .select((removals::account_id, diesel::dsl::count_star()))
        .load::<(Id, i64)>(conn)?;
    let ids: Vec<Id> = people.iter().map(|(id, _)| *id).collect();
    let labels: Vec<(Id, String)> = accounts::table
        .filter(accounts::id.eq_any(ids))
        .select((accounts::id, accounts::display_name))
        .load(conn)?;
    let mut by_person: Vec<(AccountId, String, i64)> = people
        .into_iter()
        .map(|(id, count)| {
            let label = labels.iter().find(|(one, _)| one.0 == id.0);
            let label = label.map(|(_, label)| label.clone()).unwrap_or_default();
            (AccountId::new(id.0), label, count)
        })
        .collect();
    by_person.sort_by(|one, other| other.2.cmp(&one.2).then_with(|| one.0.cmp(&other.0)));
    Ok(Counts {
        by_reason,
        by_desk,
        by_service,
        by_person,
    })
}

/// A page of the removals of a period that `scope` may see, the latest first.
pub fn list(
    conn: &mut DbConnection,
    scope: &Scope,
    period: Period,
    after: Option<(Timestamp, TicketId)>,
    limit: i64,
) -> Result<Vec<Removal>, StoreError> {
    let mut query = removals::table
        .inner_join(tickets::table.on(tickets::id.eq(removals::ticket_id)))
        .inner_join(accounts::table.on(accounts::id.eq(removals::account_id)))
        .filter(removals::at.ge(Ts(period.0)))
        .filter(removals::at.lt(Ts(period.1)))
        .select((
            removals::ticket_id,
            tickets::number,
            removals::at,
            removals::reason,
            removals::desk,
            removals::service_code,
            removals::account_id,
            accounts::display_name,
        ))
        .into_boxed();
    query = match scope {
        Scope::Region(_) | Scope::System => query,
        Scope::Authority(code) => query.filter(removals::desk.eq(code.as_str().to_owned())),
        _ => return Ok(Vec::new()),
    };
    if let Some((at, id)) = after {
        let keys = (removals::at, removals::ticket_id);
        query = query.filter(dialect::before(keys, Ts(at), Id(id.uuid())));
    }
    let rows = query
        .order((removals::at.desc(), removals::ticket_id.desc()))
        .limit(limit)
        .load::<(Id, String, Ts, String, String, String, Id, String)>(conn)?;
    rows.into_iter()
        .map(|(id, number, at, reason, desk, service, by, label)| {
            let reason = RemovalReason::from_code(&reason).ok_or_else(|| StoreError::Corrupt {
                table: "removals",
                id: id.0.to_string(),
                column: "reason",
            })?;
            trail::note_ticket(TicketId::new(id.0));
            Ok(Removal {
                ticket: TicketId::new(id.0),
                number,
                at: at.0,
                reason,
                desk: desk.as_str().into(),
                service: service.as_str().into(),
                by: AccountId::new(by.0),
                label,
            })
        })
        .collect()
}

/// A page of the tickets removed before `at`, and removed still, whose files are there, the longest
/// removed first.
pub fn list_to_purge(
    conn: &mut DbConnection,
    at: Timestamp,
    after: Option<(Timestamp, TicketId)>,
    limit: i64,
) -> Result<Vec<(Timestamp, TicketId)>, StoreError> {
    let mut query = removals::table
        .inner_join(tickets::table.on(tickets::id.eq(removals::ticket_id)))
        .filter(removals::purged_at.is_null())
        .filter(removals::at.lt(Ts(at)))
        // What is deleted is gone for good: the ticket itself has the last word.
        .filter(tickets::state.eq(StateCode::Removed.as_str()))
        .order((removals::at.asc(), removals::ticket_id.asc()))
        .limit(limit)
        .select((removals::at, removals::ticket_id))
        .into_boxed();
    if let Some((at, id)) = after {
        let keys = (removals::at, removals::ticket_id);
        query = query.filter(dialect::after(keys, Ts(at), Id(id.uuid())));
    }
    let rows = query.load::<(Ts, Id)>(conn)?;
    Ok(rows
        .into_iter()
        .map(|(at, id)| (at.0, TicketId::new(id.0)))
        .collect())
}

/// Notes that a removed ticket has no files any more.
pub fn set_purged(
    conn: &mut DbConnection,
    ticket: TicketId,
    now: Timestamp,
) -> Result<(), StoreError> {
    trail::note_change(ticket);
    diesel::update(removals::table.find(Id(ticket.uuid())))
        .set(removals::purged_at.eq(Some(Ts(now))))
        .execute(conn)?;
    Ok(())
}

type Condition =
    Box<dyn BoxableExpression<removals::table, MultiBackend, SqlType = diesel::sql_types::Bool>>;

fn in_reach(scope: &Scope, (from, to): Period) -> Condition {
    let in_time = removals::at.ge(Ts(from)).and(removals::at.lt(Ts(to)));
    match scope {
        Scope::Region(_) | Scope::System => Box::new(in_time),
        Scope::Authority(code) => {
            Box::new(in_time.and(removals::desk.eq(code.as_str().to_owned())))
        }
        _ => Box::new(in_time.and(removals::desk.eq(String::new()))),
    }
}
