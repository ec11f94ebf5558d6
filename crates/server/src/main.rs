//! The program `sportello`: reads the configuration, wires the crates together, runs, stops.

mod cli;
mod commands;
mod config;
mod demo;
mod demo_issuer;
mod federation;
mod instance;
mod key_command;
mod keys;
mod logging;
mod master;
mod memory;
mod out;
mod passwords;
mod private_file;
mod reference;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match commands::run(cli::Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            out::complain(&error);
            ExitCode::FAILURE
        }
    }
}
