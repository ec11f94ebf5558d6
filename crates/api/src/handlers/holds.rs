//! Legal holds: what must not go, whatever its term says.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use domain::ids::HoldId;
use domain::invalid::Invalid;
use domain::tax_code::TaxCode;
use domain::text::Description;
use jiff::Timestamp;
use serde::Serialize;
use service::Desk;
use service::retention::holds::{HoldView, Wanted};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::codes::TicketRef;
use super::email_proofs::replay_header;
use super::{Links, links, ticket_ref};
use crate::body::{Expects, read_object};
use crate::conditions::Repeatable;
use crate::members::Members;
use crate::principal::Operator;
use crate::problem::Problem;
use crate::query::{PAGE, cut_page, page_size, read_query, refuse_query};
use crate::routes::Routes;
use crate::{block, cursor};

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(list_legal_holds)
        .service(set_legal_hold)
        .service(end_legal_hold)
        .service(list_ticket_holds)
        .service(hold_ticket);
}

/// Longest reason.
const REASON_MAX_CHARS: usize = 500;

/// A hold. Of a person it tells no more than that it is one.
#[derive(Serialize, ToSchema)]
struct LegalHoldBody {
    id: Uuid,
    /// `ticket`, `authority` or `person`.
    #[schema(max_length = 16, pattern = "^[a-z]+$")]
    kind: String,
    #[schema(required)]
    ticket_id: Option<Uuid>,
    #[schema(required, max_length = 64)]
    authority_code: Option<String>,
    #[schema(max_length = 500)]
    reason: String,
    /// Until when; null until somebody ends it.
    #[schema(required, format = DateTime)]
    until: Option<String>,
    /// Whether it holds now.
    is_on: bool,
    #[schema(format = DateTime)]
    created_at: String,
    /// The account that set it.
    created_by: Uuid,
    #[schema(required, format = DateTime)]
    ended_at: Option<String>,
    /// The account that ended it.
    #[schema(required)]
    ended_by: Option<Uuid>,
    #[schema(required, max_length = 500)]
    end_reason: Option<String>,
}

impl From<HoldView> for LegalHoldBody {
    fn from(hold: HoldView) -> Self {
        LegalHoldBody {
            id: hold.id.uuid(),
            kind: hold.kind,
            ticket_id: hold.ticket.map(|id| id.uuid()),
            authority_code: hold.authority.map(|code| code.to_string()),
            reason: hold.reason,
            until: hold.until.map(|at| at.to_string()),
            is_on: hold.is_on,
            created_at: hold.created_at.to_string(),
            created_by: hold.created_by.uuid(),
            ended_at: hold.ended_at.map(|at| at.to_string()),
            ended_by: hold.ended_by.map(|by| by.uuid()),
            end_reason: hold.end_reason,
        }
    }
}

/// Which holds to list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters; they are read by name")]
pub(crate) struct LegalHoldQuery {
    /// Holds in a page: 1 to 100, 50 if absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// Where to go on.
    #[param(max_length = 256, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
}

/// A page of holds, the newest first.
#[derive(Serialize, ToSchema)]
struct LegalHoldPage {
    #[schema(max_items = 100)]
    items: Vec<LegalHoldBody>,
    /// Null on the last page.
    #[schema(required, max_length = 256)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// The one order of the lists.
const ORDER: &str = "-created_at";

async fn list(
    request: &HttpRequest,
    ticket: Option<domain::ids::TicketRef>,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let mut query = read_query(request, &PAGE)?;
    let limit = page_size(&mut query);
    let after = query.code("cursor", |text| cursor::read_at(ORDER, text));
    let after = after.map(|(at, id)| (at, HoldId::new(id)));
    refuse_query(&query.finish())?;
    let page = limit.saturating_add(1);
    let found = block(move || desk.list_holds(ticket.as_ref(), after, page)).await?;
    let (found, next_cursor) = cut_page(found, limit, |last| {
        cursor::write_at(ORDER, last.created_at, last.id.uuid())
    });
    Ok(HttpResponse::Ok().json(LegalHoldPage {
        links: links(request, next_cursor.as_deref()),
        items: found.into_iter().map(LegalHoldBody::from).collect(),
        next_cursor,
    }))
}

/// Lists legal holds.
///
/// All of them, those that ended as well.
#[utoipa::path(tag = "administration", params(LegalHoldQuery),
    responses((status = 200, description = "A page of holds", body = LegalHoldPage)))]
#[get("/v1/legal-holds")]
pub(crate) async fn list_legal_holds(
    request: HttpRequest,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    list(&request, None, desk).await
}

/// Lists the legal holds of a ticket.
///
/// Those set on it by name; holds of its authority or of its person keep it as well.
#[utoipa::path(tag = "tickets",
    params(("ticket" = inline(TicketRef), Path, description = "Id or number"), LegalHoldQuery),
    responses((status = 200, description = "A page of holds", body = LegalHoldPage)))]
#[get("/v1/tickets/{ticket}/legal-holds")]
pub(crate) async fn list_ticket_holds(
    request: HttpRequest,
    ticket: web::Path<String>,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let wanted = ticket_ref(&ticket)?;
    list(&request, Some(wanted), desk).await
}

/// What is to be kept, and why.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct LegalHoldForm {
    /// Everything of this authority; or else `tax_code`.
    #[schema(max_length = 64)]
    authority_code: Option<String>,
    /// Everything about this person; or else `authority_code`.
    #[schema(max_length = 32)]
    tax_code: Option<String>,
    /// Why: the case, not the person.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
    /// Until when, if that is known.
    #[schema(format = DateTime)]
    until: Option<String>,
}

/// Sets a legal hold on an authority or a person.
///
/// Nothing of it goes, whatever its term says, until the hold ends.
#[utoipa::path(tag = "administration", request_body(content = LegalHoldForm, description = "What is to be kept"),
    responses((status = 201, description = "The hold", body = LegalHoldBody)))]
#[post("/v1/legal-holds")]
pub(crate) async fn set_legal_hold(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let object = read_object(&request, payload, Expects::Json).await?;
    let once = repeatable.with(serde_json::to_vec(&object).unwrap_or_default());
    let mut body = Members::of(object);
    let authority = body.text("authority_code", 64);
    let person = body.words("tax_code", |text| TaxCode::parse(text, true));
    if authority.is_some() == person.is_some() {
        body.refuse("authority_code", one_of_two());
    }
    let (reason, until) = read_reason(&mut body);
    let errors = body.finish();
    let wanted = authority
        .map(Wanted::Authority)
        .or(person.map(Wanted::Person));
    let (Some(wanted), Some(reason), true) = (wanted, reason, errors.is_empty()) else {
        return Err(Problem::fields(errors));
    };
    let answer = block(move || desk.set_hold(&operator.0, wanted, reason, until, &once)).await?;
    Ok(replay_header(&mut HttpResponse::Created(), answer.replayed)
        .json(LegalHoldBody::from(answer.value)))
}

/// Why a ticket is to be kept.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct TicketHoldForm {
    /// Why: the case, not the person.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
    /// Until when, if that is known.
    #[schema(format = DateTime)]
    until: Option<String>,
}

/// Sets a legal hold on a ticket.
///
/// Nothing of it goes, whatever its term says, until the hold ends.
#[utoipa::path(tag = "tickets",
    params(("ticket" = inline(TicketRef), Path, description = "Id or number")),
    request_body(content = TicketHoldForm, description = "Why"),
    responses((status = 201, description = "The hold", body = LegalHoldBody)))]
#[post("/v1/tickets/{ticket}/legal-holds")]
pub(crate) async fn hold_ticket(
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
    let (reason, until) = read_reason(&mut body);
    let errors = body.finish();
    let (Some(reason), true) = (reason, errors.is_empty()) else {
        return Err(Problem::fields(errors));
    };
    let wanted = Wanted::Ticket(wanted);
    let answer = block(move || desk.set_hold(&operator.0, wanted, reason, until, &once)).await?;
    Ok(replay_header(&mut HttpResponse::Created(), answer.replayed)
        .json(LegalHoldBody::from(answer.value)))
}

/// Why a hold ends.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct HoldEndForm {
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// Ends a legal hold.
///
/// What it kept goes with the next run, if its time is over and no other hold keeps it.
#[utoipa::path(tag = "administration", params(("hold" = Uuid, Path, description = "The hold's id")),
    request_body(content = HoldEndForm, description = "Why"),
    responses((status = 201, description = "The hold", body = LegalHoldBody)))]
#[post("/v1/legal-holds/{hold}/endings")]
pub(crate) async fn end_legal_hold(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    hold: web::Path<Uuid>,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let object = read_object(&request, payload, Expects::Json).await?;
    let once = repeatable.with(serde_json::to_vec(&object).unwrap_or_default());
    let mut body = Members::of(object);
    let reason = read_words(&mut body);
    let errors = body.finish();
    let (Some(reason), true) = (reason, errors.is_empty()) else {
        return Err(Problem::fields(errors));
    };
    let id = HoldId::new(hold.into_inner());
    let answer = block(move || desk.end_hold(&operator.0, id, reason, &once)).await?;
    Ok(replay_header(&mut HttpResponse::Created(), answer.replayed)
        .json(LegalHoldBody::from(answer.value)))
}

fn read_reason(body: &mut Members) -> (Option<String>, Option<Timestamp>) {
    (read_words(body), body.moment("until"))
}

fn read_words(body: &mut Members) -> Option<String> {
    let reason = body.needed("reason", |body, name| {
        body.words(name, |text| Description::parse(text, REASON_MAX_CHARS))
    });
    reason.map(Description::into_string)
}

const fn one_of_two() -> Invalid {
    Invalid::new(
        "one-of-two",
        "Uno solo tra authority_code e tax_code",
        "exactly one of authority_code and tax_code",
    )
}
