//! `sportello audit …`, as an operator of the machine types it.
use crate::town::Town;

/// An installation in which something was done, linked and anchored; its copy is from before.
fn busy() -> Town {
    let town = Town::settled();
    town.keep_copy();
    let mut add = vec!["client", "add", "--label", "Portale di prova"];
    add.extend(["--contact", "portale@example.org"]);
    add.extend(["--scopes", "requests:read"]);
    town.says(&add);
    let nobody = "00000000-0000-0000-0000-000000000001";
    town.refuses(&["client", "revoke", nobody]);
    town.says(&["jobs", "run", "--once"]);
    town
}

const ALWAYS: [&str; 4] = [
    "--from",
    "2020-01-01T00:00:00Z",
    "--to",
    "2200-01-01T00:00:00Z",
];

#[test]
fn commands_are_noted_however_they_went_and_the_trail_is_proved() {
    let town = busy();
    let mut logins = vec!["audit", "logins"];
    logins.extend(ALWAYS);
    let told = town.says(&logins);
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
    let lines = town.says(&export);
    let first = lines.lines().next().expect("an entry");
    let first: serde_json::Value = serde_json::from_str(first).expect("JSON");
    assert_eq!(first.get("seq"), Some(&serde_json::json!(1)));

    // With the public key alone, as somebody else would.
    let key = town.data("key.pem");
    let pem = town.says(&["audit", "public-key"]);
    assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----"), "{pem}");
    std::fs::write(&key, pem).expect("the key is kept");
    let key = key.display().to_string();
    let proof = town.says(&["audit", "verify", "--public-key", &key]);
    assert!(proof.contains("2 anchors were compared"), "{proof}");
    assert!(proof.contains("the trail is what was written"), "{proof}");
    let doctor = town.doctor();
    assert!(doctor.contains("ok    audit trail: "), "{doctor}");
}

#[test]
fn an_older_copy_of_the_database_is_found_by_the_anchors_outside() {
    let town = busy();
    town.says(&["audit", "verify"]);
    town.put_copy_back();
    let told = town.finds(&["audit", "verify"]);
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
    let town = busy();
    let path = town.data("audit-anchors.jsonl");
    let line = std::fs::read_to_string(&path).expect("anchors");
    let forged = line.replacen("\"signature\":\"", "\"signature\":\"AAAA", 1);
    assert_ne!(forged, line);
    std::fs::write(&path, forged).expect("the line is changed");
    let told = town.finds(&["audit", "verify"]);
    assert!(
        told.contains("line 1 of the anchors was not signed"),
        "{told}"
    );
}
