//! The harness of the API tests: a real server on a port of its own, with a database of its own,
//! a clock that stands, and mail that is only recorded.
//!
//! Not for production, and not a place for tests. Invariant: every answer that passes through it
//! is checked against the promises of `api.md` §1 and the published description.

pub mod app;
pub mod at_rest;
pub mod canaries;
pub mod citizens;
pub mod client;
pub mod contract;
pub mod database;
pub mod delegation_service;
pub mod files;
pub mod forge;
pub mod forms;
pub mod growth;
pub mod heard;
pub mod hot;
pub mod identity_provider;
pub mod load;
pub mod mail;
pub mod multipart;
pub mod node;
pub mod opening;
pub mod people;
pub mod programs;
pub mod raw;
pub mod receiver;
pub mod requester;
pub mod running;

pub use app::{Options, TestApp};
pub use citizens::Person;
pub use client::{Client, Reply, Request};
pub use database::Place;
pub use files::File;
pub use identity_provider::IdentityProvider;
pub use mail::Mail;
pub use node::Node;
pub use receiver::Receiver;
pub use requester::Filed;
