//! Playbooks and their versions: proposed, approved, tried out, in force, retired.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use domain::codes::PlaybookCode;
use domain::ids::AccountId;
use domain::invalid::Lang;
use serde::{Deserialize, Serialize};
use service::Desk;
use service::playbooks::{
    NewVersion, PlaybookInForce, Simulated, StepTaken, VersionStep, VersionView,
};
use utoipa::ToSchema;
use validator::Validate;

use super::codes::{PlaybookDecision, PlaybookVersionState, TicketNumber};
use super::email_proofs::replay_header;
use super::{Links, links};
use crate::block;
use crate::body::read_repeatable;
use crate::conditions::Repeatable;
use crate::language::Language;
use crate::principal::Operator;
use crate::problem::Problem;
use crate::routes::Routes;

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(list_playbooks)
        .service(list_playbook_versions)
        .service(show_playbook_version)
        .service(propose_playbook)
        .service(approve_playbook)
        .service(simulate_playbook)
        .service(activate_playbook)
        .service(retire_playbook);
}

/// A playbook, and what of it is in force.
#[derive(Serialize, ToSchema)]
struct PlaybookBody {
    #[schema(max_length = 40)]
    code: String,
    /// The version in force; null while none is.
    #[schema(required, minimum = 1)]
    version: Option<i32>,
    #[schema(required, max_length = 250)]
    label: Option<String>,
    #[schema(required, max_length = 1000)]
    purpose: Option<String>,
    /// The highest version there is.
    #[schema(minimum = 1)]
    newest_version: i32,
    /// Versions that wait for a step.
    #[schema(minimum = 0)]
    open_versions: usize,
}

/// All playbooks.
#[derive(Serialize, ToSchema)]
struct PlaybookList {
    #[schema(max_items = 1000)]
    items: Vec<PlaybookBody>,
    /// Always null: the list is one page.
    #[schema(required, max_length = 512)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

impl PlaybookBody {
    fn new(playbook: PlaybookInForce, lang: Lang) -> Self {
        let (version, label, purpose) = match playbook.in_force {
            Some((version, label, purpose)) => (Some(version), Some(label), Some(purpose)),
            None => (None, None, None),
        };
        PlaybookBody {
            code: playbook.code,
            version,
            label: label.map(|text| text.to(lang).to_owned()),
            purpose: purpose.map(|text| text.to(lang).to_owned()),
            newest_version: playbook.newest,
            open_versions: playbook.open,
        }
    }
}

/// Lists the playbooks.
#[utoipa::path(tag = "administration", responses((status = 200, description = "The playbooks", body = PlaybookList)))]
#[get("/v1/playbooks")]
pub(crate) async fn list_playbooks(
    request: HttpRequest,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let found = block(move || desk.list_playbooks()).await?;
    Ok(HttpResponse::Ok().json(PlaybookList {
        items: found
            .into_iter()
            .map(|one| PlaybookBody::new(one, lang.0))
            .collect(),
        next_cursor: None,
        links: links(&request, None),
    }))
}

/// A step that somebody took.
#[derive(Serialize, ToSchema)]
struct PlaybookStepBody {
    #[schema(format = DateTime)]
    at: String,
    /// Who; null for what came with the program.
    #[schema(required, max_length = 128)]
    by: Option<String>,
}

/// A version of a playbook.
#[derive(Serialize, ToSchema)]
struct PlaybookVersionBody {
    #[schema(max_length = 40)]
    code: String,
    #[schema(minimum = 1)]
    version: i32,
    #[schema(value_type = PlaybookVersionState)]
    state: &'static str,
    #[schema(max_length = 500)]
    comment: String,
    created: PlaybookStepBody,
    #[schema(required)]
    approved: Option<PlaybookStepBody>,
    #[schema(required)]
    activated: Option<PlaybookStepBody>,
    #[schema(required)]
    retired: Option<PlaybookStepBody>,
    /// Its text (TOML); left out of lists.
    #[schema(required, max_length = 65536)]
    definition: Option<String>,
}

impl PlaybookVersionBody {
    fn new(view: VersionView, with_text: bool) -> Self {
        let VersionView { version, names } = view;
        let step = |step: StepTaken| PlaybookStepBody {
            at: step.at.to_string(),
            by: step.by.and_then(|by| name_of(&names, by)),
        };
        PlaybookVersionBody {
            code: version.code.to_string(),
            version: version.version,
            state: version.state.as_str(),
            comment: version.comment,
            created: step(version.created),
            approved: version.approved.map(step),
            activated: version.activated.map(step),
            retired: version.retired.map(step),
            definition: with_text.then_some(version.definition),
        }
    }
}

fn name_of(names: &BTreeMap<AccountId, String>, account: AccountId) -> Option<String> {
    names.get(&account).cloned()
}

/// The versions of a playbook, the newest first.
#[derive(Serialize, ToSchema)]
struct PlaybookVersionList {
    #[schema(max_items = 10000)]
    items: Vec<PlaybookVersionBody>,
    /// Always null: the list is one page.
    #[schema(required, max_length = 512)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// Lists the versions of a playbook.
#[utoipa::path(tag = "administration", params(("playbook" = String, Path, description = "The playbook's code", max_length = 40)),
    responses((status = 200, description = "Its versions", body = PlaybookVersionList)))]
#[get("/v1/playbooks/{playbook}/versions")]
pub(crate) async fn list_playbook_versions(
    request: HttpRequest,
    playbook: web::Path<String>,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let code = PlaybookCode::new(playbook.into_inner());
    let found = block(move || desk.list_playbook_versions(&code)).await?;
    Ok(HttpResponse::Ok().json(PlaybookVersionList {
        items: found
            .into_iter()
            .map(|view| PlaybookVersionBody::new(view, false))
            .collect(),
        next_cursor: None,
        links: links(&request, None),
    }))
}

/// Shows a version of a playbook, with its text.
#[utoipa::path(tag = "administration",
    params(("playbook" = String, Path, description = "The playbook's code", max_length = 40),
        ("version" = i32, Path, description = "The version", minimum = 1)),
    responses((status = 200, description = "The version", body = PlaybookVersionBody)))]
#[get("/v1/playbooks/{playbook}/versions/{version}")]
pub(crate) async fn show_playbook_version(
    path: web::Path<(String, i32)>,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let (code, version) = path.into_inner();
    let code = PlaybookCode::new(code);
    let found = block(move || desk.show_playbook_version(&code, version)).await?;
    Ok(HttpResponse::Ok().json(PlaybookVersionBody::new(found, true)))
}

/// A version to propose.
#[derive(Deserialize, Validate, ToSchema)]
struct NewPlaybookVersionForm {
    /// Its whole text, TOML, for the playbook of the path.
    #[schema(min_length = 1, max_length = 65536)]
    definition: String,
    /// What changes, and why.
    #[schema(min_length = 1, max_length = 500)]
    comment: String,
}

/// Proposes a version of a playbook.
///
/// A draft, checked at once as if it were in force together with the others: each mistake is told with its
/// line and, where it takes certain answers, with those. A code that is new begins a new playbook.
#[utoipa::path(tag = "administration", params(("playbook" = String, Path, description = "The playbook's code", max_length = 40)),
    request_body(content = NewPlaybookVersionForm, description = "The version"),
    responses((status = 201, description = "The draft", body = PlaybookVersionBody)))]
#[post("/v1/playbooks/{playbook}/versions")]
pub(crate) async fn propose_playbook(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    playbook: web::Path<String>,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let (body, content): (NewPlaybookVersionForm, _) = read_repeatable(&request, payload).await?;
    let once = repeatable.with(content);
    let code = PlaybookCode::new(playbook.into_inner());
    let form = NewVersion {
        definition: body.definition,
        comment: body.comment,
    };
    let (replayed, view) = block(move || {
        let answer = desk.propose_playbook(&operator.0, code.clone(), form, &once)?;
        let view = desk.show_playbook_version(&code, answer.value)?;
        Ok::<_, service::DeskError>((answer.replayed, view))
    })
    .await?;
    let mut response = HttpResponse::Created();
    Ok(replay_header(&mut response, replayed).json(PlaybookVersionBody::new(view, true)))
}

async fn take_step(
    operator: Operator,
    path: web::Path<(String, i32)>,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
    wanted: VersionStep,
) -> Result<HttpResponse, Problem> {
    let (code, version) = path.into_inner();
    let code = PlaybookCode::new(code);
    let once = repeatable.with(Vec::new());
    let (replayed, view) = block(move || {
        let answer = desk.step_playbook(&operator.0, code.clone(), version, wanted, &once)?;
        let view = desk.show_playbook_version(&code, version)?;
        Ok::<_, service::DeskError>((answer.replayed, view))
    })
    .await?;
    let mut response = HttpResponse::Created();
    Ok(replay_header(&mut response, replayed).json(PlaybookVersionBody::new(view, true)))
}

/// Approves a draft of a playbook.
///
/// Somebody else than its author does: 409 `own-proposal` otherwise.
#[utoipa::path(tag = "administration",
    params(("playbook" = String, Path, description = "The playbook's code", max_length = 40),
        ("version" = i32, Path, description = "The version", minimum = 1)),
    responses((status = 201, description = "The version, approved", body = PlaybookVersionBody)))]
#[post("/v1/playbooks/{playbook}/versions/{version}/approvals")]
pub(crate) async fn approve_playbook(
    operator: Operator,
    path: web::Path<(String, i32)>,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    take_step(operator, path, desk, repeatable, VersionStep::Approve).await
}

/// Puts an approved version into force.
///
/// The one before is retired in the same step. Tickets that were begun keep the versions they have. If any
/// ticket ran the playbook, the version must have been tried first: 409 `playbook-not-tried` otherwise.
#[utoipa::path(tag = "administration",
    params(("playbook" = String, Path, description = "The playbook's code", max_length = 40),
        ("version" = i32, Path, description = "The version", minimum = 1)),
    responses((status = 201, description = "The version, in force", body = PlaybookVersionBody)))]
#[post("/v1/playbooks/{playbook}/versions/{version}/activations")]
pub(crate) async fn activate_playbook(
    operator: Operator,
    path: web::Path<(String, i32)>,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    take_step(operator, path, desk, repeatable, VersionStep::Activate).await
}

/// Retires a version of a playbook.
///
/// The one in force only if the other playbooks are sound without it: 409 `playbook-in-use` otherwise.
/// What it governed may then be handed over without a playbook.
#[utoipa::path(tag = "administration",
    params(("playbook" = String, Path, description = "The playbook's code", max_length = 40),
        ("version" = i32, Path, description = "The version", minimum = 1)),
    responses((status = 201, description = "The version, retired", body = PlaybookVersionBody)))]
#[post("/v1/playbooks/{playbook}/versions/{version}/retirements")]
pub(crate) async fn retire_playbook(
    operator: Operator,
    path: web::Path<(String, i32)>,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    take_step(operator, path, desk, repeatable, VersionStep::Retire).await
}

/// What to try a version on.
#[derive(Deserialize, Validate, ToSchema)]
struct SimulationForm {
    /// So many tickets, closed most recently, that ran the playbook.
    #[validate(range(min = 1, max = 500))]
    #[schema(minimum = 1, maximum = 500)]
    last: i64,
}

/// What a version would have decided.
#[derive(Serialize, ToSchema)]
struct SimulationBody {
    /// Tickets it was tried on.
    #[schema(minimum = 0)]
    tried: usize,
    /// Those it would have decided differently.
    #[schema(minimum = 0)]
    changed: usize,
    /// From which decision to which, and how often.
    #[schema(max_items = 64)]
    turned: Vec<TurnedBody>,
    /// The numbers of those it would have decided differently, as far as they are in the caller's reach.
    #[schema(value_type = Vec<TicketNumber>, max_items = 500)]
    tickets: Vec<String>,
}

/// How often one decision would become another; the same one included.
#[derive(Serialize, ToSchema)]
struct TurnedBody {
    #[schema(value_type = PlaybookDecision)]
    was: String,
    #[schema(value_type = PlaybookDecision)]
    would_be: String,
    #[schema(minimum = 1)]
    tickets: usize,
}

impl From<Simulated> for SimulationBody {
    fn from(simulated: Simulated) -> Self {
        SimulationBody {
            tried: simulated.tried,
            changed: simulated.changed,
            turned: simulated
                .turned
                .into_iter()
                .map(|one| TurnedBody {
                    was: one.was,
                    would_be: one.would_be,
                    tickets: one.tickets,
                })
                .collect(),
            tickets: simulated.tickets,
        }
    }
}

/// Tries a version of a playbook on closed tickets.
///
/// With the answers that were given, what it would have decided instead of what was decided. Nothing of
/// the tickets is shown but their numbers.
#[utoipa::path(tag = "administration",
    params(("playbook" = String, Path, description = "The playbook's code", max_length = 40),
        ("version" = i32, Path, description = "The version", minimum = 1)),
    request_body(content = SimulationForm, description = "How many tickets"),
    responses((status = 201, description = "What would have been decided", body = SimulationBody)))]
#[post("/v1/playbooks/{playbook}/versions/{version}/simulations")]
pub(crate) async fn simulate_playbook(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    path: web::Path<(String, i32)>,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let (body, content): (SimulationForm, _) = read_repeatable(&request, payload).await?;
    let once = repeatable.with(content);
    let (code, version) = path.into_inner();
    let code = PlaybookCode::new(code);
    let answer =
        block(move || desk.simulate_playbook(&operator.0, code, version, body.last, &once)).await?;
    let mut response = HttpResponse::Created();
    Ok(replay_header(&mut response, answer.replayed).json(SimulationBody::from(answer.value)))
}
