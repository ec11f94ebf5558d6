//! The rows of data keys, each wrapped by the master key.
//!
//! Invariant: the context a key is wrapped under holds its number, desk and generation, so that no row
//! can be put in the place of another.

use aws_lc_rs::rand::{self, SystemRandom};
use diesel::prelude::*;
use domain::visibility::Scope;
use jiff::Timestamp;

use crate::connection::{Manager, Role};
use crate::db::transact;
use crate::keyring::{KeyError, MasterKey};
use crate::schema::data_keys;
use crate::sql_types::Ts;
use crate::{DbConnection, StoreError, dialect};

/// A data key as it is kept.
#[derive(Queryable, Selectable, Insertable, Clone)]
#[diesel(table_name = data_keys, treat_none_as_default_value = false)]
pub struct KeyRow {
    /// Its number, which sealed values name.
    pub id: i64,
    /// The desk it seals for; empty for what belongs to no desk.
    pub desk: String,
    /// The how-manieth of its desk.
    pub generation: i32,
    /// The master key that wrapped it.
    pub master: String,
    /// The wrapped key; none once destroyed.
    pub wrapped: Option<Vec<u8>>,
    pub(crate) created_at: Ts,
    pub(crate) retired_at: Option<Ts>,
    pub(crate) destroyed_at: Option<Ts>,
}

impl KeyRow {
    /// What the wrapping is bound to.
    pub fn context(&self) -> Vec<u8> {
        context(self.id, &self.desk, self.generation)
    }
}

fn context(id: i64, desk: &str, generation: i32) -> Vec<u8> {
    format!("data_keys/{id}/{generation}/{desk}").into_bytes()
}

/// Every key, oldest first.
pub fn list(conn: &mut DbConnection) -> Result<Vec<KeyRow>, StoreError> {
    Ok(data_keys::table
        .order(data_keys::id.asc())
        .select(KeyRow::as_select())
        .load(conn)?)
}

/// Adds the next key of a desk and wraps it; the caller has retired the one before.
pub fn add(
    conn: &mut DbConnection,
    master: &dyn MasterKey,
    desk: &str,
    now: Timestamp,
) -> Result<i64, StoreError> {
    dialect::follow_each_other(conn, "data_keys")?;
    let last: Option<i64> = data_keys::table
        .select(diesel::dsl::max(data_keys::id))
        .first(conn)?;
    let before: Option<i32> = data_keys::table
        .filter(data_keys::desk.eq(desk.to_owned()))
        .select(diesel::dsl::max(data_keys::generation))
        .first(conn)?;
    let (id, generation) = (last.unwrap_or(0) + 1, before.unwrap_or(0) + 1);
    let mut key = [0; 32];
    rand::SecureRandom::fill(&SystemRandom::new(), &mut key)
        .map_err(|_| KeyError::Keeper(String::from("no random bytes from the system")))?;
    let row = KeyRow {
        id,
        desk: desk.to_owned(),
        generation,
        master: master.id().to_owned(),
        wrapped: Some(master.wrap(&context(id, desk, generation), &key)?),
        created_at: Ts(now),
        retired_at: None,
        destroyed_at: None,
    };
    diesel::insert_into(data_keys::table)
        .values(row)
        .execute(conn)?;
    Ok(id)
}

/// The first key of each of these desks that still has none, whichever node is first.
pub(crate) fn add_first(
    manager: &Manager,
    master: &dyn MasterKey,
    desks: &[String],
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut conn = manager.open(Role::Writer)?;
    let begin = |db: &mut DbConnection| dialect::begin_write(db, &Scope::Nothing);
    transact(&mut conn, begin, |db| {
        dialect::follow_each_other(db, "data_keys")?;
        let rows = list(db)?;
        for desk in desks {
            if !rows.iter().any(|row| row.desk == *desk) {
                add(db, master, desk, now)?;
            }
        }
        Ok(())
    })
}
