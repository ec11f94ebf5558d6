//! Files that become whole at once, for what leaves into a folder.
//!
//! Invariant: a file under its own name is whole and on disk.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
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

/// Adds a line to a file, and answers once it is on disk. A line before it that was cut off keeps a line
/// of its own.
pub(crate) fn append_line(path: &Path, line: &str) -> io::Result<()> {
    let is_new = !path.exists();
    let mut options = OpenOptions::new();
    options.create(true).read(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let mut last = [b'\n'];
    if file.metadata()?.len() > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    let start = if last == *b"\n" { "" } else { "\n" };
    file.write_all(format!("{start}{line}\n").as_bytes())?;
    file.sync_all()?;
    #[cfg(unix)]
    if let Some(folder) = path.parent().filter(|_| is_new) {
        // The name is on disk only when the folder is.
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_was_cut_off_spoils_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        append_line(&path, "one").unwrap();
        append_line(&path, "two").unwrap();
        fs::write(&path, "one\ntw").unwrap();
        append_line(&path, "two").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntw\ntwo\n");
    }
}
