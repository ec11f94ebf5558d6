//! The corpus of `domain.md` §3.7 and the upload tests of the threat model: good files, and
//! every disguise we know.

use std::io::{Cursor, Write};

use proptest::prelude::*;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;

const PDF: &[u8] = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n";
const OLE2: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0";
const EXE: &[u8] = b"MZ\x90\0\x03\0\0\0";
const TYPES: (&str, &[u8]) = ("[Content_Types].xml", b"<Types/>");

fn zip_with(entries: &[(&str, &[u8])], options: SimpleFileOptions) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        if name.ends_with('/') {
            writer.add_directory(*name, options).unwrap();
        } else {
            writer.start_file(*name, options).unwrap();
            writer.write_all(content).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

fn deflated(entries: &[(&str, &[u8])]) -> Vec<u8> {
    zip_with(entries, SimpleFileOptions::default())
}

fn stored(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    zip_with(entries, options)
}

fn docx() -> Vec<u8> {
    deflated(&[
        TYPES,
        ("_rels/.rels", b"<r/>"),
        ("word/document.xml", b"<w/>"),
    ])
}

fn xlsx() -> Vec<u8> {
    deflated(&[TYPES, ("xl/workbook.xml", b"<x/>")])
}

fn outcome(name: &str, bytes: &[u8]) -> Result<FileKind, &'static str> {
    inspect(&FileName::parse(name).unwrap(), bytes).map_err(|refused| refused.code)
}

/// Changes every occurrence of `from`, which must be there.
fn patched(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let places: Vec<usize> = bytes
        .windows(from.len())
        .enumerate()
        .filter_map(|(at, seen)| (seen == from).then_some(at))
        .collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    bytes
}

#[test]
fn every_accepted_kind_passes() {
    let rows: [(&str, Vec<u8>, FileKind); 15] = [
        ("a.pdf", PDF.into(), FileKind::Pdf),
        ("A.PDF", PDF.into(), FileKind::Pdf),
        ("a.doc", OLE2.into(), FileKind::Doc),
        ("a.xls", OLE2.into(), FileKind::Xls),
        ("a.docx", docx(), FileKind::Docx),
        ("a.xlsx", xlsx(), FileKind::Xlsx),
        ("a.png", PNG.into(), FileKind::Png),
        ("a.gif", b"GIF87a...".into(), FileKind::Gif),
        ("a.gif", b"GIF89a...".into(), FileKind::Gif),
        ("a.jpeg", JPEG.into(), FileKind::Jpeg),
        ("a.jpg", JPEG.into(), FileKind::Jpeg),
        ("a.zip", deflated(&[("a.pdf", PDF)]), FileKind::Zip),
        (
            "a.zip",
            stored(&[("a.pdf", PDF), ("f/", b""), ("f/à.JPG", JPEG)]),
            FileKind::Zip,
        ),
        (
            "a.zip",
            deflated(&[("a.docx", &docx()), ("b.xlsx", &xlsx())]),
            FileKind::Zip,
        ),
        (
            "a.zip",
            deflated(&[("a.doc", OLE2), ("c.v2.gif", b"GIF89a")]),
            FileKind::Zip,
        ),
    ];
    for (name, bytes, kind) in rows {
        assert_eq!(outcome(name, &bytes), Ok(kind), "{name}");
    }
}

#[test]
fn size_and_extension_come_first() {
    let mut full = PDF.to_vec();
    full.resize(MAX_ATTACHMENT_BYTES, b' ');
    assert_eq!(outcome("a.pdf", &full), Ok(FileKind::Pdf));
    full.push(b' ');
    assert_eq!(full.len(), 1_048_577);
    assert_eq!(outcome("a.pdf", &full), Err("file-too-large"));
    assert_eq!(outcome("a.pdf", b""), Err("file-empty"));
    for name in [
        "a.exe",
        "a",
        "a.pdf.exe",
        ".pdf",
        "a.pdf.",
        "a.docm",
        "a.svg",
        "a.7z",
    ] {
        assert_eq!(outcome(name, PDF), Err("file-type-not-allowed"), "{name}");
    }
}

#[test]
fn content_must_match_the_extension() {
    for extension in ALL_EXTENSIONS {
        let name = format!("a.{extension}");
        assert_eq!(outcome(&name, EXE), Err("file-content-mismatch"), "{name}");
        assert_eq!(outcome(&name, b"P"), Err("file-content-mismatch"), "{name}");
    }
    let zip = deflated(&[("a.pdf", PDF)]);
    let rows: [(&str, Vec<u8>); 17] = [
        ("a.pdf", PNG.into()),
        ("a.pdf", b"\n%PDF-1.7".into()),
        ("a.png", JPEG.into()),
        ("a.docx", OLE2.into()),
        ("a.doc", docx()),
        ("a.docx", zip.clone()),
        ("a.xlsx", zip.clone()),
        ("a.zip", docx()),
        ("a.zip", xlsx()),
        ("a.docx", xlsx()),
        ("a.xlsx", docx()),
        ("a.docx", deflated(&[("word/document.xml", b"<w/>")])),
        (
            "a.docx",
            deflated(&[TYPES, ("ppt/presentation.xml", b"<p/>")]),
        ),
        (
            "a.docx",
            deflated(&[TYPES, ("word/a.xml", b""), ("xl/a.xml", b"")]),
        ),
        ("a.docx", docx()[..docx().len() - 30].into()),
        ("a.zip", b"PK\x03\x04 and nothing more".into()),
        (
            "a.zip",
            b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0".into(),
        ),
    ];
    for (at, (name, bytes)) in rows.into_iter().enumerate() {
        assert_eq!(
            outcome(name, &bytes),
            Err("file-content-mismatch"),
            "row {at}: {name}"
        );
    }
}

#[test]
fn two_files_in_one_are_refused() {
    let zip = deflated(&[("a.pdf", PDF)]);
    let innocent = stored(&[("a.docx", &docx())]);
    for (name, head) in [
        ("a.pdf", PDF),
        ("a.png", PNG),
        ("a.jpg", JPEG),
        ("a.doc", OLE2),
    ] {
        assert_eq!(
            outcome(name, &[head, &zip].concat()),
            Err("file-content-mismatch"),
            "{name}"
        );
        // A PDF may carry a whole archive inside, as an attachment of its own.
        let carrier = [head, &innocent, b"\nendstream\n%%EOF\n"].concat();
        assert!(outcome(name, &carrier).is_ok(), "{name}");
    }
    assert_eq!(
        outcome("a.zip", &[&zip, PDF].concat()),
        Err("file-content-mismatch")
    );
    let doubled = [&zip[..], &zip[..]].concat();
    assert_eq!(outcome("a.zip", &doubled), Err("archive-not-allowed"));
}

#[test]
fn office_documents_hold_no_macros_and_are_no_bombs() {
    let part: &[u8] = b"x";
    let typed =
        br#"<Override PartName="/word/x.bin" ContentType="application/vnd.ms-office.vbaProject"/>"#;
    let renamed: (&str, &[u8]) = ("[Content_Types].xml", typed);
    let rows = [
        (
            "a.docx",
            deflated(&[TYPES, ("word/d.xml", part), ("word/vbaProject.bin", part)]),
        ),
        (
            "a.xlsx",
            deflated(&[TYPES, ("xl/w.xml", part), ("xl/VBAPROJECT.BIN", part)]),
        ),
        (
            "a.docx",
            deflated(&[renamed, ("word/d.xml", part), ("word/x.bin", part)]),
        ),
        (
            "a.docx",
            deflated(&[TYPES, ("word/d.xml", part), ("../d.xml", part)]),
        ),
    ];
    for (at, (name, bytes)) in rows.iter().enumerate() {
        assert_eq!(
            outcome(name, bytes),
            Err("file-content-mismatch"),
            "row {at}"
        );
    }
    let honest = deflated(&[TYPES, ("word/a.xml", &[b' '; 12_345])]);
    assert_eq!(outcome("a.docx", &honest), Ok(FileKind::Docx));
    let declared = 200_000_000u32.to_le_bytes();
    let bomb = patched(honest, &12_345u32.to_le_bytes(), &declared);
    assert_eq!(outcome("a.docx", &bomb), Err("archive-not-allowed"));
}

#[test]
fn archives_are_refused_for_what_they_hold() {
    let inner = deflated(&[("a.pdf", PDF)]);
    let macros = deflated(&[TYPES, ("word/d.xml", b"x"), ("word/vbaProject.bin", b"x")]);
    let polyglot = [PNG, &inner].concat();
    let rows: [(&str, &[u8]); 28] = [
        ("inner.zip", &inner),
        ("inner.ZIP", &inner),
        ("inner.docx", &inner),
        ("inner.pdf", &inner),
        ("inner.7z", b"7z\xbc\xaf\x27\x1c"),
        ("inner.rar", b"Rar!\x1a\x07"),
        ("inner.pdf", b"Rar!\x1a\x07"),
        ("setup.exe", EXE),
        ("setup.pdf", EXE),
        ("page.html", b"<html>"),
        ("no-extension", PDF),
        ("empty.pdf", b""),
        ("macro.docx", &macros),
        ("both.png", &polyglot),
        ("../a.pdf", PDF),
        ("x/../../a.pdf", PDF),
        ("/a.pdf", PDF),
        ("//host/a.pdf", PDF),
        ("x//a.pdf", PDF),
        ("./a.pdf", PDF),
        ("..\\a.pdf", PDF),
        ("C:/a.pdf", PDF),
        ("C:\\a.pdf", PDF),
        ("a\0.pdf", PDF),
        ("a\n.pdf", PDF),
        ("a\u{202e}.pdf", PDF),
        (".. /a.pdf", PDF),
        ("__MACOSX/._a.pdf", b"\0\x05\x16\x07"),
    ];
    for (name, content) in rows {
        let bytes = deflated(&[("ok.pdf", PDF), (name, content)]);
        assert_eq!(
            outcome("a.zip", &bytes),
            Err("archive-not-allowed"),
            "{name:?}"
        );
    }
}

#[test]
fn entries_are_counted() {
    let names: Vec<String> = (0..10_000).map(|n| format!("{n}.gif")).collect();
    let of = |count: usize| -> Vec<u8> {
        let entries: Vec<(&str, &[u8])> = names[..count]
            .iter()
            .map(|name| (name.as_str(), &b"GIF89a"[..]))
            .collect();
        stored(&entries)
    };
    assert_eq!(outcome("a.zip", &of(50)), Ok(FileKind::Zip));
    assert_eq!(outcome("a.zip", &of(51)), Err("archive-not-allowed"));
    let many = of(10_000);
    if many.len() <= MAX_ATTACHMENT_BYTES {
        assert_eq!(outcome("a.zip", &many), Err("archive-not-allowed"));
    }
    assert_eq!(
        archive::check_zip(&many).unwrap_err().code,
        "archive-not-allowed"
    );
}

#[test]
fn bombs_are_refused_whatever_they_declare() {
    let gif = |bytes: usize| {
        let mut content = b"GIF89a".to_vec();
        content.resize(bytes, 0);
        content
    };
    let mebi = 1024 * 1024;
    let limit = deflated(&[("a.gif", &gif(5 * mebi)), ("b.gif", &gif(5 * mebi))]);
    assert_eq!(outcome("a.zip", &limit), Ok(FileKind::Zip));
    let over = deflated(&[("a.gif", &gif(5 * mebi)), ("b.gif", &gif(5 * mebi + 1))]);
    assert_eq!(outcome("a.zip", &over), Err("archive-not-allowed"));

    // 20 MiB that call themselves seven bytes, in both headers.
    let honest = u32::try_from(20 * mebi).unwrap().to_le_bytes();
    let liar = patched(
        deflated(&[("a.gif", &gif(20 * mebi))]),
        &honest,
        &7u32.to_le_bytes(),
    );
    assert_eq!(outcome("a.zip", &liar), Err("archive-not-allowed"));
    // A document that only fits because the archive shrinks it.
    let padded = stored(&[TYPES, ("word/d.xml", &gif(mebi))]);
    let padded = deflated(&[("a.docx", &padded)]);
    assert_eq!(outcome("a.zip", &padded), Err("archive-not-allowed"));
    // Seven bytes that call themselves nine millions.
    let small = patched(
        stored(&[("a.gif", b"GIF89a\x01")]),
        &7u32.to_le_bytes(),
        &9_000_000u32.to_le_bytes(),
    );
    assert!(outcome("a.zip", &small).is_err());
}

#[test]
fn encrypted_damaged_and_linked_entries_are_refused() {
    let zip = stored(&[("a.pdf", PDF)]);
    // Bit 0 of the flags, which follow the version needed, in both headers.
    let mut encrypted = zip.clone();
    let directory = encrypted
        .windows(4)
        .position(|w| w == b"PK\x01\x02")
        .unwrap();
    encrypted[6] |= 1;
    encrypted[directory + 8] |= 1;
    let words = inspect(&FileName::parse("a.zip").unwrap(), &encrypted).unwrap_err();
    assert_eq!(words.code, "archive-not-allowed");
    assert_eq!(words.message.it, "L'archivio è protetto da password");

    let damaged = patched(zip.clone(), b"endobj", b"ENDOBJ");
    assert_eq!(
        outcome("a.zip", &damaged),
        Err("archive-not-allowed"),
        "checksum"
    );

    // The local header says one name, the directory another.
    let mut two_named = zip;
    two_named[30] = b'b';
    assert_eq!(outcome("a.zip", &two_named), Err("archive-not-allowed"));

    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    writer.add_symlink("a.pdf", "/etc/passwd", options).unwrap();
    let linked = writer.finish().unwrap().into_inner();
    assert_eq!(outcome("a.zip", &linked), Err("archive-not-allowed"));
}

#[test]
fn kinds_and_extensions_agree() {
    for extension in ALL_EXTENSIONS {
        let kind = FileKind::from_extension(extension).unwrap();
        assert_eq!(FileKind::from_extension(kind.as_str()), Some(kind));
        assert!(file_type_not_allowed().message.it.contains(extension));
        assert!(kind.media_type().contains('/'));
    }
    assert_eq!(FileKind::from_extension("exe"), None);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        tail in proptest::collection::vec(any::<u8>(), 0..200), at in 0..200usize, value: u8,
    ) {
        for head in [&b"PK\x03\x04"[..], &b"PK\x05\x06"[..], PDF] {
            let _ = outcome("a.zip", &[head, &tail].concat());
            let _ = outcome("a.docx", &[head, &tail].concat());
        }
        let mut zip = deflated(&[("a.pdf", PDF)]);
        if let Some(byte) = zip.get_mut(at) {
            *byte = value;
        }
        let _ = outcome("a.zip", &zip);
        let _ = outcome("a.docx", &zip);
    }
}
