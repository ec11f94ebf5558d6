//! `[webhooks]`: how authorities' own programs are told what happens.

use domain::webhook::AddressRules;
use jiff::SignedDuration;
use serde::Deserialize;
use service::settings::WebhookSettings;

use super::check::Check;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WebhooksSection {
    allowed_private_hosts: Vec<String>,
    allowed_ports: Vec<u16>,
    timeout_ms: i64,
    secret_overlap: String,
    disable_after: String,
}

impl WebhooksSection {
    /// Without the address people reach us at, which is known later.
    pub(super) fn check(&self, check: &mut Check) -> WebhookSettings {
        for host in &self.allowed_private_hosts {
            let is_plain = |c: char| c.is_ascii_graphic() && !"/[]@*".contains(c);
            if host.is_empty() || !host.chars().all(is_plain) || *host != host.to_ascii_lowercase()
            {
                check.say(
                    "webhooks.allowed_private_hosts",
                    format!("{host:?} is no host in small letters, without port and brackets"),
                );
            }
        }
        let ports = "webhooks.allowed_ports";
        if self.allowed_ports.is_empty() || self.allowed_ports.contains(&0) {
            check.say(ports, "must name ports from 1 to 65535");
        }
        let timeout = check.number("webhooks.timeout_ms", self.timeout_ms, 1_000..=30_000);
        let overlap = ("PT0S", "P30D");
        WebhookSettings {
            rules: AddressRules {
                allowed_private_hosts: self.allowed_private_hosts.clone(),
                allowed_ports: self.allowed_ports.clone(),
            },
            secret_overlap: check.period("webhooks.secret_overlap", &self.secret_overlap, overlap),
            disable_after: check.period(
                "webhooks.disable_after",
                &self.disable_after,
                ("P1D", "P30D"),
            ),
            timeout: SignedDuration::from_millis(timeout),
            ..WebhookSettings::default()
        }
    }
}
