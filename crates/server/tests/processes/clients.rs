//! `sportello client …` and `sportello demo client`, as an operator of the machine types them.
use serde_json::Value;

use crate::town::Town;

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

#[test]
fn a_client_is_added_changed_listed_and_revoked() {
    let town = Town::settled();
    let added = town.says(&ADD);
    let (id, first) = (value(&added, "client_id"), value(&added, "client_secret"));
    assert!(first.len() >= 43, "{first}");
    let rotated = town.says(&["client", "rotate", id]);
    let second = value(&rotated, "client_secret");
    assert_ne!(first, second);

    let listed = town.says(&["client", "list"]);
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
        let kept = std::fs::read(town.data(name)).unwrap_or_default();
        for secret in [first, second] {
            let mut windows = kept.windows(secret.len());
            assert!(!windows.any(|window| window == secret.as_bytes()), "{name}");
        }
    }

    let ended = town.says(&["client", "retire-old", id, "--kind", "secret"]);
    assert!(ended.contains("1 ended"), "{ended}");
    let listed = town.says(&["client", "list"]);
    assert!(!listed.contains("secret, secret"), "{listed}");
    town.says(&["client", "revoke", id]);
    let listed = town.says(&["client", "list"]);
    assert!(listed.contains("revoked"), "{listed}");
    town.refuses(&["client", "revoke", id]);
    town.refuses(&["client", "rotate", id]);
}

#[test]
fn a_key_is_registered_and_a_secret_one_is_not() {
    let town = Town::settled();
    let jwk = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
    let file = town.data("key.json");
    std::fs::write(&file, jwk).expect("a file");
    let path = file.to_str().expect("a readable path");
    let added = town.says(&add_with(&["--key-file", path]));
    assert!(!added.contains("client_secret"), "{added}");
    let listed = town.says(&["client", "list"]);
    assert!(listed.contains("credentials: key"), "{listed}");

    let private = jwk.replace(
        "\"kty\"",
        "\"d\":\"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI\",\"kty\"",
    );
    for wrong in [private.as_str(), "{}", "nonsense", ""] {
        std::fs::write(&file, wrong).expect("a file");
        town.refuses(&add_with(&["--key-file", path]));
    }
    town.refuses(&add_with(&["--key-file", "missing.json"]));
    town.refuses(&add_with(&["--certificate-file", path]));
    town.refuses(&add_with(&["--key-file", path, "--certificate-file", path]));
    // None of them left a client behind that cannot prove itself.
    let listed = town.says(&["client", "list"]);
    assert_eq!(listed.lines().count(), 1, "{listed}");
}

#[test]
fn what_a_client_may_not_be_is_refused_and_leaves_nothing() {
    let town = Town::settled();
    for (more, why) in [
        (["--life", "P400D"], "--life"),
        (["--life", "PT0S"], "--life"),
        (["--life", "a year"], "--life"),
        (["--authority", "nowhere"], "--authority"),
        (["--scopes", "requests:everything"], "--scopes"),
    ] {
        let error = town.refuses(&add_with(&more));
        assert!(error.contains(why), "{more:?}: {error}");
    }
    for args in [
        ["client", "rotate", "nonsense"],
        ["client", "revoke", "019a0000-0000-7000-8000-000000000000"],
    ] {
        town.refuses(&args);
    }
    assert_eq!(town.says(&["client", "list"]).trim(), "");
}

#[test]
fn a_demo_client_needs_a_demo() {
    let town = Town::settled();
    let args = ["demo", "client", "--scopes", "requests:create"];
    let error = town.refuses(&args);
    assert!(error.contains("demo"), "{error}");
    assert_eq!(town.says(&["client", "list"]).trim(), "");
}

#[tokio::test]
async fn a_demo_client_is_told_as_json() {
    let town = Town::on_sqlite();
    let server = town.start().await;
    let told = town.says(&["demo", "client", "--scopes", "requests:create"]);
    drop(server);
    let told: Value = serde_json::from_str(&told).expect("JSON");
    for name in ["client_id", "client_secret"] {
        assert!(told[name].is_string(), "{told}");
    }
    let listed = town.says(&["client", "list"]);
    let id = told["client_id"].as_str().expect("an id");
    assert!(listed.contains(id), "{listed}");
}
