//! Puts the three sources on top of each other.

use std::path::Path;

use anyhow::{Context, bail};
use figment::Figment;
use figment::error::Kind;
use figment::providers::{Env, Format, Serialized, Toml};
use figment::value::Value;

use super::Written;

/// Every setting with its value and its explanation.
const DEFAULT: &str = include_str!("../../../../config/default.toml");

const PREFIX: &str = "SPORTELLO__";

/// The variables of this process that are ours, as `section.key` and text.
pub(super) fn variables() -> Vec<(String, String)> {
    let ours = Env::prefixed(PREFIX).split("__");
    ours.iter()
        .map(|(key, text)| (key.into_string(), text))
        .collect()
}

/// The names of those variables, for programs that must not get them.
pub(super) fn variable_names() -> Vec<String> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let is_ours = |name: &String| name.to_ascii_uppercase().starts_with(PREFIX);
    names.filter(is_ours).collect()
}

/// The settings of default, file and variables together.
pub(super) fn written(
    file: Option<&Path>,
    variables: Vec<(String, String)>,
) -> anyhow::Result<Written> {
    let defaults = Figment::from(Toml::string(DEFAULT));
    let mut all = defaults.clone();
    if let Some(file) = file {
        all = all.merge(Serialized::defaults(read(file)?));
    }
    for (key, text) in variables {
        let value = value_of(&defaults, &key, text);
        all = all.merge(Serialized::default(&key, value));
    }
    all.extract().map_err(|error| {
        let problems: Vec<String> = error.into_iter().map(|error| problem(&error)).collect();
        anyhow::anyhow!("the configuration is wrong:\n  {}", problems.join("\n  "))
    })
}

fn read(file: &Path) -> anyhow::Result<toml::Table> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?;
    match toml::from_str(&text) {
        Ok(table) => Ok(table),
        Err(error) => {
            // Not the library's own text: it shows the line, and the line may hold a password.
            let start = error.span().map_or(0, |span| span.start);
            let before = text.get(..start).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            bail!("{shown}:{line}: {}", error.message());
        }
    }
}

/// A variable is text where the setting is text: a password of digits is no number.
fn value_of(defaults: &Figment, key: &str, text: String) -> Value {
    let is_text = key.starts_with("blobs.options.")
        || matches!(defaults.find_value(key), Ok(Value::String(..)));
    if is_text {
        return Value::from(text);
    }
    match text.parse() {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

/// What is wrong, without the value that is wrong: it may be a secret.
fn problem(error: &figment::Error) -> String {
    let path = error.path.join(".");
    match &error.kind {
        Kind::UnknownField(name, _) if path == *name || path.ends_with(&format!(".{name}")) => {
            format!("{path}: there is no such setting")
        }
        Kind::UnknownField(name, _) if path.is_empty() => {
            format!("{name}: there is no such setting")
        }
        Kind::UnknownField(name, _) => format!("{path}.{name}: there is no such setting"),
        Kind::MissingField(name) if path.is_empty() => format!("{name}: is missing"),
        Kind::MissingField(name) => format!("{path}.{name}: is missing"),
        Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) => {
            format!("{path}: expected {}", plain(expected))
        }
        Kind::UnknownVariant(_, known) => format!("{path}: expected one of {}", known.join(", ")),
        Kind::ISizeOutOfRange(_) | Kind::USizeOutOfRange(_) => format!("{path}: out of range"),
        other => format!("{path}: {other}"),
    }
}

/// The name of a type, for people.
fn plain(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "bool" | "a boolean" => "true or false",
        "a sequence" => "a list",
        other => other,
    }
}
