//! From a text to rules: the shape of each, and the words that need no reference data.

use std::collections::HashSet;
use std::fmt;

use domain::actor::Pool;
use domain::catalogue::{ReferenceFile, Route};
use domain::codes::{AuthorityCode, ProblemTypeCode, RuleCode, ServiceCode};
use domain::invalid::{FieldError, Invalid, Text};
use domain::state::{Channel, HandOverReason, RequesterKind};
use serde::Deserialize;
use toml::Spanned;

use super::{Conditions, CustodyChange, Destination, MAX_BYTES, MAX_RULES, Rule};

/// Something wrong with a text of rules, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The line, from 1.
    pub line: usize,
    /// The key, as far as it is known.
    pub field: String,
    /// A stable code for programs.
    pub code: &'static str,
    /// What is wrong, for a person.
    pub message: Text,
}

impl Flaw {
    /// The refusal of a field that holds the whole text: it names the line.
    pub fn at(self, pointer: &str) -> FieldError {
        let Flaw {
            line,
            field,
            code,
            message,
        } = self;
        let place = match field.is_empty() {
            true => String::new(),
            false => format!(", {field}"),
        };
        let it = format!("riga {line}{place}: {}", message.it);
        let en = format!("line {line}{place}: {}", message.en);
        Invalid {
            code,
            message: Text::owned(it, en),
        }
        .at(pointer)
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.line, self.field, self.message.en)
    }
}

type Word = Spanned<String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRules {
    #[serde(default)]
    rule: Vec<RawRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    code: Word,
    label: Option<Word>,
    changes: Spanned<Vec<Word>>,
    services: Option<Spanned<Vec<Word>>>,
    service_route: Option<Route>,
    problem_types: Option<Spanned<Vec<Word>>>,
    declared_authorities: Option<Spanned<Vec<Word>>>,
    requesters: Option<Spanned<Vec<Word>>>,
    channels: Option<Spanned<Vec<Word>>>,
    reasons: Option<Spanned<Vec<Word>>>,
    declared_authority_open: Option<bool>,
    region_open: Option<bool>,
    target: Word,
    pool: Option<Word>,
}

/// A rule, and where its words stand in the text.
pub(super) struct Placed {
    pub(super) rule: Rule,
    pub(super) code: usize,
    pub(super) target: usize,
    pub(super) services: Vec<usize>,
    pub(super) problem_types: Vec<usize>,
    pub(super) declared_authorities: Vec<usize>,
}

/// Reads a text as far as it can be read without reference data; a mistake of shape stops it.
pub(super) fn rules(file: &ReferenceFile<'_>) -> Result<(Vec<Placed>, Vec<Flaw>), Vec<Flaw>> {
    if file.text.len() > MAX_BYTES {
        let (it, en) = (
            format!("più di {MAX_BYTES} byte"),
            format!("more than {MAX_BYTES} bytes"),
        );
        return Err(vec![flaw(file, 0, "", "too-long", Text::owned(it, en))]);
    }
    let raw: RawRules = file.read().map_err(|error| {
        vec![Flaw {
            line: error.line,
            field: error.field,
            code: "malformed",
            // The parser's own words, of which there is one language.
            message: Text::owned(error.message.clone(), error.message),
        }]
    })?;
    let mut reader = Reader {
        file,
        flaws: Vec::new(),
    };
    if raw.rule.len() > MAX_RULES {
        let (it, en) = (
            format!("più di {MAX_RULES} regole"),
            format!("more than {MAX_RULES} rules"),
        );
        reader.say(0, "rule", "too-many", Text::owned(it, en));
    }
    let mut seen = HashSet::new();
    let mut placed = Vec::new();
    for rule in raw.rule {
        let code = rule.code.get_ref();
        let is_slug = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !(1..=64).contains(&code.len()) || !code.bytes().all(is_slug) {
            let (it, en) = (
                "un codice ha da 1 a 64 lettere minuscole, cifre e `-`",
                "a code has 1 to 64 lower-case letters, digits and `-`",
            );
            reader.say(
                rule.code.span().start,
                "rule.code",
                "invalid-format",
                Text::new(it, en),
            );
        }
        if !seen.insert(code.clone()) {
            let (it, en) = (
                format!("`{code}` è usato due volte"),
                format!("`{code}` is used twice"),
            );
            let start = rule.code.span().start;
            reader.say(start, "rule.code", "used-twice", Text::owned(it, en));
        }
        placed.extend(reader.rule(rule));
    }
    Ok((placed, reader.flaws))
}

/// A flaw at a byte of the text.
pub(super) fn flaw(
    file: &ReferenceFile<'_>,
    start: usize,
    field: &str,
    code: &'static str,
    message: Text,
) -> Flaw {
    let error = file.error(start, field, message.en.as_ref());
    Flaw {
        line: error.line,
        field: error.field,
        code,
        message,
    }
}

/// Turns raw rules into rules, noting what is wrong on the way.
struct Reader<'a> {
    file: &'a ReferenceFile<'a>,
    flaws: Vec<Flaw>,
}

impl Reader<'_> {
    fn rule(&mut self, raw: RawRule) -> Option<Placed> {
        let code = raw.code.span().start;
        if let Some(label) = &raw.label
            && !(1..=200).contains(&label.get_ref().trim().chars().count())
        {
            let (it, en) = (
                "un'etichetta ha da 1 a 200 caratteri",
                "a label has 1 to 200 characters",
            );
            let start = label.span().start;
            self.say(start, "rule.label", "invalid-format", Text::new(it, en));
        }
        let changes = self.listed("rule.changes", Some(raw.changes), CustodyChange::from_code);
        let changes = changes.unwrap_or_default();
        let target = raw.target.span().start;
        let destination = self.destination(raw.target, &changes);
        let pool = raw.pool.and_then(|word| {
            let pool = Pool::from_code(word.get_ref());
            if pool.is_none() {
                self.unknown("rule.pool", &word);
            }
            pool
        });
        if let Some(reasons) = &raw.reasons
            && changes
                .iter()
                .any(|change| *change != CustodyChange::HandOver)
        {
            let (it, en) = (
                "solo \"hand-over\" ha un motivo: va in una regola a parte",
                "only a hand-over has a reason: that takes a rule of its own",
            );
            let start = reasons.span().start;
            self.say(start, "rule.reasons", "not-possible", Text::new(it, en));
        }
        let (services, services_at) = self.codes("rule.services", raw.services, ServiceCode::new);
        let (problem_types, problem_types_at) = self.codes(
            "rule.problem_types",
            raw.problem_types,
            ProblemTypeCode::new,
        );
        let (declared_authorities, declared_authorities_at) = self.codes(
            "rule.declared_authorities",
            raw.declared_authorities,
            AuthorityCode::new,
        );
        let conditions = Conditions {
            services,
            service_route: raw.service_route,
            problem_types,
            declared_authorities,
            requesters: self.listed("rule.requesters", raw.requesters, RequesterKind::from_code),
            channels: self.listed("rule.channels", raw.channels, Channel::from_code),
            reasons: self.listed("rule.reasons", raw.reasons, HandOverReason::from_code),
            declared_authority_open: raw.declared_authority_open,
            region_open: raw.region_open,
        };
        Some(Placed {
            rule: Rule {
                code: RuleCode::new(raw.code.into_inner()),
                label: raw.label.map(Spanned::into_inner),
                changes,
                conditions,
                destination: destination?,
                pool,
            },
            code,
            target,
            services: services_at,
            problem_types: problem_types_at,
            declared_authorities: declared_authorities_at,
        })
    }

    /// Where it goes, if a ticket can be there after each of the changes.
    fn destination(&mut self, word: Word, changes: &[CustodyChange]) -> Option<Destination> {
        let start = word.span().start;
        let text = word.into_inner();
        let destination = match text.as_str() {
            "declared-authority" => Destination::Declared,
            "region" => Destination::Region,
            "previous-authority" => Destination::Previous,
            "named-authority" => Destination::Named,
            "technical-desk" => {
                self.no_custody(start);
                return None;
            }
            code => Destination::Authority(AuthorityCode::from(code)),
        };
        for change in changes.iter().filter(|change| !destination.fits(**change)) {
            let change = change.as_str();
            let (it, en) = (
                format!("`{text}` non può avere la richiesta dopo `{change}`"),
                format!("`{text}` cannot have the request after `{change}`"),
            );
            self.say(start, "rule.target", "not-possible", Text::owned(it, en));
        }
        Some(destination)
    }

    fn no_custody(&mut self, start: usize) {
        let no_custody = super::check::no_custody();
        self.say(start, "rule.target", "not-possible", no_custody);
    }

    /// A list of words that this program knows.
    fn listed<T>(
        &mut self,
        field: &str,
        words: Option<Spanned<Vec<Word>>>,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<Vec<T>> {
        let words = words?;
        self.must_not_be_empty(field, &words);
        let mut found = Vec::new();
        for word in words.into_inner() {
            match read(word.get_ref()) {
                Some(value) => found.push(value),
                None => self.unknown(field, &word),
            }
        }
        Some(found)
    }

    /// A list of codes that the reference data know, and where each stands.
    fn codes<T>(
        &mut self,
        field: &str,
        words: Option<Spanned<Vec<Word>>>,
        read: impl Fn(String) -> T,
    ) -> (Option<Vec<T>>, Vec<usize>) {
        let Some(words) = words else {
            return (None, Vec::new());
        };
        self.must_not_be_empty(field, &words);
        let words = words.into_inner();
        let places = words.iter().map(|word| word.span().start).collect();
        let codes = words.into_iter().map(|word| read(word.into_inner()));
        (Some(codes.collect()), places)
    }

    fn must_not_be_empty(&mut self, field: &str, words: &Spanned<Vec<Word>>) {
        if words.get_ref().is_empty() {
            let (it, en) = (
                "un elenco vuoto non corrisponde a nulla",
                "an empty list matches nothing",
            );
            let start = words.span().start;
            self.say(start, field, "required", Text::new(it, en));
        }
    }

    fn unknown(&mut self, field: &str, word: &Word) {
        let text = word.get_ref();
        let (it, en) = (
            format!("`{text}` non è tra i valori possibili"),
            format!("`{text}` is none of the values there are"),
        );
        let start = word.span().start;
        self.say(start, field, "not-in-list", Text::owned(it, en));
    }

    fn say(&mut self, start: usize, field: &str, code: &'static str, message: Text) {
        self.flaws
            .push(flaw(self.file, start, field, code, message));
    }
}
