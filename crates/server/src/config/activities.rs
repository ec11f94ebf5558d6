//! How long technical activities may take (`domain.md` §4.3).

use domain::activity::OverdueAfter;
use domain::sla::WorkingTime;
use serde::Deserialize;

use super::check::Check;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ActivitiesSection {
    overdue_after: Written,
}

/// A length of working time for each urgency.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    critical: String,
    high: String,
    medium: String,
    low: String,
}

impl ActivitiesSection {
    pub(super) fn check(&self, check: &mut Check) -> OverdueAfter {
        let usual = OverdueAfter::default();
        let mut time = |urgency: &str, text: &str, usual: WorkingTime| {
            let time = WorkingTime::parse(text);
            if time.is_none() {
                let key = format!("activities.overdue_after.{urgency}");
                check.say(
                    &key,
                    format!("{text:?} is no working time such as PT4H or P3D"),
                );
            }
            time.unwrap_or(usual)
        };
        let written = &self.overdue_after;
        OverdueAfter {
            critical: time("critical", &written.critical, usual.critical),
            high: time("high", &written.high, usual.high),
            medium: time("medium", &written.medium, usual.medium),
            low: time("low", &written.low, usual.low),
        }
    }
}
