//! What a run of the jobs did, for people and for programs.

use std::fmt;

use serde::Serialize;
use service::outbox::DeliveryRun;
use service::retention::proof::count_forgotten;
use service::retention::runs::RunOutcome;
use service::work::WorkRun;

use crate::webhooks::WebhookRun;

/// The jobs there are, in the order one run does them: mail that the timers cause leaves in the
/// same run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Job {
    /// What time makes due: reminders, auto-close and the like.
    Work,
    /// Codes that ran out, passwords that soon will.
    Accounts,
    /// Links of the audit trail, and its anchors.
    Audit,
    /// Mail that waits in the outbox.
    Mail,
    /// Text messages that wait in the outbox.
    Texts,
    /// Deliveries to endpoints that wait in the outbox.
    Webhooks,
    /// The index of the audit trail.
    AuditIndex,
    /// Personal data whose time is over.
    Retention,
    /// Rows whose time is over.
    Rows,
    /// Copies of people's data that were asked for.
    Exports,
    /// Blobs that nothing names.
    Blobs,
    /// The counters of queues.
    QueueCounts,
    /// Data keys that other nodes made, and what retired ones sealed.
    Keys,
}

impl Job {
    /// Every job.
    pub const ALL: [Job; 13] = [
        Job::Work,
        Job::Accounts,
        Job::Audit,
        Job::Exports,
        Job::Mail,
        Job::Texts,
        Job::Webhooks,
        Job::AuditIndex,
        Job::Retention,
        Job::Rows,
        Job::Blobs,
        Job::QueueCounts,
        Job::Keys,
    ];

    /// Whether it does to many what a wrong clock would do to too many; messages go out one by one,
    /// each because of something that happened.
    pub const fn acts_in_bulk(self) -> bool {
        match self {
            Job::Work | Job::Accounts | Job::Retention | Job::Rows | Job::Blobs => true,
            Job::Audit
            | Job::AuditIndex
            | Job::Exports
            | Job::Mail
            | Job::Texts
            | Job::Webhooks
            | Job::QueueCounts
            | Job::Keys => false,
        }
    }

    /// The name in logs and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Job::Work => "work",
            Job::Accounts => "accounts",
            Job::Audit => "audit",
            Job::Mail => "mail",
            Job::Texts => "texts",
            Job::Webhooks => "webhooks",
            Job::AuditIndex => "audit-index",
            Job::Retention => service::retention::runs::JOB,
            Job::Exports => "exports",
            Job::Rows => "rows",
            Job::Blobs => "blobs",
            Job::QueueCounts => "queue-counts",
            Job::Keys => "keys",
        }
    }
}

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Reminders of an open question.
    pub tickets_reminded: usize,
    /// Questions nobody answered.
    pub tickets_given_up: usize,
    /// Tickets closed after their reply window.
    pub tickets_closed: usize,
    /// Other pieces of due work that were done.
    pub work_done: usize,
    /// Pieces of due work that could not be done.
    pub work_failed: usize,
    /// Accounts whose codes ran out.
    pub accounts_expired: usize,
    /// People told that their password ends soon.
    pub accounts_warned: usize,
    /// Contacts told that their program ends soon.
    pub clients_warned: usize,
    /// Audit entries that are not ours, or gone: somebody has to look.
    pub audit_refused: usize,
    /// Anchors of the audit trail that were put outside.
    pub anchors_sent: usize,
    /// Anchors to be tried again.
    pub anchors_failed: usize,
    /// Messages that left.
    pub mails_sent: usize,
    /// Messages to be tried again.
    pub mails_retried: usize,
    /// Messages given up.
    pub mails_parked: usize,
    /// Text messages that left.
    pub texts_sent: usize,
    /// Text messages to be tried again.
    pub texts_retried: usize,
    /// Text messages given up.
    pub texts_parked: usize,
    /// Deliveries that endpoints took.
    pub webhooks_delivered: usize,
    /// Deliveries to be tried again.
    pub webhooks_retried: usize,
    /// Deliveries given up.
    pub webhooks_failed: usize,
    /// Requests and the like that lost what was due.
    pub data_forgotten: usize,
    /// Runs of retention that wait until somebody confirms them.
    pub retention_waiting: usize,
    /// Copies of people's data that were made.
    pub exports_made: usize,
    /// Rows cleared away.
    pub rows_deleted: usize,
    /// Blobs cleared away.
    pub blobs_deleted: usize,
    /// Values sealed with the key in use instead of a retired one.
    pub values_resealed: usize,
    /// Jobs that failed; the log says why.
    pub failed_jobs: Vec<Job>,
    /// Jobs that wait until somebody resumes them, because a clock leapt.
    pub paused_jobs: Vec<Job>,
}

impl From<WorkRun> for Report {
    fn from(run: WorkRun) -> Self {
        Report {
            tickets_reminded: run.reminded,
            tickets_given_up: run.given_up,
            tickets_closed: run.closed,
            work_done: run.other,
            work_failed: run.failed,
            ..Report::default()
        }
    }
}

impl From<DeliveryRun> for Report {
    fn from(run: DeliveryRun) -> Self {
        Report {
            mails_sent: run.sent,
            mails_retried: run.retried,
            mails_parked: run.parked,
            ..Report::default()
        }
    }
}

impl From<WebhookRun> for Report {
    fn from(run: WebhookRun) -> Self {
        Report {
            webhooks_delivered: run.delivered,
            webhooks_retried: run.retried,
            webhooks_failed: run.failed,
            ..Report::default()
        }
    }
}

impl Report {
    pub(crate) fn of_texts(run: DeliveryRun) -> Self {
        Report {
            texts_sent: run.sent,
            texts_retried: run.retried,
            texts_parked: run.parked,
            ..Report::default()
        }
    }

    pub(crate) fn of_rows(rows: usize) -> Self {
        Report {
            rows_deleted: rows,
            ..Report::default()
        }
    }

    pub(crate) fn of_retention(outcome: &RunOutcome, files: usize) -> Self {
        let forgotten = match outcome {
            RunOutcome::Done(run) => count_forgotten(run),
            _ => 0,
        };
        Report {
            data_forgotten: forgotten,
            retention_waiting: usize::from(matches!(outcome, RunOutcome::Waiting(_))),
            blobs_deleted: files,
            ..Report::default()
        }
    }

    pub(crate) fn of_exports(made: usize) -> Self {
        Report {
            exports_made: made,
            ..Report::default()
        }
    }

    pub(crate) fn of_pause(job: Job) -> Self {
        Report {
            paused_jobs: vec![job],
            ..Report::default()
        }
    }

    pub(crate) fn of_values(values: usize) -> Self {
        Report {
            values_resealed: values,
            ..Report::default()
        }
    }

    pub(crate) fn of_blobs(blobs: usize) -> Self {
        Report {
            blobs_deleted: blobs,
            ..Report::default()
        }
    }

    /// Whether everything that was due could be done. Mail to be tried again is no failure.
    pub fn is_clean(&self) -> bool {
        self.failed_jobs.is_empty() && self.work_failed == 0 && self.audit_refused == 0
    }

    /// Adds what a job did, and says it in the log if it is worth a line.
    pub(crate) fn add(&mut self, job: Job, outcome: anyhow::Result<Report>) {
        match outcome {
            Ok(done) => {
                if done != Report::default() {
                    tracing::info!("{done}");
                }
                self.merge(done);
            }
            Err(error) => {
                tracing::error!("a job failed: {error:#}");
                self.failed_jobs.push(job);
            }
        }
    }

    pub(crate) fn merge(&mut self, other: Report) {
        let Report {
            tickets_reminded,
            tickets_given_up,
            tickets_closed,
            work_done,
            work_failed,
            accounts_expired,
            accounts_warned,
            clients_warned,
            audit_refused,
            anchors_sent,
            anchors_failed,
            mails_sent,
            mails_retried,
            mails_parked,
            texts_sent,
            texts_retried,
            texts_parked,
            webhooks_delivered,
            webhooks_retried,
            webhooks_failed,
            data_forgotten,
            retention_waiting,
            exports_made,
            rows_deleted,
            blobs_deleted,
            values_resealed,
            failed_jobs,
            paused_jobs,
        } = other;
        self.tickets_reminded += tickets_reminded;
        self.tickets_given_up += tickets_given_up;
        self.tickets_closed += tickets_closed;
        self.work_done += work_done;
        self.work_failed += work_failed;
        self.accounts_expired += accounts_expired;
        self.accounts_warned += accounts_warned;
        self.clients_warned += clients_warned;
        self.audit_refused += audit_refused;
        self.anchors_sent += anchors_sent;
        self.anchors_failed += anchors_failed;
        self.mails_sent += mails_sent;
        self.mails_retried += mails_retried;
        self.mails_parked += mails_parked;
        self.texts_sent += texts_sent;
        self.texts_retried += texts_retried;
        self.texts_parked += texts_parked;
        self.webhooks_delivered += webhooks_delivered;
        self.webhooks_retried += webhooks_retried;
        self.webhooks_failed += webhooks_failed;
        self.data_forgotten += data_forgotten;
        self.retention_waiting += retention_waiting;
        self.exports_made += exports_made;
        self.rows_deleted += rows_deleted;
        self.blobs_deleted += blobs_deleted;
        self.values_resealed += values_resealed;
        self.failed_jobs.extend(failed_jobs);
        self.paused_jobs.extend(paused_jobs);
    }
}

impl fmt::Display for Report {
    /// One line with what is not nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            (self.tickets_reminded, "tickets reminded"),
            (self.tickets_given_up, "questions given up"),
            (self.tickets_closed, "tickets closed"),
            (self.work_done, "pieces of other work done"),
            (self.work_failed, "pieces of work failed"),
            (self.accounts_expired, "accounts expired"),
            (self.accounts_warned, "people warned of a password's end"),
            (self.clients_warned, "contacts warned of a program's end"),
            (self.audit_refused, "audit entries refused"),
            (self.anchors_sent, "anchors put outside"),
            (self.anchors_failed, "anchors to be tried again"),
            (self.mails_sent, "mails sent"),
            (self.mails_retried, "mails to be tried again"),
            (self.mails_parked, "mails given up"),
            (self.texts_sent, "text messages sent"),
            (self.texts_retried, "text messages to be tried again"),
            (self.texts_parked, "text messages given up"),
            (self.webhooks_delivered, "webhooks delivered"),
            (self.webhooks_retried, "webhooks to be tried again"),
            (self.webhooks_failed, "webhooks given up"),
            (self.data_forgotten, "sets of personal data forgotten"),
            (
                self.retention_waiting,
                "runs of retention waiting for a person",
            ),
            (self.exports_made, "copies of data made"),
            (self.rows_deleted, "rows cleared away"),
            (self.blobs_deleted, "blobs cleared away"),
            (self.values_resealed, "values sealed anew"),
        ];
        let mut said: Vec<String> = counts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        said.extend(
            self.failed_jobs
                .iter()
                .map(|job| format!("job {} failed", job.name())),
        );
        said.extend(
            self.paused_jobs
                .iter()
                .map(|job| format!("job {} waits, because the clock leapt", job.name())),
        );
        if said.is_empty() {
            return f.write_str("nothing was due");
        }
        f.write_str(&said.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_what_was_done_and_what_failed() {
        let mut report = Report::default();
        assert_eq!(report.to_string(), "nothing was due");
        report.add(Job::Rows, Ok(Report::of_rows(3)));
        report.add(Job::Blobs, Err(service::DeskError::Busy.into()));
        report.add(
            Job::Mail,
            Ok(DeliveryRun {
                sent: 2,
                retried: 1,
                parked: 0,
                postponed: 0,
            }
            .into()),
        );
        assert_eq!(
            report.to_string(),
            "2 mails sent, 1 mails to be tried again, 3 rows cleared away, job blobs failed"
        );
        assert!(!report.is_clean());
    }
}
