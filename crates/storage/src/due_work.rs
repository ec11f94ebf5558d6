//! Work that is to be done at a time, a row each: what, about which row, from when on.
//!
//! Claimed by lease: whoever sets `leased_until` and raises `fence` may do it until then, and only
//! the holder of the present fence may finish it. Setting a row anew raises the fence, too, so that
//! work which was under way for an older time cannot take away the newer one.

use diesel::prelude::*;
use jiff::Timestamp;
use uuid::Uuid;

use crate::prepared::prepared;
use crate::schema::due_work;
use crate::sql_types::{Id, Ts};
use crate::together::Row;
use crate::{DbConnection, StoreError, dialect};

/// A claimed piece of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// What is to be done.
    pub kind: String,
    /// About which row.
    pub subject: Uuid,
    /// Since when it is due.
    pub due_at: Timestamp,
    /// Tries so far, this one included.
    pub attempts: i32,
    fence: i64,
}

/// How much work of a kind waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backlog {
    /// Which kind.
    pub kind: String,
    /// Pieces that are due now.
    pub due: i64,
    /// Since when the oldest of them is.
    pub oldest_due_at: Option<Timestamp>,
    /// Pieces given up after too many tries.
    pub parked: i64,
}

#[derive(Insertable)]
#[diesel(table_name = due_work, treat_none_as_default_value = false)]
struct WorkRow {
    kind: String,
    subject: Id,
    due_at: Ts,
    leased_until: Option<Ts>,
    fence: i64,
    attempts: i32,
    last_error: Option<String>,
    parked_at: Option<Ts>,
}

/// Has the work done from `due_at` on, instead of whenever it was due before.
pub fn set(
    conn: &mut DbConnection,
    kind: &str,
    subject: Uuid,
    due_at: Timestamp,
) -> Result<(), StoreError> {
    let update = diesel::update(due_work::table.find((kind.to_owned(), Id(subject)))).set((
        due_work::due_at.eq(Ts(due_at)),
        due_work::fence.eq(due_work::fence + 1),
        due_work::leased_until.eq(None::<Ts>),
        due_work::attempts.eq(0),
        due_work::last_error.eq(None::<String>),
        due_work::parked_at.eq(None::<Ts>),
    ));
    let moved: Option<i64> = prepared(update.returning(due_work::fence))
        .get_result(conn)
        .optional()?;
    match moved {
        Some(_) => Ok(()),
        None => set_first(conn, kind, subject, due_at),
    }
}

/// The same for a subject that has no such work yet.
pub fn set_first(
    conn: &mut DbConnection,
    kind: &str,
    subject: Uuid,
    due_at: Timestamp,
) -> Result<(), StoreError> {
    let row = diesel::insert_into(due_work::table).values(WorkRow::new(kind, subject, due_at));
    // Of two that set it first at the same time, the later one wins.
    dialect::upsert(row, &["kind", "subject"], &["due_at"]).execute(conn)?;
    Ok(())
}

/// The row of a piece about a subject that is written with it.
pub(crate) fn row_of(kind: &str, subject: Uuid, due_at: Timestamp) -> Box<dyn Row> {
    let row = WorkRow::new(kind, subject, due_at);
    Box::new(diesel::insert_into(due_work::table).values(row))
}

impl WorkRow {
    fn new(kind: &str, subject: Uuid, due_at: Timestamp) -> Self {
        WorkRow {
            kind: kind.to_owned(),
            subject: Id(subject),
            due_at: Ts(due_at),
            leased_until: None,
            fence: 0,
            attempts: 0,
            last_error: None,
            parked_at: None,
        }
    }
}

/// The work needs not be done any more.
pub fn clear(conn: &mut DbConnection, kind: &str, subject: Uuid) -> Result<(), StoreError> {
    diesel::delete(due_work::table.find((kind.to_owned(), Id(subject)))).execute(conn)?;
    Ok(())
}

/// Takes up timers that a program of the version before left on tickets alone, `most` of them at a
/// time; the answer is how many.
pub fn adopt_timers(conn: &mut DbConnection, kind: &str, most: i64) -> Result<usize, StoreError> {
    Ok(diesel::sql_query(
        "INSERT INTO due_work (kind, subject, due_at, fence, attempts) \
         SELECT $1, id, timer_at, 0, 0 FROM tickets WHERE timer_at IS NOT NULL AND NOT EXISTS \
         (SELECT 1 FROM due_work WHERE due_work.kind = $2 AND due_work.subject = tickets.id) \
         LIMIT $3",
    )
    .bind::<diesel::sql_types::Text, _>(kind)
    .bind::<diesel::sql_types::Text, _>(kind)
    .bind::<diesel::sql_types::BigInt, _>(most)
    .execute(conn)?)
}

/// When the work is due, if it is to be done at all.
pub fn due_at(
    conn: &mut DbConnection,
    kind: &str,
    subject: Uuid,
) -> Result<Option<Timestamp>, StoreError> {
    let found = due_work::table
        .find((kind.to_owned(), Id(subject)))
        .select(due_work::due_at)
        .first::<Ts>(conn)
        .optional()?;
    Ok(found.map(|at| at.0))
}

/// Claims up to `limit` due pieces until `lease_end`, the longest overdue first. Fewer come back
/// when another node was faster; none means that nothing was due and free.
pub fn claim(
    conn: &mut DbConnection,
    now: Timestamp,
    lease_end: Timestamp,
    limit: i64,
) -> Result<Vec<Claimed>, StoreError> {
    let is_free = due_work::leased_until
        .is_null()
        .or(due_work::leased_until.assume_not_null().le(Ts(now)));
    let due = due_work::table
        .filter(due_work::parked_at.is_null())
        .filter(due_work::due_at.le(Ts(now)))
        .filter(is_free)
        .order((
            due_work::due_at.asc(),
            due_work::kind.asc(),
            due_work::subject.asc(),
        ))
        .select((
            due_work::kind,
            due_work::subject,
            due_work::due_at,
            due_work::fence,
            due_work::attempts,
        ))
        .limit(limit);
    let due = dialect::skip_locked(due).load::<(String, Id, Ts, i64, i32)>(conn)?;
    let mut claimed = Vec::with_capacity(due.len());
    for (kind, subject, due_at, fence, attempts) in due {
        let mine = due_work::table
            .find((kind.clone(), subject))
            .filter(due_work::fence.eq(fence));
        let changed = diesel::update(mine)
            .set((
                due_work::fence.eq(fence + 1),
                due_work::leased_until.eq(Some(Ts(lease_end))),
                due_work::attempts.eq(attempts + 1),
            ))
            .execute(conn)?;
        if changed == 1 {
            claimed.push(Claimed {
                kind,
                subject: subject.0,
                due_at: due_at.0,
                attempts: attempts + 1,
                fence: fence + 1,
            });
        }
    }
    Ok(claimed)
}

/// Whether the claim still holds. On PostgreSQL nobody else can claim the work until the
/// transaction ends, so that its effects and its end are one.
pub fn hold(conn: &mut DbConnection, work: &Claimed) -> Result<bool, StoreError> {
    let changed = diesel::update(held(work))
        .set(due_work::attempts.eq(work.attempts))
        .execute(conn)?;
    Ok(changed == 1)
}

/// The work is done. What was set anew meanwhile stays.
pub fn finish(conn: &mut DbConnection, work: &Claimed) -> Result<(), StoreError> {
    diesel::delete(held(work)).execute(conn)?;
    Ok(())
}

/// The work is done for now and to be done again at `next`.
pub fn postpone(
    conn: &mut DbConnection,
    work: &Claimed,
    next: Timestamp,
) -> Result<(), StoreError> {
    diesel::update(held(work))
        .set((
            due_work::due_at.eq(Ts(next)),
            due_work::fence.eq(work.fence + 1),
            due_work::leased_until.eq(None::<Ts>),
            due_work::attempts.eq(0),
            due_work::last_error.eq(None::<String>),
        ))
        .execute(conn)?;
    Ok(())
}

/// The work failed and is tried again at `next`, or is given up if there is none.
pub fn fail(
    conn: &mut DbConnection,
    work: &Claimed,
    reason: &str,
    next: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), StoreError> {
    diesel::update(held(work))
        .set((
            due_work::fence.eq(work.fence + 1),
            // Due since when it was: only its lease says when it is tried again.
            due_work::leased_until.eq(next.map(Ts)),
            due_work::last_error.eq(Some(reason.to_owned())),
            due_work::parked_at.eq(match next {
                Some(_) => None,
                None => Some(Ts(now)),
            }),
        ))
        .execute(conn)?;
    Ok(())
}

/// Gives claimed work back untried, as a stop does with what it did not come to.
pub fn give_back(conn: &mut DbConnection, work: &Claimed) -> Result<(), StoreError> {
    diesel::update(held(work))
        .set((
            due_work::fence.eq(work.fence + 1),
            due_work::leased_until.eq(None::<Ts>),
            due_work::attempts.eq(work.attempts - 1),
        ))
        .execute(conn)?;
    Ok(())
}

/// Has everything tried again that was given up; the answer is how much.
pub fn retry_parked(conn: &mut DbConnection) -> Result<usize, StoreError> {
    let parked = due_work::table.filter(due_work::parked_at.is_not_null());
    Ok(diesel::update(parked)
        .set((
            due_work::fence.eq(due_work::fence + 1),
            due_work::leased_until.eq(None::<Ts>),
            due_work::attempts.eq(0),
            due_work::parked_at.eq(None::<Ts>),
        ))
        .execute(conn)?)
}

/// What waits, by kind.
pub fn backlog(conn: &mut DbConnection, now: Timestamp) -> Result<Vec<Backlog>, StoreError> {
    let due = due_work::table
        .filter(due_work::parked_at.is_null())
        .filter(due_work::due_at.le(Ts(now)))
        .group_by(due_work::kind)
        .select((
            due_work::kind,
            diesel::dsl::count_star(),
            diesel::dsl::min(due_work::due_at),
        ))
        .load::<(String, i64, Option<Ts>)>(conn)?;
    let parked = due_work::table
        .filter(due_work::parked_at.is_not_null())
        .group_by(due_work::kind)
        .select((due_work::kind, diesel::dsl::count_star()))
        .load::<(String, i64)>(conn)?;
    let mut found: Vec<Backlog> = due
        .into_iter()
        .map(|(kind, due, oldest)| Backlog {
            kind,
            due,
            oldest_due_at: oldest.map(|at| at.0),
            parked: 0,
        })
        .collect();
    for (kind, count) in parked {
        match found.iter_mut().find(|one| one.kind == kind) {
            Some(one) => one.parked = count,
            None => found.push(Backlog {
                kind,
                due: 0,
                oldest_due_at: None,
                parked: count,
            }),
        }
    }
    found.sort_by(|one, other| one.kind.cmp(&other.kind));
    Ok(found)
}

#[diesel::dsl::auto_type]
fn held(work: &Claimed) -> _ {
    let subject: Id = Id(work.subject);
    let kind: String = work.kind.clone();
    let fence: i64 = work.fence;
    due_work::table
        .filter(due_work::kind.eq(kind))
        .filter(due_work::subject.eq(subject))
        .filter(due_work::fence.eq(fence))
}
