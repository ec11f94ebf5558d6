//! Working calendars, as people and calendar programs read them.

use std::collections::BTreeSet;

use domain::catalogue::CalendarEntry;
use icalendar::{Calendar, CalendarComponent, Component};
use jiff::civil::date;
use jiff::{Span, Timestamp};
use rrule::{RRuleSet, Tz};
use tests::{Client, both};

both!(the_four_calendars_and_who_works_by_them, async |app| {
    let list = app.anonymous().get("/v1/calendars").await;
    let items = list.is(200).list_at("/items");
    let codes = items.iter().filter(|one| one["town"].is_null());
    let codes: Vec<_> = codes.map(|one| one["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["pharmacies", "rules", "cancellations", "desks"]);
    let torino = items.iter().find(|one| one["code"] == "desks-torino");
    let torino = torino.expect("a calendar in Torino");
    assert_eq!(torino["town"]["patron"], "San Giovanni Battista");
    let users = torino["used_by"].as_array().unwrap().iter();
    let users: Vec<_> = users.map(|one| one["code"].as_str().unwrap()).collect();
    assert!(
        users.contains(&"010301") && users.contains(&"REG010"),
        "{users:?}"
    );
    let authorities = app.anonymous().get("/v1/authorities").await;
    assert_eq!(authorities.text_at("/items/0/calendar"), "desks-torino");
});

both!(a_calendar_says_whether_it_is_open_now, async |app| {
    let show = async |code: &str| {
        let reply = app.anonymous().get(&format!("/v1/calendars/{code}")).await;
        reply.is(200);
        reply
    };
    // Monday 2 March 2026, nine in the morning.
    let desks = show("desks").await;
    assert_eq!(desks.json["is_open_now"], true);
    assert_eq!(desks.text_at("/next_opening_at"), "2026-03-02T08:00:00Z");
    assert_eq!(desks.text_at("/week/0/intervals/0/from"), "08:30");
    let holidays = desks.list_at("/holidays");
    let days: Vec<_> = holidays
        .iter()
        .map(|one| one["date"].as_str().unwrap())
        .collect();
    assert_eq!(days.first().copied(), Some("2026-04-05"), "Easter");
    assert!(days.contains(&"2026-10-04") && days.contains(&"2027-01-06"));
    assert_eq!(days.len(), 13);
    let torino = show("desks-torino").await;
    let saints: Vec<_> = torino
        .list_at("/holidays")
        .iter()
        .filter(|one| one["kind"] == "patron-saint")
        .map(|one| one["date"].as_str().unwrap())
        .collect();
    assert_eq!(saints, ["2026-06-24"]);
    // In the evening, before a Good Friday's week-end: Easter Monday is closed.
    app.advance("P32DT9H");
    let closed = show("desks").await;
    assert_eq!(closed.json["is_open_now"], false);
    assert_eq!(closed.text_at("/next_opening_at"), "2026-04-07T06:30:00Z");
    assert_eq!(show("cancellations").await.json["is_open_now"], true);
    let pharmacies = show("pharmacies").await;
    assert_eq!(pharmacies.text_at("/reductions/0/first"), "2026-12-24");
    app.anonymous()
        .get("/v1/calendars/moon")
        .await
        .is_problem(404, "not-found");
    app.anonymous()
        .get("/v1/calendars/moon/openings")
        .await
        .is_problem(404, "not-found");
});

/// The instants at which a parser finds the events of an export begin, in one year.
async fn parsed_openings(client: &Client, code: &str, year: i16) -> BTreeSet<Timestamp> {
    let reply = client.get(&format!("/v1/calendars/{code}/openings")).await;
    reply.is(200);
    let media_type = reply.header("content-type").expect("a media type");
    assert!(media_type.starts_with("text/calendar"), "{media_type}");
    let text = reply.text();
    for line in text.split("\r\n") {
        assert!(line.len() <= 75 && !line.contains('\n'), "{line}");
    }
    let parsed: Calendar = text.parse().expect("a standard parser reads it");
    let mut openings = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for component in &parsed.components {
        let CalendarComponent::Event(event) = component else {
            continue;
        };
        assert!(ids.insert(event.get_uid().expect("an id").to_owned()));
        let one = |name: &str| event.properties().get(name).expect(name).value().to_owned();
        let excluded = event.multi_properties().get("EXDATE").into_iter().flatten();
        let excluded: Vec<_> = excluded
            .map(|property| property.value().to_owned())
            .collect();
        let single = event
            .properties()
            .get("EXDATE")
            .map(|one| one.value().to_owned());
        let mut set = format!(
            "DTSTART;TZID=Europe/Rome:{}\nRRULE:{}",
            one("DTSTART"),
            one("RRULE")
        );
        for dates in excluded.into_iter().chain(single) {
            set.push_str(&format!("\nEXDATE;TZID=Europe/Rome:{dates}"));
        }
        let set: RRuleSet = set.parse().expect("a recurrence");
        let found = set.all(10_000);
        assert!(!found.limited);
        for begin in found.dates {
            assert_eq!(begin.timezone(), Tz::Europe__Rome);
            openings.insert(Timestamp::from_second(begin.timestamp()).unwrap());
        }
    }
    assert!(!ids.is_empty());
    let (first, last) = (begin_of(year), begin_of(year + 1));
    openings
        .into_iter()
        .filter(|at| (first..last).contains(at))
        .collect()
}

fn begin_of(year: i16) -> Timestamp {
    domain::calendar::beginning_of(date(year, 1, 1))
}

/// The same by our own engine.
fn own_openings(entry: &CalendarEntry, year: i16) -> BTreeSet<Timestamp> {
    date(year, 1, 1)
        .series(Span::new().days(1))
        .take_while(|day| day.year() == year)
        .flat_map(|day| entry.calendar.openings_on(day).collect::<Vec<_>>())
        .map(|(opens, _)| opens)
        .collect()
}

both!(
    a_standard_parser_finds_the_openings_of_the_engine,
    async |app| {
        let reference = app.desk.reference();
        let mut events = 0;
        for entry in reference.calendars() {
            for year in [2026, 2027] {
                let parsed = parsed_openings(&app.anonymous(), entry.code.as_str(), year).await;
                let own = own_openings(entry, year);
                let difference: Vec<_> = parsed.symmetric_difference(&own).collect();
                assert!(
                    difference.is_empty(),
                    "{} in {year}: {difference:?}",
                    entry.code
                );
                events += own.len();
            }
        }
        assert!(events > 5_000, "{events}");
    }
);

both!(
    an_export_stays_the_same_until_the_year_is_over,
    async |app| {
        let first = app.anonymous().get("/v1/calendars/rules/openings").await;
        app.advance("P60D");
        let later = app.anonymous().get("/v1/calendars/rules/openings").await;
        assert_eq!(first.text(), later.text());
        let request = app
            .anonymous()
            .request(reqwest::Method::GET, "/v1/calendars/rules/openings")
            .header("if-none-match", first.etag())
            .header("accept", "text/calendar");
        request.send().await.is(304);
    }
);
