//! What `src/schema.rs` says, read from its text: `table!` tells nobody the types it was given.

use super::Facts;

const SOURCE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/schema.rs"));

/// The type in `schema.rs`, and what a column of it is on SQLite and on PostgreSQL.
const TYPES: [(&str, &str, &str); 9] = [
    ("Uid", "BLOB", "uuid"),
    ("Instant", "BIGINT", "timestamptz"),
    ("JsonDoc", "TEXT", "jsonb"),
    ("WordList", "TEXT", "tsvector"),
    ("Text", "TEXT", "text"),
    ("BigInt", "BIGINT", "bigint"),
    ("Integer", "INTEGER", "integer"),
    ("Bool", "BOOLEAN", "boolean"),
    ("Binary", "BLOB", "bytea"),
];

/// The numbers that a database gives rows by itself: SQLite does so for this type alone.
const ROW_NUMBERS: [(&str, &str); 2] = [("changes", "arrival"), ("audit_pending", "arrival")];
/// What a program of an earlier version, which does not know the column, leaves in it.
const DEFAULTS: [(&str, &str, &str); 2] = [
    ("outbox", "channel", "'mail'"),
    ("audit_entries", "mac", "''"),
];

/// Every column, with its type as `database` names it.
pub(crate) fn facts(database: &str) -> Facts {
    let mut facts = Facts::new();
    for (head, columns) in tables() {
        let (table, _) = head.split_once(" (").unwrap();
        for ((name, kind), place) in columns.into_iter().zip(1..) {
            let inner = kind
                .strip_prefix("Nullable<")
                .and_then(|rest| rest.strip_suffix('>'));
            let null = if inner.is_some() { "" } else { " not null" };
            let kind = inner.unwrap_or(kind);
            let Some((_, sqlite, postgres)) = TYPES.iter().find(|(known, ..)| *known == kind)
            else {
                panic!("{table}.{name} is of the unknown type {kind}")
            };
            let kind = match database {
                "sqlite" if ROW_NUMBERS.contains(&(table, name)) => &"INTEGER",
                "sqlite" => sqlite,
                _ => postgres,
            };
            let default = DEFAULTS
                .iter()
                .find(|(of, column, _)| (*of, *column) == (table, name))
                .map(|(_, _, value)| format!(" default {value}"))
                .unwrap_or_default();
            facts.insert(format!(
                "{table} column {place} {name}: {kind}{null}{default}"
            ));
        }
    }
    assert!(!facts.is_empty());
    facts
}

/// Every primary key.
pub(crate) fn keys() -> Facts {
    let key = |(head, _): (&str, _)| {
        let (table, columns) = head.split_once(" (").unwrap();
        format!("{table} primary key ({columns}")
    };
    tables().into_iter().map(key).collect()
}

/// The head of each table, such as `notes (ticket_id, seq)`, and its columns with their types.
fn tables() -> Vec<(&'static str, Vec<(&'static str, &'static str)>)> {
    let read = |block: &'static str| {
        let mut lines = block.lines().map(str::trim);
        let head = lines.find_map(|line| line.strip_suffix(" {")).unwrap();
        let columns = lines
            .take_while(|line| *line != "}")
            .map(|line| {
                line.strip_suffix(',')
                    .and_then(|column| column.split_once(" -> "))
            })
            .map(|column| column.unwrap_or_else(|| panic!("{head}: unknown line")));
        (head, columns.collect())
    };
    SOURCE.split("diesel::table! {").skip(1).map(read).collect()
}
