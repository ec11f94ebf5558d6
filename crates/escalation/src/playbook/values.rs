//! The values drafts are filled with: what each looks like, and what counts as one.
//!
//! They are identifiers, dates, amounts and codes, and nothing a person would call a secret
//! (`domain.md` §6, minimisation).

use std::collections::BTreeMap;

use domain::catalogue::Reference;
use domain::invalid::{Invalid, Lang, Text};
use jiff::civil::{Date, date};

use super::code::ValueName;

/// Values by name, each in the form [`super::Set::read_values`] gives it.
pub type Values = BTreeMap<ValueName, String>;

/// The longest text unless its rule says otherwise, in characters (`domain.md` §6).
pub const USUAL_TEXT_CHARS: usize = 64;
/// The earliest and the latest day anybody can mean.
const DAYS: (Date, Date) = (date(1900, 1, 1), date(2199, 12, 31));
/// Digits before the decimal point of an amount.
const AMOUNT_DIGITS: usize = 7;

/// A value a playbook asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueRule {
    /// Its name in drafts and in the API.
    pub name: ValueName,
    /// What people read.
    pub label: Text,
    /// What it looks like.
    pub kind: ValueKind,
}

/// What a value looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueKind {
    /// A text on one line.
    Text {
        /// The most it may have, in characters.
        max: usize,
    },
    /// Decimal digits.
    Digits {
        /// How many.
        length: usize,
    },
    /// A day (RFC 3339, `full-date`).
    Date,
    /// An amount in euro, such as `36.15`.
    Amount,
    /// The code of a health authority of the catalogue.
    Authority,
}

/// What drafts call the health authorities that may be named.
pub(super) type Authorities = BTreeMap<String, Text>;

/// The health authorities of a catalogue, past ones included: old reports are theirs.
pub(super) fn authorities(reference: &Reference) -> Authorities {
    reference
        .authorities()
        .iter()
        .filter(|authority| authority.kind.is_health())
        .map(|authority| (authority.code.to_string(), authority.label.clone()))
        .collect()
}

impl ValueKind {
    /// The value in the form it is kept in, or what is wrong with it.
    pub(super) fn parse(&self, text: &str, known: &Authorities) -> Result<String, Invalid> {
        let text = text.trim();
        if text.chars().any(char::is_control) {
            return Err(FORBIDDEN_CHARS);
        }
        match self {
            ValueKind::Text { max } if text.chars().count() > *max => Err(too_long(*max)),
            ValueKind::Text { .. } => Ok(text.to_owned()),
            ValueKind::Digits { length } => digits(text, *length),
            ValueKind::Date => day(text).map(|day| day.to_string()).ok_or(Invalid::new(
                "invalid-format",
                "Inserire una data valida",
                "a valid date is needed, as YYYY-MM-DD",
            )),
            ValueKind::Amount => amount(text).ok_or(Invalid::new(
                "invalid-format",
                "Inserire un importo in euro, ad esempio 36,15",
                "an amount in euro is needed, such as 36.15",
            )),
            ValueKind::Authority => known
                .keys()
                .find(|code| code.eq_ignore_ascii_case(text))
                .cloned()
                .ok_or(Invalid::new(
                    "not-in-list",
                    "Azienda non in elenco",
                    "no such health authority",
                )),
        }
    }

    /// A value that [`ValueKind::parse`] gave, as people write it. Words stay as they are.
    pub(super) fn show(&self, value: &str, lang: Lang, known: &Authorities) -> String {
        let shown = match self {
            ValueKind::Text { .. } | ValueKind::Digits { .. } => None,
            ValueKind::Date => day(value).map(|day| match lang {
                Lang::It => day.strftime("%d/%m/%Y").to_string(),
                Lang::En => day.strftime("%-d %B %Y").to_string(),
            }),
            ValueKind::Amount => Some(match lang {
                Lang::It => format!("{} euro", value.replace('.', ",")),
                Lang::En => format!("EUR {value}"),
            }),
            ValueKind::Authority => known
                .get(value)
                .map(|label| format!("{} ({value})", label.to(lang))),
        };
        shown.unwrap_or_else(|| value.to_owned())
    }
}

const FORBIDDEN_CHARS: Invalid = Invalid::new(
    "forbidden-chars",
    "Caratteri non ammessi",
    "control characters are not allowed",
);

fn too_long(max: usize) -> Invalid {
    Invalid {
        code: "too-long",
        message: Text::owned(
            format!("Può contenere al massimo {max} caratteri"),
            format!("at most {max} characters"),
        ),
    }
}

/// People write long numbers in groups; the spaces are not part of them.
fn digits(text: &str, length: usize) -> Result<String, Invalid> {
    let digits: String = text.chars().filter(|c| *c != ' ').collect();
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Invalid::new(
            "invalid-format",
            "Deve essere composto solo da numeri",
            "digits only",
        ));
    }
    if digits.len() != length {
        return Err(Invalid {
            code: "length",
            message: Text::owned(
                format!("Deve essere di {length} cifre"),
                format!("exactly {length} digits"),
            ),
        });
    }
    Ok(digits)
}

/// A full date and nothing looser: a time or a zone after it would be thrown away.
fn day(text: &str) -> Option<Date> {
    let day = text.parse::<Date>().ok()?;
    let (first, last) = DAYS;
    (day.to_string() == text && (first..=last).contains(&day)).then_some(day)
}

/// Euro and, after a comma or a point, cents; kept with a point and both cents.
fn amount(text: &str) -> Option<String> {
    let (euro, cents) = match text.split_once([',', '.']) {
        Some((euro, cents)) => (euro, cents),
        None => (text, "00"),
    };
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let fits = is_number(euro) && euro.len() <= AMOUNT_DIGITS;
    (fits && is_number(cents) && cents.len() == 2).then(|| format!("{euro}.{cents}"))
}
