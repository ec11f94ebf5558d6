//! Counters handed out in blocks, so that no filing waits for another's commit.

use diesel::prelude::*;

use crate::prepared::prepared;
use crate::schema::counters;
use crate::{DbConnection, StoreError, dialect};

/// Takes `size` numbers and answers the first. What is taken and not used is skipped for good.
pub fn take_block(conn: &mut DbConnection, name: &str, size: i64) -> Result<i64, StoreError> {
    if let Some(end) = advance(conn, name, size)? {
        return Ok(end - size + 1);
    }
    // Of two that start a counter, the later waits here and then goes on after the earlier.
    let start = diesel::insert_into(counters::table)
        .values((counters::name.eq(name), counters::value.eq(0)));
    dialect::insert_if_absent(start, &["name"]).execute(conn)?;
    match advance(conn, name, size)? {
        Some(end) => Ok(end - size + 1),
        None => Err(StoreError::NotFound { what: "counter" }),
    }
}

fn advance(conn: &mut DbConnection, name: &str, size: i64) -> Result<Option<i64>, StoreError> {
    let update = diesel::update(counters::table.find(name.to_owned()))
        .set(counters::value.eq(counters::value + size))
        .returning(counters::value);
    Ok(prepared(update).get_result(conn).optional()?)
}
