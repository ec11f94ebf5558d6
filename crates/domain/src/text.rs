//! Free text people write: descriptions, notes and messages (`domain.md` §3.1 F11, §5.1), and the
//! words of an authority's own mails.
//!
//! Text is kept as written, markup included, and escaped where it is shown. Invariant: NFC,
//! lines end in LF, no control character but LF and TAB, not blank, within its length.
//!
//! Of the invisible direction controls only RIGHT-TO-LEFT OVERRIDE is refused: it shows a text
//! reversed and serves to deceive. The others stay, because phones put them around a number
//! copied from the address book and Arabic or Hebrew text needs them; whoever shows the text
//! isolates its direction.

use std::fmt;

use serde::Serialize;
use unicode_normalization::UnicodeNormalization;

use crate::invalid::{Invalid, Text};

/// The length of a description or a citizen's message unless configured (F11).
pub const DESCRIPTION_DEFAULT_MAX_CHARS: usize = 500;
/// The most an authority may configure for a description (F11).
pub const DESCRIPTION_HIGHEST_MAX_CHARS: usize = 4_000;
/// The longest note of an operator (`domain.md` §5.1).
pub const NOTE_MAX_CHARS: usize = 5_000;

const RIGHT_TO_LEFT_OVERRIDE: char = '\u{202e}';

/// What the requester says is wrong (`domain.md` §3.1, F11).
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Description(String);

/// The body of an operator's note (`domain.md` §5.1).
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct NoteBody(String);

/// The body of a citizen's message (`domain.md` §5.1).
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct MessageBody(String);

impl Description {
    /// Checks a description of at most `max_chars` Unicode scalar values.
    pub fn parse(input: &str, max_chars: usize) -> Result<Self, Invalid> {
        check(input, max_chars).map(Description)
    }

    /// Takes back a description from a row written by us; nothing is checked again.
    pub fn from_stored(value: String) -> Self {
        Description(value)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, given away.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl NoteBody {
    /// Checks a note of at most [`NOTE_MAX_CHARS`] Unicode scalar values.
    pub fn parse(input: &str) -> Result<Self, Invalid> {
        check(input, NOTE_MAX_CHARS).map(NoteBody)
    }

    /// Takes back a note from a row written by us; nothing is checked again.
    pub fn from_stored(value: String) -> Self {
        NoteBody(value)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, given away.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl MessageBody {
    /// Checks a message of at most `max_chars` Unicode scalar values.
    pub fn parse(input: &str, max_chars: usize) -> Result<Self, Invalid> {
        check(input, max_chars).map(MessageBody)
    }

    /// Takes back a message from a row written by us; nothing is checked again.
    pub fn from_stored(value: String) -> Self {
        MessageBody(value)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, given away.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Debug for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Description(***)")
    }
}

impl fmt::Debug for NoteBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NoteBody(***)")
    }
}

impl fmt::Debug for MessageBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MessageBody(***)")
    }
}

/// The value has more than `max` Unicode scalar values.
pub(crate) fn too_long(max: usize) -> Invalid {
    Invalid {
        code: "too-long",
        message: Text::owned(
            format!("Può contenere al massimo {max} caratteri"),
            format!("may hold at most {max} characters"),
        ),
    }
}

/// A text staff keep for later use, such as the words of a mail: as it is to be stored.
pub fn check_wording(input: &str, max_chars: usize) -> Result<String, Invalid> {
    check(input, max_chars)
}

/// The one checker behind them all: LF line ends, NFC, then the rules of F11.
fn check(input: &str, max_chars: usize) -> Result<String, Invalid> {
    let text: String = input.replace("\r\n", "\n").nfc().collect();
    if text.chars().all(is_blank) {
        return Err(Invalid::required());
    }
    if text.chars().any(is_forbidden) {
        return Err(Invalid::new(
            "forbidden-chars",
            "Il testo contiene caratteri non ammessi",
            "the text holds characters that are not allowed",
        ));
    }
    if text.chars().count() > max_chars {
        return Err(too_long(max_chars));
    }
    Ok(text)
}

/// A text of these alone would look empty to whoever reads it.
fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

fn is_forbidden(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t') || c == RIGHT_TO_LEFT_OVERRIDE
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_is_kept_as_written() {
        let rows = [
            ("Non trovo il referto.", "Non trovo il referto."),
            ("riga 1\r\nriga 2\tfine\n", "riga 1\nriga 2\tfine\n"),
            ("  rientro", "  rientro"),
            ("<b>aiuto</b> & \"co\"", "<b>aiuto</b> & \"co\""),
            ("perche\u{301}", "perch\u{e9}"),
            ("grazie 👍🏽 👩‍⚕️", "grazie 👍🏽 👩‍⚕️"),
            ("\u{202d}+39 333\u{202c}", "\u{202d}+39 333\u{202c}"),
        ];
        for (input, stored) in rows {
            let text = Description::parse(input, 500).unwrap();
            assert_eq!(text.as_str(), stored);
        }
    }

    #[test]
    fn blank_long_and_forbidden_text_is_refused() {
        let rows = [
            ("", "required"),
            (" \r\n\t ", "required"),
            ("\u{200b}\u{feff}", "required"),
            ("12345678901", "too-long"),
            ("a\0b", "forbidden-chars"),
            ("a\u{1b}[2Jb", "forbidden-chars"),
            ("a\rb", "forbidden-chars"),
            ("a\u{85}b", "forbidden-chars"),
            ("a\u{202e}b", "forbidden-chars"),
        ];
        for (input, code) in rows {
            let refused = Description::parse(input, 10).unwrap_err();
            assert_eq!(refused.code, code, "{input:?}");
            assert_eq!(MessageBody::parse(input, 10).unwrap_err().code, code);
        }
    }

    #[test]
    fn length_counts_scalar_values_after_normalising() {
        assert!(Description::parse(&"e\u{301}".repeat(500), 500).is_ok());
        assert!(Description::parse(&"😀".repeat(500), 500).is_ok());
        assert!(Description::parse(&"a\r\n".repeat(250), 500).is_ok());
        let refused = Description::parse(&"é".repeat(501), 500).unwrap_err();
        assert_eq!(refused.message.it, "Può contenere al massimo 500 caratteri");
        assert!(NoteBody::parse(&"a".repeat(5_000)).is_ok());
        assert_eq!(
            NoteBody::parse(&"a".repeat(5_001)).unwrap_err().code,
            "too-long"
        );
    }

    #[test]
    fn texts_do_not_print_themselves() {
        let note = NoteBody::parse("riservato").unwrap();
        let message = MessageBody::from_stored("riservato".into());
        let description = Description::from_stored("riservato".into());
        let printed = format!("{note:?} {message:?} {description:?}");
        assert_eq!(printed, "NoteBody(***) MessageBody(***) Description(***)");
        assert_eq!(note.into_string(), "riservato");
    }

    proptest! {
        #[test]
        fn parsing_twice_changes_nothing(text in "(?s).{0,40}") {
            if let Ok(once) = Description::parse(&text, 60) {
                prop_assert_eq!(Description::parse(once.as_str(), 60).unwrap(), once);
            }
        }
    }
}
