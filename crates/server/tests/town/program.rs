//! The program, started as a process of its own.

use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

/// Starts a server and waits until it listens: its process, and its address. Polled, bounded: the
/// program says itself when it listens.
pub(crate) async fn listening(mut command: Command, port_file: &Path) -> (Child, String) {
    // What an earlier one left.
    let _ = std::fs::remove_file(port_file);
    let mut server = command
        .args(["serve", "--demo", "--port-file"])
        .arg(port_file)
        .spawn()
        .expect("the program starts");
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    for _ in 0..3000 {
        ticks.tick().await;
        let address = std::fs::read_to_string(port_file).unwrap_or_default();
        if !address.trim().is_empty() {
            return (server, format!("http://{}", address.trim()));
        }
    }
    server.kill().expect("it is stopped");
    server.wait().expect("it has stopped");
    panic!("the program did not listen within a minute");
}
