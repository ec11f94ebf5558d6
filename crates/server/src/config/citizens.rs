//! Who vouches for citizens.

use std::path::PathBuf;

use api::oidc::{CitizenIssuer, HttpOptions, LEVEL_2_OR_MORE, TokenAlgorithm};
use serde::Deserialize;

use super::check::Check;
use super::issuers::{IssuerKeys, fetched_through};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CitizensSection {
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
    accepted_levels: Option<Vec<String>>,
}

/// Who vouches for citizens, and how their keys are fetched.
pub(crate) struct Citizens {
    /// The issuers.
    pub(crate) issuers: Vec<CitizenIssuer>,
    /// How their key sets are fetched.
    pub(crate) http: HttpOptions,
}

impl CitizensSection {
    pub(super) fn check(&self, check: &mut Check) -> Citizens {
        let issuers = self.issuers.iter().enumerate();
        Citizens {
            issuers: issuers
                .filter_map(|(at, entry)| entry.check(check, at))
                .collect(),
            http: fetched_through(&self.proxy),
        }
    }
}

impl IssuerEntry {
    fn check(&self, check: &mut Check, at: usize) -> Option<CitizenIssuer> {
        let keys = IssuerKeys {
            issuer: &self.issuer,
            audience: &self.audience,
            algorithms: &self.algorithms,
            discovery: self.discovery,
            jwks_url: self.jwks_url.as_deref(),
            jwks_file: self.jwks_file.as_deref(),
            require_not_before: self.require_not_before,
        };
        Some(CitizenIssuer {
            issuer: keys.check(check, &format!("citizens.issuers[{at}]"))?,
            accepted_levels: self
                .accepted_levels
                .clone()
                .unwrap_or_else(|| LEVEL_2_OR_MORE.map(str::to_owned).to_vec()),
        })
    }
}
