//! SLA policies that hold before there are others: one for each kind of desk.

use super::Check;
use crate::catalogue::file::{PoliciesFile, RawPolicy, Word};
use crate::catalogue::policies::FirstPolicy;
use crate::sla::{DeskKind, Targets, WorkingTime};

impl Check<'_> {
    pub(super) fn policies(&mut self, file: PoliciesFile) -> Vec<FirstPolicy> {
        let mut all: Vec<FirstPolicy> = Vec::new();
        for raw in file.policy {
            let place = raw.desk_kind.span();
            let Some(policy) = self.policy(raw) else {
                continue;
            };
            if all.iter().any(|one| one.desk_kind == policy.desk_kind) {
                self.say(place, "policy.desk_kind", "has a policy already");
            }
            all.push(policy);
        }
        all
    }

    fn policy(&mut self, raw: RawPolicy) -> Option<FirstPolicy> {
        let desk_kind = DeskKind::from_code(raw.desk_kind.get_ref());
        if desk_kind.is_none() {
            let message = "is neither `authority` nor `region`";
            self.say(raw.desk_kind.span(), "policy.desk_kind", message);
        }
        for (field, word) in [
            ("policy.label", &raw.label),
            ("policy.owner_body", &raw.owner_body),
            ("policy.formula", &raw.formula),
        ] {
            if word.get_ref().trim().is_empty() {
                self.say(word.span(), field, "must not be blank");
            }
        }
        let mut time = |field, word: Word| {
            let time = WorkingTime::parse(word.get_ref());
            if time.is_none() {
                let message = "is no time such as P2D or PT4H, up to P366D";
                self.say(word.span(), field, message);
            }
            time
        };
        let take_charge = time("policy.take_charge", raw.take_charge);
        let first_response = time("policy.first_response", raw.first_response);
        let resolution = time("policy.resolution", raw.resolution);
        let escalate_after = time("policy.escalate_after", raw.escalate_after);
        Some(FirstPolicy {
            desk_kind: desk_kind?,
            label: raw.label.into_inner(),
            owner_body: raw.owner_body.into_inner(),
            formula: raw.formula.into_inner(),
            targets: Targets {
                take_charge: take_charge?,
                first_response: first_response?,
                resolution: resolution?,
                escalate_after: escalate_after?,
            },
        })
    }
}
