//! How a database means to run a statement, in its own words.

use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::support::Fresh;
use crate::town;

/// What PostgreSQL answers to an `EXPLAIN`, line by line.
pub(crate) fn postgres(conn: &mut PgConnection, explain: &str) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Line {
        #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
        line: String,
    }
    let lines: Vec<Line> = diesel::sql_query(explain).load(conn).unwrap();
    lines.into_iter().map(|line| line.line).collect()
}

/// The steps SQLite means to take.
pub(crate) fn sqlite(fresh: &Fresh, statement: &str) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Step {
        #[diesel(sql_type = Text)]
        detail: String,
    }
    let explain = format!("EXPLAIN QUERY PLAN {statement}");
    let steps: Vec<Step> = town::read(
        fresh.db(),
        |conn| Ok(diesel::sql_query(explain).load(conn)?),
    );
    steps.into_iter().map(|step| step.detail).collect()
}
