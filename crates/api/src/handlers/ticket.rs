//! One ticket: its screen, its timeline, its descriptive members.

use actix_web::{HttpRequest, HttpResponse, get, patch, web};
use serde::Serialize;
use serde_json::{Map, Value};
use service::Desk;
use service::update::PatchForm;
use utoipa::{IntoParams, ToSchema};

use super::codes::{Priority, Tag, TicketKind, TicketRef};
use super::screen_body::{EntryBody, ScreenBody, StaffTicketBody};
use super::{Links, links, ticket_ref};
use crate::block;
use crate::body::{Expects, read_object};
use crate::conditions::{Seen, etag, tagged};
use crate::language::Language;
use crate::members::Members;
use crate::principal::Operator;
use crate::problem::Problem;
use crate::query::{PAGE, page_size, read_query, refuse_query};
use crate::routes::Routes;

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(show_ticket)
        .service(list_timeline)
        .service(edit_ticket);
}

/// Shows a ticket.
///
/// The whole screen in one answer: fields, requester, custody, the newest hundred entries of the
/// timeline, files, times, and what the caller may do. Send the `ETag` back as `If-Match` with a change,
/// and as `If-None-Match` to ask cheaply whether anything is new. Whoever has not the request in custody is
/// shown masks of tax code and contacts. An auditor opens an inspection first, a system administrator needs
/// a break-glass grant in force.
#[utoipa::path(tag = "tickets", params(("ticket" = inline(TicketRef), Path, description = "The ticket's id or number")),
    responses((status = 200, description = "The ticket", body = ScreenBody)))]
#[get("/v1/tickets/{ticket}")]
pub(crate) async fn show_ticket(
    request: HttpRequest,
    operator: Operator,
    ticket: web::Path<String>,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let wanted = ticket_ref(&ticket)?;
    let screen = block(move || desk.show_ticket(&operator.0, &wanted)).await?;
    let version = screen.ticket.version;
    tagged(&request, Some(version), &ScreenBody::new(screen, lang.0))
}

/// A page of a timeline.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters; they are read by name")]
pub(crate) struct TimelineQuery {
    /// Entries in a page: 1 to 100, 50 if absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// Where to go on.
    #[param(max_length = 18, pattern = "^[0-9]+$")]
    cursor: Option<String>,
}

/// A page of a timeline, newest first.
#[derive(Serialize, ToSchema)]
struct TimelinePage {
    #[schema(max_items = 100)]
    items: Vec<EntryBody>,
    /// Null on the last page.
    #[schema(required, max_length = 18, pattern = "^[0-9]+$")]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// Lists a ticket's timeline.
///
/// The entries the caller may read, newest first. The ticket itself brings the newest hundred along;
/// this is for the ones before.
#[utoipa::path(tag = "tickets", params(("ticket" = inline(TicketRef), Path, description = "The ticket's id or number"), TimelineQuery),
    responses((status = 200, description = "A page of entries", body = TimelinePage)))]
#[get("/v1/tickets/{ticket}/timeline")]
pub(crate) async fn list_timeline(
    request: HttpRequest,
    operator: Operator,
    ticket: web::Path<String>,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let wanted = ticket_ref(&ticket)?;
    let mut query = read_query(&request, &PAGE)?;
    let limit = page_size(&mut query);
    let before = query.code("cursor", digits);
    refuse_query(&query.finish())?;
    let (entries, next) =
        block(move || desk.list_timeline(&operator.0, &wanted, before, limit)).await?;
    let next_cursor = next.map(|seq| seq.to_string());
    Ok(HttpResponse::Ok().json(TimelinePage {
        links: links(&request, next_cursor.as_deref()),
        items: entries
            .into_iter()
            .map(|entry| EntryBody::new(entry, lang.0))
            .collect(),
        next_cursor,
    }))
}

/// The place a cursor names.
fn digits(text: &str) -> Option<i64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

/// Members to change; null clears one (RFC 7396).
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct PatchBody {
    /// How soon it matters; null sets `medium` again.
    #[schema(value_type = Option<Priority>)]
    priority: Option<String>,
    /// What sort of request it is.
    #[schema(value_type = Option<TicketKind>)]
    kind: Option<String>,
    /// All the tags, instead of those there are.
    #[schema(value_type = Option<Vec<Tag>>, max_items = 20)]
    tags: Option<Vec<String>>,
    /// A number to call back.
    #[schema(value_type = Option<String>, min_length = 4, max_length = 32, pattern = r"^[0-9+ ().\-/]+$")]
    recall_phone: Option<String>,
    /// Another address for this ticket's messages.
    #[schema(value_type = Option<String>, format = "email", min_length = 6, max_length = 254)]
    notification_email: Option<String>,
}

fn read_patch(members: Map<String, Value>) -> Result<PatchForm, Problem> {
    let mut members = Members::of(members);
    let text = |members: &mut Members, name: &str| members.text(name, usize::MAX);
    let form = PatchForm {
        priority: members.change("priority", text),
        kind: members.change("kind", text),
        tags: members.change("tags", Members::texts),
        recall_phone: members.change("recall_phone", text),
        notification_email: members.change("notification_email", text),
    };
    let errors = members.finish();
    if errors.is_empty() {
        Ok(form)
    } else {
        Err(Problem::fields(errors))
    }
}

/// Changes descriptive members of a ticket.
///
/// A merge-patch (RFC 7396): members that are left out stay as they are, null clears one. What moves a
/// ticket, tells somebody or changes its owner is an action instead.
#[utoipa::path(tag = "tickets", params(("ticket" = inline(TicketRef), Path, description = "The ticket's id or number")),
    request_body(content = PatchBody, content_type = "application/merge-patch+json", description = "Members to change"),
    responses((status = 200, description = "Changed", body = StaffTicketBody)))]
#[patch("/v1/tickets/{ticket}")]
pub(crate) async fn edit_ticket(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    ticket: web::Path<String>,
    seen: Seen,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let wanted = ticket_ref(&ticket)?;
    let form = read_patch(read_object(&request, payload, Expects::MergePatch).await?)?;
    let changed = block(move || desk.describe(&operator.0, wanted, seen.0, form)).await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(changed.version))
        .json(StaffTicketBody::new(changed, lang.0)))
}
