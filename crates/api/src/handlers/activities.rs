//! Technical activities: for the technical desk, the region, and the programs of external tools.

use actix_web::{HttpRequest, HttpResponse, get, patch, post, put, web};
use domain::activity::{ActivityState, Impact, Urgency};
use domain::ids::{ActivityId, TicketRef};
use domain::invalid::{Invalid, Lang};
use domain::text::NoteBody;
use serde::Serialize;
use service::Desk;
use service::activities::{
    ActivityFilter, ActivityPatch, ActivityScreen, ActivityView, CommentView, Report, Worker,
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::codes::{
    ActivityKind as KindCode, ActivityState as StateCode, Impact as ImpactCode, ReportOutcome,
    TicketNumber, Urgency as UrgencyCode,
};
use super::email_proofs::replay_header;
use super::feed::{ChangesPage, ChangesQuery, changes_page};
use super::screen_body::{AssigneeBody, label};
use super::{CodeLabel, Links, links};
use crate::body::{Expects, read_object};
use crate::conditions::{Repeatable, Seen, etag, tagged};
use crate::language::Language;
use crate::members::{Members, out_of_range};
use crate::principal::{ActivityWorker, Operator, Program};
use crate::problem::Problem;
use crate::query::{Shape, cut_page, page_size, read_query, refuse_query};
use crate::routes::Routes;
use crate::{block, cursor};

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(list_activities)
        .service(show_activity)
        .service(edit_activity)
        .service(comment_activity)
        .service(report_activity)
        .service(list_activity_changes)
        .service(list_technical_catalogue);
}

/// Longest id of an external tool.
const EXTERNAL_ID_MAX_CHARS: usize = 64;

/// A technical activity, with what it quotes of its request.
#[derive(Serialize, ToSchema)]
pub(crate) struct ActivityBody {
    id: Uuid,
    /// For `If-Match`.
    #[schema(minimum = 1)]
    version: i64,
    /// The request's number.
    #[schema(value_type = TicketNumber)]
    number: String,
    service: CodeLabel,
    problem_type: CodeLabel,
    /// The technical desk.
    desk: CodeLabel,
    #[schema(value_type = StateCode)]
    state: &'static str,
    #[schema(max_length = 64)]
    state_label: String,
    /// What is wrong, in a line.
    #[schema(max_length = 255)]
    summary: String,
    /// What was seen, and what is asked for.
    #[schema(max_length = 4000)]
    detail: String,
    #[schema(value_type = ImpactCode)]
    impact: &'static str,
    #[schema(value_type = UrgencyCode)]
    urgency: &'static str,
    #[schema(value_type = KindCode)]
    kind: &'static str,
    /// The application concerned.
    #[schema(max_length = 128)]
    asset: String,
    #[schema(required)]
    catalogue_item: Option<CodeLabel>,
    #[schema(required)]
    catalogue_sub_item: Option<CodeLabel>,
    /// Who of the technical desk works it; null when nobody does.
    #[schema(required)]
    assignee: Option<AssigneeBody>,
    /// What an external tool calls it; null while none has it.
    #[schema(required, max_length = 64)]
    external_id: Option<String>,
    /// Whether its time is over and its work is not.
    overdue: bool,
    /// When somebody asked to leave it be: the request went on without it.
    #[schema(required, format = DateTime)]
    cancel_requested_at: Option<String>,
    #[schema(format = DateTime)]
    opened_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
    /// When it is overdue, by its urgency and the desk's hours.
    #[schema(format = DateTime)]
    due_at: String,
    /// When its work was over: resolved, closed or cancelled.
    #[schema(required, format = DateTime)]
    closed_at: Option<String>,
}

impl ActivityBody {
    pub(crate) fn new(view: ActivityView, lang: Lang) -> Self {
        ActivityBody {
            id: view.id.uuid(),
            version: view.version,
            number: view.number,
            service: label(view.service, lang),
            problem_type: label(view.problem_type, lang),
            desk: label(view.desk, lang),
            state: view.state.as_str(),
            state_label: view.state.label().to(lang).to_owned(),
            summary: view.summary,
            detail: view.detail,
            impact: view.impact.as_str(),
            urgency: view.urgency.as_str(),
            kind: view.kind.as_str(),
            asset: view.asset,
            catalogue_item: view.item.map(|item| label(item, lang)),
            catalogue_sub_item: view.sub_item.map(|item| label(item, lang)),
            assignee: view.assignee.map(AssigneeBody::from),
            external_id: view.external_id,
            overdue: view.is_overdue,
            cancel_requested_at: view.cancel_requested_at.map(|at| at.to_string()),
            opened_at: view.opened_at.to_string(),
            updated_at: view.updated_at.to_string(),
            due_at: view.due_at.to_string(),
            closed_at: view.closed_at.map(|at| at.to_string()),
        }
    }
}

/// What was written on an activity.
#[derive(Serialize, ToSchema)]
struct ActivityCommentBody {
    id: Uuid,
    #[schema(format = DateTime)]
    at: String,
    /// The author's desk; null for an external tool.
    #[schema(required, max_length = 64)]
    authority_code: Option<String>,
    /// The author's name, for colleagues.
    #[schema(required, max_length = 128)]
    author_label: Option<String>,
    /// What the external tool calls it; null for what was written here.
    #[schema(required, max_length = 64)]
    external_id: Option<String>,
    #[schema(max_length = 5000)]
    body: String,
}

impl From<CommentView> for ActivityCommentBody {
    fn from(view: CommentView) -> Self {
        ActivityCommentBody {
            id: view.id.uuid(),
            at: view.at.to_string(),
            authority_code: view.authority,
            author_label: view.label,
            external_id: view.external_id,
            body: view.body,
        }
    }
}

/// An activity and what was written on it.
#[derive(Serialize, ToSchema)]
struct ActivityScreenBody {
    activity: ActivityBody,
    /// The first one first.
    #[schema(max_items = 500)]
    comments: Vec<ActivityCommentBody>,
}

/// Which activities to list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters; they are read by name")]
pub(crate) struct ActivityQuery {
    /// Those in one of these states alone, with commas between.
    #[param(max_length = 128, pattern = "^[a-z,-]+$")]
    state: Option<String>,
    #[param(inline)]
    urgency: Option<UrgencyCode>,
    /// Those that are overdue, or all others.
    overdue: Option<bool>,
    /// Those the caller works.
    mine: Option<bool>,
    /// Those that an external tool has, or all others: for a program to pick up.
    linked: Option<bool>,
    /// Id or number of the request; for the region.
    #[param(max_length = 64)]
    ticket: Option<String>,
    /// Activities in a page: 1 to 100, 50 if absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// Where to go on.
    #[param(max_length = 256, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
}

/// A page of activities, by the time they are due.
#[derive(Serialize, ToSchema)]
struct ActivityPage {
    #[schema(max_items = 100)]
    items: Vec<ActivityBody>,
    /// Null on the last page.
    #[schema(required, max_length = 256)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

const LIST: Shape = Shape {
    numbers: &["limit"],
    flags: &["overdue", "mine", "linked"],
    lists: &["state"],
};
/// The one order of the list.
const ORDER: &str = "due_at";

/// Lists technical activities.
///
/// By the time they are due. The technical desk and programs see those opened to the desk, the region
/// all. An activity quotes number, service and problem type of its request, and nothing else of it.
#[utoipa::path(tag = "work", params(ActivityQuery),
    responses((status = 200, description = "A page of activities", body = ActivityPage)))]
#[get("/v1/activities")]
pub(crate) async fn list_activities(
    request: HttpRequest,
    worker: ActivityWorker,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let mut query = read_query(&request, &LIST)?;
    let limit = page_size(&mut query);
    let filter = ActivityFilter {
        states: query
            .list("state", ActivityState::ALL.len(), ActivityState::from_code)
            .unwrap_or_default(),
        urgency: query.code("urgency", Urgency::from_code),
        overdue: query.flag("overdue"),
        mine: query.flag("mine").unwrap_or(false),
        linked: query.flag("linked"),
        ticket: query.code("ticket", TicketRef::parse),
    };
    let after = query.code("cursor", |text| cursor::read_at(ORDER, text));
    let after = after.map(|(at, id)| (at, ActivityId::new(id)));
    refuse_query(&query.finish())?;
    let page = limit.saturating_add(1);
    let found = block(move || desk.list_activities(&worker.0, filter, after, page)).await?;
    let (found, next_cursor) = cut_page(found, limit, |last| {
        cursor::write_at(ORDER, last.due_at, last.id.uuid())
    });
    let items = found.into_iter();
    Ok(HttpResponse::Ok().json(ActivityPage {
        links: links(&request, next_cursor.as_deref()),
        items: items.map(|one| ActivityBody::new(one, lang.0)).collect(),
        next_cursor,
    }))
}

/// Shows a technical activity.
///
/// With all that was written on it. Nothing of it is ever shown to the citizen.
#[utoipa::path(tag = "work", params(("activity" = Uuid, Path, description = "The activity's id")),
    responses((status = 200, description = "The activity", body = ActivityScreenBody)))]
#[get("/v1/activities/{activity}")]
pub(crate) async fn show_activity(
    request: HttpRequest,
    worker: ActivityWorker,
    activity: web::Path<Uuid>,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let id = ActivityId::new(activity.into_inner());
    let ActivityScreen { activity, comments } =
        block(move || desk.show_activity(&worker.0, id)).await?;
    let version = activity.version;
    let body = ActivityScreenBody {
        activity: ActivityBody::new(activity, lang.0),
        comments: comments.into_iter().map(Into::into).collect(),
    };
    tagged(&request, Some(version), &body)
}

/// What is to change of an activity.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct ActivityPatchBody {
    state: Option<StateCode>,
    /// Says anew when it is overdue.
    urgency: Option<UrgencyCode>,
    impact: Option<ImpactCode>,
    /// `me`: the caller works it from now on; null: nobody does.
    #[schema(max_length = 2, pattern = "^me$")]
    assignee: Option<String>,
}

/// Changes a technical activity.
///
/// A merge-patch (RFC 7396). While its work is not over an activity goes from any state to any; a
/// resolved one can only be closed. When the work is over the request goes back to the region by itself.
#[utoipa::path(tag = "work", params(("activity" = Uuid, Path, description = "The activity's id")),
    request_body(content = ActivityPatchBody, content_type = "application/merge-patch+json", description = "What is to change"),
    responses((status = 200, description = "The activity", body = ActivityBody)))]
#[patch("/v1/activities/{activity}")]
pub(crate) async fn edit_activity(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    activity: web::Path<Uuid>,
    seen: Seen,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let mut body = Members::of(read_object(&request, payload, Expects::MergePatch).await?);
    let mine = body.change("assignee", |body, name| {
        body.code(name, |text| (text == "me").then_some(()))
    });
    let patch = ActivityPatch {
        state: body.code("state", ActivityState::from_code),
        urgency: body.code("urgency", Urgency::from_code),
        impact: body.code("impact", Impact::from_code),
        mine: mine.map(|me| me.is_some()),
    };
    let errors = body.finish();
    let id = ActivityId::new(activity.into_inner());
    let worker = Worker::Staff(operator.0);
    let changed = block(move || {
        if errors.is_empty() {
            return desk.change_activity(&worker, id, seen.0, patch);
        }
        // Out of reach is told before what is wrong with the patch.
        desk.show_activity(&worker, id)?;
        Err(service::DeskError::Invalid(errors))
    })
    .await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(changed.version))
        .json(ActivityBody::new(changed, lang.0)))
}

/// A comment to write.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct ActivityCommentForm {
    #[schema(min_length = 1, max_length = 5000)]
    body: String,
    /// What the external tool calls it: needed from a program, and for nobody else.
    #[schema(min_length = 1, max_length = 64, pattern = "^[!-~]+$")]
    external_id: Option<String>,
}

/// Comments on a technical activity.
///
/// For the technical desk and the region alone. A comment that a program brought before is answered
/// with 200 as it was written then.
#[utoipa::path(tag = "work", params(("activity" = Uuid, Path, description = "The activity's id")),
    request_body(content = ActivityCommentForm, description = "What to write"),
    responses(
        (status = 201, description = "The comment", body = ActivityCommentBody),
        (status = 200, description = "The comment, which was there before", body = ActivityCommentBody)))]
#[post("/v1/activities/{activity}/comments")]
pub(crate) async fn comment_activity(
    request: HttpRequest,
    payload: web::Payload,
    worker: ActivityWorker,
    activity: web::Path<Uuid>,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let object = read_object(&request, payload, Expects::Json).await?;
    let once = repeatable.with(serde_json::to_vec(&object).unwrap_or_default());
    let mut body = Members::of(object);
    let text = body.needed("body", |body, name| body.words(name, NoteBody::parse));
    let external_id = match &worker.0 {
        Worker::Program(_) => body.needed("external_id", external_id),
        // A member that is not theirs is left over, and refused as unknown.
        Worker::Staff(_) => None,
    };
    let errors = body.finish();
    let id = ActivityId::new(activity.into_inner());
    let text = text.map(NoteBody::into_string);
    let written = block(move || match text {
        Some(text) if errors.is_empty() => {
            desk.comment_activity(&worker.0, id, text, external_id, &once)
        }
        _ => {
            desk.show_activity(&worker.0, id)?;
            Err(service::DeskError::Invalid(errors))
        }
    })
    .await?;
    let mut response = match written.value.is_new {
        true => HttpResponse::Created(),
        false => HttpResponse::Ok(),
    };
    let comment = ActivityCommentBody::from(written.value.comment);
    Ok(replay_header(&mut response, written.replayed).json(comment))
}

/// What an external tool says of an activity.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct ReportForm {
    /// What the tool calls it. The first report ties the two for good.
    #[schema(min_length = 1, max_length = 64, pattern = "^[!-~]+$")]
    external_id: String,
    /// Where it stands there, in the tool's own word or by our code.
    #[schema(min_length = 1, max_length = 64)]
    state: Option<String>,
    /// Needed with `state`: a number that grows with each report, such as the time of the change in
    /// milliseconds. A report with no greater number than one that counted does nothing.
    #[schema(minimum = 0)]
    sequence: Option<i64>,
}

/// An activity after a report.
#[derive(Serialize, ToSchema)]
struct ReportedBody {
    /// What the report led to.
    #[schema(value_type = ReportOutcome)]
    outcome: &'static str,
    activity: ActivityBody,
}

/// Reports where an activity stands in an external tool.
///
/// Repeating it does no harm. A late report, and one on an activity whose work is over, changes nothing;
/// `outcome` says so. What a program reported is not told back to it by `/v1/activity-changes`.
#[utoipa::path(tag = "work", params(("activity" = Uuid, Path, description = "The activity's id")),
    request_body(content = ReportForm, description = "What the tool says"),
    responses((status = 200, description = "The activity", body = ReportedBody)))]
#[put("/v1/activities/{activity}/external-record")]
pub(crate) async fn report_activity(
    request: HttpRequest,
    payload: web::Payload,
    program: Program,
    activity: web::Path<Uuid>,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let mut body = Members::of(read_object(&request, payload, Expects::Json).await?);
    let external_id = body.needed("external_id", external_id);
    let state = body.code("state", |word| desk.reference().technical.state(word));
    let sequence = match state {
        Some(_) => body.needed("sequence", Members::integer),
        None => body.integer("sequence"),
    };
    if sequence.is_some_and(|number| number < 0) {
        body.refuse("sequence", out_of_range());
    }
    let errors = body.finish();
    let id = ActivityId::new(activity.into_inner());
    let reported = block(move || match external_id {
        Some(external_id) if errors.is_empty() => {
            let report = Report {
                external_id,
                state: state.zip(sequence),
            };
            desk.report_activity(program.0.id, id, report)
        }
        _ => {
            desk.show_activity(&Worker::Program(program.0.id), id)?;
            Err(service::DeskError::Invalid(errors))
        }
    })
    .await?;
    Ok(HttpResponse::Ok().json(ReportedBody {
        outcome: reported.outcome.as_str(),
        activity: ActivityBody::new(reported.activity, lang.0),
    }))
}

/// Lists what happened to activities after a place.
///
/// The rows of the feed that are about activities, but for those this program brought itself: read on
/// from `next_after`, and nothing comes back. `origin` in a row names the program that brought it.
#[utoipa::path(tag = "work", params(ChangesQuery),
    responses((status = 200, description = "A page of the feed", body = ChangesPage)))]
#[get("/v1/activity-changes")]
pub(crate) async fn list_activity_changes(
    request: HttpRequest,
    program: Program,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let (after, limit) = super::feed::place_and_limit(&request)?;
    let client = program.0.id;
    let page = block(move || desk.read_activity_changes(client, after, limit)).await?;
    changes_page(page)
}

/// Something activities can be about.
#[derive(Serialize, ToSchema)]
struct CatalogueItemBody {
    #[serde(flatten)]
    item: CodeLabel,
    #[schema(max_items = 100)]
    sub_items: Vec<CodeLabel>,
}

/// What activities can be about.
#[derive(Serialize, ToSchema)]
struct TechnicalCatalogueBody {
    #[schema(max_items = 100)]
    items: Vec<CatalogueItemBody>,
}

/// Lists what technical activities can be about.
#[utoipa::path(tag = "work",
    responses((status = 200, description = "The items and their sub-items", body = TechnicalCatalogueBody)))]
#[get("/v1/technical-catalogue")]
pub(crate) async fn list_technical_catalogue(
    desk: web::Data<Desk>,
    lang: Language,
) -> HttpResponse {
    let named = |one: &domain::catalogue::CatalogueItem| CodeLabel {
        code: one.code.clone(),
        label: one.label.to(lang.0).to_owned(),
    };
    let items = desk.technical_catalogue().iter();
    HttpResponse::Ok().json(TechnicalCatalogueBody {
        items: items
            .map(|item| CatalogueItemBody {
                item: named(item),
                sub_items: item.sub_items.iter().map(named).collect(),
            })
            .collect(),
    })
}

/// An external tool's id: visible ASCII, without spaces.
fn external_id(body: &mut Members, name: &str) -> Option<String> {
    body.words(name, |text| {
        let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        match (1..=EXTERNAL_ID_MAX_CHARS).contains(&text.len()) && is_visible {
            true => Ok(text.to_owned()),
            false => Err(Invalid::new(
                "invalid-format",
                "Da 1 a 64 caratteri ASCII visibili",
                "1 to 64 visible ASCII characters",
            )),
        }
    })
}
