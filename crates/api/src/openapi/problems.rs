//! The problem (RFC 9457) and the answers that carry it.

use serde_json::{Value, json};

use super::SpecError;
use super::shared::{self, ON_EVERY_ANSWER};
use super::walk::{self, Object};

/// Problem answers: status, component name, description.
const PROBLEMS: [(&str, &str, &str); 21] = [
    (
        "400",
        "BadRequest",
        "The request cannot be read: broken JSON, a malformed header, an unknown query parameter.",
    ),
    (
        "401",
        "Unauthorized",
        "No token, one that is not valid (any more), or credentials that were refused.",
    ),
    (
        "403",
        "Forbidden",
        "The caller may see this but not do it, or has to choose a placement first.",
    ),
    (
        "404",
        "NotFound",
        "There is no such thing within the caller's reach.",
    ),
    (
        "405",
        "MethodNotAllowed",
        "The resource does not know this method.",
    ),
    (
        "406",
        "NotAcceptable",
        "None of the media types in `Accept` can be produced.",
    ),
    (
        "408",
        "RequestTimeout",
        "The request took too long to arrive.",
    ),
    (
        "409",
        "Conflict",
        "The state does not allow it, or the same `Idempotency-Key` is still at work.",
    ),
    ("410", "Gone", "It existed and is over."),
    (
        "412",
        "PreconditionFailed",
        "Somebody else was faster; `current_version` says where the ticket is now.",
    ),
    (
        "413",
        "ContentTooLarge",
        "The body or a file in it is too large.",
    ),
    (
        "415",
        "UnsupportedMediaType",
        "The body's media type, or the kind of a file in it, is not taken here.",
    ),
    (
        "422",
        "UnprocessableContent",
        "Fields are wrong; `errors` names all of them. Or the `Idempotency-Key` came with another body.",
    ),
    ("423", "Locked", "The account is locked."),
    (
        "428",
        "PreconditionRequired",
        "The call must say with `If-Match` which version it saw.",
    ),
    (
        "429",
        "TooManyRequests",
        "Too many requests, or the quota is used up.",
    ),
    (
        "500",
        "InternalServerError",
        "Our mistake; `correlation_id` finds it in our logs.",
    ),
    (
        "502",
        "BadGateway",
        "A service we depend on answered badly.",
    ),
    (
        "503",
        "ServiceUnavailable",
        "Not able to answer now; `Retry-After` says when.",
    ),
    (
        "504",
        "GatewayTimeout",
        "A service we depend on did not answer in time.",
    ),
    (
        "default",
        "UnexpectedProblem",
        "Any other problem, in the same form.",
    ),
];

/// Adds the components; those no operation uses are pruned later.
pub(super) fn add(components: &mut Object) -> Result<(), SpecError> {
    walk::member(components, "schemas")?.extend(problem_schemas());
    let responses = walk::member(components, "responses")?;
    for (status, name, description) in PROBLEMS {
        responses.insert(name.to_owned(), answer(status, description));
    }
    Ok(())
}

/// The answer for a status: the shared one, or one like it with the handler's own description.
/// `None` for a status that has no shared answer.
pub(super) fn answer_for(status: &str, own_description: Option<&str>) -> Option<Value> {
    let (_, component, _) = PROBLEMS.iter().find(|(known, ..)| *known == status)?;
    Some(match own_description {
        Some(description) if !description.is_empty() => answer(status, description),
        _ => json!({ "$ref": format!("#/components/responses/{component}") }),
    })
}

/// An answer with everything its status needs.
fn answer(status: &str, description: &str) -> Value {
    let mut names: Vec<&str> = ON_EVERY_ANSWER.to_vec();
    match status {
        "401" => names.push("WWW-Authenticate"),
        // With 409: the call that came first is still at work.
        "409" | "429" | "503" => names.push("Retry-After"),
        _ => {}
    }
    json!({
        "description": description,
        "headers": shared::references(&names),
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
    })
}

fn problem_schemas() -> Object {
    let field = |schema: Value, description: &str| {
        let mut schema = schema;
        if let Value::Object(keywords) = &mut schema {
            keywords.insert("description".to_owned(), json!(description));
        }
        schema
    };
    let reference = || json!({ "type": "string", "format": "uri-reference" });
    let problem = json!({
        "type": "object",
        "description": "What went wrong (RFC 9457).",
        "required": ["type", "title", "status", "detail", "instance", "correlation_id"],
        "properties": {
            "type": field(reference(), "Stable name of the kind of problem, and a page about it."),
            "title": field(json!({ "type": "string", "maxLength": 255 }), "The kind of problem, for people; the same for every case."),
            "status": field(json!({ "type": "integer", "format": "int32", "minimum": 100, "maximum": 599 }), "The HTTP status."),
            "detail": field(json!({ "type": "string", "maxLength": 4_096 }), "What happened this time and what helps."),
            "instance": field(reference(), "What was called: the path, without its query."),
            "correlation_id": field(json!({ "type": "string", "format": "uuid" }), "The id of the call."),
            "errors": field(
                json!({ "type": "array", "maxItems": 100, "items": { "$ref": "#/components/schemas/FieldError" } }),
                "All the bad fields of the input; the first hundred, if there are more.",
            ),
            "current_version": field(json!({ "type": "integer", "format": "int64", "minimum": 0 }), "With 412: the version now."),
            "state": field(json!({ "type": "string", "maxLength": 64 }), "With 409: the state the ticket is in."),
            "allowed": field(
                json!({ "type": "array", "maxItems": 100, "items": { "type": "string", "maxLength": 64 } }),
                "With 409 `transition-not-allowed`: the actions that are allowed instead.",
            ),
            "audience": field(
                json!({ "type": "string", "maxLength": 64, "pattern": "^[a-z-]+$" }),
                "With 409 `audience-mismatch`: who would read the note.",
            ),
            "unmet": field(
                json!({ "type": "array", "maxItems": 100, "items": { "type": "string", "maxLength": 255 } }),
                "With 409 `playbook-not-satisfied`: the checks that are missing.",
            ),
            "accepted": field(
                json!({ "type": "string", "maxLength": 255 }),
                "With 415: the media types that are accepted, comma-separated.",
            ),
        },
    });
    let field_error = json!({
        "type": "object",
        "description": "One bad field.",
        "required": ["pointer", "code", "message"],
        "properties": {
            "pointer": field(json!({ "type": "string", "maxLength": 128 }), "JSON pointer of the field, or the name of the form field or parameter."),
            "code": field(json!({ "type": "string", "maxLength": 64, "pattern": "^[a-z0-9-]+$" }), "Stable code."),
            "message": field(json!({ "type": "string", "maxLength": 1_024 }), "For people."),
        },
    });
    [
        ("Problem".to_owned(), problem),
        ("FieldError".to_owned(), field_error),
    ]
    .into_iter()
    .collect()
}
