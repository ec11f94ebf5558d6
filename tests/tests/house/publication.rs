//! What public software has to bring along: licence, catalogue entry, changelog.

use serde_yaml_ng::Value;

use crate::documents::{headings, section};
use crate::repository::read;

const STATUSES: &[&str] = &["concept", "development", "beta", "stable", "obsolete"];
const SOFTWARE_TYPES: &[&str] = &[
    "standalone/mobile",
    "standalone/iot",
    "standalone/desktop",
    "standalone/web",
    "standalone/backend",
    "standalone/other",
    "addon",
    "library",
    "configurationFiles",
];
const MAINTENANCE: &[&str] = &["internal", "contract", "community", "none"];

#[test]
fn the_licence_is_the_eupl_1_2() {
    let licence = read("LICENSE");
    assert!(licence.starts_with("EUROPEAN UNION PUBLIC LICENCE v. 1.2"));
    assert!(
        licence.contains("15.Applicable Law"),
        "the text is not complete"
    );

    let workspace: toml::Table = read("Cargo.toml").parse().unwrap();
    assert_eq!(
        workspace["workspace"]["package"]["license"].as_str(),
        Some("EUPL-1.2")
    );
}

#[test]
fn the_catalogue_entry_is_complete() {
    let entry = serde_yaml_ng::from_str(&read("publiccode.yml")).expect("publiccode.yml is YAML");
    let complaints = complaints(&entry);
    assert!(
        complaints.is_empty(),
        "publiccode.yml:\n{}\n",
        complaints.join("\n")
    );
}

#[test]
fn the_catalogue_entry_has_the_version_of_the_workspace() {
    let entry: Value = serde_yaml_ng::from_str(&read("publiccode.yml")).unwrap();
    assert_eq!(entry["softwareVersion"].as_str(), Some(version().as_str()));
}

#[test]
fn the_changelog_speaks_to_each_reader_and_knows_the_version() {
    let changelog = read("CHANGELOG.md");
    let releases = headings(&changelog, 2);
    assert_eq!(releases.first().map(String::as_str), Some("[Unreleased]"));

    let top = releases
        .get(1)
        .expect("the changelog has a released version");
    assert!(
        top.starts_with(&format!("[{}]", version())),
        "the changelog ends at {top}, the workspace is at {}",
        version()
    );

    let unreleased = section(&changelog, 2, "[Unreleased]").unwrap();
    assert_eq!(
        headings(&unreleased, 3),
        [
            "Citizens and operators",
            "Integrators",
            "Operations",
            "Developers"
        ]
    );
}

#[test]
fn a_bad_catalogue_entry_is_noticed() {
    let entry = serde_yaml_ng::from_str(
        "publiccodeYmlVersion: '0.5'\nname: Sportello\nurl: example.org\nplatforms: []\n\
         developmentStatus: nearly\nsoftwareType: standalone/web\n\
         description: {it: {shortDescription: Breve, longDescription: Troppo breve, features: []}}\n\
         legal: {license: EUPL-1.2}\nmaintenance: {type: internal}\nlocalisation: {localisationReady: true}\n",
    )
    .unwrap();
    assert_eq!(
        complaints(&entry),
        [
            "url is not a well-formed https address",
            "platforms is missing or empty",
            "developmentStatus is not one of the allowed values",
            "description.it.longDescription has 12 characters, not 150 to 10000",
            "description.it.features is missing or empty",
            "description.en is missing",
            "localisation.availableLanguages is missing or empty",
            "maintenance.contacts is missing or empty",
        ]
    );
}

/// What the publiccode standard asks and the entry does not give.
fn complaints(entry: &Value) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut demand = |holds: bool, complaint: String| {
        if !holds {
            complaints.push(complaint);
        }
    };

    let one_of = |value: &Value, allowed: &[&str]| {
        value.as_str().is_some_and(|value| allowed.contains(&value))
    };
    let filled = |value: &Value| value.as_sequence().is_some_and(|items| !items.is_empty());
    let length = |value: &Value| value.as_str().map_or(0, |text| text.trim().chars().count());

    let version = entry["publiccodeYmlVersion"].as_str().unwrap_or_default();
    demand(
        version.starts_with("0."),
        "publiccodeYmlVersion is missing".to_owned(),
    );
    demand(length(&entry["name"]) > 0, "name is missing".to_owned());
    demand(
        is_address(&entry["url"]),
        "url is not a well-formed https address".to_owned(),
    );
    demand(
        filled(&entry["platforms"]),
        "platforms is missing or empty".to_owned(),
    );
    demand(
        one_of(&entry["developmentStatus"], STATUSES),
        "developmentStatus is not one of the allowed values".to_owned(),
    );
    demand(
        one_of(&entry["softwareType"], SOFTWARE_TYPES),
        "softwareType is not one of the allowed values".to_owned(),
    );
    for language in ["it", "en"] {
        let text = &entry["description"][language];
        if text.is_null() {
            demand(false, format!("description.{language} is missing"));
            continue;
        }
        let short = length(&text["shortDescription"]);
        demand(
            (1..=150).contains(&short),
            format!("description.{language}.shortDescription has {short} characters, not 1 to 150"),
        );
        let long = length(&text["longDescription"]);
        demand(
            (150..=10_000).contains(&long),
            format!(
                "description.{language}.longDescription has {long} characters, not 150 to 10000"
            ),
        );
        demand(
            filled(&text["features"]),
            format!("description.{language}.features is missing or empty"),
        );
    }
    demand(
        entry["legal"]["license"].as_str() == Some("EUPL-1.2"),
        "legal.license is not EUPL-1.2".to_owned(),
    );
    demand(
        entry["localisation"]["localisationReady"]
            .as_bool()
            .is_some(),
        "localisation.localisationReady is missing".to_owned(),
    );
    demand(
        filled(&entry["localisation"]["availableLanguages"]),
        "localisation.availableLanguages is missing or empty".to_owned(),
    );

    let maintenance = &entry["maintenance"];
    demand(
        one_of(&maintenance["type"], MAINTENANCE),
        "maintenance.type is not one of the allowed values".to_owned(),
    );
    match maintenance["type"].as_str() {
        Some("internal" | "community") => {
            demand(
                filled(&maintenance["contacts"]),
                "maintenance.contacts is missing or empty".to_owned(),
            );
        }
        Some("contract") => {
            demand(
                filled(&maintenance["contractors"]),
                "maintenance.contractors is missing or empty".to_owned(),
            );
        }
        _ => {}
    }
    complaints
}

fn is_address(value: &Value) -> bool {
    let Some(rest) = value.as_str().and_then(|url| url.strip_prefix("https://")) else {
        return false;
    };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    host.contains('.')
        && host
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || ".-".contains(c))
        && !path.is_empty()
        && !rest.contains(char::is_whitespace)
}

fn version() -> String {
    let workspace: toml::Table = read("Cargo.toml").parse().unwrap();
    workspace["workspace"]["package"]["version"]
        .as_str()
        .unwrap()
        .to_owned()
}
