//! How often a caller may call, and the headers that say so (`conventions.md` ModI-20).
//! Per node: several nodes allow a caller as many times the quota.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

/// Calls a minute for each sort of caller.
#[derive(Debug, Clone, Copy)]
pub struct Budgets {
    /// A network that shows no token.
    pub anonymous: NonZeroU32,
    /// A citizen, or the holder of a tracking link.
    pub citizen: NonZeroU32,
    /// A member of staff.
    pub staff: NonZeroU32,
    /// A program.
    pub client: NonZeroU32,
}

impl Budgets {
    /// The same for everybody.
    pub const fn all(calls: NonZeroU32) -> Self {
        Budgets {
            anonymous: calls,
            citizen: calls,
            staff: calls,
            client: calls,
        }
    }
}

/// Whose budget a call is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payer {
    /// A network.
    Anonymous,
    /// A citizen.
    Citizen,
    /// A member of staff.
    Staff,
    /// A program.
    Client,
}

/// The quotas of all callers, each sort with a budget of its own.
pub struct RateLimits {
    anonymous: Limiter,
    citizen: Limiter,
    staff: Limiter,
    client: Limiter,
}

impl RateLimits {
    /// Budgets a minute, all at once if the caller likes.
    pub fn per_minute(budgets: Budgets) -> Self {
        RateLimits {
            anonymous: Limiter::per_minute(budgets.anonymous),
            citizen: Limiter::per_minute(budgets.citizen),
            staff: Limiter::per_minute(budgets.staff),
            client: Limiter::per_minute(budgets.client),
        }
    }

    /// Counts a call of `caller` against their sort's budget.
    pub fn check(&self, payer: Payer, caller: &str) -> Verdict {
        match payer {
            Payer::Anonymous => self.anonymous.check(caller),
            Payer::Citizen => self.citizen.check(caller),
            Payer::Staff => self.staff.check(caller),
            Payer::Client => self.client.check(caller),
        }
    }

    /// Forgets callers that have not called for so long that they start afresh anyway.
    pub fn forget_idle(&self) {
        for limiter in [&self.anonymous, &self.citizen, &self.staff, &self.client] {
            limiter.forget_idle();
        }
    }
}

/// The quota of one sort of caller.
struct Limiter {
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

impl Limiter {
    /// Allows each caller this many calls a minute, all at once if they like.
    fn per_minute(calls: NonZeroU32) -> Self {
        let clock = DefaultClock::default();
        let limiter = RateLimiter::keyed(Quota::per_minute(calls))
            .with_middleware::<StateInformationMiddleware>();
        Limiter {
            limiter,
            clock,
            burst: calls.get(),
            refill: Duration::from_secs(60) / calls.get(),
        }
    }

    /// Counts a call of `caller`.
    fn check(&self, caller: &str) -> Verdict {
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

    fn forget_idle(&self) {
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
