//! What people ask about their own data by themselves.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use domain::ids::SubjectRequestId;
use domain::invalid::Lang;
use domain::subject_request::SubjectRequestKind;
use domain::text::Description;
use serde::Serialize;
use service::Desk;
use service::rights::OwnSubjectRequest;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::codes::{SubjectRequestKind as KindCode, SubjectRequestState as StateCode};
use super::email_proofs::replay_header;
use super::subject_exports::deliver;
use super::subject_request_body::TEXT_MAX_CHARS;
use super::{Links, links};
use crate::body::{Expects, read_object};
use crate::conditions::Repeatable;
use crate::language::Language;
use crate::members::Members;
use crate::principal::{Complainant, Requester};
use crate::problem::Problem;
use crate::query::{PAGE, cut_page, page_size, read_query, refuse_query};
use crate::routes::Routes;
use crate::{block, cursor};

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(list_own_subject_requests)
        .service(ask_about_own_data)
        .service(fetch_own_export);
}

/// What I asked about my own data.
#[derive(Serialize, ToSchema)]
struct OwnSubjectRequestBody {
    id: Uuid,
    #[schema(value_type = KindCode)]
    kind: &'static str,
    #[schema(max_length = 64)]
    kind_label: String,
    #[schema(value_type = StateCode)]
    state: &'static str,
    #[schema(max_length = 64)]
    state_label: String,
    #[schema(format = DateTime)]
    received_at: String,
    /// Until when I am answered.
    #[schema(format = DateTime)]
    due_at: String,
    /// Whether more time was taken.
    extended: bool,
    #[schema(required, format = DateTime)]
    closed_at: Option<String>,
    /// What I was told last.
    #[schema(required, max_length = 4000)]
    answer: Option<String>,
    /// Until when a copy of my data can be fetched, once; null if there is none.
    #[schema(required, format = DateTime)]
    export_until: Option<String>,
}

impl OwnSubjectRequestBody {
    fn new(one: OwnSubjectRequest, lang: Lang) -> Self {
        OwnSubjectRequestBody {
            id: one.id.uuid(),
            kind: one.kind.as_str(),
            kind_label: one.kind.label().to(lang).to_owned(),
            state: one.state.as_str(),
            state_label: one.state.label().to(lang).to_owned(),
            received_at: one.received_at.to_string(),
            due_at: one.due_at.to_string(),
            extended: one.was_extended,
            closed_at: one.closed_at.map(|at| at.to_string()),
            answer: one.answer,
            export_until: one.export_until.map(|at| at.to_string()),
        }
    }
}

/// A page of what I asked about my own data.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters; they are read by name")]
pub(crate) struct OwnSubjectRequestQuery {
    /// Requests in a page: 1 to 100, 50 if absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before.
    #[param(max_length = 256, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
}

/// A page of what I asked about my own data, the newest first.
#[derive(Serialize, ToSchema)]
struct OwnSubjectRequestPage {
    #[schema(max_items = 100)]
    items: Vec<OwnSubjectRequestBody>,
    /// Null on the last page.
    #[schema(required, max_length = 256)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// The one order of the list.
const ORDER: &str = "-created_at";

/// Lists what I asked about my own data.
#[utoipa::path(tag = "data-rights", params(OwnSubjectRequestQuery),
    responses((status = 200, description = "A page of what I asked", body = OwnSubjectRequestPage)))]
#[get("/v1/me/subject-requests")]
pub(crate) async fn list_own_subject_requests(
    request: HttpRequest,
    requester: Requester,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let mut query = read_query(&request, &PAGE)?;
    let limit = page_size(&mut query);
    let after = query.code("cursor", |text| cursor::read_at(ORDER, text));
    let after = after.map(|(at, id)| (at, SubjectRequestId::new(id)));
    refuse_query(&query.finish())?;
    let page = limit.saturating_add(1);
    let found = block(move || desk.list_own_subject_requests(&requester.0, after, page)).await?;
    let (found, next_cursor) = cut_page(found, limit, |last| {
        cursor::write_at(ORDER, last.created_at, last.id.uuid())
    });
    Ok(HttpResponse::Ok().json(OwnSubjectRequestPage {
        links: links(&request, next_cursor.as_deref()),
        items: found
            .into_iter()
            .map(|one| OwnSubjectRequestBody::new(one, lang.0))
            .collect(),
        next_cursor,
    }))
}

/// What I ask about my own data.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct OwnSubjectRequestForm {
    kind: KindCode,
    /// What should be put right, or what else there is to say.
    #[schema(min_length = 1, max_length = 4000)]
    text: Option<String>,
}

/// Asks something about my own data.
///
/// A copy, an erasure, a restriction, a rectification, or an objection. The answer is due in 30 days. With
/// a tracking token it is about the request the token was made for.
#[utoipa::path(tag = "data-rights", request_body(content = OwnSubjectRequestForm, description = "What I ask"),
    responses((status = 201, description = "What I asked", body = OwnSubjectRequestBody)))]
#[post("/v1/me/subject-requests")]
pub(crate) async fn ask_about_own_data(
    request: HttpRequest,
    payload: web::Payload,
    asker: Complainant,
    desk: web::Data<Desk>,
    lang: Language,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let object = read_object(&request, payload, Expects::Json).await?;
    let once = repeatable.with(serde_json::to_vec(&object).unwrap_or_default());
    let mut body = Members::of(object);
    let kind = body.needed("kind", |body, name| {
        body.code(name, SubjectRequestKind::from_code)
    });
    let text = body.words("text", |text| Description::parse(text, TEXT_MAX_CHARS));
    let errors = body.finish();
    let (Some(kind), true) = (kind, errors.is_empty()) else {
        return Err(Problem::fields(errors));
    };
    let text = text.map(Description::into_string);
    let spoken = lang.0;
    let answer = block(move || desk.ask_about_own_data(asker.0, kind, text, spoken, &once)).await?;
    let body = OwnSubjectRequestBody::new(answer.value, lang.0);
    Ok(replay_header(&mut HttpResponse::Created(), answer.replayed).json(body))
}

/// Fetches the copy of my data, once.
///
/// A ZIP archive with `data.json`, the same to read in `data.html`, and the files.
#[utoipa::path(tag = "data-rights", params(("request" = Uuid, Path, description = "The request's id")),
    responses((status = 200, description = "The archive", content((Vec<u8> = "application/zip")))))]
#[get("/v1/me/subject-requests/{request}/export")]
pub(crate) async fn fetch_own_export(
    requester: Requester,
    id: web::Path<Uuid>,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let id = SubjectRequestId::new(id.into_inner());
    let finder = desk.clone();
    let export = block(move || finder.find_own_export(&requester.0, id)).await?;
    deliver(desk, export).await
}
