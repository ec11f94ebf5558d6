//! How a desk gives out what comes to it.

use actix_web::{HttpRequest, HttpResponse, get, put, web};
use domain::assignment::AssignmentMode;
use domain::invalid::Lang;
use serde::Serialize;
use service::Desk;
use service::assignment::AssignmentSettings;
use utoipa::ToSchema;

use super::screen_body::label;
use super::{CodeLabel, codes};
use crate::block;
use crate::body::{Expects, read_object};
use crate::conditions::{Seen, etag, tagged};
use crate::language::Language;
use crate::members::Members;
use crate::principal::Operator;
use crate::problem::Problem;
use crate::routes::Routes;

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(show_assignment_settings)
        .service(change_assignment_settings);
}

/// How a desk gives out what comes to it.
#[derive(Serialize, ToSchema)]
struct AssignmentSettingsBody {
    /// The desk of the caller's placement.
    desk: CodeLabel,
    #[schema(value_type = codes::AssignmentMode)]
    mode: &'static str,
}

impl AssignmentSettingsBody {
    fn new(settings: AssignmentSettings, lang: Lang) -> Self {
        AssignmentSettingsBody {
            desk: label(settings.desk, lang),
            mode: settings.mode.as_str(),
        }
    }
}

/// Shows how my desk gives out requests.
///
/// `none`: whoever is free takes them from the queue. `least-loaded`: to whom has the fewest open ones.
/// `round-robin`: to one after the other. Only those who are present get any, and whoever gets one has not
/// taken charge yet.
#[utoipa::path(tag = "work",
    responses((status = 200, description = "The settings", body = AssignmentSettingsBody)))]
#[get("/v1/assignment-settings")]
pub(crate) async fn show_assignment_settings(
    request: HttpRequest,
    operator: Operator,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let settings = block(move || desk.show_assignment_settings(&operator.0)).await?;
    let version = settings.version;
    let body = AssignmentSettingsBody::new(settings, lang.0);
    tagged(&request, Some(version), &body)
}

/// Settings to change.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct AssignmentSettingsForm {
    #[schema(value_type = codes::AssignmentMode)]
    mode: String,
}

/// Sets how my desk gives out requests.
///
/// For what comes from now on; what is in the queue stays there.
#[utoipa::path(tag = "work", request_body(content = AssignmentSettingsForm, description = "The settings"),
    responses((status = 200, description = "The settings", body = AssignmentSettingsBody)))]
#[put("/v1/assignment-settings")]
pub(crate) async fn change_assignment_settings(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    seen: Seen,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let mut body = Members::of(read_object(&request, payload, Expects::Json).await?);
    let mode = body.needed("mode", |body, name| {
        body.code(name, AssignmentMode::from_code)
    });
    let errors = body.finish();
    let (Some(mode), true) = (mode, errors.is_empty()) else {
        return Err(Problem::fields(errors));
    };
    let settings =
        block(move || desk.change_assignment_settings(&operator.0, seen.0, mode)).await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(settings.version))
        .json(AssignmentSettingsBody::new(settings, lang.0)))
}
