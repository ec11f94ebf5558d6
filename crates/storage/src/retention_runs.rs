//! Runs of retention and the proof of each. A run is never deleted; it changes only on its way to done.

use diesel::prelude::*;
use domain::codes::AuthorityCode;
use domain::ids::RetentionRunId;
use jiff::Timestamp;

use crate::schema::retention_runs;
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, dialect};

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// It would do more than is usual, and waits for a person.
    Waiting,
    /// It goes on, here or wherever a node takes it up.
    Running,
    /// It is over.
    Done,
}

impl RunState {
    /// The code in rows and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            RunState::Waiting => "waiting",
            RunState::Running => "running",
            RunState::Done => "done",
        }
    }

    fn from_code(code: &str) -> Option<Self> {
        [RunState::Waiting, RunState::Running, RunState::Done]
            .into_iter()
            .find(|state| state.as_str() == code)
    }
}

/// A run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its id.
    pub id: RetentionRunId,
    /// Where it stands.
    pub state: RunState,
    /// What was due by then is done.
    pub due_by: Timestamp,
    /// The one authority it is about; none for all.
    pub authority: Option<AuthorityCode>,
    /// The node that began it.
    pub node: String,
    /// When.
    pub started_at: Timestamp,
    /// The versions of the schedules it goes by, as JSON.
    pub schedules: String,
    /// How many were due when it began.
    pub due: i64,
    /// How many there were that named somebody.
    pub in_stock: i64,
    /// When a person said that it may do so much.
    pub confirmed_at: Option<Timestamp>,
    /// What it did; none before it is done.
    pub proof: Option<Proof>,
}

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// When it was over.
    pub ended_at: Timestamp,
    /// Counts by kind, class and authority, as JSON.
    pub counts: String,
    /// What was due and kept, and why, as JSON.
    pub kept: String,
    /// A keyed digest over what went.
    pub digest: String,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = retention_runs, treat_none_as_default_value = false)]
struct RunRow {
    id: Id,
    state: String,
    due_by: Ts,
    authority_code: Option<String>,
    node: String,
    started_at: Ts,
    schedules: String,
    due: i64,
    in_stock: i64,
    confirmed_at: Option<Ts>,
    ended_at: Option<Ts>,
    counts: Option<String>,
    kept: Option<String>,
    digest: Option<String>,
}

/// Begins a run.
pub fn insert(conn: &mut DbConnection, run: &Run) -> Result<(), StoreError> {
    diesel::insert_into(retention_runs::table)
        .values(RunRow {
            id: Id(run.id.uuid()),
            state: run.state.as_str().to_owned(),
            due_by: Ts(run.due_by),
            authority_code: run.authority.as_ref().map(ToString::to_string),
            node: run.node.clone(),
            started_at: Ts(run.started_at),
            schedules: run.schedules.clone(),
            due: run.due,
            in_stock: run.in_stock,
            confirmed_at: run.confirmed_at.map(Ts),
            ended_at: None,
            counts: None,
            kept: None,
            digest: None,
        })
        .execute(conn)?;
    Ok(())
}

/// The run that is not over, the oldest if there are several.
pub fn find_open(conn: &mut DbConnection) -> Result<Option<Run>, StoreError> {
    let row = retention_runs::table
        .filter(retention_runs::ended_at.is_null())
        .order((retention_runs::started_at.asc(), retention_runs::id.asc()))
        .select(RunRow::as_select())
        .first(conn)
        .optional()?;
    row.map(into_run).transpose()
}

/// One run.
pub fn find(conn: &mut DbConnection, id: RetentionRunId) -> Result<Option<Run>, StoreError> {
    let row = retention_runs::table
        .find(Id(id.uuid()))
        .select(RunRow::as_select())
        .first(conn)
        .optional()?;
    row.map(into_run).transpose()
}

/// A page of runs, the newest first, after the one that the page before ended with.
pub fn list(
    conn: &mut DbConnection,
    after: Option<(Timestamp, RetentionRunId)>,
    limit: i64,
) -> Result<Vec<Run>, StoreError> {
    let mut query = retention_runs::table
        .select(RunRow::as_select())
        .into_boxed();
    if let Some((at, id)) = after {
        let keys = (retention_runs::started_at, retention_runs::id);
        query = query.filter(dialect::before(keys, Ts(at), Id(id.uuid())));
    }
    let rows: Vec<RunRow> = query
        .order((retention_runs::started_at.desc(), retention_runs::id.desc()))
        .limit(limit)
        .load(conn)?;
    rows.into_iter().map(into_run).collect()
}

/// Lets a run go on that waits for a person.
pub fn confirm(
    conn: &mut DbConnection,
    id: RetentionRunId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let row = retention_runs::table
        .find(Id(id.uuid()))
        .filter(retention_runs::state.eq(RunState::Waiting.as_str()));
    diesel::update(row)
        .set((
            retention_runs::state.eq(RunState::Running.as_str()),
            retention_runs::confirmed_at.eq(Some(Ts(now))),
        ))
        .execute(conn)?;
    Ok(())
}

/// Brings a run that waits up to date: what was due may have become less, or be usual by now.
pub fn recount(conn: &mut DbConnection, run: &Run) -> Result<(), StoreError> {
    let row = retention_runs::table
        .find(Id(run.id.uuid()))
        .filter(retention_runs::state.eq(RunState::Waiting.as_str()));
    diesel::update(row)
        .set((
            retention_runs::state.eq(run.state.as_str()),
            retention_runs::due_by.eq(Ts(run.due_by)),
            retention_runs::schedules.eq(run.schedules.clone()),
            retention_runs::due.eq(run.due),
            retention_runs::in_stock.eq(run.in_stock),
        ))
        .execute(conn)?;
    Ok(())
}

/// Ends a run, unless another node did: then the answer is `false`.
pub fn finish(
    conn: &mut DbConnection,
    id: RetentionRunId,
    proof: &Proof,
) -> Result<bool, StoreError> {
    let row = retention_runs::table
        .find(Id(id.uuid()))
        .filter(retention_runs::state.eq(RunState::Running.as_str()));
    let ended = diesel::update(row)
        .set((
            retention_runs::state.eq(RunState::Done.as_str()),
            retention_runs::ended_at.eq(Some(Ts(proof.ended_at))),
            retention_runs::counts.eq(Some(proof.counts.clone())),
            retention_runs::kept.eq(Some(proof.kept.clone())),
            retention_runs::digest.eq(Some(proof.digest.clone())),
        ))
        .execute(conn)?;
    Ok(ended == 1)
}

fn into_run(row: RunRow) -> Result<Run, StoreError> {
    let id = row.id.0;
    let corrupt = |column| StoreError::Corrupt {
        table: "retention_runs",
        id: id.to_string(),
        column,
    };
    let proof = match (row.ended_at, row.counts, row.kept, row.digest) {
        (Some(ended_at), Some(counts), Some(kept), Some(digest)) => Some(Proof {
            ended_at: ended_at.0,
            counts,
            kept,
            digest,
        }),
        _ => None,
    };
    Ok(Run {
        id: RetentionRunId::new(id),
        state: RunState::from_code(&row.state).ok_or_else(|| corrupt("state"))?,
        due_by: row.due_by.0,
        authority: row.authority_code.as_deref().map(AuthorityCode::from),
        node: row.node,
        started_at: row.started_at.0,
        schedules: row.schedules,
        due: row.due,
        in_stock: row.in_stock,
        confirmed_at: row.confirmed_at.map(|at| at.0),
        proof,
    })
}
