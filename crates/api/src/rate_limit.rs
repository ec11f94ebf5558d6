//! How often a caller may call, and the headers that say so (`conventions.md` ModI-20).
//! Per node: several nodes allow a caller as many times the quota.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

/// The quota of every caller.
pub struct RateLimits {
    limiter: RateLimiter<
        String,
        DefaultKeyedStateStore<String>,
        DefaultClock,
        StateInformationMiddleware,
    >,
    clock: DefaultClock,
    burst: u32,
    refill: Duration,
}

/// Whether a call fits.
pub enum Verdict {
    /// It does.
    Within {
        /// For the headers.
        numbers: Numbers,
    },
    /// It does not.
    Over {
        /// For the headers.
        numbers: Numbers,
        /// Seconds to wait.
        retry_after: u64,
    },
}

/// What the headers say.
#[derive(Debug, Clone, Copy)]
pub struct Numbers {
    /// Calls in a burst.
    pub limit: u32,
    /// Calls left of it.
    pub remaining: u32,
    /// Seconds until it is whole again.
    pub reset: u64,
}

impl Verdict {
    /// What the headers say.
    pub const fn numbers(&self) -> Numbers {
        match self {
            Verdict::Within { numbers } | Verdict::Over { numbers, .. } => *numbers,
        }
    }
}

impl RateLimits {
    /// Allows each caller this many calls a minute, all at once if they like.
    pub fn per_minute(calls: NonZeroU32) -> Self {
        let clock = DefaultClock::default();
        let limiter = RateLimiter::keyed(Quota::per_minute(calls))
            .with_middleware::<StateInformationMiddleware>();
        RateLimits {
            limiter,
            clock,
            burst: calls.get(),
            refill: Duration::from_secs(60) / calls.get(),
        }
    }

    /// Counts a call of `caller`.
    pub fn check(&self, caller: &str) -> Verdict {
        match self.limiter.check_key(&caller.to_owned()) {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity();
                let reset = self
                    .refill
                    .saturating_mul(self.burst.saturating_sub(remaining))
                    .as_secs_f64()
                    .ceil();
                let numbers = Numbers {
                    limit: self.burst,
                    remaining,
                    reset: whole(reset),
                };
                Verdict::Within { numbers }
            }
            Err(not_until) => {
                let wait = not_until
                    .wait_time_from(self.clock.now())
                    .as_secs_f64()
                    .ceil()
                    .max(1.0);
                let numbers = Numbers {
                    limit: self.burst,
                    remaining: 0,
                    reset: 60,
                };
                Verdict::Over {
                    numbers,
                    retry_after: whole(wait),
                }
            }
        }
    }

    /// Forgets callers that have not called for so long that they start afresh anyway.
    pub fn forget_idle(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole seconds of a minute"
)]
const fn whole(seconds: f64) -> u64 {
    seconds as u64
}
