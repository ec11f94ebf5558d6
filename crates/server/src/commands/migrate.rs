//! `sportello migrate`.

use std::process::ExitCode;

use anyhow::Context;
use storage::Db;

use crate::config::Config;
use crate::out;

/// Runs what has not run yet, or only says what that is.
pub(crate) fn run(config: &Config, status: bool) -> anyhow::Result<ExitCode> {
    let db = Db::open(&config.database).context("database.url")?;
    let (versions, verb) = match status {
        true => (db.pending()?, "not run yet"),
        false => (db.migrate()?, "ran"),
    };
    if versions.is_empty() {
        out::say("the tables are up to date")?;
    }
    for version in versions {
        out::say(&format!("{verb}: {version}"))?;
    }
    Ok(ExitCode::SUCCESS)
}
