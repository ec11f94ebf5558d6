//! `sportello migrate`.

use std::process::ExitCode;

use anyhow::Context;
use storage::Db;

use crate::config::Config;
use crate::demo::Demo;
use crate::{instance, master, out};

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
    if !status {
        seal(config, db)?;
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

/// Seals what columns hold that are sealed from this version on. Without a master key that waits for the
/// first start, which does the same before it answers anybody.
fn seal(config: &Config, db: &Db) -> anyhow::Result<()> {
    let demo = Demo::find(config)?;
    let needed = master::needed(db)?;
    if needed.is_none() && demo.is_none() && !master::Masters::of(config).is_there()? {
        return out::say(
            "there is no master key yet: `sportello keys init` before the first start",
        );
    }
    db.unlock(master::open(config, db, demo.is_some())?)
        .map_err(master::explain)?;
    let sealed = instance::seal_plain(db, instance::clock(demo.as_ref()).now())?;
    if sealed > 0 {
        out::say(&format!("sealed {sealed} values that were plain"))?;
    }
    match db.read(storage::scrub::has_remnants)? {
        true => out::say(
            "what was plain may still be in the database's files: `sportello keys scrub`, while \
             nobody works with the tables",
        ),
        false => Ok(()),
    }
}
