//! What happens without a request: timers, the outbox, sweeps; and the ways mail and webhooks leave.
//!
//! A job is a loop around a use case with the system as the actor. It knows when to run and
//! holds no rule. Invariant: running a job twice, or in two processes, does what once does.

mod anchors;
mod files;
pub mod mail;
mod report;
mod schedule;
pub mod text;
mod webhooks;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use service::mailer::Mailer;
use service::text_gateway::TextGateway;
use service::{Desk, DeskError};
use tokio::runtime::Handle;
use tokio::task::{JoinError, spawn_blocking};
use tracing::{Instrument, Span};

pub use anchors::Anchors;
pub use report::{Job, Report};
pub use webhooks::{WebhookRun, Webhooks};

/// All that has to happen without a request. A clone does the same work.
#[derive(Clone)]
pub struct Jobs {
    desk: Desk,
    mailer: Arc<dyn Mailer>,
    texts: Arc<dyn TextGateway>,
    webhooks: Webhooks,
    /// Who puts the heads of the audit trail outside; none where nobody does.
    anchors: Option<Arc<Anchors>>,
    /// Set when the program ends: what is claimed and not begun is given back.
    stopping: Arc<AtomicBool>,
    /// When a run of each job was last noted.
    noted: Arc<Mutex<HashMap<Job, Timestamp>>>,
}

/// Runs that did nothing are noted so seldom.
const NOTED_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// How long a run waits for endpoints: a slow one goes on behind it.
const WEBHOOK_SLICE: Duration = Duration::from_millis(500);

impl Jobs {
    /// The jobs of a desk, with where its mail and its text messages leave, and who sends to
    /// authorities' own programs.
    pub fn new(
        desk: Desk,
        mailer: Arc<dyn Mailer>,
        texts: Arc<dyn TextGateway>,
        webhooks: Webhooks,
    ) -> Self {
        Jobs {
            desk,
            mailer,
            texts,
            webhooks,
            anchors: None,
            stopping: Arc::default(),
            noted: Arc::default(),
        }
    }

    /// The same, with somebody who puts the heads of the audit trail outside the database.
    #[must_use]
    pub fn with_anchors(mut self, anchors: Anchors) -> Self {
        self.anchors = Some(Arc::new(anchors));
        self
    }

    /// The use cases.
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    /// Does everything that is due, once. A job that fails is logged and named in the report,
    /// and the others run all the same.
    pub async fn run_once(&self) -> anyhow::Result<Report> {
        let mut report = Report::default();
        for job in Job::ALL {
            self.run(job, &mut report).await?;
        }
        report.merge(self.webhooks.finish().await?.into());
        Ok(report)
    }

    /// Runs one job and adds what it did to the report. Fails only when it was cut off because
    /// the program ends; a panic is a failure of this job and harms no other (D-44).
    async fn run(&self, job: Job, report: &mut Report) -> anyhow::Result<()> {
        let id = self.desk.ids().uuid();
        let span = tracing::info_span!("job", job.id = %id, job.name = job.name());
        let outcome = match self.attempt(job).instrument(span.clone()).await {
            Ok(outcome) => outcome.map_err(anyhow::Error::from),
            Err(error) if error.is_cancelled() => {
                return Err(error).with_context(|| format!("the job {} was cut off", job.name()));
            }
            Err(panic) => Err(anyhow::Error::from(panic)),
        };
        span.in_scope(|| report.add(job, outcome));
        Ok(())
    }

    /// The use cases wait for the database and for mail servers: never on the runtime's threads.
    async fn attempt(&self, job: Job) -> Result<Result<Report, DeskError>, JoinError> {
        let (jobs, span, runtime) = (self.clone(), Span::current(), Handle::current());
        spawn_blocking(move || span.in_scope(|| jobs.work_and_note(job, &runtime))).await
    }

    fn work_and_note(&self, job: Job, runtime: &Handle) -> Result<Report, DeskError> {
        let started_at = self.desk.now();
        if job.acts_in_bulk() && !self.desk.may_act_in_bulk()? {
            return Ok(Report::of_pause(job));
        }
        let outcome = self.work(job, runtime);
        let is_idle = matches!(&outcome, Ok(report) if *report == Report::default());
        if !is_idle || self.is_time_to_note(job, started_at) {
            // Its own words only: what caused it may quote a row.
            let error = outcome.as_ref().err().map(ToString::to_string);
            self.desk.note_job_run(job.name(), started_at, error)?;
        }
        outcome
    }

    fn is_time_to_note(&self, job: Job, now: Timestamp) -> bool {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let last = noted.get(&job);
        let is_time = last.is_none_or(|last| now.duration_since(*last) >= NOTED_EVERY);
        if is_time {
            noted.insert(job, now);
        }
        is_time
    }

    fn work(&self, job: Job, runtime: &Handle) -> Result<Report, DeskError> {
        Ok(match job {
            Job::Work => {
                let is_stopping = || self.stopping.load(Ordering::Relaxed);
                self.desk.run_due_work_until(&is_stopping)?.into()
            }
            Job::Accounts => Report {
                accounts_expired: self.desk.expire_issues()?,
                accounts_warned: self.desk.warn_of_ends()?,
                clients_warned: self.desk.warn_of_clients()?,
                ..Report::default()
            },
            Job::Audit => self.keep_audit(runtime)?,
            Job::Mail => self.desk.deliver(self.mailer.as_ref())?.into(),
            Job::Texts => Report::of_texts(self.desk.deliver_texts(self.texts.as_ref())?),
            Job::Webhooks => runtime.block_on(self.webhooks.send(WEBHOOK_SLICE))?.into(),
            Job::AuditIndex => {
                self.desk.index_audit()?;
                Report::default()
            }
            Job::Rows => {
                self.desk.adopt_timers()?;
                Report::of_rows(self.desk.sweep_rows()?)
            }
            Job::QueueCounts => {
                let is_stopping = || self.stopping.load(Ordering::Relaxed);
                self.desk.fold_queue_counts(&is_stopping)?;
                Report::default()
            }
            Job::Keys => {
                let is_stopping = || self.stopping.load(Ordering::Relaxed);
                Report::of_values(self.desk.work_keys(&is_stopping)?)
            }
            Job::Retention => {
                let is_stopping = || self.stopping.load(Ordering::Relaxed);
                let outcome = self.desk.run_nightly_retention(&is_stopping)?;
                let files = runtime.block_on(self.desk.delete_retired_files())?;
                Report::of_retention(&outcome, files)
            }
            Job::Exports => Report::of_exports(runtime.block_on(self.desk.make_exports())?),
            Job::Blobs => Report::of_blobs(runtime.block_on(self.desk.sweep_blobs())?),
        })
    }

    /// Links what came, and puts the heads outside when it is time. What was linked is not told: it is
    /// something nearly every second.
    fn keep_audit(&self, runtime: &Handle) -> Result<Report, DeskError> {
        let linked = self.desk.link_audit()?;
        let mut report = Report {
            audit_refused: linked.refused,
            ..Report::default()
        };
        if let Some(anchors) = &self.anchors {
            let run = anchors.keep(&self.desk, self.mailer.as_ref(), runtime)?;
            (report.anchors_sent, report.anchors_failed) = (run.sent, run.failed);
        }
        Ok(report)
    }
}
