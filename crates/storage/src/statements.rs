//! Counts the SQL statements of a `Db`, so that tests can say how many a use case may take,
//! and notices on the way when a transaction has failed.
//!
//! Invariant: BEGIN, COMMIT, ROLLBACK and savepoints are not counted, and no statement's text
//! is ever rendered here: it could carry personal data and would cost more than the statement.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use diesel::connection::{Instrumentation, InstrumentationEvent};

/// How many statements ran so far on all connections of one `Db`.
#[derive(Debug, Clone, Default)]
pub struct StatementCount(Arc<AtomicU64>);

impl StatementCount {
    /// The statements so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What was seen to happen to one connection.
#[derive(Debug, Default)]
pub(crate) struct Health {
    /// Nobody knows what state the connection is in.
    given_up: AtomicBool,
    /// A statement failed and nothing was rolled back since.
    failed: AtomicBool,
}

impl Health {
    pub(crate) fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Relaxed)
    }

    pub(crate) fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }
}

/// Sits in one connection and hears of every statement.
pub(crate) struct Probe {
    count: StatementCount,
    health: Arc<Health>,
    /// Diesel announces a BEGIN or COMMIT and then reports its statement like any other.
    announced: bool,
}

impl Probe {
    pub(crate) fn new(count: StatementCount, health: Arc<Health>) -> Self {
        Self {
            count,
            health,
            announced: false,
        }
    }
}

impl Instrumentation for Probe {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartQuery { .. } if self.announced => self.announced = false,
            InstrumentationEvent::StartQuery { .. } => {
                self.count.0.fetch_add(1, Ordering::Relaxed);
            }
            InstrumentationEvent::FinishQuery { error: Some(_), .. } => {
                self.health.failed.store(true, Ordering::Relaxed);
            }
            InstrumentationEvent::CommitTransaction { .. } => self.announced = true,
            InstrumentationEvent::BeginTransaction { depth, .. } => {
                self.announced = true;
                if depth.get() == 1 {
                    self.health.failed.store(false, Ordering::Relaxed);
                }
            }
            InstrumentationEvent::RollbackTransaction { .. } => {
                self.announced = true;
                self.health.failed.store(false, Ordering::Relaxed);
            }
            _ => {}
        }
    }
}
