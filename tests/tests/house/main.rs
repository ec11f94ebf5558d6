//! The rules of the house: what holds for the repository as a whole.
//!
//! Not for behaviour of the product, which is tested through its API.
//! Each rule is a function over plain values, so that a test can also show it a made-up offender:
//! a check that never failed proves nothing.

mod arrows;
mod commands;
mod data_classes;
mod documents;
mod files;
mod problems;
mod publication;
mod repository;
mod schemas;
mod security;
mod webhooks;
