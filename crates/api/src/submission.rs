//! A body with at most one file: JSON with the file in base64, or a form with a file part.

use std::sync::Arc;

use actix_web::{HttpRequest, web};
use bytes::{Bytes, BytesMut};
use data_encoding::{BASE64, HEXLOWER};
use domain::attachment::{MAX_ATTACHMENT_BYTES, file_too_large, too_many_files};
use domain::invalid::Invalid;
use futures_util::StreamExt;
use multer::{Constraints, Field, Multipart, SizeLimit};
use serde_json::{Map, Value, json};
use service::attachments::RawFile;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::body::{
    Expects, MAX_BODY_BYTES, media_type, must_be_plain, parse_object, read_object, unknown_field,
    wrong_type,
};
use crate::gate::BODY_DEADLINE;
use crate::problem::Problem;

/// Longest text part of a form, in bytes.
const MAX_TEXT_PART: u64 = 64 * 1024;
/// Most parts of a form.
const MAX_PARTS: usize = 100;

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
}

/// Bounds the memory of files on their way in.
#[derive(Clone)]
pub(crate) struct Uploads(pub Arc<Semaphore>);

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
    uploads: &Uploads,
    shape: Shape,
) -> Result<Submission, Problem> {
    match media_type(request).as_str() {
        "application/json" => {
            let mut members = read_object(request, payload, Expects::Json).await?;
            let file = match (shape, members.remove("attachment")) {
                (_, None | Some(Value::Null)) => None,
                (Shape::Fields, Some(value)) => Some(inline_file(value)?),
                (Shape::Action, Some(_)) => {
                    return Err(Problem::field(unknown_field("/attachment")));
                }
            };
            Ok(Submission { members, file })
        }
        "multipart/form-data" => {
            must_be_plain(request)?;
            let _place = uploads
                .0
                .try_acquire()
                .map_err(|_| Problem::new("temporarily-unavailable").retry_after(2))?;
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
            tokio::time::timeout(BODY_DEADLINE, read_parts(payload, boundary, shape))
                .await
                .map_err(|_| Problem::new("request-timeout"))?
        }
        _ => Err(Problem::new("unsupported-media-type")
            .with("accepted", "application/json, multipart/form-data")
            .detail(
                "Formati accettati: application/json, multipart/form-data.",
                "accepted: application/json, multipart/form-data",
            )),
    }
}

fn inline_file(value: Value) -> Result<RawFile, Problem> {
    let Value::Object(mut members) = value else {
        return Err(Problem::field(wrong_type().at("/attachment")));
    };
    let mut errors = Vec::new();
    let mut text = |name: &str| match members.remove(name) {
        Some(Value::String(text)) => Some(text),
        Some(_) => {
            errors.push(wrong_type().at(format!("/attachment/{name}")));
            None
        }
        None => {
            errors.push(Invalid::required().at(format!("/attachment/{name}")));
            None
        }
    };
    let (name, content) = (text("file_name"), text("content_base64"));
    errors.extend(
        members
            .keys()
            .map(|name| unknown_field(&format!("/attachment/{name}"))),
    );
    let bytes = content.and_then(|content| BASE64.decode(content.as_bytes()).ok());
    match (name, bytes) {
        (Some(name), Some(bytes)) if errors.is_empty() => Ok(RawFile {
            name,
            bytes: Bytes::from(bytes),
        }),
        (Some(_), None) if errors.is_empty() => Err(Problem::field(
            Invalid::new("invalid-format", "Base64 non valido", "not valid base64")
                .at("/attachment/content_base64"),
        )),
        _ => Err(Problem::fields(errors)),
    }
}

async fn read_parts(
    payload: web::Payload,
    boundary: String,
    shape: Shape,
) -> Result<Submission, Problem> {
    let limit = u64::try_from(MAX_BODY_BYTES).unwrap_or(u64::MAX);
    let file_limit = u64::try_from(MAX_ATTACHMENT_BYTES).unwrap_or(u64::MAX);
    let sizes = SizeLimit::new()
        .whole_stream(limit)
        .per_field(MAX_TEXT_PART)
        .for_field("attachment", file_limit);
    let mut form = Multipart::with_constraints(
        sendable(payload),
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
    })
}

#[derive(Default)]
struct Parts {
    members: Map<String, Value>,
    file: Option<RawFile>,
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
        let name = field.name().unwrap_or_default().to_owned();
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
            let invalid = Invalid::new(
                "forbidden-chars",
                "Contiene un carattere non ammesso",
                "holds a character that is not allowed",
            );
            return Err(Problem::field(
                invalid.at(format!("/{}", name.replace('.', "/"))),
            ));
        }
        match shape {
            Shape::Action if name == "action" && self.members.is_empty() => {
                self.members = parse_object(text.as_bytes())?;
            }
            Shape::Action => return Err(Problem::field(unknown_field(&format!("/{name}")))),
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
            return Err(Problem::field(too_many_files().at("/attachment")));
        }
        self.file = Some(RawFile {
            name,
            bytes: bytes.freeze(),
        });
        Ok(())
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
                .at(format!("/{}", field_name.unwrap_or_default())),
        ),
        multer::Error::StreamSizeExceeded { .. } => Problem::new("payload-too-large"),
        _ => Problem::malformed("Il modulo non è leggibile.", "the form cannot be read"),
    }
}

/// multer wants a stream that can change threads, which the framework's is not: a task on this
/// worker forwards it through a channel of two chunks, which keeps the back-pressure.
fn sendable(
    mut payload: web::Payload,
) -> impl futures_util::Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static {
    let (send, receive) = tokio::sync::mpsc::channel::<Result<Bytes, std::io::Error>>(2);
    actix_web::rt::spawn(async move {
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| std::io::Error::other("the body breaks off"));
            if send.send(chunk).await.is_err() {
                return;
            }
        }
    });
    futures_util::stream::unfold(receive, |mut receive| async {
        receive.recv().await.map(|chunk| (chunk, receive))
    })
}
