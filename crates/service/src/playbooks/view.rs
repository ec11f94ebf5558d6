//! What a desk sees of a ticket's playbook: checks and answers, what they lead to, and the note that
//! goes with it.

use std::collections::BTreeMap;

use domain::actor::Staff;
use domain::ids::{TicketId, TicketRef};
use domain::invalid::{Lang, Text};
use domain::note::Audience;
use domain::state::PlaybookDecision;
use domain::ticket::Ticket;
use domain::visibility::{Scope, View, view_of};
use escalation::playbook::{
    AnswerCode, Answers, Check, DraftedNote, Playbook, Run, Set, Unmet, ValueName, ValueRule,
    Values,
};
use jiff::Timestamp;
use storage::DbConnection;
use storage::playbook_runs::{self, GivenAnswer, Pins, PlaybookRun};
use storage::tickets::{self, Dossier};

use super::{Opened, kept, present_leg, startable};
use crate::labels::Labelled;
use crate::screen::AllowedAction;
use crate::{Desk, DeskError};

/// A playbook by name.
#[derive(Debug, Clone)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct PlaybookHead {
    pub code: String,
    pub version: i32,
    pub label: Text,
    pub purpose: Text,
}

/// What is shown of a ticket's playbook.
pub struct PlaybookScreen {
    /// The ticket.
    pub ticket: TicketId,
    /// Its number.
    pub number: String,
    /// Its version; a past custodian is told the one it left.
    pub version: i64,
    /// The playbook begun with, or the usual one; none if none governs the ticket, or if the reader
    /// has no custody.
    pub playbook: Option<PlaybookHead>,
    /// Those that may be begun with instead.
    pub others: Vec<PlaybookHead>,
    /// Whether the reader may answer.
    pub may_answer: bool,
    /// The present run; before the first answer as it would begin.
    pub run: Option<RunView>,
    /// Runs that are over, the newest first.
    pub earlier: Vec<RunView>,
    /// What the reader may do to the ticket.
    pub allowed_actions: Vec<AllowedAction>,
}

/// A run.
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct RunView {
    pub begun_with: PlaybookHead,
    pub desk: Labelled,
    pub started_at: Option<Timestamp>,
    pub handed_over_at: Option<Timestamp>,
    pub overridden_at: Option<Timestamp>,
    pub checks: Vec<CheckView>,
    pub values: Vec<ValueView>,
    pub addition: Option<String>,
    pub decision: PlaybookDecision,
    pub why: Vec<Text>,
    pub reason: Option<&'static str>,
    pub resolution: Option<&'static str>,
    pub follow_up: Option<Text>,
    pub next_checks: Vec<String>,
    pub unmet: Vec<Unmet>,
    pub note: Option<NoteView>,
}

/// A check with its answer.
pub struct CheckView {
    /// The playbook and version it is of.
    pub playbook: PlaybookHead,
    /// The check.
    pub check: Check,
    /// The answer that counts.
    pub answer: Option<AnswerCode>,
    /// Whether it follows from what was answered elsewhere.
    pub is_carried: bool,
    /// The row it was given in.
    pub given: Option<GivenAnswer>,
}

/// A value that is asked for.
pub struct ValueView {
    /// What it looks like.
    pub rule: ValueRule,
    /// What was given.
    pub value: Option<String>,
}

/// The note that goes with a decision.
pub struct NoteView {
    /// The whole text, the addition included; none while something is missing.
    pub body: Option<String>,
    /// Who will read it.
    pub audience: Audience,
    /// Values still missing.
    pub missing: Vec<ValueName>,
    /// Those of them of which one is enough.
    pub one_of: Vec<ValueName>,
    /// Values that are no good any more.
    pub invalid: Vec<domain::invalid::FieldError>,
}

impl Desk {
    /// A ticket's playbook, as far as the reader sees it: its custodian what it answers now, a past
    /// one what it answered, and the region what was answered before a hand-over.
    pub fn show_playbook(
        &self,
        staff: &Staff,
        wanted: &TicketRef,
    ) -> Result<PlaybookScreen, DeskError> {
        let scope = Scope::of(staff);
        self.db.read_snapshot_in(&scope, |conn| {
            let found = tickets::find(conn, &scope, wanted)?;
            let (ticket, dossier) = found.ok_or(DeskError::NotFound)?;
            self.playbook_screen(conn, &ticket, &dossier, staff)
        })
    }

    pub(super) fn playbook_screen(
        &self,
        conn: &mut DbConnection,
        ticket: &Ticket,
        dossier: &Dossier,
        staff: &Staff,
    ) -> Result<PlaybookScreen, DeskError> {
        let view = view_of(ticket, &Scope::of(staff)).ok_or(DeskError::NotFound)?;
        let is_custodian = ticket.custodian.code == staff.authority;
        let mut screen = PlaybookScreen {
            ticket: ticket.id,
            number: ticket.number.to_string(),
            version: match view {
                View::Until(seq) => seq,
                _ => ticket.version,
            },
            playbook: None,
            others: Vec::new(),
            may_answer: is_custodian && ticket.state.code().is_open(),
            run: None,
            earlier: Vec::new(),
            allowed_actions: Vec::new(),
        };
        let reads_all = matches!(view, View::Region);
        let own = (!reads_all).then_some(&staff.authority);
        let mut present = None;
        for run in playbook_runs::list(conn, ticket.id, own)? {
            let is_own = run.desk == staff.authority;
            let is_present = is_custodian && is_own && run.leg == present_leg(ticket);
            if is_present && present.is_none() {
                present = Some(run);
            } else if is_own || run.handed_over_at.is_some() {
                let opened = self.open_run(conn, run)?;
                screen.earlier.push(self.run_view(conn, &opened, dossier)?);
            }
        }
        if is_custodian {
            let begun = match present {
                Some(run) => Some(self.open_run(conn, run)?),
                None => self.run_to_begin(conn, ticket, staff)?,
            };
            if let Some(opened) = begun {
                let code = opened.run.begun_with.as_str();
                let heads = startable(&opened.set, ticket).into_iter();
                screen.others = heads
                    .filter(|playbook| playbook.code.as_str() != code)
                    .map(|playbook| head(playbook, &opened.run.pins))
                    .collect();
                let run = self.run_view(conn, &opened, dossier)?;
                screen.playbook = Some(run.begun_with.clone());
                screen.run = Some(run);
            }
        }
        screen.may_answer &= screen.run.is_some();
        let verdict = self.governance(conn, ticket, None)?;
        screen.allowed_actions = match view {
            View::Until(_) => Vec::new(),
            _ => self.allowed_actions(ticket, staff, &verdict),
        };
        Ok(screen)
    }

    /// The usual playbook as it would be begun, if one governs the ticket.
    fn run_to_begin(
        &self,
        conn: &mut DbConnection,
        ticket: &Ticket,
        staff: &Staff,
    ) -> Result<Option<Opened>, DeskError> {
        let pins = self.pins_in_force(conn)?;
        let set = self.set_of(conn, &pins)?;
        let Some(usual) = startable(&set, ticket).into_iter().next() else {
            return Ok(None);
        };
        let run = self.new_run(ticket, staff, pins, usual, self.clock.now())?;
        let outcome = set.run(usual, &Answers::new());
        Ok(Some(Opened {
            run,
            set: set.clone(),
            rows: Vec::new(),
            outcome,
        }))
    }

    fn run_view(
        &self,
        conn: &mut DbConnection,
        opened: &Opened,
        dossier: &Dossier,
    ) -> Result<RunView, DeskError> {
        let Opened {
            run,
            set,
            rows,
            outcome,
        } = opened;
        // A run that nobody began has no rows, and so no values.
        let is_begun = !rows.is_empty() || run.handed_over_at.is_some();
        let values = playbook_runs::list_values(conn, run.id)?;
        let given: Values = values
            .iter()
            .map(|(name, value)| (ValueName::from(name.as_str()), value.clone()))
            .collect();
        let start = set.get(&run.begun_with.as_str().into());
        let begun_with = start.map(|playbook| head(playbook, &run.pins));
        Ok(RunView {
            begun_with: begun_with.ok_or(super::broken("a run without its playbook"))?,
            desk: self.authority_label(&run.desk),
            started_at: (is_begun || !values.is_empty()).then_some(run.started_at),
            handed_over_at: run.handed_over_at,
            overridden_at: run.overridden_at,
            checks: checks_of(set, outcome, rows, &run.pins),
            values: values_of(set, outcome, &values),
            addition: run.addition.clone(),
            decision: kept(outcome.outcome.decision),
            why: reasons_of(set, outcome),
            reason: outcome.outcome.reason.map(|reason| reason.as_str()),
            resolution: outcome.outcome.resolution.map(|code| code.as_str()),
            follow_up: outcome.outcome.follow_up.clone(),
            next_checks: outcome
                .next_checks
                .iter()
                .map(ToString::to_string)
                .collect(),
            unmet: outcome.unmet.clone(),
            note: draft_of(set, outcome, run, &given, dossier.details.lang),
        })
    }
}

fn head(playbook: &Playbook, pins: &Pins) -> PlaybookHead {
    PlaybookHead {
        code: playbook.code.to_string(),
        version: pins.get(playbook.code.as_str()).copied().unwrap_or(1),
        label: playbook.label.clone(),
        purpose: playbook.purpose.clone(),
    }
}

/// The checks of all playbooks passed through, in the order they are asked.
fn checks_of(set: &Set, run: &Run, rows: &[GivenAnswer], pins: &Pins) -> Vec<CheckView> {
    let mut checks = Vec::new();
    for step in &run.path {
        let Some(playbook) = set.get(&step.playbook) else {
            continue;
        };
        for check in &playbook.checks {
            let last = rows.iter().rfind(|row| row.check == check.code.as_str());
            let given = last.filter(|row| row.answer.is_some());
            let answer = step.answers.get(&check.code);
            let own = given.and_then(|row| row.answer.as_deref());
            checks.push(CheckView {
                playbook: head(playbook, pins),
                check: check.clone(),
                answer: answer.cloned(),
                is_carried: answer.is_some() && answer.map(AnswerCode::as_str) != own,
                given: given.cloned(),
            });
        }
    }
    checks
}

/// The values that the playbooks passed through ask for.
fn values_of(set: &Set, run: &Run, given: &BTreeMap<String, String>) -> Vec<ValueView> {
    let mut values: Vec<ValueView> = Vec::new();
    let playbooks = run.path.iter().filter_map(|step| set.get(&step.playbook));
    for rule in playbooks.flat_map(|playbook| &playbook.values) {
        if !values.iter().any(|known| known.rule.name == rule.name) {
            values.push(ValueView {
                rule: rule.clone(),
                value: given.get(rule.name.as_str()).cloned(),
            });
        }
    }
    values
}

/// Why the run came where it is, playbook by playbook.
fn reasons_of(set: &Set, run: &Run) -> Vec<Text> {
    let mut why: Vec<Text> = run
        .path
        .iter()
        .rev()
        .skip(1)
        .rev()
        .filter_map(|step| {
            let playbook = set.get(&step.playbook)?;
            let outcome = match step.rule {
                Some(place) => &playbook.rules.get(place)?.outcome,
                None => &playbook.undecided,
            };
            Some(outcome.why.clone())
        })
        .collect();
    why.push(run.outcome.why.clone());
    why
}

/// The drafted note with the desk's addition. The citizen reads it in their own language, desks in
/// Italian.
fn draft_of(
    set: &Set,
    outcome: &Run,
    run: &PlaybookRun,
    values: &Values,
    citizen: Lang,
) -> Option<NoteView> {
    let note = set.draft(outcome, values, Lang::It)?;
    let note = match note.audience {
        Audience::Citizen => set.draft(outcome, values, citizen)?,
        _ => note,
    };
    let addition = run.addition.as_deref().unwrap_or_default();
    // An addition was measured when it was kept.
    let body = note.with_addition(addition).ok().flatten();
    let DraftedNote {
        audience,
        missing,
        one_of,
        invalid,
        ..
    } = note;
    Some(NoteView {
        body,
        audience,
        missing,
        one_of,
        invalid,
    })
}
