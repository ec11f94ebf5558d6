//! Sending what endpoints are told, several at a time and one to each, so that a slow one delays
//! nobody else.
//!
//! Invariants (A11, D-20): a connection goes to addresses that were judged a moment ago and to no
//! other; no redirect is followed, no proxy used, nothing of an answer is read but its head; a try
//! ends in time.

use std::collections::HashSet;
use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use domain::ids::EndpointId;
use domain::webhook::{Fault, Outcome, read_retry_after};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, ClientBuilder};
use service::webhooks::{Reported, Signed};
use service::{Desk, DeskError};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, timeout_at};

/// Endpoints that are sent to at the same time.
const MOST_AT_ONCE: usize = 64;
/// Deliveries to one endpoint before another look at what the others wait for.
const MOST_IN_A_ROW: usize = 50;

/// What sending led to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WebhookRun {
    /// Deliveries that were taken.
    pub delivered: usize,
    /// Deliveries to be tried again.
    pub retried: usize,
    /// Deliveries given up.
    pub failed: usize,
}

impl WebhookRun {
    /// Adds what another run did.
    pub fn add(&mut self, other: WebhookRun) {
        self.delivered += other.delivered;
        self.retried += other.retried;
        self.failed += other.failed;
    }
}

/// Sends to endpoints. A clone shares what is under way.
#[derive(Clone)]
pub struct Webhooks {
    desk: Desk,
    plain: Client,
    // Made when it is needed: without it the machine's root certificates may be missing.
    secure: Arc<OnceLock<Client>>,
    under_way: Arc<UnderWay>,
}

#[derive(Default)]
struct UnderWay {
    /// Set when the program ends: what is begun is finished, and nothing else begun.
    closing: AtomicBool,
    endpoints: Mutex<HashSet<EndpointId>>,
    tasks: tokio::sync::Mutex<Tasks>,
}

#[derive(Default)]
struct Tasks {
    running: JoinSet<Result<WebhookRun, DeskError>>,
    /// The endpoint begun last: the next look goes on behind it, so that each gets its turn.
    last: Option<EndpointId>,
}

impl Webhooks {
    /// Connects to nothing yet.
    pub fn new(desk: Desk) -> anyhow::Result<Self> {
        // No root certificates: this one never speaks TLS.
        let plain = client(&desk).tls_certs_only([]).build()?;
        Ok(Webhooks {
            desk,
            plain,
            secure: Arc::default(),
            under_way: Arc::default(),
        })
    }

    /// Begins to send to every endpoint to which something is due and nothing is under way, and
    /// tells what came to an end before `patience` did. What takes longer goes on meanwhile.
    pub async fn send(&self, patience: Duration) -> Result<WebhookRun, DeskError> {
        let deadline = Instant::now() + patience;
        let desk = self.desk.clone();
        let due = blocking(move || desk.endpoints_with_deliveries()).await?;
        let mut tasks = self.under_way.tasks.lock().await;
        for endpoint in in_turn(due, tasks.last) {
            if tasks.running.len() >= MOST_AT_ONCE {
                break;
            }
            if let Some(turn) = Turn::take(&self.under_way, endpoint) {
                tasks.last = Some(endpoint);
                tasks.running.spawn(self.clone().serve(turn));
            }
        }
        let mut run = WebhookRun::default();
        while let Ok(Some(done)) = timeout_at(deadline, tasks.running.join_next()).await {
            run.add(done.unwrap_or_else(|error| Err(DeskError::broken("sending", error)))?);
        }
        Ok(run)
    }

    /// Ends with the deliveries that are on their way now: they would only be sent again.
    pub async fn close(&self) -> Result<WebhookRun, DeskError> {
        self.under_way.closing.store(true, Ordering::Relaxed);
        self.finish().await
    }

    /// Waits for what is under way: each try is bounded.
    pub async fn finish(&self) -> Result<WebhookRun, DeskError> {
        let mut tasks = self.under_way.tasks.lock().await;
        let mut run = WebhookRun::default();
        while let Some(done) = tasks.running.join_next().await {
            run.add(done.unwrap_or_else(|error| Err(DeskError::broken("sending", error)))?);
        }
        Ok(run)
    }

    /// Sends what is due at one endpoint, one after the other, until nothing is or it does not even
    /// answer in time.
    async fn serve(self, turn: Turn) -> Result<WebhookRun, DeskError> {
        let mut run = WebhookRun::default();
        for _ in 0..MOST_IN_A_ROW {
            if self.under_way.closing.load(Ordering::Relaxed) {
                break;
            }
            let (desk, endpoint) = (self.desk.clone(), turn.endpoint);
            let Some(delivery) = blocking(move || desk.claim_delivery(endpoint)).await? else {
                break;
            };
            let began = Instant::now();
            let outcome = match &delivery.signed {
                Ok(signed) => self.post(signed).await,
                Err(fault) => Outcome::Failed(*fault),
            };
            let (desk, took) = (self.desk.clone(), began.elapsed());
            let reported = move || desk.report_delivery(delivery, outcome, took);
            match blocking(reported).await? {
                Reported::Delivered => run.delivered += 1,
                Reported::Retried => run.retried += 1,
                Reported::Failed => run.failed += 1,
            }
            if outcome == Outcome::Failed(Fault::TimedOut) {
                break;
            }
        }
        Ok(run)
    }

    async fn post(&self, signed: &Signed) -> Outcome {
        let client = match signed.url.is_encrypted() {
            true => self.secure_client(),
            false => Ok(&self.plain),
        };
        let client = match client {
            Ok(client) => client,
            Err(error) => {
                let cause: &(dyn Error + 'static) = &error;
                tracing::error!(error = cause, "no encrypted connection can be made");
                return Outcome::Failed(Fault::NotConnected);
            }
        };
        let request = client
            .post(signed.url.as_str())
            .header(CONTENT_TYPE, "application/cloudevents+json; charset=utf-8")
            .header("webhook-id", signed.id.to_string())
            .header("webhook-timestamp", signed.seconds.to_string())
            .header("webhook-signature", &signed.signatures)
            .body(signed.body.clone());
        match request.send().await {
            Ok(response) => {
                let header = response.headers().get(RETRY_AFTER);
                let text = header.and_then(|value| value.to_str().ok());
                let retry_after = text.and_then(|text| read_retry_after(text, self.desk.now()));
                // What else the receiver says is never read: the connection ends with its head.
                Outcome::Answered {
                    status: response.status().as_u16(),
                    retry_after,
                }
            }
            Err(error) => Outcome::Failed(fault_of(&error)),
        }
    }

    fn secure_client(&self) -> Result<&Client, reqwest::Error> {
        if let Some(client) = self.secure.get() {
            return Ok(client);
        }
        let made = client(&self.desk).https_only(true).build()?;
        Ok(self.secure.get_or_init(|| made))
    }
}

/// A client that reaches only whom nobody forbids, follows nothing and ends in time.
pub(crate) fn client(desk: &Desk) -> ClientBuilder {
    let timeout = desk.settings().webhooks.timeout.unsigned_abs();
    Client::builder()
        .timeout(timeout)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .no_proxy()
        // Each try looks for the name anew.
        .pool_max_idle_per_host(0)
        .user_agent("sportello")
        .dns_resolver(JudgedNames(desk.clone()))
}

/// Finds the addresses of names, and refuses those nobody may reach.
struct JudgedNames(Desk);

impl Resolve for JudgedNames {
    fn resolve(&self, name: Name) -> Resolving {
        let desk = self.0.clone();
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = spawn_blocking(move || desk.addresses_to_reach(&host)).await?;
            let addresses = found.map_err(Refused)?;
            // The port is the request's.
            let addresses = addresses.into_iter().map(|ip| SocketAddr::new(ip, 0));
            Ok::<Addrs, _>(Box::new(addresses))
        })
    }
}

/// Why a name leads nowhere, on its way through the client's errors.
#[derive(Debug)]
struct Refused(Fault);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.code())
    }
}

impl Error for Refused {}

fn fault_of(error: &reqwest::Error) -> Fault {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(one) = cause {
        if let Some(Refused(fault)) = one.downcast_ref() {
            return *fault;
        }
        cause = one.source();
    }
    match (error.is_timeout(), error.is_connect()) {
        (true, _) => Fault::TimedOut,
        (false, true) => Fault::NotConnected,
        (false, false) => Fault::Broken,
    }
}

/// Those behind `last` first.
fn in_turn(mut due: Vec<EndpointId>, last: Option<EndpointId>) -> Vec<EndpointId> {
    let behind = due.partition_point(|endpoint| Some(*endpoint) <= last);
    due.rotate_left(behind);
    due
}

/// An endpoint that is this task's alone, until it is dropped.
struct Turn {
    endpoint: EndpointId,
    under_way: Arc<UnderWay>,
}

impl Turn {
    fn take(under_way: &Arc<UnderWay>, endpoint: EndpointId) -> Option<Self> {
        lock(&under_way.endpoints).insert(endpoint).then(|| Turn {
            endpoint,
            under_way: Arc::clone(under_way),
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        lock(&self.under_way.endpoints).remove(&self.endpoint);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The use cases wait for the database: never on the runtime's threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DeskError> + Send + 'static,
) -> Result<T, DeskError> {
    let done = spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(DeskError::broken("sending", error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_endpoint_gets_its_turn() {
        let id = |number| EndpointId::new(uuid::Uuid::from_u128(number));
        let due = || [1, 2, 3].map(id).to_vec();
        assert_eq!(in_turn(due(), None), [1, 2, 3].map(id));
        assert_eq!(in_turn(due(), Some(id(1))), [2, 3, 1].map(id));
        assert_eq!(in_turn(due(), Some(id(3))), [1, 2, 3].map(id));
        assert_eq!(in_turn(due(), Some(id(9))), [1, 2, 3].map(id));
        assert!(in_turn(Vec::new(), Some(id(1))).is_empty());
    }
}
