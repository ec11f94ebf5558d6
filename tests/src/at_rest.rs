//! What somebody finds who has the database itself: every row of every table, as text, and where a word is.

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

/// The columns of all tables whose text holds `word`.
pub fn places_of(db: &Db, word: &str) -> Vec<String> {
    let columns = match db.backend() {
        Backend::Sqlite => {
            "SELECT m.name || '.' || p.name AS found FROM sqlite_master AS m \
             JOIN pragma_table_info(m.name) AS p WHERE m.type = 'table' AND p.type <> 'BLOB' ORDER BY 1"
        }
        Backend::Postgres => {
            "SELECT table_name || '.' || column_name AS found FROM information_schema.columns \
             WHERE table_schema = current_schema() AND data_type <> 'bytea' ORDER BY 1"
        }
    };
    let places = db.read_in(&Scope::System, |conn| {
        let columns = load(conn, columns)?;
        assert!(columns.len() > 300, "{} columns", columns.len());
        let mut places = Vec::new();
        for place in columns {
            let (table, column) = place.split_once('.').expect("a table and a column");
            let text = format!("CAST({table}.\"{column}\" AS TEXT)");
            let sql = format!("SELECT {text} AS found FROM {table} WHERE {text} LIKE '%{word}%'");
            if !load(conn, &sql)?.is_empty() {
                places.push(place);
            }
        }
        Ok::<_, StoreError>(places)
    });
    places.expect("all tables are read")
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
