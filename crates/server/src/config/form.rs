//! Filing: the length of descriptions, and the proof of an e-mail address.

use domain::catalogue::TextLimits;
use domain::text::DESCRIPTION_HIGHEST_MAX_CHARS;
use serde::Deserialize;
use service::settings::{EmailProofSettings, Quotas};

use super::check::Check;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FormSection {
    description_max_chars: usize,
}

impl FormSection {
    pub(super) fn check(&self, check: &mut Check) -> TextLimits {
        let key = "form.description_max_chars";
        let bounds = 100..=DESCRIPTION_HIGHEST_MAX_CHARS;
        TextLimits::with_description(check.number(key, self.description_max_chars, bounds))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QuotaSection {
    filings_per_day: i64,
    messages_per_request: i64,
    files_per_request: i64,
}

impl QuotaSection {
    pub(super) fn check(&self, check: &mut Check) -> Quotas {
        Quotas {
            filings_per_day: check.number(
                "quota.filings_per_day",
                self.filings_per_day,
                1..=10_000,
            ),
            messages_per_ticket: check.number(
                "quota.messages_per_request",
                self.messages_per_request,
                10..=1_000,
            ),
            files_per_ticket: check.number(
                "quota.files_per_request",
                self.files_per_request,
                1..=1_000,
            ),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EmailProofSection {
    code_digits: u32,
    life: String,
    tries: i32,
    codes_per_hour: i64,
    codes_per_day: i64,
    network_factor: i64,
}

impl EmailProofSection {
    pub(super) fn check(&self, check: &mut Check) -> EmailProofSettings {
        EmailProofSettings {
            digits: check.number("email_proof.code_digits", self.code_digits, 6..=10),
            life: check.period("email_proof.life", &self.life, ("PT5M", "PT24H")),
            tries: check.number("email_proof.tries", self.tries, 1..=10),
            per_hour: check.number("email_proof.codes_per_hour", self.codes_per_hour, 1..=100),
            per_day: check.number("email_proof.codes_per_day", self.codes_per_day, 1..=1_000),
            source_factor: check.number(
                "email_proof.network_factor",
                self.network_factor,
                1..=10_000,
            ),
        }
    }
}
