//! Sealing stored files anew: those from before files were sealed, and those whose secret was sealed with
//! a key that is to go. The bytes are stored again first, then the row names them, and nothing names the
//! ones before: whatever dies in between leaves a blob for the sweep, and the row for the next try.

use domain::ids::AttachmentId;
use domain::visibility::Scope;
use storage::attachments::{self, StaleFile, Wanting};
use storage::sealing::GONE;

use crate::attachments::blob_of;
use crate::{Desk, DeskError};

/// What became of files that were to be sealed anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FilesResealed {
    /// Sealed anew.
    pub done: usize,
    /// Left as they were, because the store has not what their row tells of; each is in the log.
    pub failed: usize,
}

const PAGE: i64 = 50;

impl Desk {
    /// Seals the files from before files were sealed, whose rows are sealed already, and deletes what was
    /// plain. Nobody is served meanwhile.
    pub async fn seal_plain_files(&self) -> Result<FilesResealed, DeskError> {
        self.reseal_files(&Wanting::Plain).await
    }

    /// Gives every file whose secret was sealed with the data key of this number another secret, sealed
    /// with the key in use: whoever has that key and old rows opens no stored file with them. What was
    /// stored before goes with the next sweep.
    pub async fn renew_files(&self, key: i64) -> Result<FilesResealed, DeskError> {
        self.reseal_files(&Wanting::Under(key)).await
    }

    async fn reseal_files(&self, wanting: &Wanting) -> Result<FilesResealed, DeskError> {
        let mut run = FilesResealed::default();
        let mut last: Option<AttachmentId> = None;
        loop {
            let page = self.db.read_in(&Scope::System, |conn| {
                attachments::list_stale(conn, wanting, last, PAGE)
            })?;
            let Some(end) = page.last() else {
                return Ok(run);
            };
            last = Some(end.file.id);
            for stale in page {
                if stale.file.sha256 != GONE {
                    self.reseal_file(stale, wanting, &mut run).await?;
                }
            }
        }
    }

    async fn reseal_file(
        &self,
        stale: StaleFile,
        wanting: &Wanting,
        run: &mut FilesResealed,
    ) -> Result<(), DeskError> {
        let before = blob_of(&stale.file)?;
        let mut random = [0; 16];
        self.ids.fill(&mut random);
        let blob = match self.blobs.reseal(random, &before).await {
            Ok(blob) => blob,
            Err(error) => {
                run.failed += 1;
                tracing::error!(attachment = %stale.file.id, %error, "a file cannot be sealed anew");
                return Ok(());
            }
        };
        let (kept, named) = (stale.clone(), blob.clone());
        let is_replaced = self.db.write_in(&Scope::System, move |conn| {
            attachments::replace_blob(conn, &kept, &named)
        })?;
        match is_replaced {
            // Somebody was faster, or the file was purged: what was just stored is nobody's.
            false => self.blobs.delete(&blob.key).await?,
            true if *wanting == Wanting::Plain => self.blobs.delete(&before.key).await?,
            true => {}
        }
        run.done += usize::from(is_replaced);
        Ok(())
    }
}
