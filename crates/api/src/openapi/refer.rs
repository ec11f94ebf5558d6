//! Puts back references that `utoipa` wrote out: in `Page<Ticket>` the ticket stands in full.

use serde_json::{Value, json};

use super::SpecError;
use super::walk::{self, Object};

const SCHEMAS: &str = "/components/schemas/";

/// Replaces every object that is the exact copy of one named schema by a reference to it.
pub(super) fn to_components(document: &mut Value) -> Result<(), SpecError> {
    let schemas = document
        .pointer("/components/schemas")
        .and_then(Value::as_object);
    let schemas = schemas.cloned().unwrap_or_default();
    walk::each_schema(document, &mut |schema, at| {
        let is_named = at
            .strip_prefix(SCHEMAS)
            .is_some_and(|rest| !rest.contains('/'));
        if !is_named
            && schema.get("properties").is_some()
            && let Some(name) = only_name_of(schema, &schemas)
        {
            *schema = json!({ "$ref": format!("#{SCHEMAS}{name}") });
        }
        Ok(())
    })
}

/// Two names for the same shape: the author meant two things, and we cannot tell which one this is.
fn only_name_of<'a>(schema: &Value, schemas: &'a Object) -> Option<&'a String> {
    let mut names = schemas
        .iter()
        .filter(|(_, named)| *named == schema)
        .map(|(name, _)| name);
    names.next().filter(|_| names.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_becomes_a_reference_unless_it_has_two_names() {
        let object = |name: &str| json!({ "type": "object", "properties": { name: {} } });
        let list = |items: Value| json!({ "type": "array", "items": items });
        let mut document = json!({ "components": { "schemas": { "A": object("a"), "As": list(object("a")),
            "B": object("b"), "C": object("b"), "Bs": list(object("b")) } } });
        to_components(&mut document).unwrap();
        let items = |name: &str| document["components"]["schemas"][name]["items"].clone();
        assert_eq!(items("As"), json!({ "$ref": "#/components/schemas/A" }));
        assert_eq!(items("Bs"), object("b"));
    }
}
