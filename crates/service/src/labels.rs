//! Codes with their labels, files as they are shown: what both screens of a ticket share.

use domain::codes::AuthorityCode;
use domain::invalid::{Lang, Text};
use domain::state::State;
use domain::ticket::Ticket;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use storage::attachments::StoredAttachment;

use crate::Desk;

/// A code and what people call it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Labelled {
    /// The code.
    pub code: String,
    /// Its label.
    pub label: Text,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct AttachmentView {
    pub id: domain::ids::AttachmentId,
    pub seq: i64,
    pub file_name: String,
    pub media_type: String,
    pub size: u64,
    pub sha256: String,
    #[serde(default)]
    pub purged_at: Option<Timestamp>,
}

impl Desk {
    /// A service and its label; a code that left the catalogue is its own label.
    pub fn service_label(&self, code: &str) -> Labelled {
        let label = self
            .reference
            .service_any(code)
            .map(|service| service.label.clone());
        labelled(code, label)
    }

    /// A problem type and its label.
    pub fn problem_label(&self, service: &str, code: &str) -> Labelled {
        let service = self.reference.service_any(service);
        let label = service
            .and_then(|service| service.problem_type_any(code))
            .map(|problem| problem.label.clone());
        labelled(code, label)
    }

    /// What a ticket is about, in the words that its requester chose it by.
    pub(crate) fn labels_of(&self, ticket: &Ticket) -> String {
        let service = self.service_label(ticket.service.as_str()).label;
        let problem = self.problem_label(ticket.service.as_str(), ticket.problem_type.as_str());
        format!("{} {}", service.to(Lang::It), problem.label.to(Lang::It))
    }

    /// An authority and its label.
    pub fn authority_label(&self, code: &AuthorityCode) -> Labelled {
        let label = self
            .reference
            .authority_any(code.as_str())
            .map(|authority| authority.label.clone());
        labelled(code.as_str(), label)
    }
}

/// A code with its label, if it is known.
pub(crate) fn labelled(code: &str, label: Option<Text>) -> Labelled {
    Labelled {
        code: code.to_owned(),
        label: label.unwrap_or_else(|| Text::owned(code, code)),
    }
}

/// Until when a resolved ticket takes a reply.
pub(crate) fn reply_end(ticket: &Ticket) -> Option<Timestamp> {
    match ticket.state {
        State::Resolved { closes_at, .. } => Some(closes_at),
        _ => None,
    }
}

/// The files of an entry, if its reader may have them.
pub(crate) fn files_of(
    files: &[StoredAttachment],
    seq: i64,
    readable: bool,
) -> Vec<AttachmentView> {
    if readable {
        files
            .iter()
            .filter(|file| file.seq == seq)
            .map(attachment_view)
            .collect()
    } else {
        Vec::new()
    }
}

/// A file as it is shown.
pub(crate) fn attachment_view(stored: &StoredAttachment) -> AttachmentView {
    AttachmentView {
        id: stored.file.id,
        seq: stored.seq,
        file_name: stored.file.name.as_str().to_owned(),
        media_type: stored.file.kind.media_type().to_owned(),
        size: stored.file.size,
        sha256: stored.file.sha256.clone(),
        purged_at: stored.purged_at,
    }
}
