//! Every request passes here, once: who calls, may they, how often. How its answer looks is said in
//! `answer`.
//!
//! Deny by default: a path without a line in `policy` is answered before any handler runs.

use std::panic::AssertUnwindSafe;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, ResponseError, web};
use domain::attachment::{ALL_EXTENSIONS, FileKind};
use domain::email::EmailAddress;
use domain::filing::CitizenIdentity;
use domain::permissions::{self, Right};
use domain::person_name::PersonName;
use domain::tax_code::TaxCode;
use futures_util::FutureExt;
use jiff::Timestamp;
use service::clients::{Client, OnceToken};
use service::sign_in::LiveSession;
use tracing::Instrument;

use crate::answer::Asked;
use crate::app::Shared;
use crate::block;
use crate::modi::brings_certificate;
use crate::oidc::CitizenClaims;
use crate::policy::{self, Callers, Rule};
use crate::principal::Principal;
use crate::problem::Problem;
use crate::rate_limit::{Payer, Verdict};
use crate::tokens::{OwnToken, TokenError};
use crate::{reading, trail};

/// The caller's network, as far as listed proxies can be trusted.
#[derive(Clone)]
pub(crate) struct Network(pub String);

/// The middleware around everything.
pub(crate) async fn gate<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let Some(shared) = request.app_data::<web::Data<Shared>>().cloned() else {
        return Err(Problem::new("internal-error").into());
    };
    let started = shared.desk.now();
    // HEAD is GET without the body, which the codec leaves out by itself.
    if request.method() == Method::HEAD {
        request.head_mut().method = Method::GET;
    }
    let asked = Asked::of(&request, &shared.desk);
    let network = shared.proxies.network_of(&request);
    request.extensions_mut().insert(Network(network.clone()));

    let (principal, admitted) = admit(&shared, &request, &asked, &network).await;
    let verdict = shared
        .limits
        .check(principal.payer(), &principal.key(&network));
    // A program pays for the citizens it carries, too.
    let carrier = principal
        .client()
        .filter(|_| principal.payer() != Payer::Client);
    let verdict = match carrier.map(|client| {
        shared
            .limits
            .check(Payer::Client, &format!("client:{}", client.id))
    }) {
        Some(over @ Verdict::Over { .. }) => over,
        _ => verdict,
    };
    let admitted = match &verdict {
        Verdict::Over { retry_after, .. } => {
            Err(Problem::new("quota-exceeded").retry_after(*retry_after))
        }
        Verdict::Within { .. } => admitted,
    };
    let caller = principal.kind();
    request.extensions_mut().insert(principal);

    let log = |status: u16| {
        let took = shared.desk.now().duration_since(started);
        shared
            .metrics
            .count(&asked.method, &asked.route, status, took);
        tracing::info!(
            correlation.id = %asked.correlation,
            http.method = asked.method,
            // The pattern, not the path: an address may be typed by anybody.
            http.route = asked.route,
            http.status = status,
            caller.kind = caller,
            took.micros = i64::try_from(took.as_micros()).unwrap_or(i64::MAX),
            "answered"
        );
    };
    let trail = trail::begin(&shared, request.request(), &asked);
    let (trail, admitted) = match (trail, admitted) {
        (Ok(trail), admitted) => (trail, admitted),
        (Err(problem), _) => (None, Err(problem)),
    };
    if let Err(problem) = admitted {
        let status = problem.status_code();
        // Who calls too often would fill the trail as well.
        let is_told = trail::is_told(request.request(), &asked, status)
            && !matches!(verdict, Verdict::Over { .. });
        let ended = trail::end(&shared, trail, status, is_told).await;
        let problem = ended.err().unwrap_or(problem);
        let response = asked.dress(problem.error_response(), &verdict);
        log(response.status().as_u16());
        return Ok(request.into_response(response));
    }
    // The call is made inside the guarded future: routing itself may panic, too.
    let span = tracing::info_span!("request", correlation.id = %asked.correlation);
    let reading = reading::of(&shared, request.request(), asked.rule);
    let call = trail::follow(trail.clone(), async move { next.call(request).await });
    let call = reading::follow(reading, call);
    let call = call.instrument(span);
    match AssertUnwindSafe(call).catch_unwind().await {
        Ok(Ok(answered)) => {
            let answered = answered.map_into_boxed_body();
            let status = answered.status();
            let is_told = trail::is_told(answered.request(), &asked, status);
            let ended = trail::end(&shared, trail, status, is_told).await;
            let (request, response) = answered.into_parts();
            let response = match ended {
                Ok(()) => response,
                Err(problem) => problem.error_response(),
            };
            let response = asked.dress(response, &verdict);
            log(response.status().as_u16());
            Ok(ServiceResponse::new(request, response))
        }
        failed => {
            let problem = match &failed {
                Ok(Err(error)) => error.error_response(),
                _ => {
                    tracing::error!(correlation.id = %asked.correlation, "a handler panicked");
                    Problem::new("internal-error").error_response()
                }
            };
            let ended = trail::end(&shared, trail, problem.status(), true).await;
            let problem = ended.err().map_or(problem, |ended| ended.error_response());
            log(problem.status().as_u16());
            Err(asked.undo(problem, &verdict).into())
        }
    }
}

/// Who calls, and whether the policy lets them.
async fn admit(
    shared: &Shared,
    request: &ServiceRequest,
    asked: &Asked,
    network: &str,
) -> (Principal, Result<(), Problem>) {
    let Some(rule) = asked.rule else {
        return (Principal::Nobody, without_rule(request, &asked.route));
    };
    let too_long = |value: &HeaderValue| value.len() > MAX_HEADER_BYTES;
    if request.headers().iter().any(|(_, value)| too_long(value)) {
        let (it, en) = (
            "Un'intestazione supera 8 KiB.",
            "a header is longer than 8 KiB",
        );
        return (Principal::Nobody, Err(Problem::malformed(it, en)));
    }
    if request.query_string().len() > MAX_HEADER_BYTES {
        let (it, en) = (
            "I parametri superano 8 KiB.",
            "the query is longer than 8 KiB",
        );
        return (Principal::Nobody, Err(Problem::malformed(it, en)));
    }
    if let Some(problem) = cannot_answer(request) {
        return (Principal::Nobody, Err(problem));
    }
    if !policy::TAKES_QUERY.contains(&rule.operation) && !request.query_string().is_empty() {
        let (it, en) = (
            "Nessun parametro è previsto qui.",
            "no query parameter is known here",
        );
        return (Principal::Nobody, Err(Problem::malformed(it, en)));
    }
    if rule.callers == Callers::Public {
        return (Principal::Nobody, Ok(()));
    }
    let principal = match authenticate(shared, request).await {
        Ok(principal) => principal,
        Err(problem) => {
            // Failed proofs count against the network they come from.
            let key = format!("failed:{network}");
            let verdict = shared.limits.check(Payer::Anonymous, &key);
            return match verdict {
                Verdict::Over { retry_after, .. } => (
                    Principal::Nobody,
                    Err(Problem::new("quota-exceeded").retry_after(retry_after)),
                ),
                Verdict::Within { .. } => (Principal::Nobody, Err(problem)),
            };
        }
    };
    let verdict = permitted(shared, rule, &principal);
    (principal, verdict)
}

fn without_rule(request: &ServiceRequest, path: &str) -> Result<(), Problem> {
    let is_page = policy::PAGES.contains(&path) || path.starts_with("/docs");
    if is_page && request.method() == Method::GET {
        return Ok(());
    }
    let methods: Vec<&str> = policy::rules_of(path).map(|rule| rule.method).collect();
    if methods.is_empty() && !is_page {
        return Err(Problem::new("not-found"));
    }
    let methods = if methods.is_empty() {
        "GET".to_owned()
    } else {
        methods.join(", ")
    };
    Err(Problem::new("method-not-allowed").allow(methods))
}

/// What the policy says to this caller.
fn permitted(shared: &Shared, rule: &Rule, principal: &Principal) -> Result<(), Problem> {
    let forbidden = || Err(Problem::new("forbidden"));
    // A program may do what its scopes say, for a citizen, too, and nothing else.
    if let Some(client) = principal.client() {
        let is_allowed = rule
            .scope
            .is_some_and(|needed| client.scopes.iter().any(|scope| scope == needed));
        if !is_allowed {
            return forbidden();
        }
    }
    match (rule.callers, principal) {
        (Callers::Anyone, Principal::Staff(session)) => may_work(shared, session, &[Right::File]),
        (Callers::Public | Callers::Anyone, _) => Ok(()),
        (_, Principal::Nobody) => Err(Problem::new("unauthenticated")),
        (Callers::SignedIn, Principal::Staff(session)) => must_be_fresh(shared, rule, session),
        (Callers::Staff(right), Principal::Staff(session)) => {
            may_work(shared, session, &[right])?;
            must_be_fresh(shared, rule, session)
        }
        (Callers::Readers, Principal::Staff(session)) => may_work(
            shared,
            session,
            &[Right::ReadTickets, Right::ReadUnderGrant],
        ),
        // Whose scope was looked at above; one that carries a citizen's token calls for the citizen.
        (Callers::Programs, Principal::Client(_)) => Ok(()),
        (Callers::Staff(_), Principal::Client(_)) if rule.scope.is_some() => Ok(()),
        (Callers::Requester, Principal::Citizen { .. } | Principal::Tracking(_)) => Ok(()),
        _ => forbidden(),
    }
}

/// Whether a session is whole, and its role has one of the rights.
fn may_work(shared: &Shared, session: &LiveSession, rights: &[Right]) -> Result<(), Problem> {
    if session.must_change_password {
        return Err(Problem::new("password-change-required"));
    }
    let Some(placement) = &session.placement else {
        return Err(Problem::new("role-selection-required"));
    };
    let rules = &shared.desk.settings().sign_in;
    let needs_more = rules.require_second_factor
        && permissions::needs_second_factor(placement.role)
        && !session.has_second_factor;
    if needs_more {
        return Err(Problem::new("second-factor-required"));
    }
    let has = |right: &Right| permissions::has(placement.role, *right);
    match rights.iter().any(has) {
        true => Ok(()),
        false => Err(Problem::new("forbidden")),
    }
}

/// The gravest actions need a log-in of just now (D-6): a token somebody left open is not enough.
fn must_be_fresh(shared: &Shared, rule: &Rule, session: &LiveSession) -> Result<(), Problem> {
    let age = shared.desk.now().duration_since(session.since);
    match rule.is_grave && age > shared.desk.settings().sign_in.fresh {
        true => Err(Problem::new("fresh-login-required")),
        false => Ok(()),
    }
}

/// Whether the client accepts nothing of what we speak (RFC 9110 §12.5.1): JSON everywhere, and
/// here and there a document or a file.
fn cannot_answer(request: &ServiceRequest) -> Option<Problem> {
    const SPOKEN: [&str; 9] = [
        "application/json",
        "application/problem+json",
        "application/yaml",
        "application/octet-stream",
        "text/calendar",
        "text/event-stream",
        "text/html",
        "text/plain",
        "text/markdown",
    ];
    let accept = request.headers().get(header::ACCEPT)?.to_str().ok()?;
    let speaks = |range: &str| {
        let mut parts = range.split(';');
        let range = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
        if parts.any(is_weight_zero) {
            return false;
        }
        let is_file = ALL_EXTENSIONS
            .iter()
            .filter_map(|extension| FileKind::from_extension(extension))
            .any(|kind| kind.media_type() == range);
        range.is_empty() || range.ends_with("/*") || is_file || SPOKEN.contains(&range.as_str())
    };
    (!accept.split(',').any(speaks)).then(|| Problem::new("not-acceptable"))
}

/// `q=0`: anything but this (RFC 9110 §12.4.2).
fn is_weight_zero(parameter: &str) -> bool {
    let weight = parameter.trim().to_ascii_lowercase();
    weight
        .strip_prefix("q=")
        .is_some_and(|weight| weight.trim().parse::<f32>() == Ok(0.0))
}

async fn authenticate(shared: &Shared, request: &ServiceRequest) -> Result<Principal, Problem> {
    let refused = || Problem::new("unauthenticated");
    let Some(value) = only(request, header::AUTHORIZATION.as_str())? else {
        return Ok(Principal::Nobody);
    };
    let (scheme, token) = value.split_once(' ').ok_or_else(refused)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(refused());
    }
    let (token, now) = (token.trim(), shared.desk.now());
    if !shared.tokens.claims_to_be_ours(token) {
        if let Some(client) = signed_by_a_program(shared, token, now).await? {
            return with_citizen(shared, request, client, now).await;
        }
        return verified_citizen(shared, token, now, None).await;
    }
    let desk = shared.desk.clone();
    match shared.tokens.verify(token, now).map_err(|_| refused())? {
        OwnToken::Staff { session, account } => {
            let found = block(move || desk.find_session(session)).await?;
            let session = found
                .filter(|found| found.account == account)
                .ok_or_else(refused)?;
            Ok(Principal::Staff(Box::new(session)))
        }
        OwnToken::Client { client, scopes } => {
            let found = block(move || desk.find_client(client)).await?;
            let mut client = found.ok_or_else(refused)?;
            // What was taken from the program since is gone; what it left out, it did not get.
            if let Some(asked) = scopes {
                client.scopes.retain(|scope| asked.contains(scope));
            }
            with_citizen(shared, request, client, now).await
        }
        OwnToken::Tracking { ticket } => {
            let lives = block(move || desk.tracking_lives(ticket)).await?;
            if lives {
                Ok(Principal::Tracking(ticket))
            } else {
                Err(refused())
            }
        }
    }
}

/// The program that signed a token with its certificate, or that a voucher speaks for; none if it is
/// neither of the two. Nothing a token names is ever fetched.
async fn signed_by_a_program(
    shared: &Shared,
    token: &str,
    now: Timestamp,
) -> Result<Option<Client>, Problem> {
    let refused = |_: TokenError| Problem::new("unauthenticated");
    let desk = shared.desk.clone();
    if brings_certificate(token) {
        let verifier = shared.certificates.as_ref();
        let verifier = verifier.ok_or_else(|| Problem::new("unauthenticated"))?;
        let claims = verifier.verify(token, now).map_err(refused)?;
        let once = OnceToken {
            maker: format!("certificate:{}", claims.certificate_sha256),
            id: claims.jti,
            expires_at: claims.expires_at,
        };
        let found = block(move || desk.client_by_certificate(&claims.certificate_sha256, once));
        return found.await.map(Some).map_err(like_any_other);
    }
    if shared.vouchers.is_named_by(token) {
        let verified = shared.vouchers.verify(token, now).await;
        let claims = verified.map_err(|error| match error {
            TokenError::KeysUnavailable => Problem::new("temporarily-unavailable").retry_after(30),
            other => refused(other),
        })?;
        let found = block(move || {
            desk.client_by_voucher(&claims.issuer, &claims.client_id, &claims.purpose_id)
        });
        return found.await.map(Some).map_err(like_any_other);
    }
    Ok(None)
}

/// A program, for the citizen whose token it carries. Only the citizen's own signed token says who
/// they are, and it is looked at beside a good token of a program alone.
async fn with_citizen(
    shared: &Shared,
    request: &ServiceRequest,
    client: Client,
    now: Timestamp,
) -> Result<Principal, Problem> {
    match only(request, CITIZEN_TOKEN)? {
        None => Ok(Principal::Client(Box::new(client))),
        Some(token) => verified_citizen(shared, token.trim(), now, Some(Box::new(client))).await,
    }
}

/// The one value of a header that says who somebody is: with two, a proxy in front may have read
/// the other.
fn only<'a>(request: &'a ServiceRequest, name: &str) -> Result<Option<&'a str>, Problem> {
    let refused = || Problem::new("unauthenticated");
    let mut values = request.headers().get_all(name);
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| refused()),
        (Some(_), Some(_)) => Err(refused()),
    }
}

/// A token that is good and counts for nothing here gets the answer of a forged one.
fn like_any_other(problem: Problem) -> Problem {
    match problem.slug() {
        "unauthenticated" => Problem::new("unauthenticated"),
        _ => problem,
    }
}

/// The header in which a program carries a citizen's token.
const CITIZEN_TOKEN: &str = "citizen-token";

async fn verified_citizen(
    shared: &Shared,
    token: &str,
    now: Timestamp,
    via: Option<Box<Client>>,
) -> Result<Principal, Problem> {
    let refused = || Problem::new("unauthenticated");
    let claims = shared
        .citizens
        .verify(token, now)
        .await
        .map_err(|error| match error {
            TokenError::LevelTooLow => Problem::new("level-too-low"),
            TokenError::KeysUnavailable => Problem::new("temporarily-unavailable").retry_after(30),
            _ => refused(),
        })?;
    citizen(claims, via).ok_or_else(refused)
}

/// The person a national identity speaks of; an identity we cannot read is no identity.
fn citizen(claims: CitizenClaims, via: Option<Box<Client>>) -> Option<Principal> {
    let person = CitizenIdentity {
        tax_code: TaxCode::parse(&claims.tax_code, true).ok()?,
        given_name: PersonName::parse(&claims.given_name).ok()?,
        family_name: PersonName::parse(&claims.family_name).ok()?,
        email: claims
            .email
            .as_deref()
            .and_then(|email| EmailAddress::parse(email).ok()),
    };
    Some(Principal::Citizen {
        person: Box::new(person),
        identity: format!("{}|{}", claims.issuer, claims.subject),
        via,
    })
}

/// Longest header value and longest query; no token and no cursor of ours comes near.
const MAX_HEADER_BYTES: usize = 8 * 1024;
