//! The drafts of notes: sentences with gaps, filled with values.
//!
//! A sentence is words and gaps, gone through once: there is nothing to run. Values are put in as
//! they are, and what looks like a gap in one stays what it is.

use domain::invalid::{FieldError, Invalid, Lang};
use domain::note::Audience;

use super::Set;
use super::code::{AnswerCode, CheckCode, DraftCode, ValueName};
use super::model::{Condition, Playbook};
use super::reading::pointer;
use super::run::{Run, Standing, standing};
use super::values::Values;

/// The longest free addition to a drafted note, in characters (`domain.md` §6).
pub const ADDITION_MAX_CHARS: usize = 500;

/// The draft of a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Its code within the playbook.
    pub code: DraftCode,
    /// Who will read the note.
    pub audience: Audience,
    /// At least one of these values must be given; none, if empty.
    pub one_of: Vec<ValueName>,
    /// What it says, in order.
    pub sentences: Vec<Sentence>,
}

/// A sentence of a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// The Italian words.
    pub it: Vec<Part>,
    /// The English words, with the same gaps.
    pub en: Vec<Part>,
    /// The answers it is for; all, if empty.
    pub when: Vec<Condition>,
    /// Whether it falls away when one of its values is not given.
    pub optional: bool,
}

/// A piece of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Words.
    Words(String),
    /// The place of a value.
    Gap(ValueName),
}

impl Sentence {
    /// Its pieces in one language.
    pub fn parts(&self, lang: Lang) -> &[Part] {
        match lang {
            Lang::It => &self.it,
            Lang::En => &self.en,
        }
    }

    /// The values it needs.
    pub fn gaps(&self) -> impl Iterator<Item = &ValueName> {
        self.it.iter().filter_map(|part| match part {
            Part::Gap(name) => Some(name),
            Part::Words(_) => None,
        })
    }

    /// Whether it is said after these answers.
    pub(super) fn is_for<'a>(&self, answer: impl Fn(&CheckCode) -> Option<&'a AnswerCode>) -> bool {
        self.when
            .iter()
            .all(|condition| standing(condition, &answer) == Standing::Holds)
    }
}

/// A note as far as it can be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftedNote {
    /// The whole note; `None` while something is missing or invalid.
    pub body: Option<String>,
    /// Who will read it.
    pub audience: Audience,
    /// The values still missing, in the order of the text.
    pub missing: Vec<ValueName>,
    /// Those of the missing values of which one is enough.
    pub one_of: Vec<ValueName>,
    /// The values that are given and no good, such as those kept since another version.
    pub invalid: Vec<FieldError>,
}

impl DraftedNote {
    /// The note with what the operator adds to it, on lines of its own. `None` while the note has
    /// no body; an addition of more than [`ADDITION_MAX_CHARS`] characters is refused.
    pub fn with_addition(&self, addition: &str) -> Result<Option<String>, Invalid> {
        let addition = addition.trim();
        if addition.chars().count() > ADDITION_MAX_CHARS {
            return Err(Invalid::new(
                "too-long",
                "L'aggiunta può contenere al massimo 500 caratteri",
                "an addition has at most 500 characters",
            ));
        }
        Ok(self.body.as_ref().map(|body| match addition.is_empty() {
            true => body.clone(),
            false => format!("{body}\n\n{addition}"),
        }))
    }
}

impl Set {
    /// The note that goes with what a run decided, filled with the values as far as they are given;
    /// `None` if none goes with it.
    pub fn draft(&self, run: &Run, values: &Values, lang: Lang) -> Option<DraftedNote> {
        let step = run.path.last()?;
        let playbook = self.get(&step.playbook)?;
        let draft = playbook.text(run.outcome.text.as_ref()?)?;
        let mut note = DraftedNote {
            body: None,
            audience: draft.audience,
            missing: Vec::new(),
            one_of: Vec::new(),
            invalid: Vec::new(),
        };
        let mut said = Vec::new();
        let sentences = draft.sentences.iter();
        for sentence in sentences.filter(|one| one.is_for(|check| step.answers.get(check))) {
            let absent: Vec<&ValueName> = sentence
                .gaps()
                .filter(|name| !values.contains_key(*name))
                .collect();
            if absent.is_empty() {
                said.push(self.fill(playbook, sentence, values, lang, &mut note.invalid));
            } else if !sentence.optional {
                for name in absent {
                    if !note.missing.contains(name) {
                        note.missing.push(name.clone());
                    }
                }
            }
        }
        if !draft.one_of.is_empty() && !draft.one_of.iter().any(|name| values.contains_key(name)) {
            note.one_of.clone_from(&draft.one_of);
            note.missing.extend(draft.one_of.iter().cloned());
        }
        if note.missing.is_empty() && note.invalid.is_empty() {
            note.body = Some(said.join(" "));
        }
        Some(note)
    }

    fn fill(
        &self,
        playbook: &Playbook,
        sentence: &Sentence,
        values: &Values,
        lang: Lang,
        invalid: &mut Vec<FieldError>,
    ) -> String {
        let mut filled = String::new();
        for part in sentence.parts(lang) {
            let name = match part {
                Part::Words(words) => {
                    filled.push_str(words);
                    continue;
                }
                Part::Gap(name) => name,
            };
            let (Some(rule), Some(value)) = (playbook.value(name), values.get(name)) else {
                continue;
            };
            match rule.kind.parse(value, &self.authorities) {
                Ok(value) => filled.push_str(&rule.kind.show(&value, lang, &self.authorities)),
                Err(why) => {
                    let error = why.at(pointer("values", name.as_str()));
                    if !invalid.contains(&error) {
                        invalid.push(error);
                    }
                }
            }
        }
        filled
    }
}

/// The pieces of a sentence, or what is wrong with it.
pub(super) fn parse(words: &str) -> Result<Vec<Part>, &'static str> {
    let mut parts = Vec::new();
    let mut rest = words;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        let Some((name, after)) = from
            .strip_prefix('{')
            .and_then(|inside| inside.split_once('}'))
        else {
            return Err("has a brace that belongs to no gap");
        };
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if name.is_empty() || !name.bytes().all(plain) {
            return Err("has a gap without the name of a value in it");
        }
        if !before.is_empty() {
            parts.push(Part::Words(before.to_owned()));
        }
        parts.push(Part::Gap(ValueName::from(name)));
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Words(rest.to_owned()));
    }
    Ok(parts)
}
