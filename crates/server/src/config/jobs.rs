//! `[jobs]`: how that is done which time makes due.

use jiff::SignedDuration;
use serde::Deserialize;

use super::check::Check;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JobsSection {
    lease: String,
}

impl JobsSection {
    /// How long due work is one node's alone.
    pub(super) fn check(&self, check: &mut Check) -> SignedDuration {
        check.period("jobs.lease", &self.lease, ("PT1S", "PT1H"))
    }
}
