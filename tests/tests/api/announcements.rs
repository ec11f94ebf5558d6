//! Announcements.
