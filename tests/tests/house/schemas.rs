//! The description of the API has one schema for each type: of two with one name, one would be shown
//! in the place of both.

use std::collections::BTreeMap;

use crate::repository::texts;

#[test]
fn every_schema_of_the_description_has_a_name_of_its_own() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, text) in texts() {
        if path.starts_with("crates/api/src/") && path.ends_with(".rs") {
            for name in schemas(&text) {
                places.entry(name).or_default().push(path.clone());
            }
        }
    }
    assert!(places.len() > 100, "too few to be all: {}", places.len());
    places.retain(|_, paths| paths.len() > 1);
    assert!(places.is_empty(), "{places:#?}");
}

#[test]
fn a_schema_is_noticed() {
    let text = "#[derive(Serialize, ToSchema)]\n#[serde(flatten)]\npub(crate) struct OneBody {\n}\n\
        struct Another {\n}\n#[derive(ToSchema)]\nenum Word {\n";
    assert_eq!(schemas(text), ["OneBody", "Word"]);
}

/// The names of the types that a source file derives a schema for.
fn schemas(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_derived = false;
    for line in text.lines() {
        is_derived |= line.starts_with("#[derive(") && line.contains("ToSchema");
        let mut words = line.split(|c: char| !c.is_alphanumeric());
        let is_type = words.any(|word| word == "struct" || word == "enum");
        if is_type && is_derived && !line.starts_with("//") {
            names.extend(words.next().map(str::to_owned));
            is_derived = false;
        }
    }
    names
}
