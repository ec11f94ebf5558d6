//! The time and fresh ids: the two things of the world that a rule may not fetch by itself.

use std::sync::{Mutex, OnceLock};
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now, to the microsecond: the finest PostgreSQL keeps.
    fn now(&self) -> Timestamp;
    /// The time since some moment in this process's past, which nobody can set: what it grows by is
    /// how much time really passed.
    fn uptime(&self) -> SignedDuration;
}

/// Makes ids and random bytes.
pub trait Ids: Send + Sync {
    /// A fresh UUID, version 7.
    fn uuid(&self) -> Uuid;
    /// Fills `bytes` from a cryptographic source.
    fn fill(&self, bytes: &mut [u8]);
}

/// The system's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the system's clock"
    )]
    fn now(&self) -> Timestamp {
        to_micros(Timestamp::now())
    }

    fn uptime(&self) -> SignedDuration {
        static FIRST: OnceLock<Instant> = OnceLock::new();
        let passed = FIRST.get_or_init(Instant::now).elapsed();
        SignedDuration::try_from(passed).unwrap_or(SignedDuration::MAX)
    }
}

/// A clock that stands until it is moved, for tests.
#[derive(Debug)]
pub struct ManualClock(Mutex<(Timestamp, SignedDuration)>);

impl ManualClock {
    /// Stands at `at`.
    pub fn at(at: Timestamp) -> Self {
        ManualClock(Mutex::new((to_micros(at), SignedDuration::ZERO)))
    }

    /// Moves by `by`.
    pub fn advance(&self, by: SignedDuration) {
        self.leap(by);
        let mut clock = lock(&self.0);
        clock.1 = clock.1.saturating_add(by);
    }

    /// Shows another time although none has passed, as when somebody sets it.
    pub fn leap(&self, by: SignedDuration) {
        let mut clock = lock(&self.0);
        clock.0 = clock.0.checked_add(by).unwrap_or(clock.0);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        lock(&self.0).0
    }

    fn uptime(&self) -> SignedDuration {
        lock(&self.0).1
    }
}

/// Ids from the system's sources.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemIds;

impl Ids for SystemIds {
    #[expect(clippy::disallowed_methods, reason = "the one place that makes ids")]
    fn uuid(&self) -> Uuid {
        Uuid::now_v7()
    }

    #[expect(
        clippy::expect_used,
        reason = "without randomness no secret may be made: stop"
    )]
    fn fill(&self, bytes: &mut [u8]) {
        aws_lc_rs::rand::fill(bytes).expect("the system's random source does not fail");
    }
}

fn to_micros(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}

/// A mutex whose holder panicked guards plain values here: go on with them.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
