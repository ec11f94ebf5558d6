//! What an installation promises from its first day.

use crate::sla::{DeskKind, Targets};

/// Version 1 of an SLA policy, for all desks of a kind (`domain.md` §10.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstPolicy {
    /// Whose legs it is for.
    pub desk_kind: DeskKind,
    /// What people call it.
    pub label: String,
    /// The body that answers for it.
    pub owner_body: String,
    /// How the targets are to be read.
    pub formula: String,
    /// What is promised.
    pub targets: Targets,
}
