//! The proof of a run: what went, what was kept and why, and a keyed digest over the list, which the audit
//! trail holds as well; and the look, any time later, whether anything of it is still there.

use std::collections::{BTreeMap, BTreeSet};

use domain::audit::{AuditActor, AuditEntry, AuditOutcome};
use domain::ids::RetentionRunId;
use domain::visibility::Scope;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use storage::retention::{self, Mark};
use storage::retention_runs::{self, Proof};
use storage::{DbConnection, audit};

pub use storage::retention_runs::Run;

use crate::retention::runs::Count;
use crate::{Desk, DeskError};

/// Marks read at once.
const PAGE: i64 = 500;
/// The operation in the audit trail.
const OPERATION: &str = "retention_run";

/// Something that was due and stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptPiece {
    /// A request, a complaint, a contact or a call back.
    pub kind: String,
    /// What people call it.
    pub named: String,
    /// Why: `legal-hold`, `open-review`, `open-complaint`, `open-follow-up`, `open-work` or `failed`.
    pub reason: String,
}

/// What a look at a run found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// How many marks were looked at.
    pub checked: usize,
    /// What is still there, and in which table.
    pub left: Vec<(String, &'static str)>,
    /// Files whose bytes are still in the store.
    pub files_left: usize,
    /// Whether the list is the one that was proved.
    pub is_same_list: bool,
    /// Whether the audit trail holds the same digest.
    pub is_in_trail: bool,
}

impl Verification {
    /// Whether nothing is against the proof.
    pub fn is_clean(&self) -> bool {
        self.left.is_empty() && self.files_left == 0 && self.is_same_list && self.is_in_trail
    }
}

/// How many sets of data went in a run that is over: one for each class of each request or the like.
pub fn count_forgotten(run: &Run) -> usize {
    let counts = run.proof.as_ref().map_or("[]", |proof| &proof.counts);
    let counts: Vec<Count> = serde_json::from_str(counts).unwrap_or_default();
    let sum: i64 = counts.iter().map(|one| one.count).sum();
    usize::try_from(sum).unwrap_or_default()
}

impl Desk {
    /// A page of runs, the newest first.
    pub fn list_retention_runs(
        &self,
        after: Option<(Timestamp, RetentionRunId)>,
        limit: i64,
    ) -> Result<Vec<Run>, DeskError> {
        Ok(self
            .db
            .read(|conn| retention_runs::list(conn, after, limit))?)
    }

    /// One run.
    pub fn show_retention_run(&self, id: RetentionRunId) -> Result<Run, DeskError> {
        let found = self.db.read(|conn| retention_runs::find(conn, id))?;
        found.ok_or(DeskError::NotFound)
    }

    /// Ends a run with its proof, here and in the audit trail; or tells how another node ended it.
    pub(super) fn prove_run(&self, run: &Run, kept: Vec<KeptPiece>) -> Result<Run, DeskError> {
        let (desk, run) = (self.clone(), run.clone());
        self.db.write_in(&Scope::System, move |conn| {
            let now = desk.clock.now();
            let (counts, digest) = desk.list_of(conn, run.id)?;
            let broken = |error| DeskError::broken("the proof of a run", error);
            let proof = Proof {
                ended_at: now,
                counts: serde_json::to_string(&counts).map_err(broken)?,
                kept: serde_json::to_string(&kept).map_err(broken)?,
                digest,
            };
            if !retention_runs::finish(conn, run.id, &proof)? {
                return retention_runs::find(conn, run.id)?.ok_or(DeskError::NotFound);
            }
            audit::append(conn, &entry_of(&run, &proof))?;
            Ok(Run {
                state: retention_runs::RunState::Done,
                proof: Some(proof),
                ..run
            })
        })
    }

    /// Looks whether anything is left of what went in a run, in the database and in the store, and whether
    /// its list is the one that was proved.
    pub async fn verify_retention_run(
        &self,
        id: RetentionRunId,
    ) -> Result<Verification, DeskError> {
        let run = self.show_retention_run(id)?;
        let proof = run.proof.clone().ok_or(DeskError::NotFound)?;
        let (checked, left, digest, blobs, is_in_trail) =
            self.db.read_snapshot_in(&Scope::System, |conn| {
                let mut left = Vec::new();
                let checked = each_mark(conn, id, |conn, mark| {
                    let tables = retention::list_left(conn, mark)?;
                    left.extend(tables.into_iter().map(|table| (mark.named.clone(), table)));
                    Ok(())
                })?;
                let (_, digest) = self.list_of(conn, id)?;
                let expected = serde_json::to_string(&entry_of(&run, &proof)).ok();
                let written = retention_runs::find_entry(conn, id)?;
                let is_in_trail = written.is_some() && written == expected;
                let blobs = retention::list_blobs(conn, id.uuid())?;
                Ok::<_, DeskError>((checked, left, digest, blobs, is_in_trail))
            })?;
        let files_left = self.count_stored(&blobs).await?;
        Ok(Verification {
            checked,
            left,
            files_left,
            is_same_list: digest == proof.digest,
            is_in_trail,
        })
    }

    /// How many of these blobs the store still has.
    async fn count_stored(&self, keys: &[String]) -> Result<usize, DeskError> {
        let mut shards: BTreeMap<u8, BTreeSet<&str>> = BTreeMap::new();
        for key in keys {
            let shard = key
                .get(..2)
                .and_then(|text| u8::from_str_radix(text, 16).ok());
            let shard = shard.ok_or(DeskError::Broken("the key of a file", None))?;
            shards.entry(shard).or_default().insert(key);
        }
        let mut stored = 0;
        for (shard, wanted) in shards {
            let found = self.blobs.list_older(shard, Timestamp::MAX).await?;
            stored += found
                .iter()
                .filter(|key| wanted.contains(key.as_str()))
                .count();
        }
        Ok(stored)
    }

    /// What went in a run, counted, and the keyed digest of the list: names and classes in order, then the
    /// keys of files.
    fn list_of(
        &self,
        conn: &mut DbConnection,
        id: RetentionRunId,
    ) -> Result<(Vec<Count>, String), DeskError> {
        let mut list = format!("{id}\n");
        let mut counts: BTreeMap<(String, String, String), i64> = BTreeMap::new();
        each_mark(conn, id, |_, mark| {
            let (kind, class) = (mark.kind.as_str(), mark.class.as_str());
            list.push_str(&format!("{kind} {} {class}\n", mark.named));
            let key = (
                kind.to_owned(),
                class.to_owned(),
                mark.authority.to_string(),
            );
            *counts.entry(key).or_default() += 1;
            Ok(())
        })?;
        for key in retention::list_blobs(conn, id.uuid())? {
            list.push_str(&format!("file {key}\n"));
        }
        let counts = counts
            .into_iter()
            .map(|((kind, class, authority), count)| Count {
                kind,
                class,
                authority,
                count,
            })
            .collect();
        Ok((
            counts,
            self.secrets.fingerprint("retention", list.as_bytes()),
        ))
    }
}

/// Walks over what went in a run, in order; the answer is how many marks there are.
fn each_mark(
    conn: &mut DbConnection,
    id: RetentionRunId,
    mut look: impl FnMut(&mut DbConnection, &Mark) -> Result<(), DeskError>,
) -> Result<usize, DeskError> {
    let mut seen = 0;
    let mut last: Option<Mark> = None;
    loop {
        let page = retention::list_marks(conn, id.uuid(), last.as_ref(), PAGE)?;
        for mark in &page {
            look(conn, mark)?;
        }
        seen += page.len();
        match page.into_iter().last() {
            Some(mark) => last = Some(mark),
            None => return Ok(seen),
        }
    }
}

/// The entry is the run's: its id, and the digest as the reason, so that neither can be put in the place of
/// another unseen.
fn entry_of(run: &Run, proof: &Proof) -> AuditEntry {
    AuditEntry {
        id: run.id.uuid(),
        nth: 1,
        at: proof.ended_at,
        chain: run
            .authority
            .as_ref()
            .map_or_else(String::new, ToString::to_string),
        actor: AuditActor::System,
        operation: OPERATION.to_owned(),
        tickets: Vec::new(),
        changed: Vec::new(),
        subjects: Vec::new(),
        purpose: Some(format!("retention:{}", proof.digest)),
        outcome: AuditOutcome::Done,
        correlation: None,
        sign_in: None,
    }
}
