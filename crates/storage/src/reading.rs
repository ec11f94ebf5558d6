//! Who asks on this thread, where that decides between the database and its replica
//! (`docs/adr/0041`). Nobody who does not say so here reads from the replica, and nobody's writes
//! are marked.

use std::cell::RefCell;
use std::sync::Arc;

/// Somebody whose reads must show what they wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// By this name, a keyed print; what they write is marked, and what they read is read where it is
    /// written.
    Writer(Arc<str>),
    /// What they read may come from the replica once it shows what was marked under this name.
    Reader(Arc<str>),
    /// What is read may come from the replica: whoever reads writes nothing.
    Bystander,
}

thread_local! {
    static HERE: RefCell<Option<Reading>> = const { RefCell::new(None) };
}

/// Runs `f` for whoever asks.
pub fn within<T>(reading: Option<Reading>, f: impl FnOnce() -> T) -> T {
    let _before = Before(HERE.replace(reading));
    f()
}

/// Under which name a write on this thread is marked.
pub(crate) fn writer() -> Option<Arc<str>> {
    HERE.with_borrow(|here| match here {
        Some(Reading::Writer(name)) => Some(Arc::clone(name)),
        _ => None,
    })
}

/// Whether a read on this thread may come from the replica, and whose marks it must show.
pub(crate) fn reader() -> Option<Option<Arc<str>>> {
    HERE.with_borrow(|here| match here {
        Some(Reading::Reader(name)) => Some(Some(Arc::clone(name))),
        Some(Reading::Bystander) => Some(None),
        Some(Reading::Writer(_)) | None => None,
    })
}

/// Puts what was there before back, after a panic, too.
struct Before(Option<Reading>);

impl Drop for Before {
    fn drop(&mut self) {
        HERE.set(self.0.take());
    }
}
