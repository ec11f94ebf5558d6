//! Who saw and did what, as the audit trail keeps it (`threat-model.md` D-25, `conventions.md` PR-5).
//! Invariant: ids, codes and keyed pseudonyms only; never a name, an address, a tax code or a text.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::actor::Role;
use crate::codes::AuthorityCode;
use crate::ids::{AccountId, ClientId, PlacementId, TicketId};
use crate::permissions::Right;

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
    /// Those of them that were changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<TicketId>,
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

impl AuditActor {
    /// What sort of actor it is, as entries name it.
    pub const fn kind(&self) -> &'static str {
        match self {
            AuditActor::System => "system",
            AuditActor::Nobody => "nobody",
            AuditActor::Staff { .. } => "staff",
            AuditActor::Citizen { .. } => "citizen",
            AuditActor::Tracking { .. } => "tracking",
            AuditActor::Client { .. } => "client",
            AuditActor::Operator => "operator",
        }
    }

    /// Every kind.
    pub const KINDS: [&'static str; 7] = [
        "system", "nobody", "staff", "citizen", "tracking", "client", "operator",
    ];
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

impl AuditOutcome {
    /// Every outcome.
    pub const ALL: [AuditOutcome; 3] = [
        AuditOutcome::Done,
        AuditOutcome::Refused,
        AuditOutcome::Failed,
    ];

    /// The code in entries.
    pub const fn as_str(self) -> &'static str {
        match self {
            AuditOutcome::Done => "done",
            AuditOutcome::Refused => "refused",
            AuditOutcome::Failed => "failed",
        }
    }
}

/// Why data are looked at, as far as the operation says: each belongs to one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Helping the person who asked.
    Assistance,
    /// Leading those who help, and answering for what they did.
    Supervision,
    /// Counting.
    Reporting,
    /// Looking after who looked.
    Audit,
    /// What a person may ask about their own data.
    Rights,
    /// Accounts and log-ins.
    Security,
    /// Keeping the service itself.
    Maintenance,
}

impl Purpose {
    /// The code in entries.
    pub const fn as_str(self) -> &'static str {
        match self {
            Purpose::Assistance => "assistance",
            Purpose::Supervision => "supervision",
            Purpose::Reporting => "reporting",
            Purpose::Audit => "audit",
            Purpose::Rights => "rights",
            Purpose::Security => "security",
            Purpose::Maintenance => "maintenance",
        }
    }

    /// What staff use a right for.
    pub const fn of(right: Right) -> Self {
        use Right as R;
        match right {
            R::File
            | R::ReadTickets
            | R::Work
            | R::Pull
            | R::Answer
            | R::HandOver
            | R::RunPlaybook
            | R::Route
            | R::KeepContacts
            | R::ReadActivities
            | R::WorkActivities
            | R::ReadQueues
            | R::Disclose
            | R::ReadAnnouncements => Purpose::Assistance,
            R::Supervise
            | R::ReadReviews
            | R::DecideReviews
            | R::ReadComplaints
            | R::PrepareComplaints
            | R::DecideComplaints
            | R::KeepAssignment => Purpose::Supervision,
            R::ReadReports => Purpose::Reporting,
            R::KeepHolds | R::KeepSubjectRequests | R::ApproveSubjectRequests => Purpose::Rights,
            R::ReadAudit | R::Inspect | R::ReadDisclosures | R::ReadBreakGlass => Purpose::Audit,
            R::KeepAccounts
            | R::AppointAdmin
            | R::ReadPolicies
            | R::ReadUnderGrant
            | R::AskBreakGlass
            | R::ApproveBreakGlass => Purpose::Security,
            R::ReadPlaybooks
            | R::ProposePlaybooks
            | R::KeepPlaybooks
            | R::OpenAuthority
            | R::ReadSetups
            | R::KeepWebhooks
            | R::ReadSla
            | R::KeepSla
            | R::ReadRouting
            | R::KeepRouting
            | R::ReadMailTexts
            | R::EditMailTexts
            | R::ReadRetention
            | R::KeepRetention
            | R::ReadPrivacy
            | R::KeepPrivacy
            | R::KeepNotifications
            | R::KeepDeliveries
            | R::KeepScheduler
            | R::ApproveReplySchemes
            | R::KeepAnnouncements
            | R::KeepReplyTemplates => Purpose::Maintenance,
        }
    }
}

/// What was done with a ticket, in the words its requester reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Look {
    /// It was read, in a list or by itself.
    Read,
    /// It was changed.
    Changed,
    /// One of its files was fetched.
    Downloaded,
}

impl Look {
    /// Every look.
    pub const ALL: [Look; 3] = [Look::Read, Look::Changed, Look::Downloaded];

    /// The code in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Look::Read => "read",
            Look::Changed => "changed",
            Look::Downloaded => "downloaded",
        }
    }
}

impl AuditEntry {
    /// What it says was done with a ticket.
    pub fn look(&self, ticket: TicketId) -> Look {
        if self.changed.contains(&ticket) {
            Look::Changed
        } else if DOWNLOADS.contains(&self.operation.as_str()) {
            Look::Downloaded
        } else {
            Look::Read
        }
    }
}

/// The operations that hand out files.
pub const DOWNLOADS: [&str; 2] = ["download_attachment", "download_own_attachment"];
