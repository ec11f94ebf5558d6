//! What is logged, and how.

use serde::Deserialize;
use tracing_subscriber::EnvFilter;

use super::check::Check;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogSection {
    format: LogFormat,
    filter: String,
    libraries: bool,
}

/// The form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogFormat {
    /// Text on a terminal, else JSON.
    Auto,
    /// One JSON object.
    Json,
    /// For people.
    Text,
}

/// What is logged, and how.
pub(crate) struct Log {
    /// The form of a line.
    pub(crate) format: LogFormat,
    /// What passes.
    pub(crate) filter: EnvFilter,
    /// Whether libraries' own words are written.
    pub(crate) libraries: bool,
}

impl LogSection {
    pub(super) fn check(&self, check: &mut Check) -> Log {
        let filter = EnvFilter::try_new(&self.filter).unwrap_or_else(|error| {
            check.say("log.filter", format!("{:?}: {error}", self.filter));
            EnvFilter::default()
        });
        Log {
            format: self.format,
            filter,
            libraries: self.libraries,
        }
    }
}
