//! Whether the audit trail is what was written: page by page, in constant memory, from the entries
//! themselves (`docs/adr/0034`). Knows the database alone; what is outside of it, the anchors, are
//! compared by whoever has them.

use diesel::prelude::*;

use crate::audit::{EntryName, KeptEntry};
use crate::audit_links::{Head, LinkRow};
use crate::schema::{audit_entries, audit_links, audit_pending};
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, dialect, keyring};

/// What is wrong at a place, or with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// The place is not there although later ones are.
    Gap,
    /// The entry of the place is not there.
    EntryGone,
    /// Entry, place and hash do not fit: one of them was changed, put in or swapped.
    Changed,
    /// They fit, and the code of the entry was not made by this installation.
    NotOurs,
    /// The entry has no place, and does not wait for one.
    NeverLinked,
    /// The entry was not linked because it is not ours, was linked before, or is gone.
    Refused,
}

/// The first thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// In which chain; none if the entry is gone and had no place.
    pub chain: Option<String>,
    /// At which place, if it has one.
    pub seq: Option<i64>,
    /// With which entry, if there is one.
    pub entry: Option<EntryName>,
    /// What.
    pub flaw: Flaw,
}

/// What a page of a chain was like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// So many places are good, and there may be more.
    Good(usize),
    /// There was nothing more.
    End,
    /// From here on nothing is proved.
    Bad(Finding),
}

/// Goes along a chain from its first place.
#[derive(Debug, Clone)]
pub struct Walk {
    at: Head,
}

impl Walk {
    /// At the beginning of a chain.
    pub fn begin(chain: &str) -> Self {
        Walk {
            at: Head::start(chain),
        }
    }

    /// The last place that was found good.
    pub fn good_until(&self) -> i64 {
        self.at.seq
    }

    /// Looks at up to `limit` places more.
    pub fn page(&mut self, conn: &mut DbConnection, limit: i64) -> Result<Page, StoreError> {
        let entry = audit_entries::id
            .eq(audit_links::entry_id)
            .and(audit_entries::nth.eq(audit_links::nth));
        let rows = audit_links::table
            .left_join(audit_entries::table.on(entry))
            .filter(audit_links::chain.eq(self.at.chain.clone()))
            .filter(audit_links::seq.gt(self.at.seq))
            .order(audit_links::seq)
            .limit(limit)
            .select((LinkRow::as_select(), Option::<KeptEntry>::as_select()))
            .load::<(LinkRow, Option<KeptEntry>)>(conn)?;
        if rows.is_empty() {
            return Ok(Page::End);
        }
        let count = rows.len();
        for (link, entry) in rows {
            match self.judge(&link, entry)? {
                Ok(next) => self.at = next,
                Err(flaw) => {
                    let is_gap = flaw == Flaw::Gap;
                    return Ok(Page::Bad(Finding {
                        chain: Some(self.at.chain.clone()),
                        seq: Some(self.at.seq + 1),
                        entry: (!is_gap).then(|| link.entry()),
                        flaw,
                    }));
                }
            }
        }
        Ok(Page::Good(count))
    }

    fn judge(
        &self,
        link: &LinkRow,
        entry: Option<KeptEntry>,
    ) -> Result<Result<Head, Flaw>, StoreError> {
        if link.seq != self.at.seq + 1 {
            return Ok(Err(Flaw::Gap));
        }
        let Some(entry) = entry else {
            return Ok(Err(Flaw::EntryGone));
        };
        let next = self.at.next(&entry);
        let fits = link.previous == self.at.hash && link.hash == next.hash;
        if !fits || entry.chain != link.chain {
            return Ok(Err(Flaw::Changed));
        }
        match entry.is_ours(keyring::current()?.as_ref())? {
            true => Ok(Ok(next)),
            false => Ok(Err(Flaw::NotOurs)),
        }
    }
}

/// A page of all entries, in order of their names: those that no chain has. The answer is the last
/// name, none at the end, and the first flaw.
pub fn loose_page(
    conn: &mut DbConnection,
    after: EntryName,
    limit: i64,
) -> Result<(Option<EntryName>, Option<Finding>), StoreError> {
    let link = audit_links::entry_id
        .eq(audit_entries::id)
        .and(audit_links::nth.eq(audit_entries::nth));
    let pending = audit_pending::entry_id
        .eq(audit_entries::id)
        .and(audit_pending::nth.eq(audit_entries::nth));
    let names = (audit_entries::id, audit_entries::nth);
    let rows = audit_entries::table
        .left_join(audit_links::table.on(link))
        .left_join(audit_pending::table.on(pending))
        .filter(dialect::after(names, Id(after.id), after.nth))
        .order(names)
        .limit(limit)
        .select((
            names,
            audit_entries::chain,
            audit_links::seq.nullable(),
            audit_pending::arrival.nullable(),
        ))
        .load::<((Id, i32), String, Option<i64>, Option<i64>)>(conn)?;
    let name = |(id, nth): &(Id, i32)| EntryName {
        id: id.0,
        nth: *nth,
    };
    let loose = rows
        .iter()
        .find(|(_, _, seq, arrival)| seq.is_none() && arrival.is_none());
    let finding = loose.map(|(entry, chain, ..)| Finding {
        chain: Some(chain.clone()),
        seq: None,
        entry: Some(name(entry)),
        flaw: Flaw::NeverLinked,
    });
    Ok((rows.last().map(|(last, ..)| name(last)), finding))
}

/// The entries that were refused when they should have been linked, up to `limit` of them.
pub fn list_refused(conn: &mut DbConnection, limit: i64) -> Result<Vec<Finding>, StoreError> {
    let entry = audit_entries::id
        .eq(audit_pending::entry_id)
        .and(audit_entries::nth.eq(audit_pending::nth));
    let rows = audit_pending::table
        .left_join(audit_entries::table.on(entry))
        .filter(audit_pending::refused_at.is_not_null())
        .order(audit_pending::arrival)
        .limit(limit)
        .select((
            audit_pending::entry_id,
            audit_pending::nth,
            audit_entries::chain.nullable(),
            audit_pending::refused_at,
        ))
        .load::<(Id, i32, Option<String>, Option<Ts>)>(conn)?;
    let found = rows.into_iter().map(|(id, nth, chain, _)| Finding {
        chain,
        seq: None,
        entry: Some(EntryName { id: id.0, nth }),
        flaw: Flaw::Refused,
    });
    Ok(found.collect())
}
