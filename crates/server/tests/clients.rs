//! `sportello client …` and `sportello demo client`, as an operator of the machine types them.
#![expect(clippy::expect_used, reason = "a test: what is missing fails it")]

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

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

#[track_caller]
fn refused(folder: &Path, args: &[&str]) -> String {
    let output = sportello(folder, args);
    assert!(!output.status.success(), "{args:?} was not refused");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What stands behind a name on a line of its own.
fn value<'a>(text: &'a str, name: &str) -> &'a str {
    let found = text.lines().find_map(|line| line.strip_prefix(name));
    found
        .and_then(|rest| rest.strip_prefix(": "))
        .expect("a line with the name")
}

const ADD: [&str; 8] = [
    "client",
    "add",
    "--label",
    "Portale di prova",
    "--contact",
    "portale@example.org",
    "--scopes",
    "requests:create,requests:read",
];

fn add_with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    ADD.iter().chain(more).copied().collect()
}

fn a_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    said(folder.path(), &["migrate"]);
    folder
}

#[test]
fn a_client_is_added_changed_listed_and_revoked() {
    let folder = a_folder();
    let folder = folder.path();
    let added = said(folder, &ADD);
    let (id, first) = (value(&added, "client_id"), value(&added, "client_secret"));
    assert!(first.len() >= 43, "{first}");
    let rotated = said(folder, &["client", "rotate", id]);
    let second = value(&rotated, "client_secret");
    assert_ne!(first, second);

    let listed = said(folder, &["client", "list"]);
    for part in [
        id,
        "Portale di prova",
        "portale@example.org",
        "[requests:create requests:read]",
        "secret, secret",
    ] {
        assert!(listed.contains(part), "{part} is not in {listed}");
    }
    // Secrets are shown once, and kept nowhere as they are.
    assert!(!listed.contains(first) && !listed.contains(second));
    for name in ["sportello.db", "sportello.db-wal"] {
        let kept = std::fs::read(folder.join("data").join(name)).unwrap_or_default();
        for secret in [first, second] {
            let mut windows = kept.windows(secret.len());
            assert!(!windows.any(|window| window == secret.as_bytes()), "{name}");
        }
    }

    let ended = said(folder, &["client", "retire-old", id, "--kind", "secret"]);
    assert!(ended.contains("1 ended"), "{ended}");
    let listed = said(folder, &["client", "list"]);
    assert!(!listed.contains("secret, secret"), "{listed}");
    said(folder, &["client", "revoke", id]);
    let listed = said(folder, &["client", "list"]);
    assert!(listed.contains("revoked"), "{listed}");
    refused(folder, &["client", "revoke", id]);
    refused(folder, &["client", "rotate", id]);
}

#[test]
fn a_key_is_registered_and_a_secret_one_is_not() {
    let folder = a_folder();
    let folder = folder.path();
    let jwk = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
    let file = folder.join("key.json");
    std::fs::write(&file, jwk).expect("a file");
    let path = file.to_str().expect("a readable path");
    let added = said(folder, &add_with(&["--key-file", path]));
    assert!(!added.contains("client_secret"), "{added}");
    let listed = said(folder, &["client", "list"]);
    assert!(listed.contains("credentials: key"), "{listed}");

    let private = jwk.replace(
        "\"kty\"",
        "\"d\":\"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI\",\"kty\"",
    );
    for wrong in [private.as_str(), "{}", "nonsense", ""] {
        std::fs::write(&file, wrong).expect("a file");
        refused(folder, &add_with(&["--key-file", path]));
    }
    refused(folder, &add_with(&["--key-file", "missing.json"]));
    refused(folder, &add_with(&["--certificate-file", path]));
    refused(
        folder,
        &add_with(&["--key-file", path, "--certificate-file", path]),
    );
    // None of them left a client behind that cannot prove itself.
    let listed = said(folder, &["client", "list"]);
    assert_eq!(listed.lines().count(), 1, "{listed}");
}

#[test]
fn what_a_client_may_not_be_is_refused_and_leaves_nothing() {
    let folder = a_folder();
    let folder = folder.path();
    for (more, why) in [
        (["--life", "P400D"], "--life"),
        (["--life", "PT0S"], "--life"),
        (["--life", "a year"], "--life"),
        (["--authority", "nowhere"], "--authority"),
        (["--scopes", "requests:everything"], "--scopes"),
    ] {
        let error = refused(folder, &add_with(&more));
        assert!(error.contains(why), "{more:?}: {error}");
    }
    for args in [
        ["client", "rotate", "nonsense"],
        ["client", "revoke", "019a0000-0000-7000-8000-000000000000"],
    ] {
        refused(folder, &args);
    }
    assert_eq!(said(folder, &["client", "list"]).trim(), "");
}

#[test]
fn a_demo_client_needs_a_demo() {
    let folder = a_folder();
    let folder = folder.path();
    let args = ["demo", "client", "--scopes", "requests:create"];
    let error = refused(folder, &args);
    assert!(error.contains("demo"), "{error}");
    assert_eq!(said(folder, &["client", "list"]).trim(), "");
}

#[tokio::test]
async fn a_demo_client_is_told_as_json() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let port = folder.join("port");
    let database = format!("sqlite://{}", folder.join("data/sportello.db").display());
    let mut server = Command::new(env!("CARGO_BIN_EXE_sportello"))
        .current_dir(folder)
        .env("SPORTELLO__DATA__FOLDER", folder.join("data"))
        .env("SPORTELLO__DATABASE__URL", database)
        .env("SPORTELLO__HTTP__BIND", "127.0.0.1:0")
        .env("SPORTELLO__LOG__FILTER", "error")
        .args(["serve", "--demo", "--port-file"])
        .arg(&port)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("the program starts");
    // Polled, bounded: the program says itself when it listens.
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    for _ in 0..3000 {
        ticks.tick().await;
        if std::fs::read_to_string(&port).is_ok_and(|text| !text.trim().is_empty()) {
            break;
        }
    }
    let args = ["demo", "client", "--scopes", "requests:create"];
    let output = sportello(folder, &args);
    server.kill().expect("it is stopped");
    server.wait().expect("it has stopped");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    for name in ["client_id", "client_secret"] {
        assert!(told[name].is_string(), "{told}");
    }
    let listed = said(folder, &["client", "list"]);
    let id = told["client_id"].as_str().expect("an id");
    assert!(listed.contains(id), "{listed}");
}
