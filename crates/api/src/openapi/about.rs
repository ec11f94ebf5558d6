//! What the document says of the API as a whole: its face, where it lives, its tags, its tokens.

use serde_json::{Value, json};

use super::SpecError;
use super::walk;

/// Every tag a handler may use, in the order of the reader's journey.
pub(super) const TAGS: [(&str, &str); 16] = [
    (
        "catalogue",
        "Services, authorities, forms and working calendars: what can be asked, of whom, when. No token needed.",
    ),
    (
        "filing",
        "Filing a ticket, and proving an e-mail address first when there is no token.",
    ),
    (
        "citizen",
        "A citizen's own tickets: reading, answering, withdrawing.",
    ),
    (
        "sessions",
        "Signing in, choosing a placement, signing out; tracking links and client credentials.",
    ),
    (
        "tickets",
        "Staff: finding, reading and describing tickets, with their attachments and timeline.",
    ),
    (
        "actions",
        "Staff: everything that moves a ticket, one atomic change per call.",
    ),
    (
        "playbooks",
        "Staff: checks to go through before a ticket is handed over, and what they lead to.",
    ),
    ("work", "Staff: queues, colleagues and the feed of changes."),
    (
        "complaints",
        "The register of complaints, and the schemes of replies.",
    ),
    (
        "data-rights",
        "What people ask about their own data: the register, copies, erasures, restrictions.",
    ),
    ("administration", "Configuration, audit and reports."),
    (
        "accounts",
        "Accounts of staff, from the first code to the last day, and the authorities they open.",
    ),
    (
        "credentials",
        "One's own password and second factor, and tokens of programs.",
    ),
    (
        "webhooks",
        "Endpoints of authorities' own programs that are told what happens, and the log of deliveries.",
    ),
    ("status", "Health of the service."),
    (
        "documents",
        "This description and the pages that explain problem types.",
    ),
];

/// Writes the parts of the document that belong to no operation.
pub(super) fn introduce(document: &mut Value) -> Result<(), SpecError> {
    let root = walk::object(document, "")?;
    root.insert("openapi".to_owned(), json!("3.0.3"));
    root.insert("info".to_owned(), info());
    root.insert("servers".to_owned(), servers());
    root.insert(
        "tags".to_owned(),
        TAGS.iter()
            .map(|(name, what)| json!({ "name": name, "description": what }))
            .collect(),
    );
    let components = walk::member(root, "components")?;
    components.insert("securitySchemes".to_owned(), security_schemes());
    Ok(())
}

fn info() -> Value {
    json!({
        "title": "Sportello",
        "version": env!("CARGO_PKG_VERSION"),
        "x-summary": "Requests of assistance for the digital health services of a region.",
        "x-api-id": "sportello-assistenza",
        "description": DESCRIPTION,
        "termsOfService": "https://www.example.org/sportello/terms",
        "contact": {
            "name": "Sportello service desk",
            "url": "https://www.example.org/sportello/contact",
            "email": "sportello@example.org",
        },
        "license": { "name": "EUPL-1.2", "url": "https://eupl.eu/1.2/en/" },
    })
}

const DESCRIPTION: &str = "\
Citizens file requests of assistance; health authorities, the regional desk and its technicians answer them.

The unit of work is called *ticket* here and \"richiesta\" in every text a person reads.

* Times are RFC 3339 in UTC, identifiers UUIDv7; a ticket can also be named by its number.
* Errors are `application/problem+json` (RFC 9457) with all bad fields at once.
* Lists are `{items, next_cursor, _links}`: follow `_links.next`, do not build cursors.
* Single tickets carry an `ETag`; staff send it back as `If-Match`.
* Every POST takes an `Idempotency-Key`, good for 24 hours.
* Out of reach is 404, the same as never existed.
";

/// A gateway publishes the API under the national address form; the paths behind it stay as they
/// are, so that one document serves the gateway, the sandbox and the tests.
fn servers() -> Value {
    json!([
        {
            "url": "https://api.example.org/rest/assistenza/v1/sportello",
            "description": "Production, behind the gateway of the organisation",
        },
        {
            "url": "http://localhost:8080",
            "description": "Local sandbox, as started by `sportello serve --demo`",
            "x-sandbox": true,
        },
    ])
}

fn security_schemes() -> Value {
    json!({
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A JSON Web Token (RFC 7519), issued, signed and verified as RFC8725 advises. Staff and \
                machine clients get it from this API, citizens from the configured OpenID Connect issuer.",
        },
    })
}
