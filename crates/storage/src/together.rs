//! Rows of several tables written in one statement, where each would cost a round trip.
//!
//! PostgreSQL takes a list of INSERTs as one statement whose last is the main one; it checks foreign keys
//! when all are done. SQLite runs in this process and has no round trips, and gets them one by one.

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::query_dsl::RunQueryDsl;
use diesel::result::QueryResult;
use diesel::sqlite::Sqlite;

use crate::connection::DbConnection;
use crate::{StoreError, dialect};

/// A row on its way into its table: an INSERT of one text, without RETURNING.
pub(crate) trait Row: QueryFragment<Pg> + QueryFragment<Sqlite> {}

impl<Q: QueryFragment<Pg> + QueryFragment<Sqlite>> Row for Q {}

/// Writes rows, each of which may refer to those before it.
pub(crate) fn insert_together(
    conn: &mut DbConnection,
    rows: &[Box<dyn Row>],
) -> Result<(), StoreError> {
    Ok(dialect::insert_rows(conn, rows)?)
}

/// Several INSERTs as one statement.
pub(crate) struct Together<'a>(pub(crate) &'a [Box<dyn Row>]);

impl QueryFragment<Pg> for Together<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let Some((last, others)) = self.0.split_last() else {
            return Ok(());
        };
        for (place, row) in others.iter().enumerate() {
            out.push_sql(if place == 0 { "WITH " } else { ", " });
            out.push_sql(&format!("row_{place} AS ("));
            QueryFragment::<Pg>::walk_ast(row.as_ref(), out.reborrow())?;
            out.push_sql(")");
        }
        if !others.is_empty() {
            out.push_sql(" ");
        }
        QueryFragment::<Pg>::walk_ast(last.as_ref(), out)
    }
}

/// Which rows they are no type says, so the prepared statement is found by its text.
impl QueryId for Together<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<C> RunQueryDsl<C> for Together<'_> {}

/// One of them alone.
pub(crate) struct Alone<'a>(pub(crate) &'a dyn Row);

impl QueryFragment<Sqlite> for Alone<'_> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        QueryFragment::<Sqlite>::walk_ast(self.0, out)
    }
}

/// Which row it is no type says, either.
impl QueryId for Alone<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<C> RunQueryDsl<C> for Alone<'_> {}
