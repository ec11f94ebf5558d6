//! A working calendar as an iCalendar object (RFC 5545), for the calendar programs of people and desks.
//!
//! Opening hours are weekly events in Italian time, without the days that are holidays or have hours of
//! their own; those days are events, too. A window of two years is written out: programs that subscribe
//! come back. Written by hand: the library that also parses would bring a second set of time types.

use domain::calendar::{Calendar, Interval, TIME_ZONE, WEEKDAYS, Week, beginning_of};
use domain::catalogue::CalendarEntry;
use domain::invalid::Lang;
use jiff::civil::{Date, Weekday};
use jiff::{SignedDuration, Span, Timestamp};

/// What the program calls itself.
const PRODUCT: &str = "-//Sportello//Working calendars//IT";
/// Octets of a line, without its end (RFC 5545 §3.1).
const LONGEST_LINE: usize = 75;

/// Clocks in Italy: summer time from the last Sunday of March to that of October (RFC 5545 §3.6.5).
const VTIMEZONE: [&str; 16] = [
    "BEGIN:VTIMEZONE",
    "TZID:Europe/Rome",
    "BEGIN:DAYLIGHT",
    "DTSTART:19810329T020000",
    "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU",
    "TZOFFSETFROM:+0100",
    "TZOFFSETTO:+0200",
    "TZNAME:CEST",
    "END:DAYLIGHT",
    "BEGIN:STANDARD",
    "DTSTART:19961027T030000",
    "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU",
    "TZOFFSETFROM:+0200",
    "TZOFFSETTO:+0100",
    "TZNAME:CET",
    "END:STANDARD",
];

/// The calendar from the first day of this year to the last of the next. `host` makes its events' ids
/// unique in the world; they stay the same as long as the hours do.
pub(crate) fn write(entry: &CalendarEntry, today: Date, host: &str, lang: Lang) -> String {
    let first = today.first_of_year();
    let last = first
        .checked_add(Span::new().years(1))
        .map_or(first, Date::last_of_year);
    let mut object = Object {
        text: String::new(),
        code: entry.code.as_str(),
        label: entry.label.to(lang),
        host,
        stamp: stamp(first),
    };
    object.line("BEGIN:VCALENDAR");
    object.line("VERSION:2.0");
    object.line(&format!("PRODID:{PRODUCT}"));
    object.line("CALSCALE:GREGORIAN");
    object.line(&format!("NAME:{}", escaped(object.label)));
    object.line(&format!("X-WR-CALNAME:{}", escaped(object.label)));
    for line in VTIMEZONE {
        object.line(line);
    }
    object.line("END:VTIMEZONE");
    let calendar = &entry.calendar;
    let is_usual = |day| calendar.reduction_on(day).is_none();
    object.week(calendar, calendar.week(), "week", (first, last), &is_usual);
    for (number, reduction) in (1..).zip(calendar.reductions()) {
        let (from, to) = (reduction.first.max(first), reduction.last.min(last));
        if from <= to {
            let name = format!("reduction-{}-{number}", reduction.first);
            object.week(calendar, &reduction.week, &name, (from, to), &|_| true);
        }
    }
    object.line("END:VCALENDAR");
    object.text
}

/// When the object was made, which nobody needs to know: the same text for all that ask in a year.
fn stamp(first: Date) -> String {
    first.strftime("%Y%m%dT000000Z").to_string()
}

struct Object<'a> {
    text: String,
    code: &'a str,
    label: &'a str,
    host: &'a str,
    stamp: String,
}

impl Object<'_> {
    /// The hours of a week as events between two days: each interval with the days that have it.
    fn week(
        &mut self,
        calendar: &Calendar,
        week: &Week,
        name: &str,
        (first, last): (Date, Date),
        counts: &dyn Fn(Date) -> bool,
    ) {
        let mut written: Vec<Interval> = Vec::new();
        for interval in WEEKDAYS.into_iter().flat_map(|day| week.on(day)) {
            if written.contains(interval) {
                continue;
            }
            written.push(*interval);
            let has_it = |day: &Weekday| week.on(*day).contains(interval);
            let days: Vec<Weekday> = WEEKDAYS.into_iter().filter(has_it).collect();
            let dates: Vec<Date> = dates(first, last)
                .filter(|date| days.contains(&date.weekday()))
                .collect();
            let is_open = |day: Date| counts(day) && calendar.hours_on(day).contains(interval);
            let without: Vec<Date> = dates.iter().copied().filter(|day| !is_open(*day)).collect();
            if let Some(begin) = dates.first()
                && without.len() < dates.len()
            {
                self.event(name, *interval, &days, *begin, last, &without);
            }
        }
    }

    fn event(
        &mut self,
        name: &str,
        interval: Interval,
        days: &[Weekday],
        begin: Date,
        last: Date,
        without: &[Date],
    ) {
        let days: Vec<&str> = days.iter().map(|day| short(*day)).collect();
        let from = minute(interval.from());
        let code = self.code;
        self.line("BEGIN:VEVENT");
        self.line(&format!("UID:{code}.{name}.{interval}@{}", self.host));
        self.line(&format!("DTSTAMP:{}", self.stamp));
        self.line(&format!("SUMMARY:{}", escaped(self.label)));
        self.line("TRANSP:TRANSPARENT");
        self.line(&format!("DTSTART;TZID={TIME_ZONE}:{}", local(begin, &from)));
        self.line(&format!("DURATION:{}", duration(interval)));
        let until = end_of(last).strftime("%Y%m%dT%H%M%SZ");
        self.line(&format!(
            "RRULE:FREQ=WEEKLY;UNTIL={until};BYDAY={}",
            days.join(",")
        ));
        if !without.is_empty() {
            let without: Vec<String> = without.iter().map(|day| local(*day, &from)).collect();
            self.line(&format!("EXDATE;TZID={TIME_ZONE}:{}", without.join(",")));
        }
        self.line("END:VEVENT");
    }

    /// Writes a content line, folded where it is too long (RFC 5545 §3.1): never within a character.
    fn line(&mut self, line: &str) {
        let mut octets = 0;
        for character in line.chars() {
            if octets + character.len_utf8() > LONGEST_LINE {
                self.text.push_str("\r\n ");
                octets = 1;
            }
            self.text.push(character);
            octets += character.len_utf8();
        }
        self.text.push_str("\r\n");
    }
}

fn dates(first: Date, last: Date) -> impl Iterator<Item = Date> {
    first
        .series(Span::new().days(1))
        .take_while(move |day| *day <= last)
}

/// A whole day is a nominal one, which has 23 hours in March; the rest is exact.
fn duration(interval: Interval) -> String {
    match interval.to() - interval.from() {
        1440 => "P1D".to_owned(),
        minutes => format!("PT{}H{}M", minutes / 60, minutes % 60),
    }
}

fn minute(minute: u16) -> String {
    format!("{:02}{:02}00", minute / 60, minute % 60)
}

fn local(day: Date, time: &str) -> String {
    format!("{}T{time}", day.strftime("%Y%m%d"))
}

/// The last second of a day.
fn end_of(day: Date) -> Timestamp {
    let next = day.tomorrow().map_or(Timestamp::MAX, beginning_of);
    next.checked_sub(SignedDuration::from_secs(1))
        .unwrap_or(next)
}

const fn short(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "MO",
        Weekday::Tuesday => "TU",
        Weekday::Wednesday => "WE",
        Weekday::Thursday => "TH",
        Weekday::Friday => "FR",
        Weekday::Saturday => "SA",
        Weekday::Sunday => "SU",
    }
}

/// A text value (RFC 5545 §3.3.11).
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '\\' | ';' | ',' => escaped.extend(['\\', character]),
            '\n' => escaped.push_str("\\n"),
            character if character.is_control() => {}
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_folded_between_characters() {
        let mut object = Object {
            text: String::new(),
            code: "",
            label: "",
            host: "",
            stamp: String::new(),
        };
        let long = "SUMMARY:".to_owned() + &"è".repeat(100);
        object.line(&long);
        for line in object.text.split("\r\n") {
            assert!(line.len() <= LONGEST_LINE, "{line}");
        }
        assert_eq!(object.text.replace("\r\n ", ""), long + "\r\n");
    }

    #[test]
    fn what_ends_a_value_is_escaped() {
        assert_eq!(escaped("a,b;c\\d\ne\r"), r"a\,b\;c\\d\ne");
    }
}
