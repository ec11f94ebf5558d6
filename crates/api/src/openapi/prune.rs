//! Drops components that no operation leads to.

use std::collections::BTreeSet;

use serde_json::Value;

/// Security schemes are named, not referred to, and always stay.
const KEPT: &str = "securitySchemes";

/// Removes every component that cannot be reached from the paths.
pub(super) fn unused_components(document: &mut Value) {
    let reached = reachable(document);
    let Some(Value::Object(components)) = document.get_mut("components") else {
        return;
    };
    for (kind, members) in components.iter_mut().filter(|(kind, _)| *kind != KEPT) {
        if let Value::Object(members) = members {
            members.retain(|name, _| reached.contains(&format!("#/components/{kind}/{name}")));
        }
    }
    components.retain(|_, members| {
        members
            .as_object()
            .is_none_or(|members| !members.is_empty())
    });
}

fn reachable(document: &Value) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut waiting: Vec<&Value> = document.get("paths").into_iter().collect();
    while let Some(node) = waiting.pop() {
        for reference in references(node) {
            if reached.insert(reference.to_owned()) {
                waiting.extend(document.pointer(reference.trim_start_matches('#')));
            }
        }
    }
    reached
}

fn references(node: &Value) -> Vec<&str> {
    match node {
        Value::Object(members) => {
            let own = members.get("$ref").and_then(Value::as_str);
            own.into_iter()
                .chain(members.values().flat_map(references))
                .collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_paths_reach_stays() {
        let mut document = json!({
            "paths": { "/a": { "$ref": "#/components/schemas/A" } },
            "components": { "securitySchemes": { "bearer": {} }, "headers": { "H": {} }, "schemas": {
                "A": { "items": { "$ref": "#/components/schemas/B" } }, "B": {},
                "Loop": { "items": { "$ref": "#/components/schemas/Loop" } } } } });
        unused_components(&mut document);
        let kept: Vec<_> = document["components"]["schemas"]
            .as_object()
            .unwrap()
            .keys()
            .collect();
        assert_eq!(kept, ["A", "B"]);
        assert!(document["components"].get("headers").is_none());
        assert!(document["components"].get("securitySchemes").is_some());
    }
}
