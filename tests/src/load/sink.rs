//! Where stamped rows go: COPY on PostgreSQL, prepared inserts in large transactions on SQLite; both past the
//! program's own connections.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use diesel::connection::SimpleConnection;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use diesel::sqlite::Sqlite;
use diesel::{Connection, RunQueryDsl, SqliteConnection};
use jiff::Timestamp;
use storage::sql_types::{Id, Uid};

use super::Way;
use super::rows::{Table, Value};

/// Takes rows of tables by their places in a list.
pub(super) enum Sink {
    /// One `COPY` of each table that gets rows, all at once.
    Copy {
        psql: String,
        tables: Vec<Table>,
        copies: Vec<Option<Copy>>,
    },
    /// One transaction after the other.
    Insert {
        sqlite: SqliteConnection,
        statements: Vec<String>,
        /// Rows of the transaction under way.
        rows: usize,
    },
}

/// Rows of one transaction on SQLite.
const ROWS_AT_ONCE: usize = 20_000;

/// How SQLite takes them. Rows of a large table's indexes lie everywhere in the file: pages are kept as far as
/// memory goes, and written now and then. Triggers make each insert a step that can be undone, and what is
/// needed for that is looked for from its beginning if it is kept in memory. A row that comes before the one it
/// names would have all tables searched for such rows at every later one: what is copied hangs together. What
/// is lost in a crash is loaded again.
const FOR_MANY_ROWS: &str = "PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; \
     PRAGMA temp_store = FILE; PRAGMA cache_size = -4000000; PRAGMA wal_autocheckpoint = 250000";

impl Sink {
    /// Into these tables.
    pub(super) fn open(way: &Way, tables: &[Table]) -> Self {
        match way {
            Way::Psql(psql) => Sink::Copy {
                psql: psql.clone(),
                tables: tables.to_vec(),
                copies: tables.iter().map(|_| None).collect(),
            },
            Way::File(path) => Sink::Insert {
                sqlite: open_file(path),
                statements: tables.iter().map(insert_into).collect(),
                rows: 0,
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
            Sink::Insert {
                sqlite,
                statements,
                rows,
            } => {
                if *rows == 0 {
                    sqlite
                        .batch_execute("BEGIN IMMEDIATE")
                        .expect("a transaction");
                }
                let sql = &statements[table];
                let values = row;
                let inserted = Insert { sql, values }.execute(sqlite);
                inserted.unwrap_or_else(|error| panic!("{sql}: {error}"));
                *rows += 1;
            }
        }
    }

    /// All rows of a request are there: what hangs together is written together.
    pub(super) fn end_of_request(&mut self) {
        if matches!(self, Sink::Insert { rows, .. } if *rows >= ROWS_AT_ONCE) {
            self.commit();
        }
    }

    fn commit(&mut self) {
        if let Sink::Insert { sqlite, rows, .. } = self
            && std::mem::take(rows) > 0
        {
            sqlite
                .batch_execute("COMMIT")
                .expect("the rows are written");
        }
    }

    pub(super) fn finish(mut self) {
        self.commit();
        match self {
            Sink::Copy { copies, .. } => copies.into_iter().flatten().for_each(Copy::finish),
            Sink::Insert { mut sqlite, .. } => sqlite
                .batch_execute("PRAGMA wal_checkpoint(TRUNCATE)")
                .expect("all is in the file"),
        }
    }
}

fn open_file(path: &Path) -> SqliteConnection {
    let path = path.to_str().expect("a path of letters");
    let mut sqlite = SqliteConnection::establish(path).expect("the file opens");
    sqlite
        .batch_execute(FOR_MANY_ROWS)
        .expect("SQLite takes its settings");
    sqlite
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

impl RunQueryDsl<SqliteConnection> for Insert<'_> {}
