//! The counters of queues: kept, and right at every moment (ADR 0040).
//!
//! Triggers on `tickets` and `legs` add rows to `queue_deltas` in the transaction that changes a ticket, so
//! that no way of writing forgets them and none waits for another. [`fold`] adds them up in `queue_totals`.
//! Invariant: totals and deltas together, read in one statement, are what a count of the rows would find.

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, HasSqlType, Text};
use domain::actor::Assignee;
use domain::codes::AuthorityCode;
use domain::state::StateCode;
use jiff::Timestamp;

use crate::list::{IS_OPEN, IS_UNTOUCHED};
use crate::schema::{authorities, queue_deltas};
use crate::sla::PAUSED_IN_TIME;
use crate::sql_types::{Instant, Ts};
use crate::{DbConnection, StoreError, assignee, dialect};

/// Counters of a desk's queue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// How many stand in each state.
    pub by_state: Vec<(StateCode, i64)>,
    /// Open and owned by the asker.
    pub mine: i64,
    /// Open and owned by nobody.
    pub unassigned: i64,
    /// Somebody should look.
    pub needs_attention: i64,
    /// Nobody of the desk took charge yet.
    pub untouched: i64,
    /// Those of them that came from another desk.
    pub transferred_untouched: i64,
    /// Open and past the time they should be resolved by; those that wait for an answer since before are not.
    pub overdue: i64,
}

/// Hours of a day, and of the 30 days that `late-month` adds up.
const DAY: i64 = 24;
const MONTH: i64 = 30 * DAY;

/// Reads the counters of `desk`, in one statement of the caller's transaction, which
/// should be one by keys ([`crate::Db::read_keyed_in`]). What is overdue since before this hour is kept; this
/// hour's part of it is counted.
pub fn count(
    conn: &mut DbConnection,
    desk: &AuthorityCode,
    me: &Assignee,
    now: Timestamp,
) -> Result<Counters, StoreError> {
    let asked = Asked::new(desk, me, now);
    let rows: Vec<(String, String, i64)> = asked.load(conn)?;
    let mut counters = Counters::default();
    for (measure, code, total) in rows {
        match measure.as_str() {
            "state" => {
                let state = StateCode::from_code(&code).filter(|_| total != 0);
                counters.by_state.extend(state.map(|state| (state, total)));
                if matches!(state, Some(StateCode::New | StateCode::NotCompetent)) {
                    counters.untouched += total;
                }
            }
            "assignee" if code.is_empty() => counters.unassigned += total,
            "assignee" => counters.mine += total,
            "attention" => counters.needs_attention += total,
            "transferred" => counters.transferred_untouched += total,
            _ => counters.overdue += total,
        }
    }
    counters.by_state.sort();
    Ok(counters)
}

/// What a name in braces stands for is bound. A desk has few rows of each branch, however many its tickets:
/// of what is overdue at most 24 hours, 30 days, and a row for each 30 days before.
const COUNT: &str = "WITH fresh AS (SELECT state, needs_attention, is_transferred, assignee, late_hour, step \
     FROM queue_deltas WHERE custodian = {desk}) \
     SELECT measure, code, CAST(SUM(total) AS BIGINT) AS total FROM (\
     SELECT measure, code, total FROM queue_totals \
     WHERE custodian = {desk} AND measure IN ('state', 'attention', 'transferred') \
     UNION ALL SELECT measure, code, total FROM queue_totals \
     WHERE custodian = {desk} AND measure = 'assignee' AND code IN ('', {me}) \
     UNION ALL SELECT 'overdue', '', total FROM queue_totals \
     WHERE custodian = {desk} AND measure = 'late-month' AND code = '' AND hour < {month} \
     UNION ALL SELECT 'overdue', '', total FROM queue_totals \
     WHERE custodian = {desk} AND measure = 'late-day' AND code = '' AND hour >= {month} AND hour < {day} \
     UNION ALL SELECT 'overdue', '', total FROM queue_totals \
     WHERE custodian = {desk} AND measure = 'late-hour' AND code = '' AND hour >= {day} AND hour < {hour} \
     UNION ALL SELECT 'overdue', '', COUNT(*) FROM tickets \
     WHERE custodian = {desk} AND due_at >= {since} AND due_at < {now} AND {is-open} AND NOT {is-paused} \
     UNION ALL SELECT 'overdue', '', step FROM fresh WHERE late_hour < {hour} \
     UNION ALL SELECT 'state', state, step FROM fresh \
     UNION ALL SELECT 'attention', '', step FROM fresh WHERE needs_attention \
     UNION ALL SELECT 'transferred', '', step FROM fresh WHERE is_transferred \
     UNION ALL SELECT 'assignee', assignee, step FROM fresh WHERE assignee IN ('', {me})\
     ) AS kept GROUP BY measure, code";

/// The statement of [`count`]. Its text never changes, so that a connection prepares it once.
struct Asked {
    desk: String,
    me: String,
    month: i64,
    day: i64,
    hour: i64,
    since: Ts,
    now: Ts,
}

impl Asked {
    fn new(desk: &AuthorityCode, me: &Assignee, now: Timestamp) -> Self {
        let hour = now.as_second().div_euclid(3600);
        Asked {
            desk: desk.as_str().to_owned(),
            me: assignee::to_column(me),
            month: hour - hour % MONTH,
            day: hour - hour % DAY,
            hour,
            since: Ts(Timestamp::from_second(hour * 3600).unwrap_or(now)),
            now: Ts(now),
        }
    }
}

impl<DB> QueryFragment<DB> for Asked
where
    DB: Backend + HasSqlType<Text> + HasSqlType<BigInt> + HasSqlType<Instant>,
    String: ToSql<Text, DB>,
    i64: ToSql<BigInt, DB>,
    Ts: ToSql<Instant, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let mut pieces = COUNT.split(['{', '}']);
        while let Some(sql) = pieces.next() {
            out.push_sql(sql);
            match pieces.next() {
                Some("desk") => out.push_bind_param::<Text, _>(&self.desk)?,
                Some("me") => out.push_bind_param::<Text, _>(&self.me)?,
                Some("month") => out.push_bind_param::<BigInt, _>(&self.month)?,
                Some("day") => out.push_bind_param::<BigInt, _>(&self.day)?,
                Some("hour") => out.push_bind_param::<BigInt, _>(&self.hour)?,
                Some("since") => out.push_bind_param::<Instant, _>(&self.since)?,
                Some("now") => out.push_bind_param::<Instant, _>(&self.now)?,
                Some("is-open") => out.push_sql(IS_OPEN),
                Some("is-paused") => out.push_sql(PAUSED_IN_TIME),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Found by its text, like every statement of this crate that is written out.
impl QueryId for Asked {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Asked {
    type SqlType = (Text, Text, BigInt);
}

impl<C> RunQueryDsl<C> for Asked {}

#[derive(QueryableByName)]
struct Owned {
    #[diesel(sql_type = Text)]
    code: String,
    #[diesel(sql_type = BigInt)]
    total: i64,
}

/// How many open tickets of a desk each owner has, by the text of the column `assignee`.
pub(crate) fn list_owned(
    conn: &mut DbConnection,
    desk: &AuthorityCode,
) -> Result<Vec<(String, i64)>, StoreError> {
    let rows: Vec<Owned> = diesel::sql_query(
        "SELECT code, CAST(SUM(total) AS BIGINT) AS total FROM (\
         SELECT code, total FROM queue_totals \
         WHERE custodian = $1 AND measure = 'assignee' AND code <> '' \
         UNION ALL SELECT assignee, step FROM queue_deltas WHERE custodian = $1 AND assignee <> ''\
         ) AS kept GROUP BY code HAVING SUM(total) > 0",
    )
    .bind::<Text, _>(desk.as_str())
    .load(conn)?;
    Ok(rows.into_iter().map(|row| (row.code, row.total)).collect())
}

/// Whether there is something to fold.
pub fn has_deltas(conn: &mut DbConnection) -> Result<bool, StoreError> {
    let any = queue_deltas::table.select(queue_deltas::arrival);
    Ok(diesel::select(diesel::dsl::exists(any)).get_result(conn)?)
}

/// Adds up to `limit` deltas to the totals, as the system; the answer is nothing when none was left. The
/// totals and the deltas change together or not at all.
pub fn fold(conn: &mut DbConnection, limit: i64) -> Result<usize, StoreError> {
    dialect::follow_each_other(conn, TURN)?;
    let insert = format!(
        "INSERT INTO queue_totals (custodian, measure, code, hour, total) \
         SELECT custodian, measure, code, hour, CAST(SUM(total) AS BIGINT) FROM ({}) AS cells \
         GROUP BY custodian, measure, code, hour {ADDED}",
        cells("page"),
    );
    let key = "custodian, arrival";
    Ok(dialect::drain(conn, "queue_deltas", key, limit, &insert)?)
}

/// Counts the tickets of a desk, as the system, and corrects what is kept; the answer is how many totals
/// were wrong, which is none unless somebody has changed these tables by hand. Others go on meanwhile: what
/// they change is in neither count, or in both.
pub fn recount(conn: &mut DbConnection, desk: &AuthorityCode) -> Result<usize, StoreError> {
    dialect::follow_each_other(conn, TURN)?;
    let late_hour = dialect::hour_of(conn, "due_at");
    let sql = format!(
        "INSERT INTO queue_totals (custodian, measure, code, hour, total) \
         WITH counted AS (SELECT custodian, state, needs_attention, {IS_UNTOUCHED} AND EXISTS (SELECT 1 \
         FROM legs WHERE legs.ticket_id = tickets.id AND legs.no = 2) AS is_transferred, \
         CASE WHEN {IS_OPEN} THEN COALESCE(assignee, '') END AS assignee, \
         CASE WHEN {IS_OPEN} AND NOT {PAUSED_IN_TIME} THEN {late_hour} END AS late_hour, COUNT(*) AS step \
         FROM tickets WHERE custodian = $1 GROUP BY 1, 2, 3, 4, 5, 6 \
         UNION ALL SELECT custodian, state, needs_attention, is_transferred, assignee, late_hour, -step \
         FROM queue_deltas WHERE custodian = $1) \
         SELECT custodian, measure, code, hour, CAST(SUM(total) AS BIGINT) FROM ({} \
         UNION ALL SELECT custodian, measure, code, hour, -total FROM queue_totals WHERE custodian = $1) \
         AS cells GROUP BY custodian, measure, code, hour HAVING SUM(total) <> 0 {ADDED}",
        cells("counted"),
    );
    Ok(diesel::sql_query(sql)
        .bind::<Text, _>(desk.as_str())
        .execute(conn)?)
}

/// The desks whose counters are kept.
pub fn list_desks(conn: &mut DbConnection) -> Result<Vec<AuthorityCode>, StoreError> {
    let codes: Vec<String> = authorities::table
        .select(authorities::code)
        .order(authorities::code)
        .load(conn)?;
    Ok(codes.iter().map(|code| code.as_str().into()).collect())
}

/// Takes totals away that came to nothing, up to `limit`; such as those of hours in which nothing is left.
pub fn delete_empty(conn: &mut DbConnection, limit: i64) -> Result<usize, StoreError> {
    dialect::follow_each_other(conn, TURN)?;
    Ok(diesel::sql_query(
        "DELETE FROM queue_totals WHERE total = 0 AND (custodian, measure, code, hour) IN \
         (SELECT custodian, measure, code, hour FROM queue_totals WHERE total = 0 LIMIT $1)",
    )
    .bind::<BigInt, _>(limit)
    .execute(conn)?)
}

/// Who changes totals does so one after the other.
const TURN: &str = "queue totals";

const ADDED: &str = "ON CONFLICT (custodian, measure, code, hour) \
     DO UPDATE SET total = queue_totals.total + excluded.total";

/// Which totals the rows of a relation with the columns of `queue_deltas` count towards.
fn cells(of: &str) -> String {
    format!(
        "SELECT custodian, 'state' AS measure, state AS code, 0 AS hour, step AS total FROM {of} \
         UNION ALL SELECT custodian, 'attention', '', 0, step FROM {of} WHERE needs_attention \
         UNION ALL SELECT custodian, 'transferred', '', 0, step FROM {of} WHERE is_transferred \
         UNION ALL SELECT custodian, 'assignee', assignee, 0, step FROM {of} WHERE assignee IS NOT NULL \
         UNION ALL SELECT custodian, 'late-hour', '', late_hour, step FROM {of} WHERE late_hour IS NOT NULL \
         UNION ALL SELECT custodian, 'late-day', '', late_hour - late_hour % {DAY}, step FROM {of} \
         WHERE late_hour IS NOT NULL \
         UNION ALL SELECT custodian, 'late-month', '', late_hour - late_hour % {MONTH}, step FROM {of} \
         WHERE late_hour IS NOT NULL"
    )
}
