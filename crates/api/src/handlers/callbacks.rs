//! The queue of people who are to be called back.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use domain::callback::{AttemptOutcome, CallbackState};
use domain::ids::CallbackId;
use domain::invalid::Lang;
use domain::phone::PhoneNumber;
use domain::text::Description;
use serde::Serialize;
use service::Desk;
use service::announcements::ends_too_early;
use service::callbacks::{CallbackView, NewCallback};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::codes::{
    AttemptOutcome as OutcomeCode, CallbackState as StateCode, LanguageCode as LangCode,
};
use super::contacts::{NOTE_MAX_CHARS, NamedTicketBody};
use super::email_proofs::replay_header;
use super::{Links, links};
use crate::body::{Expects, media_type, read_object};
use crate::conditions::{Repeatable, Seen, etag, tagged};
use crate::members::Members;
use crate::principal::Operator;
use crate::problem::Problem;
use crate::query::{PAGE, cut_page, page_size, read_query, refuse_query};
use crate::routes::Routes;
use crate::{block, cursor};

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(list_callbacks)
        .service(plan_callback)
        .service(show_callback)
        .service(attempt_callback)
        .service(cancel_callback);
}

/// Longest reason.
const REASON_MAX_CHARS: usize = 200;

/// Somebody who is to be called back.
#[derive(Serialize, ToSchema)]
struct CallbackBody {
    id: Uuid,
    /// The desk that calls.
    #[schema(max_length = 64)]
    authority_code: String,
    /// Whole for the desk that calls; for the region, which looks on, as `•••••67`.
    #[schema(max_length = 16, pattern = r"^(\+[1-9][0-9]{5,14}|[•0-9]{2,16})$")]
    phone: String,
    /// True where the number is a mask.
    masked: bool,
    #[schema(max_length = 200)]
    reason: String,
    #[schema(required)]
    ticket: Option<NamedTicketBody>,
    wished: WishedBody,
    /// Whether a text message goes out when nobody was reached.
    sms_allowed: bool,
    /// The language of that message.
    #[schema(value_type = LangCode)]
    language: &'static str,
    #[schema(value_type = StateCode)]
    state: &'static str,
    #[schema(max_items = 3)]
    attempts: Vec<AttemptBody>,
    /// When the next attempt is possible; null when it is over.
    #[schema(required, format = DateTime)]
    next_attempt_from: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(required, format = DateTime)]
    closed_at: Option<String>,
}

/// When somebody would like to be called.
#[derive(Serialize, ToSchema)]
struct WishedBody {
    #[schema(format = DateTime)]
    from: String,
    #[schema(format = DateTime)]
    to: String,
}

/// A try to reach somebody.
#[derive(Serialize, ToSchema)]
struct AttemptBody {
    #[schema(format = DateTime)]
    at: String,
    #[schema(value_type = OutcomeCode)]
    outcome: &'static str,
    #[schema(required, max_length = 500)]
    note: Option<String>,
}

impl From<CallbackView> for CallbackBody {
    fn from(view: CallbackView) -> Self {
        CallbackBody {
            id: view.id.uuid(),
            authority_code: view.desk,
            phone: view.phone,
            masked: view.masked,
            reason: view.reason,
            ticket: view.ticket.map(NamedTicketBody::from),
            wished: WishedBody {
                from: view.wished_from.to_string(),
                to: view.wished_to.to_string(),
            },
            sms_allowed: view.sms_allowed,
            language: view.lang.code(),
            state: view.state.as_str(),
            attempts: view
                .attempts
                .into_iter()
                .map(|one| AttemptBody {
                    at: one.at.to_string(),
                    outcome: one.outcome.as_str(),
                    note: one.note,
                })
                .collect(),
            next_attempt_from: view.next_attempt_from.map(|at| at.to_string()),
            created_at: view.created_at.to_string(),
            closed_at: view.closed_at.map(|at| at.to_string()),
        }
    }
}

/// Which entries to list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters; they are read by name")]
pub(crate) struct CallbackQuery {
    /// Those in this state alone; `waiting` are the ones to call.
    #[param(inline)]
    state: Option<StateCode>,
    /// Entries in a page: 1 to 100, 50 if absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// Where to go on.
    #[param(max_length = 256, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
}

/// A page of the queue, by the time people wish.
#[derive(Serialize, ToSchema)]
struct CallbackPage {
    #[schema(max_items = 100)]
    items: Vec<CallbackBody>,
    /// Null on the last page.
    #[schema(required, max_length = 256)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// The one order of the list.
const ORDER: &str = "wished_from";

/// Lists who is to be called back.
///
/// The queue of the caller's desk, by the time people wish; the region sees all.
#[utoipa::path(tag = "work", params(CallbackQuery),
    responses((status = 200, description = "A page of the queue", body = CallbackPage)))]
#[get("/v1/callbacks")]
pub(crate) async fn list_callbacks(
    request: HttpRequest,
    operator: Operator,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let mut query = read_query(&request, &PAGE)?;
    let limit = page_size(&mut query);
    let state = query.code("state", CallbackState::from_code);
    let after = query.code("cursor", |text| cursor::read_at(ORDER, text));
    let after = after.map(|(at, id)| (at, CallbackId::new(id)));
    refuse_query(&query.finish())?;
    let page = limit.saturating_add(1);
    let found = block(move || desk.list_callbacks(&operator.0, state, after, page)).await?;
    let (found, next_cursor) = cut_page(found, limit, |last| {
        cursor::write_at(ORDER, last.wished_from, last.id.uuid())
    });
    Ok(HttpResponse::Ok().json(CallbackPage {
        links: links(&request, next_cursor.as_deref()),
        items: found.into_iter().map(CallbackBody::from).collect(),
        next_cursor,
    }))
}

/// Somebody to call back.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct CallbackForm {
    /// As people write it; kept in E.164 form.
    #[schema(min_length = 1, max_length = 64)]
    phone: String,
    /// What about, for the desk.
    #[schema(min_length = 1, max_length = 200)]
    reason: String,
    /// Id or number of the ticket it is about.
    #[schema(max_length = 64)]
    ticket: Option<String>,
    wished: WishedForm,
    /// Whether a text message may go out when nobody was reached.
    sms_allowed: bool,
    /// The language of that message; `it` if left out.
    language: Option<LangCode>,
}

/// When somebody would like to be called.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct WishedForm {
    #[schema(format = DateTime)]
    from: String,
    /// After `from`, and not over yet.
    #[schema(format = DateTime)]
    to: String,
}

/// Puts somebody into the queue.
#[utoipa::path(tag = "work", request_body(content = CallbackForm, description = "Whom to call, and when"),
    responses((status = 201, description = "The entry", body = CallbackBody)))]
#[post("/v1/callbacks")]
pub(crate) async fn plan_callback(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let object = read_object(&request, payload, Expects::Json).await?;
    let once = repeatable.with(serde_json::to_vec(&object).unwrap_or_default());
    let mut body = Members::of(object);
    let phone = body.needed("phone", |body, name| body.words(name, PhoneNumber::parse));
    let reason = body.needed("reason", |body, name| {
        body.words(name, |text| Description::parse(text, REASON_MAX_CHARS))
    });
    let ticket = body.text("ticket", 64);
    let now = desk.now();
    let wished = body.needed("wished", |body, name| {
        body.object(name, |wished| {
            let from = wished.needed("from", Members::moment);
            let to = wished.needed("to", Members::moment);
            let (from, to) = from.zip(to)?;
            if to <= from || to <= now {
                wished.refuse("to", ends_too_early());
            }
            Some((from, to))
        })
    });
    let sms_allowed = body.needed_flag("sms_allowed");
    let lang = body.code("language", Lang::from_code);
    let errors = body.finish();
    let (Some(phone), Some(reason), Some(Some(wished)), true) =
        (phone, reason, wished, errors.is_empty())
    else {
        return Err(Problem::fields(errors));
    };
    let new = NewCallback {
        phone,
        reason: reason.into_string(),
        ticket,
        wished,
        sms_allowed,
        lang: lang.unwrap_or(Lang::It),
    };
    let answer = block(move || desk.plan_callback(&operator.0, new, &once)).await?;
    let mut response = HttpResponse::Created();
    response.insert_header(("location", format!("/v1/callbacks/{}", answer.value.id)));
    response.insert_header(etag(answer.value.version));
    Ok(replay_header(&mut response, answer.replayed).json(CallbackBody::from(answer.value)))
}

/// Shows who is to be called back.
#[utoipa::path(tag = "work", params(("callback" = Uuid, Path, description = "The entry's id")),
    responses((status = 200, description = "The entry", body = CallbackBody)))]
#[get("/v1/callbacks/{callback}")]
pub(crate) async fn show_callback(
    request: HttpRequest,
    operator: Operator,
    callback: web::Path<Uuid>,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let id = CallbackId::new(callback.into_inner());
    let callback = block(move || desk.show_callback(&operator.0, id)).await?;
    let version = callback.version;
    tagged(&request, Some(version), &CallbackBody::from(callback))
}

/// An attempt that was made just now.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct AttemptForm {
    outcome: OutcomeCode,
    /// For the desk alone.
    #[schema(min_length = 1, max_length = 500)]
    note: Option<String>,
}

/// Records an attempt to reach somebody.
///
/// At most three, each on another half-day. After the third in vain the entry is `unreachable`, and a
/// text message goes out if one is allowed and no attempt found the number to be somebody else's.
#[utoipa::path(tag = "work", params(("callback" = Uuid, Path, description = "The entry's id")),
    request_body(content = AttemptForm, description = "How it ended"),
    responses((status = 201, description = "The entry", body = CallbackBody)))]
#[post("/v1/callbacks/{callback}/attempts")]
pub(crate) async fn attempt_callback(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    callback: web::Path<Uuid>,
    seen: Seen,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let object = read_object(&request, payload, Expects::Json).await?;
    let once = repeatable.with(serde_json::to_vec(&object).unwrap_or_default());
    let mut body = Members::of(object);
    let outcome = body.needed("outcome", |body, name| {
        body.code(name, AttemptOutcome::from_code)
    });
    let note = body.words("note", |text| Description::parse(text, NOTE_MAX_CHARS));
    let errors = body.finish();
    let (Some(outcome), true) = (outcome, errors.is_empty()) else {
        return Err(Problem::fields(errors));
    };
    let id = CallbackId::new(callback.into_inner());
    let note = note.map(Description::into_string);
    let answer =
        block(move || desk.attempt_callback(&operator.0, id, seen.0, outcome, note, &once)).await?;
    let mut response = HttpResponse::Created();
    response.insert_header(etag(answer.value.version));
    Ok(replay_header(&mut response, answer.replayed).json(CallbackBody::from(answer.value)))
}

/// Takes somebody off the queue.
///
/// Who needs not be called any more. Nothing needs to be said in the body.
#[utoipa::path(tag = "work", params(("callback" = Uuid, Path, description = "The entry's id")),
    responses((status = 201, description = "The entry", body = CallbackBody)))]
#[post("/v1/callbacks/{callback}/cancellations")]
pub(crate) async fn cancel_callback(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    callback: web::Path<Uuid>,
    seen: Seen,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    if !media_type(&request).is_empty() {
        let members = read_object(&request, payload, Expects::Json).await?;
        let errors = Members::of(members).finish();
        if !errors.is_empty() {
            return Err(Problem::fields(errors));
        }
    }
    let once = repeatable.with(Vec::new());
    let id = CallbackId::new(callback.into_inner());
    let answer = block(move || desk.cancel_callback(&operator.0, id, seen.0, &once)).await?;
    let mut response = HttpResponse::Created();
    response.insert_header(etag(answer.value.version));
    Ok(replay_header(&mut response, answer.replayed).json(CallbackBody::from(answer.value)))
}
