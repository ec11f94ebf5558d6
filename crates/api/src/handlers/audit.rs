//! Searches in the audit trail.

use actix_web::{HttpRequest, HttpResponse, post, web};
use domain::audit::{AuditActor, AuditEntry};
use domain::codes::AuthorityCode;
use domain::ids::{AccountId, TicketId, TicketRef};
use domain::invalid::{Invalid, Lang};
use domain::tax_code::TaxCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use service::looks::{About, AuditSearch, FoundEntries, FoundEntry, Place};
use service::{Desk, DeskError};
use utoipa::ToSchema;
use uuid::Uuid;

use super::codes;
use super::email_proofs::replay_header;
use super::screen_body::label;
use super::{CodeLabel, Links, links};
use crate::body::{Expects, read_object};
use crate::conditions::Repeatable;
use crate::language::Language;
use crate::members::{Members, invalid_format, out_of_range};
use crate::policy;
use crate::principal::Operator;
use crate::problem::Problem;
use crate::query::page_size;
use crate::routes::Routes;
use crate::{block, cursor};

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config.service(search_audit);
}

/// What to look for. At most one of `tax_code`, `ticket`, `account_id` and `authority_code`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read by name")]
struct AuditSearchBody {
    /// Who saw this person?
    #[schema(max_length = 254)]
    tax_code: Option<String>,
    /// Who saw this request? Its id or its number.
    #[schema(max_length = 64)]
    ticket: Option<String>,
    /// What did this operator see?
    account_id: Option<Uuid>,
    /// What was seen at this authority?
    #[schema(max_length = 64)]
    authority_code: Option<String>,
    #[schema(format = DateTime, value_type = String)]
    from: Timestamp,
    /// Until before.
    #[schema(format = DateTime, value_type = String)]
    to: Timestamp,
    /// These operations alone, such as `show_ticket`.
    #[schema(value_type = Option<Vec<codes::OperationId>>, max_items = 50)]
    operations: Option<Vec<String>>,
    /// Entries in a page: 50 if absent.
    #[schema(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before; the rest of the search must be the same.
    #[schema(max_length = 256, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
}

/// A page of entries, the latest first.
#[derive(Serialize, Deserialize, ToSchema)]
struct AuditPage {
    #[schema(max_items = 100)]
    items: Vec<AuditEntryBody>,
    /// Null on the last page. A page may hold fewer entries than the limit, and still not be the last.
    #[schema(required, max_length = 256)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// Who saw or did what, on whom, why, and how it went.
#[derive(Serialize, Deserialize, ToSchema)]
struct AuditEntryBody {
    /// The request it is about.
    id: Uuid,
    /// The how-manieth entry of that request.
    #[schema(minimum = 1)]
    part: i32,
    #[schema(format = DateTime)]
    at: String,
    actor: AuditActorBody,
    #[schema(value_type = codes::OperationId)]
    operation: String,
    /// Why, as a code.
    #[schema(required, max_length = 64)]
    purpose: Option<String>,
    #[schema(value_type = codes::AuditOutcome)]
    outcome: String,
    /// The requests whose data were opened.
    #[schema(max_items = 10000)]
    tickets: Vec<AuditTicketBody>,
    /// The people concerned, as pseudonyms; for the auditor alone.
    #[schema(max_items = 10000)]
    people: Vec<String>,
    #[schema(required)]
    correlation_id: Option<Uuid>,
}

/// Who acted.
#[derive(Serialize, Deserialize, ToSchema)]
struct AuditActorBody {
    #[schema(value_type = codes::AuditActorKind)]
    kind: String,
    /// The account and its person's name; null where the reader may not know, or there is none.
    #[schema(required)]
    account: Option<AuditAccountBody>,
    #[schema(required, value_type = Option<codes::Role>)]
    role: Option<String>,
    #[schema(required)]
    authority: Option<CodeLabel>,
    #[schema(required, max_length = 64)]
    location_code: Option<String>,
    /// A citizen's pseudonym; for the auditor alone.
    #[schema(required, max_length = 64)]
    person: Option<String>,
    /// The program that called, for itself or with a citizen's token.
    #[schema(required)]
    program_id: Option<Uuid>,
}

/// An account.
#[derive(Serialize, Deserialize, ToSchema)]
struct AuditAccountBody {
    id: Uuid,
    /// The person's name; null if the account is gone.
    #[schema(required, max_length = 128)]
    label: Option<String>,
}

/// A request.
#[derive(Serialize, Deserialize, ToSchema)]
struct AuditTicketBody {
    id: Uuid,
    /// Null if it is gone.
    #[schema(required, value_type = Option<codes::TicketNumber>)]
    number: Option<String>,
    /// Whether it was changed.
    changed: bool,
}

/// The order of the list.
const ORDER: &str = "-at";
/// Operations named in a search.
const MOST_OPERATIONS: usize = 50;

/// Searches the audit trail.
///
/// Who saw this person or this request, and what an operator saw, in a period. The auditor sees all of it.
/// Who answers for a desk sees what was done at that desk, and of a request in reach who looked at it: without
/// whom it was about, and without the accounts of other desks. The search is itself an entry.
#[utoipa::path(tag = "administration", request_body(content = AuditSearchBody, description = "What to look for"),
    responses((status = 200, description = "A page of entries", body = AuditPage)))]
#[post("/v1/audit-searches")]
pub(crate) async fn search_audit(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    desk: web::Data<Desk>,
    lang: Language,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let object = read_object(&request, payload, Expects::Json).await?;
    let content = serde_json::to_vec(&object).unwrap_or_default();
    let mut body = Members::of(object);
    let search = read_search(&mut body);
    let errors = body.finish();
    let search = match search {
        Some(search) if errors.is_empty() => search,
        _ => return Err(Problem::fields(errors)),
    };
    let once = repeatable.with(content);
    // The next page is asked for with the cursor in the body: there is no address to link to.
    let own = links(&request, None);
    let answer = block(move || {
        desk.answer_once(&once, || {
            let found = desk.search_audit(&operator.0, &search)?;
            Ok::<_, DeskError>(page(&desk, found, own, lang.0))
        })
    })
    .await?;
    Ok(replay_header(&mut HttpResponse::Ok(), answer.replayed).json(answer.value))
}

fn read_search(body: &mut Members) -> Option<AuditSearch> {
    let person = body.words("tax_code", |text| TaxCode::parse(text, true));
    let ticket = body.words("ticket", |text| {
        TicketRef::parse(text).ok_or_else(invalid_format)
    });
    let account = body.words("account_id", |text| {
        text.parse::<AccountId>().map_err(|_| invalid_format())
    });
    let authority = body.text("authority_code", 64);
    let from = body.needed("from", Members::moment);
    let to = body.needed("to", Members::moment);
    let operations = body.list("operations", MOST_OPERATIONS, |text| {
        let known = policy::RULES.iter().any(|rule| rule.operation == text);
        known.then(|| text.to_owned())
    });
    let limit = page_size(body);
    let after = body.code("cursor", |text| cursor::read_entry(ORDER, text));
    let mut abouts = [
        ("tax_code", person.map(About::Person)),
        ("ticket", ticket.map(About::Ticket)),
        ("account_id", account.map(About::Account)),
        (
            "authority_code",
            authority.map(|code| About::Authority(AuthorityCode::from(code.as_str()))),
        ),
    ]
    .into_iter()
    .filter_map(|(name, about)| Some((name, about?)));
    let about = abouts.next().map_or(About::All, |(_, about)| about);
    for (name, _) in abouts {
        body.refuse(name, too_many());
    }
    let period = from.zip(to)?;
    if period.0 >= period.1 {
        body.refuse("to", out_of_range());
    }
    Some(AuditSearch {
        about,
        period,
        operations: operations.unwrap_or_default(),
        after,
        limit: usize::try_from(limit).unwrap_or_default(),
    })
}

const fn too_many() -> Invalid {
    Invalid::new(
        "one-at-a-time",
        "Si cerca per una cosa sola",
        "a search is about one thing alone",
    )
}

fn page(desk: &Desk, found: FoundEntries, own: Links, lang: Lang) -> AuditPage {
    let items = found.items.into_iter();
    AuditPage {
        items: items.map(|one| entry_body(desk, one, lang)).collect(),
        next_cursor: found
            .next
            .map(|(at, id, nth)| cursor::write_entry(ORDER, Place { at, id, nth })),
        links: own,
    }
}

fn entry_body(desk: &Desk, found: FoundEntry, lang: Lang) -> AuditEntryBody {
    let FoundEntry {
        entry,
        numbers,
        account,
    } = found;
    let ticket = |id: &TicketId| AuditTicketBody {
        id: id.uuid(),
        number: numbers.get(id).cloned(),
        changed: entry.changed.contains(id),
    };
    AuditEntryBody {
        id: entry.id,
        part: entry.nth,
        at: entry.at.to_string(),
        actor: actor_body(desk, &entry, account, lang),
        tickets: entry.tickets.iter().map(ticket).collect(),
        outcome: entry.outcome.as_str().to_owned(),
        operation: entry.operation,
        purpose: entry.purpose,
        people: entry.subjects,
        correlation_id: entry.correlation,
    }
}

fn actor_body(
    desk: &Desk,
    entry: &AuditEntry,
    known: Option<(AccountId, String)>,
    lang: Lang,
) -> AuditActorBody {
    let mut body = AuditActorBody {
        kind: entry.actor.kind().to_owned(),
        account: None,
        role: None,
        authority: None,
        location_code: None,
        person: None,
        program_id: None,
    };
    match &entry.actor {
        AuditActor::Staff {
            account,
            role,
            authority,
            location,
            ..
        } => {
            body.account = (!account.uuid().is_nil()).then(|| AuditAccountBody {
                id: account.uuid(),
                label: known.map(|(_, label)| label),
            });
            body.role = role.map(|role| role.code().to_owned());
            let authority = authority.as_ref();
            body.authority = authority.map(|code| label(desk.authority_label(code), lang));
            body.location_code.clone_from(location);
        }
        AuditActor::Citizen { person, via } => {
            body.person = Some(person.clone()).filter(|person| !person.is_empty());
            body.program_id = via.map(|id| id.uuid());
        }
        AuditActor::Client { client } => body.program_id = Some(client.uuid()),
        AuditActor::System
        | AuditActor::Nobody
        | AuditActor::Tracking { .. }
        | AuditActor::Operator => {}
    }
    body
}
