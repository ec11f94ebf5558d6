//! Erasures of somebody's data, and what is left to look at.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use domain::ids::{ErasureId, MentionId, SubjectRequestId};
use serde::Serialize;
use service::{Desk, DeskError};
use utoipa::ToSchema;
use uuid::Uuid;

use super::email_proofs::replay_header;
use super::own_tickets::must_say_nothing;
use super::subject_request_body::{ErasureReportBody, SubjectRequestBody};
use crate::block;
use crate::body::{Expects, read_object};
use crate::conditions::Repeatable;
use crate::language::Language;
use crate::members::Members;
use crate::principal::Operator;
use crate::problem::Problem;
use crate::routes::Routes;

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(start_erasure)
        .service(approve_erasure)
        .service(show_rights_report)
        .service(review_mention);
}

/// Whether it is only tried.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct ErasureForm {
    /// Says what would be done, request by request, and writes nothing.
    dry_run: bool,
}

/// Asks for an erasure of somebody's data, or tries one.
///
/// It waits for the approval of a second person. A dry run is answered with 200, and nothing is written.
#[utoipa::path(tag = "data-rights", params(("request" = Uuid, Path, description = "The request's id")),
    request_body(content = ErasureForm, description = "Whether it is only tried"),
    responses((status = 200, description = "What would be done", body = ErasureReportBody),
        (status = 201, description = "The erasure, to be approved", body = ErasureReportBody)))]
#[post("/v1/subject-requests/{request}/erasures")]
pub(crate) async fn start_erasure(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    id: web::Path<Uuid>,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let object = read_object(&request, payload, Expects::Json).await?;
    let once = repeatable.with(serde_json::to_vec(&object).unwrap_or_default());
    let mut body = Members::of(object);
    let is_dry = body.needed_flag("dry_run");
    let errors = body.finish();
    let id = SubjectRequestId::new(id.into_inner());
    if is_dry && errors.is_empty() {
        let report = block(move || desk.try_erasure(id)).await?;
        return Ok(HttpResponse::Ok().json(ErasureReportBody::from(report)));
    }
    let answer = block(move || {
        desk.show_subject_request(id)?;
        match errors.is_empty() {
            true => desk.start_erasure(&operator.0, id, &once),
            false => Err(DeskError::Invalid(errors)),
        }
    })
    .await?;
    Ok(replay_header(&mut HttpResponse::Created(), answer.replayed)
        .json(ErasureReportBody::from(answer.value)))
}

/// Approves an erasure.
///
/// By somebody else than who asked for it; from then on it is done, request by request. Nothing needs to
/// be said in the body.
#[utoipa::path(tag = "data-rights",
    params(("request" = Uuid, Path, description = "The request's id"), ("erasure" = Uuid, Path, description = "The erasure's id")),
    responses((status = 201, description = "The erasure, under way", body = ErasureReportBody)))]
#[post("/v1/subject-requests/{request}/erasures/{erasure}/approvals")]
pub(crate) async fn approve_erasure(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    path: web::Path<(Uuid, Uuid)>,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    must_say_nothing(&request, payload).await?;
    let once = repeatable.with(Vec::new());
    let (id, erasure) = path.into_inner();
    let (id, erasure) = (SubjectRequestId::new(id), ErasureId::new(erasure));
    let answer = block(move || desk.approve_erasure(&operator.0, id, erasure, &once)).await?;
    Ok(replay_header(&mut HttpResponse::Created(), answer.replayed)
        .json(ErasureReportBody::from(answer.value)))
}

/// What was done for somebody who asked about their own data.
#[derive(Serialize, ToSchema)]
struct RightsReportBody {
    request: SubjectRequestBody,
    /// Each erasure, oldest first.
    #[schema(max_items = 1000)]
    erasures: Vec<ErasureReportBody>,
}

/// Reports what was done for somebody who asked about their own data.
///
/// What was erased, what was kept and why, and where texts of others name the person: ids and places.
#[utoipa::path(tag = "data-rights", params(("request" = Uuid, Path, description = "The request's id")),
    responses((status = 200, description = "The report", body = RightsReportBody)))]
#[get("/v1/subject-requests/{request}/report")]
pub(crate) async fn show_rights_report(
    _operator: Operator,
    id: web::Path<Uuid>,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let id = SubjectRequestId::new(id.into_inner());
    let (view, reports) = block(move || {
        let view = desk.show_subject_request(id)?;
        Ok((view, desk.show_rights_report(id)?))
    })
    .await?;
    Ok(HttpResponse::Ok().json(RightsReportBody {
        request: SubjectRequestBody::new(view, lang.0),
        erasures: reports.into_iter().map(ErasureReportBody::from).collect(),
    }))
}

/// Marks a text that names the person as looked at.
///
/// Whoever did first stays on record. Nothing needs to be said in the body.
#[utoipa::path(tag = "data-rights",
    params(("request" = Uuid, Path, description = "The request's id"), ("mention" = Uuid, Path, description = "The place's id")),
    responses((status = 204, description = "Looked at")))]
#[post("/v1/subject-requests/{request}/mentions/{mention}/reviews")]
pub(crate) async fn review_mention(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    path: web::Path<(Uuid, Uuid)>,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    must_say_nothing(&request, payload).await?;
    let once = repeatable.with(Vec::new());
    let (id, mention) = path.into_inner();
    let (id, mention) = (SubjectRequestId::new(id), MentionId::new(mention));
    let answer = block(move || desk.review_mention(&operator.0, id, mention, &once)).await?;
    Ok(replay_header(&mut HttpResponse::NoContent(), answer.replayed).finish())
}
