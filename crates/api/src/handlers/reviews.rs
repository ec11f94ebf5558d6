//! Reviews of decided requests: the requester asks, a supervisor who was not involved decides.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use domain::ids::ReviewId;
use domain::review::{Remedy, ReviewOutcome, ReviewState};
use domain::text::NoteBody;
use serde::Serialize;
use service::Desk;
use service::once::Answer;
use service::reviews::{Decision, ReviewScreen, ReviewView};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::codes::{
    Remedy as RemedyCode, ReviewOutcome as OutcomeCode, ReviewState as StateCode, TicketRef,
};
use super::contacts::NamedTicketBody;
use super::email_proofs::replay_header;
use super::own_body::OwnReviewBody;
use super::{Links, links, ticket_ref};
use crate::body::{Expects, media_type, read_object};
use crate::conditions::{Repeatable, Seen, etag, tagged};
use crate::language::Language;
use crate::members::Members;
use crate::principal::{Operator, Requester};
use crate::problem::Problem;
use crate::query::{Shape, cut_page, page_size, read_query, refuse_query};
use crate::routes::Routes;
use crate::{block, cursor};

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(request_review)
        .service(list_reviews)
        .service(show_review)
        .service(take_review)
        .service(decide_review);
}

/// What a requester holds against a decision.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct ReviewForm {
    #[schema(min_length = 1, max_length = 5000)]
    reason: String,
}

/// Asks for a review of one of my requests.
///
/// Of what was decided, within the term that `can_request_review_until` of the request tells, and once.
/// Somebody decides who did not work on it; the request tells the responsible office, until when it
/// is to decide, and in the end why it decided so.
#[utoipa::path(tag = "citizen", params(("ticket" = inline(TicketRef), Path, description = "The ticket's id or number")),
    request_body(content = ReviewForm, description = "What is held against the decision"),
    responses((status = 201, description = "Asked for. `Location` is the request, which shows the review", body = OwnReviewBody)))]
#[post("/v1/me/tickets/{ticket}/reviews")]
pub(crate) async fn request_review(
    request: HttpRequest,
    payload: web::Payload,
    requester: Requester,
    ticket: web::Path<String>,
    desk: web::Data<Desk>,
    lang: Language,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let wanted = ticket_ref(&ticket)?;
    let object = read_object(&request, payload, Expects::Json).await?;
    let once = repeatable.with(serde_json::to_vec(&object).unwrap_or_default());
    let mut body = Members::of(object);
    let reason = body.needed("reason", |body, name| body.words(name, NoteBody::parse));
    let errors = body.finish();
    let answer = block(move || {
        let scope = desk.scope_of(&requester.0);
        // Out of reach is told before anything else; a kept answer, too, is for those who reach it now.
        desk.must_reach(&scope, &wanted)?;
        match reason {
            Some(reason) if errors.is_empty() => desk.request_review(&scope, wanted, reason, &once),
            _ => Err(service::DeskError::Invalid(errors)),
        }
    })
    .await?;
    let mut response = HttpResponse::Created();
    response.insert_header(("location", format!("/v1/me/tickets/{}", ticket.as_str())));
    Ok(
        replay_header(&mut response, answer.replayed)
            .json(OwnReviewBody::new(answer.value, lang.0)),
    )
}

/// A review in the desk's queue.
#[derive(Serialize, ToSchema)]
struct ReviewBody {
    id: Uuid,
    ticket: NamedTicketBody,
    /// The desk that decides: the one that had the request.
    #[schema(max_length = 64)]
    authority_code: String,
    #[schema(value_type = StateCode)]
    state: &'static str,
    #[schema(max_length = 64)]
    state_label: String,
    #[schema(format = DateTime)]
    requested_at: String,
    /// Until when it is to be decided.
    #[schema(format = DateTime)]
    due_at: String,
    /// Whether that time is over, and nothing decided.
    overdue: bool,
    #[schema(required, format = DateTime)]
    taken_at: Option<String>,
    #[schema(required, format = DateTime)]
    decided_at: Option<String>,
    /// What followed; null unless it was upheld.
    #[schema(required, value_type = Option<RemedyCode>)]
    remedy: Option<&'static str>,
}

impl ReviewBody {
    fn new(view: ReviewView, lang: domain::invalid::Lang) -> Self {
        ReviewBody {
            id: view.id.uuid(),
            ticket: NamedTicketBody::from(view.ticket),
            authority_code: view.desk,
            state: view.state.as_str(),
            state_label: view.state.label().to(lang).to_owned(),
            requested_at: view.requested_at.to_string(),
            due_at: view.due_at.to_string(),
            overdue: view.is_overdue,
            taken_at: view.taken.map(|(_, at)| at.to_string()),
            decided_at: view.decided.map(|(_, at)| at.to_string()),
            remedy: view.remedy.map(Remedy::as_str),
        }
    }
}

/// A review with what was written.
#[derive(Serialize, ToSchema)]
struct ReviewScreenBody {
    #[serde(flatten)]
    review: ReviewBody,
    /// What the requester holds against the decision.
    #[schema(max_length = 5000)]
    reason: String,
    /// What the requester was told.
    #[schema(required, max_length = 5000)]
    reasons: Option<String>,
    #[schema(required)]
    taken_by: Option<ReviewerBody>,
    #[schema(required)]
    decided_by: Option<ReviewerBody>,
    /// Whether the caller had a hand in the request, and so may not decide.
    involved_before: bool,
}

/// A colleague who looks at a review, or decided it.
#[derive(Serialize, ToSchema)]
struct ReviewerBody {
    id: Uuid,
    #[schema(required, max_length = 250)]
    label: Option<String>,
}

impl ReviewScreenBody {
    fn new(screen: ReviewScreen, lang: domain::invalid::Lang) -> Self {
        let (taken, decided) = screen.names;
        let person = |id: domain::ids::AccountId, label| ReviewerBody {
            id: id.uuid(),
            label,
        };
        ReviewScreenBody {
            reason: screen.reason,
            reasons: screen.reasons,
            taken_by: screen.review.taken.map(|(by, _)| person(by, taken)),
            decided_by: screen.review.decided.map(|(by, _)| person(by, decided)),
            involved_before: screen.reader_was_involved,
            review: ReviewBody::new(screen.review, lang),
        }
    }
}

/// Which reviews to list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters; they are read by name")]
pub(crate) struct ReviewQuery {
    /// Those in this state alone.
    #[param(inline)]
    state: Option<StateCode>,
    /// Those alone whose time is over, and nothing decided.
    overdue: Option<bool>,
    /// Reviews in a page: 1 to 100, 50 if absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// Where to go on.
    #[param(max_length = 256, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
}

/// A page of reviews, those due first.
#[derive(Serialize, ToSchema)]
struct ReviewPage {
    #[schema(max_items = 100)]
    items: Vec<ReviewBody>,
    /// Null on the last page.
    #[schema(required, max_length = 256)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// The one order of the list.
const ORDER: &str = "due_at";

/// Lists the reviews of the desk.
///
/// Those due first; the region sees all.
#[utoipa::path(tag = "work", params(ReviewQuery),
    responses((status = 200, description = "A page of reviews", body = ReviewPage)))]
#[get("/v1/reviews")]
pub(crate) async fn list_reviews(
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
    let state = query.code("state", ReviewState::from_code);
    let overdue = query.flag("overdue").unwrap_or(false);
    let after = query.code("cursor", |text| cursor::read_at(ORDER, text));
    let after = after.map(|(at, id)| (at, ReviewId::new(id)));
    refuse_query(&query.finish())?;
    let page = limit.saturating_add(1);
    let found = block(move || desk.list_reviews(&operator.0, state, overdue, after, page)).await?;
    let (found, next_cursor) = cut_page(found, limit, |last| {
        cursor::write_at(ORDER, last.due_at, last.id.uuid())
    });
    let items = found.into_iter();
    Ok(HttpResponse::Ok().json(ReviewPage {
        links: links(&request, next_cursor.as_deref()),
        items: items.map(|one| ReviewBody::new(one, lang.0)).collect(),
        next_cursor,
    }))
}

/// Shows a review.
#[utoipa::path(tag = "work", params(("review" = Uuid, Path, description = "The review's id")),
    responses((status = 200, description = "The review", body = ReviewScreenBody)))]
#[get("/v1/reviews/{review}")]
pub(crate) async fn show_review(
    request: HttpRequest,
    operator: Operator,
    review: web::Path<Uuid>,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let id = ReviewId::new(review.into_inner());
    let screen = block(move || desk.show_review(&operator.0, id)).await?;
    let version = screen.review.version;
    tagged(
        &request,
        Some(version),
        &ReviewScreenBody::new(screen, lang.0),
    )
}

/// Takes a review to look at.
///
/// For a supervisor who never owned the request, nor did or wrote anything on it. Nothing needs to be
/// said in the body.
#[utoipa::path(tag = "work", params(("review" = Uuid, Path, description = "The review's id")),
    responses((status = 201, description = "The review", body = ReviewScreenBody)))]
#[post("/v1/reviews/{review}/examinations")]
#[expect(
    clippy::too_many_arguments,
    reason = "typed inputs: each is one header, part of the path, or the body"
)]
pub(crate) async fn take_review(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    review: web::Path<Uuid>,
    seen: Seen,
    desk: web::Data<Desk>,
    lang: Language,
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
    let id = ReviewId::new(review.into_inner());
    let answer = block(move || desk.take_review(&operator.0, id, seen.0, &once)).await?;
    Ok(stepped(answer, lang))
}

/// A decision on a review.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct DecisionForm {
    outcome: OutcomeCode,
    /// What follows where the requester was right; `reopen` if left out.
    remedy: Option<RemedyCode>,
    /// Why; the requester reads it.
    #[schema(min_length = 1, max_length = 5000)]
    reasons: String,
}

/// Decides a review.
///
/// The requester is told the reasons as they are told of a resolution. With `upheld` the request is
/// worked on again where it was, unless `remedy` says that it was settled in another way.
#[utoipa::path(tag = "work", params(("review" = Uuid, Path, description = "The review's id")),
    request_body(content = DecisionForm, description = "How, and why"),
    responses((status = 201, description = "The review", body = ReviewScreenBody)))]
#[post("/v1/reviews/{review}/decisions")]
#[expect(
    clippy::too_many_arguments,
    reason = "typed inputs: each is one header, part of the path, or the body"
)]
pub(crate) async fn decide_review(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    review: web::Path<Uuid>,
    seen: Seen,
    desk: web::Data<Desk>,
    lang: Language,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let object = read_object(&request, payload, Expects::Json).await?;
    let once = repeatable.with(serde_json::to_vec(&object).unwrap_or_default());
    let mut body = Members::of(object);
    let outcome = body.needed("outcome", |body, name| {
        body.code(name, ReviewOutcome::from_code)
    });
    let remedy = body.code("remedy", Remedy::from_code);
    if remedy.is_some() && outcome == Some(ReviewOutcome::Rejected) {
        body.refuse("remedy", not_for_rejections());
    }
    let reasons = body.needed("reasons", |body, name| body.words(name, NoteBody::parse));
    let errors = body.finish();
    let (Some(outcome), Some(reasons), true) = (outcome, reasons, errors.is_empty()) else {
        return Err(Problem::fields(errors));
    };
    let decision = Decision {
        outcome,
        remedy,
        reasons,
    };
    let id = ReviewId::new(review.into_inner());
    let answer =
        block(move || desk.decide_review(&operator.0, id, seen.0, decision, &once)).await?;
    Ok(stepped(answer, lang))
}

fn stepped(answer: Answer<ReviewScreen>, lang: Language) -> HttpResponse {
    let mut response = HttpResponse::Created();
    response.insert_header(etag(answer.value.review.version));
    let body = ReviewScreenBody::new(answer.value, lang.0);
    replay_header(&mut response, answer.replayed).json(body)
}

const fn not_for_rejections() -> domain::invalid::Invalid {
    domain::invalid::Invalid::new(
        "not-allowed",
        "Solo una revisione accolta ha un rimedio",
        "only a review that was upheld has a remedy",
    )
}
