//! Which passwords a policy takes, and how long they last (`domain.md` §11.3).
//!
//! Policies are data: two profiles come with the program, an installation may set others, and each
//! authority has one. Whoever works at several places obeys the strictest of them. Nothing here
//! hashes or keeps a password.

use jiff::{SignedDuration, Timestamp};

use crate::invalid::{Invalid, Text};

/// Longest password read, in bytes: hashing more would be a gift to an attacker.
pub const MAX_PASSWORD_BYTES: usize = 256;

/// A set of rules for passwords.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// Fewest characters without a second factor.
    pub min_chars: usize,
    /// Fewest characters with one.
    pub min_chars_with_second_factor: usize,
    /// Whether common passwords, patterns and the user's own name are refused.
    pub blocklist: bool,
    /// How long the first password lasts; `None` for ever.
    pub first_max_age: Option<SignedDuration>,
    /// How long every later one lasts.
    pub max_age: Option<SignedDuration>,
    /// Earlier passwords that may not come back.
    pub history: usize,
    /// Wrong passwords in a row from one network before each next try waits.
    pub free_failures: i32,
    /// Wrong passwords in a row, from anywhere, that lock the account; `None`: nothing does, since
    /// that would let anybody lock out anybody.
    pub lock_after: Option<i32>,
    /// Whether answers to questions let somebody back in who forgot the password, as long as the
    /// account is not locked.
    pub questions: bool,
}

impl PasswordPolicy {
    /// NIST SP 800-63B-4: long, never rotated, never common.
    pub const MODERN: PasswordPolicy = PasswordPolicy {
        min_chars: 15,
        min_chars_with_second_factor: 8,
        blocklist: true,
        first_max_age: None,
        max_age: None,
        history: 0,
        free_failures: 8,
        lock_after: None,
        questions: false,
    };

    /// The rules of the national health-card system, for contracts that demand them.
    pub const SISTEMA_TS: PasswordPolicy = PasswordPolicy {
        min_chars: 8,
        min_chars_with_second_factor: 8,
        blocklist: true,
        first_max_age: Some(SignedDuration::from_hours(240 * 24)),
        max_age: Some(SignedDuration::from_hours(90 * 24)),
        history: 5,
        free_failures: 8,
        lock_after: Some(8),
        questions: false,
    };

    /// What obeys both: for people who work at several places.
    pub fn and(&self, other: &PasswordPolicy) -> PasswordPolicy {
        PasswordPolicy {
            min_chars: self.min_chars.max(other.min_chars),
            min_chars_with_second_factor: self
                .min_chars_with_second_factor
                .max(other.min_chars_with_second_factor),
            blocklist: self.blocklist || other.blocklist,
            first_max_age: shorter(self.first_max_age, other.first_max_age),
            max_age: shorter(self.max_age, other.max_age),
            history: self.history.max(other.history),
            free_failures: self.free_failures.min(other.free_failures),
            lock_after: match (self.lock_after, other.lock_after) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            },
            questions: self.questions && other.questions,
        }
    }

    /// When a password set at `now` must be changed; `changes` counts the ones before it.
    pub fn must_change_by(&self, now: Timestamp, changes: i32) -> Option<Timestamp> {
        let age = if changes == 0 {
            self.first_max_age
        } else {
            self.max_age
        };
        now.checked_add(age?).ok()
    }

    /// Says what is wrong with a new password, and never repeats it.
    pub fn check(&self, password: &str, owner: &Owner<'_>) -> Result<(), Invalid> {
        let least = if owner.has_second_factor {
            self.min_chars_with_second_factor
        } else {
            self.min_chars
        };
        if password.chars().count() < least {
            return Err(Invalid {
                code: "too-short",
                message: Text::owned(
                    format!("Almeno {least} caratteri"),
                    format!("at least {least} characters"),
                ),
            });
        }
        if password.len() > MAX_PASSWORD_BYTES {
            return Err(Invalid::new(
                "too-long",
                "Al massimo 256 byte",
                "at most 256 bytes",
            ));
        }
        if password.contains(char::is_control) {
            return Err(Invalid::new(
                "forbidden-chars",
                "Contiene un carattere di controllo",
                "holds a control character",
            ));
        }
        if self.blocklist && is_guessed_first(password, owner) {
            return Err(Invalid::new(
                "password-too-common",
                "È tra le prime che si provano: scegline un'altra",
                "it is one that is tried first: choose another",
            ));
        }
        Ok(())
    }

    /// Where it falls short of [`PasswordPolicy::MODERN`]: the parameter, its value, the modern one.
    pub fn deviations(&self) -> Vec<Deviation> {
        let modern = &PasswordPolicy::MODERN;
        let number = |value: usize| value.to_string();
        let age = |age: Option<SignedDuration>| {
            age.map_or_else(
                || "none".to_owned(),
                |age| format!("P{}D", age.as_hours() / 24),
            )
        };
        let lock = |after: Option<i32>| after.map_or_else(|| "none".to_owned(), |n| n.to_string());
        let all = [
            (
                "min_chars",
                number(self.min_chars),
                number(modern.min_chars),
                self.min_chars < modern.min_chars,
            ),
            (
                "min_chars_with_second_factor",
                number(self.min_chars_with_second_factor),
                number(modern.min_chars_with_second_factor),
                self.min_chars_with_second_factor < modern.min_chars_with_second_factor,
            ),
            (
                "blocklist",
                self.blocklist.to_string(),
                "true".to_owned(),
                !self.blocklist,
            ),
            (
                "first_max_age",
                age(self.first_max_age),
                age(None),
                self.first_max_age.is_some(),
            ),
            (
                "max_age",
                age(self.max_age),
                age(None),
                self.max_age.is_some(),
            ),
            (
                "lock_after",
                lock(self.lock_after),
                lock(None),
                self.lock_after.is_some(),
            ),
            (
                "questions",
                self.questions.to_string(),
                "false".to_owned(),
                self.questions,
            ),
        ];
        all.into_iter()
            .filter(|(.., deviates)| *deviates)
            .map(|(parameter, value, modern, _)| Deviation {
                parameter,
                value,
                modern,
            })
            .collect()
    }
}

/// A rule that is weaker than the modern one, or that experience advises against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deviation {
    /// Which rule.
    pub parameter: &'static str,
    /// What holds.
    pub value: String,
    /// What should.
    pub modern: String,
}

/// Whose password it is to be.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    /// What they log in with.
    pub username: &'a str,
    /// What colleagues read.
    pub display_name: &'a str,
    /// Whether they have a second factor.
    pub has_second_factor: bool,
}

fn shorter(one: Option<SignedDuration>, other: Option<SignedDuration>) -> Option<SignedDuration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// The words people build passwords from, in both languages and this trade; a password made of
/// these, digits and repetition alone is guessed early.
const COMMON: &str = include_str!("password/common.txt");

/// Fewer different characters than this are a pattern, not a password.
const FEWEST_DIFFERENT: usize = 5;

/// Fewest characters that must be left once names, common words and runs are taken out.
const FEWEST_OWN: usize = 4;

fn is_guessed_first(password: &str, owner: &Owner<'_>) -> bool {
    let mut different: Vec<char> = password.chars().collect();
    different.sort_unstable();
    different.dedup();
    if different.len() < FEWEST_DIFFERENT {
        return true;
    }
    let words = guessed_words(owner);
    let plain: String = password
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    // As it is, and with digits read as the letters they stand for.
    let read: String = plain.chars().map(unleet).collect();
    [plain, read]
        .into_iter()
        .any(|text| own_characters(&without(text, &words)) < FEWEST_OWN)
}

/// Common words and the owner's names, the longest first: a short one would cut a long one in two.
fn guessed_words(owner: &Owner<'_>) -> Vec<String> {
    let common = COMMON.lines().map(str::trim);
    let mut words: Vec<String> = common
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect();
    for text in [owner.username, owner.display_name] {
        let names = text.split(|c: char| !c.is_alphanumeric());
        words.extend(
            names
                .map(str::to_lowercase)
                .filter(|name| name.chars().count() >= 3),
        );
    }
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words
}

fn without(mut text: String, words: &[String]) -> String {
    for word in words {
        if text.contains(word.as_str()) {
            text = text.replace(word.as_str(), " ");
        }
    }
    text
}

/// Letters that are not part of a run such as `abc`, `cba` or `aaa`; digits count for nothing.
fn own_characters(text: &str) -> usize {
    let letters: Vec<u32> = text
        .chars()
        .filter(|c| c.is_alphabetic())
        .map(u32::from)
        .collect();
    let steps: Vec<Option<i64>> = std::iter::once(None)
        .chain(letters.windows(2).map(|pair| match pair {
            [one, next] => Some(i64::from(*next) - i64::from(*one)),
            _ => None,
        }))
        .collect();
    let in_run = |step: &Option<i64>| matches!(step, Some(-1..=1));
    steps.iter().filter(|step| !in_run(step)).count()
}

/// The letters that people write as signs.
const fn unleet(c: char) -> char {
    match c {
        '0' => 'o',
        '1' => 'i',
        '3' => 'e',
        '4' => 'a',
        '5' => 's',
        '7' => 't',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ANNA: Owner<'static> = Owner {
        username: "anna.rossi",
        display_name: "Anna Rossi",
        has_second_factor: false,
    };

    #[test]
    fn what_is_guessed_first_is_refused_and_never_repeated() {
        for password in [
            "passwordpassword",
            "Password-Password1",
            "123456789012345",
            "1234567890abcdef",
            "aaaaaaaaaaaaaaaaaaaa",
            "abababababababab",
            "qwertyuiopasdfghjkl",
            "anna.rossi anna.rossi",
            "AnnaRossi2026!!!",
            "P4ssw0rdAmministr4tore",
            "benvenutobenvenuto",
            "assistenza2026assistenza",
            "abcdefghijklmnopqrstuvwxyz",
        ] {
            let refused = PasswordPolicy::MODERN.check(password, &ANNA).unwrap_err();
            assert_eq!(refused.code, "password-too-common", "{password}");
        }
        for password in [
            "una frase lunga e mia",
            "il gatto beve al rubinetto",
            "tre rane blu e un treno",
        ] {
            PasswordPolicy::MODERN.check(password, &ANNA).unwrap();
        }
    }

    #[test]
    fn lengths_follow_the_policy_and_the_second_factor() {
        let check = |policy: &PasswordPolicy, password: &str, has_second_factor| {
            let owner = Owner {
                has_second_factor,
                ..ANNA
            };
            policy
                .check(password, &owner)
                .map_err(|invalid| invalid.code)
        };
        let modern = &PasswordPolicy::MODERN;
        assert_eq!(check(modern, "tre rane blu! ", false), Err("too-short"));
        assert_eq!(check(modern, "rane blu", true), Ok(()));
        assert_eq!(check(modern, "rane bl", true), Err("too-short"));
        assert_eq!(
            check(&PasswordPolicy::SISTEMA_TS, "rane blu", false),
            Ok(())
        );
        assert_eq!(
            check(modern, &"così lunga ".repeat(30), false),
            Err("too-long")
        );
        assert_eq!(
            check(modern, "tre rane blu\u{7} e un treno", false),
            Err("forbidden-chars")
        );
    }

    #[test]
    fn the_health_card_profile_lasts_240_days_and_then_90() {
        let now: Timestamp = "2026-03-02T08:00:00Z".parse().unwrap();
        let ts = &PasswordPolicy::SISTEMA_TS;
        assert_eq!(
            ts.must_change_by(now, 0).unwrap().to_string(),
            "2026-10-28T08:00:00Z"
        );
        assert_eq!(
            ts.must_change_by(now, 1).unwrap().to_string(),
            "2026-05-31T08:00:00Z"
        );
        assert_eq!(PasswordPolicy::MODERN.must_change_by(now, 0), None);
    }

    #[test]
    fn the_modern_profile_deviates_from_nothing_and_the_other_says_where() {
        assert_eq!(PasswordPolicy::MODERN.deviations(), []);
        let names: Vec<&str> = PasswordPolicy::SISTEMA_TS
            .deviations()
            .iter()
            .map(|deviation| deviation.parameter)
            .collect();
        assert_eq!(
            names,
            ["min_chars", "first_max_age", "max_age", "lock_after"]
        );
    }

    proptest! {
        /// Whatever two policies say, both together take only what each of them takes.
        #[test]
        fn two_policies_together_are_never_laxer(
            a in 8_usize..30, b in 8_usize..30, list in any::<bool>(), len in 1_usize..40,
        ) {
            let one = PasswordPolicy { min_chars: a, blocklist: list, ..PasswordPolicy::MODERN };
            let other = PasswordPolicy { min_chars: b, ..PasswordPolicy::SISTEMA_TS };
            let both = one.and(&other);
            prop_assert_eq!(&both, &other.and(&one));
            let text: String = "rubinetto gatto treno viola sedia".chars().cycle().take(len).collect();
            if both.check(&text, &ANNA).is_ok() {
                prop_assert!(one.check(&text, &ANNA).is_ok());
                prop_assert!(other.check(&text, &ANNA).is_ok());
            }
        }
    }
}
