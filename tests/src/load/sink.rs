//! Where stamped rows go: COPY on PostgreSQL, prepared inserts in large transactions on SQLite.

use std::io::{BufWriter, Write};
use std::process::{Child, ChildStdin, Command, Stdio};

use diesel::RunQueryDsl;
use diesel::connection::SimpleConnection;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use diesel::sqlite::Sqlite;
use jiff::Timestamp;
use storage::sql_types::{Id, Uid};
use storage::{Db, DbConnection, StoreError};

use super::rows::{Table, Value};
use super::templates::ALL;

/// Takes rows of tables by their places in a list.
pub(super) enum Sink {
    /// One `COPY` of each table that gets rows, all at once.
    Copy {
        psql: String,
        tables: Vec<Table>,
        copies: Vec<Option<Copy>>,
    },
    /// Rows that wait for the next transaction.
    Insert {
        db: Db,
        statements: Vec<String>,
        waiting: Vec<(usize, Vec<Value>)>,
    },
}

/// Rows of one transaction on SQLite, whose statements each go through what the transaction did before.
const ROWS_AT_ONCE: usize = 5_000;

/// How SQLite takes them: rows of a large table's indexes lie everywhere in the file, whose pages would
/// otherwise be read and written again for each.
const ROOM: &str = "PRAGMA cache_size = -4000000; PRAGMA wal_autocheckpoint = 250000";

impl Sink {
    /// Into these tables. `psql` is the command that reaches PostgreSQL as a role that may copy past
    /// row-level security.
    pub(super) fn open(db: &Db, psql: Option<&str>, tables: &[Table]) -> Self {
        if psql.is_none() {
            let prepared = db.write_alone(|conn| Ok::<_, StoreError>(conn.batch_execute(ROOM)?));
            prepared.expect("SQLite takes its settings");
        }
        match psql {
            Some(psql) => Sink::Copy {
                psql: psql.to_owned(),
                tables: tables.to_vec(),
                copies: tables.iter().map(|_| None).collect(),
            },
            None => Sink::Insert {
                db: db.clone(),
                statements: tables.iter().map(insert_into).collect(),
                waiting: Vec::new(),
            },
        }
    }

    pub(super) fn put(&mut self, table: usize, row: Vec<Value>) {
        match self {
            Sink::Copy {
                psql,
                tables,
                copies,
            } => {
                let start = || Copy::start(psql, &tables[table]);
                copies[table].get_or_insert_with(start).put(&row);
            }
            Sink::Insert { waiting, .. } => waiting.push((table, row)),
        }
    }

    /// All rows of a request are there: what hangs together is written together.
    pub(super) fn end_of_request(&mut self) {
        if matches!(self, Sink::Insert { waiting, .. } if waiting.len() >= ROWS_AT_ONCE) {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let Sink::Insert {
            db,
            statements,
            waiting,
        } = self
        else {
            return;
        };
        let (statements, rows) = (statements.clone(), std::mem::take(waiting));
        let written = db.write_in(&ALL, move |conn| {
            let DbConnection::Sqlite(sqlite) = conn else {
                panic!("PostgreSQL takes its rows by COPY");
            };
            // Tables come in any order.
            sqlite.batch_execute("PRAGMA defer_foreign_keys = ON")?;
            for (table, values) in rows {
                let sql = &statements[table];
                Insert { sql, values }.execute(sqlite)?;
            }
            Ok::<_, StoreError>(())
        });
        written.expect("the rows are written");
    }

    pub(super) fn finish(mut self) {
        self.flush();
        if let Sink::Copy { copies, .. } = self {
            for copy in copies.into_iter().flatten() {
                copy.finish();
            }
        }
    }
}

/// A `COPY` under way.
pub(super) struct Copy {
    table: String,
    child: Child,
    input: BufWriter<ChildStdin>,
    line: String,
}

impl Copy {
    fn start(psql: &str, table: &Table) -> Self {
        let columns: Vec<&str> = table
            .columns
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        // What is copied hangs together: rows of tables that are filled at the same time need not be
        // looked up in each other.
        let set = "SET session_replication_role = replica";
        let copy = format!("COPY {} ({}) FROM STDIN", table.name, columns.join(", "));
        let mut child = psql_command(psql, &[set, &copy])
            .stdin(Stdio::piped())
            .spawn()
            .expect("psql starts");
        let input = child.stdin.take().expect("its input");
        Copy {
            table: table.name.clone(),
            child,
            input: BufWriter::with_capacity(1 << 20, input),
            line: String::new(),
        }
    }

    fn put(&mut self, row: &[Value]) {
        self.line.clear();
        for (at, value) in row.iter().enumerate() {
            if at > 0 {
                self.line.push('\t');
            }
            write_value(&mut self.line, value);
        }
        self.line.push('\n');
        let written = self.input.write_all(self.line.as_bytes());
        written.unwrap_or_else(|error| panic!("{}: {error}", self.table));
    }

    fn finish(mut self) {
        let flushed = self.input.flush();
        drop(self.input);
        let ended = self.child.wait().expect("psql ends");
        assert!(ended.success() && flushed.is_ok(), "COPY {}", self.table);
    }
}

/// `psql` with statements, each in a transaction of its own; the first that fails ends it.
pub(super) fn psql_command(psql: &str, statements: &[&str]) -> Command {
    let mut words = psql.split(' ');
    let mut command = Command::new(words.next().expect("a program"));
    command
        .args(words)
        .args(["--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1"]);
    for statement in statements {
        command.args(["--command", statement]);
    }
    command
}

/// A value in the text format of `COPY`.
fn write_value(line: &mut String, value: &Value) {
    use std::fmt::Write as _;
    // Writing to a string cannot fail.
    let _ = match value {
        Value::Null => write!(line, "\\N"),
        Value::Id(id) => write!(line, "{}", id.0),
        Value::At(micros) => {
            let at = Timestamp::from_microsecond(*micros).expect("a time");
            write!(line, "{at}")
        }
        Value::Number(number) => write!(line, "{number}"),
        Value::Flag(flag) => write!(line, "{flag}"),
        Value::Text(text) => {
            for one in text.chars() {
                match one {
                    '\\' => line.push_str("\\\\"),
                    '\t' => line.push_str("\\t"),
                    '\n' => line.push_str("\\n"),
                    '\r' => line.push_str("\\r"),
                    other => line.push(other),
                }
            }
            Ok(())
        }
    };
}

fn insert_into(table: &Table) -> String {
    let columns: Vec<&str> = table
        .columns
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    let columns = columns.join(", ");
    format!("INSERT INTO {} ({columns}) VALUES (", table.name)
}

/// An insert whose statement Diesel keeps prepared, as it does not for `sql_query`.
struct Insert<'a> {
    sql: &'a str,
    values: Vec<Value>,
}

impl QueryId for Insert<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl QueryFragment<Sqlite> for Insert<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql(self.sql);
        for (at, value) in self.values.iter().enumerate() {
            if at > 0 {
                out.push_sql(", ");
            }
            match value {
                Value::Null => out.push_bind_param::<Nullable<BigInt>, Option<i64>>(&None)?,
                Value::Id(id) => {
                    out.push_bind_param::<Uid, Id>(id)?;
                }
                Value::At(number) | Value::Number(number) => {
                    out.push_bind_param::<BigInt, i64>(number)?;
                }
                Value::Flag(flag) => out.push_bind_param::<Bool, bool>(flag)?,
                Value::Text(text) => out.push_bind_param::<Text, String>(text)?,
            }
        }
        out.push_sql(")");
        Ok(())
    }
}

impl RunQueryDsl<diesel::SqliteConnection> for Insert<'_> {}
