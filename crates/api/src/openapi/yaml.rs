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
    let text = serde_yaml_ng::to_string(&ordered(document, true))?;
    Ok(quoted(&text))
}

/// The text with quotes around what older readers (YAML 1.1) take for a truth value or a day: `no`
/// is the name of a member, `on` what a check box sends.
fn quoted(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    // Lines deeper than this belong to a text of several lines and are left alone.
    let mut in_text = None;
    for line in text.lines() {
        let spaces = line.len() - line.trim_start_matches(' ').len();
        if in_text.is_some_and(|depth| line.is_empty() || spaces >= depth) {
            written.push_str(line);
        } else {
            let (indent, key, value) = parts(line);
            in_text = matches!(value.trim(), "|" | "|-" | "|+")
                .then(|| indent.len() + usize::from(key.is_some()));
            written.push_str(indent);
            if let Some(key) = key {
                written.push_str(&quote(key));
                written.push(':');
            }
            written.push_str(&quote(value));
        }
        written.push('\n');
    }
    written
}

/// What a line begins with, its key if it has one, and its value.
fn parts(line: &str) -> (&str, Option<&str>, &str) {
    let mut rest = line.trim_start_matches(' ');
    while let Some(item) = rest.strip_prefix("- ") {
        rest = item;
    }
    let (indent, rest) = line.split_at(line.len() - rest.len());
    match rest.split_once(':') {
        Some((key, value)) if value.is_empty() || value.starts_with(' ') => {
            (indent, Some(key), value)
        }
        _ => (indent, None, rest),
    }
}

fn quote(text: &str) -> String {
    let word = text.trim_start();
    if is_read_otherwise(word) {
        let (space, word) = text.split_at(text.len() - word.len());
        format!("{space}'{word}'")
    } else {
        text.to_owned()
    }
}

fn is_read_otherwise(word: &str) -> bool {
    let is_flag = ["y", "n", "yes", "no", "on", "off"]
        .iter()
        .any(|flag| word.eq_ignore_ascii_case(flag));
    let is_day = word.len() == 10
        && word.char_indices().all(|(at, character)| match at {
            4 | 7 => character == '-',
            _ => character.is_ascii_digit(),
        });
    is_flag || is_day
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

    #[test]
    fn readers_of_yaml_1_1_find_texts_where_texts_are() {
        let document =
            json!({ "no": ["on", "yes, no", "a: no"], "day": "2026-11-02", "long": "first\nno\n" });
        let text = to_yaml(&document).unwrap();
        assert_eq!(
            text,
            "day: '2026-11-02'\nlong: |\n  first\n  no\n'no':\n- 'on'\n- yes, no\n- 'a: no'\n"
        );
    }
}
