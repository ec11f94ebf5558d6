//! Citizens' tokens: those of the identity providers this instance was told to trust.
//!
//! For verifying a token and handing over what it says of a person, as raw text; not for judging
//! that text (the domain does) and not for logging anybody in. Invariants: keys come only from
//! an issuer's configured key set, never from where a token points; one algorithm family per
//! key; a key set is fetched at most once a minute, however many unknown key ids are tried.
//!
//! The file is long because the key cache is only safe beside its only user.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::{Deserialize, Deserializer};
use tokio::io::AsyncReadExt;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::tokens::{Times, TokenError, UntrustedHeader, unverified_issuer, verified_claims};

/// The levels of assurance that count as SPID level 2 or more; CIE uses the same names.
pub const LEVEL_2_OR_MORE: [&str; 2] = [
    "https://www.spid.gov.it/SpidL2",
    "https://www.spid.gov.it/SpidL3",
];

/// How far an issuer's clock may differ from ours.
const LEEWAY_SECONDS: i64 = 60;

/// Two attempts to load a key set are at least this far apart.
const MIN_REFRESH_SECONDS: i64 = 60;

/// After this a key set is loaded again.
const FRESH_SECONDS: i64 = 60 * 60;

/// After this without its server a key set is no longer used.
const USABLE_SECONDS: i64 = 24 * 60 * 60;

/// No honest key set has more; the rest is not read.
const MAX_KEYS: usize = 100;

/// No honest key id is longer.
const MAX_KEY_ID_BYTES: usize = 256;

/// Shorter RSA keys (2048 bits) are left out.
const MIN_RSA_BYTES: usize = 256;

/// What a tax code starts with in a token.
const TAX_CODE_PREFIX: &str = "TINIT-";

/// A signature algorithm a citizens' issuer may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, serde::Serialize)]
pub enum CitizenAlgorithm {
    /// ECDSA on P-256.
    #[serde(rename = "ES256")]
    Es256,
    /// RSA, PKCS#1 1.5, at least 2048 bits.
    #[serde(rename = "RS256")]
    Rs256,
    /// RSA-PSS, at least 2048 bits.
    #[serde(rename = "PS256")]
    Ps256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl CitizenAlgorithm {
    /// All of them.
    pub const ALL: [CitizenAlgorithm; 4] = [Self::Es256, Self::Rs256, Self::Ps256, Self::EdDsa];

    /// As a token's header spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::EdDsa => "EdDSA",
        }
    }

    fn family(self) -> Family {
        match self {
            Self::Es256 => Family::P256,
            Self::Rs256 | Self::Ps256 => Family::Rsa,
            Self::EdDsa => Family::Ed25519,
        }
    }

    fn library(self) -> Algorithm {
        match self {
            Self::Es256 => Algorithm::ES256,
            Self::Rs256 => Algorithm::RS256,
            Self::Ps256 => Algorithm::PS256,
            Self::EdDsa => Algorithm::EdDSA,
        }
    }
}

/// Where an issuer's public keys are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JwksSource {
    /// A file somebody keeps up to date; read like an address.
    File(PathBuf),
    /// An address: https, or http on this machine.
    Url(String),
    /// The key set itself; it never expires.
    Inline(String),
}

/// An issuer of citizens' tokens, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CitizenIssuer {
    /// The exact `iss`.
    pub issuer: String,
    /// What `aud` must be or contain.
    pub audience: String,
    /// The algorithms it may sign with.
    pub algorithms: Vec<CitizenAlgorithm>,
    /// The values of `acr` that are enough; see [`LEVEL_2_OR_MORE`].
    pub accepted_levels: Vec<String>,
    /// Whether `nbf` must be there. Keep it on unless the issuer leaves `nbf` out.
    pub require_not_before: bool,
    /// Its keys.
    pub jwks: JwksSource,
}

/// How key sets are fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpOptions {
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for the whole answer.
    pub total_timeout: Duration,
    /// Longest key set, also for files.
    pub max_body_bytes: usize,
    /// The proxy for other machines. The environment's is never used.
    pub proxy: Option<String>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        HttpOptions {
            connect_timeout: Duration::from_secs(3),
            total_timeout: Duration::from_secs(5),
            max_body_bytes: 256 * 1024,
            proxy: None,
        }
    }
}

/// Why the issuers cannot be used as configured.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// An issuer has an empty name, audience, algorithm list or level list.
    #[error("citizens' issuer {issuer:?}: {setting} is empty")]
    Empty {
        /// Which issuer.
        issuer: String,
        /// Which setting.
        setting: &'static str,
    },
    /// Two issuers have one name.
    #[error("citizens' issuer {issuer:?} is configured twice")]
    Twice {
        /// Which issuer.
        issuer: String,
    },
    /// The key set cannot be used.
    #[error("citizens' issuer {issuer:?}: cannot use its key set")]
    Keys {
        /// Which issuer.
        issuer: String,
        /// Why.
        #[source]
        source: KeySetError,
    },
}

/// Why a key set could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum KeySetError {
    /// The address is no address.
    #[error("the address is not a URL")]
    Url(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The address is neither https nor http on this machine.
    #[error("the address must be https, or http on this machine")]
    NotHttps,
    /// The client or its proxy cannot be set up, or the server does not answer in time.
    #[error("the HTTP request failed")]
    Http(#[from] reqwest::Error),
    /// Anything but 200; redirects are not followed.
    #[error("the server answered {0}")]
    Status(u16),
    /// The file cannot be read.
    #[error("the file cannot be read")]
    File(#[from] std::io::Error),
    /// More bytes than allowed.
    #[error("the key set is longer than {0} bytes")]
    TooLong(usize),
    /// Not `{"keys": [...]}`.
    #[error("the key set is not a JSON Web Key Set")]
    Json(#[from] serde_json::Error),
    /// No key in it could verify a token.
    #[error("the key set has no key we could use")]
    NoKeys,
}

/// What a verified token says of a citizen; text as the issuer wrote it.
#[derive(Clone, PartialEq, Eq)]
pub struct CitizenClaims {
    /// The issuer, one of the configured.
    pub issuer: String,
    /// The person at that issuer; only the pair with `issuer` names somebody.
    pub subject: String,
    /// The tax code, without `TINIT-`.
    pub tax_code: String,
    /// Given name.
    pub given_name: String,
    /// Family name.
    pub family_name: String,
    /// E-mail address; grants nothing.
    pub email: Option<String>,
}

impl std::fmt::Debug for CitizenClaims {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CitizenClaims")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

/// Verifies citizens' tokens.
#[derive(Debug, Clone)]
pub struct CitizenVerifier {
    issuers: Arc<[Trusted]>,
}

#[derive(Debug)]
struct Trusted {
    settings: CitizenIssuer,
    keys: Arc<KeyCache>,
}

impl CitizenVerifier {
    /// Checks the settings. Files are read once to find mistakes early; no server is called.
    pub fn new(issuers: Vec<CitizenIssuer>, http: HttpOptions) -> Result<Self, SetupError> {
        let mut trusted: Vec<Trusted> = Vec::with_capacity(issuers.len());
        for settings in issuers {
            check_settings(&settings)?;
            let issuer = settings.issuer.clone();
            if trusted.iter().any(|other| other.settings.issuer == issuer) {
                return Err(SetupError::Twice { issuer });
            }
            let keys = KeyCache::new(&settings, &http)
                .map_err(|source| SetupError::Keys { issuer, source })?;
            trusted.push(Trusted {
                settings,
                keys: Arc::new(keys),
            });
        }
        Ok(CitizenVerifier {
            issuers: trusted.into(),
        })
    }

    /// Reads a citizen's token, or says why it does not count at `now`.
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<CitizenClaims, TokenError> {
        let header = UntrustedHeader::read(token)?;
        header.must_not_name_keys()?;
        check_type(header.typ.as_deref())?;
        let claimed = unverified_issuer(token).ok_or(TokenError::Claim("iss"))?;
        let trusted = self
            .issuers
            .iter()
            .find(|one| one.settings.issuer == claimed)
            .ok_or(TokenError::Issuer)?;
        let allowed = &trusted.settings.algorithms;
        let algorithm = allowed
            .iter()
            .find(|one| one.name() == header.alg)
            .ok_or(TokenError::Algorithm)?;
        let kid = header
            .kid
            .filter(|kid| kid.len() <= MAX_KEY_ID_BYTES)
            .ok_or(TokenError::UnknownKey)?;
        let key = trusted.keys.find(&kid, *algorithm, now).await?;
        let claims: RawClaims = verified_claims(token, &key, algorithm.library())?;
        claims.check(&trusted.settings, now)
    }
}

fn check_settings(settings: &CitizenIssuer) -> Result<(), SetupError> {
    let empty = [
        ("issuer", settings.issuer.is_empty()),
        ("audience", settings.audience.is_empty()),
        ("algorithms", settings.algorithms.is_empty()),
        ("accepted_levels", settings.accepted_levels.is_empty()),
    ];
    match empty.into_iter().find(|(_, is_empty)| *is_empty) {
        Some((setting, _)) => Err(SetupError::Empty {
            issuer: settings.issuer.clone(),
            setting,
        }),
        None => Ok(()),
    }
}

/// Refuses what the same issuer signs for other ends, such as log-out or federation statements.
fn check_type(typ: Option<&str>) -> Result<(), TokenError> {
    match typ {
        None => Ok(()),
        Some(typ) if typ.eq_ignore_ascii_case("JWT") || typ.eq_ignore_ascii_case("at+jwt") => {
            Ok(())
        }
        Some(_) => Err(TokenError::Header),
    }
}

#[derive(Deserialize)]
struct RawClaims {
    iss: String,
    aud: Audience,
    sub: String,
    iat: Seconds,
    #[serde(default)]
    nbf: Option<Seconds>,
    exp: Seconds,
    #[serde(default)]
    acr: Option<String>,
    #[serde(default)]
    fiscal_number: Option<String>,
    #[serde(default, rename = "https://attributes.eid.gov.it/fiscal_number")]
    eid_fiscal_number: Option<String>,
    #[serde(default)]
    given_name: Option<String>,
    #[serde(default)]
    family_name: Option<String>,
    #[serde(default)]
    email: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn contains(&self, wanted: &str) -> bool {
        match self {
            Audience::One(one) => one == wanted,
            Audience::Several(all) => all.iter().any(|one| one == wanted),
        }
    }
}

/// A NumericDate of RFC 7519: a number, never text; parts of a second are dropped.
struct Seconds(i64);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        let text = number.to_string();
        let whole = text
            .split_once('.')
            .map_or(text.as_str(), |(whole, _)| whole);
        whole
            .parse()
            .map(Seconds)
            .map_err(|_| serde::de::Error::custom("not a time in seconds"))
    }
}

impl RawClaims {
    fn check(self, settings: &CitizenIssuer, now: Timestamp) -> Result<CitizenClaims, TokenError> {
        if self.iss != settings.issuer {
            return Err(TokenError::Issuer);
        }
        if !self.aud.contains(&settings.audience) {
            return Err(TokenError::Audience);
        }
        if settings.require_not_before && self.nbf.is_none() {
            return Err(TokenError::Claim("nbf"));
        }
        let times = Times {
            iat: self.iat.0,
            nbf: self.nbf.map(|nbf| nbf.0),
            exp: self.exp.0,
        };
        times.check(now, LEEWAY_SECONDS)?;
        // Before the person's attributes: an issuer may leave them out at level 1.
        if !self
            .acr
            .is_some_and(|acr| settings.accepted_levels.contains(&acr))
        {
            return Err(TokenError::LevelTooLow);
        }
        Ok(CitizenClaims {
            issuer: self.iss,
            subject: filled(Some(self.sub)).ok_or(TokenError::Claim("sub"))?,
            tax_code: tax_code(self.fiscal_number, self.eid_fiscal_number)?,
            given_name: filled(self.given_name).ok_or(TokenError::Claim("given_name"))?,
            family_name: filled(self.family_name).ok_or(TokenError::Claim("family_name"))?,
            email: filled(self.email),
        })
    }
}

/// The tax code under either name; under both it must be the same.
fn tax_code(short: Option<String>, long: Option<String>) -> Result<String, TokenError> {
    const WRONG: TokenError = TokenError::Claim("fiscal_number");
    if let (Some(short), Some(long)) = (&short, &long)
        && short != long
    {
        return Err(WRONG);
    }
    let claim = long.or(short).ok_or(WRONG)?;
    let code = claim.strip_prefix(TAX_CODE_PREFIX).ok_or(WRONG)?;
    filled(Some(code.to_owned())).ok_or(WRONG)
}

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

/// What kind of key it is; each algorithm works with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    P256,
    Rsa,
    Ed25519,
}

/// A public key of an issuer.
#[derive(Debug)]
struct VerifyingKey {
    id: String,
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
fn read_key_set(bytes: &[u8]) -> Result<Vec<VerifyingKey>, KeySetError> {
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
struct KeyCache {
    issuer: String,
    source: Source,
    loaded: RwLock<Loaded>,
    /// Held while loading, so that one load serves everybody who waits for it.
    loading: Arc<Mutex<()>>,
}

#[derive(Debug)]
enum Source {
    Fixed,
    File {
        path: PathBuf,
        max_bytes: usize,
    },
    Http {
        url: reqwest::Url,
        client: reqwest::Client,
        max_bytes: usize,
    },
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
    fn new(settings: &CitizenIssuer, http: &HttpOptions) -> Result<Self, KeySetError> {
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
            JwksSource::Url(url) => {
                let url =
                    reqwest::Url::parse(url).map_err(|error| KeySetError::Url(Box::new(error)))?;
                let client = client_for(&url, http)?;
                Source::Http {
                    url,
                    client,
                    max_bytes,
                }
            }
        };
        Ok(KeyCache {
            issuer: settings.issuer.clone(),
            source,
            loaded: RwLock::new(loaded),
            loading: Arc::new(Mutex::new(())),
        })
    }

    /// The key, after loading the set again where that may help.
    async fn find(
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
            Source::Http {
                url,
                client,
                max_bytes,
            } => fetch(client, url, *max_bytes).await,
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

/// A client for one key set address only.
fn client_for(url: &reqwest::Url, http: &HttpOptions) -> Result<reqwest::Client, KeySetError> {
    let local = is_loopback(url);
    let mut builder = reqwest::Client::builder()
        .connect_timeout(http.connect_timeout)
        .timeout(http.total_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .no_proxy()
        // Kept connections would belong to the worker that opened them; one a hour is cheap.
        .pool_max_idle_per_host(0)
        .user_agent("sportello");
    match url.scheme() {
        "https" => builder = builder.https_only(true),
        // Without TLS the machine's root certificates are not needed, and may be missing.
        "http" if local => builder = builder.tls_certs_only([]),
        _ => return Err(KeySetError::NotHttps),
    }
    if let Some(proxy) = http.proxy.as_deref().filter(|_| !local) {
        builder = builder.proxy(reqwest::Proxy::all(proxy)?);
    }
    Ok(builder.build()?)
}

fn is_loopback(url: &reqwest::Url) -> bool {
    let host = url
        .host_str()
        .unwrap_or_default()
        .trim_start_matches('[')
        .trim_end_matches(']');
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

async fn fetch(
    client: &reqwest::Client,
    url: &reqwest::Url,
    max_bytes: usize,
) -> Result<Vec<u8>, KeySetError> {
    let mut response = client
        .get(url.clone())
        .header("accept", "application/json")
        .send()
        .await?;
    if response.status() != reqwest::StatusCode::OK {
        return Err(KeySetError::Status(response.status().as_u16()));
    }
    let announced = response.content_length().unwrap_or_default();
    if usize::try_from(announced).map_or(true, |length| length > max_bytes) {
        return Err(KeySetError::TooLong(max_bytes));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len().saturating_add(chunk.len()) > max_bytes {
            return Err(KeySetError::TooLong(max_bytes));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use aws_lc_rs::encoding::AsDer;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
        Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair,
    };
    use jiff::ToSpan;
    use serde_json::{Value, json};
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    const ISSUER: &str = "https://id.example.org";

    enum Signer {
        P256(EcdsaKeyPair),
        P384(EcdsaKeyPair),
        Ed(Ed25519KeyPair),
        Rsa(RsaKeyPair),
    }

    /// A key of a mock provider.
    struct ProviderKey {
        kid: &'static str,
        signer: Signer,
    }

    fn p256(kid: &'static str) -> ProviderKey {
        ProviderKey {
            kid,
            signer: Signer::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()),
        }
    }

    impl ProviderKey {
        fn jwk(&self) -> Value {
            let b64 = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
            let ec = |curve: &str, pair: &EcdsaKeyPair| {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                json!({"kty": "EC", "crv": curve, "x": b64(x), "y": b64(y), "kid": self.kid, "use": "sig"})
            };
            match &self.signer {
                Signer::P256(pair) => ec("P-256", pair),
                Signer::P384(pair) => ec("P-384", pair),
                Signer::Ed(pair) => {
                    json!({"kty": "OKP", "crv": "Ed25519", "x": b64(pair.public_key().as_ref()), "kid": self.kid})
                }
                Signer::Rsa(pair) => {
                    let public = pair.public_key();
                    let n = public.modulus().big_endian_without_leading_zero().to_vec();
                    let e = public.exponent().big_endian_without_leading_zero().to_vec();
                    json!({"kty": "RSA", "n": b64(&n), "e": b64(&e), "kid": self.kid})
                }
            }
        }

        fn sign(&self, header: &Value, claims: &Value) -> String {
            let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
            let message = format!("{}.{}", part(header), part(claims));
            let (random, bytes) = (SystemRandom::new(), message.as_bytes());
            let signature = match &self.signer {
                Signer::P256(pair) | Signer::P384(pair) => {
                    pair.sign(&random, bytes).unwrap().as_ref().to_vec()
                }
                Signer::Ed(pair) => pair.sign(bytes).as_ref().to_vec(),
                Signer::Rsa(pair) => {
                    let mut out = vec![0; pair.public_modulus_len()];
                    if header["alg"] == "PS256" {
                        pair.sign(&RSA_PSS_SHA256, &random, bytes, &mut out)
                            .unwrap();
                    } else {
                        pair.sign(&RSA_PKCS1_SHA256, &random, bytes, &mut out)
                            .unwrap();
                    }
                    out
                }
            };
            format!("{message}.{}", BASE64URL_NOPAD.encode(&signature))
        }

        /// A good token for `claims`.
        fn token(&self, claims: &Value) -> String {
            self.sign(
                &json!({"alg": "ES256", "kid": self.kid, "typ": "JWT"}),
                claims,
            )
        }
    }

    fn key_set(keys: &[&ProviderKey]) -> String {
        json!({"keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>()}).to_string()
    }

    fn now() -> Timestamp {
        "2031-03-14T09:26:53Z".parse().unwrap()
    }

    fn claims() -> Value {
        claims_at(now())
    }

    fn claims_at(now: Timestamp) -> Value {
        let now = now.as_second();
        json!({
            "iss": ISSUER, "aud": "sportello", "sub": "pairwise-1", "acr": "https://www.spid.gov.it/SpidL2",
            "iat": now, "nbf": now, "exp": now + 600, "jti": "x",
            "fiscal_number": "TINIT-RSSMRA80A01H501U", "given_name": "Mària", "family_name": "D'Àngelo",
            "email": "maria@example.org",
        })
    }

    fn with(mut claims: Value, name: &str, value: Value) -> Value {
        claims[name] = value;
        claims
    }

    fn without(mut claims: Value, name: &str) -> Value {
        claims.as_object_mut().unwrap().remove(name).unwrap();
        claims
    }

    fn issuer(jwks: JwksSource) -> CitizenIssuer {
        CitizenIssuer {
            issuer: ISSUER.to_owned(),
            audience: "sportello".to_owned(),
            algorithms: vec![CitizenAlgorithm::Es256],
            accepted_levels: LEVEL_2_OR_MORE.map(str::to_owned).to_vec(),
            require_not_before: true,
            jwks,
        }
    }

    fn verifier(jwks: JwksSource) -> CitizenVerifier {
        CitizenVerifier::new(vec![issuer(jwks)], HttpOptions::default()).unwrap()
    }

    fn inline(key: &ProviderKey) -> CitizenVerifier {
        verifier(JwksSource::Inline(key_set(&[key])))
    }

    /// A server of key sets that counts its visitors.
    struct KeyServer {
        url: String,
        visits: Arc<AtomicUsize>,
        answer: Arc<std::sync::Mutex<Vec<u8>>>,
    }

    impl KeyServer {
        async fn start(answer: Vec<u8>) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let server = KeyServer {
                url: format!("http://{}/jwks.json", listener.local_addr().unwrap()),
                visits: Arc::default(),
                answer: Arc::new(std::sync::Mutex::new(answer)),
            };
            let (visits, answer) = (Arc::clone(&server.visits), Arc::clone(&server.answer));
            tokio::spawn(async move {
                while let Ok((mut socket, _)) = listener.accept().await {
                    visits.fetch_add(1, Ordering::SeqCst);
                    let answer = answer.lock().unwrap().clone();
                    tokio::spawn(async move {
                        let mut request = [0; 2048];
                        let _ = socket.read(&mut request).await;
                        if answer.is_empty() {
                            // Hangs until the client gives up.
                            let _ = socket.read(&mut request).await;
                        }
                        let _ = socket.write_all(&answer).await;
                    });
                }
            });
            server
        }

        fn answers(&self, answer: Vec<u8>) {
            *self.answer.lock().unwrap() = answer;
        }

        fn visits(&self) -> usize {
            self.visits.load(Ordering::SeqCst)
        }

        fn verifier(&self) -> CitizenVerifier {
            verifier(JwksSource::Url(self.url.clone()))
        }
    }

    fn http_200(body: &str) -> Vec<u8> {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }

    /// Waits for a load in the background.
    async fn loaded(verifier: &CitizenVerifier) {
        let loading = Arc::clone(&verifier.issuers[0].keys.loading);
        drop(loading.lock_owned().await);
    }

    #[tokio::test]
    async fn a_good_token_tells_who_the_citizen_is() {
        let key = p256("k1");
        let expected = CitizenClaims {
            issuer: ISSUER.to_owned(),
            subject: "pairwise-1".to_owned(),
            tax_code: "RSSMRA80A01H501U".to_owned(),
            given_name: "Mària".to_owned(),
            family_name: "D'Àngelo".to_owned(),
            email: Some("maria@example.org".to_owned()),
        };
        let verifier = inline(&key);
        assert_eq!(
            verifier.verify(&key.token(&claims()), now()).await,
            Ok(expected.clone())
        );

        let name = "https://attributes.eid.gov.it/fiscal_number";
        let long = with(
            without(claims(), "fiscal_number"),
            name,
            json!("TINIT-RSSMRA80A01H501U"),
        );
        let several = with(
            with(long, "aud", json!(["other", "sportello"])),
            "acr",
            json!(LEVEL_2_OR_MORE[1]),
        );
        let fractions = with(several, "exp", json!(f64::from(i32::MAX) - 0.5));
        let read = verifier
            .verify(&key.token(&without(fractions, "email")), now())
            .await;
        assert_eq!(
            read,
            Ok(CitizenClaims {
                email: None,
                ..expected.clone()
            })
        );
        assert!(!format!("{expected:?}").contains("RSSMRA"));
    }

    #[tokio::test]
    async fn every_claim_is_required_and_checked() {
        let key = p256("k1");
        let verifier = inline(&key);
        let second = now().as_second();
        let long_name = "https://attributes.eid.gov.it/fiscal_number";
        for (name, value, error) in [
            ("iss", json!("https://evil.example.org"), TokenError::Issuer),
            ("iss", json!([ISSUER]), TokenError::Claim("iss")),
            ("aud", json!("another"), TokenError::Audience),
            ("aud", json!([]), TokenError::Audience),
            (
                "aud",
                json!({"sportello": true}),
                TokenError::Claim("payload"),
            ),
            ("sub", json!(" "), TokenError::Claim("sub")),
            ("sub", json!(7), TokenError::Claim("payload")),
            ("exp", json!(second - 60), TokenError::Claim("exp")),
            (
                "exp",
                json!("2031-03-14T10:00:00Z"),
                TokenError::Claim("payload"),
            ),
            (
                "exp",
                json!((second + 600).to_string()),
                TokenError::Claim("payload"),
            ),
            ("exp", json!(1e30), TokenError::Claim("payload")),
            (
                "iat",
                json!(second.to_string()),
                TokenError::Claim("payload"),
            ),
            (
                "nbf",
                json!(second.to_string()),
                TokenError::Claim("payload"),
            ),
            ("nbf", json!(null), TokenError::Claim("nbf")),
            ("nbf", json!(second + 61), TokenError::NotYetValid),
            ("iat", json!(second + 61), TokenError::NotYetValid),
            (
                "acr",
                json!("https://www.spid.gov.it/SpidL1"),
                TokenError::LevelTooLow,
            ),
            (
                "acr",
                json!("https://www.spid.gov.it/SpidL22"),
                TokenError::LevelTooLow,
            ),
            ("acr", json!(null), TokenError::LevelTooLow),
            ("acr", json!(2), TokenError::Claim("payload")),
            (
                "fiscal_number",
                json!("RSSMRA80A01H501U"),
                TokenError::Claim("fiscal_number"),
            ),
            (
                "fiscal_number",
                json!("tinit-RSSMRA80A01H501U"),
                TokenError::Claim("fiscal_number"),
            ),
            (
                "fiscal_number",
                json!("TINDE-RSSMRA80A01H501U"),
                TokenError::Claim("fiscal_number"),
            ),
            (
                "fiscal_number",
                json!("TINIT-"),
                TokenError::Claim("fiscal_number"),
            ),
            (
                long_name,
                json!("TINIT-VRDGPP80A01H501X"),
                TokenError::Claim("fiscal_number"),
            ),
            ("given_name", json!(""), TokenError::Claim("given_name")),
            ("family_name", json!(null), TokenError::Claim("family_name")),
            (
                "email",
                json!(["a@example.org"]),
                TokenError::Claim("payload"),
            ),
        ] {
            let token = key.token(&with(claims(), name, value.clone()));
            assert_eq!(
                verifier.verify(&token, now()).await,
                Err(error),
                "{name} {value}"
            );
        }
        for (name, error) in [
            ("iss", TokenError::Claim("iss")),
            ("aud", TokenError::Claim("payload")),
            ("sub", TokenError::Claim("payload")),
            ("exp", TokenError::Claim("payload")),
            ("iat", TokenError::Claim("payload")),
            ("nbf", TokenError::Claim("nbf")),
            ("acr", TokenError::LevelTooLow),
            ("fiscal_number", TokenError::Claim("fiscal_number")),
            ("given_name", TokenError::Claim("given_name")),
            ("family_name", TokenError::Claim("family_name")),
        ] {
            let token = key.token(&without(claims(), name));
            assert_eq!(verifier.verify(&token, now()).await, Err(error), "{name}");
        }
    }

    #[tokio::test]
    async fn times_are_judged_by_the_given_clock_with_a_minute_of_leeway() {
        let key = p256("k1");
        let verifier = inline(&key);
        let token = key.token(&claims());
        for (second, error) in [
            (-61, Some(TokenError::NotYetValid)),
            (-60, None),
            (659, None),
            (660, Some(TokenError::Expired)),
        ] {
            let verdict = verifier.verify(&token, now() + second.seconds()).await;
            assert_eq!(verdict.err(), error, "{second}");
        }
    }

    #[tokio::test]
    async fn a_missing_nbf_is_forgiven_only_where_configured() {
        let key = p256("k1");
        let lenient = CitizenIssuer {
            require_not_before: false,
            ..issuer(JwksSource::Inline(key_set(&[&key])))
        };
        let verifier = CitizenVerifier::new(vec![lenient], HttpOptions::default()).unwrap();
        assert!(
            verifier
                .verify(&key.token(&without(claims(), "nbf")), now())
                .await
                .is_ok()
        );
        let early = with(claims(), "nbf", json!(now().as_second() + 61));
        assert_eq!(
            verifier.verify(&key.token(&early), now()).await,
            Err(TokenError::NotYetValid)
        );
        let text = with(claims(), "nbf", json!("now"));
        assert_eq!(
            verifier.verify(&key.token(&text), now()).await,
            Err(TokenError::Claim("payload"))
        );
    }

    #[tokio::test]
    async fn each_algorithm_works_with_its_own_kind_of_key_only() {
        let rsa = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).unwrap();
        let rsa_der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = rsa.as_der().unwrap();
        let keys = [
            ProviderKey {
                kid: "rsa",
                signer: Signer::Rsa(RsaKeyPair::from_pkcs8(rsa_der.as_ref()).unwrap()),
            },
            p256("ec"),
            ProviderKey {
                kid: "ed",
                signer: Signer::Ed(Ed25519KeyPair::generate().unwrap()),
            },
        ];
        let set = key_set(&[&keys[0], &keys[1], &keys[2]]);
        let all = CitizenIssuer {
            algorithms: CitizenAlgorithm::ALL.to_vec(),
            ..issuer(JwksSource::Inline(set))
        };
        let verifier = CitizenVerifier::new(vec![all], HttpOptions::default()).unwrap();
        let good = [
            ("rsa", "RS256"),
            ("rsa", "PS256"),
            ("ec", "ES256"),
            ("ed", "EdDSA"),
        ];
        for key in &keys {
            for alg in [
                "RS256", "PS256", "ES256", "EdDSA", "HS256", "RS384", "ES384", "none", "None",
                "NONE", "nOnE",
            ] {
                let token = key.sign(&json!({"alg": alg, "kid": key.kid}), &claims());
                let verdict = verifier.verify(&token, now()).await.map(|_| ());
                let expected = if good.contains(&(key.kid, alg)) {
                    Ok(())
                } else {
                    Err(TokenError::Algorithm)
                };
                assert_eq!(verdict, expected, "{} {alg}", key.kid);
                let stripped = format!("{}.", token.rsplit_once('.').unwrap().0);
                assert!(
                    verifier.verify(&stripped, now()).await.is_err(),
                    "{} {alg}",
                    key.kid
                );
            }
        }
        // RS256 signature presented as PS256.
        let token = keys[0].sign(&json!({"alg": "RS256", "kid": "rsa"}), &claims());
        let (_, rest) = token.split_once('.').unwrap();
        let header =
            BASE64URL_NOPAD.encode(json!({"alg": "PS256", "kid": "rsa"}).to_string().as_bytes());
        assert_eq!(
            verifier.verify(&format!("{header}.{rest}"), now()).await,
            Err(TokenError::Signature)
        );
        // Not in this issuer's list, though the key exists.
        let narrow = inline(&keys[1]);
        let token = keys[0].sign(&json!({"alg": "RS256", "kid": "rsa"}), &claims());
        assert_eq!(
            narrow.verify(&token, now()).await,
            Err(TokenError::Algorithm)
        );
    }

    #[test]
    fn keys_that_are_not_for_signatures_or_too_weak_are_left_out() {
        let good = p256("k1");
        let p384 = ProviderKey {
            kid: "p384",
            signer: Signer::P384(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap()),
        };
        let weak_rsa = json!({"kty": "RSA", "kid": "weak", "e": "AQAB", "n": BASE64URL_NOPAD.encode(&[0xff; 128])});
        let padded = [vec![0; 200], vec![0xff; 128]].concat();
        let padded_rsa = json!({"kty": "RSA", "kid": "padded", "e": "AQAB", "n": BASE64URL_NOPAD.encode(&padded)});
        let odd = json!({"keys": [
            p384.jwk(), weak_rsa, padded_rsa,
            {"kty": "oct", "kid": "secret", "k": "AAAA"},
            {"kty": "EC", "crv": "P-256", "kid": "short", "x": "AAAA", "y": "AAAA"},
            with(good.jwk(), "use", json!("enc")), with(good.jwk(), "key_ops", json!(["sign"])),
            without(good.jwk(), "kid"), 7, null, [], {},
        ]});
        assert!(matches!(
            read_key_set(odd.to_string().as_bytes()),
            Err(KeySetError::NoKeys)
        ));
        let mut keys = odd["keys"].as_array().unwrap().clone();
        keys.push(with(good.jwk(), "key_ops", json!(["verify"])));
        let read = read_key_set(json!({"keys": keys}).to_string().as_bytes()).unwrap();
        assert_eq!(
            read.iter().map(|key| key.id.as_str()).collect::<Vec<_>>(),
            ["k1"]
        );
        for text in [
            "",
            "[]",
            "{}",
            r#"{"keys":{}}"#,
            "<html>",
            &"[".repeat(100_000),
        ] {
            assert!(
                matches!(read_key_set(text.as_bytes()), Err(KeySetError::Json(_))),
                "{text:.20}"
            );
        }
    }

    #[tokio::test]
    async fn a_key_bound_to_another_algorithm_is_refused() {
        let key = p256("k1");
        let set = json!({"keys": [with(key.jwk(), "alg", json!("ES384"))]}).to_string();
        let verdict = verifier(JwksSource::Inline(set))
            .verify(&key.token(&claims()), now())
            .await;
        assert_eq!(verdict, Err(TokenError::Algorithm));
    }

    #[tokio::test]
    async fn the_issuer_chooses_among_the_configured_and_only_with_its_own_keys() {
        let (ours, theirs) = (p256("k1"), p256("k1"));
        let other = CitizenIssuer {
            issuer: "https://other.example.org".to_owned(),
            ..issuer(JwksSource::Inline(key_set(&[&theirs])))
        };
        let first = issuer(JwksSource::Inline(key_set(&[&ours])));
        let verifier = CitizenVerifier::new(vec![first, other], HttpOptions::default()).unwrap();
        let as_other = with(claims(), "iss", json!("https://other.example.org"));
        assert!(verifier.verify(&ours.token(&claims()), now()).await.is_ok());
        assert!(
            verifier
                .verify(&theirs.token(&as_other), now())
                .await
                .is_ok()
        );
        assert_eq!(
            verifier.verify(&theirs.token(&claims()), now()).await,
            Err(TokenError::Signature)
        );
        assert_eq!(
            verifier.verify(&ours.token(&as_other), now()).await,
            Err(TokenError::Signature)
        );
        for wrong in ["https://id.example.org/", "https://ID.example.org", ""] {
            let token = ours.token(&with(claims(), "iss", json!(wrong)));
            assert_eq!(
                verifier.verify(&token, now()).await,
                Err(TokenError::Issuer)
            );
        }
    }

    #[tokio::test]
    async fn a_header_that_brings_or_points_to_a_key_causes_no_call() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let (ours, attacker) = (p256("k1"), p256("k1"));
        let server = KeyServer::start(http_200(&key_set(&[&ours]))).await;
        let verifier = server.verifier();
        for (name, value) in [
            ("jwk", attacker.jwk()),
            ("jku", json!(url)),
            ("x5u", json!(url)),
            ("x5c", json!(["MIIB"])),
            ("crit", json!(["exp"])),
            ("zip", json!("DEF")),
            ("typ", json!("logout+jwt")),
        ] {
            let header = with(json!({"alg": "ES256", "kid": "k1"}), name, value);
            for signer in [&attacker, &ours] {
                let verdict = verifier
                    .verify(&signer.sign(&header, &claims()), now())
                    .await;
                assert_eq!(verdict, Err(TokenError::Header), "{name}");
            }
        }
        // An issuer that is an address is no address to call.
        let token = attacker.token(&with(claims(), "iss", json!(url)));
        assert_eq!(
            verifier.verify(&token, now()).await,
            Err(TokenError::Issuer)
        );
        assert_eq!(
            listener.accept().unwrap_err().kind(),
            std::io::ErrorKind::WouldBlock
        );
        assert_eq!(server.visits(), 0);
    }

    #[tokio::test]
    async fn a_new_key_is_found_and_unknown_ones_cause_one_visit_a_minute() {
        let (old, new) = (p256("old"), p256("new"));
        let server = KeyServer::start(http_200(&key_set(&[&old]))).await;
        let verifier = server.verifier();
        assert!(verifier.verify(&old.token(&claims()), now()).await.is_ok());
        assert_eq!(server.visits(), 1);

        for kid in ["new", "../../jwks.json", "", "https://evil.example.org"] {
            let token = new.sign(&json!({"alg": "ES256", "kid": kid}), &claims());
            assert_eq!(
                verifier.verify(&token, now() + 59.seconds()).await,
                Err(TokenError::UnknownKey),
                "{kid}"
            );
        }
        assert_eq!(server.visits(), 1);

        server.answers(http_200(&key_set(&[&new])));
        let later = now() + 60.seconds();
        let token = new.token(&claims());
        let all = futures_of(20, || verifier.verify(&token, later)).await;
        assert!(all.iter().all(Result::is_ok));
        assert_eq!(server.visits(), 2);
        // The old key was taken out of the set.
        assert_eq!(
            verifier.verify(&old.token(&claims()), later).await,
            Err(TokenError::UnknownKey)
        );
        let unknown = new.sign(&json!({"alg": "ES256", "kid": "k".repeat(257)}), &claims());
        assert_eq!(
            verifier.verify(&unknown, later + 60.seconds()).await,
            Err(TokenError::UnknownKey)
        );
        assert_eq!(server.visits(), 2);
    }

    async fn futures_of<F: Future>(count: usize, start: impl Fn() -> F) -> Vec<F::Output> {
        let mut running: Vec<_> = (0..count).map(|_| Box::pin(start())).collect();
        let mut done = Vec::new();
        std::future::poll_fn(|context| {
            running.retain_mut(|future| match future.as_mut().poll(context) {
                std::task::Poll::Ready(output) => {
                    done.push(output);
                    false
                }
                std::task::Poll::Pending => true,
            });
            if running.is_empty() {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
        done
    }

    #[tokio::test]
    async fn keys_are_refreshed_hourly_and_live_a_day_without_their_server() {
        let key = p256("k1");
        let server = KeyServer::start(http_200(&key_set(&[&key]))).await;
        let verifier = server.verifier();
        let verify = async |hours: i64, seconds: i64| {
            let at = now() + hours.hours() + seconds.seconds();
            let verdict = verifier
                .verify(&key.token(&claims_at(at)), at)
                .await
                .map(|_| ());
            loaded(&verifier).await;
            verdict
        };
        assert_eq!(verify(0, 0).await, Ok(()));
        assert_eq!(verify(0, 3599).await, Ok(()));
        assert_eq!(server.visits(), 1);
        assert_eq!(verify(1, 0).await, Ok(()));
        assert_eq!(server.visits(), 2);

        server.answers(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n".to_vec());
        assert_eq!(verify(2, 0).await, Ok(()));
        assert_eq!(verify(2, 59).await, Ok(()));
        assert_eq!(server.visits(), 3);
        assert_eq!(verify(24, 3599).await, Ok(()));
        assert_eq!(verify(25, 59).await, Err(TokenError::KeysUnavailable));
        assert_eq!(verify(26, 0).await, Err(TokenError::KeysUnavailable));

        server.answers(http_200(&key_set(&[&key])));
        assert_eq!(verify(27, 0).await, Ok(()));
        // The clock was far ahead for a moment; the cache does not wait for that day to come.
        assert_eq!(verify(27 + 24 * 365, 0).await, Ok(()));
        assert_eq!(verify(28, 0).await, Ok(()));
    }

    #[tokio::test]
    async fn a_hanging_server_costs_one_time_out_and_known_keys_go_on() {
        let key = p256("k1");
        let server = KeyServer::start(http_200(&key_set(&[&key]))).await;
        let options = HttpOptions {
            total_timeout: Duration::from_millis(300),
            ..HttpOptions::default()
        };
        let source = JwksSource::Url(server.url.clone());
        let verifier = CitizenVerifier::new(vec![issuer(source.clone())], options.clone()).unwrap();
        assert!(verifier.verify(&key.token(&claims()), now()).await.is_ok());

        server.answers(Vec::new());
        let later = now() + 2.hours();
        let token = key.token(&claims_at(later));
        let wait =
            tokio::time::timeout(Duration::from_millis(250), verifier.verify(&token, later)).await;
        assert!(wait.expect("a known key waits for no server").is_ok());
        loaded(&verifier).await;
        assert_eq!(server.visits(), 2);

        let cold = CitizenVerifier::new(vec![issuer(source)], options).unwrap();
        let all = futures_of(5, || cold.verify(&token, later)).await;
        assert!(
            all.iter()
                .all(|verdict| *verdict == Err(TokenError::KeysUnavailable))
        );
        assert_eq!(server.visits(), 3);
    }

    #[tokio::test]
    async fn a_caller_who_hangs_up_does_not_break_off_the_load() {
        let key = p256("k1");
        let server = KeyServer::start(http_200(&key_set(&[&key]))).await;
        let verifier = server.verifier();
        let token = key.token(&claims());
        {
            let mut first = Box::pin(verifier.verify(&token, now()));
            let started = std::future::poll_fn(|context| {
                std::task::Poll::Ready(first.as_mut().poll(context).is_pending())
            });
            assert!(started.await);
        }
        assert!(verifier.verify(&token, now()).await.is_ok());
        assert_eq!(server.visits(), 1);
    }

    #[tokio::test]
    async fn too_long_redirected_or_broken_answers_are_no_key_sets() {
        let key = p256("k1");
        let set = key_set(&[&key]);
        let ten_megabytes = " ".repeat(10 * 1024 * 1024);
        let elsewhere = KeyServer::start(http_200(&set)).await;
        let redirect = format!(
            "HTTP/1.1 302 Found\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n",
            elsewhere.url
        );
        let chunked = format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{set}\r\n{:x}\r\n{ten_megabytes}\r\n0\r\n\r\n",
            set.len(),
            ten_megabytes.len()
        );
        for (name, answer) in [
            ("announced", http_200(&format!("{set}{ten_megabytes}"))),
            ("chunked", chunked.into_bytes()),
            (
                "until closed",
                format!("HTTP/1.1 200 OK\r\n\r\n{set}{ten_megabytes}").into_bytes(),
            ),
            ("redirect", redirect.into_bytes()),
            ("html", http_200("<html></html>")),
            ("no keys", http_200(r#"{"keys":[]}"#)),
            ("not http", b"hello\r\n\r\n".to_vec()),
        ] {
            let server = KeyServer::start(answer).await;
            let verdict = server.verifier().verify(&key.token(&claims()), now()).await;
            assert_eq!(verdict, Err(TokenError::KeysUnavailable), "{name}");
            assert_eq!(server.visits(), 1, "{name}");
        }
        assert_eq!(elsewhere.visits(), 0);
    }

    #[tokio::test]
    async fn a_file_is_read_again_for_an_unknown_key() {
        let (old, new) = (p256("old"), p256("new"));
        let path = std::env::temp_dir().join(format!("sportello-jwks-{}.json", std::process::id()));
        std::fs::write(&path, key_set(&[&old])).unwrap();
        let verifier = verifier(JwksSource::File(path.clone()));
        assert!(verifier.verify(&old.token(&claims()), now()).await.is_ok());
        std::fs::write(&path, key_set(&[&old, &new])).unwrap();
        assert_eq!(
            verifier.verify(&new.token(&claims()), now()).await,
            Err(TokenError::UnknownKey)
        );
        let later = now() + 60.seconds();
        assert!(verifier.verify(&new.token(&claims()), later).await.is_ok());
        // Half a file is not taken over.
        std::fs::write(&path, "{").unwrap();
        let token = p256("third").token(&claims());
        assert_eq!(
            verifier.verify(&token, later + 60.seconds()).await,
            Err(TokenError::UnknownKey)
        );
        assert!(
            verifier
                .verify(&new.token(&claims()), later + 60.seconds())
                .await
                .is_ok()
        );
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn impossible_settings_stop_the_start() {
        let url = |url: &str| issuer(JwksSource::Url(url.to_owned()));
        let refused = |issuer: CitizenIssuer| {
            CitizenVerifier::new(vec![issuer], HttpOptions::default()).is_err()
        };
        for address in [
            "http://id.example.org/jwks",
            "http://127.0.0.1.example.org/jwks",
            "http://10.0.0.1/jwks",
            "http://localhost@id.example.org/jwks",
            "file:///etc/passwd",
            "jwks.json",
            "",
        ] {
            assert!(refused(url(address)), "{address}");
        }
        for address in [
            "http://127.0.0.1:9/jwks",
            "http://[::1]:9/jwks",
            "http://localhost:9/jwks",
        ] {
            assert!(!refused(url(address)), "{address}");
        }
        let inline = || issuer(JwksSource::Inline(key_set(&[&p256("k1")])));
        assert!(!refused(inline()));
        assert!(refused(CitizenIssuer {
            algorithms: Vec::new(),
            ..inline()
        }));
        assert!(refused(CitizenIssuer {
            accepted_levels: Vec::new(),
            ..inline()
        }));
        assert!(refused(CitizenIssuer {
            audience: String::new(),
            ..inline()
        }));
        assert!(refused(issuer(JwksSource::Inline("{}".to_owned()))));
        assert!(refused(issuer(JwksSource::File(
            "/nowhere/jwks.json".into()
        ))));
        assert!(CitizenVerifier::new(vec![inline(), inline()], HttpOptions::default()).is_err());
    }
}
