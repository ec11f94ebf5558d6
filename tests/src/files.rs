//! Files to send along, good ones and others.

use std::io::{Cursor, Write};

use data_encoding::BASE64;
use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A file with the name its sender gives it.
#[derive(Debug, Clone)]
pub struct File {
    /// The name.
    pub name: String,
    /// The content.
    pub bytes: Vec<u8>,
}

impl File {
    /// A file.
    pub fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        File {
            name: name.into(),
            bytes: bytes.into(),
        }
    }

    /// The same under another name.
    pub fn named(self, name: impl Into<String>) -> Self {
        File {
            name: name.into(),
            ..self
        }
    }

    /// As a member of a JSON body.
    pub fn inline(&self) -> Value {
        json!({"file_name": self.name, "content_base64": BASE64.encode(&self.bytes)})
    }
}

/// A PDF of this many bytes.
pub fn pdf(size: usize) -> File {
    let mut bytes = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n".to_vec();
    // Not all alike, so that a mix-up of chunks shows.
    bytes.extend((bytes.len()..size).map(|at| b"0123456789abcdefghijklmnopqrstu"[at % 31]));
    bytes.truncate(size);
    File::new("referto.pdf", bytes)
}

/// A small JPEG.
pub fn jpeg() -> File {
    let mut bytes = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01".to_vec();
    bytes.extend([7; 2000]);
    bytes.extend(b"\xff\xd9");
    File::new("foto.jpg", bytes)
}

/// What a program for Windows begins with.
pub const EXECUTABLE: &[u8] = b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0";

/// A zip with these entries.
pub fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        writer
            .start_file(*name, SimpleFileOptions::default())
            .expect("an entry");
        writer.write_all(content).expect("its content");
    }
    writer.finish().expect("a zip").into_inner()
}

/// A small document of a word processor.
pub fn docx() -> File {
    let entries: [(&str, &[u8]); 3] = [
        ("[Content_Types].xml", b"<Types/>"),
        ("_rels/.rels", b"<r/>"),
        ("word/document.xml", b"<w/>"),
    ];
    File::new("modulo.docx", zip(&entries))
}
