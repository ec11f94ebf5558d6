//! Answering the checks of a ticket's playbook.
//!
//! Answers are merged into those there are, one after the other, so that two people who answer at the
//! same time lose nothing. The ticket's version moves when the answers take charge of it or lead
//! somewhere else than before: whoever acts on what they led to before then hears of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::actor::{Actor, Staff};
use domain::command::Command;
use domain::ids::TicketRef;
use domain::invalid::{FieldError, Invalid};
use domain::state::PlaybookDecision;
use domain::text::Description;
use domain::ticket::Ticket;
use domain::visibility::Scope;
use escalation::playbook::{
    ADDITION_MAX_CHARS, CheckCode, Decision, Playbook, Run, Sent, Set, ValueName,
};
use jiff::Timestamp;
use serde_json::Value;
use storage::playbook_runs::{self, GivenAnswer, PlaybookRun};
use storage::{DbConnection, tickets};

use super::view::PlaybookScreen;
use super::{answers_of, startable, word_of};
use crate::action_form::not_in_list;
use crate::{Desk, DeskError};

/// The longest text on what an answer rests on.
const EVIDENCE_MAX_CHARS: usize = 500;

/// Answers as they were sent: what is not named stays, null takes back.
#[derive(Debug, Clone, Default)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct AnswersForm {
    pub playbook: Option<String>,
    pub answers: Sent,
    pub values: Sent,
    pub evidence: Sent,
    pub addition: Option<Option<String>>,
}

/// What is answered or taken back, and what that rests on, by check.
type Answered = BTreeMap<String, (Option<String>, Option<String>)>;

/// A form that was read against the set of a run.
struct Checked {
    answers: Answered,
    values: BTreeMap<String, Option<String>>,
    addition: Option<Option<String>>,
}

impl Desk {
    /// Merges answers into the present run of a ticket, or begins one.
    pub fn answer_playbook(
        &self,
        staff: &Staff,
        wanted: TicketRef,
        form: AnswersForm,
    ) -> Result<PlaybookScreen, DeskError> {
        let (desk, staff) = (self.clone(), staff.clone());
        let scope = Scope::of(&staff);
        self.db.write_in(&scope.clone(), move |conn| {
            let now = desk.clock.now();
            let (seen, _) = tickets::find(conn, &scope, &wanted)?.ok_or(DeskError::NotFound)?;
            let windows = desk.settings.windows_for(&seen).clone();
            seen.permits_answers(&staff, now, &windows)?;
            // Answers that come at the same time follow each other.
            tickets::hold(conn, seen.id)?;
            let found = tickets::find(conn, &scope, &TicketRef::Id(seen.id))?;
            let (mut ticket, dossier) = found.ok_or(DeskError::NotFound)?;
            ticket.permits_answers(&staff, now, &windows)?;

            let (mut run, set, is_new) = desk.run_to_answer(conn, &ticket, &staff, &form, now)?;
            let mut rows = match is_new {
                true => Vec::new(),
                false => playbook_runs::list_answers(conn, run.id)?,
            };
            let checked = form.check(&set, &rows).map_err(DeskError::Invalid)?;
            let known = i32::try_from(rows.len()).unwrap_or(i32::MAX);
            let added = checked.rows(&set, &run, &rows, &staff, now);
            rows.extend(added.iter().cloned());
            if let Some(addition) = checked.addition {
                run.addition = addition;
            }

            let start = set.get(&run.begun_with.as_str().into());
            let start = start.ok_or(super::broken("a run without its playbook"))?;
            let outcome = set.run(start, &answers_of(&rows));
            let word = word_of(&outcome, &run.pins, now)?;
            let steps = outcome.path.iter();
            run.path = steps.map(|step| step.playbook.to_string()).collect();
            run.playbook = word.playbook.clone();
            run.version = word.version;
            run.decision = word.decision;
            match is_new {
                true => playbook_runs::insert(conn, &run)?,
                false => playbook_runs::save(conn, &run)?,
            }
            playbook_runs::append_answers(conn, &run, known, &added)?;
            for (name, value) in &checked.values {
                playbook_runs::set_value(conn, &run, name, value.as_deref(), staff.account, now)?;
            }

            if !holds_on(&ticket, &outcome) {
                let actor = Actor::Staff(staff.clone());
                let command = Command::AnswerPlaybook { word };
                let events = ticket.decide(&command, &actor, now, &windows)?;
                if !events.is_empty() {
                    desk.record(conn, &mut ticket, &dossier, &events, &actor, None, now)?;
                }
            }
            desk.playbook_screen(conn, &ticket, &dossier, &staff)
        })
    }

    /// The run to go on with, or a new one: with another playbook than the present one began with, or
    /// because there is none. A leg's runs keep the same versions.
    fn run_to_answer(
        &self,
        conn: &mut DbConnection,
        ticket: &Ticket,
        staff: &Staff,
        form: &AnswersForm,
        now: Timestamp,
    ) -> Result<(PlaybookRun, Arc<Set>, bool), DeskError> {
        let present = self.present_run(conn, ticket)?;
        let pins = match &present {
            Some(run) => run.pins.clone(),
            None => self.pins_in_force(conn)?,
        };
        let set = self.set_of(conn, &pins)?;
        let wanted = form.playbook.as_deref();
        if let Some(run) = present
            && wanted.is_none_or(|code| code == run.begun_with.as_str())
        {
            return Ok((run, set, false));
        }
        let startable = startable(&set, ticket);
        let chosen = match wanted {
            Some(code) => startable
                .iter()
                .find(|playbook| playbook.code.as_str() == code),
            None => startable.first(),
        };
        let Some(chosen) = chosen else {
            let refusal = if startable.is_empty() {
                Invalid::new(
                    "no-playbook",
                    "Nessun percorso guidato per questa richiesta",
                    "no playbook is for this ticket",
                )
            } else {
                not_in_list()
            };
            return Err(DeskError::field(refusal.at("/playbook")));
        };
        if form.is_empty() {
            return Err(DeskError::field(Invalid::required().at("/answers")));
        }
        let run = self.new_run(ticket, staff, pins, chosen, now)?;
        Ok((run, set, true))
    }
}

impl AnswersForm {
    fn is_empty(&self) -> bool {
        self.playbook.is_none()
            && self.answers.is_empty()
            && self.values.is_empty()
            && self.addition.is_none()
    }

    /// Reads it against the playbooks of a run, and names everything that is wrong.
    fn check(self, set: &Set, rows: &[GivenAnswer]) -> Result<Checked, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut answers = self.check_answers(set, &mut errors);
        let values = self.check_values(set, &mut errors);
        self.check_evidence(set, rows, &mut answers, &mut errors);
        let addition = self.addition.map(|addition| {
            let addition = addition.filter(|text| !text.trim().is_empty())?;
            let parsed = Description::parse(&addition, ADDITION_MAX_CHARS);
            parsed
                .map_err(|invalid| errors.push(invalid.at("/addition")))
                .ok()
                .map(Description::into_string)
        });
        match errors.is_empty() {
            true => Ok(Checked {
                answers,
                values,
                addition,
            }),
            false => Err(errors),
        }
    }

    fn check_answers(&self, set: &Set, errors: &mut Vec<FieldError>) -> Answered {
        let read = set.read_answers(&self.answers);
        let read = read.unwrap_or_else(|found| {
            errors.extend(found);
            BTreeMap::new()
        });
        let mut answers: Answered = read
            .into_iter()
            .map(|(check, answer)| (check.to_string(), (Some(answer.to_string()), None)))
            .collect();
        for (name, _) in self.answers.iter().filter(|(_, value)| is_blank(value)) {
            match takes_an_answer(set, name) {
                true => drop(answers.insert(name.clone(), (None, None))),
                false => errors.push(unknown().at(pointer("answers", name))),
            }
        }
        answers
    }

    fn check_values(
        &self,
        set: &Set,
        errors: &mut Vec<FieldError>,
    ) -> BTreeMap<String, Option<String>> {
        let read = set.read_values(&self.values);
        let read = read.unwrap_or_else(|found| {
            errors.extend(found);
            BTreeMap::new()
        });
        let mut values: BTreeMap<String, Option<String>> = read
            .into_iter()
            .map(|(name, value)| (name.to_string(), Some(value)))
            .collect();
        for (name, _) in self.values.iter().filter(|(_, value)| is_blank(value)) {
            match set.value(&ValueName::from(name.as_str())) {
                Some(_) => drop(values.insert(name.clone(), None)),
                None => errors.push(unknown().at(pointer("values", name))),
            }
        }
        values
    }

    /// Evidence goes along with an answer: that of the same request, or the one that counts already.
    fn check_evidence(
        &self,
        set: &Set,
        rows: &[GivenAnswer],
        answers: &mut Answered,
        errors: &mut Vec<FieldError>,
    ) {
        let latest = playbook_runs::latest(rows);
        for (name, value) in &self.evidence {
            let at = pointer("evidence", name);
            let text = match value {
                _ if !takes_an_answer(set, name) => Err(unknown()),
                value if is_blank(value) => Ok(None),
                Value::String(text) => Description::parse(text, EVIDENCE_MAX_CHARS).map(Some),
                _ => Err(wrong_type()),
            };
            let text = match text {
                Ok(text) => text.map(Description::into_string),
                Err(invalid) => {
                    errors.push(invalid.at(at));
                    continue;
                }
            };
            let answer = match answers.get(name) {
                Some((answer, _)) => answer.clone(),
                None => latest.get(name).cloned(),
            };
            match answer {
                Some(answer) => drop(answers.insert(name.clone(), (Some(answer), text))),
                // Evidence of nothing.
                None => errors.push(Invalid::required().at(pointer("answers", name))),
            }
        }
    }
}

/// Whether the ticket waits for a fix, and these answers say nothing else yet: a hold stands until a
/// rule decides otherwise, whatever is taken back or begun anew meanwhile (T09).
fn holds_on(ticket: &Ticket, outcome: &Run) -> bool {
    let word = ticket.playbook.as_ref();
    let is_held = word.is_some_and(|word| word.decision == PlaybookDecision::Hold);
    let by_rule = outcome.path.last().is_some_and(|step| step.rule.is_some());
    let decides = by_rule && outcome.outcome.decision != Decision::Continue;
    is_held && !decides
}

fn takes_an_answer(set: &Set, name: &str) -> bool {
    let check = set.check(&CheckCode::from(name));
    check.is_some_and(|check| !check.is_details())
}

impl Checked {
    /// The rows to append: what says nothing new leaves none.
    fn rows(
        &self,
        set: &Set,
        run: &PlaybookRun,
        known: &[GivenAnswer],
        staff: &Staff,
        now: Timestamp,
    ) -> Vec<GivenAnswer> {
        let is_of =
            |check: &str, playbook: &&Playbook| playbook.check(&CheckCode::from(check)).is_some();
        let mut rows = Vec::new();
        for (check, (answer, evidence)) in &self.answers {
            let last = known.iter().rfind(|row| row.check == *check);
            let says = last.and_then(|row| row.answer.as_ref());
            let rests = last.and_then(|row| row.evidence.as_ref());
            let is_known =
                says == answer.as_ref() && (evidence.is_none() || rests == evidence.as_ref());
            let playbook = set.playbooks().iter().find(|one| is_of(check, one));
            if let (false, Some(playbook)) = (is_known, playbook) {
                let code = playbook.code.as_str();
                rows.push(GivenAnswer {
                    playbook: code.into(),
                    version: run.pins.get(code).copied().unwrap_or(run.version),
                    check: check.clone(),
                    answer: answer.clone(),
                    evidence: evidence.clone(),
                    by: staff.account,
                    by_label: None,
                    at: now,
                });
            }
        }
        rows
    }
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        _ => false,
    }
}

fn pointer(list: &str, name: &str) -> String {
    format!("/{list}/{}", name.replace('~', "~0").replace('/', "~1"))
}

const fn unknown() -> Invalid {
    Invalid::new(
        "unknown-field",
        "Campo non previsto",
        "there is no such field",
    )
}

const fn wrong_type() -> Invalid {
    Invalid::new(
        "invalid-type",
        "Tipo di dato non valido",
        "a value of another type is expected",
    )
}
