//! Drafts: sentences whose gaps have values, the same in both languages.

use std::collections::BTreeSet;

use domain::note::Audience;
use toml::Spanned;

use super::Reader;
use crate::playbook::code::{DraftCode, ValueName};
use crate::playbook::draft::{self, Draft, Part, Sentence};
use crate::playbook::file::{RawDraft, RawSentence, Word};
use crate::playbook::model::Check;
use crate::playbook::values::ValueRule;

impl Reader<'_> {
    pub(super) fn drafts(
        &mut self,
        raw: Vec<RawDraft>,
        checks: &[Check],
        values: &[ValueRule],
    ) -> Vec<Draft> {
        self.once("text.code", raw.iter().map(|one| &one.code));
        raw.into_iter()
            .map(|one| self.draft(one, checks, values))
            .collect()
    }

    fn draft(&mut self, raw: RawDraft, checks: &[Check], values: &[ValueRule]) -> Draft {
        self.code("text.code", &raw.code);
        let audience = Audience::ALL
            .into_iter()
            .find(|one| one.as_str() == raw.audience.get_ref() && *one != Audience::Team);
        if audience.is_none() {
            let message = "is none of citizen, region, authority, technical";
            self.say(raw.audience.span(), "text.audience", message);
        }
        let places: Vec<_> = raw.one_of.iter().map(Spanned::span).collect();
        let one_of = self.known_values("text.one_of", raw.one_of, values);
        let sentences: Vec<Sentence> = raw
            .sentence
            .into_iter()
            .map(|one| self.sentence(one, checks, values))
            .collect();
        for (name, place) in one_of.iter().zip(places) {
            let is_placed = sentences
                .iter()
                .any(|sentence| sentence.optional && sentence.gaps().any(|gap| gap == name));
            if !is_placed {
                let message = format!("no optional sentence has a gap for `{name}`");
                self.say(place, "text.one_of", &message);
            }
        }
        Draft {
            code: DraftCode::new(raw.code.into_inner()),
            audience: audience.unwrap_or(Audience::Team),
            one_of,
            sentences,
        }
    }

    fn sentence(
        &mut self,
        raw: Spanned<RawSentence>,
        checks: &[Check],
        values: &[ValueRule],
    ) -> Sentence {
        let at = raw.span();
        let raw = raw.into_inner();
        let it = self.parts(&at, "text.sentence.it", raw.it, values);
        let en = self.parts(&at, "text.sentence.en", raw.en, values);
        if let (Some(it), Some(en)) = (&it, &en) {
            for name in gaps(it).symmetric_difference(&gaps(en)) {
                let message = format!("the gap `{name}` is in one language only");
                self.say(at.clone(), "text.sentence", &message);
            }
        }
        let sentence = Sentence {
            it: it.unwrap_or_default(),
            en: en.unwrap_or_default(),
            when: self.conditions("text.sentence.when", raw.when, checks),
            optional: raw.optional,
        };
        if sentence.optional && sentence.gaps().next().is_none() {
            let message = "has no gap, so nothing can be missing from it";
            self.say(at, "text.sentence.optional", message);
        }
        sentence
    }

    fn parts(
        &mut self,
        at: &std::ops::Range<usize>,
        field: &str,
        word: Option<Word>,
        values: &[ValueRule],
    ) -> Option<Vec<Part>> {
        let span = word.as_ref().map_or_else(|| at.clone(), Spanned::span);
        let words = self.words(at, field, word);
        let parts = match draft::parse(&words) {
            Ok(parts) => parts,
            Err(message) => {
                self.say(span, field, message);
                return None;
            }
        };
        for name in gaps(&parts) {
            if values.iter().all(|rule| rule.name != *name) {
                let message = format!("there is no value `{name}` for this gap");
                self.say(span.clone(), field, &message);
            }
        }
        (!words.is_empty()).then_some(parts)
    }
}

fn gaps(parts: &[Part]) -> BTreeSet<&ValueName> {
    let named = parts.iter().filter_map(|part| match part {
        Part::Gap(name) => Some(name),
        Part::Words(_) => None,
    });
    named.collect()
}
