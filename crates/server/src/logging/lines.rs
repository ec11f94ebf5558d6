//! One line for each event: time, level, place, message, and the fields of the closed set, of the event
//! and of the spans around it.
//!
//! Invariant: a field that `config/data-classes.toml` does not list is counted and not written, and what
//! a library says about itself is its place and level, unless the configuration lets its words through.

use std::collections::BTreeSet;
use std::fmt;
use std::io::Write;

use anyhow::Context as _;
use serde_json::{Map, Value};
use service::clock::{Clock, SystemClock};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

/// The classes of all data, those of the log's fields among them.
const CLASSES: &str = include_str!("../../../../config/data-classes.toml");

/// Our own crates: their messages are fixed texts.
const OWN: [&str; 7] = [
    "api",
    "domain",
    "escalation",
    "jobs",
    "service",
    "sportello",
    "storage",
];

/// The form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// One JSON object.
    Json,
    /// For people.
    Text,
}

/// Writes the lines.
pub(super) struct Lines<W> {
    form: Form,
    libraries: bool,
    known: BTreeSet<String>,
    writer: W,
}

#[derive(serde::Deserialize)]
struct Classes {
    log: std::collections::BTreeMap<String, String>,
}

impl<W> Lines<W> {
    /// `libraries` lets the words of libraries through.
    pub(super) fn new(form: Form, libraries: bool, writer: W) -> anyhow::Result<Self> {
        let classes: Classes = toml::from_str(CLASSES).context("config/data-classes.toml")?;
        Ok(Lines {
            form,
            libraries,
            known: classes.log.into_keys().collect(),
            writer,
        })
    }

    fn visitor(&self) -> Fields<'_> {
        Fields {
            known: &self.known,
            message: None,
            fields: Map::new(),
            left_out: 0,
        }
    }
}

/// The fields of a span that are written with each of its events.
struct OfSpan(Map<String, Value>);

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'w> MakeWriter<'w> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut visitor = self.visitor();
        attributes.record(&mut visitor);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(OfSpan(visitor.fields));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let mut visitor = self.visitor();
        values.record(&mut visitor);
        if let Some(span) = context.span(id)
            && let Some(of_span) = span.extensions_mut().get_mut::<OfSpan>()
        {
            of_span.0.append(&mut visitor.fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut visitor = self.visitor();
        event.record(&mut visitor);
        let target = event.metadata().target();
        let crate_name = target.split("::").next().unwrap_or_default();
        let is_ours = OWN.contains(&crate_name);
        let mut line = Map::new();
        line.insert("timestamp".into(), SystemClock.now().to_string().into());
        line.insert("level".into(), event.metadata().level().as_str().into());
        line.insert("target".into(), target.into());
        if let Some(message) = visitor.message.filter(|_| is_ours || self.libraries) {
            line.insert("message".into(), message.into());
        }
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(of_span) = span.extensions().get::<OfSpan>() {
                for (name, value) in &of_span.0 {
                    // The innermost span says it, and the event itself before all.
                    line.entry(name.clone()).or_insert_with(|| value.clone());
                }
            }
        }
        line.append(&mut visitor.fields);
        if visitor.left_out > 0 {
            line.insert("fields.left_out".into(), visitor.left_out.into());
        }
        let mut text = match self.form {
            Form::Json => Value::Object(line).to_string(),
            Form::Text => for_people(&line),
        };
        text.push('\n');
        // A line that cannot be written is lost; there is nobody to tell.
        let _ = self.writer.make_writer().write_all(text.as_bytes());
    }
}

fn for_people(line: &Map<String, Value>) -> String {
    let word = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut text = format!(
        "{} {:>5} {}: {}",
        word("timestamp"),
        word("level"),
        word("target"),
        word("message").replace('\n', " ")
    );
    for (name, value) in line {
        if !["timestamp", "level", "target", "message"].contains(&name.as_str()) {
            text.push_str(&format!(" {name}={value}"));
        }
    }
    text
}

struct Fields<'a> {
    known: &'a BTreeSet<String>,
    message: Option<String>,
    fields: Map<String, Value>,
    left_out: u64,
}

impl Fields<'_> {
    fn keep(&mut self, field: &Field, value: Value) {
        match field.name() {
            "message" => self.message = value.as_str().map(str::to_owned),
            // What the bridge from `log` adds about a library's own code.
            name if name.starts_with("log.") => {}
            name if self.known.contains(name) => {
                self.fields.insert(name.to_owned(), value);
            }
            _ => self.left_out += 1,
        }
    }
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.keep(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.keep(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.keep(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.keep(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.keep(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.keep(field, value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        // The whole chain, as one text.
        let mut text = value.to_string();
        let mut next = value.source();
        while let Some(cause) = next {
            text.push_str(&format!(": {cause}"));
            next = cause.source();
        }
        self.keep(field, text.into());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(form: Form, libraries: bool, log: impl FnOnce()) -> String {
        let sink = Sink::default();
        let writer = sink.clone();
        let lines = Lines::new(form, libraries, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), log);
        let bytes = sink.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_line_holds_the_known_fields_of_its_event_and_spans_and_no_other() {
        let line = logged(Form::Json, false, || {
            let request =
                tracing::info_span!(target: "api", "request", correlation.id = "c", tax_code = "X");
            let _inside = request.enter();
            tracing::info!(target: "api::gate", { http.status = 200, email = "a@example.org" }, "answered");
        });
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["message"], "answered");
        assert_eq!(line["http.status"], 200);
        assert_eq!(line["correlation.id"], "c");
        assert_eq!(line["fields.left_out"], 1);
        assert!(!line.to_string().contains("example.org") && !line.to_string().contains('X'));
    }

    #[test]
    fn the_words_of_libraries_are_written_only_where_that_is_wanted() {
        let log = || tracing::warn!(target: "hyper::client", "to a@example.org");
        let without = logged(Form::Json, false, log);
        assert!(without.contains("hyper::client") && !without.contains("example.org"));
        assert!(logged(Form::Json, true, log).contains("to a@example.org"));
    }

    #[test]
    fn for_people_there_is_one_line_as_well() {
        let text = logged(Form::Text, false, || {
            tracing::error!(target: "jobs", { job.name = "mail" }, "the job\nfailed");
        });
        assert!(text.contains("ERROR jobs: the job"), "{text}");
        assert!(text.contains("job.name=\"mail\""), "{text}");
    }
}
