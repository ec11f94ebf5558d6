//! How the allocator of glibc is set for a server.
//!
//! It keeps what was freed, for each of many threads: 64 connections and a few log-ins made 880 MB of what
//! fits into 140 (`docs/profiles.md`). It reads its settings once, when a program starts, from the
//! environment; setting them later would need code that Rust cannot check.

use std::os::unix::process::CommandExt;
use std::process::Command;

/// Two arenas, one for each of two busy threads; large blocks, such as uploads and what hashing a password
/// takes, and what is free at the end of the heap go back to the system.
const SETTINGS: [(&str, &str); 3] = [
    ("MALLOC_ARENA_MAX", "2"),
    ("MALLOC_MMAP_THRESHOLD_", "131072"),
    ("MALLOC_TRIM_THRESHOLD_", "131072"),
];

/// Starts the program anew, as the same process, with these settings. Does nothing where somebody has set
/// the allocator, or where it is another one; if the program cannot be started anew it goes on as it is.
pub(crate) fn settle() {
    let mut arguments = std::env::args_os();
    let named = arguments.next();
    if !cfg!(target_env = "gnu") || is_set() {
        return;
    }
    if let (Some(named), Ok(program)) = (named, std::env::current_exe()) {
        let mut again = Command::new(program);
        // This answers only if it fails.
        let _ = again.arg0(named).args(arguments).envs(SETTINGS).exec();
    }
}

fn is_set() -> bool {
    let mut names = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    names.any(|name| name.starts_with("MALLOC_") || name == "GLIBC_TUNABLES")
}
