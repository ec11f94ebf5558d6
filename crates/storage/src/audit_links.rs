//! The chains of the audit trail: place by place, the hash of each entry over the one before
//! (`docs/adr/0034`).
//!
//! Entries are linked after their commit, in the order in which they arrived. Each wrote a row of
//! `audit_pending` in its own transaction, by a trigger: however late it is committed, that row is seen
//! then, and goes with the link. Invariant: an entry has at most one link, places of a chain are 1, 2, 3 …
//! without holes, and what is not ours is not linked.

use std::collections::{HashMap, HashSet};

use aws_lc_rs::digest::{Context, SHA256};
use diesel::prelude::*;
use jiff::Timestamp;

use crate::audit::{EntryName, KeptEntry, framed};
use crate::schema::{audit_entries, audit_links, audit_pending};
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, dialect, keyring};

/// The last place of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Which chain; empty for what belongs to no desk.
    pub chain: String,
    /// Its last place; 0 before the first.
    pub seq: i64,
    /// The hash there.
    pub hash: Vec<u8>,
}

impl Head {
    /// Before the first entry.
    pub(crate) fn start(chain: &str) -> Self {
        Head {
            chain: chain.to_owned(),
            seq: 0,
            hash: vec![0; 32],
        }
    }

    /// The head after `entry` was linked here: SHA-256 over the hash before and chain, place, id, nth,
    /// time (microseconds since 1970) and body, each with its length in front.
    pub(crate) fn next(&self, entry: &KeptEntry) -> Head {
        let seq = self.seq + 1;
        let parts: [&[u8]; 6] = [
            entry.chain.as_bytes(),
            &seq.to_be_bytes(),
            entry.id.0.as_bytes(),
            &entry.nth.to_be_bytes(),
            &entry.at.0.as_microsecond().to_be_bytes(),
            entry.body.as_bytes(),
        ];
        let mut context = Context::new(&SHA256);
        context.update(&self.hash);
        context.update(&framed(&parts));
        Head {
            chain: entry.chain.clone(),
            seq,
            hash: context.finish().as_ref().to_vec(),
        }
    }
}

#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = audit_links, treat_none_as_default_value = false)]
pub(crate) struct LinkRow {
    pub(crate) chain: String,
    pub(crate) seq: i64,
    pub(crate) entry_id: Id,
    pub(crate) nth: i32,
    pub(crate) previous: Vec<u8>,
    pub(crate) hash: Vec<u8>,
}

impl LinkRow {
    pub(crate) fn entry(&self) -> EntryName {
        EntryName {
            id: self.entry_id.0,
            nth: self.nth,
        }
    }
}

/// What linking a page led to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Linking {
    /// Entries that got their place.
    pub linked: usize,
    /// Entries that are not ours, were linked before, or are gone: not linked, and kept to be looked at.
    pub refused: Vec<EntryName>,
}

/// Whether a committed entry has no place yet.
pub fn has_pending(conn: &mut DbConnection) -> Result<bool, StoreError> {
    let pending = audit_pending::table.filter(audit_pending::refused_at.is_null());
    Ok(diesel::select(diesel::dsl::exists(pending)).get_result(conn)?)
}

/// Gives up to `limit` committed entries their places. Those who do so follow each other; those who
/// write entries wait for none of them.
pub fn link(conn: &mut DbConnection, limit: i64, now: Timestamp) -> Result<Linking, StoreError> {
    dialect::follow_each_other(conn, "audit_links")?;
    let entry = audit_entries::id
        .eq(audit_pending::entry_id)
        .and(audit_entries::nth.eq(audit_pending::nth));
    let waiting = audit_pending::table
        .left_join(audit_entries::table.on(entry))
        .filter(audit_pending::refused_at.is_null())
        .order(audit_pending::arrival)
        .limit(limit)
        .select((
            audit_pending::arrival,
            (audit_pending::entry_id, audit_pending::nth),
            Option::<KeptEntry>::as_select(),
        ))
        .load::<(i64, (Id, i32), Option<KeptEntry>)>(conn)?;
    let keys = keyring::current()?;
    let mut heads: HashMap<String, Head> = HashMap::new();
    let mut run = Linking::default();
    let mut done = Vec::with_capacity(waiting.len());
    let names = waiting.iter().map(|(_, (id, _), _)| *id).collect();
    let mut linked = list_linked(conn, names)?;
    let mut links = Vec::with_capacity(waiting.len());
    for (arrival, (id, nth), entry) in waiting {
        let name = EntryName { id: id.0, nth };
        let ours = match entry {
            Some(entry) if entry.is_ours(&keys)? && linked.insert(name) => Some(entry),
            _ => None,
        };
        let Some(entry) = ours else {
            diesel::update(audit_pending::table.find(arrival))
                .set(audit_pending::refused_at.eq(Some(Ts(now))))
                .execute(conn)?;
            run.refused.push(name);
            continue;
        };
        let before = match heads.remove(&entry.chain) {
            Some(head) => head,
            None => head(conn, &entry.chain)?,
        };
        let after = before.next(&entry);
        links.push(LinkRow {
            chain: after.chain.clone(),
            seq: after.seq,
            entry_id: entry.id,
            nth: entry.nth,
            previous: before.hash,
            hash: after.hash.clone(),
        });
        heads.insert(after.chain.clone(), after);
        done.push(arrival);
        run.linked += 1;
    }
    dialect::add_links(conn, links)?;
    diesel::delete(audit_pending::table.filter(audit_pending::arrival.eq_any(done)))
        .execute(conn)?;
    Ok(run)
}

/// Which entries of these requests are linked.
fn list_linked(conn: &mut DbConnection, ids: Vec<Id>) -> Result<HashSet<EntryName>, StoreError> {
    let query = audit_links::table
        .filter(audit_links::entry_id.eq_any(ids))
        .select((audit_links::entry_id, audit_links::nth));
    let rows = query.load::<(Id, i32)>(conn)?.into_iter();
    Ok(rows.map(|(id, nth)| EntryName { id: id.0, nth }).collect())
}

/// The head of a chain.
pub fn head(conn: &mut DbConnection, chain: &str) -> Result<Head, StoreError> {
    let found = audit_links::table
        .filter(audit_links::chain.eq(chain.to_owned()))
        .order(audit_links::seq.desc())
        .select((audit_links::seq, audit_links::hash))
        .first::<(i64, Vec<u8>)>(conn)
        .optional()?;
    Ok(match found {
        Some((seq, hash)) => Head {
            chain: chain.to_owned(),
            seq,
            hash,
        },
        None => Head::start(chain),
    })
}

/// The codes of all chains, in order. One look into the index for each, however long they are.
pub fn chains(conn: &mut DbConnection) -> Result<Vec<String>, StoreError> {
    let mut found: Vec<String> = Vec::new();
    loop {
        let mut query = audit_links::table
            .order(audit_links::chain.asc())
            .select(audit_links::chain)
            .into_boxed();
        if let Some(last) = found.last() {
            query = query.filter(audit_links::chain.gt(last.clone()));
        }
        match query.first(conn).optional()? {
            Some(next) => found.push(next),
            None => return Ok(found),
        }
    }
}

/// The heads of all chains, in order of their codes.
pub fn heads(conn: &mut DbConnection) -> Result<Vec<Head>, StoreError> {
    let chains = chains(conn)?;
    chains.iter().map(|chain| head(conn, chain)).collect()
}

/// The hash at a place, and the entry there.
pub fn find(
    conn: &mut DbConnection,
    chain: &str,
    seq: i64,
) -> Result<Option<(Vec<u8>, EntryName)>, StoreError> {
    let found = audit_links::table
        .find((chain.to_owned(), seq))
        .select(LinkRow::as_select())
        .first::<LinkRow>(conn)
        .optional()?;
    Ok(found.map(|row| (row.hash.clone(), row.entry())))
}

/// How many entries wait, and how many were refused.
pub fn count_pending(conn: &mut DbConnection) -> Result<(i64, i64), StoreError> {
    let count = |is_refused: bool, conn: &mut DbConnection| {
        let mut query = audit_pending::table.count().into_boxed();
        query = match is_refused {
            true => query.filter(audit_pending::refused_at.is_not_null()),
            false => query.filter(audit_pending::refused_at.is_null()),
        };
        query.get_result::<i64>(conn)
    };
    Ok((count(false, conn)?, count(true, conn)?))
}
