//! What a reader is shown of a requester who is not theirs to contact (`threat-model.md` D-24,
//! `conventions.md` PR-3): enough to tell two people in a list apart, too little to find somebody with.
//! The mask of a tax code is [`crate::tax_code::TaxCode::masked`].

/// Stands for what is hidden. How many of them there are says nothing, except in a tax code.
pub const HIDDEN: char = '•';

/// An e-mail address: its first letter and its top-level domain, since a domain can be one's own.
pub fn email(address: &str) -> String {
    let Some((local, domain)) = address.rsplit_once('@') else {
        return words(address);
    };
    let first: String = local.chars().take(1).collect();
    let top = domain.rsplit_once('.').map_or("", |(_, top)| top);
    format!("{first}•••@•••.{top}")
}

/// A telephone number: its last two digits.
pub fn phone(number: &str) -> String {
    let count = number.chars().count();
    if count < 6 {
        return words(number);
    }
    let last: String = number.chars().skip(count - 2).collect();
    format!("•••••{last}")
}

/// What is neither: hidden whole, but for the dash that stands where nothing can be read any more.
pub(crate) fn words(text: &str) -> String {
    let hide = |one: char| if one.is_alphanumeric() { HIDDEN } else { one };
    text.chars().map(hide).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_and_numbers_keep_what_cannot_be_used() {
        for (whole, masked) in [
            ("mario.rossi@example.org", "m•••@•••.org"),
            ("a@b.it", "a•••@•••.it"),
            ("\"odd@local\"@example.com", "\"•••@•••.com"),
            ("not an address", "••• •• •••••••"),
            ("—", "—"),
        ] {
            assert_eq!(email(whole), masked);
        }
        for (whole, masked) in [
            ("+393331234567", "•••••67"),
            ("+390171123456", "•••••56"),
            ("12345", "•••••"),
            ("—", "—"),
        ] {
            assert_eq!(phone(whole), masked);
        }
    }

    proptest! {
        #[test]
        fn no_address_and_no_number_is_left_whole(
            local in "[a-z]{2,20}", domain in "[a-z]{3,20}", number in "[0-9]{6,15}",
        ) {
            let address = format!("{local}@{domain}.it");
            let masked = email(&address);
            prop_assert!(!masked.contains(&local) && !masked.contains(&domain));
            let masked = phone(&format!("+{number}"));
            prop_assert!(masked.chars().filter(char::is_ascii_digit).count() == 2);
        }
    }
}
