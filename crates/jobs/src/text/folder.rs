//! Text messages into a folder, one `.json` file each: for demonstrations and tests.
//!
//! Invariant: a file with the ending `.json` is whole and on disk. Names are message ids, which sort
//! by time (UUID version 7); a message sent twice is one file.

use std::path::{Path, PathBuf};

use serde_json::json;
use service::outbox::DeliveryFailure;
use service::text_gateway::{TextGateway, TextMessage};

use crate::files;

pub(super) struct FolderGateway {
    folder: PathBuf,
}

impl FolderGateway {
    pub(super) fn open(folder: &Path) -> anyhow::Result<Self> {
        files::make_private(folder, "text messages")?;
        Ok(FolderGateway {
            folder: folder.to_owned(),
        })
    }
}

impl TextGateway for FolderGateway {
    fn send(&self, message: &TextMessage) -> Result<(), DeliveryFailure> {
        let file = json!({"id": message.id, "to": message.to, "text": message.text});
        let (name, text) = (message.id.to_string(), format!("{file}\n"));
        files::write_whole(&self.folder, &name, "json", text.as_bytes())
            .map_err(|error| DeliveryFailure::Transient(format!("folder: {}", error.kind())))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use service::text_gateway::TextMessage;

    use crate::text::{TextTransport, open};

    #[test]
    fn a_message_becomes_one_private_file_that_reads_back() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("sms");
        let gateway = open(&TextTransport::Folder(folder.clone())).unwrap();
        let message = TextMessage {
            id: "01990000-0000-7000-8000-000000000000".parse().unwrap(),
            to: "+393331234567".to_owned(),
            text: "Assistenza: \"prova\"".to_owned(),
        };
        gateway.send(&message).unwrap();
        gateway.send(&message).unwrap();

        let names: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        let file = folder.join("01990000-0000-7000-8000-000000000000.json");
        assert_eq!(names, std::slice::from_ref(&file));
        let text = fs::read_to_string(&file).unwrap();
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (read["to"].as_str(), read["text"].as_str()),
            (Some("+393331234567"), Some("Assistenza: \"prova\""))
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(
                fs::metadata(&file).unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
    }
}
