//! The public catalogue: services, their forms, authorities.

use actix_web::{HttpRequest, HttpResponse, get, web};
use domain::catalogue::{ProblemType, Profile, Profiles};
use domain::invalid::Lang;
use serde::Serialize;
use serde_json::{Value, json};
use service::Desk;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::CodeLabel;
use super::status::content_tag;
use crate::conditions::is_known;
use crate::language::Language;
use crate::problem::Problem;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(list_services)
        .service(show_form)
        .service(list_authorities);
}

/// A list that fits in one page.
#[derive(Serialize, ToSchema)]
struct ServiceList {
    items: Vec<ServiceBody>,
    /// Always absent: the catalogue is one page.
    #[schema(max_length = 512)]
    next_cursor: Option<String>,
}

/// A service to ask for help with.
#[derive(Serialize, ToSchema)]
struct ServiceBody {
    /// What is sent at filing.
    #[schema(max_length = 64, pattern = "^[A-Za-z0-9_-]+$")]
    code: String,
    /// What people read.
    #[schema(max_length = 250)]
    label: String,
    /// Who works its requests first: `authority` or `region`.
    #[schema(max_length = 16, pattern = "^(authority|region)$")]
    route: String,
    profiles: ProfilesBody,
    problem_types: Vec<CodeLabel>,
}

/// Who may file.
#[derive(Serialize, ToSchema)]
struct ProfilesBody {
    /// Signed-in citizens.
    citizen: bool,
    /// People without a token.
    anonymous: bool,
    /// Staff.
    operator: bool,
}

impl From<Profiles> for ProfilesBody {
    fn from(profiles: Profiles) -> Self {
        ProfilesBody {
            citizen: profiles.citizen,
            anonymous: profiles.anonymous,
            operator: profiles.operator,
        }
    }
}

/// Lists the services.
///
/// Those that can be chosen today, with their problem types.
#[utoipa::path(tag = "catalogue", responses((status = 200, description = "The services", body = ServiceList)))]
#[get("/v1/services")]
pub(crate) async fn list_services(
    request: HttpRequest,
    desk: web::Data<Desk>,
    lang: Language,
) -> HttpResponse {
    let today = desk.today();
    let label = |problem: &ProblemType| CodeLabel {
        code: problem.code.to_string(),
        label: problem.label.to(lang.0).to_owned(),
    };
    let items = desk
        .services()
        .map(|service| ServiceBody {
            code: service.code.to_string(),
            label: service.label.to(lang.0).to_owned(),
            route: match service.route {
                domain::catalogue::Route::Authority => "authority".to_owned(),
                domain::catalogue::Route::Region => "region".to_owned(),
            },
            profiles: service.profiles.into(),
            problem_types: service
                .problem_types_for(today, Profile::Citizen)
                .map(label)
                .collect(),
        })
        .collect();
    cacheable(
        &request,
        &ServiceList {
            items,
            next_cursor: None,
        },
    )
}

/// A service's form, for drawing it without code.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes what the domain's contract serialises to"
)]
struct FormBody {
    #[schema(max_length = 64, pattern = "^[A-Za-z0-9_-]+$")]
    service_code: String,
    #[schema(max_length = 250)]
    label: String,
    #[schema(max_length = 16, pattern = "^(authority|region)$")]
    route: String,
    profiles: ProfilesBody,
    problem_types: Vec<FormProblemType>,
    fields: Vec<FormFieldBody>,
    attachment: AttachmentRuleBody,
    text_limits: TextLimitsBody,
    /// The version of the notice that `privacy_ack` accepts.
    #[schema(max_length = 64)]
    privacy_notice_version: String,
    validity: ValidityBody,
}

#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes what the domain's contract serialises to"
)]
struct FormProblemType {
    #[schema(max_length = 64, pattern = "^[A-Za-z0-9_-]+$")]
    code: String,
    #[schema(max_length = 250)]
    label: String,
    /// Offered to signed-in citizens and staff only.
    citizen_only: bool,
}

#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes what the domain's contract serialises to"
)]
struct FormFieldBody {
    /// Its key in the body, or in `extra`.
    #[schema(max_length = 64, pattern = "^[a-z_]+$")]
    name: String,
    /// Where it lives in the body, as errors name it.
    #[schema(max_length = 128)]
    pointer: String,
    #[schema(max_length = 250)]
    label: String,
    /// What its values look like.
    #[schema(max_length = 32, pattern = "^[a-z-]+$")]
    datatype: String,
    /// Whether somebody without a token must always give it.
    required: bool,
    presence: PresenceBody,
    /// The problem types that make it required.
    #[schema(max_length = 64)]
    required_for: Vec<String>,
    length: Option<i32>,
    max_length: Option<i32>,
    max_items: Option<i32>,
    #[schema(max_length = 500)]
    pattern: Option<String>,
    choices: Option<Vec<CodeLabel>>,
    #[schema(max_length = 500)]
    hint: Option<String>,
}

/// Whether each kind of filer is asked for a field: `required`, `optional`, `hidden`, `from-identity`.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes what the domain's contract serialises to"
)]
struct PresenceBody {
    #[schema(max_length = 16, pattern = "^[a-z-]+$")]
    anonymous: String,
    #[schema(max_length = 16, pattern = "^[a-z-]+$")]
    citizen: String,
    #[schema(max_length = 16, pattern = "^[a-z-]+$")]
    operator: String,
}

#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes what the domain's contract serialises to"
)]
struct AttachmentRuleBody {
    max_files: i32,
    max_bytes: i32,
    extensions: Vec<String>,
}

#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes what the domain's contract serialises to"
)]
struct TextLimitsBody {
    description_max_chars: i32,
    person_name_max_chars: i32,
}

#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes what the domain's contract serialises to"
)]
struct ValidityBody {
    #[schema(format = "date")]
    valid_from: Option<String>,
    #[schema(format = "date")]
    valid_to: Option<String>,
}

/// Shows a service's form.
///
/// Fields, rules, choices, attachment rule and text limits, made from the same data that filing
/// enforces.
#[utoipa::path(tag = "catalogue", params(("service" = String, Path, description = "The service's code")),
    responses((status = 200, description = "The form", body = FormBody)))]
#[get("/v1/services/{service}/form")]
pub(crate) async fn show_form(
    request: HttpRequest,
    service: web::Path<String>,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let form = desk.form(&service)?;
    let mut body = serde_json::to_value(&form).map_err(|error| Problem::internal(&error))?;
    localise(&mut body, lang.0);
    Ok(cacheable(&request, &body))
}

/// Replaces every text in two languages by the one asked for.
fn localise(value: &mut Value, lang: Lang) {
    match value {
        Value::Object(members) => {
            if members.len() == 2
                && let (Some(Value::String(it)), Some(Value::String(en))) =
                    (members.get("it"), members.get("en"))
            {
                *value = match lang {
                    Lang::It => json!(it),
                    Lang::En => json!(en),
                };
                return;
            }
            members
                .values_mut()
                .for_each(|member| localise(member, lang));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| localise(item, lang)),
        _ => {}
    }
}

#[derive(Serialize, ToSchema)]
struct AuthorityList {
    items: Vec<AuthorityBody>,
    /// Always absent: the list is one page.
    #[schema(max_length = 512)]
    next_cursor: Option<String>,
}

/// An authority that requests can be addressed to.
#[derive(Serialize, ToSchema)]
struct AuthorityBody {
    #[schema(max_length = 64, pattern = "^[A-Za-z0-9_-]+$")]
    code: String,
    #[schema(max_length = 250)]
    label: String,
    /// `asl`, `ao`, `aou` or `other`.
    #[schema(max_length = 16, pattern = "^[a-z]+$")]
    kind: String,
    /// The services it can be chosen for.
    #[schema(max_items = 200)]
    services: Vec<String>,
}

/// Lists the authorities.
///
/// Those that a requester can choose today, each with the services it is enabled for.
#[utoipa::path(tag = "catalogue", responses((status = 200, description = "The authorities", body = AuthorityList)))]
#[get("/v1/authorities")]
pub(crate) async fn list_authorities(
    request: HttpRequest,
    desk: web::Data<Desk>,
    lang: Language,
) -> HttpResponse {
    let today = desk.today();
    let reference = desk.reference();
    let items = reference
        .authorities()
        .iter()
        .filter(|authority| authority.kind.is_health() && authority.validity.covers(today))
        .map(|authority| AuthorityBody {
            code: authority.code.to_string(),
            label: authority.label.to(lang.0).to_owned(),
            kind: authority.kind.as_str().to_owned(),
            services: desk
                .services()
                .filter(|service| authority.serves(&service.code, today))
                .map(|service| service.code.to_string())
                .collect(),
        })
        .collect();
    cacheable(
        &request,
        &AuthorityList {
            items,
            next_cursor: None,
        },
    )
}

/// An answer anybody may keep, tagged by its content.
fn cacheable(request: &HttpRequest, body: &impl Serialize) -> HttpResponse {
    let text = serde_json::to_vec(body).unwrap_or_default();
    let tag = content_tag(&text);
    if is_known(request, &tag) {
        return HttpResponse::NotModified()
            .insert_header(("etag", tag))
            .finish();
    }
    HttpResponse::Ok()
        .insert_header(("etag", tag))
        .insert_header(("cache-control", "public, max-age=60"))
        .content_type("application/json")
        .body(text)
}
