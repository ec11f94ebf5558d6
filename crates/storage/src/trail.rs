//! What a request opened and wrote, gathered while it runs, for the audit trail (`docs/adr/0030`).
//!
//! Whatever opens personal data of a ticket says so here with [`note`]; no caller can forget it. A
//! transaction that wrote carries the entry with it, right before its commit ([`settle`]); of a request
//! that only looked, whoever began the trail takes the entry with [`Trail::rest`] and writes it before
//! the answer goes out.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::audit::{AuditActor, AuditEntry, AuditOutcome};
use domain::codes::AuthorityCode;
use domain::ids::TicketId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::keyring::{self, Field, INSTALLATION};
use crate::sealing::GONE;
use crate::{DbConnection, StoreError, audit};

/// What is known of a request when it begins.
#[derive(Debug, Clone)]
pub struct Beginning {
    /// Version 7, made by the caller.
    pub id: Uuid,
    /// When.
    pub at: Timestamp,
    /// Who asks.
    pub actor: AuditActor,
    /// For what.
    pub operation: String,
    /// Why.
    pub purpose: Option<String>,
    /// Its correlation id.
    pub correlation: Option<Uuid>,
}

/// What was opened and changed: ids and keyed pseudonyms.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The tickets whose data were opened.
    #[serde(default)]
    pub tickets: BTreeSet<TicketId>,
    /// Those of them that were changed.
    #[serde(default)]
    pub changed: BTreeSet<TicketId>,
    /// The people they are about.
    #[serde(default)]
    pub subjects: BTreeSet<String>,
}

impl Seen {
    fn add(&mut self, more: &Seen) {
        self.tickets.extend(&more.tickets);
        self.changed.extend(&more.changed);
        self.subjects.extend(more.subjects.iter().cloned());
    }

    fn remove(&mut self, less: &Seen) {
        self.tickets.retain(|one| !less.tickets.contains(one));
        self.changed.retain(|one| !less.changed.contains(one));
        self.subjects.retain(|one| !less.subjects.contains(one));
    }

    fn is_empty(&self) -> bool {
        self.tickets.is_empty() && self.subjects.is_empty()
    }

    fn is_within(&self, other: &Seen) -> bool {
        self.tickets.is_subset(&other.tickets) && self.subjects.is_subset(&other.subjects)
    }
}

/// The trail of one request. A clone is the same one.
#[derive(Clone)]
pub struct Trail(Arc<Mutex<Inner>>);

struct Inner {
    beginning: Beginning,
    /// The desk of the first ticket seen.
    desk: Option<AuthorityCode>,
    /// Seen since the last entry that was committed.
    fresh: Seen,
    /// What the committed entries say.
    told: Seen,
    /// Entries made, committed or not, and whether any was committed.
    entries: i32,
    has_told: bool,
    /// Whether what is written next says that something was refused.
    is_refusing: bool,
}

thread_local! {
    static HERE: RefCell<Option<Trail>> = const { RefCell::new(None) };
}

/// The trail of the request at work on this thread.
pub fn current() -> Option<Trail> {
    HERE.with_borrow(Clone::clone)
}

/// Runs `f` beside the trail: for what the program keeps for itself while a request runs, such as a
/// block of numbers.
pub fn apart<T>(f: impl FnOnce() -> T) -> T {
    let _guard = enter(None);
    f()
}

impl Trail {
    /// Begins one.
    pub fn begin(beginning: Beginning) -> Self {
        Trail(Arc::new(Mutex::new(Inner {
            beginning,
            desk: None,
            fresh: Seen::default(),
            told: Seen::default(),
            entries: 0,
            has_told: false,
            is_refusing: false,
        })))
    }

    /// Runs `f` with this trail as the [`current`] one of the thread.
    pub fn within<T>(&self, f: impl FnOnce() -> T) -> T {
        let _guard = enter(Some(self.clone()));
        f()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says who asks, where that is found out only while the request runs, as at a log-in.
    pub fn is_of(&self, actor: AuditActor) {
        self.inner().beginning.actor = actor;
    }

    /// The correlation id of the request.
    pub fn correlation(&self) -> Option<Uuid> {
        self.inner().beginning.correlation
    }

    /// Says why, where that is stated in the request itself: a purpose's code, or `break-glass:` or
    /// `inspection:` and the id of the grant that is made use of.
    pub fn state_purpose(&self, code: &str) {
        self.inner().beginning.purpose = Some(code.to_owned());
    }

    /// Runs `f`, which writes down that something was refused: entries it carries say so, too.
    pub fn refusing<T>(&self, f: impl FnOnce() -> T) -> T {
        self.inner().is_refusing = true;
        let done = f();
        self.inner().is_refusing = false;
        done
    }

    /// Adds that the data of a ticket, of this desk and about the person with this tax code, were opened.
    pub fn note(
        &self,
        ticket: TicketId,
        desk: &AuthorityCode,
        tax_code: &str,
    ) -> Result<(), StoreError> {
        self.note_person(tax_code)?;
        self.note_ticket(ticket, Some(desk));
        Ok(())
    }

    /// Adds that something of a ticket was shown, beside the data of its requester.
    pub fn note_ticket(&self, ticket: TicketId, desk: Option<&AuthorityCode>) {
        let mut inner = self.inner();
        if inner.desk.is_none() {
            inner.desk = desk.cloned();
        }
        inner.fresh.tickets.insert(ticket);
    }

    /// Adds that data about the person with this tax code were opened.
    pub fn note_person(&self, tax_code: &str) -> Result<(), StoreError> {
        // Whom nobody can name any more, nobody can look at.
        if tax_code != GONE {
            let subject = keyring::current()?.print(INSTALLATION, Field::Person, tax_code)?;
            self.inner().fresh.subjects.insert(subject);
        }
        Ok(())
    }

    /// Forgets what transactions that were undone had changed.
    fn begin_write(&self) {
        self.inner().fresh.changed.clear();
    }

    fn note_change(&self, ticket: TicketId) {
        let mut inner = self.inner();
        inner.fresh.tickets.insert(ticket);
        inner.fresh.changed.insert(ticket);
    }

    /// All that was seen so far.
    pub fn seen(&self) -> Seen {
        let inner = self.inner();
        let mut all = inner.told.clone();
        all.add(&inner.fresh);
        all
    }

    /// Adds what an answer shows that was kept: it was seen when the answer was made.
    pub fn see_again(&self, seen: &Seen) {
        let mut inner = self.inner();
        inner.fresh.tickets.extend(&seen.tickets);
        let subjects = seen.subjects.iter().cloned();
        inner.fresh.subjects.extend(subjects);
    }

    /// The entry that is still to be written at the end of the request; none where a transaction
    /// carried all there is to say, or nobody in particular saw nothing.
    pub fn rest(&self, outcome: AuditOutcome) -> Option<AuditEntry> {
        let mut inner = self.inner();
        let is_told = inner.has_told && inner.fresh.is_within(&inner.told);
        if outcome == AuditOutcome::Done && (is_told || !inner.is_worth_an_entry()) {
            return None;
        }
        // What a transaction changed it told by itself; the rest was undone.
        inner.fresh.changed.clear();
        Some(inner.entry(outcome))
    }
}

impl Inner {
    /// What the service does by itself is told where it changes a ticket, and what nobody in particular
    /// does where it opens one.
    fn is_worth_an_entry(&self) -> bool {
        match self.beginning.actor {
            AuditActor::System => !self.fresh.changed.is_empty(),
            AuditActor::Nobody => !self.fresh.is_empty(),
            _ => true,
        }
    }

    fn entry(&mut self, outcome: AuditOutcome) -> AuditEntry {
        self.entries += 1;
        let own_desk = match &self.beginning.actor {
            AuditActor::Staff { authority, .. } => authority.clone(),
            _ => None,
        };
        let chain = own_desk.or_else(|| self.desk.clone());
        AuditEntry {
            id: self.beginning.id,
            nth: self.entries,
            at: self.beginning.at,
            chain: chain.map_or_else(String::new, |desk| desk.as_str().to_owned()),
            actor: self.beginning.actor.clone(),
            operation: self.beginning.operation.clone(),
            tickets: self.fresh.tickets.iter().copied().collect(),
            changed: self.fresh.changed.iter().copied().collect(),
            subjects: self.fresh.subjects.iter().cloned().collect(),
            purpose: self.beginning.purpose.clone(),
            outcome,
            correlation: self.beginning.correlation,
            sign_in: None,
        }
    }
}

/// Puts what was there before back.
pub(crate) struct Within(Option<Trail>);

/// Until the guard is dropped, [`current`] is this on this thread.
pub(crate) fn enter(trail: Option<Trail>) -> Within {
    Within(HERE.with_borrow_mut(|here| std::mem::replace(here, trail)))
}

impl Drop for Within {
    fn drop(&mut self) {
        HERE.with_borrow_mut(|here| *here = self.0.take());
    }
}

/// Notes that the data of a ticket were opened, if a trail is followed.
pub(crate) fn note(
    ticket: TicketId,
    desk: &AuthorityCode,
    tax_code: &str,
) -> Result<(), StoreError> {
    match current() {
        Some(trail) => trail.note(ticket, desk, tax_code),
        None => Ok(()),
    }
}

/// Notes that something of a ticket was shown without its requester's data, such as its number beside
/// another one; whose it is, the index finds out.
pub(crate) fn note_ticket(ticket: TicketId) {
    if let Some(trail) = current() {
        trail.note_ticket(ticket, None);
    }
}

/// Notes that a ticket was changed.
pub(crate) fn note_change(ticket: TicketId) {
    if let Some(trail) = current() {
        trail.note_change(ticket);
    }
}

/// A transaction that may write begins.
pub(crate) fn begin_write() {
    if let Some(trail) = current() {
        trail.begin_write();
    }
}

/// What an entry says, until the transaction that carries it is committed.
pub(crate) struct Carried {
    trail: Trail,
    seen: Seen,
}

impl Carried {
    /// The transaction was committed: what the entry says need not be said again.
    pub(crate) fn commit(self) {
        let mut inner = self.trail.inner();
        inner.fresh.remove(&self.seen);
        inner.told.add(&self.seen);
        inner.has_told = true;
    }
}

/// Writes the entry of a transaction that is about to commit.
pub(crate) fn settle(conn: &mut DbConnection) -> Result<Option<Carried>, StoreError> {
    let Some(trail) = current() else {
        return Ok(None);
    };
    let (entry, seen) = {
        let mut inner = trail.inner();
        if !inner.is_worth_an_entry() {
            return Ok(None);
        }
        let outcome = match inner.is_refusing {
            true => AuditOutcome::Refused,
            false => AuditOutcome::Done,
        };
        (inner.entry(outcome), inner.fresh.clone())
    };
    audit::append(conn, &entry)?;
    Ok(Some(Carried { trail, seen }))
}
