//! `sportello audit touched` and `audit reindex`: what somebody had before their eyes, and the index that
//! says so.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::bail;
use domain::codes::AuthorityCode;
use serde_json::{Value, json};
use service::DeskError;
use service::looks::{Suspect, Touched};

use crate::cli::AuditTouched;
use crate::config::Config;
use crate::{commands, out};

/// Prints every request that an account, or the staff of an authority, had before their eyes.
pub(crate) fn touched(config: &Config, args: AuditTouched) -> anyhow::Result<ExitCode> {
    if args.from >= args.to {
        bail!("--from must be before --to");
    }
    let suspect = match (args.account, args.authority) {
        (Some(username), None) => Suspect::Account(username),
        (None, Some(code)) => Suspect::Authority(AuthorityCode::from(code.as_str())),
        _ => bail!("say whose looks: --account USER or --authority CODE"),
    };
    let desk = commands::open(config)?.desk;
    let touched = match desk.touched(&suspect, (args.from, args.to)) {
        Err(DeskError::NotFound) => bail!("there is no such account"),
        other => other?,
    };
    match args.json {
        true => out::say_json(&document(&touched))?,
        false => out::say(&text(&touched)?)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes the index of the audit trail again.
pub(crate) fn reindex(config: &Config) -> anyhow::Result<ExitCode> {
    let count = commands::open(config)?.desk.reindex_audit()?;
    out::say(&format!("{count} entries are in the index"))?;
    Ok(ExitCode::SUCCESS)
}

fn document(touched: &Touched) -> Value {
    let tickets: Vec<Value> = touched
        .tickets
        .iter()
        .map(|one| {
            let looks: Vec<&str> = one.looks.iter().map(|look| look.as_str()).collect();
            json!({
                "id": one.id.to_string(),
                "number": one.number,
                "authority": one.authority.as_ref().map(ToString::to_string),
                "first_at": one.first.to_string(),
                "last_at": one.last.to_string(),
                "looks": looks,
            })
        })
        .collect();
    let by_authority: Vec<Value> = touched
        .by_authority
        .iter()
        .map(|(code, tickets, people)| {
            json!({"authority": code.to_string(), "tickets": tickets, "people": people})
        })
        .collect();
    let looks = touched.looks.iter();
    let looks: serde_json::Map<String, Value> = looks
        .map(|(look, count)| (look.as_str().to_owned(), json!(count)))
        .collect();
    let times = times(touched);
    json!({
        "tickets": tickets,
        "people": touched.people,
        "tickets_without_person": touched.without_person,
        "by_authority": by_authority,
        "looks": looks,
        "first_at": times.map(|(first, _)| first.to_string()),
        "last_at": times.map(|(_, last)| last.to_string()),
    })
}

/// The first and the last look.
fn times(touched: &Touched) -> Option<(jiff::Timestamp, jiff::Timestamp)> {
    let first = touched.tickets.iter().map(|one| one.first).min()?;
    let last = touched.tickets.iter().map(|one| one.last).max()?;
    Some((first, last))
}

fn text(touched: &Touched) -> anyhow::Result<String> {
    let mut text = String::new();
    let (tickets, people) = (touched.tickets.len(), touched.people);
    writeln!(text, "{tickets} requests of {people} people")?;
    if touched.without_person > 0 {
        let unknown = touched.without_person;
        writeln!(text, "{unknown} of the requests name nobody any more")?;
    }
    if let Some((first, last)) = times(touched) {
        writeln!(text, "from {first} to {last}")?;
    }
    for (code, tickets, people) in &touched.by_authority {
        writeln!(text, "{code}: {tickets} requests of {people} people")?;
    }
    for (look, count) in &touched.looks {
        writeln!(text, "{}: {count} times", look.as_str())?;
    }
    for one in &touched.tickets {
        let looks: Vec<&str> = one.looks.iter().map(|look| look.as_str()).collect();
        let name = one.number.clone().unwrap_or_else(|| one.id.to_string());
        let looks = looks.join(", ");
        writeln!(text, "{name}  {} … {}  {looks}", one.first, one.last)?;
    }
    Ok(text.trim_end().to_owned())
}
