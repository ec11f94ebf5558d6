//! The one place for what differs between the two databases, one function per difference,
//! and the SQL that both know but the enum's query builder does not.
//!
//! Invariant: no other module of this crate matches on [`DbConnection`] to choose SQL.

use std::marker::PhantomData;

use diesel::backend::Backend;
use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::expression::{
    AppearsOnTable, AsExpression, Expression, SelectableExpression, TypedExpressionType,
    ValidGrouping, is_aggregate,
};
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::QueryDsl;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::RunQueryDsl;
use diesel::result::QueryResult;
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Bool, HasSqlType, Nullable, SqlType, Text};
use diesel::sqlite::Sqlite;
use domain::visibility::{Opened, Scope};

use crate::audit_links::LinkRow;
use crate::connection::{DbConnection, MultiBackend};
use crate::dossiers;
use crate::error::StoreError;
use crate::keyring::Field;
use crate::pages::{self, IndexRow};
use crate::prepared::prepared;
use crate::schema::{audit_links, audit_unindexed};
use crate::sql_types::Id;
use crate::together::{Alone, Row, Together};

/// Starts a transaction that will write. SQLite takes the write lock at once: a transaction
/// that reads first and asks later is refused when another has written meanwhile, and waiting
/// does not help.
pub(crate) fn begin_write(conn: &mut DbConnection, fence: &Scope) -> QueryResult<()> {
    match conn {
        DbConnection::Pg(pg) => {
            let begin = "BEGIN ISOLATION LEVEL READ COMMITTED";
            begin_fenced(pg, begin, plans_of(fence), fence)
        }
        DbConnection::Sqlite(sqlite) => {
            AnsiTransactionManager::begin_transaction_sql(sqlite, "BEGIN IMMEDIATE")
        }
    }
}

/// What is found by its key needs one plan on a connection and not one for each value: to plan a statement
/// behind the policies of tickets takes longer than to run it.
const PLAN_ONCE: &str = "; SET LOCAL plan_cache_mode = force_generic_plan";

/// What somebody changes is found by its key. What the service does by itself also takes the first rows of
/// lists, whose plans depend on how many are asked for.
const fn plans_of(fence: &Scope) -> &'static str {
    match fence {
        Scope::System | Scope::Nothing => "",
        _ => PLAN_ONCE,
    }
}

const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";

/// Starts a transaction in which every read sees the same moment and nothing can be written.
pub(crate) fn begin_snapshot(conn: &mut DbConnection, fence: &Scope) -> QueryResult<()> {
    begin_reading(conn, SNAPSHOT, "", fence)
}

/// Like [`begin_snapshot`], for what is found by its keys.
pub(crate) fn begin_keyed(conn: &mut DbConnection, fence: &Scope) -> QueryResult<()> {
    begin_reading(conn, SNAPSHOT, PLAN_ONCE, fence)
}

/// Starts a transaction that carries the fence and writes nothing, for reads that need not see
/// the same moment.
pub(crate) fn begin_read(conn: &mut DbConnection, fence: &Scope) -> QueryResult<()> {
    let begin = "BEGIN ISOLATION LEVEL READ COMMITTED, READ ONLY";
    begin_reading(conn, begin, "", fence)
}

fn begin_reading(
    conn: &mut DbConnection,
    begin: &str,
    plans: &str,
    fence: &Scope,
) -> QueryResult<()> {
    match conn {
        DbConnection::Pg(pg) => begin_fenced(pg, begin, plans, fence),
        // The connection itself refuses writes.
        DbConnection::Sqlite(sqlite) => AnsiTransactionManager::begin_transaction(sqlite),
    }
}

/// Begins, and puts up the fence in the same round trip.
fn begin_fenced(pg: &mut PgConnection, begin: &str, plans: &str, fence: &Scope) -> QueryResult<()> {
    let sql = format!("{begin}{plans}{}", fence_settings(fence)?);
    AnsiTransactionManager::begin_transaction_sql(pg, &sql)
}

/// What the policies of PostgreSQL read (migrations 7 and 23), for the life of the transaction. The
/// scope of nothing sets nothing, and then no row is in reach.
fn fence_settings(fence: &Scope) -> QueryResult<String> {
    let prints = |field, value: &str| {
        let prints = dossiers::prints(field, value);
        prints.map_err(|error| diesel::result::Error::QueryBuilderError(error.into()))
    };
    // Prints of those a citizen acts for; a print holds no comma.
    let mut tax_codes = Vec::new();
    let (kind, key) = match fence {
        Scope::System => ("system", String::new()),
        Scope::Region(code) => ("region", code.as_str().to_owned()),
        Scope::Authority(code) => ("authority", code.as_str().to_owned()),
        Scope::Citizen {
            identity,
            delegators,
            ..
        } => {
            for delegator in delegators {
                tax_codes.extend(prints(Field::TaxCode, delegator.as_str())?);
            }
            let own = prints(Field::Identity, identity)?;
            ("citizen", own.join(","))
        }
        Scope::Technical(code) => ("technical", code.as_str().to_owned()),
        Scope::Tracking(id) => ("tracking", id.uuid().to_string()),
        Scope::Granted(Opened::Inspected(id) | Opened::Ticket(id)) => {
            ("opened-ticket", id.uuid().to_string())
        }
        Scope::Granted(Opened::Authority(code)) => ("opened-authority", code.as_str().to_owned()),
        Scope::Nothing => return Ok(String::new()),
    };
    // A grant opens things to be read.
    let reads_alone = match fence {
        Scope::Granted(_) => "; SET TRANSACTION READ ONLY",
        _ => "",
    };
    Ok(format!(
        "{reads_alone}; SET LOCAL sportello.scope_kind = {}; SET LOCAL sportello.scope_key = {}; \
         SET LOCAL sportello.scope_tax_codes = {}",
        literal(kind)?,
        literal(&key)?,
        literal(&tax_codes.join(","))?,
    ))
}

/// A string of PostgreSQL's SQL, whatever is in it. A backslash stands for itself because every
/// connection is opened with [`POSTGRES_STRINGS`].
fn literal(text: &str) -> QueryResult<String> {
    if text.contains('\0') {
        let reason = "PostgreSQL keeps no text with a zero byte";
        return Err(diesel::result::Error::QueryBuilderError(reason.into()));
    }
    Ok(format!("'{}'", text.replace('\'', "''")))
}

/// Makes a quote the only thing that ends a string.
pub(crate) const POSTGRES_STRINGS: &str = "SET standard_conforming_strings = on";

/// Whether the role in use passes by every policy. SQLite has neither roles nor policies.
pub(crate) fn bypasses_policies(conn: &mut DbConnection) -> QueryResult<bool> {
    match conn {
        DbConnection::Pg(pg) => diesel::select(diesel::dsl::sql::<Bool>(
            "(SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user)",
        ))
        .get_result(pg),
        DbConnection::Sqlite(_) => Ok(false),
    }
}

/// The role in use. SQLite has none.
pub(crate) fn role(conn: &mut DbConnection) -> QueryResult<Option<String>> {
    match conn {
        DbConnection::Pg(pg) => diesel::select(diesel::dsl::sql::<Text>("current_user::text"))
            .get_result(pg)
            .map(Some),
        DbConnection::Sqlite(_) => Ok(None),
    }
}

/// Whether the role in use could change what the audit trail holds, by a right or because the tables
/// are its own. Whoever can write the file of SQLite always can.
pub(crate) fn may_change_evidence(conn: &mut DbConnection) -> QueryResult<bool> {
    match conn {
        DbConnection::Pg(pg) => diesel::select(diesel::dsl::sql::<Bool>(
            "(SELECT bool_or(pg_has_role(c.relowner, 'MEMBER')
                 OR has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE, TRIGGER'))
              FROM pg_class c WHERE c.oid IN ('audit_entries'::regclass,
                 'audit_links'::regclass, 'audit_anchors'::regclass))",
        ))
        .get_result(pg),
        DbConnection::Sqlite(_) => Ok(true),
    }
}

/// Lets a role work with all tables of this one, and of the audit trail only read and add. Nothing is
/// given on SQLite, which knows no roles.
pub(crate) fn grant_to(conn: &mut DbConnection, role: &str) -> Result<(), StoreError> {
    let DbConnection::Pg(pg) = conn else {
        return Ok(());
    };
    let names: QuotedNames = diesel::sql_query(
        "SELECT quote_ident($1) AS role, quote_ident(current_schema()) AS schema",
    )
    .bind::<Text, _>(role)
    .get_result(pg)?;
    let QuotedNames { role, schema } = names;
    pg.batch_execute(&format!(
        "GRANT USAGE ON SCHEMA {schema} TO {role};
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role};
         GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role};
         REVOKE ALL ON audit_entries, audit_links, audit_anchors, __diesel_schema_migrations FROM {role};
         GRANT SELECT, INSERT ON audit_entries, audit_links, audit_anchors TO {role};
         GRANT SELECT ON __diesel_schema_migrations TO {role}"
    ))?;
    Ok(())
}

#[derive(diesel::QueryableByName)]
struct QuotedNames {
    #[diesel(sql_type = Text)]
    role: String,
    #[diesel(sql_type = Text)]
    schema: String,
}

/// Whether any migration ever ran. Makes nothing, unlike Diesel's own look, for which a role would need
/// the right to make tables.
pub(crate) fn has_migrations(conn: &mut DbConnection) -> QueryResult<bool> {
    let sql = match conn {
        DbConnection::Pg(_) => "(to_regclass('__diesel_schema_migrations') IS NOT NULL)",
        DbConnection::Sqlite(_) => {
            "EXISTS (SELECT 1 FROM sqlite_master WHERE name = '__diesel_schema_migrations')"
        }
    };
    diesel::select(diesel::dsl::sql::<Bool>(sql)).get_result(conn)
}

/// Waits until no other program runs migrations; the end of the transaction lets the next one in.
/// On SQLite the write lock of [`begin_write`] already does.
pub(crate) fn lock_migrations(conn: &mut DbConnection) -> QueryResult<()> {
    match conn {
        // Neither this wait nor the migration itself may be cut short. The number means
        // nothing, it only has to be ours.
        DbConnection::Pg(pg) => pg.batch_execute(
            "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; \
             SELECT pg_advisory_xact_lock(7230815402117)",
        ),
        DbConnection::Sqlite(_) => Ok(()),
    }
}

/// The end of what PostgreSQL wrote to its log, committed or not. SQLite has no replica to compare with.
pub(crate) fn log_end(conn: &mut DbConnection) -> QueryResult<Option<i64>> {
    place_in_log(conn, "(pg_current_wal_insert_lsn() - '0/0')::bigint")
}

/// The place up to which a replica of PostgreSQL has replayed the log; none on a server that is none.
pub(crate) fn replayed_end(conn: &mut DbConnection) -> QueryResult<Option<i64>> {
    place_in_log(
        conn,
        "CASE WHEN pg_is_in_recovery() THEN (pg_last_wal_replay_lsn() - '0/0')::bigint END",
    )
}

fn place_in_log(conn: &mut DbConnection, place: &str) -> QueryResult<Option<i64>> {
    match conn {
        DbConnection::Pg(pg) => {
            diesel::select(diesel::dsl::sql::<Nullable<BigInt>>(place)).get_result(pg)
        }
        DbConnection::Sqlite(_) => Ok(None),
    }
}

/// Makes transactions about the same thing follow each other until their end, where counting and
/// then inserting would let two pass at once. SQLite's one writer does so anyway.
pub fn follow_each_other(conn: &mut DbConnection, thing: &str) -> QueryResult<()> {
    match conn {
        DbConnection::Sqlite(_) => Ok(()),
        DbConnection::Pg(conn) => {
            let lock = diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))");
            prepared(lock.bind::<Text, _>(thing)).execute(conn)
        }
    }
}

/// Writes rows of several tables, in one statement where each would be a round trip.
pub(crate) fn insert_rows(conn: &mut DbConnection, rows: &[Box<dyn Row>]) -> QueryResult<()> {
    match conn {
        DbConnection::Pg(pg) => Together(rows).execute(pg).map(|_| ()),
        DbConnection::Sqlite(sqlite) => rows
            .iter()
            .try_for_each(|row| Alone(row.as_ref()).execute(sqlite).map(|_| ())),
    }
}

/// Adds rows to a table of the audit trail's index, but for those that are there.
pub(crate) fn add_to_index<K, V>(
    conn: &mut DbConnection,
    table: (&str, &str),
    rows: Vec<IndexRow<V>>,
) -> QueryResult<()>
where
    K: 'static,
    V: ToSql<K, Pg> + ToSql<K, Sqlite> + std::fmt::Debug,
    Pg: HasSqlType<K>,
    Sqlite: HasSqlType<K>,
{
    match conn {
        DbConnection::Pg(pg) => pages::index::<K, V>(pg, table, rows),
        DbConnection::Sqlite(sqlite) => pages::index_singly::<K, V>(sqlite, table, rows),
    }
}

/// Takes entries off the list of those that wait for the audit trail's index.
pub(crate) fn take_off_index_list(
    conn: &mut DbConnection,
    entries: &[(Id, i32)],
) -> QueryResult<()> {
    match conn {
        DbConnection::Pg(pg) => pages::indexed(pg, entries),
        DbConnection::Sqlite(sqlite) => entries.iter().try_for_each(|entry| {
            let waiting = audit_unindexed::table.find(*entry);
            diesel::delete(waiting).execute(sqlite).map(|_| ())
        }),
    }
}

/// Adds links to the chains of the audit trail, in this order.
pub(crate) fn add_links(conn: &mut DbConnection, rows: Vec<LinkRow>) -> QueryResult<()> {
    match conn {
        DbConnection::Pg(pg) => pages::link(pg, rows),
        DbConnection::Sqlite(sqlite) => rows.into_iter().try_for_each(|row| {
            let insert = diesel::insert_into(audit_links::table).values(row);
            insert.execute(sqlite).map(|_| ())
        }),
    }
}

/// Does something beyond the fence of PostgreSQL, as the system, and puts the fence up again: for what
/// follows in the same transaction from a change that its actor may make and not look at.
pub fn beyond_fence<T, E: From<StoreError>>(
    conn: &mut DbConnection,
    work: impl FnOnce(&mut DbConnection) -> Result<T, E>,
) -> Result<T, E> {
    let before = match conn {
        DbConnection::Sqlite(_) => return work(conn),
        DbConnection::Pg(pg) => set_scope_kind(pg, "system").map_err(StoreError::from)?,
    };
    let done = work(conn)?;
    if let DbConnection::Pg(pg) = conn {
        set_scope_kind(pg, &before).map_err(StoreError::from)?;
    }
    Ok(done)
}

/// Sets who the policies believe to ask, until the transaction ends; the answer is who it was.
fn set_scope_kind(pg: &mut PgConnection, kind: &str) -> QueryResult<String> {
    #[derive(diesel::QueryableByName)]
    struct Before {
        #[diesel(sql_type = Text)]
        before: String,
    }
    let found: Before = prepared(diesel::sql_query(
        "SELECT coalesce(current_setting('sportello.scope_kind', true), '') AS before",
    ))
    .get_result(pg)?;
    let set = diesel::sql_query("SELECT set_config('sportello.scope_kind', $1, true)");
    prepared(set.bind::<Text, _>(kind)).execute(pg)?;
    Ok(found.before)
}

/// Whether a statement may be planned anew for each value. SQLite plans it when it prepares it.
pub(crate) fn plans_by_values(conn: &DbConnection) -> bool {
    matches!(conn, DbConnection::Pg(_))
}

/// An SQL expression for the hours since 1970 that a column's time lies in.
pub(crate) fn hour_of(conn: &DbConnection, column: &str) -> String {
    match conn {
        DbConnection::Pg(_) => format!("floor(date_part('epoch', {column}) / 3600)::bigint"),
        DbConnection::Sqlite(_) => format!("{column} / 3600000000"),
    }
}

/// Deletes the first `limit` rows of a table by their `key`, and runs `insert`, which finds them as the
/// relation `page`: of what others add meanwhile nothing goes without having been seen. The answer is how
/// many rows `insert` wrote.
pub(crate) fn drain(
    conn: &mut DbConnection,
    table: &str,
    key: &str,
    limit: i64,
    insert: &str,
) -> QueryResult<usize> {
    let page = format!("({key}) IN (SELECT {key} FROM {table} ORDER BY {key} LIMIT {limit})");
    let delete = format!("DELETE FROM {table} WHERE {page}");
    match conn {
        DbConnection::Pg(pg) => {
            diesel::sql_query(format!("WITH page AS ({delete} RETURNING *) {insert}")).execute(pg)
        }
        // It cannot insert what it deletes, and has one writer.
        DbConnection::Sqlite(sqlite) => {
            let seen = format!("WITH page AS (SELECT * FROM {table} WHERE {page}) {insert}");
            let written = diesel::sql_query(seen).execute(sqlite)?;
            diesel::sql_query(delete).execute(sqlite)?;
            Ok(written)
        }
    }
}

/// An SQL expression for the number of the key that sealed a column's value (`crate::sealing`).
pub(crate) fn sealed_with(conn: &DbConnection, column: &str) -> String {
    match conn {
        DbConnection::Pg(_) => format!("split_part(substr({column}, 2), '.', 1)"),
        DbConnection::Sqlite(_) => format!("substr({column}, 2, instr({column}, '.') - 2)"),
    }
}

/// From now on what this connection deletes or replaces is overwritten. PostgreSQL keeps the row that was
/// until [`write_anew`].
pub(crate) fn erase_what_goes(conn: &mut DbConnection) -> QueryResult<()> {
    match conn {
        DbConnection::Pg(_) => Ok(()),
        DbConnection::Sqlite(sqlite) => sqlite.batch_execute("PRAGMA secure_delete = ON"),
    }
}

/// Whether the role in use owns a table, and may so write it anew. SQLite knows no roles.
pub(crate) fn owns(conn: &mut DbConnection, table: &str) -> QueryResult<bool> {
    match conn {
        DbConnection::Pg(pg) => diesel::select(diesel::dsl::sql::<Bool>(&format!(
            "(SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = '{table}'::regclass)",
        )))
        .get_result(pg),
        DbConnection::Sqlite(_) => Ok(true),
    }
}

/// Writes a table of PostgreSQL anew with its indexes, without what its rows held before: VACUUM alone would
/// only let their bytes be used again. SQLite does so with all tables at once. Not inside a transaction, and
/// for as long as it takes; nobody else reads the table meanwhile.
pub(crate) fn write_anew(conn: &mut DbConnection, tables: &[&str]) -> QueryResult<()> {
    match conn {
        DbConnection::Pg(pg) => {
            pg.batch_execute("SET statement_timeout = 0")?;
            for table in tables {
                pg.batch_execute(&format!("VACUUM FULL {table}"))?;
            }
            Ok(())
        }
        // Beside the database and not in memory: it is as long, and as sealed.
        DbConnection::Sqlite(sqlite) => {
            sqlite.batch_execute("PRAGMA temp_store = FILE")?;
            sqlite.batch_execute("VACUUM")
        }
    }
}

/// Brings what was written into SQLite's file and empties its log; false if somebody still reads from
/// there. PostgreSQL's log is not in the hands of a role like ours.
pub(crate) fn empty_log(conn: &mut DbConnection) -> QueryResult<bool> {
    #[derive(diesel::QueryableByName)]
    struct Checkpoint {
        #[diesel(sql_type = diesel::sql_types::Integer)]
        busy: i32,
    }
    match conn {
        DbConnection::Pg(_) => Ok(true),
        DbConnection::Sqlite(sqlite) => {
            let done: Checkpoint =
                diesel::sql_query("PRAGMA wal_checkpoint(TRUNCATE)").get_result(sqlite)?;
            Ok(done.busy == 0)
        }
    }
}

/// `(first, second) < (x, y)`: what comes after the row `(x, y)` in a list ordered newest
/// first by both columns. One range of an index on both databases, unlike the same in `OR`s.
pub fn before<A, B, X, Y>(
    columns: (A, B),
    x: X,
    y: Y,
) -> RowOrder<A, B, X::Expression, Y::Expression>
where
    A: Expression<SqlType: SqlType>,
    B: Expression<SqlType: SqlType>,
    X: AsExpression<A::SqlType>,
    Y: AsExpression<B::SqlType>,
{
    row_order(columns, " < ", x, y)
}

/// `(first, second) > (x, y)`: what comes after the row `(x, y)` in a list ordered oldest first.
pub fn after<A, B, X, Y>(
    columns: (A, B),
    x: X,
    y: Y,
) -> RowOrder<A, B, X::Expression, Y::Expression>
where
    A: Expression<SqlType: SqlType>,
    B: Expression<SqlType: SqlType>,
    X: AsExpression<A::SqlType>,
    Y: AsExpression<B::SqlType>,
{
    row_order(columns, " > ", x, y)
}

fn row_order<A, B, X, Y>(
    (first, second): (A, B),
    order: &'static str,
    x: X,
    y: Y,
) -> RowOrder<A, B, X::Expression, Y::Expression>
where
    A: Expression<SqlType: SqlType>,
    B: Expression<SqlType: SqlType>,
    X: AsExpression<A::SqlType>,
    Y: AsExpression<B::SqlType>,
{
    RowOrder {
        first,
        second,
        order,
        x: x.as_expression(),
        y: y.as_expression(),
    }
}

/// The condition made by [`before`] and [`after`].
#[derive(Debug, Clone, Copy, diesel::expression::ValidGrouping)]
pub struct RowOrder<A, B, X, Y> {
    first: A,
    second: B,
    order: &'static str,
    x: X,
    y: Y,
}

impl<A, B, X, Y> Expression for RowOrder<A, B, X, Y>
where
    A: Expression,
    B: Expression,
    X: Expression,
    Y: Expression,
{
    type SqlType = Bool;
}

impl<A, B, X, Y, DB> QueryFragment<DB> for RowOrder<A, B, X, Y>
where
    DB: Backend,
    A: QueryFragment<DB>,
    B: QueryFragment<DB>,
    X: QueryFragment<DB>,
    Y: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("(");
        self.first.walk_ast(out.reborrow())?;
        out.push_sql(", ");
        self.second.walk_ast(out.reborrow())?;
        out.push_sql(")");
        out.push_sql(self.order);
        out.push_sql("(");
        self.x.walk_ast(out.reborrow())?;
        out.push_sql(", ");
        self.y.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

/// The order is a value and not a type, so the prepared statement is found by its text.
impl<A, B, X, Y> QueryId for RowOrder<A, B, X, Y> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<A, B, X, Y, QS> AppearsOnTable<QS> for RowOrder<A, B, X, Y>
where
    A: AppearsOnTable<QS>,
    B: AppearsOnTable<QS>,
    X: AppearsOnTable<QS>,
    Y: AppearsOnTable<QS>,
{
}

impl<A, B, X, Y, QS> SelectableExpression<QS> for RowOrder<A, B, X, Y>
where
    A: SelectableExpression<QS>,
    B: SelectableExpression<QS>,
    X: SelectableExpression<QS>,
    Y: SelectableExpression<QS>,
{
}

/// SQL that both databases know and that never changes: unlike `diesel::dsl::sql`, of which nothing is known,
/// a statement with it is kept prepared.
pub fn fixed<ST>(sql: &'static str) -> Fixed<ST> {
    Fixed {
        sql,
        kind: PhantomData,
    }
}

/// The expression made by [`fixed`].
#[derive(Debug, Clone, Copy)]
pub struct Fixed<ST> {
    sql: &'static str,
    kind: PhantomData<ST>,
}

impl<ST: SqlType + TypedExpressionType> Expression for Fixed<ST> {
    type SqlType = ST;
}

impl<ST, DB: Backend> QueryFragment<DB> for Fixed<ST> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(self.sql);
        Ok(())
    }
}

/// The text is a value and not a type, so the prepared statement is found by its text.
impl<ST> QueryId for Fixed<ST> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<ST, GB> ValidGrouping<GB> for Fixed<ST> {
    type IsAggregate = is_aggregate::Never;
}

impl<ST, QS> AppearsOnTable<QS> for Fixed<ST> where Self: Expression {}
impl<ST, QS> SelectableExpression<QS> for Fixed<ST> where Self: AppearsOnTable<QS> {}

/// The column holds this text somewhere, in capitals or not; `%` and `_` stand for themselves.
/// SQLite knows capitals only without accents: where that matters, search a folded column.
/// No index helps, so narrow the rows down by something else first.
pub fn contains<C: Expression>(column: C, text: &str) -> Contains<C> {
    let mut pattern = String::from("%");
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    Contains { column, pattern }
}

/// The condition made by [`contains`].
#[derive(Debug, Clone, QueryId)]
pub struct Contains<C> {
    column: C,
    pattern: String,
}

impl<C> Contains<C> {
    fn walk<'b, DB>(&'b self, operator: &str, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: Backend + HasSqlType<Text>,
        C: QueryFragment<DB>,
        String: ToSql<Text, DB>,
    {
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(operator);
        out.push_bind_param::<Text, _>(&self.pattern)?;
        out.push_sql(" ESCAPE '\\'");
        Ok(())
    }
}

impl<C: Expression> Expression for Contains<C> {
    type SqlType = Bool;
}

impl<C: QueryFragment<Pg>> QueryFragment<Pg> for Contains<C> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.walk(" ILIKE ", out)
    }
}

impl<C: QueryFragment<Sqlite>> QueryFragment<Sqlite> for Contains<C> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.walk(" LIKE ", out)
    }
}

impl<C> QueryFragment<MultiBackend> for Contains<C>
where
    Self: QueryFragment<Pg> + QueryFragment<Sqlite>,
{
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        MultiBackend::walk_variant_ast(self, out)
    }
}

impl<C: ValidGrouping<GB>, GB> ValidGrouping<GB> for Contains<C> {
    type IsAggregate = C::IsAggregate;
}

impl<C: AppearsOnTable<QS>, QS> AppearsOnTable<QS> for Contains<C> {}

impl<C: SelectableExpression<QS>, QS> SelectableExpression<QS> for Contains<C> {}

/// Whether words are looked for while walking along a list, too: on PostgreSQL, whose index of words
/// tells hits in no order. SQLite's tells them by the time of filing.
pub(crate) fn walks_along_lists(conn: &DbConnection) -> bool {
    matches!(conn, DbConnection::Pg(_))
}

/// Reads rows to claim them, and passes over those that another transaction is at: a node that was
/// stopped in the middle of one holds up nobody else. SQLite has one writer, so there is no other.
pub fn skip_locked<Q>(query: Q) -> SkipLocked<Q> {
    SkipLocked(query)
}

/// The query made by [`skip_locked`].
#[derive(Debug, Clone)]
#[must_use = "the query runs only when it is loaded"]
pub struct SkipLocked<Q>(Q);

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for SkipLocked<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(" FOR UPDATE SKIP LOCKED");
        Ok(())
    }
}

impl<Q: QueryFragment<Sqlite>> QueryFragment<Sqlite> for SkipLocked<Q> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }
}

impl<Q> QueryFragment<MultiBackend> for SkipLocked<Q>
where
    Self: QueryFragment<Pg> + QueryFragment<Sqlite>,
{
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        MultiBackend::walk_variant_ast(self, out)
    }
}

impl<Q> QueryId for SkipLocked<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for SkipLocked<Q> {
    type SqlType = Q::SqlType;
}

impl<Q, C> RunQueryDsl<C> for SkipLocked<Q> {}

/// Inserts the row; if one with the same `keys` is there, sets its columns `set` instead.
/// `keys` must be a primary key or unique. Has no RETURNING.
pub fn upsert<Q>(
    insert: Q,
    keys: &'static [&'static str],
    set: &'static [&'static str],
) -> OnConflict<Q> {
    OnConflict { insert, keys, set }
}

/// Inserts the row unless one with the same `keys` is there; the count says which.
pub fn insert_if_absent<Q>(insert: Q, keys: &'static [&'static str]) -> OnConflict<Q> {
    upsert(insert, keys, &[])
}

/// The statement made by [`upsert`] and [`insert_if_absent`].
#[derive(Debug, Clone)]
#[must_use = "the statement runs only when it is executed"]
pub struct OnConflict<Q> {
    insert: Q,
    keys: &'static [&'static str],
    set: &'static [&'static str],
}

impl<Q, DB> QueryFragment<DB> for OnConflict<Q>
where
    DB: Backend,
    Q: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.insert.walk_ast(out.reborrow())?;
        out.push_sql(" ON CONFLICT (");
        for (place, key) in self.keys.iter().enumerate() {
            out.push_sql(if place == 0 { "" } else { ", " });
            out.push_identifier(key)?;
        }
        out.push_sql(") DO ");
        if self.set.is_empty() {
            out.push_sql("NOTHING");
        }
        for (place, column) in self.set.iter().enumerate() {
            out.push_sql(if place == 0 { "UPDATE SET " } else { ", " });
            out.push_identifier(column)?;
            out.push_sql(" = excluded.");
            out.push_identifier(column)?;
        }
        Ok(())
    }
}

/// The columns are values and not types, so the prepared statement is found by its text.
impl<Q> QueryId for OnConflict<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q, C> RunQueryDsl<C> for OnConflict<Q> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_value_ends_its_literal() {
        for (text, quoted) in [
            ("010204", "'010204'"),
            ("", "''"),
            ("'; DROP", "'''; DROP'"),
            (r"\'", r"'\'''"),
            ("$$è%", "'$$è%'"),
        ] {
            assert_eq!(literal(text).unwrap(), quoted);
        }
        assert!(literal("a\0b").is_err());
    }

    #[test]
    fn the_scope_of_nothing_sets_nothing() {
        assert_eq!(fence_settings(&Scope::Nothing).unwrap(), "");
    }
}
