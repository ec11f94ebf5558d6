//! Counters handed out in blocks, so that no filing waits for another's commit.

use diesel::prelude::*;

use crate::schema::counters;
use crate::{DbConnection, StoreError};

/// Takes `size` numbers and answers the first. What is taken and not used is skipped for good.
pub fn take_block(conn: &mut DbConnection, name: &str, size: i64) -> Result<i64, StoreError> {
    let end: Option<i64> = diesel::update(counters::table.find(name.to_owned()))
        .set(counters::value.eq(counters::value + size))
        .returning(counters::value)
        .get_result(conn)
        .optional()?;
    match end {
        Some(end) => Ok(end - size + 1),
        None => {
            diesel::insert_into(counters::table)
                .values((counters::name.eq(name.to_owned()), counters::value.eq(size)))
                .execute(conn)?;
            Ok(1)
        }
    }
}
