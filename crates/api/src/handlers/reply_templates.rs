//! Words that desks keep ready for notes.

use actix_web::{HttpRequest, HttpResponse, delete, get, post, put, web};
use domain::command::ActionCode;
use domain::ids::{ReplyTemplateId, TicketId};
use domain::invalid::Text;
use domain::note::Audience;
use domain::state::StateCode;
use domain::text::{Description, NoteBody};
use serde::Serialize;
use serde_json::{Map, Value};
use service::Desk;
use service::queue::Key;
use service::reply_templates::{Order, ReplyTemplate, ReplyTemplateForm};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::codes::{ActionCode as Action, Audience as AudienceCode, State};
use super::email_proofs::replay_header;
use super::{Links, links};
use crate::body::{Expects, forbidden_chars, read_object};
use crate::conditions::{Repeatable, Seen, etag, tagged};
use crate::members::Members;
use crate::principal::Operator;
use crate::problem::Problem;
use crate::query::{Shape, cut_page, page_size, read_query, refuse_query};
use crate::routes::Routes;
use crate::{block, cursor};

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(list_reply_templates)
        .service(create_reply_template)
        .service(show_reply_template)
        .service(change_reply_template)
        .service(retire_reply_template);
}

/// Longest label.
const LABEL_MAX_CHARS: usize = 100;

/// Words kept ready for notes.
#[derive(Serialize, ToSchema)]
struct ReplyTemplateBody {
    id: Uuid,
    #[schema(minimum = 1)]
    version: i64,
    /// The desk that keeps it.
    #[schema(max_length = 64)]
    authority_code: String,
    /// Whether every desk uses it.
    is_shared: bool,
    /// The service it is for; null for all.
    #[schema(required, max_length = 64)]
    service_code: Option<String>,
    /// The problem type it is for; null for all.
    #[schema(required, max_length = 64)]
    problem_type: Option<String>,
    /// The states it is for; none stands for all.
    #[schema(value_type = Vec<State>, max_items = 8)]
    states: Vec<&'static str>,
    /// The actions it goes with.
    #[schema(value_type = Vec<Action>, max_items = 20)]
    actions: Vec<&'static str>,
    /// Who reads it.
    #[schema(value_type = AudienceCode)]
    audience: &'static str,
    label: ReplyLabelBody,
    body: ReplyWordsBody,
    /// Notes written with it.
    #[schema(minimum = 0)]
    used_count: i64,
    /// When the last of them was.
    #[schema(required, format = DateTime)]
    last_used_at: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
    /// Since when nobody uses it any more.
    #[schema(required, format = DateTime)]
    retired_at: Option<String>,
}

/// What staff call it, in both languages.
#[derive(Serialize, ToSchema)]
struct ReplyLabelBody {
    #[schema(min_length = 1, max_length = 100)]
    it: String,
    #[schema(min_length = 1, max_length = 100)]
    en: String,
}

/// The words in both languages. `{{ number }}` places a value: `number`, `service_label`,
/// `authority_label`, `today`, or `closes_on`, the last day to write once the request is resolved.
/// `[[ what is missing ]]` is filled in by hand.
#[derive(Serialize, ToSchema)]
struct ReplyWordsBody {
    #[schema(min_length = 1, max_length = 5000)]
    it: String,
    #[schema(min_length = 1, max_length = 5000)]
    en: String,
}

impl From<ReplyTemplate> for ReplyTemplateBody {
    fn from(one: ReplyTemplate) -> Self {
        let content = one.content;
        ReplyTemplateBody {
            id: one.id.uuid(),
            version: one.version,
            authority_code: one.desk.to_string(),
            is_shared: content.is_shared,
            service_code: content.service.map(|code| code.to_string()),
            problem_type: content.problem_type.map(|code| code.to_string()),
            states: content.states.into_iter().map(StateCode::as_str).collect(),
            actions: content
                .actions
                .into_iter()
                .map(ActionCode::as_str)
                .collect(),
            audience: content.audience.as_str(),
            label: ReplyLabelBody {
                it: content.label.it.into_owned(),
                en: content.label.en.into_owned(),
            },
            body: ReplyWordsBody {
                it: content.body.it.into_owned(),
                en: content.body.en.into_owned(),
            },
            used_count: one.used_count,
            last_used_at: one.last_used_at.map(|at| at.to_string()),
            created_at: one.created_at.to_string(),
            updated_at: one.updated_at.to_string(),
            retired_at: one.retired_at.map(|at| at.to_string()),
        }
    }
}

/// The orders of the list.
#[derive(ToSchema)]
#[expect(dead_code, reason = "written for the description")]
enum ReplyTemplateOrder {
    #[schema(rename = "-created_at")]
    Newest,
    #[schema(rename = "-used_count")]
    MostUsed,
}

/// A page of reply templates.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters; they are read by name")]
pub(crate) struct ReplyTemplateQuery {
    /// Templates in a page: 1 to 100, 50 if absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// Where to go on, in the same order.
    #[param(max_length = 256, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
    /// The newest first, if absent.
    #[param(value_type = Option<ReplyTemplateOrder>, inline)]
    sort: Option<String>,
    /// True for those that were retired, which are kept for their counts.
    retired: Option<bool>,
}

/// A page of reply templates.
#[derive(Serialize, ToSchema)]
struct ReplyTemplatePage {
    #[schema(max_items = 100)]
    items: Vec<ReplyTemplateBody>,
    /// Null on the last page.
    #[schema(required, max_length = 256)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

const NEWEST: &str = "-created_at";
const MOST_USED: &str = "-used_count";

/// Lists reply templates.
///
/// Those that the caller's desk uses: its own, and those the region shares with all.
#[utoipa::path(tag = "work", params(ReplyTemplateQuery),
    responses((status = 200, description = "A page of reply templates", body = ReplyTemplatePage)))]
#[get("/v1/reply-templates")]
pub(crate) async fn list_reply_templates(
    request: HttpRequest,
    operator: Operator,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let shape = Shape {
        numbers: &["limit"],
        flags: &["retired"],
        lists: &[],
    };
    let mut query = read_query(&request, &shape)?;
    let limit = page_size(&mut query);
    let retired = query.flag("retired").unwrap_or(false);
    let sort = query.code("sort", |text| {
        [NEWEST, MOST_USED].into_iter().find(|one| *one == text)
    });
    let sort = sort.unwrap_or(NEWEST);
    let after = query.code("cursor", |text| cursor::read(sort, text));
    refuse_query(&query.finish())?;
    let id = |id: TicketId| ReplyTemplateId::new(id.uuid());
    let order = match (sort, after) {
        (MOST_USED, None) => Order::MostUsed(None),
        (_, None) => Order::Newest(None),
        (_, Some((Key::Rank(count), last))) => Order::MostUsed(Some((count.into(), id(last)))),
        (_, Some((Key::At(at), last))) => Order::Newest(Some((at, id(last)))),
    };
    let page = limit.saturating_add(1);
    let found = block(move || desk.list_reply_templates(&operator.0, retired, order, page)).await?;
    let (found, next_cursor) = cut_page(found, limit, |last| {
        let key = match order {
            Order::Newest(_) => Key::At(last.created_at),
            Order::MostUsed(_) => Key::Rank(i32::try_from(last.used_count).unwrap_or(i32::MAX)),
        };
        cursor::write(sort, key, TicketId::new(last.id.uuid()))
    });
    Ok(HttpResponse::Ok().json(ReplyTemplatePage {
        links: links(&request, next_cursor.as_deref()),
        items: found.into_iter().map(ReplyTemplateBody::from).collect(),
        next_cursor,
    }))
}

/// A reply template to keep.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct ReplyTemplateContent {
    /// True for every desk: the region alone says so. False if absent.
    is_shared: Option<bool>,
    /// For all services, if absent.
    #[schema(max_length = 64)]
    service_code: Option<String>,
    /// For all problem types, if absent; else the service's code is needed, too.
    #[schema(max_length = 64)]
    problem_type: Option<String>,
    /// For all states, if absent.
    #[schema(max_items = 8)]
    states: Option<Vec<State>>,
    /// Whose notes have this audience.
    #[schema(min_items = 1, max_items = 14)]
    actions: Vec<Action>,
    audience: AudienceCode,
    label: ReplyLabelBody,
    body: ReplyWordsBody,
}

/// Adds a reply template.
///
/// To those of the caller's desk, which keeps at most 200. A gap that is not known is refused by its
/// name.
#[utoipa::path(tag = "administration", request_body(content = ReplyTemplateContent, description = "The template"),
    responses((status = 201, description = "The template", body = ReplyTemplateBody)))]
#[post("/v1/reply-templates")]
pub(crate) async fn create_reply_template(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let object = read_object(&request, payload, Expects::Json).await?;
    let once = repeatable.with(serde_json::to_vec(&object).unwrap_or_default());
    let form = read_template(object)?;
    let answer = block(move || desk.add_reply_template(&operator.0, form, &once)).await?;
    let mut response = HttpResponse::Created();
    let location = format!("/v1/reply-templates/{}", answer.value.id);
    response.insert_header(("location", location));
    response.insert_header(etag(answer.value.version));
    Ok(replay_header(&mut response, answer.replayed).json(ReplyTemplateBody::from(answer.value)))
}

/// Shows a reply template.
#[utoipa::path(tag = "work", params(("reply_template" = Uuid, Path, description = "The template's id")),
    responses((status = 200, description = "The template", body = ReplyTemplateBody)))]
#[get("/v1/reply-templates/{reply_template}")]
pub(crate) async fn show_reply_template(
    request: HttpRequest,
    operator: Operator,
    reply_template: web::Path<Uuid>,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let id = ReplyTemplateId::new(reply_template.into_inner());
    let template = block(move || desk.show_reply_template(&operator.0, id)).await?;
    let version = template.version;
    tagged(&request, Some(version), &ReplyTemplateBody::from(template))
}

/// Writes a reply template anew.
///
/// Its count stays.
#[utoipa::path(tag = "administration", params(("reply_template" = Uuid, Path, description = "The template's id")),
    request_body(content = ReplyTemplateContent, description = "The template"),
    responses((status = 200, description = "The template", body = ReplyTemplateBody)))]
#[put("/v1/reply-templates/{reply_template}")]
pub(crate) async fn change_reply_template(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    reply_template: web::Path<Uuid>,
    seen: Seen,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let form = read_template(read_object(&request, payload, Expects::Json).await?)?;
    let id = ReplyTemplateId::new(reply_template.into_inner());
    let template = block(move || desk.change_reply_template(&operator.0, id, seen.0, form)).await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(template.version))
        .json(ReplyTemplateBody::from(template)))
}

/// Retires a reply template.
///
/// Nobody is offered it any more; it is kept for its count.
#[utoipa::path(tag = "administration", params(("reply_template" = Uuid, Path, description = "The template's id")),
    responses((status = 204, description = "It is retired")))]
#[delete("/v1/reply-templates/{reply_template}")]
pub(crate) async fn retire_reply_template(
    operator: Operator,
    reply_template: web::Path<Uuid>,
    seen: Seen,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let id = ReplyTemplateId::new(reply_template.into_inner());
    block(move || desk.retire_reply_template(&operator.0, id, seen.0)).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn read_template(object: Map<String, Value>) -> Result<ReplyTemplateForm, Problem> {
    let mut body = Members::of(object);
    let action = |code: &str| {
        let mut offered = ActionCode::OFFERED.into_iter();
        offered.find(|action| action.as_str() == code)
    };
    let is_shared = body.flag("is_shared").unwrap_or(false);
    let service_code = body.text("service_code", 64);
    let problem_type = body.text("problem_type", 64);
    let states = body.list("states", StateCode::ALL.len(), StateCode::from_code);
    let actions = body.needed("actions", |body, name| {
        body.list(name, ActionCode::OFFERED.len(), action)
    });
    let audience = body.needed("audience", |body, name| {
        body.code(name, Audience::from_code)
    });
    let label = body.needed("label", |body, name| {
        let line = |label: &mut Members, name: &str| {
            label.words(name, |text| {
                let line = Description::parse(text, LABEL_MAX_CHARS)?;
                match line.as_str().contains('\n') {
                    true => Err(forbidden_chars()),
                    false => Ok(line.into_string()),
                }
            })
        };
        read_both(body, name, line)
    });
    // Gaps are looked at where they are known.
    let words = body.needed("body", |body, name| {
        read_both(body, name, |words, name| {
            words.words(name, |text| {
                NoteBody::parse(text).map(NoteBody::into_string)
            })
        })
    });
    let errors = body.finish();
    let form = (|| {
        Some(ReplyTemplateForm {
            is_shared,
            service_code,
            problem_type,
            states: states.unwrap_or_default(),
            actions: actions?,
            audience: audience?,
            label: label?,
            body: words?,
        })
    })();
    match form {
        Some(form) if errors.is_empty() => Ok(form),
        _ => Err(Problem::fields(errors)),
    }
}

fn read_both(
    body: &mut Members,
    name: &str,
    read: impl Fn(&mut Members, &str) -> Option<String>,
) -> Option<Text> {
    body.object(name, |both| {
        let (it, en) = (both.needed("it", &read), both.needed("en", &read));
        Some(Text::owned(it?, en?))
    })
    .flatten()
}
