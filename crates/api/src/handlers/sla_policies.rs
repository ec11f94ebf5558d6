//! What is promised: SLA policies, version by version.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use domain::invalid::Lang;
use domain::sla::{Policy, WorkingTime};
use serde::{Deserialize, Serialize};
use service::Desk;
use service::sla_policies::PolicyForm;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use super::codes::DeskKind;
use super::email_proofs::replay_header;
use super::screen_body::label;
use super::{CodeLabel, Links, links};
use crate::block;
use crate::body::read_repeatable;
use crate::conditions::Repeatable;
use crate::language::Language;
use crate::principal::Operator;
use crate::problem::Problem;
use crate::routes::Routes;

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config.service(list_sla_policies).service(add_sla_policy);
}

/// A version of a policy.
#[derive(Serialize, ToSchema)]
struct SlaPolicyBody {
    id: Uuid,
    /// From 1, for the same desks and service.
    #[schema(minimum = 1)]
    version: i32,
    #[schema(max_length = 200)]
    label: String,
    /// The body that answers for it.
    #[schema(max_length = 200)]
    owner_body: String,
    /// When that body approved it; null for the proposal an installation begins with.
    #[schema(required, format = "date")]
    approved_on: Option<String>,
    #[schema(format = "date")]
    valid_from: String,
    /// Its last day; null if it holds until the next version does.
    #[schema(required, format = "date")]
    valid_to: Option<String>,
    /// The instant from which it holds: for the legs that open then or later, and for no other.
    #[schema(format = DateTime)]
    in_force_from: String,
    #[schema(value_type = DeskKind)]
    desk_kind: String,
    /// The one desk of that kind it is for; null for all.
    #[schema(required)]
    authority: Option<CodeLabel>,
    /// The one service it is for; null for all.
    #[schema(required)]
    service: Option<CodeLabel>,
    /// The calendar its time is counted by; null for the custodian's own.
    #[schema(required, max_length = 128, pattern = "^[A-Za-z0-9_-]+$")]
    calendar: Option<String>,
    /// How the targets are to be read.
    #[schema(max_length = 500)]
    formula: String,
    targets: TargetsBody,
    #[schema(format = DateTime)]
    created_at: String,
}

/// What is promised: ISO 8601 durations of working time, a day being the calendar's longest of a week.
#[derive(Serialize, Deserialize, Validate, ToSchema)]
struct TargetsBody {
    /// Until somebody takes charge.
    #[validate(length(max = 32))]
    #[schema(max_length = 32, pattern = "^P[0-9DTHMS]+$", example = "P1D")]
    take_charge: String,
    /// Until the requester hears of a person.
    #[validate(length(max = 32))]
    #[schema(max_length = 32, pattern = "^P[0-9DTHMS]+$", example = "P2D")]
    first_response: String,
    /// Until the desk is done with it.
    #[validate(length(max = 32))]
    #[schema(max_length = 32, pattern = "^P[0-9DTHMS]+$", example = "P5D")]
    resolution: String,
    /// After a breach, until the region hears of it as well.
    #[validate(length(max = 32))]
    #[schema(max_length = 32, pattern = "^P[0-9DTHMS]+$", example = "PT4H")]
    escalate_after: String,
}

impl SlaPolicyBody {
    fn new(desk: &Desk, policy: &Policy, lang: Lang) -> Self {
        let (authority, service) = desk.policy_labels(&policy.applies_to);
        let text = |time: WorkingTime| time.to_string();
        SlaPolicyBody {
            id: policy.id.uuid(),
            version: policy.version,
            label: policy.label.clone(),
            owner_body: policy.owner_body.clone(),
            approved_on: policy.approved_on.map(|day| day.to_string()),
            valid_from: policy.valid_from.to_string(),
            valid_to: policy.valid_to.map(|day| day.to_string()),
            in_force_from: policy.in_force_from.to_string(),
            desk_kind: policy.applies_to.desk_kind.as_str().to_owned(),
            authority: authority.map(|one| label(one, lang)),
            service: service.map(|one| label(one, lang)),
            calendar: policy.calendar.as_ref().map(ToString::to_string),
            formula: policy.formula.clone(),
            targets: TargetsBody {
                take_charge: text(policy.targets.take_charge),
                first_response: text(policy.targets.first_response),
                resolution: text(policy.targets.resolution),
                escalate_after: text(policy.targets.escalate_after),
            },
            created_at: policy.created_at.to_string(),
        }
    }
}

/// A list that fits in one page.
#[derive(Serialize, ToSchema)]
struct SlaPolicyList {
    #[schema(max_items = 10000)]
    items: Vec<SlaPolicyBody>,
    /// Always null: the list is one page.
    #[schema(required, max_length = 512)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// Lists the SLA policies.
///
/// Every version, past ones included, the newest first within each. For a leg the one holds that was in
/// force when it opened: that of its desk before that of all desks of its kind, and then that of its
/// service before that of all.
#[utoipa::path(tag = "administration", responses((status = 200, description = "The policies", body = SlaPolicyList)))]
#[get("/v1/sla-policies")]
pub(crate) async fn list_sla_policies(
    request: HttpRequest,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let asked = desk.clone();
    let policies = block(move || asked.list_sla_policies()).await?;
    Ok(HttpResponse::Ok().json(SlaPolicyList {
        items: policies
            .iter()
            .map(|policy| SlaPolicyBody::new(&desk, policy, lang.0))
            .collect(),
        next_cursor: None,
        links: links(&request, None),
    }))
}

/// A version to enter.
#[derive(Deserialize, Validate, ToSchema)]
struct NewPolicyBody {
    #[schema(value_type = DeskKind)]
    desk_kind: String,
    /// One desk of that kind alone.
    #[validate(length(max = 64))]
    #[schema(max_length = 64)]
    authority_code: Option<String>,
    /// One service alone.
    #[validate(length(max = 64))]
    #[schema(max_length = 64)]
    service_code: Option<String>,
    #[validate(length(min = 1, max = 200))]
    #[schema(min_length = 1, max_length = 200)]
    label: String,
    /// The body that answers for it, such as the board or the steering committee.
    #[validate(length(min = 1, max = 200))]
    #[schema(min_length = 1, max_length = 200)]
    owner_body: String,
    /// When that body approved it; not in the future.
    #[schema(format = "date")]
    approved_on: String,
    /// Today or later: `changes-the-past` otherwise. From today it holds for the legs that open from now on.
    #[schema(format = "date")]
    valid_from: String,
    #[schema(format = "date")]
    valid_to: Option<String>,
    /// The calendar its time is counted by; the custodian's own if absent.
    #[validate(length(max = 128))]
    #[schema(max_length = 128)]
    calendar: Option<String>,
    /// How the targets are to be read, such as the percentile that must keep them.
    #[validate(length(min = 1, max = 500))]
    #[schema(min_length = 1, max_length = 500)]
    formula: String,
    #[validate(nested)]
    targets: TargetsBody,
}

impl From<NewPolicyBody> for PolicyForm {
    fn from(body: NewPolicyBody) -> Self {
        PolicyForm {
            desk_kind: body.desk_kind,
            authority_code: body.authority_code,
            service_code: body.service_code,
            label: body.label,
            owner_body: body.owner_body,
            approved_on: body.approved_on,
            valid_from: body.valid_from,
            valid_to: body.valid_to,
            calendar: body.calendar,
            formula: body.formula,
            take_charge: body.targets.take_charge,
            first_response: body.targets.first_response,
            resolution: body.targets.resolution,
            escalate_after: body.targets.escalate_after,
        }
    }
}

/// Enters a version of an SLA policy.
///
/// The next version for the same desks and service. Versions are never changed, only superseded, and never
/// change the past: legs that are open keep the version that held when they opened. Who enters a version
/// is not who approves it: `owner_body` and `approved_on` say who did, and when.
#[utoipa::path(tag = "administration", request_body(content = NewPolicyBody, description = "The version"),
    responses((status = 201, description = "The version", body = SlaPolicyBody)))]
#[post("/v1/sla-policies")]
pub(crate) async fn add_sla_policy(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    desk: web::Data<Desk>,
    lang: Language,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let (body, content): (NewPolicyBody, _) = read_repeatable(&request, payload).await?;
    let once = repeatable.with(content);
    let asked = desk.clone();
    let (answer, policy) = block(move || {
        let answer = asked.add_sla_policy(&operator.0, body.into(), &once)?;
        let policy = asked.show_sla_policy(answer.value)?;
        Ok::<_, service::DeskError>((answer, policy))
    })
    .await?;
    Ok(replay_header(&mut HttpResponse::Created(), answer.replayed)
        .json(SlaPolicyBody::new(&desk, &policy, lang.0)))
}
