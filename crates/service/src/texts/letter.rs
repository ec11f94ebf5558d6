//! Schemes of letters: words with gaps of which a scheme has its own, each of a kind, beside those that
//! every complaint fills (`domain.md` §10.4).
//!
//! Read by the same hand as the mails (`docs/adr/0018`): a gap places a value and does nothing else.
//! Invariant: a letter is made of a checked scheme and checked values, or not at all.

use std::collections::BTreeMap;

use domain::invalid::{FieldError, Invalid, Lang, Text};
use domain::text::check_wording;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::wording::{foreign_content, gap, syntax, tidy, unknown};

/// The longest words of a scheme.
pub const BODY_MAX_CHARS: usize = 8_000;
/// Most gaps of its own that a scheme has.
pub const MOST_GAPS: usize = 20;
/// The longest value of a line, and of several.
const LINE_MAX_CHARS: usize = 200;
const LINES_MAX_CHARS: usize = 3_000;

/// What a gap takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GapKind {
    /// A line of text.
    Line,
    /// Text in lines.
    Lines,
    /// A day, such as 2026-03-02.
    Date,
    /// A number, such as 12 or 12,50.
    Number,
}

impl GapKind {
    /// Every kind.
    pub const ALL: [GapKind; 4] = [
        GapKind::Line,
        GapKind::Lines,
        GapKind::Date,
        GapKind::Number,
    ];

    /// The code used in rows and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            GapKind::Line => "line",
            GapKind::Lines => "lines",
            GapKind::Date => "date",
            GapKind::Number => "number",
        }
    }

    /// The kind with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        GapKind::ALL.into_iter().find(|kind| kind.as_str() == code)
    }
}

/// A gap of a scheme's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// What is written between the braces.
    pub code: String,
    /// What it takes.
    pub kind: GapKind,
    /// What people call it.
    pub label: String,
}

/// What every complaint fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// The number of the complaint.
    Number,
    /// The day it came in.
    ReceivedOn,
    /// What it is about, in a line.
    Subject,
    /// The office that answers.
    AuthorityLabel,
    /// Who complains.
    Complainant,
}

impl Given {
    /// All of them.
    pub const ALL: [Given; 5] = [
        Given::Number,
        Given::ReceivedOn,
        Given::Subject,
        Given::AuthorityLabel,
        Given::Complainant,
    ];

    /// What is written between the braces.
    pub const fn code(self) -> &'static str {
        match self {
            Given::Number => "number",
            Given::ReceivedOn => "received_on",
            Given::Subject => "subject",
            Given::AuthorityLabel => "authority_label",
            Given::Complainant => "complainant",
        }
    }
}

/// Checks the words of a scheme; every gap of its own must be placed.
pub fn check(input: &str, gaps: &[Gap]) -> Result<String, Vec<Invalid>> {
    let body = check_wording(input, BODY_MAX_CHARS).map_err(|error| vec![error])?;
    let mut errors = foreign_content(&body);
    match names(&body) {
        None => errors.push(syntax()),
        Some(placed) => {
            let is_known = |name: &str| {
                gaps.iter().any(|gap| gap.code == name)
                    || Given::ALL.iter().any(|given| given.code() == name)
            };
            errors.extend(
                placed
                    .iter()
                    .filter(|name| !is_known(name))
                    .map(|name| unknown(name)),
            );
            let is_missing = |gap: &&Gap| !placed.contains(&gap.code.as_str());
            errors.extend(gaps.iter().filter(is_missing).map(not_placed));
        }
    }
    match errors.is_empty() {
        true => Ok(tidy(&body)),
        false => Err(errors),
    }
}

/// Checks the gaps a scheme declares.
pub fn check_gaps(gaps: &[Gap]) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (at, one) in gaps.iter().enumerate() {
        let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let is_good = (1..=40).contains(&one.code.len()) && one.code.chars().all(is_word);
        let is_given = Given::ALL.iter().any(|given| given.code() == one.code);
        let is_again = gaps.iter().take(at).any(|other| other.code == one.code);
        if !is_good || is_given || is_again {
            let invalid = Invalid::new(
                "invalid-format",
                "Un nome nuovo di lettere minuscole, cifre e trattini bassi",
                "a new name of lower-case letters, digits and underscores",
            );
            errors.push(invalid.at(format!("/placeholders/{at}/code")));
        }
    }
    errors
}

/// Puts values into the gaps of checked words; all that is wrong with the values is told, each under
/// `/values/` and its name.
pub fn fill(
    body: &str,
    gaps: &[Gap],
    values: &BTreeMap<String, String>,
    given: impl Fn(Given) -> String,
) -> Result<String, Vec<FieldError>> {
    let mut errors = Vec::new();
    let mut ready = BTreeMap::new();
    for one in gaps {
        let value = values
            .get(&one.code)
            .map(String::as_str)
            .unwrap_or_default();
        match read(one.kind, value) {
            Ok(text) => {
                ready.insert(one.code.as_str(), text);
            }
            Err(invalid) => errors.push(invalid.at(format!("/values/{}", one.code))),
        }
    }
    for name in values.keys() {
        if !gaps.iter().any(|one| one.code == *name) {
            let shown: String = name.chars().take(40).collect();
            errors.push(unknown(&shown).at(format!("/values/{shown}")));
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let mut text = String::new();
    let mut rest = body;
    while let Some((words, braces)) = rest.find("{{").and_then(|at| rest.split_at_checked(at)) {
        text.push_str(words);
        let Some((name, after)) = gap(braces) else {
            return Err(vec![syntax().at("/body")]);
        };
        let known = Given::ALL.into_iter().find(|one| one.code() == name);
        match (ready.get(name), known) {
            (Some(value), _) => text.push_str(value),
            // One line, whatever somebody wrote.
            (None, Some(one)) => text.push_str(&given(one).replace(['\r', '\n'], " ")),
            (None, None) => return Err(vec![unknown(name).at("/body")]),
        }
        rest = after;
    }
    text.push_str(rest);
    Ok(text)
}

/// The gaps that words have, in their order; none if braces stand where they may not.
fn names(body: &str) -> Option<Vec<&str>> {
    let mut names = Vec::new();
    let mut rest = body;
    while let Some((_, braces)) = rest
        .find(['{', '}'])
        .and_then(|at| rest.split_at_checked(at))
    {
        let (name, after) = gap(braces)?;
        names.push(name);
        rest = after;
    }
    Some(names)
}

fn read(kind: GapKind, value: &str) -> Result<String, Invalid> {
    if value.trim().is_empty() {
        return Err(Invalid::required());
    }
    let is_number = |text: &str| {
        let (whole, part) = text.split_once(',').unwrap_or((text, "0"));
        let digits = |text: &str, most| {
            (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        digits(whole, 12) && digits(part, 2)
    };
    match kind {
        GapKind::Line => {
            let text = check_wording(value, LINE_MAX_CHARS)?;
            match text.contains('\n') {
                true => Err(malformed("Una riga sola", "one line")),
                false => Ok(text),
            }
        }
        GapKind::Lines => check_wording(value, LINES_MAX_CHARS),
        GapKind::Date => {
            let day: Option<Date> = value.trim().parse().ok();
            let day = day.filter(|_| value.trim().len() == 10);
            day.map(|day| day.strftime("%d/%m/%Y").to_string())
                .ok_or_else(|| malformed("Una data come 2026-03-02", "a date such as 2026-03-02"))
        }
        GapKind::Number if is_number(value.trim()) => Ok(value.trim().to_owned()),
        GapKind::Number => Err(malformed(
            "Un numero come 12 o 12,50",
            "a number such as 12 or 12,50",
        )),
    }
}

const fn malformed(it: &'static str, en: &'static str) -> Invalid {
    Invalid::new("invalid-format", it, en)
}

fn not_placed(gap: &Gap) -> Invalid {
    let code = &gap.code;
    Invalid {
        code: "placeholder-missing",
        message: Text::owned(
            format!("Manca il segnaposto {{{{ {code} }}}}"),
            format!("the placeholder {{{{ {code} }}}} is missing"),
        ),
    }
}

/// The words of a scheme in a language.
pub fn in_language<'a>(lang: Lang, it: &'a str, en: &'a str) -> &'a str {
    match lang {
        Lang::It => it,
        Lang::En => en,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap_of(code: &str, kind: GapKind) -> Gap {
        Gap {
            code: code.to_owned(),
            kind,
            label: code.to_owned(),
        }
    }

    fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn a_letter_is_made_of_words_and_typed_values() {
        let gaps = [
            gap_of("day", GapKind::Date),
            gap_of("refund", GapKind::Number),
        ];
        let body = check(
            "Il {{ day }} abbiamo reso {{refund}} euro ({{ number }}).",
            &gaps,
        );
        let made = |pairs: &[(&str, &str)]| {
            let body = body.as_deref().unwrap();
            fill(body, &gaps, &values(pairs), |_| "R-1\n{{ day }}".to_owned())
        };
        assert_eq!(
            made(&[("day", "2026-03-02"), ("refund", "12,50")]).unwrap(),
            // What a value holds is never read as a gap.
            "Il 02/03/2026 abbiamo reso 12,50 euro (R-1 {{ day }})."
        );
        let codes = |pairs: &[(&str, &str)]| {
            let errors = made(pairs).unwrap_err();
            let told = errors.into_iter().map(|error| (error.pointer, error.code));
            told.collect::<Vec<_>>()
        };
        assert_eq!(
            codes(&[("day", "2/3/2026"), ("refund", ""), ("more", "x")]),
            [
                ("/values/day".to_owned(), "invalid-format"),
                ("/values/refund".to_owned(), "required"),
                ("/values/more".to_owned(), "unknown-placeholder"),
            ]
        );
    }

    #[test]
    fn what_is_wrong_with_a_scheme_is_told() {
        let gaps = [gap_of("day", GapKind::Date)];
        let refused = |body: &str| {
            let errors = check(body, &gaps).err().unwrap_or_default();
            errors
                .into_iter()
                .map(|error| error.code)
                .collect::<Vec<_>>()
        };
        for (body, codes) in [
            ("Il {{ day }}", &[][..]),
            ("Niente", &["placeholder-missing"]),
            ("{{ day }} {{ hour }}", &["unknown-placeholder"]),
            ("{{ day }} {% if %}", &["template-syntax"]),
            ("{{ day }} https://example.org", &["remote-content"]),
            ("{{ day }} <b>x</b>", &["html-not-allowed"]),
        ] {
            assert_eq!(refused(body), codes, "{body}");
        }
        for code in ["Day", "number", "", "day"] {
            let twice = [gap_of("day", GapKind::Line), gap_of(code, GapKind::Line)];
            assert_eq!(check_gaps(&twice).len(), 1, "{code}");
        }
    }
}
