//! A service of the catalogue: what its form asks, and where its requests go.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::extra::ExtraField;
use super::validity::Validity;
use crate::codes::{ProblemTypeCode, ServiceCode};
use crate::invalid::Text;

/// Something citizens or operators can ask help about (`domain.md` §7.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its code, spelled as the portal does.
    pub code: ServiceCode,
    /// What people call it.
    pub label: Text,
    /// Who usually works its requests first: what routing rules may ask for (`service_route`).
    pub route: Route,
    /// Whose fields its form asks.
    pub form: FormKind,
    /// Who may file about it.
    pub profiles: Profiles,
    /// How the form asks for the authority.
    pub authority: AuthorityRule,
    /// How the form asks for the description (`domain.md` §3.1, F11).
    pub description: Presence,
    /// How the citizen's form asks for a phone number (F8); an operator always gives one.
    pub phone: Presence,
    /// Whether codes of temporarily present foreigners count as tax codes (`domain.md` §3.2, 3).
    pub allow_stp_eni: bool,
    /// What can be wrong with it, in the order shown.
    pub problem_types: Vec<ProblemType>,
    /// The fields only this service asks (`domain.md` §3.5).
    pub extra_fields: Vec<ExtraField>,
    /// When it may be chosen.
    pub validity: Validity,
}

impl Service {
    /// The problem type with that code, retired ones included.
    pub fn problem_type_any(&self, code: &str) -> Option<&ProblemType> {
        self.problem_types
            .iter()
            .find(|p| p.code.as_str().eq_ignore_ascii_case(code))
    }

    /// The problem type with that code, if it may be chosen on that day by that kind of filer.
    pub fn problem_type(&self, code: &str, on: Date, profile: Profile) -> Option<&ProblemType> {
        self.problem_types_for(on, profile)
            .find(|p| p.code.as_str().eq_ignore_ascii_case(code))
    }

    /// The problem types a filer of that kind may choose on that day (`domain.md` §3.1, F10).
    pub fn problem_types_for(
        &self,
        on: Date,
        profile: Profile,
    ) -> impl Iterator<Item = &ProblemType> {
        self.problem_types.iter().filter(move |p| {
            p.validity.covers(on) && !(p.citizen_only && profile == Profile::Anonymous)
        })
    }
}

/// A kind of problem with one service (`domain.md` §7.2). Its label is the request's title (§4.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProblemType {
    /// Its code within the service.
    pub code: ProblemTypeCode,
    /// The number today's front end knows it by, for imports.
    pub number: Option<u32>,
    /// What people read.
    pub label: Text,
    /// Kept from anonymous filers.
    pub citizen_only: bool,
    /// When it may be chosen.
    pub validity: Validity,
}

/// Who usually works a service's requests first (`domain.md` §4.5, R1 and R2); the routing rules decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// The authority the requester names, else the region.
    Authority,
    /// The regional desk.
    Region,
}

/// Whose fields a form asks (`domain.md` §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FormKind {
    /// The portal's form.
    #[default]
    Citizen,
    /// The form of an operator who cannot sign in, role and phone included, whoever sends it.
    Operator,
}

/// Which kind of filer is at the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// Nobody signed in; the address is proved by a code.
    Anonymous,
    /// A citizen signed in with a national identity.
    Citizen,
    /// A member of staff, for themselves or a caller.
    Operator,
}

/// Who may file about a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profiles {
    /// Signed-in citizens.
    pub citizen: bool,
    /// People without a token.
    pub anonymous: bool,
    /// Staff.
    pub operator: bool,
}

impl Profiles {
    /// Whether that kind of filer is admitted.
    pub fn admit(&self, profile: Profile) -> bool {
        match profile {
            Profile::Anonymous => self.anonymous,
            Profile::Citizen => self.citizen,
            Profile::Operator => self.operator,
        }
    }
}

/// Whether a form asks for a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// It must be given.
    Required,
    /// It may be given.
    Optional,
    /// It is not asked, and refused when sent: dropping what a person wrote would be worse.
    Hidden,
    /// It is taken from the token where not sent; name and tax code, when sent, must agree with it.
    /// Never written in the catalogue.
    #[serde(skip_deserializing)]
    FromIdentity,
}

/// How a form asks for the authority (`domain.md` §3.1 F9, §3.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorityRule {
    /// Whether it is asked.
    pub presence: Presence,
    /// The words that say which authority is meant.
    pub label: Text,
    /// The problem types that make an optional authority required.
    pub required_for: Vec<ProblemTypeCode>,
}
