//! Who looked: what the audit trail answers to requesters, to those who look after it, and after a breach
//! (`docs/adr/0035`). Whoever asks has the index filled up first, so that nothing is missing that was
//! committed before.

use std::collections::{BTreeMap, BTreeSet};

use domain::actor::{Role, Staff};
use domain::audit::{AuditActor, AuditEntry, AuditOutcome, Look};
use domain::codes::AuthorityCode;
use domain::ids::{AccountId, TicketId, TicketRef};
use domain::permissions::{Reach, Right, reach};
use domain::tax_code::TaxCode;
use domain::visibility::Scope;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use storage::keyring::Field;
use storage::{DbConnection, accounts, audit_index, tickets};

pub use storage::audit_index::Place;
use storage::audit_index::Wanted;

use crate::labels::Labelled;
use crate::trail::current;
use crate::{Desk, DeskError};

/// Entries that get into the index in one transaction. The entry of a page of fifty is a hundred rows, and on
/// SQLite whoever writes waits for all of them.
const INDEXED_AT_ONCE: i64 = 32;
/// The same where nobody works meanwhile.
const REINDEXED_AT_ONCE: i64 = 200;
/// Entries read at once, where some of them are left out.
const PAGE: i64 = 200;
/// Entries looked at for one answer: where few of many fit, the answer is short and says where to go on.
const MOST_LOOKED_AT: usize = 2000;

/// A look at a request, as its requester reads it: never a person's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Its place in the list.
    pub place: Place,
    /// The desk; none for what belongs to no desk.
    pub authority: Option<AuthorityCode>,
    /// In which role.
    pub role: Looker,
    /// What was done.
    pub look: Look,
}

/// In which role somebody looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looker {
    /// A member of staff.
    Staff(Role),
    /// Another citizen who may read the request: the one who filed it, or a delegate.
    Citizen,
    /// A program.
    Program,
    /// Whoever keeps the machine.
    Keeper,
}

/// A search in the trail.
#[derive(Debug, Clone)]
pub struct AuditSearch {
    /// About what.
    pub about: About,
    /// From when until before when.
    pub period: (Timestamp, Timestamp),
    /// These operations alone; all, if none is named.
    pub operations: Vec<String>,
    /// The page after the one that ended here.
    pub after: Option<Place>,
    /// Entries in a page.
    pub limit: usize,
}

/// What a search is about.
#[derive(Debug, Clone)]
pub enum About {
    /// Everything in reach.
    All,
    /// What the staff of an authority did.
    Authority(AuthorityCode),
    /// Who saw a person.
    Person(TaxCode),
    /// Who saw a ticket.
    Ticket(TicketRef),
    /// What an operator saw.
    Account(AccountId),
}

/// An entry as it is answered.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FoundEntry {
    /// The entry, without what its reader may not know.
    pub entry: AuditEntry,
    /// The numbers of its tickets, as far as they are there.
    pub numbers: BTreeMap<TicketId, String>,
    /// The name of who acted, for who may know the account.
    pub account: Option<(AccountId, String)>,
}

/// A page of entries, and where to go on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FoundEntries {
    /// The entries, the latest first.
    pub items: Vec<FoundEntry>,
    /// None on the last page.
    pub next: Option<(Timestamp, uuid::Uuid, i32)>,
}

/// Whose looks are counted after a breach.
#[derive(Debug, Clone)]
pub enum Suspect {
    /// The account with this user name.
    Account(String),
    /// All staff of an authority.
    Authority(AuthorityCode),
}

/// What somebody had before their eyes.
#[derive(Debug, Clone, Default)]
pub struct Touched {
    /// Each ticket once, by number.
    pub tickets: Vec<TouchedTicket>,
    /// How many people they are about.
    pub people: usize,
    /// Tickets whose person is not known any more: each may be one more.
    pub without_person: usize,
    /// Tickets and people by the authority that has the tickets in custody.
    pub by_authority: Vec<(AuthorityCode, usize, usize)>,
    /// How many looks of each kind.
    pub looks: BTreeMap<Look, usize>,
}

/// A ticket that somebody had before their eyes.
#[derive(Debug, Clone)]
pub struct TouchedTicket {
    /// Its id.
    pub id: TicketId,
    /// Its number, if it is there.
    pub number: Option<String>,
    /// Who has it in custody now.
    pub authority: Option<AuthorityCode>,
    /// The first time.
    pub first: Timestamp,
    /// The last time.
    pub last: Timestamp,
    /// What was done with it.
    pub looks: BTreeSet<Look>,
}

impl Desk {
    /// Puts what waits into the index; the answer is how many entries.
    pub fn index_audit(&self) -> Result<usize, DeskError> {
        let mut indexed = 0;
        while self.db.read_in(&Scope::System, audit_index::has_waiting)? {
            let index = |conn: &mut DbConnection| audit_index::index_waiting(conn, INDEXED_AT_ONCE);
            let write = || self.db.write_in(&Scope::System, index);
            match storage::trail::apart(write)? {
                // Another node was faster.
                0 => break,
                some => indexed += some,
            }
        }
        Ok(indexed)
    }

    /// Makes the index again from the entries; the answer is how many there are. Until it is done,
    /// answers out of it are not complete.
    pub fn reindex_audit(&self) -> Result<usize, DeskError> {
        self.db.write_in(&Scope::System, audit_index::clear)?;
        let (mut total, mut after) = (0, None);
        loop {
            let (last, some) = self.db.write_in(&Scope::System, move |conn| {
                audit_index::fill(conn, after, REINDEXED_AT_ONCE)
            })?;
            total += some;
            match last {
                Some(last) => after = Some(last),
                None => return Ok(total),
            }
        }
    }

    /// Who looked at a requester's own request, the latest first: everybody but the requester and the
    /// service itself. A page may be short of the limit; `None` as the next place says that it is the last.
    pub fn list_accesses(
        &self,
        scope: &Scope,
        wanted: &TicketRef,
        after: Option<Place>,
        limit: usize,
    ) -> Result<(Vec<Access>, Option<Place>), DeskError> {
        self.index_audit()?;
        let own: Vec<String> = match scope {
            Scope::Citizen { tax_code, .. } => {
                let keys = self.db.keyring()?;
                keys.prints(Field::Person, tax_code.as_str())
            }
            _ => Vec::new(),
        };
        self.db.read_snapshot_in(scope, |conn| {
            let found = tickets::find(conn, scope, wanted)?;
            let (ticket, _) = found.ok_or(DeskError::NotFound)?;
            let about = Wanted::Ticket(ticket.id);
            let fits = |entry: &AuditEntry| access(entry, ticket.id, &own).is_some();
            let (entries, next) = collect(conn, &about, ALWAYS, after, limit, fits)?;
            let accesses = entries.iter();
            let accesses = accesses.filter_map(|entry| access(entry, ticket.id, &own));
            Ok((accesses.collect(), next))
        })
    }

    /// Searches the trail, as far as the asker may. The auditor sees all of it; who answers for a desk
    /// sees what was done there and with the tickets in reach, without whom it was about and without the
    /// accounts of others.
    pub fn search_audit(
        &self,
        staff: &Staff,
        search: &AuditSearch,
    ) -> Result<FoundEntries, DeskError> {
        let reach = reach(staff.role, Right::ReadAudit);
        if reach == Reach::No {
            return Err(DeskError::Forbidden);
        }
        self.index_audit()?;
        let is_full = reach == Reach::All;
        let names = match &search.about {
            About::Person(tax_code) => {
                let keys = self.db.keyring()?;
                keys.prints(Field::Person, tax_code.as_str())
            }
            _ => Vec::new(),
        };
        let own = &staff.authority;
        self.db.read_snapshot_in(&Scope::System, |conn| {
            let (wanted, ticket) = match &search.about {
                About::All if is_full => (Wanted::All, None),
                About::All => (Wanted::Chain(own.clone()), None),
                About::Authority(code) => (Wanted::Chain(code.clone()), None),
                About::Account(account) => (Wanted::Account(*account), None),
                About::Person(tax_code) => {
                    // The search is a look at this person.
                    if let Some(trail) = current() {
                        trail.note_person(tax_code.as_str())?;
                    }
                    (Wanted::Person(names.clone()), None)
                }
                About::Ticket(named) => {
                    let ticket = self.searched(conn, staff, is_full, named)?;
                    (Wanted::Ticket(ticket), Some(ticket))
                }
            };
            // Of a ticket in reach one may know who looked, wherever they sit.
            let fits = |entry: &AuditEntry| {
                let is_wanted =
                    search.operations.is_empty() || search.operations.contains(&entry.operation);
                is_wanted && (is_full || ticket.is_some() || is_of(entry, own))
            };
            let (entries, next) = collect(
                conn,
                &wanted,
                search.period,
                search.after,
                search.limit,
                fits,
            )?;
            let entries = entries.into_iter();
            let entries = match is_full {
                true => entries.collect(),
                false => entries.map(|one| redacted(one, own, ticket)).collect(),
            };
            Ok(FoundEntries {
                items: with_names(conn, entries)?,
                next: next.map(|place| (place.at, place.id, place.nth)),
            })
        })
    }

    /// The ticket a search is about, if the asker may know of it.
    fn searched(
        &self,
        conn: &mut DbConnection,
        staff: &Staff,
        is_full: bool,
        named: &TicketRef,
    ) -> Result<TicketId, DeskError> {
        let found = match is_full {
            // Entries may speak of a ticket that nobody reaches any more.
            true => match named {
                TicketRef::Id(id) => Some(*id),
                TicketRef::Number(_) => tickets::find_id(conn, named)?,
            },
            false => tickets::find(conn, &Scope::of(staff), named)?.map(|(ticket, _)| ticket.id),
        };
        let ticket = found.ok_or(DeskError::NotFound)?;
        if let Some(trail) = current() {
            trail.note_ticket(ticket, None);
        }
        Ok(ticket)
    }

    /// Everything that an account, or the staff of an authority, had before their eyes in a period
    /// (`conventions.md` PR-8). What was refused showed them nothing, and does not count.
    pub fn touched(
        &self,
        suspect: &Suspect,
        period: (Timestamp, Timestamp),
    ) -> Result<Touched, DeskError> {
        self.index_audit()?;
        self.db.read_snapshot_in(&Scope::System, |conn| {
            let wanted = match suspect {
                Suspect::Authority(code) => Wanted::Chain(code.clone()),
                Suspect::Account(username) => {
                    let account = accounts::find_by_username(conn, username)?;
                    Wanted::Account(account.ok_or(DeskError::NotFound)?)
                }
            };
            let mut seen = Seen::default();
            let mut after = None;
            loop {
                let page = audit_index::list(conn, &wanted, period, after, PAGE)?;
                let Some(last) = page.last() else {
                    break;
                };
                after = Some(Place::of(last));
                for entry in page.iter().filter(|entry| counts(entry, suspect)) {
                    seen.add(entry);
                }
            }
            seen.told(conn)
        })
    }

    /// What a role is called where a requester reads it.
    pub fn looker_label(&self, looker: Looker) -> Labelled {
        let (code, it, en) = match looker {
            Looker::Staff(role) => {
                let (it, en) = role_words(role);
                (role.code(), it, en)
            }
            Looker::Citizen => (
                "citizen",
                "Altra persona che può leggere la richiesta",
                "Another person who may read the request",
            ),
            Looker::Program => ("program", "Programma collegato", "Connected program"),
            Looker::Keeper => ("keeper", "Gestione del sistema", "System operation"),
        };
        Labelled {
            code: code.to_owned(),
            label: domain::invalid::Text::new(it, en),
        }
    }
}

/// What a role is called by people outside.
const fn role_words(role: Role) -> (&'static str, &'static str) {
    match role {
        Role::Operator => ("Operatore", "Operator"),
        Role::Supervisor => ("Supervisore", "Supervisor"),
        Role::Admin => ("Responsabile dell'ente", "Administrator of the authority"),
        Role::RegionalOperator => ("Operatore regionale", "Regional operator"),
        Role::RegionalSupervisor => ("Supervisore regionale", "Regional supervisor"),
        Role::Technician => ("Tecnico", "Technician"),
        Role::SystemAdmin => ("Amministratore di sistema", "System administrator"),
        Role::Auditor => (
            "Responsabile della protezione dei dati o revisore",
            "Data protection officer or auditor",
        ),
    }
}

/// From ever until ever.
const ALWAYS: (Timestamp, Timestamp) = (Timestamp::UNIX_EPOCH, Timestamp::MAX);

/// Entries that fit, up to `limit`, and where to go on if there may be more.
fn collect(
    conn: &mut DbConnection,
    wanted: &Wanted,
    period: (Timestamp, Timestamp),
    after: Option<Place>,
    limit: usize,
    fits: impl Fn(&AuditEntry) -> bool,
) -> Result<(Vec<AuditEntry>, Option<Place>), DeskError> {
    let (mut found, mut place, mut looked_at) = (Vec::new(), after, 0);
    loop {
        let page = audit_index::list(conn, wanted, period, place, PAGE)?;
        let is_last = i64::try_from(page.len()).is_ok_and(|count| count < PAGE);
        for entry in page {
            if found.len() == limit || looked_at == MOST_LOOKED_AT {
                return Ok((found, place));
            }
            let here = Place::of(&entry);
            // One entry may have two names of the same person, made with two keys.
            if place != Some(here) && fits(&entry) {
                found.push(entry);
            }
            place = Some(here);
            looked_at += 1;
        }
        if is_last {
            return Ok((found, None));
        }
    }
}

/// What an entry says to a ticket's requester; nothing where it was their own look, the service's, or none.
fn access(entry: &AuditEntry, ticket: TicketId, own: &[String]) -> Option<Access> {
    if entry.outcome != AuditOutcome::Done {
        return None;
    }
    let (role, authority) = match &entry.actor {
        AuditActor::Staff {
            role, authority, ..
        } => (Looker::Staff((*role)?), authority.clone()),
        // Who holds the tracking link is the requester, and so is nobody in particular who filed.
        AuditActor::System | AuditActor::Nobody | AuditActor::Tracking { .. } => return None,
        AuditActor::Citizen { person, .. } if own.contains(person) => return None,
        AuditActor::Citizen { .. } => (Looker::Citizen, None),
        AuditActor::Client { .. } => (Looker::Program, None),
        AuditActor::Operator => (Looker::Keeper, None),
    };
    Some(Access {
        place: Place::of(entry),
        authority,
        role,
        look: entry.look(ticket),
    })
}

/// Whether an entry is about a desk: its people, or its tickets.
fn is_of(entry: &AuditEntry, desk: &AuthorityCode) -> bool {
    entry.chain == desk.as_str() || acts_for(entry, desk)
}

fn acts_for(entry: &AuditEntry, desk: &AuthorityCode) -> bool {
    matches!(&entry.actor, AuditActor::Staff { authority: Some(own), .. } if own == desk)
}

/// An entry without whom it is about, and without the account of who works elsewhere. What else they saw is
/// theirs to know.
fn redacted(mut entry: AuditEntry, own: &AuthorityCode, asked: Option<TicketId>) -> AuditEntry {
    entry.subjects.clear();
    if !acts_for(&entry, own) {
        // The only ticket of an entry is of the desk whose chain it is in.
        let is_own_alone = entry.chain == own.as_str() && entry.tickets.len() == 1;
        let is_asked = |ticket: &TicketId| is_own_alone || Some(*ticket) == asked;
        entry.tickets.retain(is_asked);
        entry.changed.retain(is_asked);
        entry.actor = match entry.actor {
            AuditActor::Staff {
                role, authority, ..
            } => AuditActor::Staff {
                account: AccountId::new(uuid::Uuid::nil()),
                placement: None,
                role,
                authority,
                location: None,
            },
            AuditActor::Citizen { via, .. } => AuditActor::Citizen {
                person: String::new(),
                via,
            },
            other => other,
        };
    }
    entry
}

/// Adds the numbers of tickets and the names of colleagues.
fn with_names(
    conn: &mut DbConnection,
    entries: Vec<AuditEntry>,
) -> Result<Vec<FoundEntry>, DeskError> {
    let ids: BTreeSet<TicketId> = entries
        .iter()
        .flat_map(|one| one.tickets.iter().copied())
        .collect();
    let ids: Vec<TicketId> = ids.into_iter().collect();
    let mut numbers = BTreeMap::new();
    for some in ids.chunks(TICKETS_AT_ONCE) {
        for owned in tickets::list_owners(conn, some)? {
            numbers.insert(owned.ticket, owned.number.to_string());
        }
    }
    let staff: BTreeSet<AccountId> = entries.iter().filter_map(account_of).collect();
    let staff: Vec<AccountId> = staff.into_iter().collect();
    let labels: BTreeMap<AccountId, String> =
        accounts::list_labels(conn, &staff)?.into_iter().collect();
    let found = entries.into_iter().map(|entry| FoundEntry {
        numbers: entry
            .tickets
            .iter()
            .filter_map(|id| Some((*id, numbers.get(id)?.clone())))
            .collect(),
        account: account_of(&entry).and_then(|id| Some((id, labels.get(&id)?.clone()))),
        entry,
    });
    Ok(found.collect())
}

fn account_of(entry: &AuditEntry) -> Option<AccountId> {
    match &entry.actor {
        AuditActor::Staff { account, .. } => Some(*account).filter(|id| !id.uuid().is_nil()),
        _ => None,
    }
}

/// Tickets asked for in one statement.
const TICKETS_AT_ONCE: usize = 500;

/// Whether an entry is something a suspect had before their eyes.
fn counts(entry: &AuditEntry, suspect: &Suspect) -> bool {
    let is_theirs = match suspect {
        Suspect::Account(_) => true,
        // A chain holds what others did with the tickets of its desk as well.
        Suspect::Authority(code) => acts_for(entry, code),
    };
    is_theirs && entry.outcome == AuditOutcome::Done
}

/// What was seen of each ticket.
#[derive(Default)]
struct Seen {
    tickets: BTreeMap<TicketId, (Timestamp, Timestamp, BTreeSet<Look>)>,
    looks: BTreeMap<Look, usize>,
}

impl Seen {
    fn add(&mut self, entry: &AuditEntry) {
        for ticket in &entry.tickets {
            let look = entry.look(*ticket);
            *self.looks.entry(look).or_default() += 1;
            let new = || (entry.at, entry.at, BTreeSet::new());
            let seen = self.tickets.entry(*ticket).or_insert_with(new);
            seen.0 = seen.0.min(entry.at);
            seen.1 = seen.1.max(entry.at);
            seen.2.insert(look);
        }
    }

    fn told(self, conn: &mut DbConnection) -> Result<Touched, DeskError> {
        let ids: Vec<TicketId> = self.tickets.keys().copied().collect();
        let mut owned = BTreeMap::new();
        for some in ids.chunks(TICKETS_AT_ONCE) {
            let found = tickets::list_owners(conn, some)?;
            owned.extend(found.into_iter().map(|one| (one.ticket, one)));
        }
        let mut people: BTreeSet<&str> = BTreeSet::new();
        let mut by_desk: BTreeMap<AuthorityCode, (usize, BTreeSet<&str>)> = BTreeMap::new();
        let mut without_person = 0;
        for id in &ids {
            let Some(one) = owned.get(id) else {
                without_person += 1;
                continue;
            };
            let desk = by_desk.entry(one.custodian.clone()).or_default();
            desk.0 += 1;
            if one.tax_code == storage::sealing::GONE {
                without_person += 1;
            } else {
                people.insert(&one.tax_code);
                desk.1.insert(&one.tax_code);
            }
        }
        let tickets = self.tickets.iter().map(|(id, (first, last, looks))| {
            let one = owned.get(id);
            TouchedTicket {
                id: *id,
                number: one.map(|one| one.number.to_string()),
                authority: one.map(|one| one.custodian.clone()),
                first: *first,
                last: *last,
                looks: looks.clone(),
            }
        });
        let mut tickets: Vec<TouchedTicket> = tickets.collect();
        tickets.sort_by(|one, other| one.number.cmp(&other.number));
        Ok(Touched {
            tickets,
            people: people.len(),
            without_person,
            by_authority: by_desk
                .iter()
                .map(|(code, (tickets, people))| (code.clone(), *tickets, people.len()))
                .collect(),
            looks: self.looks,
        })
    }
}
