//! From the texts of the files to a [`Reference`] that agrees with itself.
//!
//! A mistake of shape (syntax, unknown key, wrong type) stops its file; mistakes of content are all
//! reported.

mod authorities;
mod calendars;
mod lists;
mod policies;
mod services;
mod technical;

use std::collections::HashSet;
use std::ops::Range;

use jiff::civil::Date;
use serde::de::DeserializeOwned;
use toml::Spanned;

use super::file::{
    AuthoritiesFile, CalendarsFile, CodesFile, PoliciesFile, RawText, ServicesFile, TechnicalFile,
    Word,
};
use super::{Reference, Validity};
use crate::invalid::Text;

/// The text of one reference file. The caller reads it; only the last part of the name counts.
#[derive(Debug, Clone, Copy)]
pub struct ReferenceFile<'a> {
    /// Where it comes from, as error messages should call it.
    pub name: &'a str,
    /// What it says.
    pub text: &'a str,
}

/// Something wrong in a reference file, with its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {field}: {message}")]
pub struct ReferenceError {
    /// The file's name as given.
    pub file: String,
    /// The line, from 1; 0 when the whole file is meant.
    pub line: usize,
    /// The key, as far as it is known.
    pub field: String,
    /// What is wrong.
    pub message: String,
}

impl ReferenceFile<'_> {
    /// Reads the shape of the file; syntax, unknown keys and wrong types are told with their place.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ReferenceError> {
        toml::from_str(self.text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            self.error(start, key_at(self.text, start), error.message())
        })
    }

    /// Something wrong at a byte of the text, such as the start of a [`toml::Spanned`] value.
    pub fn error(
        &self,
        start: usize,
        field: impl Into<String>,
        message: impl Into<String>,
    ) -> ReferenceError {
        let before = self.text.get(..start).unwrap_or_default();
        ReferenceError {
            file: self.name.to_owned(),
            line: before.matches('\n').count() + 1,
            field: field.into(),
            message: message.into(),
        }
    }
}

/// What may be left out: then there is none of it.
const TECHNICAL: &str = "technical-catalogue.toml";

const FILES: [&str; 5] = [
    "services.toml",
    "authorities.toml",
    "codes.toml",
    "calendars.toml",
    "sla-policies.toml",
];

pub(super) fn reference(files: &[ReferenceFile<'_>]) -> Result<Reference, Vec<ReferenceError>> {
    let mut errors = Vec::new();
    for file in files.iter().filter(|file| {
        let name = base_name(file.name);
        !FILES.contains(&name) && name != TECHNICAL
    }) {
        let known = FILES.join(", ");
        errors.push(whole(file.name, format!("not one of {known}, {TECHNICAL}")));
    }
    let [services, authorities, codes, calendars, policies] =
        FILES.map(|name| Source::find(files, name));
    let raw_services = services.read::<ServicesFile>(&mut errors);
    let raw_authorities = authorities.read::<AuthoritiesFile>(&mut errors);
    let raw_codes = codes.read::<CodesFile>(&mut errors);
    let raw_calendars = calendars.read::<CalendarsFile>(&mut errors);
    let raw_policies = policies.read::<PoliciesFile>(&mut errors);

    let technical = Source::find(files, TECHNICAL);
    let raw_technical = match technical.text {
        Some(_) => technical.read::<TechnicalFile>(&mut errors),
        None => None,
    };

    let services_known = raw_services.is_some();
    let mut check = Check {
        source: services,
        errors,
    };
    let services = raw_services.map_or_else(Vec::new, |raw| check.services(raw));
    check.source = calendars;
    let mut calendars = raw_calendars.map(|raw| check.calendars(raw));
    check.source = authorities;
    let authorities = raw_authorities
        .map(|raw| check.authorities(raw, services_known.then_some(&services), calendars.as_mut()));
    check.source = codes;
    let codes = raw_codes.map(|raw| check.codes(raw));
    check.source = policies;
    let policies = raw_policies.map(|raw| check.policies(raw));
    check.source = technical;
    let technical = raw_technical.map(|raw| check.technical(raw));

    match (authorities, codes, calendars, policies) {
        (Some((authorities, Some(region))), Some(codes), Some(calendars), Some(policies))
            if check.errors.is_empty() =>
        {
            Ok(Reference {
                services,
                authorities,
                region,
                codes,
                technical: technical.unwrap_or_default(),
                usual_calendar: calendars.usual,
                calendars: calendars.all,
                first_policies: policies,
            })
        }
        _ => Err(check.errors),
    }
}

/// A file that is expected, present or not.
#[derive(Clone, Copy)]
struct Source<'a> {
    name: &'a str,
    text: Option<&'a str>,
}

impl<'a> Source<'a> {
    fn find(files: &[ReferenceFile<'a>], name: &'static str) -> Source<'a> {
        let found = files.iter().find(|file| base_name(file.name) == name);
        found.map_or(Source { name, text: None }, |file| Source {
            name: file.name,
            text: Some(file.text),
        })
    }

    fn read<T: DeserializeOwned>(&self, errors: &mut Vec<ReferenceError>) -> Option<T> {
        let Some(text) = self.text else {
            errors.push(whole(self.name, "the file is missing".to_owned()));
            return None;
        };
        let file = ReferenceFile {
            name: self.name,
            text,
        };
        file.read().map_err(|error| errors.push(error)).ok()
    }

    fn error(&self, start: usize, field: impl Into<String>, message: String) -> ReferenceError {
        let file = ReferenceFile {
            name: self.name,
            text: self.text.unwrap_or_default(),
        };
        file.error(start, field, message)
    }
}

/// Turns raw entries into checked ones, noting what is wrong on the way.
struct Check<'a> {
    source: Source<'a>,
    errors: Vec<ReferenceError>,
}

impl Check<'_> {
    fn text(&mut self, field: &str, raw: RawText) -> Text {
        for word in [Some(&raw.it), raw.en.as_ref()].into_iter().flatten() {
            if word.get_ref().trim().is_empty() {
                self.say(word.span(), field, "a label must not be blank");
            }
        }
        let it = raw.it.into_inner();
        Text::owned(it.clone(), raw.en.map_or(it, Spanned::into_inner))
    }

    fn validity(
        &mut self,
        field: &str,
        from: Option<Spanned<Date>>,
        to: Option<Spanned<Date>>,
    ) -> Validity {
        if let (Some(from), Some(to)) = (&from, &to)
            && to.get_ref() < from.get_ref()
        {
            self.say(to.span(), field, "valid_to is before valid_from");
        }
        Validity {
            valid_from: from.map(Spanned::into_inner),
            valid_to: to.map(Spanned::into_inner),
        }
    }

    /// Codes are plain words, each used once whatever its letter case.
    fn codes_once<'w>(&mut self, field: &str, words: impl Iterator<Item = &'w Word>) {
        let mut seen = HashSet::new();
        for word in words {
            let code = word.get_ref();
            let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
            if !(1..=64).contains(&code.len()) || !code.bytes().all(plain) {
                self.say(
                    word.span(),
                    field,
                    "a code has 1 to 64 ASCII letters, digits, `-` and `_`",
                );
            }
            if !seen.insert(code.to_ascii_lowercase()) {
                self.say(word.span(), field, &format!("`{code}` is used twice"));
            }
        }
    }

    fn say(&mut self, span: Range<usize>, field: &str, message: &str) {
        let error = self.source.error(span.start, field, message.to_owned());
        self.errors.push(error);
    }
}

fn whole(file: &str, message: String) -> ReferenceError {
    ReferenceError {
        file: file.to_owned(),
        line: 0,
        field: String::new(),
        message,
    }
}

fn base_name(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

/// The key whose value, or whose own name, stands at that place.
fn key_at(text: &str, start: usize) -> &str {
    let line_start = text
        .get(..start)
        .and_then(|before| before.rfind('\n'))
        .map_or(0, |at| at + 1);
    let line = text
        .get(line_start..)
        .and_then(|rest| rest.lines().next())
        .unwrap_or_default();
    line.split('=').next().unwrap_or_default().trim()
}
