//! Which crate may know which, and which libraries stay out of which crate.
//!
//! The table is the diagram in `docs/architecture.md`.
//! A new arrow is a decision: write it down in `docs/adr` first.

use crate::repository::manifests;

/// Every crate, and the crates of ours it may depend on.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("escalation", &["domain"]),
    ("storage", &["domain"]),
    ("service", &["storage", "escalation", "domain"]),
    ("api", &["service", "domain"]),
    ("jobs", &["service", "domain"]),
    (
        "server",
        &["api", "jobs", "service", "storage", "escalation", "domain"],
    ),
];

/// Opens a socket, a file or a database, or decides by chance: not for rules.
const OUTSIDE_WORLD: &[&str] = &[
    "actix-*",
    "anyhow",
    "async-*",
    "bytes",
    "clap",
    "diesel*",
    "figment",
    "futures*",
    "getrandom",
    "hyper*",
    "lettre",
    "libsqlite3-sys",
    "multer",
    "object_store",
    "pq-sys",
    "r2d2*",
    "rand*",
    "reqwest",
    "rusqlite",
    "sqlx",
    "tempfile",
    "tokio*",
    "tracing*",
    "ureq",
    "utoipa*",
];
const HTTP: &[&str] = &["actix-*", "multer", "utoipa*"];
const HTTP_CLIENTS: &[&str] = &["hyper*", "reqwest", "ureq"];
const DATABASE: &[&str] = &[
    "diesel*",
    "libsqlite3-sys",
    "pq-sys",
    "r2d2*",
    "rusqlite",
    "sqlx",
];
const BLOBS_AND_MAIL: &[&str] = &["lettre", "object_store"];

/// Every crate, and the families of libraries it must do without.
const KEEPS_OUT: &[(&str, &[&[&str]])] = &[
    ("domain", &[OUTSIDE_WORLD]),
    ("escalation", &[OUTSIDE_WORLD]),
    ("storage", &[HTTP, HTTP_CLIENTS, &["lettre"]]),
    ("service", &[HTTP, HTTP_CLIENTS, DATABASE, BLOBS_AND_MAIL]),
    ("api", &[DATABASE, BLOBS_AND_MAIL]),
    ("jobs", &[HTTP, DATABASE]),
    ("server", &[]),
];

#[test]
fn the_crates_know_only_whom_they_may() {
    let crates: Vec<_> = manifests();
    assert!(
        !crates.is_empty(),
        "no crate was found, so nothing was checked"
    );

    let complaints: Vec<String> = crates
        .iter()
        .flat_map(|(name, manifest)| complaints(name, manifest))
        .collect();

    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn a_forbidden_arrow_is_noticed() {
    let upwards = table("[dependencies]\nservice.workspace = true\n");
    assert_eq!(
        complaints("domain", &upwards),
        ["domain must not depend on service"]
    );

    let across = table("[dependencies]\nstorage = { path = \"../storage\" }\n");
    assert_eq!(
        complaints("api", &across),
        ["api must not depend on storage"]
    );

    let renamed =
        table("[dependencies]\nshelf = { package = \"storage\", path = \"../storage\" }\n");
    assert_eq!(
        complaints("api", &renamed),
        ["api must not depend on storage"]
    );

    let in_tests = table("[dev-dependencies]\nserver.workspace = true\n");
    assert_eq!(
        complaints("service", &in_tests),
        ["service must not depend on server"]
    );

    let on_the_suite = table("[dependencies]\ntests = { path = \"../../tests\" }\n");
    assert_eq!(
        complaints("server", &on_the_suite),
        ["server must not depend on tests"]
    );
}

#[test]
fn a_library_in_the_wrong_crate_is_noticed() {
    let sockets = table("[dependencies]\ntokio.workspace = true\nserde.workspace = true\n");
    assert_eq!(
        complaints("escalation", &sockets),
        ["escalation must do without tokio"]
    );

    let under_a_target = table("[target.'cfg(unix)'.dependencies]\ndiesel_migrations = \"2\"\n");
    assert_eq!(
        complaints("api", &under_a_target),
        ["api must do without diesel_migrations"]
    );

    let while_building = table("[build-dependencies]\nactix-web = \"4\"\n");
    assert_eq!(
        complaints("storage", &while_building),
        ["storage must do without actix-web"]
    );

    let only_in_tests = table("[dev-dependencies]\ntempfile.workspace = true\n");
    assert!(complaints("domain", &only_in_tests).is_empty());
}

#[test]
fn a_crate_nobody_placed_is_noticed() {
    let nothing = table("[package]\nname = \"reports\"\n");
    assert_eq!(
        complaints("reports", &nothing),
        ["reports has no place in the diagram"]
    );
}

/// What is wrong with one manifest, a sentence each.
fn complaints(name: &str, manifest: &toml::Table) -> Vec<String> {
    let Some((_, may_know)) = MAY_KNOW.iter().find(|(known, _)| *known == name) else {
        return vec![format!("{name} has no place in the diagram")];
    };
    let (_, keeps_out) = KEEPS_OUT
        .iter()
        .find(|(known, _)| *known == name)
        .unwrap_or_else(|| panic!("{name} is missing in KEEPS_OUT"));

    let mut complaints = Vec::new();
    for (dependency, only_for_tests) in dependencies(manifest) {
        let is_ours = dependency == "tests" || MAY_KNOW.iter().any(|(ours, _)| *ours == dependency);
        if is_ours {
            if !may_know.contains(&dependency.as_str()) {
                complaints.push(format!("{name} must not depend on {dependency}"));
            }
        } else if !only_for_tests && keeps_out.iter().any(|family| is_in(family, &dependency)) {
            complaints.push(format!("{name} must do without {dependency}"));
        }
    }
    complaints
}

/// All dependencies of a manifest, and whether only its tests have them.
fn dependencies(manifest: &toml::Table) -> Vec<(String, bool)> {
    let for_targets = manifest
        .get("target")
        .and_then(toml::Value::as_table)
        .into_iter()
        .flat_map(|targets| targets.values())
        .filter_map(toml::Value::as_table);

    let mut found = Vec::new();
    for part in std::iter::once(manifest).chain(for_targets) {
        for (section, only_for_tests) in [
            ("dependencies", false),
            ("build-dependencies", false),
            ("dev-dependencies", true),
        ] {
            let Some(entries) = part.get(section).and_then(toml::Value::as_table) else {
                continue;
            };
            for (key, value) in entries {
                let package = value
                    .get("package")
                    .and_then(toml::Value::as_str)
                    .unwrap_or(key);
                found.push((package.to_owned(), only_for_tests));
            }
        }
    }
    found
}

/// Whether a family, whose names may end in `*`, holds a library.
fn is_in(family: &[&str], library: &str) -> bool {
    family.iter().any(|name| match name.strip_suffix('*') {
        Some(start) => library.starts_with(start),
        None => library == *name,
    })
}

fn table(text: &str) -> toml::Table {
    text.parse().unwrap()
}
