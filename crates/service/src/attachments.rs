//! Files: inspected, kept in the blob store before the transaction, served from it.

use bytes::Bytes;
use data_encoding::HEXLOWER;
use domain::attachment::{FileKind, inspect};
use domain::file_name::FileName;
use domain::ids::{AttachmentId, TicketRef};
use domain::invalid::FieldError;
use domain::note::Attachment;
use domain::state::State;
use domain::ticket::Ticket;
use domain::visibility::{Scope, view_of};
use storage::attachments::StoredAttachment;
use storage::blobs::{BlobKey, BlobRef};
use storage::sealing::GONE;
use storage::{DbConnection, StoreError, attachments, tickets};

use crate::{Desk, DeskError};

/// A file as a client sent it.
#[derive(Clone)]
pub struct RawFile {
    /// The name the client gave it.
    pub name: String,
    /// Its bytes.
    pub bytes: Bytes,
}

/// A file that passed inspection.
#[derive(Clone)]
pub struct CheckedFile {
    name: FileName,
    kind: FileKind,
    bytes: Bytes,
}

/// A file on its way to whoever may read it.
pub struct Download {
    /// What it is.
    pub file: Attachment,
    /// Its bytes, the same that were stored.
    pub bytes: Bytes,
}

/// The files of a ticket, and of one that is over what is left of those that were purged.
pub(crate) fn list_files(
    conn: &mut DbConnection,
    ticket: &Ticket,
) -> Result<Vec<StoredAttachment>, StoreError> {
    let mut files = attachments::list(conn, ticket.id)?;
    if matches!(
        ticket.state,
        State::Removed { .. } | State::AutoClosed { .. }
    ) {
        files.extend(attachments::list_purged(conn, ticket.id)?);
    }
    Ok(files)
}

impl RawFile {
    /// Inspects name and content (`domain.md` §3.7). Slow for archives: call it off the web workers.
    pub fn check(self) -> Result<CheckedFile, FieldError> {
        let refused = |invalid: domain::invalid::Invalid| invalid.at("/attachment");
        let name = FileName::parse(&self.name).map_err(refused)?;
        let kind = inspect(&name, &self.bytes).map_err(refused)?;
        Ok(CheckedFile {
            name,
            kind,
            bytes: self.bytes,
        })
    }
}

impl Desk {
    /// Stores a file durably under a random key. Until a row names it, it is an orphan that the
    /// sweep removes.
    pub async fn keep(&self, file: CheckedFile) -> Result<Attachment, DeskError> {
        let mut random = [0; 16];
        self.ids.fill(&mut random);
        let blob = self.blobs.put(random, file.bytes).await?;
        Ok(Attachment {
            id: AttachmentId::new(self.ids.uuid()),
            name: file.name,
            kind: file.kind,
            size: blob.size,
            sha256: HEXLOWER.encode(&blob.sha256),
            blob_key: blob.key.as_str().to_owned(),
            blob_secret: blob.secret,
        })
    }

    /// The file, if `scope` reaches its ticket and may read the entry it belongs to.
    pub fn find_attachment(
        &self,
        scope: &Scope,
        wanted: &TicketRef,
        id: AttachmentId,
    ) -> Result<Attachment, DeskError> {
        self.db.read_snapshot_in(scope, |conn| {
            let (ticket, _) = tickets::find(conn, scope, wanted)?.ok_or(DeskError::NotFound)?;
            let view = view_of(&ticket, scope).ok_or(DeskError::NotFound)?;
            let files = list_files(conn, &ticket)?;
            let stored = files
                .into_iter()
                .find(|stored| stored.file.id == id)
                .ok_or(DeskError::NotFound)?;
            let own = match scope {
                Scope::Authority(code) | Scope::Region(code) => Some(code),
                _ => None,
            };
            match (stored.is_for(view, own), stored.purged_at) {
                (true, None) => Ok(stored.file),
                (true, Some(_)) => Err(DeskError::Purged),
                (false, _) => Err(DeskError::NotFound),
            }
        })
    }

    /// Reads a file's bytes and proves that they are those that were stored. A file whose key was
    /// destroyed is as good as purged.
    pub async fn read_attachment(&self, file: Attachment) -> Result<Download, DeskError> {
        if file.blob_secret.expose() == GONE {
            return Err(DeskError::Purged);
        }
        let bytes = self.blobs.get(&blob_of(&file)?).await?;
        Ok(Download { file, bytes })
    }
}

/// The blob a file's row names.
pub(crate) fn blob_of(file: &Attachment) -> Result<BlobRef, DeskError> {
    let damaged = || DeskError::Broken("an attachment's row is damaged", None);
    let digest = HEXLOWER
        .decode(file.sha256.as_bytes())
        .map_err(|_| damaged())?;
    Ok(BlobRef {
        key: BlobKey::parse(&file.blob_key)
            .map_err(|error| DeskError::broken("a blob key", error))?,
        secret: file.blob_secret.clone(),
        sha256: digest.try_into().map_err(|_| damaged())?,
        size: file.size,
    })
}
