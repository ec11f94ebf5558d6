//! Wrong passwords, by account and by the network they came from: whoever guesses from one network
//! waits there, and the person at another one does not (A13).

use diesel::prelude::*;
use domain::ids::AccountId;
use jiff::Timestamp;

use crate::schema::{accounts, login_sources};
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, dialect};

/// What is known of a network's tries at an account, this one included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tries {
    /// Tries from this network since the last right one from it.
    pub here: i32,
    /// Tries from anywhere since the last right one.
    pub anywhere: i32,
    /// Whether the right password ever came from this network.
    pub is_known: bool,
}

/// Counts a try before its password is looked at, so that guessing in parallel gains nothing.
/// `None` while this network must wait: then it does not count.
pub fn count(
    conn: &mut DbConnection,
    account: AccountId,
    source: &str,
    now: Timestamp,
) -> Result<Option<Tries>, StoreError> {
    hear_of(conn, account, source, now)?;
    let row = login_sources::table.find((Id(account.uuid()), source.to_owned()));
    let is_known = row
        .clone()
        .select(login_sources::succeeded_at)
        .first::<Option<Ts>>(conn)?
        .is_some();
    let free = login_sources::blocked_until
        .is_null()
        .or(login_sources::blocked_until.le(Some(Ts(now))));
    let counted = diesel::update(row.clone().filter(free))
        .set((
            login_sources::failures.eq(login_sources::failures + 1),
            login_sources::tried_at.eq(Ts(now)),
        ))
        .execute(conn)?;
    if counted == 0 {
        return Ok(None);
    }
    diesel::update(accounts::table.find(Id(account.uuid())))
        .set(accounts::failures.eq(accounts::failures + 1))
        .execute(conn)?;
    let here = row.select(login_sources::failures).first(conn)?;
    let anywhere = accounts::table
        .find(Id(account.uuid()))
        .select(accounts::failures)
        .first(conn)?;
    Ok(Some(Tries {
        here,
        anywhere,
        is_known,
    }))
}

/// Sees to it that the network has a row.
fn hear_of(
    conn: &mut DbConnection,
    account: AccountId,
    source: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let insert = diesel::insert_into(login_sources::table).values((
        login_sources::account_id.eq(Id(account.uuid())),
        login_sources::source.eq(source.to_owned()),
        login_sources::failures.eq(0),
        login_sources::tried_at.eq(Ts(now)),
    ));
    dialect::insert_if_absent(insert, &["account_id", "source"]).execute(conn)?;
    Ok(())
}

/// No try from this network counts before `until`.
pub fn block(
    conn: &mut DbConnection,
    account: AccountId,
    source: &str,
    until: Timestamp,
) -> Result<(), StoreError> {
    diesel::update(login_sources::table.find((Id(account.uuid()), source.to_owned())))
        .set(login_sources::blocked_until.eq(Some(Ts(until))))
        .execute(conn)?;
    Ok(())
}

/// The right password came from this network: its tries are forgotten, and it is known from now on.
/// Other networks' waiting goes on: theirs may be a guesser's.
pub fn succeed(
    conn: &mut DbConnection,
    account: AccountId,
    source: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    hear_of(conn, account, source, now)?;
    diesel::update(login_sources::table.find((Id(account.uuid()), source.to_owned())))
        .set((
            login_sources::failures.eq(0),
            login_sources::blocked_until.eq(None::<Ts>),
            login_sources::succeeded_at.eq(Some(Ts(now))),
        ))
        .execute(conn)?;
    diesel::update(accounts::table.find(Id(account.uuid())))
        .set(accounts::failures.eq(0))
        .execute(conn)?;
    Ok(())
}

/// Forgets everything counted against an account: somebody vouched for the person anew.
pub fn forget(conn: &mut DbConnection, account: AccountId) -> Result<(), StoreError> {
    let own = login_sources::table.filter(login_sources::account_id.eq(Id(account.uuid())));
    diesel::update(own)
        .set((
            login_sources::failures.eq(0),
            login_sources::blocked_until.eq(None::<Ts>),
        ))
        .execute(conn)?;
    diesel::update(accounts::table.find(Id(account.uuid())))
        .set(accounts::failures.eq(0))
        .execute(conn)?;
    Ok(())
}

/// Forgets networks not heard of since `before`, `most` of them at a time.
pub fn delete_old(
    conn: &mut DbConnection,
    before: Timestamp,
    most: i64,
) -> Result<usize, StoreError> {
    let old = login_sources::table
        .filter(login_sources::tried_at.lt(Ts(before)))
        .select((login_sources::account_id, login_sources::source))
        .limit(most)
        .load::<(Id, String)>(conn)?;
    for (account, source) in &old {
        diesel::delete(login_sources::table.find((*account, source.clone()))).execute(conn)?;
    }
    Ok(old.len())
}
