//! Runs of retention: what is due is counted, taken away piece by piece, and proved.
//!
//! A run is a row, and what went is marked in the transaction in which it goes: whoever takes up a run
//! that a kill cut off finds what is left. More than is usual waits for a person.

use std::collections::BTreeMap;

use domain::codes::AuthorityCode;
use domain::ids::{RetentionRunId, TicketId};
use domain::invalid::Invalid;
use domain::retention::{Class, Schedule, Term, is_usual};
use domain::visibility::Scope;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use storage::blobs::BlobKey;
use storage::retention::{self, Due, Kind, Mark, classes_of};
use storage::retention_runs::{self, Run, RunState};
use storage::{DbConnection, dialect, job_runs};

use crate::action_form::not_in_list;
use crate::retention::Taken;
use crate::retention::proof::KeptPiece;
use crate::{Desk, DeskError};

/// Pieces looked for at once.
const PAGE: i64 = 100;
/// The job's name, by which its runs are noted.
pub const JOB: &str = "retention";

/// What somebody wants done.
#[derive(Debug, Clone, Default)]
pub struct RunOrder {
    /// Of one authority alone.
    pub authority: Option<String>,
    /// What is due by then; now, if nothing is said.
    pub at: Option<Timestamp>,
    /// A person has looked at what waits, and says that it may go.
    pub is_confirmed: bool,
}

/// How much is due of an authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// A request, a complaint, a contact or a call back.
    pub kind: String,
    /// What goes of it.
    pub class: String,
    /// Whose it is.
    pub authority: String,
    /// How many.
    pub count: i64,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunOutcome {
    /// Nothing was due.
    Nothing,
    /// The clock leapt, and mass actions wait.
    Paused,
    /// It is more than usual, and a person has to look.
    Waiting(Run),
    /// It was told to stop; whoever comes next goes on.
    Stopped(Run),
    /// It is over.
    Done(Run),
}

/// A schedule in the row of a run.
#[derive(Serialize, Deserialize)]
struct KeptSchedule {
    version: i64,
    identifier: String,
    contact: String,
    health_text: String,
    attachment: String,
    complaint: String,
}

/// What holds where while a run lasts; the empty code is for authorities unknown by now.
struct Schedules(BTreeMap<String, KeptSchedule>);

impl Schedules {
    fn of(&self, authority: &AuthorityCode) -> Result<Schedule, DeskError> {
        let own = self.0.get(authority.as_str()).or_else(|| self.0.get(""));
        let own = own.ok_or(DeskError::Broken("a run without schedules", None))?;
        let term = |text: &str| {
            Term::parse(text).ok_or(DeskError::Broken("a run with a term that is none", None))
        };
        Ok(Schedule {
            identifier: term(&own.identifier)?,
            contact: term(&own.contact)?,
            health_text: term(&own.health_text)?,
            attachment: term(&own.attachment)?,
            complaint: term(&own.complaint)?,
        })
    }

    /// When something had to be over for a class to be due by then.
    fn limits(
        &self,
        authority: &AuthorityCode,
        due_by: Timestamp,
    ) -> Result<Vec<(Class, Timestamp)>, DeskError> {
        let schedule = self.of(authority)?;
        let limit = |class: Class| (class, schedule.term(class).before(due_by));
        Ok(Class::ALL.map(limit).into())
    }
}

impl Desk {
    /// Counts what is due, and writes nothing.
    pub fn preview_retention(&self, order: &RunOrder) -> Result<Vec<Count>, DeskError> {
        let authority = self.authority_of(order)?;
        let due_by = order.at.unwrap_or(self.clock.now());
        self.db.read_snapshot_in(&Scope::System, |conn| {
            let schedules = self.schedules_in_force(conn)?;
            count_due(conn, &schedules, authority.as_ref(), due_by)
        })
    }

    /// The run of every night: once a day, or whenever one was cut off.
    pub fn run_nightly_retention(
        &self,
        is_stopping: &dyn Fn() -> bool,
    ) -> Result<RunOutcome, DeskError> {
        let today = self.today();
        let (open, ran) = self.db.read(|conn| {
            let open = retention_runs::find_open(conn)?;
            let jobs = job_runs::list(conn)?;
            let last = jobs.iter().find(|one| one.job == JOB);
            let ran = last.and_then(|one| one.succeeded_at);
            Ok::<_, DeskError>((open, ran))
        })?;
        let was_cut_off = open.is_some_and(|run| run.state == RunState::Running);
        if !was_cut_off && ran.is_some_and(|at| self.day_of(at) == today) {
            return Ok(RunOutcome::Nothing);
        }
        self.run_retention(&RunOrder::default(), is_stopping)
    }

    /// Takes away what is due, or goes on where a run was cut off.
    pub fn run_retention(
        &self,
        order: &RunOrder,
        is_stopping: &dyn Fn() -> bool,
    ) -> Result<RunOutcome, DeskError> {
        if self.db.read(job_runs::find_pause)?.is_some() {
            return Ok(RunOutcome::Paused);
        }
        let Some(run) = self.begin_run(order)? else {
            return Ok(RunOutcome::Nothing);
        };
        if run.state == RunState::Waiting {
            tracing::warn!(
                run.id = %run.id,
                run.due = run.due,
                run.in_stock = run.in_stock,
                "retention would take more than usual: it waits for somebody to confirm it"
            );
            return Ok(RunOutcome::Waiting(run));
        }
        let mut kept = Vec::new();
        if !self.take_due(&run, &mut kept, is_stopping)? {
            return Ok(RunOutcome::Stopped(run));
        }
        let done = self.prove_run(&run, kept)?;
        tracing::info!(run.id = %done.id, "retention is done");
        Ok(RunOutcome::Done(done))
    }

    /// Deletes the bytes of files that went; those that cannot be reached now go with the next try.
    pub async fn delete_retired_files(&self) -> Result<usize, DeskError> {
        let mut gone = 0;
        loop {
            let page = self.db.read_in(&Scope::System, |conn| {
                Ok::<_, DeskError>(retention::list_waiting_blobs(conn, PAGE)?)
            })?;
            if page.is_empty() {
                return Ok(gone);
            }
            for text in page {
                let key = BlobKey::parse(&text)
                    .map_err(|error| DeskError::broken("the key of a file", error))?;
                self.blobs.delete(&key).await?;
                let now = self.clock.now();
                self.db
                    .write(move |conn| retention::set_deleted(conn, &text, now))?;
                gone += 1;
            }
        }
    }

    fn authority_of(&self, order: &RunOrder) -> Result<Option<AuthorityCode>, DeskError> {
        let Some(text) = &order.authority else {
            return Ok(None);
        };
        let known = self.reference.authority_any(text);
        let unknown = || DeskError::Invalid(vec![not_in_list().at("/authority_code")]);
        Ok(Some(known.ok_or_else(unknown)?.code.clone()))
    }

    fn schedules_in_force(&self, conn: &mut DbConnection) -> Result<Schedules, DeskError> {
        let views = self.schedules_now(conn)?;
        let kept = views.into_iter().map(|view| {
            let terms = view.schedule;
            let code = view
                .authority
                .map_or_else(String::new, |code| code.to_string());
            let kept = KeptSchedule {
                version: view.set.map_or(0, |set| set.version),
                identifier: terms.identifier.to_string(),
                contact: terms.contact.to_string(),
                health_text: terms.health_text.to_string(),
                attachment: terms.attachment.to_string(),
                complaint: terms.complaint.to_string(),
            };
            (code, kept)
        });
        Ok(Schedules(kept.collect()))
    }

    /// The run that is not over, or a new one; none if nothing is due.
    fn begin_run(&self, order: &RunOrder) -> Result<Option<Run>, DeskError> {
        let authority = self.authority_of(order)?;
        let (desk, order) = (self.clone(), order.clone());
        self.db.write_in(&Scope::System, move |conn| {
            let now = desk.clock.now();
            if order.at.is_some_and(|at| at > now) {
                return Err(DeskError::Invalid(vec![not_yet().at("/at")]));
            }
            dialect::follow_each_other(conn, "retention-runs")
                .map_err(storage::StoreError::from)?;
            let open = retention_runs::find_open(conn)?;
            if let Some(run) = open.as_ref().filter(|run| run.state == RunState::Running) {
                return Ok(Some(run.clone()));
            }
            let authority = match &open {
                Some(run) => run.authority.clone(),
                None => authority,
            };
            let due_by = order.at.unwrap_or(now);
            let schedules = desk.schedules_in_force(conn)?;
            let counts = count_due(conn, &schedules, authority.as_ref(), due_by)?;
            let due = most_of_each(&counts);
            let in_stock = retention::count_in_stock(conn, authority.as_ref())?;
            let rules = desk.settings.retention;
            let may_go = order.is_confirmed
                || is_usual(due, in_stock, rules.most_percent, rules.always_up_to);
            let run = Run {
                id: RetentionRunId::new(open.as_ref().map_or(desk.ids.uuid(), |run| run.id.uuid())),
                state: if may_go {
                    RunState::Running
                } else {
                    RunState::Waiting
                },
                due_by,
                authority,
                node: desk.node.clone(),
                started_at: open.as_ref().map_or(now, |run| run.started_at),
                schedules: serde_json::to_string(&schedules.0)
                    .map_err(|error| DeskError::broken("the schedules of a run", error))?,
                due,
                in_stock,
                confirmed_at: order.is_confirmed.then_some(now),
                proof: None,
            };
            match open {
                None if due == 0 => return Ok(None),
                None => retention_runs::insert(conn, &run)?,
                Some(_) => {
                    if order.is_confirmed {
                        retention_runs::confirm(conn, run.id, now)?;
                    }
                    retention_runs::recount(conn, &run)?;
                }
            }
            Ok(Some(run))
        })
    }

    /// Takes away all that is due; `false` if it was told to stop before.
    fn take_due(
        &self,
        run: &Run,
        kept: &mut Vec<KeptPiece>,
        is_stopping: &dyn Fn() -> bool,
    ) -> Result<bool, DeskError> {
        let schedules = Schedules(
            serde_json::from_str(&run.schedules)
                .map_err(|error| DeskError::broken("the schedules of a run", error))?,
        );
        let authorities = self
            .db
            .read_in(&Scope::System, retention::list_authorities)?;
        let is_meant = |code: &AuthorityCode| run.authority.as_ref().is_none_or(|one| one == code);
        for authority in authorities.into_iter().filter(is_meant) {
            let limits = schedules.limits(&authority, run.due_by)?;
            for kind in Kind::ALL {
                let mut after = None;
                loop {
                    let page = self.db.read_in(&Scope::System, |conn| {
                        retention::list_due(conn, kind, &authority, &limits, after, PAGE)
                    })?;
                    for due in &page {
                        if is_stopping() {
                            return Ok(false);
                        }
                        kept.extend(self.take_piece(run, due, &authority, &limits));
                    }
                    match page.last() {
                        Some(last) => after = Some(last.subject),
                        None => break,
                    }
                }
            }
        }
        Ok(true)
    }

    /// Takes one piece away in a transaction of its own; the answer is why it stays, if it does. One that
    /// cannot be done is told in the proof, holds nobody up, and is due again with the next run.
    fn take_piece(
        &self,
        run: &Run,
        due: &Due,
        authority: &AuthorityCode,
        limits: &[(Class, Timestamp)],
    ) -> Option<KeptPiece> {
        let (desk, id) = (self.clone(), run.id.uuid());
        let (piece, limits, authority) = (due.clone(), limits.to_vec(), authority.clone());
        let taken = self.db.write_in(&Scope::System, move |conn| {
            let now = desk.clock.now();
            match (piece.kind, classes_of(piece.kind)) {
                (Kind::Ticket, _) => {
                    desk.forget_ticket(conn, id, TicketId::new(piece.subject), &limits, now)
                }
                (_, [class]) => {
                    let mark = Mark {
                        kind: piece.kind,
                        subject: piece.subject,
                        named: named(&piece),
                        authority,
                        class: *class,
                    };
                    desk.forget_other(conn, id, mark, now)
                }
                _ => Err(DeskError::Broken("a kind without a class", None)),
            }
        });
        let reason = match taken {
            Ok(Taken::Gone(_) | Taken::NotDue) => return None,
            Ok(Taken::Kept(kept)) => kept.as_str(),
            Err(error) => {
                tracing::error!(
                    retention.kind = due.kind.as_str(),
                    retention.subject = %due.subject,
                    error = error.as_cause(),
                    "something whose time is over could not be taken away"
                );
                "failed"
            }
        };
        Some(KeptPiece {
            kind: due.kind.as_str().to_owned(),
            named: named(due),
            reason: reason.to_owned(),
        })
    }
}

/// What people call it: a number, or the id of what has none.
fn named(due: &Due) -> String {
    match due.kind {
        Kind::Ticket | Kind::Complaint => due.named.clone(),
        Kind::Contact | Kind::Callback => due.subject.to_string(),
    }
}

fn count_due(
    conn: &mut DbConnection,
    schedules: &Schedules,
    authority: Option<&AuthorityCode>,
    due_by: Timestamp,
) -> Result<Vec<Count>, DeskError> {
    let mut counts = Vec::new();
    let authorities = retention::list_authorities(conn)?;
    let is_meant = |code: &AuthorityCode| authority.is_none_or(|one| one == code);
    for code in authorities.into_iter().filter(is_meant) {
        let limits = schedules.limits(&code, due_by)?;
        for kind in Kind::ALL {
            for (class, over_by) in &limits {
                if !classes_of(kind).contains(class) {
                    continue;
                }
                let count = retention::count_due(conn, kind, &code, *class, *over_by)?;
                if count > 0 {
                    counts.push(Count {
                        kind: kind.as_str().to_owned(),
                        class: class.as_str().to_owned(),
                        authority: code.to_string(),
                        count,
                    });
                }
            }
        }
    }
    Ok(counts)
}

/// How many things are touched: of each kind and authority the class that most lose.
fn most_of_each(counts: &[Count]) -> i64 {
    let mut most: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for one in counts {
        let seen = most.entry((&one.kind, &one.authority)).or_default();
        *seen = one.count.max(*seen);
    }
    most.values().sum()
}

const fn not_yet() -> Invalid {
    Invalid::new(
        "in-the-future",
        "È nel futuro: si può solo contare (dry run)",
        "it is in the future: that can only be counted (dry run)",
    )
}
