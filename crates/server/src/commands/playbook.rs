//! `sportello playbook`: for whoever changes a playbook, before it is put in force.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use domain::catalogue::{Reference, ReferenceError};
use domain::invalid::{FieldError, Lang};
use escalation::playbook::{DraftedNote, Playbook, PlaybookCode, Run, Sent, Set};

use crate::cli::{PlaybookCommand, PlaybookTry};
use crate::config::Config;
use crate::{out, reference};

/// Does what the command line says.
pub(crate) fn run(config: &Config, command: &PlaybookCommand) -> anyhow::Result<ExitCode> {
    let folder = config.reference.as_deref();
    let reference = reference::load(folder)?;
    match command {
        PlaybookCommand::Check { files } => check(folder, &reference, files),
        PlaybookCommand::Try(args) => {
            let set = in_force_with(folder, &reference, &args.with)?
                .map_err(|errors| anyhow!("{}", reference::listed(&errors, "\n  ")))?;
            out::say(&tried(&set, args)?)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn check(
    folder: Option<&Path>,
    reference: &Reference,
    files: &[PathBuf],
) -> anyhow::Result<ExitCode> {
    match in_force_with(folder, reference, files)? {
        Ok(set) => {
            out::say(&format!("ok: {}", reference::playbooks_summary(&set)))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(errors) => {
            out::say(&reference::listed(&errors, "\n"))?;
            Ok(ExitCode::FAILURE)
        }
    }
}

type Checked = Result<Set, Vec<ReferenceError>>;

/// The playbooks in force with these files in their places; a folder among the files stands for
/// all there are.
fn in_force_with(
    folder: Option<&Path>,
    reference: &Reference,
    files: &[PathBuf],
) -> anyhow::Result<Checked> {
    let mut texts = Vec::new();
    for path in files {
        match path.is_dir() {
            true => texts.extend(reference::playbook_files(path)?),
            false => texts.push(reference::read(path)?),
        }
    }
    let new = reference::files(&texts);
    if files.iter().any(|path| path.is_dir()) {
        return Ok(Set::parse(&new, reference));
    }
    let (_, set) = reference::playbooks(folder, reference)?;
    Ok(set.with_all(&new, reference))
}

/// What the answers lead to.
fn tried(set: &Set, args: &PlaybookTry) -> anyhow::Result<String> {
    let lang = Lang::from_code(&args.lang).context("--lang is neither it nor en")?;
    let start = set
        .playbooks()
        .iter()
        .find(|one| one.code.as_str().eq_ignore_ascii_case(&args.playbook))
        .with_context(|| format!("there is no playbook `{}`", args.playbook))?;
    let answers = set.read_answers(&pairs(&args.answers)?).map_err(refused)?;
    let values = set.read_values(&pairs(&args.values)?).map_err(refused)?;
    let run = set.run(start, &answers);
    let mut told = way(set, &run, lang)?;
    if let Some(note) = set.draft(&run, &values, lang) {
        told += &written(set, &note, lang)?;
    }
    Ok(told)
}

fn pairs(words: &[String]) -> anyhow::Result<Sent> {
    let split = words.iter().map(|word| {
        let (name, value) = word
            .split_once('=')
            .with_context(|| format!("`{word}` is not of the form NAME=VALUE"))?;
        Ok((name.to_owned(), value.into()))
    });
    split.collect()
}

fn refused(errors: Vec<FieldError>) -> anyhow::Error {
    let lines: Vec<String> = errors
        .iter()
        .map(|error| format!("{}: {}", error.pointer, error.message.en))
        .collect();
    anyhow!("{}", lines.join("\n  "))
}

fn label(set: &Set, code: &PlaybookCode, lang: Lang) -> String {
    let playbook: Option<&Playbook> = set.get(code);
    playbook.map_or_else(String::new, |one| one.label.to(lang).to_owned())
}

fn way(set: &Set, run: &Run, lang: Lang) -> anyhow::Result<String> {
    let mut told = String::new();
    for step in &run.path {
        let answers: String = step
            .answers
            .iter()
            .map(|(check, answer)| format!(" {check}={answer}"))
            .collect();
        let rule = match step.rule {
            Some(place) => format!("rule {}", place + 1),
            None => "no rule".to_owned(),
        };
        let label = label(set, &step.playbook, lang);
        writeln!(told, "{} {label}:{answers} ({rule})", step.playbook)?;
    }
    let outcome = &run.outcome;
    write!(told, "decision: {}", outcome.decision.as_str())?;
    let codes = [
        outcome.reason.map(|one| one.as_str()),
        outcome.resolution.map(|one| one.as_str()),
    ];
    for code in codes.into_iter().flatten() {
        write!(told, ", {code}")?;
    }
    if let Some(days) = outcome.review_after_days {
        write!(told, ", look again after {days} days")?;
    }
    writeln!(told, "\nwhy: {}", outcome.why.to(lang))?;
    if let Some(follow_up) = &outcome.follow_up {
        writeln!(told, "besides: {}", follow_up.to(lang))?;
    }
    for check in run.next_checks.iter().filter_map(|code| set.check(code)) {
        writeln!(told, "find out: {} {}", check.code, check.question.to(lang))?;
    }
    for unmet in &run.unmet {
        let answer = unmet.answer.as_ref().map_or("open", |one| one.as_str());
        let needed: Vec<&str> = unmet.needed.iter().map(|one| one.as_str()).collect();
        writeln!(
            told,
            "keeps it from being handed over: {} {} is {answer}, not {}",
            unmet.playbook,
            unmet.check,
            needed.join(" or ")
        )?;
    }
    for check in &run.overruled {
        writeln!(told, "counts for nothing here: the answer to {check}")?;
    }
    Ok(told)
}

fn written(set: &Set, note: &DraftedNote, lang: Lang) -> anyhow::Result<String> {
    let mut told = String::new();
    let reader = note.audience.as_str();
    match &note.body {
        Some(body) => writeln!(told, "note ({reader}): {body}")?,
        None => writeln!(told, "note ({reader}): not complete")?,
    }
    for name in &note.missing {
        let Some(rule) = set.value(name) else {
            bail!("`{name}` is no value of these playbooks");
        };
        let which = match note.one_of.contains(name) {
            true => " (one of them is enough)",
            false => "",
        };
        writeln!(told, "missing: {name}, {}{which}", rule.label.to(lang))?;
    }
    for error in &note.invalid {
        writeln!(
            told,
            "invalid: {}: {}",
            error.pointer,
            error.message.to(lang)
        )?;
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped() -> (Reference, Set) {
        let reference = reference::load(None).unwrap();
        let (_, set) = reference::playbooks(None, &reference).unwrap();
        (reference, set)
    }

    fn try_out(answers: &[&str], values: &[&str]) -> anyhow::Result<String> {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let args = PlaybookTry {
            playbook: "pb-2".to_owned(),
            answers: owned(answers),
            values: owned(values),
            lang: "en".to_owned(),
            with: Vec::new(),
        };
        tried(&shipped().1, &args)
    }

    #[test]
    fn what_answers_lead_to_is_told_with_the_note() {
        let told = try_out(
            &["c1=yes", "c2=yes", "c3=yes"],
            &["report_date=2026-11-03", "report_id=R-1"],
        );
        assert_eq!(
            told.unwrap(),
            "PB-2 Report not found: c1=yes c2=yes c3=yes (rule 2)\n\
             decision: escalate, checks-passed\n\
             why: The authority has done its part: the report has reached the regional system\n\
             note (region): The report, produced on 3 November 2026, was sent to FSE/ROL with the \
             identifier R-1, and the sending succeeded. The citizen had asked to read it on line \
             and does not find it.\n"
        );
    }

    #[test]
    fn what_is_missing_and_what_keeps_from_handing_over_is_told() {
        let told = try_out(&["c1=yes", "c2=yes", "c3=yes"], &["report_id=R-1"]).unwrap();
        assert!(
            told.ends_with(
                "note (region): not complete\nmissing: report_date, Date of the report\n"
            ),
            "{told}"
        );
        let told = try_out(&["c1=yes", "c2=yes", "c3=no"], &[]).unwrap();
        assert!(
            told.contains("\nPB-1 Report not found: sending error: e1=yes (no rule)\n"),
            "{told}"
        );
        assert!(
            told.contains("\nfind out: e2 Has the document been sent again"),
            "{told}"
        );
        assert!(
            told.ends_with("keeps it from being handed over: PB-2 c3 is no, not yes\n"),
            "{told}"
        );
    }

    #[test]
    fn what_is_no_answer_is_refused_with_its_name() {
        let message = try_out(&["c1=maybe"], &[]).unwrap_err().to_string();
        assert_eq!(message, "/answers/c1: not one of the answers of this check");
        assert!(try_out(&["c1"], &[]).is_err());
        assert!(try_out(&[], &["report_id"]).is_err());
    }

    #[test]
    fn files_take_the_place_of_those_in_force_and_a_folder_that_of_all() {
        let (reference, _) = shipped();
        let folder = tempfile::tempdir().unwrap();
        let shipped =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/reference/playbooks");
        let text = std::fs::read_to_string(shipped.join("pb-6.toml")).unwrap();
        let changed = folder.path().join("mine.toml");
        std::fs::write(
            &changed,
            text.replacen(
                "when = { f3 = \"no\" }",
                "when = { f2 = \"no\", f3 = \"no\" }",
                1,
            ),
        )
        .unwrap();
        let errors = in_force_with(None, &reference, std::slice::from_ref(&changed))
            .unwrap()
            .unwrap_err();
        let told = reference::listed(&errors, "\n");
        assert!(
            told.contains("mine.toml:6: rule: no rule decides f1=yes, f2=yes, f3=no, f4=no"),
            "{told}"
        );
        std::fs::write(&changed, text.replacen("place = 2", "place = 4", 1)).unwrap();
        let set = in_force_with(None, &reference, &[changed])
            .unwrap()
            .unwrap();
        assert_eq!(set.playbooks().len(), 7);
        let all = in_force_with(None, &reference, &[shipped])
            .unwrap()
            .unwrap();
        assert_eq!(all.playbooks().len(), 7);
        // Alone it has nowhere to go on to.
        let errors = in_force_with(None, &reference, &[folder.path().to_owned()]).unwrap();
        assert!(reference::listed(&errors.unwrap_err(), "\n").contains("no playbook `PB-1`"));
    }
}
