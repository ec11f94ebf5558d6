//! E-mail addresses people leave to be reached at (`domain.md` §3.3, F6).
//!
//! Not for mail headers and not RFC 5322: the front end's narrow pattern is the rule, which also
//! makes header injection impossible. Invariant: the domain is lower case, the local part is as
//! typed (mailboxes may tell cases apart).

use std::fmt;

use serde::Serialize;

use crate::invalid::Invalid;

/// First words of the domain labels certified-mail providers use (`domain.md` §9.6). The list
/// is configurable; this is the default.
pub const CERTIFIED_MAIL_LABELS: [&str; 9] = [
    "pec",
    "legalmail",
    "postacert",
    "pecmail",
    "arubapec",
    "cert",
    "postecert",
    "registerpec",
    "sicurezzapostale",
];

/// A checked e-mail address.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// Reads an address: trimmed, domain lower-cased, then checked (`domain.md` §3.3).
    pub fn parse(input: &str) -> Result<EmailAddress, Invalid> {
        let input = input.trim();
        if input.is_empty() {
            return Err(Invalid::required());
        }
        match input.split_once('@') {
            Some((local, domain))
                if (6..=254).contains(&input.len()) && is_local(local) && is_domain(domain) =>
            {
                let domain = domain.to_ascii_lowercase();
                Ok(EmailAddress(format!("{local}@{domain}")))
            }
            _ => Err(Invalid::new(
                "invalid-format",
                "Inserisci una mail valida",
                "enter a valid e-mail address",
            )),
        }
    }

    /// Takes back an address from a row written by us; nothing is checked again.
    pub fn from_stored(value: String) -> Self {
        EmailAddress(value)
    }

    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The box that is reached. Its provider may tell cases apart, and none is known to: a sender
    /// may not reach one box more often by writing it in other letters.
    pub fn mailbox(&self) -> String {
        self.0.to_lowercase()
    }

    /// What follows the at sign, lower case.
    pub fn domain_part(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// Whether the address looks like certified mail by the default list (`domain.md` §9.6).
    ///
    /// A guess that errs on the side of yes (`certosa.it` matches `cert`): good for a warning
    /// and for asking another address, not for refusing a person.
    pub fn is_certified_mail(&self) -> bool {
        self.has_label_starting_with(&CERTIFIED_MAIL_LABELS)
    }

    /// Whether a label of the domain starts with one of `prefixes` (lower case), for authorities
    /// that configure their own list (`domain.md` §9.6).
    pub fn has_label_starting_with<S: AsRef<str>>(&self, prefixes: &[S]) -> bool {
        self.domain_part()
            .split('.')
            .any(|label| prefixes.iter().any(|p| label.starts_with(p.as_ref())))
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress(***)")
    }
}

fn is_local(local: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._%+-".contains(&b);
    // An empty piece is a leading, trailing or double dot, or no local part at all.
    local.len() <= 64 && local.split('.').all(|s| !s.is_empty()) && local.bytes().all(allowed)
}

fn is_domain(domain: &str) -> bool {
    let labels = domain.split('.');
    let top_is_letters = domain.rsplit('.').next().is_some_and(|top| {
        (2..=63).contains(&top.len()) && top.bytes().all(|b| b.is_ascii_alphabetic())
    });
    (2..=9).contains(&labels.clone().count()) && top_is_letters && labels.into_iter().all(is_label)
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn good_addresses_keep_the_local_part_and_lower_the_domain() {
        let rows = [
            ("a@b.it", "a@b.it"),
            (" Maria.Rossi@Example.IT ", "Maria.Rossi@example.it"),
            ("a_b%c+d-e@x-y.co.uk", "a_b%c+d-e@x-y.co.uk"),
            ("m@a.b.c.d.e.f.g.h.it", "m@a.b.c.d.e.f.g.h.it"),
        ];
        for (input, stored) in rows {
            let address = EmailAddress::parse(input).unwrap();
            assert_eq!(address.as_str(), stored);
        }
        let longest_local = format!("{}@example.it", "a".repeat(64));
        assert!(EmailAddress::parse(&longest_local).is_ok());
    }

    #[test]
    fn bad_addresses_are_refused() {
        let long =
            |local: usize, label: usize| format!("{}@{}.it", "a".repeat(local), "b".repeat(label));
        let total = format!(
            "{}@{}it",
            "a".repeat(64),
            "bbbbbbbbbbbbbbbbbbbbbbbb.".repeat(8)
        );
        assert!(total.len() > 254);
        let rows = [
            "a",
            "@b.it",
            "a@",
            "a@b",
            "a@@b.it",
            "a@b@c.it",
            ".a@b.it",
            "a.@b.it",
            "a..b@c.it",
            "a@.b.it",
            "a@b..it",
            "a@b.it.",
            "a@b.i",
            "a@b.1t",
            "a@-b.it",
            "a@b-.it",
            "a b@c.it",
            "a@b c.it",
            "à@b.it",
            "a@bà.it",
            "<a@b.it>",
            "a@b.it\nBcc: c@d.it",
            "a@b\0.it",
            "m@a.b.c.d.e.f.g.h.i.it",
            "a,b@c.it",
        ];
        let made = [long(65, 5), long(5, 64), total];
        for input in rows.into_iter().chain(made.iter().map(String::as_str)) {
            let refused = EmailAddress::parse(input).unwrap_err();
            assert_eq!(refused.code, "invalid-format", "{input}");
        }
        assert_eq!(EmailAddress::parse("  ").unwrap_err().code, "required");
    }

    #[test]
    fn certified_mail_is_recognised_by_any_label() {
        let rows = [
            ("a@pec.it", true),
            ("a@pec.comune.example.it", true),
            ("a@studio.legalmail.it", true),
            ("a@PostaCert.example.it", true),
            ("a@arubapec.it", true),
            ("a@example.it", false),
            ("pec@example.it", false),
            ("a@specchio.it", false),
        ];
        for (input, certified) in rows {
            let address = EmailAddress::parse(input).unwrap();
            assert_eq!(address.is_certified_mail(), certified, "{input}");
        }
    }

    #[test]
    fn it_does_not_print_itself() {
        let address = EmailAddress::parse("maria@example.it").unwrap();
        assert_eq!(format!("{address:?}"), "EmailAddress(***)");
        assert_eq!(address.domain_part(), "example.it");
        assert_eq!(
            EmailAddress::from_stored("maria@example.it".into()),
            address
        );
    }

    proptest! {
        #[test]
        fn parsing_twice_changes_nothing(text in "\\PC{0,12}@[a-zA-Z.-]{0,12}") {
            if let Ok(once) = EmailAddress::parse(&text) {
                prop_assert_eq!(EmailAddress::parse(once.as_str()).unwrap(), once);
            }
        }
    }
}
