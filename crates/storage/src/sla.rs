//! The clocks of tickets. What is kept here can be made again from the history at any time, save what
//! has been told already: that is told once.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::Bool;
use domain::event::Change;
use domain::ids::TicketId;
use domain::note::{Audience, NoteKind};
use domain::sla::{Clock, ClockState, Run, Step};
use jiff::Timestamp;

use crate::prepared::prepared;
use crate::schema::{notes, ticket_events, ticket_sla, tickets};
use crate::sql_types::{Id, Json, Ts};
use crate::tickets::RowCondition;
use crate::{DbConnection, StoreError, dialect, together};

/// The clocks of a ticket and what has been told of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// The clocks.
    pub clocks: Vec<Clock>,
    /// What has been told, such as `2/resolution/breach`.
    pub told: Vec<String>,
}

/// How the resolution of a ticket's present leg stands, for lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    status: Status,
    /// When 75 % of the target has passed.
    pub warn_at: Timestamp,
    /// When all of it has.
    pub due_at: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Running,
    Paused,
    Breached,
    Met,
}

impl Status {
    const ALL: [Status; 4] = [
        Status::Running,
        Status::Paused,
        Status::Breached,
        Status::Met,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Status::Running => "running",
            Status::Paused => "paused",
            Status::Breached => "breached",
            Status::Met => "met",
        }
    }

    /// What of a clock's state does not depend on the time.
    fn of(clock: &Clock) -> Self {
        match clock.run {
            Run::Running => Status::Running,
            // Neither pause nor stop is ever in the future.
            Run::Paused { since: at } | Run::Stopped { at } => match clock.state(at) {
                ClockState::Breached => Status::Breached,
                ClockState::Paused => Status::Paused,
                _ => Status::Met,
            },
        }
    }
}

impl Standing {
    /// The state at `now`, as the clock itself tells it.
    pub fn state(&self, now: Timestamp) -> ClockState {
        match self.status {
            Status::Paused => ClockState::Paused,
            Status::Breached => ClockState::Breached,
            Status::Met => ClockState::Met,
            Status::Running if self.due_at <= now => ClockState::Breached,
            Status::Running if self.warn_at <= now => ClockState::Warning,
            Status::Running => ClockState::OnTrack,
        }
    }
}

#[derive(Insertable)]
#[diesel(table_name = ticket_sla, treat_none_as_default_value = false)]
struct Row {
    ticket_id: Id,
    status: &'static str,
    warn_at: Ts,
    due_at: Ts,
    clocks: String,
    told: String,
}

#[derive(Queryable)]
struct StepRow {
    seq: i64,
    at: Ts,
    change: Json,
    kind: Option<String>,
    audience: Option<String>,
}

impl StepRow {
    fn into_domain(self, ticket: TicketId) -> Result<Step, StoreError> {
        let change: Change =
            serde_json::from_value(self.change.0).map_err(|_| StoreError::Corrupt {
                table: "ticket_events",
                id: format!("{ticket}/{}", self.seq),
                column: "change",
            })?;
        Ok(Step {
            at: self.at.0,
            change,
            answers: self.kind.as_deref() == Some(NoteKind::Note.as_str())
                && self.audience.as_deref() == Some(Audience::Citizen.as_str()),
        })
    }
}

/// The history of a ticket as its clocks read it, from the beginning.
pub fn load_history(conn: &mut DbConnection, ticket: TicketId) -> Result<Vec<Step>, StoreError> {
    let rows: Vec<StepRow> = ticket_events::table
        .left_join(
            notes::table.on(notes::ticket_id
                .eq(ticket_events::ticket_id)
                .and(notes::seq.eq(ticket_events::seq))),
        )
        .filter(ticket_events::ticket_id.eq(Id(ticket.uuid())))
        .order(ticket_events::seq.asc())
        .select((
            ticket_events::seq,
            ticket_events::at,
            ticket_events::change,
            notes::kind.nullable(),
            notes::audience.nullable(),
        ))
        .load(conn)?;
    rows.into_iter()
        .map(|row| row.into_domain(ticket))
        .collect()
}

/// What is kept of a ticket's clocks; nothing before they were made for the first time.
pub fn find(conn: &mut DbConnection, ticket: TicketId) -> Result<Option<Kept>, StoreError> {
    let row: Option<(String, String)> = ticket_sla::table
        .find(Id(ticket.uuid()))
        .select((ticket_sla::clocks, ticket_sla::told))
        .first(conn)
        .optional()?;
    let Some((clocks, told)) = row else {
        return Ok(None);
    };
    let corrupt = |column: &'static str| StoreError::Corrupt {
        table: "ticket_sla",
        id: ticket.to_string(),
        column,
    };
    Ok(Some(Kept {
        clocks: serde_json::from_str(&clocks).map_err(|_| corrupt("clocks"))?,
        told: serde_json::from_str(&told).map_err(|_| corrupt("told"))?,
    }))
}

/// Keeps a ticket's clocks, of which `present` is the resolution of the present leg.
pub fn write(
    conn: &mut DbConnection,
    ticket: TicketId,
    kept: &Kept,
    present: &Clock,
) -> Result<(), StoreError> {
    dialect::upsert(
        diesel::insert_into(ticket_sla::table).values(Row::new(ticket, kept, present)?),
        &["ticket_id"],
        &["status", "warn_at", "due_at", "clocks", "told"],
    )
    .execute(conn)?;
    Ok(())
}

/// The row of a ticket that is written with it.
pub(crate) fn row_of(
    ticket: TicketId,
    kept: &Kept,
    present: &Clock,
) -> Result<Box<dyn together::Row>, StoreError> {
    let row = Row::new(ticket, kept, present)?;
    Ok(Box::new(diesel::insert_into(ticket_sla::table).values(row)))
}

impl Row {
    fn new(ticket: TicketId, kept: &Kept, present: &Clock) -> Result<Self, StoreError> {
        let corrupt = |column: &'static str| StoreError::Corrupt {
            table: "ticket_sla",
            id: ticket.to_string(),
            column,
        };
        Ok(Row {
            ticket_id: Id(ticket.uuid()),
            status: Status::of(present).as_str(),
            warn_at: Ts(present.warn_at),
            due_at: Ts(present.due_at),
            clocks: serde_json::to_string(&kept.clocks).map_err(|_| corrupt("clocks"))?,
            told: serde_json::to_string(&kept.told).map_err(|_| corrupt("told"))?,
        })
    }
}

/// Writes when a ticket should be resolved beside the ticket itself, for lists. Not a change of the
/// ticket: no event, no version, no new time of change.
pub fn set_due(
    conn: &mut DbConnection,
    ticket: TicketId,
    due_at: Timestamp,
) -> Result<(), StoreError> {
    let update = diesel::update(tickets::table.find(Id(ticket.uuid())));
    let moved = update.set(tickets::due_at.eq(Ts(due_at)));
    prepared(moved.returning(tickets::version)).load::<i64>(conn)?;
    Ok(())
}

/// A page of all tickets by id, after `after`: those whose clocks are to be made again.
pub fn list_all(
    conn: &mut DbConnection,
    after: Option<TicketId>,
    limit: i64,
) -> Result<Vec<TicketId>, StoreError> {
    let after = after.map_or(uuid::Uuid::nil(), |id| id.uuid());
    let rows: Vec<Id> = tickets::table
        .filter(tickets::id.gt(Id(after)))
        .order(tickets::id.asc())
        .select(tickets::id)
        .limit(limit)
        .load(conn)?;
    Ok(rows.into_iter().map(|id| TicketId::new(id.0)).collect())
}

/// How these tickets stand, in one statement.
pub fn list_standings(
    conn: &mut DbConnection,
    of: &[TicketId],
) -> Result<HashMap<TicketId, Standing>, StoreError> {
    if of.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<Id> = of.iter().map(|id| Id(id.uuid())).collect();
    let query = ticket_sla::table
        .filter(ticket_sla::ticket_id.eq_any(ids))
        .select((
            ticket_sla::ticket_id,
            ticket_sla::status,
            ticket_sla::warn_at,
            ticket_sla::due_at,
        ));
    let rows: Vec<(Id, String, Ts, Ts)> = prepared(query).load(conn)?;
    rows.into_iter()
        .map(|(id, status, warn_at, due_at)| {
            let status = Status::ALL
                .into_iter()
                .find(|known| known.as_str() == status)
                .ok_or_else(|| StoreError::Corrupt {
                    table: "ticket_sla",
                    id: id.0.to_string(),
                    column: "status",
                })?;
            let standing = Standing {
                status,
                warn_at: warn_at.0,
                due_at: due_at.0,
            };
            Ok((TicketId::new(id.0), standing))
        })
        .collect()
}

/// The tickets whose present resolution is in this state at `now`: [`Standing::state`], as SQL.
pub(crate) fn is_in(state: ClockState, now: Timestamp) -> RowCondition {
    let of_ticket = ticket_sla::table
        .filter(ticket_sla::ticket_id.eq(tickets::id))
        .select(ticket_sla::ticket_id);
    let status = |wanted: Status| ticket_sla::status.eq(wanted.as_str());
    let is_due = || ticket_sla::due_at.le(Ts(now));
    let is_warned = || ticket_sla::warn_at.le(Ts(now));
    match state {
        ClockState::Paused => Box::new(diesel::dsl::exists(
            of_ticket.filter(status(Status::Paused)),
        )),
        ClockState::Met => Box::new(diesel::dsl::exists(of_ticket.filter(status(Status::Met)))),
        ClockState::Breached => Box::new(diesel::dsl::exists(
            of_ticket.filter(status(Status::Breached).or(status(Status::Running).and(is_due()))),
        )),
        ClockState::Warning => Box::new(diesel::dsl::exists(
            of_ticket.filter(
                status(Status::Running)
                    .and(is_warned())
                    .and(ticket_sla::due_at.gt(Ts(now))),
            ),
        )),
        ClockState::OnTrack => Box::new(diesel::dsl::exists(
            of_ticket.filter(
                status(Status::Running)
                    .and(ticket_sla::warn_at.gt(Ts(now)))
                    .and(ticket_sla::due_at.gt(Ts(now))),
            ),
        )),
    }
}

/// Open tickets that should have been resolved before `at`: a question that was asked in time pauses the
/// clock, so that nothing is overdue while it waits.
pub(crate) fn is_due_before(at: Timestamp) -> RowCondition {
    let is_paused = dialect::fixed::<Bool>(PAUSED_IN_TIME);
    Box::new(tickets::due_at.lt(Ts(at)).and(diesel::dsl::not(is_paused)))
}

/// The ticket waits for its requester, who was asked before it was due.
pub(crate) const PAUSED_IN_TIME: &str = "(state = 'awaiting-info' AND due_at > state_since)";
