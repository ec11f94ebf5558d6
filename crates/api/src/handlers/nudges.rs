//! A requester's nudge ("sollecito").

use actix_web::{HttpRequest, HttpResponse, post, web};
use service::Desk;

use super::codes::TicketRef;
use super::email_proofs::replay_header;
use super::own_body::RequesterTicketBody;
use super::own_tickets::must_say_nothing;
use super::ticket_ref;
use crate::block;
use crate::conditions::Repeatable;
use crate::language::Language;
use crate::principal::Requester;
use crate::problem::Problem;
use crate::routes::Routes;

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config.service(nudge_ticket);
}

/// Nudges about one of my requests.
///
/// Asks whoever has it to get on with it; nothing needs to be said in the body. Possible while it lies
/// with a desk, and not too often: `next_nudge_from` says from when, `nudge-too-early` as well, and
/// `nudges-used-up` that there were enough. While I am asked something an answer is what helps.
#[utoipa::path(tag = "citizen", params(("ticket" = inline(TicketRef), Path, description = "The ticket's id or number")),
    responses((status = 201, description = "Told to whoever has the request", body = RequesterTicketBody)))]
#[post("/v1/me/tickets/{ticket}/nudges")]
pub(crate) async fn nudge_ticket(
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
        desk.nudge(&scope, wanted, &once)
    })
    .await?;
    Ok(replay_header(&mut HttpResponse::Created(), answer.replayed)
        .json(RequesterTicketBody::new(answer.value, lang.0)))
}
