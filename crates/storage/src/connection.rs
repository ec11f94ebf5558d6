//! One connection to either database, and how it is opened.
//!
//! Not the derived `establish`: it tries one database after the other, and SQLite takes any
//! text for a file name. Invariant: a URL with another scheme than the documented ones opens
//! nothing, a password appears in no message, and no password or row crosses a network in the
//! clear unless the configuration says so.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::r2d2::R2D2Connection;

use crate::dialect;
use crate::error::StoreError;
use crate::keyring::KeySlot;
use crate::statements::{Health, Probe, StatementCount};

pub use either::{DbConnection, MultiBackend};

#[expect(missing_docs, reason = "the derive writes public items of its own")]
mod either {
    use diesel::prelude::*;

    /// A connection to PostgreSQL or SQLite; every query of this crate takes it.
    #[derive(diesel::MultiConnection)]
    pub enum DbConnection {
        /// PostgreSQL.
        Pg(PgConnection),
        /// SQLite.
        Sqlite(SqliteConnection),
    }
}

/// Where the rows are, read from the URL.
#[derive(Clone)]
pub(crate) enum Target {
    Postgres { url: String },
    Sqlite { path: String },
}

impl Target {
    pub(crate) fn parse(url: &str, allow_plaintext: bool) -> Result<Self, StoreError> {
        match url.split_once("://") {
            Some(("sqlite", path)) => sqlite_path(path),
            Some(("postgres" | "postgresql", rest)) => {
                check_transport(rest, allow_plaintext)?;
                Ok(Self::Postgres {
                    url: url.to_owned(),
                })
            }
            _ => Err(unsupported(
                "a database URL starts with sqlite://, postgres:// or postgresql://",
            )),
        }
    }
}

/// What a connection may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// SQLite refuses any change on it; on PostgreSQL the same as `Writer`.
    Reader,
    Writer,
}

/// Opens connections, for the pool and for the writer.
#[derive(Clone)]
pub(crate) struct Manager {
    pub(crate) target: Target,
    pub(crate) statement_timeout: Duration,
    pub(crate) lock_timeout: Duration,
    pub(crate) statements: StatementCount,
    pub(crate) keys: KeySlot,
}

/// A connection with what is known about its state.
pub(crate) struct Managed {
    pub(crate) db: DbConnection,
    pub(crate) health: Arc<Health>,
    pub(crate) keys: KeySlot,
}

impl Manager {
    pub(crate) fn open(&self, role: Role) -> Result<Managed, StoreError> {
        let mut db = match &self.target {
            Target::Postgres { url } => DbConnection::Pg(self.open_postgres(url)?),
            Target::Sqlite { path } => DbConnection::Sqlite(open_sqlite(path, role)?),
        };
        let health = Arc::new(Health::default());
        db.set_instrumentation(Probe::new(self.statements.clone(), Arc::clone(&health)));
        Ok(Managed {
            db,
            health,
            keys: Arc::clone(&self.keys),
        })
    }

    fn open_postgres(&self, url: &str) -> Result<PgConnection, StoreError> {
        let mut conn = PgConnection::establish(url)
            .map_err(|error| StoreError::Unreachable(without_secrets(&error.to_string(), url)))?;
        conn.batch_execute(&format!(
            // A node that was stopped in the middle of a transaction must not hold its rows for ever:
            // between two statements of ours there is never as much as a statement may take.
            "SET statement_timeout = {0}; SET idle_in_transaction_session_timeout = {0}; \
             SET lock_timeout = {1}; SET jit = off; {2}",
            self.statement_timeout.as_millis(),
            self.lock_timeout.as_millis(),
            dialect::POSTGRES_STRINGS,
        ))?;
        Ok(conn)
    }
}

impl r2d2::ManageConnection for Manager {
    type Connection = Managed;
    type Error = StoreError;

    fn connect(&self) -> Result<Managed, StoreError> {
        self.open(Role::Reader)
    }

    fn is_valid(&self, conn: &mut Managed) -> Result<(), StoreError> {
        Ok(conn.db.ping()?)
    }

    /// Diesel's own check finds what was left inside a transaction, and what PostgreSQL has
    /// closed, which nobody looks for at check-out.
    fn has_broken(&self, conn: &mut Managed) -> bool {
        conn.health.is_given_up() || conn.db.is_broken() || std::thread::panicking()
    }
}

fn open_sqlite(path: &str, role: Role) -> Result<SqliteConnection, StoreError> {
    let mut conn = SqliteConnection::establish(path)
        .map_err(|error| StoreError::Unreachable(error.to_string()))?;
    // The timeout comes first because changing the journal mode takes a lock. FULL costs next
    // to nothing with group commit; mapped memory is left off because it costs gigabytes.
    // Without recursive triggers REPLACE would delete rows of history behind their triggers.
    conn.batch_execute(
        "PRAGMA busy_timeout = 5000;
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA recursive_triggers = ON;
         PRAGMA cache_size = -8192;
         PRAGMA temp_store = MEMORY;
         PRAGMA mmap_size = 0;",
    )?;
    if role == Role::Reader {
        conn.batch_execute("PRAGMA query_only = ON")?;
    }
    Ok(conn)
}

fn sqlite_path(path: &str) -> Result<Target, StoreError> {
    if path.is_empty() || path.starts_with(':') || path.starts_with("file:") || path.contains('?') {
        return Err(unsupported(
            "sqlite:// is followed by the path of a file, without parameters; \
             a database in memory would be another one for every connection",
        ));
    }
    Ok(Target::Sqlite {
        path: path.to_owned(),
    })
}

/// Refuses a PostgreSQL that is reached over a network, because this build cannot encrypt.
fn check_transport(rest: &str, allow_plaintext: bool) -> Result<(), StoreError> {
    let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let authority = place.split('/').next().unwrap_or_default();
    let hosts = authority.rsplit('@').next().unwrap_or_default();
    let mut all_local = hosts.split(',').all(|host| is_local(without_port(host)));
    for (key, value) in parameters.split('&').filter_map(|p| p.split_once('=')) {
        match (key, value) {
            ("sslmode", "require" | "verify-ca" | "verify-full") => {
                return Err(unsupported(
                    "sslmode asks for TLS to PostgreSQL, but the client library of this build \
                     has no TLS: reach the server by a local TLS tunnel or a build with TLS",
                ));
            }
            ("host" | "hostaddr", list) => all_local &= list.split(',').all(is_local),
            _ => {}
        }
    }
    if all_local || allow_plaintext {
        return Ok(());
    }
    Err(unsupported(
        "this PostgreSQL is on another machine and this build has no TLS, so passwords and \
         personal data would cross the network in the clear: use a local TLS tunnel, or set \
         allow_plaintext_postgres where the network itself is private",
    ))
}

fn without_port(host: &str) -> &str {
    if let Some(bracketed) = host.strip_prefix('[') {
        return bracketed.split(']').next().unwrap_or_default();
    }
    host.split(':').next().unwrap_or_default()
}

/// No host at all and a path both mean the socket of this machine.
fn is_local(host: &str) -> bool {
    host.is_empty()
        || host == "localhost"
        || host.starts_with('/')
        || host.to_ascii_lowercase().starts_with("%2f")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// libpq repeats a URL it cannot read, password and all.
fn without_secrets(message: &str, url: &str) -> String {
    let authority = url.split("://").nth(1).unwrap_or_default();
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    let password = user.split_once(':').map_or("", |(_, password)| password);
    if message.contains("://") || (!password.is_empty() && message.contains(password)) {
        return String::from("the reason is withheld because it repeats the URL");
    }
    message.trim_end().to_owned()
}

fn unsupported(reason: &str) -> StoreError {
    StoreError::UnsupportedUrl(reason.to_owned())
}
