//! What each command does.

mod client;
mod delegation;
mod demo;
mod doctor;
mod jobs;
mod migrate;
mod openapi;
mod playbook;
mod retention;
mod route;
mod serve;
mod user;

use std::process::ExitCode;

use crate::cli::{Cli, Command, JobsCommand, KeysCommand, RouteCommand, SlaCommand, UserCommand};
use crate::config::Config;
use crate::demo::Demo;
use crate::instance::Instance;
use crate::{keys, logging, out, reference};

/// What is missing when PostgreSQL lets our role past every policy.
const UNFENCED: &str = "row-level security does not bind this database role, which is a superuser \
     or has BYPASSRLS: use a plain role that owns the tables";

/// Does what the command line says.
pub(crate) fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    // The description is the same everywhere: it needs no configuration.
    if let Command::Openapi { json } = cli.command {
        return openapi::run(json);
    }
    if let Command::Doctor = cli.command {
        return doctor::run(cli.config.as_deref());
    }
    let config = Config::load(cli.config.as_deref())?;
    logging::start(&config.log)?;
    match cli.command {
        Command::Serve(args) => serve::run(&config, &args),
        Command::Migrate { status } => migrate::run(&config, status),
        Command::Seed => seed(&config),
        Command::User(UserCommand::Add(args)) => user::add(&config, &args),
        Command::Delegation(command) => delegation::run(&config, command),
        Command::Client(command) => client::run(&config, command),
        Command::Keys(command) => change_keys(&config, &command),
        Command::Jobs(JobsCommand::Run { once: _ }) => jobs::run_once(&config),
        Command::Jobs(JobsCommand::Resume) => jobs::resume(&config),
        Command::Sla(SlaCommand::Recompute) => recompute_sla(&config),
        Command::Retention(command) => retention::run(&config, command),
        Command::Route(RouteCommand::Explain(args)) => route::explain(&config, args),
        Command::Playbook(command) => playbook::run(&config, &command),
        Command::Demo(command) => demo::run(&config, command),
        Command::Openapi { .. } | Command::Doctor => Ok(ExitCode::SUCCESS),
    }
}

/// The installation as `serve` would open it, demo or not.
fn open(config: &Config) -> anyhow::Result<Instance> {
    let demo = Demo::find(config)?;
    Instance::open(config, demo.as_ref(), config.http.bind)
}

/// The same, changing nothing. Only for an installation that is up to date.
fn look(config: &Config) -> anyhow::Result<Instance> {
    let demo = Demo::find(config)?;
    Instance::look(config, demo.as_ref(), config.http.bind)
}

fn recompute_sla(config: &Config) -> anyhow::Result<ExitCode> {
    let count = open(config)?.jobs.desk().recompute_sla()?;
    out::say(&format!("the clocks of {count} requests were made anew"))?;
    Ok(ExitCode::SUCCESS)
}

fn change_keys(config: &Config, command: &KeysCommand) -> anyhow::Result<ExitCode> {
    let folder = config.keys();
    match command {
        KeysCommand::Rotate => {
            let key = keys::rotate_signing_key(&folder)?;
            out::say(&format!(
                "tokens are signed with {} from the next start on",
                key.id()
            ))?;
        }
        KeysCommand::ForgetOld => {
            let was_there = keys::forget_previous_signing_key(&folder)?;
            out::say(if was_there {
                "forgotten"
            } else {
                "there is no older key"
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn seed(config: &Config) -> anyhow::Result<ExitCode> {
    // Opening brings the reference tables to what the files say.
    let instance = open(config)?;
    out::say(&format!(
        "loaded {}",
        reference::summary(instance.desk.reference())
    ))?;
    Ok(ExitCode::SUCCESS)
}
