//! The public catalogue: services, their forms, authorities.

use actix_web::{HttpRequest, HttpResponse, get, web};
use domain::catalogue::{ProblemType, Profile, Profiles};
use domain::invalid::Lang;
use serde::Serialize;
use serde_json::{Value, json};
use service::Desk;
use utoipa::ToSchema;

use super::codes::{
    AuthorityKind, Datatype, FileExtension, Presence, ProblemTypeCode, Route, ServiceCode,
};
use super::status::content_tag;
use super::{CodeLabel, Links, links};
use crate::block;
use crate::conditions::is_known;
use crate::language::Language;
use crate::problem::Problem;
use crate::routes::Routes;

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(list_services)
        .service(show_form)
        .service(list_authorities);
}

/// A list that fits in one page.
#[derive(Serialize, ToSchema)]
struct ServiceList {
    #[schema(max_items = 200)]
    items: Vec<ServiceBody>,
    /// Always null: the catalogue is one page.
    #[schema(required, max_length = 512)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
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
    #[schema(value_type = Route)]
    route: String,
    profiles: ProfilesBody,
    #[schema(max_items = 100)]
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
/// Those that can be chosen today, with their problem types and who may file about them.
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
            links: links(&request, None),
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
    #[schema(value_type = Route)]
    route: String,
    profiles: ProfilesBody,
    /// What can be wrong, in the order to show.
    #[schema(max_items = 100)]
    problem_types: Vec<FormProblemType>,
    /// What is asked, in the order to show.
    #[schema(max_items = 100)]
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
    #[schema(max_length = 64, pattern = "^[a-z0-9_]+$")]
    key: String,
    /// Where it lives in the body, as errors name it.
    #[schema(max_length = 128)]
    pointer: String,
    #[schema(max_length = 250)]
    label: String,
    /// What its values look like.
    #[schema(value_type = Datatype)]
    datatype: String,
    /// Whether somebody without a token must always give it.
    required: bool,
    presence: PresenceBody,
    /// The problem types that make it required where it is optional.
    #[schema(value_type = Vec<ProblemTypeCode>, max_items = 100)]
    required_for: Vec<String>,
    /// The exact number of characters. Absent where there is none.
    #[schema(nullable = false, minimum = 1, maximum = 10000)]
    length: Option<i32>,
    /// The highest number of characters.
    #[schema(nullable = false, minimum = 1, maximum = 10000)]
    max_length: Option<i32>,
    /// The highest number of values.
    #[schema(nullable = false, minimum = 1, maximum = 1000)]
    max_items: Option<i32>,
    /// A regular expression that every accepted value matches once normalised.
    #[schema(nullable = false, max_length = 500)]
    pattern: Option<String>,
    /// What can be chosen.
    #[schema(nullable = false, min_items = 1, max_items = 1000)]
    choices: Option<Vec<CodeLabel>>,
    /// A line of help.
    #[schema(nullable = false, max_length = 500)]
    hint: Option<String>,
}

/// Whether each kind of filer is asked for a field: `required`, `optional`, `hidden`, `from-identity`.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes what the domain's contract serialises to"
)]
struct PresenceBody {
    #[schema(value_type = Presence)]
    anonymous: String,
    #[schema(value_type = Presence)]
    citizen: String,
    #[schema(value_type = Presence)]
    operator: String,
}

#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes what the domain's contract serialises to"
)]
struct AttachmentRuleBody {
    #[schema(minimum = 0, maximum = 100)]
    max_files: i32,
    /// Of one file, decoded.
    #[schema(minimum = 0, maximum = 104857600)]
    max_bytes: i32,
    /// In lower case.
    #[schema(value_type = Vec<FileExtension>, max_items = 50)]
    extensions: Vec<String>,
}

#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes what the domain's contract serialises to"
)]
struct TextLimitsBody {
    /// Of a description or a message, in Unicode scalar values.
    #[schema(minimum = 1, maximum = 4000)]
    description_max_chars: i32,
    /// Of a given or family name.
    #[schema(minimum = 1, maximum = 100)]
    person_name_max_chars: i32,
}

#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes what the domain's contract serialises to"
)]
struct ValidityBody {
    /// Null when it has always been.
    #[schema(required, format = "date")]
    valid_from: Option<String>,
    /// Null when no end is known.
    #[schema(required, format = "date")]
    valid_to: Option<String>,
}

/// Shows a service's form.
///
/// Everything a front end needs to draw the form without code of its own: fields in their order, what
/// each kind of filer must give, choices, the attachment rule and text limits. Made from the same data
/// that filing enforces.
#[utoipa::path(tag = "catalogue", params(("service" = inline(ServiceCode), Path, description = "The service's code")),
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
    name_keys(&mut body);
    Ok(cacheable(&request, &body))
}

/// What the domain calls a field's name is its `key` here: the national rules keep `name` for
/// nobody.
fn name_keys(form: &mut Value) {
    let fields = form.get_mut("fields").and_then(Value::as_array_mut);
    for field in fields.into_iter().flatten() {
        if let Some(field) = field.as_object_mut()
            && let Some(name) = field.remove("name")
        {
            field.insert("key".to_owned(), name);
        }
    }
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
    #[schema(max_items = 1000)]
    items: Vec<AuthorityBody>,
    /// Always null: the list is one page.
    #[schema(required, max_length = 512)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// An authority that requests can be addressed to.
#[derive(Serialize, ToSchema)]
struct AuthorityBody {
    #[schema(max_length = 64, pattern = "^[A-Za-z0-9_-]+$")]
    code: String,
    #[schema(max_length = 250)]
    label: String,
    #[schema(value_type = AuthorityKind)]
    kind: String,
    /// The services it can be chosen for.
    #[schema(value_type = Vec<ServiceCode>, max_items = 200)]
    services: Vec<String>,
    /// Whether it takes requests yet: until its administrator has set it up, filing to it is refused
    /// with `authority-inactive`.
    receives: bool,
    /// The calendar it works by.
    #[schema(max_length = 128, pattern = "^[A-Za-z0-9_-]+$")]
    calendar: String,
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
) -> Result<HttpResponse, Problem> {
    let today = desk.today();
    let asked = desk.clone();
    let receiving = block(move || asked.list_receiving()).await?;
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
            receives: receiving.contains(&authority.code),
            calendar: authority.calendar.to_string(),
        })
        .collect();
    Ok(cacheable(
        &request,
        &AuthorityList {
            items,
            next_cursor: None,
            links: links(&request, None),
        },
    ))
}

/// An answer anybody may keep, tagged by its content.
pub(super) fn cacheable(request: &HttpRequest, body: &impl Serialize) -> HttpResponse {
    let text = serde_json::to_vec(body).unwrap_or_default();
    let tag = content_tag(&text);
    if is_known(request, &tag) {
        return HttpResponse::NotModified()
            .insert_header(("etag", tag))
            .insert_header(("cache-control", "public, max-age=60"))
            .finish();
    }
    HttpResponse::Ok()
        .insert_header(("etag", tag))
        .insert_header(("cache-control", "public, max-age=60"))
        .content_type("application/json")
        .body(text)
}

#[cfg(test)]
mod tests {
    use domain::catalogue::{Reference, ReferenceFile, TextLimits};
    use jiff::civil::date;

    use super::*;

    /// Whether a value has the shape that the published schema tells; says where not.
    fn fits(schema: &Value, value: &Value, document: &Value, at: &str) {
        if let Some(target) = schema["$ref"].as_str() {
            let named = document.pointer(target.trim_start_matches('#')).unwrap();
            return fits(named, value, document, at);
        }
        for part in schema["allOf"].as_array().into_iter().flatten() {
            fits(part, value, document, at);
        }
        if let Some(list) = schema["enum"].as_array() {
            assert!(list.contains(value), "{at}: {value} is not listed");
        }
        let is_null = value.is_null() && schema["nullable"] == true;
        match (schema["type"].as_str(), value) {
            (None, _) | (Some("string"), Value::String(_)) | (Some("boolean"), Value::Bool(_)) => {}
            (Some("integer"), Value::Number(number)) => {
                let range =
                    schema["minimum"].as_i64().unwrap()..=schema["maximum"].as_i64().unwrap();
                assert!(range.contains(&number.as_i64().unwrap()), "{at}: {number}");
            }
            (Some("array"), Value::Array(items)) => {
                let most = schema["maxItems"].as_u64().unwrap();
                assert!(
                    u64::try_from(items.len()).unwrap() <= most,
                    "{at}: too many"
                );
                for item in items {
                    fits(&schema["items"], item, document, at);
                }
            }
            (Some("object"), Value::Object(members)) => {
                for name in schema["required"].as_array().into_iter().flatten() {
                    assert!(
                        members.contains_key(name.as_str().unwrap()),
                        "{at}: no {name}"
                    );
                }
                for (name, member) in members {
                    let known = &schema["properties"][name];
                    assert!(known.is_object(), "{at}/{name} is not described");
                    fits(known, member, document, &format!("{at}/{name}"));
                }
            }
            (Some(kind), _) => assert!(is_null, "{at}: {value} is not of type {kind}"),
        }
    }

    #[test]
    fn every_form_is_as_the_description_says() {
        let files = [
            (
                "services.toml",
                include_str!("../../../../config/reference/services.toml"),
            ),
            (
                "authorities.toml",
                include_str!("../../../../config/reference/authorities.toml"),
            ),
            (
                "codes.toml",
                include_str!("../../../../config/reference/codes.toml"),
            ),
            (
                "calendars.toml",
                include_str!("../../../../config/reference/calendars.toml"),
            ),
            (
                "sla-policies.toml",
                include_str!("../../../../config/reference/sla-policies.toml"),
            ),
        ]
        .map(|(name, text)| ReferenceFile { name, text });
        let reference = Reference::parse(&files).unwrap();
        let document = crate::app::description().unwrap();
        let schema = json!({ "$ref": "#/components/schemas/FormBody" });
        for service in reference.services() {
            let form = service.form(&reference, date(2026, 11, 1), &TextLimits::default());
            let mut body = serde_json::to_value(&form).unwrap();
            localise(&mut body, Lang::It);
            name_keys(&mut body);
            fits(&schema, &body, &document, service.code.as_str());
        }
    }
}
