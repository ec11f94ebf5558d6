//! What a try to deliver led to, and when the next one is due.

use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};

/// Seconds to wait after each try that failed (Standard Webhooks 1.0, "Retry schedule").
const WAITS: [i64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// Tries of one delivery: the first at once, one more after each wait.
pub const MOST_ATTEMPTS: usize = WAITS.len() + 1;
/// The longest a receiver may put us off.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(24);

/// What came of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver answered.
    Answered {
        /// With this status.
        status: u16,
        /// Asking us to wait so long.
        retry_after: Option<SignedDuration>,
    },
    /// There was no answer.
    Failed(Fault),
}

/// Why there was no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Not in time.
    TimedOut,
    /// No connection, or none that is trusted.
    NotConnected,
    /// The name has no address.
    NotResolved,
    /// The name leads into a network.
    AddressRefused,
    /// The address itself is none that may be reached any more.
    UrlRefused,
    /// The connection broke, or what came is no answer.
    Broken,
    /// There is no secret to sign with.
    NotSigned,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Fault; 7] = [
        Fault::TimedOut,
        Fault::NotConnected,
        Fault::NotResolved,
        Fault::AddressRefused,
        Fault::UrlRefused,
        Fault::Broken,
        Fault::NotSigned,
    ];

    /// The code used in the API and in rows.
    pub const fn code(self) -> &'static str {
        match self {
            Fault::TimedOut => "timed-out",
            Fault::NotConnected => "not-connected",
            Fault::NotResolved => "not-resolved",
            Fault::AddressRefused => "address-refused",
            Fault::UrlRefused => "url-refused",
            Fault::Broken => "broken-answer",
            Fault::NotSigned => "not-signed",
        }
    }
}

/// What follows from a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Delivered.
    Delivered,
    /// The receiver wants nothing any more: the endpoint is over.
    Gone,
    /// It makes no sense to try again.
    Hopeless,
    /// Once more, and not before so long, if the receiver said so.
    Again(Option<SignedDuration>),
}

impl Outcome {
    /// What follows: 2xx is success and nothing else is, 410 ends the endpoint.
    pub const fn verdict(self) -> Verdict {
        match self {
            Outcome::Answered {
                status: 200..=299, ..
            } => Verdict::Delivered,
            Outcome::Answered { status: 410, .. } => Verdict::Gone,
            Outcome::Answered { retry_after, .. } => Verdict::Again(retry_after),
            Outcome::Failed(Fault::UrlRefused | Fault::NotSigned) => Verdict::Hopeless,
            Outcome::Failed(_) => Verdict::Again(None),
        }
    }

    /// Why it failed, as a code: the fault, or `http-` and the status.
    pub fn reason(self) -> String {
        match self {
            Outcome::Answered { status, .. } => format!("http-{status}"),
            Outcome::Failed(fault) => fault.code().to_owned(),
        }
    }
}

/// How long to wait after the try with this number, the first being 1; none after the last. Up to a
/// tenth more by `spread`, so that what failed together does not come back together.
pub fn wait_after(attempt: usize, spread: u8) -> Option<SignedDuration> {
    let seconds = WAITS.get(attempt.checked_sub(1)?)?;
    let more = seconds * 100 * i64::from(spread) / 255;
    Some(SignedDuration::from_millis(seconds * 1_000 + more))
}

/// Reads `Retry-After` in both its forms (RFC 9110 §10.2.3): seconds, or a date. What has passed is
/// no wait, and nobody puts us off for longer than a day.
pub fn read_retry_after(text: &str, now: Timestamp) -> Option<SignedDuration> {
    let text = text.trim();
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let wait = if is_number {
        // More digits than fit are a long time.
        SignedDuration::from_secs(text.parse().unwrap_or(i64::MAX))
    } else {
        let parser = DateTimeParser::new().relaxed_weekday(true);
        let at = parser.parse_timestamp(text).ok()?;
        at.duration_since(now)
    };
    Some(wait.clamp(SignedDuration::ZERO, LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_follow_the_published_schedule() {
        let waits: Vec<i64> = (1..MOST_ATTEMPTS)
            .map(|attempt| wait_after(attempt, 0).unwrap().as_secs())
            .collect();
        let hours = [2, 5, 10, 14, 20, 24].map(|hours| hours * 3600);
        assert_eq!(waits[..3], [5, 5 * 60, 30 * 60]);
        assert_eq!(waits[3..], hours);
        assert_eq!(wait_after(MOST_ATTEMPTS, 0), None);
        assert_eq!(wait_after(0, 0), None);
    }

    #[test]
    fn the_spread_adds_a_tenth_at_most() {
        for attempt in 1..MOST_ATTEMPTS {
            let least = wait_after(attempt, 0).unwrap();
            let most = wait_after(attempt, 255).unwrap();
            assert_eq!(most.as_millis() * 10, least.as_millis() * 11, "{attempt}");
            let between = wait_after(attempt, 100).unwrap();
            assert!(least < between && between < most);
        }
    }

    #[test]
    fn only_2xx_is_success_and_only_410_ends() {
        let answered = |status| Outcome::Answered {
            status,
            retry_after: None,
        };
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(answered(status).verdict(), Verdict::Delivered);
        }
        assert_eq!(answered(410).verdict(), Verdict::Gone);
        for status in [
            100, 199, 300, 301, 302, 307, 308, 400, 401, 404, 429, 500, 503,
        ] {
            assert_eq!(answered(status).verdict(), Verdict::Again(None), "{status}");
        }
        assert_eq!(answered(503).reason(), "http-503");
        for fault in Fault::ALL {
            let verdict = match fault {
                Fault::UrlRefused | Fault::NotSigned => Verdict::Hopeless,
                _ => Verdict::Again(None),
            };
            assert_eq!(Outcome::Failed(fault).verdict(), verdict);
            assert_eq!(Outcome::Failed(fault).reason(), fault.code());
        }
    }

    #[test]
    fn a_receiver_may_put_us_off_in_both_forms_and_for_a_day_at_most() {
        let now: Timestamp = "1994-11-06T08:49:00Z".parse().unwrap();
        for (text, seconds) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("86400", Some(86_400)),
            ("86401", Some(86_400)),
            ("99999999999999999999999", Some(86_400)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(37)),
            ("Sun, 06 Nov 1994 08:48:37 GMT", Some(0)),
            ("Fri, 06 Nov 2054 08:49:37 GMT", Some(86_400)),
            ("", None),
            ("-5", None),
            ("1.5", None),
            ("soon", None),
        ] {
            let wait = read_retry_after(text, now).map(|wait| wait.as_secs());
            assert_eq!(wait, seconds, "{text:?}");
        }
    }
}
