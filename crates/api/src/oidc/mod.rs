//! Citizens' tokens: those of the identity providers this instance was told to trust.
//!
//! For verifying a token and handing over what it says of a person, as raw text; not for judging
//! that text (the domain does) and not for logging anybody in. Invariants: keys come only from
//! an issuer's configured key set, never from where a token points; one algorithm family per
//! key; a key set is fetched at most once a minute, however many unknown key ids are tried.
//!
//! The keys themselves are in `jwks`.

mod jwks;

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use jsonwebtoken::Algorithm;
use serde::{Deserialize, Deserializer};

use self::jwks::{Family, KeyCache};
pub use crate::outgoing::HttpOptions;
use crate::outgoing::OutgoingError;
use crate::tokens::{Times, TokenError, UntrustedHeader, unverified_issuer, verified_claims};

/// The levels of assurance that count as SPID level 2 or more; CIE uses the same names.
pub const LEVEL_2_OR_MORE: [&str; 2] = [
    "https://www.spid.gov.it/SpidL2",
    "https://www.spid.gov.it/SpidL3",
];

/// How far an issuer's clock may differ from ours.
const LEEWAY_SECONDS: i64 = 60;

/// No honest key id is longer.
const MAX_KEY_ID_BYTES: usize = 256;

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
    /// The server cannot be asked, or does not answer as it should.
    #[error(transparent)]
    Outgoing(#[from] OutgoingError),
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

#[cfg(test)]
mod tests;
