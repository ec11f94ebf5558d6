//! `[complaints]`: the terms of the register.

use domain::complaint::ComplaintRules;
use serde::Deserialize;

use super::check::Check;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ComplaintsSection {
    reply_within: String,
    extend_by: String,
    file_within: String,
    close_after: String,
}

impl ComplaintsSection {
    pub(super) fn check(&self, check: &mut Check) -> ComplaintRules {
        let mut period = |key: &str, text: &str| {
            check.period(&format!("complaints.{key}"), text, ("P1D", "P365D"))
        };
        ComplaintRules {
            reply_within: period("reply_within", &self.reply_within),
            extend_by: period("extend_by", &self.extend_by),
            file_within: period("file_within", &self.file_within),
            close_after: period("close_after", &self.close_after),
        }
    }
}
