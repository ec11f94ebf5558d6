//! `sportello jobs`.

use std::process::ExitCode;

use crate::config::Config;
use crate::{commands, out};

/// Does everything that is due and prints what that was; fails if something could not be done.
pub(crate) fn run_once(config: &Config) -> anyhow::Result<ExitCode> {
    let instance = commands::open(config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let report = runtime.block_on(instance.jobs.run_once())?;
    out::say(&report.to_string())?;
    Ok(if report.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Lets mass actions go on after somebody has looked at the clock that leapt.
pub(crate) fn resume(config: &Config) -> anyhow::Result<ExitCode> {
    let instance = commands::open(config)?;
    let was = instance.desk.show_scheduler()?;
    instance.desk.resume_scheduler(None)?;
    out::say(&match was.pause {
        Some(pause) => format!(
            "mass actions go on; they waited since the clock leapt from {} to {}",
            pause.clock_before, pause.clock_after
        ),
        None => "mass actions were not waiting".to_owned(),
    })?;
    Ok(ExitCode::SUCCESS)
}
