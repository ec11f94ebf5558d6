//! Values: kinds with their numbers, and names that are no secrets.

use toml::Spanned;

use super::Reader;
use crate::playbook::code::ValueName;
use crate::playbook::file::{RawKind, RawValue, Word};
use crate::playbook::values::{USUAL_TEXT_CHARS, ValueKind, ValueRule};

/// What nobody may be asked to write into a request (`domain.md` §6, PB-6 f3).
const SECRETS: [&str; 6] = ["pin", "puk", "password", "otp", "secret", "credentials"];
/// The longest text or number a rule may allow, so that a note stays within its own length.
const LONGEST: usize = 200;

impl Reader<'_> {
    pub(super) fn values(&mut self, raw: Vec<RawValue>) -> Vec<ValueRule> {
        self.once("value.name", raw.iter().map(|one| &one.name));
        raw.into_iter().map(|one| self.value(one)).collect()
    }

    fn value(&mut self, raw: RawValue) -> ValueRule {
        let name = raw.name.get_ref();
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if name.is_empty() || !name.bytes().all(plain) {
            let message = "has lower-case ASCII letters, digits and `_`";
            self.say(raw.name.span(), "value.name", message);
        }
        if name.split('_').any(|part| SECRETS.contains(&part)) {
            let message = "a secret is never a value: it has no place in a request";
            self.say(raw.name.span(), "value.name", message);
        }
        let kind = match raw.kind.get_ref() {
            RawKind::Text => ValueKind::Text {
                max: self.size(
                    "value.max",
                    &raw.name,
                    raw.max.as_ref(),
                    Some(USUAL_TEXT_CHARS),
                ),
            },
            RawKind::Digits => ValueKind::Digits {
                length: self.size("value.length", &raw.name, raw.length.as_ref(), None),
            },
            RawKind::Date => ValueKind::Date,
            RawKind::Amount => ValueKind::Amount,
            RawKind::Authority => ValueKind::Authority,
        };
        for (size, field, is_wanted) in [
            (
                &raw.max,
                "value.max",
                matches!(kind, ValueKind::Text { .. }),
            ),
            (
                &raw.length,
                "value.length",
                matches!(kind, ValueKind::Digits { .. }),
            ),
        ] {
            if let (Some(size), false) = (size, is_wanted) {
                self.say(size.span(), field, "does not belong to this kind");
            }
        }
        ValueRule {
            name: ValueName::new(raw.name.into_inner()),
            label: self.text("value.label", raw.label),
            kind,
        }
    }

    fn size(
        &mut self,
        field: &str,
        name: &Word,
        size: Option<&Spanned<usize>>,
        usual: Option<usize>,
    ) -> usize {
        let (span, number) = match size {
            Some(size) => (size.span(), Some(*size.get_ref())),
            None => (name.span(), usual),
        };
        match number {
            None => self.say(span, field, "is missing for this kind"),
            Some(number) if !(1..=LONGEST).contains(&number) => {
                self.say(span, field, &format!("must be from 1 to {LONGEST}"));
            }
            Some(_) => {}
        }
        number.unwrap_or(1)
    }

    /// The values of these names.
    pub(super) fn known_values(
        &mut self,
        field: &str,
        words: Vec<Word>,
        values: &[ValueRule],
    ) -> Vec<ValueName> {
        self.once(field, words.iter());
        let mut known = Vec::new();
        for word in words {
            let name = ValueName::from(word.get_ref().as_str());
            match values.iter().any(|rule| rule.name == name) {
                true => known.push(name),
                false => self.say(word.span(), field, &format!("there is no value `{name}`")),
            }
        }
        known
    }
}
