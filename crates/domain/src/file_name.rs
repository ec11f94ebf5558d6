//! The name a person's file came with (`domain.md` §3.7, row "name").
//!
//! Metadata only: files are stored under our own keys, and a name becomes a path nowhere.
//! Invariant: trimmed, NFC, 1 to 120 characters, no control or direction character, no path
//! separator, not a name for a folder.

use std::fmt;

use serde::Serialize;
use unicode_normalization::UnicodeNormalization;

use crate::invalid::Invalid;

/// The longest file name, in Unicode scalar values.
pub const FILE_NAME_MAX_CHARS: usize = 120;

/// A checked file name.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct FileName {
    value: String,
    /// Kept apart because it is lower case and asked for often; follows from `value`.
    #[serde(skip)]
    extension: Option<String>,
}

impl FileName {
    /// Reads a file name: trimmed, NFC, then checked (`domain.md` §3.7).
    pub fn parse(input: &str) -> Result<FileName, Invalid> {
        let value: String = input.trim().nfc().collect();
        if value.chars().count() > FILE_NAME_MAX_CHARS || !is_safe_segment(&value) {
            return Err(Invalid::new(
                "invalid-file-name",
                "Il nome del file non è valido o supera i 120 caratteri",
                "the file name is not valid or is longer than 120 characters",
            ));
        }
        Ok(FileName::from_stored(value))
    }

    /// Takes back a name from a row written by us; nothing is checked again.
    pub fn from_stored(value: String) -> Self {
        let extension = extension_of(&value);
        FileName { value, extension }
    }

    /// The name, extension included.
    pub fn as_str(&self) -> &str {
        &self.value
    }

    /// What follows the last dot, lower case; a leading or trailing dot makes no extension.
    pub fn extension(&self) -> Option<&str> {
        self.extension.as_deref()
    }
}

impl fmt::Debug for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // People put their names and their illnesses into file names.
        f.write_str("FileName(***)")
    }
}

/// Whether `segment` may stand for one file or folder: shared with the names inside archives,
/// which need not be short nor NFC (macOS writes them decomposed).
pub(crate) fn is_safe_segment(segment: &str) -> bool {
    // Windows drops trailing dots and spaces, so that ".. " is ".." there.
    let only_dots = segment.trim_matches(['.', ' ']).is_empty();
    !only_dots && !segment.chars().any(is_unsafe)
}

/// The lower-case extension of a file name.
pub(crate) fn extension_of(name: &str) -> Option<String> {
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() && !extension.is_empty() => {
            Some(extension.to_lowercase())
        }
        _ => None,
    }
}

/// Control characters, separators, and what can make a name show differently from what it is:
/// direction controls ("gpj.exe" shown for "exe.jpg") and line or paragraph separators.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '/' | '\\' | '\u{61c}' | '\u{200e}' | '\u{200f}')
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn good_names_and_their_extensions() {
        let rows = [
            ("referto.pdf", "referto.pdf", Some("pdf")),
            (
                " Referto del 12.03.PDF ",
                "Referto del 12.03.PDF",
                Some("pdf"),
            ),
            ("perche\u{301}.doc", "perch\u{e9}.doc", Some("doc")),
            ("senza estensione", "senza estensione", None),
            (".pdf", ".pdf", None),
            ("a.", "a.", None),
            ("a..pdf", "a..pdf", Some("pdf")),
            ("foto 😀.jpg", "foto 😀.jpg", Some("jpg")),
        ];
        for (input, stored, extension) in rows {
            let name = FileName::parse(input).unwrap();
            assert_eq!((name.as_str(), name.extension()), (stored, extension));
        }
        assert!(FileName::parse(&"à".repeat(120)).is_ok());
    }

    #[test]
    fn unsafe_names_are_refused() {
        let long = "a".repeat(121);
        let rows = [
            "",
            "  ",
            ".",
            "..",
            ". .",
            "...",
            "../a.pdf",
            "a/b.pdf",
            "a\\b.pdf",
            "/a.pdf",
            "C:\\a.pdf",
            "a\0.pdf",
            "a\nb.pdf",
            "a\u{7f}.pdf",
            "a\u{85}.pdf",
            "a\u{202e}fdp.exe",
            "a\u{2066}.pdf",
            "a\u{2028}.pdf",
            &long,
        ];
        for input in rows {
            let refused = FileName::parse(input).unwrap_err();
            assert_eq!(refused.code, "invalid-file-name", "{input:?}");
        }
    }

    #[test]
    fn it_is_stored_as_text_and_does_not_print_itself() {
        let name = FileName::parse("Referto.PDF").unwrap();
        assert_eq!(serde_json::to_value(&name).unwrap(), "Referto.PDF");
        assert_eq!(FileName::from_stored("Referto.PDF".into()), name);
        assert_eq!(format!("{name:?}"), "FileName(***)");
    }

    proptest! {
        #[test]
        fn parsing_twice_changes_nothing(text in "(?s).{0,20}") {
            if let Ok(once) = FileName::parse(&text) {
                prop_assert_eq!(FileName::parse(once.as_str()).unwrap(), once);
            }
        }
    }
}
