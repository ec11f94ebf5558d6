//! HTTP and nothing else: routes, bodies, headers, problems, the published description.
//!
//! Knows no SQL and holds no rule. A handler is: typed inputs, one [`block`], one output.
//! Invariant: no request reaches a handler but through `gate`, and no route exists that the
//! policy table does not name.

mod answer;
pub mod app;
pub mod assertion;
mod body;
mod claims;
mod conditions;
mod cursor;
pub mod delegations;
mod docs_page;
#[cfg(test)]
mod forge;
mod gate;
mod handlers;
mod icalendar;
mod json;
mod language;
mod live;
mod members;
pub mod metrics;
pub mod modi;
pub mod oidc;
pub mod openapi;
mod outgoing;
pub mod policy;
mod principal;
pub mod problem;
pub mod proxies;
mod query;
pub mod rate_limit;
mod reading;
mod routes;
mod submission;
pub mod tokens;
mod trail;
mod uploads;

use service::DeskError;

use crate::problem::Problem;

/// Runs a use case off the web workers: it waits for the database.
pub(crate) async fn block<T, F>(f: F) -> Result<T, Problem>
where
    F: FnOnce() -> Result<T, DeskError> + Send + 'static,
    T: Send + 'static,
{
    // What is logged on the other thread belongs to the same request, and so does what is looked at.
    let span = tracing::Span::current();
    let trail = trail::current();
    let reading = reading::current();
    let run = move || {
        service::reading::within(reading, || match trail {
            Some(trail) => trail.within(f),
            None => f(),
        })
    };
    match actix_web::web::block(move || span.in_scope(run)).await {
        Ok(done) => done.map_err(Problem::from),
        // The closure panicked: the pool lives on, and so does the process (D-44).
        Err(error) => Err(Problem::internal(&error)),
    }
}
