//! The part that all entries of trusted issuers have in common.

use std::path::Path;

use api::oidc::{HttpOptions, Issuer, JwksSource, TokenAlgorithm};

use super::check::Check;
use super::set;

/// An issuer as an entry names it. The entries repeat these keys, so that each of them can
/// refuse a key it does not know.
pub(super) struct IssuerKeys<'a> {
    pub(super) issuer: &'a str,
    pub(super) audience: &'a str,
    pub(super) algorithms: &'a [TokenAlgorithm],
    pub(super) discovery: Option<bool>,
    pub(super) jwks_url: Option<&'a str>,
    pub(super) jwks_file: Option<&'a Path>,
    pub(super) require_not_before: Option<bool>,
}

impl IssuerKeys<'_> {
    /// The issuer of the entry that `key` names.
    pub(super) fn check(&self, check: &mut Check, key: &str) -> Option<Issuer> {
        let by_discovery = self.discovery.unwrap_or(false);
        let jwks = match (by_discovery, self.jwks_url, self.jwks_file) {
            (true, None, None) => JwksSource::Discovery,
            (false, Some(url), None) => JwksSource::Url(url.to_owned()),
            (false, None, Some(file)) => JwksSource::File(file.to_owned()),
            _ => {
                check.say(
                    &format!("{key}.jwks_url"),
                    "one of discovery, jwks_url and jwks_file must be set",
                );
                return None;
            }
        };
        Some(Issuer {
            name: self.issuer.to_owned(),
            audience: self.audience.to_owned(),
            algorithms: self.algorithms.to_vec(),
            require_not_before: self.require_not_before.unwrap_or(true),
            jwks,
        })
    }
}

/// How key sets are fetched: as usual, and through the proxy if one is named.
pub(super) fn fetched_through(proxy: &str) -> HttpOptions {
    HttpOptions {
        proxy: set(proxy).map(str::to_owned),
        ..HttpOptions::default()
    }
}

/// No two sections may trust one issuer for one audience: nothing in a token would then say
/// whether it is a citizen's, of staff or a program's.
pub(super) fn check_pairs<'a>(
    check: &mut Check,
    all: impl Iterator<Item = (&'static str, &'a Issuer)>,
) {
    let all: Vec<_> = all.collect();
    for (at, (section, one)) in all.iter().enumerate() {
        let clash = all
            .iter()
            .take(at)
            .find(|(_, other)| one.name == other.name && one.audience == other.audience);
        if let Some((other, _)) = clash.filter(|(other, _)| other != section) {
            let (issuer, audience) = (&one.name, &one.audience);
            check.say(
                section,
                format!("{other} has the issuer {issuer:?} with the audience {audience:?} already"),
            );
        }
    }
}
