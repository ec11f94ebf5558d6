//! The register of what people ask about their own data, for whoever keeps it.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use domain::ids::SubjectRequestId;
use domain::invalid::Lang;
use domain::subject_request::{
    SubjectRequestChannel, SubjectRequestKind, SubjectRequestState, SubjectRequestStep,
};
use domain::tax_code::TaxCode;
use domain::text::Description;
use serde::Serialize;
use service::Desk;
use service::once::Answer;
use service::rights::{NewSubjectRequest, SubjectRequestFilter, SubjectRequestView};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::codes::{
    LanguageCode, PaperChannel, SubjectRequestKind as KindCode, SubjectRequestMove,
    SubjectRequestState as StateCode,
};
use super::complaints::in_the_future;
use super::email_proofs::replay_header;
use super::subject_request_body::{SubjectRequestBody, TEXT_MAX_CHARS};
use super::{Links, links};
use crate::body::{Expects, read_object};
use crate::conditions::{Repeatable, Seen, etag, tagged};
use crate::language::Language;
use crate::members::Members;
use crate::principal::Operator;
use crate::problem::Problem;
use crate::query::{Shape, cut_page, page_size, read_query, refuse_query};
use crate::routes::Routes;
use crate::{block, cursor};

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(list_subject_requests)
        .service(enter_subject_request)
        .service(show_subject_request)
        .service(step_subject_request);
}

/// Which requests to list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters; they are read by name")]
pub(crate) struct SubjectRequestQuery {
    /// Those in this state alone.
    #[param(inline)]
    state: Option<StateCode>,
    /// Those of this kind alone.
    #[param(inline)]
    kind: Option<KindCode>,
    /// Those alone whose term is over, and nothing answered.
    overdue: Option<bool>,
    /// Requests in a page: 1 to 100, 50 if absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// Where to go on.
    #[param(max_length = 256, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
}

/// A page of the register, those due first.
#[derive(Serialize, ToSchema)]
struct SubjectRequestPage {
    #[schema(max_items = 100)]
    items: Vec<SubjectRequestBody>,
    /// Null on the last page.
    #[schema(required, max_length = 256)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// The one order of the list.
const ORDER: &str = "due_at";

/// Lists what people ask about their own data.
///
/// Those due first; `overdue` tells whose term is over.
#[utoipa::path(tag = "data-rights", params(SubjectRequestQuery),
    responses((status = 200, description = "A page of the register", body = SubjectRequestPage)))]
#[get("/v1/subject-requests")]
pub(crate) async fn list_subject_requests(
    request: HttpRequest,
    _operator: Operator,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let shape = Shape {
        numbers: &["limit"],
        flags: &["overdue"],
        lists: &[],
    };
    let mut query = read_query(&request, &shape)?;
    let limit = page_size(&mut query);
    let filter = SubjectRequestFilter {
        state: query.code("state", SubjectRequestState::from_code),
        kind: query.code("kind", SubjectRequestKind::from_code),
        overdue: query.flag("overdue").unwrap_or(false),
    };
    let after = query.code("cursor", |text| cursor::read_at(ORDER, text));
    let after = after.map(|(at, id)| (at, SubjectRequestId::new(id)));
    refuse_query(&query.finish())?;
    let page = limit.saturating_add(1);
    let found = block(move || desk.list_subject_requests(&filter, after, page)).await?;
    let (found, next_cursor) = cut_page(found, limit, |last| {
        cursor::write_at(ORDER, last.due_at, last.id.uuid())
    });
    Ok(HttpResponse::Ok().json(SubjectRequestPage {
        links: links(&request, next_cursor.as_deref()),
        items: found
            .into_iter()
            .map(|one| SubjectRequestBody::new(one, lang.0))
            .collect(),
        next_cursor,
    }))
}

/// A request that reached the officer, who found out who asks.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct SubjectRequestForm {
    kind: KindCode,
    channel: PaperChannel,
    /// Who it is about.
    #[schema(min_length = 11, max_length = 16)]
    tax_code: String,
    /// When it came in; now if left out, and never later. The term runs from then.
    #[schema(format = DateTime)]
    received_at: Option<String>,
    /// What the person wrote.
    #[schema(min_length = 1, max_length = 4000)]
    text: Option<String>,
    /// The language they are answered in; `it` if left out.
    language: Option<LanguageCode>,
}

/// Enters what somebody asks about their own data.
///
/// One that came by letter, mail or at the counter. The answer is due in 30 days.
#[utoipa::path(tag = "data-rights", request_body(content = SubjectRequestForm, description = "The request"),
    responses((status = 201, description = "The request", body = SubjectRequestBody)))]
#[post("/v1/subject-requests")]
pub(crate) async fn enter_subject_request(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    desk: web::Data<Desk>,
    lang: Language,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let object = read_object(&request, payload, Expects::Json).await?;
    let once = repeatable.with(serde_json::to_vec(&object).unwrap_or_default());
    let mut body = Members::of(object);
    let now = desk.now();
    let kind = body.needed("kind", |body, name| {
        body.code(name, SubjectRequestKind::from_code)
    });
    let channel = body.needed("channel", |body, name| body.code(name, paper_channel));
    let tax_code = body.needed("tax_code", |body, name| {
        body.words(name, |text| TaxCode::parse(text, true))
    });
    let received_at = body.moment("received_at");
    if received_at.is_some_and(|moment| moment > now) {
        body.refuse("received_at", in_the_future());
    }
    let text = body.words("text", |text| Description::parse(text, TEXT_MAX_CHARS));
    let language = body.code("language", Lang::from_code);
    let errors = body.finish();
    let (Some(kind), Some(channel), Some(tax_code), true) =
        (kind, channel, tax_code, errors.is_empty())
    else {
        return Err(Problem::fields(errors));
    };
    let new = NewSubjectRequest {
        kind,
        channel,
        tax_code,
        received_at,
        text: text.map(Description::into_string),
        lang: language.unwrap_or(Lang::It),
    };
    let answer = block(move || desk.enter_subject_request(&operator.0, new, &once)).await?;
    let location = format!("/v1/subject-requests/{}", answer.value.id);
    Ok(stepped(answer, lang, Some(location)))
}

fn paper_channel(code: &str) -> Option<SubjectRequestChannel> {
    use SubjectRequestChannel::{Counter, Letter, Mail};
    SubjectRequestChannel::from_code(code).filter(|one| matches!(one, Letter | Mail | Counter))
}

/// Shows what somebody asks about their own data.
///
/// With every step, and the copies and erasures that answer it.
#[utoipa::path(tag = "data-rights", params(("request" = Uuid, Path, description = "The request's id")),
    responses((status = 200, description = "The request", body = SubjectRequestBody)))]
#[get("/v1/subject-requests/{request}")]
pub(crate) async fn show_subject_request(
    request: HttpRequest,
    _operator: Operator,
    id: web::Path<Uuid>,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let id = SubjectRequestId::new(id.into_inner());
    let view = block(move || desk.show_subject_request(id)).await?;
    let version = view.version;
    tagged(
        &request,
        Some(version),
        &SubjectRequestBody::new(view, lang.0),
    )
}

/// A step.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct SubjectStepForm {
    step: SubjectRequestMove,
    /// What the person is told; needed for `extend` and `refuse`.
    #[schema(min_length = 1, max_length = 4000)]
    text: Option<String>,
}

/// Takes a step with what somebody asks about their own data.
///
/// `extend` adds 60 days, once. The person is told by mail, where there is a proved address.
#[utoipa::path(tag = "data-rights", params(("request" = Uuid, Path, description = "The request's id")),
    request_body(content = SubjectStepForm, description = "Which step"),
    responses((status = 201, description = "The request", body = SubjectRequestBody)))]
#[post("/v1/subject-requests/{request}/steps")]
#[expect(
    clippy::too_many_arguments,
    reason = "typed inputs: each is one header, part of the path, or the body"
)]
pub(crate) async fn step_subject_request(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    id: web::Path<Uuid>,
    seen: Seen,
    desk: web::Data<Desk>,
    lang: Language,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let object = read_object(&request, payload, Expects::Json).await?;
    let once = repeatable.with(serde_json::to_vec(&object).unwrap_or_default());
    let mut body = Members::of(object);
    let step = body.needed("step", |body, name| {
        body.code(name, |code| {
            SubjectRequestStep::from_code(code).filter(|step| step.is_for_people())
        })
    });
    let words = |body: &mut Members, name: &str| {
        body.words(name, |text| Description::parse(text, TEXT_MAX_CHARS))
    };
    let text = match step.is_some_and(SubjectRequestStep::needs_reason) {
        true => body.needed("text", words),
        false => words(&mut body, "text"),
    };
    let errors = body.finish();
    let id = SubjectRequestId::new(id.into_inner());
    let answer = block(move || {
        // Out of reach is told before what is wrong with the body.
        desk.show_subject_request(id)?;
        match step {
            Some(step) if errors.is_empty() => {
                let text = text.map(Description::into_string);
                desk.step_subject_request(&operator.0, id, seen.0, (step, text), &once)
            }
            _ => Err(service::DeskError::Invalid(errors)),
        }
    })
    .await?;
    Ok(stepped(answer, lang, None))
}

fn stepped(
    answer: Answer<SubjectRequestView>,
    lang: Language,
    location: Option<String>,
) -> HttpResponse {
    let mut response = HttpResponse::Created();
    response.insert_header(etag(answer.value.version));
    if let Some(location) = location {
        response.insert_header(("location", location));
    }
    let body = SubjectRequestBody::new(answer.value, lang.0);
    replay_header(&mut response, answer.replayed).json(body)
}
