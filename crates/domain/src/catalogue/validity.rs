//! From when and until when an entry of the reference data may be chosen.

use jiff::civil::Date;
use serde::Serialize;

/// An inclusive span of days, open at either end. Outside it an entry is history: still shown, no
/// longer chosen (`domain.md` §7.3, §8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Validity {
    /// First day the entry may be chosen.
    pub valid_from: Option<Date>,
    /// Last day the entry may be chosen.
    pub valid_to: Option<Date>,
}

impl Validity {
    /// Whether the entry may be chosen on that day.
    pub fn covers(&self, day: Date) -> bool {
        self.valid_from.is_none_or(|from| from <= day) && self.valid_to.is_none_or(|to| day <= to)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn both_ends_are_inclusive_and_may_be_open() {
        let span = Validity {
            valid_from: Some(date(2024, 1, 1)),
            valid_to: Some(date(2024, 12, 31)),
        };
        for (day, inside) in [
            (date(2023, 12, 31), false),
            (date(2024, 1, 1), true),
            (date(2024, 12, 31), true),
            (date(2025, 1, 1), false),
        ] {
            assert_eq!(span.covers(day), inside, "{day}");
            assert!(Validity::default().covers(day));
        }
    }
}
