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
//! A connection for two databases asks for the text of a query three times: to find its statement, to hear
//! whether it may be kept, and to bind its values. [`Prepared`] writes it once and remembers it.
//!
//! Invariant: nothing that a caller may make as many texts of as they like comes here, since a
//! connection forgets no statement before it ends.

use std::cell::OnceCell;

use diesel::backend::Backend;
use diesel::connection::LoadConnection;
use diesel::expression::QueryMetadata;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryBuilder, QueryFragment, QueryId};
use diesel::query_dsl::RunQueryDsl;
use diesel::result::QueryResult;
use diesel::sqlite::Sqlite;

use crate::connection::MultiBackend;

/// Has the connection keep the statement of this query.
pub(crate) fn prepared<Q>(query: Q) -> Prepared<Q> {
    Prepared {
        query,
        text: OnceCell::new(),
    }
}

/// The query made by [`prepared`].
#[derive(Debug, Clone)]
#[must_use = "the query runs only when it is loaded or executed"]
pub(crate) struct Prepared<Q> {
    query: Q,
    text: OnceCell<String>,
}

impl<Q: Query> Prepared<Q> {
    /// Runs a text whose rows, if it has any, do not matter.
    pub(crate) fn execute<C>(self, conn: &mut C) -> QueryResult<()>
    where
        C: LoadConnection<Backend: Writing + QueryMetadata<Q::SqlType>>,
        Q: QueryFragment<C::Backend>,
    {
        conn.load(self)?.try_for_each(|row| row.map(|_| ()))
    }
}

/// A database for which texts are written.
pub(crate) trait Writing: Backend {
    /// Takes the parts of a new text.
    fn builder(&self) -> Self::QueryBuilder;
}

impl Writing for Pg {
    fn builder(&self) -> Self::QueryBuilder {
        Default::default()
    }
}

impl Writing for Sqlite {
    fn builder(&self) -> Self::QueryBuilder {
        Default::default()
    }
}

impl Writing for MultiBackend {
    fn builder(&self) -> Self::QueryBuilder {
        type Either = <MultiBackend as Backend>::QueryBuilder;
        match self {
            MultiBackend::Pg(pg) => Either::Pg(pg.builder()),
            MultiBackend::Sqlite(sqlite) => Either::Sqlite(sqlite.builder()),
        }
    }
}

impl<Q: QueryFragment<DB>, DB: Writing> QueryFragment<DB> for Prepared<Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.query.walk_ast(out)
    }

    fn to_sql(&self, out: &mut DB::QueryBuilder, backend: &DB) -> QueryResult<()> {
        if let Some(text) = self.text.get() {
            out.push_sql(text);
            return Ok(());
        }
        let mut parts = backend.builder();
        self.query.to_sql(&mut parts, backend)?;
        out.push_sql(self.text.get_or_init(|| parts.finish()));
        Ok(())
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
