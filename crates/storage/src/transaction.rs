//! One transaction on the thread that asks for it: how it begins, what ends it.
//!
//! Invariant: committed only if what ran in it wished so, nothing in it failed and nothing panicked; a
//! connection nobody knows the state of is given up.

use std::panic::{AssertUnwindSafe, catch_unwind};

use diesel::connection::TransactionManager;
use diesel::result::QueryResult;

use crate::connection::{DbConnection, Managed};
use crate::error::StoreError;
use crate::work::{self, Wish, Work};
use crate::{keyring, settled};

type Tm = DbConnection;

/// How a transaction begins.
pub(crate) type Begin<'a> = dyn Fn(&mut DbConnection) -> QueryResult<()> + 'a;

/// One transaction on this thread.
pub(crate) fn transact<T, E: From<StoreError>>(
    conn: &mut Managed,
    begin: impl Fn(&mut DbConnection) -> QueryResult<()>,
    f: impl FnOnce(&mut DbConnection) -> Result<T, E>,
) -> Result<T, E> {
    work::through(f, |work| transaction(conn, &begin, work))
}

pub(crate) fn transaction(
    conn: &mut Managed,
    begin: &Begin<'_>,
    work: &mut Work<'_>,
) -> Result<(), StoreError> {
    // The fence that goes up at the beginning names prints, which have to be those of all that follows.
    let _keys = keyring::enter(&conn.keys);
    begun(conn, begin)?;
    finish(conn, work)
}

/// Begins a transaction, with the keys of the thread.
pub(crate) fn begun(conn: &mut Managed, begin: &Begin<'_>) -> Result<(), StoreError> {
    keyring::unpin();
    settled::forget();
    begin(&mut conn.db).map_err(|error| {
        // Of several statements the first may have begun it.
        conn.health.give_up();
        StoreError::from(error)
    })
}

/// Runs `work` in the transaction that was begun, with the same keys, and ends it.
pub(crate) fn finish(conn: &mut Managed, work: &mut Work<'_>) -> Result<(), StoreError> {
    match caught(conn, work) {
        // PostgreSQL answers COMMIT of a failed transaction with a roll-back and no error.
        Ok(Wish::Keep) if is_doomed(conn) => {
            roll_back(conn);
            Err(StoreError::Aborted)
        }
        Ok(Wish::Keep) => Ok(Tm::commit_transaction(&mut conn.db)?),
        ended => {
            roll_back(conn);
            ended.map(drop)
        }
    }
}

fn is_doomed(conn: &Managed) -> bool {
    matches!(conn.db, DbConnection::Pg(_)) && conn.health.has_failed()
}

fn roll_back(conn: &mut Managed) {
    if let Err(error) = Tm::rollback_transaction(&mut conn.db) {
        // Not in the way of the answer: the database drops what a lost connection began.
        tracing::warn!(%error, "cannot roll back, giving up the connection");
        conn.health.give_up();
    }
}

/// Runs `work`, and gives up the connection if it panics: nobody knows how it was left.
pub(crate) fn caught(conn: &mut Managed, work: &mut Work<'_>) -> Result<Wish, StoreError> {
    let _keys = keyring::enter(&conn.keys);
    let db = &mut conn.db;
    catch_unwind(AssertUnwindSafe(|| work(db))).unwrap_or_else(|_| {
        conn.health.give_up();
        Err(StoreError::Panicked)
    })
}
