//! When a desk works, and how much working time lies between two instants (`domain.md` §10.1).
//!
//! A calendar is a week of opening hours in Italian time with exceptions: holidays, on which it may be
//! closed, and reduction periods with hours of their own. It is the only source of working time.
//! It does not know what day it is: the caller brings instants.
//!
//! The clock on the wall goes forward once a year and back once. An interval begins at the first instant
//! at which the clock shows its beginning or more, and ends likewise. So the hour that is skipped counts
//! for nothing and the one that comes twice counts twice, for an interval that holds it: a day that is
//! open all day has 23 or 25 hours.

mod holidays;
mod week;

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Span, Timestamp};

pub use holidays::{YearlyDay, easter, is_national_holiday};
pub use week::{Interval, IntervalFault, WEEKDAYS, Week, WeekError, day_name};

/// Where all calendars are kept. The rules are compiled in: the same instants everywhere.
static ROME: TimeZone = jiff::tz::get!("Europe/Rome");

/// The name of that time zone.
pub const TIME_ZONE: &str = "Europe/Rome";

/// No search goes further: what is not found within a century is not found.
const LONGEST_SEARCH_DAYS: i32 = 36_525;

/// Days with hours of their own, instead of the week's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reduction {
    /// The first day.
    pub first: Date,
    /// The last day.
    pub last: Date,
    /// The hours of these days.
    pub week: Week,
}

impl Reduction {
    fn covers(&self, date: Date) -> bool {
        (self.first..=self.last).contains(&date)
    }
}

/// A calendar. Invariant: some day of its week has hours, and reductions do not overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    week: Week,
    /// Whether it rests on holidays.
    closed_on_holidays: bool,
    /// A further holiday of the place.
    patron: Option<YearlyDay>,
    reductions: Vec<Reduction>,
}

/// Why there is no such calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// No day of the week has hours.
    #[error("a calendar must be open at some time of the week")]
    NeverOpens,
    /// A reduction ends before it begins; its place, from 1.
    #[error("reduction {0} ends before it begins")]
    InvertedReduction(usize),
    /// A reduction begins before the one before it ended; its place, from 1.
    #[error("reduction {0} does not begin after the one before it")]
    OverlappingReduction(usize),
}

impl Calendar {
    /// A calendar of this week, with reductions in their order.
    pub fn new(
        week: Week,
        closed_on_holidays: bool,
        reductions: Vec<Reduction>,
    ) -> Result<Self, CalendarError> {
        if week.is_empty() {
            return Err(CalendarError::NeverOpens);
        }
        let mut after = None;
        for (reduction, number) in reductions.iter().zip(1..) {
            if reduction.last < reduction.first {
                return Err(CalendarError::InvertedReduction(number));
            }
            if after.is_some_and(|last| reduction.first <= last) {
                return Err(CalendarError::OverlappingReduction(number));
            }
            after = Some(reduction.last);
        }
        Ok(Calendar {
            week,
            closed_on_holidays,
            patron: None,
            reductions,
        })
    }

    /// The same in a town with this patron saint's day.
    pub fn in_town(&self, patron: YearlyDay) -> Self {
        Calendar {
            patron: Some(patron),
            ..self.clone()
        }
    }

    /// The hours of an ordinary week.
    pub fn week(&self) -> &Week {
        &self.week
    }

    /// The periods with other hours, in their order.
    pub fn reductions(&self) -> &[Reduction] {
        &self.reductions
    }

    /// Whether it rests on holidays.
    pub fn closed_on_holidays(&self) -> bool {
        self.closed_on_holidays
    }

    /// Whether that day is a holiday, of the country or of the place.
    pub fn is_holiday(&self, date: Date) -> bool {
        is_national_holiday(date) || self.patron.is_some_and(|patron| patron.is(date))
    }

    /// The reduction that covers that day, if one does.
    pub fn reduction_on(&self, date: Date) -> Option<&Reduction> {
        self.reductions
            .iter()
            .find(|reduction| reduction.covers(date))
    }

    /// The opening hours of a day as the clock on the wall shows them.
    pub fn hours_on(&self, date: Date) -> &[Interval] {
        if self.closed_on_holidays && self.is_holiday(date) {
            return &[];
        }
        let week = self.reduction_on(date).map_or(&self.week, |one| &one.week);
        week.on(date.weekday())
    }

    /// The opening hours of a day as instants: from each first, which belongs, to each second, which does
    /// not. An interval that lies within the hour that is skipped in spring is none.
    pub fn openings_on(&self, date: Date) -> impl Iterator<Item = (Timestamp, Timestamp)> + '_ {
        self.hours_on(date)
            .iter()
            .filter_map(move |hours| {
                Some((instant(date, hours.from())?, instant(date, hours.to())?))
            })
            .filter(|(from, to)| from < to)
    }

    /// Whether it is open at that instant.
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.openings_on(day_of(at))
            .any(|(from, to)| (from..to).contains(&at))
    }

    /// The working time from `a` to `b`; negative if `b` is earlier.
    pub fn working_time_between(&self, a: Timestamp, b: Timestamp) -> SignedDuration {
        if b < a {
            return -self.working_time_between(b, a);
        }
        let mut total = SignedDuration::ZERO;
        let (mut day, last) = (day_of(a), day_of(b));
        while day <= last {
            for (from, to) in self.openings_on(day) {
                let open = to.min(b).duration_since(from.max(a));
                total += open.max(SignedDuration::ZERO);
            }
            let Ok(next) = day.tomorrow() else { break };
            day = next;
        }
        total
    }

    /// The first instant by which `duration` of working time has passed since `from`: `from` itself for
    /// none or less. `None` if that takes more than a century.
    pub fn add_working_time(&self, from: Timestamp, duration: SignedDuration) -> Option<Timestamp> {
        if duration <= SignedDuration::ZERO {
            return Some(from);
        }
        let mut left = duration;
        for (opens, closes) in self.openings_since(from) {
            let opens = opens.max(from);
            let open = closes.duration_since(opens);
            if left <= open {
                return opens.checked_add(left).ok();
            }
            left -= open;
        }
        None
    }

    /// The first instant at or after `at` at which it is open; `None` if there is none for a century.
    pub fn next_opening(&self, at: Timestamp) -> Option<Timestamp> {
        let (opens, _) = self.openings_since(at).next()?;
        Some(opens.max(at))
    }

    /// The working time of a working day, as in "within two working days": that of the longest day of an
    /// ordinary week.
    pub fn working_day(&self) -> SignedDuration {
        SignedDuration::from_mins(i64::from(self.week.longest_day()))
    }

    /// The openings that are not over at `at`, as far as any search goes.
    fn openings_since(&self, at: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> + '_ {
        let first = day_of(at);
        (0..LONGEST_SEARCH_DAYS)
            .map_while(move |after| first.checked_add(Span::new().days(after)).ok())
            .flat_map(|day| self.openings_on(day))
            .filter(move |(_, closes)| *closes > at)
    }
}

/// The first instant of a day in Italy.
pub fn beginning_of(day: Date) -> Timestamp {
    instant(day, 0).unwrap_or(Timestamp::MAX)
}

/// The day in Italy of an instant.
pub fn day_of(at: Timestamp) -> Date {
    ROME.to_datetime(at).date()
}

/// The first instant at which the clock on the wall shows `minute` of `date`, or more.
fn instant(date: Date, minute: u16) -> Option<Timestamp> {
    let shown = DateTime::from(date)
        .checked_add(Span::new().minutes(i64::from(minute)))
        .ok()?;
    let ambiguous = ROME.to_ambiguous_timestamp(shown);
    match ambiguous.offset() {
        AmbiguousOffset::Gap { .. } => {
            // The clock never shows it: it jumps past it at the next change of the offset.
            let before = ambiguous
                .later()
                .ok()?
                .checked_sub(SignedDuration::from_hours(3))
                .ok()?;
            ROME.following(before)
                .next()
                .map(|change| change.timestamp())
        }
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => {
            ambiguous.earlier().ok()
        }
    }
}

#[cfg(test)]
mod tests;
