//! Stated looks at personal data: a purpose, a reason, and what is shown for them.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use domain::ids::DisclosureId;
use domain::invalid::Lang;
use domain::purpose::{Purpose, Reason};
use serde::Serialize;
use service::Desk;
use service::disclosures::{DisclosureView, Noted, Stated};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::codes::{Purpose as PurposeCode, TicketRef};
use super::contacts::NamedTicketBody;
use super::email_proofs::replay_header;
use super::screen_body::PersonBody;
use super::{Links, links, ticket_ref};
use crate::body::{Expects, read_object};
use crate::conditions::Repeatable;
use crate::language::Language;
use crate::members::Members;
use crate::principal::Operator;
use crate::problem::Problem;
use crate::query::{PAGE, cut_page, page_size, read_query, refuse_query};
use crate::routes::Routes;
use crate::{block, cursor};

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(disclose_identity)
        .service(inspect_ticket)
        .service(list_disclosures);
}

/// Why somebody looks.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct StatedForm {
    purpose: PurposeCode,
    /// The reason in one's own words. Auditors read it.
    #[schema(min_length = 10, max_length = 500)]
    reason: String,
}

/// Reads purpose and reason; both must be there.
pub(super) fn read_stated(body: &mut Members) -> Option<Stated> {
    let purpose = body.needed("purpose", |body, name| body.code(name, Purpose::from_code));
    let reason = body.needed("reason", |body, name| body.words(name, Reason::parse));
    Some(Stated {
        purpose: purpose?,
        reason: reason?,
    })
}

/// A requester's identity and contacts, as a whole.
#[derive(Serialize, ToSchema)]
struct DisclosedBody {
    id: Uuid,
    #[schema(format = DateTime)]
    at: String,
    requester: PersonBody,
}

/// Shows a requester's full identity.
///
/// Tax code and contacts, which the screen masks for whoever has not the request in custody. It is written
/// down who asked and why; auditors read it.
#[utoipa::path(tag = "tickets", params(("ticket" = inline(TicketRef), Path, description = "The ticket's id or number")),
    request_body(content = StatedForm, description = "What for, and why"),
    responses((status = 201, description = "The identity, this once", body = DisclosedBody)))]
#[post("/v1/tickets/{ticket}/disclosures")]
pub(crate) async fn disclose_identity(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    ticket: web::Path<String>,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let wanted = ticket_ref(&ticket)?;
    let object = read_object(&request, payload, Expects::Json).await?;
    let once = repeatable.with(serde_json::to_vec(&object).unwrap_or_default());
    let mut body = Members::of(object);
    let stated = read_stated(&mut body);
    let errors = body.finish();
    let (answer, person) = block(move || match stated {
        Some(stated) if errors.is_empty() => desk.disclose(&operator.0, wanted, stated, &once),
        _ => Err(service::DeskError::Invalid(errors)),
    })
    .await?;
    let noted = answer.value;
    Ok(
        replay_header(&mut HttpResponse::Created(), answer.replayed).json(DisclosedBody {
            id: noted.id.uuid(),
            at: noted.at.to_string(),
            requester: PersonBody::from(person),
        }),
    )
}

/// A ticket that is open to an auditor.
#[derive(Serialize, ToSchema)]
struct InspectionBody {
    id: Uuid,
    ticket_id: Uuid,
    #[schema(format = DateTime)]
    at: String,
    /// From then on the purpose has to be stated again.
    #[schema(format = DateTime)]
    until: String,
}

impl From<Noted> for InspectionBody {
    fn from(noted: Noted) -> Self {
        InspectionBody {
            id: noted.id.uuid(),
            ticket_id: noted.ticket.uuid(),
            at: noted.at.to_string(),
            until: noted.until.unwrap_or(noted.at).to_string(),
        }
    }
}

/// Opens a ticket to an auditor.
///
/// Its screen and timeline, to read, for hours; tax code and contacts stay masked. It is written down what
/// for and why.
#[utoipa::path(tag = "tickets", params(("ticket" = inline(TicketRef), Path, description = "The ticket's id or number")),
    request_body(content = StatedForm, description = "What for, and why"),
    responses((status = 201, description = "Open until then", body = InspectionBody)))]
#[post("/v1/tickets/{ticket}/inspections")]
pub(crate) async fn inspect_ticket(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    ticket: web::Path<String>,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let wanted = ticket_ref(&ticket)?;
    let object = read_object(&request, payload, Expects::Json).await?;
    let once = repeatable.with(serde_json::to_vec(&object).unwrap_or_default());
    let mut body = Members::of(object);
    let stated = read_stated(&mut body);
    let errors = body.finish();
    let answer = block(move || match stated {
        Some(stated) if errors.is_empty() => desk.inspect(&operator.0, wanted, stated, &once),
        _ => Err(service::DeskError::Invalid(errors)),
    })
    .await?;
    let body = InspectionBody::from(answer.value);
    Ok(replay_header(&mut HttpResponse::Created(), answer.replayed).json(body))
}

/// Which stated looks to list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters; they are read by name")]
pub(crate) struct DisclosureQuery {
    /// Those at one ticket: its id or number.
    #[param(value_type = Option<TicketRef>, inline)]
    ticket: Option<String>,
    /// Items in a page: 1 to 100, 50 if absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// Where to go on.
    #[param(max_length = 256, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
}

/// A stated look.
#[derive(Serialize, ToSchema)]
struct DisclosureBody {
    id: Uuid,
    ticket: NamedTicketBody,
    /// `identity` where the full identity was shown, `inspection` where the ticket was opened.
    #[schema(max_length = 16, pattern = "^(identity|inspection)$")]
    kind: &'static str,
    account_id: Uuid,
    /// The name of who looked.
    #[schema(max_length = 128)]
    account_label: String,
    #[schema(value_type = super::codes::Role)]
    role: &'static str,
    #[schema(max_length = 64)]
    authority_code: String,
    #[schema(value_type = PurposeCode)]
    purpose: &'static str,
    #[schema(max_length = 64)]
    purpose_label: String,
    #[schema(max_length = 500)]
    reason: String,
    #[schema(format = DateTime)]
    at: String,
    /// Until when the ticket was open; null for an identity.
    #[schema(required, format = DateTime)]
    until: Option<String>,
}

impl DisclosureBody {
    fn new(view: DisclosureView, lang: Lang) -> Self {
        let one = view.disclosure;
        DisclosureBody {
            id: one.id.uuid(),
            ticket: NamedTicketBody::from((one.ticket, view.number)),
            kind: one.until.map_or("identity", |_| "inspection"),
            account_id: one.account.uuid(),
            account_label: view.label,
            role: one.role.code(),
            authority_code: one.desk.to_string(),
            purpose: one.purpose.as_str(),
            purpose_label: one.purpose.label().to(lang).to_owned(),
            reason: one.reason,
            at: one.at.to_string(),
            until: one.until.map(|at| at.to_string()),
        }
    }
}

/// A page of stated looks, the newest first.
#[derive(Serialize, ToSchema)]
struct DisclosurePage {
    #[schema(max_items = 100)]
    items: Vec<DisclosureBody>,
    /// Null on the last page.
    #[schema(required, max_length = 256)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// The one order of the list.
const ORDER: &str = "-at";

/// Lists who asked for identities, and opened tickets to look into.
///
/// With purposes and reasons, the newest first.
#[utoipa::path(tag = "tickets", params(DisclosureQuery),
    responses((status = 200, description = "A page of stated looks", body = DisclosurePage)))]
#[get("/v1/disclosures")]
pub(crate) async fn list_disclosures(
    request: HttpRequest,
    _operator: Operator,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let mut query = read_query(&request, &PAGE)?;
    let limit = page_size(&mut query);
    let ticket = query.code("ticket", domain::ids::TicketRef::parse);
    let before = query.code("cursor", |text| cursor::read_at(ORDER, text));
    refuse_query(&query.finish())?;
    let before = before.map(|(at, id)| (at, DisclosureId::new(id)));
    let page = limit.saturating_add(1);
    let found = block(move || desk.list_disclosures(ticket, before, page)).await?;
    let (found, next_cursor) = cut_page(found, limit, |last| {
        let last = &last.disclosure;
        cursor::write_at(ORDER, last.at, last.id.uuid())
    });
    let items = found.into_iter();
    Ok(HttpResponse::Ok().json(DisclosurePage {
        links: links(&request, next_cursor.as_deref()),
        items: items.map(|one| DisclosureBody::new(one, lang.0)).collect(),
        next_cursor,
    }))
}
