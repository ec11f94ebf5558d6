//! How authorities begin to receive requests.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use domain::ids::AccountId;
use serde::{Deserialize, Serialize};
use service::Desk;
use service::setup::{SetupStep, SetupView};
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use super::accounts::AccountBody;
use super::codes::{AccountState, SetupStep as SetupStepCode};
use super::email_proofs::replay_header;
use super::{CodeLabel, Links, links};
use crate::block;
use crate::body::read_repeatable;
use crate::conditions::Repeatable;
use crate::members::not_in_list;
use crate::principal::Operator;
use crate::problem::Problem;
use crate::routes::Routes;

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(list_authority_setups)
        .service(show_authority_setup)
        .service(take_setup_step)
        .service(hand_over_admin);
}

/// How far an authority is.
#[derive(Serialize, ToSchema)]
struct SetupBody {
    authority: CodeLabel,
    /// Whether it receives requests: data confirmed, terms accepted, operators created.
    receives: bool,
    #[schema(required, format = DateTime)]
    data_confirmed_at: Option<String>,
    #[schema(required, max_length = 64)]
    terms_version: Option<String>,
    #[schema(required, format = DateTime)]
    terms_accepted_at: Option<String>,
    /// The version to accept.
    #[schema(max_length = 64)]
    terms_in_force: String,
    /// Whether somebody is there to work the queue.
    has_operators: bool,
    /// Its one administrator; null where the region must appoint one.
    #[schema(required)]
    admin: Option<AdminBody>,
}

/// Who administers an authority.
#[derive(Serialize, ToSchema)]
struct AdminBody {
    id: Uuid,
    #[schema(max_length = 250)]
    label: String,
    #[schema(value_type = AccountState)]
    state: String,
}

impl From<SetupView> for SetupBody {
    fn from(setup: SetupView) -> Self {
        SetupBody {
            authority: CodeLabel {
                code: setup.authority.to_string(),
                label: setup.label,
            },
            receives: setup.receives,
            data_confirmed_at: setup.data_confirmed_at.map(|at| at.to_string()),
            terms_version: setup.terms_version,
            terms_accepted_at: setup.terms_accepted_at.map(|at| at.to_string()),
            terms_in_force: setup.terms_in_force,
            has_operators: setup.has_operators,
            admin: setup.admin.map(|admin| AdminBody {
                id: admin.id.uuid(),
                label: admin.label,
                state: admin.state,
            }),
        }
    }
}

/// A list that fits in one page.
#[derive(Serialize, ToSchema)]
struct SetupList {
    #[schema(max_items = 1000)]
    items: Vec<SetupBody>,
    /// Always null: the list is one page.
    #[schema(required, max_length = 512)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// Lists how far the authorities are.
///
/// Those in the caller's reach: an administrator sees their own, the region all.
#[utoipa::path(tag = "accounts", responses((status = 200, description = "The authorities", body = SetupList)))]
#[get("/v1/authority-setups")]
pub(crate) async fn list_authority_setups(
    request: HttpRequest,
    operator: Operator,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let setups = block(move || desk.list_setups(&operator.0)).await?;
    Ok(HttpResponse::Ok().json(SetupList {
        items: setups.into_iter().map(SetupBody::from).collect(),
        next_cursor: None,
        links: links(&request, None),
    }))
}

/// Shows how far an authority is.
#[utoipa::path(tag = "accounts", params(("authority" = String, Path, description = "The authority's code", max_length = 64, pattern = "^[A-Za-z0-9_-]+$")),
    responses((status = 200, description = "The authority", body = SetupBody)))]
#[get("/v1/authority-setups/{authority}")]
pub(crate) async fn show_authority_setup(
    operator: Operator,
    authority: web::Path<String>,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let setup = block(move || desk.show_setup(&operator.0, &authority)).await?;
    Ok(HttpResponse::Ok().json(SetupBody::from(setup)))
}

/// What the administrator does.
#[derive(Deserialize, Validate, ToSchema)]
struct SetupStepBody {
    #[schema(value_type = SetupStepCode)]
    step: String,
    /// The terms in force, for `accept-terms`.
    #[validate(length(max = 64))]
    #[schema(max_length = 64)]
    terms_version: Option<String>,
}

/// Takes a step of opening an authority.
///
/// The administrator confirms the authority's data (`confirm-data`) and accepts the terms in force
/// (`accept-terms`). With the first operator created, the authority receives requests.
#[utoipa::path(tag = "accounts", params(("authority" = String, Path, description = "The authority's code", max_length = 64, pattern = "^[A-Za-z0-9_-]+$")),
    request_body(content = SetupStepBody, description = "The step"),
    responses((status = 201, description = "The authority", body = SetupBody)))]
#[post("/v1/authority-setups/{authority}/steps")]
pub(crate) async fn take_setup_step(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    authority: web::Path<String>,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let (body, content): (SetupStepBody, _) = read_repeatable(&request, payload).await?;
    let step = match body.step.as_str() {
        "confirm-data" => SetupStep::ConfirmData,
        "accept-terms" => SetupStep::AcceptTerms {
            version: body.terms_version.unwrap_or_default(),
        },
        _ => return Err(Problem::field(not_in_list().at("/step"))),
    };
    let once = repeatable.with(content);
    let answer = block(move || desk.take_setup_step(&operator.0, &authority, &step, &once)).await?;
    Ok(replay_header(&mut HttpResponse::Created(), answer.replayed)
        .json(SetupBody::from(answer.value)))
}

/// Who shall administer.
#[derive(Deserialize, Validate, ToSchema)]
struct HandoverBody {
    /// An active account of the authority.
    account_id: Uuid,
}

/// Hands over the role of an authority's administrator.
///
/// In one step, so that there is always exactly one. By the administrator, or by the region.
#[utoipa::path(tag = "accounts", params(("authority" = String, Path, description = "The authority's code", max_length = 64, pattern = "^[A-Za-z0-9_-]+$")),
    request_body(content = HandoverBody, description = "The successor"),
    responses((status = 201, description = "The new administrator's account", body = AccountBody)))]
#[post("/v1/authority-setups/{authority}/admin-handovers")]
pub(crate) async fn hand_over_admin(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    authority: web::Path<String>,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let (body, content): (HandoverBody, _) = read_repeatable(&request, payload).await?;
    let (to, once) = (AccountId::new(body.account_id), repeatable.with(content));
    let answer = block(move || desk.hand_over_admin(&operator.0, &authority, to, &once)).await?;
    Ok(replay_header(&mut HttpResponse::Created(), answer.replayed)
        .json(AccountBody::from(answer.value)))
}
