//! Turns `allOf` of objects into one object.
//!
//! `#[serde(flatten)]` and tagged newtype variants come out as `allOf`. Such a thing cannot be
//! closed: `additionalProperties: false` in one member refuses the properties of the others. So the
//! members are merged before `strict` closes them. An enum flattened into a struct gives one merged
//! object per variant.

use serde_json::{Value, json};

use super::SpecError;
use super::walk::{self, Object};

const REFERENCE: &str = "#/components/schemas/";
/// No real schema is nested so deep: we are going round in a circle.
const MAX_DEPTH: usize = 32;

/// Merges every `allOf` of the document that is more than a wrapped reference.
pub(super) fn all_of(document: &mut Value) -> Result<(), SpecError> {
    let schemas = document
        .pointer("/components/schemas")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    walk::each_schema(document, &mut |schema, at| {
        if needs_merging(schema) {
            *schema = Merge {
                schemas: &schemas,
                at,
            }
            .merged(schema)?;
        }
        title_alternatives(schema);
        Ok(())
    })
}

/// `{allOf: [one], description}` is how a reference gets siblings, and stays.
fn needs_merging(schema: &Value) -> bool {
    let members = schema
        .get("allOf")
        .and_then(Value::as_array)
        .map_or(0, Vec::len);
    members > 1 || (members == 1 && schema.get("properties").is_some())
}

/// Shows readers which of the alternatives they look at: the one value of its tag.
fn title_alternatives(schema: &mut Value) {
    let alternatives = schema.get_mut("oneOf").and_then(Value::as_array_mut);
    for alternative in alternatives.into_iter().flatten() {
        if let Some(tag) = tag_of(alternative)
            && let Some(keywords) = alternative.as_object_mut()
        {
            keywords.entry("title").or_insert(tag);
        }
    }
}

fn tag_of(alternative: &Value) -> Option<Value> {
    let properties = alternative.get("properties")?.as_object()?;
    properties.values().find_map(
        |property| match property.get("enum")?.as_array()?.as_slice() {
            [only] => Some(only.clone()),
            _ => None,
        },
    )
}

struct Merge<'a> {
    schemas: &'a Object,
    at: &'a str,
}

impl Merge<'_> {
    fn merged(&self, schema: &Value) -> Result<Value, SpecError> {
        let mut alternatives = self.alternatives(schema, 0)?;
        match (alternatives.pop(), alternatives.is_empty()) {
            (Some(only), true) => Ok(Value::Object(only)),
            (Some(last), false) => {
                alternatives.push(last);
                let mut whole = json!({ "oneOf": alternatives });
                copy(schema, &mut whole, "description");
                Ok(whole)
            }
            (None, _) => Err(self.fail("nothing to merge")),
        }
    }

    /// The objects a schema may stand for; a plain object stands for itself.
    fn alternatives(&self, schema: &Value, depth: usize) -> Result<Vec<Object>, SpecError> {
        if depth > MAX_DEPTH {
            return Err(self.fail("a schema contains itself"));
        }
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            return self.alternatives(self.resolve(reference)?, depth + 1);
        }
        for choice in ["oneOf", "anyOf"] {
            if let Some(members) = schema.get(choice).and_then(Value::as_array) {
                let each: Result<Vec<_>, _> = members
                    .iter()
                    .map(|one| self.alternatives(one, depth + 1))
                    .collect();
                return Ok(each?.into_iter().flatten().collect());
            }
        }
        let own = schema
            .as_object()
            .ok_or_else(|| self.fail("a member is not a schema"))?
            .clone();
        match schema.get("allOf").and_then(Value::as_array) {
            Some(members) => self.product(own, members, depth),
            None if own.contains_key("properties") || own.contains_key("additionalProperties") => {
                Ok(vec![own])
            }
            None => Err(self.fail("a member is not an object")),
        }
    }

    /// Every way to take one alternative of each member, merged.
    fn product(
        &self,
        mut own: Object,
        members: &[Value],
        depth: usize,
    ) -> Result<Vec<Object>, SpecError> {
        own.remove("allOf");
        own.insert("type".to_owned(), json!("object"));
        let mut merged = vec![own];
        for member in members {
            let choices = self.alternatives(member, depth + 1)?;
            let pairs = merged
                .iter()
                .flat_map(|left| choices.iter().map(move |right| (left, right)));
            merged = pairs
                .map(|(left, right)| self.join(left, right))
                .collect::<Result<_, _>>()?;
        }
        Ok(merged)
    }

    fn join(&self, left: &Object, right: &Object) -> Result<Object, SpecError> {
        let mut whole = left.clone();
        for (keyword, value) in right {
            match keyword.as_str() {
                "properties" => self.add_properties(walk::member(&mut whole, keyword)?, value)?,
                "required" => add_required(walk::list(&mut whole, keyword)?, value),
                // A closed member would refuse its neighbours; `strict` closes the whole.
                "additionalProperties" if value == &json!(false) => {}
                _ => {
                    whole.entry(keyword).or_insert_with(|| value.clone());
                }
            }
        }
        if whole.get("additionalProperties") == Some(&json!(false)) {
            whole.remove("additionalProperties");
        }
        Ok(whole)
    }

    fn add_properties(&self, properties: &mut Object, more: &Value) -> Result<(), SpecError> {
        for (name, schema) in more.as_object().into_iter().flatten() {
            match properties.get(name) {
                Some(there) if there != schema => {
                    return Err(self.fail(&format!("`{name}` is defined twice")));
                }
                _ => properties.insert(name.clone(), schema.clone()),
            };
        }
        Ok(())
    }

    fn resolve(&self, reference: &str) -> Result<&Value, SpecError> {
        let name = reference.strip_prefix(REFERENCE).unwrap_or(reference);
        self.schemas
            .get(name)
            .ok_or_else(|| self.fail(&format!("`{reference}` leads nowhere")))
    }

    fn fail(&self, why: &str) -> SpecError {
        SpecError::NotMergeable {
            at: self.at.to_owned(),
            why: why.to_owned(),
        }
    }
}

fn add_required(required: &mut Vec<Value>, more: &Value) {
    for name in more.as_array().into_iter().flatten() {
        if !required.contains(name) {
            required.push(name.clone());
        }
    }
}

fn copy(from: &Value, to: &mut Value, keyword: &str) {
    if let (Some(value), Some(to)) = (from.get(keyword), to.as_object_mut()) {
        to.insert(keyword.to_owned(), value.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flattened(schemas: Value, name: &str) -> Result<Value, SpecError> {
        let mut document = json!({ "components": { "schemas": schemas } });
        all_of(&mut document)?;
        Ok(document
            .pointer(&format!("/components/schemas/{name}"))
            .cloned()
            .unwrap())
    }

    fn with(name: &str) -> Value {
        json!({ "type": "object", "required": [name], "properties": { name: { "type": "string" } } })
    }

    #[test]
    fn members_become_one_object() {
        let schemas = json!({ "A": with("a"), "B": { "allOf": [{ "$ref": "#/components/schemas/A" }, with("b")] } });
        let expected = json!({ "type": "object", "required": ["a", "b"],
            "properties": { "a": { "type": "string" }, "b": { "type": "string" } } });
        assert_eq!(flattened(schemas, "B").unwrap(), expected);
    }

    #[test]
    fn a_flattened_enum_gives_one_object_per_variant() {
        let schemas = json!({ "A": { "oneOf": [with("x"), with("y")] },
            "B": { "allOf": [{ "$ref": "#/components/schemas/A" }, with("b")] } });
        let merged = flattened(schemas, "B").unwrap();
        let required: Vec<_> = merged["oneOf"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| &one["required"])
            .collect();
        assert_eq!(required, [&json!(["x", "b"]), &json!(["y", "b"])]);
    }

    #[test]
    fn a_wrapped_reference_stays() {
        let wrapped =
            json!({ "allOf": [{ "$ref": "#/components/schemas/A" }], "description": "d" });
        assert_eq!(
            flattened(json!({ "A": with("a"), "B": wrapped.clone() }), "B").unwrap(),
            wrapped
        );
    }

    #[test]
    fn what_cannot_be_merged_is_refused() {
        let clash =
            json!({ "allOf": [with("a"), { "properties": { "a": { "type": "integer" } } }] });
        assert!(flattened(json!({ "B": clash }), "B").is_err());
        let text = json!({ "allOf": [with("a"), { "type": "string" }] });
        assert!(flattened(json!({ "B": text }), "B").is_err());
    }
}
