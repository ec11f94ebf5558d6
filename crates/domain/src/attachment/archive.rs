//! Looks inside zip containers: archives people send, and the newer Office documents
//! (`domain.md` §3.7, rows "content" and "zip").
//!
//! Entries of an archive are inflated one at a time, each into memory, judged and dropped;
//! never to disk and never more than [`MAX_UNPACKED_BYTES`] in all. Office documents are judged
//! by their directory and their table of content types only.

use std::io::{Cursor, Read};

use zip::ZipArchive;

use super::{FileKind, MAX_ATTACHMENT_BYTES, check_content, file_content_mismatch};
use crate::file_name::{extension_of, is_safe_segment};
use crate::invalid::Invalid;

/// The most entries in an archive, folders included.
const MAX_ENTRIES: usize = 50;
/// The most an archive may hold once unpacked.
const MAX_UNPACKED_BYTES: u64 = 10 * 1024 * 1024;
/// The most an Office document may declare to hold. Far above honest ones (a megabyte of
/// spreadsheet unpacks to some twenty), low enough not to be a bomb for whoever opens it.
const MAX_OFFICE_BYTES: u64 = 128 * 1024 * 1024;
/// The table of content types lists parts, not content: a larger one is not honest.
const MAX_CONTENT_TYPES_BYTES: u64 = 512 * 1024;

const CONTENT_TYPES: &str = "[content_types].xml";

type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;

/// Whether an archive's end record, its comment included, closes `bytes`: whoever looks for an
/// archive there finds one.
pub(super) fn ends_here(bytes: &[u8]) -> bool {
    const RECORD: usize = 22;
    const LONGEST: usize = RECORD + 0xffff;
    let tail = bytes
        .get(bytes.len().saturating_sub(LONGEST)..)
        .unwrap_or(bytes);
    tail.windows(RECORD).enumerate().any(|(at, record)| {
        let [b'P', b'K', 5, 6, .., low, high] = *record else {
            return false;
        };
        let comment = usize::from(u16::from_le_bytes([low, high]));
        at + RECORD + comment == tail.len()
    })
}

/// A Word or Excel document: the parts its kind must have, and no macros.
pub(super) fn check_office(kind: FileKind, bytes: &[u8]) -> Result<(), Invalid> {
    let mut document = open(bytes)?;
    if office_kind(&document) != Some(kind) || document.has_duplicate_names() {
        return Err(file_content_mismatch());
    }
    let mut content_types_at = None;
    let mut declared: u64 = 0;
    for at in 0..document.len() {
        let entry = document.by_index_data(at).map_err(|_| unreadable())?;
        let name = entry.name().map_err(|_| unreadable())?.to_lowercase();
        if entry.encrypted() || !is_safe_path(&name) {
            return Err(file_content_mismatch());
        }
        if name.ends_with("vbaproject.bin") {
            return Err(has_macros());
        }
        if name == CONTENT_TYPES {
            content_types_at = Some(at);
        }
        declared = declared.saturating_add(entry.size());
    }
    if declared > MAX_OFFICE_BYTES {
        return Err(unpacks_too_large());
    }
    // Renaming the macro part hides it from the loop above, but not from this table.
    let at = content_types_at.ok_or_else(file_content_mismatch)?;
    let types =
        read_entry(&mut document, at, MAX_CONTENT_TYPES_BYTES).ok_or_else(file_content_mismatch)?;
    let types = String::from_utf8_lossy(&types).to_lowercase();
    if ["macroenabled", "vbaproject", "macrosheet"]
        .iter()
        .any(|sign| types.contains(sign))
    {
        return Err(has_macros());
    }
    Ok(())
}

/// An archive: readable, small, flat, and made of accepted files only.
pub(super) fn check_zip(bytes: &[u8]) -> Result<(), Invalid> {
    let mut archive = open(bytes)?;
    if office_kind(&archive).is_some() {
        return Err(file_content_mismatch());
    }
    if archive.len() > MAX_ENTRIES {
        return Err(Invalid::new(
            "archive-not-allowed",
            "L'archivio contiene più di 50 file",
            "the archive holds more than 50 files",
        ));
    }
    let files = check_listing(&archive)?;
    // Two programs must not see two different archives: headers agree, nothing overlaps,
    // nothing is listed twice or left out of the list.
    if archive.offset() != 0 || archive.validate_header_consistency().is_err() {
        return Err(unreadable());
    }
    // Declared sizes are only claims, so the same limit also bounds what is really read.
    let mut left = MAX_UNPACKED_BYTES;
    for (at, kind, declared) in files {
        if declared > left {
            return Err(unpacks_too_large());
        }
        let content = read_entry(&mut archive, at, declared).ok_or_else(unreadable)?;
        check_content(kind, &content).map_err(|_| foreign_entry())?;
        left -= declared;
    }
    Ok(())
}

/// Judges the entries by what the directory says of them; answers with the place, kind and
/// declared size of each file.
fn check_listing(archive: &Archive<'_>) -> Result<Vec<(usize, FileKind, u64)>, Invalid> {
    let mut files = Vec::with_capacity(archive.len());
    let mut declared: u64 = 0;
    for at in 0..archive.len() {
        let entry = archive.by_index_data(at).map_err(|_| unreadable())?;
        if entry.encrypted() {
            return Err(Invalid::new(
                "archive-not-allowed",
                "L'archivio è protetto da password",
                "the archive is protected by a password",
            ));
        }
        let name = entry.name().map_err(|_| unreadable())?;
        if !is_safe_path(&name) || entry.is_symlink() {
            return Err(Invalid::new(
                "archive-not-allowed",
                "L'archivio contiene file con nomi non ammessi",
                "the archive holds files with names that are not allowed",
            ));
        }
        declared = declared.saturating_add(entry.size());
        if declared > MAX_UNPACKED_BYTES {
            return Err(unpacks_too_large());
        }
        if entry.is_dir() {
            // A folder has no content; bytes there would be read by nobody here.
            if entry.size() != 0 || entry.compressed_size() > 2 {
                return Err(unreadable());
            }
            continue;
        }
        let file_name = name.rsplit('/').next().unwrap_or_default();
        match extension_of(file_name).and_then(|e| FileKind::from_extension(&e)) {
            Some(FileKind::Zip) => return Err(nested()),
            Some(kind) if kind.is_zip_based() && !fits_alone(entry.size()) => {
                return Err(unpacks_too_large());
            }
            Some(kind) => files.push((at, kind, entry.size())),
            None => return Err(foreign_entry()),
        }
    }
    Ok(files)
}

/// Whether a document could have been sent by itself. Documents are compressed already and
/// shrink no further in an archive; one that did is made to tire us with its directory.
fn fits_alone(declared: u64) -> bool {
    usize::try_from(declared).is_ok_and(|size| size <= MAX_ATTACHMENT_BYTES)
}

fn open(bytes: &[u8]) -> Result<Archive<'_>, Invalid> {
    ZipArchive::new(Cursor::new(bytes)).map_err(|_| file_content_mismatch())
}

/// Which Office document the container is, if any. Part names ignore letter case (OPC); a
/// container with the parts of both is neither.
fn office_kind(archive: &Archive<'_>) -> Option<FileKind> {
    let (mut types, mut word, mut excel) = (false, false, false);
    for name in archive.file_names_raw() {
        let name = name.to_ascii_lowercase();
        types |= name == CONTENT_TYPES.as_bytes();
        word |= name.starts_with(b"word/");
        excel |= name.starts_with(b"xl/");
    }
    match (types, word, excel) {
        (true, true, false) => Some(FileKind::Docx),
        (true, false, true) => Some(FileKind::Xlsx),
        _ => None,
    }
}

/// The content of one entry, if it is whole, not longer than `limit`, and of the declared size.
fn read_entry(archive: &mut Archive<'_>, at: usize, limit: u64) -> Option<Vec<u8>> {
    let entry = archive.by_index(at).ok()?;
    let declared = entry.size();
    if declared > limit {
        return None;
    }
    // No capacity from the declared size: a lie would reserve memory for nothing.
    let mut content = Vec::new();
    // One byte more than declared, to find out entries that go on.
    let read = entry.take(declared + 1).read_to_end(&mut content).ok()?;
    (u64::try_from(read) == Ok(declared)).then_some(content)
}

/// A relative path of plain names, which leads nowhere but below the folder it is unpacked in.
fn is_safe_path(path: &str) -> bool {
    let has_drive_letter = path.chars().nth(1) == Some(':');
    let path = path.strip_suffix('/').unwrap_or(path);
    !has_drive_letter && path.split('/').all(is_safe_segment)
}

const fn unreadable() -> Invalid {
    Invalid::new(
        "archive-not-allowed",
        "L'archivio è danneggiato o non è in un formato accettato",
        "the archive is damaged or not in an accepted format",
    )
}

const fn unpacks_too_large() -> Invalid {
    Invalid::new(
        "archive-not-allowed",
        "Il contenuto decompresso supera la dimensione massima",
        "the unpacked content is too large",
    )
}

const fn nested() -> Invalid {
    Invalid::new(
        "archive-not-allowed",
        "L'archivio contiene altri archivi",
        "the archive holds other archives",
    )
}

const fn foreign_entry() -> Invalid {
    Invalid::new(
        "archive-not-allowed",
        "L'archivio contiene file di un tipo non accettato o diverso dalla loro estensione",
        "the archive holds files of a kind that is not accepted or differs from their extension",
    )
}

const fn has_macros() -> Invalid {
    Invalid::new(
        "file-content-mismatch",
        "Il documento contiene macro: salvarlo senza macro e riprovare",
        "the document holds macros: save it without macros and try again",
    )
}
