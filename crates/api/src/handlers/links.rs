//! Tickets that belong together: links, merges, and what looks like a duplicate.

use actix_web::{HttpRequest, HttpResponse, delete, post, web};
use domain::invalid::Lang;
use domain::links::NamedTicket;
use domain::text::NoteBody;
use serde::Serialize;
use service::Desk;
use service::links::{AlikeTicket, LinkedTicket};
use utoipa::ToSchema;
use uuid::Uuid;

use super::codes::{LinkKind, LinkRole, NoteText, Resemblance, State, TicketNumber, TicketRef};
use super::contacts::NamedTicketBody;
use super::email_proofs::replay_header;
use super::screen_body::{StaffTicketBody, label};
use super::{CodeLabel, ticket_ref};
use crate::block;
use crate::body::{Expects, read_object};
use crate::conditions::{Repeatable, Seen, etag};
use crate::language::Language;
use crate::members::Members;
use crate::principal::Operator;
use crate::problem::Problem;
use crate::routes::Routes;

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(add_ticket_link)
        .service(remove_ticket_link)
        .service(merge_ticket)
        .service(undo_merge);
}

/// A ticket that looks like another one: a hint, never more.
#[derive(Serialize, ToSchema)]
pub(crate) struct AlikeTicketBody {
    #[schema(value_type = TicketNumber)]
    number: String,
    #[schema(value_type = State)]
    state: String,
    #[schema(max_length = 64)]
    state_label: String,
    /// Who holds it; null for a citizen, whose affair that is not.
    #[schema(required)]
    custody: Option<CodeLabel>,
    #[schema(format = DateTime)]
    created_at: String,
    /// What makes it look so, the strongest first.
    #[schema(value_type = Vec<Resemblance>, max_items = 3)]
    reasons: Vec<String>,
}

impl AlikeTicketBody {
    pub(crate) fn new(one: AlikeTicket, lang: Lang) -> Self {
        AlikeTicketBody {
            number: one.number,
            state: one.state.as_str().to_owned(),
            state_label: one.state_label.to(lang).to_owned(),
            custody: one.custody.map(|custody| label(custody, lang)),
            created_at: one.created_at.to_string(),
            reasons: one.reasons,
        }
    }
}

/// A ticket that is linked with another one.
#[derive(Serialize, ToSchema)]
pub(crate) struct LinkedTicketBody {
    id: Uuid,
    #[schema(value_type = TicketNumber)]
    number: String,
    #[schema(value_type = LinkKind)]
    kind: &'static str,
    /// What the other ticket is to this one.
    #[schema(value_type = LinkRole)]
    role: &'static str,
    /// To a desk that had it before: as it left it.
    #[schema(value_type = State)]
    state: String,
    #[schema(max_length = 64)]
    state_label: String,
    custody: CodeLabel,
    #[schema(format = DateTime)]
    created_at: String,
}

impl LinkedTicketBody {
    pub(crate) fn new(one: LinkedTicket, lang: Lang) -> Self {
        LinkedTicketBody {
            id: one.named.id.uuid(),
            number: one.named.number.to_string(),
            kind: one.kind.as_str(),
            role: one.role.as_str(),
            state: one.state.as_str().to_owned(),
            state_label: one.state.label().to(lang).to_owned(),
            custody: label(one.custody, lang),
            created_at: one.created_at.to_string(),
        }
    }
}

impl From<NamedTicket> for NamedTicketBody {
    fn from(named: NamedTicket) -> Self {
        (named.id, named.number).into()
    }
}

/// A link to make.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct LinkForm {
    /// Number or id of the other ticket.
    #[schema(max_length = 64)]
    ticket: String,
    /// `related`: the other kinds follow from what happens to tickets. `related` if absent.
    #[schema(value_type = Option<LinkKind>)]
    kind: Option<String>,
}

/// Links a ticket with another one.
///
/// Both are then shown on the screen of the other, to whoever may see both. The caller's desk has this
/// one in custody, and sees the other.
#[utoipa::path(tag = "actions", params(("ticket" = inline(TicketRef), Path, description = "The ticket's id or number")),
    request_body(content = LinkForm, description = "The other ticket", example = json!({"ticket": "2026-0000417-S", "kind": "related"})),
    responses((status = 201, description = "Linked: the other ticket. The tag is that of this one", body = LinkedTicketBody)))]
#[post("/v1/tickets/{ticket}/links")]
#[expect(clippy::too_many_arguments, reason = "one typed input each")]
pub(crate) async fn add_ticket_link(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    ticket: web::Path<String>,
    seen: Seen,
    desk: web::Data<Desk>,
    lang: Language,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let wanted = ticket_ref(&ticket)?;
    let object = read_object(&request, payload, Expects::Json).await?;
    let once = repeatable.with(serde_json::to_vec(&object).unwrap_or_default());
    let mut body = Members::of(object);
    let other = body.needed("ticket", |body, name| body.text(name, 64));
    body.code("kind", |code| (code == "related").then_some(()));
    let errors = body.finish();
    let (Some(other), true) = (other, errors.is_empty()) else {
        return Err(Problem::fields(errors));
    };
    let answer =
        block(move || desk.add_ticket_link(&operator.0, wanted, seen.0, other, &once)).await?;
    let mut response = HttpResponse::Created();
    response.insert_header(etag(answer.value.version));
    Ok(replay_header(&mut response, answer.replayed)
        .json(LinkedTicketBody::new(answer.value.other, lang.0)))
}

/// Takes a link with another ticket away.
///
/// Those that people made alone: follow-ups and merges stay what they are.
#[utoipa::path(tag = "actions", params(
    ("ticket" = inline(TicketRef), Path, description = "The ticket's id or number"),
    ("other" = inline(TicketRef), Path, description = "The other ticket's id or number")),
    responses((status = 200, description = "The ticket as it stands now", body = StaffTicketBody)))]
#[delete("/v1/tickets/{ticket}/links/{other}")]
pub(crate) async fn remove_ticket_link(
    operator: Operator,
    path: web::Path<(String, String)>,
    seen: Seen,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let (ticket, other) = path.into_inner();
    let (wanted, other) = (ticket_ref(&ticket)?, ticket_ref(&other)?);
    let changed =
        block(move || desk.remove_ticket_link(&operator.0, wanted, seen.0, other)).await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(changed.version))
        .json(StaffTicketBody::new(changed, lang.0)))
}

/// A merge.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read member by member")]
struct MergeForm {
    /// Number or id of the ticket that stays.
    #[schema(max_length = 64)]
    into: String,
    /// For the team: why they are the same.
    #[schema(value_type = Option<NoteText>)]
    note: Option<String>,
}

/// Merges a ticket into another one.
///
/// The ticket is removed as a duplicate, its requester is told the surviving number, and its own number
/// keeps working: what the requester writes on it is said on the survivor. Nothing is copied. Only
/// within one desk's custody, and only what the same people read; a delegate's request never. It can be
/// undone for a day (`merge_undo_until`), if the survivor is still with the same desk and not over.
#[utoipa::path(tag = "actions", params(("ticket" = inline(TicketRef), Path, description = "The id or number of the ticket that goes")),
    request_body(content = MergeForm, description = "The ticket that stays", example = json!({"into": "2026-0000417-S"})),
    responses((status = 201, description = "Merged: the ticket that went", body = StaffTicketBody)))]
#[post("/v1/tickets/{ticket}/merges")]
#[expect(clippy::too_many_arguments, reason = "one typed input each")]
pub(crate) async fn merge_ticket(
    request: HttpRequest,
    payload: web::Payload,
    operator: Operator,
    ticket: web::Path<String>,
    seen: Seen,
    desk: web::Data<Desk>,
    lang: Language,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let wanted = ticket_ref(&ticket)?;
    let object = read_object(&request, payload, Expects::Json).await?;
    let once = repeatable.with(serde_json::to_vec(&object).unwrap_or_default());
    let mut body = Members::of(object);
    let into = body.needed("into", |body, name| body.text(name, 64));
    let note = body.words("note", NoteBody::parse);
    let errors = body.finish();
    let (Some(into), true) = (into, errors.is_empty()) else {
        return Err(Problem::fields(errors));
    };
    let answer =
        block(move || desk.merge_ticket(&operator.0, wanted, seen.0, into, note, &once)).await?;
    let mut response = HttpResponse::Created();
    response.insert_header(etag(answer.value.version));
    Ok(replay_header(&mut response, answer.replayed)
        .json(StaffTicketBody::new(answer.value, lang.0)))
}

/// Undoes the merge of a ticket.
///
/// It comes back to the state it had, and what it waited for is put off by the time it was merged. What
/// was said on the survivor meanwhile stays there.
#[utoipa::path(tag = "actions", params(("ticket" = inline(TicketRef), Path, description = "The id or number of the ticket that was merged")),
    responses((status = 200, description = "The ticket as it stands now", body = StaffTicketBody)))]
#[delete("/v1/tickets/{ticket}/merges/current")]
pub(crate) async fn undo_merge(
    operator: Operator,
    ticket: web::Path<String>,
    seen: Seen,
    desk: web::Data<Desk>,
    lang: Language,
) -> Result<HttpResponse, Problem> {
    let wanted = ticket_ref(&ticket)?;
    let restored = block(move || desk.undo_merge(&operator.0, wanted, seen.0)).await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(restored.version))
        .json(StaffTicketBody::new(restored, lang.0)))
}
