//! The statements that a filing really runs, taken from PostgreSQL's log, as a script for `pgbench`.
//!
//! Values stand in them as they were; only what must be new each time is made from `:n`. The settings of
//! row-level security, which the program sends along with BEGIN, are a statement of their own here.

use std::fs;
use std::process::Command;

/// Has everything written to the log that `work` lets the server do, and returns what was written.
pub(crate) fn logged(psql: &str, work: impl FnOnce()) -> String {
    let data = ask(psql, "SHOW data_directory");
    let log = format!("{}/server.log", data.trim());
    let before = fs::read(&log).expect("the server's log").len();
    ask(psql, "ALTER SYSTEM SET log_line_prefix = '%p|'");
    ask(psql, "ALTER SYSTEM SET log_statement = 'all'");
    ask(psql, "SELECT pg_reload_conf()");
    // Sessions look at their settings between statements.
    std::thread::sleep(std::time::Duration::from_millis(500));
    work();
    ask(psql, "ALTER SYSTEM RESET log_statement");
    ask(psql, "SELECT pg_reload_conf()");
    let after = fs::read(&log).expect("the server's log");
    String::from_utf8_lossy(&after[before..]).into_owned()
}

fn ask(psql: &str, sql: &str) -> String {
    let mut words = psql.split(' ');
    let output = Command::new(words.next().unwrap_or("psql"))
        .args(words)
        .args([
            "--no-psqlrc",
            "--tuples-only",
            "--no-align",
            "--command",
            sql,
        ])
        .output()
        .expect("psql runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A statement with the values it was given.
struct Statement {
    sql: String,
    values: Vec<Option<String>>,
}

/// What must be new each time.
struct New {
    id: String,
    number: String,
    prints: Vec<String>,
}

/// The transaction that inserted into `tickets`, as a script.
pub(crate) fn script_of(log: &str) -> String {
    let statements = transaction(log);
    let first = statements
        .iter()
        .find(|one| is_filing(&one.sql))
        .expect("a filing in the log");
    let values = || first.values.iter().flatten();
    let id = values().find(|text| is_id(text)).expect("the id").clone();
    let number = values()
        .find(|text| is_number(text))
        .expect("the number")
        .clone();
    // The prints of a person: of others each time, or one would have filed all there is.
    let prints: Vec<String> = values().filter(|text| is_print(text)).cloned().collect();
    let new = New { id, number, prints };
    let mut script = String::from("\\set n random(1, 100000000000000)\n");
    for one in &statements {
        let mut parts = one
            .sql
            .split(';')
            .map(str::trim)
            .filter(|part| !part.is_empty());
        let sql = parts.next().unwrap_or_default();
        script.push_str(&with_values(sql, &one.values, &new));
        script.push_str(";\n");
        let settings: Vec<String> = parts.filter_map(setting).collect();
        if !settings.is_empty() {
            script.push_str(&format!("SELECT {};\n", settings.join(", ")));
        }
    }
    script
}

/// `SET LOCAL name = 'value'` as something that can be prepared.
fn setting(part: &str) -> Option<String> {
    let (name, value) = part.strip_prefix("SET LOCAL ")?.split_once(" = ")?;
    let value = value.trim_matches('\'').replace("''", "'");
    Some(format!("set_config('{name}', {}, true)", literal(&value)))
}

fn transaction(log: &str) -> Vec<Statement> {
    let mut process = None;
    let mut open: std::collections::HashMap<&str, Vec<Statement>> = Default::default();
    for line in entries(log) {
        let Some((pid, rest)) = line.0.split_once('|') else {
            continue;
        };
        let rest = format!("{rest}{}", line.1);
        let running = open.entry(pid).or_default();
        if let Some(values) = rest.strip_prefix("DETAIL:  parameters: ") {
            if let Some(last) = running.last_mut() {
                last.values = parameters(values);
            }
            continue;
        }
        let sql = match rest.strip_prefix("LOG:  statement: ") {
            Some(sql) => sql,
            None => match rest
                .strip_prefix("LOG:  execute ")
                .and_then(|rest| rest.split_once(": "))
            {
                Some((_, sql)) => sql,
                None => continue,
            },
        };
        if sql.starts_with("BEGIN") {
            running.clear();
        }
        running.push(Statement {
            sql: sql.to_owned(),
            values: Vec::new(),
        });
        if sql == "COMMIT" && running.iter().any(|one| is_filing(&one.sql)) {
            process = Some(pid);
            break;
        }
    }
    let pid = process.expect("a filing in the log");
    open.remove(pid).unwrap_or_default()
}

/// The lines of the log, each with what goes on in the lines below it.
fn entries(log: &str) -> Vec<(&str, String)> {
    let mut found: Vec<(&str, String)> = Vec::new();
    for line in log.lines() {
        match (line.strip_prefix('\t'), found.last_mut()) {
            (Some(more), Some(last)) => {
                last.1.push(' ');
                last.1.push_str(more);
            }
            _ => found.push((line, String::new())),
        }
    }
    found
}

/// `$1 = 'it''s', $2 = NULL`.
fn parameters(text: &str) -> Vec<Option<String>> {
    let mut values = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(" = ") {
        if let Some(next) = after.strip_prefix("NULL") {
            values.push(None);
            rest = next;
            continue;
        }
        let mut value = String::new();
        let mut letters = after.char_indices().skip(1).peekable();
        let mut end = after.len();
        while let Some((at, letter)) = letters.next() {
            match (letter, letters.peek()) {
                ('\'', Some((_, '\''))) => {
                    value.push('\'');
                    letters.next();
                }
                ('\'', _) => {
                    end = at + 1;
                    break;
                }
                (other, _) => value.push(other),
            }
        }
        values.push(Some(value));
        rest = &after[end..];
    }
    values
}

/// All rows of a request are one statement.
fn is_filing(sql: &str) -> bool {
    sql.contains("INSERT INTO \"tickets\"")
}

/// `2026-0000001-J`; a time has a dash where it has a digit.
fn is_number(text: &str) -> bool {
    let letters = text.as_bytes();
    letters.len() == 14 && letters[4] == b'-' && letters[12] == b'-' && letters[7] != b'-'
}

/// Sixteen bytes in Base64.
fn is_print(text: &str) -> bool {
    let is_letter = |one: u8| one.is_ascii_alphanumeric() || one == b'-' || one == b'_';
    text.len() == 22 && text.bytes().all(is_letter)
}

fn is_id(text: &str) -> bool {
    text.len() == 36 && text.split('-').map(str::len).eq([8, 4, 4, 4, 12])
}

fn with_values(sql: &str, values: &[Option<String>], new: &New) -> String {
    let mut out = String::new();
    let mut rest = sql;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let digits = after
            .find(|one: char| !one.is_ascii_digit())
            .unwrap_or(after.len());
        let (place, next) = after.split_at(digits);
        let value = place
            .parse::<usize>()
            .ok()
            .and_then(|place| values.get(place - 1));
        match value {
            None => out.push_str(&format!("${place}")),
            Some(None) => out.push_str("NULL"),
            // Made in the same minute: an id of this filing.
            Some(Some(text)) if is_id(text) && text[..8] == new.id[..8] => {
                let hex = "lpad(to_hex(:n::bigint), 12, '0')";
                out.push_str(&format!("('{}' || {hex})::uuid", &text[..24]));
            }
            Some(Some(text)) if *text == new.number => out.push_str("('n' || :n::bigint)"),
            Some(Some(text)) => out.push_str(&with_new_prints(text, &new.prints)),
        }
        rest = next;
    }
    out.push_str(rest);
    out
}

/// A value, or an array of values, with six digits in the place of the last six letters of each print.
fn with_new_prints(text: &str, prints: &[String]) -> String {
    let mut pieces = Vec::new();
    let mut rest = text;
    let first = |text: &str| {
        prints
            .iter()
            .filter_map(|one| text.find(one.as_str()))
            .min()
    };
    while let Some(at) = first(rest) {
        pieces.push(literal(&rest[..at + 16]));
        pieces.push("lpad((:n::bigint % 999983)::text, 6, '0')".to_owned());
        rest = &rest[at + 22..];
    }
    if pieces.is_empty() {
        return literal(text);
    }
    pieces.push(literal(rest));
    let is_array = text.starts_with('{') && text.ends_with('}');
    let kind = if is_array { "text[]" } else { "text" };
    format!("({})::{kind}", pieces.join(" || "))
}

/// A string in which `pgbench` finds no variable of its own.
fn literal(text: &str) -> String {
    let text = text
        .replace('\\', "\\\\")
        .replace('\'', "''")
        .replace(':', "\\x3A");
    format!("E'{text}'")
}
