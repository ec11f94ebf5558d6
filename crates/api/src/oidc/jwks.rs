//! The keys of issuers: loaded from where the configuration says, kept, renewed.
//!
//! Invariant: a key set is fetched at most once a minute, however many unknown key ids are tried, and a
//! client that hangs up cancels nobody else's load.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use jiff::Timestamp;
use jsonwebtoken::DecodingKey;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::keys::VerifyingKey;
use super::settings::{Issuer, KeySetError, TokenAlgorithm};
use super::source::Source;
use crate::outgoing::HttpOptions;
use crate::tokens::TokenError;

/// Two attempts to load a key set are at least this far apart.
pub(super) const MIN_REFRESH_SECONDS: i64 = 60;

/// After this a key set is loaded again.
pub(super) const FRESH_SECONDS: i64 = 60 * 60;

/// After this without its server a key set is no longer used.
pub(super) const USABLE_SECONDS: i64 = 24 * 60 * 60;

/// One issuer's keys: what was loaded last, and when to load again.
#[derive(Debug)]
pub(super) struct KeyCache {
    issuer: String,
    source: Source,
    loaded: RwLock<Loaded>,
    /// Held while loading, so that one load serves everybody who waits for it.
    pub(super) loading: Arc<Mutex<()>>,
}

#[derive(Debug, Default)]
struct Loaded {
    keys: Vec<VerifyingKey>,
    /// When the keys were loaded; none before the first success.
    at: Option<Timestamp>,
    /// When loading was last tried, with or without success.
    tried_at: Option<Timestamp>,
}

/// How good the loaded keys are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Age {
    Fresh,
    Stale,
    Unusable,
}

/// A look at the cache for one key.
enum Found {
    Key(Box<DecodingKey>),
    Unknown,
}

impl KeyCache {
    pub(super) fn new(issuer: &Issuer, http: &HttpOptions) -> Result<Self, KeySetError> {
        let (source, keys) = Source::new(issuer, http)?;
        Ok(KeyCache {
            issuer: issuer.name.clone(),
            source,
            loaded: RwLock::new(Loaded {
                keys,
                ..Loaded::default()
            }),
            loading: Arc::new(Mutex::new(())),
        })
    }

    /// The key, after loading the set again where that may help.
    pub(super) async fn find(
        self: &Arc<Self>,
        kid: &str,
        algorithm: TokenAlgorithm,
        now: Timestamp,
    ) -> Result<DecodingKey, TokenError> {
        let (age, found) = self.look_up(kid, algorithm, now)?;
        match (age, found) {
            (Age::Fresh, Found::Key(key)) => return Ok(*key),
            (Age::Stale, Found::Key(key)) => {
                self.load_in_background(now);
                return Ok(*key);
            }
            _ => self.load_and_wait(now).await,
        }
        match self.look_up(kid, algorithm, now)? {
            (Age::Unusable, _) => Err(TokenError::KeysUnavailable),
            (_, Found::Key(key)) => Ok(*key),
            (_, Found::Unknown) => Err(TokenError::UnknownKey),
        }
    }

    fn look_up(
        &self,
        kid: &str,
        algorithm: TokenAlgorithm,
        now: Timestamp,
    ) -> Result<(Age, Found), TokenError> {
        let loaded = self.read();
        let age = self.age(&loaded, now);
        let mut known = loaded
            .keys
            .iter()
            .filter(|key| age != Age::Unusable && key.has_id(kid))
            .peekable();
        if known.peek().is_none() {
            return Ok((age, Found::Unknown));
        }
        let key = known
            .find(|key| key.fits(algorithm))
            .ok_or(TokenError::Algorithm)?;
        Ok((age, Found::Key(Box::new(key.decoding_key().clone()))))
    }

    fn age(&self, loaded: &Loaded, now: Timestamp) -> Age {
        match (&self.source, loaded.at) {
            (Source::Fixed, _) => Age::Fresh,
            (_, None) => Age::Unusable,
            (_, Some(at)) => match seconds_between(at, now) {
                0..FRESH_SECONDS => Age::Fresh,
                FRESH_SECONDS..USABLE_SECONDS => Age::Stale,
                _ => Age::Unusable,
            },
        }
    }

    /// Loads, or waits for the load that is running. A load runs as its own task: a caller who
    /// hangs up must not break it off for the others.
    async fn load_and_wait(self: &Arc<Self>, now: Timestamp) {
        let turn = Arc::clone(&self.loading).lock_owned().await;
        if let Some(task) = self.start_loading(turn, now)
            && let Err(error) = task.await
        {
            tracing::error!(issuer = %self.issuer, %error, "loading the issuer's keys broke off");
        }
    }

    fn load_in_background(self: &Arc<Self>, now: Timestamp) {
        if let Ok(turn) = Arc::clone(&self.loading).try_lock_owned() {
            drop(self.start_loading(turn, now));
        }
    }

    /// Starts loading unless the last attempt is too recent.
    fn start_loading(
        self: &Arc<Self>,
        turn: OwnedMutexGuard<()>,
        now: Timestamp,
    ) -> Option<tokio::task::JoinHandle<()>> {
        let mut loaded = self.write();
        let too_soon = loaded
            .tried_at
            .is_some_and(|at| seconds_between(at, now) < MIN_REFRESH_SECONDS);
        if too_soon || self.source.is_fixed() {
            return None;
        }
        loaded.tried_at = Some(now);
        drop(loaded);
        let cache = Arc::clone(self);
        Some(tokio::spawn(async move {
            cache.load(now).await;
            drop(turn);
        }))
    }

    async fn load(&self, now: Timestamp) {
        match self.source.load().await {
            Ok(keys) => {
                tracing::info!(issuer = %self.issuer, keys = keys.len(), "loaded the issuer's keys");
                let mut loaded = self.write();
                loaded.keys = keys;
                loaded.at = Some(now);
            }
            Err(error) => {
                let cause = cause(&error);
                tracing::warn!(issuer = %self.issuer, %error, cause, "cannot load the issuer's keys, keeping the old ones");
            }
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Loaded> {
        self.loaded.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Loaded> {
        self.loaded.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why, without what the server said: it could say anything, an address or a name.
fn cause(error: &KeySetError) -> String {
    match error {
        KeySetError::Json(json) => format!("line {}, column {}", json.line(), json.column()),
        error => std::error::Error::source(error)
            .map(ToString::to_string)
            .unwrap_or_default(),
    }
}

/// Without a sign: after the clock was set back, a time in the future is as far away as it looks,
/// so that neither the minimum interval nor the life of the keys can last for ever.
fn seconds_between(a: Timestamp, b: Timestamp) -> i64 {
    a.as_second().saturating_sub(b.as_second()).saturating_abs()
}
