//! Contacts: what reaches a desk beside the requests.

use actix_web::{HttpRequest, HttpResponse, get, patch, post, web};
use domain::contact::{ContactChannel, ContactOutcome, Direction};
use domain::ids::{ContactId, TicketId, TicketNumber as Number, TicketRef};
use domain::invalid::Invalid;
use domain::text::Description;
use serde::Serialize;
use service::Desk;
use service::contacts::{Contact, ContactFilter, NewContact};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::codes::{
    ContactChannel as ChannelCode, ContactDirection as DirectionCode,
    ContactOutcome as OutcomeCode, TicketNumber,
};
use super::email_proofs::replay_header;
use super::{Links, links};
use crate::body::{Expects, read_object};
use crate::conditions::{Repeatable, Seen, etag, tagged};
use crate::members::Members;
use crate::principal::Operator;
use crate::problem::Problem;
use crate::query::{PAGE, cut_page, page_size, read_query, refuse_query};
use crate::routes::Routes;
use crate::{block, cursor};

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(list_contacts)
        .service(log_contact)
        .service(show_contact)
        .service(link_contact);
}

/// Longest internal note about a contact or an attempt.
pub(super) const NOTE_MAX_CHARS: usize = 500;

/// A ticket something is about.
#[derive(Serialize, ToSchema)]
pub(crate) struct NamedTicketBody {
    id: Uuid,
    #[schema(value_type = TicketNumber)]
    number: String,
}

impl From<(TicketId, Number)> for NamedTicketBody {
    fn from((id, number): (TicketId, Number)) -> Self {
        NamedTicketBody {
            id: id.uuid(),
            number: number.to_string(),
        }
    }
}

/// A contact.
#[derive(Serialize, ToSchema)]
struct ContactBody {
    id: Uuid,
    /// The desk that had it.
    #[schema(max_length = 64)]
    authority_code: String,
    #[schema(value_type = ChannelCode)]
    channel: &'static str,
    #[schema(value_type = DirectionCode)]
    direction: &'static str,
    #[schema(format = DateTime)]
    at: String,
    #[schema(value_type = OutcomeCode)]
    outcome: &'static str,
    /// Null until it is known.
    #[schema(required)]
    ticket: Option<NamedTicketBody>,
    /// For the desk alone.
    #[schema(required, max_length = 500)]
    note: Option<String>,
    /// The account that logged it.
    logged_by: Uuid,
    #[schema(format = DateTime)]
    created_at: String,
}

impl From<Contact> for ContactBody {
    fn from(contact: Contact) -> Self {
        ContactBody {
            id: contact.id.uuid(),
            authority_code: contact.desk.to_string(),
            channel: contact.channel.as_str(),
            direction: contact.direction.as_str(),
            at: contact.at.to_string(),
            outcome: contact.outcome.as_str(),
            ticket: contact.ticket.map(NamedTicketBody::from),
            note: contact.note,
            logged_by: contact.author.uuid(),
            created_at: contact.created_at.to_string(),
        }
    }
}

/// Which contacts to list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters; they are read by name")]
pub(crate) struct ContactQuery {
    /// Those of this channel alone.
    #[param(inline)]
    channel: Option<ChannelCode>,
    /// Those with this outcome alone.
    #[param(inline)]
    outcome: Option<OutcomeCode>,
    /// Not before this time.
    #[param(max_length = 64, format = DateTime)]
    from: Option<String>,
    /// Before this time.
    #[param(max_length = 64, format = DateTime)]
    to: Option<String>,
    /// Those about this ticket alone, by id or number.
    #[param(max_length = 64, pattern = "^[A-Za-z0-9-]+$")]
    ticket: Option<String>,
    /// Contacts in a page: 1 to 100, 50 if absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// Where to go on.
    #[param(max_length = 256, pattern = "^[A-Za-z0-9_-]+$")]
    cursor: Option<String>,
}

/// A page of contacts, the newest first.
#[derive(Serialize, ToSchema)]
struct ContactPage {
    #[schema(max_items = 100)]
    items: Vec<ContactBody>,
    /// Null on the last page.
    #[schema(required, max_length = 256)]
    next_cursor: Option<String>,
    #[serde(rename = "_links")]
    links: Links,
}

/// The one order of the list.
const ORDER: &str = "-at";

/// Lists contacts.
///
/// Those of the caller's desk; the region sees all.
#[utoipa::path(tag = "work", params(ContactQuery),
    responses((status = 200, description = "A page of contacts", body = ContactPage)))]
#[get("/v1/contacts")]
pub(crate) async fn list_contacts(
    request: HttpRequest,
    operator: Operator,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let mut query = read_query(&request, &PAGE)?;
    let limit = page_size(&mut query);
    let filter = ContactFilter {
        channel: query.code("channel", ContactChannel::from_code),
        outcome: query.code("outcome", ContactOutcome::from_code),
        from: query.moment("from"),
        to: query.moment("to"),
        ticket: query.code("ticket", TicketRef::parse),
    };
    let after = query.code("cursor", |text| cursor::read_at(ORDER, text));
    let after = after.map(|(at, id)| (at, ContactId::new(id)));
    refuse_query(&query.finish())?;
    let page = limit.saturating_add(1);
    let found = block(move || desk.list_contacts(&operator.0, filter, after, page)).await?;
    let (found, next_cursor) = cut_page(found, limit, |last| {
        cursor::write_at(ORDER, last.at, last.id.uuid())
    });
    Ok(HttpResponse::Ok().json(ContactPage {
        links: links(&request, next_cursor.as_deref()),
        items: found.into_iter().map(ContactBody::from).collect(),
        next_cursor,
    }))
}

/// A contact to log.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct ContactForm {
    #[schema(value_type = ChannelCode)]
    channel: String,
    #[schema(value_type = DirectionCode)]
    direction: String,
    /// Now, if left out; not in the future.
    #[schema(format = DateTime)]
    at: Option<String>,
    #[schema(value_type = OutcomeCode)]
    outcome: String,
    /// Id or number of the ticket it was about, if there is one yet.
    #[schema(max_length = 64)]
    ticket: Option<String>,
    /// For the desk alone.
    #[schema(min_length = 1, max_length = 500)]
    note: Option<String>,
}

/// Logs a contact.
///
/// On a ticket, or before there is one: it can be linked later, once.
#[utoipa::path(tag = "work", request_body(content = ContactForm, description = "The contact"),
    responses((status = 201, description = "The contact", body = ContactBody)))]
#[post("/v1/contacts")]
pub(crate) async fn log_contact(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let object = read_object(&request, payload, Expects::Json).await?;
    let once = repeatable.with(serde_json::to_vec(&object).unwrap_or_default());
    let mut body = Members::of(object);
    let channel = body.needed("channel", |body, name| {
        body.code(name, ContactChannel::from_code)
    });
    let direction = body.needed("direction", |body, name| {
        body.code(name, Direction::from_code)
    });
    let at = body.moment("at");
    if at.is_some_and(|at| at > desk.now()) {
        let (it, en) = ("Non può essere nel futuro", "it cannot be in the future");
        body.refuse("at", Invalid::new("in-the-future", it, en));
    }
    let outcome = body.needed("outcome", |body, name| {
        body.code(name, ContactOutcome::from_code)
    });
    let ticket = body.text("ticket", 64);
    let note = body.words("note", |text| Description::parse(text, NOTE_MAX_CHARS));
    let errors = body.finish();
    let (Some(channel), Some(direction), Some(outcome), true) =
        (channel, direction, outcome, errors.is_empty())
    else {
        return Err(Problem::fields(errors));
    };
    let new = NewContact {
        channel,
        direction,
        at,
        outcome,
        ticket,
        note: note.map(Description::into_string),
    };
    let answer = block(move || desk.log_contact(&operator.0, new, &once)).await?;
    let mut response = HttpResponse::Created();
    response.insert_header(("location", format!("/v1/contacts/{}", answer.value.id)));
    response.insert_header(etag(answer.value.version));
    Ok(replay_header(&mut response, answer.replayed).json(ContactBody::from(answer.value)))
}

/// Shows a contact.
#[utoipa::path(tag = "work", params(("contact" = Uuid, Path, description = "The contact's id")),
    responses((status = 200, description = "The contact", body = ContactBody)))]
#[get("/v1/contacts/{contact}")]
pub(crate) async fn show_contact(
    request: HttpRequest,
    operator: Operator,
    contact: web::Path<Uuid>,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let id = ContactId::new(contact.into_inner());
    let contact = block(move || desk.show_contact(&operator.0, id)).await?;
    let version = contact.version;
    tagged(&request, Some(version), &ContactBody::from(contact))
}

/// What a contact turned out to be about.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct ContactPatch {
    /// Id or number of the ticket.
    #[schema(max_length = 64)]
    ticket: String,
}

/// Links a contact to its ticket.
///
/// A merge-patch (RFC 7396). Once: a contact that has its ticket keeps it.
#[utoipa::path(tag = "work", params(("contact" = Uuid, Path, description = "The contact's id")),
    request_body(content = ContactPatch, content_type = "application/merge-patch+json", description = "The ticket"),
    responses((status = 200, description = "The contact", body = ContactBody)))]
#[patch("/v1/contacts/{contact}")]
pub(crate) async fn link_contact(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    contact: web::Path<Uuid>,
    seen: Seen,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let mut body = Members::of(read_object(&request, payload, Expects::MergePatch).await?);
    let ticket = body.needed("ticket", |body, name| body.text(name, 64));
    let errors = body.finish();
    let id = ContactId::new(contact.into_inner());
    let linked = block(move || {
        // Out of reach is told before what is wrong with the patch.
        desk.show_contact(&operator.0, id)?;
        match ticket {
            Some(ticket) if errors.is_empty() => desk.link_contact(&operator.0, id, seen.0, ticket),
            _ => Err(service::DeskError::Invalid(errors)),
        }
    })
    .await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(linked.version))
        .json(ContactBody::from(linked)))
}
