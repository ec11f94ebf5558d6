//! JSON of strangers: parsed with a bound on how much there is in it, not only on its bytes, so that
//! two megabytes of tiny members never become a tree of hundreds. A member named twice is refused:
//! two readers of such a text could take it for two different things (RFC 8259 §4).

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// How much there may be in a body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Members, in all its objects together.
    pub members: usize,
    /// Items, in all its arrays together.
    pub items: usize,
}

impl Bounds {
    /// Of every body but the one that names thousands of tickets.
    pub(crate) const USUAL: Bounds = Bounds {
        members: 200,
        items: 2_000,
    };
}

/// Parses JSON within the bounds.
pub(crate) fn parse(bytes: &[u8], bounds: Bounds) -> Result<Value, serde_json::Error> {
    let mut left = Left {
        members: bounds.members,
        items: bounds.items,
    };
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = left.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// How much more may come.
struct Left {
    members: usize,
    items: usize,
}

/// Takes one from a count that must not run out.
fn take<E: Error>(left: &mut usize) -> Result<(), E> {
    *left = left
        .checked_sub(1)
        .ok_or_else(|| E::custom("there is too much in it"))?;
    Ok(())
}

impl<'de> DeserializeSeed<'de> for &mut Left {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Left {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(&mut *self)? {
            take(&mut self.items)?;
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            take(&mut self.members)?;
            let value = members.next_value_seed(&mut *self)?;
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a member is named twice"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual(text: &str) -> Result<Value, serde_json::Error> {
        parse(text.as_bytes(), Bounds::USUAL)
    }

    #[test]
    fn what_is_within_bounds_is_read_as_it_stands() {
        let text =
            r#"{"a": [1, -2, 2.5, "x\n", true, null, {"b": {}}], "c": 18446744073709551615}"#;
        assert_eq!(
            usual(text).unwrap(),
            serde_json::from_str::<Value>(text).unwrap()
        );
        assert!(usual("{} {}").is_err());
    }

    #[test]
    fn a_member_named_twice_is_refused_wherever_it_stands() {
        for text in [
            r#"{"a": 1, "a": 1}"#,
            r#"[{"b": {"a": 1, "c": 2, "a": 3}}]"#,
        ] {
            assert!(usual(text).is_err(), "{text}");
        }
        assert!(usual(r#"{"a": {"a": 1}}"#).is_ok());
    }

    #[test]
    fn too_much_is_refused_wherever_it_stands() {
        let members = |n: usize| {
            let members: Vec<String> = (0..n).map(|at| format!("\"m{at}\": 0")).collect();
            format!("{{{}}}", members.join(","))
        };
        assert!(usual(&members(200)).is_ok());
        assert!(usual(&members(201)).is_err());
        let nested = format!("[{}, {}]", members(100), members(101));
        assert!(usual(&nested).is_err());
        let items = format!("[{}0]", "0,".repeat(2_000));
        assert!(usual(&items).is_err());
    }
}
