//! Entity tags and idempotency keys: what a client says it saw, and what it may repeat.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{ETAG, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse};
use service::once::{Once, RequestKey};

use crate::gate::Network;
use crate::principal::Principal;
use crate::problem::Problem;

/// The version a client saw (RFC 9110 §13.1.1). Absent is 428; anything but one strong tag of
/// ours matches nothing and so is stale.
pub(crate) struct Seen(pub i64);

impl FromRequest for Seen {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(value) = request.headers().get(IF_MATCH) else {
            return ready(Err(Problem::new("precondition-required").detail(
                "Indica in If-Match la versione che hai letto.",
                "name the version you read in If-Match",
            )));
        };
        let text = value.to_str().unwrap_or_default().trim();
        let version = text
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .and_then(|inner| inner.parse().ok());
        ready(Ok(Seen(version.unwrap_or(-1))))
    }
}

/// The client's idempotency key, with who asks and what for. Its content is added by the handler.
pub(crate) struct Repeatable(Option<RequestKey>);

impl Repeatable {
    /// The request with its content in a canonical form.
    pub(crate) fn with(self, content: Vec<u8>) -> Once {
        Once {
            key: self.0,
            content,
        }
    }
}

impl FromRequest for Repeatable {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(value) = request.headers().get("idempotency-key") else {
            return ready(Ok(Repeatable(None)));
        };
        let text = value.to_str().unwrap_or_default().trim();
        // A structured string in quotes (draft of the header), or the bare key many clients send.
        let key = text
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .unwrap_or(text);
        if key.is_empty() || key.len() > 255 || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return ready(Err(Problem::malformed(
                "Idempotency-Key: da 1 a 255 caratteri ASCII visibili.",
                "Idempotency-Key: 1 to 255 visible ASCII characters",
            )));
        }
        let extensions = request.extensions();
        let network = extensions
            .get::<Network>()
            .map_or_else(String::new, |network| network.0.clone());
        let principal = extensions
            .get::<Principal>()
            .cloned()
            .unwrap_or(Principal::Nobody);
        ready(Ok(Repeatable(Some(RequestKey {
            principal: match principal {
                // Many people share a network, and one person may change it between tries.
                Principal::Nobody => "nobody".to_owned(),
                known => known.key(&network),
            },
            route: format!("{} {}", request.method(), request.path()),
            key: key.to_owned(),
        }))))
    }
}

/// The strong entity tag of a version.
pub(crate) fn etag(version: i64) -> (actix_web::http::header::HeaderName, HeaderValue) {
    let value = HeaderValue::from_str(&format!("\"{version}\""))
        .unwrap_or(HeaderValue::from_static("\"0\""));
    (ETAG, value)
}

/// Whether the client has this tag already (RFC 9110 §13.1.2).
pub(crate) fn is_known(request: &HttpRequest, tag: &HeaderValue) -> bool {
    let Some(known) = request
        .headers()
        .get(IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    let tag = tag.to_str().unwrap_or_default();
    known.trim() == "*"
        || known
            .split(',')
            .any(|one| one.trim().trim_start_matches("W/") == tag)
}

/// A cacheable answer: 304 when the client has it, else the body with its tag.
pub(crate) fn tagged(
    request: &HttpRequest,
    tag: HeaderValue,
    body: impl serde::Serialize,
) -> HttpResponse {
    if is_known(request, &tag) {
        return HttpResponse::NotModified()
            .insert_header((ETAG, tag))
            .finish();
    }
    HttpResponse::Ok().insert_header((ETAG, tag)).json(body)
}
