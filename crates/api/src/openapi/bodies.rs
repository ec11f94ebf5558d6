//! Bodies that are not JSON: files and pages.
//!
//! A handler may write `body = Vec<u8>` or `String`; for JSON those would be a list of numbers and
//! a short text, for a file or a page they are neither.

use serde_json::{Value, json};

use super::strict::ANY_TEXT;

/// A page or a metrics dump may be long, but is not endless.
const LONGEST_PAGE: u64 = 16_777_216;

/// Rewrites the schemas of all such bodies.
pub(super) fn describe(node: &mut Value) {
    match node {
        Value::Object(members) => {
            for (key, child) in members.iter_mut() {
                if key == "content" {
                    each_media_type(child);
                } else {
                    describe(child);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(describe),
        _ => {}
    }
}

fn each_media_type(content: &mut Value) {
    for (media_type, body) in content.as_object_mut().into_iter().flatten() {
        if !is_structured(media_type)
            && let Some(schema) = body.get_mut("schema")
        {
            rewrite(schema);
        }
    }
}

fn is_structured(media_type: &str) -> bool {
    media_type.ends_with("json")
        || media_type.starts_with("multipart/")
        || media_type.ends_with("-urlencoded")
}

fn rewrite(schema: &mut Value) {
    let is = |name: &str| schema.get("type").and_then(Value::as_str) == Some(name);
    if is("array") {
        *schema = json!({ "type": "string", "format": "binary" });
    } else if is("string") && schema.get("format").is_none() && schema.get("maxLength").is_none() {
        *schema = json!({ "type": "string", "maxLength": LONGEST_PAGE, "pattern": ANY_TEXT });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_a_file_unless_the_body_is_json() {
        let bytes = json!({ "type": "array", "items": { "type": "integer" } });
        let mut node = json!({ "content": {
            "application/pdf": { "schema": bytes.clone() },
            "application/json": { "schema": bytes.clone() },
        } });
        describe(&mut node);
        assert_eq!(
            node["content"]["application/pdf"]["schema"]["format"],
            "binary"
        );
        assert_eq!(node["content"]["application/json"]["schema"], bytes);
    }
}
