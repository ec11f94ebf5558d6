//! Writes one 3.1 schema in the words of 3.0.
//!
//! Each function knows one keyword. What none of them knows stays as it is, and `check` refuses it.

use serde_json::{Value, json};

use super::SpecError;
use super::walk::Object;

/// Rewrites a schema whose inner schemas are done already.
pub(super) fn to_3_0(schema: &mut Value, at: &str) -> Result<(), SpecError> {
    match schema {
        Value::Bool(true) => *schema = json!({}),
        Value::Bool(false) => *schema = json!({ "not": {} }),
        Value::Object(keywords) => rewrite(keywords),
        _ => return Err(SpecError::Shape { at: at.to_owned() }),
    }
    Ok(())
}

fn rewrite(schema: &mut Object) {
    null_alternative(schema, "oneOf");
    null_alternative(schema, "anyOf");
    type_list(schema);
    constant(schema);
    null_in_enum(schema);
    first_example(schema);
    exclusive_bound(schema, "minimum", "exclusiveMinimum");
    exclusive_bound(schema, "maximum", "exclusiveMaximum");
    encoded_content(schema);
    // The names of a map's members: 3.0 cannot bound them, and JSON makes them texts anyway.
    schema.remove("propertyNames");
    schema.remove("$comment");
    reference_with_siblings(schema);
}

/// `oneOf: [X, {type: null}]` → X with `nullable`, when X has a type; `nullable` means nothing
/// without one, so a reference stays a choice between it and a schema that only null fits.
fn null_alternative(schema: &mut Object, keyword: &str) {
    let Some(Value::Array(members)) = schema.get_mut(keyword) else {
        return;
    };
    let before = members.len();
    members.retain(|member| member.get("type") != Some(&json!("null")));
    if members.len() == before {
        return;
    }
    if let [Value::Object(only)] = members.as_mut_slice() {
        let only = std::mem::take(only);
        schema.remove(keyword);
        nullable(schema, keyword, only);
    } else {
        members.push(only_null());
    }
}

fn nullable(schema: &mut Object, choice: &str, mut only: Object) {
    if only.contains_key("type") {
        only.insert("nullable".to_owned(), json!(true));
    } else {
        // Undo `reference_with_siblings`: what is said about the member belongs to the choice.
        let wrapped = only
            .remove("allOf")
            .and_then(|members| members.get(0).cloned());
        let bare = |only: &mut Object| only.remove("$ref").map(|target| json!({ "$ref": target }));
        let reference = wrapped.or_else(|| bare(&mut only));
        let reference = reference.unwrap_or_else(|| Value::Object(std::mem::take(&mut only)));
        only.insert(choice.to_owned(), json!([reference, only_null()]));
    }
    for (key, value) in only {
        schema.entry(key).or_insert(value);
    }
}

fn only_null() -> Value {
    json!({ "type": "string", "nullable": true, "enum": [null] })
}

/// `type: [string, null]` → `type: string` with `nullable`.
fn type_list(schema: &mut Object) {
    let Some(Value::Array(types)) = schema.get_mut("type") else {
        return;
    };
    let before = types.len();
    types.retain(|name| name != "null");
    let nullable = types.len() < before;
    if let [only] = types.as_slice() {
        let only = only.clone();
        schema.insert("type".to_owned(), only);
    }
    if nullable {
        schema.insert("nullable".to_owned(), json!(true));
    }
}

/// `const: x` → `enum: [x]`.
fn constant(schema: &mut Object) {
    if let Some(value) = schema.remove("const") {
        schema.insert("enum".to_owned(), json!([value]));
    }
}

/// In 3.0 a nullable enumeration must list null itself.
fn null_in_enum(schema: &mut Object) {
    if schema.get("nullable") != Some(&json!(true)) {
        return;
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
}

/// `examples: [a, b]` → `example: a`.
fn first_example(schema: &mut Object) {
    if !schema.get("examples").is_some_and(Value::is_array) {
        return;
    }
    if let Some(Value::Array(examples)) = schema.remove("examples")
        && let Some(first) = examples.into_iter().next()
    {
        schema.entry("example").or_insert(first);
    }
}

/// `exclusiveMinimum: 3` → `minimum: 3, exclusiveMinimum: true`.
fn exclusive_bound(schema: &mut Object, bound: &str, exclusive: &str) {
    if !schema.get(exclusive).is_some_and(Value::is_number) {
        return;
    }
    if let Some(limit) = schema.insert(exclusive.to_owned(), json!(true)) {
        schema.insert(bound.to_owned(), limit);
    }
}

/// `contentEncoding` and `contentMediaType` → the formats `byte` and `binary`.
fn encoded_content(schema: &mut Object) {
    let media_type = schema.remove("contentMediaType");
    let format = match schema.get("contentEncoding").and_then(Value::as_str) {
        Some("base64") => "byte",
        None if media_type.is_some() => "binary",
        _ => return,
    };
    schema.remove("contentEncoding");
    schema.insert("format".to_owned(), json!(format));
}

/// `{$ref, description}` → `{allOf: [{$ref}], description}`, since 3.0 ignores what stands beside a `$ref`.
fn reference_with_siblings(schema: &mut Object) {
    if schema.len() < 2 || schema.contains_key("allOf") {
        return;
    }
    if let Some(target) = schema.remove("$ref") {
        schema.insert("allOf".to_owned(), json!([{ "$ref": target }]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_keyword_is_said_in_3_0() {
        let cases = [
            (json!(true), json!({})),
            (json!(false), json!({ "not": {} })),
            (
                json!({ "type": ["string", "null"] }),
                json!({ "type": "string", "nullable": true }),
            ),
            (
                json!({ "type": ["string", "null"], "enum": ["a"] }),
                json!({ "type": "string", "nullable": true, "enum": ["a", null] }),
            ),
            (
                json!({ "oneOf": [{ "type": "null" }, { "$ref": "#/x" }] }),
                json!({ "oneOf": [{ "$ref": "#/x" }, only_null()] }),
            ),
            (
                json!({ "oneOf": [{ "allOf": [{ "$ref": "#/x" }], "description": "d" }, { "type": "null" }] }),
                json!({ "oneOf": [{ "$ref": "#/x" }, only_null()], "description": "d" }),
            ),
            (
                json!({ "oneOf": [{ "type": "object", "properties": {} }, { "type": "null" }] }),
                json!({ "type": "object", "properties": {}, "nullable": true }),
            ),
            (
                json!({ "anyOf": [{ "$ref": "#/x" }, { "$ref": "#/y" }, { "type": "null" }] }),
                json!({ "anyOf": [{ "$ref": "#/x" }, { "$ref": "#/y" }, only_null()] }),
            ),
            (json!({ "const": "a" }), json!({ "enum": ["a"] })),
            (json!({ "examples": [1, 2] }), json!({ "example": 1 })),
            (
                json!({ "exclusiveMinimum": 3 }),
                json!({ "minimum": 3, "exclusiveMinimum": true }),
            ),
            (
                json!({ "exclusiveMaximum": 3 }),
                json!({ "maximum": 3, "exclusiveMaximum": true }),
            ),
            (
                json!({ "type": "string", "contentEncoding": "base64", "contentMediaType": "image/png" }),
                json!({ "type": "string", "format": "byte" }),
            ),
            (
                json!({ "type": "string", "contentMediaType": "application/octet-stream" }),
                json!({ "type": "string", "format": "binary" }),
            ),
            (json!({ "$ref": "#/x" }), json!({ "$ref": "#/x" })),
            (
                json!({ "$ref": "#/x", "description": "d" }),
                json!({ "allOf": [{ "$ref": "#/x" }], "description": "d" }),
            ),
            (
                json!({ "type": "object", "propertyNames": { "type": "string" }, "additionalProperties": {} }),
                json!({ "type": "object", "additionalProperties": {} }),
            ),
        ];
        for (mut schema, expected) in cases {
            let before = schema.clone();
            to_3_0(&mut schema, "").unwrap();
            assert_eq!(schema, expected, "from {before}");
        }
    }
}
