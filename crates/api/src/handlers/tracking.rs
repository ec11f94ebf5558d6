//! Tracking sessions: from the link in a mail to a short token for the one ticket.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use service::DeskError;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use super::codes::TokenType;
use super::email_proofs::replay_header;
use crate::app::Shared;
use crate::block;
use crate::body::read_repeatable;
use crate::conditions::Repeatable;
use crate::problem::Problem;
use crate::routes::Routes;

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config.service(open_tracking_session);
}

/// What the link's fragment holds.
#[derive(Deserialize, Validate, ToSchema)]
struct TrackingBody {
    /// The ticket's number.
    #[validate(length(min = 1, max = 64))]
    #[schema(min_length = 1, max_length = 64)]
    number: String,
    /// The secret.
    #[validate(length(min = 1, max = 128))]
    #[schema(min_length = 1, max_length = 128)]
    secret: String,
}

/// A token for the one ticket.
#[derive(Serialize, Deserialize, ToSchema)]
struct TrackingSessionBody {
    /// For the `Authorization` header.
    #[schema(max_length = 8192)]
    access_token: String,
    #[schema(value_type = TokenType)]
    token_type: String,
    /// Seconds the access token is good for.
    #[schema(minimum = 0, maximum = 86400)]
    expires_in: i64,
    /// The ticket it opens.
    ticket_id: Uuid,
}

/// Opens a tracking session.
///
/// For requesters without a national identity: the link in their mail holds number and secret in its
/// fragment, which never reaches a server by itself. The token is good for that one request, under
/// `/v1/me/tickets`. Unknown number, wrong secret and dead link get the same 401.
#[utoipa::path(tag = "citizen", request_body(content = TrackingBody, description = "Number and secret"),
    responses((status = 201, description = "The session", body = TrackingSessionBody)))]
#[post("/v1/tracking-sessions")]
pub(crate) async fn open_tracking_session(
    request: HttpRequest,
    payload: web::Payload,
    shared: web::Data<Shared>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let (body, content): (TrackingBody, _) = read_repeatable(&request, payload).await?;
    let once = repeatable.told_by(&body.number).with(content);
    let answer = block(move || {
        shared.desk.answer_once(&once, || {
            let ticket = shared
                .desk
                .open_tracking(&body.number, body.secret.trim())?;
            let token = shared
                .tokens
                .issue_tracking(ticket, shared.desk.ids().uuid(), shared.desk.now())
                .map_err(|error| DeskError::broken("a token cannot be signed", error))?;
            Ok(TrackingSessionBody {
                access_token: token.token,
                token_type: "Bearer".to_owned(),
                expires_in: token.expires_in_seconds,
                ticket_id: ticket.uuid(),
            })
        })
    })
    .await?;
    Ok(replay_header(&mut HttpResponse::Created(), answer.replayed).json(answer.value))
}

/// What a person sees who opens the link where no portal stands behind it: how to go on. The
/// portal of an installation has its own page; set `mail.tracking_url`.
#[get("/tracking")]
pub(crate) async fn tracking_page() -> HttpResponse {
    page(include_str!("tracking.html"))
}

/// The same for whoever opens the address on the sheet of their credentials; set
/// `accounts.activation_url` where a program has a page of its own.
#[get("/activation")]
pub(crate) async fn activation_page() -> HttpResponse {
    page(include_str!("activation.html"))
}

/// And for whoever opens the link to a copy of their data; set `mail.export_url` where a program has a
/// page of its own.
#[get("/export")]
pub(crate) async fn export_page() -> HttpResponse {
    page(include_str!("export.html"))
}

fn page(text: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((
            "content-security-policy",
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ))
        .content_type("text/html; charset=utf-8")
        .body(text)
}
