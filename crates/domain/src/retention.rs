//! How long personal data are kept (GDPR art. 5(1)(e), `conventions.md` PR-3): a term for each class of
//! data, counted from the day a request was closed or removed. Pure: who reads the clock is the caller.
//!
//! Invariant: nothing of a request outlives what names its person, and nothing goes while the request
//! may still be taken up again.

use std::fmt;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};

use crate::invalid::{FieldError, Invalid};

/// What stands in the place of a personal datum whose time is over.
pub const GONE: &str = "—";

/// What has a term of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Who somebody is: names, tax codes, identities. With it a request is anonymised (T25), and
    /// everything else that is left of a person goes as well.
    Identifier,
    /// How somebody is reached: addresses, numbers, calls back.
    Contact,
    /// What was written: descriptions, notes, activities, answers to playbooks.
    HealthText,
    /// Files.
    Attachment,
    /// A complaint, with everybody in it; counted from its own end.
    Complaint,
}

impl Class {
    /// Every class, in the order they are done in: what goes first cannot name what went before.
    pub const ALL: [Class; 5] = [
        Class::Attachment,
        Class::Contact,
        Class::HealthText,
        Class::Identifier,
        Class::Complaint,
    ];

    /// Those of a request.
    pub const OF_TICKETS: [Class; 4] = [
        Class::Attachment,
        Class::Contact,
        Class::HealthText,
        Class::Identifier,
    ];

    /// The code in rows and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Class::Identifier => "identifier",
            Class::Contact => "contact",
            Class::HealthText => "health-text",
            Class::Attachment => "attachment",
            Class::Complaint => "complaint",
        }
    }

    /// The class with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Class::ALL.into_iter().find(|class| class.as_str() == code)
    }

    /// Its member in a schedule.
    const fn pointer(self) -> &'static str {
        match self {
            Class::Identifier => "/identifier",
            Class::Contact => "/contact",
            Class::HealthText => "/health_text",
            Class::Attachment => "/attachment",
            Class::Complaint => "/complaint",
        }
    }
}

/// A term in whole months or whole days of the calendar: `P24M`, `P2Y`, `P90D` (ISO 8601).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Term {
    /// Months.
    Months(i32),
    /// Days.
    Days(i32),
}

/// The longest term: what is kept longer needs a law of its own, and an archive.
const LONGEST: Term = Term::Months(600);

impl Term {
    /// Reads `P<n>Y`, `P<n>M` or `P<n>D`.
    pub fn parse(text: &str) -> Option<Term> {
        let body = text.strip_prefix('P')?;
        let (number, unit) = body.split_at_checked(body.len().checked_sub(1)?)?;
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let number: i32 = number.parse().ok()?;
        let term = match unit {
            "Y" => Term::Months(number.checked_mul(12)?),
            "M" => Term::Months(number),
            "D" => Term::Days(number),
            _ => return None,
        };
        (term.least_days() >= 1 && term.most_days() <= LONGEST.most_days()).then_some(term)
    }

    /// What ended then or earlier is over at `now`. The calendar's months, in UTC, so that all nodes agree.
    pub fn before(self, now: Timestamp) -> Timestamp {
        let span = match self {
            Term::Months(months) => Span::new().try_months(months),
            Term::Days(days) => Span::new().try_days(days),
        };
        span.and_then(|span| now.to_zoned(TimeZone::UTC).checked_sub(span))
            .map_or(Timestamp::MIN, |then| then.timestamp())
    }

    /// Days it lasts at least: a month may be two days shorter than a twelfth of a year.
    fn least_days(self) -> i64 {
        match self {
            Term::Months(months) if months < 1 => 0,
            Term::Months(months) => i64::from(months) * 365 / 12 - 2,
            Term::Days(days) => days.into(),
        }
    }

    /// Days it lasts at most.
    fn most_days(self) -> i64 {
        match self {
            Term::Months(months) => i64::from(months) * 366 / 12 + 2,
            Term::Days(days) => days.into(),
        }
    }

    /// Whether it is longer than another, wherever in the calendar both begin.
    pub fn outlives(self, other: Term) -> bool {
        match (self, other) {
            (Term::Months(own), Term::Months(others)) => own > others,
            _ => self.most_days() > other.least_days(),
        }
    }

    /// Whether it may be over before so much time has passed.
    pub fn is_shorter_than(self, time: SignedDuration) -> bool {
        SignedDuration::from_hours(self.least_days() * 24) < time
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Term::Months(months) => write!(f, "P{months}M"),
            Term::Days(days) => write!(f, "P{days}D"),
        }
    }
}

/// A term for each class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// See [`Class::Identifier`].
    pub identifier: Term,
    /// See [`Class::Contact`].
    pub contact: Term,
    /// See [`Class::HealthText`].
    pub health_text: Term,
    /// See [`Class::Attachment`].
    pub attachment: Term,
    /// See [`Class::Complaint`].
    pub complaint: Term,
}

impl Default for Schedule {
    /// What an installation begins with (`conventions.md` PR-3).
    fn default() -> Self {
        Schedule {
            identifier: Term::Months(24),
            contact: Term::Months(24),
            health_text: Term::Months(24),
            attachment: Term::Months(6),
            complaint: Term::Months(24),
        }
    }
}

/// How long the audit trail is kept at least; nobody can set less (`conventions.md` PR-5).
pub const AUDIT_AT_LEAST: Term = Term::Months(24);

impl Schedule {
    /// The term of a class.
    pub const fn term(&self, class: Class) -> Term {
        match class {
            Class::Identifier => self.identifier,
            Class::Contact => self.contact,
            Class::HealthText => self.health_text,
            Class::Attachment => self.attachment,
            Class::Complaint => self.complaint,
        }
    }

    /// What is wrong with it: `needed` is how long a request may still be reopened, reviewed or come back
    /// from a merge after it was closed.
    pub fn check(&self, needed: SignedDuration) -> Vec<FieldError> {
        let mut errors = Vec::new();
        for class in Class::ALL {
            if self.term(class).is_shorter_than(needed) {
                errors.push(too_short().at(class.pointer()));
            }
        }
        for class in [Class::Contact, Class::HealthText, Class::Attachment] {
            if self.term(class).outlives(self.identifier) {
                errors.push(outlives_its_person().at(class.pointer()));
            }
        }
        errors
    }
}

const fn too_short() -> Invalid {
    Invalid::new(
        "too-short",
        "Più breve del tempo in cui la richiesta può essere riaperta o riesaminata",
        "shorter than the time in which a request can be reopened or reviewed",
    )
}

const fn outlives_its_person() -> Invalid {
    Invalid::new(
        "too-long",
        "Più lungo di quanto si conserva chi è la persona (identifier)",
        "longer than who the person is will be kept (identifier)",
    )
}

/// Why something whose time is over is kept all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kept {
    /// A legal hold.
    Hold,
    /// A review of its decision is under way.
    Review,
    /// A complaint about it is not over.
    Complaint,
    /// What follows up on it is not over.
    FollowUp,
    /// A technical activity or a call back is not over.
    Work,
}

impl Kept {
    /// The code in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kept::Hold => "legal-hold",
            Kept::Review => "open-review",
            Kept::Complaint => "open-complaint",
            Kept::FollowUp => "open-follow-up",
            Kept::Work => "open-work",
        }
    }
}

/// Whether a run may go on by itself, or a person has to look first: what it would take is to be no more
/// than `percent` of what there is, unless it is no more than `always` in all.
pub const fn is_usual(due: i64, in_stock: i64, percent: i64, always: i64) -> bool {
    due <= always || due.saturating_mul(100) <= in_stock.saturating_mul(percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn terms_are_read_and_written() {
        let read = |text| Term::parse(text).map(|term| term.to_string());
        assert_eq!(read("P24M").as_deref(), Some("P24M"));
        assert_eq!(read("P2Y").as_deref(), Some("P24M"));
        assert_eq!(read("P90D").as_deref(), Some("P90D"));
        let refused = [
            "",
            "P",
            "PM",
            "24M",
            "P-1M",
            "P0D",
            "P0M",
            "P1W",
            "PT1H",
            "P1.5M",
            "P601M",
            "P99999D",
            "P1Mx",
            "P9999999999M",
            "Pà",
        ];
        for text in refused {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        let now = at("2028-03-31T10:00:00Z");
        assert_eq!(Term::Months(1).before(now), at("2028-02-29T10:00:00Z"));
        assert_eq!(Term::Months(24).before(now), at("2026-03-31T10:00:00Z"));
        assert_eq!(Term::Days(30).before(now), at("2028-03-01T10:00:00Z"));
    }

    #[test]
    fn nothing_outlives_its_person() {
        let schedule = Schedule {
            attachment: Term::Months(25),
            contact: Term::Days(731),
            ..Schedule::default()
        };
        let errors = schedule.check(SignedDuration::from_hours(30 * 24));
        let found: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(found, ["/contact", "/attachment"]);
        assert!(Schedule::default().check(SignedDuration::ZERO).is_empty());
    }

    #[test]
    fn a_term_is_no_shorter_than_what_may_still_be_asked() {
        let days = |days: i64| SignedDuration::from_hours(days * 24);
        let schedule = Schedule {
            attachment: Term::Days(59),
            ..Schedule::default()
        };
        let found: Vec<_> = schedule
            .check(days(60))
            .into_iter()
            .map(|error| error.pointer)
            .collect();
        assert_eq!(found, ["/attachment"]);
        // One month may have 28 days.
        assert!(Term::Months(1).is_shorter_than(days(29)));
        assert!(!Term::Months(1).is_shorter_than(days(28)));
        assert!(!Term::Months(24).is_shorter_than(days(728)));
    }

    #[test]
    fn a_mass_of_what_is_due_waits_for_a_person() {
        assert!(is_usual(20, 100, 20, 0));
        assert!(!is_usual(21, 100, 20, 0));
        assert!(is_usual(21, 21, 20, 50));
        assert!(is_usual(0, 0, 20, 0));
    }

    #[test]
    fn codes_are_read_back() {
        for class in Class::ALL {
            assert_eq!(Class::from_code(class.as_str()), Some(class));
        }
    }
}
