//! `sportello user`.

use std::io::{BufRead, Read};
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use domain::actor::Role;
use service::DeskError;
use service::keeping::{AccountForm, PlacementForm};

use crate::cli::UserAdd;
use crate::config::Config;
use crate::{commands, out};

/// Adds the account of somebody who was identified here, and prints the sheet to hand over. The
/// security code goes by mail, so that nobody but its owner ever has both (D-5).
pub(crate) fn add(config: &Config, args: &UserAdd) -> anyhow::Result<ExitCode> {
    let known = || Role::ALL.map(Role::code).join(", ");
    ensure!(
        Role::from_code(&args.role).is_some(),
        "--role: {:?} is not one of {}",
        args.role,
        known()
    );
    let instance = commands::open(config)?;
    let form = AccountForm {
        username: args.username.clone(),
        given_name: args.given_name.clone(),
        family_name: args.family_name.clone(),
        tax_code: read_tax_code()?,
        email: args.email.clone(),
        placements: vec![PlacementForm {
            role: args.role.clone(),
            authority_code: args.authority.clone(),
            location_code: args.location.clone(),
            location_label: args.location_label.clone(),
        }],
    };
    let codes = match instance.desk.set_up_account(&form) {
        Ok(codes) => codes,
        Err(DeskError::Invalid(errors)) => {
            let lines: Vec<String> = errors
                .iter()
                .map(|error| format!("{}: {}", error.pointer, error.message.en))
                .collect();
            bail!("{}", lines.join("\n"));
        }
        Err(error) => return Err(error).context("the account is not added"),
    };
    out::say(&codes.sheet_text)?;
    out::say(
        "the security code goes by mail; a running server sends it, or: sportello jobs run --once",
    )?;
    Ok(ExitCode::SUCCESS)
}

/// From standard input, never an argument: those are seen by every user of the machine.
fn read_tax_code() -> anyhow::Result<String> {
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .take(100)
        .read_line(&mut line)
        .context("cannot read the tax code from standard input")?;
    Ok(line.trim().to_owned())
}
