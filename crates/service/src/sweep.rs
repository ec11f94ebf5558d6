//! Clearing away what nothing needs any more: blobs without a row, old answers, proofs, sessions.

use domain::ids::{TicketId, TicketRef};
use domain::state::StateCode;
use domain::visibility::Scope;
use jiff::{SignedDuration, Timestamp};
use storage::{
    DbConnection, StoreError, absences, attachments, bulk, changes, email_proofs, holds,
    idempotency, login_sources, outbox, queue_counts, recent_writes, removals, sessions,
    subject_exports, tickets, used_tokens, webhook_deliveries,
};

use crate::{Desk, DeskError};

/// What a sweep took away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SweepRun {
    /// Blobs that no attachment names.
    pub blobs: usize,
    /// Rows whose time is over.
    pub rows: usize,
}

/// Rows deleted in one transaction.
const PAGE: i64 = 500;
/// Bulk jobs deleted in one transaction; each may have thousands of rows.
const JOBS_PAGE: i64 = 5;
/// A blob is put before its transaction: younger ones may still get their row.
const ORPHAN_AGE: SignedDuration = SignedDuration::from_hours(1);
/// Proofs are kept so long for the daily cap (`conventions.md` PR-3).
const PROOF_AGE: SignedDuration = SignedDuration::from_hours(48);
/// A network somebody logged in from is forgotten when not heard of for so long.
const SOURCE_AGE: SignedDuration = SignedDuration::from_hours(90 * 24);
/// Ended sessions and sent messages are kept so long for questions.
const DONE_AGE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Who was away is nobody's business any more when the last day is so long past.
const ABSENCE_AGE: SignedDuration = SignedDuration::from_hours(90 * 24);
/// The terms above, for whoever asks how long what is kept.
pub(crate) const FIXED_TERMS: [(&str, SignedDuration); 7] = [
    ("email-proof", PROOF_AGE),
    ("session", DONE_AGE),
    ("sent-message", DONE_AGE),
    ("webhook-delivery", DONE_AGE),
    ("bulk-job", DONE_AGE),
    ("absence", ABSENCE_AGE),
    ("login-source", SOURCE_AGE),
];
/// Removed tickets whose files are purged in one transaction.
const PURGED_AT_ONCE: i64 = 50;

impl Desk {
    /// Takes away blobs that no attachment names. Goes shard by shard, and can stop anywhere.
    pub async fn sweep_blobs(&self) -> Result<usize, DeskError> {
        let older = self
            .clock
            .now()
            .checked_sub(ORPHAN_AGE)
            .unwrap_or(self.clock.now());
        let mut gone = 0;
        for shard in 0..=u8::MAX {
            let keys = self.blobs.list_older(shard, older).await?;
            for page in keys.chunks(100) {
                let names: Vec<String> = page.iter().map(|key| key.as_str().to_owned()).collect();
                let orphans = self.db.read_in(&Scope::System, |conn| {
                    attachments::list_orphans(conn, names)
                })?;
                for key in page
                    .iter()
                    .filter(|key| orphans.iter().any(|name| name == key.as_str()))
                {
                    self.blobs.delete(key).await?;
                    gone += 1;
                }
            }
        }
        Ok(gone)
    }

    /// Takes away rows whose time is over, in small transactions: other writes go in between.
    pub fn sweep_rows(&self) -> Result<usize, DeskError> {
        let now = self.clock.now();
        let ago = |age: SignedDuration| now.checked_sub(age).unwrap_or(now);
        let (answers, proofs, done) = (
            ago(self.settings.idempotency),
            ago(PROOF_AGE),
            ago(DONE_AGE),
        );
        let mut gone =
            self.sweep_pages(move |conn| idempotency::delete_old(conn, answers, PAGE))?;
        gone += self.sweep_pages(move |conn| email_proofs::delete_old(conn, proofs, PAGE))?;
        gone += self.sweep_pages(move |conn| sessions::delete_ended_sessions(conn, done, PAGE))?;
        gone += self.sweep_pages(move |conn| outbox::delete_sent(conn, done, PAGE))?;
        gone += self.sweep_pages(move |conn| webhook_deliveries::delete_old(conn, done, PAGE))?;
        gone += self.sweep_pages(move |conn| bulk::delete_old(conn, done, JOBS_PAGE))?;
        let old_news = ago(crate::feed::KEPT);
        gone += self.sweep_pages(move |conn| changes::delete_old(conn, old_news, PAGE))?;
        gone += self.sweep_pages(move |conn| used_tokens::delete_ended(conn, now, PAGE))?;
        gone += self.sweep_pages(|conn| recent_writes::delete_old(conn, PAGE))?;
        let removed = ago(self.settings.purge_removed_after);
        gone += self.purge_removed(removed, now)?;
        gone += self.sweep_at_once(move |conn| subject_exports::expire(conn, now))?;
        let long_over = self.day_of(ago(ABSENCE_AGE));
        gone += self.sweep_pages(move |conn| absences::delete_over(conn, long_over, PAGE))?;
        let unheard = ago(SOURCE_AGE);
        gone += self.sweep_pages(move |conn| login_sources::delete_old(conn, unheard, PAGE))?;
        gone += self.sweep_pages(|conn| queue_counts::delete_empty(conn, PAGE))?;
        Ok(gone)
    }

    /// Takes the files of tickets away that were removed before `before`, unless they are under a hold;
    /// the answer is how many tickets. Their bytes go with the next sweep of blobs.
    fn purge_removed(&self, before: Timestamp, now: Timestamp) -> Result<usize, DeskError> {
        let (mut purged, mut after) = (0, None);
        loop {
            let page = self.db.read_in(&Scope::System, |conn| {
                removals::list_to_purge(conn, before, after, PURGED_AT_ONCE)
            })?;
            let Some(last) = page.last() else {
                return Ok(purged);
            };
            after = Some(*last);
            let ids: Vec<TicketId> = page.iter().map(|(_, id)| *id).collect();
            purged += self
                .db
                .write_in(&Scope::System, move |conn| purge_files(conn, &ids, now))?;
        }
    }

    /// Does what is done at once, because there is never much of it.
    fn sweep_at_once<F>(&self, work: F) -> Result<usize, DeskError>
    where
        F: Fn(&mut DbConnection) -> Result<usize, StoreError> + Send + 'static,
    {
        Ok(self.db.write_in(&Scope::System, work)?)
    }

    fn sweep_pages<F>(&self, page: F) -> Result<usize, DeskError>
    where
        F: Fn(&mut DbConnection) -> Result<usize, StoreError> + Clone + Send + 'static,
    {
        let mut gone = 0;
        loop {
            let write = || self.db.write_in(&Scope::System, page.clone());
            match self.by_itself("sweep", write)? {
                0 => return Ok(gone),
                some => gone += some,
            }
        }
    }
}

/// Takes the files of those of these tickets away that are under no hold; the answer is how many.
fn purge_files(
    conn: &mut DbConnection,
    ids: &[TicketId],
    now: Timestamp,
) -> Result<usize, StoreError> {
    holds::follow(conn)?;
    let mut purged = 0;
    for id in ids {
        let found = tickets::find(conn, &Scope::System, &TicketRef::Id(*id))?;
        let Some((ticket, dossier)) = found else {
            continue;
        };
        let (desk, person) = (&ticket.custodian.code, &dossier.tax_code);
        let is_removed = ticket.state.code() == StateCode::Removed;
        if !is_removed || holds::exists_for_ticket(conn, *id, desk, person, now)? {
            continue;
        }
        attachments::purge(conn, *id, now)?;
        removals::set_purged(conn, *id, now)?;
        purged += 1;
    }
    Ok(purged)
}
