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
use service::feed::Change;
use service::{Desk, DeskError};
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

/// What listeners get.
#[derive(Clone)]
pub(crate) enum News {
    /// A row of the feed.
    Row(Arc<Change>),
    /// The reader begins to read after this place: what came before is in the feed alone.
    Begun(i64),
}

/// The listeners of this process.
pub(crate) struct Live {
    news: broadcast::Sender<News>,
    /// The last place that was sent to the listeners.
    sent: AtomicI64,
    open: Mutex<HashMap<AccountId, usize>>,
    closing: watch::Sender<bool>,
}

/// A place among the listeners; given up when it is dropped.
pub(crate) struct Listening {
    live: Arc<Live>,
    account: AccountId,
    /// What happens, as it does.
    pub(crate) news: broadcast::Receiver<News>,
    /// True when the program ends.
    pub(crate) closing: watch::Receiver<bool>,
}

impl Live {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Live {
            news: broadcast::Sender::new(KEPT_FOR_THE_SLOW),
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
            news: self.news.subscribe(),
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
            if self.news.receiver_count() == 0 {
                was_alone = true;
                continue;
            }
            let (reader, after) = (desk.clone(), self.sent.load(Ordering::Relaxed));
            let read = web::block(move || {
                reader.place_changes()?;
                Ok::<_, DeskError>(match was_alone {
                    true => (Vec::new(), reader.feed_end()?),
                    false => (reader.read_feed_of_all(after, PAGE)?, after),
                })
            })
            .await;
            match read {
                Ok(Ok((rows, from))) => {
                    self.sent.store(
                        rows.last().map_or(from, |row| row.position),
                        Ordering::Relaxed,
                    );
                    // Nobody listens any more: nobody misses it.
                    if was_alone {
                        let _ = self.news.send(News::Begun(from));
                    }
                    was_alone = false;
                    for row in rows {
                        let _ = self.news.send(News::Row(Arc::new(row)));
                    }
                }
                Ok(Err(error)) => {
                    tracing::warn!(error = error.as_cause(), "the feed cannot be read");
                }
                Err(error) => tracing::error!(%error, "the feed's reader was cut off"),
            }
        }
    }
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
