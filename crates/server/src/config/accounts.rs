//! Accounts' life and the rules for passwords.

use std::collections::{BTreeMap, HashMap};

use domain::password::PasswordPolicy;
use jiff::SignedDuration;
use serde::Deserialize;
use service::settings::{AccountSettings, PasswordPolicies};

use super::check::Check;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountsSection {
    code_life: String,
    code_tries: i32,
    activation_url: String,
    certified_mail: Vec<String>,
    shared_mailboxes: Vec<String>,
    terms_version: String,
    questions: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PasswordsSection {
    profile: String,
    profiles: BTreeMap<String, ProfileEntry>,
    authorities: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileEntry {
    min_chars: usize,
    min_chars_with_second_factor: usize,
    blocklist: bool,
    first_max_age: String,
    max_age: String,
    history: usize,
    free_failures: i32,
    lock_after: i32,
    questions: bool,
}

/// Rules for passwords, as far as they can be checked without the reference data.
pub(crate) struct Passwords {
    /// All but who obeys which.
    pub(crate) policies: PasswordPolicies,
    /// Codes of authorities, as they were written, and the profile each has.
    pub(crate) by_authority: BTreeMap<String, String>,
}

impl AccountsSection {
    pub(super) fn check(&self, check: &mut Check) -> AccountSettings {
        let lower = |words: &[String]| words.iter().map(|word| word.to_lowercase()).collect();
        if self.terms_version.is_empty() {
            check.say("accounts.terms_version", "must not be empty");
        }
        AccountSettings {
            code_life: check.period("accounts.code_life", &self.code_life, ("PT1H", "P30D")),
            code_tries: check.number("accounts.code_tries", self.code_tries, 3..=10),
            // Empty until the base address is known.
            activation_url: check
                .address("accounts.activation_url", &self.activation_url)
                .unwrap_or_default(),
            certified_mail: lower(&self.certified_mail),
            shared_mailboxes: lower(&self.shared_mailboxes),
            terms_version: self.terms_version.clone(),
            questions: self.questions.clone(),
        }
    }
}

impl PasswordsSection {
    pub(super) fn check(&self, check: &mut Check) -> Passwords {
        let profiles: Vec<(String, PasswordPolicy)> = self
            .profiles
            .iter()
            .map(|(name, entry)| (name.clone(), entry.check(check, name)))
            .collect();
        let mut must_exist = |key: &str, name: &String| {
            if !self.profiles.contains_key(name) {
                check.say(key, format!("there is no profile {name:?}"));
            }
        };
        must_exist("passwords.profile", &self.profile);
        for (code, name) in &self.authorities {
            must_exist(&format!("passwords.authorities.{code}"), name);
        }
        Passwords {
            policies: PasswordPolicies {
                usual: self.profile.clone(),
                profiles,
                by_authority: HashMap::new(),
            },
            by_authority: self.authorities.clone(),
        }
    }
}

impl ProfileEntry {
    fn check(&self, check: &mut Check, name: &str) -> PasswordPolicy {
        let key = |member: &str| format!("passwords.profiles.{name}.{member}");
        let mut age = |member: &str, text: &str| -> Option<SignedDuration> {
            (!text.is_empty()).then(|| check.period(&key(member), text, ("P1D", "P3650D")))
        };
        let first_max_age = age("first_max_age", &self.first_max_age);
        let max_age = age("max_age", &self.max_age);
        // Under 8 characters is too short under any contract (domain.md 11.3).
        PasswordPolicy {
            min_chars: check.number(&key("min_chars"), self.min_chars, 8..=64),
            min_chars_with_second_factor: check.number(
                &key("min_chars_with_second_factor"),
                self.min_chars_with_second_factor,
                8..=64,
            ),
            blocklist: self.blocklist,
            first_max_age,
            max_age,
            history: check.number(&key("history"), self.history, 0..=24),
            free_failures: check.number(&key("free_failures"), self.free_failures, 1..=10),
            lock_after: match check.number(&key("lock_after"), self.lock_after, 0..=1_000) {
                0 => None,
                after => Some(after),
            },
            questions: self.questions,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::with;

    #[test]
    fn the_profiles_of_the_file_are_those_of_the_rules() {
        let policies = with(&[]).unwrap().passwords.policies;
        assert_eq!(
            *policies.named("modern"),
            domain::password::PasswordPolicy::MODERN
        );
        assert_eq!(
            *policies.named("sistema-ts"),
            domain::password::PasswordPolicy::SISTEMA_TS
        );
        assert_eq!(policies.usual, "modern");
    }
}
