//! Days on which a whole country, or one town, rests.

use jiff::civil::{Date, Weekday};

use super::week::{WEEKDAYS, day_name};

/// A day that comes once in every year, such as a patron saint's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum YearlyDay {
    /// The same date.
    Date {
        /// 1 to 12.
        month: i8,
        /// Of a month, as long as it is in a common year.
        day: i8,
    },
    /// Such as the first Tuesday of May.
    Weekday {
        /// 1 for the first to 4 for the fourth, -1 for the last.
        nth: i8,
        /// Which day of the week.
        weekday: Weekday,
        /// 1 to 12.
        month: i8,
    },
}

const NTH: [(&str, i8); 5] = [
    ("first", 1),
    ("second", 2),
    ("third", 3),
    ("fourth", 4),
    ("last", -1),
];

impl YearlyDay {
    /// Reads `06-24` or `first tuesday of 05`; 29 February is not in every year.
    pub fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split(' ').collect();
        match words.as_slice() {
            [date] => {
                let (month, day) = date.split_once('-')?;
                let (month, day) = (two_digits(month)?, two_digits(day)?);
                // 2001 is a common year.
                Date::new(2001, month, day).ok()?;
                Some(YearlyDay::Date { month, day })
            }
            [nth, weekday, "of", month] => {
                let month = two_digits(month)?;
                let (_, nth) = NTH.into_iter().find(|(word, _)| word == nth)?;
                let weekday = WEEKDAYS
                    .into_iter()
                    .find(|day| day_name(*day) == *weekday)?;
                (1..=12).contains(&month).then_some(YearlyDay::Weekday {
                    nth,
                    weekday,
                    month,
                })
            }
            _ => None,
        }
    }

    /// Whether that is the day.
    pub fn is(self, date: Date) -> bool {
        match self {
            YearlyDay::Date { month, day } => (date.month(), date.day()) == (month, day),
            YearlyDay::Weekday {
                nth,
                weekday,
                month,
            } => {
                date.month() == month
                    && date.weekday() == weekday
                    && date
                        .nth_weekday_of_month(nth, weekday)
                        .is_ok_and(|day| day == date)
            }
        }
    }
}

fn two_digits(text: &str) -> Option<i8> {
    let is_plain = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten()
}

/// The national holidays that fall on the same day each year (`domain.md` §10.1).
const FIXED: [(i8, i8); 10] = [
    (1, 1),
    (1, 6),
    (4, 25),
    (5, 1),
    (6, 2),
    (8, 15),
    (11, 1),
    (12, 8),
    (12, 25),
    (12, 26),
];

/// Saint Francis, a national holiday again from this year on (law 151/2025).
const SAINT_FRANCIS: ((i8, i8), i16) = ((10, 4), 2026);

/// Whether all of Italy rests on that day.
pub fn is_national_holiday(date: Date) -> bool {
    let day = (date.month(), date.day());
    FIXED.contains(&day)
        || (day == SAINT_FRANCIS.0 && date.year() >= SAINT_FRANCIS.1)
        || is_easter_or_its_monday(date)
}

fn is_easter_or_its_monday(date: Date) -> bool {
    // Easter falls between 22 March and 25 April.
    if !matches!(date.month(), 3 | 4) {
        return false;
    }
    let Some(easter) = easter(date.year()) else {
        return false;
    };
    date == easter || easter.tomorrow().is_ok_and(|monday| date == monday)
}

/// Easter Sunday; none before the Gregorian calendar.
pub fn easter(year: i16) -> Option<Date> {
    let easter = computus::gregorian(i32::from(year)).ok()?;
    let month = i8::try_from(easter.month).ok()?;
    Date::new(year, month, i8::try_from(easter.day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn easter_falls_where_the_almanac_has_it() {
        for (year, month, day) in [
            (1583, 4, 10),
            (1818, 3, 22),
            (1943, 4, 25),
            (2000, 4, 23),
            (2008, 3, 23),
            (2019, 4, 21),
            (2024, 3, 31),
            (2025, 4, 20),
            (2026, 4, 5),
            (2027, 3, 28),
            (2028, 4, 16),
            (2029, 4, 1),
            (2030, 4, 21),
            (2038, 4, 25),
            (2076, 4, 19),
            (2100, 3, 28),
            (2285, 3, 22),
        ] {
            assert_eq!(easter(year), Some(date(year, month, day)));
        }
        assert_eq!(easter(1500), None);
    }

    #[test]
    fn the_holidays_of_a_year_are_those_of_the_law() {
        let holidays = |year: i16| -> Vec<String> {
            let first = date(year, 1, 1);
            (0..i32::from(first.days_in_year()))
                .filter_map(|after| first.checked_add(jiff::Span::new().days(after)).ok())
                .filter(|day| is_national_holiday(*day))
                .map(|day| day.to_string())
                .collect()
        };
        assert_eq!(
            holidays(2026),
            [
                "2026-01-01",
                "2026-01-06",
                "2026-04-05",
                "2026-04-06",
                "2026-04-25",
                "2026-05-01",
                "2026-06-02",
                "2026-08-15",
                "2026-10-04",
                "2026-11-01",
                "2026-12-08",
                "2026-12-25",
                "2026-12-26",
            ]
        );
        assert!(!holidays(2025).contains(&"2025-10-04".to_owned()));
        assert!(
            holidays(2024).contains(&"2024-04-01".to_owned()),
            "Monday after Easter on 31 March"
        );
    }

    #[test]
    fn a_yearly_day_exists_in_every_year() {
        for (text, day) in [
            ("06-24", date(2027, 6, 24)),
            ("first tuesday of 05", date(2026, 5, 5)),
            ("last wednesday of 08", date(2026, 8, 26)),
        ] {
            let yearly = YearlyDay::parse(text).unwrap();
            let year = day.first_of_year();
            let days = (0..i32::from(year.days_in_year())).filter(|after| {
                yearly.is(year.checked_add(jiff::Span::new().days(*after)).unwrap())
            });
            assert!(yearly.is(day), "{text}");
            assert_eq!(days.count(), 1, "{text}");
        }
        for wrong in [
            "02-29",
            "13-01",
            "6-24",
            "06-31",
            "24 June",
            "",
            "06-24-",
            "+6-24",
            "fifth monday of 05",
            "first tuesday of 13",
            "first tuesday in 05",
        ] {
            assert_eq!(YearlyDay::parse(wrong), None, "{wrong}");
        }
    }
}
