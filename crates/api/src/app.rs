//! Wires handlers, policy and gate into a server.

use std::net::TcpListener;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use serde_json::Value;
use service::Desk;
use tokio::signal::unix::{SignalKind, signal};
use utoipa_actix_web::AppExt;

use crate::gate::gate;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::modi::ModiVerifier;
use crate::oidc::{CitizenVerifier, StaffVerifier, VoucherVerifier};
use crate::openapi::{SpecError, publish, to_yaml};
use crate::proxies::Proxies;
use crate::rate_limit::RateLimits;
use crate::routes::Routes;
use crate::tokens::Tokens;
use crate::uploads::Uploads;
use crate::{docs_page, handlers, policy};

/// What every request may need.
pub struct Shared {
    /// The use cases.
    pub desk: Desk,
    /// Our own tokens.
    pub tokens: Tokens,
    /// Citizens' tokens.
    pub citizens: CitizenVerifier,
    /// Tokens of staff, from regional identity services.
    pub staff: StaffVerifier,
    /// Tokens that programs sign with a registered certificate, if any authority is trusted.
    pub certificates: Option<ModiVerifier>,
    /// Vouchers of programs.
    pub vouchers: VoucherVerifier,
    /// How often a caller may call.
    pub limits: RateLimits,
    /// Counters.
    pub metrics: Metrics,
    /// The proxies we believe.
    pub proxies: Proxies,
    /// Where people reach us, such as `https://sportello.example.org`; never taken from a request.
    pub public_url: String,
}

/// How the server runs.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Worker threads.
    pub workers: usize,
    /// Connections a worker keeps open.
    pub max_connections: usize,
    /// How long a stop waits for what was accepted (D-41).
    pub shutdown_seconds: u64,
}

/// The published description, as it is served.
pub(crate) struct Description {
    pub(crate) json: web::Bytes,
    pub(crate) yaml: web::Bytes,
}

impl Description {
    /// Made when somebody first asks for it, on a thread that may be kept: it takes a moment and some
    /// twenty megabytes, and few ask.
    pub(crate) fn get() -> Result<&'static Self, &'static SpecError> {
        static MADE: LazyLock<Result<Description, SpecError>> = LazyLock::new(|| {
            let json = description()?;
            Ok(Description {
                yaml: to_yaml(&json)?.into(),
                json: json.to_string().into(),
            })
        });
        MADE.as_ref()
    }
}

/// Registers every handler. The policy table must name each of them.
///
/// A path is looked for from the first to the last: what is asked most often comes first.
fn routes(config: &mut Routes<'_, '_>) {
    handlers::tickets::routes(config);
    handlers::ticket::routes(config);
    handlers::actions::routes(config);
    handlers::filing::routes(config);
    handlers::work::routes(config);
    handlers::own_tickets::routes(config);
    handlers::status::routes(config);
    handlers::catalogue::routes(config);
    handlers::calendars::routes(config);
    handlers::email_proofs::routes(config);
    handlers::sessions::routes(config);
    handlers::credentials::routes(config);
    handlers::clients::routes(config);
    handlers::accounts::routes(config);
    handlers::setups::routes(config);
    handlers::webhooks::routes(config);
    handlers::webhook_deliveries::routes(config);
    handlers::sla_policies::routes(config);
    handlers::routing::routes(config);
    handlers::message_templates::routes(config);
    handlers::disclosures::routes(config);
    handlers::break_glass::routes(config);
    handlers::assignment::routes(config);
    handlers::absences::routes(config);
    handlers::removals::routes(config);
    handlers::feed::routes(config);
    handlers::deliveries::routes(config);
    handlers::notifications::routes(config);
    handlers::privacy::routes(config);
    handlers::contacts::routes(config);
    handlers::links::routes(config);
    handlers::callbacks::routes(config);
    handlers::activities::routes(config);
    handlers::reviews::routes(config);
    handlers::complaints::routes(config);
    handlers::reply_schemes::routes(config);
    handlers::own_complaints::routes(config);
    handlers::own_subject_requests::routes(config);
    handlers::subject_requests::routes(config);
    handlers::subject_exports::routes(config);
    handlers::erasures::routes(config);
    handlers::corrections::routes(config);
    handlers::announcements::routes(config);
    handlers::broadcasts::routes(config);
    handlers::bulk::routes(config);
    handlers::bulk_jobs::routes(config);
    handlers::reply_templates::routes(config);
    handlers::fitting_templates::routes(config);
    handlers::scheduler::routes(config);
    handlers::retention::routes(config);
    handlers::holds::routes(config);
    handlers::playbooks::routes(config);
    handlers::playbook_versions::routes(config);
    handlers::playbook_report::routes(config);
    handlers::attachments::routes(config);
    handlers::accesses::routes(config);
    handlers::audit::routes(config);
    handlers::nudges::routes(config);
    handlers::tracking::routes(config);
}

/// The OpenAPI document of the routes. Fails when a route has no line in the policy table, or a
/// line no route; a test makes it, so that such a program is not built.
pub fn description() -> Result<Value, SpecError> {
    let (_, generated) = App::new()
        .into_utoipa_app()
        .configure(|config| routes(&mut Routes::Described(config)))
        .split_for_parts();
    publish(generated, &policy::facts())
}

/// Starts serving on a bound listener.
pub fn serve(
    shared: Shared,
    listener: TcpListener,
    options: &ServeOptions,
) -> std::io::Result<Server> {
    let uploads = web::Data::new(Uploads::new());
    let desk = web::Data::new(shared.desk.clone());
    let shared = web::Data::new(shared);
    forget_idle_callers(shared.clone());
    let live = web::Data::new(Live::new());
    actix_web::rt::spawn(Live::read_on(live.get_ref().clone(), shared.desk.clone()));
    actix_web::rt::spawn(end_streams(live.get_ref().clone()));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(shared.clone())
            .app_data(desk.clone())
            .app_data(uploads.clone())
            .app_data(live.clone())
            .app_data(handlers::path_config())
            .wrap(from_fn(gate))
            .configure(|config| routes(&mut Routes::Served(config)))
            .service(docs_page::docs_service())
            .service(handlers::tracking::tracking_page)
            .service(handlers::tracking::activation_page)
            .service(handlers::tracking::export_page)
    })
    .workers(options.workers.max(1))
    .max_connections(options.max_connections)
    .client_request_timeout(Duration::from_secs(10))
    .client_disconnect_timeout(Duration::from_secs(5))
    .keep_alive(Duration::from_secs(75))
    .shutdown_timeout(options.shutdown_seconds)
    .listen(listener)?;
    Ok(server.run())
}

/// A stream would otherwise keep a stop waiting as long as it may.
async fn end_streams(live: Arc<Live>) {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    live.close();
}

fn forget_idle_callers(shared: web::Data<Shared>) {
    actix_web::rt::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_secs(60));
        loop {
            tick.tick().await;
            shared.limits.forget_idle();
        }
    });
}
