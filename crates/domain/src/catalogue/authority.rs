//! Who can have custody of a request.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::validity::Validity;
use crate::codes::{AuthorityCode, CalendarCode, ServiceCode};
use crate::invalid::Text;

/// A health authority, the region's desk or the technical desk (`domain.md` §8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// Its code, which never changes.
    pub code: AuthorityCode,
    /// Its full name.
    pub label: Text,
    /// Its name where room is short.
    pub short_label: Text,
    /// What it is.
    pub kind: AuthorityKind,
    /// The services citizens may address to it.
    pub services: EnabledServices,
    /// The town whose patron saint's day is a holiday there.
    pub municipality: Option<String>,
    /// Its opening hours, that day included.
    pub calendar: CalendarCode,
    /// When it may be chosen.
    pub validity: Validity,
    /// Who took over from it.
    pub successor: Option<AuthorityCode>,
    /// Whom it took over from.
    pub predecessors: Vec<AuthorityCode>,
}

impl Authority {
    /// Whether a requester may address that service to it on that day: never to a desk, which is
    /// not chosen but routed to.
    pub fn serves(&self, service: &ServiceCode, on: Date) -> bool {
        self.kind.is_health() && self.validity.covers(on) && self.services.include(service)
    }
}

/// What an authority is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthorityKind {
    /// Local health authority.
    Asl,
    /// Hospital authority.
    Ao,
    /// University hospital authority.
    Aou,
    /// A private hospital of equal standing, or a centre that only takes payments.
    Other,
    /// The regional desk; exactly one is active.
    Region,
    /// The second-level technical desk.
    Technical,
}

impl AuthorityKind {
    /// The code used in the API and in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            AuthorityKind::Asl => "asl",
            AuthorityKind::Ao => "ao",
            AuthorityKind::Aou => "aou",
            AuthorityKind::Other => "other",
            AuthorityKind::Region => "region",
            AuthorityKind::Technical => "technical",
        }
    }

    /// Whether it treats patients, so that a requester can name it.
    pub fn is_health(self) -> bool {
        !matches!(self, AuthorityKind::Region | AuthorityKind::Technical)
    }
}

/// The services citizens may address to an authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnabledServices {
    /// All, future ones included.
    All,
    /// All but these.
    Except(Vec<ServiceCode>),
    /// These alone.
    Only(Vec<ServiceCode>),
}

impl EnabledServices {
    /// Whether that service is among them.
    pub fn include(&self, service: &ServiceCode) -> bool {
        match self {
            EnabledServices::All => true,
            EnabledServices::Except(list) => !list.contains(service),
            EnabledServices::Only(list) => list.contains(service),
        }
    }
}
