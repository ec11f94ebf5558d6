//! The tables and the functions that read and write them, on SQLite always and on PostgreSQL
//! when `TEST_DATABASE_URL` names a server where databases may be created.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside `#[test]`")]

mod accounts;
mod activities;
mod append_only;
mod assignment;
mod audit_chain;
mod bulk;
mod changes;
mod concurrency;
mod counters;
mod delegations;
mod desk_extras;
mod dossiers;
mod due_work;
mod email_proofs;
mod full_text;
mod idempotency;
mod keyring;
mod life;
mod links;
mod list;
mod outbox;
mod plans;
mod playbooks;
mod purpose;
mod queue_counts;
mod reply_templates;
mod retention;
mod reviews;
mod routing;
mod row_security;
mod save;
mod schema;
mod sealed_rest;
mod settled;
mod sla;
#[path = "../support/mod.rs"]
mod support;
mod town;
mod trail;
mod upgrade;
mod visibility;
mod webhooks;
mod wordings;
#[expect(
    dead_code,
    reason = "the words of the domain's tests; not all are needed here"
)]
#[path = "../../../domain/tests/support/mod.rs"]
mod words;
