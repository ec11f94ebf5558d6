//! Statements of whoever owns the databases of the tests.

use std::process::{Command, Stdio};

/// Runs a statement that must succeed; the answer is its rows.
pub(crate) fn psql(url: &str, statement: &str) -> String {
    let output = Command::new("psql")
        .args([url, "-qAtc", statement])
        .stderr(Stdio::inherit())
        .output()
        .expect("psql runs");
    assert!(output.status.success(), "{statement}");
    String::from_utf8(output.stdout).expect("text")
}

/// Ends who is connected to a database of a server. Not the server's own processes, which have no user
/// and ask for more rights.
pub(crate) fn cut(server: &str, database: &str) {
    let end =
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename IS NOT NULL AND ";
    psql(server, &format!("{end} datname = '{database}'"));
}

/// Drops a database, whoever was connected to it. Not WITH (FORCE), which fails where autovacuum is at
/// work; without it PostgreSQL ends that by itself.
pub(crate) fn drop_database(server: &str, database: &str) {
    cut(server, database);
    psql(server, &format!("DROP DATABASE {database}"));
}
