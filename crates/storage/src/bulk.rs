//! One action on many tickets: what is to be done, how far it is, and what became of each ticket.
//!
//! Invariant: a result is written in the transaction that changes its ticket, so that whoever finds
//! it need not do that again; and a job's action, which holds a note, is gone when the job has ended.

use diesel::prelude::*;
use domain::codes::AuthorityCode;
use domain::ids::{AccountId, BulkJobId, PlacementId, TicketId, TicketNumber};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::schema::{bulk_jobs, bulk_pages, bulk_results};
use crate::sealing::{Place, SealedText};
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, dialect, trail};

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobState {
    /// There is something left to do.
    Running,
    /// Every ticket had its turn.
    Done,
    /// Somebody said that the rest is to be left.
    Cancelled,
    /// Whoever began it may not work at the desk any more.
    Stopped,
}

impl JobState {
    /// Every state.
    pub const ALL: [JobState; 4] = [
        JobState::Running,
        JobState::Done,
        JobState::Cancelled,
        JobState::Stopped,
    ];

    /// The code used in the API and in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            JobState::Running => "running",
            JobState::Done => "done",
            JobState::Cancelled => "cancelled",
            JobState::Stopped => "stopped",
        }
    }

    /// The state with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        JobState::ALL
            .into_iter()
            .find(|state| state.as_str() == code)
    }
}

/// An action on many tickets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its id.
    pub id: BulkJobId,
    /// The desk it is done for.
    pub desk: AuthorityCode,
    /// On whose behalf.
    pub account: AccountId,
    /// In which placement.
    pub placement: PlacementId,
    /// Whether it is worked without anybody waiting for the answer.
    pub in_background: bool,
    /// Where it stands.
    pub state: JobState,
    /// Tickets it names.
    pub total: i64,
    /// Those it reached; not counted while somebody waits for the answer.
    pub done: i64,
    /// Those it could not.
    pub failed: i64,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

impl Job {
    /// The place of the ticket whose turn is next.
    pub const fn position(&self) -> i64 {
        self.done + self.failed
    }
}

/// What became of a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemResult {
    /// Its place in the call, from 0.
    pub position: i64,
    /// As it was named.
    pub named: String,
    /// Its number, if it is in reach.
    pub number: Option<TicketNumber>,
    /// The ticket, if the action reached it.
    pub reached: Option<TicketId>,
    /// Its version now, if whoever asks may know it.
    pub version: Option<i64>,
    /// Why nothing was done, as it is told to people in each language.
    pub problem: Option<String>,
    /// When.
    pub at: Timestamp,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = bulk_jobs, treat_none_as_default_value = false)]
struct JobRow {
    id: Id,
    desk: String,
    account_id: Id,
    placement_id: Id,
    in_background: bool,
    state: String,
    total: i64,
    done: i64,
    failed: i64,
    created_at: Ts,
    ended_at: Option<Ts>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = bulk_results, treat_none_as_default_value = false)]
struct ResultRow {
    job_id: Id,
    position: i64,
    named: String,
    number: Option<String>,
    reached_id: Option<Id>,
    version: Option<i64>,
    problem: Option<String>,
    at: Ts,
}

/// Begins a job, unless it was begun before. `action` is what is still to be done.
pub fn begin(conn: &mut DbConnection, job: &Job, action: Option<&str>) -> Result<(), StoreError> {
    let row = JobRow {
        id: Id(job.id.uuid()),
        desk: job.desk.to_string(),
        account_id: Id(job.account.uuid()),
        placement_id: Id(job.placement.uuid()),
        in_background: job.in_background,
        state: job.state.as_str().to_owned(),
        total: job.total,
        done: job.done,
        failed: job.failed,
        created_at: Ts(job.created_at),
        ended_at: job.ended_at.map(Ts),
    };
    let row = diesel::insert_into(bulk_jobs::table).values(row);
    let added = dialect::insert_if_absent(row, &["id"]).execute(conn)?;
    if let (1, Some(action)) = (added, action) {
        let id = job.id.uuid();
        let at = Place::new("bulk_jobs", id.as_bytes());
        let sealed = at.seal(job.desk.as_str(), "action", action)?;
        diesel::update(bulk_jobs::table.find(Id(id)))
            .set(bulk_jobs::action.eq(Some(sealed)))
            .execute(conn)?;
    }
    Ok(())
}

/// Keeps a page of what a job is to work on.
pub fn insert_page(
    conn: &mut DbConnection,
    job: BulkJobId,
    page: i64,
    items: &str,
) -> Result<(), StoreError> {
    let values = (
        bulk_pages::job_id.eq(Id(job.uuid())),
        bulk_pages::page.eq(page),
        bulk_pages::items.eq(items.to_owned()),
    );
    diesel::insert_into(bulk_pages::table)
        .values(values)
        .execute(conn)?;
    Ok(())
}

/// A page of what a job is to work on.
pub fn find_page(
    conn: &mut DbConnection,
    job: BulkJobId,
    page: i64,
) -> Result<Option<String>, StoreError> {
    Ok(bulk_pages::table
        .find((Id(job.uuid()), page))
        .select(bulk_pages::items)
        .first(conn)
        .optional()?)
}

/// The job with this id.
pub fn find(conn: &mut DbConnection, id: BulkJobId) -> Result<Option<Job>, StoreError> {
    let row = bulk_jobs::table
        .find(Id(id.uuid()))
        .select(JobRow::as_select())
        .first(conn)
        .optional()?;
    row.map(into_job).transpose()
}

/// What a job that has not ended is to do.
pub fn find_action(conn: &mut DbConnection, id: BulkJobId) -> Result<Option<String>, StoreError> {
    let found = bulk_jobs::table
        .find(Id(id.uuid()))
        .select(bulk_jobs::action)
        .first::<Option<SealedText>>(conn)
        .optional()?;
    let at = id.uuid();
    let open = |sealed| Place::new("bulk_jobs", at.as_bytes()).open("action", &sealed);
    found.flatten().map(open).transpose()
}

/// How many jobs of somebody have not ended, for who is about to begin another: until the
/// transaction ends nobody else gets an answer.
pub fn count_running(conn: &mut DbConnection, account: AccountId) -> Result<i64, StoreError> {
    dialect::follow_each_other(conn, &format!("bulk jobs of {account}"))?;
    Ok(bulk_jobs::table
        .filter(bulk_jobs::account_id.eq(Id(account.uuid())))
        .filter(bulk_jobs::state.eq("running"))
        .count()
        .get_result(conn)?)
}

/// Whether a job's action has reached a ticket, whatever it was called.
pub fn has_reached(
    conn: &mut DbConnection,
    job: BulkJobId,
    ticket: TicketId,
) -> Result<bool, StoreError> {
    let found = bulk_results::table
        .filter(bulk_results::job_id.eq(Id(job.uuid())))
        .filter(bulk_results::reached_id.eq(Some(Id(ticket.uuid()))));
    Ok(diesel::select(diesel::dsl::exists(found)).get_result(conn)?)
}

/// Notes what became of a ticket. False if that is known already.
pub fn insert_result(
    conn: &mut DbConnection,
    job: BulkJobId,
    result: &ItemResult,
) -> Result<bool, StoreError> {
    let row = diesel::insert_into(bulk_results::table).values(ResultRow {
        job_id: Id(job.uuid()),
        position: result.position,
        named: result.named.clone(),
        number: result.number.as_ref().map(ToString::to_string),
        reached_id: result.reached.map(|id| Id(id.uuid())),
        version: result.version,
        problem: result.problem.clone(),
        at: Ts(result.at),
    });
    let added = dialect::insert_if_absent(row, &["job_id", "position"]).execute(conn)?;
    Ok(added == 1)
}

/// What became of the tickets, in the order they were named, after the place that the page before
/// ended with.
pub fn list_results(
    conn: &mut DbConnection,
    job: BulkJobId,
    after: Option<i64>,
    limit: i64,
) -> Result<Vec<ItemResult>, StoreError> {
    let mut query = bulk_results::table
        .filter(bulk_results::job_id.eq(Id(job.uuid())))
        .select(ResultRow::as_select())
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(bulk_results::position.gt(after));
    }
    let rows = query
        .order(bulk_results::position.asc())
        .limit(limit)
        .load(conn)?;
    Ok(rows.into_iter().map(into_result).collect())
}

/// Counts a ticket that had its turn. False if the job has ended meanwhile.
pub fn advance(
    conn: &mut DbConnection,
    id: BulkJobId,
    has_failed: bool,
) -> Result<bool, StoreError> {
    let (done, failed) = match has_failed {
        true => (0, 1),
        false => (1, 0),
    };
    let running = bulk_jobs::table
        .find(Id(id.uuid()))
        .filter(bulk_jobs::state.eq("running"));
    let changed = diesel::update(running)
        .set((
            bulk_jobs::done.eq(bulk_jobs::done + done),
            bulk_jobs::failed.eq(bulk_jobs::failed + failed),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

/// Ends a job, and forgets what it was to do. One that has ended stays as it is.
pub fn end(
    conn: &mut DbConnection,
    id: BulkJobId,
    state: JobState,
    now: Timestamp,
) -> Result<(), StoreError> {
    let running = bulk_jobs::table
        .find(Id(id.uuid()))
        .filter(bulk_jobs::state.eq("running"));
    diesel::update(running)
        .set((
            bulk_jobs::state.eq(state.as_str()),
            bulk_jobs::action.eq(None::<String>),
            bulk_jobs::ended_at.eq(Some(Ts(now))),
        ))
        .execute(conn)?;
    Ok(())
}

/// Forgets a job and what became of its tickets.
pub fn delete(conn: &mut DbConnection, id: BulkJobId) -> Result<(), StoreError> {
    let id = Id(id.uuid());
    diesel::delete(bulk_results::table.filter(bulk_results::job_id.eq(id))).execute(conn)?;
    diesel::delete(bulk_pages::table.filter(bulk_pages::job_id.eq(id))).execute(conn)?;
    diesel::delete(bulk_jobs::table.find(id)).execute(conn)?;
    Ok(())
}

/// Forgets jobs that ended before `before`, `most` of them at a time.
pub fn delete_old(
    conn: &mut DbConnection,
    before: Timestamp,
    most: i64,
) -> Result<usize, StoreError> {
    let old = bulk_jobs::table
        .filter(bulk_jobs::ended_at.is_not_null())
        .filter(bulk_jobs::ended_at.assume_not_null().lt(Ts(before)))
        .select(bulk_jobs::id)
        .limit(most)
        .load::<Id>(conn)?;
    for id in &old {
        delete(conn, BulkJobId::new(id.0))?;
    }
    Ok(old.len())
}

fn into_job(row: JobRow) -> Result<Job, StoreError> {
    let state = JobState::from_code(&row.state).ok_or_else(|| StoreError::Corrupt {
        table: "bulk_jobs",
        id: row.id.0.to_string(),
        column: "state",
    })?;
    Ok(Job {
        id: BulkJobId::new(row.id.0),
        desk: row.desk.as_str().into(),
        account: AccountId::new(row.account_id.0),
        placement: PlacementId::new(row.placement_id.0),
        in_background: row.in_background,
        state,
        total: row.total,
        done: row.done,
        failed: row.failed,
        created_at: row.created_at.0,
        ended_at: row.ended_at.map(|at| at.0),
    })
}

fn into_result(row: ResultRow) -> ItemResult {
    if let Some(id) = row.reached_id {
        trail::note_ticket(TicketId::new(id.0));
    }
    ItemResult {
        position: row.position,
        named: row.named,
        number: row.number.map(TicketNumber::from_stored),
        reached: row.reached_id.map(|id| TicketId::new(id.0)),
        version: row.version,
        problem: row.problem,
        at: row.at.0,
    }
}
