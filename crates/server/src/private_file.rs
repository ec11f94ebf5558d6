//! Small files that nobody else may read, and that are never seen half written.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;

use crate::keys::random_bytes;

/// Puts `text` in the place of the file, whole or not at all.
pub(crate) fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    let suffix = data_encoding::HEXLOWER.encode(&random_bytes::<8>()?);
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{suffix}.tmp"));
    let temporary = Path::new(&temporary);
    let written = write(temporary, text).and_then(|()| fs::rename(temporary, path));
    if written.is_err() {
        // The first failure is the one to tell.
        let _ = fs::remove_file(temporary);
    }
    written.with_context(|| format!("cannot write {}", path.display()))
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file: File = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// The file's text; `None` if there is no file.
pub(crate) fn read(path: &Path) -> anyhow::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}
