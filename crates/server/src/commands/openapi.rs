//! `sportello openapi`.

use std::process::ExitCode;

use crate::out;

/// Prints the description of the API.
pub(crate) fn run(json: bool) -> anyhow::Result<ExitCode> {
    let description = api::app::description()?;
    if json {
        out::say_json(&description)?;
    } else {
        out::say(&api::openapi::to_yaml(&description)?)?;
    }
    Ok(ExitCode::SUCCESS)
}
