//! The only writer of SQLite: one thread, one connection, many writes in one commit.
//!
//! SQLite lets one connection write at a time and flushes the disk at every commit. Writes
//! that wait meanwhile therefore share the next commit, each under its own savepoint, so that
//! one that fails takes nothing of the others with it.
//!
//! Invariant: no caller hears `Ok` before the commit that holds its write; a closure that
//! fails or panics leaves nothing behind; the thread outlives both.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use diesel::connection::TransactionManager;
use diesel::result::{Error as DieselError, QueryResult};
use domain::visibility::Scope;

use crate::connection::{DbConnection, Managed, Manager, Role};
use crate::dialect;
use crate::error::StoreError;
use crate::keyring;
use crate::settled;
use crate::trail::{self, Carried, Trail};
use crate::work::{self, Wish};

/// Measured: more writes in one commit gain nothing.
const GROUP: usize = 64;

/// The first of a group waits for the last, so slow closures end a group early.
const GROUP_TIME: Duration = Duration::from_millis(25);

type Tm = DbConnection;

/// The way to the writer thread. Dropping it lets the waiting writes finish, then ends the thread.
pub(crate) struct Writer {
    queue: Option<SyncSender<Task>>,
    thread: Option<JoinHandle<()>>,
    wait: Duration,
}

impl Writer {
    pub(crate) fn start(
        manager: Manager,
        queue: usize,
        wait: Duration,
    ) -> Result<Self, StoreError> {
        // Opened here, so that a file that cannot be opened stops the start of the program.
        let conn = manager.open(Role::Writer)?;
        let (sender, receiver) = mpsc::sync_channel(queue);
        let thread = std::thread::Builder::new()
            .name(String::from("sqlite-writer"))
            .spawn(move || serve(&manager, conn, &receiver))
            .map_err(|error| StoreError::Unreachable(error.to_string()))?;
        Ok(Self {
            queue: Some(sender),
            thread: Some(thread),
            wait,
        })
    }

    pub(crate) fn run<T, E, F>(&self, f: F) -> Result<T, E>
    where
        F: FnOnce(&mut DbConnection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let answer = Arc::new(Mutex::new(None));
        let theirs = Arc::clone(&answer);
        let ended = self.hand_over(Box::new(move |conn| {
            let answered = f(conn);
            let wish = Wish::of(&answered);
            *locked(&theirs) = Some(answered);
            Ok(wish)
        }));
        let answer = locked(&answer).take();
        work::outcome(answer, ended)
    }

    /// Has the thread run this, and waits for the commit or for the end without one.
    fn hand_over(&self, work: Handed) -> Result<(), StoreError> {
        if self.is_this_thread() {
            return Err(StoreError::Nested);
        }
        let queue = self.queue.as_ref().ok_or(StoreError::Stopped)?;
        let stage = Arc::new(AtomicU8::new(WAITING));
        let (reply, ended) = mpsc::sync_channel(1);
        let task = Task {
            work: Some(work),
            ran: None,
            reply,
            stage: Arc::clone(&stage),
            span: tracing::Span::current(),
            trail: trail::current(),
            carried: None,
        };
        queue.try_send(task).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => StoreError::Stopped,
        })?;
        match ended.recv_timeout(self.wait) {
            Ok(ended) => ended,
            Err(RecvTimeoutError::Disconnected) => Err(StoreError::Stopped),
            // Still in the queue: nobody will run it. Already running: only the end can tell.
            Err(RecvTimeoutError::Timeout) if moved(&stage, ABANDONED) => Err(StoreError::Busy),
            Err(RecvTimeoutError::Timeout) => {
                ended.recv().unwrap_or_else(|_| Err(StoreError::Stopped))
            }
        }
    }

    fn is_this_thread(&self) -> bool {
        self.thread
            .as_ref()
            .is_some_and(|thread| thread.thread().id() == std::thread::current().id())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        // The last handle may have been inside a closure: a thread cannot wait for itself.
        if self.is_this_thread() {
            return;
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the writer thread of SQLite had panicked");
        }
    }
}

const WAITING: u8 = 0;
const STARTED: u8 = 1;
const ABANDONED: u8 = 2;

/// Caller and writer race for a task that waits; this says whether one of them won it.
fn moved(stage: &AtomicU8, to: u8) -> bool {
    stage
        .compare_exchange(WAITING, to, Ordering::AcqRel, Ordering::Acquire)
        .is_ok()
}

fn locked<T>(answer: &Mutex<T>) -> MutexGuard<'_, T> {
    answer.lock().unwrap_or_else(PoisonError::into_inner)
}

type Handed = Box<dyn FnOnce(&mut DbConnection) -> Result<Wish, StoreError> + Send>;

/// A write in the queue.
struct Task {
    work: Option<Handed>,
    /// How it ended, before the commit.
    ran: Option<Result<Wish, StoreError>>,
    reply: SyncSender<Result<(), StoreError>>,
    stage: Arc<AtomicU8>,
    /// The caller's, so that what is logged over here still names its request.
    span: tracing::Span,
    /// The caller's, for what is opened over here.
    trail: Option<Trail>,
    /// The entry of its trail that goes with the commit.
    carried: Option<Carried>,
}

impl Task {
    /// Whether the caller still waits; from then on it waits to the end.
    fn claim(&self) -> bool {
        moved(&self.stage, STARTED)
    }

    /// Runs the closure, and says whether to keep what it wrote.
    fn run(&mut self, conn: &mut DbConnection) -> Wish {
        let Some(work) = self.work.take() else {
            return Wish::Undo;
        };
        let _inside = self.span.enter();
        let _trail = trail::enter(self.trail.take());
        keyring::unpin();
        settled::forget();
        let carried = &mut self.carried;
        let work = || {
            trail::begin_write();
            let wish = work(conn)?;
            if wish == Wish::Keep {
                *carried = trail::settle(conn)?;
            }
            Ok(wish)
        };
        let ran =
            catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(StoreError::Panicked));
        let wish = *ran.as_ref().unwrap_or(&Wish::Undo);
        self.ran = Some(ran);
        wish
    }

    /// Answers the caller, after the commit or instead of it.
    fn answer(self, lost: Option<&Arc<DieselError>>) {
        let ended = match (self.ran, lost) {
            (Some(Err(error)), _) => Err(error),
            // The caller knows why.
            (Some(Ok(Wish::Undo)), _) => Ok(()),
            (_, Some(lost)) => Err(StoreError::of_the_group(lost)),
            (Some(Ok(Wish::Keep)), None) => {
                if let Some(carried) = self.carried {
                    carried.commit();
                }
                Ok(())
            }
            (None, None) => Err(StoreError::Stopped),
        };
        // A caller that is gone does not want to know.
        let _ = self.reply.send(ended);
    }
}

fn serve(manager: &Manager, first: Managed, queue: &Receiver<Task>) {
    let _keys = keyring::enter(&manager.keys);
    let mut open = Some(first);
    while let Ok(task) = queue.recv() {
        if !task.claim() {
            continue;
        }
        let mut conn = match open.take().map_or_else(|| manager.open(Role::Writer), Ok) {
            Ok(conn) => conn,
            Err(error) => {
                tracing::error!(%error, "the writer cannot open the database again");
                task.answer(Some(&Arc::new(DieselError::BrokenTransactionManager)));
                continue;
            }
        };
        let mut group = Vec::with_capacity(GROUP);
        let lost = write_group(&mut conn.db, task, queue, &mut group)
            .err()
            .map(Arc::new);
        if let Some(error) = &lost {
            tracing::error!(%error, writes = group.len(), "a commit of SQLite failed");
        }
        // A connection that cannot be brought out of its transaction is replaced.
        if lost.is_none() || leave_transaction(&mut conn.db, 0).is_ok() {
            open = Some(conn);
        }
        for task in group {
            task.answer(lost.as_ref());
        }
    }
}

/// Runs one claimed task and whatever else waits, and commits. All that ran are in `group`.
fn write_group(
    conn: &mut DbConnection,
    first: Task,
    queue: &Receiver<Task>,
    group: &mut Vec<Task>,
) -> QueryResult<()> {
    let started = Instant::now();
    // There is no fence on SQLite: the writes of a group come from different scopes.
    let begun = dialect::begin_write(conn, &Scope::Nothing);
    let mut next = Some(first);
    while let Some(mut task) = next {
        let kept = match &begun {
            Ok(()) => under_savepoint(conn, &mut task),
            Err(_) => Ok(()),
        };
        group.push(task);
        kept?;
        next = None;
        while begun.is_ok() && group.len() < GROUP && started.elapsed() < GROUP_TIME {
            match queue.try_recv() {
                Ok(waiting) if waiting.claim() => next = Some(waiting),
                Ok(_) => continue,
                Err(_) => {}
            }
            break;
        }
    }
    begun?;
    Tm::commit_transaction(conn)
}

/// Any error here means that the transaction itself is no longer what it should be, and no
/// further task may run in it.
fn under_savepoint(conn: &mut DbConnection, task: &mut Task) -> QueryResult<()> {
    Tm::begin_transaction(conn)?;
    let wish = task.run(conn);
    if wish == Wish::Undo {
        return leave_transaction(conn, 1);
    }
    if depth(conn)? != 2 {
        return Err(DieselError::BrokenTransactionManager);
    }
    Tm::commit_transaction(conn)
}

/// Rolls back until only `depth_wanted` transactions and savepoints are open.
fn leave_transaction(conn: &mut DbConnection, depth_wanted: u32) -> QueryResult<()> {
    if depth(conn)? < depth_wanted {
        return Err(DieselError::NotInTransaction);
    }
    while depth(conn)? > depth_wanted {
        Tm::rollback_transaction(conn)?;
    }
    Ok(())
}

fn depth(conn: &mut DbConnection) -> QueryResult<u32> {
    let depth = Tm::transaction_manager_status_mut(conn).transaction_depth()?;
    Ok(depth.map_or(0, std::num::NonZeroU32::get))
}
