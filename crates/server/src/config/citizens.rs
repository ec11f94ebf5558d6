//! Who vouches for citizens.

use std::path::PathBuf;

use api::oidc::{CitizenAlgorithm, CitizenIssuer, HttpOptions, JwksSource, LEVEL_2_OR_MORE};
use serde::Deserialize;

use super::check::Check;
use super::set;

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
    algorithms: Vec<CitizenAlgorithm>,
    jwks_url: Option<String>,
    jwks_file: Option<PathBuf>,
    accepted_levels: Option<Vec<String>>,
    require_not_before: Option<bool>,
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
            http: HttpOptions {
                proxy: set(&self.proxy).map(str::to_owned),
                ..HttpOptions::default()
            },
        }
    }
}

impl IssuerEntry {
    fn check(&self, check: &mut Check, at: usize) -> Option<CitizenIssuer> {
        let jwks = match (&self.jwks_url, &self.jwks_file) {
            (Some(url), None) => JwksSource::Url(url.clone()),
            (None, Some(file)) => JwksSource::File(file.clone()),
            _ => {
                check.say(
                    &format!("citizens.issuers[{at}].jwks_url"),
                    "one of jwks_url and jwks_file must be set",
                );
                return None;
            }
        };
        Some(CitizenIssuer {
            issuer: self.issuer.clone(),
            audience: self.audience.clone(),
            algorithms: self.algorithms.clone(),
            accepted_levels: self
                .accepted_levels
                .clone()
                .unwrap_or_else(|| LEVEL_2_OR_MORE.map(str::to_owned).to_vec()),
            require_not_before: self.require_not_before.unwrap_or(true),
            jwks,
        })
    }
}
