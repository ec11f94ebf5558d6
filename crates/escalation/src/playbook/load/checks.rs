//! Checks: answers that have words, and details that have values.

use domain::invalid::Text;
use toml::Spanned;

use super::Reader;
use crate::playbook::code::{AnswerCode, CheckCode, UNKNOWN};
use crate::playbook::file::{Described, RawAnswer, RawCheck, Word};
use crate::playbook::model::{Answer, Check};
use crate::playbook::values::ValueRule;

/// The fewest answers that leave something to find out.
const FEWEST_ANSWERS: usize = 2;

impl Reader<'_> {
    pub(super) fn checks(&mut self, raw: Vec<RawCheck>, values: &[ValueRule]) -> Vec<Check> {
        self.once("check.code", raw.iter().map(|one| &one.code));
        raw.into_iter().map(|one| self.check(one, values)).collect()
    }

    fn check(&mut self, raw: RawCheck, values: &[ValueRule]) -> Check {
        self.code("check.code", &raw.code);
        let at = raw.code.span();
        match (raw.answers.is_empty(), raw.details.is_empty()) {
            (true, true) => {
                let message = "a check has `answers` or, where it asks for values, `details`";
                self.say(at, "check.answers", message);
            }
            (false, false) => {
                let message = "a check with `details` has no `answers`";
                self.say(at, "check.details", message);
            }
            (false, true) if raw.answers.len() < FEWEST_ANSWERS => {
                self.say(
                    at,
                    "check.answers",
                    "with one answer there is nothing to find out",
                );
            }
            (false, true) | (true, false) => {}
        }
        let mut answers: Vec<Answer> = Vec::new();
        for one in raw.answers {
            let place = one.span();
            let answer = self.answer(one, values);
            if answers.iter().any(|before| before.code == answer.code) {
                let message = format!("`{}` is there twice", answer.code);
                self.say(place, "check.answers", &message);
            }
            answers.push(answer);
        }
        if raw.unknown && !answers.is_empty() {
            answers.push(Answer {
                code: AnswerCode::from(UNKNOWN),
                label: Text::new("Non si sa", "Not known"),
                needs: Vec::new(),
            });
        }
        Check {
            code: CheckCode::new(raw.code.into_inner()),
            question: self.text("check.question", raw.question),
            verified_by: self.text("check.verified_by", raw.verified_by),
            ask_citizen: raw
                .ask_citizen
                .map(|text| self.text("check.ask_citizen", text)),
            answers,
            details: self.known_values("check.details", raw.details, values),
        }
    }

    fn answer(&mut self, raw: Spanned<RawAnswer>, values: &[ValueRule]) -> Answer {
        let place = raw.span();
        let described = match raw.into_inner() {
            RawAnswer::Described(described) => described,
            RawAnswer::Plain(code) => Described {
                code,
                label: None,
                needs: Vec::new(),
            },
        };
        let word = Word::new(place.clone(), described.code);
        self.code("check.answers", &word);
        let usual = match word.get_ref().as_str() {
            "yes" => Some(Text::new("Sì", "Yes")),
            "no" => Some(Text::new("No", "No")),
            _ => None,
        };
        if word.get_ref() == UNKNOWN {
            let message = "`unknown` is there by itself; `unknown = false` takes it away";
            self.say(place.clone(), "check.answers", message);
        }
        let label = match (described.label, usual) {
            (Some(label), _) => self.text("check.answers.label", label),
            (None, Some(usual)) => usual,
            (None, None) => {
                let message = format!(
                    "`{}` has no words of its own: a label is needed",
                    word.get_ref()
                );
                self.say(place, "check.answers.label", &message);
                Text::owned("", "")
            }
        };
        Answer {
            code: AnswerCode::new(word.into_inner()),
            label,
            needs: self.known_values("check.answers.needs", described.needs, values),
        }
    }
}
