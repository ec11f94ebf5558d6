//! One action on many tickets, each by the rules of a single one and in a transaction of its own; a
//! ticket that refuses holds up no other (`docs/adr/0026`).
//!
//! Invariant: an action reaches a ticket once. What became of it is a row written together with the
//! ticket, so that a crash in between, or two nodes at it, repeat nothing. Here somebody waits for
//! the answer; for more tickets than that see `bulk_jobs`.

use domain::actor::Staff;
use domain::ids::{BulkJobId, TicketRef};
use domain::invalid::Lang;
use domain::visibility::{Scope, View, view_of};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use storage::{DbConnection, bulk, tickets};
use uuid::Uuid;

pub use storage::bulk::{ItemResult, Job, JobState};

use crate::action_form::CheckedAction;
use crate::complaints::OwnComplaint;
use crate::once::{Answer, Once};
use crate::own_screen::RequesterScreen;
use crate::{Desk, DeskError, trail};

/// Tickets that are answered while somebody waits (`api.md` §5).
pub const MOST_AT_ONCE: usize = 100;
/// Tickets of a job (`conventions.md` ModI-26).
pub const MOST_ITEMS: usize = 10_000;

/// A ticket to act on, and the version that was seen of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its id or number.
    pub ticket: String,
    /// The version seen.
    pub version: i64,
}

/// Says what people are told, where that is not an answer of its own. Whoever answers them knows; here it
/// is only kept.
pub trait Telling: Send + Sync {
    /// What is told of an error, in each language, as a text that [`Telling`]'s author reads back.
    fn tell(&self, error: DeskError) -> String;

    /// A requester's own ticket as they are shown it.
    fn show_ticket(&self, screen: RequesterScreen, lang: Lang) -> Value;

    /// A complaint as its complainant is shown it.
    fn show_complaint(&self, complaint: OwnComplaint, lang: Lang) -> Value;
}

impl Desk {
    /// Acts on tickets, up to [`MOST_AT_ONCE`], and says what became of each in their order.
    pub fn act_on_many(
        &self,
        staff: &Staff,
        items: &[Item],
        form: &CheckedAction,
        once: &Once,
    ) -> Result<Answer<Vec<ItemResult>>, DeskError> {
        self.answer_once(once, || {
            let job = self.begin_call(staff, items.len(), once)?;
            let scope = Scope::of(staff);
            // What an earlier try of the same call did is its result, too.
            let known = self.db.read_in(&scope, |conn| {
                bulk::list_results(conn, job, None, count(items.len()))
            })?;
            let mut results = Vec::with_capacity(items.len());
            for (position, item) in (0_i64..).zip(items) {
                match known.iter().find(|result| result.position == position) {
                    Some(result) => results.push(result.clone()),
                    None => results.push(self.act_at_once(staff, job, position, item, form)?),
                }
            }
            Ok(results)
        })
    }

    /// The row that the results hang on. The same request finds the same one, also after a crash.
    fn begin_call(&self, staff: &Staff, total: usize, once: &Once) -> Result<BulkJobId, DeskError> {
        let id = self.call_of(once);
        let id = id.unwrap_or_else(|| BulkJobId::new(self.ids.uuid()));
        let now = self.clock.now();
        let forgotten = now.checked_sub(self.settings.idempotency).unwrap_or(now);
        let job = Job {
            in_background: false,
            state: JobState::Done,
            ended_at: Some(now),
            ..new_job(id, staff, total, now)
        };
        let begin = move |conn: &mut DbConnection| {
            // As with any kept answer: after its time the same key asks for something new.
            if bulk::find(conn, id)?.is_some_and(|found| found.created_at < forgotten) {
                bulk::delete(conn, id)?;
            }
            bulk::begin(conn, &job, None)?;
            Ok(id)
        };
        storage::trail::apart(|| self.db.write_in(&Scope::of(staff), begin))
    }

    fn call_of(&self, once: &Once) -> Option<BulkJobId> {
        let key = once.key.as_ref()?;
        let mut request = format!("{}\n{}\n{}\n", key.principal, key.route, key.key).into_bytes();
        request.extend_from_slice(&once.content);
        let print = self.secrets.fingerprint("bulk-action", &request);
        Some(BulkJobId::new(Uuid::parse_str(print.get(..32)?).ok()?))
    }

    fn act_at_once(
        &self,
        staff: &Staff,
        job: BulkJobId,
        position: i64,
        item: &Item,
        form: &CheckedAction,
    ) -> Result<ItemResult, DeskError> {
        let (desk, acting, named, wish) = (self.clone(), staff.clone(), item.clone(), form.clone());
        let scope = Scope::of(staff);
        let acted = self.db.write_in(&scope, move |conn| {
            let now = desk.clock.now();
            desk.act_on_item(conn, &acting, job, position, &named, wish, now)
        });
        let error = match acted {
            Ok(result) => return Ok(result),
            Err(error) => error,
        };
        // Another node is at the same call, and was faster.
        let known = self.db.read_in(&scope, |conn| {
            bulk::list_results(conn, job, Some(position - 1), 1)
        })?;
        if let Some(result) = known.into_iter().find(|known| known.position == position) {
            return Ok(result);
        }
        // A fault or a crowd is no verdict: a repeated call tries again.
        let is_verdict = !matches!(error, DeskError::Busy | DeskError::Broken(..));
        let refused = self.refused(staff, position, item, error)?;
        if is_verdict {
            let kept = refused.clone();
            trail::refusing(|| {
                self.db
                    .write_in(&scope, move |conn| bulk::insert_result(conn, job, &kept))
            })?;
        }
        Ok(refused)
    }

    /// Acts on one ticket of many, and notes that it was reached.
    #[expect(
        clippy::too_many_arguments,
        reason = "who does what to which ticket of which call and when: each is needed"
    )]
    pub(crate) fn act_on_item(
        &self,
        conn: &mut DbConnection,
        staff: &Staff,
        job: BulkJobId,
        position: i64,
        item: &Item,
        form: CheckedAction,
        now: Timestamp,
    ) -> Result<ItemResult, DeskError> {
        let wanted = TicketRef::parse(&item.ticket).ok_or(DeskError::NotFound)?;
        let (mut ticket, dossier) = self.load_at(conn, staff, &wanted, item.version)?;
        // Named twice, perhaps by id and by number: what the second one saw is over. Who gave the
        // ticket away is refused below instead, and not told the version now.
        let is_past = matches!(view_of(&ticket, &Scope::of(staff)), Some(View::Until(_)));
        if !is_past && bulk::has_reached(conn, job, ticket.id)? {
            return Err(DeskError::Stale {
                current: ticket.version,
            });
        }
        let updated = self.act(conn, staff, &mut ticket, &dossier, form, None, now)?;
        let result = ItemResult {
            position,
            named: item.ticket.clone(),
            number: Some(ticket.number.clone()),
            reached: Some(ticket.id),
            // As whoever acted sees it, who may have given it away.
            version: Some(updated.ticket.version),
            problem: None,
            at: now,
        };
        match bulk::insert_result(conn, job, &result)? {
            true => Ok(result),
            false => Err(DeskError::Busy),
        }
    }

    /// What is told of a ticket that the action could not reach.
    pub(crate) fn refused(
        &self,
        staff: &Staff,
        position: i64,
        item: &Item,
        error: DeskError,
    ) -> Result<ItemResult, DeskError> {
        let scope = Scope::of(staff);
        let found = match TicketRef::parse(&item.ticket) {
            Some(wanted) => self
                .db
                .read_in(&scope, |conn| tickets::find(conn, &scope, &wanted))?,
            None => None,
        };
        let version = match &error {
            DeskError::Stale { current } => Some(*current),
            _ => None,
        };
        Ok(ItemResult {
            position,
            named: item.ticket.clone(),
            number: found.map(|(ticket, _)| ticket.number),
            reached: None,
            version,
            problem: Some(self.telling.tell(error)),
            at: self.clock.now(),
        })
    }
}

/// A job that is about to begin.
pub(crate) fn new_job(id: BulkJobId, staff: &Staff, total: usize, now: Timestamp) -> Job {
    Job {
        id,
        desk: staff.authority.clone(),
        account: staff.account,
        placement: staff.placement,
        in_background: true,
        state: JobState::Running,
        total: count(total),
        done: 0,
        failed: 0,
        created_at: now,
        ended_at: None,
    }
}

fn count(items: usize) -> i64 {
    i64::try_from(items).unwrap_or(i64::MAX)
}
