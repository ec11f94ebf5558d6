//! One ticket: its screen, its timeline, its descriptive members.

use actix_web::{HttpRequest, HttpResponse, get, patch, web};
use serde::{Deserialize, Deserializer, Serialize};
use service::Desk;
use service::update::PatchForm;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;
use validator::Validate;

use super::screen_body::{EntryBody, ScreenBody, StaffTicketBody};
use super::{Links, links, ticket_ref};
use crate::block;
use crate::body::{Expects, read_as, read_object};
use crate::conditions::{Seen, etag, tagged};
use crate::language::Language;
use crate::principal::Operator;
use crate::problem::Problem;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config
        .service(show_ticket)
        .service(list_timeline)
        .service(edit_ticket);
}

/// Shows a ticket.
///
/// The whole screen in one answer: fields, requester, custody, legs, timeline, attachments, times
/// and what the caller may do.
#[utoipa::path(tag = "tickets", params(("ticket" = String, Path, description = "Id or number")),
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
    let tag = etag(screen.ticket.version).1;
    Ok(tagged(&request, tag, ScreenBody::new(screen, lang.0)))
}

/// A page of a timeline.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct TimelineQuery {
    /// Entries in a page: 1 to 100, 50 if absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// Where to go on.
    #[param(max_length = 32, pattern = "^[0-9]+$")]
    cursor: Option<String>,
}

/// A page of a timeline, newest first.
#[derive(Serialize, ToSchema)]
struct TimelinePage {
    #[schema(max_items = 100)]
    items: Vec<EntryBody>,
    /// Null on the last page.
    #[schema(max_length = 512)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// Lists a ticket's timeline.
///
/// The entries the caller may read, newest first.
#[utoipa::path(tag = "tickets", params(("ticket" = String, Path, description = "Id or number"), TimelineQuery),
    responses((status = 200, description = "A page of entries", body = TimelinePage)))]
#[get("/v1/tickets/{ticket}/timeline")]
pub(crate) async fn list_timeline(
    request: HttpRequest,
    operator: Operator,
    ticket: web::Path<String>,
    query: web::Query<TimelineQuery>,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let wanted = ticket_ref(&ticket)?;
    let bad = |parameter: &str| {
        Problem::malformed(
            &format!("Parametro non valido: {parameter}."),
            &format!("bad query parameter: {parameter}"),
        )
    };
    let limit = query.limit.unwrap_or(50);
    if !(1..=100).contains(&limit) {
        return Err(bad("limit"));
    }
    let before = query
        .cursor
        .as_deref()
        .map(str::parse::<i64>)
        .transpose()
        .map_err(|_| bad("cursor"))?;
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

/// Members to change; null clears one (RFC 7396).
#[derive(Deserialize, Validate, ToSchema, Default)]
#[serde(default)]
#[expect(
    clippy::option_option,
    reason = "absent and null differ in a merge-patch"
)]
struct PatchBody {
    /// `critical`, `high`, `medium` or `low`.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 16)]
    priority: Option<Option<String>>,
    /// `general-information`, `service-question` or `malfunction`.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 32)]
    kind: Option<Option<String>>,
    /// All the tags.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<Vec<String>>, max_items = 20)]
    tags: Option<Option<Vec<String>>>,
    /// A number to call back.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 32)]
    recall_phone: Option<Option<String>>,
    /// Another address for this ticket's messages.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 254)]
    notification_email: Option<Option<String>>,
}

/// A member that is there, null or not.
#[expect(
    clippy::option_option,
    reason = "absent and null differ in a merge-patch"
)]
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// Changes descriptive members of a ticket.
#[utoipa::path(tag = "tickets", params(("ticket" = String, Path, description = "Id or number")),
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
    let body: PatchBody = read_as(read_object(&request, payload, Expects::MergePatch).await?)?;
    let form = PatchForm {
        priority: body.priority,
        kind: body.kind,
        tags: body.tags,
        recall_phone: body.recall_phone,
        notification_email: body.notification_email,
    };
    let changed = block(move || desk.describe(&operator.0, wanted, seen.0, form)).await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(changed.version))
        .json(StaffTicketBody::new(changed, lang.0)))
}
