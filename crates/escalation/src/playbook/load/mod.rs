//! From the text of a file to a playbook that agrees with itself.
//!
//! A mistake of shape (syntax, unknown key, wrong type) stops its file; mistakes of content are all
//! reported. What only shows when every answer is tried, or between playbooks, is looked for in
//! [`super::check`].

mod checks;
mod drafts;
mod rules;
mod values;

use std::collections::HashSet;
use std::ops::Range;

use domain::catalogue::{Reference, ReferenceError, ReferenceFile};
use domain::codes::{ProblemTypeCode, ServiceCode};
use domain::invalid::Text;
use toml::Spanned;

use super::code::{CheckCode, LONGEST_CODE, PlaybookCode};
use super::file::{RawGoverned, RawPlaybook, RawText, Word};
use super::model::{Check, Governed, Playbook, RunBy};

/// A playbook with the places of its parts.
pub(super) struct Loaded<'a> {
    pub(super) file: ReferenceFile<'a>,
    pub(super) playbook: Playbook,
    pub(super) places: Places,
}

/// Where things stand in the text, in bytes from its beginning, each list in the order of the
/// playbook's.
#[derive(Default)]
pub(super) struct Places {
    pub(super) code: usize,
    pub(super) applies_to: Vec<usize>,
    pub(super) checks: Vec<usize>,
    pub(super) rules: Vec<usize>,
    pub(super) undecided: usize,
    pub(super) values: Vec<usize>,
    pub(super) texts: Vec<usize>,
    /// One list for each text.
    pub(super) sentences: Vec<Vec<usize>>,
}

impl Loaded<'_> {
    pub(super) fn error(&self, place: usize, field: &str, message: String) -> ReferenceError {
        self.file.error(place, field, message)
    }
}

/// Reads one file.
pub(super) fn load<'a>(
    file: ReferenceFile<'a>,
    reference: &Reference,
) -> Result<Loaded<'a>, Vec<ReferenceError>> {
    let raw: RawPlaybook = file.read().map_err(|error| vec![error])?;
    let mut reader = Reader {
        file,
        errors: Vec::new(),
    };
    let loaded = reader.playbook(raw, reference);
    match reader.errors.is_empty() {
        true => Ok(loaded),
        false => Err(reader.errors),
    }
}

/// Turns raw parts into checked ones, noting what is wrong on the way.
struct Reader<'a> {
    file: ReferenceFile<'a>,
    errors: Vec<ReferenceError>,
}

impl<'a> Reader<'a> {
    fn playbook(&mut self, raw: RawPlaybook, reference: &Reference) -> Loaded<'a> {
        self.code("code", &raw.code);
        if raw.may_escalate && raw.run_by == RunBy::Region {
            let message = "the region takes over from authorities, and not from itself";
            self.say(raw.code.span(), "may_escalate", message);
        }
        let places = Places {
            code: raw.code.span().start,
            applies_to: starts(raw.applies_to.iter().map(|one| &one.service)),
            checks: starts(raw.check.iter().map(|one| &one.code)),
            rules: starts(raw.rule.iter().map(|one| &one.decision)),
            undecided: raw.undecided.decision.span().start,
            values: starts(raw.value.iter().map(|one| &one.name)),
            texts: starts(raw.text.iter().map(|one| &one.code)),
            sentences: raw
                .text
                .iter()
                .map(|one| one.sentence.iter().map(|s| s.span().start).collect())
                .collect(),
        };
        let values = self.values(raw.value);
        let checks = self.checks(raw.check, &values);
        let texts = self.drafts(raw.text, &checks, &values);
        let rules = self.rules(raw.rule, &checks);
        let undecided = self.undecided(raw.undecided);
        let playbook = Playbook {
            code: PlaybookCode::new(raw.code.into_inner()),
            label: self.text("label", raw.label),
            purpose: self.text("purpose", raw.purpose),
            applies_to: self.applies_to(raw.applies_to, reference),
            run_by: raw.run_by,
            may_escalate: raw.may_escalate,
            checks,
            rules,
            undecided,
            values,
            texts,
        };
        let loaded = Loaded {
            file: self.file,
            playbook,
            places,
        };
        self.outcomes_fit(&loaded);
        loaded
    }

    fn applies_to(&mut self, raw: Vec<RawGoverned>, reference: &Reference) -> Vec<Governed> {
        let mut all = Vec::new();
        for one in raw {
            if *one.place.get_ref() == 0 {
                self.say(one.place.span(), "applies_to.place", "is counted from 1");
            }
            let Some(service) = reference.service_any(one.service.get_ref()) else {
                let message = format!("there is no service `{}`", one.service.get_ref());
                self.say(one.service.span(), "applies_to.service", &message);
                continue;
            };
            self.once("applies_to.problem_types", one.problem_types.iter());
            for word in &one.problem_types {
                let code = ProblemTypeCode::new(word.get_ref());
                if service.problem_types.iter().all(|known| known.code != code) {
                    let message = format!("the service has no problem type `{code}`");
                    self.say(word.span(), "applies_to.problem_types", &message);
                }
            }
            let types = one.problem_types.into_iter();
            all.push(Governed {
                service: ServiceCode::new(one.service.into_inner()),
                problem_types: types
                    .map(|word| ProblemTypeCode::new(word.into_inner()))
                    .collect(),
                place: one.place.into_inner(),
            });
        }
        all
    }

    fn text(&mut self, field: &str, raw: Spanned<RawText>) -> Text {
        let at = raw.span();
        let raw = raw.into_inner();
        let it = self.words(&at, &format!("{field}.it"), raw.it);
        let en = self.words(&at, &format!("{field}.en"), raw.en);
        Text::owned(it, en)
    }

    fn words(&mut self, at: &Range<usize>, field: &str, word: Option<Word>) -> String {
        match word {
            None => self.say(at.clone(), field, "is missing: both languages are needed"),
            Some(word) if word.get_ref().trim().is_empty() => {
                self.say(word.span(), field, "must not be blank");
            }
            Some(word) => return word.into_inner(),
        }
        String::new()
    }

    /// A code is a plain word.
    fn code(&mut self, field: &str, word: &Word) {
        let code = word.get_ref();
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if !(1..=LONGEST_CODE).contains(&code.len()) || !code.bytes().all(plain) {
            let message =
                format!("a code has 1 to {LONGEST_CODE} ASCII letters, digits, `-` and `_`");
            self.say(word.span(), field, &message);
        }
    }

    fn once<'w>(&mut self, field: &str, words: impl Iterator<Item = &'w Word>) {
        let mut seen = HashSet::new();
        for word in words {
            if !seen.insert(word.get_ref()) {
                let message = format!("`{}` is there twice", word.get_ref());
                self.say(word.span(), field, &message);
            }
        }
    }

    fn say(&mut self, span: Range<usize>, field: &str, message: &str) {
        self.errors
            .push(self.file.error(span.start, field, message));
    }
}

fn starts<'w>(words: impl Iterator<Item = &'w Word>) -> Vec<usize> {
    words.map(|word| word.span().start).collect()
}

fn find_check<'a>(checks: &'a [Check], word: &Word) -> Option<&'a Check> {
    let code = CheckCode::from(word.get_ref().as_str());
    checks.iter().find(|check| check.code == code)
}
