//! `[queues]` and `[nudges]`: what happens when nobody gets on with a request.

use domain::nudge::NudgeRules;
use domain::sla::WorkingTime;
use serde::Deserialize;
use service::settings::UntouchedSettings;

use super::check::Check;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QueuesSection {
    untouched_after: String,
    transferred_untouched_after: String,
}

impl QueuesSection {
    pub(super) fn check(&self, check: &mut Check) -> UntouchedSettings {
        let usual = UntouchedSettings::default();
        UntouchedSettings {
            filed: working_time(
                check,
                "queues.untouched_after",
                &self.untouched_after,
                usual.filed,
            ),
            transferred: working_time(
                check,
                "queues.transferred_untouched_after",
                &self.transferred_untouched_after,
                usual.transferred,
            ),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NudgesSection {
    wait: String,
    most: i32,
}

impl NudgesSection {
    pub(super) fn check(&self, check: &mut Check) -> NudgeRules {
        let usual = NudgeRules::default().wait;
        NudgeRules {
            wait: working_time(check, "nudges.wait", &self.wait, usual),
            most: check.number("nudges.most", self.most, 0..=100),
        }
    }
}

fn working_time(check: &mut Check, key: &str, text: &str, usual: WorkingTime) -> WorkingTime {
    WorkingTime::parse(text).unwrap_or_else(|| {
        check.say(
            key,
            format!("{text:?} is no working time such as \"P1D\" or \"PT4H\""),
        );
        usual
    })
}
