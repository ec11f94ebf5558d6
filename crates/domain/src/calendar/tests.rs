use jiff::civil::date;
use proptest::prelude::*;

use super::*;

/// The hours of Monday to Friday, of Saturday and of Sunday.
fn calendar(weekdays: &[&str], saturday: &[&str], sunday: &[&str], closed: bool) -> Calendar {
    Calendar::new(week(weekdays, saturday, sunday), closed, Vec::new()).unwrap()
}

fn week(weekdays: &[&str], saturday: &[&str], sunday: &[&str]) -> Week {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let weekdays: Vec<String> = owned(weekdays);
    let [a, b, c, d, e] = std::array::from_fn(|_| weekdays.clone());
    Week::parse([a, b, c, d, e, owned(saturday), owned(sunday)]).unwrap()
}

fn desks() -> Calendar {
    calendar(&["08:30-17:30"], &[], &[], true)
}

fn around_the_clock() -> Calendar {
    let all = &["00:00-24:00"];
    calendar(all, all, all, false)
}

/// An instant in Italian time, with its offset.
fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

#[test]
fn a_night_and_a_week_end_do_not_count() {
    let desks = desks();
    // A Friday at five, and the Monday after at half past nine.
    let (friday, monday) = (at("2026-03-06T17:00+01"), at("2026-03-09T09:30+01"));
    assert_eq!(
        desks.working_time_between(friday, monday),
        SignedDuration::from_mins(90)
    );
    assert_eq!(
        desks.working_time_between(monday, friday),
        SignedDuration::from_mins(-90)
    );
    assert_eq!(
        desks.add_working_time(friday, SignedDuration::from_mins(90)),
        Some(monday)
    );
    assert_eq!(
        desks.next_opening(friday + hours(1)),
        Some(at("2026-03-09T08:30+01"))
    );
    assert_eq!(desks.next_opening(friday), Some(friday));
    assert!(desks.is_open(friday) && !desks.is_open(at("2026-03-06T17:30+01")));
    assert_eq!(
        desks.add_working_time(friday, SignedDuration::from_mins(30)),
        Some(at("2026-03-06T17:30+01")),
        "the first instant by which it has passed"
    );
    assert_eq!(desks.working_day(), hours(9));
}

#[test]
fn holidays_are_closed_where_the_calendar_says_so() {
    // 24 December 2026 is a Thursday; the 25th and the 26th are holidays, the 27th is a Sunday.
    let desks = desks();
    assert_eq!(
        desks.next_opening(at("2026-12-24T17:30+01")),
        Some(at("2026-12-28T08:30+01"))
    );
    let all = around_the_clock();
    assert!(all.is_open(at("2026-12-25T12:00+01")));
    let torino = desks.in_town(YearlyDay::parse("06-24").unwrap());
    assert!(desks.is_open(at("2026-06-24T10:00+02")) && !torino.is_open(at("2026-06-24T10:00+02")));
    // From 2026 on; 4 October 2027 is a Monday.
    assert!(!desks.is_open(at("2027-10-04T10:00+02")));
    assert!(desks.is_open(at("2021-10-04T10:00+02")));
}

#[test]
fn a_day_that_is_open_all_day_has_as_many_hours_as_the_sun_needs() {
    let all = around_the_clock();
    for (day, next, long) in [
        ("2026-03-29T00:00+01", "2026-03-30T00:00+02", 23),
        ("2026-10-25T00:00+02", "2026-10-26T00:00+01", 25),
        ("2024-02-28T00:00+01", "2024-03-01T00:00+01", 48),
        ("2026-12-31T12:00+01", "2027-01-01T12:00+01", 24),
        ("2024-01-01T00:00+01", "2025-01-01T00:00+01", 366 * 24),
    ] {
        assert_eq!(
            all.working_time_between(at(day), at(next)),
            hours(long),
            "{day}"
        );
        assert_eq!(
            all.add_working_time(at(day), hours(long)),
            Some(at(next)),
            "{day}"
        );
    }
}

#[test]
fn at_night_the_skipped_hour_counts_for_nothing_and_the_repeated_one_twice() {
    let nights = |from_to: &str| calendar(&[], &[], &[from_to], false);
    let rows = [
        // The clock jumps from 2 to 3.
        (
            "01:00-04:00",
            date(2026, 3, 29),
            "2026-03-29T00:00Z",
            "2026-03-29T02:00Z",
        ),
        (
            "01:00-02:30",
            date(2026, 3, 29),
            "2026-03-29T00:00Z",
            "2026-03-29T01:00Z",
        ),
        (
            "02:30-04:00",
            date(2026, 3, 29),
            "2026-03-29T01:00Z",
            "2026-03-29T02:00Z",
        ),
        // The clock falls from 3 back to 2.
        (
            "01:00-04:00",
            date(2026, 10, 25),
            "2026-10-24T23:00Z",
            "2026-10-25T03:00Z",
        ),
        (
            "01:00-02:30",
            date(2026, 10, 25),
            "2026-10-24T23:00Z",
            "2026-10-25T00:30Z",
        ),
        (
            "02:30-04:00",
            date(2026, 10, 25),
            "2026-10-25T00:30Z",
            "2026-10-25T03:00Z",
        ),
    ];
    for (from_to, day, opens, closes) in rows {
        let openings: Vec<_> = nights(from_to).openings_on(day).collect();
        assert_eq!(openings, [(at(opens), at(closes))], "{from_to} on {day}");
    }
    let skipped = nights("02:00-03:00");
    assert_eq!(skipped.openings_on(date(2026, 3, 29)).count(), 0);
}

#[test]
fn a_reduction_replaces_the_hours_of_its_days() {
    let christmas = Reduction {
        first: date(2026, 12, 28),
        last: date(2026, 12, 31),
        week: week(&["08:30-12:00"], &[], &[]),
    };
    let desks = Calendar::new(week(&["08:30-17:30"], &[], &[]), true, vec![christmas]).unwrap();
    let (first, after) = (at("2026-12-28T00:00+01"), at("2027-01-01T00:00+01"));
    assert_eq!(desks.working_time_between(first, after), hours(14));
    assert_eq!(desks.working_day(), hours(9));
}

#[test]
fn what_is_no_calendar_is_refused() {
    let never = Calendar::new(Week::default(), true, Vec::new());
    assert_eq!(never, Err(CalendarError::NeverOpens));
    let reduction = |first, last| Reduction {
        first,
        last,
        week: Week::default(),
    };
    let with = |reductions| Calendar::new(desks().week, true, reductions);
    assert_eq!(
        with(vec![reduction(date(2026, 8, 20), date(2026, 8, 10))]),
        Err(CalendarError::InvertedReduction(1))
    );
    assert_eq!(
        with(vec![
            reduction(date(2026, 8, 10), date(2026, 8, 20)),
            reduction(date(2026, 8, 20), date(2026, 8, 25)),
        ]),
        Err(CalendarError::OverlappingReduction(2))
    );
}

#[test]
fn a_search_ends_however_long_a_calendar_is_closed() {
    let closed = Reduction {
        first: date(2026, 1, 1),
        last: date(9999, 12, 31),
        week: Week::default(),
    };
    let closed = Calendar::new(desks().week, true, vec![closed]).unwrap();
    let start = at("2026-01-01T00:00Z");
    assert_eq!(closed.next_opening(start), None);
    assert_eq!(closed.add_working_time(start, hours(1)), None);
    assert_eq!(desks().add_working_time(Timestamp::MAX, hours(1)), None);
    assert_eq!(
        desks().add_working_time(start, SignedDuration::MAX),
        None,
        "further than any search goes"
    );
    assert_eq!(desks().add_working_time(start, hours(-1)), Some(start));
}

/// A week of any hours, by day and by night.
fn any_calendar() -> impl Strategy<Value = Calendar> {
    let day = prop::collection::btree_set(0..=1440_u16, 0..7).prop_map(|ends| {
        let ends: Vec<u16> = ends.into_iter().collect();
        let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        let pairs = ends.chunks_exact(2);
        pairs
            .map(|ends| format!("{}-{}", clock(ends[0]), clock(ends[1])))
            .collect::<Vec<String>>()
    });
    let days = prop::array::uniform7(day);
    (days, any::<bool>()).prop_filter_map("never opens", |(days, closed)| {
        Calendar::new(Week::parse(days).unwrap(), closed, Vec::new()).ok()
    })
}

/// Any second of six years.
fn any_instant() -> impl Strategy<Value = Timestamp> {
    (1_704_063_600..1_893_452_400_i64).prop_map(|second| Timestamp::from_second(second).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_added_lies_between(
        calendar in any_calendar(), from in any_instant(), minutes in 0..20_000_i64,
    ) {
        let duration = SignedDuration::from_mins(minutes);
        let to = calendar.add_working_time(from, duration).unwrap();
        prop_assert!(to >= from);
        prop_assert_eq!(calendar.working_time_between(from, to), duration);
        // No earlier instant would do.
        if minutes > 0 {
            let before = to - SignedDuration::from_secs(1);
            prop_assert!(calendar.working_time_between(from, before) < duration);
        }
    }

    #[test]
    fn working_time_adds_up(
        calendar in any_calendar(), mut stops in prop::array::uniform3(any_instant()),
    ) {
        stops.sort();
        let [a, b, c] = stops;
        let between = |from, to| calendar.working_time_between(from, to);
        prop_assert_eq!(between(a, b) + between(b, c), between(a, c));
        prop_assert_eq!(between(c, a), -between(a, c));
        prop_assert!(between(a, b) <= b.duration_since(a));
    }

    #[test]
    fn nothing_is_open_before_the_next_opening(calendar in any_calendar(), at in any_instant()) {
        let opens = calendar.next_opening(at).unwrap();
        prop_assert!(opens >= at && calendar.is_open(opens));
        prop_assert_eq!(calendar.working_time_between(at, opens), SignedDuration::ZERO);
        prop_assert_eq!(calendar.is_open(at), opens == at);
    }
}
