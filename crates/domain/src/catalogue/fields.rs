//! The fields of a service's form: the one list that the form contract publishes and filing
//! enforces.

use serde::Serialize;

use super::extra::Choice;
use super::service::{Presence, Profile};
use crate::codes::ProblemTypeCode;
use crate::invalid::Text;

/// One field of a form (`domain.md` §3.1, §3.5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FormField {
    /// Its key; a service's own field lives inside `extra`.
    pub name: String,
    /// Where it lives in the body, as errors name it (RFC 6901).
    pub pointer: String,
    /// What people read.
    pub label: Text,
    /// What its values look like.
    pub datatype: Datatype,
    /// Whether somebody without a token must always give it; staff where those are not admitted.
    pub required: bool,
    /// Whether each kind of filer is asked for it.
    pub presence: PerProfile,
    /// The problem types that make it required where it is optional.
    pub required_for: Vec<ProblemTypeCode>,
    /// The exact number of characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<usize>,
    /// The highest number of characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_length: Option<usize>,
    /// The highest number of values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_items: Option<usize>,
    /// A regular expression that every accepted value matches once normalised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// What can be chosen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
    /// A line of help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<Text>,
}

impl FormField {
    /// Whether the field is asked of that kind of filer for that problem.
    pub fn presence(&self, profile: Profile, problem: Option<&ProblemTypeCode>) -> Presence {
        match self.presence.of(profile) {
            Presence::Optional if problem.is_some_and(|p| self.required_for.contains(p)) => {
                Presence::Required
            }
            presence => presence,
        }
    }
}

/// Whether each kind of filer is asked for a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PerProfile {
    /// Nobody signed in.
    pub anonymous: Presence,
    /// A signed-in citizen.
    pub citizen: Presence,
    /// Staff.
    pub operator: Presence,
}

impl PerProfile {
    pub(super) const fn all(presence: Presence) -> Self {
        PerProfile {
            anonymous: presence,
            citizen: presence,
            operator: presence,
        }
    }

    const fn of(&self, profile: Profile) -> Presence {
        match profile {
            Profile::Anonymous => self.anonymous,
            Profile::Citizen => self.citizen,
            Profile::Operator => self.operator,
        }
    }
}

/// What the values of a field look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Datatype {
    /// One of the choices.
    Choice,
    /// A given or family name.
    PersonName,
    /// An Italian tax code.
    TaxCode,
    /// A list of tax codes.
    TaxCodeList,
    /// An e-mail address.
    Email,
    /// A phone number.
    Phone,
    /// Free text, line breaks allowed.
    MultilineText,
    /// Free text on one line, or of an exact length.
    Text,
    /// Decimal digits.
    Digits,
    /// A day, as RFC 3339 `full-date`.
    Date,
    /// A year of four digits.
    Year,
    /// A statement to accept.
    Acceptance,
    /// The opaque proof that an address was confirmed (`domain.md` §3.6), checked where proofs are
    /// kept.
    EmailProof,
    /// A list of identifiers.
    IdList,
}
