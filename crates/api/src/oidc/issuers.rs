//! The checks that every token of a configured issuer has to pass, whatever it is for.
//!
//! Invariant: a claim is read after the signature was verified, with a key of the issuer the
//! token names and an algorithm that issuer may use.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::jwks::KeyCache;
use super::settings::{Issuer, SetupError, TokenAlgorithm};
use crate::claims::{Audience, LEEWAY_SECONDS, Seconds};
use crate::outgoing::HttpOptions;
use crate::tokens::{
    Proven, Times, TokenError, UntrustedHeader, unverified_audience, unverified_issuer,
};

/// No honest key id is longer.
const MAX_KEY_ID_BYTES: usize = 256;

/// Issuers of one kind of token, and their keys.
#[derive(Debug)]
pub(super) struct Issuers<S> {
    pub(super) trusted: Arc<[Trusted<S>]>,
    proven: Arc<Proven>,
}

impl<S> Clone for Issuers<S> {
    fn clone(&self) -> Self {
        Issuers {
            trusted: Arc::clone(&self.trusted),
            proven: Arc::clone(&self.proven),
        }
    }
}

#[derive(Debug)]
pub(super) struct Trusted<S> {
    settings: S,
    pub(super) keys: Arc<KeyCache>,
}

/// A token whose signature, issuer, audience and times are in order.
pub(super) struct Verified<'a, S, C> {
    pub(super) settings: &'a S,
    pub(super) registered: Registered,
    pub(super) times: Times,
    pub(super) claims: C,
}

/// The claims every token must have.
#[derive(Deserialize)]
pub(super) struct Registered {
    pub(super) iss: String,
    aud: Audience,
    iat: Seconds,
    #[serde(default)]
    nbf: Option<Seconds>,
    exp: Seconds,
    #[serde(default)]
    pub(super) jti: Option<String>,
}

#[derive(Deserialize)]
struct Payload<C> {
    #[serde(flatten)]
    registered: Registered,
    #[serde(flatten)]
    claims: C,
}

impl<S: AsRef<Issuer>> Issuers<S> {
    /// Checks the settings. Files are read once to find mistakes early; no server is called.
    pub(super) fn new(all: Vec<S>, http: &HttpOptions) -> Result<Self, SetupError> {
        let mut trusted: Vec<Trusted<S>> = Vec::with_capacity(all.len());
        for settings in all {
            let issuer = settings.as_ref();
            must_be_filled(issuer)?;
            let name = issuer.name.clone();
            if trusted.iter().any(|other| other.issuer().name == name) {
                return Err(SetupError::Twice { issuer: name });
            }
            let keys = KeyCache::new(issuer, http).map_err(|source| SetupError::Keys {
                issuer: name,
                source,
            })?;
            trusted.push(Trusted {
                settings,
                keys: Arc::new(keys),
            });
        }
        Ok(Issuers {
            trusted: trusted.into(),
            proven: Arc::default(),
        })
    }

    /// Whether the token says it is from one of these, for us; nothing is verified.
    pub(super) fn are_named_by(&self, token: &str) -> bool {
        let Some(name) = unverified_issuer(token) else {
            return false;
        };
        let Some(trusted) = self.find(&name) else {
            return false;
        };
        unverified_audience(token)
            .is_some_and(|audience| audience.contains(&trusted.issuer().audience))
    }

    /// The settings of the issuer with this name.
    pub(super) fn settings(&self, name: &str) -> Option<&S> {
        self.find(name).map(|trusted| &trusted.settings)
    }

    fn find(&self, name: &str) -> Option<&Trusted<S>> {
        self.trusted
            .iter()
            .find(|trusted| trusted.issuer().name == name)
    }

    /// Reads a token, or says why it does not count at `now`.
    pub(super) async fn verify<C: DeserializeOwned>(
        &self,
        token: &str,
        is_type: fn(Option<&str>) -> bool,
        now: Timestamp,
    ) -> Result<Verified<'_, S, C>, TokenError> {
        let header = UntrustedHeader::read(token)?;
        header.must_not_name_keys()?;
        if !is_type(header.typ.as_deref()) {
            return Err(TokenError::Header);
        }
        let claimed = unverified_issuer(token).ok_or(TokenError::Claim("iss"))?;
        let trusted = self.find(&claimed).ok_or(TokenError::Issuer)?;
        let issuer = trusted.issuer();
        let algorithm =
            TokenAlgorithm::among(&issuer.algorithms, &header.alg).ok_or(TokenError::Algorithm)?;
        let kid = header
            .kid
            .filter(|kid| kid.len() <= MAX_KEY_ID_BYTES)
            .ok_or(TokenError::UnknownKey)?;
        let key = trusted.keys.find(&kid, algorithm, now).await?;
        let payload: Payload<C> = self.proven.claims(token, &key, algorithm.library())?;
        let times = payload.registered.check(issuer, now)?;
        Ok(Verified {
            settings: &trusted.settings,
            registered: payload.registered,
            times,
            claims: payload.claims,
        })
    }
}

impl<S: AsRef<Issuer>> Trusted<S> {
    fn issuer(&self) -> &Issuer {
        self.settings.as_ref()
    }
}

fn must_be_filled(issuer: &Issuer) -> Result<(), SetupError> {
    let empty = [
        ("issuer", issuer.name.is_empty()),
        ("audience", issuer.audience.is_empty()),
        ("algorithms", issuer.algorithms.is_empty()),
    ];
    match empty.into_iter().find(|(_, is_empty)| *is_empty) {
        Some((setting, _)) => Err(SetupError::Empty {
            issuer: issuer.name.clone(),
            setting,
        }),
        None => Ok(()),
    }
}

impl Registered {
    fn check(&self, issuer: &Issuer, now: Timestamp) -> Result<Times, TokenError> {
        if self.iss != issuer.name {
            return Err(TokenError::Issuer);
        }
        if !self.aud.contains(&issuer.audience) {
            return Err(TokenError::Audience);
        }
        if issuer.require_not_before && self.nbf.is_none() {
            return Err(TokenError::Claim("nbf"));
        }
        let times = Times {
            iat: self.iat.0,
            nbf: self.nbf.map(|nbf| nbf.0),
            exp: self.exp.0,
        };
        times.check(now, LEEWAY_SECONDS)?;
        Ok(times)
    }
}

/// Refuses what the same issuer signs for other ends, such as log-out or federation statements.
pub(super) fn is_of_a_person(typ: Option<&str>) -> bool {
    typ.is_none_or(|typ| typ.eq_ignore_ascii_case("JWT") || typ.eq_ignore_ascii_case("at+jwt"))
}
