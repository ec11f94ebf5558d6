//! What is written on a ticket, and who may read it (`domain.md` §5).

use serde::{Deserialize, Serialize};

use crate::attachment::FileKind;
use crate::codes::AuthorityCode;
use crate::file_name::FileName;
use crate::ids::AttachmentId;

/// Who a text is meant for. An enum and not a flag: a published note on a hand-over goes to
/// the region *instead of* the citizen (`domain.md` A-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Audience {
    /// The requester, and every desk that has or had custody.
    Citizen,
    /// The regional desk and the author's own team.
    Region,
    /// The authority that receives the ticket, and the region.
    Authority,
    /// The technical desk and the region.
    Technical,
    /// The author's own team alone.
    Team,
}

impl Audience {
    /// Every audience.
    pub const ALL: [Audience; 5] = [
        Audience::Citizen,
        Audience::Region,
        Audience::Authority,
        Audience::Technical,
        Audience::Team,
    ];

    /// The code used in the API and in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Audience::Citizen => "citizen",
            Audience::Region => "region",
            Audience::Authority => "authority",
            Audience::Technical => "technical",
            Audience::Team => "team",
        }
    }

    /// The audience with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Audience::ALL
            .into_iter()
            .find(|audience| audience.as_str() == code)
    }
}

/// What sort of text it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoteKind {
    /// From the requester.
    Message,
    /// From a staff member.
    Note,
    /// From the system.
    System,
}

impl NoteKind {
    /// The code used in the API and in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            NoteKind::Message => "message",
            NoteKind::Note => "note",
            NoteKind::System => "system",
        }
    }

    /// The kind with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        [NoteKind::Message, NoteKind::Note, NoteKind::System]
            .into_iter()
            .find(|kind| kind.as_str() == code)
    }
}

/// A file that was inspected and stored, on its way into the ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its id.
    pub id: AttachmentId,
    /// The name the sender gave it: shown, never used as a path.
    pub name: FileName,
    /// What it was found to be.
    pub kind: FileKind,
    /// Length in bytes.
    pub size: u64,
    /// SHA-256 of the content, lower-case hexadecimal.
    pub sha256: String,
    /// Where the blob store keeps it.
    pub blob_key: String,
    /// What opens it there.
    pub blob_secret: BlobSecret,
}

/// What opens a stored file, as text: a secret of that file alone. Its `Debug` text is a mask.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct BlobSecret(String);

impl BlobSecret {
    /// The secret a store made, or a row kept; empty where there is none.
    pub fn from_stored(text: String) -> Self {
        BlobSecret(text)
    }

    /// The secret, for a row to keep.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for BlobSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BlobSecret(…)")
    }
}

/// A text as it will be kept, under the event that carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// From whom.
    pub kind: NoteKind,
    /// For whom, decided by the lifecycle.
    pub audience: Audience,
    /// The desk whose member wrote it; none for the requester and the system.
    pub team: Option<AuthorityCode>,
    /// The desk a note for an authority is meant for.
    pub party: Option<AuthorityCode>,
    /// The plain text, already checked.
    pub body: String,
    /// At most one file.
    pub attachment: Option<Attachment>,
}
