//! Entity tags and idempotency keys: what a client says it saw, and what it may repeat.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{ETAG, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse};
use data_encoding::HEXLOWER;
use service::once::{Once, RequestKey};
use sha2::{Digest, Sha256};

use crate::handlers::status::content_tag;
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
        ready(Ok(Seen(version_in(text).unwrap_or(NONE_OF_OURS))))
    }
}

/// No ticket ever has this version.
const NONE_OF_OURS: i64 = -1;

/// The version in a tag of ours: `"7"` of a change, or `"7-<16 hex digits>"` of a screen.
fn version_in(tag: &str) -> Option<i64> {
    let inner = tag.strip_prefix('"')?.strip_suffix('"')?;
    let (version, content) = match inner.split_once('-') {
        Some((version, content)) => (version, Some(content)),
        None => (inner, None),
    };
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_content = |text: &str| text.len() == CONTENT_DIGITS && text.bytes().all(is_hex);
    if version.starts_with('0') || !version.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    content
        .is_none_or(is_content)
        .then(|| version.parse().ok())?
}

/// How much of the digest of a screen's content its tag holds.
const CONTENT_DIGITS: usize = 16;

/// The client's idempotency key, with who asks and what for. Its content is added by the handler.
pub(crate) struct Repeatable(Option<RequestKey>);

/// Whose keys a caller's are. Not their network: many people share one, and one person may change
/// it between tries.
fn scope_of(principal: &Principal) -> String {
    match principal {
        Principal::Nobody => NOBODY.to_owned(),
        // In another placement the same account is somebody else, who may see other tickets.
        Principal::Staff(session) => match &session.placement {
            Some(placement) => format!("staff:{}:{}", session.account, placement.id),
            None => format!("staff:{}", session.account),
        },
        known @ (Principal::Citizen { .. } | Principal::Client(_) | Principal::Tracking(_)) => {
            known.key("")
        }
    }
}

const NOBODY: &str = "nobody";

impl Repeatable {
    /// Tells nobodies apart by what they alone send: their keys may be the same by chance.
    pub(crate) fn told_by(mut self, mark: &str) -> Self {
        if let Some(key) = self.0.as_mut().filter(|key| key.principal == NOBODY) {
            let digest = HEXLOWER.encode(&Sha256::digest(mark));
            key.principal = format!("{NOBODY}:{digest}");
        }
        self
    }

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
        let principal = extensions
            .get::<Principal>()
            .cloned()
            .unwrap_or(Principal::Nobody);
        ready(Ok(Repeatable(Some(RequestKey {
            principal: scope_of(&principal),
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

/// The strong entity tag of what a screen says: its version for `If-Match`, and its content, which
/// is another in another language.
fn screen_tag(version: i64, content: &[u8]) -> HeaderValue {
    let digest = HEXLOWER.encode(&Sha256::digest(content));
    let digest = digest.get(..CONTENT_DIGITS).unwrap_or(&digest);
    HeaderValue::from_str(&format!("\"{version}-{digest}\""))
        .unwrap_or(HeaderValue::from_static("\"0\""))
}

/// A cacheable answer: 304 when the client has it, else the body with its tag, which names the
/// version if the caller may know it.
pub(crate) fn tagged(
    request: &HttpRequest,
    version: Option<i64>,
    body: &impl serde::Serialize,
) -> Result<HttpResponse, Problem> {
    let content = serde_json::to_vec(body).map_err(|error| Problem::internal(&error))?;
    let tag = match version {
        Some(version) => screen_tag(version, &content),
        None => content_tag(&content),
    };
    if is_known(request, &tag) {
        return Ok(HttpResponse::NotModified()
            .insert_header((ETAG, tag))
            .finish());
    }
    Ok(HttpResponse::Ok()
        .insert_header((ETAG, tag))
        .content_type("application/json")
        .body(content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tags_of_ours_hold_a_version() {
        let screen = screen_tag(7, b"text");
        assert_eq!(version_in(screen.to_str().unwrap()), Some(7));
        assert_eq!(version_in("\"7\""), Some(7));
        for none in [
            "7",
            "\"\"",
            "\"+7\"",
            "\"-7\"",
            "\"07\"",
            "\"0\"",
            "\" 7\"",
            "\"7-\"",
            "\"7-x\"",
            "*",
            "W/\"7\"",
            "\"7-0123456789ABCDEF\"",
            "\"99999999999999999999\"",
        ] {
            assert_eq!(version_in(none), None, "{none}");
        }
    }
}
