//! Conditions are kept as each database likes to spell them. To compare them, PostgreSQL is
//! given SQLite's checks and indexes and retells them in its own words.

use diesel::connection::SimpleConnection;
use storage::{DbConnection, StoreError};

use super::Facts;
use super::catalogue::{Catalogue, lines};
use crate::support::Fresh;
use crate::town::write;

/// Has PostgreSQL retell the checks and indexes of SQLite. PostgreSQL's own are read as they are.
pub(crate) fn retell(sqlite: &mut Catalogue, postgres: &mut Catalogue, fresh: &Fresh) {
    let tables = sqlite.checks.clone();
    sqlite.checks = write(fresh.db(), move |conn| {
        let mut told = Facts::new();
        for table in &tables {
            for check in checks_of(table) {
                told.extend(as_check(conn, table_name(table), check)?);
            }
        }
        Ok(told)
    });
    let indexes = sqlite.indexes.clone();
    sqlite.indexes = write(fresh.db(), move |conn| {
        let mut told = Facts::new();
        for index in &indexes {
            told.extend(as_index(conn, index)?);
        }
        Ok(told)
    });
    assert!(!postgres.checks.is_empty() && !postgres.indexes.is_empty());
}

fn as_check(conn: &mut DbConnection, table: &str, check: &str) -> Result<Facts, StoreError> {
    conn.batch_execute(&format!(
        "ALTER TABLE {table} ADD CONSTRAINT probe CHECK {check}"
    ))?;
    let told = lines(
        conn,
        "SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) AS fact
         FROM pg_constraint WHERE conname = 'probe'",
    )?;
    conn.batch_execute(&format!("ALTER TABLE {table} DROP CONSTRAINT probe"))?;
    Ok(told)
}

fn as_index(conn: &mut DbConnection, index: &str) -> Result<Facts, StoreError> {
    let (_, rest) = index.split_once("INDEX ").unwrap();
    let (name, _) = rest.split_once(' ').unwrap();
    conn.batch_execute(&index.replacen(name, "probe", 1))?;
    let told = lines(conn, "SELECT pg_get_indexdef('probe'::regclass) AS fact")?;
    conn.batch_execute("DROP INDEX probe")?;
    Ok(told
        .into_iter()
        .map(|fact| fact.replacen("probe", name, 1))
        .collect())
}

fn table_name(statement: &str) -> &str {
    let (_, rest) = statement.split_once("CREATE TABLE ").unwrap();
    rest.split([' ', '(']).next().unwrap()
}

/// The conditions after each `CHECK`, brackets included.
fn checks_of(statement: &str) -> impl Iterator<Item = &str> {
    statement.split("CHECK ").skip(1).map(|rest| {
        let mut depth = 0;
        let end = rest.find(|character| {
            match character {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            depth == 0
        });
        rest.get(..=end.unwrap()).unwrap()
    })
}

#[test]
fn checks_are_read_out_of_a_statement() {
    let statement = "CREATE TABLE a (b TEXT CHECK (b IN ('x', 'y')), CHECK ((b = 'x') = (1 > 0)))";
    assert_eq!(table_name(statement), "a");
    let found: Vec<_> = checks_of(statement).collect();
    assert_eq!(found, ["(b IN ('x', 'y'))", "((b = 'x') = (1 > 0))"]);
}
