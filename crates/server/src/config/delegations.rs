//! Who says who may act for whom.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use api::delegations::{HttpDelegations, HttpOptions, MAX_BODY_BYTES};
use serde::Deserialize;
use service::DelegationSource;
use service::delegations::{DelegationTable, NoDelegations};
use storage::Db;

use super::check::Check;
use super::set;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DelegationsSection {
    source: Kind,
    http: HttpSection,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    None,
    Table,
    Http,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HttpSection {
    url: String,
    token_file: String,
    connect_timeout_ms: u64,
    timeout_ms: u64,
}

/// Who says who may act for whom. Has no `Debug`, because the token is a secret.
pub(crate) enum Delegations {
    /// Nobody can act for anybody.
    None,
    /// The table in the database.
    Table,
    /// A service that is asked.
    Http {
        /// Where.
        url: String,
        /// With which bearer token.
        token: Option<String>,
        /// How long.
        options: HttpOptions,
    },
}

impl DelegationsSection {
    pub(super) fn check(&self, check: &mut Check) -> Delegations {
        match self.source {
            Kind::None => Delegations::None,
            Kind::Table => Delegations::Table,
            Kind::Http => self.http.check(check),
        }
    }
}

impl HttpSection {
    fn check(&self, check: &mut Check) -> Delegations {
        if self.url.is_empty() {
            check.say(
                "delegations.http.url",
                "must be set for delegations.source \"http\"",
            );
        }
        let token = set(&self.token_file)
            .and_then(|file| check.secret_file("delegations.http.token_file", file));
        let mut wait = |name: &str, value| {
            let key = format!("delegations.http.{name}");
            Duration::from_millis(check.number(&key, value, 100..=30_000))
        };
        Delegations::Http {
            url: self.url.clone(),
            token,
            options: HttpOptions {
                connect_timeout: wait("connect_timeout_ms", self.connect_timeout_ms),
                total_timeout: wait("timeout_ms", self.timeout_ms),
                max_body_bytes: MAX_BODY_BYTES,
                proxy: None,
            },
        }
    }
}

impl Delegations {
    /// The source; nothing is asked yet.
    pub(crate) fn open(&self, db: &Db) -> anyhow::Result<Arc<dyn DelegationSource>> {
        Ok(match self {
            Delegations::None => Arc::new(NoDelegations),
            Delegations::Table => Arc::new(DelegationTable(db.clone())),
            Delegations::Http { .. } => Arc::new(self.open_http()?),
        })
    }

    /// What an installation is told of it. Asking would need somebody's tax code.
    pub(crate) fn summary(&self) -> anyhow::Result<String> {
        Ok(match self {
            Delegations::None => "no source: nobody can act for anybody else".to_owned(),
            Delegations::Table => "from the table".to_owned(),
            Delegations::Http { url, .. } => {
                self.open_http()?;
                format!("asked of {url}, which was not tried")
            }
        })
    }

    fn open_http(&self) -> anyhow::Result<HttpDelegations> {
        let Delegations::Http {
            url,
            token,
            options,
        } = self
        else {
            anyhow::bail!("delegations.source is not \"http\"");
        };
        HttpDelegations::new(url, token.as_deref(), options).context("delegations.http")
    }
}
