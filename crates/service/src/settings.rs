//! What an installation can set, checked by `server` and handed down by value.

use std::collections::HashMap;

use domain::catalogue::TextLimits;
use domain::codes::AuthorityCode;
use domain::state::Windows;
use domain::ticket::Ticket;
use jiff::SignedDuration;
use jiff::tz::TimeZone;

/// Settings of the use cases.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Times of the life cycle.
    pub windows: Windows,
    /// Times of single authorities, instead.
    pub windows_by_authority: HashMap<AuthorityCode, Windows>,
    /// How long a ticket should take at most; shown, never enforced.
    pub resolution_target: SignedDuration,
    /// Lengths of texts.
    pub text_limits: TextLimits,
    /// Where civil dates are reckoned.
    pub time_zone: TimeZone,
    /// The address that tracking links start with.
    pub tracking_url: String,
    /// How much a requester may send.
    pub quotas: Quotas,
    /// E-mail proofs.
    pub email_proof: EmailProofSettings,
    /// Log-in.
    pub sign_in: SignInSettings,
    /// How many passwords are hashed at once.
    pub parallel_hashings: usize,
    /// How long an answer to an idempotency key is kept.
    pub idempotency: SignedDuration,
}

/// How much a requester may send (D-19); beyond it is 429.
#[derive(Debug, Clone)]
pub struct Quotas {
    /// Tickets a national identity may file in 24 hours; anonymous filings are bounded by the
    /// e-mail proofs they need.
    pub filings_per_day: i64,
    /// Messages a requester may write on one ticket.
    pub messages_per_ticket: i64,
    /// Files one ticket may hold, of all sides.
    pub files_per_ticket: i64,
}

/// Settings of e-mail proofs (`domain.md` §3.6).
#[derive(Debug, Clone)]
pub struct EmailProofSettings {
    /// Digits of a code.
    pub digits: u32,
    /// How long a code and its proof are good.
    pub life: SignedDuration,
    /// Codes that may be tried.
    pub tries: i32,
    /// Codes sent to an address, or asked for by a source, in an hour.
    pub per_hour: i64,
    /// The same in a day.
    pub per_day: i64,
    /// Times the caps for one network source, which many people may share.
    pub source_factor: i64,
}

/// Settings of log-in.
#[derive(Debug, Clone)]
pub struct SignInSettings {
    /// A session ends at the latest.
    pub absolute: SignedDuration,
    /// A session ends when not refreshed for so long.
    pub idle: SignedDuration,
    /// Wrong passwords before the delay begins to grow.
    pub free_failures: i32,
    /// The longest delay.
    pub longest_delay: SignedDuration,
    /// Memory of the hash in KiB.
    pub hash_memory_kib: u32,
    /// Passes of the hash.
    pub hash_passes: u32,
}

impl Default for Settings {
    fn default() -> Self {
        let hours = SignedDuration::from_hours;
        Settings {
            windows: Windows::default(),
            windows_by_authority: HashMap::new(),
            resolution_target: hours(5 * 24),
            text_limits: TextLimits::default(),
            time_zone: TimeZone::UTC,
            tracking_url: "http://127.0.0.1:8080/tracking".to_owned(),
            quotas: Quotas {
                filings_per_day: 50,
                messages_per_ticket: 300,
                files_per_ticket: 50,
            },
            email_proof: EmailProofSettings {
                digits: 6,
                life: SignedDuration::from_mins(30),
                tries: 5,
                per_hour: 3,
                per_day: 10,
                source_factor: 10,
            },
            sign_in: SignInSettings {
                absolute: hours(8),
                idle: SignedDuration::from_mins(60),
                free_failures: 8,
                longest_delay: SignedDuration::from_mins(15),
                hash_memory_kib: 19 * 1024,
                hash_passes: 2,
            },
            parallel_hashings: 2,
            idempotency: hours(24),
        }
    }
}

impl Settings {
    /// The times that hold for a ticket: those of its custodian.
    pub fn windows_for(&self, ticket: &Ticket) -> &Windows {
        self.windows_by_authority
            .get(&ticket.custodian.code)
            .unwrap_or(&self.windows)
    }
}
