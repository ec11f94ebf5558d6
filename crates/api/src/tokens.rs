//! Our own tokens: access tokens of staff and of tracking sessions, and refresh tokens.
//!
//! For signing and reading them, not for deciding what their holder may do, nor whether the
//! session still lives: that is asked of the database. Invariants: one algorithm (ES256), keys
//! only from the caller, time only from the caller, and a token is never printed by `Debug`.
//!
//! [`TokenError`] tells the log what was wrong. The caller hears one answer for all of it,
//! except for [`TokenError::LevelTooLow`] (403) and [`TokenError::KeysUnavailable`] (503).

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use domain::ids::{AccountId, ClientId, SessionId, TicketId};
use jiff::Timestamp;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::claims::Audience;

mod proven;

pub(crate) use proven::Proven;

/// The audience of our own tokens.
pub const OWN_AUDIENCE: &str = "sportello";

/// How long a staff access token lives.
pub const STAFF_TOKEN_SECONDS: i64 = 15 * 60;

/// How long a tracking token lives.
pub const TRACKING_TOKEN_SECONDS: i64 = 30 * 60;

/// How long a client's token lives.
pub const CLIENT_TOKEN_SECONDS: i64 = 15 * 60;

/// The longest token that is looked at.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// How far the clocks of two of our nodes may differ.
const OWN_LEEWAY_SECONDS: i64 = 30;

/// The only algorithm of our own tokens, as the header spells it.
const OWN_ALGORITHM: &str = "ES256";

/// The only type of our own tokens, as the header spells it.
const OWN_TYPE: &str = "JWT";

/// Why a token was refused; for the log, never for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not three parts of base64url JSON, or too long.
    #[error("the token is malformed")]
    Malformed,
    /// The header names a key of its own, a critical extension or another type.
    #[error("the token's header has a member we refuse")]
    Header,
    /// The algorithm is not allowed, or not the one of the key.
    #[error("the token's algorithm is not allowed")]
    Algorithm,
    /// No key of ours, or of the issuer, has the token's key id.
    #[error("the token's key is unknown")]
    UnknownKey,
    /// The signature does not fit.
    #[error("the token's signature is wrong")]
    Signature,
    /// Another issuer.
    #[error("the token's issuer is not trusted")]
    Issuer,
    /// Meant for somebody else.
    #[error("the token is for another audience")]
    Audience,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come, or it claims to be issued in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// A claim is missing, of the wrong type or impossible.
    #[error("the token's claim {0} is missing or wrong")]
    Claim(&'static str),
    /// A genuine token of somebody identified too weakly: 403, SPID level 2 is needed.
    #[error("the token's level of assurance is below 2")]
    LevelTooLow,
    /// The certificates it brings do not lead from a trusted authority to its key, now.
    #[error("the token's certificate is not trusted")]
    Certificate,
    /// The issuer's keys were never loaded, or too long ago: 503, not the caller's fault.
    #[error("the issuer's keys cannot be loaded")]
    KeysUnavailable,
}

/// The text or bytes are not a private key we can sign with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a P-256 private key in PKCS#8")]
pub struct KeyError;

/// A token could not be signed.
#[derive(Debug, thiserror::Error)]
#[error("the token could not be signed")]
pub struct SigningError(#[source] jsonwebtoken::errors::Error);

/// An ES256 key pair and its public name.
#[derive(Clone)]
pub struct SigningKey {
    id: String,
    x: String,
    y: String,
    private: EncodingKey,
    public: DecodingKey,
}

impl SigningKey {
    /// Reads a `PRIVATE KEY` block (PKCS#8).
    pub fn from_pkcs8_pem(pem: &str) -> Result<Self, KeyError> {
        let key = EncodingKey::from_ec_pem(pem.as_bytes()).map_err(|_| KeyError)?;
        Self::from_pkcs8_der(key.as_bytes())
    }

    /// Reads the bytes of a PKCS#8 document.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der)
            .map_err(|_| KeyError)?;
        let public = pair.public_key().as_ref();
        let [0x04, point @ ..] = public else {
            return Err(KeyError);
        };
        let (x, y) = point.split_at_checked(32).ok_or(KeyError)?;
        let (x, y) = (BASE64URL_NOPAD.encode(x), BASE64URL_NOPAD.encode(y));
        Ok(SigningKey {
            id: thumbprint(&x, &y),
            x,
            y,
            private: EncodingKey::from_ec_der(der),
            public: DecodingKey::from_ec_der(public),
        })
    }

    /// The key's id: its thumbprint (RFC 7638, SHA-256, base64url).
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The public half as a JSON Web Key.
    pub fn public_jwk(&self) -> serde_json::Value {
        serde_json::json!({
            "kty": "EC", "crv": "P-256", "x": self.x, "y": self.y,
            "use": "sig", "alg": OWN_ALGORITHM, "kid": self.id,
        })
    }

    /// Signs claims into a compact token.
    pub fn sign<T: Serialize>(&self, claims: &T) -> Result<String, SigningError> {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.id.clone());
        jsonwebtoken::encode(&header, claims, &self.private).map_err(SigningError)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// RFC 7638: the required members, sorted, without spaces.
fn thumbprint(x: &str, y: &str) -> String {
    let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    BASE64URL_NOPAD.encode(&Sha256::digest(canonical.as_bytes()))
}

/// A fresh access token, ready for the answer.
#[derive(Clone)]
pub struct IssuedToken {
    /// The compact token.
    pub token: String,
    /// How long it lives, as `expires_in` says it.
    pub expires_in_seconds: i64,
}

impl fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedToken")
            .field("expires_in_seconds", &self.expires_in_seconds)
            .finish_non_exhaustive()
    }
}

/// Whose access token it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnToken {
    /// A member of staff in a session.
    Staff {
        /// The account.
        account: AccountId,
        /// The session the token belongs to; it may have ended since.
        session: SessionId,
    },
    /// The anonymous requester of one ticket.
    Tracking {
        /// The ticket.
        ticket: TicketId,
    },
    /// A program that calls on its own; what it may do is asked of the database.
    Client {
        /// The program.
        client: ClientId,
        /// The scopes the token is limited to; all of the program's, if none are named.
        scopes: Option<Vec<String>>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Staff,
    Tracking,
    Client,
}

#[derive(Serialize, Deserialize)]
struct OwnClaims {
    iss: String,
    aud: String,
    sub: Uuid,
    kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<Uuid>,
    // Scopes with spaces between them (RFC 9068, 2.2.3): what a program's token is limited to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    // Names the token in an issuer's records; required, but nothing here looks at it.
    jti: Uuid,
    iat: i64,
    nbf: i64,
    exp: i64,
}

/// Issues and verifies our own access tokens.
#[derive(Debug, Clone)]
pub struct Tokens {
    current: SigningKey,
    older: Vec<SigningKey>,
    issuer: String,
    proven: Arc<Proven>,
}

impl Tokens {
    /// Signs with `current`; also accepts what `older` keys signed before a rotation.
    pub fn new(current: SigningKey, older: Vec<SigningKey>, issuer: String) -> Self {
        Tokens {
            current,
            older,
            issuer,
            proven: Arc::default(),
        }
    }

    /// The issuer our tokens name; no citizens' issuer may have the same.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Whether a token says it is ours; nothing is verified. For choosing the verifier only.
    pub fn claims_to_be_ours(&self, token: &str) -> bool {
        unverified_issuer(token).is_some_and(|issuer| issuer == self.issuer)
    }

    /// An access token for a session of staff.
    pub fn issue_staff(
        &self,
        account: AccountId,
        session: SessionId,
        jti: Uuid,
        now: Timestamp,
    ) -> Result<IssuedToken, SigningError> {
        let claims = self.claims(Kind::Staff, account.uuid(), jti, now);
        self.issue(&OwnClaims {
            sid: Some(session.uuid()),
            ..claims
        })
    }

    /// An access token for the anonymous requester of a ticket.
    pub fn issue_tracking(
        &self,
        ticket: TicketId,
        jti: Uuid,
        now: Timestamp,
    ) -> Result<IssuedToken, SigningError> {
        self.issue(&self.claims(Kind::Tracking, ticket.uuid(), jti, now))
    }

    /// An access token for a program; limited to `scopes`, if it asked for fewer than it has.
    pub fn issue_client(
        &self,
        client: ClientId,
        scopes: Option<&[String]>,
        jti: Uuid,
        now: Timestamp,
    ) -> Result<IssuedToken, SigningError> {
        let claims = self.claims(Kind::Client, client.uuid(), jti, now);
        self.issue(&OwnClaims {
            scope: scopes.map(|scopes| scopes.join(" ")),
            ..claims
        })
    }

    fn claims(&self, kind: Kind, sub: Uuid, jti: Uuid, now: Timestamp) -> OwnClaims {
        let iat = now.as_second();
        OwnClaims {
            iss: self.issuer.clone(),
            aud: OWN_AUDIENCE.to_owned(),
            sub,
            kind,
            sid: None,
            scope: None,
            jti,
            iat,
            nbf: iat,
            exp: iat.saturating_add(lifetime_seconds(kind)),
        }
    }

    fn issue(&self, claims: &OwnClaims) -> Result<IssuedToken, SigningError> {
        Ok(IssuedToken {
            token: self.current.sign(claims)?,
            expires_in_seconds: lifetime_seconds(claims.kind),
        })
    }

    /// Reads a token of ours, or says why it is none that counts at `now`.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<OwnToken, TokenError> {
        let header = UntrustedHeader::read(token)?;
        header.must_not_name_keys()?;
        if header.alg != OWN_ALGORITHM {
            return Err(TokenError::Algorithm);
        }
        if header.typ.as_deref() != Some(OWN_TYPE) {
            return Err(TokenError::Header);
        }
        let kid = header.kid.ok_or(TokenError::UnknownKey)?;
        let key = self.key(&kid).ok_or(TokenError::UnknownKey)?;
        let proven = &self.proven;
        let claims: OwnClaims = proven.claims(token, &key.public, Algorithm::ES256)?;
        if claims.iss != self.issuer {
            return Err(TokenError::Issuer);
        }
        if claims.aud != OWN_AUDIENCE {
            return Err(TokenError::Audience);
        }
        let times = Times {
            iat: claims.iat,
            nbf: Some(claims.nbf),
            exp: claims.exp,
        };
        times.check(now, OWN_LEEWAY_SECONDS)?;
        if times.exp.saturating_sub(times.iat) > lifetime_seconds(claims.kind) {
            return Err(TokenError::Claim("exp"));
        }
        if claims.scope.is_some() && claims.kind != Kind::Client {
            return Err(TokenError::Claim("scope"));
        }
        match (claims.kind, claims.sid) {
            (Kind::Staff, Some(session)) => Ok(OwnToken::Staff {
                account: AccountId::new(claims.sub),
                session: SessionId::new(session),
            }),
            (Kind::Tracking, None) => Ok(OwnToken::Tracking {
                ticket: TicketId::new(claims.sub),
            }),
            (Kind::Client, None) => Ok(OwnToken::Client {
                client: ClientId::new(claims.sub),
                scopes: claims
                    .scope
                    .map(|scope| scope.split(' ').map(str::to_owned).collect()),
            }),
            (Kind::Staff, None) | (Kind::Tracking | Kind::Client, Some(_)) => {
                Err(TokenError::Claim("sid"))
            }
        }
    }

    fn key(&self, id: &str) -> Option<&SigningKey> {
        std::iter::once(&self.current)
            .chain(&self.older)
            .find(|key| key.id == id)
    }
}

fn lifetime_seconds(kind: Kind) -> i64 {
    match kind {
        Kind::Staff => STAFF_TOKEN_SECONDS,
        Kind::Tracking => TRACKING_TOKEN_SECONDS,
        Kind::Client => CLIENT_TOKEN_SECONDS,
    }
}

/// What a client trades for the next access token: its session and 32 random bytes.
///
/// Not a JWT: it means nothing without the row that holds its [`RefreshToken::hash`].
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken {
    session: SessionId,
    random: [u8; 32],
}

impl RefreshToken {
    /// A token of the session, from 32 bytes of a secure source.
    pub fn new(session: SessionId, random: [u8; 32]) -> Self {
        RefreshToken { session, random }
    }

    /// Reads the one spelling [`RefreshToken::expose`] writes; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > 128 {
            return None;
        }
        let (session, secret) = text.split_once('.')?;
        let session = SessionId::new(Uuid::try_parse(session).ok()?);
        let token = RefreshToken::from_secret(session, secret)?;
        (token.expose() == text).then_some(token)
    }

    /// The session the token says it belongs to.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// The text for the client, and for nobody else.
    pub fn expose(&self) -> String {
        format!("{}.{}", self.session.uuid().simple(), self.secret())
    }

    /// The token's second part, 43 characters: what the session's use cases take and give.
    pub fn secret(&self) -> String {
        BASE64URL_NOPAD.encode(&self.random)
    }

    /// A token from a session and its secret as [`RefreshToken::secret`] writes it.
    pub fn from_secret(session: SessionId, secret: &str) -> Option<Self> {
        let random = BASE64URL_NOPAD.decode(secret.as_bytes()).ok()?;
        Some(RefreshToken::new(session, random.try_into().ok()?))
    }

    /// What the database keeps, beside the session, instead of the token: SHA-256 of
    /// [`RefreshToken::secret`], in hex.
    ///
    /// No salt or slow hash is needed: nobody guesses 256 random bits.
    pub fn hash(&self) -> String {
        HEXLOWER.encode(&Sha256::digest(self.secret().as_bytes()))
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshToken")
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}

/// A token's header before anything is verified.
///
/// Unknown members are let through as RFC 7515 asks, unless `crit` makes them binding.
#[derive(Deserialize)]
pub(crate) struct UntrustedHeader {
    pub(crate) alg: String,
    pub(crate) kid: Option<String>,
    pub(crate) typ: Option<String>,
    #[serde(default, deserialize_with = "present")]
    jwk: bool,
    #[serde(default, deserialize_with = "present")]
    jku: bool,
    #[serde(default, deserialize_with = "present")]
    x5c: bool,
    #[serde(default, deserialize_with = "present")]
    x5u: bool,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
    #[serde(default, deserialize_with = "present")]
    b64: bool,
    #[serde(default, deserialize_with = "present")]
    enc: bool,
    #[serde(default, deserialize_with = "present")]
    zip: bool,
}

impl UntrustedHeader {
    pub(crate) fn read(token: &str) -> Result<Self, TokenError> {
        let (header, _) = parts(token).ok_or(TokenError::Malformed)?;
        json_part(header).ok_or(TokenError::Malformed)
    }

    /// Refuses tokens that bring, or point to, the key to verify them with, or change what the
    /// signature covers (RFC 8725, 3.10).
    pub(crate) fn must_not_name_keys(&self) -> Result<(), TokenError> {
        if self.x5c {
            return Err(TokenError::Header);
        }
        self.must_not_name_keys_but_certificates()
    }

    /// The same, for tokens whose certificates are judged by authorities that we trust.
    pub(crate) fn must_not_name_keys_but_certificates(&self) -> Result<(), TokenError> {
        let names_key = self.jwk || self.jku || self.x5u;
        let changes_meaning = self.crit || self.b64 || self.enc || self.zip;
        if names_key || changes_meaning {
            Err(TokenError::Header)
        } else {
            Ok(())
        }
    }

    /// Whether it brings certificates.
    pub(crate) fn has_certificates(&self) -> bool {
        self.x5c
    }
}

/// Another view of a token's header, as unverified as [`UntrustedHeader`].
pub(crate) fn header_as<T: DeserializeOwned>(token: &str) -> Result<T, TokenError> {
    let (header, _) = parts(token).ok_or(TokenError::Malformed)?;
    json_part(header).ok_or(TokenError::Header)
}

/// Whose token it says it is. Only good for choosing who verifies it.
pub(crate) fn unverified_issuer(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Issuer {
        iss: String,
    }
    let (_, payload) = parts(token)?;
    json_part::<Issuer>(payload).map(|claims| claims.iss)
}

/// Whom it says it is for. Only good for choosing who verifies it.
pub(crate) fn unverified_audience(token: &str) -> Option<Audience> {
    #[derive(Deserialize)]
    struct Named {
        aud: Audience,
    }
    let (_, payload) = parts(token)?;
    json_part::<Named>(payload).map(|claims| claims.aud)
}

/// Header and payload of a token that has a signature too.
fn parts(token: &str) -> Option<(&str, &str)> {
    if token.len() > MAX_TOKEN_BYTES {
        return None;
    }
    let mut parts = token.split('.');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(header), Some(payload), Some(_), None) => Some((header, payload)),
        _ => None,
    }
}

fn json_part<T: DeserializeOwned>(part: &str) -> Option<T> {
    let bytes = BASE64URL_NOPAD.decode(part.as_bytes()).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// True for a member that is there, whatever its value, `null` included.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

/// Checks the signature with one key and one algorithm, then reads the claims.
///
/// The library's own checks of times are off: it reads the system clock.
pub(crate) fn verified_claims<T: DeserializeOwned>(
    token: &str,
    key: &DecodingKey,
    algorithm: Algorithm,
) -> Result<T, TokenError> {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    match jsonwebtoken::decode::<T>(token, key, &validation) {
        Ok(data) => Ok(data.claims),
        Err(error) => Err(match error.kind() {
            ErrorKind::InvalidSignature => TokenError::Signature,
            ErrorKind::InvalidAlgorithm | ErrorKind::InvalidKeyFormat => TokenError::Algorithm,
            ErrorKind::Json(_) => TokenError::Claim("payload"),
            _ => TokenError::Malformed,
        }),
    }
}

/// The times of a token, in seconds since 1970.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    pub(crate) iat: i64,
    pub(crate) nbf: Option<i64>,
    pub(crate) exp: i64,
}

impl Times {
    pub(crate) fn check(&self, now: Timestamp, leeway_seconds: i64) -> Result<(), TokenError> {
        let now = now.as_second();
        if self.exp <= self.iat {
            return Err(TokenError::Claim("exp"));
        }
        if now >= self.exp.saturating_add(leeway_seconds) {
            return Err(TokenError::Expired);
        }
        let begins = self.nbf.map_or(self.iat, |nbf| nbf.max(self.iat));
        if now < begins.saturating_sub(leeway_seconds) {
            return Err(TokenError::NotYetValid);
        }
        Ok(())
    }
}

/// The claims of a token whose signature was verified before.
fn claims_of<T: DeserializeOwned>(token: &str) -> Result<T, TokenError> {
    let (_, payload) = parts(token).ok_or(TokenError::Malformed)?;
    json_part(payload).ok_or(TokenError::Claim("payload"))
}

#[cfg(test)]
mod tests;
