//! Reading bodies: JSON or a form, never more than the cap, never longer than the deadline.
//!
//! Shape is checked here and every bad member is named by its JSON pointer; meaning is checked in
//! `domain`. Nothing is stored while reading.

use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::{HttpRequest, web};
use domain::invalid::{FieldError, Invalid};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use validator::{Validate, ValidationErrors, ValidationErrorsKind};

use crate::json::{self, Bounds};
use crate::problem::Problem;
use crate::uploads::Arriving;

/// The hard cap on a whole body (`domain.md` §3.7).
pub(crate) const MAX_BODY_BYTES: usize = 2 * 1024 * 1024;

/// A body of this media type is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expects {
    /// `application/json`.
    Json,
    /// `application/merge-patch+json` (RFC 7396).
    MergePatch,
}

impl Expects {
    const fn media_type(self) -> &'static str {
        match self {
            Expects::Json => "application/json",
            Expects::MergePatch => "application/merge-patch+json",
        }
    }
}

/// The media type of the body, without parameters.
pub(crate) fn media_type(request: &HttpRequest) -> String {
    let text = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    text.split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}

/// Refuses a body that announces itself too large or packed: nothing here unpacks, so a bomb of
/// compressed zeros stays what it is.
pub(crate) fn must_be_plain(request: &HttpRequest) -> Result<(), Problem> {
    let packed = request
        .headers()
        .get(CONTENT_ENCODING)
        .is_some_and(|value| {
            !value
                .as_bytes()
                .trim_ascii()
                .eq_ignore_ascii_case(b"identity")
        });
    if packed {
        return Err(Problem::new("unsupported-media-type").detail(
            "Il corpo non può essere compresso.",
            "compressed bodies are not accepted",
        ));
    }
    let announced = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > MAX_BODY_BYTES) {
        return Err(Problem::new("payload-too-large"));
    }
    Ok(())
}

/// Reads a JSON object.
pub(crate) async fn read_object(
    request: &HttpRequest,
    payload: web::Payload,
    expects: Expects,
) -> Result<Map<String, Value>, Problem> {
    read_object_within(request, payload, expects, Bounds::USUAL).await
}

/// Reads a JSON object that may hold more, or less, than others.
pub(crate) async fn read_object_within(
    request: &HttpRequest,
    payload: web::Payload,
    expects: Expects,
    bounds: Bounds,
) -> Result<Map<String, Value>, Problem> {
    if media_type(request) != expects.media_type() {
        let accepted = expects.media_type();
        return Err(Problem::new("unsupported-media-type")
            .detail(
                format!("Formato accettato: {accepted}."),
                format!("accepted: {accepted}"),
            )
            .with("accepted", accepted)
            .accept(expects == Expects::MergePatch));
    }
    must_be_plain(request)?;
    let bytes = Arriving::new(request, payload).collect().await?;
    parse_object_within(&bytes, bounds)
}

/// Reads a JSON body of a request that may be repeated, and what to know the same request by.
pub(crate) async fn read_repeatable<T: DeserializeOwned + Validate>(
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<(T, Vec<u8>), Problem> {
    let object = read_object(request, payload, Expects::Json).await?;
    let content = serde_json::to_vec(&object).unwrap_or_default();
    Ok((read_as(object)?, content))
}

/// Parses a JSON object with the usual bounds.
pub(crate) fn parse_object(bytes: &[u8]) -> Result<Map<String, Value>, Problem> {
    parse_object_within(bytes, Bounds::USUAL)
}

/// Parses a JSON object; serde_json bounds its depth, and `bounds` how much is in it.
fn parse_object_within(bytes: &[u8], bounds: Bounds) -> Result<Map<String, Value>, Problem> {
    let value = json::parse(bytes, bounds).map_err(|error| {
        if error.is_data() {
            return Problem::malformed(
                "Il corpo contiene troppi campi.",
                "there are too many members in the body",
            );
        }
        let (line, column) = (error.line(), error.column());
        Problem::malformed(
            &format!("Il corpo non è JSON valido (riga {line}, colonna {column})."),
            &format!("the body is not valid JSON (line {line}, column {column})"),
        )
    })?;
    let mut errors = Vec::new();
    find_nul("", &value, &mut errors);
    if !errors.is_empty() {
        return Err(Problem::fields(errors));
    }
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(Problem::malformed(
            "Il corpo deve essere un oggetto JSON.",
            "the body must be a JSON object",
        )),
    }
}

/// NUL has no place in any text, and one of the databases cannot keep it.
fn find_nul(pointer: &str, value: &Value, errors: &mut Vec<FieldError>) {
    match value {
        Value::String(text) if text.contains('\0') => errors.push(forbidden_chars().at(pointer)),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                find_nul(&format!("{pointer}/{at}"), item, errors);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                find_nul(&format!("{pointer}/{}", escape(name)), member, errors);
            }
        }
        _ => {}
    }
}

/// The refusal of a text with NUL in it.
pub(crate) const fn forbidden_chars() -> Invalid {
    Invalid::new(
        "forbidden-chars",
        "Contiene un carattere non ammesso",
        "holds a character that is not allowed",
    )
}

/// Reads an object into a body type: unknown members are refused all at once, lengths are checked
/// by `validator`.
pub(crate) fn read_as<T: DeserializeOwned + Validate>(
    object: Map<String, Value>,
) -> Result<T, Problem> {
    let mut errors = Vec::new();
    let mut track = serde_path_to_error::Track::new();
    let value = Value::Object(object);
    let tracked = serde_path_to_error::Deserializer::new(value, &mut track);
    let read: Result<T, _> = serde_ignored::deserialize(tracked, |path| {
        errors.push(unknown_field(&pointer_of(&path.to_string())));
    });
    match read {
        Err(error) => {
            let pointer = pointer_of(&track.path().to_string());
            let missing = error.to_string().starts_with("missing field");
            let name = error
                .to_string()
                .split('`')
                .nth(1)
                .unwrap_or_default()
                .to_owned();
            errors.push(if missing {
                Invalid::required().at(format!("{pointer}/{name}"))
            } else {
                wrong_type().at(pointer)
            });
            Err(Problem::fields(errors))
        }
        Ok(value) => {
            if let Err(found) = value.validate() {
                flatten(&found, "", &mut errors);
            }
            if errors.is_empty() {
                Ok(value)
            } else {
                Err(Problem::fields(errors))
            }
        }
    }
}

/// The refusal of a member that no one asked for.
pub(crate) fn unknown_field(pointer: &str) -> FieldError {
    Invalid::new(
        "unknown-field",
        "Campo non previsto",
        "this field is not known",
    )
    .at(pointer)
}

/// The refusal of a value of the wrong JSON type.
pub(crate) const fn wrong_type() -> Invalid {
    Invalid::new(
        "invalid-type",
        "Tipo di dato non valido",
        "a value of another type is expected",
    )
}

/// `note.body` or `items[3]` as a JSON pointer.
fn pointer_of(path: &str) -> String {
    if path == "." || path.is_empty() {
        return String::new();
    }
    let parts = path.replace('[', ".").replace(']', "").replace(".?", "");
    parts
        .split('.')
        .filter(|part| !part.is_empty())
        .map(|part| format!("/{}", escape(part)))
        .collect()
}

/// A name as a part of a JSON pointer (RFC 6901).
pub(crate) fn escape(part: &str) -> String {
    part.replace('~', "~0").replace('/', "~1")
}

fn flatten(errors: &ValidationErrors, prefix: &str, out: &mut Vec<FieldError>) {
    for (name, kind) in errors.errors() {
        let pointer = format!("{prefix}/{name}");
        match kind {
            ValidationErrorsKind::Field(found) => {
                out.extend(found.iter().map(|error| shape_error(error).at(&pointer)))
            }
            ValidationErrorsKind::Struct(inner) => flatten(inner, &pointer, out),
            ValidationErrorsKind::List(items) => {
                for (at, inner) in items {
                    flatten(inner, &format!("{pointer}/{at}"), out);
                }
            }
        }
    }
}

fn shape_error(error: &validator::ValidationError) -> Invalid {
    let is_empty = |value: &Value| value == "" || value.as_array().is_some_and(Vec::is_empty);
    match error.code.as_ref() {
        "length" if error.params.get("value").is_some_and(is_empty) => Invalid::required(),
        "length" => Invalid::new(
            "too-long",
            "Lunghezza non ammessa",
            "the length is not allowed",
        ),
        "range" => Invalid::new(
            "out-of-range",
            "Valore fuori dai limiti",
            "the value is out of range",
        ),
        _ => Invalid::new(
            "invalid-format",
            "Formato non valido",
            "the format is not valid",
        ),
    }
}
