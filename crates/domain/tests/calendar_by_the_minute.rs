//! The calendar's arithmetic against a second implementation that shares nothing with it: it walks
//! minute by minute through six years, has the days of Easter as a list, knows the rule of the European
//! clock change and the law's holidays by itself, and only reads off whether a minute is open.

#![expect(
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "plain numbers, as in a language without checks"
)]

use domain::calendar::{Calendar, Reduction, WEEKDAYS, Week};
use domain::catalogue::{Reference, ReferenceFile};
use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// 31 December 2023, 23:00 UTC: the first minute of 2024 in Italy.
const BEGIN: i64 = 1_704_063_600;
/// The first minute of 2030 there.
const END: i64 = 1_893_452_400;
const MINUTES: usize = ((END - BEGIN) / 60) as usize;

const EASTER: [(i64, i64, i64); 6] = [
    (2024, 3, 31),
    (2025, 4, 20),
    (2026, 4, 5),
    (2027, 3, 28),
    (2028, 4, 16),
    (2029, 4, 1),
];

/// Days since 1970-01-01, by Fliegel and Van Flandern.
fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let a = (month - 14) / 12;
    (1461 * (year + 4800 + a)) / 4 + (367 * (month - 2 - 12 * a)) / 12
        - (3 * ((year + 4900 + a) / 100)) / 4
        + day
        - 32075
        - 2_440_588
}

/// Year, month and day of a day since 1970-01-01, by the same authors.
fn civil(number: i64) -> (i64, i64, i64) {
    let mut l = number + 2_440_588 + 68_569;
    let n = 4 * l / 146_097;
    l -= (146_097 * n + 3) / 4;
    let i = 4000 * (l + 1) / 1_461_001;
    l = l - 1461 * i / 4 + 31;
    let j = 80 * l / 2447;
    let day = l - 2447 * j / 80;
    l = j / 11;
    (100 * (n - 49) + i + l, j + 2 - 12 * l, day)
}

/// 0 for Monday. The epoch was a Thursday.
fn weekday(number: i64) -> usize {
    ((number + 3) % 7) as usize
}

/// Summer time from one o'clock UTC of March's last Sunday to that of October's.
fn offset_seconds(second: i64) -> i64 {
    let (year, ..) = civil(second.div_euclid(86_400));
    let last_sunday = |month| {
        let last = day_number(year, month, 31);
        let sunday = last - ((weekday(last) + 1) % 7) as i64;
        sunday * 86_400 + 3600
    };
    let is_summer = (last_sunday(3)..last_sunday(10)).contains(&second);
    if is_summer { 7200 } else { 3600 }
}

fn is_holiday(number: i64, patron: Option<(i64, i64)>) -> bool {
    let (year, month, day) = civil(number);
    let fixed = matches!(
        (month, day),
        (1, 1)
            | (1, 6)
            | (4, 25)
            | (5, 1)
            | (6, 2)
            | (8, 15)
            | (11, 1)
            | (12, 8)
            | (12, 25)
            | (12, 26)
    );
    let francis = year >= 2026 && (month, day) == (10, 4);
    let easter = EASTER.iter().any(|(y, m, d)| {
        let sunday = day_number(*y, *m, *d);
        number == sunday || number == sunday + 1
    });
    fixed || francis || easter || patron == Some((month, day))
}

/// From and to of each interval of each day, in minutes.
type WeekHours = [Vec<(i64, i64)>; 7];

/// The hours of a week and of some days, as plain numbers.
struct Hours {
    week: WeekHours,
    closed_on_holidays: bool,
    patron: Option<(i64, i64)>,
    /// First and last day, and the hours between them.
    reductions: Vec<(i64, i64, WeekHours)>,
}

/// For each minute how many open ones came before it.
struct Table {
    before: Vec<u32>,
}

impl Table {
    fn of(hours: &Hours) -> Self {
        let mut before = Vec::with_capacity(MINUTES + 1);
        let (mut total, mut day, mut shown, mut today): (u32, i64, i64, &[(i64, i64)]) =
            (0, i64::MIN, 0, &[]);
        before.push(0);
        for minute in 0..MINUTES {
            let second = BEGIN + minute as i64 * 60;
            let local = second + offset_seconds(second);
            let number = local.div_euclid(86_400);
            if number != day {
                (day, shown) = (number, 0);
                let reduced = hours
                    .reductions
                    .iter()
                    .find(|(a, b, _)| (*a..=*b).contains(&day));
                let week = reduced.map_or(&hours.week, |(_, _, week)| week);
                today = match hours.closed_on_holidays && is_holiday(day, hours.patron) {
                    true => &[],
                    false => &week[weekday(day)],
                };
            }
            // A clock that was put back counts again from where it stood only when it gets there.
            shown = shown.max(local.rem_euclid(86_400) / 60);
            let is_open = today.iter().any(|(from, to)| (*from..*to).contains(&shown));
            total += u32::from(is_open);
            before.push(total);
        }
        Table { before }
    }

    fn is_open(&self, second: i64) -> bool {
        let minute = ((second - BEGIN) / 60) as usize;
        self.before[minute + 1] > self.before[minute]
    }

    /// Open seconds before an instant.
    fn open_before(&self, second: i64) -> i64 {
        let minute = ((second - BEGIN) / 60) as usize;
        let part = if self.is_open(second) {
            (second - BEGIN) % 60
        } else {
            0
        };
        i64::from(self.before[minute]) * 60 + part
    }

    /// The first second by which so many open ones have passed, by looking at minute after minute.
    fn add(&self, from: i64, seconds: i64) -> Option<i64> {
        let wanted = self.open_before(from) + seconds;
        if seconds == 0 {
            return Some(from);
        }
        let minute = self
            .before
            .partition_point(|open| i64::from(*open) * 60 < wanted);
        let whole = minute.checked_sub(1)?;
        let missing = wanted - i64::from(self.before[whole]) * 60;
        (minute <= MINUTES).then_some(BEGIN + whole as i64 * 60 + missing)
    }

    fn next_open(&self, from: i64) -> Option<i64> {
        if self.is_open(from) {
            return Some(from);
        }
        let first = ((from - BEGIN) / 60) as usize + 1;
        (first..MINUTES)
            .find(|minute| self.before[minute + 1] > self.before[*minute])
            .map(|minute| BEGIN + minute as i64 * 60)
    }
}

fn every_day(hours: &[(i64, i64)]) -> WeekHours {
    std::array::from_fn(|_| hours.to_vec())
}

fn on(weekdays: &[(i64, i64)], saturday: &[(i64, i64)]) -> WeekHours {
    std::array::from_fn(|day| match day {
        0..=4 => weekdays.to_vec(),
        5 => saturday.to_vec(),
        _ => Vec::new(),
    })
}

fn clock(hour: i64, minute: i64) -> i64 {
    hour * 60 + minute
}

fn shipped() -> Reference {
    let file = |name, text| ReferenceFile { name, text };
    Reference::parse(&[
        file(
            "services.toml",
            include_str!("../../../config/reference/services.toml"),
        ),
        file(
            "authorities.toml",
            include_str!("../../../config/reference/authorities.toml"),
        ),
        file(
            "codes.toml",
            include_str!("../../../config/reference/codes.toml"),
        ),
        file(
            "calendars.toml",
            include_str!("../../../config/reference/calendars.toml"),
        ),
        file(
            "sla-policies.toml",
            include_str!("../../../config/reference/sla-policies.toml"),
        ),
    ])
    .unwrap()
}

/// The shipped calendars beside what `domain.md` §10.1 says of them, and one that is open when clocks
/// change.
fn pairs() -> Vec<(&'static str, Calendar, Hours)> {
    let reference = shipped();
    let shipped = |code: &str| reference.calendar(code).unwrap().calendar.clone();
    let morning = (clock(8, 30), clock(12, 0));
    let saturday = [(clock(7, 30), clock(12, 30))];
    let usual = |week, closed_on_holidays, patron| Hours {
        week,
        closed_on_holidays,
        patron,
        reductions: Vec::new(),
    };
    let pharmacies = Hours {
        reductions: [
            ((2026, 12, 24), (2027, 1, 6)),
            ((2027, 8, 9), (2027, 8, 21)),
        ]
        .map(|((a, b, c), (d, e, f))| {
            (
                day_number(a, b, c),
                day_number(d, e, f),
                on(&[morning], &saturday),
            )
        })
        .to_vec(),
        ..usual(
            on(&[morning, (clock(15, 30), clock(18, 0))], &saturday),
            true,
            None,
        )
    };
    let desks = || on(&[(clock(8, 30), clock(17, 30))], &[]);
    let night = [
        (0, 15),
        (clock(1, 30), clock(2, 10)),
        (clock(2, 20), clock(2, 50)),
        (clock(2, 50), clock(3, 5)),
        (clock(22, 7), clock(24, 0)),
    ];
    let closed = [clock(2, 45), clock(3, 30)];
    vec![
        ("pharmacies", shipped("pharmacies"), pharmacies),
        (
            "rules",
            shipped("rules"),
            usual(on(&[(clock(7, 30), clock(18, 30))], &saturday), true, None),
        ),
        (
            "cancellations",
            shipped("cancellations"),
            usual(every_day(&[(0, clock(24, 0))]), false, None),
        ),
        ("desks", shipped("desks"), usual(desks(), true, None)),
        (
            "desks-torino",
            shipped("desks-torino"),
            usual(desks(), true, Some((6, 24))),
        ),
        (
            "nights",
            nights(&night, &closed),
            Hours {
                reductions: vec![(
                    day_number(2025, 10, 20),
                    day_number(2026, 3, 31),
                    every_day(&[(closed[0], closed[1])]),
                )],
                ..usual(every_day(&night), false, None)
            },
        ),
    ]
}

fn nights(hours: &[(i64, i64)], winter: &[i64; 2]) -> Calendar {
    let text = |(from, to): (i64, i64)| {
        format!(
            "{:02}:{:02}-{:02}:{:02}",
            from / 60,
            from % 60,
            to / 60,
            to % 60
        )
    };
    let week = |hours: &[(i64, i64)]| {
        let texts: Vec<String> = hours.iter().copied().map(text).collect();
        Week::parse(WEEKDAYS.map(|_| texts.clone())).unwrap()
    };
    let winter = Reduction {
        first: date(2025, 10, 20),
        last: date(2026, 3, 31),
        week: week(&[(winter[0], winter[1])]),
    };
    Calendar::new(week(hours), false, vec![winter]).unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

const CASES: usize = 5_004;

#[test]
fn five_thousand_cases_are_as_counted_by_the_minute() {
    let mut runner = TestRunner::deterministic();
    // Half of the cases begin within a day of a clock change, a leap day or a year's end.
    let special: Vec<i64> = (2024..2030)
        .flat_map(|year| {
            let sunday = |month| {
                let last = day_number(year, month, 31);
                last - ((weekday(last) + 1) % 7) as i64
            };
            [
                sunday(3),
                sunday(10),
                day_number(year, 2, 28),
                day_number(year, 12, 31),
            ]
        })
        .map(|day| day * 86_400)
        .collect();
    let start = prop_oneof![
        BEGIN..END,
        (0..special.len(), -86_400..172_800_i64)
            .prop_map(move |(which, away)| (special[which] + away).clamp(BEGIN, END - 1)),
    ];
    let length = prop_oneof![0..200_000_i64, 0..4_000_000_i64, 0..150_000_000_i64];
    let mut cases = 0;
    for (code, calendar, hours) in pairs() {
        let table = Table::of(&hours);
        for _ in 0..CASES / 6 {
            let a = start.new_tree(&mut runner).unwrap().current();
            let length = length.new_tree(&mut runner).unwrap().current();
            let b = (a + length).min(END - 1);
            let told = format!("{code}: {} and {length} s", at(a));
            assert_eq!(calendar.is_open(at(a)), table.is_open(a), "open, {told}");
            let between = calendar.working_time_between(at(a), at(b));
            let counted = table.open_before(b) - table.open_before(a);
            assert_eq!(
                between,
                SignedDuration::from_secs(counted),
                "between, {told}"
            );
            // What is beyond the table is not known to it.
            if let Some(added) = table.add(a, length / 4) {
                let sum = calendar.add_working_time(at(a), SignedDuration::from_secs(length / 4));
                assert_eq!(sum, Some(at(added)), "add, {told}");
            }
            if let Some(next) = table.next_open(a) {
                assert_eq!(calendar.next_opening(at(a)), Some(at(next)), "next, {told}");
            }
            cases += 1;
        }
    }
    assert!(cases >= 5_000, "{cases}");
}
