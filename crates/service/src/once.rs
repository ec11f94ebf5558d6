//! A repeated request gets its first answer (`api.md` §1, D-35). The answer is written in the
//! transaction of what it answers, so that after a kill there are either both or none; it is
//! sealed, because it may hold personal data or tokens, and who asked is kept as a print.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use domain::visibility::Scope;
use serde::Serialize;
use serde::de::DeserializeOwned;
use storage::{DbConnection, StoreError, idempotency};

pub use storage::idempotency::RequestKey;

use crate::clock::lock;
use crate::{Desk, DeskError};

/// Keys whose askers are printed in one transaction.
const PRINTED_AT_ONCE: i64 = 500;

/// A request that may be repeated.
#[derive(Debug, Clone)]
pub struct Once {
    /// Who asks for what with which key; without one nothing is kept.
    pub key: Option<RequestKey>,
    /// The request's content in a canonical form.
    pub content: Vec<u8>,
}

/// An answer, and whether it is the kept one.
#[derive(Debug, Clone)]
pub struct Answer<T> {
    /// The answer.
    pub value: T,
    /// Whether it had been given before.
    pub replayed: bool,
}

impl Desk {
    /// Runs `f` in one write within `scope`, unless the request was answered before.
    pub(crate) fn write_once<T, F>(
        &self,
        scope: &Scope,
        once: &Once,
        f: F,
    ) -> Result<Answer<T>, DeskError>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        F: FnOnce(&mut DbConnection) -> Result<T, DeskError> + Send + 'static,
    {
        let Some(key) = once.key.clone() else {
            return self.db.write_in(scope, f).map(|value| Answer {
                value,
                replayed: false,
            });
        };
        let _running = Running::start(&self.running, &key)?;
        let fingerprint = self.secrets.fingerprint("request", &once.content);
        let now = self.clock.now();
        let forgotten = now.checked_sub(self.settings.idempotency).unwrap_or(now);
        let desk = self.clone();
        let (kept_key, kept_print) = (key.clone(), fingerprint.clone());
        let written = self.db.write_in(scope, move |conn| {
            if let Some(answer) = desk.kept(conn, &kept_key, &kept_print, forgotten)? {
                return Ok(answer);
            }
            let value = f(conn)?;
            let answer = desk.sealed(&kept_key, &value)?;
            let printed = desk.printed(&kept_key);
            match idempotency::insert(conn, &printed, &kept_print, &answer, now) {
                Ok(()) => Ok(Answer {
                    value,
                    replayed: false,
                }),
                Err(StoreError::UniqueViolation { .. }) => Err(Written::Elsewhere),
                Err(other) => Err(Written::Failed(other.into())),
            }
        });
        match written {
            Ok(answer) => Ok(answer),
            Err(Written::Failed(error)) => Err(error),
            // Another node answered the same request while this one ran, and this one is undone.
            Err(Written::Elsewhere) => self
                .db
                .read(|conn| self.kept(conn, &key, &fingerprint, forgotten))?
                .ok_or(DeskError::KeyRunning),
        }
    }

    /// Answers a request that changes nothing two of which would be wrong: tokens, searches. `f` runs
    /// in transactions of its own: after a crash before its answer is kept, a repetition runs it again.
    pub fn answer_once<T, F>(&self, once: &Once, f: F) -> Result<Answer<T>, DeskError>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        F: FnOnce() -> Result<T, DeskError>,
    {
        let Some(key) = once.key.clone() else {
            return f().map(|value| Answer {
                value,
                replayed: false,
            });
        };
        let _running = Running::start(&self.running, &key)?;
        let fingerprint = self.secrets.fingerprint("request", &once.content);
        let now = self.clock.now();
        let forgotten = now.checked_sub(self.settings.idempotency).unwrap_or(now);
        let (desk, kept_key, kept_print) = (self.clone(), key.clone(), fingerprint.clone());
        let kept = self
            .db
            .write(move |conn| desk.kept(conn, &kept_key, &kept_print, forgotten))?;
        if let Some(answer) = kept {
            return Ok(answer);
        }
        let value = f()?;
        let answer = self.sealed(&key, &value)?;
        let printed = self.printed(&key);
        let kept = self
            .db
            .write(move |conn| idempotency::insert(conn, &printed, &fingerprint, &answer, now));
        match kept {
            Ok(()) => {}
            // Another node answered the same request meanwhile; the client asks again and hears it.
            Err(StoreError::UniqueViolation { .. }) => return Err(DeskError::KeyRunning),
            Err(other) => return Err(other.into()),
        }
        Ok(Answer {
            value,
            replayed: false,
        })
    }

    fn kept<T: DeserializeOwned>(
        &self,
        conn: &mut DbConnection,
        key: &RequestKey,
        fingerprint: &str,
        forgotten: jiff::Timestamp,
    ) -> Result<Option<Answer<T>>, DeskError> {
        let printed = self.printed(key);
        let Some(kept) = idempotency::find(conn, &printed)? else {
            return Ok(None);
        };
        if kept.created_at < forgotten {
            idempotency::delete(conn, &printed)?;
            return Ok(None);
        }
        if kept.fingerprint != fingerprint {
            return Err(DeskError::KeyReused);
        }
        let plain = self.secrets.open(&context(key), &kept.answer);
        let value = plain.and_then(|plain| serde_json::from_slice(&plain).ok());
        match value {
            Some(value) => Ok(Some(Answer {
                value,
                replayed: true,
            })),
            None => Err(DeskError::Broken("a kept answer cannot be opened", None)),
        }
    }

    /// The key as a row holds it.
    fn printed(&self, key: &RequestKey) -> RequestKey {
        let asker = key.principal.as_bytes();
        RequestKey {
            principal: self.secrets.fingerprint("asker", asker),
            ..key.clone()
        }
    }

    /// Prints those who asked before askers were printed. Their answers stay theirs.
    pub(crate) fn print_askers(&self) -> Result<(), DeskError> {
        loop {
            let desk = self.clone();
            let printed = self.db.write(move |conn| {
                let named = idempotency::list_named(conn, PRINTED_AT_ONCE)?;
                for key in &named {
                    idempotency::set_print(conn, key, desk.printed(key).principal)?;
                }
                Ok::<_, StoreError>(named.len())
            })?;
            if printed == 0 {
                return Ok(());
            }
        }
    }

    fn sealed<T: Serialize>(&self, key: &RequestKey, value: &T) -> Result<Vec<u8>, DeskError> {
        let plain = serde_json::to_vec(value)
            .map_err(|error| DeskError::broken("an answer cannot be kept", error))?;
        self.secrets
            .seal(&context(key), plain)
            .ok_or(DeskError::Broken("an answer cannot be sealed", None))
    }
}

fn context(key: &RequestKey) -> String {
    format!("{}\n{}\n{}", key.principal, key.route, key.key)
}

/// How a write ended that was not answered.
enum Written {
    Elsewhere,
    Failed(DeskError),
}

impl From<DeskError> for Written {
    fn from(error: DeskError) -> Self {
        Written::Failed(error)
    }
}

impl From<StoreError> for Written {
    fn from(error: StoreError) -> Self {
        Written::Failed(error.into())
    }
}

/// Marks a key as running on this node until dropped.
struct Running<'a> {
    all: &'a Arc<Mutex<HashSet<RequestKey>>>,
    key: RequestKey,
}

impl<'a> Running<'a> {
    fn start(
        all: &'a Arc<Mutex<HashSet<RequestKey>>>,
        key: &RequestKey,
    ) -> Result<Self, DeskError> {
        if lock(all).insert(key.clone()) {
            Ok(Running {
                all,
                key: key.clone(),
            })
        } else {
            Err(DeskError::KeyRunning)
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        lock(self.all).remove(&self.key);
    }
}
