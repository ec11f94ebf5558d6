//! `sportello user`.

use std::io::{self, IsTerminal, Read};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use domain::actor::Role;
use domain::catalogue::AuthorityKind;
use service::sign_in::MAX_PASSWORD_BYTES;

use crate::cli::UserAdd;
use crate::config::Config;
use crate::{commands, out, passwords};

/// Adds an account with one placement.
pub(crate) fn add(config: &Config, args: &UserAdd) -> anyhow::Result<ExitCode> {
    check_username(&args.username)?;
    ensure!(
        is_label(&args.display_name),
        "--display-name: expected 1 to 100 characters on one line"
    );
    ensure!(
        is_label(&args.location),
        "--location: expected 1 to 100 characters on one line"
    );
    let label = args.location_label.as_ref().unwrap_or(&args.location);
    ensure!(
        is_label(label),
        "--location-label: expected 1 to 100 characters on one line"
    );
    let known = || Role::ALL.map(Role::code).join(", ");
    let role = Role::from_code(&args.role)
        .with_context(|| format!("--role: {:?} is not one of {}", args.role, known()))?;

    let instance = commands::open(config)?;
    let desk = &instance.desk;
    let authority = desk
        .reference()
        .authority(&args.authority, desk.today())
        .with_context(|| {
            format!(
                "--authority: no active authority has the code {:?}",
                args.authority
            )
        })?;
    ensure!(
        has_desk_for(authority.kind, role),
        "--role: {} has no {}",
        authority.code,
        role.code()
    );
    ensure!(
        !desk.has_account(&args.username)?,
        "--username: {:?} is taken",
        args.username
    );
    let password = read_password()?;
    passwords::check(&password, &args.username)?;
    let placement = (
        role,
        authority.code.clone(),
        args.location.clone(),
        label.clone(),
    );
    desk.add_account(&args.username, &args.display_name, &password, &[placement])?;
    out::say(&format!(
        "added {} as {} of {}",
        args.username,
        role.code(),
        authority.code
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// Who works where (`domain.md` §2.1). Those without cases can sit anywhere.
pub(crate) fn has_desk_for(kind: AuthorityKind, role: Role) -> bool {
    match kind {
        AuthorityKind::Region => !role.is_of_authority() && role != Role::Technician,
        AuthorityKind::Technical => !role.is_of_authority() && !role.is_regional(),
        _ => !role.is_regional() && role != Role::Technician,
    }
}

fn check_username(username: &str) -> anyhow::Result<()> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-@".contains(&b);
    ensure!(
        (3..=64).contains(&username.len()) && username.bytes().all(plain),
        "--username: {username:?} is not 3 to 64 of a-z, 0-9, `.`, `_`, `-` and `@`"
    );
    Ok(())
}

fn is_label(text: &str) -> bool {
    (1..=100).contains(&text.chars().count())
        && !text.contains(char::is_control)
        && !text.trim().is_empty()
}

/// From standard input, never an argument: those are seen by every user of the machine.
fn read_password() -> anyhow::Result<String> {
    let mut text = String::new();
    let stdin = io::stdin();
    if stdin.is_terminal() {
        out::say("password (it is shown while you type):")?;
        stdin
            .read_line(&mut text)
            .context("cannot read the password")?;
    } else {
        // One more than is allowed, and the end of the line: enough to see that it is too much.
        let most = u64::try_from(MAX_PASSWORD_BYTES)
            .unwrap_or(u64::MAX)
            .saturating_add(3);
        stdin
            .lock()
            .take(most)
            .read_to_string(&mut text)
            .context("cannot read the password")?;
    }
    let password = text.trim_end_matches(['\r', '\n']);
    ensure!(
        !password.contains(char::is_control),
        "the password must be one line of text"
    );
    Ok(password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_belong_to_desks() {
        use AuthorityKind::{Asl, Region, Technical};
        assert!(has_desk_for(Asl, Role::Operator) && !has_desk_for(Region, Role::Operator));
        assert!(
            has_desk_for(Region, Role::RegionalOperator)
                && !has_desk_for(Asl, Role::RegionalOperator)
        );
        assert!(has_desk_for(Technical, Role::Technician) && !has_desk_for(Asl, Role::Technician));
        assert!(has_desk_for(Asl, Role::Auditor) && has_desk_for(Region, Role::SystemAdmin));
    }

    #[test]
    fn user_names_are_plain() {
        for name in ["", "ab", "Anna", "anna rossi", "àna", "a\nb"] {
            assert!(check_username(name).is_err(), "{name:?}");
        }
        check_username("anna.rossi@asl").unwrap();
    }
}
