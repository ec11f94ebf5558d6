//! The register of complaints, for those who prepare, decide and read.

use actix_web::{HttpRequest, HttpResponse, get, patch, post, web};
use domain::complaint::{ComplainantKind, ComplaintChannel, ComplaintState};
use domain::contact::Direction;
use domain::email::EmailAddress;
use domain::ids::ComplaintId;
use domain::invalid::{Invalid, Lang};
use domain::text::{Description, NoteBody};
use serde::Serialize;
use service::Desk;
use service::complaints::{
    ComplainantForm, ComplaintFilter, ComplaintItem, ComplaintView, Description as Described,
    NewComplaint, PlainStep,
};
use service::once::Answer;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::codes::{
    ComplainantKind as KindCode, ComplaintChannel as ChannelCode, ComplaintState as StateCode,
    ContactDirection as DirectionCode, LanguageCode, PlainStep as StepCode,
};
use super::complaint_body::{
    ComplaintBody, ProtocolForm, ReplyBody, TEXT_MAX_CHARS, line, outbound, protocol, reply,
};
use super::email_proofs::replay_header;
use super::{Links, links};
use crate::body::{Expects, media_type, read_object};
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
        .service(list_complaints)
        .service(enter_complaint)
        .service(show_complaint)
        .service(describe_complaint)
        .service(step_complaint)
        .service(register_protocol)
        .service(preview_reply)
        .service(draft_reply)
        .service(send_reply)
        .service(extend_complaint);
}

/// A complaint in the register.
#[derive(Serialize, ToSchema)]
struct ComplaintItemBody {
    id: Uuid,
    #[schema(max_length = 32, pattern = "^R-[0-9]{4}-[0-9]{6,12}-[A-Y]$")]
    number: String,
    /// The desk that answers.
    #[schema(max_length = 64)]
    authority_code: String,
    #[schema(value_type = StateCode)]
    state: &'static str,
    #[schema(max_length = 64)]
    state_label: String,
    #[schema(value_type = ChannelCode)]
    channel: String,
    #[schema(max_length = 200)]
    subject: String,
    #[schema(required, max_length = 64)]
    classification: Option<String>,
    #[schema(format = DateTime)]
    received_at: String,
    #[schema(format = DateTime)]
    due_at: String,
    late_filed: bool,
    overdue: bool,
}

impl ComplaintItemBody {
    fn new(item: ComplaintItem, lang: Lang) -> Self {
        ComplaintItemBody {
            id: item.id.uuid(),
            number: item.number,
            authority_code: item.desk,
            state: item.state.as_str(),
            state_label: item.state.label().to(lang).to_owned(),
            channel: item.channel,
            subject: item.subject,
            classification: item.classification,
            received_at: item.received_at.to_string(),
            due_at: item.due_at.to_string(),
            late_filed: item.late_filed,
            overdue: item.is_overdue,
        }
    }
}

/// Which complaints to list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters; they are read by name")]
pub(crate) struct ComplaintQuery {
    /// Those in this state alone.
    #[param(inline)]
    state: Option<StateCode>,
    /// Those of this desk alone.
    #[param(max_length = 64, pattern = "^[A-Za-z0-9]+$")]
    authority_code: Option<String>,
    /// Those of this classification alone.
    #[param(max_length = 64, pattern = "^[a-z0-9-]+$")]
    classification: Option<String>,
    /// Those alone whose term is over, and nothing sent.
    overdue: Option<bool>,
    /// Complaints in a page: 1 to 100, 50 if absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// Where to go on.
    #[param(max_length = 256, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
}

/// A page of the register, those due first.
#[derive(Serialize, ToSchema)]
struct ComplaintPage {
    #[schema(max_items = 100)]
    items: Vec<ComplaintItemBody>,
    /// Null on the last page.
    #[schema(required, max_length = 256)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// The one order of the list.
const ORDER: &str = "due_at";

/// Lists the register of complaints.
///
/// The complaints of the caller's desk, those due first; the region and auditors see all.
#[utoipa::path(tag = "complaints", params(ComplaintQuery),
    responses((status = 200, description = "A page of the register", body = ComplaintPage)))]
#[get("/v1/complaints")]
pub(crate) async fn list_complaints(
    request: HttpRequest,
    operator: Operator,
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
    let filter = ComplaintFilter {
        state: query.code("state", ComplaintState::from_code),
        desk: query
            .text("authority_code", 64)
            .map(|code| code.as_str().into()),
        classification: query.text("classification", 64),
        overdue: query.flag("overdue").unwrap_or(false),
    };
    let after = query.code("cursor", |text| cursor::read_at(ORDER, text));
    let after = after.map(|(at, id)| (at, ComplaintId::new(id)));
    refuse_query(&query.finish())?;
    let page = limit.saturating_add(1);
    let found = block(move || desk.list_complaints(&operator.0, filter, after, page)).await?;
    let (found, next_cursor) = cut_page(found, limit, |last| {
        cursor::write_at(ORDER, last.due_at, last.id.uuid())
    });
    let items = found.into_iter();
    Ok(HttpResponse::Ok().json(ComplaintPage {
        links: links(&request, next_cursor.as_deref()),
        items: items
            .map(|one| ComplaintItemBody::new(one, lang.0))
            .collect(),
        next_cursor,
    }))
}

/// A complaint that reached the desk.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct ComplaintForm {
    /// The desk that answers; the caller's own if left out.
    #[schema(max_length = 64)]
    authority_code: Option<String>,
    channel: ChannelCode,
    complainant: ComplainantFormBody,
    #[schema(max_length = 64)]
    service_code: Option<String>,
    #[schema(min_length = 1, max_length = 200)]
    subject: String,
    #[schema(min_length = 1, max_length = 4000)]
    text: String,
    /// When it came in; now if left out, and never later.
    #[schema(format = DateTime)]
    received_at: Option<String>,
    /// When what it is about happened.
    #[schema(format = DateTime)]
    happened_at: Option<String>,
    /// Ids or numbers of the requests it is about.
    #[schema(max_items = 20, max_length = 64)]
    tickets: Option<Vec<String>>,
    /// Where the protocol registered it.
    protocol: Option<ProtocolForm>,
}

/// Who complains, and how they are reached.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct ComplainantFormBody {
    kind: KindCode,
    #[schema(min_length = 1, max_length = 200)]
    label: String,
    #[schema(format = "email", max_length = 254)]
    email: Option<String>,
    #[schema(max_length = 200)]
    postal_address: Option<String>,
    /// The language they are written to in; `it` if left out.
    language: Option<LanguageCode>,
}

/// Enters a complaint.
///
/// One that came by letter, on the telephone, by certified mail or from an association. It gets a
/// number of the register, and whoever complains is told by mail, where there is an address, which
/// office answers and by when.
#[utoipa::path(tag = "complaints", request_body(content = ComplaintForm, description = "The complaint"),
    responses((status = 201, description = "The complaint", body = ComplaintBody)))]
#[post("/v1/complaints")]
pub(crate) async fn enter_complaint(
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
    let at = body.text("authority_code", 64);
    let channel = body.needed("channel", |body, name| {
        body.code(name, ComplaintChannel::from_code)
    });
    let complainant = body.needed("complainant", |body, name| body.object(name, complainant));
    let service = body.text("service_code", 64);
    let subject = body.needed("subject", line);
    let text = body.needed("text", |body, name| {
        body.words(name, |text| Description::parse(text, TEXT_MAX_CHARS))
    });
    let received_at = body.moment("received_at");
    let happened_at = body.moment("happened_at");
    for (name, moment) in [("received_at", received_at), ("happened_at", happened_at)] {
        if moment.is_some_and(|moment| moment > now) {
            body.refuse(name, in_the_future());
        }
    }
    let tickets = body.list("tickets", 20, |text| Some(text.to_owned()));
    let protocol = body.object("protocol", |inner| protocol(inner, Direction::Inbound));
    let errors = body.finish();
    let (Some(channel), Some(Some(complainant)), Some(subject), Some(text), true) =
        (channel, complainant, subject, text, errors.is_empty())
    else {
        return Err(Problem::fields(errors));
    };
    let new = NewComplaint {
        desk: at,
        channel,
        complainant,
        service,
        subject,
        text: text.into_string(),
        received_at,
        happened_at,
        tickets: tickets.unwrap_or_default(),
        protocol: protocol.flatten(),
    };
    let answer = block(move || desk.enter_complaint(&operator.0, new, &once)).await?;
    let location = format!("/v1/complaints/{}", answer.value.id);
    Ok(stepped(answer, lang, Some(location)))
}

fn complainant(body: &mut Members) -> Option<ComplainantForm> {
    let kind = body.needed("kind", |body, name| {
        body.code(name, ComplainantKind::from_code)
    });
    let label = body.needed("label", line);
    let email = body.words("email", EmailAddress::parse);
    let postal_address = body.words("postal_address", |text| {
        Description::parse(text, super::complaint_body::LINE_MAX_CHARS)
    });
    let lang = body.code("language", Lang::from_code);
    Some(ComplainantForm {
        kind: kind?,
        label: label?,
        email,
        postal_address: postal_address.map(Description::into_string),
        lang: lang.unwrap_or(Lang::It),
    })
}

/// Shows a complaint.
#[utoipa::path(tag = "complaints", params(("complaint" = Uuid, Path, description = "The complaint's id")),
    responses((status = 200, description = "The complaint", body = ComplaintBody)))]
#[get("/v1/complaints/{complaint}")]
pub(crate) async fn show_complaint(
    request: HttpRequest,
    operator: Operator,
    complaint: web::Path<Uuid>,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let id = ComplaintId::new(complaint.into_inner());
    let view = block(move || desk.show_complaint(&operator.0, id)).await?;
    let version = view.version;
    tagged(&request, Some(version), &ComplaintBody::new(view, lang.0))
}

/// What a complaint turned out to be about.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct ComplaintPatch {
    /// A code of the list; null clears it.
    #[schema(max_length = 64)]
    classification: Option<String>,
    /// Null clears it.
    #[schema(max_length = 64)]
    service_code: Option<String>,
    /// Ids or numbers of requests to link; those that are linked stay.
    #[schema(max_items = 20, max_length = 64)]
    tickets: Option<Vec<String>>,
}

/// Classifies a complaint, and links requests to it.
///
/// A merge-patch (RFC 7396).
#[utoipa::path(tag = "complaints", params(("complaint" = Uuid, Path, description = "The complaint's id")),
    request_body(content = ComplaintPatch, content_type = "application/merge-patch+json", description = "What to change"),
    responses((status = 200, description = "The complaint", body = ComplaintBody)))]
#[patch("/v1/complaints/{complaint}")]
pub(crate) async fn describe_complaint(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    complaint: web::Path<Uuid>,
    seen: Seen,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let mut body = Members::of(read_object(&request, payload, Expects::MergePatch).await?);
    let wish = Described {
        classification: body.change("classification", |body, name| body.text(name, 64)),
        service: body.change("service_code", |body, name| body.text(name, 64)),
        tickets: body
            .list("tickets", 20, |text| Some(text.to_owned()))
            .unwrap_or_default(),
    };
    let errors = body.finish();
    let id = ComplaintId::new(complaint.into_inner());
    let view = block(move || {
        // Out of reach is told before what is wrong with the patch.
        desk.show_complaint(&operator.0, id)?;
        match errors.is_empty() {
            true => desk.describe_complaint(&operator.0, id, seen.0, wish),
            false => Err(service::DeskError::Invalid(errors)),
        }
    })
    .await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(view.version))
        .json(ComplaintBody::new(view, lang.0)))
}

/// A step that sends nothing.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct StepForm {
    step: StepCode,
    /// For the desk alone; needed for `note`, `return-reply`, `reexamine` and `archive`.
    #[schema(min_length = 1, max_length = 5000)]
    note: Option<String>,
}

/// Takes a step with a complaint that sends nothing.
///
/// Operators prepare; supervisors and administrators give a reply back, have it looked at again, or put
/// it away. The complainant reads nothing of the note.
#[utoipa::path(tag = "complaints", params(("complaint" = Uuid, Path, description = "The complaint's id")),
    request_body(content = StepForm, description = "Which step"),
    responses((status = 201, description = "The complaint", body = ComplaintBody)))]
#[post("/v1/complaints/{complaint}/steps")]
#[expect(
    clippy::too_many_arguments,
    reason = "typed inputs: each is one header, part of the path, or the body"
)]
pub(crate) async fn step_complaint(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    complaint: web::Path<Uuid>,
    seen: Seen,
    desk: web::Data<Desk>,
    lang: Language,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let object = read_object(&request, payload, Expects::Json).await?;
    let once = repeatable.with(serde_json::to_vec(&object).unwrap_or_default());
    let mut body = Members::of(object);
    let step = body.needed("step", |body, name| body.code(name, PlainStep::from_code));
    let note = match step.is_some_and(PlainStep::needs_note) {
        true => body.needed("note", |body, name| body.words(name, NoteBody::parse)),
        false => body.words("note", NoteBody::parse),
    };
    let errors = body.finish();
    let (Some(step), true) = (step, errors.is_empty()) else {
        return Err(Problem::fields(errors));
    };
    let id = ComplaintId::new(complaint.into_inner());
    let answer =
        block(move || desk.step_complaint(&operator.0, id, seen.0, (step, note), &once)).await?;
    Ok(stepped(answer, lang, None))
}

/// Where the protocol registered a complaint or its reply.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct RegisteredForm {
    direction: DirectionCode,
    #[schema(min_length = 1, max_length = 64)]
    number: String,
    #[schema(format = Date, max_length = 10)]
    registered_on: String,
    #[schema(min_length = 1, max_length = 200)]
    office: String,
}

/// Keeps where the protocol registered a complaint or its reply.
///
/// Whenever the number is known; it never changes again.
#[utoipa::path(tag = "complaints", params(("complaint" = Uuid, Path, description = "The complaint's id")),
    request_body(content = RegisteredForm, description = "Where it was registered"),
    responses((status = 201, description = "The complaint", body = ComplaintBody)))]
#[post("/v1/complaints/{complaint}/protocols")]
pub(crate) async fn register_protocol(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    complaint: web::Path<Uuid>,
    desk: web::Data<Desk>,
    lang: Language,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let object = read_object(&request, payload, Expects::Json).await?;
    let once = repeatable.with(serde_json::to_vec(&object).unwrap_or_default());
    let mut body = Members::of(object);
    let direction = body.needed("direction", |body, name| {
        body.code(name, Direction::from_code)
    });
    let protocol = protocol(&mut body, direction.unwrap_or(Direction::Inbound));
    let errors = body.finish();
    let id = ComplaintId::new(complaint.into_inner());
    let answer = block(move || {
        // Out of reach is told before what is wrong with the body.
        desk.show_complaint(&operator.0, id)?;
        match protocol {
            Some(protocol) if errors.is_empty() => {
                desk.register_protocol(&operator.0, id, protocol, &once)
            }
            _ => Err(service::DeskError::Invalid(errors)),
        }
    })
    .await?;
    Ok(stepped(answer, lang, None))
}

/// A reply as it would be.
#[derive(Serialize, ToSchema)]
struct ReplyPreview {
    #[schema(max_length = 100000)]
    text: String,
}

/// Previews a reply.
///
/// By a scheme that is approved, or by a draft of the desk; nothing is written and nothing sent.
#[utoipa::path(tag = "complaints", params(("complaint" = Uuid, Path, description = "The complaint's id")),
    request_body(content = ReplyBody, description = "The scheme and its values"),
    responses((status = 200, description = "The reply as it would be", body = ReplyPreview)))]
#[post("/v1/complaints/{complaint}/reply-previews")]
pub(crate) async fn preview_reply(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    complaint: web::Path<Uuid>,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let form = reply(Members::of(
        read_object(&request, payload, Expects::Json).await?,
    ));
    let id = ComplaintId::new(complaint.into_inner());
    let text = block(move || {
        desk.show_complaint(&operator.0, id)?;
        let form = form.map_err(service::DeskError::Invalid)?;
        desk.preview_reply(&operator.0, id, &form)
    })
    .await?;
    Ok(HttpResponse::Ok().json(ReplyPreview { text }))
}

/// Prepares the reply to a complaint.
///
/// By an approved scheme; a supervisor or administrator decides whether it is sent.
#[utoipa::path(tag = "complaints", params(("complaint" = Uuid, Path, description = "The complaint's id")),
    request_body(content = ReplyBody, description = "The scheme and its values"),
    responses((status = 201, description = "The complaint", body = ComplaintBody)))]
#[post("/v1/complaints/{complaint}/reply-drafts")]
#[expect(
    clippy::too_many_arguments,
    reason = "typed inputs: each is one header, part of the path, or the body"
)]
pub(crate) async fn draft_reply(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    complaint: web::Path<Uuid>,
    seen: Seen,
    desk: web::Data<Desk>,
    lang: Language,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let object = read_object(&request, payload, Expects::Json).await?;
    let once = repeatable.with(serde_json::to_vec(&object).unwrap_or_default());
    let form = reply(Members::of(object)).map_err(Problem::fields)?;
    let id = ComplaintId::new(complaint.into_inner());
    let answer = block(move || desk.draft_reply(&operator.0, id, seen.0, form, &once)).await?;
    Ok(stepped(answer, lang, None))
}

/// Where the protocol registered the reply, if it did.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct SendingForm {
    /// Needed where the reply goes out on paper.
    protocol: Option<ProtocolForm>,
}

/// Approves the prepared reply and sends it.
///
/// By mail where there is an address, on the complainant's own page where they have one, else on paper
/// under the protocol number that is given. What was sent is kept as it was sent.
#[utoipa::path(tag = "complaints", params(("complaint" = Uuid, Path, description = "The complaint's id")),
    request_body(content = SendingForm, description = "Where it was registered; may be left out"),
    responses((status = 201, description = "The complaint", body = ComplaintBody)))]
#[post("/v1/complaints/{complaint}/replies")]
#[expect(
    clippy::too_many_arguments,
    reason = "typed inputs: each is one header, part of the path, or the body"
)]
pub(crate) async fn send_reply(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    complaint: web::Path<Uuid>,
    seen: Seen,
    desk: web::Data<Desk>,
    lang: Language,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let object = match media_type(&request).is_empty() {
        true => serde_json::Map::new(),
        false => read_object(&request, payload, Expects::Json).await?,
    };
    let once = repeatable.with(serde_json::to_vec(&object).unwrap_or_default());
    let mut body = Members::of(object);
    let protocol = outbound(&mut body);
    let errors = body.finish();
    if !errors.is_empty() {
        return Err(Problem::fields(errors));
    }
    let id = ComplaintId::new(complaint.into_inner());
    let answer = block(move || desk.send_reply(&operator.0, id, seen.0, protocol, &once)).await?;
    Ok(stepped(answer, lang, None))
}

/// Why a reply takes longer.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct ExtensionForm {
    /// The complainant reads it.
    #[schema(min_length = 1, max_length = 5000)]
    reason: String,
    /// Needed where the notice goes out on paper.
    protocol: Option<ProtocolForm>,
}

/// Takes more time for the reply.
///
/// Once; the complainant is told why, and by when they hear now.
#[utoipa::path(tag = "complaints", params(("complaint" = Uuid, Path, description = "The complaint's id")),
    request_body(content = ExtensionForm, description = "Why"),
    responses((status = 201, description = "The complaint", body = ComplaintBody)))]
#[post("/v1/complaints/{complaint}/extensions")]
#[expect(
    clippy::too_many_arguments,
    reason = "typed inputs: each is one header, part of the path, or the body"
)]
pub(crate) async fn extend_complaint(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    complaint: web::Path<Uuid>,
    seen: Seen,
    desk: web::Data<Desk>,
    lang: Language,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let object = read_object(&request, payload, Expects::Json).await?;
    let once = repeatable.with(serde_json::to_vec(&object).unwrap_or_default());
    let mut body = Members::of(object);
    let reason = body.needed("reason", |body, name| body.words(name, NoteBody::parse));
    let protocol = outbound(&mut body);
    let errors = body.finish();
    let (Some(reason), true) = (reason, errors.is_empty()) else {
        return Err(Problem::fields(errors));
    };
    let id = ComplaintId::new(complaint.into_inner());
    let answer =
        block(move || desk.extend_complaint(&operator.0, id, seen.0, (reason, protocol), &once))
            .await?;
    Ok(stepped(answer, lang, None))
}

fn stepped(
    answer: Answer<ComplaintView>,
    lang: Language,
    location: Option<String>,
) -> HttpResponse {
    let mut response = HttpResponse::Created();
    if let Some(location) = location {
        response.insert_header(("location", location));
    }
    response.insert_header(etag(answer.value.version));
    let body = ComplaintBody::new(answer.value, lang.0);
    replay_header(&mut response, answer.replayed).json(body)
}

pub(crate) const fn in_the_future() -> Invalid {
    Invalid::new(
        "out-of-range",
        "Non può essere nel futuro",
        "it cannot lie in the future",
    )
}
