//! Mail into a folder, one `.eml` file a message: for demonstrations and tests.
//!
//! Invariant: a file with the ending `.eml` is whole and on disk. Names are message ids, which
//! sort by time (UUID version 7); a message sent twice is one file.

use std::path::{Path, PathBuf};

use service::mailer::{MailMessage, Mailer};
use service::outbox::DeliveryFailure;

use super::Letterhead;
use crate::files;

pub(super) struct FolderMailer {
    folder: PathBuf,
    letterhead: Letterhead,
}

impl FolderMailer {
    pub(super) fn open(folder: &Path, letterhead: Letterhead) -> anyhow::Result<Self> {
        // Mails hold codes and notes: only the owner of the process may look in.
        files::make_private(folder, "mail")?;
        Ok(FolderMailer {
            folder: folder.to_owned(),
            letterhead,
        })
    }
}

impl Mailer for FolderMailer {
    fn send(&self, message: &MailMessage) -> Result<(), DeliveryFailure> {
        let letter = self.letterhead.letter(message)?.formatted();
        files::write_whole(&self.folder, &message.id.to_string(), "eml", &letter)
            .map_err(|error| DeliveryFailure::Transient(format!("folder: {}", error.kind())))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::tests::{BODY, HTML, ID, config, message, read_letter};
    use super::super::{MailTransport, open};
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_message_becomes_one_private_file_that_reads_back() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("mail/out");
        let mailer = open(&config(MailTransport::Folder(folder.clone()))).unwrap();
        mailer.send(&message()).unwrap();
        mailer.send(&message()).unwrap();

        assert_eq!(names(&folder), [format!("{ID}.eml")]);
        let file = folder.join(format!("{ID}.eml"));
        let (fields, texts) = read_letter(&fs::read_to_string(&file).unwrap());
        assert_eq!(texts, [BODY, HTML]);
        assert!(fields.contains(&("To".to_owned(), message().to)));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&file), mode(&folder)), (0o600, 0o700));
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_leftover_is_replaced_and_never_followed() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("mail");
        let mailer = open(&config(MailTransport::Folder(folder.clone()))).unwrap();
        let elsewhere = root.path().join("elsewhere");
        fs::write(&elsewhere, "untouched").unwrap();
        std::os::unix::fs::symlink(&elsewhere, folder.join(format!(".{ID}.tmp"))).unwrap();

        mailer.send(&message()).unwrap();

        assert_eq!(names(&folder), [format!("{ID}.eml")]);
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "untouched");
    }

    #[test]
    fn a_folder_that_went_away_is_a_reason_to_try_again() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("mail");
        let mailer = open(&config(MailTransport::Folder(folder.clone()))).unwrap();
        fs::remove_dir(&folder).unwrap();
        let answer = mailer.send(&message());
        assert_eq!(
            answer,
            Err(DeliveryFailure::Transient(
                "folder: entity not found".to_owned()
            ))
        );
    }

    #[test]
    fn a_refused_message_leaves_nothing_behind() {
        let root = tempfile::tempdir().unwrap();
        let mailer = open(&config(MailTransport::Folder(root.path().to_owned()))).unwrap();
        let to = "anna@example.org\r\nBcc: x@example.org".to_owned();
        let answer = mailer.send(&MailMessage { to, ..message() });
        assert!(matches!(answer, Err(DeliveryFailure::Permanent(_))));
        assert!(names(root.path()).is_empty());
    }
}
