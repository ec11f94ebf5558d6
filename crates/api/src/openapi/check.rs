//! Refuses what OpenAPI 3.0 does not know, so that nothing of 3.1 or 3.2 is published by mistake.

use serde_json::Value;

use super::SpecError;
use super::walk::{self, METHODS, Object};

const ROOT: &[&str] = &[
    "openapi",
    "info",
    "servers",
    "paths",
    "components",
    "security",
    "tags",
    "externalDocs",
];
const COMPONENTS: &[&str] = &[
    "schemas",
    "responses",
    "parameters",
    "requestBodies",
    "headers",
    "securitySchemes",
];
const OPERATION: &[&str] = &[
    "tags",
    "summary",
    "description",
    "operationId",
    "parameters",
    "requestBody",
    "responses",
    "deprecated",
    "security",
    "externalDocs",
];
const PARAMETER: &[&str] = &[
    "$ref",
    "name",
    "in",
    "description",
    "required",
    "deprecated",
    "style",
    "explode",
    "allowReserved",
    "schema",
    "example",
    "examples",
];
const REQUEST_BODY: &[&str] = &["description", "content", "required"];
const MEDIA_TYPE: &[&str] = &["schema", "example", "examples", "encoding"];
const RESPONSE: &[&str] = &["$ref", "description", "headers", "content"];
const SCHEMA: &[&str] = &[
    "$ref",
    "title",
    "multipleOf",
    "maximum",
    "exclusiveMaximum",
    "minimum",
    "exclusiveMinimum",
    "maxLength",
    "minLength",
    "pattern",
    "maxItems",
    "minItems",
    "uniqueItems",
    "maxProperties",
    "minProperties",
    "required",
    "enum",
    "type",
    "allOf",
    "oneOf",
    "anyOf",
    "not",
    "items",
    "properties",
    "additionalProperties",
    "description",
    "format",
    "default",
    "nullable",
    "discriminator",
    "readOnly",
    "writeOnly",
    "example",
    "externalDocs",
    "deprecated",
];
const TYPES: &[&str] = &["string", "number", "integer", "boolean", "array", "object"];

/// Fails on the first thing that is not OpenAPI 3.0.
pub(super) fn only_3_0(document: &mut Value) -> Result<(), SpecError> {
    known(document, ROOT, "")?;
    if let Some(components) = document.get("components") {
        known(components, COMPONENTS, "/components")?;
    }
    path_items(document)?;
    walk::each_operation(document, &mut |path, method, operation| {
        check_operation(operation, &format!("/paths/{path}/{method}"))
    })?;
    walk::each_schema(document, &mut |schema, at| check_schema(schema, at))
}

fn path_items(document: &Value) -> Result<(), SpecError> {
    let allowed: Vec<&str> = METHODS
        .iter()
        .copied()
        .chain(["summary", "description", "parameters"])
        .collect();
    for (path, item) in members(document.get("paths")) {
        known(item, &allowed, &format!("/paths/{path}"))?;
    }
    Ok(())
}

fn check_operation(operation: &Object, at: &str) -> Result<(), SpecError> {
    known_keys(operation, OPERATION, at)?;
    for parameter in operation
        .get("parameters")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        known(parameter, PARAMETER, &format!("{at}/parameters"))?;
    }
    if let Some(body) = operation.get("requestBody") {
        known(body, REQUEST_BODY, &format!("{at}/requestBody"))?;
        check_content(body, &format!("{at}/requestBody"))?;
    }
    for (status, response) in members(operation.get("responses")) {
        let here = format!("{at}/responses/{status}");
        known(response, RESPONSE, &here)?;
        check_content(response, &here)?;
    }
    Ok(())
}

fn check_content(holder: &Value, at: &str) -> Result<(), SpecError> {
    for (media_type, content) in members(holder.get("content")) {
        known(content, MEDIA_TYPE, &format!("{at}/content/{media_type}"))?;
    }
    Ok(())
}

fn check_schema(schema: &Value, at: &str) -> Result<(), SpecError> {
    known(schema, SCHEMA, at)?;
    match schema.get("type") {
        None => Ok(()),
        Some(Value::String(name)) if TYPES.contains(&name.as_str()) => Ok(()),
        Some(other) => Err(SpecError::Unsupported {
            at: at.to_owned(),
            keyword: format!("type: {other}"),
        }),
    }
}

fn known(value: &Value, allowed: &[&str], at: &str) -> Result<(), SpecError> {
    let object = value
        .as_object()
        .ok_or_else(|| SpecError::Shape { at: at.to_owned() })?;
    known_keys(object, allowed, at)
}

fn known_keys(object: &Object, allowed: &[&str], at: &str) -> Result<(), SpecError> {
    match object
        .keys()
        .find(|key| !allowed.contains(&key.as_str()) && !key.starts_with("x-"))
    {
        None => Ok(()),
        Some(keyword) => Err(SpecError::Unsupported {
            at: at.to_owned(),
            keyword: keyword.clone(),
        }),
    }
}

fn members(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_3_0_has_not_is_refused() {
        let schemas = [
            json!({ "type": "null" }),
            json!({ "type": ["string", "integer"] }),
            json!({ "prefixItems": [] }),
            json!({ "if": {} }),
            json!({ "properties": { "a": { "patternProperties": {} } } }),
        ];
        for schema in schemas {
            let mut document = json!({ "components": { "schemas": { "A": schema } } });
            assert!(only_3_0(&mut document).is_err(), "{document}");
        }
        let mut webhooks = json!({ "webhooks": {}, "paths": {} });
        assert!(only_3_0(&mut webhooks).is_err());
        let mut stream = json!({ "paths": { "/a": { "get": { "responses": { "200": {
            "description": "d", "content": { "text/event-stream": { "itemSchema": {} } } } } } } } });
        assert!(only_3_0(&mut stream).is_err());
    }

    #[test]
    fn members_called_like_keywords_are_no_keywords() {
        let mut document = json!({ "components": { "schemas": { "A": {
            "type": "object", "properties": { "const": { "type": "string" }, "schema": { "type": "string" } } } } },
            "paths": {} });
        only_3_0(&mut document).unwrap();
    }
}
