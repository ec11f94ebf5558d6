//! Calendars: hours in order, reductions apart, towns with a patron saint's day.

use jiff::civil::Date;
use toml::Spanned;

use super::Check;
use crate::calendar::{Calendar, CalendarError, Reduction, Week, YearlyDay, day_name};
use crate::catalogue::calendars::{CalendarEntry, Town, code_in_town};
use crate::catalogue::file::{CalendarsFile, RawCalendar, RawReduction, RawTown, Word};
use crate::codes::CalendarCode;

/// The calendars so far: those in single towns come when an authority there is read.
pub(super) struct Calendars {
    pub(super) all: Vec<CalendarEntry>,
    pub(super) usual: CalendarCode,
    towns: Vec<Town>,
}

impl Check<'_> {
    pub(super) fn calendars(&mut self, file: CalendarsFile) -> Calendars {
        self.codes_once("calendar.code", file.calendar.iter().map(|c| &c.code));
        let known = |word: &Word| {
            let named = |calendar: &RawCalendar| calendar.code.get_ref() == word.get_ref();
            file.calendar.iter().any(named)
        };
        if !known(&file.usual) {
            let message = format!("no calendar `{}`", file.usual.get_ref());
            self.say(file.usual.span(), "usual", &message);
        }
        let mut seen = Vec::new();
        for town in &file.town {
            if seen.contains(&town.label.get_ref()) {
                let message = format!("`{}` is named twice", town.label.get_ref());
                self.say(town.label.span(), "town.label", &message);
            }
            seen.push(town.label.get_ref());
        }
        let towns = file.town.into_iter().filter_map(|raw| self.town(raw));
        Calendars {
            towns: towns.collect(),
            usual: CalendarCode::new(file.usual.into_inner()),
            all: file
                .calendar
                .into_iter()
                .filter_map(|raw| self.calendar(raw))
                .collect(),
        }
    }

    fn town(&mut self, raw: RawTown) -> Option<Town> {
        for (field, word) in [("town.label", &raw.label), ("town.patron", &raw.patron)] {
            if word.get_ref().trim().is_empty() {
                self.say(word.span(), field, "must not be blank");
            }
        }
        let Some(day) = YearlyDay::parse(raw.day.get_ref()) else {
            let message = "is neither MM-DD of every year nor such as `first tuesday of 05`";
            self.say(raw.day.span(), "town.day", message);
            return None;
        };
        Some(Town {
            label: raw.label.into_inner(),
            patron: raw.patron.into_inner(),
            day,
        })
    }

    fn calendar(&mut self, raw: RawCalendar) -> Option<CalendarEntry> {
        let at = raw.code.span();
        let days = [
            raw.monday,
            raw.tuesday,
            raw.wednesday,
            raw.thursday,
            raw.friday,
            raw.saturday,
            raw.sunday,
        ];
        let week = self.week("calendar", days);
        let (mut reductions, mut labels, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for raw in raw.reduction {
            places.push(raw.first.span());
            let (reduction, label) = self.reduction(raw);
            reductions.extend(reduction);
            labels.push(label);
        }
        let label = self.text("calendar.label", raw.label);
        // What could not be read was told already; the rest would be judged by too little.
        if week.is_none() || reductions.len() < labels.len() {
            return None;
        }
        match Calendar::new(week?, raw.closed_on_holidays, reductions) {
            Ok(calendar) => Some(CalendarEntry {
                code: CalendarCode::new(raw.code.into_inner()),
                label,
                reduction_labels: labels,
                town: None,
                calendar,
            }),
            Err(error) => {
                let number = match error {
                    CalendarError::NeverOpens => None,
                    CalendarError::InvertedReduction(number)
                    | CalendarError::OverlappingReduction(number) => number.checked_sub(1),
                };
                let place = number.and_then(|number| places.get(number).cloned());
                let field = place.as_ref().map_or("calendar", |_| "calendar.reduction");
                self.say(place.unwrap_or(at), field, &error.to_string());
                None
            }
        }
    }

    fn reduction(&mut self, raw: RawReduction) -> (Option<Reduction>, crate::invalid::Text) {
        let days = [
            raw.monday,
            raw.tuesday,
            raw.wednesday,
            raw.thursday,
            raw.friday,
            raw.saturday,
            raw.sunday,
        ];
        let week = self.week("calendar.reduction", days);
        let (first, last): (Date, Date) = (raw.first.into_inner(), raw.last.into_inner());
        let reduction = week.map(|week| Reduction { first, last, week });
        (reduction, self.text("calendar.reduction.label", raw.label))
    }

    /// The hours of a week, each faulty interval told at its own place.
    fn week(&mut self, field: &str, days: [Vec<Word>; 7]) -> Option<Week> {
        let spans = days
            .each_ref()
            .map(|words| words.iter().map(Spanned::span).collect::<Vec<_>>());
        let texts = days.map(|words| words.into_iter().map(Spanned::into_inner).collect());
        match Week::parse(texts) {
            Ok(week) => Some(week),
            Err(errors) => {
                for error in errors {
                    let day = usize::try_from(error.day.to_monday_zero_offset()).ok();
                    let span = day
                        .and_then(|day| spans.get(day)?.get(error.number.checked_sub(1)?))
                        .cloned();
                    let field = format!("{field}.{}", day_name(error.day));
                    self.say(span.unwrap_or(0..0), &field, &error.to_string());
                }
                None
            }
        }
    }

    /// The calendar of an authority that names one, or none, in a town or in none.
    pub(super) fn calendar_of(
        &mut self,
        named: Option<Word>,
        town: Option<&Word>,
        calendars: Option<&mut Calendars>,
    ) -> CalendarCode {
        let Some(calendars) = calendars else {
            return CalendarCode::new("");
        };
        let code = named.as_ref().map_or_else(
            || calendars.usual.clone(),
            |word| CalendarCode::new(word.get_ref()),
        );
        let entry = calendars.all.iter().find(|entry| entry.code == code);
        if let (None, Some(word)) = (entry, &named) {
            self.say(
                word.span(),
                "authority.calendar",
                &format!("no calendar `{code}`"),
            );
        }
        let Some(word) = town else {
            return code;
        };
        let Some(town) = calendars
            .towns
            .iter()
            .find(|town| town.label == *word.get_ref())
        else {
            let message = format!("calendars.toml has no town `{}`", word.get_ref());
            self.say(word.span(), "authority.municipality", &message);
            return code;
        };
        match entry {
            Some(entry) if entry.calendar.closed_on_holidays() => {
                let code = code_in_town(&code, town);
                if calendars.all.iter().all(|entry| entry.code != code) {
                    let here = entry.in_town(town);
                    calendars.all.push(here);
                }
                code
            }
            _ => code,
        }
    }
}
