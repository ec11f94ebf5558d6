//! The real program as its operators run it, one process after the other on one installation: commands
//! are typed, a server is killed and another goes on, receivers are away and come back, and one role makes
//! the tables for another.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests: what is missing fails them, and their own settings are in the environment"
)]

#[path = "../town/mod.rs"]
mod town;

mod anchors;
mod audit;
mod clients;
mod durability;
mod installation;
mod keys;
mod log;
mod retention;
mod roles;
mod sinks;
