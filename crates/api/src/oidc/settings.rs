//! What an installation says of the issuers it trusts, and what can be wrong with that.

use std::path::PathBuf;

use jsonwebtoken::Algorithm;
use serde::Deserialize;

use super::keys::Family;
use crate::outgoing::OutgoingError;

/// A signature algorithm that somebody else's token may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, serde::Serialize)]
pub enum TokenAlgorithm {
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

impl TokenAlgorithm {
    /// All of them.
    pub const ALL: [TokenAlgorithm; 4] = [Self::Es256, Self::Rs256, Self::Ps256, Self::EdDsa];

    /// As a token's header spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The one of `allowed` that a header names.
    pub(crate) fn among(allowed: &[Self], name: &str) -> Option<Self> {
        allowed.iter().find(|one| one.name() == name).copied()
    }

    pub(crate) fn family(self) -> Family {
        match self {
            Self::Es256 => Family::P256,
            Self::Rs256 | Self::Ps256 => Family::Rsa,
            Self::EdDsa => Family::Ed25519,
        }
    }

    pub(crate) fn library(self) -> Algorithm {
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
    /// The address that the issuer's own `.well-known/openid-configuration` names.
    Discovery,
    /// The key set itself; it never expires.
    Inline(String),
}

/// Somebody who signs tokens, as configured; the same for citizens, staff and vouchers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// The exact `iss`.
    pub name: String,
    /// What `aud` must be or contain.
    pub audience: String,
    /// The algorithms it may sign with.
    pub algorithms: Vec<TokenAlgorithm>,
    /// Whether `nbf` must be there. Keep it on unless the issuer leaves `nbf` out.
    pub require_not_before: bool,
    /// Its keys.
    pub jwks: JwksSource,
}

impl AsRef<Issuer> for Issuer {
    fn as_ref(&self) -> &Issuer {
        self
    }
}

/// Why the issuers cannot be used as configured.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// An issuer has an empty name, audience or list.
    #[error("issuer {issuer:?}: {setting} is empty")]
    Empty {
        /// Which issuer.
        issuer: String,
        /// Which setting.
        setting: &'static str,
    },
    /// Two issuers have one name.
    #[error("issuer {issuer:?} is configured twice")]
    Twice {
        /// Which issuer.
        issuer: String,
    },
    /// A setting of a staff issuer cannot be what it is.
    #[error("issuer {issuer:?}: {setting} cannot be {value:?}")]
    Impossible {
        /// Which issuer.
        issuer: String,
        /// Which setting.
        setting: &'static str,
        /// What it is.
        value: String,
    },
    /// The key set cannot be used.
    #[error("issuer {issuer:?}: cannot use its key set")]
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
    Http(#[source] reqwest::Error),
    /// The answers, each in time, took too long together.
    #[error("the server took too long")]
    TooSlow,
    /// Anything but 200; redirects are not followed.
    #[error("the server answered {0}")]
    Status(u16),
    /// A member of the discovery document is missing or not what it must be.
    #[error("the discovery document's {0} is not what it must be")]
    Discovery(&'static str),
    /// The file cannot be read.
    #[error("the file cannot be read")]
    File(#[from] std::io::Error),
    /// More bytes than allowed.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    /// Not `{"keys": [...]}`, or no discovery document.
    #[error("the answer is not the JSON it must be")]
    Json(#[from] serde_json::Error),
    /// No key in it could verify a token.
    #[error("the key set has no key we could use")]
    NoKeys,
}

impl From<OutgoingError> for KeySetError {
    fn from(error: OutgoingError) -> Self {
        match error {
            OutgoingError::Url(cause) => KeySetError::Url(cause),
            OutgoingError::NotHttps => KeySetError::NotHttps,
            OutgoingError::Http(cause) => KeySetError::Http(cause),
            OutgoingError::Status(status) => KeySetError::Status(status),
            OutgoingError::TooLong(bytes) => KeySetError::TooLong(bytes),
        }
    }
}
