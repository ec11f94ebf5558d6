//! `sportello route`.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{Context, bail};
use domain::invalid::Lang;
use service::DeskError;
use service::routing::{CaseForm, RoutingView};

use crate::cli::RouteExplain;
use crate::config::Config;
use crate::{commands, out};

/// Prints which desk a case gets, by the rules in force or those of a file, and every rule tried.
pub(crate) fn explain(config: &Config, args: RouteExplain) -> anyhow::Result<ExitCode> {
    let definition = match &args.file {
        Some(path) => Some(
            std::fs::read_to_string(path)
                .with_context(|| format!("cannot read {}", path.display()))?,
        ),
        None => None,
    };
    let desk = commands::open(config)?.desk;
    let form = CaseForm {
        change: Some(args.change),
        service_code: Some(args.service),
        problem_type: Some(args.problem_type),
        authority_code: args.authority,
        requester: Some(args.requester),
        channel: Some(args.channel),
        reason_code: args.reason,
        previous_authority_code: args.previous,
        named_authority_code: args.named,
        at: args.at,
        definition,
    };
    match desk.explain_routing(form) {
        Ok(view) => out::say(&text(&view)?)?,
        Err(DeskError::Invalid(errors)) => {
            let lines: Vec<String> = errors
                .iter()
                .map(|error| format!("{}: {}", error.pointer, error.message.en))
                .collect();
            bail!("this cannot be explained:\n  {}", lines.join("\n  "));
        }
        Err(other) => return Err(other.into()),
    }
    Ok(ExitCode::SUCCESS)
}

/// The same as `POST /v1/routing/preview` answers, to be read.
fn text(view: &RoutingView) -> anyhow::Result<String> {
    let mut text = String::new();
    let lang = Lang::En;
    if !view.moves {
        write!(text, "nobody can take it, it stays with ")?;
    }
    write!(text, "{} {}", view.desk.code, view.desk.label.to(lang))?;
    if let Some(pool) = view.pool {
        write!(text, ", pool {}", pool.code())?;
    }
    match view.version {
        0 => writeln!(text, "\nby rules that are not in force")?,
        version => writeln!(text, "\nby version {version} of the rules")?,
    }
    for (tried, no) in view.tried.iter().zip(1..) {
        let why: Vec<&str> = tried
            .reasons
            .iter()
            .map(|(_, text)| text.to(lang))
            .collect();
        let verdict = match why.is_empty() {
            true => "matches".to_owned(),
            false => why.join("; "),
        };
        writeln!(text, "{no:>3}. {}: {verdict}", tried.rule)?;
    }
    Ok(text.trim_end().to_owned())
}
