//! A requester's own tickets.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use serde::Serialize;
use service::Desk;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::announcements::ShownAnnouncementBody;
use super::codes::{MessageText, State, TicketNumber, TicketRef};
use super::email_proofs::replay_header;
use super::filing::InlineFile;
use super::own_body::{RequesterScreenBody, RequesterTicketBody, requester_label};
use super::screen_body::label;
use super::{CodeLabel, Links, links, ticket_ref};
use crate::body::{Expects, media_type, read_object};
use crate::conditions::{Repeatable, tagged};
use crate::language::Language;
use crate::members::{Members, merge};
use crate::principal::Requester;
use crate::problem::Problem;
use crate::query::{PAGE, page_size, read_query, refuse_query};
use crate::routes::Routes;
use crate::submission::{Shape, Submission, read};
use crate::{block, cursor};
use service::queue::Key;

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(list_own_tickets)
        .service(show_own_ticket)
        .service(add_message)
        .service(withdraw_ticket);
}

/// A page of one's own tickets.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters; they are read by name")]
pub(crate) struct OwnQuery {
    /// Items in a page: 1 to 100, 50 if absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before.
    #[param(max_length = 512, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
}

/// A page of one's own tickets, newest first.
#[derive(Serialize, ToSchema)]
struct OwnPage {
    #[schema(max_items = 100)]
    items: Vec<OwnItemBody>,
    /// Null on the last page.
    #[schema(required, max_length = 512)]
    next_cursor: Option<String>,
    /// What there is to know now, the newest first.
    #[schema(max_items = 20)]
    announcements: Vec<ShownAnnouncementBody>,
    #[serde(rename = "_links")]
    links: Links,
}

/// One of one's own tickets.
#[derive(Serialize, ToSchema)]
struct OwnItemBody {
    id: Uuid,
    #[schema(value_type = TicketNumber)]
    number: String,
    /// Never says that desks passed the ticket on.
    #[schema(value_type = State)]
    state: String,
    #[schema(max_length = 64)]
    state_label: String,
    service: CodeLabel,
    problem_type: CodeLabel,
    #[schema(format = DateTime)]
    created_at: String,
    /// Whether a question waits for an answer.
    needs_answer: bool,
    /// Whether it is about somebody who delegated me, and not about myself.
    on_behalf_of: bool,
    /// The beginning of the newest message.
    #[schema(required, max_length = 200)]
    last_message: Option<String>,
}

/// Lists my requests.
///
/// Newest first, each with the beginning of its newest message. A tracking token lists the one request
/// it was made for.
#[utoipa::path(tag = "citizen", params(OwnQuery),
    responses((status = 200, description = "A page of requests", body = OwnPage)))]
#[get("/v1/me/tickets")]
pub(crate) async fn list_own_tickets(
    request: HttpRequest,
    requester: Requester,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let mut query = read_query(&request, &PAGE)?;
    let limit = page_size(&mut query);
    let after = query.code("cursor", |text| match cursor::read("-created_at", text) {
        Some((Key::At(at), id)) => Some((at, id)),
        _ => None,
    });
    refuse_query(&query.finish())?;
    let (mut items, announcements) = block(move || {
        let scope = desk.scope_of(&requester.0);
        let items = desk.list_own(&scope, after, limit + 1)?;
        Ok((items, desk.list_shown_to_requester(&scope)?))
    })
    .await?;
    let asked = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = items.len() > asked;
    items.truncate(asked);
    let last = items.last().filter(|_| more);
    let next_cursor =
        last.map(|last| cursor::write("-created_at", Key::At(last.created_at), last.id));
    Ok(HttpResponse::Ok().json(OwnPage {
        links: links(&request, next_cursor.as_deref()),
        next_cursor,
        announcements: announcements
            .iter()
            .map(|one| ShownAnnouncementBody::new(one, lang.0))
            .collect(),
        items: items
            .into_iter()
            .map(|item| OwnItemBody {
                id: item.id.uuid(),
                number: item.number,
                state: item.state.as_str().to_owned(),
                state_label: requester_label(item.state, lang.0),
                service: label(item.service, lang.0),
                problem_type: label(item.problem_type, lang.0),
                created_at: item.created_at.to_string(),
                needs_answer: item.needs_answer,
                on_behalf_of: item.on_behalf_of,
                last_message: item.last_message,
            })
            .collect(),
    }))
}

/// Shows one of my requests.
///
/// With the messages meant for me, oldest first; operators show as "Operatore" and their authority.
/// `needs_answer` says that a question waits, `can_reply_until` how long a resolved request can be
/// reopened by writing. A merged request keeps what was said on it, and `merged_into` says where it goes on.
#[utoipa::path(tag = "citizen", params(("ticket" = inline(TicketRef), Path, description = "The ticket's id or number")),
    responses((status = 200, description = "The request", body = RequesterScreenBody)))]
#[get("/v1/me/tickets/{ticket}")]
pub(crate) async fn show_own_ticket(
    request: HttpRequest,
    requester: Requester,
    ticket: web::Path<String>,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let wanted = ticket_ref(&ticket)?;
    let screen = block(move || {
        let scope = desk.scope_of(&requester.0);
        desk.show_own_ticket(&scope, &wanted)
    })
    .await?;
    let body = RequesterScreenBody::new(screen, lang.0);
    // Tagged by what it says: the version would tell of changes that are not the requester's to know.
    tagged(&request, None, &body)
}

/// A message with a file inside JSON.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body")]
struct MessageBody {
    #[schema(value_type = MessageText)]
    body: String,
    attachment: Option<InlineFile>,
}

/// A message as parts.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body")]
struct MessageForms {
    #[schema(value_type = MessageText)]
    body: String,
    /// A file: at most 1,048,576 bytes.
    #[schema(value_type = String, format = Binary, required = false)]
    attachment: Option<Vec<u8>>,
}

/// What a message led to.
#[derive(Serialize, ToSchema)]
struct MessageDone {
    /// The ticket that has the message: a new one if `is_follow_up`.
    ticket: RequesterTicketBody,
    /// Its place in the ticket's history.
    #[schema(minimum = 1)]
    /// Whether the ticket was closed and a new one was made for the message.
    is_follow_up: bool,
}

/// Writes on one of my requests.
///
/// Wakes a request that waits for an answer, reopens a resolved one within its window, and becomes a
/// new request on a closed one (`is_follow_up`), so that nothing said is lost. What is written on a merged
/// request is said on the one it goes on in, and the answer tells which.
#[utoipa::path(tag = "citizen", params(("ticket" = inline(TicketRef), Path, description = "The ticket's id or number")),
    request_body(description = "The message", content(
        (MessageBody = "application/json", examples(
            ("answer" = (summary = "Answer a question", value = json!({"body": "L'esame è stato eseguito il 2 novembre."}))),
            ("file" = (summary = "Send a file", value = json!({
                "body": "Allego la schermata dell'errore.",
                "attachment": {
                    "file_name": "errore.png",
                    "content_base64": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
                }
            })))
        )),
        (MessageForms = "multipart/form-data"))),
    responses((status = 201, description = "Written: the request as it stands now. `Location` is where it is", body = MessageDone)))]
#[post("/v1/me/tickets/{ticket}/messages")]
pub(crate) async fn add_message(
    request: HttpRequest,
    payload: web::Payload,
    requester: Requester,
    ticket: web::Path<String>,
    desk: web::Data<Desk>,
    lang: Language,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let wanted = ticket_ref(&ticket)?;
    let submission = read(&request, payload, Shape::Fields).await?;
    let once = repeatable.with(submission.content());
    let Submission {
        members,
        file,
        errors,
    } = submission;
    let mut members = Members::of(members);
    let message = members.text("body", 20_000);
    let errors = merge(errors, members.finish());
    let (checker, seen) = (desk.clone(), wanted.clone());
    let (scope, body, file) = block(move || {
        let scope = checker.scope_of(&requester.0);
        // Out of reach is told before anything else, and nothing is stored for it.
        checker.must_reach(&scope, &seen)?;
        let mut found = Vec::new();
        let body = checker
            .check_message(message.as_deref())
            .map_err(|error| found.push(error))
            .ok();
        let file = file
            .map(|file| file.check())
            .transpose()
            .map_err(|error| found.push(error))
            .ok()
            .flatten();
        let errors = merge(errors, found);
        match body {
            Some(body) if errors.is_empty() => Ok((scope, body, file)),
            _ => Err(service::DeskError::Invalid(errors)),
        }
    })
    .await?;
    let attachment = match file {
        Some(file) => Some(desk.keep(file).await?),
        None => None,
    };
    let answer = block(move || desk.reply(&scope, wanted, body, attachment, &once)).await?;
    let done = answer.value;
    let mut response = HttpResponse::Created();
    response.insert_header(("location", format!("/v1/me/tickets/{}", done.ticket.id)));
    Ok(
        replay_header(&mut response, answer.replayed).json(MessageDone {
            is_follow_up: done.is_follow_up,
            ticket: RequesterTicketBody::new(done.ticket, lang.0),
        }),
    )
}

/// Withdraws one of my requests.
///
/// It is resolved as withdrawn, and nobody works on it any more. Nothing needs to be said in the body. Of a
/// merged request the one it goes on in is withdrawn.
#[utoipa::path(tag = "citizen", params(("ticket" = inline(TicketRef), Path, description = "The ticket's id or number")),
    responses((status = 201, description = "Withdrawn", body = RequesterTicketBody)))]
#[post("/v1/me/tickets/{ticket}/withdrawal")]
pub(crate) async fn withdraw_ticket(
    request: HttpRequest,
    payload: web::Payload,
    requester: Requester,
    ticket: web::Path<String>,
    desk: web::Data<Desk>,
    lang: Language,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let wanted = ticket_ref(&ticket)?;
    must_say_nothing(&request, payload).await?;
    let once = repeatable.with(Vec::new());
    let answer = block(move || {
        let scope = desk.scope_of(&requester.0);
        // A kept answer, too, is for those alone who reach the ticket now.
        desk.must_reach(&scope, &wanted)?;
        desk.withdraw(&scope, wanted, &once)
    })
    .await?;
    Ok(replay_header(&mut HttpResponse::Created(), answer.replayed)
        .json(RequesterTicketBody::new(answer.value, lang.0)))
}

/// Nothing needs to be said; an empty object may be.
pub(crate) async fn must_say_nothing(
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<(), Problem> {
    if media_type(request).is_empty() {
        return Ok(());
    }
    let members = read_object(request, payload, Expects::Json).await?;
    let errors = Members::of(members).finish();
    match errors.is_empty() {
        true => Ok(()),
        false => Err(Problem::fields(errors)),
    }
}
