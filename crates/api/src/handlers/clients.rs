//! Tokens of programs (RFC 6749 §4.4), and sessions of staff whom an identity service vouches for.

use actix_web::http::header::AUTHORIZATION;
use actix_web::{HttpRequest, HttpResponse, post, web};
use data_encoding::BASE64;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use service::clients::{Client, OnceToken};
use service::federation::{FederatedPerson, FederatedPlacement};
use service::{Desk, DeskError};
use utoipa::ToSchema;
use validator::Validate;

use super::codes::TokenType;
use super::credentials::network;
use super::email_proofs::replay_header;
use super::sessions::{SessionBody, session_body};
use crate::app::Shared;
use crate::assertion::{unverified_client, verify_assertion};
use crate::block;
use crate::body::{media_type, must_be_plain, read_repeatable};
use crate::conditions::Repeatable;
use crate::oidc::StaffClaims;
use crate::problem::Problem;
use crate::routes::Routes;
use crate::tokens::TokenError;
use crate::uploads::Arriving;

pub(crate) fn routes(config: &mut Routes<'_, '_>) {
    config
        .service(issue_client_token)
        .service(open_federated_session);
}

/// What a program sends, as a form.
#[derive(Debug, Default, ToSchema)]
#[expect(dead_code, reason = "describes the form; its fields are read by name")]
struct TokenForm {
    /// `client_credentials`.
    #[schema(max_length = 64)]
    grant_type: String,
    /// The client's id, unless it stands in the `Authorization` header or the assertion.
    #[schema(max_length = 64)]
    client_id: Option<String>,
    /// The client's secret, likewise.
    #[schema(max_length = 256)]
    client_secret: Option<String>,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`, with an assertion.
    #[schema(max_length = 128)]
    client_assertion_type: Option<String>,
    /// A token signed with the client's own key (RFC 7523), good once.
    #[schema(max_length = 8192)]
    client_assertion: Option<String>,
    /// Fewer scopes than the client has; all of them, if left out.
    #[schema(max_length = 512)]
    scope: Option<String>,
}

/// A program's token.
#[derive(Serialize, Deserialize, ToSchema)]
struct ClientTokenBody {
    /// For the `Authorization` header.
    #[schema(max_length = 8192)]
    access_token: String,
    #[schema(value_type = TokenType)]
    token_type: String,
    /// Seconds the token is good for.
    #[schema(minimum = 0, maximum = 86400)]
    expires_in: i64,
    /// What the program may do.
    #[schema(max_length = 512)]
    scope: String,
}

/// The one kind of assertion there is (RFC 7523 §2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The one grant there is.
const GRANT: &str = "client_credentials";

/// How a program proves itself.
enum Proof {
    Secret { id: String, secret: String },
    Assertion(String),
}

/// Issues a program's token.
///
/// By client credentials: id and secret in the `Authorization` header (Basic) or in the form, or an
/// assertion signed with the program's key. `error` repeats the code of RFC 6749 beside the problem. For a
/// citizen a program carries, in `Citizen-Token`, the token the citizen's identity issuer signed.
#[utoipa::path(tag = "credentials",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded", description = "The grant"),
    responses((status = 200, description = "The token", body = ClientTokenBody)))]
#[post("/v1/oauth/token")]
pub(crate) async fn issue_client_token(
    request: HttpRequest,
    payload: web::Payload,
    shared: web::Data<Shared>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let (form, content) = read_form(&request, payload).await?;
    let field = |name: &str| {
        let found = form.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    };
    match field("grant_type").as_deref() {
        Some(GRANT) => {}
        Some(_) => return Err(refused("malformed-request", "unsupported_grant_type")),
        None => return Err(refused("malformed-request", "invalid_request")),
    }
    let asked = field("scope");
    let proof = proof(&request, field)?;
    let mark = match &proof {
        Proof::Secret { id, .. } => id.clone(),
        Proof::Assertion(assertion) => assertion.clone(),
    };
    let once = repeatable.told_by(&mark).with(content);
    let answer = block(move || {
        shared.desk.answer_once(&once, || {
            let client = prove(&shared, &proof)?;
            let fewer = match &asked {
                Some(asked) => {
                    let asked: Vec<&str> = asked.split(' ').collect();
                    Some(Desk::fewer_scopes(&client, &asked)?)
                }
                None => None,
            };
            let (desk, now) = (&shared.desk, shared.desk.now());
            let token = shared
                .tokens
                .issue_client(client.id, fewer.as_deref(), desk.ids().uuid(), now)
                .map_err(|error| DeskError::broken("a token cannot be signed", error))?;
            Ok(ClientTokenBody {
                access_token: token.token,
                token_type: "Bearer".to_owned(),
                expires_in: token.expires_in_seconds,
                scope: fewer.unwrap_or(client.scopes).join(" "),
            })
        })
    })
    .await
    .map_err(|problem| match problem.slug() {
        "unauthenticated" => problem.with("error", "invalid_client"),
        // The one thing a program that proved itself may not do here.
        "forbidden" => refused("malformed-request", "invalid_scope"),
        _ => problem,
    })?;
    Ok(replay_header(&mut HttpResponse::Ok(), answer.replayed).json(answer.value))
}

fn refused(slug: &'static str, error: &str) -> Problem {
    Problem::new(slug).with("error", error)
}

/// Reads a form, and what to know the same request by. A field given twice is refused (RFC 6749 §3.2).
async fn read_form(
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<(Vec<(String, String)>, Vec<u8>), Problem> {
    const FORM: &str = "application/x-www-form-urlencoded";
    if media_type(request) != FORM {
        return Err(Problem::new("unsupported-media-type").with("accepted", FORM));
    }
    must_be_plain(request)?;
    let bytes = Arriving::new(request, payload).collect().await?;
    let text = std::str::from_utf8(&bytes).unwrap_or("\0");
    let form = web::Query::<Vec<(String, String)>>::from_query(text)
        .map_err(|_| refused("malformed-request", "invalid_request"))?
        .into_inner();
    let names: std::collections::HashSet<&String> = form.iter().map(|(name, _)| name).collect();
    let has_nul = form.iter().any(|(_, value)| value.contains('\0'));
    if names.len() != form.len() || has_nul {
        return Err(refused("malformed-request", "invalid_request"));
    }
    Ok((form, bytes.to_vec()))
}

/// The one proof a program brings; two at once are refused.
fn proof(request: &HttpRequest, field: impl Fn(&str) -> Option<String>) -> Result<Proof, Problem> {
    let basic = request.headers().get(AUTHORIZATION).and_then(|value| {
        let (scheme, basic) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("basic").then_some(basic)
    });
    let assertion = field("client_assertion");
    match (basic, field("client_secret"), assertion) {
        (Some(basic), None, None) => basic_proof(basic).ok_or_else(unproved),
        (None, Some(secret), None) => Ok(Proof::Secret {
            id: field("client_id").unwrap_or_default(),
            secret,
        }),
        (None, None, Some(assertion))
            if field("client_assertion_type").as_deref() == Some(ASSERTION_TYPE) =>
        {
            Ok(Proof::Assertion(assertion))
        }
        (None, None, None) => Err(unproved()),
        _ => Err(refused("malformed-request", "invalid_request")),
    }
}

fn unproved() -> Problem {
    Problem::from(DeskError::Credentials).with("error", "invalid_client")
}

fn basic_proof(basic: &str) -> Option<Proof> {
    let text = String::from_utf8(BASE64.decode(basic.trim().as_bytes()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some(Proof::Secret {
        id: id.to_owned(),
        secret: secret.to_owned(),
    })
}

fn prove(shared: &Shared, proof: &Proof) -> Result<Client, DeskError> {
    match proof {
        Proof::Secret { id, secret } => shared.desk.client_by_secret(id, secret),
        Proof::Assertion(assertion) => {
            let id = unverified_client(assertion).ok_or(DeskError::Credentials)?;
            let (client, keys) = shared.desk.client_keys(&id)?;
            let keys: Vec<serde_json::Value> = keys
                .iter()
                .filter_map(|key| serde_json::from_str(key).ok())
                .collect();
            let endpoint = format!("{}/v1/oauth/token", shared.public_url);
            let audiences = [endpoint.as_str(), shared.tokens.issuer()];
            let claims = verify_assertion(assertion, &keys, &id, &audiences, shared.desk.now())
                .map_err(|_| DeskError::Credentials)?;
            shared.desk.use_token(&OnceToken {
                maker: format!("client:{id}"),
                id: claims.jti,
                expires_at: claims.expires_at,
            })?;
            Ok(client)
        }
    }
}

/// A token of the regional identity service.
#[derive(Deserialize, Validate, ToSchema)]
struct FederatedBody {
    /// As the service signed it.
    #[validate(length(min = 1, max = 8192))]
    #[schema(min_length = 1, max_length = 8192)]
    token: String,
}

/// A token is exchanged soon after it was issued, so that the session begins with a log-in of now.
const EXCHANGE_WITHIN: SignedDuration = SignedDuration::from_mins(10);

/// Opens a session by a regional identity service.
///
/// For staff of the federation: the token says who they are and where they work. Profiles the installation
/// does not know give no right; somebody without any known one gets a session with no placement. A token
/// is good once, and within ten minutes of its issue.
#[utoipa::path(tag = "sessions", request_body(content = FederatedBody, description = "The token"),
    responses((status = 201, description = "The session", body = SessionBody)))]
#[post("/v1/federated-sessions")]
pub(crate) async fn open_federated_session(
    request: HttpRequest,
    payload: web::Payload,
    shared: web::Data<Shared>,
    repeatable: Repeatable,
) -> Result<HttpResponse, Problem> {
    let (body, content): (FederatedBody, _) = read_repeatable(&request, payload).await?;
    let verified = shared.staff.verify(&body.token, shared.desk.now()).await;
    let claims = verified.map_err(|error| match error {
        TokenError::KeysUnavailable => Problem::new("temporarily-unavailable").retry_after(30),
        _ => Problem::new("unauthenticated"),
    })?;
    let age = shared.desk.now().duration_since(claims.issued_at);
    let person = person(&shared, &claims)
        .filter(|_| age <= EXCHANGE_WITHIN)
        .ok_or_else(|| Problem::new("unauthenticated"))?;
    let network = network(&request);
    let once = repeatable.told_by(&body.token).with(content);
    let answer = block(move || {
        shared.desk.answer_once(&once, || {
            let signed_in = shared.desk.sign_in_federated(&person, &network)?;
            session_body(&shared, &signed_in)
        })
    })
    .await?;
    Ok(replay_header(&mut HttpResponse::Created(), answer.replayed).json(answer.value))
}

/// The person claims speak of; a tax code or a name we cannot read is no person.
fn person(shared: &Shared, claims: &StaffClaims) -> Option<FederatedPerson> {
    let tax_code = domain::tax_code::TaxCode::parse(&claims.tax_code, true).ok()?;
    let name = |text: &str| domain::person_name::PersonName::parse(text).ok();
    let (given, family) = (name(&claims.given_name)?, name(&claims.family_name)?);
    let placements = shared.staff.placements(claims).into_iter();
    Some(FederatedPerson {
        issuer: claims.issuer.clone(),
        subject: claims.subject.clone(),
        tax_code: tax_code.as_str().to_owned(),
        display_name: format!("{} {}", given.as_str(), family.as_str()),
        has_second_factor: claims.second_factor,
        placements: placements
            .map(|rule| FederatedPlacement {
                role: rule.role,
                authority: rule.authority.as_str().into(),
                location_code: rule.location,
                location_label: rule.location_label,
            })
            .collect(),
        token: OnceToken {
            maker: format!("staff:{}", claims.issuer),
            id: claims.jti.clone(),
            expires_at: claims.expires_at,
        },
    })
}
