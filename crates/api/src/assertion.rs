//! What a program shows instead of a password: a token it signed (`private_key_jwt`, RFC 7523).
//!
//! For verifying it with the keys the program registered, not for finding the program or its
//! keys. Whether an assertion was shown before is for the caller to ask, by program and `jti`.
//! Invariant: no key but a registered one is used, whatever the assertion says.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::claims::{Audience, LEEWAY_SECONDS, Seconds, identifier};
use crate::oidc::TokenAlgorithm;
use crate::oidc::keys::VerifyingKey;
use crate::tokens::{Times, TokenError, UntrustedHeader, verified_claims};

/// No assertion may end later than this from now: it is made to be shown at once.
pub const ASSERTION_MAX_SECONDS: i64 = 5 * 60;

/// A program may register as many keys; the rest is not looked at.
pub const MAX_CLIENT_KEYS: usize = 10;

/// The members of a JSON Web Key that only its owner may know (RFC 7518, 6).
const SECRET_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// What a verified assertion says; the program itself is known to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssertionClaims {
    /// The assertion's own id, unique for this program.
    pub jti: String,
    /// From then on the assertion is refused: its `exp` and a minute. Until then its `jti` has
    /// to be remembered.
    pub expires_at: Timestamp,
}

#[derive(Deserialize)]
struct RawAssertion {
    iss: String,
    sub: String,
    aud: Audience,
    exp: Seconds,
    #[serde(default)]
    iat: Option<Seconds>,
    #[serde(default)]
    nbf: Option<Seconds>,
    #[serde(default)]
    jti: Option<String>,
}

/// Reads the assertion of the program `client_id`, or says why it does not count at `now`.
///
/// `aud` must be one of `audiences`, the token endpoint's address and our issuer, and nobody
/// else's: who else it was made for could show it here.
pub fn verify_assertion(
    assertion: &str,
    public_keys: &[Value],
    client_id: &str,
    audiences: &[&str],
    now: Timestamp,
) -> Result<AssertionClaims, TokenError> {
    let header = UntrustedHeader::read(assertion)?;
    header.must_not_name_keys()?;
    if !is_assertion(header.typ.as_deref()) {
        return Err(TokenError::Header);
    }
    let algorithm =
        TokenAlgorithm::among(&TokenAlgorithm::ALL, &header.alg).ok_or(TokenError::Algorithm)?;
    let keys = candidates(public_keys, header.kid.as_deref(), algorithm)?;
    let claims = verified_by_one_of(&keys, assertion, algorithm)?;
    claims.check(client_id, audiences, now)
}

/// Which program an assertion says it is from; nothing is verified. For finding its keys only.
pub fn unverified_client(assertion: &str) -> Option<String> {
    crate::tokens::unverified_issuer(assertion)
}

/// Whether keys can be registered: each can verify an assertion, and none holds a secret.
pub fn are_public_keys(keys: &[Value]) -> bool {
    let is_public = |key: &Value| {
        SECRET_MEMBERS.iter().all(|name| key.get(name).is_none())
            && VerifyingKey::read(key.clone()).is_some()
    };
    (1..=MAX_CLIENT_KEYS).contains(&keys.len()) && keys.iter().all(is_public)
}

fn is_assertion(typ: Option<&str>) -> bool {
    typ.is_none_or(|typ| {
        typ.eq_ignore_ascii_case("JWT") || typ.eq_ignore_ascii_case("client-authentication+jwt")
    })
}

/// The registered keys that may have signed it. A key registered without an id may have any.
fn candidates(
    public_keys: &[Value],
    kid: Option<&str>,
    algorithm: TokenAlgorithm,
) -> Result<Vec<VerifyingKey>, TokenError> {
    let is_named = |key: &VerifyingKey| match (&key.id, kid) {
        (Some(id), Some(kid)) => id == kid,
        _ => true,
    };
    let named: Vec<VerifyingKey> = public_keys
        .iter()
        .take(MAX_CLIENT_KEYS)
        .filter_map(|key| VerifyingKey::read(key.clone()))
        .filter(is_named)
        .collect();
    if named.is_empty() {
        return Err(TokenError::UnknownKey);
    }
    let fitting = named.into_iter().filter(|key| key.fits(algorithm));
    Ok(fitting.collect())
}

fn verified_by_one_of(
    keys: &[VerifyingKey],
    assertion: &str,
    algorithm: TokenAlgorithm,
) -> Result<RawAssertion, TokenError> {
    let mut verdict = Err(TokenError::Algorithm);
    for key in keys {
        verdict = verified_claims(assertion, key.decoding_key(), algorithm.library());
        if !matches!(verdict, Err(TokenError::Signature)) {
            break;
        }
    }
    verdict
}

impl RawAssertion {
    fn check(
        self,
        client_id: &str,
        audiences: &[&str],
        now: Timestamp,
    ) -> Result<AssertionClaims, TokenError> {
        if self.iss != client_id {
            return Err(TokenError::Issuer);
        }
        if self.sub != client_id {
            return Err(TokenError::Claim("sub"));
        }
        if !self.aud.only().is_some_and(|aud| audiences.contains(&aud)) {
            return Err(TokenError::Audience);
        }
        let times = Times {
            // Left out, it says nothing.
            iat: self.iat.map_or(0, |iat| iat.0),
            nbf: self.nbf.map(|nbf| nbf.0),
            exp: self.exp.0,
        };
        times.check(now, LEEWAY_SECONDS)?;
        let latest = ASSERTION_MAX_SECONDS.saturating_add(LEEWAY_SECONDS);
        if times.exp.saturating_sub(now.as_second()) > latest {
            return Err(TokenError::Claim("exp"));
        }
        Ok(AssertionClaims {
            jti: identifier(self.jti, "jti")?,
            expires_at: times.over_at()?,
        })
    }
}

#[cfg(test)]
mod tests;
