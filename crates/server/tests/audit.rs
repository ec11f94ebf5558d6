//! `sportello audit …`, as an operator of the machine types it.
#![expect(clippy::expect_used, reason = "a test: what is missing fails it")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

fn sportello(folder: &Path, args: &[&str]) -> Output {
    if !folder.join("data/keys/master.key").exists() {
        let made = run(folder, &["keys", "init"]);
        assert!(made.status.success(), "a master key is made");
    }
    run(folder, args)
}

fn run(folder: &Path, args: &[&str]) -> Output {
    let database = format!("sqlite://{}", folder.join("data/sportello.db").display());
    Command::new(env!("CARGO_BIN_EXE_sportello"))
        .current_dir(folder)
        .env("SPORTELLO__DATA__FOLDER", folder.join("data"))
        .env("SPORTELLO__DATABASE__URL", database)
        .env("SPORTELLO__LOG__FILTER", "error")
        .stdin(Stdio::null())
        .args(args)
        .output()
        .expect("the program runs")
}

#[track_caller]
fn said(folder: &Path, args: &[&str]) -> String {
    let output = sportello(folder, args);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {error}");
    String::from_utf8(output.stdout).expect("text")
}

/// What a command says that ends with 1.
#[track_caller]
fn found(folder: &Path, args: &[&str]) -> String {
    let output = sportello(folder, args);
    assert_eq!(output.status.code(), Some(1), "{args:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// An installation in which something was done, linked and anchored, and the database as it was before.
fn a_folder() -> (tempfile::TempDir, Vec<u8>) {
    let folder = tempfile::tempdir().expect("a folder");
    said(folder.path(), &["seed"]);
    let before = std::fs::read(folder.path().join("data/sportello.db")).expect("a database");
    let log = std::fs::metadata(folder.path().join("data/sportello.db-wal"));
    assert!(log.map_or(true, |log| log.len() == 0), "it was closed");
    let add = [
        "client",
        "add",
        "--label",
        "Portale di prova",
        "--contact",
        "portale@example.org",
        "--scopes",
        "requests:read",
    ];
    said(folder.path(), &add);
    let nobody = "00000000-0000-0000-0000-000000000001";
    let refused = sportello(folder.path(), &["client", "revoke", nobody]);
    assert!(!refused.status.success(), "there is no such program");
    said(folder.path(), &["jobs", "run", "--once"]);
    (folder, before)
}

const ALWAYS: [&str; 4] = [
    "--from",
    "2020-01-01T00:00:00Z",
    "--to",
    "2200-01-01T00:00:00Z",
];

#[test]
fn commands_are_noted_however_they_went_and_the_trail_is_proved() {
    let (folder, _) = a_folder();
    let folder = folder.path();
    let mut logins = vec!["audit", "logins"];
    logins.extend(ALWAYS);
    let told = said(folder, &logins);
    for (operation, outcome) in [
        ("sportello client add", "done"),
        ("sportello client revoke", "failed"),
    ] {
        let line = told.lines().find(|line| line.contains(operation));
        let line = line.expect("a line for the command");
        assert!(line.contains(outcome) && line.contains("at the machine"));
    }
    let mut export = vec!["audit", "export", "--chain", ""];
    export.extend(ALWAYS);
    let lines = said(folder, &export);
    let first = lines.lines().next().expect("an entry");
    let first: serde_json::Value = serde_json::from_str(first).expect("JSON");
    assert_eq!(first.get("seq"), Some(&serde_json::json!(1)));

    // With the public key alone, as somebody else would.
    let key = folder.join("key.pem");
    let pem = said(folder, &["audit", "public-key"]);
    assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----"), "{pem}");
    std::fs::write(&key, pem).expect("the key is kept");
    let key = key.display().to_string();
    let proof = said(folder, &["audit", "verify", "--public-key", &key]);
    assert!(proof.contains("2 anchors were compared"), "{proof}");
    assert!(proof.contains("the trail is what was written"), "{proof}");
    let doctor = sportello(folder, &["doctor"]);
    let doctor = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(doctor.contains("ok    audit trail: "), "{doctor}");
}

#[test]
fn an_older_copy_of_the_database_is_found_by_the_anchors_outside() {
    let (folder, before) = a_folder();
    let folder = folder.path();
    said(folder, &["audit", "verify"]);
    for name in ["sportello.db-wal", "sportello.db-shm"] {
        let _ = std::fs::remove_file(folder.join("data").join(name));
    }
    std::fs::write(folder.join("data/sportello.db"), before).expect("the copy is put back");
    let told = found(folder, &["audit", "verify"]);
    assert!(
        told.contains("FAIL  chain \"\", place 1: the end was cut off: anchor 1"),
        "{told}"
    );
    assert!(
        told.contains("anchor 1 is missing from the database"),
        "{told}"
    );
}

#[test]
fn an_anchor_that_somebody_else_made_is_named() {
    let (folder, _) = a_folder();
    let folder = folder.path();
    let path = folder.join("data/audit-anchors.jsonl");
    let line = std::fs::read_to_string(&path).expect("anchors");
    let forged = line.replacen("\"signature\":\"", "\"signature\":\"AAAA", 1);
    assert_ne!(forged, line);
    std::fs::write(&path, forged).expect("the line is changed");
    let told = found(folder, &["audit", "verify"]);
    assert!(
        told.contains("line 1 of the anchors was not signed"),
        "{told}"
    );
}
