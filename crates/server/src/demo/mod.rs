//! A demonstration: an instance that needs nothing and may be shown to anybody.
//!
//! Its folder, `<data.folder>/demo`, has a marker that names its database. Invariants: no demo
//! account and no demo citizen ever gets into a database that is not the demo's own, and no demo
//! database is served as a real one.

mod accounts;
mod clock;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

pub(crate) use accounts::DemoAccount;
pub(crate) use clock::DemoClock;

use crate::config::Config;
use crate::demo_issuer::DemoIssuer;
use crate::instance::{self, Instance};
use crate::private_file;

/// An instance in demo mode.
pub(crate) struct Demo {
    data: PathBuf,
    folder: PathBuf,
    /// Whether `serve --demo` has set it up before.
    is_marked: bool,
}

/// The authority nobody has opened yet: it only takes payments, so no form of the demo misses it.
const PENDING: &str = "010996";

#[derive(Serialize, Deserialize)]
struct Marker {
    /// A keyed fingerprint: the URL itself may hold a password.
    database: String,
}

impl Demo {
    /// The demo that `serve --demo` starts, for the first time or again.
    pub(crate) fn begin(config: &Config) -> anyhow::Result<Self> {
        let mut demo = Demo::of(&config.data);
        // Makes the demo's folder, too.
        demo.issuer()?;
        demo.is_marked = match demo.marker()? {
            None => false,
            Some(marker) if marker.database == fingerprint(config)? => true,
            Some(_) => bail!(
                "{} has the demo of another database; set data.folder to another folder",
                config.data.display()
            ),
        };
        Ok(demo)
    }

    /// The demo of this configuration, if it is one.
    pub(crate) fn find(config: &Config) -> anyhow::Result<Option<Self>> {
        let mut demo = Demo::of(&config.data);
        match demo.marker()? {
            Some(marker) if marker.database == fingerprint(config)? => {
                demo.is_marked = true;
                Ok(Some(demo))
            }
            _ => Ok(None),
        }
    }

    /// The demo of this configuration, or why the command refuses to work.
    pub(crate) fn must_be(config: &Config) -> anyhow::Result<Self> {
        if let Some(demo) = Demo::find(config)? {
            return Ok(demo);
        }
        let demo = Demo::of(&config.data);
        ensure!(
            demo.marker()?.is_none(),
            "refused: the demo in {} has another database than database.url says now",
            config.data.display()
        );
        bail!(
            "refused: {} is no demo; start one with: sportello serve --demo",
            config.data.display()
        );
    }

    /// Refuses to serve a demo as the real thing: it has accounts whose passwords lie in a file,
    /// and its clock may have been moved.
    pub(crate) fn must_not_be(config: &Config) -> anyhow::Result<()> {
        ensure!(
            Demo::find(config)?.is_none(),
            "the database is a demo's: start it with --demo, or set data.folder and database.url to others"
        );
        Ok(())
    }

    /// Sees to the demo accounts, and marks the instance at its first start.
    pub(crate) fn set_up(&self, config: &Config, instance: &Instance) -> anyhow::Result<()> {
        if !self.is_marked {
            must_be_unused(instance)?;
            let marker = Marker {
                database: fingerprint(config)?,
            };
            private_file::replace(&self.marker_file(), &serde_json::to_string(&marker)?)?;
        }
        accounts::see_to(&self.folder, &instance.desk)?;
        // All but the one that stays pending, for whoever wants to open it.
        let reference = instance.desk.reference();
        let open: Vec<_> = reference
            .authorities()
            .iter()
            .filter(|one| one.kind.is_health() && one.code.as_str() != PENDING)
            .map(|one| one.code.clone())
            .collect();
        Ok(instance.desk.open_authorities(&open)?)
    }

    /// The accounts with their passwords.
    pub(crate) fn accounts(&self) -> anyhow::Result<Vec<DemoAccount>> {
        accounts::read(&self.folder)?
            .with_context(|| format!("{} has no demo accounts yet", self.folder.display()))
    }

    /// The accounts as a table for people.
    pub(crate) fn accounts_table(&self) -> anyhow::Result<String> {
        Ok(accounts::table(&self.accounts()?))
    }

    /// Somebody to log in as.
    pub(crate) fn example_user(&self) -> &'static str {
        accounts::EXAMPLE
    }

    /// Where demo mail is found, unless configured otherwise.
    pub(crate) fn mail_hint(&self) -> String {
        format!("{}/*.eml", self.data.join("mail").display())
    }

    /// The demo's identity provider.
    pub(crate) fn issuer(&self) -> anyhow::Result<DemoIssuer> {
        DemoIssuer::load_or_create(&self.data)
    }

    /// The demo's clock.
    pub(crate) fn clock(&self) -> DemoClock {
        DemoClock::new(clock::offset_file(&self.folder))
    }

    /// Moves the demo's clock, and returns when every process follows.
    pub(crate) fn forward(&self, by: SignedDuration) -> anyhow::Result<()> {
        clock::forward(&self.folder, by)
    }

    fn of(data: &Path) -> Self {
        Demo {
            data: data.to_owned(),
            folder: data.join("demo"),
            is_marked: false,
        }
    }

    fn marker_file(&self) -> PathBuf {
        self.folder.join("marker.json")
    }

    fn marker(&self) -> anyhow::Result<Option<Marker>> {
        let path = self.marker_file();
        let Some(text) = private_file::read(&path)? else {
            return Ok(None);
        };
        let marker = serde_json::from_str(&text);
        marker
            .map(Some)
            .with_context(|| format!("{} is damaged", path.display()))
    }
}

fn fingerprint(config: &Config) -> anyhow::Result<String> {
    Ok(instance::secrets(config)?.fingerprint("database", config.database.url.as_bytes()))
}

/// A database that people work in must not get demo accounts: whoever has one could log in (D-5).
fn must_be_unused(instance: &Instance) -> anyhow::Result<()> {
    for authority in instance.desk.reference().authorities() {
        let colleagues = instance
            .db
            .read(|conn| storage::accounts::list_colleagues(conn, &authority.code))?;
        ensure!(
            colleagues.is_empty(),
            "--demo: the database has accounts at {} already; a demo needs a database of its own",
            authority.code
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests;
