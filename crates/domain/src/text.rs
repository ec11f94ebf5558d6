//! Texts people write and texts people read.
