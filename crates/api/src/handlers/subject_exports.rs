//! Copies of somebody's data: asked for, approved, and fetched once.

use actix_web::http::header::{
    CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpRequest, HttpResponse, post, web};
use domain::ids::{ExportId, SubjectRequestId};
use domain::subject_request::ExportDelivery;
use serde::{Deserialize, Serialize};
use service::Desk;
use service::rights::Export;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use super::codes::ExportDelivery as DeliveryCode;
use super::email_proofs::replay_header;
use super::own_tickets::must_say_nothing;
use super::subject_request_body::ExportBody;
use crate::block;
use crate::body::{Expects, read_object, read_repeatable};
use crate::conditions::Repeatable;
use crate::members::Members;
use crate::principal::Operator;
use crate::problem::Problem;
use crate::routes::Routes;

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(start_export)
        .service(approve_export)
        .service(create_export_link)
        .service(fetch_export);
}

/// Who gets the copy.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct ExportForm {
    delivery: DeliveryCode,
}

/// Asks for a copy of somebody's data.
///
/// A job makes it. By mail it goes to the address that was proved alone; what the officer gets waits for
/// the approval of a second person.
#[utoipa::path(tag = "data-rights", params(("request" = Uuid, Path, description = "The request's id")),
    request_body(content = ExportForm, description = "Who gets it"),
    responses((status = 201, description = "The copy, to be made", body = ExportBody)))]
#[post("/v1/subject-requests/{request}/exports")]
pub(crate) async fn start_export(
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
    let delivery = body.needed("delivery", |body, name| {
        body.code(name, ExportDelivery::from_code)
    });
    let errors = body.finish();
    let id = SubjectRequestId::new(id.into_inner());
    let answer = block(move || {
        desk.show_subject_request(id)?;
        match delivery {
            Some(delivery) if errors.is_empty() => {
                desk.start_export(&operator.0, id, delivery, &once)
            }
            _ => Err(service::DeskError::Invalid(errors)),
        }
    })
    .await?;
    Ok(replay_header(&mut HttpResponse::Created(), answer.replayed)
        .json(ExportBody::from(answer.value)))
}

/// Approves a copy that the officer gets.
///
/// By somebody else than who asked for it. Nothing needs to be said in the body.
#[utoipa::path(tag = "data-rights",
    params(("request" = Uuid, Path, description = "The request's id"), ("export" = Uuid, Path, description = "The copy's id")),
    responses((status = 201, description = "The copy, to be made", body = ExportBody)))]
#[post("/v1/subject-requests/{request}/exports/{export}/approvals")]
pub(crate) async fn approve_export(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    path: web::Path<(Uuid, Uuid)>,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    must_say_nothing(&request, payload).await?;
    let once = repeatable.with(Vec::new());
    let (id, export) = path.into_inner();
    let (id, export) = (SubjectRequestId::new(id), ExportId::new(export));
    let answer = block(move || desk.approve_export(&operator.0, id, export, &once)).await?;
    Ok(replay_header(&mut HttpResponse::Created(), answer.replayed)
        .json(ExportBody::from(answer.value)))
}

/// A link to a copy.
#[derive(Serialize, ToSchema)]
struct ExportLinkBody {
    /// The address, with id and secret in its fragment.
    #[schema(format = "uri", max_length = 8192)]
    url: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

/// Tells the link by which the officer fetches an approved copy.
///
/// Once it is ready, and until it was fetched. Nothing needs to be said in the body.
#[utoipa::path(tag = "data-rights",
    params(("request" = Uuid, Path, description = "The request's id"), ("export" = Uuid, Path, description = "The copy's id")),
    responses((status = 201, description = "The link", body = ExportLinkBody)))]
#[post("/v1/subject-requests/{request}/exports/{export}/links")]
pub(crate) async fn create_export_link(
    request: HttpRequest,
    payload: web::Payload,
    _operator: Operator,
    path: web::Path<(Uuid, Uuid)>,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    must_say_nothing(&request, payload).await?;
    let (id, export) = path.into_inner();
    let (id, export) = (SubjectRequestId::new(id), ExportId::new(export));
    let link = block(move || desk.show_export_link(id, export)).await?;
    Ok(HttpResponse::Created().json(ExportLinkBody {
        url: link.url,
        expires_at: link.expires_at.to_string(),
    }))
}

/// What the link's fragment holds.
#[derive(Deserialize, Validate, ToSchema)]
struct ExportDownloadBody {
    id: Uuid,
    /// The secret.
    #[validate(length(min = 1, max = 128))]
    #[schema(min_length = 1, max_length = 128)]
    secret: String,
}

/// Fetches a copy of somebody's data, once.
///
/// A ZIP archive with `data.json`, the same to read in `data.html`, and the files. Unknown id, wrong
/// secret, a copy that was fetched and one whose time is over get the same 404.
#[utoipa::path(tag = "data-rights", request_body(content = ExportDownloadBody, description = "Id and secret"),
    responses((status = 200, description = "The archive", content((Vec<u8> = "application/zip")))))]
#[post("/v1/export-downloads")]
pub(crate) async fn fetch_export(
    request: HttpRequest,
    payload: web::Payload,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let (body, _): (ExportDownloadBody, _) = read_repeatable(&request, payload).await?;
    let finder = desk.clone();
    let export =
        block(move || finder.find_linked_export(ExportId::new(body.id), body.secret.trim()))
            .await?;
    deliver(desk, export).await
}

/// Hands a copy over, and takes it away.
pub(crate) async fn deliver(
    desk: web::Data<Desk>,
    export: Export,
) -> Result<HttpResponse, Problem> {
    let archive = desk.read_export(&export).await?;
    let key = export.blob.as_ref().map(|blob| blob.key.clone());
    let taker = desk.clone();
    block(move || taker.take_export(export)).await?;
    if let Some(key) = key
        && let Err(error) = desk.drop_export(&key).await
    {
        // No row names it any more: the sweep takes it.
        tracing::warn!(
            error = error.as_cause(),
            "a fetched copy is left to the sweep"
        );
    }
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/zip"))
        .insert_header((
            CONTENT_DISPOSITION,
            "attachment; filename=\"sportello.zip\"",
        ))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"))
        .body(archive))
}
