//! What people and programs send: answers and values, checked against the set.

use std::collections::BTreeMap;

use domain::invalid::{FieldError, Invalid};
use serde_json::Value;

use super::Set;
use super::code::{AnswerCode, CheckCode, ValueName};
use super::model::Answers;
use super::values::Values;

/// What was sent, by name.
pub type Sent = BTreeMap<String, Value>;

impl Set {
    /// The answers that were sent, or everything that is wrong with them, at `/answers/…`. `null`
    /// stands for no answer.
    pub fn read_answers(&self, sent: &Sent) -> Result<Answers, Vec<FieldError>> {
        read("answers", sent, |name, word| {
            let code = CheckCode::from(name);
            let check = self.check(&code).ok_or(UNKNOWN_FIELD)?;
            if check.is_details() {
                return Err(Invalid::new(
                    "takes-values",
                    "Questa verifica chiede dei valori, non una risposta",
                    "this check takes values, not an answer",
                ));
            }
            let answer = AnswerCode::from(word);
            match check.answer(&answer) {
                Some(_) => Ok((code, answer)),
                None => Err(Invalid::new(
                    "not-in-list",
                    "Risposta non in elenco",
                    "not one of the answers of this check",
                )),
            }
        })
    }

    /// The values that were sent, in the form they are kept in, or everything that is wrong with
    /// them, at `/values/…`. `null` and blank texts stand for no value.
    pub fn read_values(&self, sent: &Sent) -> Result<Values, Vec<FieldError>> {
        read("values", sent, |name, text| {
            let name = ValueName::from(name);
            let rule = self.value(&name).ok_or(UNKNOWN_FIELD)?;
            let value = rule.kind.parse(text, &self.authorities)?;
            Ok((name, value))
        })
    }
}

const UNKNOWN_FIELD: Invalid = Invalid::new(
    "unknown-field",
    "Campo non previsto",
    "there is no such field",
);

fn read<K: Ord, V>(
    list: &str,
    sent: &Sent,
    parse: impl Fn(&str, &str) -> Result<(K, V), Invalid>,
) -> Result<BTreeMap<K, V>, Vec<FieldError>> {
    let mut good = BTreeMap::new();
    let mut errors = Vec::new();
    for (name, value) in sent {
        let parsed = match value {
            Value::Null => continue,
            Value::String(text) if text.trim().is_empty() => continue,
            Value::String(text) => parse(name, text),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => Err(
                Invalid::new("invalid-format", "Deve essere un testo", "must be a text"),
            ),
        };
        match parsed {
            Ok((key, value)) => {
                good.insert(key, value);
            }
            Err(invalid) => errors.push(invalid.at(pointer(list, name))),
        }
    }
    match errors.is_empty() {
        true => Ok(good),
        false => Err(errors),
    }
}

/// The place of a member in the body that was sent (RFC 6901).
pub(super) fn pointer(list: &str, name: &str) -> String {
    format!("/{list}/{}", name.replace('~', "~0").replace('/', "~1"))
}
