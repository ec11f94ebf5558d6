//! Headers that all operations share, those of requests and those of answers.

use serde_json::{Value, json};

use super::SpecError;
use super::strict::ANY_TEXT;
use super::walk::{self, Object};

/// An entity tag as `ETag`, `If-Match` and `If-None-Match` carry it.
const ENTITY_TAG: &str = r#"^"[\x21\x23-\x7e]{1,64}"$"#;
/// What a header may hold that we read leniently: a bad value is passed over, not refused.
const ANY_VALUE: &str = r"^[^\x00\r\n]*$";

/// Headers of every answer: component name and header name are the same.
pub(super) const ON_EVERY_ANSWER: [&str; 4] = [
    "X-Correlation-ID",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
];

/// Shared request parameters: component name, header name.
pub(super) const CORRELATION_ID: (&str, &str) = ("CorrelationId", "X-Correlation-ID");
pub(super) const TRACE_PARENT: (&str, &str) = ("TraceParent", "Traceparent");
pub(super) const ACCEPT_LANGUAGE: (&str, &str) = ("AcceptLanguage", "Accept-Language");
pub(super) const IDEMPOTENCY_KEY: (&str, &str) = ("IdempotencyKey", "Idempotency-Key");
pub(super) const IF_MATCH: (&str, &str) = ("IfMatch", "If-Match");
pub(super) const CITIZEN_TOKEN: (&str, &str) = ("CitizenToken", "Citizen-Token");
pub(super) const IF_NONE_MATCH: (&str, &str) = ("IfNoneMatch", "If-None-Match");

/// Adds the components; those no operation uses are pruned later.
pub(super) fn add(components: &mut Object) -> Result<(), SpecError> {
    walk::member(components, "parameters")?.extend(parameters());
    walk::member(components, "headers")?.extend(headers());
    walk::member(components, "responses")?.insert("NotModified".to_owned(), not_modified());
    Ok(())
}

/// References to shared headers, by header name.
pub(super) fn references(names: &[&str]) -> Object {
    names
        .iter()
        .map(|name| ((*name).to_owned(), header_reference(name)))
        .collect()
}

/// A reference to one shared header.
pub(super) fn header_reference(component: &str) -> Value {
    json!({ "$ref": format!("#/components/headers/{component}") })
}

fn not_modified() -> Value {
    let mut headers = references(&ON_EVERY_ANSWER);
    headers.insert("ETag".to_owned(), header_reference("ETag"));
    json!({ "description": "The caller's copy is still the current one.", "headers": headers })
}

fn parameters() -> Object {
    let lenient = || json!({ "type": "string", "maxLength": 8_192, "pattern": ANY_VALUE });
    let all = [
        (
            CORRELATION_ID,
            false,
            lenient(),
            "A UUID to find this call in both logs; one is made when it is missing or none.",
        ),
        (
            TRACE_PARENT,
            false,
            lenient(),
            "W3C trace context; ignored when it cannot be read.",
        ),
        (
            ACCEPT_LANGUAGE,
            false,
            lenient(),
            "Language of titles, messages and labels: `it` (default) or `en`. Codes never change.",
        ),
        (
            CITIZEN_TOKEN,
            false,
            lenient(),
            "Sent by a program that acts for a citizen: the token that the citizen's identity issuer signed.",
        ),
        (
            IDEMPOTENCY_KEY,
            false,
            json!({ "type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[\x21-\x7e]+$" }),
            "Makes a repeat safe for 24 hours: the same key and body get the stored answer, another body 422, one still at work 409.",
        ),
        (
            IF_MATCH,
            true,
            json!({ "type": "string", "maxLength": 66, "pattern": ENTITY_TAG }),
            "The `ETag` of the version the change starts from. `*` names none and is refused like an old one (412).",
        ),
        (
            IF_NONE_MATCH,
            false,
            lenient(),
            "The `ETag` of the caller's copy; 304 when it is still current.",
        ),
    ];
    let describe = |((component, name), required, schema, description): (
        (&str, &str),
        bool,
        Value,
        &str,
    )| {
        let parameter = json!({
            "name": name, "in": "header", "required": required, "description": description, "schema": schema,
        });
        (component.to_owned(), parameter)
    };
    all.into_iter().map(describe).collect()
}

fn headers() -> Object {
    let count =
        |most: u32| json!({ "type": "integer", "format": "int32", "minimum": 0, "maximum": most });
    let text =
        |longest: u32| json!({ "type": "string", "maxLength": longest, "pattern": ANY_TEXT });
    let all = [
        (
            "X-Correlation-ID",
            json!({ "type": "string", "format": "uuid", "maxLength": 36 }),
            "The id of this call, for questions about it.",
        ),
        (
            "X-RateLimit-Limit",
            count(1_000_000),
            "Requests allowed in the window.",
        ),
        (
            "X-RateLimit-Remaining",
            count(1_000_000),
            "Requests left in the window.",
        ),
        (
            "X-RateLimit-Reset",
            count(86_400),
            "Seconds until the window starts anew.",
        ),
        (
            "Retry-After",
            count(86_400),
            "Seconds to wait before the next try.",
        ),
        (
            "WWW-Authenticate",
            text(256),
            "How to authenticate (RFC 6750; at the token endpoint RFC 7617).",
        ),
        (
            "ETag",
            json!({ "type": "string", "maxLength": 66, "pattern": ENTITY_TAG }),
            "The version, strong; for `If-Match` and `If-None-Match`.",
        ),
        (
            "Location",
            json!({ "type": "string", "format": "uri-reference", "maxLength": 2_048 }),
            "Where the new resource is.",
        ),
        (
            "Idempotency-Replayed",
            json!({ "type": "string", "enum": ["true"] }),
            "Present when this is the stored answer of an earlier call.",
        ),
        (
            "Cache-Control-No-Store",
            json!({ "type": "string", "maxLength": 64, "pattern": "^no-store" }),
            "Always no-store: the answer may hold personal data.",
        ),
        (
            "Cache-Control-Cached",
            text(64),
            "How long the answer may be kept: max-age, or no-cache to ask again with `If-None-Match`.",
        ),
    ];
    let describe = |(name, schema, description): (&str, Value, &str)| {
        (
            name.to_owned(),
            json!({ "description": description, "schema": schema }),
        )
    };
    all.into_iter().map(describe).collect()
}
