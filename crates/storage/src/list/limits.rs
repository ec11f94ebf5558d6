//! Limits of lists that PostgreSQL plans once.
//!
//! A limit that is a parameter counts as a tenth of all rows in a plan for every value, which therefore
//! looks dear and is never taken: each page was planned anew, which took four times as long as reading it
//! (`docs/profiles.md`). A limit that is written out is known.
//!
//! Invariant: only limits that are constants of this program are written out, since each makes another
//! statement, which a connection keeps.

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::RunQueryDsl;
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, HasSqlType};

/// Rows of the longest page, and the one that says whether there are more.
pub(super) const LONGEST_PAGE: i64 = 101;

/// The first `limit` rows of a list, no more than of the longest page.
pub(super) struct FirstRows<Q> {
    rows: Limited<Q>,
    limit: i64,
}

impl<Q> FirstRows<Q> {
    pub(super) const fn of(rows: Q, limit: i64) -> Self {
        let rows = Limited {
            rows,
            limit: LONGEST_PAGE,
            offset: 0,
            is_constant: true,
        };
        FirstRows { rows, limit }
    }
}

/// A list from a row to another.
pub(super) struct Limited<Q> {
    /// The list, with its order.
    pub(super) rows: Q,
    /// How many rows.
    pub(super) limit: i64,
    /// How many are passed over before.
    pub(super) offset: i64,
    /// Whether the planner may know these two.
    pub(super) is_constant: bool,
}

impl<Q, DB> QueryFragment<DB> for FirstRows<Q>
where
    DB: Backend + HasSqlType<BigInt>,
    Q: QueryFragment<DB>,
    i64: ToSql<BigInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("SELECT * FROM (");
        self.rows.walk_ast(out.reborrow())?;
        out.push_sql(") AS tickets LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.limit)
    }
}

impl<Q, DB> QueryFragment<DB> for Limited<Q>
where
    DB: Backend + HasSqlType<BigInt>,
    Q: QueryFragment<DB>,
    i64: ToSql<BigInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.rows.walk_ast(out.reborrow())?;
        for (word, value) in [(" LIMIT ", &self.limit), (" OFFSET ", &self.offset)] {
            out.push_sql(word);
            match self.is_constant {
                true => out.push_sql(&value.to_string()),
                false => out.push_bind_param::<BigInt, _>(value)?,
            }
        }
        Ok(())
    }
}

macro_rules! is_query {
    ($name:ident) => {
        impl<Q> QueryId for $name<Q> {
            type QueryId = ();
            const HAS_STATIC_QUERY_ID: bool = false;
        }

        impl<Q: Query> Query for $name<Q> {
            type SqlType = Q::SqlType;
        }

        impl<Q, C> RunQueryDsl<C> for $name<Q> {}
    };
}
is_query!(FirstRows);
is_query!(Limited);
