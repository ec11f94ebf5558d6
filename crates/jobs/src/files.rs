//! Files that become whole at once, for what leaves into a folder.
//!
//! Invariant: a file under its own name is whole and on disk.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;

/// Makes a folder that only the owner of the process may look into.
pub(crate) fn make_private(folder: &Path, what: &str) -> anyhow::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .recursive(true)
        .create(folder)
        .with_context(|| format!("the folder for {what} {}", folder.display()))
}

/// Writes a file by way of a hidden one; one that is there is replaced.
pub(crate) fn write_whole(
    folder: &Path,
    stem: &str,
    ending: &str,
    content: &[u8],
) -> io::Result<()> {
    let written = folder.join(format!(".{stem}.tmp"));
    let done = folder.join(format!("{stem}.{ending}"));
    // A leftover of a run that was stopped. Removed and made anew, never opened: what lies
    // there might be a link to somewhere else.
    match fs::remove_file(&written) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&written)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&written, &done)?;
    // The name is on disk only when the folder is.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}
