//! The routing rules: which desk gets a ticket whenever custody changes, version by version.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use domain::ids::TicketId;
use domain::invalid::{Invalid, Lang};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use service::Desk;
use service::queue::Key;
use service::routing::{
    CaseForm, MAX_BYTES, MAX_COMMENT_CHARS, NewRouting, RoutingVersion, RoutingView,
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::codes::{Channel, CustodyChange, HandOverReason, RequesterKind};
use super::email_proofs::replay_header;
use super::screen_body::label;
use super::{CodeLabel, Links, links};
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
        .service(list_routing_versions)
        .service(add_routing_version)
        .service(show_routing_version)
        .service(preview_routing);
}

/// A page of versions.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters; they are read by name")]
pub(crate) struct VersionsQuery {
    /// Versions in a page: 1 to 100, 50 if absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// Where to go on.
    #[param(max_length = 256, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
}

/// A version of the routing rules.
#[derive(Serialize, ToSchema)]
struct RoutingVersionBody {
    /// From 1; the highest one is in force.
    #[schema(minimum = 1)]
    version: i32,
    /// The instant from which it holds: for every decision until the next version.
    #[schema(format = DateTime)]
    in_force_from: String,
    /// Who entered it; null for what came with the installation.
    #[schema(required)]
    author_id: Option<Uuid>,
    /// Why it was entered.
    #[schema(required, max_length = 500)]
    comment: Option<String>,
}

impl From<RoutingVersion> for RoutingVersionBody {
    fn from(version: RoutingVersion) -> Self {
        RoutingVersionBody {
            version: version.version,
            in_force_from: version.in_force_from.to_string(),
            author_id: version.created_by.map(|account| account.uuid()),
            comment: version.comment,
        }
    }
}

/// A page of versions, the newest first.
#[derive(Serialize, ToSchema)]
struct RoutingVersionPage {
    #[schema(max_items = 100)]
    items: Vec<RoutingVersionBody>,
    /// Null on the last page.
    #[schema(required, max_length = 256)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// The one order of the list.
const ORDER: &str = "-version";

/// Lists the versions of the routing rules.
///
/// The newest first, which is the one in force. Versions are never changed, only superseded.
#[utoipa::path(tag = "administration", params(VersionsQuery),
    responses((status = 200, description = "A page of versions", body = RoutingVersionPage)))]
#[get("/v1/routing-versions")]
pub(crate) async fn list_routing_versions(
    request: HttpRequest,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let mut query = read_query(&request, &PAGE)?;
    let limit = page_size(&mut query);
    let before = query.code("cursor", |text| match cursor::read(ORDER, text)?.0 {
        Key::Rank(version) => Some(version),
        Key::At(_) => None,
    });
    refuse_query(&query.finish())?;
    let page = limit.saturating_add(1);
    let found = block(move || desk.list_routing_versions(before, page)).await?;
    let (found, next_cursor) = cut_page(found, limit, |last| {
        let nobody = TicketId::new(Uuid::nil());
        cursor::write(ORDER, Key::Rank(last.version), nobody)
    });
    Ok(HttpResponse::Ok().json(RoutingVersionPage {
        links: links(&request, next_cursor.as_deref()),
        items: found.into_iter().map(RoutingVersionBody::from).collect(),
        next_cursor,
    }))
}

/// A version of the routing rules with its text.
#[derive(Serialize, ToSchema)]
struct RoutingVersionScreenBody {
    routing_version: RoutingVersionBody,
    /// The rules: TOML, as `config/reference/routing.toml` explains them.
    #[schema(max_length = 65536)]
    definition: String,
}

/// Shows a version of the routing rules.
#[utoipa::path(tag = "administration", params(("version" = i32, Path, description = "Its number", minimum = 1)),
    responses((status = 200, description = "The version", body = RoutingVersionScreenBody)))]
#[get("/v1/routing-versions/{version}")]
pub(crate) async fn show_routing_version(
    version: web::Path<i32>,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let shown = block(move || desk.show_routing_version(*version)).await?;
    Ok(HttpResponse::Ok().json(screen_body(shown)))
}

fn screen_body((version, definition): (RoutingVersion, String)) -> RoutingVersionScreenBody {
    RoutingVersionScreenBody {
        routing_version: version.into(),
        definition,
    }
}

/// A version to enter.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct NewRoutingBody {
    /// The rules, all of them: TOML, as `config/reference/routing.toml` explains them.
    #[schema(min_length = 1, max_length = 65536)]
    definition: String,
    /// Why it is entered.
    #[schema(min_length = 1, max_length = 500)]
    comment: Option<String>,
}

/// Enters a version of the routing rules.
///
/// It holds from the next decision on, on every node. A rule that is never reached, a change of custody
/// without a rule for all that the others leave, a code that nobody knows and a target that cannot have
/// custody are refused, each with its line and the reason; then nothing is entered.
#[utoipa::path(tag = "administration", request_body(content = NewRoutingBody, description = "The version"),
    responses((status = 201, description = "The version", body = RoutingVersionScreenBody)))]
#[post("/v1/routing-versions")]
pub(crate) async fn add_routing_version(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let object = read_object(&request, payload, Expects::Json).await?;
    let once = repeatable.with(serde_json::to_vec(&object).unwrap_or_default());
    let new = read_version(object)?;
    let (answer, shown) = block(move || {
        let answer = desk.add_routing_version(&operator.0, new, &once)?;
        let shown = desk.show_routing_version(answer.value.0)?;
        Ok::<_, service::DeskError>((answer, shown))
    })
    .await?;
    Ok(replay_header(&mut HttpResponse::Created(), answer.replayed).json(screen_body(shown)))
}

fn read_version(object: Map<String, Value>) -> Result<NewRouting, Problem> {
    let mut body = Members::of(object);
    let definition = body.needed("definition", |body, name| body.text(name, MAX_BYTES));
    let comment = body.text("comment", MAX_COMMENT_CHARS);
    if comment
        .as_deref()
        .is_some_and(|text| text.trim().is_empty())
    {
        body.refuse("comment", Invalid::required());
    }
    match (definition, body.finish()) {
        (Some(definition), errors) if errors.is_empty() => Ok(NewRouting {
            definition,
            comment,
        }),
        (_, errors) => Err(Problem::fields(errors)),
    }
}

/// A case to explain: codes alone, nothing about a person.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct RoutingCaseBody {
    change: CustodyChange,
    #[schema(max_length = 64)]
    service_code: String,
    #[schema(max_length = 64)]
    problem_type: String,
    /// The authority the requester named.
    #[schema(max_length = 64)]
    authority_code: Option<String>,
    /// `citizen` if left out.
    requester: Option<RequesterKind>,
    /// `portal` if left out.
    channel: Option<Channel>,
    /// Needed for a hand-over.
    reason_code: Option<HandOverReason>,
    /// The authority that had it before the region; needed for a return.
    #[schema(max_length = 64)]
    previous_authority_code: Option<String>,
    /// The authority that the region names; needed for a reroute.
    #[schema(max_length = 64)]
    named_authority_code: Option<String>,
    /// When; now, if left out.
    #[schema(format = DateTime)]
    at: Option<String>,
    /// Rules to try out; those in force, if left out.
    #[schema(min_length = 1, max_length = 65536)]
    definition: Option<String>,
}

/// What the rules do with a case.
#[derive(Serialize, Deserialize, ToSchema)]
struct RoutingDecisionBody {
    /// The version of the rules; null for rules that were sent along.
    #[schema(required, minimum = 1)]
    version: Option<i32>,
    /// The desk that has the request then.
    desk: CodeLabel,
    /// Whether it comes there by this change. Where no authority can take a return or a reroute, the
    /// request stays with the region and the action is refused.
    moves: bool,
    /// The pool of that desk which is given the request; null if none.
    #[schema(required, max_length = 64, pattern = "^[a-z-]+$")]
    pool: Option<String>,
    /// The rule that matched; null if none did.
    #[schema(required, max_length = 64, pattern = "^[a-z0-9-]+$")]
    rule: Option<String>,
    /// Every rule that was tried, in order.
    #[schema(max_items = 200)]
    tried: Vec<TriedRuleBody>,
}

/// A rule that was tried.
#[derive(Serialize, Deserialize, ToSchema)]
struct TriedRuleBody {
    #[schema(max_length = 64, pattern = "^[a-z0-9-]+$")]
    rule: String,
    /// What people call it.
    #[schema(required, max_length = 200)]
    label: Option<String>,
    matches: bool,
    /// Why it does not match; empty if it does.
    #[schema(max_items = 20)]
    reasons: Vec<ReasonBody>,
}

/// Why a rule does not match.
#[derive(Serialize, Deserialize, ToSchema)]
struct ReasonBody {
    #[schema(max_length = 64, pattern = "^[a-z-]+$")]
    code: String,
    #[schema(max_length = 250)]
    message: String,
}

fn decision_body(view: RoutingView, lang: Lang) -> RoutingDecisionBody {
    RoutingDecisionBody {
        version: (view.version > 0).then_some(view.version),
        desk: label(view.desk, lang),
        moves: view.moves,
        pool: view.pool.map(|pool| pool.code().to_owned()),
        rule: view.rule.map(|rule| rule.to_string()),
        tried: view
            .tried
            .into_iter()
            .map(|tried| TriedRuleBody {
                rule: tried.rule.to_string(),
                label: tried.label,
                matches: tried.reasons.is_empty(),
                reasons: tried
                    .reasons
                    .into_iter()
                    .map(|(code, message)| ReasonBody {
                        code: code.to_owned(),
                        message: message.to(lang).to_owned(),
                    })
                    .collect(),
            })
            .collect(),
    }
}

/// Explains what the routing rules do.
///
/// Which desk a request would get, by which rule, and why every rule before it does not match. With
/// `definition` the same for rules that are not in force. Nothing is changed.
#[utoipa::path(tag = "administration", request_body(content = RoutingCaseBody, description = "The case"),
    responses((status = 200, description = "The decision", body = RoutingDecisionBody)))]
#[post("/v1/routing/preview")]
pub(crate) async fn preview_routing(
    request: HttpRequest,
    payload: web::Payload,
    desk: web::Data<Desk>,
    lang: Language,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let object = read_object(&request, payload, Expects::Json).await?;
    let once = repeatable.with(serde_json::to_vec(&object).unwrap_or_default());
    let form = read_case(object)?;
    let lang = lang.0;
    let answer = block(move || {
        desk.answer_once(&once, || {
            Ok(decision_body(desk.explain_routing(form)?, lang))
        })
    })
    .await?;
    Ok(replay_header(&mut HttpResponse::Ok(), answer.replayed).json(answer.value))
}

fn read_case(object: Map<String, Value>) -> Result<CaseForm, Problem> {
    let mut body = Members::of(object);
    let mut text = |name| body.text(name, 64);
    let mut form = CaseForm {
        change: text("change"),
        service_code: text("service_code"),
        problem_type: text("problem_type"),
        authority_code: text("authority_code"),
        requester: text("requester"),
        channel: text("channel"),
        reason_code: text("reason_code"),
        previous_authority_code: text("previous_authority_code"),
        named_authority_code: text("named_authority_code"),
        ..CaseForm::default()
    };
    form.at = body.moment("at");
    form.definition = body.text("definition", MAX_BYTES);
    match body.finish() {
        errors if errors.is_empty() => Ok(form),
        errors => Err(Problem::fields(errors)),
    }
}
