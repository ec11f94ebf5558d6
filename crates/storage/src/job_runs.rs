//! How the jobs of all nodes fare, and the pauses that a leaping clock brings about.

use diesel::prelude::*;
use domain::ids::AccountId;
use jiff::Timestamp;
use uuid::Uuid;

use crate::schema::{job_runs, scheduler_pauses};
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, dialect};

/// How a job fares, on whichever node it ran last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRun {
    /// Which job.
    pub job: String,
    /// The node it ran on last.
    pub node: String,
    /// When it began last.
    pub started_at: Timestamp,
    /// When it last did all it should.
    pub succeeded_at: Option<Timestamp>,
    /// When it last did not.
    pub failed_at: Option<Timestamp>,
    /// Why, the last time.
    pub last_error: Option<String>,
    /// How often it ran.
    pub runs: i64,
    /// How often it failed.
    pub failures: i64,
}

/// Mass actions wait because a clock leapt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Which.
    pub id: Uuid,
    /// Since when, by the clock that leapt.
    pub paused_at: Timestamp,
    /// The node whose clock it was.
    pub node: String,
    /// What its clock should have shown.
    pub clock_before: Timestamp,
    /// What it showed.
    pub clock_after: Timestamp,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = job_runs, treat_none_as_default_value = false)]
struct RunRow {
    job: String,
    node: String,
    started_at: Ts,
    succeeded_at: Option<Ts>,
    failed_at: Option<Ts>,
    last_error: Option<String>,
    runs: i64,
    failures: i64,
}

/// Notes a run that began at `started_at` and went well, or failed for a reason.
pub fn note_run(
    conn: &mut DbConnection,
    job: &str,
    node: &str,
    started_at: Timestamp,
    now: Timestamp,
    error: Option<&str>,
) -> Result<(), StoreError> {
    let begin = diesel::insert_into(job_runs::table).values(RunRow {
        job: job.to_owned(),
        node: node.to_owned(),
        started_at: Ts(started_at),
        succeeded_at: None,
        failed_at: None,
        last_error: None,
        runs: 0,
        failures: 0,
    });
    dialect::upsert(begin, &["job"], &["node", "started_at"]).execute(conn)?;
    let row = job_runs::table.find(job.to_owned());
    match error {
        None => diesel::update(row)
            .set((
                job_runs::runs.eq(job_runs::runs + 1),
                job_runs::succeeded_at.eq(Some(Ts(now))),
            ))
            .execute(conn)?,
        Some(error) => diesel::update(row)
            .set((
                job_runs::runs.eq(job_runs::runs + 1),
                job_runs::failures.eq(job_runs::failures + 1),
                job_runs::failed_at.eq(Some(Ts(now))),
                job_runs::last_error.eq(Some(error.to_owned())),
            ))
            .execute(conn)?,
    };
    Ok(())
}

/// All jobs that ever ran, by name.
pub fn list(conn: &mut DbConnection) -> Result<Vec<JobRun>, StoreError> {
    let rows = job_runs::table
        .order(job_runs::job.asc())
        .select(RunRow::as_select())
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|row: RunRow| JobRun {
            job: row.job,
            node: row.node,
            started_at: row.started_at.0,
            succeeded_at: row.succeeded_at.map(|at| at.0),
            failed_at: row.failed_at.map(|at| at.0),
            last_error: row.last_error,
            runs: row.runs,
            failures: row.failures,
        })
        .collect())
}

/// Begins a pause.
pub fn pause(conn: &mut DbConnection, pause: &Pause) -> Result<(), StoreError> {
    diesel::insert_into(scheduler_pauses::table)
        .values((
            scheduler_pauses::id.eq(Id(pause.id)),
            scheduler_pauses::paused_at.eq(Ts(pause.paused_at)),
            scheduler_pauses::node.eq(pause.node.clone()),
            scheduler_pauses::clock_before.eq(Ts(pause.clock_before)),
            scheduler_pauses::clock_after.eq(Ts(pause.clock_after)),
        ))
        .execute(conn)?;
    Ok(())
}

/// The pause that holds, the first if there are several.
pub fn find_pause(conn: &mut DbConnection) -> Result<Option<Pause>, StoreError> {
    let found = scheduler_pauses::table
        .filter(scheduler_pauses::resumed_at.is_null())
        .order((
            scheduler_pauses::paused_at.asc(),
            scheduler_pauses::id.asc(),
        ))
        .select((
            scheduler_pauses::id,
            scheduler_pauses::paused_at,
            scheduler_pauses::node,
            scheduler_pauses::clock_before,
            scheduler_pauses::clock_after,
        ))
        .first::<(Id, Ts, String, Ts, Ts)>(conn)
        .optional()?;
    Ok(found.map(|(id, at, node, before, after)| Pause {
        id: id.0,
        paused_at: at.0,
        node,
        clock_before: before.0,
        clock_after: after.0,
    }))
}

/// Ends every pause; the answer is how many there were. `by` is nobody at the command line.
pub fn resume(
    conn: &mut DbConnection,
    by: Option<AccountId>,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let open = scheduler_pauses::table.filter(scheduler_pauses::resumed_at.is_null());
    Ok(diesel::update(open)
        .set((
            scheduler_pauses::resumed_at.eq(Some(Ts(now))),
            scheduler_pauses::resumed_by.eq(by.map(|id| Id(id.uuid()))),
        ))
        .execute(conn)?)
}
