//! `config/data-classes.toml` gives each datum a class: nothing is missing there, and nothing is left of
//! what is gone (`threat-model.md` D-23).

use std::collections::{BTreeMap, BTreeSet};

use service::texts::Placeholder;
use storage::sealed_columns::{ALL, SealedColumns, TEXTS};

use crate::repository::{read, texts};

const CLASSES: [&str; 5] = [
    "identifier",
    "contact",
    "health-text",
    "operational",
    "secret",
];

/// The ways personal data may be kept in a column.
const KEPT: [(&str, &[&str]); 4] = [
    ("identifier", &["sealed", "print"]),
    ("contact", &["sealed", "print"]),
    ("health-text", &["sealed", "switch"]),
    ("secret", &["sealed", "print", "hash", "wrapped"]),
];

/// A part of the file: what is listed, with its class.
fn part(name: &str) -> BTreeMap<String, String> {
    let file: toml::Table = read("config/data-classes.toml").parse().unwrap();
    let part = file[name].as_table().unwrap_or_else(|| panic!("[{name}]"));
    let text = |value: &toml::Value| value.as_str().expect("a class").to_owned();
    part.iter()
        .map(|(key, value)| (key.clone(), text(value)))
        .collect()
}

/// Compares what is there with what is listed.
fn agree(name: &str, found: BTreeSet<String>) {
    assert!(found.len() > 1, "[{name}]: too few to be all");
    let listed: BTreeSet<String> = part(name).into_keys().collect();
    let unlabelled: Vec<_> = found.difference(&listed).collect();
    let stale: Vec<_> = listed.difference(&found).collect();
    assert!(
        unlabelled.is_empty() && stale.is_empty(),
        "[{name}] of config/data-classes.toml: without a class {unlabelled:#?}, not there any more {stale:#?}"
    );
}

#[test]
fn every_column_has_a_class() {
    agree("columns", columns(&read("crates/storage/src/schema.rs")));
}

#[test]
fn every_member_of_the_api_has_a_class() {
    let description = read("api-spec/openapi.yaml");
    let description: serde_yaml_ng::Value = serde_yaml_ng::from_str(&description).unwrap();
    let mut found = BTreeSet::new();
    gather_members(&description, &mut found);
    agree("members", found);
}

#[test]
fn every_key_of_a_log_line_has_a_class() {
    let sources = texts().into_iter().filter(|(path, _)| {
        path.starts_with("crates/") && path.contains("/src/") && path.ends_with(".rs")
    });
    let mut found = BTreeSet::new();
    for (_, text) in sources {
        let own = text
            .split("#[cfg(test)]")
            .next()
            .unwrap_or_default()
            .to_owned();
        found.append(&mut log_keys(&own));
    }
    agree("log", found);
    let may_be_logged = |class: &String| class == "operational";
    assert!(part("log").values().all(may_be_logged));
}

#[test]
fn every_part_of_a_mail_has_a_class() {
    let envelope = ["from", "to", "subject", "message_id"].map(str::to_owned);
    let placed = Placeholder::ALL.iter().map(|one| one.code().to_owned());
    agree("mail", placed.chain(envelope).collect());
}

#[test]
fn every_kind_of_stored_file_has_a_class() {
    let mut found = BTreeSet::new();
    for (path, text) in texts() {
        if path.starts_with("crates/service/src/") && text.contains(".put(") {
            let name = path.trim_start_matches("crates/service/src/");
            found.insert(name.trim_end_matches(".rs").to_owned());
        }
    }
    agree("files", found);
}

#[test]
fn every_class_is_one_of_the_five_and_personal_data_are_kept_as_they_should_be() {
    for name in ["columns", "members", "log", "mail", "files"] {
        for (key, value) in part(name) {
            let (class, kept) = value.split_once(", ").unwrap_or((&value, ""));
            assert!(CLASSES.contains(&class), "{name}.{key}: {value}");
            let ways = KEPT.iter().find(|(one, _)| *one == class);
            if let (Some((_, ways)), "columns") = (ways, name) {
                assert!(ways.contains(&kept), "{name}.{key}: {value}");
            }
        }
    }
}

#[test]
fn what_is_called_sealed_is_what_the_program_seals() {
    let named = |list: &[SealedColumns]| -> BTreeSet<String> {
        let columns = list.iter().flat_map(|one| {
            let name = |column: &&str| format!("{}.{column}", one.table);
            one.sealed.iter().map(name).collect::<Vec<_>>()
        });
        columns.collect()
    };
    let called = |kept: &str| -> BTreeSet<String> {
        let columns = part("columns").into_iter();
        let fits = columns.filter(|(_, value)| value.ends_with(kept));
        fits.map(|(column, _)| column).collect()
    };
    let mut sealed = named(ALL);
    sealed.insert("tickets.dossier".to_owned());
    assert_eq!(called(", sealed"), sealed);
    // The words of such a text are there where it is plain, and nowhere else.
    let mut switched = named(TEXTS);
    switched.insert("ticket_texts.words".to_owned());
    assert_eq!(called(", switch"), switched);
}

#[test]
fn the_page_on_privacy_shows_what_is_kept_of_people() {
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, value) in part("columns") {
        if value != "operational" {
            let (table, column) = key.split_once('.').expect("table.column");
            let cells = tables.entry(table.to_owned()).or_default();
            cells.push(format!("`{column}` ({value})"));
        }
    }
    let head = "| table | what names people or is theirs, and how it is kept |\n|---|---|\n";
    let rows = tables
        .iter()
        .map(|(table, cells)| format!("| `{table}` | {} |\n", cells.join(", ")));
    let wanted = format!("{head}{}", rows.collect::<String>());
    assert!(
        read("docs/privacy.md").contains(&wanted),
        "docs/privacy.md should hold:\n{wanted}"
    );
}

#[test]
fn columns_members_and_keys_are_noticed() {
    let schema = "diesel::table! {\n    use a::b;\n    /// x\n    notes (id, seq) {\n        id -> Uid,\n        body -> Text,\n    }\n}\n";
    let found = columns(schema).into_iter().collect::<Vec<_>>();
    assert_eq!(found, ["notes.body", "notes.id"]);
    let code = "tracing::info!(\n  correlation.id = %asked.id, // a, b = c\n  http.status = f(a, b = 2), error, %other, \"said = {x}\");\n warn!(\"x\")";
    let found = log_keys(code).into_iter().collect::<Vec<_>>();
    assert_eq!(found, ["correlation.id", "error", "http.status", "other"]);
}

/// `table.column` of each table that Diesel is told of.
fn columns(schema: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for table in schema.split("diesel::table! {").skip(1) {
        let mut lines = table.lines().map(str::trim);
        let head = lines.find(|line| line.ends_with('{') && line.contains('('));
        let name = head
            .and_then(|head| head.split(' ').next())
            .expect("a table");
        for line in lines.take_while(|line| *line != "}") {
            if let Some((column, _)) = line.split_once(" -> ") {
                found.insert(format!("{name}.{column}"));
            }
        }
    }
    found
}

/// The names of properties and parameters.
fn gather_members(value: &serde_yaml_ng::Value, found: &mut BTreeSet<String>) {
    if let Some(properties) = value.get("properties").and_then(|one| one.as_mapping()) {
        let names = properties.keys().filter_map(|name| name.as_str());
        found.extend(names.map(str::to_owned));
    }
    if let (Some(name), Some(_)) = (value.get("name"), value.get("in")) {
        found.extend(name.as_str().map(str::to_owned));
    }
    if let Some(mapping) = value.as_mapping() {
        mapping
            .values()
            .for_each(|value| gather_members(value, found));
    }
    if let Some(items) = value.as_sequence() {
        items.iter().for_each(|value| gather_members(value, found));
    }
}

/// The names of the fields in the calls of tracing's macros.
fn log_keys(source: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for level in ["error", "warn", "info", "debug", "trace"] {
        for form in [format!("{level}!("), format!("{level}_span!(")] {
            for (at, _) in source.match_indices(&form) {
                let arguments = &source[at + form.len()..];
                found.extend(top_level(arguments).iter().filter_map(|one| key(one)));
            }
        }
    }
    found
}

/// The arguments of a call, without texts and comments, up to its closing bracket.
fn top_level(source: &str) -> Vec<String> {
    let mut arguments = vec![String::new()];
    let mut depth = 0;
    let mut characters = source.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' => {
                while let Some(inside) = characters.next() {
                    match inside {
                        '\\' => drop(characters.next()),
                        '"' => break,
                        _ => {}
                    }
                }
                arguments.last_mut().expect("one").push('"');
                continue;
            }
            '/' if characters.peek() == Some(&'/') => {
                while characters.next_if(|one| *one != '\n').is_some() {}
                continue;
            }
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => break,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                arguments.push(String::new());
                continue;
            }
            _ => {}
        }
        arguments.last_mut().expect("one").push(character);
    }
    arguments
}

/// The name of a field: before its `=`, or the variable itself.
fn key(argument: &str) -> Option<String> {
    let name = match argument.split_once('=') {
        Some((name, value)) if !value.starts_with('=') => name,
        Some(_) => return None,
        None => argument.trim().trim_start_matches(['%', '?']),
    };
    let name = name.trim();
    let is_name = |c: char| c.is_ascii_lowercase() || c == '_' || c == '.';
    (!name.is_empty() && name.chars().all(is_name)).then(|| name.to_owned())
}
