//! The document as YAML, in the order people read it.

use serde_json::Value;
use serde_yaml_ng::{Mapping, Value as Yaml};

use super::SpecError;
use super::walk::Object;

/// Keys that come first, in this order; all others follow by alphabet. The order of the JSON
/// members does not matter, so the text is the same whatever map `serde_json` was built with.
const FIRST: [&str; 27] = [
    "$ref",
    "openapi",
    "info",
    "servers",
    "tags",
    "paths",
    "components",
    "get",
    "post",
    "put",
    "patch",
    "delete",
    "operationId",
    "name",
    "in",
    "title",
    "summary",
    "description",
    "required",
    "security",
    "parameters",
    "requestBody",
    "responses",
    "type",
    "format",
    "nullable",
    "properties",
];

/// Writes the document as YAML text.
///
/// # Errors
/// When the writer fails, which it does not for a JSON document.
pub fn to_yaml(document: &Value) -> Result<String, SpecError> {
    Ok(serde_yaml_ng::to_string(&ordered(document, true))?)
}

/// The members of `properties` are names of ours, even when they are spelled like keywords.
fn ordered(value: &Value, keywords: bool) -> Yaml {
    match value {
        Value::Null => Yaml::Null,
        Value::Bool(flag) => Yaml::Bool(*flag),
        Value::Number(number) => number_of(number),
        Value::String(text) => Yaml::String(text.clone()),
        Value::Array(items) => {
            Yaml::Sequence(items.iter().map(|item| ordered(item, true)).collect())
        }
        Value::Object(members) => Yaml::Mapping(mapping(members, keywords)),
    }
}

fn mapping(members: &Object, keywords: bool) -> Mapping {
    let mut pairs: Vec<(&String, &Value)> = members.iter().collect();
    pairs.sort_by_key(|(key, _)| (if keywords { rank(key) } else { 0 }, key.as_str()));
    let mut mapping = Mapping::new();
    for (key, member) in pairs {
        let members_are_keywords = !keywords || key != "properties";
        mapping.insert(
            Yaml::String(key.clone()),
            ordered(member, members_are_keywords),
        );
    }
    mapping
}

fn number_of(number: &serde_json::Number) -> Yaml {
    let whole = number
        .as_i64()
        .map(Yaml::from)
        .or_else(|| number.as_u64().map(Yaml::from));
    whole
        .or_else(|| number.as_f64().map(Yaml::from))
        .unwrap_or(Yaml::Null)
}

fn rank(key: &str) -> usize {
    FIRST
        .iter()
        .position(|first| *first == key)
        .unwrap_or(FIRST.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_order_is_ours_and_the_content_the_same() {
        let document = json!({ "paths": { "b": 1, "a": 2.5 }, "info": { "version": "1.0.0" }, "openapi": "3.0.3" });
        let text = to_yaml(&document).unwrap();
        assert_eq!(
            text,
            "openapi: 3.0.3\ninfo:\n  version: 1.0.0\npaths:\n  a: 2.5\n  b: 1\n"
        );
        assert_eq!(serde_yaml_ng::from_str::<Value>(&text).unwrap(), document);
    }
}
