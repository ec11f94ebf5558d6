//! `sportello audit`: whether the trail is what was written, and what is in it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, anyhow, ensure};
use domain::audit::{AuditActor, AuditEntry, AuditOutcome};
use jiff::Timestamp;
use serde_json::json;
use service::evidence::{ExportedEntry, Proof, PublicKey};

use crate::cli::{AuditCommand, AuditLogins, AuditVerify};
use crate::commands::looks;
use crate::config::Config;
use crate::{commands, keys, out};

pub(crate) fn run(config: &Config, command: AuditCommand) -> anyhow::Result<ExitCode> {
    match command {
        AuditCommand::Touched(args) => looks::touched(config, args),
        AuditCommand::Reindex => looks::reindex(config),
        AuditCommand::Verify(args) => verify(config, &args),
        AuditCommand::Export { from, to, chain } => export(config, (from, to), chain.as_deref()),
        AuditCommand::Logins(args) => logins(config, &args),
        AuditCommand::PublicKey => {
            let key = keys::load_or_create_audit_key(&config.keys())?;
            out::say(key.public().to_pem().trim_end())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Checks all there is, and fails if anything is wrong.
fn verify(config: &Config, args: &AuditVerify) -> anyhow::Result<ExitCode> {
    let mut public = Vec::new();
    for path in &args.public_key {
        public.push(read_public_key(path)?);
    }
    if public.is_empty() {
        let path = config.keys().join(keys::AUDIT_KEY_FILE);
        ensure!(
            path.exists(),
            "{} is missing: name the public key it had with --public-key",
            path.display()
        );
        let key = keys::load_or_create_audit_key(&config.keys())?;
        public.push(key.public().clone());
    }
    // Where nothing is named, what this installation itself put outside.
    let own = &config.audit.file;
    let files = match args.anchors.is_empty() && own.exists() {
        true => std::slice::from_ref(own),
        false => args.anchors.as_slice(),
    };
    let mut outside: Box<dyn Iterator<Item = String>> = Box::new(std::iter::empty());
    for file in files {
        outside = Box::new(outside.chain(lines(file)?));
    }
    let instance = commands::look(config)?;
    let proof = instance
        .desk
        .prove_audit(&public, args.chain.as_deref(), outside)?;
    tell(&proof)?;
    Ok(match proof.is_clean() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn tell(proof: &Proof) -> anyhow::Result<()> {
    for (chain, good) in &proof.chains {
        out::say(&format!("chain {chain:?}: {good} places are good"))?;
    }
    out::say(&format!("{} anchors were compared", proof.anchors))?;
    if proof.unreadable > 0 {
        out::say(&format!(
            "{} lines of the anchors were cut off while they were written",
            proof.unreadable
        ))?;
    }
    for doubt in &proof.doubts {
        out::say(&format!("FAIL  {doubt}"))?;
    }
    out::say(match proof.is_clean() {
        true => "the trail is what was written",
        false => "the trail is not what was written",
    })
}

fn read_public_key(path: &PathBuf) -> anyhow::Result<PublicKey> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    PublicKey::from_pem(&text).ok_or_else(|| anyhow!("{} is no PUBLIC KEY block", path.display()))
}

/// A line that cannot be read is one that was cut off.
fn lines(path: &PathBuf) -> anyhow::Result<impl Iterator<Item = String> + use<>> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let lines = BufReader::new(file).split(b'\n');
    Ok(lines
        .map_while(Result::ok)
        .map(|line| String::from_utf8(line).unwrap_or_else(|_| String::from("not a line of text"))))
}

fn export(
    config: &Config,
    range: (Timestamp, Timestamp),
    chain: Option<&str>,
) -> anyhow::Result<ExitCode> {
    let desk = commands::look(config)?.desk;
    desk.export_audit(range, chain, |entry: ExportedEntry| {
        out::say(&serde_json::to_string(&entry)?)
    })?;
    Ok(ExitCode::SUCCESS)
}

/// What the yearly check of administrators reads: who came in, tried to, and went, and what was done at
/// the machine.
fn logins(config: &Config, args: &AuditLogins) -> anyhow::Result<ExitCode> {
    let desk = commands::look(config)?.desk;
    let (mut done, mut refused, mut failed) = (0_u64, 0_u64, 0_u64);
    desk.export_audit((args.from, args.to), None, |kept: ExportedEntry| {
        let Ok(entry) = serde_json::from_str::<AuditEntry>(&kept.body) else {
            return Ok(());
        };
        let is_at_machine = entry.actor == AuditActor::Operator;
        if entry.sign_in.is_none() && !is_at_machine {
            return Ok(());
        }
        match entry.outcome {
            AuditOutcome::Done => done += 1,
            AuditOutcome::Refused => refused += 1,
            AuditOutcome::Failed => failed += 1,
        }
        let text = match args.json {
            true => json!({"chain": kept.chain, "place": kept.seq, "entry": entry}).to_string(),
            false => line(&entry),
        };
        out::say(&text)
    })?;
    if !args.json {
        out::say(&format!("{done} done, {refused} refused, {failed} failed"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Time, step, outcome, who, and from where.
fn line(entry: &AuditEntry) -> String {
    let outcome = match entry.outcome {
        AuditOutcome::Done => "done",
        AuditOutcome::Refused => "refused",
        AuditOutcome::Failed => "failed",
    };
    let (role, place) = match &entry.actor {
        AuditActor::Staff {
            role, authority, ..
        } => (
            role.map_or("no role yet", |role| role.code()).to_owned(),
            authority.as_ref().map_or("", |code| code.as_str()),
        ),
        AuditActor::Operator => (String::from("at the machine"), ""),
        _ => (String::from("nobody yet"), ""),
    };
    let trace = entry.sign_in.as_ref();
    let who = match trace {
        Some(trace) => match (&trace.account, &trace.typed) {
            (Some(account), _) => format!("account {account}"),
            (None, Some(typed)) => format!("unknown name {}", short(typed)),
            (None, None) => String::from("unknown"),
        },
        None => String::from("-"),
    };
    let source = trace.map_or("-", |trace| short(&trace.source));
    format!(
        "{}  {:<20} {outcome:<8} {who}  {role} {place}  network {source}",
        entry.at, entry.operation
    )
}

/// The beginning of a print: enough to tell it from others.
fn short(print: &str) -> &str {
    print.get(..12).unwrap_or(print)
}
