//! Counters for whoever keeps the service running. No label holds anything a person typed: the
//! route is the pattern of the policy table.

use jiff::SignedDuration;
use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, PullingGauge,
    Registry, TextEncoder,
};
use service::evidence::TrailState;
use service::scheduler::SchedulerState;

/// The process's metrics.
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
    due_work: IntGaugeVec,
    parked_work: IntGaugeVec,
    messages: IntGaugeVec,
    job_success: IntGaugeVec,
    paused: IntGauge,
    audit_entries: IntGaugeVec,
    anchor_made: IntGauge,
    anchors_failing: IntGauge,
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
        let gauge = |name: &str, help: &str, label: &str| {
            let gauge = IntGaugeVec::new(Opts::new(name, help), &[label])?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let due_work = gauge("sportello_due_work", "Work that is due", "kind")?;
        let parked_work = gauge("sportello_parked_work", "Work given up", "kind")?;
        let job_success = gauge(
            "sportello_job_success_seconds",
            "When a job last succeeded on any node, in seconds since 1970",
            "job",
        )?;
        let messages = IntGaugeVec::new(
            Opts::new("sportello_messages", "Messages that wait or were given up"),
            &["channel", "state"],
        )?;
        let paused = IntGauge::new(
            "sportello_scheduler_paused",
            "1 while mass actions wait because a clock leapt",
        )?;
        let audit_entries = gauge(
            "sportello_audit_entries",
            "Audit entries that wait to be linked, or were refused",
            "state",
        )?;
        let anchor_made = IntGauge::new(
            "sportello_audit_anchor_seconds",
            "When the audit trail was last anchored, in seconds since 1970",
        )?;
        let anchors_failing = IntGauge::new(
            "sportello_audit_anchors_failing",
            "Anchors of the audit trail that a place did not take yet",
        )?;
        registry.register(Box::new(anchor_made.clone()))?;
        registry.register(Box::new(anchors_failing.clone()))?;
        registry.register(Box::new(messages.clone()))?;
        registry.register(Box::new(paused.clone()))?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        Ok(Metrics {
            registry,
            requests,
            seconds,
            due_work,
            parked_work,
            messages,
            job_success,
            paused,
            audit_entries,
            anchor_made,
            anchors_failing,
        })
    }

    /// Shows a number that somebody else keeps, asked for whenever the metrics are read.
    pub fn watch(
        &self,
        name: &str,
        help: &str,
        number: impl Fn() -> f64 + Send + Sync + 'static,
    ) -> Result<(), prometheus::Error> {
        let gauge = PullingGauge::new(name, help, Box::new(number))?;
        self.registry.register(Box::new(gauge))
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

    /// Takes over how due work and messages fare.
    pub fn show(&self, state: &SchedulerState) {
        self.paused.set(i64::from(state.pause.is_some()));
        for work in &state.work {
            let kind = [work.kind.as_str()];
            self.due_work.with_label_values(&kind).set(work.due);
            self.parked_work.with_label_values(&kind).set(work.parked);
        }
        for waiting in &state.messages {
            let channel = waiting.channel.as_str();
            let of = |state: &str| self.messages.with_label_values(&[channel, state]);
            of("pending").set(waiting.pending);
            of("parked").set(waiting.parked);
        }
        for job in &state.jobs {
            let at = job.succeeded_at.map_or(0, |at| at.as_second());
            self.job_success
                .with_label_values(&[job.job.as_str()])
                .set(at);
        }
    }

    /// Takes over how the audit trail fares.
    pub fn show_trail(&self, state: &TrailState) {
        let entries = |of: &str| self.audit_entries.with_label_values(&[of]);
        entries("waiting").set(state.waiting);
        entries("refused").set(state.refused);
        self.anchors_failing.set(state.anchors.failing);
        let at = state.anchors.last_at.map_or(0, |at| at.as_second());
        self.anchor_made.set(at);
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
