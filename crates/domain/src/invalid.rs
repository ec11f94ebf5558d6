//! Why an input value was refused: a stable code for programs and a message in both languages.
//!
//! Codes are contract (`domain.md` §3.1); messages may be reworded freely.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// A language the service answers in. Italian is the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// Italian.
    #[default]
    It,
    /// English.
    En,
}

impl Lang {
    /// Both.
    pub const ALL: [Lang; 2] = [Lang::It, Lang::En];

    /// Its code (RFC 5646), as kept in rows and written into documents.
    pub const fn code(self) -> &'static str {
        match self {
            Lang::It => "it",
            Lang::En => "en",
        }
    }

    /// The language with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Lang::ALL.into_iter().find(|lang| lang.code() == code)
    }
}

/// One text in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// The Italian words.
    pub it: Cow<'static, str>,
    /// The English words.
    pub en: Cow<'static, str>,
}

impl Text {
    /// A text from two literals.
    pub const fn new(it: &'static str, en: &'static str) -> Self {
        Text {
            it: Cow::Borrowed(it),
            en: Cow::Borrowed(en),
        }
    }

    /// A text made at run time.
    pub fn owned(it: impl Into<String>, en: impl Into<String>) -> Self {
        Text {
            it: Cow::Owned(it.into()),
            en: Cow::Owned(en.into()),
        }
    }

    /// The words in `lang`.
    pub fn to(&self, lang: Lang) -> &str {
        match lang {
            Lang::It => &self.it,
            Lang::En => &self.en,
        }
    }
}

/// A refused value, not yet tied to the field it came from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {}", message.en)]
pub struct Invalid {
    /// Stable kebab-case code, such as `checksum`.
    pub code: &'static str,
    /// What is wrong, for a person.
    pub message: Text,
}

impl Invalid {
    /// A refusal with fixed words.
    pub const fn new(code: &'static str, it: &'static str, en: &'static str) -> Self {
        Invalid {
            code,
            message: Text::new(it, en),
        }
    }

    /// The value was needed and is missing or blank.
    pub const fn required() -> Self {
        Invalid::new("required", "Campo obbligatorio", "this field is required")
    }

    /// Ties the refusal to a field by JSON pointer (RFC 6901).
    pub fn at(self, pointer: impl Into<String>) -> FieldError {
        FieldError {
            pointer: pointer.into(),
            code: self.code,
            message: self.message,
        }
    }
}

/// A refused field of an input, named by JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// RFC 6901 pointer into the body, such as `/extra/team_number`.
    pub pointer: String,
    /// Stable kebab-case code.
    pub code: &'static str,
    /// What is wrong, for a person.
    pub message: Text,
}
