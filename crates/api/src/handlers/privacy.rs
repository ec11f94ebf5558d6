//! What an authority sets about its people's data.

use actix_web::{HttpRequest, HttpResponse, get, put, web};
use serde::Serialize;
use service::Desk;
use service::privacy::PrivacySettings;
use utoipa::ToSchema;

use crate::block;
use crate::body::{Expects, read_object};
use crate::conditions::{Seen, etag, tagged};
use crate::members::Members;
use crate::principal::Operator;
use crate::problem::Problem;
use crate::routes::Routes;

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(show_privacy_settings)
        .service(change_privacy_settings);
}

/// How the texts on an authority's requests are kept.
#[derive(Serialize, ToSchema)]
struct PrivacySettingsBody {
    /// Whether descriptions and notes are sealed at rest.
    seal_texts: bool,
    /// Whether words in them are found: not where they are sealed.
    full_text_search: bool,
}

impl From<PrivacySettings> for PrivacySettingsBody {
    fn from(settings: PrivacySettings) -> Self {
        PrivacySettingsBody {
            seal_texts: settings.seal_texts,
            full_text_search: !settings.seal_texts,
        }
    }
}

/// What can be set of it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct PrivacySettingsChange {
    /// Whether descriptions and notes are sealed at rest. Words in them are then not found any more.
    seal_texts: bool,
}

/// Shows how the texts on an authority's requests are kept.
#[utoipa::path(tag = "administration",
    params(("authority" = String, Path, description = "The authority's code", max_length = 64, pattern = "^[A-Za-z0-9_-]+$")),
    responses((status = 200, description = "The settings", body = PrivacySettingsBody)))]
#[get("/v1/privacy-settings/{authority}")]
pub(crate) async fn show_privacy_settings(
    request: HttpRequest,
    operator: Operator,
    authority: web::Path<String>,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let settings = block(move || desk.show_privacy_settings(&operator.0, &authority)).await?;
    let version = settings.version;
    tagged(
        &request,
        Some(version),
        &PrivacySettingsBody::from(settings),
    )
}

/// Sets how the texts on an authority's requests are kept.
///
/// New texts are kept so at once; those that are there follow in the background.
#[utoipa::path(tag = "administration",
    params(("authority" = String, Path, description = "The authority's code", max_length = 64, pattern = "^[A-Za-z0-9_-]+$")),
    request_body(content = PrivacySettingsChange, description = "The settings"),
    responses((status = 200, description = "The settings", body = PrivacySettingsBody)))]
#[put("/v1/privacy-settings/{authority}")]
pub(crate) async fn change_privacy_settings(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    authority: web::Path<String>,
    seen: Seen,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let mut body = Members::of(read_object(&request, payload, Expects::Json).await?);
    let seal_texts = body.needed_flag("seal_texts");
    let errors = body.finish();
    if !errors.is_empty() {
        return Err(Problem::fields(errors));
    }
    let changed =
        block(move || desk.change_privacy_settings(&operator.0, &authority, seen.0, seal_texts));
    let settings = changed.await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(settings.version))
        .json(PrivacySettingsBody::from(settings)))
}
