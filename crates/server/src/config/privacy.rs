//! `[privacy]`: who is told of extraordinary looks at personal data, and the bounds of those that are stated.

use domain::email::EmailAddress;
use serde::Deserialize;
use service::settings::PrivacySettings;

use super::check::Check;
use super::set;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PrivacySection {
    officer_email: String,
    inspection: String,
    looks_per_hour: i64,
}

impl PrivacySection {
    pub(super) fn check(&self, check: &mut Check) -> PrivacySettings {
        let officer_email = set(&self.officer_email).and_then(|text| {
            let address = EmailAddress::parse(text);
            if address.is_err() {
                check.say("privacy.officer_email", "is not an e-mail address");
            }
            address.ok()
        });
        PrivacySettings {
            officer_email,
            inspection: check.period("privacy.inspection", &self.inspection, ("PT1M", "PT8H")),
            looks_per_hour: check.number("privacy.looks_per_hour", self.looks_per_hour, 1..=1000),
        }
    }
}
