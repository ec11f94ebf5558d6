//! The audit trail as evidence (`docs/adr/0034`, `threat-model.md` D-26): entries are linked into chains
//! after their commit, the heads of the chains are signed and put outside the database, and a check
//! names the first entry that is not what was written.

mod key;
mod proof;
pub(crate) mod sign_ins;

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use domain::audit::{AuditActor, AuditEntry, AuditOutcome};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use storage::audit_anchors::{self, Standing};
use storage::audit_links::{self, Head};
use storage::{DbConnection, audit};

pub use key::{AuditKey, PublicKey};
pub use proof::{Doubt, Proof, Wrong};
pub use storage::audit::EntryName;
pub use storage::audit_anchors::{Anchor, Send};
pub use storage::audit_proof::Flaw;

use self::key::LineFault;
use crate::{Desk, DeskError};

/// Entries linked in one transaction: others write in between.
const PAGE: i64 = 200;
/// Even when nothing happens an anchor is made so often: it says that nothing happened.
const AT_LEAST_EVERY: SignedDuration = SignedDuration::from_hours(24);
/// Sendings of anchors to one place tried in one run.
const SENDS: i64 = 50;
/// The wait after a first try that failed; it doubles with each, up to the longest.
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(10);
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(15);

/// What an anchor says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AnchorText {
    number: i64,
    at: Timestamp,
    /// SHA-256 of the line before this one; none in the first.
    previous: Option<String>,
    heads: Vec<HeadText>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HeadText {
    chain: String,
    seq: i64,
    hash: String,
}

impl From<Head> for HeadText {
    fn from(head: Head) -> Self {
        HeadText {
            chain: head.chain,
            seq: head.seq,
            hash: HEXLOWER.encode(&head.hash),
        }
    }
}

/// What linking led to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LinkRun {
    /// Entries that got their place.
    pub linked: usize,
    /// Entries that were not linked, since they are not ours or gone.
    pub refused: usize,
}

/// What sending anchors led to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AnchorRun {
    /// Those that arrived.
    pub sent: usize,
    /// Those to be tried again.
    pub failed: usize,
}

/// How the trail fares.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrailState {
    /// Entries that wait to be linked.
    pub waiting: i64,
    /// Entries that were refused, and that somebody has to look at.
    pub refused: i64,
    /// The anchors.
    pub anchors: Standing,
}

/// An entry as it is exported: what its hash is over, letter by letter, and the hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExportedEntry {
    /// Its chain.
    pub chain: String,
    /// Its place; none while it waits for one.
    pub seq: Option<i64>,
    /// Its request.
    pub id: String,
    /// The how-manieth of it.
    pub nth: i32,
    /// When, in microseconds since 1970.
    pub at_microseconds: i64,
    /// What it says.
    pub body: String,
    /// The hash before, in hexadecimal digits.
    pub previous: Option<String>,
    /// Its hash.
    pub hash: Option<String>,
}

impl Desk {
    /// Links what was committed and has no place yet, in order of arrival.
    pub fn link_audit(&self) -> Result<LinkRun, DeskError> {
        let mut run = LinkRun::default();
        while self.db.read(audit_links::has_pending)? {
            let now = self.clock.now();
            let page = self
                .db
                .write(move |conn| audit_links::link(conn, PAGE, now))?;
            for name in &page.refused {
                tracing::error!(
                    audit.entry = %name.id,
                    audit.nth = name.nth,
                    "an audit entry is not ours, or gone, and was not linked"
                );
            }
            run.linked += page.linked;
            run.refused += page.refused.len();
        }
        Ok(run)
    }

    /// Signs the heads of all chains and keeps them, to be sent to these places; none if another node
    /// has done so within `every`, or nothing has happened since. The answer is the anchor's number.
    pub fn anchor_audit(
        &self,
        key: &Arc<AuditKey>,
        places: &[&'static str],
        every: SignedDuration,
    ) -> Result<Option<i64>, DeskError> {
        let (desk, key, places) = (self.clone(), Arc::clone(key), places.to_vec());
        self.db.write(move |conn| {
            let now = desk.clock.now();
            let last = audit_anchors::last_to_add(conn)?;
            let age = last.as_ref().map(|last| now.duration_since(last.at()));
            if age.is_some_and(|age| age < every) {
                return Ok(None);
            }
            let heads: Vec<HeadText> = audit_links::heads(conn)?
                .into_iter()
                .map(HeadText::from)
                .collect();
            let said = last
                .as_ref()
                .and_then(|last| text_of(std::slice::from_ref(key.public()), last));
            let is_news = said.is_none_or(|said| said.heads != heads);
            if heads.is_empty() || (!is_news && age.is_some_and(|age| age < AT_LEAST_EVERY)) {
                return Ok(None);
            }
            let text = AnchorText {
                number: last.as_ref().map_or(0, |last| last.number) + 1,
                at: now,
                previous: last.as_ref().map(|last| print_of(&last.body)),
                heads,
            };
            let line = serde_json::to_vec(&text).ok();
            let line = line
                .and_then(|text| key.sign(&text))
                .ok_or(DeskError::Broken("an anchor cannot be signed", None))?;
            audit_anchors::add(conn, text.number, line, &places, now)?;
            Ok(Some(text.number))
        })
    }

    /// Hands what is due to `send`, outside of any transaction, and keeps how it went. A place that fails
    /// is left until the next run: one that hangs must not keep entries from being linked.
    pub fn send_anchors(
        &self,
        send: &dyn Fn(&Send) -> Result<(), String>,
    ) -> Result<AnchorRun, DeskError> {
        let mut run = AnchorRun::default();
        let now = self.clock.now();
        let places = self
            .db
            .read(|conn| audit_anchors::list_places_due(conn, now))?;
        for place in places {
            let due = self
                .db
                .read(|conn| audit_anchors::list_due(conn, &place, now, SENDS))?;
            for one in due {
                match self.send_anchor(send, one, now)? {
                    None => {}
                    Some(true) => run.sent += 1,
                    Some(false) => {
                        run.failed += 1;
                        break;
                    }
                }
            }
        }
        Ok(run)
    }

    /// Whether one arrived; none if another node is at it.
    fn send_anchor(
        &self,
        send: &dyn Fn(&Send) -> Result<(), String>,
        one: Send,
        now: Timestamp,
    ) -> Result<Option<bool>, DeskError> {
        let next = now.checked_add(wait_after(one.tries)).unwrap_or(now);
        let claim = one.clone();
        let is_ours = self
            .db
            .write(move |conn| audit_anchors::claim(conn, &claim, next))?;
        if !is_ours {
            return Ok(None);
        }
        if let Err(reason) = send(&one) {
            tracing::error!(
                audit.anchor = one.anchor.number,
                audit.place = one.place,
                reason,
                "an anchor of the audit trail was not delivered"
            );
            return Ok(Some(false));
        }
        self.db
            .write(move |conn| audit_anchors::mark_sent(conn, &one))?;
        Ok(Some(true))
    }

    /// How the trail fares.
    pub fn trail_state(&self) -> Result<TrailState, DeskError> {
        self.db.read(|conn| {
            let (waiting, refused) = audit_links::count_pending(conn)?;
            Ok(TrailState {
                waiting,
                refused,
                anchors: audit_anchors::standing(conn)?,
            })
        })
    }

    /// Hands every entry from `from` until before `to` to `f`, in order of time, page by page.
    pub fn export_audit<E: From<DeskError>>(
        &self,
        (from, to): (Timestamp, Timestamp),
        chain: Option<&str>,
        mut f: impl FnMut(ExportedEntry) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut after = None;
        loop {
            let page = self
                .db
                .read(|conn| audit::list(conn, (from, to), chain, after, PAGE))
                .map_err(DeskError::from)?;
            let Some((last, _)) = page.last() else {
                return Ok(());
            };
            after = Some((last.at(), last.name()));
            for (entry, link) in page {
                let (seq, previous, hash) = match link {
                    Some((seq, previous, hash)) => (Some(seq), Some(previous), Some(hash)),
                    None => (None, None, None),
                };
                let hex = |bytes: Vec<u8>| HEXLOWER.encode(&bytes);
                let name = entry.name();
                f(ExportedEntry {
                    id: name.id.to_string(),
                    nth: name.nth,
                    at_microseconds: entry.at().as_microsecond(),
                    chain: entry.chain,
                    body: entry.body,
                    seq,
                    previous: previous.map(hex),
                    hash: hash.map(hex),
                })?;
            }
        }
    }

    /// Writes the entry of something that was done at the machine itself, by a command.
    pub fn note_command(&self, operation: &str, outcome: AuditOutcome) -> Result<(), DeskError> {
        let entry = AuditEntry {
            id: self.ids.uuid(),
            nth: 1,
            at: self.clock.now(),
            chain: String::new(),
            actor: AuditActor::Operator,
            operation: operation.to_owned(),
            tickets: Vec::new(),
            subjects: Vec::new(),
            purpose: None,
            outcome,
            correlation: None,
            changed: Vec::new(),
            sign_in: None,
        };
        self.write_entry(entry)
    }

    /// Writes an entry in a transaction of its own.
    pub(crate) fn write_entry(&self, entry: AuditEntry) -> Result<(), DeskError> {
        let write = move |conn: &mut DbConnection| audit::append(conn, &entry);
        Ok(self.db.write(write)?)
    }
}

fn wait_after(tries: i32) -> SignedDuration {
    let doubled = u32::try_from(tries).unwrap_or(0).min(10);
    (FIRST_WAIT * 2_i32.saturating_pow(doubled)).min(LONGEST_WAIT)
}

/// What a line says that one of these keys signed.
fn read(keys: &[PublicKey], line: &str) -> Result<Vec<u8>, LineFault> {
    let mut fault = LineFault::BadSignature;
    for key in keys {
        match key.read(line) {
            Ok(text) => return Ok(text),
            Err(why) => fault = why,
        }
    }
    Err(fault)
}

/// What an anchor says that one of these keys signed.
fn text_of(keys: &[PublicKey], anchor: &Anchor) -> Option<AnchorText> {
    let text = read(keys, &anchor.body).ok()?;
    serde_json::from_slice(&text).ok()
}

fn print_of(line: &str) -> String {
    HEXLOWER.encode(digest(&SHA256, line.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_takes_no_anchor_is_tried_later_each_time() {
        let waits: Vec<i64> = [0, 1, 2, 6, 7, 40]
            .map(|tries| wait_after(tries).as_secs())
            .into();
        assert_eq!(waits, [10, 20, 40, 640, 900, 900]);
    }
}
