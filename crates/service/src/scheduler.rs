//! How due work and messages fare, for whoever runs the installation; and the pause that a leaping
//! clock brings about (D-39): a clock that is a day ahead would close, remind and forget a day's worth
//! at once, so a person is asked first.

use domain::actor::Staff;
use domain::visibility::Scope;
use jiff::{SignedDuration, Timestamp};
use storage::due_work::{self, Backlog};
use storage::job_runs::{self, JobRun, Pause};
use storage::outbox::{self, Waiting};

use crate::clock::lock;
use crate::work::Kind;
use crate::{Desk, DeskError};

/// A clock that goes further ahead than the time that passed has leapt. Downtime is no leap: nobody
/// was there to see the clock.
const LEAP: SignedDuration = SignedDuration::from_hours(1);

/// How everything fares that happens without a request.
#[derive(Debug, Clone)]
pub struct SchedulerState {
    /// Why mass actions wait, if they do.
    pub pause: Option<Pause>,
    /// How the jobs fare.
    pub jobs: Vec<JobRun>,
    /// What due work waits, every kind.
    pub work: Vec<Backlog>,
    /// What messages wait, every channel.
    pub messages: Vec<Waiting>,
}

/// What the clocks showed when they were last looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    wall: Timestamp,
    steady: SignedDuration,
}

impl Desk {
    /// Whether mass actions may run: no clock has leapt, or a person has said to go on. Looks at the
    /// clock of this node, and pauses all nodes if it leapt.
    pub fn may_act_in_bulk(&self) -> Result<bool, DeskError> {
        if let Some((before, after)) = self.leap() {
            tracing::error!(
                clock.before = %before,
                clock.after = %after,
                "the clock leapt: mass actions wait until somebody resumes them"
            );
            let pause = Pause {
                id: self.ids.uuid(),
                paused_at: after,
                node: self.node.clone(),
                clock_before: before,
                clock_after: after,
            };
            self.db.write(move |conn| job_runs::pause(conn, &pause))?;
            return Ok(false);
        }
        Ok(self.db.read(job_runs::find_pause)?.is_none())
    }

    /// What the clock should have shown and what it shows, if it leapt since it was last looked at.
    fn leap(&self) -> Option<(Timestamp, Timestamp)> {
        let now = Seen {
            wall: self.clock.now(),
            steady: self.clock.uptime(),
        };
        let before = lock(&self.clock_seen).replace(now)?;
        let passed = now.steady.saturating_sub(before.steady);
        let expected = before.wall.checked_add(passed).ok()?;
        (now.wall.duration_since(expected) > LEAP).then_some((expected, now.wall))
    }

    /// Notes how a run of a job went, for everybody who looks.
    pub fn note_job_run(
        &self,
        job: &'static str,
        started_at: Timestamp,
        error: Option<String>,
    ) -> Result<(), DeskError> {
        let (now, node) = (self.clock.now(), self.node.clone());
        Ok(self.db.write(move |conn| {
            job_runs::note_run(conn, job, &node, started_at, now, error.as_deref())
        })?)
    }

    /// How everything fares.
    pub fn show_scheduler(&self) -> Result<SchedulerState, DeskError> {
        let now = self.clock.now();
        self.db.read_in(&Scope::System, |conn| {
            let found = due_work::backlog(conn, now)?;
            let of = |kind: Kind| {
                let one = found.iter().find(|one| one.kind == kind.as_str());
                one.cloned().unwrap_or(Backlog {
                    kind: kind.as_str().to_owned(),
                    due: 0,
                    oldest_due_at: None,
                    parked: 0,
                })
            };
            Ok(SchedulerState {
                pause: job_runs::find_pause(conn)?,
                jobs: job_runs::list(conn)?,
                work: Kind::ALL.map(of).into(),
                messages: outbox::list_waiting(conn)?,
            })
        })
    }

    /// Lets mass actions go on, and has due work tried again that was given up. `staff` is nobody at
    /// the command line.
    pub fn resume_scheduler(&self, staff: Option<&Staff>) -> Result<SchedulerState, DeskError> {
        let (now, by) = (self.clock.now(), staff.map(|staff| staff.account));
        let ended = self.db.write(move |conn| {
            due_work::retry_parked(conn)?;
            job_runs::resume(conn, by, now)
        })?;
        tracing::info!(pauses = ended, "mass actions go on");
        self.show_scheduler()
    }
}
