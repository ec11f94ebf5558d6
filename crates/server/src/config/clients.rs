//! Which programs' tokens count: those with certificates, and vouchers of a platform.

use std::path::PathBuf;

use api::oidc::{HttpOptions, Issuer, TokenAlgorithm};
use serde::Deserialize;

use super::check::Check;
use super::issuers::{IssuerKeys, fetched_through};
use super::set;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClientsSection {
    trust_file: String,
    audience: String,
    proxy: String,
    voucher_issuers: Vec<IssuerEntry>,
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
}

/// Whose tokens of programs count, and how keys are fetched.
pub(crate) struct Clients {
    /// The authorities of certificates; none: tokens with certificates do not count.
    pub(crate) trust_file: Option<PathBuf>,
    /// Whom such tokens are for, if not the base URL.
    pub(crate) audience: Option<String>,
    /// The issuers of vouchers.
    pub(crate) voucher_issuers: Vec<Issuer>,
    /// How their key sets are fetched.
    pub(crate) http: HttpOptions,
}

impl ClientsSection {
    pub(super) fn check(&self, check: &mut Check) -> Clients {
        let issuers = self.voucher_issuers.iter().enumerate();
        Clients {
            trust_file: set(&self.trust_file).map(PathBuf::from),
            audience: set(&self.audience).map(str::to_owned),
            voucher_issuers: issuers
                .filter_map(|(at, entry)| entry.check(check, at))
                .collect(),
            http: fetched_through(&self.proxy),
        }
    }
}

impl IssuerEntry {
    fn check(&self, check: &mut Check, at: usize) -> Option<Issuer> {
        let keys = IssuerKeys {
            issuer: &self.issuer,
            audience: &self.audience,
            algorithms: &self.algorithms,
            discovery: self.discovery,
            jwks_url: self.jwks_url.as_deref(),
            jwks_file: self.jwks_file.as_deref(),
            // A voucher always has it.
            require_not_before: None,
        };
        keys.check(check, &format!("clients.voucher_issuers[{at}]"))
    }
}
