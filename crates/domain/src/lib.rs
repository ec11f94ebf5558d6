//! What an assistance request is, and every rule about it that an operator could explain.
//!
//! Pure: values and decisions only. No clock, no randomness, no file, no socket, no database,
//! no HTTP. The caller brings the time and fresh ids; the crate answers with events or refusals.
#![warn(missing_docs)]

pub mod account;
pub mod activity;
pub mod actor;
pub mod announcement;
pub mod assignment;
pub mod attachment;
pub mod audit;
pub mod break_glass;
pub mod calendar;
pub mod callback;
pub mod catalogue;
pub mod codes;
pub mod command;
pub mod complaint;
pub mod contact;
pub mod email;
pub mod event;
pub mod file_name;
pub mod filing;
pub mod ids;
pub mod invalid;
pub mod lifecycle;
pub mod links;
pub mod masking;
pub mod note;
pub mod notification;
pub mod nudge;
pub mod password;
pub mod permissions;
pub mod person_name;
pub mod phone;
pub mod playbook;
pub mod purpose;
pub mod rejection;
pub mod retention;
pub mod review;
pub mod sla;
pub mod state;
pub mod subject_request;
pub mod tax_code;
pub mod text;
pub mod ticket;
pub mod visibility;
pub mod webhook;
