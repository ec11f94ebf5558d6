//! Several nodes on one PostgreSQL, each a process: what time makes due is done once (`due_work`), what
//! one knows the others know (`sharing`), and reads may come from a replica (`replica`).
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test: what is missing fails it, and the test's own settings are in the environment"
)]

mod due_work;
#[path = "../program/mod.rs"]
mod program;
#[path = "../psql/mod.rs"]
mod psql;
mod replica;
mod sharing;
mod town;
