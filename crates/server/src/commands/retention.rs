//! `sportello retention`.

use std::process::ExitCode;

use domain::ids::RetentionRunId;
use service::Desk;
use service::retention::proof::KeptPiece;
use service::retention::runs::{Count, RunOrder, RunOutcome};
use storage::retention_runs::Run;

use crate::cli::{RetentionCommand, RetentionRun};
use crate::config::Config;
use crate::{commands, out};

pub(crate) fn run(config: &Config, command: RetentionCommand) -> anyhow::Result<ExitCode> {
    match command {
        RetentionCommand::Run(args) => run_once(config, args),
        RetentionCommand::Report { run } => report(config, run),
        RetentionCommand::Verify { run } => verify(config, run),
    }
}

fn run_once(config: &Config, args: RetentionRun) -> anyhow::Result<ExitCode> {
    let order = RunOrder {
        authority: args.authority,
        at: args.at,
        is_confirmed: args.confirm,
    };
    if args.dry_run {
        let instance = commands::look(config)?;
        let counts = told(instance.desk.preview_retention(&order))?;
        out::say(&lines(&counts))?;
        return Ok(ExitCode::SUCCESS);
    }
    let instance = commands::open(config)?;
    let outcome = told(instance.desk.run_retention(&order, &|| false))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(instance.desk.delete_retired_files())?;
    let (text, code) = match outcome {
        RunOutcome::Nothing => ("nothing is due".to_owned(), ExitCode::SUCCESS),
        RunOutcome::Done(run) => (told_of(&run)?, ExitCode::SUCCESS),
        RunOutcome::Paused => (
            "the clock leapt and mass actions wait: look at it, then `sportello jobs resume`"
                .to_owned(),
            ExitCode::FAILURE,
        ),
        RunOutcome::Waiting(run) => (
            format!(
                "run {} waits: {} of {} are due, which is more than usual; look at \
                 `sportello retention run --dry-run`, then confirm with `--confirm`",
                run.id, run.due, run.in_stock
            ),
            ExitCode::FAILURE,
        ),
        RunOutcome::Stopped(run) => (format!("run {} is not over", run.id), ExitCode::FAILURE),
    };
    out::say(&text)?;
    Ok(code)
}

fn report(config: &Config, run: uuid::Uuid) -> anyhow::Result<ExitCode> {
    let instance = commands::look(config)?;
    let run = found(&instance.desk, run)?;
    out::say(&told_of(&run)?)?;
    Ok(ExitCode::SUCCESS)
}

/// Looks whether anything of a run is still there; fails if so.
fn verify(config: &Config, run: uuid::Uuid) -> anyhow::Result<ExitCode> {
    let instance = commands::look(config)?;
    let run = found(&instance.desk, run)?;
    anyhow::ensure!(run.proof.is_some(), "run {} is not over", run.id);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let seen = runtime.block_on(instance.desk.verify_retention_run(run.id))?;
    let mut text = format!("{} entries of run {} looked at", seen.checked, run.id);
    for (named, table) in &seen.left {
        text.push_str(&format!("\nstill there: {named} in {table}"));
    }
    if seen.files_left > 0 {
        text.push_str(&format!("\nstill there: {} files", seen.files_left));
    }
    if !seen.is_same_list {
        text.push_str("\nthe list is not the one that was proved");
    }
    if !seen.is_in_trail {
        text.push_str("\nthe audit trail does not hold this proof");
    }
    if seen.is_clean() {
        text.push_str(": nothing of it is there, and the proof holds");
    }
    out::say(&text)?;
    Ok(if seen.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn found(desk: &Desk, run: uuid::Uuid) -> anyhow::Result<Run> {
    match desk.show_retention_run(RetentionRunId::new(run)) {
        Err(service::DeskError::NotFound) => anyhow::bail!("there is no run {run}"),
        other => Ok(other?),
    }
}

/// Says which option is wrong, where one is.
fn told<T>(result: Result<T, service::DeskError>) -> anyhow::Result<T> {
    match result {
        Err(service::DeskError::Invalid(errors)) => {
            let first = errors.first();
            anyhow::bail!(first.map_or_else(String::new, |error| {
                let option = error.pointer.trim_start_matches('/').replace("_code", "");
                format!("--{option}: {}", error.message.en)
            }))
        }
        other => Ok(other?),
    }
}

fn told_of(run: &Run) -> anyhow::Result<String> {
    let mut text = format!(
        "run {}: {}, due by {}, begun {} on {}",
        run.id,
        run.state.as_str(),
        run.due_by,
        run.started_at,
        run.node
    );
    if let Some(at) = run.confirmed_at {
        text.push_str(&format!(", confirmed {at}"));
    }
    text.push_str(&format!("\nschedules: {}", run.schedules));
    let Some(proof) = &run.proof else {
        return Ok(text);
    };
    let counts: Vec<Count> = serde_json::from_str(&proof.counts)?;
    let kept: Vec<KeptPiece> = serde_json::from_str(&proof.kept)?;
    text.push_str(&format!(
        "\nended {}, digest {}\n",
        proof.ended_at, proof.digest
    ));
    text.push_str(&lines(&counts));
    for one in kept {
        text.push_str(&format!(
            "\nkept: {} {} ({})",
            one.kind, one.named, one.reason
        ));
    }
    Ok(text)
}

fn lines(counts: &[Count]) -> String {
    if counts.is_empty() {
        return "nothing is due".to_owned();
    }
    let told = counts.iter().map(|one| {
        format!(
            "{} {} of {}: {}",
            one.kind, one.class, one.authority, one.count
        )
    });
    told.collect::<Vec<_>>().join("\n")
}
