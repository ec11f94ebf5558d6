//! The codes playbooks are made of. They are written in the files, kept in rows and sent by the API,
//! and compare as they are written.

use std::fmt;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

/// A playbook, such as `PB-2`.
pub type PlaybookCode = Code<kind::Playbook>;
/// A check, such as `c1`; no two playbooks of a set have the same.
pub type CheckCode = Code<kind::Check>;
/// An answer to a check, such as `yes` or `paid`.
pub type AnswerCode = Code<kind::Answer>;
/// A value that drafts are filled with, such as `report_id`; the same in every playbook that asks it.
pub type ValueName = Code<kind::Value>;
/// The draft of a note, by its code within its playbook.
pub type DraftCode = Code<kind::Draft>;

/// The longest code a file may write, in characters.
pub const LONGEST_CODE: usize = 40;

/// A short word that names something; `K` says what, so that no two kinds are mistaken for each
/// other.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Code<K> {
    word: Box<str>,
    #[serde(skip)]
    kind: PhantomData<K>,
}

impl<K> Code<K> {
    /// Takes a code as a file, a row or a request has it; whether there is such a thing is for the
    /// set to say.
    pub fn new(word: impl Into<Box<str>>) -> Self {
        Code {
            word: word.into(),
            kind: PhantomData,
        }
    }

    /// The code as it was written.
    pub fn as_str(&self) -> &str {
        &self.word
    }
}

impl<K> From<&str> for Code<K> {
    fn from(word: &str) -> Self {
        Code::new(word)
    }
}

impl<K> fmt::Display for Code<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.word)
    }
}

impl<K> fmt::Debug for Code<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.word, f)
    }
}

impl AnswerCode {
    /// Whether it says that nobody knows; that satisfies no rule (`domain.md` §6).
    pub fn is_unknown(&self) -> bool {
        self.as_str() == UNKNOWN
    }
}

/// What is answered when nobody knows.
pub(super) const UNKNOWN: &str = "unknown";

/// What a [`Code`] names.
pub mod kind {
    /// A playbook.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Playbook {}
    /// A check.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Check {}
    /// An answer.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Answer {}
    /// A value.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Value {}
    /// A draft.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Draft {}
}
