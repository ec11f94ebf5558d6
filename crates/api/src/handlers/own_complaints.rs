//! A citizen's own complaints.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use domain::email::EmailAddress;
use domain::ids::ComplaintId;
use domain::invalid::Lang;
use domain::text::Description;
use serde::Serialize;
use service::Desk;
use service::complaints::{OwnComplaint, OwnForm};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::codes::{ComplaintState as StateCode, DispatchKind};
use super::complaint_body::{TEXT_MAX_CHARS, line};
use super::complaints::in_the_future;
use super::contacts::NamedTicketBody;
use super::email_proofs::replay_header;
use super::screen_body::label;
use super::{CodeLabel, Links, links};
use crate::body::{Expects, read_object};
use crate::conditions::{Repeatable, tagged};
use crate::language::Language;
use crate::members::Members;
use crate::principal::{Complainant, Requester};
use crate::problem::Problem;
use crate::query::{PAGE, cut_page, page_size, read_query, refuse_query};
use crate::routes::Routes;
use crate::{block, cursor};

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(list_own_complaints)
        .service(file_complaint)
        .service(show_own_complaint);
}

/// A complaint as its complainant sees it.
#[derive(Serialize, ToSchema)]
pub(crate) struct OwnComplaintBody {
    id: Uuid,
    #[schema(max_length = 32, pattern = "^R-[0-9]{4}-[0-9]{6,12}-[A-Y]$")]
    number: String,
    /// Never says how the office works inside.
    #[schema(value_type = StateCode)]
    state: &'static str,
    #[schema(max_length = 64)]
    state_label: String,
    /// Which office answers.
    responsible_office: CodeLabel,
    #[schema(required)]
    service: Option<CodeLabel>,
    #[schema(max_length = 200)]
    subject: String,
    #[schema(max_length = 4000)]
    text: String,
    /// The requests it is about; empty in a list.
    #[schema(max_items = 100)]
    tickets: Vec<NamedTicketBody>,
    #[schema(format = DateTime)]
    received_at: String,
    /// Until when the office is to answer.
    #[schema(format = DateTime)]
    due_at: String,
    /// Whether the office took more time.
    extended: bool,
    /// Whether the term is over, and nothing was answered.
    overdue: bool,
    #[schema(required, format = DateTime)]
    answered_at: Option<String>,
    /// What was sent to me, oldest first; empty in a list.
    #[schema(max_items = 100)]
    letters: Vec<LetterBody>,
}

/// What was sent.
#[derive(Serialize, ToSchema)]
struct LetterBody {
    #[schema(value_type = DispatchKind)]
    kind: &'static str,
    #[schema(format = DateTime)]
    sent_at: String,
    #[schema(max_length = 100000)]
    text: String,
}

impl OwnComplaintBody {
    pub(crate) fn new(one: OwnComplaint, lang: Lang) -> Self {
        OwnComplaintBody {
            id: one.id.uuid(),
            number: one.number,
            state: one.state.as_str(),
            state_label: one.state.label().to(lang).to_owned(),
            responsible_office: label(one.office, lang),
            service: one.service.map(|service| label(service, lang)),
            subject: one.subject,
            text: one.text,
            tickets: one.tickets.into_iter().map(NamedTicketBody::from).collect(),
            received_at: one.received_at.to_string(),
            due_at: one.due_at.to_string(),
            extended: one.was_extended,
            overdue: one.is_overdue,
            answered_at: one.answered_at.map(|at| at.to_string()),
            letters: one
                .dispatches
                .into_iter()
                .map(|sent| LetterBody {
                    kind: sent.kind.as_str(),
                    sent_at: sent.at.to_string(),
                    text: sent.text,
                })
                .collect(),
        }
    }
}

/// A page of one's own complaints.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters; they are read by name")]
pub(crate) struct OwnComplaintQuery {
    /// Complaints in a page: 1 to 100, 50 if absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before.
    #[param(max_length = 256, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
}

/// A page of one's own complaints, the newest first.
#[derive(Serialize, ToSchema)]
struct OwnComplaintPage {
    #[schema(max_items = 100)]
    items: Vec<OwnComplaintBody>,
    /// Null on the last page.
    #[schema(required, max_length = 256)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// The one order of the list.
const ORDER: &str = "-created_at";

/// Lists my complaints.
///
/// Newest first. A tracking token lists those about its request.
#[utoipa::path(tag = "complaints", params(OwnComplaintQuery),
    responses((status = 200, description = "A page of complaints", body = OwnComplaintPage)))]
#[get("/v1/me/complaints")]
pub(crate) async fn list_own_complaints(
    request: HttpRequest,
    requester: Requester,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let mut query = read_query(&request, &PAGE)?;
    let limit = page_size(&mut query);
    let after = query.code("cursor", |text| cursor::read_at(ORDER, text));
    let after = after.map(|(at, id)| (at, ComplaintId::new(id)));
    refuse_query(&query.finish())?;
    let page = limit.saturating_add(1);
    let found = block(move || {
        let scope = desk.scope_of(&requester.0);
        desk.list_own_complaints(&scope, after, page)
    })
    .await?;
    let (found, next_cursor) = cut_page(found, limit, |last| {
        cursor::write_at(ORDER, last.created_at, last.id.uuid())
    });
    let items = found.into_iter();
    Ok(HttpResponse::Ok().json(OwnComplaintPage {
        links: links(&request, next_cursor.as_deref()),
        items: items
            .map(|one| OwnComplaintBody::new(one, lang.0))
            .collect(),
        next_cursor,
    }))
}

/// A complaint of one's own.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct OwnComplaintForm {
    /// The authority it is about; needed where no request is named.
    #[schema(max_length = 64)]
    authority_code: Option<String>,
    #[schema(max_length = 64)]
    service_code: Option<String>,
    #[schema(min_length = 1, max_length = 200)]
    subject: String,
    #[schema(min_length = 1, max_length = 4000)]
    text: String,
    /// When what it is about happened.
    #[schema(format = DateTime)]
    happened_at: Option<String>,
    /// Ids or numbers of my requests that it is about.
    #[schema(max_items = 20, max_length = 64)]
    tickets: Option<Vec<String>>,
    /// Where to send the reply. Only the address of the identity, or of the request a tracking token
    /// was made for, is taken: others were not proved.
    #[schema(format = "email", max_length = 254)]
    email: Option<String>,
}

/// Files a complaint.
///
/// It gets a number of the register, and tells which office answers and until when. With a tracking
/// token it is about the request the token was made for. Replies are sent to the address that was
/// proved; where there is none, they are shown here alone.
#[utoipa::path(tag = "complaints", request_body(content = OwnComplaintForm, description = "The complaint"),
    responses((status = 201, description = "The complaint", body = OwnComplaintBody)))]
#[post("/v1/me/complaints")]
pub(crate) async fn file_complaint(
    request: HttpRequest,
    payload: web::Payload,
    requester: Requester,
    complainant: Complainant,
    desk: web::Data<Desk>,
    lang: Language,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let object = read_object(&request, payload, Expects::Json).await?;
    let once = repeatable.with(serde_json::to_vec(&object).unwrap_or_default());
    let mut body = Members::of(object);
    let authority = body.text("authority_code", 64);
    let service = body.text("service_code", 64);
    let subject = body.needed("subject", line);
    let text = body.needed("text", |body, name| {
        body.words(name, |text| Description::parse(text, TEXT_MAX_CHARS))
    });
    let happened_at = body.moment("happened_at");
    if happened_at.is_some_and(|moment| moment > desk.now()) {
        body.refuse("happened_at", in_the_future());
    }
    let tickets = body.list("tickets", 20, |text| Some(text.to_owned()));
    let email = body.words("email", EmailAddress::parse);
    let errors = body.finish();
    let (Some(subject), Some(text), true) = (subject, text, errors.is_empty()) else {
        return Err(Problem::fields(errors));
    };
    let form = OwnForm {
        authority,
        service,
        subject,
        text: text.into_string(),
        happened_at,
        tickets: tickets.unwrap_or_default(),
        email,
        lang: lang.0,
    };
    let answer = block(move || {
        let scope = desk.scope_of(&requester.0);
        desk.file_complaint(&scope, complainant.0, form, &once)
    })
    .await?;
    let mut response = HttpResponse::Created();
    response.insert_header(("location", format!("/v1/me/complaints/{}", answer.value.id)));
    let body = OwnComplaintBody::new(answer.value, lang.0);
    Ok(replay_header(&mut response, answer.replayed).json(body))
}

/// Shows one of my complaints.
///
/// With what was sent to me about it.
#[utoipa::path(tag = "complaints", params(("complaint" = Uuid, Path, description = "The complaint's id")),
    responses((status = 200, description = "The complaint", body = OwnComplaintBody)))]
#[get("/v1/me/complaints/{complaint}")]
pub(crate) async fn show_own_complaint(
    request: HttpRequest,
    requester: Requester,
    complaint: web::Path<Uuid>,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let id = ComplaintId::new(complaint.into_inner());
    let one = block(move || {
        let scope = desk.scope_of(&requester.0);
        desk.show_own_complaint(&scope, id)
    })
    .await?;
    // Tagged by what it says: the version would tell of the desk's own steps.
    tagged(&request, None, &OwnComplaintBody::new(one, lang.0))
}
