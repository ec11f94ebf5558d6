//! Vouchers of the national platform: access tokens of programs (PDND, RFC 9068).
//!
//! For saying which program it is and for which purpose, not whether it is registered here and
//! what it may do. Invariant: a voucher that is bound to a key of its holder is not taken from
//! whoever carries it.

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::issuers::{Issuers, Verified};
use super::settings::{Issuer, SetupError};
use crate::claims::{identifier, optional_identifier};
use crate::outgoing::HttpOptions;
use crate::tokens::TokenError;

/// No voucher may live longer; the platform's own longest life is a day.
pub const VOUCHER_MAX_SECONDS: i64 = 24 * 60 * 60;

/// What a verified voucher says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoucherClaims {
    /// The issuer, one of the configured.
    pub issuer: String,
    /// The program at that issuer: `client_id`, or `sub` where that is missing.
    pub client_id: String,
    /// The purpose it was issued for.
    pub purpose_id: String,
    /// The voucher's own id. A voucher may be shown more than once while it lives.
    pub jti: String,
    /// From then on the voucher is refused: its `exp` and a minute.
    pub expires_at: Timestamp,
}

/// Verifies vouchers.
#[derive(Debug, Clone)]
pub struct VoucherVerifier {
    issuers: Issuers<Issuer>,
}

impl VoucherVerifier {
    /// Checks the settings. Files are read once to find mistakes early; no server is called.
    /// `nbf` is always required.
    pub fn new(issuers: Vec<Issuer>, http: HttpOptions) -> Result<Self, SetupError> {
        let strict = issuers.into_iter().map(|issuer| Issuer {
            require_not_before: true,
            ..issuer
        });
        Ok(VoucherVerifier {
            issuers: Issuers::new(strict.collect(), &http)?,
        })
    }

    /// Whether a token says it is a voucher; nothing is verified. For choosing the verifier only.
    pub fn is_named_by(&self, token: &str) -> bool {
        self.issuers.are_named_by(token)
    }

    /// Reads a voucher, or says why it does not count at `now`.
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<VoucherClaims, TokenError> {
        voucher(self.issuers.verify(token, is_access_token, now).await?)
    }
}

fn is_access_token(typ: Option<&str>) -> bool {
    typ.is_some_and(|typ| {
        typ.eq_ignore_ascii_case("at+jwt") || typ.eq_ignore_ascii_case("application/at+jwt")
    })
}

#[derive(Deserialize)]
struct RawVoucher {
    #[serde(default)]
    sub: Option<String>,
    #[serde(default)]
    client_id: Option<String>,
    #[serde(default, rename = "purposeId")]
    purpose_id: Option<String>,
    /// The key of its holder (RFC 7800).
    #[serde(default)]
    cnf: Option<IgnoredAny>,
}

fn voucher(verified: Verified<'_, Issuer, RawVoucher>) -> Result<VoucherClaims, TokenError> {
    verified.times.live_at_most(VOUCHER_MAX_SECONDS)?;
    let raw = verified.claims;
    if raw.cnf.is_some() {
        return Err(TokenError::Claim("cnf"));
    }
    Ok(VoucherClaims {
        issuer: verified.registered.iss,
        client_id: client(raw.sub, raw.client_id)?,
        purpose_id: identifier(raw.purpose_id, "purposeId")?,
        jti: identifier(verified.registered.jti, "jti")?,
        expires_at: verified.times.over_at()?,
    })
}

/// The program under either name; under both it must be the same.
fn client(sub: Option<String>, client_id: Option<String>) -> Result<String, TokenError> {
    let sub = optional_identifier(sub, "sub")?;
    let client_id = optional_identifier(client_id, "client_id")?;
    match (sub, client_id) {
        (Some(sub), Some(client_id)) if sub != client_id => Err(TokenError::Claim("client_id")),
        (sub, client_id) => client_id.or(sub).ok_or(TokenError::Claim("client_id")),
    }
}
