//! The feed of what happened, for programs and screens: thin rows, in an order that never changes.
//!
//! A row is written in the transaction of what it tells, and gets its place afterwards, when it is
//! committed (`docs/adr/0019`). Invariant: places are 1, 2, 3 … without holes, and a place is
//! visible only together with every earlier one; so nobody who read on can have missed one.

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use domain::codes::AuthorityCode;
use domain::ids::TicketId;
use domain::visibility::Scope;
use jiff::Timestamp;
use serde_json::Value;

use crate::schema::{changes, counters};
use crate::sql_types::{Id, Json, Ts};
use crate::together::Row;
use crate::{DbConnection, StoreError, dialect, trail};

/// Something that happened, as it is told: ids and codes, nothing personal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// What, as in the annex of `domain.md`.
    pub kind: String,
    /// The desk it concerns; none: all of them.
    pub desk: Option<AuthorityCode>,
    /// The desk that had the ticket until then, if it went from one to the other.
    pub former_desk: Option<AuthorityCode>,
    /// The ticket.
    pub ticket: Option<TicketId>,
    /// The entry of its history.
    pub seq: Option<i64>,
    /// The id of what else it is about.
    pub subject: Option<String>,
    /// More codes and ids.
    pub data: Value,
}

/// A row of the feed that has its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its place.
    pub position: i64,
    /// When it happened.
    pub at: Timestamp,
    /// What.
    pub news: News,
}

/// The name of the counter that holds the last place given.
const COUNTER: &str = "changes";
/// The name of the counter that holds the first place still kept.
const OLDEST: &str = "changes-kept";

#[derive(Insertable)]
#[diesel(table_name = changes, treat_none_as_default_value = false)]
struct NewRow {
    at: Ts,
    kind: String,
    desk: Option<String>,
    former_desk: Option<String>,
    ticket_id: Option<Id>,
    seq: Option<i64>,
    subject: Option<String>,
    detail: Json,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = changes)]
struct ChangeRow {
    position: Option<i64>,
    at: Ts,
    kind: String,
    desk: Option<String>,
    former_desk: Option<String>,
    ticket_id: Option<Id>,
    seq: Option<i64>,
    subject: Option<String>,
    detail: Json,
}

/// Writes a row, in the transaction of what it tells.
pub fn put(conn: &mut DbConnection, news: &News, at: Timestamp) -> Result<(), StoreError> {
    diesel::insert_into(changes::table)
        .values(NewRow::new(news, at))
        .execute(conn)?;
    Ok(())
}

/// The row, to be written with what it tells.
pub(crate) fn row_of(news: &News, at: Timestamp) -> Box<dyn Row> {
    Box::new(diesel::insert_into(changes::table).values(NewRow::new(news, at)))
}

impl NewRow {
    fn new(news: &News, at: Timestamp) -> Self {
        let code =
            |desk: &Option<AuthorityCode>| desk.as_ref().map(|code| code.as_str().to_owned());
        NewRow {
            at: Ts(at),
            kind: news.kind.clone(),
            desk: code(&news.desk),
            former_desk: code(&news.former_desk),
            ticket_id: news.ticket.map(|id| Id(id.uuid())),
            seq: news.seq,
            subject: news.subject.clone(),
            detail: Json(news.data.clone()),
        }
    }
}

/// Whether a committed row has no place yet.
pub fn has_unplaced(conn: &mut DbConnection) -> Result<bool, StoreError> {
    let unplaced = changes::table.filter(changes::position.is_null());
    Ok(diesel::select(diesel::dsl::exists(unplaced)).get_result(conn)?)
}

/// Gives up to `limit` committed rows their places, after all that have one; the answer is how
/// many. Those who do so follow each other, so that no place is given twice and an earlier one is
/// committed before a later one is given.
pub fn place(conn: &mut DbConnection, limit: i64) -> Result<usize, StoreError> {
    dialect::follow_each_other(conn, COUNTER)?;
    let counter = counters::table.find(COUNTER);
    let last = counter
        .select(counters::value)
        .first::<i64>(conn)
        .optional()?;
    if last.is_none() {
        let start = (counters::name.eq(COUNTER), counters::value.eq(0));
        diesel::insert_into(counters::table)
            .values(start)
            .execute(conn)?;
    }
    let last = last.unwrap_or(0);
    // Rows of one ticket arrived in the order of its history, because each change of it waits for
    // the one before.
    let placed = diesel::sql_query(
        "UPDATE changes SET position = $1 + fresh.nth FROM (SELECT arrival, \
         row_number() OVER (ORDER BY arrival) AS nth FROM changes WHERE position IS NULL \
         ORDER BY arrival LIMIT $2) AS fresh WHERE changes.arrival = fresh.arrival",
    )
    .bind::<BigInt, _>(last)
    .bind::<BigInt, _>(limit)
    .execute(conn)?;
    diesel::update(counter)
        .set(counters::value.eq(last.saturating_add_unsigned(u64::try_from(placed).unwrap_or(0))))
        .execute(conn)?;
    Ok(placed)
}

/// The last place given; 0 before the first.
pub fn last_position(conn: &mut DbConnection) -> Result<i64, StoreError> {
    let found = counters::table
        .find(COUNTER)
        .select(counters::value)
        .first::<i64>(conn)
        .optional()?;
    Ok(found.unwrap_or(0))
}

/// The first place that is still kept, or the next one to be given if none is. Counts the rows
/// that a scope hides, too.
pub fn oldest_kept(conn: &mut DbConnection) -> Result<i64, StoreError> {
    let found = counters::table
        .find(OLDEST)
        .select(counters::value)
        .first::<i64>(conn)
        .optional()?;
    Ok(found.unwrap_or(1))
}

/// Rows after a place that `scope` may see, in order.
pub fn list(
    conn: &mut DbConnection,
    scope: &Scope,
    after: i64,
    limit: i64,
) -> Result<Vec<Change>, StoreError> {
    let mut query = changes::table
        .filter(changes::position.is_not_null())
        .filter(changes::position.assume_not_null().gt(after))
        .select(ChangeRow::as_select())
        .into_boxed();
    match scope {
        Scope::Region(_) | Scope::System => {}
        Scope::Authority(code) => {
            let code = code.as_str().to_owned();
            query = query.filter(
                changes::desk
                    .is_null()
                    .or(changes::desk.assume_not_null().eq(code.clone()))
                    .or(changes::former_desk.assume_not_null().eq(code)),
            );
        }
        // What happens to the activities that were opened to it.
        Scope::Technical(code) => {
            query = query
                .filter(changes::desk.assume_not_null().eq(code.as_str().to_owned()))
                .filter(changes::kind.like("activity.%"));
        }
        Scope::Citizen { .. } | Scope::Tracking(_) | Scope::Granted(_) | Scope::Nothing => {
            return Ok(Vec::new());
        }
    }
    let rows = query
        .order(changes::position.asc())
        .limit(limit)
        .load::<ChangeRow>(conn)?;
    Ok(rows.into_iter().map(ChangeRow::into_change).collect())
}

/// Forgets placed rows from before `before`, `most` of them at a time, the oldest first.
pub fn delete_old(
    conn: &mut DbConnection,
    before: Timestamp,
    most: i64,
) -> Result<usize, StoreError> {
    let old = changes::table
        .filter(changes::position.is_not_null())
        .filter(changes::at.lt(Ts(before)))
        .order(changes::position.asc())
        .select((changes::arrival, changes::position.assume_not_null()))
        .limit(most)
        .load::<(i64, i64)>(conn)?;
    let Some((_, last)) = old.last() else {
        return Ok(0);
    };
    let kept = (counters::name.eq(OLDEST), counters::value.eq(last + 1));
    let kept = diesel::insert_into(counters::table).values(kept);
    dialect::upsert(kept, &["name"], &["value"]).execute(conn)?;
    let old: Vec<i64> = old.iter().map(|(arrival, _)| *arrival).collect();
    Ok(diesel::delete(changes::table.filter(changes::arrival.eq_any(old))).execute(conn)?)
}

impl ChangeRow {
    fn into_change(self) -> Change {
        if let Some(id) = self.ticket_id {
            trail::note_ticket(TicketId::new(id.0));
        }
        Change {
            position: self.position.unwrap_or(0),
            at: self.at.0,
            news: News {
                kind: self.kind,
                desk: self.desk.map(|code| code.as_str().into()),
                former_desk: self.former_desk.map(|code| code.as_str().into()),
                ticket: self.ticket_id.map(|id| TicketId::new(id.0)),
                seq: self.seq,
                subject: self.subject,
                data: self.detail.0,
            },
        }
    }
}
