//! The replica of PostgreSQL that some reads go to, and when they may (`docs/adr/0041`).
//!
//! Invariant: a read goes to the replica only while it shows all that was committed
//! `replica_max_lag` ago, and all that whoever reads wrote themselves. In any doubt it goes where
//! everything is written.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use diesel::r2d2::R2D2Connection;
use uuid::Uuid;

use crate::connection::{Managed, Manager, Role, Target};
use crate::db::{DbConfig, Pool, pool};
use crate::{StoreError, dialect, reading, recent_writes};

/// The longest lag that may be configured. Marks of writes are kept longer than that.
pub const LONGEST_LAG: Duration = Duration::from_secs(30);
/// How long a read waits for a connection of the replica before it goes on without.
const WAIT: Duration = Duration::from_millis(250);
/// How often replica and primary are compared, at the most and at the least.
const COMPARED_EVERY: (Duration, Duration) =
    (Duration::from_millis(10), Duration::from_millis(250));
/// Comparisons within the longest lag that may be configured.
const COMPARISONS: u32 = 8;

/// How reads fared that the replica might have taken, since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReplicaReads {
    /// Read from the replica.
    pub taken: u64,
    /// Read from the primary: the replica was away or too far behind.
    pub behind: u64,
    /// Read from the primary: the replica did not show yet what the reader had written.
    pub own_writes: u64,
    /// Whether the replica may be read from now.
    pub is_near: bool,
}

pub(crate) struct Replica {
    pool: Pool,
    max_lag: Duration,
    state: Arc<State>,
    taken: AtomicU64,
    behind: AtomicU64,
    own_writes: AtomicU64,
}

/// What the comparing thread and the reads share.
#[derive(Default)]
struct State {
    /// The replica shows all that was committed by then.
    shows: Mutex<Option<Instant>>,
    /// A read failed since: nothing is believed until it was compared anew.
    has_failed: AtomicBool,
}

impl State {
    fn set(&self, shows: Option<Instant>) {
        *self.shows.lock().unwrap_or_else(PoisonError::into_inner) = shows;
    }

    fn is_near(&self, max_lag: Duration) -> bool {
        let shows = *self.shows.lock().unwrap_or_else(PoisonError::into_inner);
        let is_near = shows.is_some_and(|shows| shows.elapsed() <= max_lag);
        is_near && !self.has_failed.load(Ordering::Relaxed)
    }
}

impl Replica {
    /// The replica at `url` of the database that `primary` opens. It may be away.
    pub(crate) fn open(
        primary: &Manager,
        url: &str,
        config: &DbConfig,
    ) -> Result<Self, StoreError> {
        let target = Target::parse(url, config.allow_plaintext_postgres)?;
        let targets = (&primary.target, &target);
        if !matches!(targets, (Target::Postgres { .. }, Target::Postgres { .. })) {
            let reason = "only PostgreSQL has replicas, and only PostgreSQL is one";
            return Err(StoreError::UnsupportedUrl(reason.to_owned()));
        }
        let manager = Manager {
            target,
            ..primary.clone()
        };
        let state = Arc::new(State::default());
        let watch = Watch {
            primary: Watched::new(primary.clone()),
            replica: Watched::new(manager.clone()),
            ends: VecDeque::new(),
        };
        let (least, most) = COMPARED_EVERY;
        let every = (config.replica_max_lag / COMPARISONS).clamp(least, most);
        watch.start(Arc::downgrade(&state), every)?;
        Ok(Replica {
            pool: pool(manager, config.pool_size, 0, WAIT),
            max_lag: config.replica_max_lag.min(LONGEST_LAG),
            state,
            taken: AtomicU64::new(0),
            behind: AtomicU64::new(0),
            own_writes: AtomicU64::new(0),
        })
    }

    /// A connection, if the read at work on this thread may come from the replica. `marks` finds what a
    /// reader wrote a moment ago, on the primary.
    pub(crate) fn connection(
        &self,
        marks: impl FnOnce(&str) -> Result<Vec<Uuid>, StoreError>,
    ) -> Option<r2d2::PooledConnection<Manager>> {
        let reader = reading::reader()?;
        if !self.state.is_near(self.max_lag) {
            return passed_by(&self.behind);
        }
        let needed = match &reader {
            Some(name) => marks(name).ok()?,
            None => Vec::new(),
        };
        let Ok(mut conn) = self.pool.get() else {
            self.fails();
            return passed_by(&self.behind);
        };
        if let Some(name) = &reader {
            match recent_writes::are_there(&mut conn.db, name, &needed) {
                Ok(true) => {}
                Ok(false) => return passed_by(&self.own_writes),
                Err(_) => {
                    conn.health.give_up();
                    self.fails();
                    return passed_by(&self.behind);
                }
            }
        }
        self.taken.fetch_add(1, Ordering::Relaxed);
        Some(conn)
    }

    /// Nothing is read from it until it was compared with the primary anew.
    pub(crate) fn fails(&self) {
        self.state.has_failed.store(true, Ordering::Relaxed);
    }

    /// Runs `f` on a connection of the replica, and notices if that is lost.
    pub(crate) fn watched<T>(
        &self,
        mut conn: r2d2::PooledConnection<Manager>,
        f: impl FnOnce(&mut Managed) -> T,
    ) -> T {
        let done = f(&mut conn);
        if conn.db.is_broken() {
            self.fails();
        }
        done
    }

    pub(crate) fn reads(&self) -> ReplicaReads {
        ReplicaReads {
            taken: self.taken.load(Ordering::Relaxed),
            behind: self.behind.load(Ordering::Relaxed),
            own_writes: self.own_writes.load(Ordering::Relaxed),
            is_near: self.state.is_near(self.max_lag),
        }
    }
}

fn passed_by<T>(count: &AtomicU64) -> Option<T> {
    count.fetch_add(1, Ordering::Relaxed);
    None
}

/// A server that is asked again and again, on a connection of its own.
struct Watched {
    manager: Manager,
    conn: Option<Managed>,
}

impl Watched {
    fn new(manager: Manager) -> Self {
        Watched {
            manager,
            conn: None,
        }
    }

    fn ask(
        &mut self,
        question: fn(&mut crate::DbConnection) -> diesel::QueryResult<Option<i64>>,
    ) -> Result<Option<i64>, StoreError> {
        let conn = match &mut self.conn {
            Some(conn) => conn,
            none => none.insert(self.manager.open(Role::Reader)?),
        };
        let answer = question(&mut conn.db);
        if answer.is_err() {
            self.conn = None;
        }
        Ok(answer?)
    }
}

/// Compares how far the primary wrote its log with how far the replica replayed it. No clock of
/// another machine is asked, and no right is needed.
struct Watch {
    primary: Watched,
    replica: Watched,
    /// Where the log of the primary ended, and when it was asked.
    ends: VecDeque<(Instant, i64)>,
}

impl Watch {
    fn start(mut self, state: Weak<State>, every: Duration) -> Result<(), StoreError> {
        let run = move || {
            let mut was_near = None;
            while let Some(state) = state.upgrade() {
                // What fails from here on is not forgotten by this comparison.
                if state.has_failed.swap(false, Ordering::Relaxed) {
                    state.set(None);
                }
                let compared = self.compare();
                let is_near = compared.is_ok();
                if was_near.replace(is_near) != Some(is_near) {
                    match &compared {
                        Ok(_) => tracing::info!("the replica can be read from"),
                        Err(error) => tracing::warn!(%error, "the replica cannot be read from"),
                    }
                }
                match compared {
                    Ok(Some(shows)) => state.set(Some(shows)),
                    // As before; it grows old by itself.
                    Ok(None) => {}
                    Err(_) => state.set(None),
                }
                drop(state);
                std::thread::sleep(every);
            }
        };
        let thread = std::thread::Builder::new().name("replica".to_owned());
        let started = thread.spawn(run);
        started.map_err(|error| StoreError::Unreachable(error.to_string()))?;
        Ok(())
    }

    /// The latest instant of which the replica is known to show everything; none if it replayed
    /// nothing new that was asked for.
    fn compare(&mut self) -> Result<Option<Instant>, StoreError> {
        let asked = Instant::now();
        if let Some(end) = self.primary.ask(dialect::log_end)? {
            self.ends.push_back((asked, end));
        }
        let replayed = self.replica.ask(dialect::replayed_end)?;
        let replayed = replayed.ok_or_else(|| {
            let reason = "database.replica_url names a server that is no replica";
            StoreError::Unreachable(reason.to_owned())
        })?;
        let mut shows = None;
        while let Some((asked, end)) = self.ends.front().copied()
            && end <= replayed
        {
            shows = Some(asked);
            self.ends.pop_front();
        }
        // One that stands still for ever must not fill the memory: what is older is not asked for.
        while self
            .ends
            .front()
            .is_some_and(|(asked, _)| asked.elapsed() > LONGEST_LAG)
        {
            self.ends.pop_front();
        }
        Ok(shows)
    }
}
