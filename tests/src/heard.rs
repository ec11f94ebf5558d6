//! What the program sends to its database, heard at its only connection
//! ([`Options::on_one_connection`](crate::Options::on_one_connection)) and asked again beside it.
//!
//! Invariant: a statement is judged as it was sent, with its text and its values; none is copied
//! into a test by hand.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use diesel::connection::{Instrumentation, InstrumentationEvent, SimpleConnection};
use diesel::sql_types::{BigInt, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl};
use serde_json::Value;
use storage::StoreError;

use crate::TestApp;

/// How often a statement runs before its plan is looked at: PostgreSQL plans a prepared statement
/// anew five times before it may settle on a plan for all values.
const RUNS_UNTIL_SETTLED: usize = 8;

/// A statement as the database got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its SQL.
    pub text: String,
    /// Its values, as a list that a programmer reads.
    values: String,
}

impl Statement {
    fn new(shown: &str) -> Self {
        let (text, values) = shown.split_once(" -- binds: ").unwrap_or((shown, "[]"));
        Statement {
            text: text.trim().to_owned(),
            values: values.trim().to_owned(),
        }
    }

    /// Whether it begins or ends a transaction. It is no query, so nothing of it is planned.
    pub fn is_control(&self) -> bool {
        ["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE"]
            .iter()
            .any(|word| self.text.starts_with(word))
    }

    /// What it does to which table, such as `UPDATE tickets`.
    pub fn label(&self) -> String {
        // What is read out of a query is read out of its table.
        let plain = self.text.replace(['"', '`'], "");
        let plain = plain.replace("FROM (SELECT ", "(SELECT ");
        let mut words = plain.split_whitespace();
        let verb = words.next().unwrap_or_default();
        let table = match verb {
            "UPDATE" => words.next(),
            _ => words
                .skip_while(|word| !matches!(*word, "FROM" | "INTO"))
                .nth(1),
        };
        match table {
            Some(table) => format!("{verb} {}", table.trim_matches(['(', ')'])),
            None => plain.chars().take(60).collect(),
        }
    }

    /// Its values as literals of PostgreSQL.
    fn literals(&self) -> Vec<String> {
        items_of(&self.values).into_iter().map(literal).collect()
    }
}

/// The parts of `[a, "b", [c], D(e)]`.
fn items_of(list: &str) -> Vec<&str> {
    let inner = list
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let inner = inner.expect("a list");
    let (mut items, mut start, mut depth, mut is_text, mut is_escaped) =
        (Vec::new(), 0, 0, false, false);
    for (at, character) in inner.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if is_text => is_escaped = true,
            '"' => is_text = !is_text,
            _ if is_text => {}
            '[' | '(' => depth += 1,
            ']' | ')' => depth -= 1,
            ',' if depth == 0 => {
                items.push(inner[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    items.push(inner[start..].trim());
    items.retain(|item| !item.is_empty());
    items
}

/// What the value is without quotes, and without the name of its type.
fn bare(item: &str) -> String {
    match item.split_once('(') {
        _ if item.starts_with('"') => serde_json::from_str(item).expect("a text"),
        Some((_, rest)) => rest
            .strip_suffix(')')
            .expect("a value in brackets")
            .to_owned(),
        None => item.to_owned(),
    }
}

fn literal(item: &str) -> String {
    let item = match item.strip_prefix("Some(") {
        Some(rest) => rest.strip_suffix(')').expect("a value in brackets"),
        None => item,
    };
    let quote = |text: &str| format!("'{}'", text.replace('\'', "''"));
    if item == "None" {
        "NULL".to_owned()
    } else if item.starts_with('[') {
        let elements = items_of(item).into_iter().map(bare);
        let elements: Vec<String> = elements.map(|element| format!("{element:?}")).collect();
        quote(&format!("{{{}}}", elements.join(",")))
    } else {
        quote(&bare(item))
    }
}

/// Keeps every statement of the connection that answers and, on PostgreSQL, writes.
#[derive(Clone, Default)]
pub struct Heard(Arc<Mutex<Vec<Statement>>>);

impl Instrumentation for Heard {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let statement = Statement::new(&query.to_string());
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push(statement);
        }
    }
}

impl Heard {
    /// Listens at the only connection from now on.
    pub fn at(app: &TestApp) -> Self {
        assert_eq!(app.options.connections, Some(1), "a single connection");
        let heard = Heard::default();
        let listener = heard.clone();
        let set = app.db.read(|conn| {
            diesel::Connection::set_instrumentation(conn, listener);
            Ok::<_, StoreError>(())
        });
        set.expect("the connection is there");
        heard
    }

    /// What was heard since the last time.
    pub fn take(&self) -> Vec<Statement> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs what `ask` asks, and tells what PostgreSQL had to parse for it: what the connection does not
    /// keep prepared.
    pub async fn parsed<T>(&self, app: &TestApp, ask: impl Future<Output = T>) -> (Vec<String>, T) {
        let before = runs_of_prepared(app);
        self.take();
        let answer = ask.await;
        let said = self.take();
        let mut runs = runs_of_prepared(app);
        let mut parsed = Vec::new();
        for statement in said.iter().filter(|statement| !statement.is_control()) {
            let ran_before = before.get(&statement.text).copied();
            // What was prepared for the first time was parsed as well.
            let left = runs
                .get_mut(&statement.text)
                .filter(|_| ran_before.is_some());
            match left {
                Some(left) if *left > ran_before.unwrap_or_default() => *left -= 1,
                _ => parsed.push(statement.label()),
            }
        }
        parsed.sort();
        (parsed, answer)
    }
}

/// What the connection keeps prepared, and how often each ran.
fn runs_of_prepared(app: &TestApp) -> HashMap<String, i64> {
    #[derive(QueryableByName)]
    struct Prepared {
        #[diesel(sql_type = Text)]
        statement: String,
        #[diesel(sql_type = BigInt)]
        runs: i64,
    }
    let sql = "SELECT statement, generic_plans + custom_plans AS runs FROM pg_prepared_statements";
    let rows = app
        .db
        .read(|conn| Ok::<_, StoreError>(diesel::sql_query(sql).load::<Prepared>(conn)?));
    let mut runs = HashMap::new();
    for row in rows.expect("PostgreSQL 14 or later") {
        *runs.entry(row.statement).or_default() += row.runs;
    }
    runs
}

/// A reading statement and the transaction in which it was heard, to be asked again.
pub struct Asked {
    begin: String,
    statement: Statement,
}

impl Asked {
    /// Whatever was read, out of what was heard.
    pub fn reads(heard: &[Statement]) -> Vec<Self> {
        let (mut begin, mut reads) = ("BEGIN", Vec::new());
        for statement in heard {
            if statement.is_control() {
                begin = match statement.text.starts_with("BEGIN") {
                    true => statement.text.as_str(),
                    false => "BEGIN",
                };
            } else if ["SELECT", "WITH"]
                .iter()
                .any(|verb| statement.text.starts_with(verb))
            {
                reads.push(Asked {
                    begin: begin.to_owned(),
                    statement: statement.clone(),
                });
            }
        }
        reads
    }

    /// The statement that reads a page of tickets.
    pub fn page_of_tickets(heard: &[Statement]) -> Self {
        let is_page = |asked: &Asked| {
            let Asked { statement, .. } = asked;
            statement.label() == "SELECT tickets" && statement.text.contains(" ORDER BY ")
        };
        let page = Self::reads(heard).into_iter().find(is_page);
        page.unwrap_or_else(|| panic!("no page of tickets in {heard:#?}"))
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.statement.text
    }

    /// The pages of eight kilobytes that PostgreSQL touches for it, in the scope it was asked in and
    /// by the plan it settles on; and that plan.
    pub fn buffers(&self, conn: &mut PgConnection) -> (u64, Value) {
        #[derive(QueryableByName)]
        struct Plan {
            #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
            plan: String,
        }
        let execute = match self.statement.literals().join(", ") {
            none if none.is_empty() => "EXECUTE asked".to_owned(),
            values => format!("EXECUTE asked ({values})"),
        };
        conn.batch_execute(&self.begin)
            .expect("the transaction begins");
        conn.batch_execute(&format!("PREPARE asked AS {}", self.statement.text))
            .expect("the statement is prepared");
        for _ in 0..RUNS_UNTIL_SETTLED {
            conn.batch_execute(&execute).expect("the statement runs");
        }
        let explain = format!("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {execute}");
        let shown: Plan = diesel::sql_query(explain).get_result(conn).expect("a plan");
        conn.batch_execute("ROLLBACK; DEALLOCATE asked")
            .expect("the end");
        let plan: Value = serde_json::from_str(&shown.plan).expect("JSON");
        let plan = plan[0]["Plan"].clone();
        let blocks = |name: &str| plan[name].as_u64().expect("a number of pages");
        let touched = blocks("Shared Hit Blocks") + blocks("Shared Read Blocks");
        (touched, plan)
    }

    /// How SQLite goes about it, a line for each step.
    pub fn steps(&self, app: &TestApp) -> Vec<String> {
        #[derive(QueryableByName)]
        struct Step {
            #[diesel(sql_type = Text)]
            detail: String,
        }
        let explain = format!("EXPLAIN QUERY PLAN {}", self.statement.text);
        let steps = app
            .db
            .read(|conn| Ok::<_, StoreError>(diesel::sql_query(explain).load::<Step>(conn)?));
        let steps = steps.expect("a plan").into_iter();
        steps.map(|step| step.detail).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_literals() {
        let shown =
            r#"SELECT 1 -- binds: ["a'b, (c", Ts(2026-03-02T08:00:00Z), ["p", "q"], 51, None]"#;
        let expected = [
            "'a''b, (c'",
            "'2026-03-02T08:00:00Z'",
            r#"'{"p","q"}'"#,
            "'51'",
            "NULL",
        ];
        assert_eq!(Statement::new(shown).literals(), expected);
    }

    #[test]
    fn a_statement_is_named_by_its_verb_and_its_table() {
        for (text, label) in [
            (r#"UPDATE "tickets" SET "version" = $1"#, "UPDATE tickets"),
            (r#"INSERT INTO "legs" ("no") VALUES ($1)"#, "INSERT legs"),
            (r#"SELECT "legs"."no" FROM "legs" WHERE $1"#, "SELECT legs"),
            (r#"DELETE  FROM "legs" WHERE $1"#, "DELETE legs"),
            (
                r#"SELECT * FROM (SELECT "no" FROM "legs") AS x"#,
                "SELECT legs",
            ),
        ] {
            assert_eq!(Statement::new(text).label(), label);
        }
    }
}
