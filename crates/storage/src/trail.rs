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
use uuid::Uuid;

use crate::keyring::{self, Field, INSTALLATION};
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

/// The trail of one request. A clone is the same one.
#[derive(Clone)]
pub struct Trail(Arc<Mutex<Inner>>);

struct Inner {
    beginning: Beginning,
    /// The desk of the first ticket seen.
    desk: Option<AuthorityCode>,
    tickets: BTreeSet<TicketId>,
    subjects: BTreeSet<String>,
    /// Entries made so far, and what has been seen since the last.
    entries: i32,
    unsettled: bool,
}

thread_local! {
    static HERE: RefCell<Option<Trail>> = const { RefCell::new(None) };
}

/// The trail of the request at work on this thread.
pub fn current() -> Option<Trail> {
    HERE.with_borrow(Clone::clone)
}

impl Trail {
    /// Begins one.
    pub fn begin(beginning: Beginning) -> Self {
        Trail(Arc::new(Mutex::new(Inner {
            beginning,
            desk: None,
            tickets: BTreeSet::new(),
            subjects: BTreeSet::new(),
            entries: 0,
            unsettled: false,
        })))
    }

    /// Runs `f` with this trail as the [`current`] one of the thread.
    pub fn within<T>(&self, f: impl FnOnce() -> T) -> T {
        let _guard = enter(Some(self.clone()));
        f()
    }

    /// Says why, where that is stated in the request itself: a purpose's code, or `break-glass:` or
    /// `inspection:` and the id of the grant that is made use of.
    pub fn is_for(&self, purpose: String) {
        self.inner().beginning.purpose = Some(purpose);
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says who asks, where that is found out only while the request runs, as at a log-in.
    pub fn is_of(&self, actor: AuditActor) {
        self.inner().beginning.actor = actor;
    }

    /// Adds that the data of a ticket, of this desk and about the person with this tax code, were opened.
    pub fn note(
        &self,
        ticket: TicketId,
        desk: &AuthorityCode,
        tax_code: &str,
    ) -> Result<(), StoreError> {
        let subject = keyring::current()?.print(INSTALLATION, Field::Person, tax_code)?;
        let mut inner = self.inner();
        if inner.desk.is_none() {
            inner.desk = Some(desk.clone());
        }
        let is_new = inner.tickets.insert(ticket);
        inner.unsettled |= inner.subjects.insert(subject) || is_new;
        Ok(())
    }

    /// The entry that is still to be written at the end of the request; none where a transaction
    /// carried all there is to say.
    pub fn rest(&self, outcome: AuditOutcome) -> Option<AuditEntry> {
        let mut inner = self.inner();
        let is_said = inner.entries > 0 && !inner.unsettled && outcome == AuditOutcome::Done;
        (!is_said).then(|| inner.entry(outcome))
    }
}

impl Inner {
    fn entry(&mut self, outcome: AuditOutcome) -> AuditEntry {
        self.entries += 1;
        self.unsettled = false;
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
            tickets: self.tickets.iter().copied().collect(),
            subjects: self.subjects.iter().cloned().collect(),
            purpose: self.beginning.purpose.clone(),
            outcome,
            correlation: self.beginning.correlation,
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

/// Writes the entry of a transaction that is about to commit.
pub(crate) fn settle(conn: &mut DbConnection) -> Result<(), StoreError> {
    let Some(trail) = current() else {
        return Ok(());
    };
    let entry = trail.inner().entry(AuditOutcome::Done);
    audit::append(conn, &entry)
}
