//! `sportello migrate`.

use std::process::ExitCode;

use anyhow::Context;
use storage::Db;

use crate::config::Config;
use crate::out;

/// Runs what has not run yet, or only says what that is.
pub(crate) fn run(config: &Config, status: bool) -> anyhow::Result<ExitCode> {
    let app = Db::open(&config.database).context("database.url")?;
    let owner = config.database_owner.as_ref().map(Db::open).transpose();
    let owner = owner.context("database.owner_url")?;
    let db = owner.as_ref().unwrap_or(&app);
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
    if let (Some(owner), false) = (&owner, status) {
        out::say(match owner.grant_to(&app)? {
            true => {
                "the user of database.url works with the tables, and cannot change the audit trail"
            }
            false => "database.owner_url and database.url name the same user",
        })?;
    }
    Ok(ExitCode::SUCCESS)
}
