//! Leaves nothing in the files of the database of what rows held before: after plain values were sealed, and
//! after keys were destroyed.
//!
//! A row that is replaced stays in a free page of SQLite or as a dead one of PostgreSQL until something
//! else is written there. Tables that are written anew have no such places. Not in the database's hands, and
//! so not in ours: its backups and replicas, the log of PostgreSQL until its segments are used again, and
//! blocks of the disk that files gave back.

use diesel::prelude::*;
use jiff::Timestamp;

use crate::schema::sealed_up;
use crate::sealed_columns::{ALL, TEXTS};
use crate::sql_types::Ts;
use crate::{Backend, Db, DbConnection, StoreError, dialect};

/// Stands among the sealed columns while plain values may be left in the files: there is no such column.
const REMNANTS: (&str, &str) = ("", "remnants");

/// The keys that other keys wrap.
const DATA_KEYS: &str = "data_keys";

/// Notes that plain values were sealed, in the transaction that did so.
pub(crate) fn note_remnants(conn: &mut DbConnection, now: Timestamp) -> Result<(), StoreError> {
    let (table, column) = REMNANTS;
    let insert = diesel::insert_into(sealed_up::table).values((
        sealed_up::table_name.eq(table.to_owned()),
        sealed_up::column_name.eq(column.to_owned()),
        sealed_up::sealed_at.eq(Ts(now)),
    ));
    dialect::insert_if_absent(insert, &["table_name", "column_name"]).execute(conn)?;
    Ok(())
}

/// Whether plain values were sealed, and nobody has scrubbed the files since.
pub fn has_remnants(conn: &mut DbConnection) -> Result<bool, StoreError> {
    let (table, column) = REMNANTS;
    let mark = sealed_up::table.find((table.to_owned(), column.to_owned()));
    let found: i64 = mark.count().get_result(conn)?;
    Ok(found > 0)
}

impl Db {
    /// Writes every table anew that has sealed columns, and that of the keys; false if the tables are
    /// another role's, who has to do it. Takes as long and as much room as a copy of them, and on
    /// PostgreSQL nobody reads a table meanwhile; refused (`StoreError::Busy`) while somebody reads what was.
    pub fn scrub(&self) -> Result<bool, StoreError> {
        let sealed = ALL.iter().chain(TEXTS).map(|columns| columns.table);
        let mut tables: Vec<&str> = sealed.chain([DATA_KEYS]).collect();
        tables.sort_unstable();
        tables.dedup();
        if !self.write_anew(&tables)? {
            return Ok(false);
        }
        self.write(|conn| {
            let (table, column) = REMNANTS;
            let mark = sealed_up::table.find((table.to_owned(), column.to_owned()));
            diesel::delete(mark).execute(conn)?;
            Ok(true)
        })
    }

    /// Leaves nothing of what the rows of the data keys held before; false if the table is another
    /// role's.
    pub fn scrub_keys(&self) -> Result<bool, StoreError> {
        match self.backend() {
            Backend::Postgres => self.write_anew(&[DATA_KEYS]),
            // What goes is overwritten there as it goes: only the log still has it.
            Backend::Sqlite => self.empty_log().map(|()| true),
        }
    }

    fn write_anew(&self, tables: &[&str]) -> Result<bool, StoreError> {
        let mut conn = self.open_alone()?;
        for table in tables {
            if !dialect::owns(&mut conn.db, table)? {
                return Ok(false);
            }
        }
        dialect::write_anew(&mut conn.db, tables)?;
        drop(conn);
        self.empty_log()?;
        Ok(true)
    }

    fn empty_log(&self) -> Result<(), StoreError> {
        match dialect::empty_log(&mut self.open_alone()?.db)? {
            true => Ok(()),
            false => Err(StoreError::Busy),
        }
    }
}
