//! Writes schema names in `PascalCase`: `utoipa` calls `Page<Ticket>` `Page_Ticket`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::SpecError;

const SCHEMAS: &str = "#/components/schemas/";

/// Renames the schemas and all references to them.
pub(super) fn pascal_case(document: &mut Value) -> Result<(), SpecError> {
    if let Some(Value::Object(schemas)) = document.pointer_mut("/components/schemas") {
        let mut renamed = BTreeMap::new();
        for (name, schema) in std::mem::take(schemas) {
            let name = pascal(&name);
            if renamed.insert(name.clone(), schema).is_some() {
                return Err(SpecError::NameClash(name));
            }
        }
        schemas.extend(renamed);
    }
    follow(document);
    Ok(())
}

fn follow(node: &mut Value) {
    match node {
        Value::Object(members) => {
            if let Some(Value::String(target)) = members.get_mut("$ref")
                && let Some(name) = target.strip_prefix(SCHEMAS)
            {
                *target = format!("{SCHEMAS}{}", pascal(name));
            }
            members.values_mut().for_each(follow);
        }
        Value::Array(items) => items.iter_mut().for_each(follow),
        _ => {}
    }
}

fn pascal(name: &str) -> String {
    let words = name.split(|character: char| !character.is_ascii_alphanumeric());
    words.map(capitalised).collect()
}

fn capitalised(word: &str) -> String {
    let mut characters = word.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_and_references_follow() {
        let mut document = json!({ "components": { "schemas": {
            "Page_Ticket": { "items": { "$ref": "#/components/schemas/ticket.row" } }, "ticket.row": {} } } });
        pascal_case(&mut document).unwrap();
        let expected = json!({ "components": { "schemas": {
            "PageTicket": { "items": { "$ref": "#/components/schemas/TicketRow" } }, "TicketRow": {} } } });
        assert_eq!(document, expected);
    }

    #[test]
    fn two_schemas_may_not_meet() {
        let mut document = json!({ "components": { "schemas": { "Page_A": {}, "PageA": {} } } });
        assert!(matches!(
            pascal_case(&mut document),
            Err(SpecError::NameClash(_))
        ));
    }
}
