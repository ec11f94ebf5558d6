//! The API, called over HTTP as clients call it: every test on SQLite, and on PostgreSQL when
//! `TEST_DATABASE_URL` is set. Folders are like the URL tree.

mod attachments;
mod authorization;
mod email_proofs;
mod filing;
mod jobs;
mod leaks;
mod protocol;
mod statements;
mod story;
