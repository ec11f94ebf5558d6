//! Which files a person may send, judged by content (`domain.md` §3.7).
//!
//! Not for storing, scanning or serving files. Invariant: a file that passes [`inspect`] starts,
//! and where we can tell ends, as what its extension says; nothing unpacked is kept.
//!
//! Two limits are meant: `doc` and `xls` share one container, so either may hold either; and
//! macros in those old formats are for the malware scanner to find.

mod archive;
#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::file_name::FileName;
use crate::invalid::Invalid;

/// The largest attachment, decoded (`domain.md` §3.7).
pub const MAX_ATTACHMENT_BYTES: usize = 1_048_576;

/// The extensions a person may use, for messages and for the published limits; `jpg` is an
/// alias of `jpeg` (`domain.md` §3.7).
pub const ALL_EXTENSIONS: [&str; 10] = [
    "pdf", "doc", "docx", "xls", "xlsx", "zip", "png", "gif", "jpeg", "jpg",
];

/// The kinds of file accepted (`domain.md` §3.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FileKind {
    /// Portable document.
    Pdf,
    /// Word document, old binary format.
    Doc,
    /// Word document.
    Docx,
    /// Excel workbook, old binary format.
    Xls,
    /// Excel workbook.
    Xlsx,
    /// Archive of accepted files.
    Zip,
    /// PNG image.
    Png,
    /// GIF image.
    Gif,
    /// JPEG image.
    Jpeg,
}

impl FileKind {
    /// The kind an extension promises; letter case does not matter.
    pub fn from_extension(extension: &str) -> Option<FileKind> {
        Some(match extension.to_ascii_lowercase().as_str() {
            "pdf" => FileKind::Pdf,
            "doc" => FileKind::Doc,
            "docx" => FileKind::Docx,
            "xls" => FileKind::Xls,
            "xlsx" => FileKind::Xlsx,
            "zip" => FileKind::Zip,
            "png" => FileKind::Png,
            "gif" => FileKind::Gif,
            "jpeg" | "jpg" => FileKind::Jpeg,
            _ => return None,
        })
    }

    /// The usual extension, which is also how the kind is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            FileKind::Pdf => "pdf",
            FileKind::Doc => "doc",
            FileKind::Docx => "docx",
            FileKind::Xls => "xls",
            FileKind::Xlsx => "xlsx",
            FileKind::Zip => "zip",
            FileKind::Png => "png",
            FileKind::Gif => "gif",
            FileKind::Jpeg => "jpeg",
        }
    }

    /// The registered media type the file is served with.
    pub const fn media_type(self) -> &'static str {
        match self {
            FileKind::Pdf => "application/pdf",
            FileKind::Doc => "application/msword",
            FileKind::Docx => {
                "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
            }
            FileKind::Xls => "application/vnd.ms-excel",
            FileKind::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            FileKind::Zip => "application/zip",
            FileKind::Png => "image/png",
            FileKind::Gif => "image/gif",
            FileKind::Jpeg => "image/jpeg",
        }
    }

    /// How a file of this kind may start.
    const fn magic(self) -> &'static [&'static [u8]] {
        match self {
            FileKind::Pdf => &[b"%PDF-"],
            FileKind::Doc | FileKind::Xls => &[b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"],
            FileKind::Docx | FileKind::Xlsx | FileKind::Zip => &[b"PK\x03\x04"],
            FileKind::Png => &[b"\x89PNG\r\n\x1a\n"],
            FileKind::Gif => &[b"GIF87a", b"GIF89a"],
            FileKind::Jpeg => &[b"\xff\xd8\xff"],
        }
    }

    /// Whether files of this kind are zip containers.
    const fn is_zip_based(self) -> bool {
        matches!(self, FileKind::Docx | FileKind::Xlsx | FileKind::Zip)
    }
}

/// Says what kind of file this is, or why it may not be sent (`domain.md` §3.7).
pub fn inspect(name: &FileName, bytes: &[u8]) -> Result<FileKind, Invalid> {
    if bytes.is_empty() {
        return Err(file_empty());
    }
    if bytes.len() > MAX_ATTACHMENT_BYTES {
        return Err(file_too_large());
    }
    let kind = name
        .extension()
        .and_then(FileKind::from_extension)
        .ok_or_else(file_type_not_allowed)?;
    check_content(kind, bytes)?;
    Ok(kind)
}

/// Whether `bytes` are what `kind` promises; for files sent and for files inside archives.
fn check_content(kind: FileKind, bytes: &[u8]) -> Result<(), Invalid> {
    if !kind.magic().iter().any(|magic| bytes.starts_with(magic)) {
        return Err(file_content_mismatch());
    }
    // A document or picture that is an archive as well, or an archive with something behind it,
    // is two files under one name. Innocent files do not end like that: an end record inside a
    // document (an uncompressed attachment of a PDF) is followed by the rest of the document.
    if archive::ends_here(bytes) != kind.is_zip_based() {
        return Err(file_content_mismatch());
    }
    match kind {
        FileKind::Docx | FileKind::Xlsx => archive::check_office(kind, bytes),
        FileKind::Zip => archive::check_zip(bytes),
        _ => Ok(()),
    }
}

/// The file has no bytes: `file-empty`.
pub const fn file_empty() -> Invalid {
    Invalid::new("file-empty", "Il file è vuoto", "the file is empty")
}

/// The file is over [`MAX_ATTACHMENT_BYTES`]: `file-too-large`. The API may answer it before
/// the whole file has come.
pub const fn file_too_large() -> Invalid {
    Invalid::new(
        "file-too-large",
        "La dimensione massima dell'allegato è di 1024 KB",
        "the attachment may be at most 1024 KB",
    )
}

/// More than one file came with a message: `too-many-files`.
pub const fn too_many_files() -> Invalid {
    Invalid::new(
        "too-many-files",
        "È possibile allegare un solo file",
        "only one file may be attached",
    )
}

/// The extension is missing or not one of [`ALL_EXTENSIONS`]: `file-type-not-allowed`.
pub const fn file_type_not_allowed() -> Invalid {
    Invalid::new(
        "file-type-not-allowed",
        "Estensioni accettate: pdf, doc, docx, xls, xlsx, zip, png, gif, jpeg, jpg",
        "accepted extensions: pdf, doc, docx, xls, xlsx, zip, png, gif, jpeg, jpg",
    )
}

/// The bytes are not what the extension says: `file-content-mismatch`.
pub const fn file_content_mismatch() -> Invalid {
    Invalid::new(
        "file-content-mismatch",
        "Il contenuto del file non corrisponde alla sua estensione",
        "the content of the file does not match its extension",
    )
}
