//! Where the audit trail is looked things up in: by ticket, by person, by account and by chain
//! (`docs/adr/0035`). It is filled after the commit from what waits in `audit_unindexed`, and is no
//! evidence: [`clear`] and [`fill`] make it again from the entries.
//!
//! Invariant: an entry is in the index or waits for it.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use diesel::sql_types::Text;
use domain::audit::{AuditActor, AuditEntry};
use domain::codes::AuthorityCode;
use domain::ids::{AccountId, TicketId};
use jiff::Timestamp;
use uuid::Uuid;

use crate::keyring::{self, Field, INSTALLATION};
use crate::schema::{
    audit_accounts, audit_entries, audit_subjects, audit_tickets, audit_unindexed,
};
use crate::sealing::GONE;
use crate::sql_types::{Id, Ts, Uid};
use crate::{DbConnection, StoreError, dialect, tickets};

/// Where an entry stands in the order of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// When its request began.
    pub at: Timestamp,
    /// Its request.
    pub id: Uuid,
    /// The how-manieth entry of it.
    pub nth: i32,
}

impl Place {
    /// That of an entry.
    pub const fn of(entry: &AuditEntry) -> Self {
        Place {
            at: entry.at,
            id: entry.id,
            nth: entry.nth,
        }
    }
}

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Everything.
    All,
    /// The chain of an authority.
    Chain(AuthorityCode),
    /// A ticket.
    Ticket(TicketId),
    /// A person, by any of these pseudonyms.
    Person(Vec<String>),
    /// An account.
    Account(AccountId),
}

/// Whether entries wait for the index.
pub fn has_waiting(conn: &mut DbConnection) -> Result<bool, StoreError> {
    let waiting = audit_unindexed::table.select(audit_unindexed::nth);
    Ok(diesel::select(diesel::dsl::exists(waiting)).get_result(conn)?)
}

/// Puts entries that wait into the index, so many at most; the answer is how many. One node at a time.
pub fn index_waiting(conn: &mut DbConnection, limit: i64) -> Result<usize, StoreError> {
    dialect::follow_each_other(conn, "audit_index")?;
    let waiting = audit_unindexed::table
        .inner_join(
            audit_entries::table.on(audit_entries::id
                .eq(audit_unindexed::entry_id)
                .and(audit_entries::nth.eq(audit_unindexed::nth))),
        )
        .order((audit_unindexed::entry_id.asc(), audit_unindexed::nth.asc()))
        .limit(limit)
        .select((audit_entries::id, audit_entries::nth, audit_entries::body))
        .load::<(Id, i32, String)>(conn)?;
    add(conn, &waiting)?;
    let names: Vec<(Id, i32)> = waiting.iter().map(|(id, nth, _)| (*id, *nth)).collect();
    dialect::take_off_index_list(conn, &names)?;
    Ok(waiting.len())
}

/// Empties the index.
pub fn clear(conn: &mut DbConnection) -> Result<(), StoreError> {
    dialect::follow_each_other(conn, "audit_index")?;
    diesel::delete(audit_tickets::table).execute(conn)?;
    diesel::delete(audit_subjects::table).execute(conn)?;
    diesel::delete(audit_accounts::table).execute(conn)?;
    Ok(())
}

/// Puts the next entries after a place into the index; the answer is where to go on, and how many they
/// were. None are left once there is nowhere to go on.
pub fn fill(
    conn: &mut DbConnection,
    after: Option<Place>,
    limit: i64,
) -> Result<(Option<Place>, usize), StoreError> {
    let mut query = audit_entries::table
        .select((
            audit_entries::id,
            audit_entries::nth,
            audit_entries::body,
            audit_entries::at,
        ))
        .into_boxed();
    if let Some(place) = after {
        let keys = (audit_entries::at, audit_entries::id);
        let later = dialect::after(keys, Ts(place.at), Id(place.id));
        let same = audit_entries::at
            .eq(Ts(place.at))
            .and(audit_entries::id.eq(Id(place.id)))
            .and(audit_entries::nth.gt(place.nth));
        query = query.filter(later.or(same));
    }
    let rows = query
        .order((
            audit_entries::at.asc(),
            audit_entries::id.asc(),
            audit_entries::nth.asc(),
        ))
        .limit(limit)
        .load::<(Id, i32, String, Ts)>(conn)?;
    let last = rows.last().map(|(id, nth, _, at)| Place {
        at: at.0,
        id: id.0,
        nth: *nth,
    });
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(id, nth, body, _)| (id, nth, body))
        .collect();
    add(conn, &rows)?;
    Ok((last, rows.len()))
}

/// Entries from `from` until before `to`, the latest first, before the one at the place that the page
/// before ended with.
pub fn list(
    conn: &mut DbConnection,
    wanted: &Wanted,
    (from, to): (Timestamp, Timestamp),
    before: Option<Place>,
    limit: i64,
) -> Result<Vec<AuditEntry>, StoreError> {
    // The same page out of each table: along its key, back in time.
    macro_rules! page {
        ($table:ident, $id:ident, $query:expr) => {{
            let mut query = $query
                .filter($table::at.ge(Ts(from)))
                .filter($table::at.lt(Ts(to)))
                .select(audit_entries::body)
                .into_boxed();
            if let Some(place) = before {
                let keys = ($table::at, $table::$id);
                let earlier = dialect::before(keys, Ts(place.at), Id(place.id));
                let same = $table::at
                    .eq(Ts(place.at))
                    .and($table::$id.eq(Id(place.id)))
                    .and($table::nth.lt(place.nth));
                query = query.filter(earlier.or(same));
            }
            query
                .order(($table::at.desc(), $table::$id.desc(), $table::nth.desc()))
                .limit(limit)
                .load::<String>(conn)?
        }};
    }
    macro_rules! joined {
        ($table:ident, $condition:expr) => {
            page!(
                $table,
                entry_id,
                $table::table
                    .inner_join(
                        audit_entries::table.on(audit_entries::id
                            .eq($table::entry_id)
                            .and(audit_entries::nth.eq($table::nth)))
                    )
                    .filter($condition)
            )
        };
    }
    let bodies = match wanted {
        Wanted::All => page!(audit_entries, id, audit_entries::table),
        Wanted::Chain(code) => page!(
            audit_entries,
            id,
            audit_entries::table.filter(audit_entries::chain.eq(code.as_str().to_owned()))
        ),
        Wanted::Ticket(ticket) => joined!(
            audit_tickets,
            audit_tickets::ticket_id.eq(Id(ticket.uuid()))
        ),
        Wanted::Person(names) => {
            joined!(
                audit_subjects,
                audit_subjects::subject.eq_any(names.clone())
            )
        }
        Wanted::Account(account) => joined!(
            audit_accounts,
            audit_accounts::account_id.eq(Id(account.uuid()))
        ),
    };
    let mut entries = Vec::with_capacity(bodies.len());
    for body in bodies {
        entries.push(read(&body).ok_or_else(|| StoreError::Corrupt {
            table: "audit_entries",
            id: String::new(),
            column: "body",
        })?);
    }
    Ok(entries)
}

fn read(body: &str) -> Option<AuditEntry> {
    serde_json::from_str(body).ok()
}

/// Adds entries to the index. Whose a ticket is that was only named is found out here.
fn add(conn: &mut DbConnection, rows: &[(Id, i32, String)]) -> Result<(), StoreError> {
    let mut entries = Vec::with_capacity(rows.len());
    for (id, nth, body) in rows {
        match read(body) {
            Some(entry) => entries.push(entry),
            // Somebody touched it: `sportello audit verify` says so. It must not stop the others.
            None => tracing::error!(entry.id = %id.0, entry.nth = nth, "an entry cannot be read"),
        }
    }
    let named: BTreeSet<TicketId> = entries
        .iter()
        .flat_map(|entry| entry.tickets.iter().copied())
        .collect();
    let owners = owners(conn, &named)?;
    let (mut of_tickets, mut of_people, mut of_accounts) = (vec![], vec![], vec![]);
    for entry in &entries {
        let (at, id, nth) = (Ts(entry.at), Id(entry.id), entry.nth);
        let tickets = entry.tickets.iter();
        of_tickets.extend(tickets.map(|ticket| (Id(ticket.uuid()), at, id, nth)));
        let mut people: BTreeSet<&String> = entry.subjects.iter().collect();
        people.extend(entry.tickets.iter().filter_map(|one| owners.get(one)));
        let people = people.into_iter();
        of_people.extend(people.map(|person| (person.clone(), at, id, nth)));
        if let AuditActor::Staff { account, .. } = &entry.actor {
            of_accounts.push((Id(account.uuid()), at, id, nth));
        }
    }
    dialect::add_to_index::<Uid, _>(conn, ("audit_tickets", "ticket_id"), of_tickets)?;
    dialect::add_to_index::<Text, _>(conn, ("audit_subjects", "subject"), of_people)?;
    dialect::add_to_index::<Uid, _>(conn, ("audit_accounts", "account_id"), of_accounts)?;
    Ok(())
}

/// The pseudonyms of the people that tickets are about, as far as they are still known.
fn owners(
    conn: &mut DbConnection,
    named: &BTreeSet<TicketId>,
) -> Result<BTreeMap<TicketId, String>, StoreError> {
    let named: Vec<TicketId> = named.iter().copied().collect();
    let keys = keyring::current()?;
    let mut owners = BTreeMap::new();
    for some in named.chunks(TICKETS_AT_ONCE) {
        for owned in tickets::list_owners(conn, some)? {
            if owned.tax_code != GONE {
                let name = keys.print(INSTALLATION, Field::Person, &owned.tax_code)?;
                owners.insert(owned.ticket, name);
            }
        }
    }
    Ok(owners)
}

/// Tickets asked for in one statement.
const TICKETS_AT_ONCE: usize = 500;
