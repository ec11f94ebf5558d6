//! Opening hours as a clock on the wall shows them.

use jiff::civil::Weekday;

/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// A stretch of a day: from a minute, which belongs to it, to a minute, which does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    from: u16,
    to: u16,
}

impl Interval {
    /// From and to in minutes after midnight; 1440 is the midnight that ends the day.
    pub fn new(from: u16, to: u16) -> Result<Self, IntervalFault> {
        match (from, to) {
            _ if from > DAY || to > DAY => Err(IntervalFault::OutsideTheDay),
            _ if from >= to => Err(IntervalFault::Inverted),
            _ => Ok(Interval { from, to }),
        }
    }

    /// Reads `HH:MM-HH:MM`; the end may be `24:00`.
    pub fn parse(text: &str) -> Result<Self, IntervalFault> {
        let (from, to) = text.split_once('-').ok_or(IntervalFault::Unreadable)?;
        Interval::new(minute(from)?, minute(to)?)
    }

    /// Its first minute, counted from midnight.
    pub const fn from(self) -> u16 {
        self.from
    }

    /// The minute at which it is over, counted from midnight.
    pub const fn to(self) -> u16 {
        self.to
    }
}

fn minute(text: &str) -> Result<u16, IntervalFault> {
    let two_digits = |part: &str| match part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit())
    {
        true => part.parse::<u16>().map_err(|_| IntervalFault::Unreadable),
        false => Err(IntervalFault::Unreadable),
    };
    let (hours, minutes) = text.split_once(':').ok_or(IntervalFault::Unreadable)?;
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    if minutes > 59 {
        return Err(IntervalFault::OutsideTheDay);
    }
    Ok(hours * 60 + minutes)
}

impl std::fmt::Display for Interval {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        write!(f, "{}-{}", clock(self.from), clock(self.to))
    }
}

/// What is wrong with an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IntervalFault {
    /// Not of the form `HH:MM-HH:MM`.
    #[error("is not of the form HH:MM-HH:MM")]
    Unreadable,
    /// Before 00:00 or after 24:00.
    #[error("is outside the day")]
    OutsideTheDay,
    /// Its end is not after its beginning.
    #[error("does not end after it begins")]
    Inverted,
    /// It begins before the one before it ends.
    #[error("overlaps the one before it")]
    Overlapping,
    /// It stands after a later one.
    #[error("stands after a later one")]
    Unsorted,
}

/// A faulty interval and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: interval {number} ({text}) {fault}", day_name(*.day))]
pub struct WeekError {
    /// The day.
    pub day: Weekday,
    /// Its place among the day's intervals, from 1.
    pub number: usize,
    /// The interval as it was written.
    pub text: String,
    /// What is wrong with it.
    pub fault: IntervalFault,
}

/// The English name of a day, as reference files call it.
pub const fn day_name(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "monday",
        Weekday::Tuesday => "tuesday",
        Weekday::Wednesday => "wednesday",
        Weekday::Thursday => "thursday",
        Weekday::Friday => "friday",
        Weekday::Saturday => "saturday",
        Weekday::Sunday => "sunday",
    }
}

/// The days of a week, Monday first.
pub const WEEKDAYS: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];

/// The hours of each day of a week. Invariant: a day's intervals are sorted and apart, though one
/// may begin where another ends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Week([Vec<Interval>; 7]);

impl Week {
    /// Checks intervals as they were written, Monday first; all that are wrong are told.
    pub fn parse(days: [Vec<String>; 7]) -> Result<Self, Vec<WeekError>> {
        let mut errors = Vec::new();
        let mut week = Week::default();
        for ((day, texts), hours) in WEEKDAYS.into_iter().zip(days).zip(&mut week.0) {
            for (text, number) in texts.into_iter().zip(1..) {
                match next_interval(&text, hours.last()) {
                    Ok(interval) => hours.push(interval),
                    Err(fault) => errors.push(WeekError {
                        day,
                        number,
                        text,
                        fault,
                    }),
                }
            }
        }
        match errors.is_empty() {
            true => Ok(week),
            false => Err(errors),
        }
    }

    /// The hours of a day.
    pub fn on(&self, day: Weekday) -> &[Interval] {
        let place = usize::try_from(day.to_monday_zero_offset()).unwrap_or_default();
        self.0.get(place).map_or(&[], Vec::as_slice)
    }

    /// Whether it has no hours at all.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Vec::is_empty)
    }

    /// The minutes of its longest day.
    pub fn longest_day(&self) -> u16 {
        let minutes = |day: &Vec<Interval>| day.iter().map(|one| one.to - one.from).sum();
        self.0.iter().map(minutes).max().unwrap_or_default()
    }
}

fn next_interval(text: &str, before: Option<&Interval>) -> Result<Interval, IntervalFault> {
    let interval = Interval::parse(text)?;
    match before {
        Some(before) if interval.to <= before.from => Err(IntervalFault::Unsorted),
        Some(before) if interval.from < before.to => Err(IntervalFault::Overlapping),
        _ => Ok(interval),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_tuesday(texts: &[&str]) -> Result<Week, Vec<WeekError>> {
        let mut days: [Vec<String>; 7] = Default::default();
        days[1] = texts.iter().map(|text| (*text).to_owned()).collect();
        Week::parse(days)
    }

    #[test]
    fn hours_are_told_by_weekday() {
        let week = on_tuesday(&["08:30-12:00", "15:30-18:00", "18:00-24:00"]).unwrap();
        let hours: Vec<String> = week
            .on(Weekday::Tuesday)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(hours, ["08:30-12:00", "15:30-18:00", "18:00-24:00"]);
        assert!(week.on(Weekday::Monday).is_empty());
        assert_eq!(week.longest_day(), 12 * 60);
    }

    /// Intervals of a day, the place of the faulty one, and its fault.
    #[test]
    fn a_faulty_interval_is_named_with_its_day() {
        use IntervalFault::*;
        let rows: &[(&[&str], usize, IntervalFault)] = &[
            (&["12:00-08:30"], 1, Inverted),
            (&["08:30-08:30"], 1, Inverted),
            (&["08:30-12:00", "11:59-13:00"], 2, Overlapping),
            (&["08:30-12:00", "08:30-12:00"], 2, Overlapping),
            (&["08:30-12:00", "07:00-09:00"], 2, Overlapping),
            (&["15:30-18:00", "08:30-12:00"], 2, Unsorted),
            (&["08:30-24:01"], 1, OutsideTheDay),
            (&["08:60-12:00"], 1, OutsideTheDay),
            (&["25:00-26:00"], 1, OutsideTheDay),
            (&["8:30-12:00"], 1, Unreadable),
            (&["08:30"], 1, Unreadable),
            (&["+8:30-12:00"], 1, Unreadable),
            (&[""], 1, Unreadable),
        ];
        for (texts, number, fault) in rows {
            let errors = on_tuesday(texts).unwrap_err();
            let [error] = errors.as_slice() else {
                panic!("{errors:?}");
            };
            assert_eq!(
                (error.day, error.number, error.fault),
                (Weekday::Tuesday, *number, *fault),
                "{texts:?}"
            );
        }
        let errors = on_tuesday(&["12:00-08:30", "09:00-10:00", "09:30-11:00"]).unwrap_err();
        let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "tuesday: interval 1 (12:00-08:30) does not end after it begins",
                "tuesday: interval 3 (09:30-11:00) overlaps the one before it",
            ]
        );
    }
}
