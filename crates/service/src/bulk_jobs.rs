//! One action on more tickets than anybody waits for: worked in the background by whichever node
//! comes to it, a ticket a transaction, on behalf of who began it (`docs/adr/0026`).
//!
//! Invariant: rights and placement are those of the moment in which a ticket has its turn, and the
//! claim of the job holds in the transaction that changes the ticket.

use domain::actor::Staff;
use domain::ids::BulkJobId;
use domain::permissions::{Right, has};
use domain::visibility::Scope;
use jiff::SignedDuration;
use storage::due_work::{self, Claimed};
use storage::{DbConnection, accounts, bulk};

use crate::action_form::{ActionForm, CheckedAction};
use crate::bulk::{Item, ItemResult, Job, JobState, new_job};
use crate::once::{Answer, Once};
use crate::work::Kind;
use crate::{Desk, DeskError, trail};

/// Jobs of one person that are under way at a time.
const MOST_RUNNING: i64 = 3;
/// When whoever has so many may try again.
const RETRY_AFTER: SignedDuration = SignedDuration::from_secs(60);
/// Tickets of a job until other work has its turn; so many are kept in a row, too.
const PAGE: usize = 100;
/// How long a job waits before it looks whether mass actions may go on.
const PAUSE: SignedDuration = SignedDuration::from_mins(1);
/// By which whoever began a job asked for it, as the trail has it.
const OPERATION: &str = "act_on_tickets";
/// Tries of a ticket whose transaction breaks, before it is given up and the next has its turn.
const MOST_TRIES: i32 = 3;

/// A stretch of a job that this node is at.
#[derive(Clone)]
struct Stretch {
    work: Claimed,
    staff: Staff,
    job: BulkJobId,
    /// Where `items` begin in the job.
    first: i64,
    items: Vec<Item>,
    form: CheckedAction,
}

/// How the turn of a ticket went.
enum Turn {
    /// The ticket was reached.
    Reached,
    /// Nothing is left of this stretch, or of the job.
    Over,
}

impl Desk {
    /// Begins a job; due work does the rest.
    pub fn start_bulk_job(
        &self,
        staff: &Staff,
        items: Vec<Item>,
        form: &ActionForm,
        once: &Once,
    ) -> Result<Answer<Job>, DeskError> {
        let broken = |error| DeskError::broken("a bulk action cannot be kept", error);
        let action = serde_json::to_string(form).map_err(broken)?;
        let pages: Vec<String> = items
            .chunks(PAGE)
            .map(serde_json::to_string)
            .collect::<Result<_, _>>()
            .map_err(broken)?;
        let (desk, staff) = (self.clone(), staff.clone());
        self.write_once(&Scope::of(&staff), once, move |conn| {
            let now = desk.clock.now();
            if bulk::count_running(conn, staff.account)? >= MOST_RUNNING {
                return Err(DeskError::Quota {
                    retry_after: RETRY_AFTER,
                });
            }
            let id = BulkJobId::new(desk.ids.uuid());
            let job = new_job(id, &staff, items.len(), now);
            bulk::begin(conn, &job, Some(&action))?;
            for (page, items) in (0..).zip(&pages) {
                bulk::insert_page(conn, id, page, items)?;
            }
            desk.schedule(conn, Kind::BulkJob, id.uuid(), Some(now))?;
            Ok(job)
        })
    }

    /// A job of the caller, or of their desk if they lead it.
    pub fn show_bulk_job(&self, staff: &Staff, id: BulkJobId) -> Result<Job, DeskError> {
        self.db
            .read_in(&Scope::of(staff), |conn| visible(conn, staff, id))
    }

    /// A job, and a page of what became of its tickets in the order they were named.
    pub fn list_bulk_results(
        &self,
        staff: &Staff,
        id: BulkJobId,
        after: Option<i64>,
        limit: i64,
    ) -> Result<(Job, Vec<ItemResult>), DeskError> {
        self.db.read_snapshot_in(&Scope::of(staff), |conn| {
            let job = visible(conn, staff, id)?;
            Ok((job, bulk::list_results(conn, id, after, limit)?))
        })
    }

    /// Leaves what a job has not come to. One that has ended stays as it is.
    pub fn cancel_bulk_job(&self, staff: &Staff, id: BulkJobId) -> Result<(), DeskError> {
        let (desk, staff) = (self.clone(), staff.clone());
        self.db.write_in(&Scope::of(&staff), move |conn| {
            visible(conn, &staff, id)?;
            bulk::end(conn, id, JobState::Cancelled, desk.clock.now())?;
            desk.schedule(conn, Kind::BulkJob, id.uuid(), None)
        })
    }

    /// Works a stretch of a claimed job, and says how many tickets had their turn. `is_stopping` ends
    /// it early; what is left is due again at once, and waits while mass actions do.
    pub(crate) fn work_bulk_job(
        &self,
        work: &Claimed,
        is_stopping: &dyn Fn() -> bool,
    ) -> Result<usize, DeskError> {
        let now = self.clock.now();
        let mut turns = 0;
        let mut next = now;
        if !self.may_act_in_bulk()? {
            next = now.checked_add(PAUSE).unwrap_or(now);
        } else if let Some(stretch) = self.take_up(work)? {
            while !is_stopping() {
                let turn = || self.take_turn(&stretch);
                match self.on_behalf_of(&stretch.staff, OPERATION, turn)? {
                    Turn::Reached => turns += 1,
                    Turn::Over => break,
                }
            }
        }
        // Finished work is no longer there to be postponed.
        let work = work.clone();
        self.db
            .write(move |conn| due_work::postpone(conn, &work, next))?;
        Ok(turns)
    }

    /// What a job is to do next; a job that is over, or whose owner is gone, is ended.
    fn take_up(&self, work: &Claimed) -> Result<Option<Stretch>, DeskError> {
        let id = BulkJobId::new(work.subject);
        let (desk, work) = (self.clone(), work.clone());
        self.db.write_in(&Scope::System, move |conn| {
            if !due_work::hold(conn, &work)? {
                return Ok(None);
            }
            let job = bulk::find(conn, id)?.filter(|job| job.state == JobState::Running);
            let Some(job) = job else {
                due_work::finish(conn, &work)?;
                return Ok(None);
            };
            let placements = accounts::list_placements(conn, job.account)?;
            let placement = placements.into_iter().find(|one| one.id == job.placement);
            let ended = match &placement {
                _ if job.position() >= job.total => Some(JobState::Done),
                None => Some(JobState::Stopped),
                Some(_) => None,
            };
            let (Some(placement), None) = (placement, ended) else {
                let state = ended.unwrap_or(JobState::Stopped);
                bulk::end(conn, id, state, desk.clock.now())?;
                due_work::finish(conn, &work)?;
                return Ok(None);
            };
            let page = i64::try_from(PAGE).unwrap_or(i64::MAX);
            let items = bulk::find_page(conn, id, job.position() / page)?;
            let form = bulk::find_action(conn, id)?;
            Ok(Some(Stretch {
                first: job.position() / page * page,
                staff: Staff {
                    account: job.account,
                    placement: placement.id,
                    role: placement.role,
                    authority: placement.authority,
                },
                job: id,
                items: read(items.as_deref())?,
                form: read::<ActionForm>(form.as_deref())?
                    .check()
                    .map_err(DeskError::Invalid)?,
                work,
            }))
        })
    }

    /// Gives the next ticket its turn.
    fn take_turn(&self, stretch: &Stretch) -> Result<Turn, DeskError> {
        let (desk, here) = (self.clone(), stretch.clone());
        let act = move |conn: &mut DbConnection| {
            let Some((position, item)) = here.next(conn)? else {
                return Ok(Turn::Over);
            };
            let now = desk.clock.now();
            let staff = &here.staff;
            if !accounts::is_in_force(conn, staff.account, staff.placement)? {
                bulk::end(conn, here.job, JobState::Stopped, now)?;
                due_work::finish(conn, &here.work)?;
                return Ok(Turn::Over);
            }
            let form = here.form.clone();
            desk.act_on_item(conn, staff, here.job, position, &item, form, now)?;
            advance(conn, here.job, false)?;
            Ok(Turn::Reached)
        };
        match self.db.write_in(&Scope::of(&stretch.staff), act) {
            Err(DeskError::Busy) => Err(DeskError::Busy),
            Err(broken @ DeskError::Broken(..)) if stretch.work.attempts < MOST_TRIES => {
                Err(broken)
            }
            Err(error) => self.note_refusal(stretch, error),
            Ok(turn) => Ok(turn),
        }
    }

    /// Notes that a ticket refused, in a transaction of its own: the one it refused in is undone.
    fn note_refusal(&self, stretch: &Stretch, error: DeskError) -> Result<Turn, DeskError> {
        let scope = Scope::of(&stretch.staff);
        let here = stretch.clone();
        let next = storage::trail::apart(|| self.db.write_in(&scope, move |conn| here.next(conn)))?;
        let Some((position, item)) = next else {
            return Ok(Turn::Over);
        };
        let refused = self.refused(&stretch.staff, position, &item, error)?;
        let here = stretch.clone();
        let note = move |conn: &mut DbConnection| {
            if here.next(conn)?.is_none_or(|(now, _)| now != position) {
                return Ok(Turn::Over);
            }
            bulk::insert_result(conn, here.job, &refused)?;
            advance(conn, here.job, true)?;
            Ok(Turn::Reached)
        };
        trail::refusing(|| self.db.write_in(&scope, note))
    }
}

impl Stretch {
    /// The ticket whose turn is next, if the claim holds and this stretch has one left.
    fn next(&self, conn: &mut DbConnection) -> Result<Option<(i64, Item)>, DeskError> {
        if !due_work::hold(conn, &self.work)? {
            return Ok(None);
        }
        let job = bulk::find(conn, self.job)?.filter(|job| job.state == JobState::Running);
        let Some(position) = job.map(|job| job.position()) else {
            return Ok(None);
        };
        let here = usize::try_from(position - self.first).unwrap_or(usize::MAX);
        Ok(self.items.get(here).map(|item| (position, item.clone())))
    }
}

/// Somebody who cancelled the job meanwhile was faster: then nothing is done.
fn advance(conn: &mut DbConnection, job: BulkJobId, has_failed: bool) -> Result<(), DeskError> {
    match bulk::advance(conn, job, has_failed)? {
        true => Ok(()),
        false => Err(DeskError::Busy),
    }
}

/// The job, if somebody may know of it: who began it at this desk, and who leads the desk.
fn visible(conn: &mut DbConnection, staff: &Staff, id: BulkJobId) -> Result<Job, DeskError> {
    let is_visible = |job: &Job| {
        let is_theirs = job.account == staff.account || has(staff.role, Right::Supervise);
        job.in_background && job.desk == staff.authority && is_theirs
    };
    let job = bulk::find(conn, id)?.filter(is_visible);
    job.ok_or(DeskError::NotFound)
}

fn read<T: serde::de::DeserializeOwned>(kept: Option<&str>) -> Result<T, DeskError> {
    let kept = kept.ok_or(DeskError::Broken("a job without its action or items", None))?;
    serde_json::from_str(kept).map_err(|error| DeskError::broken("a bulk job", error))
}
