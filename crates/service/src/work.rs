//! Work that time makes due, done by whichever node finds it first: a claim, then one transaction
//! for each piece, in which its effects and its end are one.
//!
//! Here is which kinds there are and what each leads to; the rules are where they were. Invariant:
//! whatever is done depends on the state it finds, so that late, repeated or overtaken work does no
//! harm (D-38).

use domain::ids::{
    AccountId, ActivityId, AnnouncementId, ComplaintId, ReviewId, SubjectRequestId, TicketId,
};
use domain::lifecycle::Due;
use domain::visibility::Scope;
use jiff::{SignedDuration, Timestamp};
use storage::due_work::{self, Claimed};
use storage::{DbConnection, ticket_texts};
use uuid::Uuid;

use crate::{Desk, DeskError};

/// What can become due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A reminder, giving up waiting, or auto-close of a ticket (`domain.md` §4.3).
    TicketTimer,
    /// A clock of a ticket that warns, is breached or is escalated (`domain.md` §10.6).
    Sla,
    /// The digest of a member of staff.
    Digest,
    /// An announcement that begins to hold.
    Announcement,
    /// A ticket that nobody of its desk took (`domain.md` §4.3).
    Untouched,
    /// A ticket that waits for a fix and should be looked at (`domain.md` A-7).
    PlaybookReview,
    /// A technical activity whose time is over (`domain.md` §4.3).
    ActivityOverdue,
    /// The activity of a ticket that went on without it (T20).
    ActivityCancel,
    /// An action on many tickets.
    BulkJob,
    /// The term for the decision of a review.
    Review,
    /// The term for the reply to a complaint, and its closing.
    Complaint,
    /// Texts to be sealed, or opened, after an authority said so.
    Texts,
    /// The term for what somebody asked about their own data.
    SubjectRequest,
    /// An erasure that was approved.
    Erasure,
    /// The words of tickets from before they were searched by them.
    TextIndex,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 15] = [
        Kind::TicketTimer,
        Kind::Digest,
        Kind::Sla,
        Kind::Announcement,
        Kind::Untouched,
        Kind::PlaybookReview,
        Kind::ActivityOverdue,
        Kind::ActivityCancel,
        Kind::BulkJob,
        Kind::Review,
        Kind::Complaint,
        Kind::Texts,
        Kind::SubjectRequest,
        Kind::Erasure,
        Kind::TextIndex,
    ];

    /// The code in rows, metrics and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::TicketTimer => "ticket-timer",
            Kind::Sla => "sla",
            Kind::Digest => "digest",
            Kind::Announcement => "announcement",
            Kind::Untouched => "untouched",
            Kind::PlaybookReview => "playbook-review",
            Kind::ActivityOverdue => "activity-overdue",
            Kind::ActivityCancel => "activity-cancel",
            Kind::BulkJob => "bulk-job",
            Kind::Review => "review",
            Kind::Complaint => "complaint",
            Kind::Texts => "texts",
            Kind::SubjectRequest => "subject-request",
            Kind::Erasure => "erasure",
            Kind::TextIndex => "text-index",
        }
    }

    /// The kind with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == code)
    }
}

/// What is to become of a piece of work that was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing: it is over, or was set anew by what it did.
    Done,
    /// It is due again at this time.
    At(Timestamp),
}

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WorkRun {
    /// Reminders sent.
    pub reminded: usize,
    /// Questions given up.
    pub given_up: usize,
    /// Tickets closed.
    pub closed: usize,
    /// Everything else that was done.
    pub other: usize,
    /// Pieces that could not be done: they are tried again later, or given up.
    pub failed: usize,
}

/// What a piece of work did, for the count.
enum Effect {
    Timer(Due),
    Other,
}

/// Pieces claimed at once.
const PAGE: i64 = 20;
/// Timers taken up in one transaction.
const ADOPTED_AT_ONCE: i64 = 500;
/// Tickets whose words are made in one transaction: others wait for it on SQLite.
const BUILT_AT_ONCE: i64 = 200;
/// Such transactions in a row, before other work has its turn.
const MOST_BUILT: usize = 50;
/// A piece that fails is tried so often.
const MOST_ATTEMPTS: i32 = 10;
/// The wait after its first failure; it doubles with each further one.
const FIRST_WAIT: SignedDuration = SignedDuration::from_mins(1);
/// The longest wait.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(6);

impl Desk {
    /// Does all that is due. Running it twice, or on two nodes, does nothing twice.
    pub fn run_due_work(&self) -> Result<WorkRun, DeskError> {
        self.run_due_work_until(&|| false)
    }

    /// Does what is due until `is_stopping` says so; what was claimed by then and not begun is
    /// given back (D-41).
    pub fn run_due_work_until(&self, is_stopping: &dyn Fn() -> bool) -> Result<WorkRun, DeskError> {
        let mut run = WorkRun::default();
        loop {
            let now = self.clock.now();
            let lease_end = now.checked_add(self.settings.lease).unwrap_or(now);
            let claimed = self
                .db
                .write(move |conn| due_work::claim(conn, now, lease_end, PAGE))?;
            if claimed.is_empty() {
                return Ok(run);
            }
            for work in claimed {
                if is_stopping() {
                    self.db
                        .write(move |conn| due_work::give_back(conn, &work))?;
                } else if let Some(turns) = self.work_in_turns(&work, is_stopping) {
                    match turns {
                        Ok(turns) => run.other += turns,
                        Err(error) => {
                            run.failed += 1;
                            self.keep_for_later(work, &error)?;
                        }
                    }
                } else {
                    self.run_piece(work, &mut run)?;
                }
            }
            if is_stopping() {
                return Ok(run);
            }
        }
    }

    /// Takes up timers of tickets that have no piece of work, as a program of the version before
    /// leaves them; the answer is how many.
    pub fn adopt_timers(&self) -> Result<usize, DeskError> {
        let mut adopted = 0;
        loop {
            let page = self.db.write_in(&Scope::System, |conn| {
                due_work::adopt_timers(conn, Kind::TicketTimer.as_str(), ADOPTED_AT_ONCE)
            })?;
            match page {
                0 => return Ok(adopted),
                some => adopted += some,
            }
        }
    }

    /// Does work that has as many transactions as tickets, if it is such; the answer is how many had
    /// their turn.
    fn work_in_turns(
        &self,
        work: &Claimed,
        is_stopping: &dyn Fn() -> bool,
    ) -> Option<Result<usize, DeskError>> {
        match Kind::from_code(&work.kind)? {
            Kind::BulkJob => Some(self.work_bulk_job(work, is_stopping)),
            Kind::Erasure => Some(self.work_erasure(work, is_stopping)),
            Kind::TextIndex => Some(self.build_texts(work, is_stopping)),
            _ => None,
        }
    }

    fn run_piece(&self, work: Claimed, run: &mut WorkRun) -> Result<(), DeskError> {
        let (desk, piece) = (self.clone(), work.clone());
        let act = move |conn: &mut DbConnection| {
            // Whoever lost the claim finds it taken, and does nothing.
            if !due_work::hold(conn, &piece)? {
                return Ok(None);
            }
            let now = desk.clock.now();
            let (effect, next) = desk.do_work(conn, &piece, now)?;
            match next {
                Next::Done => due_work::finish(conn, &piece)?,
                // A time that has come already would be claimed at once, again and again.
                Next::At(next) => due_work::postpone(conn, &piece, next.max(soon(now)))?,
            }
            Ok::<_, DeskError>(Some(effect))
        };
        let kind = work.kind.clone();
        match self.by_itself(&kind, || self.db.write_in(&Scope::System, act)) {
            Ok(Some(Effect::Timer(Due::Reminder { .. }))) => run.reminded += 1,
            Ok(Some(Effect::Timer(Due::GiveUp))) => run.given_up += 1,
            Ok(Some(Effect::Timer(Due::Close))) => run.closed += 1,
            Ok(Some(Effect::Other)) => run.other += 1,
            Ok(Some(Effect::Timer(Due::Nothing)) | None) => {}
            Err(error) => {
                run.failed += 1;
                self.keep_for_later(work, &error)?;
            }
        }
        Ok(())
    }

    /// Notes that a piece failed; it holds nobody up, and after enough tries a person must look.
    fn keep_for_later(&self, work: Claimed, error: &DeskError) -> Result<(), DeskError> {
        tracing::error!(
            work.kind = work.kind,
            work.subject = %work.subject,
            work.attempts = work.attempts,
            error = error.as_cause(),
            "due work failed"
        );
        let now = self.clock.now();
        let next = (work.attempts < MOST_ATTEMPTS).then(|| retry_at(work.attempts, now));
        // Its own words only: what caused it may quote a row.
        let reason = error.to_string();
        Ok(self
            .db
            .write(move |conn| due_work::fail(conn, &work, &reason, next, now))?)
    }

    fn do_work(
        &self,
        conn: &mut DbConnection,
        work: &Claimed,
        now: Timestamp,
    ) -> Result<(Effect, Next), DeskError> {
        let kind = Kind::from_code(&work.kind)
            .ok_or(DeskError::Broken("due work of an unknown kind", None))?;
        match kind {
            Kind::TicketTimer => {
                let (due, next) = self.run_timer(conn, TicketId::new(work.subject), now)?;
                Ok((Effect::Timer(due), next))
            }
            Kind::Sla => {
                let next = self.look_at_clocks(conn, TicketId::new(work.subject), now)?;
                Ok((Effect::Other, next))
            }
            Kind::Digest => {
                let account = AccountId::new(work.subject);
                Ok((Effect::Other, self.send_digest(conn, account, now)?))
            }
            Kind::Complaint => {
                let id = ComplaintId::new(work.subject);
                Ok((Effect::Other, self.look_at_complaint(conn, id, now)?))
            }
            Kind::Review => {
                let id = ReviewId::new(work.subject);
                Ok((Effect::Other, self.alert_review(conn, id, now)?))
            }
            Kind::Announcement => {
                let id = AnnouncementId::new(work.subject);
                Ok((Effect::Other, self.publish_announcement(conn, id, now)?))
            }
            Kind::Untouched => {
                let next = self.look_at_untouched(conn, TicketId::new(work.subject), now)?;
                Ok((Effect::Other, next))
            }
            Kind::PlaybookReview => {
                let next = self.review_hold(conn, TicketId::new(work.subject), now)?;
                Ok((Effect::Other, next))
            }
            Kind::ActivityOverdue => {
                let id = ActivityId::new(work.subject);
                Ok((Effect::Other, self.look_at_activity(conn, id, now)?))
            }
            Kind::ActivityCancel => {
                self.ask_to_cancel(conn, TicketId::new(work.subject), now)?;
                Ok((Effect::Other, Next::Done))
            }
            Kind::Texts => Ok((Effect::Other, self.settle_texts(conn, now)?)),
            Kind::SubjectRequest => {
                let id = SubjectRequestId::new(work.subject);
                Ok((Effect::Other, self.look_at_subject_request(conn, id, now)?))
            }
            Kind::BulkJob | Kind::Erasure | Kind::TextIndex => {
                Err(DeskError::Broken("work in turns is no single piece", None))
            }
        }
    }

    /// Makes the words of some tickets from before there were any, page by page: a program that stops in
    /// between loses no page, and whoever takes the work up goes on with the next.
    fn build_texts(
        &self,
        work: &Claimed,
        is_stopping: &dyn Fn() -> bool,
    ) -> Result<usize, DeskError> {
        let mut turns = 0;
        while turns < MOST_BUILT && !is_stopping() {
            let piece = work.clone();
            let goes_on = self.db.write_in(&Scope::System, move |conn| {
                if !due_work::hold(conn, &piece)? {
                    return Ok(false);
                }
                let is_left = ticket_texts::build_page(conn, BUILT_AT_ONCE)?;
                if !is_left {
                    due_work::finish(conn, &piece)?;
                }
                Ok::<_, DeskError>(is_left)
            })?;
            turns += 1;
            if !goes_on {
                break;
            }
        }
        // Finished work is no longer there to be postponed.
        let (work, next) = (work.clone(), soon(self.clock.now()));
        self.db
            .write(move |conn| due_work::postpone(conn, &work, next))?;
        Ok(turns)
    }

    /// Has work done at a time, or not at all.
    pub(crate) fn schedule(
        &self,
        conn: &mut DbConnection,
        kind: Kind,
        subject: Uuid,
        at: Option<Timestamp>,
    ) -> Result<(), DeskError> {
        match at {
            Some(at) => due_work::set(conn, kind.as_str(), subject, at)?,
            None => due_work::clear(conn, kind.as_str(), subject)?,
        }
        Ok(())
    }
}

fn soon(now: Timestamp) -> Timestamp {
    now.checked_add(SignedDuration::from_secs(1)).unwrap_or(now)
}

fn retry_at(attempts: i32, now: Timestamp) -> Timestamp {
    let doublings = u32::try_from(attempts.saturating_sub(1))
        .unwrap_or(0)
        .min(16);
    let wait = FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT);
    now.checked_add(wait).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wait_is_twice_the_one_before_and_none_is_over_six_hours() {
        let now: Timestamp = "2026-11-22T08:00:00Z".parse().unwrap();
        let minutes = |attempts| retry_at(attempts, now).duration_since(now).as_mins();
        assert_eq!([1, 2, 3, 8, 9, 10].map(minutes), [1, 2, 4, 128, 256, 360]);
    }

    #[test]
    fn a_kind_is_found_by_its_code() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_code(kind.as_str()), Some(kind));
        }
    }
}
