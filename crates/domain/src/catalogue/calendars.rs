//! Calendars with what people call them.

use crate::calendar::{Calendar, YearlyDay};
use crate::codes::CalendarCode;
use crate::invalid::Text;

/// A calendar of the reference data (`domain.md` §10.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarEntry {
    /// Its code.
    pub code: CalendarCode,
    /// What people call it.
    pub label: Text,
    /// What people call its reductions, in their order.
    pub reduction_labels: Vec<Text>,
    /// The town whose patron saint's day is a holiday in it.
    pub town: Option<Town>,
    /// The calendar itself.
    pub calendar: Calendar,
}

impl CalendarEntry {
    /// The same in a town.
    pub(super) fn in_town(&self, town: &Town) -> Self {
        let label = |label: &str| format!("{label} — {}", town.label);
        CalendarEntry {
            code: code_in_town(&self.code, town),
            label: Text::owned(label(&self.label.it), label(&self.label.en)),
            town: Some(town.clone()),
            calendar: self.calendar.in_town(town.day),
            ..self.clone()
        }
    }
}

/// Such as `desks-torino`.
pub(super) fn code_in_town(calendar: &CalendarCode, town: &Town) -> CalendarCode {
    let plain = |c: char| match c.is_ascii_alphanumeric() {
        true => c.to_ascii_lowercase(),
        false => '-',
    };
    let town: String = town.label.chars().map(plain).collect();
    CalendarCode::new(format!("{calendar}-{town}"))
}

/// A town and its patron saint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Town {
    /// Its name.
    pub label: String,
    /// The saint.
    pub patron: String,
    /// The saint's day.
    pub day: YearlyDay,
}
