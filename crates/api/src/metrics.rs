//! Counters for whoever keeps the service running. No label holds anything a person typed: the
//! route is the pattern of the policy table.

use jiff::SignedDuration;
use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder,
};

/// The process's metrics.
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
}

impl Metrics {
    /// Registers them.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let requests = IntCounterVec::new(
            Opts::new("sportello_requests_total", "Requests answered"),
            &["method", "route", "status"],
        )?;
        let seconds = HistogramVec::new(
            HistogramOpts::new(
                "sportello_request_seconds",
                "Time to answer a request, in seconds",
            ),
            &["method", "route"],
        )?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        Ok(Metrics {
            registry,
            requests,
            seconds,
        })
    }

    /// Counts an answer.
    pub fn count(&self, method: &str, route: &str, status: u16, took: SignedDuration) {
        // Methods are an open set: unknown ones share a label.
        let known = ["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&method);
        let method = if known { method } else { "other" };
        self.requests
            .with_label_values(&[method, route, &status.to_string()])
            .inc();
        self.seconds
            .with_label_values(&[method, route])
            .observe(took.as_secs_f64());
    }

    /// All of them in the text format.
    pub fn text(&self) -> String {
        let mut out = Vec::new();
        let encoded = TextEncoder::new().encode(&self.registry.gather(), &mut out);
        if encoded.is_err() {
            String::new()
        } else {
            String::from_utf8(out).unwrap_or_default()
        }
    }
}
