//! Gives every schema bounds, as the national security profile asks.
//!
//! What the author wrote always wins: the defaults here are wide, and only say that nothing is
//! endless. A request member with a real limit states it with `#[schema(max_length = …)]`.

use serde_json::{Value, json};

use super::SpecError;
use super::walk::{self, Object};

/// Any text but the one character no database column takes.
pub(super) const ANY_TEXT: &str = r"^[^\x00]*$";
const MAX_TEXT: u64 = 10_000;
const MAX_ITEMS: u64 = 1_000;
const MAX_MEMBERS: u64 = 200;
/// The largest integer every JSON reader keeps exactly (2^53 − 1).
const MAX_EXACT: i64 = 9_007_199_254_740_991;

/// Adds the missing bounds to one schema.
pub(super) fn bound(schema: &mut Value, at: &str) -> Result<(), SpecError> {
    let schema = walk::object(schema, at)?;
    if schema.contains_key("properties") {
        default(schema, "type", json!("object"));
    }
    match walk::text(schema, "type") {
        "string" => bound_text(schema),
        "integer" => bound_integer(schema),
        "number" => bound_number(schema),
        "array" => bound_array(schema),
        "object" => bound_object(schema),
        _ => {}
    }
    Ok(())
}

fn bound_text(schema: &mut Object) {
    if schema.contains_key("enum") {
        return;
    }
    let longest = match walk::text(schema, "format") {
        // A file is bounded by the body limit, in bytes; maxLength counts characters.
        "binary" => return,
        "uuid" => 36,
        "date" => 10,
        "date-time" | "duration" => 64,
        "email" => 254,
        "uri" | "uri-reference" => 2_048,
        "byte" => 1_398_104,
        _ => MAX_TEXT,
    };
    default(schema, "maxLength", json!(longest));
    if !schema.contains_key("format") {
        default(schema, "pattern", json!(ANY_TEXT));
    }
}

fn bound_integer(schema: &mut Object) {
    let (format, least, most) = match walk::text(schema, "format") {
        "int32" | "int16" | "int8" | "uint16" | "uint8" => {
            ("int32", i64::from(i32::MIN), i64::from(i32::MAX))
        }
        _ => ("int64", -MAX_EXACT, MAX_EXACT),
    };
    schema.insert("format".to_owned(), json!(format));
    default(schema, "minimum", json!(least));
    default(schema, "maximum", json!(most));
}

fn bound_number(schema: &mut Object) {
    default(schema, "format", json!("double"));
    default(schema, "minimum", json!(-MAX_EXACT));
    default(schema, "maximum", json!(MAX_EXACT));
}

fn bound_array(schema: &mut Object) {
    default(schema, "items", json!({}));
    default(schema, "minItems", json!(0));
    default(schema, "maxItems", json!(MAX_ITEMS));
}

/// Closes an object; one that is a map of anything gets a limit of members instead.
fn bound_object(schema: &mut Object) {
    let closed = schema.contains_key("properties");
    default(
        schema,
        "additionalProperties",
        if closed { json!(false) } else { json!({}) },
    );
    if schema.get("additionalProperties") == Some(&json!(true)) {
        schema.insert("additionalProperties".to_owned(), json!({}));
    }
    if schema.get("additionalProperties") != Some(&json!(false)) {
        default(schema, "maxProperties", json!(MAX_MEMBERS));
    }
}

fn default(schema: &mut Object, keyword: &str, value: Value) {
    schema.entry(keyword).or_insert(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_bounds_are_added_and_written_ones_kept() {
        let cases = [
            (
                json!({ "type": "string" }),
                json!({ "type": "string", "maxLength": MAX_TEXT, "pattern": ANY_TEXT }),
            ),
            (
                json!({ "type": "string", "maxLength": 5, "pattern": "^a$" }),
                json!({ "type": "string", "maxLength": 5, "pattern": "^a$" }),
            ),
            (
                json!({ "type": "string", "format": "uuid" }),
                json!({ "type": "string", "format": "uuid", "maxLength": 36 }),
            ),
            (
                json!({ "type": "string", "enum": ["a"] }),
                json!({ "type": "string", "enum": ["a"] }),
            ),
            (
                json!({ "type": "integer", "format": "int32", "minimum": 1 }),
                json!({ "type": "integer", "format": "int32", "minimum": 1, "maximum": i32::MAX }),
            ),
            (
                json!({ "properties": {} }),
                json!({ "type": "object", "properties": {}, "additionalProperties": false }),
            ),
            (
                json!({ "type": "object" }),
                json!({ "type": "object", "additionalProperties": {}, "maxProperties": MAX_MEMBERS }),
            ),
            (
                json!({ "allOf": [{ "$ref": "#/x" }] }),
                json!({ "allOf": [{ "$ref": "#/x" }] }),
            ),
            (json!({}), json!({})),
        ];
        for (mut schema, expected) in cases {
            bound(&mut schema, "").unwrap();
            assert_eq!(schema, expected);
        }
    }
}
