//! Tokens that are good once: their prints are kept until the tokens end anyway, so that a replay is
//! known after a restart and on every node (`conventions.md` ModI-32).

use diesel::prelude::*;
use jiff::Timestamp;

use crate::schema::used_tokens;
use crate::sql_types::Ts;
use crate::{DbConnection, StoreError, dialect};

/// Uses a token. False if it was used before.
pub fn take(
    conn: &mut DbConnection,
    print: &str,
    expires_at: Timestamp,
) -> Result<bool, StoreError> {
    let insert = diesel::insert_into(used_tokens::table).values((
        used_tokens::print.eq(print.to_owned()),
        used_tokens::expires_at.eq(Ts(expires_at)),
    ));
    Ok(dialect::insert_if_absent(insert, &["print"]).execute(conn)? == 1)
}

/// Forgets tokens that ended before `before`, `most` of them at a time.
pub fn delete_ended(
    conn: &mut DbConnection,
    before: Timestamp,
    most: i64,
) -> Result<usize, StoreError> {
    let old = used_tokens::table
        .filter(used_tokens::expires_at.lt(Ts(before)))
        .select(used_tokens::print)
        .limit(most)
        .load::<String>(conn)?;
    Ok(diesel::delete(used_tokens::table.filter(used_tokens::print.eq_any(old))).execute(conn)?)
}
