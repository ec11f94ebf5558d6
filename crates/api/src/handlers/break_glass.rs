//! Break-glass: a system administrator asks, a second person agrees, either ends it.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use domain::break_glass::MOST_HOURS;
use domain::ids::GrantId;
use domain::invalid::{Invalid, Lang};
use serde::Serialize;
use service::Desk;
use service::break_glass::{GrantParty, GrantView, NewGrant};
use service::once::Answer;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::codes::{GrantState, Purpose, TicketRef};
use super::disclosures::read_stated;
use super::email_proofs::replay_header;
use super::screen_body::label;
use super::{CodeLabel, Links, links};
use crate::body::{Expects, media_type, read_object};
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
        .service(list_break_glass_grants)
        .service(ask_break_glass)
        .service(approve_break_glass)
        .service(end_break_glass);
}

/// A grant to ask for: for an authority, or for one ticket.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct GrantForm {
    /// The authority whose requests it opens.
    #[schema(max_length = 64)]
    authority_code: Option<String>,
    /// Or the id or number of the one request.
    #[schema(value_type = Option<TicketRef>)]
    ticket: Option<String>,
    purpose: Purpose,
    /// The reason in one's own words.
    #[schema(min_length = 10, max_length = 500)]
    reason: String,
    /// For how many hours from the approval.
    #[schema(minimum = 1, maximum = 8)]
    hours: i64,
}

/// A break-glass grant.
#[derive(Serialize, ToSchema)]
struct GrantBody {
    id: Uuid,
    #[schema(value_type = GrantState)]
    state: &'static str,
    #[schema(max_length = 64)]
    state_label: String,
    /// The authority it is about; null if it is about one ticket.
    #[schema(required)]
    authority: Option<CodeLabel>,
    /// The ticket it is about; null if it is about an authority.
    #[schema(required)]
    ticket_id: Option<Uuid>,
    #[schema(value_type = Purpose)]
    purpose: &'static str,
    #[schema(max_length = 64)]
    purpose_label: String,
    #[schema(max_length = 500)]
    reason: String,
    #[schema(minimum = 1, maximum = 8)]
    hours: i32,
    asked_by: PartyBody,
    #[schema(format = DateTime)]
    asked_at: String,
    #[schema(required)]
    approved_by: Option<PartyBody>,
    #[schema(required, format = DateTime)]
    approved_at: Option<String>,
    /// When its hours are over; null before somebody agreed.
    #[schema(required, format = DateTime)]
    ends_at: Option<String>,
    #[schema(required, format = DateTime)]
    first_used_at: Option<String>,
    /// Who ended it before its time.
    #[schema(required)]
    ended_by: Option<PartyBody>,
    #[schema(required, format = DateTime)]
    ended_at: Option<String>,
}

/// Somebody who took a step with a grant.
#[derive(Serialize, ToSchema)]
struct PartyBody {
    id: Uuid,
    #[schema(required, max_length = 128)]
    label: Option<String>,
}

impl From<GrantParty> for PartyBody {
    fn from(party: GrantParty) -> Self {
        PartyBody {
            id: party.id,
            label: party.label,
        }
    }
}

impl GrantBody {
    fn new(view: GrantView, lang: Lang) -> Self {
        GrantBody {
            id: view.id.uuid(),
            state: view.state.as_str(),
            state_label: view.state.label().to(lang).to_owned(),
            authority: view.authority.map(|one| label(one, lang)),
            ticket_id: view.ticket,
            purpose: view.purpose.as_str(),
            purpose_label: view.purpose.label().to(lang).to_owned(),
            reason: view.reason,
            hours: view.hours,
            asked_by: view.asked_by.into(),
            asked_at: view.asked_at.to_string(),
            approved_by: view.approved_by.map(PartyBody::from),
            approved_at: view.approved_at.map(|at| at.to_string()),
            ends_at: view.ends_at.map(|at| at.to_string()),
            first_used_at: view.first_used_at.map(|at| at.to_string()),
            ended_by: view.ended_by.map(PartyBody::from),
            ended_at: view.ended_at.map(|at| at.to_string()),
        }
    }
}

/// Which grants to list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters; they are read by name")]
pub(crate) struct GrantQuery {
    /// Grants in a page: 1 to 100, 50 if absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// Where to go on.
    #[param(max_length = 256, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
}

/// A page of grants, the newest first.
#[derive(Serialize, ToSchema)]
struct GrantPage {
    #[schema(max_items = 100)]
    items: Vec<GrantBody>,
    /// Null on the last page.
    #[schema(required, max_length = 256)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// The one order of the list.
const ORDER: &str = "-asked_at";

/// Lists break-glass grants.
///
/// With who asked, who agreed, why, and when something was first read, the newest first.
#[utoipa::path(tag = "accounts", params(GrantQuery),
    responses((status = 200, description = "A page of grants", body = GrantPage)))]
#[get("/v1/break-glass-grants")]
pub(crate) async fn list_break_glass_grants(
    request: HttpRequest,
    _operator: Operator,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let mut query = read_query(&request, &PAGE)?;
    let limit = page_size(&mut query);
    let before = query.code("cursor", |text| cursor::read_at(ORDER, text));
    refuse_query(&query.finish())?;
    let before = before.map(|(at, id)| (at, GrantId::new(id)));
    let page = limit.saturating_add(1);
    let found = block(move || desk.list_break_glass(before, page)).await?;
    let (found, next_cursor) = cut_page(found, limit, |last| {
        cursor::write_at(ORDER, last.asked_at, last.id.uuid())
    });
    let items = found.into_iter();
    Ok(HttpResponse::Ok().json(GrantPage {
        links: links(&request, next_cursor.as_deref()),
        items: items.map(|one| GrantBody::new(one, lang.0)).collect(),
        next_cursor,
    }))
}

/// Asks for break-glass access.
///
/// To the requests that an authority has in custody, or to one request: to read them, with tax codes and
/// contacts masked. It opens nothing until somebody else agrees, and is void a day later. The data
/// protection officer is told.
#[utoipa::path(tag = "accounts", request_body(content = GrantForm, description = "To what, what for, and why"),
    responses((status = 201, description = "Asked for", body = GrantBody)))]
#[post("/v1/break-glass-grants")]
pub(crate) async fn ask_break_glass(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    desk: web::Data<Desk>,
    lang: Language,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let object = read_object(&request, payload, Expects::Json).await?;
    let once = repeatable.with(serde_json::to_vec(&object).unwrap_or_default());
    let mut body = Members::of(object);
    let authority = body.text("authority_code", 64);
    let ticket = body.text("ticket", 64);
    match (&authority, &ticket) {
        (None, None) => body.refuse("authority_code", Invalid::required()),
        (Some(_), Some(_)) => body.refuse("ticket", one_of_the_two()),
        _ => {}
    }
    let hours = body.needed("hours", |body, name| {
        let hours = body.integer(name)?;
        let known = i32::try_from(hours).ok();
        let known = known.filter(|hours| (1..=MOST_HOURS).contains(hours));
        if known.is_none() {
            body.refuse(name, too_many_hours());
        }
        known
    });
    let stated = read_stated(&mut body);
    let errors = body.finish();
    let (Some(stated), Some(hours), true) = (stated, hours, errors.is_empty()) else {
        return Err(Problem::fields(errors));
    };
    let new = NewGrant {
        authority,
        ticket,
        purpose: stated.purpose,
        reason: stated.reason,
        hours,
    };
    let answer = block(move || desk.ask_break_glass(&operator.0, new, &once)).await?;
    Ok(stepped(answer, lang))
}

/// Agrees to a break-glass grant.
///
/// Somebody else than who asked, under no account of theirs. From then on it is in force, for its hours.
/// Nothing needs to be said in the body.
#[utoipa::path(tag = "accounts", params(("grant" = Uuid, Path, description = "The grant's id")),
    responses((status = 201, description = "The grant", body = GrantBody)))]
#[post("/v1/break-glass-grants/{grant}/approvals")]
pub(crate) async fn approve_break_glass(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    grant: web::Path<Uuid>,
    desk: web::Data<Desk>,
    lang: Language,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    refuse_members(&request, payload).await?;
    let once = repeatable.with(Vec::new());
    let id = GrantId::new(grant.into_inner());
    let answer = block(move || desk.approve_break_glass(&operator.0, id, &once)).await?;
    Ok(stepped(answer, lang))
}

/// Ends a break-glass grant.
///
/// Before its time, or before anybody agreed: from this instant it opens nothing. Nothing needs to be said
/// in the body.
#[utoipa::path(tag = "accounts", params(("grant" = Uuid, Path, description = "The grant's id")),
    responses((status = 201, description = "The grant", body = GrantBody)))]
#[post("/v1/break-glass-grants/{grant}/ends")]
pub(crate) async fn end_break_glass(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    grant: web::Path<Uuid>,
    desk: web::Data<Desk>,
    lang: Language,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    refuse_members(&request, payload).await?;
    let once = repeatable.with(Vec::new());
    let id = GrantId::new(grant.into_inner());
    let answer = block(move || desk.end_break_glass(&operator.0, id, &once)).await?;
    Ok(stepped(answer, lang))
}

/// A step with no body, or an empty one.
async fn refuse_members(request: &HttpRequest, payload: web::Payload) -> Result<(), Problem> {
    if media_type(request).is_empty() {
        return Ok(());
    }
    let members = read_object(request, payload, Expects::Json).await?;
    let errors = Members::of(members).finish();
    match errors.is_empty() {
        true => Ok(()),
        false => Err(Problem::fields(errors)),
    }
}

fn stepped(answer: Answer<GrantView>, lang: Language) -> HttpResponse {
    let body = GrantBody::new(answer.value, lang.0);
    replay_header(&mut HttpResponse::Created(), answer.replayed).json(body)
}

const fn one_of_the_two() -> Invalid {
    Invalid::new(
        "not-allowed",
        "Un ente o una richiesta, non entrambi",
        "an authority or a request, not both",
    )
}

const fn too_many_hours() -> Invalid {
    Invalid::new("out-of-range", "Da 1 a 8 ore", "from 1 to 8 hours")
}
