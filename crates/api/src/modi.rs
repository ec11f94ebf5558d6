//! Tokens that a program signs with the key of its certificate (ModI ID_AUTH_REST_01 and 02).
//!
//! For verifying a token and the certificates in its header, not for knowing the program: that
//! is who registered this very certificate (decision 13). Whether a token was shown before is
//! for the caller to ask, by certificate and `jti`. Invariants: nothing is ever fetched because
//! of a token; a certificate counts only when it leads to a configured authority, now; names in
//! the token identify nobody.

use std::sync::Arc;
use std::time::Duration;

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use jiff::Timestamp;
use jsonwebtoken::DecodingKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use webpki::aws_lc_rs as algorithms;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use crate::claims::{Audience, LEEWAY_SECONDS, Seconds, identifier, optional_identifier};
use crate::oidc::TokenAlgorithm;
use crate::oidc::keys::Family;
use crate::tokens::{Times, TokenError, UntrustedHeader, header_as, verified_claims};

/// No token may live longer: as long as it lives, its `jti` has to be remembered.
pub const MODI_MAX_SECONDS: i64 = 60 * 60;

/// The only type of such a token, as the header spells it.
const TYPE: &str = "JWT";

/// A certificate and the authorities between it and a trusted one; no honest chain has more.
const MAX_CERTIFICATES: usize = 5;

/// The algorithms a token may be signed with.
const TOKEN_ALGORITHMS: [TokenAlgorithm; 3] = [
    TokenAlgorithm::Es256,
    TokenAlgorithm::Rs256,
    TokenAlgorithm::Ps256,
];

/// The algorithms a certificate may be signed with: no SHA-1, no RSA below 2048 bits.
const CERTIFICATE_ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = &[
    algorithms::ECDSA_P256_SHA256,
    algorithms::ECDSA_P256_SHA384,
    algorithms::ECDSA_P384_SHA256,
    algorithms::ECDSA_P384_SHA384,
    algorithms::ED25519,
    algorithms::RSA_PKCS1_2048_8192_SHA256,
    algorithms::RSA_PKCS1_2048_8192_SHA384,
    algorithms::RSA_PKCS1_2048_8192_SHA512,
    algorithms::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
    algorithms::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
    algorithms::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
];

/// Why the trusted authorities cannot be used as configured.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The text has a block that cannot be read.
    #[error("the trusted certificates are not PEM")]
    Pem,
    /// A certificate cannot be read.
    #[error("the trusted certificate number {at} cannot be read")]
    Certificate {
        /// Which one, counted from one.
        at: usize,
        /// Why.
        #[source]
        source: webpki::Error,
    },
    /// There is no certificate.
    #[error("there is no trusted certificate")]
    Empty,
    /// Nobody would know whom tokens are for.
    #[error("the audience is empty")]
    NoAudience,
}

/// What a verified token says of the program that signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModiClaims {
    /// SHA-256 of the certificate, in hex: who it is. The same bytes as `x5t#S256`.
    pub certificate_sha256: String,
    /// Whom the program calls itself; identifies nobody.
    pub issuer: Option<String>,
    /// On whose behalf, in the program's own words; identifies nobody.
    pub subject: Option<String>,
    /// The token's own id, unique for this certificate.
    pub jti: String,
    /// From then on the token is refused: its `exp` and a minute. Until then its `jti` has to be
    /// remembered.
    pub expires_at: Timestamp,
}

/// Verifies tokens that bring their certificate.
#[derive(Debug, Clone)]
pub struct ModiVerifier {
    anchors: Arc<[TrustAnchor<'static>]>,
    audience: String,
}

/// The part of the header that is judged by certificates.
#[derive(Deserialize)]
struct CertificateHeader {
    x5c: Vec<String>,
    #[serde(default, rename = "x5t#S256")]
    thumbprint: Option<String>,
}

#[derive(Deserialize)]
struct RawClaims {
    aud: Audience,
    iat: Seconds,
    #[serde(default)]
    nbf: Option<Seconds>,
    exp: Seconds,
    #[serde(default)]
    jti: Option<String>,
    #[serde(default)]
    iss: Option<String>,
    #[serde(default)]
    sub: Option<String>,
}

impl ModiVerifier {
    /// Trusts the certificates in `pem`, one or more, for tokens whose `aud` is or contains
    /// `audience`.
    pub fn new(pem: &[u8], audience: String) -> Result<Self, TrustError> {
        if audience.is_empty() {
            return Err(TrustError::NoAudience);
        }
        let mut anchors = Vec::new();
        for (at, certificate) in (1..).zip(CertificateDer::pem_slice_iter(pem)) {
            let certificate = certificate.map_err(|_| TrustError::Pem)?;
            let anchor = anchor_from_trusted_cert(&certificate)
                .map_err(|source| TrustError::Certificate { at, source })?;
            anchors.push(anchor.to_owned());
        }
        if anchors.is_empty() {
            return Err(TrustError::Empty);
        }
        Ok(ModiVerifier {
            anchors: anchors.into(),
            audience,
        })
    }

    /// Reads a token, or says why it does not count at `now`.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<ModiClaims, TokenError> {
        let header = UntrustedHeader::read(token)?;
        header.must_not_name_keys_but_certificates()?;
        if !header.typ.is_some_and(|typ| typ.eq_ignore_ascii_case(TYPE)) {
            return Err(TokenError::Header);
        }
        let algorithm =
            TokenAlgorithm::among(&TOKEN_ALGORITHMS, &header.alg).ok_or(TokenError::Algorithm)?;
        let header: CertificateHeader = header_as(token)?;
        let chain = certificates(&header.x5c)?;
        let (leaf, between) = chain.split_first().ok_or(TokenError::Header)?;
        let digest = Sha256::digest(leaf);
        if header
            .thumbprint
            .is_some_and(|named| named != BASE64URL_NOPAD.encode(&digest))
        {
            return Err(TokenError::Header);
        }
        let key = self.trusted_key(leaf, between, algorithm, now)?;
        let claims: RawClaims = verified_claims(token, &key, algorithm.library())?;
        claims.check(&self.audience, HEXLOWER.encode(&digest), now)
    }

    /// The certificate's key, if the chain leads to an authority we trust.
    fn trusted_key(
        &self,
        leaf: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        algorithm: TokenAlgorithm,
        now: Timestamp,
    ) -> Result<DecodingKey, TokenError> {
        const UNTRUSTED: TokenError = TokenError::Certificate;
        let leaf = EndEntityCert::try_from(leaf).map_err(|_| UNTRUSTED)?;
        let seconds = u64::try_from(now.as_second()).map_err(|_| UNTRUSTED)?;
        let path = leaf.verify_for_usage(
            CERTIFICATE_ALGORITHMS,
            &self.anchors,
            between,
            UnixTime::since_unix_epoch(Duration::from_secs(seconds)),
            // A certificate that says what it is for must say that it is for this.
            KeyUsage::client_auth(),
            // A revoked certificate is taken from its client here.
            None,
            None,
        );
        path.map_err(|_| UNTRUSTED)?;
        decoding_key(&leaf, algorithm)
    }
}

/// Whether a token brings certificates; nothing is verified. For choosing the verifier only.
pub fn brings_certificate(token: &str) -> bool {
    UntrustedHeader::read(token).is_ok_and(|header| header.has_certificates())
}

/// What a client registers: the thumbprint of the one certificate in `pem`, as
/// [`ModiClaims::certificate_sha256`] spells it. `None` unless there is exactly one.
pub fn certificate_sha256(pem: &str) -> Option<String> {
    let mut all = CertificateDer::pem_slice_iter(pem.as_bytes());
    let (one, more) = (all.next()?.ok()?, all.next());
    if more.is_some() || EndEntityCert::try_from(&one).is_err() {
        return None;
    }
    Some(HEXLOWER.encode(&Sha256::digest(&one)))
}

fn certificates(x5c: &[String]) -> Result<Vec<CertificateDer<'static>>, TokenError> {
    if x5c.len() > MAX_CERTIFICATES {
        return Err(TokenError::Header);
    }
    // Base64 with padding, unlike everything else in a token (RFC 7515, 4.1.6).
    x5c.iter()
        .map(|text| BASE64.decode(text.as_bytes()).map(CertificateDer::from))
        .collect::<Result<_, _>>()
        .map_err(|_| TokenError::Header)
}

/// The key of a certificate, which must be one of the algorithm's family. The sizes are checked
/// with the signature: P-256, and RSA from 2048 bits.
fn decoding_key(
    leaf: &EndEntityCert<'_>,
    algorithm: TokenAlgorithm,
) -> Result<DecodingKey, TokenError> {
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        BASE64.encode(&leaf.subject_public_key_info())
    );
    match algorithm.family() {
        Family::P256 => DecodingKey::from_ec_pem(pem.as_bytes()),
        Family::Rsa => DecodingKey::from_rsa_pem(pem.as_bytes()),
        Family::Ed25519 => return Err(TokenError::Algorithm),
    }
    .map_err(|_| TokenError::Algorithm)
}

impl RawClaims {
    fn check(
        self,
        audience: &str,
        certificate_sha256: String,
        now: Timestamp,
    ) -> Result<ModiClaims, TokenError> {
        if !self.aud.contains(audience) {
            return Err(TokenError::Audience);
        }
        let times = Times {
            iat: self.iat.0,
            nbf: self.nbf.map(|nbf| nbf.0),
            exp: self.exp.0,
        };
        times.check(now, LEEWAY_SECONDS)?;
        times.live_at_most(MODI_MAX_SECONDS)?;
        Ok(ModiClaims {
            certificate_sha256,
            issuer: optional_identifier(self.iss, "iss")?,
            subject: optional_identifier(self.sub, "sub")?,
            jti: identifier(self.jti, "jti")?,
            expires_at: times.over_at()?,
        })
    }
}

#[cfg(test)]
mod tests;
