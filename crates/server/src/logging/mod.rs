//! Where the log goes, and in which form (`docs/logging.md`).
//!
//! Lines are written by a thread of their own, so that no request waits for a full pipe; what does not
//! fit is lost and counted. Invariant: only fields of the closed set are written, see [`lines`].

mod lines;

use std::io::{self, IsTerminal};
use std::sync::OnceLock;

use anyhow::anyhow;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Log, LogFormat};
use lines::{Form, Lines};

/// Lines that may wait to be written.
const QUEUE: usize = 64 * 1024;

static LOST: OnceLock<ErrorCounter> = OnceLock::new();

/// Starts the log on standard error; standard output is for results. When the guard is dropped, what
/// waits is written.
pub(crate) fn start(log: &Log) -> anyhow::Result<WorkerGuard> {
    let is_terminal = io::stderr().is_terminal();
    let form = match log.format {
        LogFormat::Auto if is_terminal => Form::Text,
        LogFormat::Text => Form::Text,
        LogFormat::Auto | LogFormat::Json => Form::Json,
    };
    let (writer, guard) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(QUEUE)
        .thread_name("log")
        .finish(io::stderr());
    let _ = LOST.set(writer.error_counter());
    tracing_subscriber::registry()
        .with(log.filter.clone())
        .with(Lines::new(form, log.libraries, writer)?)
        .try_init()
        .map_err(|error| anyhow!("cannot start the log: {error}"))?;
    Ok(guard)
}

/// How many lines were lost because the log could not keep up.
pub(crate) fn lost() -> usize {
    LOST.get().map_or(0, ErrorCounter::dropped_lines)
}
