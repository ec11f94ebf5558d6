//! Keeping the counters of queues: what changed is folded in the background, and counted anew on demand.

use domain::visibility::Scope;
use storage::queue_counts;

use crate::{Desk, DeskError};

/// Deltas folded in one transaction: few, because other writes of SQLite wait for it.
const PAGE: i64 = 500;

impl Desk {
    /// Folds what has changed since the last time into the totals, page by page until nothing is left or
    /// the program ends. A page is folded whole or not at all, so that this can be cut off anywhere.
    pub fn fold_queue_counts(&self, is_stopping: &dyn Fn() -> bool) -> Result<(), DeskError> {
        let has_deltas = || self.db.read_in(&Scope::System, queue_counts::has_deltas);
        while !is_stopping() && has_deltas()? {
            self.db
                .write_in(&Scope::System, |conn| queue_counts::fold(conn, PAGE))?;
        }
        Ok(())
    }

    /// Counts the tickets of every desk and corrects what is kept; the answer is how many desks there are
    /// and how many of their totals were wrong. Needs no pause: others write meanwhile.
    pub fn recount_queues(&self) -> Result<(usize, usize), DeskError> {
        let desks = self.db.read_in(&Scope::System, queue_counts::list_desks)?;
        let mut wrong = 0;
        for desk in &desks {
            let desk = desk.clone();
            wrong += self.db.write_in(&Scope::System, move |conn| {
                queue_counts::recount(conn, &desk)
            })?;
        }
        Ok((desks.len(), wrong))
    }
}
