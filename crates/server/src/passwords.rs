//! Which passwords people may choose, and random ones for the demo.

use anyhow::ensure;
use service::sign_in::{MAX_PASSWORD_BYTES, MIN_PASSWORD_CHARS};

use crate::keys::random_bytes;

/// What people type when they are asked for something long. Compared without letter case, and
/// without what is not a letter or digit.
const COMMON: [&str; 20] = [
    "passwordpassword",
    "password12345678",
    "passwordpassword1",
    "123456789012345",
    "1234567890123456",
    "0123456789012345",
    "12345678901234567890",
    "qwertyuiopasdfgh",
    "qwertyuiopasdfghjkl",
    "qwertyuiop12345",
    "qwertyuiop1234567890",
    "administrator123",
    "administrator1234",
    "administratoradministrator",
    "amministratore1",
    "amministratore123",
    "correcthorsebatterystaple",
    "iloveyouiloveyou",
    "changemechangeme",
    "abcdefghijklmnopqrstuvwxyz",
];

/// Fewer different characters than this are a pattern, not a password.
const FEWEST_DIFFERENT: usize = 6;

/// Says what is wrong with a new password; never repeats it.
pub(crate) fn check(password: &str, username: &str) -> anyhow::Result<()> {
    let chars = password.chars().count();
    ensure!(
        chars >= MIN_PASSWORD_CHARS,
        "the password has {chars} characters; at least {MIN_PASSWORD_CHARS} are needed"
    );
    ensure!(
        password.len() <= MAX_PASSWORD_BYTES,
        "the password is longer than {MAX_PASSWORD_BYTES} bytes"
    );
    let plain: String = password
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    let mut different: Vec<char> = password.chars().collect();
    different.sort_unstable();
    different.dedup();
    ensure!(
        !COMMON.contains(&plain.as_str()) && different.len() >= FEWEST_DIFFERENT,
        "the password is one that is tried first; choose another"
    );
    let name: String = username.chars().filter(|c| c.is_alphanumeric()).collect();
    ensure!(
        name.is_empty() || !plain.replace(&name.to_lowercase(), "").is_empty(),
        "the password is made of the user name"
    );
    Ok(())
}

/// 24 characters from 120 random bits, easy to copy.
pub(crate) fn random() -> anyhow::Result<String> {
    Ok(data_encoding::BASE32_NOPAD
        .encode(&random_bytes::<15>()?)
        .to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_common_and_patterned_passwords_are_refused() {
        for password in [
            "",
            "fourteen chars",
            "passwordpassword",
            "Password-Password",
            "123456789012345",
            "aaaaaaaaaaaaaaaaaaaa",
            "abababababababab",
            "anna.rossi anna.rossi",
            &"long".repeat(65),
        ] {
            let error = check(password, "anna.rossi").unwrap_err().to_string();
            assert!(password.is_empty() || !error.contains(password), "{error}");
        }
        check("una frase lunga e mia", "anna.rossi").unwrap();
        check("fifteen chars ok", "").unwrap();
    }

    #[test]
    fn random_passwords_are_long_and_good() {
        let (one, other) = (random().unwrap(), random().unwrap());
        assert_eq!(one.len(), 24);
        assert_ne!(one, other);
        check(&one, "to4.operator").unwrap();
    }
}
