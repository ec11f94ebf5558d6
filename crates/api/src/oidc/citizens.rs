//! Citizens' tokens: those of the identity providers this instance was told to trust.

use jiff::Timestamp;
use serde::Deserialize;

use super::issuers::{Issuers, Verified, is_of_a_person};
use super::person::TaxCode;
use super::settings::{Issuer, SetupError};
use crate::claims::filled;
use crate::outgoing::HttpOptions;
use crate::tokens::TokenError;

/// The levels of assurance that count as SPID level 2 or more; CIE uses the same names.
pub const LEVEL_2_OR_MORE: [&str; 2] = [
    "https://www.spid.gov.it/SpidL2",
    "https://www.spid.gov.it/SpidL3",
];

/// An issuer of citizens' tokens, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CitizenIssuer {
    /// Who it is, and its keys.
    pub issuer: Issuer,
    /// The values of `acr` that are enough; see [`LEVEL_2_OR_MORE`].
    pub accepted_levels: Vec<String>,
}

impl AsRef<Issuer> for CitizenIssuer {
    fn as_ref(&self) -> &Issuer {
        &self.issuer
    }
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
    pub(super) issuers: Issuers<CitizenIssuer>,
}

impl CitizenVerifier {
    /// Checks the settings. Files are read once to find mistakes early; no server is called.
    pub fn new(issuers: Vec<CitizenIssuer>, http: HttpOptions) -> Result<Self, SetupError> {
        if let Some(lax) = issuers.iter().find(|one| one.accepted_levels.is_empty()) {
            return Err(SetupError::Empty {
                issuer: lax.issuer.name.clone(),
                setting: "accepted_levels",
            });
        }
        Ok(CitizenVerifier {
            issuers: Issuers::new(issuers, &http)?,
        })
    }

    /// Whether a token says it is a citizen's; nothing is verified. For choosing the verifier
    /// only.
    pub fn is_named_by(&self, token: &str) -> bool {
        self.issuers.are_named_by(token)
    }

    /// Reads a citizen's token, or says why it does not count at `now`.
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<CitizenClaims, TokenError> {
        let verified = self.issuers.verify(token, is_of_a_person, now).await?;
        citizen(verified)
    }
}

#[derive(Deserialize)]
struct RawCitizen {
    sub: String,
    #[serde(default)]
    acr: Option<String>,
    #[serde(flatten)]
    tax_code: TaxCode,
    #[serde(default)]
    given_name: Option<String>,
    #[serde(default)]
    family_name: Option<String>,
    #[serde(default)]
    email: Option<String>,
}

fn citizen(verified: Verified<'_, CitizenIssuer, RawCitizen>) -> Result<CitizenClaims, TokenError> {
    let levels = &verified.settings.accepted_levels;
    let raw = verified.claims;
    // Before the person's attributes: an issuer may leave them out at level 1.
    if !raw.acr.is_some_and(|acr| levels.contains(&acr)) {
        return Err(TokenError::LevelTooLow);
    }
    Ok(CitizenClaims {
        issuer: verified.registered.iss,
        subject: filled(Some(raw.sub)).ok_or(TokenError::Claim("sub"))?,
        tax_code: raw.tax_code.read()?,
        given_name: filled(raw.given_name).ok_or(TokenError::Claim("given_name"))?,
        family_name: filled(raw.family_name).ok_or(TokenError::Claim("family_name"))?,
        email: filled(raw.email),
    })
}
