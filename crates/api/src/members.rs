//! Reads the members of an object one by one, so that all the bad ones are told at once: those of
//! another type, those too long, those that nobody asked for.

use domain::invalid::{FieldError, Invalid};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use serde_json::{Map, Value};

use crate::body::{escape, unknown_field, wrong_type};

/// An object being read.
pub(crate) struct Members {
    members: Map<String, Value>,
    prefix: String,
    errors: Vec<FieldError>,
}

impl Members {
    /// A whole body.
    pub(crate) fn of(members: Map<String, Value>) -> Self {
        Members {
            members,
            prefix: String::new(),
            errors: Vec::new(),
        }
    }

    /// An object that stands at this pointer.
    pub(crate) fn within(pointer: &str, members: Map<String, Value>) -> Self {
        Members {
            prefix: pointer.to_owned(),
            ..Members::of(members)
        }
    }

    /// Refuses the member with this name, or a part of it such as `state/0`.
    pub(crate) fn refuse(&mut self, name: &str, invalid: Invalid) {
        self.errors
            .push(invalid.at(format!("{}/{name}", self.prefix)));
    }

    /// A text of at most so many characters.
    pub(crate) fn text(&mut self, name: &str, longest: usize) -> Option<String> {
        let Value::String(text) = self.take(name)? else {
            self.refuse(name, wrong_type());
            return None;
        };
        if text.chars().count() > longest {
            self.refuse(name, too_long());
            return None;
        }
        Some(text)
    }

    /// A text that must be there; how long it may be is judged later.
    pub(crate) fn needed_text(&mut self, name: &str) -> Option<String> {
        if self.members.get(name).is_none_or(Value::is_null) {
            self.members.remove(name);
            self.refuse(name, Invalid::required());
            return None;
        }
        self.text(name, usize::MAX)
    }

    /// A text of a list of codes: what is not in the list is refused.
    pub(crate) fn code<T>(&mut self, name: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let text = self.text(name, usize::MAX)?;
        let read = read(&text);
        if read.is_none() {
            self.refuse(name, not_in_list());
        }
        read
    }

    /// True or false.
    pub(crate) fn flag(&mut self, name: &str) -> Option<bool> {
        let flag = self.take(name)?.as_bool();
        self.typed(name, flag)
    }

    /// True or false, which must be said; false where it is not, beside the refusal.
    pub(crate) fn needed_flag(&mut self, name: &str) -> bool {
        if self.members.get(name).is_none_or(Value::is_null) {
            self.members.remove(name);
            self.refuse(name, Invalid::required());
        }
        self.flag(name).unwrap_or(false)
    }

    /// A whole number.
    pub(crate) fn integer(&mut self, name: &str) -> Option<i64> {
        let number = self.take(name)?.as_i64();
        self.typed(name, number)
    }

    /// A moment; what lies beyond the last that can be kept is the last, and so with the first.
    pub(crate) fn moment(&mut self, name: &str) -> Option<Timestamp> {
        let text = self.text(name, 64)?;
        let moment = read_moment(&text);
        if moment.is_none() {
            self.refuse(name, invalid_format());
        }
        moment
    }

    /// A list of texts.
    pub(crate) fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        self.list(name, usize::MAX, |text| Some(text.to_owned()))
    }

    /// A list of at most so many codes; each that is not in the list of choices is refused.
    pub(crate) fn list<T>(
        &mut self,
        name: &str,
        most: usize,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Value::Array(items) = self.take(name)? else {
            self.refuse(name, wrong_type());
            return None;
        };
        if items.len() > most {
            self.refuse(name, too_long());
            return None;
        }
        let mut list = Vec::new();
        for (at, item) in items.iter().enumerate() {
            match item.as_str().map(&read) {
                Some(Some(value)) => list.push(value),
                Some(None) => self.refuse(&format!("{name}/{at}"), not_in_list()),
                None => self.refuse(&format!("{name}/{at}"), wrong_type()),
            }
        }
        Some(list)
    }

    /// A member that is an object itself.
    pub(crate) fn object<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Members) -> T,
    ) -> Option<T> {
        let Value::Object(members) = self.take(name)? else {
            self.refuse(name, wrong_type());
            return None;
        };
        let mut inner = Members::within(&format!("{}/{name}", self.prefix), members);
        let value = read(&mut inner);
        self.errors.extend(inner.finish());
        Some(value)
    }

    /// A member that must be there, read as `read` does.
    pub(crate) fn needed<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Members, &str) -> Option<T>,
    ) -> Option<T> {
        if self.members.get(name).is_none_or(Value::is_null) {
            self.members.remove(name);
            self.refuse(name, Invalid::required());
            return None;
        }
        read(self, name)
    }

    /// A text of people's own words, which `parse` checks.
    pub(crate) fn words<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Option<T> {
        let text = self.text(name, usize::MAX)?;
        parse(&text)
            .map_err(|invalid| self.refuse(name, invalid))
            .ok()
    }

    /// A member of a merge-patch: absent, null, or a value.
    pub(crate) fn change<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Members, &str) -> Option<T>,
    ) -> Option<Option<T>> {
        match self.members.get(name)? {
            Value::Null => {
                self.members.remove(name);
                Some(None)
            }
            _ => read(self, name).map(Some),
        }
    }

    /// All that is wrong, now that nothing else is known: what is left is refused.
    pub(crate) fn finish(mut self) -> Vec<FieldError> {
        let prefix = &self.prefix;
        let unknown = |name: &String| unknown_field(&format!("{prefix}/{}", escape(name)));
        let unknown: Vec<FieldError> = self.members.keys().map(unknown).collect();
        self.errors.extend(unknown);
        self.errors
    }

    /// Puts a member back.
    pub(crate) fn put(&mut self, name: &str, value: Value) {
        self.members.insert(name.to_owned(), value);
    }

    /// Takes a member out; null is the same as absent.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.members.remove(name).filter(|value| !value.is_null())
    }

    fn typed<T>(&mut self, name: &str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.refuse(name, wrong_type());
        }
        value
    }
}

/// Errors of one kind and then of another, one for each field.
pub(crate) fn merge(mut errors: Vec<FieldError>, found: Vec<FieldError>) -> Vec<FieldError> {
    let known: std::collections::HashSet<String> =
        errors.iter().map(|error| error.pointer.clone()).collect();
    let is_new = |error: &FieldError| !known.contains(&error.pointer);
    errors.extend(found.into_iter().filter(is_new));
    errors
}

/// The first moment of the year 0, which both databases can keep.
const EARLIEST: Timestamp = Timestamp::constant(-62_167_219_200, 0);

fn read_moment(text: &str) -> Option<Timestamp> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment.max(EARLIEST));
    }
    // The last two days of the year 9999 are a date, but in no time zone a moment we can keep.
    let date: DateTime = text.get(..19)?.parse().ok()?;
    let rest = text.get(19..)?;
    let is_zoned = rest.ends_with('Z') || rest.contains(['+', '-']);
    (date.year() == 9999 && date.month() == 12 && date.day() >= 30 && is_zoned)
        .then_some(Timestamp::MAX)
}

/// A day as people write it, such as 2026-12-01.
pub(crate) fn read_day(text: &str) -> Result<Date, Invalid> {
    // The parser takes a time after the day, too.
    let day = (text.len() == 10).then(|| text.parse().ok()).flatten();
    day.ok_or_else(invalid_format)
}

/// The refusal of a value that is no choice.
pub(crate) const fn not_in_list() -> Invalid {
    Invalid::new(
        "not-in-list",
        "Valore non disponibile",
        "this value is not in the list",
    )
}

/// The refusal of a value that cannot be read.
pub(crate) const fn invalid_format() -> Invalid {
    Invalid::new(
        "invalid-format",
        "Formato non valido",
        "the format is not valid",
    )
}

/// The refusal of a number beyond its limits.
pub(crate) const fn out_of_range() -> Invalid {
    Invalid::new(
        "out-of-range",
        "Valore fuori dai limiti",
        "the value is out of range",
    )
}

const fn too_long() -> Invalid {
    Invalid::new(
        "too-long",
        "Lunghezza non ammessa",
        "the length is not allowed",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_beyond_the_storable_are_the_last_or_the_first() {
        for last in [
            "9999-12-31T23:59:59Z",
            "9999-12-31T23:59:59.999999999Z",
            "9999-12-31T23:59:59-12:00",
        ] {
            assert_eq!(read_moment(last), Some(Timestamp::MAX), "{last}");
        }
        assert_eq!(read_moment("-009999-06-01T00:00:00Z"), Some(EARLIEST));
        let plain = "2026-03-02T08:00:00Z";
        assert_eq!(read_moment(plain).unwrap().to_string(), plain);
        for none in [
            "",
            "yesterday",
            "9999-12-31",
            "10000-01-01T00:00:00Z",
            "2026-13-01T00:00:00Z",
        ] {
            assert_eq!(read_moment(none), None, "{none}");
        }
    }
}
