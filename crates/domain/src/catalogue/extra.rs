//! A field only one service asks, and what counts as a value of it.

use jiff::civil::{Date, date};
use serde_json::Value;

use crate::codes::ProblemTypeCode;
use crate::invalid::{Invalid, Text};
use crate::tax_code::TaxCode;

/// The earliest day and the earliest year anybody can mean (`domain.md` §3.5).
const FIRST_DAY: Date = date(1900, 1, 1);
/// The earliest reference year (`domain.md` §3.5).
pub const FIRST_YEAR: i16 = 1970;

/// A field of one service's form (`domain.md` §3.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraField {
    /// Its key inside `extra`.
    pub name: String,
    /// What people read.
    pub label: Text,
    /// What its values look like.
    pub kind: ExtraKind,
    /// Whether it must be given whatever the problem.
    pub required: bool,
    /// The problem types for which it must be given.
    pub required_for: Vec<ProblemTypeCode>,
    /// A line of help.
    pub hint: Option<Text>,
}

/// What the values of a field look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExtraKind {
    /// That many decimal digits.
    Digits(usize),
    /// A text of exactly that many characters.
    ExactText(usize),
    /// A text of at most that many characters, on one line.
    Text(usize),
    /// A tax code.
    TaxCode,
    /// One to that many different tax codes.
    TaxCodes(usize),
    /// A day since 1900, not in the future.
    Date,
    /// A year since 1970, not in the future.
    Year,
    /// One of a list.
    Choice(Vec<Choice>),
}

/// One entry of a list to choose from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Choice {
    /// What is sent.
    pub code: String,
    /// What people read.
    pub label: Text,
}

/// What a value is checked against besides its field.
#[derive(Debug, Clone, Copy)]
pub struct ExtraContext {
    /// The day of filing, in Italy.
    pub today: Date,
    /// Whether STP and ENI codes are tax codes here.
    pub allow_stp_eni: bool,
}

impl ExtraField {
    /// The value normalised, or what is wrong with it and where: the pointer is relative to the
    /// field. `None` is a value left blank.
    pub fn check(
        &self,
        value: &Value,
        context: ExtraContext,
    ) -> Result<Option<Value>, Vec<(String, Invalid)>> {
        if let ExtraKind::TaxCodes(max) = self.kind {
            return tax_codes(value, max, context);
        }
        let text = match value {
            Value::Null => return Ok(None),
            Value::String(text) => text.trim().to_owned(),
            // Only a year reads naturally as a number in JSON; elsewhere leading zeros would be
            // lost.
            Value::Number(number) if self.kind == ExtraKind::Year => number.to_string(),
            Value::Number(_) | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                return Err(vec![(String::new(), wrong_format())]);
            }
        };
        if text.is_empty() {
            return Ok(None);
        }
        self.kind
            .parse(&text, context)
            .map(Some)
            .map_err(|invalid| vec![(String::new(), invalid)])
    }
}

impl ExtraKind {
    fn parse(&self, text: &str, context: ExtraContext) -> Result<Value, Invalid> {
        if text.chars().any(char::is_control) {
            return Err(Invalid::new(
                "forbidden-chars",
                "Caratteri non ammessi",
                "control characters are not allowed",
            ));
        }
        let chars = text.chars().count();
        match self {
            ExtraKind::Digits(length) => {
                let digits: String = text.chars().filter(|c| *c != ' ').collect();
                if !digits.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(Invalid::new(
                        "invalid-format",
                        "Deve essere composto solo da numeri",
                        "digits only",
                    ));
                }
                exactly(*length, digits.len())?;
                Ok(Value::String(digits))
            }
            ExtraKind::ExactText(length) => {
                exactly(*length, chars)?;
                Ok(Value::String(text.to_owned()))
            }
            ExtraKind::Text(max) if chars > *max => Err(Invalid {
                code: "too-long",
                message: Text::owned(
                    format!("Può contenere al massimo {max} caratteri"),
                    format!("at most {max} characters"),
                ),
            }),
            ExtraKind::Text(_) => Ok(Value::String(text.to_owned())),
            ExtraKind::TaxCode | ExtraKind::TaxCodes(_) => {
                TaxCode::parse(text, context.allow_stp_eni)
                    .map(|code| Value::String(code.as_str().to_owned()))
            }
            ExtraKind::Date => {
                let day = full_date(text).ok_or(Invalid::new(
                    "invalid-format",
                    "Inserire una data valida",
                    "a valid date is needed, as YYYY-MM-DD",
                ))?;
                within(FIRST_DAY <= day && day <= context.today)?;
                Ok(Value::String(day.to_string()))
            }
            ExtraKind::Year => {
                let four = text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit());
                let year = text
                    .parse::<i16>()
                    .ok()
                    .filter(|_| four)
                    .ok_or(wrong_format())?;
                within((FIRST_YEAR..=context.today.year()).contains(&year))?;
                Ok(Value::from(year))
            }
            ExtraKind::Choice(choices) => choices
                .iter()
                .find(|choice| choice.code.eq_ignore_ascii_case(text))
                .map(|choice| Value::String(choice.code.clone()))
                .ok_or(Invalid::new(
                    "not-in-list",
                    "Valore non in elenco",
                    "not one of the choices",
                )),
        }
    }
}

/// One text stands for a list of one: a form field sent once arrives that way.
fn tax_codes(
    value: &Value,
    max: usize,
    context: ExtraContext,
) -> Result<Option<Value>, Vec<(String, Invalid)>> {
    let single;
    let items = match value {
        Value::Null => return Ok(None),
        Value::Array(items) => items,
        other => {
            single = vec![other.clone()];
            &single
        }
    };
    if items.len() > max {
        let message = Text::owned(
            format!("Al massimo {max} valori"),
            format!("at most {max} values"),
        );
        return Err(vec![(
            String::new(),
            Invalid {
                code: "too-many-items",
                message,
            },
        )]);
    }
    let (mut codes, mut errors) = (Vec::new(), Vec::new());
    for (index, item) in items.iter().enumerate() {
        let parsed = match item {
            Value::String(text) if text.trim().is_empty() => continue,
            Value::String(text) => ExtraKind::TaxCode.parse(text.trim(), context),
            _ => Err(wrong_format()),
        };
        match parsed {
            Ok(code) if codes.contains(&code) => {}
            Ok(code) => codes.push(code),
            Err(invalid) => errors.push((
                if value.is_array() {
                    format!("/{index}")
                } else {
                    String::new()
                },
                invalid,
            )),
        }
    }
    match errors.is_empty() {
        true if codes.is_empty() => Ok(None),
        true => Ok(Some(Value::Array(codes))),
        false => Err(errors),
    }
}

/// RFC 3339 `full-date` and nothing looser: a time or a zone after it would be thrown away.
fn full_date(text: &str) -> Option<Date> {
    let shape = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    text.parse::<Date>()
        .ok()
        .filter(|day| shape && day.to_string() == text)
}

fn exactly(length: usize, found: usize) -> Result<(), Invalid> {
    match found == length {
        true => Ok(()),
        false => Err(Invalid {
            code: "length",
            message: Text::owned(
                format!("Deve essere di {length} caratteri"),
                format!("exactly {length} characters"),
            ),
        }),
    }
}

fn within(inside: bool) -> Result<(), Invalid> {
    match inside {
        true => Ok(()),
        false => Err(Invalid::new(
            "out-of-range",
            "Troppo indietro nel tempo o nel futuro",
            "too far back, or in the future",
        )),
    }
}

const fn wrong_format() -> Invalid {
    Invalid::new(
        "invalid-format",
        "Formato non valido",
        "not a value of this field",
    )
}
