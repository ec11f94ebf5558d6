//! Tokens of staff who are known to a federation, and what its profiles mean here.
//!
//! For saying who somebody is and which of the configured placements their profiles stand for,
//! not for opening a session. Invariant: a right comes from a rule of the configuration; a
//! profile without a rule gives none, and no rule gives a role that governs the installation.

use domain::actor::Role;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::issuers::{Issuers, Verified, is_of_a_person};
use super::person::TaxCode;
use super::settings::{Issuer, SetupError};
use crate::claims::{filled, identifier};
use crate::outgoing::HttpOptions;
use crate::tokens::TokenError;

/// The roles a federation may give. The others are given here, by name, by somebody who answers
/// for it.
pub const FEDERATED_ROLES: [Role; 5] = [
    Role::Operator,
    Role::Supervisor,
    Role::RegionalOperator,
    Role::RegionalSupervisor,
    Role::Technician,
];

/// No token of staff may live longer. It is looked at once, to open a session.
pub const STAFF_TOKEN_MAX_SECONDS: i64 = 12 * 60 * 60;

/// The value of `amr` that stands for a second factor (RFC 8176).
const SECOND_FACTOR: &str = "mfa";

/// Claims that mean something else, so they cannot list profiles.
const NOT_FOR_PROFILES: [&str; 14] = [
    "iss",
    "aud",
    "sub",
    "iat",
    "nbf",
    "exp",
    "jti",
    "acr",
    "amr",
    "fiscal_number",
    "https://attributes.eid.gov.it/fiscal_number",
    "given_name",
    "family_name",
    "email",
];

/// What one profile of a federation means here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileRule {
    /// The profile, as the federation writes it.
    pub profile: String,
    /// The role it stands for; one of [`FEDERATED_ROLES`].
    pub role: Role,
    /// The code of the authority or desk. Whether there is one is for the caller to check.
    pub authority: String,
    /// The code of the place.
    pub location: String,
    /// What people call the place.
    pub location_label: String,
}

/// An issuer of staff's tokens, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffIssuer {
    /// Who it is, and its keys.
    pub issuer: Issuer,
    /// The claim that lists the person's profiles.
    pub placements_claim: String,
    /// The values of `acr` that prove a second factor; `amr` with `mfa` does, too.
    pub second_factor_levels: Vec<String>,
    /// What the profiles mean.
    pub profiles: Vec<ProfileRule>,
}

impl AsRef<Issuer> for StaffIssuer {
    fn as_ref(&self) -> &Issuer {
        &self.issuer
    }
}

/// What a verified token says of a member of staff; text as the issuer wrote it.
#[derive(Clone, PartialEq, Eq)]
pub struct StaffClaims {
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
    /// The token's own id: it is good once.
    pub jti: String,
    /// When it was issued: a log-in of long ago is none of now.
    pub issued_at: Timestamp,
    /// From then on the token is refused: its `exp` and a minute.
    pub expires_at: Timestamp,
    /// Whether the person proved themselves with two factors.
    pub second_factor: bool,
    /// The profiles the federation knows of, with or without a rule.
    pub profiles: Vec<String>,
}

impl std::fmt::Debug for StaffClaims {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StaffClaims")
            .field("issuer", &self.issuer)
            .field("second_factor", &self.second_factor)
            .field("profiles", &self.profiles)
            .finish_non_exhaustive()
    }
}

/// Verifies tokens of staff.
#[derive(Debug, Clone)]
pub struct StaffVerifier {
    issuers: Issuers<StaffIssuer>,
}

impl StaffVerifier {
    /// Checks the settings. Files are read once to find mistakes early; no server is called.
    pub fn new(issuers: Vec<StaffIssuer>, http: HttpOptions) -> Result<Self, SetupError> {
        for issuer in &issuers {
            check_profiles(issuer)?;
        }
        Ok(StaffVerifier {
            issuers: Issuers::new(issuers, &http)?,
        })
    }

    /// Whether a token says it is of staff; nothing is verified. For choosing the verifier only.
    pub fn is_named_by(&self, token: &str) -> bool {
        self.issuers.are_named_by(token)
    }

    /// Reads a token of staff, or says why it does not count at `now`.
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<StaffClaims, TokenError> {
        let verified = self.issuers.verify(token, is_of_a_person, now).await?;
        member_of_staff(verified)
    }

    /// The placements that these claims stand for, in the order of the configuration. A profile
    /// without a rule is left out, so somebody without a known profile has no rights at all.
    pub fn placements(&self, claims: &StaffClaims) -> Vec<ProfileRule> {
        let Some(settings) = self.issuers.settings(&claims.issuer) else {
            return Vec::new();
        };
        let rules = settings.profiles.iter();
        rules
            .filter(|rule| claims.profiles.contains(&rule.profile))
            .cloned()
            .collect()
    }
}

fn check_profiles(staff: &StaffIssuer) -> Result<(), SetupError> {
    let issuer = || staff.issuer.name.clone();
    let impossible = |setting, value: &str| SetupError::Impossible {
        issuer: issuer(),
        setting,
        value: value.to_owned(),
    };
    if staff.placements_claim.is_empty() {
        return Err(SetupError::Empty {
            issuer: issuer(),
            setting: "placements_claim",
        });
    }
    if NOT_FOR_PROFILES.contains(&staff.placements_claim.as_str()) {
        return Err(impossible("placements_claim", &staff.placements_claim));
    }
    for (at, rule) in staff.profiles.iter().enumerate() {
        if !FEDERATED_ROLES.contains(&rule.role) {
            return Err(impossible("profiles.role", rule.role.code()));
        }
        let mut before = staff.profiles.iter().take(at);
        if rule.profile.is_empty() || before.any(|other| other.profile == rule.profile) {
            return Err(impossible("profiles.profile", &rule.profile));
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct RawStaff {
    sub: String,
    #[serde(default)]
    acr: Option<String>,
    #[serde(default)]
    amr: Option<Vec<String>>,
    #[serde(flatten)]
    tax_code: TaxCode,
    #[serde(default)]
    given_name: Option<String>,
    #[serde(default)]
    family_name: Option<String>,
    #[serde(default)]
    email: Option<String>,
    /// The profiles are somewhere in here.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

fn member_of_staff(
    verified: Verified<'_, StaffIssuer, RawStaff>,
) -> Result<StaffClaims, TokenError> {
    verified.times.live_at_most(STAFF_TOKEN_MAX_SECONDS)?;
    let settings = verified.settings;
    let mut raw = verified.claims;
    let by_level = raw
        .acr
        .is_some_and(|acr| settings.second_factor_levels.contains(&acr));
    let by_method = raw
        .amr
        .is_some_and(|methods| methods.iter().any(|method| method == SECOND_FACTOR));
    Ok(StaffClaims {
        issuer: verified.registered.iss,
        subject: identifier(Some(raw.sub), "sub")?,
        tax_code: raw.tax_code.read()?,
        given_name: filled(raw.given_name).ok_or(TokenError::Claim("given_name"))?,
        family_name: filled(raw.family_name).ok_or(TokenError::Claim("family_name"))?,
        email: filled(raw.email),
        jti: identifier(verified.registered.jti, "jti")?,
        issued_at: verified.times.begun_at()?,
        expires_at: verified.times.over_at()?,
        second_factor: by_level || by_method,
        profiles: profiles(raw.rest.remove(&settings.placements_claim))?,
    })
}

/// A list of texts, or nothing: somebody without a profile may still be somebody.
fn profiles(claim: Option<Value>) -> Result<Vec<String>, TokenError> {
    match claim {
        None => Ok(Vec::new()),
        Some(list) => serde_json::from_value(list).map_err(|_| TokenError::Claim("profiles")),
    }
}
