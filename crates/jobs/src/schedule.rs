//! When the jobs of a running server run.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::{Job, Jobs, Report};

/// How often a job runs, and how long after the start for the first time.
struct Rhythm {
    jobs: &'static [Job],
    first: Duration,
    every: Duration,
}

/// The rhythms are apart so that a mail server that makes us wait delays no auto-close.
const TIMERS: Rhythm = Rhythm {
    jobs: &[Job::Work],
    first: Duration::ZERO,
    every: Duration::from_secs(10),
};
const MAIL: Rhythm = Rhythm {
    jobs: &[Job::Mail],
    first: Duration::ZERO,
    every: Duration::from_secs(1),
};
/// Soon after the commit: what is linked cannot be taken back unseen.
const AUDIT: Rhythm = Rhythm {
    jobs: &[Job::Audit],
    first: Duration::ZERO,
    every: Duration::from_secs(1),
};
/// What is not folded is added up at each look at a queue: soon, so that it stays little.
const QUEUE_COUNTS: Rhythm = Rhythm {
    jobs: &[Job::QueueCounts],
    first: Duration::ZERO,
    every: Duration::from_secs(1),
};
/// Apart from mail: neither waits for the other's server.
const TEXTS: Rhythm = Rhythm {
    jobs: &[Job::Texts],
    first: Duration::ZERO,
    every: Duration::from_secs(10),
};
const WEBHOOKS: Rhythm = Rhythm {
    jobs: &[Job::Webhooks],
    first: Duration::ZERO,
    every: Duration::from_secs(1),
};
/// Whoever asks the index has it filled up first: this keeps what they wait for short.
const AUDIT_INDEX: Rhythm = Rhythm {
    jobs: &[Job::AuditIndex],
    first: Duration::ZERO,
    every: Duration::from_secs(10),
};
/// Somebody waits, and making one may take a while.
const EXPORTS: Rhythm = Rhythm {
    jobs: &[Job::Exports],
    first: Duration::from_secs(5),
    every: Duration::from_secs(10),
};
/// Not at once: a start has better things to do. Not after an hour: who restarts more often
/// than that would never sweep.
const SWEEPS: Rhythm = Rhythm {
    jobs: &[Job::Accounts, Job::Retention, Job::Rows, Job::Blobs],
    first: Duration::from_secs(60),
    every: Duration::from_secs(60 * 60),
};

/// Each node seals with a new key, and finds what it printed, soon after another made it.
const KEYS: Rhythm = Rhythm {
    jobs: &[Job::Keys],
    first: Duration::from_secs(5),
    every: Duration::from_secs(5),
};

/// How long a job rests after a failure, unless its rhythm is slower: what is down now is
/// seldom up a second later.
const REST: Duration = Duration::from_secs(15);

impl Jobs {
    /// Runs the jobs until `stop` says true, or its sender is gone; what runs then is finished.
    pub async fn run_until(&self, stop: watch::Receiver<bool>) {
        let mut told = stop.clone();
        let told = async move {
            let _ = told.wait_for(|stopped| *stopped).await;
            self.stopping.store(true, Ordering::Relaxed);
        };
        tokio::join!(
            told,
            self.keep(TIMERS, stop.clone()),
            self.keep(AUDIT, stop.clone()),
            self.keep(MAIL, stop.clone()),
            self.keep(TEXTS, stop.clone()),
            self.keep_webhooks(stop.clone()),
            self.keep(KEYS, stop.clone()),
            self.keep(AUDIT_INDEX, stop.clone()),
            self.keep(QUEUE_COUNTS, stop.clone()),
            self.keep(EXPORTS, stop.clone()),
            self.keep(SWEEPS, stop),
        );
    }

    async fn keep_webhooks(&self, stop: watch::Receiver<bool>) {
        self.keep(WEBHOOKS, stop).await;
        if let Err(error) = self.webhooks.close().await {
            tracing::error!(error = error.as_cause(), "a delivery was not reported");
        }
    }

    async fn keep(&self, rhythm: Rhythm, mut stop: watch::Receiver<bool>) {
        let mut ticks = interval_at(Instant::now() + rhythm.first, rhythm.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                _ = stop.wait_for(|stopped| *stopped) => return,
                _ = ticks.tick() => {}
            }
            for job in rhythm.jobs {
                let mut report = Report::default();
                if self.run(*job, &mut report).await.is_err() {
                    return;
                }
                if !report.is_clean() {
                    ticks.reset_after(REST.max(rhythm.every));
                }
                if *stop.borrow() {
                    return;
                }
            }
        }
    }
}
