//! The one way to the database: `read`, `read_snapshot` and `write`, and the same three with a
//! scope for what touches tickets and what belongs to them; `read_keyed_in` for what keys find of these.
//!
//! Callers do not know which database it is. On PostgreSQL a closure runs on a pooled
//! connection, and row-level security holds it to the scope it named; on SQLite reads have a
//! small pool of their own and all writes go to one thread.
//! Invariant: a `write` is one transaction, committed on `Ok` and rolled back on `Err` and on
//! a panic, and there is no other transaction in this program.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use diesel::r2d2::R2D2Connection;
use domain::visibility::Scope;
use uuid::Uuid;

use crate::connection::{DbConnection, Managed, Manager, Role, Target};
use crate::dialect;
use crate::error::StoreError;
use crate::keyring::{self, KeyError, KeySlot, Keyring, MasterKey};
use crate::replica::{Replica, ReplicaReads};
use crate::statements::StatementCount;
use crate::transaction::{Begin, begun, caught, finish, transaction};
use crate::work::{self, Wish, Work};
use crate::writer::Writer;
use crate::{reading, recent_writes, settled, trail};

pub(crate) type Pool = r2d2::Pool<Manager>;

/// How to reach the database. Has no `Debug`, because the URL may hold a password.
#[derive(Clone)]
pub struct DbConfig {
    /// `sqlite://path/to/file` or `postgres://…`.
    pub url: String,
    /// Connections to PostgreSQL.
    pub pool_size: u32,
    /// Reading connections to SQLite; each may hold 8 MiB of cache.
    pub sqlite_readers: u32,
    /// Writes that may wait for SQLite before the next one is refused.
    pub sqlite_queue: usize,
    /// How long a caller waits for a connection or for its turn before it hears `Busy`.
    pub wait: Duration,
    /// How long PostgreSQL may work on one statement.
    pub statement_timeout: Duration,
    /// How long PostgreSQL may wait for one lock.
    pub lock_timeout: Duration,
    /// Whether PostgreSQL may be reached over a network without encryption.
    pub allow_plaintext_postgres: bool,
    /// A streaming replica of the PostgreSQL at `url`, which some reads go to.
    pub replica_url: Option<String>,
    /// How old what the replica shows may be.
    pub replica_max_lag: Duration,
}

impl DbConfig {
    /// The database at this URL, everything else as it should be for one server.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            pool_size: 16,
            sqlite_readers: 4,
            sqlite_queue: 1024,
            wait: Duration::from_secs(3),
            statement_timeout: Duration::from_secs(10),
            lock_timeout: Duration::from_secs(3),
            allow_plaintext_postgres: false,
            replica_url: None,
            replica_max_lag: Duration::from_secs(2),
        }
    }
}

/// Which database it is. For messages and tests; SQL is chosen in `dialect`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// The database. A clone is the same one; the last to be dropped waits for the writes under way.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

struct Inner {
    /// All of PostgreSQL's connections, or SQLite's reading ones.
    pool: Pool,
    /// SQLite only.
    writer: Option<Writer>,
    manager: Manager,
    /// PostgreSQL only.
    replica: Option<Replica>,
}

impl Db {
    /// Opens the database and fails at once if it cannot be reached. Creates no table.
    pub fn open(config: &DbConfig) -> Result<Self, StoreError> {
        let manager = Manager {
            target: Target::parse(&config.url, config.allow_plaintext_postgres)?,
            statement_timeout: config.statement_timeout,
            lock_timeout: config.lock_timeout,
            statements: StatementCount::default(),
            keys: KeySlot::default(),
        };
        let (writer, connections) = match &manager.target {
            Target::Postgres { .. } => {
                // The pool would only say that it waited in vain; this says why.
                manager.open(Role::Writer)?;
                (None, config.pool_size)
            }
            Target::Sqlite { path } => {
                create_private_file(Path::new(path))?;
                let writer = Writer::start(manager.clone(), config.sqlite_queue, config.wait)?;
                (Some(writer), config.sqlite_readers)
            }
        };
        let replica = match &config.replica_url {
            Some(url) => Some(Replica::open(&manager, url, config)?),
            None => None,
        };
        Ok(Self {
            inner: Arc::new(Inner {
                pool: pool(manager.clone(), connections, 1, config.wait),
                writer,
                manager,
                replica,
            }),
        })
    }

    /// Runs `f` without a transaction: for a single statement, or where several need not see
    /// the same moment. Writes nothing; SQLite enforces that. Has no scope, so that PostgreSQL
    /// shows it neither a ticket nor what belongs to one; the same goes for the other two.
    pub fn read<T, E>(&self, f: impl FnOnce(&mut DbConnection) -> Result<T, E>) -> Result<T, E>
    where
        E: From<StoreError>,
    {
        work::through(f, |work| self.without_transaction(work))
    }

    fn without_transaction(&self, work: &mut Work<'_>) -> Result<(), StoreError> {
        let mut conn = self.connection()?;
        settled::forget();
        caught(&mut conn, work).map(drop)
    }

    /// Like `read`, for rows that `scope` may see. This one and the snapshots go to the replica where
    /// `crate::reading` lets them and it shows what the caller wrote.
    pub fn read_in<T, E>(
        &self,
        scope: &Scope,
        f: impl FnOnce(&mut DbConnection) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<StoreError>,
    {
        work::through(f, |work| {
            self.read_within(&|db| dialect::begin_read(db, scope), work)
        })
    }

    /// Runs `f` in a transaction whose reads all see the same moment.
    pub fn read_snapshot<T, E>(
        &self,
        f: impl FnOnce(&mut DbConnection) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<StoreError>,
    {
        self.read_snapshot_in(&Scope::Nothing, f)
    }

    /// Like `read_snapshot`, for rows that `scope` may see.
    pub fn read_snapshot_in<T, E>(
        &self,
        scope: &Scope,
        f: impl FnOnce(&mut DbConnection) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<StoreError>,
    {
        work::through(f, |work| {
            self.read_within(&|db| dialect::begin_snapshot(db, scope), work)
        })
    }

    /// Like `read_snapshot_in`, for what is found by its keys: PostgreSQL plans a statement once on each
    /// connection, and not again for each value. Not for the first rows of a list, whose plan depends on how
    /// many are asked for.
    pub fn read_keyed_in<T, E>(
        &self,
        scope: &Scope,
        f: impl FnOnce(&mut DbConnection) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<StoreError>,
    {
        work::through(f, |work| {
            self.read_within(&|db| dialect::begin_keyed(db, scope), work)
        })
    }

    fn read_within(&self, begin: &Begin<'_>, work: &mut Work<'_>) -> Result<(), StoreError> {
        if let Some(replica) = &self.inner.replica
            && let Some(mut conn) = replica.connection(|reader| self.marks_of(reader))
        {
            let _keys = keyring::enter(&conn.keys);
            match begun(&mut conn, begin) {
                Ok(()) => return replica.watched(conn, |conn| finish(conn, work)),
                Err(_) => replica.fails(),
            }
        }
        transaction(&mut *self.connection()?, begin, work)
    }

    /// What somebody wrote a moment ago.
    fn marks_of(&self, reader: &str) -> Result<Vec<Uuid>, StoreError> {
        self.read(|conn| recent_writes::list(conn, reader))
    }

    /// Runs `f` in one transaction: commit on `Ok`, roll back on `Err`, whose value is returned
    /// as it is. The closure owns what it uses because on SQLite it runs on another thread.
    ///
    /// It must not call `write` again, and should not wait for anything but the database.
    pub fn write<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.write_in(&Scope::Nothing, f)
    }

    /// Like `write`, for rows that `scope` may see; new ones may be anybody's.
    pub fn write_in<T, E, F>(&self, scope: &Scope, f: F) -> Result<T, E>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        match &self.inner.writer {
            Some(writer) => writer.run(f),
            None => work::through(f, |work| self.write_here(scope, work)),
        }
    }

    /// PostgreSQL: on this thread.
    fn write_here(&self, scope: &Scope, work: &mut Work<'_>) -> Result<(), StoreError> {
        let mut carried = None;
        let mut work = |db: &mut DbConnection| {
            trail::begin_write();
            let wish = work(db)?;
            if wish == Wish::Keep {
                if self.inner.replica.is_some()
                    && let Some(reader) = reading::writer()
                {
                    recent_writes::mark(db, &reader)?;
                }
                carried = trail::settle(db)?;
            }
            Ok(wish)
        };
        let begin = |db: &mut DbConnection| dialect::begin_write(db, scope);
        transaction(&mut *self.connection()?, &begin, &mut work)?;
        if let Some(carried) = carried {
            carried.commit();
        }
        Ok(())
    }

    /// Writes in a single statement, which is a transaction of its own: on PostgreSQL a round trip where
    /// `write` needs three. `f` must not run a second one. No trail is carried with it.
    pub fn write_alone<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let write = || match &self.inner.writer {
            Some(writer) => writer.run(f),
            None => work::through(f, |work| self.without_transaction(work)),
        };
        trail::apart(write)
    }

    /// Opens the data keys with the master key; from then on closures find them. The tables must be
    /// there. Refused where the keys were wrapped by another master key, or are damaged.
    pub fn unlock(&self, master: Arc<dyn MasterKey>) -> Result<(), StoreError> {
        let keyring = Keyring::open(self.inner.manager.clone(), master)?;
        // Opened before: with the same keys, since they opened.
        let _ = self.inner.manager.keys.set(Arc::new(keyring));
        Ok(())
    }

    /// The data keys, once they are unlocked.
    pub fn keyring(&self) -> Result<Arc<Keyring>, StoreError> {
        let keys = self.inner.manager.keys.get().cloned();
        keys.ok_or_else(|| KeyError::Locked.into())
    }

    /// Which database it is.
    pub fn backend(&self) -> Backend {
        match self.inner.manager.target {
            Target::Postgres { .. } => Backend::Postgres,
            Target::Sqlite { .. } => Backend::Sqlite,
        }
    }

    /// Asks the database for a sign of life.
    pub fn ping(&self) -> Result<(), StoreError> {
        self.read(|conn| Ok(conn.ping()?))
    }

    /// Whether the database would let this program past the scopes it names: on PostgreSQL, row
    /// security binds neither a superuser nor a role with BYPASSRLS.
    pub fn bypasses_row_security(&self) -> Result<bool, StoreError> {
        self.read(|conn| Ok(dialect::bypasses_policies(conn)?))
    }

    /// Statements executed so far on all connections, without BEGIN, COMMIT and the like.
    pub fn statements(&self) -> u64 {
        self.inner.manager.statements.get()
    }

    /// How reads fared that the replica might have taken; none without one.
    pub fn replica_reads(&self) -> Option<ReplicaReads> {
        self.inner.replica.as_ref().map(Replica::reads)
    }

    /// A connection of its own, outside the pool and the queue.
    pub(crate) fn open_alone(&self) -> Result<Managed, StoreError> {
        self.inner.manager.open(Role::Writer)
    }

    fn connection(&self) -> Result<r2d2::PooledConnection<Manager>, StoreError> {
        self.inner.pool.get().map_err(|_| StoreError::Busy)
    }
}

/// Connections that are opened when they are needed.
pub(crate) fn pool(manager: Manager, most: u32, idle: u32, wait: Duration) -> Pool {
    r2d2::Pool::builder()
        .max_size(most.max(1))
        .min_idle(Some(idle))
        .connection_timeout(wait)
        // One more round trip per request otherwise; `has_broken` finds the dead ones.
        .test_on_check_out(false)
        .error_handler(Box::new(LogFailure))
        .build_unchecked(manager)
}

/// The file holds personal data, so only its owner may read it; SQLite gives the files beside
/// it the same rights.
fn create_private_file(path: &Path) -> Result<(), StoreError> {
    let failed = |error: std::io::Error| StoreError::Unreachable(error.to_string());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(failed)?;
    Ok(())
}

#[derive(Debug)]
struct LogFailure;

impl r2d2::HandleError<StoreError> for LogFailure {
    fn handle_error(&self, error: StoreError) {
        tracing::error!(%error, "cannot open another database connection");
    }
}
