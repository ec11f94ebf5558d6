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

#[cfg(test)]
mod tests {
    use domain::actor::Pool;
    use domain::invalid::Text;
    use service::labels::Labelled;
    use service::routing::TriedRule;

    use super::*;

    fn view() -> RoutingView {
        let tried = |rule: &str, reasons: &[&'static str]| TriedRule {
            rule: rule.into(),
            label: None,
            reasons: reasons
                .iter()
                .map(|words| ("code", Text::new("perché", words)))
                .collect(),
        };
        RoutingView {
            version: 3,
            desk: Labelled {
                code: "010204".to_owned(),
                label: Text::new("ASL TO4", "ASL TO4"),
            },
            moves: true,
            pool: Some(Pool::Supervisors),
            rule: Some("declared-authority".into()),
            tried: vec![
                tried(
                    "by-night",
                    &["it is about other services", "REG010 is open"],
                ),
                tried("declared-authority", &[]),
            ],
        }
    }

    #[test]
    fn what_is_printed_names_the_desk_the_version_and_every_rule() {
        assert_eq!(
            text(&view()).unwrap(),
            "010204 ASL TO4, pool supervisors\n\
             by version 3 of the rules\n  \
             1. by-night: it is about other services; REG010 is open\n  \
             2. declared-authority: matches"
        );
        let stays = RoutingView {
            version: 0,
            moves: false,
            pool: None,
            ..view()
        };
        let told = text(&stays).unwrap();
        let first: Vec<&str> = told.lines().take(2).collect();
        assert_eq!(
            first,
            [
                "nobody can take it, it stays with 010204 ASL TO4",
                "by rules that are not in force"
            ]
        );
    }
}
