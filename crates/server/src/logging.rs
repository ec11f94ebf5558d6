//! Where the log goes, and in which form (`docs/logging.md`).

use std::io::{self, IsTerminal};

use anyhow::anyhow;
use tracing_subscriber::fmt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Log, LogFormat};

/// Starts the log on standard error; standard output is for results.
pub(crate) fn start(log: &Log) -> anyhow::Result<()> {
    let is_json = match log.format {
        LogFormat::Auto => !io::stderr().is_terminal(),
        LogFormat::Json => true,
        LogFormat::Text => false,
    };
    let lines = fmt()
        .with_env_filter(log.filter.clone())
        .with_writer(io::stderr);
    let started = if is_json {
        lines
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .finish()
            .try_init()
    } else {
        lines
            .with_ansi(io::stderr().is_terminal())
            .finish()
            .try_init()
    };
    started.map_err(|error| anyhow!("cannot start the log: {error}"))
}
