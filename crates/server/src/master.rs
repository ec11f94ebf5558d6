//! The master key, from whoever keeps it: a file, a variable, or a program in front of a key service.
//!
//! Which master key is needed is said by the data keys it wrapped, so that a change that was cut off
//! starts under the old one or the new one, whichever holds. Invariants: a master key is made when asked
//! for or by a demonstration, and never where data keys are; no message holds one, or what a program
//! said.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail, ensure};
use storage::keyring::{KeyError, LocalMaster, MasterKey};
use storage::{Db, StoreError, data_keys};

use crate::config::{Config, Keeper, MasterKeys};
use crate::key_command::CommandMaster;
use crate::keys;

/// The file of the master key.
pub(crate) const MASTER_KEY: &str = "master.key";
/// The file of the one that takes its place, while that is under way.
const NEXT: &str = "master.next.key";
/// The file of the one before, which opens older backups.
pub(crate) const PREVIOUS: &str = "master.previous.key";

/// Everybody who may keep the master key of this installation.
#[derive(Clone)]
pub(crate) struct Masters {
    folder: PathBuf,
    settings: MasterKeys,
}

/// A master key that knows its keepers.
struct AtHand {
    key: Arc<dyn MasterKey>,
    masters: Masters,
}

impl MasterKey for AtHand {
    fn id(&self) -> &str {
        self.key.id()
    }

    fn wrap(&self, context: &[u8], key: &[u8; 32]) -> Result<Vec<u8>, KeyError> {
        self.key.wrap(context, key)
    }

    fn unwrap(&self, context: &[u8], wrapped: &[u8]) -> Result<[u8; 32], KeyError> {
        self.key.unwrap(context, wrapped)
    }

    fn other(&self, id: &str) -> Result<Option<Arc<dyn MasterKey>>, KeyError> {
        self.masters
            .find(id)
            .map_err(|_| KeyError::Keeper(String::from("its file cannot be read")))
    }
}

/// The master key that this installation works with. A demonstration makes its own.
pub(crate) fn open(config: &Config, db: &Db, is_demo: bool) -> anyhow::Result<Arc<dyn MasterKey>> {
    let masters = Masters::of(config);
    let needed = needed(db)?;
    if needed.is_none() && is_demo && masters.is_file() && masters.read(MASTER_KEY)?.is_none() {
        keys::load_or_create_secret(&masters.folder, MASTER_KEY)?;
    }
    masters.open(needed.as_deref())
}

/// The id of the master key that the data keys need; none where there are no data keys.
pub(crate) fn needed(db: &Db) -> anyhow::Result<Option<String>> {
    Ok(db.read(data_keys::find_master)?)
}

impl Masters {
    pub(crate) fn of(config: &Config) -> Self {
        Masters {
            folder: config.keys(),
            settings: config.master.clone(),
        }
    }

    /// The one that is needed, or the one to begin with.
    pub(crate) fn open(&self, needed: Option<&str>) -> anyhow::Result<Arc<dyn MasterKey>> {
        let Some(id) = needed else {
            return match self.keys()?.into_iter().next() {
                Some(key) => Ok(self.at_hand(key)),
                None => bail!(
                    "there is no master key yet: make one with `sportello keys init`, keep a copy of \
                     {} apart from the database's backups, and start again",
                    self.file().display()
                ),
            };
        };
        if let Some(found) = self.find(id)? {
            return Ok(found);
        }
        let given = self.keys()?;
        match given.first() {
            None => bail!(
                "the data keys need the master key {id}, and {} is not there: restore it from its \
                 backup (a new one would open nothing)",
                self.file().display()
            ),
            Some(other) => bail!(
                "the data keys need the master key {id}, and {} is {}: put the right one in place, or \
                 set database.url to the database it belongs to",
                self.shown(),
                other.id()
            ),
        }
    }

    /// The one with this id, if anybody keeps it.
    pub(crate) fn find(&self, id: &str) -> anyhow::Result<Option<Arc<dyn MasterKey>>> {
        let found = self.keys()?.into_iter().find(|key| key.id() == id);
        Ok(found.map(|key| self.at_hand(key)))
    }

    /// Whether there is one at all.
    pub(crate) fn is_there(&self) -> anyhow::Result<bool> {
        Ok(!self.keys()?.is_empty())
    }

    /// Whether the master key is a file now.
    pub(crate) fn is_file(&self) -> bool {
        matches!(self.settings.now, Keeper::File)
    }

    /// Where it is, for people.
    pub(crate) fn shown(&self) -> String {
        match &self.settings.now {
            Keeper::File => self.file().display().to_string(),
            Keeper::Value(_) => String::from("the one in keys.master_key"),
            Keeper::Command { label, .. } => format!("the one behind keys.command ({label})"),
        }
    }

    /// Makes the first master key, where it is a file; elsewhere tries the one that is there. The answer
    /// says what was done.
    pub(crate) fn begin(&self) -> anyhow::Result<String> {
        match &self.settings.now {
            Keeper::File => {
                for name in [PREVIOUS, NEXT] {
                    let path = self.folder.join(name);
                    ensure!(!path.exists(), "{} is there already", path.display());
                }
                let key = LocalMaster::new(&keys::create_secret(&self.folder, MASTER_KEY)?);
                Ok(format!(
                    "made the master key {} in {}",
                    key.id(),
                    self.file().display()
                ))
            }
            Keeper::Value(bytes) => Ok(format!(
                "keys.master_key is set: the master key {}",
                LocalMaster::new(bytes).id()
            )),
            Keeper::Command { .. } => {
                let key = self.open(None)?;
                let secret = keys::random_bytes::<32>()?;
                let wrapped = key.wrap(b"trial", &secret)?;
                ensure!(
                    key.unwrap(b"trial", &wrapped)? == secret,
                    "keys.command does not give back what it wrapped"
                );
                Ok(format!(
                    "keys.command wraps and unwraps: the master key {}",
                    key.id()
                ))
            }
        }
    }

    /// The master key to change to, made if it is to be a file.
    pub(crate) fn next(&self, needed: &str) -> anyhow::Result<Arc<dyn MasterKey>> {
        let key: Arc<dyn MasterKey> = match (&self.settings.now, &self.settings.next) {
            (Keeper::File, None | Some(Keeper::File)) => match self.read(NEXT)? {
                Some(key) => key,
                None => Arc::new(LocalMaster::new(&keys::create_secret(&self.folder, NEXT)?)),
            },
            (_, Some(Keeper::File)) => match self.read(MASTER_KEY)? {
                Some(key) => key,
                None => Arc::new(LocalMaster::new(&keys::create_secret(
                    &self.folder,
                    MASTER_KEY,
                )?)),
            },
            (_, Some(next)) => self.of_keeper(next).context("keys.next")?,
            (_, None) => bail!("set keys.next to the master key to change to"),
        };
        ensure!(
            key.id() != needed || self.is_unsettled(needed)?,
            "the data keys are wrapped by keys.next already: set keys.master to it, and clear keys.next"
        );
        Ok(self.at_hand(key))
    }

    /// Whether the data keys are under the next file, and only its name is still to be changed.
    pub(crate) fn is_unsettled(&self, needed: &str) -> anyhow::Result<bool> {
        Ok(self.read(NEXT)?.is_some_and(|key| key.id() == needed))
    }

    /// Gives the file of the master key that the data keys are under now its name, and keeps the one
    /// before.
    pub(crate) fn settle(&self, needed: &str) -> anyhow::Result<()> {
        if !self.is_unsettled(needed)? {
            return Ok(());
        }
        if self.file().exists() {
            keys::rename(&self.folder, MASTER_KEY, PREVIOUS)?;
        }
        keys::rename(&self.folder, NEXT, MASTER_KEY)
    }

    /// Deletes the file of the one before; false if there is none. Refused while data keys need it.
    pub(crate) fn forget_previous(&self, needed: Option<String>) -> anyhow::Result<bool> {
        let Some(key) = self.read(PREVIOUS)? else {
            return Ok(false);
        };
        ensure!(
            needed.as_deref() != Some(key.id()),
            "the data keys are wrapped by it: finish the change with `sportello keys rotate-master`"
        );
        keys::remove(&self.folder, PREVIOUS)?;
        Ok(true)
    }

    /// What to do after a change, in words.
    pub(crate) fn after_change(&self) -> &'static str {
        match (&self.settings.now, &self.settings.next) {
            (Keeper::File, None | Some(Keeper::File)) => {
                "the one before is master.previous.key in the same folder: backups from before need it; \
                 put both where the backups of keys are, then `sportello keys forget-master`"
            }
            _ => {
                "set keys.master and what belongs to it to what keys.next says, clear keys.next, restart"
            }
        }
    }

    /// Every master key at hand, the one to begin with first.
    fn keys(&self) -> anyhow::Result<Vec<Arc<dyn MasterKey>>> {
        let mut found: Vec<Arc<dyn MasterKey>> = Vec::new();
        let keepers = std::iter::once(&self.settings.now).chain(&self.settings.next);
        let mut has_files = false;
        for keeper in keepers {
            match keeper {
                Keeper::File if has_files => {}
                Keeper::File => {
                    has_files = true;
                    for name in [MASTER_KEY, NEXT, PREVIOUS] {
                        found.extend(self.read(name)?);
                    }
                }
                other => found.push(self.of_keeper(other)?),
            }
        }
        Ok(found)
    }

    fn of_keeper(&self, keeper: &Keeper) -> anyhow::Result<Arc<dyn MasterKey>> {
        Ok(match keeper {
            Keeper::File => self
                .read(MASTER_KEY)?
                .ok_or_else(|| anyhow!("{} is not there", self.file().display()))?,
            Keeper::Value(bytes) => Arc::new(LocalMaster::new(bytes)),
            Keeper::Command {
                label,
                argv,
                timeout,
                hidden,
            } => Arc::new(CommandMaster::new(label, argv, *timeout, hidden)),
        })
    }

    fn read(&self, name: &str) -> anyhow::Result<Option<Arc<dyn MasterKey>>> {
        let bytes = keys::load_secret(&self.folder, name)?;
        Ok(bytes.map(|bytes| -> Arc<dyn MasterKey> { Arc::new(LocalMaster::new(&bytes)) }))
    }

    fn at_hand(&self, key: Arc<dyn MasterKey>) -> Arc<dyn MasterKey> {
        Arc::new(AtHand {
            key,
            masters: self.clone(),
        })
    }

    /// Its file.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.join(MASTER_KEY)
    }
}

/// What a keyring says of the keys, in a sentence with what to do.
pub(crate) fn explain(error: StoreError) -> anyhow::Error {
    match error {
        StoreError::Keys(KeyError::Damaged(id)) => anyhow!(
            "data key {id} does not open under its own master key: its row was touched or is damaged; \
             restore the table data_keys from a backup"
        ),
        StoreError::Keys(error) => anyhow!("the data keys cannot be opened: {error}"),
        other => anyhow::Error::from(other).context("the data keys"),
    }
}
