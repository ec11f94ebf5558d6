//! Answers to repeated requests, written in the transaction of the first (D-35). Who asked is kept as a
//! print, made by the caller with the installation's secret.

use diesel::prelude::*;
use jiff::Timestamp;

use crate::schema::idempotency_keys;
use crate::sql_types::Ts;
use crate::{DbConnection, StoreError};

/// Which request it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestKey {
    /// Who asks; in a row the print of it.
    pub principal: String,
    /// Method and path.
    pub route: String,
    /// The client's key.
    pub key: String,
}

/// A kept answer.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Of the request it answered.
    pub fingerprint: String,
    /// Sealed.
    pub answer: Vec<u8>,
    /// When it was given.
    pub created_at: Timestamp,
}

/// What is kept under a key.
pub fn find(conn: &mut DbConnection, key: &RequestKey) -> Result<Option<Kept>, StoreError> {
    let row = idempotency_keys::table
        .find((key.principal.clone(), key.route.clone(), key.key.clone()))
        .select((
            idempotency_keys::fingerprint,
            idempotency_keys::answer,
            idempotency_keys::created_at,
        ))
        .first::<(String, Vec<u8>, Ts)>(conn)
        .optional()?;
    Ok(row.map(|(fingerprint, answer, at)| Kept {
        fingerprint,
        answer,
        created_at: at.0,
    }))
}

/// Keeps an answer. A key taken meanwhile is a unique violation.
pub fn insert(
    conn: &mut DbConnection,
    key: &RequestKey,
    fingerprint: &str,
    answer: &[u8],
    now: Timestamp,
) -> Result<(), StoreError> {
    let values = (
        idempotency_keys::principal.eq(key.principal.clone()),
        idempotency_keys::route.eq(key.route.clone()),
        idempotency_keys::key.eq(key.key.clone()),
        idempotency_keys::fingerprint.eq(fingerprint.to_owned()),
        idempotency_keys::answer.eq(answer.to_vec()),
        idempotency_keys::created_at.eq(Ts(now)),
    );
    diesel::insert_into(idempotency_keys::table)
        .values(values)
        .execute(conn)?;
    Ok(())
}

/// Forgets one key whose time is over.
pub fn delete(conn: &mut DbConnection, key: &RequestKey) -> Result<(), StoreError> {
    let row =
        idempotency_keys::table.find((key.principal.clone(), key.route.clone(), key.key.clone()));
    diesel::delete(row).execute(conn)?;
    Ok(())
}

/// Keys whose askers are still kept by name, from before they were printed, `most` of them: a print
/// holds no colon, and a name does.
pub fn list_named(conn: &mut DbConnection, most: i64) -> Result<Vec<RequestKey>, StoreError> {
    let rows = idempotency_keys::table
        .filter(idempotency_keys::principal.like("%:%"))
        .select((
            idempotency_keys::principal,
            idempotency_keys::route,
            idempotency_keys::key,
        ))
        .limit(most)
        .load::<(String, String, String)>(conn)?;
    let key = |(principal, route, key)| RequestKey {
        principal,
        route,
        key,
    };
    Ok(rows.into_iter().map(key).collect())
}

/// Puts the print of who asked in the place of the name.
pub fn set_print(
    conn: &mut DbConnection,
    key: &RequestKey,
    print: String,
) -> Result<(), StoreError> {
    let row =
        idempotency_keys::table.find((key.principal.clone(), key.route.clone(), key.key.clone()));
    diesel::update(row)
        .set(idempotency_keys::principal.eq(print))
        .execute(conn)?;
    Ok(())
}

/// Forgets answers kept before `before`, `most` of them at a time.
pub fn delete_old(
    conn: &mut DbConnection,
    before: Timestamp,
    most: i64,
) -> Result<usize, StoreError> {
    let old = idempotency_keys::table
        .filter(idempotency_keys::created_at.lt(Ts(before)))
        .select((
            idempotency_keys::principal,
            idempotency_keys::route,
            idempotency_keys::key,
        ))
        .limit(most)
        .load::<(String, String, String)>(conn)?;
    for row in &old {
        diesel::delete(idempotency_keys::table.find(row.clone())).execute(conn)?;
    }
    Ok(old.len())
}
