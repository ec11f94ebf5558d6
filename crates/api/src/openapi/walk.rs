//! Ways through the document: to every schema, to every operation, to a named part.

use serde_json::{Map, Value};

use super::SpecError;

/// A JSON object.
pub(super) type Object = Map<String, Value>;

/// What is done to a schema; the text is its JSON pointer, for messages.
pub(super) type Change<'a> = dyn FnMut(&mut Value, &str) -> Result<(), SpecError> + 'a;

/// The methods an OpenAPI 3.0 path item may have.
pub(super) const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];

/// Keywords whose value is one schema.
const ONE: [&str; 3] = ["items", "not", "additionalProperties"];
/// Keywords whose value is a list of schemas.
const LIST: [&str; 3] = ["allOf", "oneOf", "anyOf"];

/// Calls `change` on every schema of the document, innermost first.
///
/// Outside schemas, only the members `schema` and `schemas` hold some; examples are data, which
/// may look like anything, and are passed over.
pub(super) fn each_schema(document: &mut Value, change: &mut Change) -> Result<(), SpecError> {
    outside(document, "", change)
}

fn outside(node: &mut Value, at: &str, change: &mut Change) -> Result<(), SpecError> {
    match node {
        Value::Object(members) => {
            for (key, child) in members.iter_mut() {
                let here = format!("{at}/{key}");
                match key.as_str() {
                    "example" | "examples" => {}
                    "schema" => inside(child, &here, change)?,
                    "schemas" => each_member(child, &here, change)?,
                    _ => outside(child, &here, change)?,
                }
            }
        }
        Value::Array(items) => {
            for (index, child) in items.iter_mut().enumerate() {
                outside(child, &format!("{at}/{index}"), change)?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn inside(schema: &mut Value, at: &str, change: &mut Change) -> Result<(), SpecError> {
    if let Value::Object(keywords) = schema {
        for (key, child) in keywords.iter_mut() {
            let here = format!("{at}/{key}");
            if key == "properties" {
                each_member(child, &here, change)?;
            } else if ONE.contains(&key.as_str()) && child.is_object() {
                inside(child, &here, change)?;
            } else if LIST.contains(&key.as_str()) {
                each_item(child, &here, change)?;
            }
        }
    }
    change(schema, at)
}

fn each_member(node: &mut Value, at: &str, change: &mut Change) -> Result<(), SpecError> {
    for (name, schema) in object(node, at)? {
        inside(schema, &format!("{at}/{name}"), change)?;
    }
    Ok(())
}

fn each_item(node: &mut Value, at: &str, change: &mut Change) -> Result<(), SpecError> {
    for (index, schema) in node.as_array_mut().into_iter().flatten().enumerate() {
        inside(schema, &format!("{at}/{index}"), change)?;
    }
    Ok(())
}

/// Calls `visit` on every operation with its path and method.
pub(super) fn each_operation(
    document: &mut Value,
    visit: &mut dyn FnMut(&str, &str, &mut Object) -> Result<(), SpecError>,
) -> Result<(), SpecError> {
    for (path, item) in member(object(document, "")?, "paths")? {
        for (method, operation) in object(item, path)? {
            if METHODS.contains(&method.as_str()) {
                visit(
                    path,
                    method,
                    object(operation, &format!("{path}/{method}"))?,
                )?;
            }
        }
    }
    Ok(())
}

/// The value as an object.
pub(super) fn object<'a>(value: &'a mut Value, at: &str) -> Result<&'a mut Object, SpecError> {
    value
        .as_object_mut()
        .ok_or_else(|| SpecError::Shape { at: at.to_owned() })
}

/// The member as an object, made when it is missing.
pub(super) fn member<'a>(parent: &'a mut Object, key: &str) -> Result<&'a mut Object, SpecError> {
    object(
        parent
            .entry(key)
            .or_insert_with(|| Value::Object(Object::new())),
        key,
    )
}

/// The member as a list, made when it is missing.
pub(super) fn list<'a>(parent: &'a mut Object, key: &str) -> Result<&'a mut Vec<Value>, SpecError> {
    let value = parent
        .entry(key)
        .or_insert_with(|| Value::Array(Vec::new()));
    value
        .as_array_mut()
        .ok_or_else(|| SpecError::Shape { at: key.to_owned() })
}

/// The text member, or an empty text.
pub(super) fn text<'a>(parent: &'a Object, key: &str) -> &'a str {
    parent.get(key).and_then(Value::as_str).unwrap_or_default()
}
