//! The keys of citizens' issuers: loaded from where the configuration says, kept, renewed.
//!
//! Invariant: a key set is fetched at most once a minute, however many unknown key ids are tried, and a
//! client that hangs up cancels nobody else's load.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use tokio::io::AsyncReadExt;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{CitizenAlgorithm, CitizenIssuer, HttpOptions, JwksSource, KeySetError};
use crate::outgoing::Endpoint;
use crate::tokens::TokenError;

/// Two attempts to load a key set are at least this far apart.
pub(super) const MIN_REFRESH_SECONDS: i64 = 60;

/// After this a key set is loaded again.
pub(super) const FRESH_SECONDS: i64 = 60 * 60;

/// After this without its server a key set is no longer used.
pub(super) const USABLE_SECONDS: i64 = 24 * 60 * 60;

/// No honest key set has more; the rest is not read.
pub(super) const MAX_KEYS: usize = 100;

/// Shorter RSA keys (2048 bits) are left out.
pub(super) const MIN_RSA_BYTES: usize = 256;

/// What kind of key it is; each algorithm works with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    P256,
    Rsa,
    Ed25519,
}

/// A public key of an issuer.
#[derive(Debug)]
pub(super) struct VerifyingKey {
    pub(super) id: String,
    family: Family,
    /// The algorithm the issuer binds it to, if any.
    algorithm: Option<String>,
    key: DecodingKey,
}

impl VerifyingKey {
    fn fits(&self, algorithm: CitizenAlgorithm) -> bool {
        let bound_to = self.algorithm.as_deref();
        self.family == algorithm.family() && bound_to.is_none_or(|name| name == algorithm.name())
    }
}

/// A JSON Web Key as received.
#[derive(Deserialize)]
struct RawKey {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// Reads a key set. Keys that are not for us (encryption, other kinds, no id, too weak, secret)
/// are left out, as RFC 7517 asks: one odd key must not lock everybody out.
pub(super) fn read_key_set(bytes: &[u8]) -> Result<Vec<VerifyingKey>, KeySetError> {
    #[derive(Deserialize)]
    struct KeySet {
        keys: Vec<serde_json::Value>,
    }
    let set: KeySet = serde_json::from_slice(bytes)?;
    let keys: Vec<VerifyingKey> = set
        .keys
        .into_iter()
        .take(MAX_KEYS)
        .filter_map(|key| serde_json::from_value(key).ok())
        .filter_map(verifying_key)
        .collect();
    if keys.is_empty() {
        Err(KeySetError::NoKeys)
    } else {
        Ok(keys)
    }
}

fn verifying_key(raw: RawKey) -> Option<VerifyingKey> {
    let for_signatures = raw.usage.as_deref().is_none_or(|usage| usage == "sig");
    let may_verify = raw
        .key_ops
        .is_none_or(|ops| ops.iter().any(|op| op == "verify"));
    if !for_signatures || !may_verify {
        return None;
    }
    let (family, key) = match (raw.kty.as_str(), raw.crv.as_deref()) {
        ("EC", Some("P-256")) => (Family::P256, p256_key(&raw.x?, &raw.y?)?),
        ("OKP", Some("Ed25519")) => (Family::Ed25519, ed25519_key(&raw.x?)?),
        ("RSA", None) => (Family::Rsa, rsa_key(&raw.n?, &raw.e?)?),
        _ => return None,
    };
    Some(VerifyingKey {
        id: raw.kid?,
        family,
        algorithm: raw.alg,
        key,
    })
}

fn p256_key(x: &str, y: &str) -> Option<DecodingKey> {
    let (x, y) = (base64url(x)?, base64url(y)?);
    (x.len() == 32 && y.len() == 32).then(|| DecodingKey::from_ec_der(&[vec![0x04], x, y].concat()))
}

fn ed25519_key(x: &str) -> Option<DecodingKey> {
    let x = base64url(x)?;
    (x.len() == 32).then(|| DecodingKey::from_ed_der(&x))
}

fn rsa_key(n: &str, e: &str) -> Option<DecodingKey> {
    let (n, e) = (base64url(n)?, base64url(e)?);
    let n: Vec<u8> = n.into_iter().skip_while(|byte| *byte == 0).collect();
    (n.len() >= MIN_RSA_BYTES).then(|| DecodingKey::from_rsa_raw_components(&n, &e))
}

fn base64url(text: &str) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(text.as_bytes()).ok()
}

/// One issuer's keys: what was loaded last, and when to load again.
#[derive(Debug)]
pub(super) struct KeyCache {
    issuer: String,
    source: Source,
    loaded: RwLock<Loaded>,
    /// Held while loading, so that one load serves everybody who waits for it.
    pub(super) loading: Arc<Mutex<()>>,
}

#[derive(Debug)]
enum Source {
    Fixed,
    File { path: PathBuf, max_bytes: usize },
    Http(Endpoint),
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
    pub(super) fn new(settings: &CitizenIssuer, http: &HttpOptions) -> Result<Self, KeySetError> {
        let max_bytes = http.max_body_bytes;
        let mut loaded = Loaded::default();
        let source = match &settings.jwks {
            JwksSource::Inline(json) => {
                loaded.keys = read_key_set(json.as_bytes())?;
                Source::Fixed
            }
            JwksSource::File(path) => {
                read_key_set(&read_file_now(path, max_bytes)?)?;
                Source::File {
                    path: path.clone(),
                    max_bytes,
                }
            }
            JwksSource::Url(url) => Source::Http(Endpoint::new(url, http)?),
        };
        Ok(KeyCache {
            issuer: settings.issuer.clone(),
            source,
            loaded: RwLock::new(loaded),
            loading: Arc::new(Mutex::new(())),
        })
    }

    /// The key, after loading the set again where that may help.
    pub(super) async fn find(
        self: &Arc<Self>,
        kid: &str,
        algorithm: CitizenAlgorithm,
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
        algorithm: CitizenAlgorithm,
        now: Timestamp,
    ) -> Result<(Age, Found), TokenError> {
        let loaded = self.read();
        let age = self.age(&loaded, now);
        let mut known = loaded
            .keys
            .iter()
            .filter(|key| age != Age::Unusable && key.id == kid)
            .peekable();
        if known.peek().is_none() {
            return Ok((age, Found::Unknown));
        }
        let key = known
            .find(|key| key.fits(algorithm))
            .ok_or(TokenError::Algorithm)?;
        Ok((age, Found::Key(Box::new(key.key.clone()))))
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
        if too_soon || matches!(self.source, Source::Fixed) {
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
        let keys = match &self.source {
            Source::Fixed => return,
            Source::File { path, max_bytes } => read_file(path, *max_bytes).await,
            Source::Http(endpoint) => endpoint.get().await.map_err(KeySetError::from),
        };
        match keys.and_then(|bytes| read_key_set(&bytes)) {
            Ok(keys) => {
                tracing::info!(issuer = %self.issuer, keys = keys.len(), "loaded the issuer's keys");
                let mut loaded = self.write();
                loaded.keys = keys;
                loaded.at = Some(now);
            }
            Err(error) => {
                let cause = std::error::Error::source(&error)
                    .map(ToString::to_string)
                    .unwrap_or_default();
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

/// Without a sign: after the clock was set back, a time in the future is as far away as it looks,
/// so that neither the minimum interval nor the life of the keys can last for ever.
fn seconds_between(a: Timestamp, b: Timestamp) -> i64 {
    a.as_second().saturating_sub(b.as_second()).saturating_abs()
}

async fn read_file(path: &Path, max_bytes: usize) -> Result<Vec<u8>, KeySetError> {
    let mut bytes = Vec::new();
    let file = tokio::fs::File::open(path).await?;
    file.take(one_more_than(max_bytes))
        .read_to_end(&mut bytes)
        .await?;
    at_most(bytes, max_bytes)
}

fn read_file_now(path: &Path, max_bytes: usize) -> Result<Vec<u8>, KeySetError> {
    use std::io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?
        .take(one_more_than(max_bytes))
        .read_to_end(&mut bytes)?;
    at_most(bytes, max_bytes)
}

fn one_more_than(max_bytes: usize) -> u64 {
    u64::try_from(max_bytes)
        .unwrap_or(u64::MAX)
        .saturating_add(1)
}

fn at_most(bytes: Vec<u8>, max_bytes: usize) -> Result<Vec<u8>, KeySetError> {
    if bytes.len() > max_bytes {
        Err(KeySetError::TooLong(max_bytes))
    } else {
        Ok(bytes)
    }
}
