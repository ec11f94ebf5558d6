//! A body with at most one file: JSON with the file in base64, or a form with a file part.

use actix_web::{HttpRequest, web};
use bytes::{Bytes, BytesMut};
use data_encoding::{BASE64, HEXLOWER};
use domain::attachment::{MAX_ATTACHMENT_BYTES, file_too_large, too_many_files};
use domain::invalid::{FieldError, Invalid};
use multer::{Constraints, Field, Multipart, SizeLimit};
use serde_json::{Map, Value, json};
use service::attachments::RawFile;
use sha2::{Digest, Sha256};

use crate::body::{
    Expects, MAX_BODY_BYTES, escape, forbidden_chars, media_type, must_be_plain, parse_object,
    read_object, unknown_field, wrong_type,
};
use crate::members::Members;
use crate::problem::Problem;
use crate::uploads::Arriving;

/// Longest text part of a form, in bytes.
const MAX_TEXT_PART: u64 = 64 * 1024;
/// Most parts of a form.
const MAX_PARTS: usize = 100;
/// Longest name of a part, in bytes.
const MAX_NAME: usize = 128;
/// Longest head of a part, in bytes: names of files are long at times.
const MAX_HEAD: usize = 4 * 1024;

/// What a form's parts mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One part a field; `extra.<name>` for members of `extra`, repeated parts for lists.
    Fields,
    /// The fields are in one JSON part `action`.
    Action,
}

/// A body and its file.
#[derive(Clone)]
pub(crate) struct Submission {
    /// The members.
    pub members: Map<String, Value>,
    /// The file.
    pub file: Option<RawFile>,
    /// What is wrong so far, to be told along with what is found later.
    pub errors: Vec<FieldError>,
}

impl Submission {
    /// The content in a form that is the same however it was sent, for the idempotency key.
    pub(crate) fn content(&self) -> Vec<u8> {
        let file = self.file.as_ref().map(|file| {
            json!({"name": file.name, "sha256": HEXLOWER.encode(&Sha256::digest(&file.bytes))})
        });
        json!([self.members, file]).to_string().into_bytes()
    }
}

/// Reads either form of body.
pub(crate) async fn read(
    request: &HttpRequest,
    payload: web::Payload,
    shape: Shape,
) -> Result<Submission, Problem> {
    match media_type(request).as_str() {
        "application/json" => {
            let mut members = read_object(request, payload, Expects::Json).await?;
            let mut errors = Vec::new();
            let file = match (shape, members.remove("attachment")) {
                (_, None | Some(Value::Null)) => None,
                (Shape::Fields, Some(value)) => inline_file(value, &mut errors),
                (Shape::Action, Some(_)) => {
                    errors.push(unknown_field("/attachment"));
                    None
                }
            };
            Ok(Submission {
                members,
                file,
                errors,
            })
        }
        "multipart/form-data" => {
            must_be_plain(request)?;
            let header = request
                .headers()
                .get("content-type")
                .and_then(|value| value.to_str().ok());
            let boundary = header
                .and_then(|text| multer::parse_boundary(text).ok())
                .ok_or_else(|| {
                    Problem::malformed(
                        "Manca il separatore delle parti.",
                        "the boundary is missing",
                    )
                })?;
            read_parts(Arriving::new(request, payload), boundary, shape).await
        }
        _ => Err(Problem::new("unsupported-media-type")
            .with("accepted", "application/json, multipart/form-data")
            .detail(
                "Formati accettati: application/json, multipart/form-data.",
                "accepted: application/json, multipart/form-data",
            )),
    }
}

fn inline_file(value: Value, errors: &mut Vec<FieldError>) -> Option<RawFile> {
    let Value::Object(members) = value else {
        errors.push(wrong_type().at("/attachment"));
        return None;
    };
    let mut members = Members::within("/attachment", members);
    let name = members.needed_text("file_name");
    let content = members.needed_text("content_base64");
    let bytes = content.and_then(|content| {
        // Encoders break lines (RFC 2045 §6.8).
        let mut content = content.into_bytes();
        content.retain(|byte| !byte.is_ascii_whitespace());
        let bytes = BASE64.decode(&content).ok();
        if bytes.is_none() {
            let invalid = Invalid::new("invalid-format", "Base64 non valido", "not valid base64");
            members.refuse("content_base64", invalid);
        }
        bytes
    });
    let found = members.finish();
    let is_good = found.is_empty();
    errors.extend(found);
    let (name, bytes) = (name?, bytes?);
    is_good.then(|| RawFile {
        name,
        bytes: Bytes::from(bytes),
    })
}

async fn read_parts(body: Arriving, boundary: String, shape: Shape) -> Result<Submission, Problem> {
    let limit = u64::try_from(MAX_BODY_BYTES).unwrap_or(u64::MAX);
    let file_limit = u64::try_from(MAX_ATTACHMENT_BYTES).unwrap_or(u64::MAX);
    let sizes = SizeLimit::new()
        .whole_stream(limit)
        .per_field(MAX_TEXT_PART)
        .for_field("attachment", file_limit);
    let mut form = Multipart::with_constraints(
        body.into_stream(),
        boundary,
        Constraints::new().size_limit(sizes),
    );
    let mut parts = Parts::default();
    while let Some(field) = form.next_field().await.map_err(refused)? {
        parts.take(field, shape).await?;
    }
    Ok(Submission {
        members: parts.members,
        file: parts.file,
        errors: parts.errors,
    })
}

#[derive(Default)]
struct Parts {
    members: Map<String, Value>,
    file: Option<RawFile>,
    errors: Vec<FieldError>,
    count: usize,
}

impl Parts {
    async fn take(&mut self, field: Field<'static>, shape: Shape) -> Result<(), Problem> {
        self.count += 1;
        if self.count > MAX_PARTS {
            return Err(Problem::malformed(
                "Troppe parti nel modulo.",
                "too many parts",
            ));
        }
        let name = part_name(&field)?;
        if name == "attachment" {
            return self.take_file(field).await;
        }
        let bytes = field.bytes().await.map_err(refused)?;
        // Never guessed at: what cannot be read is not replaced by something else.
        let text = String::from_utf8(bytes.into()).map_err(|_| {
            Problem::malformed(
                "Una parte del modulo non è testo UTF-8.",
                "a part of the form is not UTF-8 text",
            )
        })?;
        if text.contains('\0') {
            self.errors.push(forbidden_chars().at(pointer_of(&name)));
            return Ok(());
        }
        match shape {
            Shape::Action if name == "action" && self.members.is_empty() => {
                self.members = parse_object(text.as_bytes())?;
            }
            Shape::Action => self.errors.push(unknown_field(&pointer_of(&name))),
            Shape::Fields => match name.strip_prefix("extra.") {
                Some(extra) => {
                    let extras = self
                        .members
                        .entry("extra")
                        .or_insert_with(|| Value::Object(Map::new()));
                    if let Value::Object(extras) = extras {
                        add(extras, extra, text);
                    }
                }
                None => add(&mut self.members, &name, text),
            },
        }
        Ok(())
    }

    async fn take_file(&mut self, mut field: Field<'static>) -> Result<(), Problem> {
        let name = field.file_name().unwrap_or_default().to_owned();
        let mut bytes = BytesMut::new();
        while let Some(chunk) = field.chunk().await.map_err(refused)? {
            bytes.extend_from_slice(&chunk);
        }
        // An HTML form sends an empty part when no file was chosen.
        if name.is_empty() && bytes.is_empty() {
            return Ok(());
        }
        if self.file.is_some() {
            self.errors.push(too_many_files().at("/attachment"));
            return Ok(());
        }
        self.file = Some(RawFile {
            name,
            bytes: bytes.freeze(),
        });
        Ok(())
    }
}

/// The name of a part. Its head is bounded: nobody needs more.
fn part_name(field: &Field<'_>) -> Result<String, Problem> {
    let head: usize = field
        .headers()
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    let name = field.name().unwrap_or_default();
    if name.is_empty() || name.len() > MAX_NAME || head > MAX_HEAD {
        return Err(Problem::malformed(
            "Una parte del modulo è senza nome o ha un'intestazione troppo lunga.",
            "a part of the form has no name, or too long a head",
        ));
    }
    Ok(name.to_owned())
}

/// A part's name as a JSON pointer: `extra.<key>` is a member of `extra`.
fn pointer_of(name: &str) -> String {
    match name.strip_prefix("extra.") {
        Some(key) => format!("/extra/{}", escape(key)),
        None => format!("/{}", escape(name)),
    }
}

/// Repeated parts make a list.
fn add(members: &mut Map<String, Value>, name: &str, text: String) {
    let text = Value::String(text);
    match members.get_mut(name) {
        None => {
            members.insert(name.to_owned(), text);
        }
        Some(Value::Array(list)) => list.push(text),
        Some(first) => *first = Value::Array(vec![first.take(), text]),
    }
}

fn refused(error: multer::Error) -> Problem {
    match error {
        multer::Error::FieldSizeExceeded {
            field_name: Some(name),
            ..
        } if name == "attachment" => Problem::field(file_too_large().at("/attachment")),
        multer::Error::FieldSizeExceeded { field_name, .. } => Problem::field(
            Invalid::new("too-long", "Testo troppo lungo", "the text is too long")
                .at(pointer_of(&field_name.unwrap_or_default())),
        ),
        multer::Error::StreamSizeExceeded { .. } => Problem::new("payload-too-large"),
        // What was wrong with the bytes themselves.
        multer::Error::StreamReadFailed(cause) => match cause.downcast::<Problem>() {
            Ok(problem) => *problem,
            Err(_) => cannot_be_read(),
        },
        _ => cannot_be_read(),
    }
}

fn cannot_be_read() -> Problem {
    Problem::malformed("Il modulo non è leggibile.", "the form cannot be read")
}
