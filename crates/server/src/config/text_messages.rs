//! How text messages leave.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jobs::text::{HttpGatewayConfig, TextTransport};
use serde::Deserialize;

use super::check::Check;
use super::set;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TextMessagesSection {
    gateway: Kind,
    folder: String,
    http: HttpSection,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Folder,
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

impl TextMessagesSection {
    pub(super) fn check(&self, check: &mut Check, data: &Path) -> TextTransport {
        match self.gateway {
            Kind::Folder => TextTransport::Folder(
                set(&self.folder).map_or_else(|| data.join("sms"), PathBuf::from),
            ),
            Kind::Http => TextTransport::Http(self.http.check(check)),
        }
    }
}

impl HttpSection {
    fn check(&self, check: &mut Check) -> HttpGatewayConfig {
        if self.url.is_empty() {
            check.say(
                "text_messages.http.url",
                "must be set for text_messages.gateway \"http\"",
            );
        }
        let token = set(&self.token_file)
            .and_then(|file| check.secret_file("text_messages.http.token_file", file));
        let mut wait = |name: &str, value| {
            let key = format!("text_messages.http.{name}");
            Duration::from_millis(check.number(&key, value, 100..=60_000))
        };
        HttpGatewayConfig {
            url: self.url.clone(),
            token,
            connect_timeout: wait("connect_timeout_ms", self.connect_timeout_ms),
            timeout: wait("timeout_ms", self.timeout_ms),
        }
    }
}
