//! Values that only the people and files of these tests have (`tests/canaries.txt`), and the places where
//! none of them may ever be: log lines, errors, the database's files and rows, stored files.
//!
//! Every test looks: the log at each line, the rest when its application ends. Invariant: what is found
//! fails the test that ends next, by the place and never with the line around it.

use std::fmt;
use std::path::Path;
use std::sync::{LazyLock, Mutex, Once, PoisonError};

use aho_corasick::AhoCorasick;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

static VALUES: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let values = include_str!("../canaries.txt").lines();
    values.filter(|value| !value.is_empty()).collect()
});

static ANY: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let mut any = AhoCorasick::builder();
    any.ascii_case_insensitive(true);
    any.build(VALUES.iter()).expect("patterns")
});

static LOGGED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The first of the values in these bytes, in whatever letters.
pub fn find(bytes: &[u8]) -> Option<&'static str> {
    let found = ANY.find(bytes)?;
    VALUES.get(found.pattern().as_usize()).copied()
}

/// Fails if a value is in these bytes.
#[track_caller]
pub fn assert_none(place: &str, bytes: &[u8]) {
    if let Some(value) = find(bytes) {
        panic!("{place} holds {value}");
    }
}

/// Fails if a value is in any file below this folder.
pub fn assert_none_below(place: &str, folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.map(|entry| entry.expect("an entry")) {
        let path = entry.path();
        match path.is_dir() {
            true => assert_none_below(place, &path),
            false => {
                // SQLite may take one of its files away meanwhile.
                if let Ok(bytes) = std::fs::read(&path) {
                    assert_none(place, &bytes);
                }
            }
        }
    }
}

/// Watches all that is logged in this process, from now on.
pub fn watch_log() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let ours = [
            "api",
            "domain",
            "escalation",
            "jobs",
            "service",
            "sportello",
            "storage",
        ];
        let levels = Targets::new()
            .with_default(LevelFilter::INFO)
            .with_targets(ours.map(|target| (target, LevelFilter::TRACE)));
        tracing_subscriber::registry()
            .with(Watcher.with_filter(levels))
            .try_init()
            .expect("nobody else listens");
    });
}

/// Fails if anything that was logged since held a value.
pub fn assert_none_logged() {
    let logged = std::mem::take(&mut *LOGGED.lock().unwrap_or_else(PoisonError::into_inner));
    assert!(logged.is_empty(), "the log held {logged:?}");
}

struct Watcher;

impl<S: Subscriber> Layer<S> for Watcher {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        attributes.record(&mut Looker(attributes.metadata().name()));
    }

    fn on_record(&self, _: &Id, values: &Record<'_>, _: Context<'_, S>) {
        values.record(&mut Looker("a span"));
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        event.record(&mut Looker(event.metadata().target()));
    }
}

/// Looks at each field, of whatever type.
struct Looker(&'static str);

impl Visit for Looker {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if let Some(value) = find(format!("{value:?}").as_bytes()) {
            let mut logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
            logged.push(format!("{value} in {} of {}", field.name(), self.0));
        }
    }
}
