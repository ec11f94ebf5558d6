//! Random passwords for the demo, whose accounts anybody may use. No other account gets one: people
//! set their own.

use crate::keys::random_bytes;

/// 24 characters from 120 random bits, easy to copy.
pub(crate) fn random() -> anyhow::Result<String> {
    Ok(data_encoding::BASE32_NOPAD
        .encode(&random_bytes::<15>()?)
        .to_lowercase())
}

#[cfg(test)]
mod tests {
    use domain::password::{Owner, PasswordPolicy};

    use super::*;

    #[test]
    fn random_passwords_are_long_and_good() {
        let (one, other) = (random().unwrap(), random().unwrap());
        assert_eq!(one.len(), 24);
        assert_ne!(one, other);
        let owner = Owner {
            username: "to4.operator",
            display_name: "Olga Operatrice",
            has_second_factor: false,
        };
        PasswordPolicy::MODERN.check(&one, &owner).unwrap();
    }
}
