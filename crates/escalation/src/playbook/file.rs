//! The shape of a playbook's file, as written by people. What can be wrong keeps its place in the
//! text.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use toml::Spanned;

use super::model::RunBy;

pub(super) type Word = Spanned<String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPlaybook {
    pub(super) code: Word,
    pub(super) label: Spanned<RawText>,
    pub(super) purpose: Spanned<RawText>,
    pub(super) run_by: RunBy,
    pub(super) may_escalate: bool,
    #[serde(default)]
    pub(super) applies_to: Vec<RawGoverned>,
    pub(super) check: Vec<RawCheck>,
    pub(super) rule: Vec<RawRule>,
    pub(super) undecided: RawRule,
    #[serde(default)]
    pub(super) value: Vec<RawValue>,
    #[serde(default)]
    pub(super) text: Vec<RawDraft>,
}

/// Both languages are needed; that one is missing is told together with everything else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawText {
    pub(super) it: Option<Word>,
    pub(super) en: Option<Word>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGoverned {
    pub(super) service: Word,
    pub(super) problem_types: Vec<Word>,
    pub(super) place: Spanned<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCheck {
    pub(super) code: Word,
    pub(super) question: Spanned<RawText>,
    pub(super) verified_by: Spanned<RawText>,
    pub(super) ask_citizen: Option<Spanned<RawText>>,
    #[serde(default)]
    pub(super) answers: Vec<Spanned<RawAnswer>>,
    #[serde(default = "yes")]
    pub(super) unknown: bool,
    #[serde(default)]
    pub(super) details: Vec<Word>,
}

const fn yes() -> bool {
    true
}

/// `"yes"`, or a table where there is more to say.
pub(super) enum RawAnswer {
    Plain(String),
    Described(Described),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Described {
    pub(super) code: String,
    pub(super) label: Option<Spanned<RawText>>,
    #[serde(default)]
    pub(super) needs: Vec<Word>,
}

/// A rule, or without `when` what is done if none holds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRule {
    pub(super) when: Option<Spanned<RawConditions>>,
    pub(super) decision: Word,
    pub(super) why: Spanned<RawText>,
    pub(super) reason: Option<Word>,
    pub(super) resolution: Option<Word>,
    pub(super) text: Option<Word>,
    pub(super) follow_up: Option<Spanned<RawText>>,
    pub(super) review_after_days: Option<Spanned<u32>>,
    pub(super) next: Option<Spanned<RawNext>>,
}

/// Answers by check.
pub(super) type RawConditions = BTreeMap<Word, Spanned<RawChoice>>;

/// `"yes"`, or `["paid", "exempt"]` for any of them.
pub(super) enum RawChoice {
    One(String),
    AnyOf(Vec<Word>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNext {
    pub(super) playbook: Word,
    #[serde(default)]
    pub(super) carry: BTreeMap<Word, Word>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawValue {
    pub(super) name: Word,
    pub(super) label: Spanned<RawText>,
    pub(super) kind: Spanned<RawKind>,
    pub(super) max: Option<Spanned<usize>>,
    pub(super) length: Option<Spanned<usize>>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawKind {
    Text,
    Digits,
    Date,
    Amount,
    Authority,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDraft {
    pub(super) code: Word,
    pub(super) audience: Word,
    #[serde(default)]
    pub(super) one_of: Vec<Word>,
    pub(super) sentence: Vec<Spanned<RawSentence>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSentence {
    pub(super) it: Option<Word>,
    pub(super) en: Option<Word>,
    pub(super) when: Option<Spanned<RawConditions>>,
    #[serde(default)]
    pub(super) optional: bool,
}

// Both written out because an untagged enum would lose the places of what is in it.
impl<'de> Deserialize<'de> for RawAnswer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnswerVisitor;
        impl<'de> Visitor<'de> for AnswerVisitor {
            type Value = RawAnswer;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an answer such as \"yes\", or { code, label, needs }")
            }

            fn visit_str<E>(self, text: &str) -> Result<RawAnswer, E> {
                Ok(RawAnswer::Plain(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawAnswer, A::Error> {
                Described::deserialize(MapAccessDeserializer::new(map)).map(RawAnswer::Described)
            }
        }
        deserializer.deserialize_any(AnswerVisitor)
    }
}

impl<'de> Deserialize<'de> for RawChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ChoiceVisitor;
        impl<'de> Visitor<'de> for ChoiceVisitor {
            type Value = RawChoice;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an answer such as \"yes\", or a list of them")
            }

            fn visit_str<E>(self, text: &str) -> Result<RawChoice, E> {
                Ok(RawChoice::One(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<RawChoice, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(RawChoice::AnyOf)
            }
        }
        deserializer.deserialize_any(ChoiceVisitor)
    }
}
