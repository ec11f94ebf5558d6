//! Restricting the processing of somebody's data, and putting wrong data right.

use actix_web::{HttpRequest, HttpResponse, delete, post, web};
use domain::email::EmailAddress;
use domain::ids::SubjectRequestId;
use domain::invalid::Invalid;
use domain::person_name::PersonName;
use domain::phone::PhoneNumber;
use serde::Serialize;
use service::once::Answer;
use service::rights::{CorrectedTicket, Rectification};
use service::{Desk, DeskError};
use utoipa::ToSchema;
use uuid::Uuid;

use super::complaint_body::line;
use super::email_proofs::replay_header;
use super::own_tickets::must_say_nothing;
use super::subject_request_body::CorrectedTicketBody;
use crate::block;
use crate::body::{Expects, read_object};
use crate::conditions::{Repeatable, Seen, etag};
use crate::members::Members;
use crate::principal::Operator;
use crate::problem::Problem;
use crate::routes::Routes;

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(restrict_processing)
        .service(lift_restriction)
        .service(rectify_data);
}

/// What became of the person's requests.
#[derive(Serialize, ToSchema)]
struct CorrectionBody {
    /// The requests it is about, as they stand now.
    #[schema(max_items = 100000)]
    tickets: Vec<CorrectedTicketBody>,
}

/// Restricts the processing of somebody's data.
///
/// Their requests can be read and not changed, until that is lifted. Nothing needs to be said in the body.
#[utoipa::path(tag = "data-rights", params(("request" = Uuid, Path, description = "The request's id")),
    responses((status = 201, description = "The person's requests", body = CorrectionBody)))]
#[post("/v1/subject-requests/{request}/restrictions")]
pub(crate) async fn restrict_processing(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    id: web::Path<Uuid>,
    seen: Seen,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    must_say_nothing(&request, payload).await?;
    let once = repeatable.with(Vec::new());
    let id = SubjectRequestId::new(id.into_inner());
    let answer = block(move || desk.restrict(&operator.0, id, seen.0, true, &once)).await?;
    Ok(corrected(HttpResponse::Created(), answer))
}

/// Lifts a restriction of processing.
#[utoipa::path(tag = "data-rights", params(("request" = Uuid, Path, description = "The request's id")),
    responses((status = 200, description = "The person's requests", body = CorrectionBody)))]
#[delete("/v1/subject-requests/{request}/restrictions/current")]
pub(crate) async fn lift_restriction(
    operator: Operator,
    id: web::Path<Uuid>,
    seen: Seen,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let once = repeatable.with(Vec::new());
    let id = SubjectRequestId::new(id.into_inner());
    let answer = block(move || desk.restrict(&operator.0, id, seen.0, false, &once)).await?;
    Ok(corrected(HttpResponse::Ok(), answer))
}

/// What is right instead.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct RectificationForm {
    #[schema(format = "email", max_length = 254)]
    email: Option<String>,
    #[schema(max_length = 32)]
    phone: Option<String>,
    /// Needs `evidence`.
    #[schema(max_length = 100)]
    given_name: Option<String>,
    /// Needs `evidence`.
    #[schema(max_length = 100)]
    family_name: Option<String>,
    /// Which document showed the name; kept in the register alone.
    #[schema(min_length = 1, max_length = 200)]
    evidence: Option<String>,
}

/// Puts somebody's data right.
///
/// On all their requests; from then on they are written to at the new address. The history says which
/// members changed, and not what they are.
#[utoipa::path(tag = "data-rights", params(("request" = Uuid, Path, description = "The request's id")),
    request_body(content = RectificationForm, description = "What is right; at least one member"),
    responses((status = 201, description = "The person's requests", body = CorrectionBody)))]
#[post("/v1/subject-requests/{request}/rectifications")]
pub(crate) async fn rectify_data(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    id: web::Path<Uuid>,
    seen: Seen,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let object = read_object(&request, payload, Expects::Json).await?;
    let once = repeatable.with(serde_json::to_vec(&object).unwrap_or_default());
    let mut body = Members::of(object);
    let right = Rectification {
        email: body.words("email", EmailAddress::parse),
        phone: body.words("phone", PhoneNumber::parse),
        given_name: body.words("given_name", PersonName::parse),
        family_name: body.words("family_name", PersonName::parse),
        evidence: line(&mut body, "evidence"),
    };
    let mut errors = body.finish();
    let names_somebody = right.given_name.is_some() || right.family_name.is_some();
    let says_something = names_somebody || right.email.is_some() || right.phone.is_some();
    if errors.is_empty() && !says_something {
        errors.push(Invalid::required().at("/email"));
    }
    let id = SubjectRequestId::new(id.into_inner());
    let answer = block(move || {
        desk.show_subject_request(id)?;
        match errors.is_empty() {
            true => desk.rectify(&operator.0, id, seen.0, right, &once),
            false => Err(DeskError::Invalid(errors)),
        }
    })
    .await?;
    Ok(corrected(HttpResponse::Created(), answer))
}

fn corrected(
    mut response: actix_web::HttpResponseBuilder,
    answer: Answer<(i64, Vec<CorrectedTicket>)>,
) -> HttpResponse {
    let (version, tickets) = answer.value;
    response.insert_header(etag(version));
    let tickets = tickets.into_iter().map(CorrectedTicketBody::from).collect();
    replay_header(&mut response, answer.replayed).json(CorrectionBody { tickets })
}
