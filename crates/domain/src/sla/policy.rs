//! What was promised: targets that a body approved, and from when they hold (`domain.md` §10.6).

use std::fmt;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::calendar::Calendar;
use crate::codes::{AuthorityCode, CalendarCode, ServiceCode};
use crate::ids::{AccountId, SlaPolicyId};

/// A version of a policy. Never changed: the next version for the same desks and service takes over,
/// for the legs that open from then on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its id.
    pub id: SlaPolicyId,
    /// Which one for the same desks and service, from 1.
    pub version: i32,
    /// Whose legs it is for.
    pub applies_to: AppliesTo,
    /// What people call it.
    pub label: String,
    /// The body that answers for it.
    pub owner_body: String,
    /// When that body approved it; none for a proposal.
    pub approved_on: Option<Date>,
    /// The first day it holds.
    pub valid_from: Date,
    /// The last day it holds; none if until the next version.
    pub valid_to: Option<Date>,
    /// The instant from which it holds: the first day's beginning, or the entry of that day.
    pub in_force_from: Timestamp,
    /// The calendar its time is counted by; none for the custodian's own.
    pub calendar: Option<CalendarCode>,
    /// How the targets are to be read, such as the percentile that must keep them.
    pub formula: String,
    /// What is promised.
    pub targets: Targets,
    /// When it was entered.
    pub created_at: Timestamp,
    /// Who entered it; none for what came with the installation.
    pub created_by: Option<AccountId>,
}

/// Which legs a policy is for. The narrower one wins: a desk before a kind of desk, then a service
/// before all.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AppliesTo {
    /// Authorities, or the region.
    pub desk_kind: DeskKind,
    /// One desk of that kind alone.
    pub authority: Option<AuthorityCode>,
    /// One service alone.
    pub service: Option<ServiceCode>,
}

impl AppliesTo {
    fn covers(&self, authority: &AuthorityCode, kind: DeskKind, service: &ServiceCode) -> bool {
        self.desk_kind == kind
            && self.authority.as_ref().is_none_or(|one| one == authority)
            && self.service.as_ref().is_none_or(|one| one == service)
    }
}

/// Who has custody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeskKind {
    /// A health authority.
    Authority,
    /// The regional desk.
    Region,
}

impl DeskKind {
    /// The code used in the API and in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            DeskKind::Authority => "authority",
            DeskKind::Region => "region",
        }
    }

    /// The kind with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        [DeskKind::Authority, DeskKind::Region]
            .into_iter()
            .find(|kind| kind.as_str() == code)
    }
}

/// What is promised, in working time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Targets {
    /// Until somebody takes charge.
    pub take_charge: WorkingTime,
    /// Until the requester hears of a person.
    pub first_response: WorkingTime,
    /// Until the desk is done with it.
    pub resolution: WorkingTime,
    /// After a breach, until the region hears of it, too.
    pub escalate_after: WorkingTime,
}

/// A length of working time as people promise it: whole working days and hours of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkingTime {
    days: i64,
    rest: SignedDuration,
}

/// The longest promise, in working days.
const MOST_DAYS: i64 = 366;

impl WorkingTime {
    /// Whole hours.
    pub const fn from_hours(hours: i64) -> Self {
        WorkingTime {
            days: 0,
            rest: SignedDuration::from_hours(hours),
        }
    }

    /// Whole working days.
    pub const fn from_days(days: i64) -> Self {
        WorkingTime {
            days,
            rest: SignedDuration::ZERO,
        }
    }

    /// Reads an ISO 8601 duration of days, hours and minutes, such as `P2D` or `PT4H`; more than nothing
    /// and at most 366 days.
    pub fn parse(text: &str) -> Option<Self> {
        // The parser takes "2 days", too, which is no ISO 8601.
        let span: jiff::Span = text.starts_with('P').then(|| text.parse().ok())??;
        let has_more = span.get_years() != 0
            || span.get_months() != 0
            || span.get_weeks() != 0
            || span.get_milliseconds() != 0
            || span.get_microseconds() != 0
            || span.get_nanoseconds() != 0;
        if has_more || span.is_zero() || span.is_negative() {
            return None;
        }
        let rest = SignedDuration::try_from_hours(i64::from(span.get_hours()))?
            .checked_add(SignedDuration::try_from_mins(span.get_minutes())?)?
            .checked_add(SignedDuration::from_secs(span.get_seconds()))?;
        let days = i64::from(span.get_days());
        let in_range = days <= MOST_DAYS && rest.as_hours() <= MOST_DAYS * 24;
        in_range.then_some(WorkingTime { days, rest })
    }

    /// A working day.
    pub const ONE_DAY: WorkingTime = WorkingTime {
        days: 1,
        rest: SignedDuration::ZERO,
    };
    /// Two of them.
    pub const TWO_DAYS: WorkingTime = WorkingTime {
        days: 2,
        rest: SignedDuration::ZERO,
    };

    /// How long that is by a calendar: a day is its working day.
    pub fn by(self, calendar: &Calendar) -> SignedDuration {
        let days = i32::try_from(self.days).unwrap_or(i32::MAX);
        calendar.working_day() * days + self.rest
    }
}

impl fmt::Display for WorkingTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("P")?;
        if self.days > 0 {
            write!(f, "{}D", self.days)?;
        }
        let seconds = self.rest.as_secs();
        if seconds > 0 {
            f.write_str("T")?;
        }
        for (part, unit) in [
            (seconds / 3600, 'H'),
            (seconds / 60 % 60, 'M'),
            (seconds % 60, 'S'),
        ] {
            if part > 0 {
                write!(f, "{part}{unit}")?;
            }
        }
        Ok(())
    }
}

/// The policy that holds for a leg that opened at `opened`, which is the day `on` there.
pub fn in_force<'a>(
    policies: &'a [Policy],
    authority: &AuthorityCode,
    kind: DeskKind,
    service: &ServiceCode,
    opened: Timestamp,
    on: Date,
) -> Option<&'a Policy> {
    policies
        .iter()
        .filter(|policy| policy.applies_to.covers(authority, kind, service))
        .filter(|policy| policy.in_force_from <= opened)
        // The newest for the same desks and service stands for all of them, even where it has ended.
        .filter(|policy| {
            !policies.iter().any(|other| {
                other.applies_to == policy.applies_to
                    && other.in_force_from <= opened
                    && (other.in_force_from, other.version) > (policy.in_force_from, policy.version)
            })
        })
        .filter(|policy| policy.valid_to.is_none_or(|last| on <= last))
        .max_by_key(|policy| {
            let to = &policy.applies_to;
            (to.authority.is_some(), to.service.is_some())
        })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn policy(version: i32, day: i8, authority: Option<&str>, service: Option<&str>) -> Policy {
        let week = WorkingTime::parse("P5D").unwrap();
        let valid_from = date(2026, 3, day);
        Policy {
            id: SlaPolicyId::new(uuid::Uuid::from_u128(u128::from(version.unsigned_abs()))),
            version,
            applies_to: AppliesTo {
                desk_kind: DeskKind::Authority,
                authority: authority.map(AuthorityCode::from),
                service: service.map(ServiceCode::from),
            },
            label: "Presa in carico".to_owned(),
            owner_body: "Comitato".to_owned(),
            approved_on: None,
            valid_from,
            valid_to: None,
            in_force_from: at(valid_from),
            calendar: None,
            formula: "p90".to_owned(),
            targets: Targets {
                take_charge: week,
                first_response: week,
                resolution: week,
                escalate_after: week,
            },
            created_at: at(valid_from),
            created_by: None,
        }
    }

    fn at(day: Date) -> Timestamp {
        day.in_tz("Europe/Rome").unwrap().timestamp()
    }

    fn version_on(policies: &[Policy], authority: &str, service: &str, day: Date) -> Option<i32> {
        let (authority, service) = (authority.into(), service.into());
        in_force(
            policies,
            &authority,
            DeskKind::Authority,
            &service,
            at(day),
            day,
        )
        .map(|policy| policy.version)
    }

    #[test]
    fn the_narrower_policy_wins() {
        let policies = [
            policy(1, 1, None, None),
            policy(2, 1, None, Some("FSE")),
            policy(3, 1, Some("010204"), None),
            policy(4, 1, Some("010204"), Some("FSE")),
        ];
        let on = date(2026, 3, 9);
        for (authority, service, version) in [
            ("010210", "PTW", 1),
            ("010210", "fse", 2),
            ("010204", "PTW", 3),
            ("010204", "FSE", 4),
        ] {
            assert_eq!(version_on(&policies, authority, service, on), Some(version));
        }
        let (region, service) = ("REG010".into(), "FSE".into());
        let found = in_force(&policies, &region, DeskKind::Region, &service, at(on), on);
        assert_eq!(found, None);
    }

    #[test]
    fn a_new_version_never_changes_the_past() {
        let (first, second) = (policy(1, 1, None, None), policy(2, 10, None, None));
        let both = [first.clone(), second.clone()];
        let on =
            |policies: &[Policy], day| version_on(policies, "010204", "FSE", date(2026, 3, day));
        for day in 1..=31 {
            let expected = if day < 10 { Some(1) } else { Some(2) };
            assert_eq!(on(&both, day), expected, "{day}");
            if day < 10 {
                assert_eq!(on(&both, day), on(std::slice::from_ref(&first), day));
            }
        }
        assert_eq!(version_on(&both, "010204", "FSE", date(2026, 2, 28)), None);
        // What takes its place was never announced: an ended version is not one before it, revived.
        let ended = Policy {
            valid_to: Some(date(2026, 3, 20)),
            ..second.clone()
        };
        assert_eq!(on(&[first.clone(), ended.clone()], 20), Some(2));
        assert_eq!(on(&[first.clone(), ended], 21), None);
        // A later version for the same day is the one that holds.
        let corrected = Policy {
            version: 3,
            ..second
        };
        assert_eq!(on(&[first, both[1].clone(), corrected], 12), Some(3));
    }

    #[test]
    fn working_time_is_read_and_written_the_same() {
        for text in ["P1D", "PT4H", "P2DT4H30M", "PT45S", "P366D"] {
            assert_eq!(WorkingTime::parse(text).unwrap().to_string(), text);
        }
        for wrong in [
            "", "P0D", "-P1D", "P1M", "P1Y", "P1W", "1 day", "P367D", "PT9000H", "P1.5D",
        ] {
            assert_eq!(WorkingTime::parse(wrong), None, "{wrong}");
        }
    }
}
