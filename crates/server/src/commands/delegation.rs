//! `sportello delegation`.

use std::io::{self, BufRead, Read};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use domain::tax_code::TaxCode;
use service::delegations::MAX_DELEGATORS;

use crate::cli::DelegationCommand;
use crate::config::{Config, Delegations};
use crate::{commands, out};

/// Keeps the table. Says nothing of a person but to who lists them.
pub(crate) fn run(config: &Config, command: DelegationCommand) -> anyhow::Result<ExitCode> {
    // Whoever revokes here must not believe in vain that it closes something.
    ensure!(
        matches!(config.delegations, Delegations::Table),
        "delegations.source is not \"table\", so nobody asks this table"
    );
    let mut lines = io::stdin().lock().take(MOST_BYTES);
    let delegate = read_tax_code(&mut lines, "delegate")?;
    match command {
        DelegationCommand::Add {
            valid_from,
            valid_to,
        } => {
            let delegator = read_tax_code(&mut lines, "delegator")?;
            ensure!(
                delegate != delegator,
                "nobody needs a delegation for themselves"
            );
            let desk = commands::open(config)?.desk;
            let begins = valid_from.unwrap_or_else(|| desk.now());
            ensure!(
                valid_to.is_none_or(|end| end > begins),
                "--valid-to: must come after the beginning"
            );
            let is_added = desk.add_delegation(delegate, delegator, Some(begins), valid_to)?;
            ensure!(
                is_added,
                "one person may act for {MAX_DELEGATORS} others at most"
            );
            out::say("added")?;
        }
        DelegationCommand::Revoke => {
            let delegator = read_tax_code(&mut lines, "delegator")?;
            let revoked = commands::open(config)?
                .desk
                .revoke_delegation(delegate, delegator)?;
            ensure!(revoked > 0, "there is no such delegation");
            out::say("revoked")?;
        }
        DelegationCommand::List => list(config, &delegate)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn list(config: &Config, delegate: &TaxCode) -> anyhow::Result<()> {
    for one in commands::open(config)?.desk.list_delegations(delegate)? {
        let mut line = format!("{} from {}", one.delegator.as_str(), one.valid_from);
        if let Some(end) = one.valid_to {
            line.push_str(&format!(" to {end}"));
        }
        if let Some(at) = one.revoked_at {
            line.push_str(&format!(", revoked {at}"));
        }
        out::say(&line)?;
    }
    Ok(())
}

/// More than two tax codes as people type them.
const MOST_BYTES: u64 = 200;

/// From standard input, never an argument: those are seen by every user of the machine.
fn read_tax_code(lines: &mut impl BufRead, whose: &str) -> anyhow::Result<TaxCode> {
    let mut line = String::new();
    lines
        .read_line(&mut line)
        .context("cannot read standard input")?;
    let code = TaxCode::parse(&line, true).map_err(|invalid| invalid.code);
    code.map_err(|code| anyhow::anyhow!("the {whose}'s tax code on standard input: {code}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tax_codes_are_read_line_by_line_and_never_repeated() {
        let mut lines = "rssmra80a01h501u\r\nBNCNNA85D52L219A".as_bytes();
        let read = |lines: &mut &[u8]| read_tax_code(lines, "delegate");
        assert_eq!(read(&mut lines).unwrap().as_str(), "RSSMRA80A01H501U");
        assert_eq!(read(&mut lines).unwrap().as_str(), "BNCNNA85D52L219A");
        let message = read(&mut lines).unwrap_err().to_string();
        assert!(message.ends_with(": required"), "{message}");
        let message = read(&mut "RSSMRA80A01H501V".as_bytes()).unwrap_err();
        assert!(!format!("{message:?}").contains("RSSMRA"), "{message:?}");
    }
}
