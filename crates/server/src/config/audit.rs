//! `[audit]`: where the ends of the audit trail's chains are put, outside the database.

use std::path::{Path, PathBuf};

use domain::email::EmailAddress;
use domain::webhook::{AddressRules, EndpointUrl};
use jiff::SignedDuration;
use serde::Deserialize;

use super::check::Check;
use super::set;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AuditSection {
    anchor_every: String,
    anchor_file: String,
    anchor_url: String,
    anchor_mail: String,
}

/// How often the ends of the chains are signed, and where they go.
pub(crate) struct Audit {
    /// How often.
    pub(crate) every: SignedDuration,
    /// The file that lines are added to.
    pub(crate) file: PathBuf,
    /// The address that gets each.
    pub(crate) url: Option<EndpointUrl>,
    /// The mailbox that gets each.
    pub(crate) mailbox: Option<String>,
}

impl AuditSection {
    /// The rules for addresses are those of webhooks.
    pub(super) fn check(&self, check: &mut Check, data: &Path, rules: &AddressRules) -> Audit {
        let every = ("PT1M", "PT24H");
        let url = set(&self.anchor_url).and_then(|text| match EndpointUrl::parse(text, rules) {
            Ok(url) => Some(url),
            Err(invalid) => {
                check.say("audit.anchor_url", &invalid.message.en);
                None
            }
        });
        let mailbox = set(&self.anchor_mail).and_then(|text| match EmailAddress::parse(text) {
            Ok(address) => Some(address.as_str().to_owned()),
            Err(invalid) => {
                check.say("audit.anchor_mail", &invalid.message.en);
                None
            }
        });
        Audit {
            every: check.period("audit.anchor_every", &self.anchor_every, every),
            file: set(&self.anchor_file)
                .map_or_else(|| data.join("audit-anchors.jsonl"), PathBuf::from),
            url,
            mailbox,
        }
    }
}
