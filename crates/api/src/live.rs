//! What happens, for screens that stay open: one reader of the feed for the whole process, and as many
//! listeners as there are screens.
//!
//! Invariant: a listener gets every row its scope may see after the place it began at, once and in
//! order; a row that was missed, because the listener was slow, is read from the feed again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix_web::web;
use domain::ids::AccountId;
use service::Desk;
use service::feed::Change;
use tokio::sync::{broadcast, watch};
use tokio::time::MissedTickBehavior;

/// How often the feed is looked at while somebody listens.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Rows a listener may be behind before it has to read the feed itself.
const KEPT_FOR_THE_SLOW: usize = 1024;
/// Rows read at once.
const PAGE: i64 = 500;
/// Streams one person may have open on this node.
const STREAMS_EACH: usize = 5;
/// Streams all together may have open on this node.
const STREAMS_IN_ALL: usize = 1000;

/// The listeners of this process.
pub(crate) struct Live {
    rows: broadcast::Sender<Arc<Change>>,
    /// The last place that was sent to the listeners.
    sent: AtomicI64,
    open: Mutex<HashMap<AccountId, usize>>,
    closing: watch::Sender<bool>,
}

/// A place among the listeners; given up when it is dropped.
pub(crate) struct Listening {
    live: Arc<Live>,
    account: AccountId,
    /// Rows as they come.
    pub(crate) rows: broadcast::Receiver<Arc<Change>>,
    /// True when the program ends.
    pub(crate) closing: watch::Receiver<bool>,
}

impl Live {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Live {
            rows: broadcast::Sender::new(KEPT_FOR_THE_SLOW),
            sent: AtomicI64::new(0),
            open: Mutex::default(),
            closing: watch::Sender::new(false),
        })
    }

    /// A place among the listeners, unless there are too many.
    pub(crate) fn listen(self: &Arc<Self>, account: AccountId) -> Option<Listening> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = open.values().sum();
        let own = open.entry(account).or_default();
        if *own >= STREAMS_EACH || all >= STREAMS_IN_ALL {
            return None;
        }
        *own += 1;
        Some(Listening {
            live: Arc::clone(self),
            account,
            rows: self.rows.subscribe(),
            closing: self.closing.subscribe(),
        })
    }

    /// Ends every stream: the program is about to stop (D-41).
    pub(crate) fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Reads the feed for all listeners, for as long as the program runs. A database that is away is
    /// looked for again, and nothing is missed.
    pub(crate) async fn read_on(self: Arc<Self>, desk: Desk) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut was_alone = true;
        loop {
            ticks.tick().await;
            if self.rows.receiver_count() == 0 {
                was_alone = true;
                continue;
            }
            let (reader, after) = (desk.clone(), self.sent.load(Ordering::Relaxed));
            let read = web::block(move || {
                reader.place_changes()?;
                // Whoever comes first begins here: what was before, each reads for themselves.
                match was_alone {
                    true => Ok((Vec::new(), reader.feed_end()?)),
                    false => Ok((reader.read_feed_of_all(after, PAGE)?, after)),
                }
            })
            .await;
            match read {
                Ok(Ok((rows, from))) => {
                    was_alone = false;
                    let end = rows.last().map_or(from, |row| row.position);
                    for row in rows {
                        // Nobody listens any more: nobody misses it.
                        let _ = self.rows.send(Arc::new(row));
                    }
                    self.sent.store(end, Ordering::Relaxed);
                }
                Ok(Err(error)) => log_once_in_a_while(&error),
                Err(error) => tracing::error!(%error, "the feed's reader was cut off"),
            }
        }
    }
}

fn log_once_in_a_while(error: &service::DeskError) {
    tracing::warn!(error = error.as_cause(), "the feed cannot be read");
}

impl Drop for Listening {
    fn drop(&mut self) {
        let mut open = self
            .live
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = open.get_mut(&self.account) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                open.remove(&self.account);
            }
        }
    }
}
