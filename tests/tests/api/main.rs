//! The API, called over HTTP as clients call it: every test on SQLite, and on PostgreSQL when
//! `TEST_DATABASE_URL` is set. Folders are like the URL tree.

mod accounts;
mod announcements;
mod attachments;
mod authorization;
mod broadcasts;
mod calendars;
mod callbacks;
mod clients;
mod conditions;
mod contacts;
mod delegations;
mod deliveries;
mod email_proofs;
mod federation;
mod feed;
mod filing;
mod hardening;
mod idempotency;
mod jobs;
mod leaks;
mod message_templates;
mod notifications;
mod past_custodian;
mod protocol;
mod quotas;
mod rate_limits;
mod reach;
mod scheduler;
mod sessions;
mod sla;
mod staff_federation;
mod statements;
mod story;
mod throttling;
mod webhooks;
