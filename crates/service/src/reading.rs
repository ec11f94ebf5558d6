//! What may be read from a replica, and for whom (`docs/adr/0041`).

use std::sync::Arc;

pub use storage::ReplicaReads;
pub use storage::reading::{Reading, within};

use crate::Desk;

impl Desk {
    /// Whether some reads may go to a replica.
    pub fn has_replica(&self) -> bool {
        self.db.replica_reads().is_some()
    }

    /// How reads fared that the replica might have taken; none without one.
    pub fn replica_reads(&self) -> Option<ReplicaReads> {
        self.db.replica_reads()
    }

    /// The name by which somebody's writes are marked: a print, since marks are kept in clear.
    pub fn reader_name(&self, key: &str) -> Arc<str> {
        self.secrets.fingerprint("reader", key.as_bytes()).into()
    }
}

/// Runs `f`, which decides what somebody may do, where everything is written: what was taken away a
/// moment ago must not be given by a replica.
pub(crate) fn where_it_is_written<T>(f: impl FnOnce() -> T) -> T {
    within(None, f)
}
