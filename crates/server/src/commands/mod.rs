//! What each command does.

mod audit;
mod client;
mod delegation;
mod demo;
mod doctor;
mod jobs;
mod keys;
mod looks;
mod migrate;
mod openapi;
mod playbook;
mod retention;
mod route;
mod serve;
mod user;

use std::process::ExitCode;

use anyhow::Context;
use domain::audit::AuditOutcome;

use crate::cli::{
    AuditCommand, Cli, ClientCommand, Command, DelegationCommand, JobsCommand, KeysCommand,
    QueuesCommand, RouteCommand, SlaCommand, UserCommand,
};
use crate::config::Config;
use crate::demo::Demo;
use crate::instance::Instance;
use crate::{logging, memory, out, reference};

/// What is missing when PostgreSQL lets our role past every policy.
const UNFENCED: &str = "row-level security does not bind this database role, which is a superuser \
     or has BYPASSRLS: use a plain role";

/// Does what the command line says.
pub(crate) fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    if let Command::Serve(_) = cli.command {
        memory::settle();
    }
    // The description is the same everywhere: it needs no configuration.
    if let Command::Openapi { json } = cli.command {
        return openapi::run(json);
    }
    if let Command::Doctor = cli.command {
        return doctor::run(cli.config.as_deref());
    }
    let config = Config::load(cli.config.as_deref())?;
    let _written_at_the_end = logging::start(&config.log)?;
    let noted = operation(&cli.command);
    let outcome = carry_out(&config, cli.command);
    match noted {
        Some(operation) => note(&config, operation, outcome),
        None => outcome,
    }
}

/// What the audit trail calls a command that is noted there: one that changes who may come in or what
/// keys are used, or shows what is about persons.
fn operation(command: &Command) -> Option<&'static str> {
    Some(match command {
        Command::User(UserCommand::Add(_)) => "sportello user add",
        Command::Delegation(command) => match command {
            DelegationCommand::Add { .. } => "sportello delegation add",
            DelegationCommand::Revoke => "sportello delegation revoke",
            DelegationCommand::List => "sportello delegation list",
        },
        Command::Client(command) => match command {
            ClientCommand::Add(_) => "sportello client add",
            ClientCommand::Rotate { .. } => "sportello client rotate",
            ClientCommand::RetireOld { .. } => "sportello client retire-old",
            ClientCommand::Revoke { .. } => "sportello client revoke",
            ClientCommand::List => "sportello client list",
        },
        Command::Keys(command) => match command {
            KeysCommand::Rotate => "sportello keys rotate",
            KeysCommand::ForgetOld => "sportello keys forget-old",
            KeysCommand::RotateMaster => "sportello keys rotate-master",
            KeysCommand::ForgetMaster => "sportello keys forget-master",
            KeysCommand::Scrub => "sportello keys scrub",
            // Their transactions carry an entry, or they change nothing.
            KeysCommand::Init
            | KeysCommand::Status
            | KeysCommand::RotateData(_)
            | KeysCommand::Reseal { .. }
            | KeysCommand::Destroy { .. } => return None,
        },
        Command::Audit(command) => match command {
            AuditCommand::Verify(_) => "sportello audit verify",
            AuditCommand::Export { .. } => "sportello audit export",
            AuditCommand::Logins(_) => "sportello audit logins",
            AuditCommand::Touched(_) => "sportello audit touched",
            AuditCommand::Reindex => "sportello audit reindex",
            AuditCommand::PublicKey => return None,
        },
        Command::Jobs(JobsCommand::Resume) => "sportello jobs resume",
        Command::Sla(SlaCommand::Recompute) => "sportello sla recompute",
        Command::Queues(QueuesCommand::Recount) => "sportello queues recount",
        _ => return None,
    })
}

/// Writes an entry of the audit trail for a command, however it went. An installation that was never
/// started has no trail.
fn note(
    config: &Config,
    operation: &str,
    outcome: anyhow::Result<ExitCode>,
) -> anyhow::Result<ExitCode> {
    let how = match outcome {
        Ok(_) => AuditOutcome::Done,
        Err(_) => AuditOutcome::Failed,
    };
    let write = || -> anyhow::Result<()> {
        if !doctor::is_new(config)? {
            look(config)?.desk.note_command(operation, how)?;
        }
        Ok(())
    };
    match (write(), outcome) {
        (Ok(()), outcome) => outcome,
        (Err(error), Ok(_)) => Err(error).context("the command was carried out, but not noted"),
        (Err(error), Err(first)) => {
            tracing::error!("the command is not noted in the audit trail: {error:#}");
            Err(first)
        }
    }
}

fn carry_out(config: &Config, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(args) => serve::run(config, &args),
        Command::Migrate { status } => migrate::run(config, status),
        Command::Seed => seed(config),
        Command::User(UserCommand::Add(args)) => user::add(config, &args),
        Command::Delegation(command) => delegation::run(config, command),
        Command::Client(command) => client::run(config, command),
        Command::Keys(command) => keys::run(config, &command),
        Command::Audit(command) => audit::run(config, command),
        Command::Jobs(JobsCommand::Run { once: _ }) => jobs::run_once(config),
        Command::Jobs(JobsCommand::Resume) => jobs::resume(config),
        Command::Sla(SlaCommand::Recompute) => recompute_sla(config),
        Command::Queues(QueuesCommand::Recount) => recount_queues(config),
        Command::Route(RouteCommand::Explain(args)) => route::explain(config, args),
        Command::Playbook(command) => playbook::run(config, &command),
        Command::Retention(command) => retention::run(config, command),
        Command::Demo(command) => demo::run(config, command),
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

fn recount_queues(config: &Config) -> anyhow::Result<ExitCode> {
    let (desks, wrong) = open(config)?.desk.recount_queues()?;
    out::say(&format!(
        "the queues of {desks} authorities were counted; {wrong} totals were wrong and are corrected"
    ))?;
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
