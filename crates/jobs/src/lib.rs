//! What happens without a request: timers, the outbox, sweeps; and the ways mail leaves.
//!
//! A job is a loop around a use case with the system as the actor. It knows when to run and
//! holds no rule. Invariant: running a job twice, or in two processes, does what once does.

pub mod mail;
mod report;
mod schedule;

use std::sync::Arc;

use anyhow::Context;
use service::mailer::Mailer;
use service::{Desk, DeskError};
use tokio::runtime::Handle;
use tokio::task::{JoinError, spawn_blocking};
use tracing::{Instrument, Span};

pub use report::{Job, Report};

/// All that has to happen without a request. A clone does the same work.
#[derive(Clone)]
pub struct Jobs {
    /// The use cases.
    pub desk: Desk,
    /// Where mail leaves.
    pub mailer: Arc<dyn Mailer>,
}

impl Jobs {
    /// Does everything that is due, once. A job that fails is logged and named in the report,
    /// and the others run all the same.
    pub async fn run_once(&self) -> anyhow::Result<Report> {
        let mut report = Report::default();
        for job in Job::ALL {
            self.run(job, &mut report).await?;
        }
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
        spawn_blocking(move || span.in_scope(|| jobs.work(job, &runtime))).await
    }

    fn work(&self, job: Job, runtime: &Handle) -> Result<Report, DeskError> {
        Ok(match job {
            Job::Work => self.desk.run_due_work()?.into(),
            Job::Accounts => Report {
                accounts_expired: self.desk.expire_issues()?,
                accounts_warned: self.desk.warn_of_ends()?,
                clients_warned: self.desk.warn_of_clients()?,
                ..Report::default()
            },
            Job::Mail => self.desk.deliver(self.mailer.as_ref())?.into(),
            Job::Rows => {
                self.desk.adopt_timers()?;
                Report::of_rows(self.desk.sweep_rows()?)
            }
            Job::Blobs => Report::of_blobs(runtime.block_on(self.desk.sweep_blobs())?),
        })
    }
}
