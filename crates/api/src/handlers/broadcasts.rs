//! The tickets about a known problem: linked to its announcement, and answered in one action.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use domain::ids::{AnnouncementId, AnswerId};
use domain::invalid::Invalid;
use jiff::Timestamp;
use serde::Serialize;
use service::Desk;
use service::action_form::{ActionForm, NoteForm};
use service::broadcasts::TicketResult;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::codes::{BroadcastAction, ChosenResolution, NoteText, State, TicketNumber};
use super::contacts::NamedTicketBody;
use super::email_proofs::replay_header;
use super::{Links, links};
use crate::body::{Expects, read_object};
use crate::conditions::Repeatable;
use crate::members::{Members, invalid_format, merge};
use crate::principal::Operator;
use crate::problem::{Problem, SLUGS};
use crate::query::{PAGE, cut_page, page_size, read_query, refuse_query};
use crate::routes::Routes;
use crate::{block, cursor};

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(list_linked_tickets)
        .service(link_tickets)
        .service(answer_linked_tickets);
}

/// Most tickets that one call links.
const MOST_LINKED: usize = 100;

/// A page of linked tickets.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters; they are read by name")]
pub(crate) struct LinkedQuery {
    /// Tickets in a page: 1 to 100, 50 if absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// Where to go on.
    #[param(max_length = 256, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
}

/// A linked ticket.
#[derive(Serialize, ToSchema)]
struct AnnouncedTicketBody {
    id: Uuid,
    #[schema(value_type = TicketNumber)]
    number: String,
    #[schema(value_type = State)]
    state: &'static str,
}

/// A page of linked tickets, those filed first come first.
#[derive(Serialize, ToSchema)]
struct LinkedPage {
    #[schema(max_items = 100)]
    items: Vec<AnnouncedTicketBody>,
    /// Null on the last page.
    #[schema(required, max_length = 256)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// The one order of the list: a ticket's id sorts by when it was filed.
const ORDER: &str = "id";

/// Lists the tickets an announcement is about.
///
/// Those that the caller's desk has in custody; the region sees all.
#[utoipa::path(tag = "tickets", params(("announcement" = Uuid, Path, description = "The announcement's id"), LinkedQuery),
    responses((status = 200, description = "A page of tickets", body = LinkedPage)))]
#[get("/v1/announcements/{announcement}/tickets")]
pub(crate) async fn list_linked_tickets(
    request: HttpRequest,
    operator: Operator,
    announcement: web::Path<Uuid>,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let mut query = read_query(&request, &PAGE)?;
    let limit = page_size(&mut query);
    let after = query.code("cursor", |text| Some(cursor::read(ORDER, text)?.1));
    refuse_query(&query.finish())?;
    let id = AnnouncementId::new(announcement.into_inner());
    let page = limit.saturating_add(1);
    let found = block(move || desk.list_linked(&operator.0, id, after, page)).await?;
    let (found, next_cursor) = cut_page(found, limit, |(id, ..)| {
        cursor::write_at(ORDER, Timestamp::UNIX_EPOCH, id.uuid())
    });
    Ok(HttpResponse::Ok().json(LinkedPage {
        links: links(&request, next_cursor.as_deref()),
        items: found
            .into_iter()
            .map(|(id, number, state)| AnnouncedTicketBody {
                id: id.uuid(),
                number: number.to_string(),
                state: state.as_str(),
            })
            .collect(),
        next_cursor,
    }))
}

/// What became of one of several tickets.
#[derive(Serialize, ToSchema)]
struct TicketResultBody {
    /// As it was named.
    #[schema(max_length = 64)]
    named: String,
    /// Null if there is none such in reach.
    #[schema(required)]
    ticket: Option<NamedTicketBody>,
    /// The status that the same call for this ticket alone would have.
    #[schema(minimum = 200, maximum = 599)]
    status: u16,
    /// The slug of the problem, if nothing was done; see `/problems/{slug}`.
    #[schema(required, max_length = 64)]
    problem: Option<String>,
}

impl From<TicketResult> for TicketResultBody {
    fn from(result: TicketResult) -> Self {
        let slug = result.problem.as_deref();
        let known = SLUGS.iter().find(|known| Some(**known) == slug);
        TicketResultBody {
            named: result.named,
            ticket: result.ticket.map(NamedTicketBody::from),
            status: known.map_or(201, |slug| Problem::new(slug).status()),
            problem: result.problem,
        }
    }
}

/// Tickets to link.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct AnnouncedTicketsForm {
    /// Ids or numbers.
    #[schema(min_items = 1, max_items = 100)]
    tickets: Vec<String>,
}

/// What became of the tickets.
#[derive(Serialize, ToSchema)]
struct LinkResults {
    #[schema(max_items = 100)]
    results: Vec<TicketResultBody>,
}

/// Links tickets to an announcement.
///
/// Up to 100, with a result for each. Linking again changes nothing.
#[utoipa::path(tag = "tickets", params(("announcement" = Uuid, Path, description = "The announcement's id")),
    request_body(content = AnnouncedTicketsForm, description = "The tickets"),
    responses((status = 200, description = "What became of each", body = LinkResults)))]
#[post("/v1/announcements/{announcement}/tickets")]
pub(crate) async fn link_tickets(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    announcement: web::Path<Uuid>,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let object = read_object(&request, payload, Expects::Json).await?;
    let once = repeatable.with(serde_json::to_vec(&object).unwrap_or_default());
    let mut body = Members::of(object);
    let named = body.needed("tickets", |body, name| {
        body.list(name, MOST_LINKED, |text| {
            (text.len() <= 64).then(|| text.to_owned())
        })
    });
    if named.as_ref().is_some_and(Vec::is_empty) {
        body.refuse("tickets", Invalid::required());
    }
    let errors = body.finish();
    let (Some(named), true) = (named, errors.is_empty()) else {
        return Err(Problem::fields(errors));
    };
    let id = AnnouncementId::new(announcement.into_inner());
    let answer = block(move || desk.link_tickets(&operator.0, id, named, &once)).await?;
    let results = answer.value.into_iter().map(TicketResultBody::from);
    Ok(
        replay_header(&mut HttpResponse::Ok(), answer.replayed).json(LinkResults {
            results: results.collect(),
        }),
    )
}

/// An answer to all linked tickets.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct BroadcastForm {
    action: BroadcastAction,
    note: BroadcastNote,
    /// Needed by `resolve`.
    resolution_code: Option<ChosenResolution>,
    /// An earlier answer to go on with: the tickets it reached are left alone.
    answer_id: Option<Uuid>,
}

/// What is written on each ticket.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct BroadcastNote {
    body: NoteText,
    /// True when requesters read it.
    published: bool,
}

/// What an answer led to.
#[derive(Serialize, ToSchema)]
struct BroadcastBody {
    /// To go on with, if tickets remain.
    answer_id: Uuid,
    /// The tickets it reached, and those it could not.
    #[schema(max_items = 100000)]
    results: Vec<TicketResultBody>,
    /// Linked tickets left for another call.
    #[schema(minimum = 0)]
    remaining: usize,
}

/// Answers all tickets of an announcement.
///
/// Those that are still open and in the custody of the caller's desk, up to 100, each as a single action
/// would. If `remaining` is not 0, the same call with `answer_id` goes on. An answer reaches a ticket
/// once, also when the call is repeated under its `Idempotency-Key` after it was cut off.
#[utoipa::path(tag = "tickets", params(("announcement" = Uuid, Path, description = "The announcement's id")),
    request_body(content = BroadcastForm, description = "The answer"),
    responses((status = 200, description = "What became of each", body = BroadcastBody)))]
#[post("/v1/announcements/{announcement}/answers")]
pub(crate) async fn answer_linked_tickets(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    announcement: web::Path<Uuid>,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let object = read_object(&request, payload, Expects::Json).await?;
    let once = repeatable.with(serde_json::to_vec(&object).unwrap_or_default());
    let mut body = Members::of(object);
    let known = |text: &str| ["note", "resolve"].into_iter().find(|one| *one == text);
    let action = body.needed("action", |body, name| body.code(name, known));
    let note = body.needed("note", |body, name| {
        body.object(name, |note| NoteForm {
            body: note.text("body", usize::MAX),
            published: note.flag("published"),
        })
    });
    let resolution_code = body.text("resolution_code", 64);
    let resumed = body.text("answer_id", 64).and_then(|text| {
        let id = text.parse::<AnswerId>();
        if id.is_err() {
            body.refuse("answer_id", invalid_format());
        }
        id.ok()
    });
    let errors = body.finish();
    let form = ActionForm {
        action: action.map(str::to_owned),
        note,
        resolution_code,
        ..ActionForm::default()
    };
    let form = match form.check() {
        Ok(form) if errors.is_empty() => form,
        Ok(_) => return Err(Problem::fields(errors)),
        Err(found) => return Err(Problem::fields(merge(errors, found))),
    };
    let id = AnnouncementId::new(announcement.into_inner());
    let told = |error| Problem::from(error).slug().to_owned();
    let answer =
        block(move || desk.answer_linked(&operator.0, id, &form, resumed, &once, told)).await?;
    let done = answer.value;
    Ok(
        replay_header(&mut HttpResponse::Ok(), answer.replayed).json(BroadcastBody {
            answer_id: done.answer.uuid(),
            results: done
                .results
                .into_iter()
                .map(TicketResultBody::from)
                .collect(),
            remaining: done.remaining,
        }),
    )
}
