//! The audit trail of a request (`docs/adr/0030`, `docs/adr/0035`): begun at the gate, carried to the
//! threads where use cases run, and written to its end before the answer leaves.
//!
//! Invariant: no answer to a request that has a trail leaves before its entry is written.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpMessage, HttpRequest};
use domain::audit::{AuditActor, AuditOutcome};
use service::Desk;
use service::trail::Trail;

use crate::answer::Asked;
use crate::policy::{Callers, Rule};
use crate::principal::Principal;
use crate::problem::Problem;
use crate::{app::Shared, block};

/// When to come back while no entry can be written.
const RETRY_SECONDS: u64 = 5;

tokio::task_local! {
    static HERE: Trail;
}

/// The trail of the request this task answers.
pub(crate) fn current() -> Option<Trail> {
    HERE.try_with(Trail::clone).ok()
}

/// Answers a request with its trail at hand.
pub(crate) async fn follow<F: Future>(trail: Option<Trail>, answering: F) -> F::Output {
    match trail {
        Some(trail) => HERE.scope(trail, answering).await,
        None => answering.await,
    }
}

/// The trail of a request, if it needs one: whatever is not read by everybody.
pub(crate) fn begin(
    shared: &Shared,
    request: &HttpRequest,
    asked: &Asked,
) -> Result<Option<Trail>, Problem> {
    let Some(rule) = recorded(asked) else {
        return Ok(None);
    };
    let extensions = request.extensions();
    let principal = extensions.get::<Principal>().unwrap_or(&Principal::Nobody);
    let actor = actor_of(&shared.desk, principal)?;
    let correlation = asked.correlation.parse().ok();
    let begun = shared
        .desk
        .begin_trail(actor, rule.operation, rule.purpose(), correlation);
    Ok(Some(begun))
}

/// The rule of a request whose looks are recorded.
fn recorded(asked: &Asked) -> Option<&'static Rule> {
    let is_catalogue = |rule: &&Rule| rule.callers == Callers::Public && rule.method == "GET";
    asked.rule.filter(|rule| !is_catalogue(rule))
}

/// Whether a refusal is recorded: that of somebody we know, of a token that is no good, and of a link to
/// a ticket that does not open it. What nobody in particular gets wrong is noise, and would be a way to
/// fill the trail.
pub(crate) fn is_told(request: &HttpRequest, asked: &Asked, status: StatusCode) -> bool {
    let extensions = request.extensions();
    let is_nobody = matches!(
        extensions.get::<Principal>(),
        None | Some(Principal::Nobody)
    );
    let has_token = request.headers().contains_key(header::AUTHORIZATION);
    let is_link = recorded(asked).is_some_and(|rule| rule.operation == "open_tracking_session");
    !is_nobody || is_link || (status == StatusCode::UNAUTHORIZED && has_token)
}

/// Writes what is still to be said of a request that was answered so. While that cannot be written,
/// nobody gets to see anything.
pub(crate) async fn end(
    shared: &Shared,
    trail: Option<Trail>,
    status: StatusCode,
    is_told: bool,
) -> Result<(), Problem> {
    let outcome = if status.is_server_error() {
        AuditOutcome::Failed
    } else if status.is_client_error() {
        AuditOutcome::Refused
    } else {
        AuditOutcome::Done
    };
    let trail = trail.filter(|_| is_told || outcome == AuditOutcome::Done);
    // What a transaction carried is written: for nothing more, no other thread is asked.
    let Some(rest) = trail.and_then(|trail| trail.rest(outcome)) else {
        return Ok(());
    };
    let desk = shared.desk.clone();
    let ended = block(move || desk.end_trail(rest)).await;
    // Its reason is logged by then, and is nothing the caller did.
    ended.map_err(|_| Problem::new("temporarily-unavailable").retry_after(RETRY_SECONDS))
}

fn actor_of(desk: &Desk, principal: &Principal) -> Result<AuditActor, Problem> {
    Ok(match principal {
        Principal::Nobody => AuditActor::Nobody,
        Principal::Staff(session) => {
            let placement = session.placement.as_ref();
            AuditActor::Staff {
                account: session.account,
                placement: placement.map(|one| one.id),
                role: placement.map(|one| one.role),
                authority: placement.map(|one| one.authority.clone()),
                location: placement.map(|one| one.location_code.clone()),
            }
        }
        Principal::Citizen { person, via, .. } => AuditActor::Citizen {
            person: desk.pseudonym(&person.tax_code)?,
            via: via.as_ref().map(|client| client.id),
        },
        Principal::Client(client) => AuditActor::Client { client: client.id },
        Principal::Tracking(ticket) => AuditActor::Tracking { ticket: *ticket },
    })
}
