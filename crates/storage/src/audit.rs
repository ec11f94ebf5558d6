//! The entries of the audit trail, append-only. Their body is kept letter by letter, since chains and
//! anchors are over it.
//!
//! Writing one touches no chain: it is linked after the commit (`audit_links`, `docs/adr/0034`). Until
//! then its code says that it is ours: a keyed print with a key that is not in the database.

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use diesel::prelude::*;
use domain::audit::AuditEntry;
use jiff::Timestamp;
use uuid::Uuid;

use crate::keyring::{self, Field, INSTALLATION, Keyring};
use crate::schema::{audit_entries, audit_links};
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, dialect};

/// Which entry: a request may have several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryName {
    /// Its request.
    pub id: Uuid,
    /// The how-manieth of it.
    pub nth: i32,
}

/// An entry as it is kept.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable)]
#[diesel(table_name = audit_entries, treat_none_as_default_value = false)]
pub struct KeptEntry {
    pub(crate) id: Id,
    pub(crate) nth: i32,
    /// The chain it is in.
    pub chain: String,
    pub(crate) at: Ts,
    /// The entry itself, letter by letter.
    pub body: String,
    /// Its code.
    pub mac: String,
}

impl KeptEntry {
    /// Which it is.
    pub fn name(&self) -> EntryName {
        EntryName {
            id: self.id.0,
            nth: self.nth,
        }
    }

    /// When, to the microsecond.
    pub fn at(&self) -> Timestamp {
        self.at.0
    }

    /// What it says; none if nobody of us wrote it.
    pub fn read(&self) -> Option<AuditEntry> {
        serde_json::from_str(&self.body).ok()
    }

    /// What its code is made of.
    fn coded(&self) -> String {
        let parts: [&[u8]; 5] = [
            self.chain.as_bytes(),
            self.id.0.as_bytes(),
            &self.nth.to_be_bytes(),
            &self.at.0.as_microsecond().to_be_bytes(),
            self.body.as_bytes(),
        ];
        HEXLOWER.encode(digest(&SHA256, &framed(&parts)).as_ref())
    }

    /// Whether its code was made by this installation. Keys that another node made meanwhile count.
    pub(crate) fn is_ours(&self, keys: &Keyring) -> Result<bool, StoreError> {
        let coded = self.coded();
        let is_known = || {
            let codes = keys.prints_of(INSTALLATION, Field::AuditEntry, &coded);
            codes.contains(&self.mac)
        };
        if is_known() {
            return Ok(true);
        }
        keys.reload()?;
        // The transaction at work keeps the keys it began with, otherwise.
        keyring::unpin();
        Ok(is_known())
    }
}

/// The parts one after the other, each with its length in front (8 bytes, big endian), so that no two
/// lists of parts are the same bytes.
pub(crate) fn framed(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in parts {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}

/// Adds an entry.
pub fn append(conn: &mut DbConnection, entry: &AuditEntry) -> Result<(), StoreError> {
    let body = serde_json::to_string(entry).map_err(|_| StoreError::Corrupt {
        table: "audit_entries",
        id: entry.id.to_string(),
        column: "body",
    })?;
    let mut row = KeptEntry {
        id: Id(entry.id),
        nth: entry.nth,
        chain: entry.chain.clone(),
        at: Ts(entry.at),
        body,
        mac: String::new(),
    };
    row.mac = keyring::current()?.print(INSTALLATION, Field::AuditEntry, &row.coded())?;
    diesel::insert_into(audit_entries::table)
        .values(row)
        .execute(conn)?;
    Ok(())
}

/// An entry with its place in its chain, if it has one yet.
pub type Placed = (KeptEntry, Option<(i64, Vec<u8>, Vec<u8>)>);

/// Entries from `from` until before `to`, in order of time, after the one named; with `seq`, previous
/// hash and hash of their links.
pub fn list(
    conn: &mut DbConnection,
    (from, to): (Timestamp, Timestamp),
    chain: Option<&str>,
    after: Option<(Timestamp, EntryName)>,
    limit: i64,
) -> Result<Vec<Placed>, StoreError> {
    let link = audit_links::entry_id
        .eq(audit_entries::id)
        .and(audit_links::nth.eq(audit_entries::nth));
    let mut query = audit_entries::table
        .left_join(audit_links::table.on(link))
        .filter(audit_entries::at.ge(Ts(from)))
        .filter(audit_entries::at.lt(Ts(to)))
        .into_boxed();
    if let Some(chain) = chain {
        query = query.filter(audit_entries::chain.eq(chain.to_owned()));
    }
    if let Some((at, name)) = after {
        let order = (audit_entries::at, audit_entries::id);
        let same = audit_entries::at
            .eq(Ts(at))
            .and(audit_entries::id.eq(Id(name.id)))
            .and(audit_entries::nth.gt(name.nth));
        query = query.filter(dialect::after(order, Ts(at), Id(name.id)).or(same));
    }
    Ok(query
        .order((audit_entries::at, audit_entries::id, audit_entries::nth))
        .limit(limit)
        .select((
            KeptEntry::as_select(),
            (audit_links::seq, audit_links::previous, audit_links::hash).nullable(),
        ))
        .load(conn)?)
}
