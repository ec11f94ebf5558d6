//! What the databases do by themselves: the same rows without a program around them.
//!
//! On PostgreSQL `pgbench` runs the five statements of a bare filing (BEGIN, three inserts, COMMIT), the
//! statements that a filing of ours really runs, and the select of a page. On SQLite a loop of one commit
//! each does the three inserts.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, SqliteConnection};

use crate::wrk::Driven;

/// A request of 30 columns with six index entries, an event and an outbox row.
fn tables(is_postgres: bool) -> String {
    let (id, time) = match is_postgres {
        true => ("uuid", "timestamptz"),
        false => ("BLOB", "BIGINT"),
    };
    let texts: Vec<String> = (0..20).map(|nth| format!("t{nth} text")).collect();
    format!(
        "CREATE TABLE floor_tickets (id {id} PRIMARY KEY, number text NOT NULL UNIQUE, queue text NOT NULL, \
         assignee text, email text NOT NULL, state text NOT NULL, version bigint NOT NULL, \
         created_at {time} NOT NULL, due_at {time}, updated_at {time} NOT NULL, {});
         CREATE INDEX floor_tickets_queue ON floor_tickets (queue, created_at, id);
         CREATE INDEX floor_tickets_assignee ON floor_tickets (assignee, created_at, id);
         CREATE INDEX floor_tickets_email ON floor_tickets (email);
         CREATE INDEX floor_tickets_due ON floor_tickets (due_at) WHERE state = 'new';
         CREATE TABLE floor_events (ticket_id {id} NOT NULL, seq bigint NOT NULL, at {time} NOT NULL, \
         kind text NOT NULL, change text NOT NULL, PRIMARY KEY (ticket_id, seq));
         CREATE TABLE floor_outbox (id {id} PRIMARY KEY, ticket_id {id} NOT NULL, due_at {time} NOT NULL, \
         state text NOT NULL, payload text NOT NULL);",
        texts.join(", ")
    )
}

/// The three inserts; `id`, `number` and `now` are SQL for fresh ones.
fn inserts(id: &str, number: &str, now: &str) -> [String; 3] {
    let texts: Vec<String> = (0..20)
        .map(|nth| format!("'column {nth} holds some words of a request'"))
        .collect();
    let change = "{\"kind\":\"filed\",\"service\":\"FSE\",\"to\":\"010204\"}";
    [
        format!(
            "INSERT INTO floor_tickets VALUES ({id}, {number}, 'q' || ({number} % 20), 'a' || ({number} % 200), \
             'e' || ({number} % 100000) || '@example.net', 'new', 1, {now}, {now}, {now}, {})",
            texts.join(", ")
        ),
        format!("INSERT INTO floor_events VALUES ({id}, 1, {now}, 'request.filed', '{change}')"),
        format!("INSERT INTO floor_outbox VALUES ({id}, {id}, {now}, 'waiting', '{change}')"),
    ]
}

/// The floor of PostgreSQL, in a database of its own on the same server.
pub(crate) struct Postgres {
    url: String,
    pgbench: String,
    folder: std::path::PathBuf,
}

impl Postgres {
    /// `pgbench` lies beside `psql`, which this command runs.
    pub(crate) fn open(url: &str, psql: &str, folder: &Path) -> Self {
        let mut conn = PgConnection::establish(url).expect("the floor's database");
        conn.batch_execute(&tables(true))
            .expect("the floor's tables");
        let program = psql.split(' ').next().unwrap_or("psql");
        let pgbench = program
            .strip_suffix("psql")
            .map_or("pgbench".to_owned(), |path| format!("{path}pgbench"));
        let id = "('00000000-0000-7000-8000-' || lpad(to_hex(:n::bigint), 12, '0'))::uuid";
        let inserts = inserts(id, ":n::bigint", "now()").join(";\n");
        let five = format!("\\set n random(1, 100000000000000)\nBEGIN;\n{inserts};\nCOMMIT;\n");
        fs::write(folder.join("five.sql"), five).expect("the script is written");
        Postgres {
            url: url.to_owned(),
            pgbench,
            folder: folder.to_owned(),
        }
    }

    /// The five statements.
    pub(crate) fn five(&self, clients: usize, seconds: u64) -> Driven {
        self.run(&self.url, "five.sql", clients, seconds)
    }

    /// These statements, one after the other, in the database they are about.
    pub(crate) fn statements(
        &self,
        url: &str,
        script: &str,
        clients: usize,
        seconds: u64,
    ) -> Driven {
        fs::write(self.folder.join("own.sql"), script).expect("the script is written");
        self.run(url, "own.sql", clients, seconds)
    }

    fn run(&self, url: &str, script: &str, clients: usize, seconds: u64) -> Driven {
        for old in logs(&self.folder) {
            let _ = fs::remove_file(old);
        }
        let clients = clients.to_string();
        let output = Command::new(&self.pgbench)
            .current_dir(&self.folder)
            .args([
                "--no-vacuum",
                "--protocol=prepared",
                "--log",
                "--log-prefix=pgbench",
            ])
            .args([
                "--client",
                &clients,
                "--jobs",
                "2",
                "--time",
                &seconds.to_string(),
            ])
            .args(["--file", script, url])
            .stderr(Stdio::piped())
            .output()
            .expect("pgbench runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        // Client, number, microseconds, script, when: a line for each transaction.
        let mut times: Vec<f64> = Vec::new();
        for log in logs(&self.folder) {
            let text = fs::read_to_string(log).unwrap_or_default();
            let micros = text
                .lines()
                .filter_map(|line| line.split(' ').nth(2)?.parse::<f64>().ok());
            times.extend(micros);
        }
        summary(times, Duration::from_secs(seconds))
    }
}

fn logs(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is read");
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let is_log = |path: &std::path::PathBuf| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("pgbench."))
    };
    paths.filter(is_log).collect()
}

/// The bare loop of SQLite: a commit for each request, with the settings of the program.
pub(crate) fn sqlite_loop(folder: &Path, seconds: u64) -> Driven {
    let path = folder.join("floor.db");
    let is_new = !path.exists();
    let path = path.to_str().expect("a readable path");
    let mut conn = SqliteConnection::establish(path).expect("the floor's file");
    conn.batch_execute(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
         PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY;",
    )
    .expect("the settings");
    if is_new {
        conn.batch_execute(&tables(false))
            .expect("the floor's tables");
    }
    let mut inserts = inserts("?1", "?2", "?3").map(|sql| Bare {
        sql,
        id: vec![0; 16],
        number: 0,
    });
    let (began, wanted) = (Instant::now(), Duration::from_secs(seconds));
    let mut number = i64::from(std::process::id()) * 100_000_000;
    number +=
        i64::try_from(fs::metadata(path).map_or(0, |file| file.len())).unwrap_or(0) * 1_000_000;
    let mut times = Vec::new();
    while began.elapsed() < wanted {
        let one = Instant::now();
        number += 1;
        conn.batch_execute("BEGIN IMMEDIATE").expect("it begins");
        for insert in &mut inserts {
            insert.number = number;
            insert.id[8..].copy_from_slice(&number.to_be_bytes());
            diesel::RunQueryDsl::execute(&*insert, &mut conn).expect("it is written");
        }
        conn.batch_execute("COMMIT").expect("it is kept");
        times.push(one.elapsed().as_secs_f64() * 1e6);
    }
    summary(times, began.elapsed())
}

/// A prepared insert that takes an id, a number and a time.
struct Bare {
    sql: String,
    id: Vec<u8>,
    number: i64,
}

impl diesel::query_builder::QueryId for Bare {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl diesel::query_builder::QueryFragment<diesel::sqlite::Sqlite> for Bare {
    fn walk_ast<'b>(
        &'b self,
        mut out: diesel::query_builder::AstPass<'_, 'b, diesel::sqlite::Sqlite>,
    ) -> diesel::QueryResult<()> {
        use diesel::sql_types::{BigInt, Binary};
        let mut parts = self.sql.split('?');
        out.push_sql(parts.next().unwrap_or_default());
        for part in parts {
            match part.as_bytes().first() {
                Some(b'1') => out.push_bind_param::<Binary, Vec<u8>>(&self.id)?,
                _ => out.push_bind_param::<BigInt, i64>(&self.number)?,
            }
            out.push_sql(part.get(1..).unwrap_or_default());
        }
        Ok(())
    }
}

impl diesel::RunQueryDsl<SqliteConnection> for &Bare {}

fn summary(mut micros: Vec<f64>, took: Duration) -> Driven {
    micros.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (micros.len() as f64 * share) as usize;
        let one = micros.get(place.min(micros.len().saturating_sub(1)));
        one.map_or(0.0, |one| one / 1e3)
    };
    Driven {
        requests: micros.len() as f64,
        seconds: took.as_secs_f64(),
        p50_ms: at(0.5),
        p99_ms: at(0.99),
        errors: 0.0,
    }
}
