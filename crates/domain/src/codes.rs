//! Opaque codes of the reference data: services, problem types, authorities.
//!
//! A code keeps the letter case it was written with and compares without it
//! (`domain.md` §7.3): `riscre` and `RISCRE` are one service.

use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

macro_rules! code_type {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(Debug, Clone, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes a code as written in reference data or in a row of ours.
            pub fn new(code: impl Into<String>) -> Self {
                $name(code.into())
            }

            /// The code as it was written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0.eq_ignore_ascii_case(&other.0)
            }
        }

        impl Eq for $name {}

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.0.to_ascii_lowercase().hash(state);
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                self.0
                    .to_ascii_lowercase()
                    .cmp(&other.0.to_ascii_lowercase())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(code: &str) -> Self {
                $name(code.to_owned())
            }
        }
    };
}

code_type!(
    ServiceCode,
    "A service of the catalogue, such as `FSE` (`domain.md` §7.1)."
);
code_type!(
    ProblemTypeCode,
    "A problem type within its service, such as `referto-non-trovato` (`domain.md` §7.2)."
);
code_type!(
    AuthorityCode,
    "A health authority or desk, such as `010204` or `REG010` (`domain.md` §8)."
);
code_type!(
    PlaybookCode,
    "A guided playbook, such as `PB-2` (`domain.md` §6)."
);
code_type!(
    CalendarCode,
    "A working calendar, such as `desks` or, with a patron saint's day, `desks-torino` (`domain.md` §10.1)."
);
code_type!(
    RuleCode,
    "A rule of the routing rules, such as `declared-authority` (`domain.md` §4.5)."
);
