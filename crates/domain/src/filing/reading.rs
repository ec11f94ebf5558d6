//! Reads a form field by field against its rules and gathers what is refused.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde_json::{Map, Value};

use crate::catalogue::field_list::SELF_HELP_MAX_STEPS;
use crate::catalogue::{ExtraContext, FormField, Presence, Profile, Service};
use crate::codes::ProblemTypeCode;
use crate::invalid::{FieldError, Invalid};

pub(super) struct Reading<'a> {
    fields: &'a [FormField],
    profile: Profile,
    /// Known from the moment it was read; what is asked afterwards depends on it.
    pub(super) problem: Option<ProblemTypeCode>,
    errors: Vec<FieldError>,
}

const UNKNOWN_FIELD: Invalid = Invalid::new(
    "unknown-field",
    "Campo non previsto da questo modulo",
    "this form has no such field",
);

impl<'a> Reading<'a> {
    pub(super) fn new(fields: &'a [FormField], profile: Profile) -> Self {
        Reading {
            fields,
            profile,
            problem: None,
            errors: Vec::new(),
        }
    }

    /// The value of a field, when it is given, asked for and well formed.
    pub(super) fn take<T>(
        &mut self,
        pointer: &str,
        raw: &Option<String>,
        parse: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Option<T> {
        let given = raw.as_deref().filter(|_| !blank(raw));
        let parsed = match (given, self.presence(pointer)) {
            (None, Presence::Required) => Err(missing(pointer)),
            (None, _) => return None,
            (Some(_), Presence::Hidden) => Err(UNKNOWN_FIELD),
            (Some(text), _) => parse(text.trim()),
        };
        match parsed {
            Ok(value) => Some(value),
            Err(invalid) => {
                self.refuse(pointer, invalid);
                None
            }
        }
    }

    /// As [`Reading::take`], but what is known of the person wins, and a written value must agree
    /// with it (F3 to F5).
    pub(super) fn identity<T: Clone>(
        &mut self,
        pointer: &str,
        raw: &Option<String>,
        parse: impl FnOnce(&str) -> Result<T, Invalid>,
        held: Option<&T>,
        same: impl FnOnce(&T, &T) -> bool,
        mismatch: &Invalid,
    ) -> Option<T> {
        let written = self.take(pointer, raw, parse);
        match (written, held) {
            (written, None) => written,
            (Some(written), Some(held)) if !same(&written, held) => {
                self.refuse(pointer, mismatch.clone());
                None
            }
            (_, Some(held)) => Some(held.clone()),
        }
    }

    /// The service's own fields, normalised (F14).
    pub(super) fn extra(
        &mut self,
        given: &Map<String, Value>,
        service: &Service,
        today: Date,
    ) -> BTreeMap<String, Value> {
        let context = ExtraContext {
            today,
            allow_stp_eni: service.allow_stp_eni,
        };
        let mut values = BTreeMap::new();
        for field in &service.extra_fields {
            let pointer = format!("/extra/{}", field.name);
            match field.check(given.get(&field.name).unwrap_or(&Value::Null), context) {
                Ok(Some(value)) => {
                    values.insert(field.name.clone(), value);
                }
                Ok(None) if self.presence(&pointer) == Presence::Required => {
                    self.refuse(&pointer, missing(&pointer));
                }
                Ok(None) => {}
                Err(refused) => {
                    for (below, invalid) in refused {
                        self.refuse(&format!("{pointer}{below}"), invalid);
                    }
                }
            }
        }
        for name in given.keys().filter(|name| {
            service
                .extra_fields
                .iter()
                .all(|field| field.name != **name)
        }) {
            let escaped = name.replace('~', "~0").replace('/', "~1");
            self.refuse(&format!("/extra/{escaped}"), UNKNOWN_FIELD);
        }
        values
    }

    /// The ids of the self-help answers, in order (F16).
    pub(super) fn self_help_path(&mut self, path: &[String]) -> Vec<String> {
        let wrong = Invalid::new(
            "invalid-format",
            "Percorso non valido",
            "not a path of answer ids",
        );
        if path.len() > SELF_HELP_MAX_STEPS {
            self.refuse("/self_help_path", wrong);
            return Vec::new();
        }
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        for (index, id) in path.iter().enumerate() {
            if !(1..=64).contains(&id.len()) || !id.bytes().all(plain) {
                self.refuse(&format!("/self_help_path/{index}"), wrong.clone());
            }
        }
        path.to_vec()
    }

    pub(super) fn refuse(&mut self, pointer: &str, invalid: Invalid) {
        self.errors.push(invalid.at(pointer));
    }

    pub(super) fn finish(self) -> Vec<FieldError> {
        self.errors
    }

    fn presence(&self, pointer: &str) -> Presence {
        let field = self.fields.iter().find(|field| field.pointer == pointer);
        field.map_or(Presence::Hidden, |field| {
            field.presence(self.profile, self.problem.as_ref())
        })
    }
}

/// Spaces alone are what an untouched form field sends.
pub(super) fn blank(raw: &Option<String>) -> bool {
    raw.as_deref().is_none_or(|text| text.trim().is_empty())
}

fn missing(pointer: &str) -> Invalid {
    match pointer {
        "/service_code" => Invalid::new(
            "required",
            "Devi selezionare un servizio",
            "a service must be chosen",
        ),
        _ => Invalid::required(),
    }
}
