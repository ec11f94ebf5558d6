//! Playbooks at the desk: which hold, what a ticket's run says, and what that lets happen.
//!
//! What a playbook means is `escalation::playbook`'s affair and what its word guards the life cycle's;
//! here they meet the rows. Invariant: a run keeps the versions that were in force at its first answer.

mod answers;
mod report;
mod shipped;
mod simulation;
mod versions;
mod view;

pub use answers::AnswersForm;
pub use escalation::playbook::{Unmet, ValueKind};
pub use report::{AuthorityCount, PlaybookReport, ReportItem};
pub use shipped::PlaybookFile;
pub use simulation::{Simulated, Turned};
pub use storage::playbooks::{Step as StepTaken, VersionState};
pub use versions::{NewVersion, PlaybookInForce, VersionStep, VersionView, steps_from};
pub use view::{CheckView, NoteView, PlaybookHead, PlaybookScreen, RunView, ValueView};

use std::sync::Arc;

use domain::actor::Staff;
use domain::catalogue::ReferenceFile;
use domain::codes::PlaybookCode;
use domain::command::ActionCode;
use domain::invalid::{FieldError, Lang, Text};
use domain::playbook::{PlaybookWord, Verdict};
use domain::state::PlaybookDecision;
use domain::ticket::Ticket;
use escalation::playbook::{
    self as book, Answers, CheckCode, Decision, Playbook, Rule, Run, RunBy, Set,
};
use jiff::Timestamp;
use storage::playbook_runs::{self, GivenAnswer, Pins, PlaybookRun};
use storage::{DbConnection, playbooks};

use crate::clock::lock;
use crate::{Desk, DeskError};

/// A run with what it was answered and what follows.
pub(crate) struct Opened {
    pub(crate) run: PlaybookRun,
    pub(crate) set: Arc<Set>,
    pub(crate) rows: Vec<GivenAnswer>,
    pub(crate) outcome: Run,
}

/// The custodian's present leg.
fn present_leg(ticket: &Ticket) -> i32 {
    ticket.legs.last().map_or(1, |leg| leg.no)
}

/// The playbooks that the custodian of a ticket may begin with; the first is the usual one.
fn startable<'a>(set: &'a Set, ticket: &Ticket) -> Vec<&'a Playbook> {
    let run_by = match ticket.custodian.is_region {
        true => RunBy::Region,
        false => RunBy::Authority,
    };
    let mut found = set.starting(&ticket.service, &ticket.problem_type);
    found.retain(|playbook| playbook.run_by == run_by);
    found
}

/// What counts of the rows.
fn answers_of(rows: &[GivenAnswer]) -> Answers {
    let latest = playbook_runs::latest(rows).into_iter();
    latest
        .map(|(check, answer)| {
            (
                CheckCode::from(check.as_str()),
                book::AnswerCode::from(answer.as_str()),
            )
        })
        .collect()
}

/// The decision as history keeps it.
fn kept(decision: Decision) -> PlaybookDecision {
    match decision {
        Decision::Escalate => PlaybookDecision::Escalate,
        Decision::Resolve => PlaybookDecision::Resolve,
        Decision::AnswerCitizen => PlaybookDecision::AnswerCitizen,
        Decision::AskCitizen => PlaybookDecision::AskCitizen,
        Decision::Hold => PlaybookDecision::Hold,
        Decision::AuthorityActs => PlaybookDecision::AuthorityActs,
        Decision::OpenActivity => PlaybookDecision::OpenActivity,
        Decision::Continue => PlaybookDecision::Continue,
    }
}

fn broken(what: &'static str) -> DeskError {
    DeskError::Broken(what, None)
}

impl Desk {
    /// The versions in force, by playbook.
    fn pins_in_force(&self, conn: &mut DbConnection) -> Result<Pins, DeskError> {
        let active = playbooks::list_active(conn)?.into_iter();
        Ok(active
            .map(|(code, version)| (code.to_string(), version))
            .collect())
    }

    /// The set of these versions. Read once by each process: a version's text never changes.
    pub(crate) fn set_of(
        &self,
        conn: &mut DbConnection,
        pins: &Pins,
    ) -> Result<Arc<Set>, DeskError> {
        if let Some(known) = lock(&self.playbook_sets).get(pins) {
            return Ok(known.clone());
        }
        let mut texts = Vec::new();
        for (code, version) in pins {
            let found = playbooks::find(conn, &PlaybookCode::new(code.as_str()), *version)?;
            let found = found.ok_or(broken("a run keeps a version that is not there"))?;
            texts.push((format!("{code} {version}"), found.definition));
        }
        let files: Vec<ReferenceFile<'_>> = texts
            .iter()
            .map(|(name, text)| ReferenceFile { name, text })
            .collect();
        let set = Set::parse(&files, &self.reference).map_err(|errors| {
            let first = errors.first().map(ToString::to_string).unwrap_or_default();
            tracing::error!(error = first, "playbooks in use cannot be read");
            broken("playbooks in use cannot be read")
        })?;
        let set = Arc::new(set);
        lock(&self.playbook_sets).insert(pins.clone(), set.clone());
        Ok(set)
    }

    /// A run with its answers and what they lead to.
    fn open_run(&self, conn: &mut DbConnection, run: PlaybookRun) -> Result<Opened, DeskError> {
        let set = self.set_of(conn, &run.pins)?;
        let rows = playbook_runs::list_answers(conn, run.id)?;
        let start = set.get(&run.begun_with.as_str().into());
        let start = start.ok_or(broken("a run began with a playbook that it does not keep"))?;
        let outcome = set.run(start, &answers_of(&rows));
        Ok(Opened {
            run,
            set,
            rows,
            outcome,
        })
    }

    /// The run of the custodian's present leg, if it was begun.
    fn present_run(
        &self,
        conn: &mut DbConnection,
        ticket: &Ticket,
    ) -> Result<Option<PlaybookRun>, DeskError> {
        let runs = playbook_runs::list(conn, ticket.id, Some(&ticket.custodian.code))?;
        let leg = present_leg(ticket);
        Ok(runs.into_iter().find(|run| run.leg == leg))
    }

    /// Whether playbooks have a say in what happens to the ticket.
    pub(crate) fn governance(
        &self,
        conn: &mut DbConnection,
        ticket: &Ticket,
        in_force: Option<&Pins>,
    ) -> Result<Verdict, DeskError> {
        let governed = Verdict::Governed { unmet: Vec::new() };
        if ticket.playbook.is_some() {
            return Ok(governed);
        }
        let set = match in_force {
            Some(pins) => self.set_of(conn, pins)?,
            None => {
                let pins = self.pins_in_force(conn)?;
                self.set_of(conn, &pins)?
            }
        };
        match startable(&set, ticket).is_empty() {
            true => Ok(Verdict::NotGoverned),
            false => Ok(governed),
        }
    }

    /// The same for an action that is about to be taken, with the checks that are against it.
    pub(crate) fn verdict_on(
        &self,
        conn: &mut DbConnection,
        ticket: &Ticket,
        action: ActionCode,
    ) -> Result<Verdict, DeskError> {
        let verdict = self.governance(conn, ticket, None)?;
        if ticket.heeds_playbook(action, &verdict).is_ok() {
            return Ok(verdict);
        }
        let unmet = match self.present_run(conn, ticket)? {
            Some(run) => {
                let opened = self.open_run(conn, run)?;
                match action {
                    ActionCode::Resolve => waited_for(&opened, ticket.playbook.as_ref()),
                    _ => still_unmet(&opened.set, &opened.outcome.unmet),
                }
            }
            None => {
                let pins = self.pins_in_force(conn)?;
                let set = self.set_of(conn, &pins)?;
                let usual = startable(&set, ticket).into_iter().next();
                let run = usual.map(|playbook| set.run(playbook, &Answers::new()));
                run.map_or(Vec::new(), |run| still_unmet(&set, &run.unmet))
            }
        };
        Ok(Verdict::Governed { unmet })
    }

    /// Notes on the run of the leg that ends that the ticket was handed over. A supervisor who
    /// overrides what nobody began leaves a run without answers, so that it is counted.
    pub(crate) fn note_hand_over(
        &self,
        conn: &mut DbConnection,
        ticket: &Ticket,
        staff: &Staff,
        is_overridden: bool,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        let overridden_at = is_overridden.then_some(now);
        if let Some(mut run) = self.present_run(conn, ticket)? {
            run.handed_over_at = Some(now);
            run.overridden_at = overridden_at;
            return Ok(playbook_runs::save(conn, &run)?);
        }
        let pins = self.pins_in_force(conn)?;
        let set = self.set_of(conn, &pins)?;
        let Some(usual) = startable(&set, ticket).into_iter().next() else {
            return Ok(());
        };
        let mut run = self.new_run(ticket, staff, pins, usual, now)?;
        run.handed_over_at = Some(now);
        run.overridden_at = overridden_at;
        Ok(playbook_runs::insert(conn, &run)?)
    }

    fn new_run(
        &self,
        ticket: &Ticket,
        staff: &Staff,
        pins: Pins,
        start: &Playbook,
        now: Timestamp,
    ) -> Result<PlaybookRun, DeskError> {
        let code = start.code.as_str();
        let version = pins.get(code).copied();
        Ok(PlaybookRun {
            id: self.ids.uuid(),
            ticket: ticket.id,
            leg: present_leg(ticket),
            desk: staff.authority.clone(),
            begun_with: code.into(),
            path: vec![code.to_owned()],
            playbook: code.into(),
            version: version.ok_or(broken("a playbook in force without a version"))?,
            pins,
            decision: PlaybookDecision::Continue,
            addition: None,
            started_at: now,
            started_by: staff.account,
            overridden_at: None,
            handed_over_at: None,
        })
    }
}

/// The checks that keep a hand-over from being decided, as wrong fields of the answers.
fn still_unmet(set: &Set, unmet: &[Unmet]) -> Vec<FieldError> {
    if unmet.is_empty() {
        return vec![FieldError {
            pointer: "/playbook".to_owned(),
            code: "no-hand-over",
            message: Text::new(
                "Questo percorso guidato non prevede il passaggio alla Regione",
                "this playbook never hands over to the region",
            ),
        }];
    }
    unmet
        .iter()
        .map(|one| {
            let question = |lang| {
                let check = set.check(&one.check);
                check.map_or("", |check| check.question.to(lang)).to_owned()
            };
            let (code, it, en) = match &one.answer {
                None => ("unanswered", "Verifica senza risposta", "not answered yet"),
                Some(_) => (
                    "not-satisfied",
                    "La risposta non consente il passaggio",
                    "the answer does not allow the hand-over",
                ),
            };
            let message = Text::owned(
                format!("{it}: {}", question(Lang::It)),
                format!("{en}: {}", question(Lang::En)),
            );
            field_of(&one.check, code, message)
        })
        .collect()
}

/// The checks by which a fix would be recorded: those with an answer that would let the ticket be
/// resolved, or else all that the hold rests on. The ticket's word tells of a hold that stands though
/// the answers of the present run do not reach it.
fn waited_for(opened: &Opened, word: Option<&PlaybookWord>) -> Vec<FieldError> {
    let (set, outcome) = (&opened.set, &opened.outcome);
    let answers = answers_of(&opened.rows);
    let start = set.get(&opened.run.begun_with.as_str().into());
    let holds = |rule: &&Rule| rule.outcome.decision == Decision::Hold;
    let reached = outcome.path.last().and_then(|step| {
        let playbook = set.get(&step.playbook)?;
        playbook.rules.get(step.rule?).filter(holds)
    });
    let rule = reached.or_else(|| {
        let playbook = set.get(&word?.playbook.as_str().into())?;
        playbook.rules.iter().find(holds)
    });
    let (Some(start), Some(rule)) = (start, rule) else {
        return Vec::new();
    };
    let checks: Vec<&CheckCode> = rule.when.iter().map(|condition| &condition.check).collect();
    let would_resolve = |code: &&&CheckCode| {
        let choices = set.check(code).map_or(&[][..], |check| &check.answers);
        choices.iter().any(|choice| {
            let mut answers = answers.clone();
            answers.insert((**code).clone(), choice.code.clone());
            set.run(start, &answers).outcome.decision == Decision::Resolve
        })
    };
    let fixing: Vec<&CheckCode> = checks.iter().filter(would_resolve).copied().collect();
    let named = if fixing.is_empty() { checks } else { fixing };
    named
        .into_iter()
        .map(|code| {
            let message = Text::new(
                "La correzione non è ancora registrata",
                "the fix is not recorded yet",
            );
            field_of(code, "fix-pending", message)
        })
        .collect()
}

fn field_of(check: &CheckCode, code: &'static str, message: Text) -> FieldError {
    FieldError {
        pointer: format!("/playbook/answers/{check}"),
        code,
        message,
    }
}

/// What a run says, as the ticket keeps it.
fn word_of(run: &Run, pins: &Pins, now: Timestamp) -> Result<PlaybookWord, DeskError> {
    use domain::playbook::Waiting;
    use domain::state::WaitingReason;
    let last = run.path.last().ok_or(broken("a run without a playbook"))?;
    let version = pins.get(last.playbook.as_str()).copied();
    let days = run.outcome.review_after_days;
    let waiting = days.map(|days| {
        let wait = jiff::SignedDuration::from_hours(i64::from(days) * 24);
        Waiting {
            reason: WaitingReason::SendingFix,
            review_at: now.checked_add(wait).unwrap_or(Timestamp::MAX),
            is_told: false,
        }
    });
    Ok(PlaybookWord {
        playbook: last.playbook.as_str().into(),
        version: version.ok_or(broken("a run passed through a playbook it does not keep"))?,
        decision: kept(run.outcome.decision),
        reason: run.outcome.reason,
        waiting,
    })
}
