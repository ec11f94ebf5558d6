//! What people and scripts read: results on standard output, complaints on standard error. The
//! log is something else, and goes to standard error by itself.

use std::io::{self, Write};

use serde::Serialize;

/// A line, or several, on standard output.
pub(crate) fn say(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| {
        if !text.ends_with('\n') {
            out.write_all(b"\n")?;
        }
        out.flush()
    });
    match written {
        // The reader has seen enough, as in `sportello openapi | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// A JSON document on standard output.
pub(crate) fn say_json(value: &impl Serialize) -> anyhow::Result<()> {
    say(&serde_json::to_string_pretty(value)?)
}

/// Why a command failed, with its causes.
pub(crate) fn complain(error: &anyhow::Error) {
    // Nobody is left to hear it if this fails.
    let _ = writeln!(io::stderr(), "sportello: {error:#}");
}
