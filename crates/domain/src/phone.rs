//! Phone numbers people leave to be called back at (`domain.md` §3.3, F8).
//!
//! Deliberately by the plain rule of the form and without numbering-plan metadata: plans change
//! and a library that has not heard of it must not stop a person from asking for help.
//! Invariant: a value is `+` and 6 to 15 digits, the first of them not zero.

use std::fmt;

use serde::Serialize;

use crate::invalid::Invalid;

/// Assumed when no prefix is given.
const ITALY: &str = "39";

/// A phone number in E.164 form.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Reads a number as typed (`domain.md` §3.3): separators dropped, `00` read as `+`, no
    /// prefix read as Italy. The zero that opens Italian fixed lines belongs to the number.
    ///
    /// The 6 to 15 digits are counted on what is stored, country prefix included, as E.164 does.
    pub fn parse(input: &str) -> Result<PhoneNumber, Invalid> {
        let dialled: String = input.chars().filter(|&c| !is_separator(c)).collect();
        if dialled.is_empty() {
            return if input.trim().is_empty() {
                Err(Invalid::required())
            } else {
                Err(not_a_number())
            };
        }
        let international = dialled
            .strip_prefix('+')
            .or_else(|| dialled.strip_prefix("00"));
        let digits = match international {
            Some(digits) => digits.to_owned(),
            None => format!("{ITALY}{dialled}"),
        };
        let well_formed = digits.bytes().all(|b| b.is_ascii_digit())
            && (6..=15).contains(&digits.len())
            // No country has a prefix that starts with zero.
            && !digits.starts_with('0');
        if well_formed {
            Ok(PhoneNumber(format!("+{digits}")))
        } else {
            Err(not_a_number())
        }
    }

    /// Takes back a number from a row written by us; nothing is checked again.
    pub fn from_stored(value: String) -> Self {
        PhoneNumber(value)
    }

    /// The number in E.164 form, such as `+390114321111`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PhoneNumber(***)")
    }
}

const fn not_a_number() -> Invalid {
    Invalid::new(
        "invalid-format",
        "Inserisci un valore numerico",
        "enter a phone number",
    )
}

/// The separators of the rule, plus the spaces and invisible direction marks that phones put
/// around a number when it is copied from the address book.
fn is_separator(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '.' | '-' | '(' | ')' | '/')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_become_e164() {
        let rows = [
            ("3331234567", "+393331234567"),
            ("+39 333 123 4567", "+393331234567"),
            ("0039 333.123.4567", "+393331234567"),
            ("011/4321111", "+390114321111"),
            ("(011) 432-1111", "+390114321111"),
            ("+39 (0)11 4321111", "+390114321111"),
            ("(+39) 011 4321111", "+390114321111"),
            ("+1 212 555 0100", "+12125550100"),
            ("0044 20 7946 0000", "+442079460000"),
            ("800 123", "+39800123"),
            ("1500", "+391500"),
            ("\u{202d}+39 333 1234567\u{202c}", "+393331234567"),
            ("333\u{a0}1234567", "+393331234567"),
            ("+123456789012345", "+123456789012345"),
        ];
        for (input, stored) in rows {
            assert_eq!(
                PhoneNumber::parse(input).unwrap().as_str(),
                stored,
                "{input}"
            );
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let rows = [
            ("", "required"),
            ("   ", "required"),
            ("-", "invalid-format"),
            ("+", "invalid-format"),
            ("00", "invalid-format"),
            ("112", "invalid-format"),
            ("+12345", "invalid-format"),
            ("+1234567890123456", "invalid-format"),
            ("12345678901234", "invalid-format"),
            ("333 12345a7", "invalid-format"),
            ("333+1234567", "invalid-format"),
            ("++393331234567", "invalid-format"),
            ("+0393331234567", "invalid-format"),
            ("3331234567 int. 2", "invalid-format"),
            ("٣٣٣١٢٣٤٥٦٧", "invalid-format"),
        ];
        for (input, code) in rows {
            assert_eq!(PhoneNumber::parse(input).unwrap_err().code, code, "{input}");
        }
    }

    #[test]
    fn it_does_not_print_itself() {
        let number = PhoneNumber::from_stored("+393331234567".into());
        assert_eq!(format!("{number:?}"), "PhoneNumber(***)");
        assert_eq!(serde_json::to_value(&number).unwrap(), "+393331234567");
    }

    proptest! {
        #[test]
        fn parsing_twice_changes_nothing(text in "[+0-9 ./()-]{0,20}") {
            if let Ok(once) = PhoneNumber::parse(&text) {
                prop_assert_eq!(PhoneNumber::parse(once.as_str()).unwrap(), once);
            }
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".{0,20}") {
            let _ = PhoneNumber::parse(&text);
        }
    }
}
