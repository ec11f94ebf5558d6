//! How to reach the database.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use storage::DbConfig;

use super::check::Check;
use super::secret::Secret;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DatabaseSection {
    url: Secret,
    url_file: String,
    owner_url: Secret,
    owner_url_file: String,
    pool_size: u32,
    sqlite_readers: u32,
    sqlite_queue: usize,
    wait_ms: u64,
    statement_timeout_ms: u64,
    lock_timeout_ms: u64,
    allow_plaintext_postgres: bool,
    migrate_on_start: bool,
    replica_url: Secret,
    replica_url_file: String,
    replica_max_lag_ms: u64,
}

impl DatabaseSection {
    /// How to reach it, how to reach it as the owner of the tables, and whether a start brings the tables up
    /// to date. The URLs themselves are read by `storage`, which knows what it can open.
    pub(super) fn check(
        &self,
        check: &mut Check,
        data: &Path,
    ) -> (DbConfig, Option<DbConfig>, bool) {
        let url = check
            .secret("database.url", &self.url, &self.url_file)
            .unwrap_or_else(|| format!("sqlite://{}", data.join("sportello.db").display()));
        let mut millis = |key: &str, value: u64, least: u64| {
            let key = format!("database.{key}");
            Duration::from_millis(check.number(&key, value, least..=600_000))
        };
        let wait = millis("wait_ms", self.wait_ms, 1);
        let statement_timeout = millis("statement_timeout_ms", self.statement_timeout_ms, 100);
        let lock_timeout = millis("lock_timeout_ms", self.lock_timeout_ms, 1);
        let replica_url = check.secret(
            "database.replica_url",
            &self.replica_url,
            &self.replica_url_file,
        );
        if replica_url.is_some() && url.starts_with("sqlite:") {
            check.say("database.replica_url", "SQLite has no replicas");
        }
        let lag = check.number(
            "database.replica_max_lag_ms",
            self.replica_max_lag_ms,
            100..=30_000,
        );
        let config = DbConfig {
            url,
            pool_size: check.number("database.pool_size", self.pool_size, 1..=1_000),
            sqlite_readers: check.number("database.sqlite_readers", self.sqlite_readers, 1..=64),
            sqlite_queue: check.number("database.sqlite_queue", self.sqlite_queue, 1..=1_000_000),
            wait,
            statement_timeout,
            lock_timeout,
            allow_plaintext_postgres: self.allow_plaintext_postgres,
            replica_url,
            replica_max_lag: Duration::from_millis(lag),
        };
        let owner = check.secret("database.owner_url", &self.owner_url, &self.owner_url_file);
        if owner.is_some() && config.url.starts_with("sqlite:") {
            check.say("database.owner_url", "SQLite knows no roles");
        }
        let owner = owner.map(|url| DbConfig {
            url,
            replica_url: None,
            ..config.clone()
        });
        // Whoever serves must not be able to change tables: then only `sportello migrate` does.
        let migrate_on_start = self.migrate_on_start && owner.is_none();
        (config, owner, migrate_on_start)
    }
}
