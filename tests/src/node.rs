//! A server around a desk, and a second one beside the first.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::thread::JoinHandle;

use actix_web::dev::ServerHandle;
use api::app::Shared;
use api::metrics::Metrics;
use api::modi::ModiVerifier;
use api::oidc::{StaffVerifier, VoucherVerifier};
use api::proxies::Proxies;
use api::rate_limit::{Budgets, RateLimits};
use api::tokens::Tokens;
use service::Desk;

use crate::app::{OWN_ISSUER, Options};
use crate::citizens::Issuer;
use crate::client::Client;
use crate::opening::start_server;

/// What a server needs, with what a test may set.
pub(crate) fn shared(desk: &Desk, tokens: &Tokens, issuer: &Issuer, options: &Options) -> Shared {
    let limit = NonZeroU32::new(options.calls_per_minute).expect("a limit");
    let http = || options.issuer_http.clone();
    Shared {
        desk: desk.clone(),
        tokens: tokens.clone(),
        staff: StaffVerifier::new(options.staff_issuers.clone(), http())
            .expect("good issuers of staff"),
        certificates: options.trust.as_ref().map(|pem| {
            ModiVerifier::new(pem.as_bytes(), OWN_ISSUER.to_owned()).expect("a certificate")
        }),
        vouchers: VoucherVerifier::new(options.voucher_issuers.clone(), http())
            .expect("good issuers of vouchers"),
        citizens: issuer.verifier_with(options.citizen_issuers.clone(), http()),
        limits: RateLimits::per_minute(options.budgets.unwrap_or(Budgets::all(limit))),
        metrics: Metrics::new().expect("metrics"),
        proxies: Proxies(options.proxies.clone()),
        public_url: OWN_ISSUER.to_owned(),
    }
}

/// A server beside the one of the test; gone when it is dropped.
pub struct Node {
    address: SocketAddr,
    http: reqwest::Client,
    server: Option<(ServerHandle, JoinHandle<()>)>,
}

impl Node {
    pub(crate) fn start(shared: Shared, http: reqwest::Client) -> Self {
        let (address, server) = start_server(shared);
        Node {
            address,
            http,
            server: Some(server),
        }
    }

    /// Nobody in particular, who calls this node.
    pub fn anonymous(&self) -> Client {
        Client::new(self.http.clone(), self.address, None)
    }

    /// Whoever holds this token, calling this node.
    pub fn with_token(&self, token: impl Into<String>) -> Client {
        Client::new(self.http.clone(), self.address, Some(token.into()))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some((handle, thread)) = self.server.take() {
            drop(handle.stop(false));
            if thread.join().is_err() && !std::thread::panicking() {
                panic!("the server panicked");
            }
        }
    }
}
