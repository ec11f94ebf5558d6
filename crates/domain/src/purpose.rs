//! Why somebody looks at personal data that their work does not show them by itself (`domain.md` §2.2,
//! P-3 and A10 "with purpose"; `conventions.md` PR-5): a purpose from a closed list, and the reason in
//! their own words.

use serde::{Deserialize, Serialize};

use crate::invalid::{Invalid, Text};
use crate::text::NoteBody;

/// Shortest reason that says something.
pub const REASON_MIN_CHARS: usize = 10;
/// Longest reason.
pub const REASON_MAX_CHARS: usize = 500;

/// A purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// The citizen asked for something that cannot be done without.
    CitizenRequest,
    /// A complaint is looked into.
    Complaint,
    /// An authority with powers of inspection, or a court, asks.
    AuthorityInspection,
    /// Somebody exercises a right about their own data (Regulation (EU) 2016/679, articles 15 to 22).
    DataSubjectRight,
    /// Something went wrong with the security of the data, or of the service.
    SecurityIncident,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Purpose; 5] = [
        Purpose::CitizenRequest,
        Purpose::Complaint,
        Purpose::AuthorityInspection,
        Purpose::DataSubjectRight,
        Purpose::SecurityIncident,
    ];

    /// The code used in rows, in the trail and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Purpose::CitizenRequest => "citizen-request",
            Purpose::Complaint => "complaint",
            Purpose::AuthorityInspection => "authority-inspection",
            Purpose::DataSubjectRight => "data-subject-right",
            Purpose::SecurityIncident => "security-incident",
        }
    }

    /// The purpose with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Purpose::ALL.into_iter().find(|one| one.as_str() == code)
    }

    /// What people call it.
    pub const fn label(self) -> Text {
        match self {
            Purpose::CitizenRequest => {
                Text::new("Richiesta del cittadino", "Request of the citizen")
            }
            Purpose::Complaint => Text::new("Reclamo", "Complaint"),
            Purpose::AuthorityInspection => {
                Text::new("Ispezione di un'autorità", "Inspection by an authority")
            }
            Purpose::DataSubjectRight => {
                Text::new("Diritto dell'interessato", "Right of the data subject")
            }
            Purpose::SecurityIncident => Text::new("Incidente di sicurezza", "Security incident"),
        }
    }
}

/// A reason in somebody's own words. It may name a person, so it is kept sealed and shows no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Reason(String);

impl Reason {
    /// Checks a reason: a text as a note is, of 10 to 500 characters.
    pub fn parse(input: &str) -> Result<Self, Invalid> {
        let body = NoteBody::parse(input)?;
        match body.as_str().trim().chars().count() {
            count if count < REASON_MIN_CHARS => Err(Invalid::new(
                "too-short",
                "Spiega il motivo in almeno 10 caratteri",
                "say why in 10 characters or more",
            )),
            count if count > REASON_MAX_CHARS => Err(Invalid::new(
                "too-long",
                "Al massimo 500 caratteri",
                "500 characters at most",
            )),
            _ => Ok(Reason(body.as_str().trim().to_owned())),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reason(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_purpose_has_its_own_code() {
        for purpose in Purpose::ALL {
            assert_eq!(Purpose::from_code(purpose.as_str()), Some(purpose));
        }
        assert_eq!(Purpose::from_code("curiosity"), None);
    }

    #[test]
    fn a_reason_says_something_and_not_too_much() {
        let code = |text: &str| Reason::parse(text).map_err(|refused| refused.code);
        assert_eq!(code("perché  sì"), Ok(Reason("perché  sì".to_owned())));
        assert_eq!(code("  troppo   ").err(), Some("too-short"));
        assert_eq!(code(&"a".repeat(501)).err(), Some("too-long"));
        assert!(code(&"a".repeat(500)).is_ok());
        assert!(code("").is_err() && code("con\u{0}zero qui").is_err());
        let told = format!("{:?}", Reason::parse("la signora Rossi lo chiede").unwrap());
        assert_eq!(told, "Reason(***)");
    }
}
