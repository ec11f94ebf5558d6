//! Statements that are planned once for each connection and then run by name.
//!
//! Diesel keeps a prepared statement of whatever it knows to be one text always. It does not know that of
//! an UPDATE, of an `IN` and of what is written as text, and has PostgreSQL parse and plan those each
//! time, which costs more than running them. [`prepared`] says of such a query that it is one of few texts:
//! the statement is then found by its text, which holds every value as a parameter.
//!
//! Diesel runs what gives nothing back by reference, and a reference to a [`Prepared`] says no more that it
//! is one. An UPDATE therefore gives something back and is loaded; for texts there is [`Prepared::execute`].
//!
//! Invariant: nothing that a caller may make as many texts of as they like comes here, since a
//! connection forgets no statement before it ends.

use diesel::backend::Backend;
use diesel::connection::LoadConnection;
use diesel::expression::QueryMetadata;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::RunQueryDsl;
use diesel::result::QueryResult;

/// Has the connection keep the statement of this query.
pub(crate) fn prepared<Q>(query: Q) -> Prepared<Q> {
    Prepared(query)
}

/// The query made by [`prepared`].
#[derive(Debug, Clone)]
#[must_use = "the query runs only when it is loaded or executed"]
pub(crate) struct Prepared<Q>(Q);

impl<Q: Query> Prepared<Q> {
    /// Runs a text whose rows, if it has any, do not matter.
    pub(crate) fn execute<C>(self, conn: &mut C) -> QueryResult<()>
    where
        C: LoadConnection,
        C::Backend: QueryMetadata<Q::SqlType>,
        Q: QueryFragment<C::Backend>,
    {
        conn.load(self)?.try_for_each(|row| row.map(|_| ()))
    }
}

impl<Q: QueryFragment<DB>, DB: Backend> QueryFragment<DB> for Prepared<Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }

    fn is_safe_to_cache_prepared(&self, _: &DB) -> QueryResult<bool> {
        Ok(true)
    }
}

/// Found by its text: neither an `IN` nor a list of assignments says with its type how long it is.
impl<Q> QueryId for Prepared<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for Prepared<Q> {
    type SqlType = Q::SqlType;
}

impl<Q, C> RunQueryDsl<C> for Prepared<Q> {}
