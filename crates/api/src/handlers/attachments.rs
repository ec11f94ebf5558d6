//! Downloads: always an attachment, never a page (D-19).

use actix_web::http::header::{
    CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpResponse, get, web};
use domain::ids::AttachmentId;
use domain::visibility::Scope;
use service::Desk;
use uuid::Uuid;

use super::codes::TicketRef;
use super::ticket_ref;
use crate::block;
use crate::principal::{Operator, Requester};
use crate::problem::Problem;
use crate::routes::Routes;

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(download_attachment)
        .service(download_own_attachment);
}

/// Downloads a file of a ticket.
///
/// Always as a file to save, never as a page to show.
#[utoipa::path(tag = "tickets",
    params(("ticket" = inline(TicketRef), Path, description = "The ticket's id or number"), ("attachment" = Uuid, Path, description = "The file's id")),
    responses((status = 200, description = "The file", headers(("Content-Disposition" = String, description = "Always `attachment`, with the sender's name for the file")), content(
        (Vec<u8> = "application/pdf"), (Vec<u8> = "application/msword"), (Vec<u8> = "application/vnd.ms-excel"),
        (Vec<u8> = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (Vec<u8> = "application/zip"), (Vec<u8> = "image/png"), (Vec<u8> = "image/gif"), (Vec<u8> = "image/jpeg")))))]
#[get("/v1/tickets/{ticket}/attachments/{attachment}")]
pub(crate) async fn download_attachment(
    operator: Operator,
    path: web::Path<(String, Uuid)>,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    download(desk, Scope::of(&operator.0), path.into_inner()).await
}

/// Downloads a file of one of my requests.
///
/// Always as a file to save, never as a page to show.
#[utoipa::path(tag = "citizen",
    params(("ticket" = inline(TicketRef), Path, description = "The ticket's id or number"), ("attachment" = Uuid, Path, description = "The file's id")),
    responses((status = 200, description = "The file", headers(("Content-Disposition" = String, description = "Always `attachment`, with the sender's name for the file")), content(
        (Vec<u8> = "application/pdf"), (Vec<u8> = "application/msword"), (Vec<u8> = "application/vnd.ms-excel"),
        (Vec<u8> = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (Vec<u8> = "application/zip"), (Vec<u8> = "image/png"), (Vec<u8> = "image/gif"), (Vec<u8> = "image/jpeg")))))]
#[get("/v1/me/tickets/{ticket}/attachments/{attachment}")]
pub(crate) async fn download_own_attachment(
    requester: Requester,
    path: web::Path<(String, Uuid)>,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, Problem> {
    let finder = desk.clone();
    let scope = block(move || Ok(finder.scope_of(&requester.0))).await?;
    download(desk, scope, path.into_inner()).await
}

async fn download(
    desk: web::Data<Desk>,
    scope: Scope,
    (ticket, id): (String, Uuid),
) -> Result<HttpResponse, Problem> {
    let wanted = ticket_ref(&ticket)?;
    let finder = desk.clone();
    let file =
        block(move || finder.find_attachment(&scope, &wanted, AttachmentId::new(id))).await?;
    let download = desk.read_attachment(file).await?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, download.file.kind.media_type()))
        .insert_header((
            CONTENT_DISPOSITION,
            disposition(download.file.name.as_str()),
        ))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"))
        .body(download.bytes))
}

/// The sender's name for the file, as RFC 6266 writes it: only there, never in a path.
fn disposition(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || ".-_ ".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    let mut encoded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b".-_".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}
