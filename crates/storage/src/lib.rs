//! Tables, queries and blobs: knows rows, not rules.
#![warn(missing_docs)]

pub mod accounts;
pub mod announcements;
mod assignee;
pub mod attachments;
pub mod blobs;
pub mod callbacks;
pub mod changes;
pub mod clients;
pub mod connection;
pub mod contacts;
pub mod counters;
pub mod credentials;
pub mod db;
pub mod delegations;
pub mod deliveries;
pub mod dialect;
pub mod due_work;
pub mod email_proofs;
pub mod error;
pub mod federated;
pub mod history;
pub mod idempotency;
pub mod job_runs;
mod legs;
pub mod list;
pub mod lives;
pub mod login_sources;
mod migrate;
pub mod notifications;
pub mod outbox;
pub mod reference;
mod schema;
mod sealed;
pub mod sessions;
pub mod setups;
pub mod sql_types;
pub mod statements;
pub mod tickets;
pub mod used_tokens;
pub mod wordings;
mod writer;

pub use connection::DbConnection;
pub use db::{Backend, Db, DbConfig};
pub use error::StoreError;
