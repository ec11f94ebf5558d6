//! Who acts: staff in a placement, the requester of a ticket, or the system itself.

use serde::{Deserialize, Serialize};

use crate::codes::AuthorityCode;
use crate::ids::{AccountId, PlacementId};

/// What a placement lets a person do (`domain.md` §2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Works an authority's queue (A3).
    Operator,
    /// Leads an authority's operators (A4).
    Supervisor,
    /// The one person per authority who keeps its accounts (A5).
    Admin,
    /// Works the regional desk (A6).
    RegionalOperator,
    /// Leads the regional desk (A7).
    RegionalSupervisor,
    /// Works technical activities (A8).
    Technician,
    /// Keeps the system running; sees no case (A9).
    SystemAdmin,
    /// Reads the audit trail (A10).
    Auditor,
}

impl Role {
    /// Every role, in the order of `domain.md` §2.1.
    pub const ALL: [Role; 8] = [
        Role::Operator,
        Role::Supervisor,
        Role::Admin,
        Role::RegionalOperator,
        Role::RegionalSupervisor,
        Role::Technician,
        Role::SystemAdmin,
        Role::Auditor,
    ];

    /// The code used in the API and in rows.
    pub const fn code(self) -> &'static str {
        match self {
            Role::Operator => "operator",
            Role::Supervisor => "supervisor",
            Role::Admin => "admin",
            Role::RegionalOperator => "regional-operator",
            Role::RegionalSupervisor => "regional-supervisor",
            Role::Technician => "technician",
            Role::SystemAdmin => "system-admin",
            Role::Auditor => "auditor",
        }
    }

    /// The role with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Role::ALL.into_iter().find(|role| role.code() == code)
    }

    /// Whether this role belongs to the regional desk.
    pub const fn is_regional(self) -> bool {
        matches!(self, Role::RegionalOperator | Role::RegionalSupervisor)
    }

    /// Whether this role belongs to an authority's own desk.
    pub const fn is_of_authority(self) -> bool {
        matches!(self, Role::Operator | Role::Supervisor | Role::Admin)
    }
}

/// A staff member in the placement they chose for this session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staff {
    /// The person's account.
    pub account: AccountId,
    /// The placement chosen.
    pub placement: PlacementId,
    /// Its role.
    pub role: Role,
    /// Its authority; the regional desk and the technical desk have codes of their own.
    pub authority: AuthorityCode,
}

/// Who gives a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// The scheduler and the service itself.
    System,
    /// The requester of the ticket at hand, proved by token.
    Requester,
    /// A staff member.
    Staff(Staff),
}

impl Actor {
    /// `system`, `requester` or `staff`, as kept in history.
    pub const fn kind(&self) -> &'static str {
        match self {
            Actor::System => "system",
            Actor::Requester => "requester",
            Actor::Staff(_) => "staff",
        }
    }
}

/// Who owns a ticket within its custodian's desk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "value")]
pub enum Assignee {
    /// One colleague.
    Operator(AccountId),
    /// A pool of the custodian's desk.
    Pool(Pool),
}

/// A pool that tickets can be assigned to (`domain.md` P-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pool {
    /// The supervisors of the custodian's desk.
    Supervisors,
}

impl Pool {
    /// The code used in the API and in rows.
    pub const fn code(self) -> &'static str {
        match self {
            Pool::Supervisors => "supervisors",
        }
    }

    /// What people call it; the same word in both languages.
    pub const fn label(self) -> &'static str {
        match self {
            Pool::Supervisors => "Supervisors",
        }
    }

    /// The pool with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        (code == Pool::Supervisors.code()).then_some(Pool::Supervisors)
    }
}
