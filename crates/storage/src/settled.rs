//! The version of what is set seldom and asked with every change of a ticket: routing rules, SLA
//! policies, how desks give out and tell, who works where and wants mail, which endpoints there are.
//!
//! Triggers on both databases put another number in the place of the version with each change of one of
//! these (migration 36), so that no code can forget to, nor a person who writes SQL by hand. Whoever keeps
//! any of it in memory asks for the version and nothing else. A version is a random number: one that was
//! rolled back never comes again, and what somebody kept under it is never believed.
//!
//! Invariant: within a transaction the version is asked for once, unless the transaction itself sets
//! something.

use std::cell::Cell;

use diesel::prelude::*;

use crate::schema::counters;
use crate::{DbConnection, StoreError};

thread_local! {
    static SEEN: Cell<Option<i64>> = const { Cell::new(None) };
}

/// The name of the counter that holds it.
const COUNTER: &str = "settings";

/// The version in force for the transaction at work on this thread.
pub fn version(conn: &mut DbConnection) -> Result<i64, StoreError> {
    if let Some(seen) = SEEN.get() {
        return Ok(seen);
    }
    let version = counters::table
        .find(COUNTER)
        .select(counters::value)
        .first(conn)?;
    SEEN.set(Some(version));
    Ok(version)
}

/// A transaction begins, or sets something.
pub(crate) fn forget() {
    SEEN.set(None);
}
