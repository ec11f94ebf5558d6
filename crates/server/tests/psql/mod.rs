//! Statements of whoever owns the databases of the tests.

use std::process::{Command, Stdio};

/// Runs a statement that must succeed.
pub(crate) fn psql(url: &str, statement: &str) {
    let done = Command::new("psql")
        .args([url, "-qc", statement])
        .stdout(Stdio::null())
        .status()
        .expect("psql runs");
    assert!(done.success(), "{statement}");
}
