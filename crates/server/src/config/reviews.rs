//! `[reviews]`: whether what was decided can be reviewed, and the terms of it.

use domain::review::ReviewRules;
use serde::Deserialize;

use super::check::Check;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReviewsSection {
    enabled: bool,
    request_within: String,
    decide_within: String,
    warn_before: String,
}

impl ReviewsSection {
    pub(super) fn check(&self, check: &mut Check) -> ReviewRules {
        let mut period =
            |key: &str, text: &str, bounds| check.period(&format!("reviews.{key}"), text, bounds);
        let rules = ReviewRules {
            enabled: self.enabled,
            request_within: period("request_within", &self.request_within, ("P1D", "P365D")),
            decide_within: period("decide_within", &self.decide_within, ("P1D", "P180D")),
            warn_before: period("warn_before", &self.warn_before, ("PT0S", "P90D")),
        };
        if rules.warn_before >= rules.decide_within {
            check.say("reviews.warn_before", "must be less than decide_within");
        }
        rules
    }
}
