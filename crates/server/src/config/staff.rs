//! Who vouches for staff, and what the profiles they tell of mean here.

use std::path::PathBuf;

use api::oidc::{
    FEDERATED_ROLES, HttpOptions, LEVEL_2_OR_MORE, ProfileRule, StaffIssuer, TokenAlgorithm,
};
use domain::actor::Role;
use serde::Deserialize;

use super::check::Check;
use super::issuers::{IssuerKeys, fetched_through};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StaffSection {
    proxy: String,
    issuers: Vec<IssuerEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct IssuerEntry {
    issuer: String,
    audience: String,
    algorithms: Vec<TokenAlgorithm>,
    discovery: Option<bool>,
    jwks_url: Option<String>,
    jwks_file: Option<PathBuf>,
    require_not_before: Option<bool>,
    placements_claim: String,
    second_factor_levels: Option<Vec<String>>,
    profiles: Vec<ProfileEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileEntry {
    profile: String,
    role: String,
    authority: String,
    location: String,
    location_label: String,
}

/// Who vouches for staff, and how their keys are fetched.
pub(crate) struct Staff {
    /// The issuers. The codes of their authorities are checked where the reference data is.
    pub(crate) issuers: Vec<StaffIssuer>,
    /// How their key sets are fetched.
    pub(crate) http: HttpOptions,
}

impl StaffSection {
    pub(super) fn check(&self, check: &mut Check) -> Staff {
        let issuers = self.issuers.iter().enumerate();
        Staff {
            issuers: issuers
                .filter_map(|(at, entry)| entry.check(check, &format!("staff.issuers[{at}]")))
                .collect(),
            http: fetched_through(&self.proxy),
        }
    }
}

impl IssuerEntry {
    fn check(&self, check: &mut Check, key: &str) -> Option<StaffIssuer> {
        let keys = IssuerKeys {
            issuer: &self.issuer,
            audience: &self.audience,
            algorithms: &self.algorithms,
            discovery: self.discovery,
            jwks_url: self.jwks_url.as_deref(),
            jwks_file: self.jwks_file.as_deref(),
            require_not_before: self.require_not_before,
        };
        let profiles = self.profiles.iter().enumerate();
        let profiles = profiles
            .filter_map(|(at, entry)| entry.check(check, &format!("{key}.profiles[{at}]")))
            .collect();
        Some(StaffIssuer {
            issuer: keys.check(check, key)?,
            placements_claim: self.placements_claim.clone(),
            second_factor_levels: self
                .second_factor_levels
                .clone()
                .unwrap_or_else(|| LEVEL_2_OR_MORE.map(str::to_owned).to_vec()),
            profiles,
        })
    }
}

impl ProfileEntry {
    fn check(&self, check: &mut Check, key: &str) -> Option<ProfileRule> {
        let federated = Role::from_code(&self.role).filter(|role| FEDERATED_ROLES.contains(role));
        let Some(role) = federated else {
            let codes = FEDERATED_ROLES.map(Role::code).join(", ");
            check.say(
                &format!("{key}.role"),
                format!("{:?} is none of {codes}", self.role),
            );
            return None;
        };
        for (name, text) in [
            ("location", &self.location),
            ("location_label", &self.location_label),
        ] {
            let is_short = (1..=100).contains(&text.chars().count());
            if !is_short || text.contains(char::is_control) {
                check.say(
                    &format!("{key}.{name}"),
                    format!("{text:?} is not 1 to 100 visible characters"),
                );
            }
        }
        Some(ProfileRule {
            profile: self.profile.clone(),
            role,
            authority: self.authority.clone(),
            location: self.location.clone(),
            location_label: self.location_label.clone(),
        })
    }
}
