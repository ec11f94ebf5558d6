//! What can go wrong below the use cases, in words of storage and not of HTTP.
//!
//! Not for refusals of the domain. Invariant: no text here carries a password, and
//! `Display` never repeats its source, so whoever logs prints the chain once.

use std::sync::Arc;

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error as DieselError};

use crate::blobs::BlobError;
use crate::keyring::KeyError;

/// Why storage did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database or blob URL names something this program cannot or must not open.
    #[error("unsupported URL: {0}")]
    UnsupportedUrl(String),

    /// The database cannot be opened at all.
    #[error("cannot open the database: {0}")]
    Unreachable(String),

    /// All connections, the queue of writes or a lock were taken for longer than we wait, a statement
    /// took longer than it may, or the connection broke.
    #[error("storage is busy")]
    Busy,

    /// Someone else changed the row since it was read.
    #[error("the row was changed by someone else")]
    Stale,

    /// The database gave up this transaction in favour of another; running it again may help.
    #[error("the transaction met a concurrent one")]
    Conflict,

    /// A value that must be unique is taken.
    #[error("unique constraint {constraint} violated")]
    UniqueViolation {
        /// PostgreSQL's name. SQLite knows only the columns, so there it is built as
        /// PostgreSQL names by default, `table_column_column_key`: let the indexes follow it.
        constraint: String,
    },

    /// A row that must exist does not.
    #[error("no such {what}")]
    NotFound {
        /// What was looked for.
        what: &'static str,
    },

    /// A row holds what no version of this program writes.
    #[error("{table} {id} holds an impossible {column}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The row's key; never its content.
        id: String,
        /// The column that cannot be read.
        column: &'static str,
    },

    /// Any other answer of the database.
    #[error("the database refused a statement")]
    Database(#[source] DieselError),

    /// The commit shared with other writes failed: nothing of any of them was written.
    #[error("the commit failed")]
    Commit(#[source] Arc<DieselError>),

    /// A statement failed, the closure went on and answered `Ok`: PostgreSQL had already
    /// given the transaction up, so nothing was written.
    #[error("a statement had failed before the commit")]
    Aborted,

    /// A migration did not run.
    #[error("migration failed: {0}")]
    Migration(String),

    /// The store of attachments failed.
    #[error("the blob store failed")]
    Blob(#[source] BlobError),

    /// The keys of sealed data cannot be used.
    #[error("the data keys cannot be used")]
    Keys(#[source] KeyError),

    /// The closure given to the database panicked; what it wrote is rolled back.
    #[error("the closure panicked")]
    Panicked,

    /// A closure on the writer thread asked the writer for another write and would wait for itself.
    #[error("a write was started inside a write")]
    Nested,

    /// The writer has ended.
    #[error("storage has stopped")]
    Stopped,
}

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::NotFound => Self::NotFound { what: "row" },
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, info) => {
                Self::UniqueViolation {
                    constraint: constraint(info.as_ref()),
                }
            }
            DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => {
                Self::Conflict
            }
            // The connection broke; the same call may find another one in a moment.
            DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection, _) => Self::Busy,
            DieselError::DatabaseError(DatabaseErrorKind::Unknown, info) => {
                match by_message(info.message()) {
                    Some(known) => known,
                    None => {
                        Self::Database(DieselError::DatabaseError(DatabaseErrorKind::Unknown, info))
                    }
                }
            }
            other => Self::Database(other),
        }
    }
}

impl StoreError {
    /// What each write hears whose shared transaction could not begin or commit.
    pub(crate) fn of_the_group(error: &Arc<DieselError>) -> Self {
        match error.as_ref() {
            DieselError::DatabaseError(_, info) if is_lock(info.message()) => Self::Busy,
            _ => Self::Commit(Arc::clone(error)),
        }
    }
}

impl From<KeyError> for StoreError {
    fn from(error: KeyError) -> Self {
        Self::Keys(error)
    }
}

impl From<BlobError> for StoreError {
    fn from(error: BlobError) -> Self {
        Self::Blob(error)
    }
}

/// Diesel passes on no SQLSTATE for these, so the text has to do. Every translation of
/// PostgreSQL's text keeps the word "deadlock"; an unknown text merely stays `Database`.
fn by_message(message: &str) -> Option<StoreError> {
    if message.contains("deadlock") {
        return Some(StoreError::Conflict);
    }
    (is_lock(message) || message.contains("statement timeout")).then_some(StoreError::Busy)
}

fn is_lock(message: &str) -> bool {
    message.contains("lock timeout")
        || message.contains("database is locked")
        || message.contains("database table is locked")
}

fn constraint(info: &(dyn DatabaseErrorInformation + Send + Sync)) -> String {
    if let Some(name) = info.constraint_name() {
        return name.to_owned();
    }
    match info.message().strip_prefix("UNIQUE constraint failed: ") {
        Some(columns) => postgres_name(columns),
        None => String::from("unknown"),
    }
}

/// `counters.year, counters.name` becomes `counters_year_name_key`; the name of an index on
/// an expression, which SQLite gives as `index 'name'`, stays that name.
fn postgres_name(columns: &str) -> String {
    if let Some(name) = columns.strip_prefix("index ") {
        return name.trim_matches('\'').to_owned();
    }
    let mut name = String::new();
    for part in columns.split(", ") {
        let (table, column) = part.split_once('.').unwrap_or(("", part));
        if name.is_empty() {
            name.push_str(table);
        }
        name.push('_');
        name.push_str(column);
    }
    name.push_str("_key");
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_columns_become_the_name_postgres_would_give() {
        assert_eq!(postgres_name("users.email"), "users_email_key");
        assert_eq!(
            postgres_name("notes.ticket, notes.seq"),
            "notes_ticket_seq_key"
        );
        assert_eq!(postgres_name("index 'users_email_key'"), "users_email_key");
    }
}
