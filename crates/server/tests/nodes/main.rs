//! Several nodes on one PostgreSQL, each a process: what time makes due is done once (`due_work`), what
//! one knows the others know (`sharing`), and reads may come from a replica (`replica`).
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test: what is missing fails it, and the test's own settings are in the environment"
)]

mod due_work;
mod replica;
mod sharing;
#[path = "../town/mod.rs"]
mod town;

use crate::town::Town;
use crate::town::psql::psql;

impl Town {
    /// How many rows a query counts, among those of everybody.
    pub(crate) fn count(&self, query: &str) -> usize {
        let counted = psql(
            &self.url,
            &format!("SET sportello.scope_kind = 'system'; {query}"),
        );
        counted.trim().parse().expect("a number")
    }
}
