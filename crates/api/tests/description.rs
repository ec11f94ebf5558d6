//! The published description: it can be made, and the file in the repository is what is served.

use std::path::Path;

use api::app::description;
use api::openapi::to_yaml;
use serde_json::Value;

fn published() -> Value {
    description().unwrap_or_default()
}

#[test]
fn the_description_can_be_made() {
    description().unwrap();
}

#[test]
fn the_file_is_what_the_code_says() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../api-spec/openapi.yaml");
    let written = std::fs::read_to_string(file).unwrap_or_default();
    let made = to_yaml(&published()).unwrap();
    let first = written
        .lines()
        .zip(made.lines())
        .position(|(one, other)| one != other);
    assert!(
        written == made,
        "api-spec/openapi.yaml is not what the code says (first difference in line {}); write it anew with: make spec",
        first.unwrap_or_else(|| written.lines().count().min(made.lines().count())) + 1
    );
}

#[test]
fn every_operation_is_explained() {
    let document = published();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let (summary, description) = (&operation["summary"], &operation["description"]);
            assert!(summary.is_string(), "{method} {path} has no summary");
            assert_ne!(
                summary, description,
                "{method} {path}: the description says nothing new"
            );
        }
    }
}

#[test]
fn an_answer_has_all_its_members_even_if_they_are_null() {
    let document = published();
    let mut left = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            for (status, response) in operation["responses"].as_object().unwrap() {
                if status.starts_with('2') {
                    let at = format!("{method} {path} {status}");
                    optional_members(&document, &response["content"], &at, &mut left);
                }
            }
        }
    }
    left.sort();
    left.dedup();
    // The rules of a form's field: absent where they do not apply.
    let expected = [
        "choices",
        "hint",
        "length",
        "max_items",
        "max_length",
        "pattern",
    ]
    .map(|member| format!("FormFieldBody.{member}"));
    // CloudEvents knows no null: what an event is about is absent where it is about nothing.
    let subject = "WebhookEventBody.subject".to_owned();
    // A problem has the members that belong to it, within an answer as well as alone.
    let of_problems = [
        "allowed",
        "audience",
        "current_version",
        "errors",
        "state",
        "unmet",
    ]
    .map(|member| format!("BulkProblemBody.{member}"));
    let expected = [&of_problems[..], &expected[..], &[subject]].concat();
    assert_eq!(left, expected);
}

/// Finds members of answers that are not required: our serialiser leaves none out.
fn optional_members(document: &Value, node: &Value, at: &str, found: &mut Vec<String>) {
    match node {
        Value::Object(members) => {
            if let Some(target) = members.get("$ref").and_then(Value::as_str) {
                let pointer = target.trim_start_matches('#');
                let name = pointer.rsplit('/').next().unwrap_or_default();
                let named = document.pointer(pointer);
                found.extend(named.is_none().then(|| format!("{name} leads nowhere")));
                return optional_members(document, named.unwrap_or(&Value::Null), name, found);
            }
            if let Some(Value::Object(properties)) = members.get("properties") {
                let required = members.get("required").and_then(Value::as_array);
                let missing = properties.keys().filter(|name| {
                    !required.is_some_and(|list| list.iter().any(|one| one == name.as_str()))
                });
                found.extend(missing.map(|name| format!("{at}.{name}")));
            }
            members
                .iter()
                .filter(|(key, _)| !matches!(key.as_str(), "example" | "examples"))
                .for_each(|(_, child)| optional_members(document, child, at, found));
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| optional_members(document, item, at, found)),
        _ => {}
    }
}
