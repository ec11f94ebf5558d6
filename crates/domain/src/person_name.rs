//! Given and family names (`domain.md` §3.1, F3 and F4).
//!
//! One rule for both. Invariant: a value is trimmed, NFC, 1 to 30 characters, made of letters,
//! marks, spaces, apostrophes, hyphens and dots, with at least one letter.

use std::fmt;

use serde::Serialize;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use crate::invalid::Invalid;
use crate::text::too_long;

/// The longest name the form takes, in Unicode scalar values.
pub const PERSON_NAME_MAX_CHARS: usize = 30;

/// A checked given or family name.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct PersonName(String);

impl PersonName {
    /// Reads a name: trimmed, NFC, then checked (`domain.md` §3.1, F3).
    ///
    /// Digits are refused everywhere, not only when alone: they are not in the list of F3.
    pub fn parse(input: &str) -> Result<PersonName, Invalid> {
        let name: String = input.trim().nfc().collect();
        if name.is_empty() {
            return Err(Invalid::required());
        }
        if name.chars().count() > PERSON_NAME_MAX_CHARS {
            return Err(too_long(PERSON_NAME_MAX_CHARS));
        }
        if !name.chars().all(is_allowed) || !name.chars().any(char::is_alphabetic) {
            return Err(Invalid::new(
                "invalid-format",
                "Può contenere solo lettere, spazi, apostrofi, trattini e punti",
                "may hold only letters, spaces, apostrophes, hyphens and dots",
            ));
        }
        Ok(PersonName(name))
    }

    /// Takes back a name from a row written by us; nothing is checked again.
    pub fn from_stored(value: String) -> Self {
        PersonName(value)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The one form of a name that all ways of writing it have: no case, no accents, nothing but letters and
/// digits. For finding, never for showing: `D'Alì`, `DALI` and `d’ali` are one.
pub fn folded(name: &str) -> String {
    // Upper case first: `ß` has no other way to `ss`. Marks go before, since some letters' small form has one.
    let letters = name.nfkd().filter(|c| !is_combining_mark(*c));
    let upper: String = letters.flat_map(char::to_uppercase).collect();
    upper
        .nfkd()
        .flat_map(char::to_lowercase)
        .filter(|c| c.is_alphanumeric())
        .collect()
}

impl fmt::Debug for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonName(***)")
    }
}

/// Phone keyboards write the typographic apostrophe and hyphen, hence the second row.
fn is_allowed(c: char) -> bool {
    c.is_alphabetic()
        || is_combining_mark(c)
        || matches!(c, ' ' | '\'' | '-' | '.')
        || matches!(c, '\u{2019}' | '\u{2010}' | '\u{2011}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_real_people_are_accepted() {
        let rows = [
            "Anna",
            "D'Angelo",
            "D’Angelo",
            "Anna-Maria",
            "De Rossi",
            "Ngọc",
            "Łukasz",
            "O.",
            "محمد",
            "José",
            "नरेन्द्र",
            "李",
        ];
        for name in rows {
            assert_eq!(PersonName::parse(name).unwrap().as_str(), name, "{name}");
        }
        assert_eq!(PersonName::parse(" Anna\n").unwrap().as_str(), "Anna");
        assert_eq!(
            PersonName::parse("Jose\u{301}").unwrap().as_str(),
            "Jos\u{e9}"
        );
        assert!(PersonName::parse(&"à".repeat(30)).is_ok());
        assert!(PersonName::parse(&"a\u{300}".repeat(30)).is_ok());
    }

    #[test]
    fn anything_else_is_refused() {
        let long = "a".repeat(31);
        let rows = [
            ("", "required"),
            (" \t ", "required"),
            (long.as_str(), "too-long"),
            ("12345", "invalid-format"),
            ("Ann4", "invalid-format"),
            ("---", "invalid-format"),
            ("'", "invalid-format"),
            ("<b>Anna</b>", "invalid-format"),
            ("Anna\tRossi", "invalid-format"),
            ("Anna\0", "invalid-format"),
            ("Anna\u{202e}", "invalid-format"),
            ("Anna😀", "invalid-format"),
            ("Anna, Maria", "invalid-format"),
        ];
        for (input, code) in rows {
            assert_eq!(
                PersonName::parse(input).unwrap_err().code,
                code,
                "{input:?}"
            );
        }
        let words = PersonName::parse(&long).unwrap_err().message.it;
        assert_eq!(words, "Può contenere al massimo 30 caratteri");
    }

    #[test]
    fn it_does_not_print_itself() {
        let name = PersonName::from_stored("Anna".into());
        assert_eq!(format!("{name:?}"), "PersonName(***)");
    }

    #[test]
    fn all_ways_of_writing_a_name_are_one() {
        let rows: [(&str, &[&str]); 6] = [
            (
                "dali",
                &["D'Alì", "D’ALI'", "dalì", "D Ali\u{300}", "D-ALÌ"],
            ),
            (
                "demariarossi",
                &["De Maria-Rossi", "DE MARIA ROSSI", "deMariaRossi"],
            ),
            ("strasse", &["Straße", "STRASSE"]),
            ("istanbul", &["İstanbul", "ISTANBUL", "istanbul"]),
            ("nunez", &["Núñez", "NUN\u{303}EZ"]),
            ("李", &["李"]),
        ];
        for (form, names) in rows {
            for name in names {
                assert_eq!(folded(name), form, "{name}");
            }
        }
        assert_ne!(folded("Rossi"), folded("Russi"));
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(name in "\\PC{0,30}") {
            let once = folded(&name);
            prop_assert_eq!(folded(&once), once);
        }

        #[test]
        fn parsing_twice_changes_nothing(text in ".{0,20}") {
            if let Ok(once) = PersonName::parse(&text) {
                prop_assert_eq!(PersonName::parse(once.as_str()).unwrap(), once);
            }
        }
    }
}
