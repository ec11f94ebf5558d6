//! The rows of data keys, each wrapped by the master key.
//!
//! Invariant: the context a key is wrapped under holds its number, desk and generation, so that no row
//! can be put in the place of another.

use aws_lc_rs::rand::{self, SystemRandom};
use diesel::prelude::*;
use domain::visibility::Scope;
use jiff::Timestamp;

use crate::connection::{Manager, Role};
use crate::keyring::{KeyError, MasterKey};
use crate::schema::data_keys;
use crate::sql_types::Ts;
use crate::transaction::transact;
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
    pub(crate) vacated_at: Option<Ts>,
}

impl KeyRow {
    /// Whether it seals for its desk now.
    pub fn is_in_use(&self) -> bool {
        self.retired_at.is_none()
    }

    /// Whether something may still be sealed with it that the next one should seal.
    pub fn is_leaving(&self) -> bool {
        self.retired_at.is_some() && self.destroyed_at.is_none() && self.vacated_at.is_none()
    }

    /// When the next one took its place.
    pub fn retired_at(&self) -> Option<Timestamp> {
        self.retired_at.map(|at| at.0)
    }

    /// When it was destroyed.
    pub fn destroyed_at(&self) -> Option<Timestamp> {
        self.destroyed_at.map(|at| at.0)
    }

    /// Since when nothing is sealed with it any more.
    pub fn vacated_at(&self) -> Option<Timestamp> {
        self.vacated_at.map(|at| at.0)
    }

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

/// The master key that wrapped the keys there are; none where there are none.
pub fn find_master(conn: &mut DbConnection) -> Result<Option<String>, StoreError> {
    Ok(data_keys::table
        .filter(data_keys::wrapped.is_not_null())
        .order(data_keys::id.asc())
        .select(data_keys::master)
        .first(conn)
        .optional()?)
}

/// Whether there are keys, destroyed ones among them.
pub fn has_any(conn: &mut DbConnection) -> Result<bool, StoreError> {
    let rows: i64 = data_keys::table.count().get_result(conn)?;
    Ok(rows > 0)
}

/// Adds the next key of a desk and wraps it; the caller has retired the one before. Refused with the
/// name of the right master key if another one wrapped the others.
pub fn add(
    conn: &mut DbConnection,
    master: &dyn MasterKey,
    desk: &str,
    now: Timestamp,
) -> Result<i64, StoreError> {
    dialect::follow_each_other(conn, "data_keys")?;
    if let Some(expected) = find_master(conn)?
        && expected != master.id()
    {
        let given = master.id().to_owned();
        return Err(KeyError::WrongMaster { expected, given }.into());
    }
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
        vacated_at: None,
    };
    diesel::insert_into(data_keys::table)
        .values(row)
        .execute(conn)?;
    Ok(id)
}

/// Retires the key in use of a desk and adds the next one.
pub(crate) fn rotate(
    conn: &mut DbConnection,
    master: &dyn MasterKey,
    desk: &str,
    now: Timestamp,
) -> Result<i64, StoreError> {
    dialect::follow_each_other(conn, "data_keys")?;
    let in_use = data_keys::table
        .filter(data_keys::desk.eq(desk.to_owned()))
        .filter(data_keys::retired_at.is_null());
    let retired = diesel::update(in_use)
        .set(data_keys::retired_at.eq(Some(Ts(now))))
        .execute(conn)?;
    if retired == 0 {
        return Err(KeyError::NoKey(desk.to_owned()).into());
    }
    add(conn, master, desk, now)
}

/// Destroys every key of a desk but the next one, which it adds.
pub(crate) fn destroy(
    conn: &mut DbConnection,
    master: &dyn MasterKey,
    desk: &str,
    now: Timestamp,
) -> Result<usize, StoreError> {
    dialect::erase_what_goes(conn)?;
    let next = rotate(conn, master, desk, now)?;
    let gone: Option<Vec<u8>> = None;
    let all = data_keys::table
        .filter(data_keys::desk.eq(desk.to_owned()))
        .filter(data_keys::id.ne(next))
        .filter(data_keys::wrapped.is_not_null());
    Ok(diesel::update(all)
        .set((
            data_keys::wrapped.eq(gone),
            data_keys::destroyed_at.eq(Some(Ts(now))),
        ))
        .execute(conn)?)
}

/// Says that nothing is sealed with these keys any more.
pub fn set_vacated(conn: &mut DbConnection, ids: &[i64], now: Timestamp) -> Result<(), StoreError> {
    let those = data_keys::table
        .filter(data_keys::id.eq_any(ids.to_vec()))
        .filter(data_keys::retired_at.is_not_null());
    diesel::update(those)
        .set(data_keys::vacated_at.eq(Some(Ts(now))))
        .execute(conn)?;
    Ok(())
}

/// A key that another master key has wrapped, not yet put in its place.
pub struct Rewrapped {
    id: i64,
    was: Vec<u8>,
    wrapped: Vec<u8>,
}

/// Wraps every key that lives with another master key; writes nothing. What was wrapped is opened
/// again, so that a keeper that cannot do so is found now and not at the next start.
pub fn rewrap(
    rows: &[KeyRow],
    from: &dyn MasterKey,
    to: &dyn MasterKey,
) -> Result<Vec<Rewrapped>, KeyError> {
    let mut done = Vec::new();
    for row in rows {
        let Some(was) = &row.wrapped else { continue };
        let context = row.context();
        let key = from.unwrap(&context, was)?;
        let wrapped = to.wrap(&context, &key)?;
        if to.unwrap(&context, &wrapped)? != key {
            return Err(KeyError::Keeper(String::from(
                "it does not give back what it wrapped",
            )));
        }
        done.push(Rewrapped {
            id: row.id,
            was: was.clone(),
            wrapped,
        });
    }
    Ok(done)
}

/// Puts the keys in the place of those they were made from, all or none: `Stale` if a key was added,
/// destroyed or wrapped anew meanwhile.
pub fn put_rewrapped(
    conn: &mut DbConnection,
    keys: &[Rewrapped],
    master: &str,
) -> Result<(), StoreError> {
    dialect::follow_each_other(conn, "data_keys")?;
    for key in keys {
        let same = data_keys::table
            .filter(data_keys::id.eq(key.id))
            .filter(data_keys::wrapped.eq(Some(key.was.clone())));
        let changed = diesel::update(same)
            .set((
                data_keys::wrapped.eq(Some(key.wrapped.clone())),
                data_keys::master.eq(master.to_owned()),
            ))
            .execute(conn)?;
        if changed == 0 {
            return Err(StoreError::Stale);
        }
    }
    let others: i64 = data_keys::table
        .filter(data_keys::wrapped.is_not_null())
        .filter(data_keys::master.ne(master.to_owned()))
        .count()
        .get_result(conn)?;
    match others {
        0 => Ok(()),
        _ => Err(StoreError::Stale),
    }
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
