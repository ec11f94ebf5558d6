//! Who saw and did what, as the audit trail keeps it (`threat-model.md` D-25, `conventions.md` PR-5).
//! Invariant: ids, codes and keyed pseudonyms only; never a name, an address, a tax code or a text.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::actor::Role;
use crate::codes::AuthorityCode;
use crate::ids::{AccountId, ClientId, PlacementId, TicketId};

/// One entry: who, from where, what, on whom, why, and how it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// The request it is about; several entries of one request differ in `nth`.
    pub id: Uuid,
    /// The how-manieth entry of its request.
    pub nth: i32,
    /// When, to the microsecond.
    pub at: Timestamp,
    /// The authority whose chain it is in: the actor's desk, or that of the ticket; empty for what
    /// belongs to no desk.
    pub chain: String,
    /// Who.
    pub actor: AuditActor,
    /// What: the operation of the API, the step of a job or the command, such as `read_ticket`.
    pub operation: String,
    /// The tickets whose data were opened or changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tickets: Vec<TicketId>,
    /// The people concerned, as keyed pseudonyms, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<String>,
    /// Why, as a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// How it went.
    pub outcome: AuditOutcome,
    /// The request's correlation id (`api.md` §1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<Uuid>,
    /// What more there is to say of a log-in and the like (`conventions.md` PR-6).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_in: Option<SignInTrace>,
}

/// A log-in, a log-out, a choice of placement, a changed password, a refresh token used twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInTrace {
    /// The account it was about; none if there is none of the name typed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// A name that no account has, as a keyed print.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typed: Option<String>,
    /// The caller's network, as a keyed print.
    pub source: String,
}

/// Who acted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum AuditActor {
    /// The service itself.
    System,
    /// Nobody we know: a failed log-in, a filing without a national identity.
    Nobody,
    /// A member of staff.
    Staff {
        /// The account.
        account: AccountId,
        /// The placement chosen; none before that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        placement: Option<PlacementId>,
        /// Its role.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<Role>,
        /// Its authority.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        authority: Option<AuthorityCode>,
        /// Its location.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        location: Option<String>,
    },
    /// A citizen, as a keyed pseudonym, perhaps through a program.
    Citizen {
        /// The pseudonym.
        person: String,
        /// The program that carried the token.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        via: Option<ClientId>,
    },
    /// Whoever holds the tracking secret of a ticket.
    Tracking {
        /// That ticket.
        ticket: TicketId,
    },
    /// A program.
    Client {
        /// Which.
        client: ClientId,
    },
    /// Somebody at the machine itself, by a command.
    Operator,
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuditOutcome {
    /// Data were shown or changed.
    Done,
    /// It was refused.
    Refused,
    /// It failed for a reason of ours.
    Failed,
}
