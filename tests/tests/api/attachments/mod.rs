//! Files on their way in and out: the same rule at every door, and nothing kept of what is refused.

mod names;
mod streams;

use std::io::Write as _;

use reqwest::Method;
use serde_json::json;
use tests::citizens::MARIO;
use tests::people::TO4;
use tests::{File, Filed, Reply, TestApp, both, files, forms, multipart};
use zip::unstable::write::FileOptionsExt as _;
use zip::write::SimpleFileOptions;

const MAX: usize = 1_048_576;

/// Every file that is refused: what is wrong, status, problem and code.
fn bad_files() -> Vec<(&'static str, File, u16, &'static str)> {
    let pdf: &[u8] = b"%PDF-1.7\n%%EOF\n";
    let inner = files::zip(&[("a.pdf", pdf)]);
    let names: Vec<String> = (0..10_000).map(|n| format!("{n}.gif")).collect();
    let many: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    let mut many = files::zip(&many);
    // As many entries as fit into a file that is not too large by itself.
    if many.len() > MAX {
        let fewer: Vec<(&str, &[u8])> = names[..8_000]
            .iter()
            .map(|name| (name.as_str(), &b""[..]))
            .collect();
        many = files::zip(&fewer);
    }
    assert!(many.len() <= MAX, "{} bytes", many.len());
    let mismatch = "file-content-mismatch";
    let archive = "archive-not-allowed";
    let kind = "file-type-not-allowed";
    let name = "invalid-file-name";
    vec![
        (
            "one byte too many",
            files::pdf(MAX + 1),
            413,
            "file-too-large",
        ),
        ("no bytes", File::new("a.pdf", []), 422, "file-empty"),
        (
            "a program",
            File::new("a.pdf", files::EXECUTABLE),
            415,
            mismatch,
        ),
        ("docx as zip", files::docx().named("a.zip"), 415, mismatch),
        (
            "zip as docx",
            File::new("a.docx", inner.clone()),
            415,
            mismatch,
        ),
        (
            "zip as pdf",
            File::new("a.pdf", inner.clone()),
            415,
            mismatch,
        ),
        ("jpeg as png", files::jpeg().named("a.png"), 415, mismatch),
        (
            "encrypted",
            File::new("a.zip", encrypted_zip()),
            422,
            archive,
        ),
        (
            "nested",
            File::new("a.zip", files::zip(&[("b.zip", &inner)])),
            422,
            archive,
        ),
        ("10,000 entries", File::new("a.zip", many), 422, archive),
        (
            "out of the zip",
            File::new("a.zip", files::zip(&[("../a.pdf", pdf)])),
            422,
            archive,
        ),
        (
            "program by name",
            File::new("a.exe", files::EXECUTABLE),
            415,
            kind,
        ),
        ("no extension", files::pdf(100).named("referto"), 415, kind),
        (
            "two extensions",
            files::pdf(100).named("a.pdf.exe"),
            415,
            kind,
        ),
        (
            "traversal",
            files::pdf(100).named("../../etc/cron.d/a.pdf"),
            422,
            name,
        ),
        ("absolute", files::pdf(100).named("/etc/a.pdf"), 422, name),
        (
            "turned round",
            files::pdf(100).named("a\u{202e}fdp.pdf"),
            422,
            name,
        ),
        ("only dots", files::pdf(100).named(".."), 422, name),
        (
            "long name",
            files::pdf(100).named(format!("{}.pdf", "a".repeat(117))),
            422,
            name,
        ),
    ]
}

fn encrypted_zip() -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .with_deprecated_encryption(b"parola")
        .unwrap();
    writer.start_file("a.pdf", options).unwrap();
    writer.write_all(b"%PDF-1.7\n%%EOF\n").unwrap();
    writer.finish().unwrap().into_inner()
}

fn is_refused(reply: &Reply, what: &str, status: u16, code: &str) {
    assert_eq!(reply.status, status, "{what}: {reply}");
    let found: Vec<&str> = reply.errors().into_iter().map(|(_, code)| code).collect();
    assert_eq!(found, [code], "{what}: {reply}");
    assert!(
        reply.errors()[0].0.starts_with("/attachment"),
        "{what}: {reply}"
    );
}

both!(a_bad_file_is_refused_when_filing, async |app| {
    let form = forms::report_not_found_logged_in(TO4);
    let mario = app.citizen(&MARIO);
    let before = app.footprint();
    for (what, file, status, code) in bad_files() {
        let reply = mario
            .post_form("/v1/tickets", &form, std::slice::from_ref(&file))
            .await;
        is_refused(&reply, what, status, code);
        let mut inline = form.clone();
        inline["attachment"] = file.inline();
        let reply = mario.post("/v1/tickets", &inline).await;
        is_refused(&reply, what, status, code);
    }
    assert_eq!(app.footprint(), before);
});

both!(
    a_bad_file_is_refused_with_messages_and_actions,
    async |app| {
        let filed = file(app).await;
        let mario = app.citizen(&MARIO);
        let operator = app.as_("to4.operator").await;
        let etag = operator.screen(&filed.id).await.etag().to_owned();
        let note = json!({"action": "note", "note": {"body": "Con file", "published": false}});
        let before = app.footprint();
        for (what, file, status, code) in bad_files() {
            let body = json!({"body": "Ecco il file"});
            let target = filed.own_path("/messages");
            let reply = mario
                .post_form(&target, &body, std::slice::from_ref(&file))
                .await;
            is_refused(&reply, what, status, code);
            let form = multipart::form(&json!({"action": note.to_string()}), &[file]);
            let request = operator.request(Method::POST, &filed.staff_path("/actions"));
            let reply = request.if_match(&etag).form(form).send().await;
            is_refused(&reply, what, status, code);
        }
        assert_eq!(app.footprint(), before);
    }
);

async fn file(app: &TestApp) -> Filed {
    app.file_as(&MARIO, &forms::report_not_found_logged_in(TO4), &[])
        .await
}

both!(a_file_of_just_the_limit_comes_back_whole, async |app| {
    let form = forms::report_not_found_logged_in(TO4);
    let sent = files::pdf(MAX).named("Referto d'esame è \"mio\".pdf".replace('"', "'"));
    let filed = app
        .file_as(&MARIO, &form, std::slice::from_ref(&sent))
        .await;
    let mario = app.citizen(&MARIO);
    let screen = mario.get(&filed.own_path("")).await;
    assert_eq!(screen.text_at("/attachments/0/file_name"), sent.name);
    let id = screen.text_at("/attachments/0/id");
    let download = mario
        .get(&filed.own_path(&format!("/attachments/{id}")))
        .await;
    assert_eq!(download.is(200).body, sent.bytes);
    assert_eq!(download.header("content-type"), Some("application/pdf"));
    let disposition = download
        .header("content-disposition")
        .expect("a disposition");
    assert!(
        disposition.starts_with("attachment; filename=\""),
        "{disposition}"
    );
    let policy = download
        .header("content-security-policy")
        .unwrap_or_default();
    assert!(policy.contains("sandbox"), "{policy}");
    assert_eq!(download.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(download.header("cache-control"), Some("no-store"));
    assert_eq!(app.count_blobs(), 1);
});

both!(two_files_are_too_many, async |app| {
    let form = forms::report_not_found_logged_in(TO4);
    let before = app.footprint();
    let two = [files::pdf(100), files::jpeg()];
    let reply = app
        .citizen(&MARIO)
        .post_form("/v1/tickets", &form, &two)
        .await;
    reply
        .is(422)
        .has_errors(&[("/attachment", "too-many-files")]);
    assert_eq!(app.footprint(), before);
});
