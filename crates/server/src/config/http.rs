//! How to be reached.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;

use api::app::ServeOptions;
use api::rate_limit::Budgets;
use jiff::SignedDuration;
use serde::Deserialize;

use super::check::Check;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HttpSection {
    bind: String,
    workers: usize,
    max_connections: usize,
    trusted_proxies: Vec<String>,
    requests_per_minute: u32,
    requests_per_minute_anonymous: u32,
    requests_per_minute_citizen: u32,
    requests_per_minute_client: u32,
    idempotency_keep: String,
    shutdown_seconds: u64,
}

/// How to be reached.
pub(crate) struct Http {
    /// Address and port to listen on.
    pub(crate) bind: SocketAddr,
    /// Threads, connections, patience.
    pub(crate) options: ServeOptions,
    /// Proxies that are believed.
    pub(crate) trusted_proxies: Vec<IpAddr>,
    /// Calls a caller may make.
    pub(crate) budgets: Budgets,
}

/// Stands in for what was wrong and has been said.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

impl HttpSection {
    pub(super) fn check(&self, check: &mut Check) -> (Http, SignedDuration) {
        let bind = self.bind.parse().unwrap_or_else(|_| {
            let message = format!("{:?} is no address:port, such as 127.0.0.1:8080", self.bind);
            check.say("http.bind", message);
            NOWHERE
        });
        let mut trusted_proxies = Vec::new();
        for text in &self.trusted_proxies {
            match text.parse() {
                Ok(address) => trusted_proxies.push(address),
                Err(_) => check.say("http.trusted_proxies", format!("{text:?} is no IP address")),
            }
        }
        let mut budget = |key: &str, calls: u32| {
            NonZeroU32::new(calls).unwrap_or_else(|| {
                check.say(&format!("http.{key}"), "0 would let nobody in");
                NonZeroU32::MIN
            })
        };
        let budgets = Budgets {
            staff: budget("requests_per_minute", self.requests_per_minute),
            anonymous: budget(
                "requests_per_minute_anonymous",
                self.requests_per_minute_anonymous,
            ),
            citizen: budget(
                "requests_per_minute_citizen",
                self.requests_per_minute_citizen,
            ),
            client: budget(
                "requests_per_minute_client",
                self.requests_per_minute_client,
            ),
        };
        let workers = check.number("http.workers", self.workers, 0..=1_024);
        let cores = || std::thread::available_parallelism().map_or(2, usize::from);
        let options = ServeOptions {
            workers: if workers == 0 { cores() } else { workers },
            max_connections: check.number(
                "http.max_connections",
                self.max_connections,
                1..=1_000_000,
            ),
            shutdown_seconds: check.number("http.shutdown_seconds", self.shutdown_seconds, 1..=600),
        };
        let keep = &self.idempotency_keep;
        let idempotency = check.period("http.idempotency_keep", keep, ("PT1H", "P30D"));
        let http = Http {
            bind,
            options,
            trusted_proxies,
            budgets,
        };
        (http, idempotency)
    }
}
