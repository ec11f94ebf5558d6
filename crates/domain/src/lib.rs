//! What an assistance request is, and every rule about it that an operator could explain.
//!
//! Pure: values and decisions only. No clock, no randomness, no file, no socket, no database,
//! no HTTP. The caller brings the time and fresh ids; the crate answers with events or refusals.
#![warn(missing_docs)]

pub mod attachment;
pub mod catalogue;
pub mod email;
pub mod file_name;
pub mod filing;
pub mod invalid;
pub mod person_name;
pub mod phone;
pub mod tax_code;
pub mod text;
