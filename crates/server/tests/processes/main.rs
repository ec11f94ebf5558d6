//! What several processes of the real program do one after the other to one installation: one is killed
//! and another goes on, receivers are away and come back, and one role makes the tables for another.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests: what is missing fails them, and their own settings are in the environment"
)]

#[path = "../program/mod.rs"]
mod program;
#[path = "../psql/mod.rs"]
mod psql;

mod anchors;
mod retention;
mod roles;
mod sinks;
mod town;
