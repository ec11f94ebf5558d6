//! Proving an e-mail address before an anonymous filing.

use actix_web::{HttpMessage, HttpRequest, HttpResponse, post, web};
use domain::email::EmailAddress;
use domain::ids::ProofId;
use serde::{Deserialize, Serialize};
use service::Desk;
use utoipa::ToSchema;
use uuid::Uuid;
use validator::Validate;

use crate::block;
use crate::body::read_repeatable;
use crate::conditions::Repeatable;
use crate::gate::Network;
use crate::language::Language;
use crate::problem::Problem;
use crate::routes::Routes;

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(start_email_proof)
        .service(verify_email_proof);
}

/// The address to prove.
#[derive(Deserialize, Validate, ToSchema)]
struct EmailProofBody {
    /// Where the code goes.
    #[validate(length(max = 254))]
    #[schema(format = "email", max_length = 254)]
    email: String,
}

/// A proof in progress.
#[derive(Serialize, ToSchema)]
struct StartedProof {
    /// To be named with the code.
    id: Uuid,
    /// When code and proof end.
    #[schema(format = DateTime)]
    expires_at: String,
}

/// Starts the proof of an e-mail address.
///
/// For filing without a token. A one-time code goes to the address by mail; send it to
/// `/v1/email-proofs/{proof}/verifications`. The answer never says whether the address is known.
#[utoipa::path(tag = "filing", request_body(content = EmailProofBody, description = "The address"),
    responses((status = 202, description = "The code is on its way", body = StartedProof)))]
#[post("/v1/email-proofs")]
pub(crate) async fn start_email_proof(
    request: HttpRequest,
    payload: web::Payload,
    desk: web::Data<Desk>,
    lang: Language,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let (body, content): (EmailProofBody, _) = read_repeatable(&request, payload).await?;
    let email =
        EmailAddress::parse(&body.email).map_err(|invalid| Problem::field(invalid.at("/email")))?;
    let network = request
        .extensions()
        .get::<Network>()
        .map_or_else(String::new, |network| network.0.clone());
    let once = repeatable.told_by(email.as_str()).with(content);
    let answer = block(move || desk.start_email_proof(&email, &network, lang.0, &once)).await?;
    let started = StartedProof {
        id: answer.value.id.uuid(),
        expires_at: answer.value.expires_at.to_string(),
    };
    Ok(replay_header(&mut HttpResponse::Accepted(), answer.replayed).json(started))
}

/// The code that was mailed.
#[derive(Deserialize, Validate, ToSchema)]
struct CodeBody {
    /// The digits of the mail.
    #[validate(length(min = 1, max = 16))]
    #[schema(min_length = 1, max_length = 16, example = "123456")]
    code: String,
}

/// What to file with.
#[derive(Serialize, ToSchema)]
struct ProofBody {
    /// Opaque; good for one filing with this address.
    #[schema(max_length = 128)]
    email_proof: String,
}

/// Confirms an e-mail address with the code.
///
/// The answer's `email_proof` goes into the filed form; it is good once, and for this address alone.
#[utoipa::path(tag = "filing", params(("proof" = Uuid, Path, description = "The proof in progress")),
    request_body(content = CodeBody, description = "The code"),
    responses((status = 201, description = "The address is proved", body = ProofBody)))]
#[post("/v1/email-proofs/{proof}/verifications")]
pub(crate) async fn verify_email_proof(
    request: HttpRequest,
    id: web::Path<Uuid>,
    payload: web::Payload,
    desk: web::Data<Desk>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let (body, content): (CodeBody, _) = read_repeatable(&request, payload).await?;
    let (id, once) = (ProofId::new(*id), repeatable.with(content));
    let answer =
        block(move || desk.answer_once(&once, || desk.verify_email_proof(id, &body.code))).await?;
    let proof = ProofBody {
        email_proof: answer.value,
    };
    Ok(replay_header(&mut HttpResponse::Created(), answer.replayed).json(proof))
}

/// Marks an answer that was given before.
pub(crate) fn replay_header(
    response: &mut actix_web::HttpResponseBuilder,
    replayed: bool,
) -> &mut actix_web::HttpResponseBuilder {
    if replayed {
        response.insert_header(("idempotency-replayed", "true"));
    }
    response
}
