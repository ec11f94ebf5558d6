//! `[retention]`: how much may go before a person has looked.

use serde::Deserialize;
use service::settings::RetentionSettings;

use super::check::Check;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RetentionSection {
    most_percent: i64,
    always_up_to: i64,
}

impl RetentionSection {
    pub(super) fn check(&self, check: &mut Check) -> RetentionSettings {
        if !(1..=100).contains(&self.most_percent) {
            check.say("retention.most_percent", "must be from 1 to 100");
        }
        if !(0..=100_000).contains(&self.always_up_to) {
            check.say("retention.always_up_to", "must be from 0 to 100000");
        }
        RetentionSettings {
            most_percent: self.most_percent,
            always_up_to: self.always_up_to,
        }
    }
}
