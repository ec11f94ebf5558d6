//! What somebody finds who has the database itself: every row of every table, as text.

use diesel::QueryableByName;
use diesel::RunQueryDsl;
use diesel::sql_types::Text;
use domain::visibility::Scope;
use storage::{Backend, Db, DbConnection, StoreError};

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Text)]
    found: String,
}

/// Each row, its columns one after the other; bytes as the database writes them.
pub fn texts(db: &Db) -> Vec<String> {
    let is_sqlite = db.backend() == Backend::Sqlite;
    let rows = db.read_in(&Scope::System, |conn| {
        let tables = match is_sqlite {
            true => "SELECT name AS found FROM sqlite_master WHERE type = 'table'",
            false => "SELECT tablename::text AS found FROM pg_tables WHERE schemaname = 'public'",
        };
        let mut rows = Vec::new();
        for table in load(conn, tables)? {
            let sql = match is_sqlite {
                true => sqlite_rows(conn, &table)?,
                false => format!("SELECT t::text AS found FROM \"{table}\" t"),
            };
            rows.append(&mut load(conn, &sql)?);
        }
        Ok::<_, StoreError>(rows)
    });
    rows.expect("the rows are read")
}

fn sqlite_rows(conn: &mut DbConnection, table: &str) -> Result<String, StoreError> {
    let columns = load(
        conn,
        &format!("SELECT name AS found FROM pragma_table_info('{table}')"),
    )?;
    let texts = columns.iter().map(|column| {
        format!(
            "CASE typeof(\"{column}\") WHEN 'blob' THEN hex(\"{column}\") \
             ELSE coalesce(CAST(\"{column}\" AS TEXT), '') END"
        )
    });
    let row = texts.collect::<Vec<_>>().join(" || ' ' || ");
    Ok(format!("SELECT {row} AS found FROM \"{table}\""))
}

fn load(conn: &mut DbConnection, sql: &str) -> Result<Vec<String>, StoreError> {
    let rows = diesel::sql_query(sql.to_owned()).load::<Found>(conn)?;
    Ok(rows.into_iter().map(|row| row.found).collect())
}
