//! Rows out of lists, and limits that PostgreSQL plans once.
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
use diesel::sql_types::{BigInt, HasSqlType, Text};

use crate::ticket_texts::Wanted;

/// Rows of the longest page, and the one that says whether there are more.
pub(super) const LONGEST_PAGE: i64 = 101;

/// Rows of a list from one to another.
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

/// Rows read out of a list, which has a limit of its own, so that no planner puts the two together.
pub(super) struct OutOf<'a, Q> {
    /// The list, of `tickets`.
    pub(super) rows: Q,
    /// Which of them.
    pub(super) which: Which<'a>,
    /// How many are enough.
    pub(super) limit: i64,
}

/// Which rows of a list.
pub(super) enum Which<'a> {
    /// The first.
    First,
    /// The first by an order of their columns, in SQL; all are read before.
    Sorted(&'static str),
    /// Those that have a text with the words, in the order of the list. Its limit says how many are looked at;
    /// the walk ends as soon as there are enough.
    Holding(&'a Wanted),
}

/// The first `limit` rows of a list, no more than of the longest page.
pub(super) const fn first_rows<Q>(rows: Q, limit: i64) -> OutOf<'static, Limited<Q>> {
    let rows = Limited {
        rows,
        limit: LONGEST_PAGE,
        offset: 0,
        is_constant: true,
    };
    OutOf {
        rows,
        which: Which::First,
        limit,
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

impl<Q, DB> QueryFragment<DB> for OutOf<'_, Q>
where
    DB: Backend + HasSqlType<Text> + HasSqlType<BigInt>,
    Q: QueryFragment<DB>,
    String: ToSql<Text, DB>,
    i64: ToSql<BigInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("SELECT * FROM (");
        self.rows.walk_ast(out.reborrow())?;
        out.push_sql(") AS tickets");
        match &self.which {
            Which::First => {}
            Which::Sorted(order) => {
                out.push_sql(" ORDER BY ");
                out.push_sql(order);
            }
            Which::Holding(wanted) => {
                out.push_sql(
                    " WHERE EXISTS (SELECT 1 FROM ticket_texts x \
                     WHERE x.ticket_id = tickets.id AND x.words @@ CAST(",
                );
                out.push_bind_param::<Text, _>(wanted.words())?;
                out.push_sql(" AS tsquery) AND ");
                let mut pieces = wanted.readable().split("$own");
                out.push_sql(pieces.next().unwrap_or_default());
                for piece in pieces {
                    out.push_bind_param::<Text, _>(wanted.own())?;
                    out.push_sql(piece);
                }
                // Kept apart from the list by its own offset, so that it is asked ticket by ticket.
                out.push_sql(" OFFSET 0)");
            }
        }
        out.push_sql(" LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.limit)
    }
}

impl<Q> QueryId for Limited<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for Limited<Q> {
    type SqlType = Q::SqlType;
}

impl<Q, C> RunQueryDsl<C> for Limited<Q> {}

impl<Q> QueryId for OutOf<'_, Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for OutOf<'_, Q> {
    type SqlType = Q::SqlType;
}

impl<Q, C> RunQueryDsl<C> for OutOf<'_, Q> {}
