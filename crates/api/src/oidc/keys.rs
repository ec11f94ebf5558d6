//! Reads JSON Web Keys and keeps those that can verify a signature.
//!
//! Invariant: a key has one family, and works with the algorithms of that family alone.

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;

use super::settings::{KeySetError, TokenAlgorithm};

/// No honest key set has more; the rest is not read.
pub(super) const MAX_KEYS: usize = 100;

/// Shorter RSA keys (2048 bits) are left out.
pub(super) const MIN_RSA_BYTES: usize = 256;

/// What kind of key it is; each algorithm works with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    P256,
    Rsa,
    Ed25519,
}

/// A public key of somebody who signs.
#[derive(Debug)]
pub(crate) struct VerifyingKey {
    pub(crate) id: Option<String>,
    family: Family,
    /// The algorithm its owner binds it to, if any.
    algorithm: Option<String>,
    key: DecodingKey,
}

impl VerifyingKey {
    /// A key as JSON; `None` if it is not for signatures, of another kind, too weak or secret.
    pub(crate) fn read(jwk: serde_json::Value) -> Option<Self> {
        verifying_key(serde_json::from_value(jwk).ok()?)
    }

    pub(crate) fn has_id(&self, id: &str) -> bool {
        self.id.as_deref() == Some(id)
    }

    pub(crate) fn fits(&self, algorithm: TokenAlgorithm) -> bool {
        let bound_to = self.algorithm.as_deref();
        self.family == algorithm.family() && bound_to.is_none_or(|name| name == algorithm.name())
    }

    pub(crate) fn decoding_key(&self) -> &DecodingKey {
        &self.key
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
        .filter_map(VerifyingKey::read)
        .filter(|key| key.id.is_some())
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
        id: raw.kid,
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
