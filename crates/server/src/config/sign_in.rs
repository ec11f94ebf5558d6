//! Log-in of staff.

use serde::Deserialize;
use service::settings::{PasswordPolicies, SignInSettings};

use super::check::Check;
use super::set;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SignInSection {
    issuer: String,
    session_absolute: String,
    session_idle: String,
    require_second_factor: bool,
    fresh_login: String,
    longest_delay: String,
    hash_memory_kib: u32,
    hash_passes: u32,
    parallel_hashings: usize,
}

impl SignInSection {
    /// The settings, how many passwords are hashed at once, and the issuer of our tokens.
    pub(super) fn check(&self, check: &mut Check) -> (SignInSettings, usize, Option<String>) {
        let absolute = check.period(
            "sign_in.session_absolute",
            &self.session_absolute,
            ("PT15M", "PT24H"),
        );
        let idle = check.period(
            "sign_in.session_idle",
            &self.session_idle,
            ("PT15M", "PT24H"),
        );
        if idle > absolute {
            check.say(
                "sign_in.session_idle",
                "must not be longer than sign_in.session_absolute",
            );
        }
        let settings = SignInSettings {
            absolute,
            idle,
            longest_delay: check.period(
                "sign_in.longest_delay",
                &self.longest_delay,
                ("PT1M", "PT24H"),
            ),
            // The floors of D-4: weaker, and a stolen table of hashes is a table of passwords.
            hash_memory_kib: check.number(
                "sign_in.hash_memory_kib",
                self.hash_memory_kib,
                19_456..=1_048_576,
            ),
            hash_passes: check.number("sign_in.hash_passes", self.hash_passes, 2..=20),
            policies: PasswordPolicies::default(),
            require_second_factor: self.require_second_factor,
            fresh: check.period("sign_in.fresh_login", &self.fresh_login, ("PT1M", "PT8H")),
        };
        let hashings = check.number("sign_in.parallel_hashings", self.parallel_hashings, 1..=64);
        (settings, hashings, set(&self.issuer).map(str::to_owned))
    }
}
