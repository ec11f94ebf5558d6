//! Folders: everything kept in files, attachments, reference data.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::check::Check;
use super::secret::Secret;
use super::set;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DataSection {
    folder: String,
}

impl DataSection {
    pub(super) fn check(&self, check: &mut Check) -> PathBuf {
        if self.folder.is_empty() {
            check.say("data.folder", "must not be empty");
        }
        PathBuf::from(&self.folder)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BlobsSection {
    url: String,
    options: BTreeMap<String, Secret>,
}

/// Where attachments are kept. Has no `Debug`, because the options hold secrets.
pub(crate) struct Blobs {
    /// A folder or a URL.
    pub(crate) url: String,
    /// Options of the object store.
    pub(crate) options: BTreeMap<String, String>,
}

impl BlobsSection {
    pub(super) fn check(&self, check: &mut Check, data: &Path) -> Blobs {
        let url = match set(&self.url) {
            Some(url) => url.to_owned(),
            None => data.join("blobs").display().to_string(),
        };
        let mut options = BTreeMap::new();
        for (name, value) in &self.options {
            let key = format!("blobs.options.{name}");
            let (name, value) = match name.strip_suffix("_file") {
                Some(name) => (name, check.secret_file(&key, value.expose())),
                None => (name.as_str(), Some(value.expose().to_owned())),
            };
            let Some(value) = value else { continue };
            if options.insert(name.to_owned(), value).is_some() {
                check.say(&key, format!("{name} and {name}_file are both set"));
            }
        }
        Blobs { url, options }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReferenceSection {
    folder: String,
}

impl ReferenceSection {
    pub(super) fn check(&self) -> Option<PathBuf> {
        set(&self.folder).map(PathBuf::from)
    }
}
