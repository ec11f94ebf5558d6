//! What desks answered to playbooks: runs, the rows of their answers, and the values for the note.
//!
//! Answers are append-only: the last row of a check counts. Of a value only the last is kept, because
//! values name a person's papers. On PostgreSQL a desk sees its own runs and the region all of them;
//! the same is asked for here (ADR 0012).

use std::collections::BTreeMap;

use diesel::prelude::*;
use domain::codes::{AuthorityCode, PlaybookCode};
use domain::ids::{AccountId, TicketId, TicketNumber};
use domain::state::{PlaybookDecision, StateCode};
use jiff::Timestamp;

use crate::schema::{accounts, playbook_answers, playbook_runs, playbook_values, tickets};
use crate::sealed::Sealed;
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, dialect};

/// The versions a run keeps, by playbook.
pub type Pins = BTreeMap<String, i32>;

/// A desk's run through a playbook, in one leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaybookRun {
    /// The ticket.
    pub ticket: TicketId,
    /// Which of the ticket's runs, from 1.
    pub no: i32,
    /// The leg.
    pub leg: i32,
    /// The desk.
    pub desk: AuthorityCode,
    /// The playbook it began with.
    pub begun_with: PlaybookCode,
    /// The versions it keeps: all that were in force at its first answer.
    pub pins: Pins,
    /// The playbooks it passed through.
    pub path: Vec<String>,
    /// The playbook where it stands.
    pub playbook: PlaybookCode,
    /// Its version.
    pub version: i32,
    /// What it says now.
    pub decision: PlaybookDecision,
    /// What the note is to say besides, in the desk's own words.
    pub addition: Option<String>,
    /// When the first answer was given.
    pub started_at: Timestamp,
    /// Who gave it.
    pub started_by: AccountId,
    /// When a supervisor handed over against it.
    pub overridden_at: Option<Timestamp>,
    /// When the ticket was handed over after it.
    pub handed_over_at: Option<Timestamp>,
}

/// A row of answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenAnswer {
    /// The playbook the check is of.
    pub playbook: PlaybookCode,
    /// Its version.
    pub version: i32,
    /// The check.
    pub check: String,
    /// The answer; none took it back.
    pub answer: Option<String>,
    /// What it rests on, in the desk's own words.
    pub evidence: Option<String>,
    /// Who gave it.
    pub by: AccountId,
    /// Their name.
    pub by_label: Option<String>,
    /// When.
    pub at: Timestamp,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = playbook_runs, treat_none_as_default_value = false)]
struct RunRow {
    ticket_id: Id,
    no: i32,
    leg: i32,
    desk: String,
    begun_with: String,
    pins: String,
    path: String,
    playbook: String,
    version: i32,
    decision: String,
    addition: Option<Sealed>,
    started_at: Ts,
    started_by: Id,
    overridden_at: Option<Ts>,
    handed_over_at: Option<Ts>,
}

/// The columns that answers and the hand-over change.
#[derive(AsChangeset)]
#[diesel(table_name = playbook_runs, treat_none_as_null = true)]
struct Standing {
    path: String,
    playbook: String,
    version: i32,
    decision: String,
    addition: Option<Sealed>,
    overridden_at: Option<Ts>,
    handed_over_at: Option<Ts>,
}

/// Codes with a space around each, so that one is found and no other that begins alike.
fn path_column(path: &[String]) -> String {
    format!(" {} ", path.join(" "))
}

impl RunRow {
    fn into_run(self) -> Result<PlaybookRun, StoreError> {
        let id = format!("{}/{}", self.ticket_id.0, self.no);
        let corrupt = |column| StoreError::Corrupt {
            table: "playbook_runs",
            id: id.clone(),
            column,
        };
        Ok(PlaybookRun {
            ticket: TicketId::new(self.ticket_id.0),
            no: self.no,
            leg: self.leg,
            desk: self.desk.as_str().into(),
            begun_with: self.begun_with.as_str().into(),
            pins: serde_json::from_str(&self.pins).map_err(|_| corrupt("pins"))?,
            path: self.path.split_whitespace().map(str::to_owned).collect(),
            playbook: self.playbook.as_str().into(),
            version: self.version,
            decision: PlaybookDecision::from_code(&self.decision)
                .ok_or_else(|| corrupt("decision"))?,
            addition: self.addition.map(Sealed::open),
            started_at: self.started_at.0,
            started_by: AccountId::new(self.started_by.0),
            overridden_at: self.overridden_at.map(|at| at.0),
            handed_over_at: self.handed_over_at.map(|at| at.0),
        })
    }
}

/// Begins a run.
pub fn insert(conn: &mut DbConnection, run: &PlaybookRun) -> Result<(), StoreError> {
    let pins = serde_json::to_string(&run.pins).map_err(|_| StoreError::Corrupt {
        table: "playbook_runs",
        id: run.ticket.to_string(),
        column: "pins",
    })?;
    let row = RunRow {
        ticket_id: Id(run.ticket.uuid()),
        no: run.no,
        leg: run.leg,
        desk: run.desk.to_string(),
        begun_with: run.begun_with.to_string(),
        pins,
        path: path_column(&run.path),
        playbook: run.playbook.to_string(),
        version: run.version,
        decision: run.decision.as_str().to_owned(),
        addition: run.addition.clone().map(Sealed::new),
        started_at: Ts(run.started_at),
        started_by: Id(run.started_by.uuid()),
        overridden_at: run.overridden_at.map(Ts),
        handed_over_at: run.handed_over_at.map(Ts),
    };
    diesel::insert_into(playbook_runs::table)
        .values(row)
        .execute(conn)?;
    Ok(())
}

/// Writes where a run stands.
pub fn save(conn: &mut DbConnection, run: &PlaybookRun) -> Result<(), StoreError> {
    let row = playbook_runs::table.find((Id(run.ticket.uuid()), run.no));
    diesel::update(row)
        .set(Standing {
            path: path_column(&run.path),
            playbook: run.playbook.to_string(),
            version: run.version,
            decision: run.decision.as_str().to_owned(),
            addition: run.addition.clone().map(Sealed::new),
            overridden_at: run.overridden_at.map(Ts),
            handed_over_at: run.handed_over_at.map(Ts),
        })
        .execute(conn)?;
    Ok(())
}

/// A ticket's runs, or those of one desk, the newest first.
pub fn list(
    conn: &mut DbConnection,
    ticket: TicketId,
    desk: Option<&AuthorityCode>,
) -> Result<Vec<PlaybookRun>, StoreError> {
    let mut query = playbook_runs::table
        .filter(playbook_runs::ticket_id.eq(Id(ticket.uuid())))
        .order(playbook_runs::no.desc())
        .select(RunRow::as_select())
        .into_boxed();
    if let Some(desk) = desk {
        query = query.filter(playbook_runs::desk.eq(desk.to_string()));
    }
    let rows: Vec<RunRow> = query.load(conn)?;
    rows.into_iter().map(RunRow::into_run).collect()
}

#[derive(Insertable)]
#[diesel(table_name = playbook_answers, treat_none_as_default_value = false)]
struct AnswerRow {
    ticket_id: Id,
    run: i32,
    seq: i32,
    playbook: String,
    version: i32,
    check_code: String,
    answer: Option<String>,
    evidence: Option<Sealed>,
    account_id: Id,
    at: Ts,
}

/// Appends answers to a run that has `known` rows already.
pub fn append_answers(
    conn: &mut DbConnection,
    run: &PlaybookRun,
    known: i32,
    answers: &[GivenAnswer],
) -> Result<(), StoreError> {
    for (answer, seq) in answers.iter().zip(known + 1..) {
        let row = AnswerRow {
            ticket_id: Id(run.ticket.uuid()),
            run: run.no,
            seq,
            playbook: answer.playbook.to_string(),
            version: answer.version,
            check_code: answer.check.clone(),
            answer: answer.answer.clone(),
            evidence: answer.evidence.clone().map(Sealed::new),
            account_id: Id(answer.by.uuid()),
            at: Ts(answer.at),
        };
        diesel::insert_into(playbook_answers::table)
            .values(row)
            .execute(conn)?;
    }
    Ok(())
}

type AnswerColumns = (
    String,
    i32,
    String,
    Option<String>,
    Option<Sealed>,
    Id,
    Ts,
    Option<String>,
);

/// All rows of a run's answers, the oldest first.
pub fn list_answers(
    conn: &mut DbConnection,
    ticket: TicketId,
    run: i32,
) -> Result<Vec<GivenAnswer>, StoreError> {
    use playbook_answers as a;
    let rows: Vec<AnswerColumns> = a::table
        .left_join(accounts::table.on(accounts::id.eq(a::account_id)))
        .filter(a::ticket_id.eq(Id(ticket.uuid())))
        .filter(a::run.eq(run))
        .order(a::seq.asc())
        .select((
            a::playbook,
            a::version,
            a::check_code,
            a::answer,
            a::evidence,
            a::account_id,
            a::at,
            accounts::display_name.nullable(),
        ))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(
            |(playbook, version, check, answer, evidence, by, at, by_label)| GivenAnswer {
                playbook: playbook.as_str().into(),
                version,
                check,
                answer,
                evidence: evidence.map(Sealed::open),
                by: AccountId::new(by.0),
                by_label,
                at: at.0,
            },
        )
        .collect())
}

#[derive(Insertable)]
#[diesel(table_name = playbook_values, treat_none_as_default_value = false)]
struct ValueRow {
    ticket_id: Id,
    run: i32,
    value_name: String,
    value: Option<Sealed>,
    account_id: Id,
    at: Ts,
}

/// Keeps a value of a run in the place of the one before; none takes it back.
pub fn set_value(
    conn: &mut DbConnection,
    run: &PlaybookRun,
    name: &str,
    value: Option<&str>,
    by: AccountId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let row = ValueRow {
        ticket_id: Id(run.ticket.uuid()),
        run: run.no,
        value_name: name.to_owned(),
        value: value.map(Sealed::new),
        account_id: Id(by.uuid()),
        at: Ts(now),
    };
    let insert = diesel::insert_into(playbook_values::table).values(row);
    let keys = &["ticket_id", "run", "value_name"];
    dialect::upsert(insert, keys, &["value", "account_id", "at"]).execute(conn)?;
    Ok(())
}

/// A run's values by name.
pub fn list_values(
    conn: &mut DbConnection,
    ticket: TicketId,
    run: i32,
) -> Result<BTreeMap<String, String>, StoreError> {
    let rows: Vec<(String, Option<Sealed>)> = playbook_values::table
        .filter(playbook_values::ticket_id.eq(Id(ticket.uuid())))
        .filter(playbook_values::run.eq(run))
        .select((playbook_values::value_name, playbook_values::value))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?.open())))
        .collect())
}

/// Whether any ticket ever ran a playbook.
pub fn was_run(conn: &mut DbConnection, code: &PlaybookCode) -> Result<bool, StoreError> {
    let runs: i64 = playbook_runs::table
        .filter(dialect::contains(playbook_runs::path, &format!(" {code} ")))
        .count()
        .get_result(conn)?;
    Ok(runs > 0)
}

/// A run of a closed ticket, for a simulation.
#[derive(Debug, Clone)]
pub struct ClosedRun {
    /// The run.
    pub run: PlaybookRun,
    /// The ticket's number.
    pub number: TicketNumber,
    /// Its latest answers, by check.
    pub answers: BTreeMap<String, String>,
}

/// The last run of each of the `last` tickets closed most recently that ran a playbook.
pub fn list_closed(
    conn: &mut DbConnection,
    code: &PlaybookCode,
    last: i64,
) -> Result<Vec<ClosedRun>, StoreError> {
    let later = diesel::alias!(playbook_runs as later);
    let passed = format!(" {code} ");
    let is_superseded = diesel::dsl::exists(
        later
            .filter(
                later
                    .field(playbook_runs::ticket_id)
                    .eq(playbook_runs::ticket_id),
            )
            .filter(later.field(playbook_runs::no).gt(playbook_runs::no))
            .filter(dialect::contains(later.field(playbook_runs::path), &passed)),
    );
    let rows: Vec<(RunRow, String)> = playbook_runs::table
        .inner_join(tickets::table.on(tickets::id.eq(playbook_runs::ticket_id)))
        .filter(tickets::state.eq(StateCode::AutoClosed.as_str()))
        .filter(dialect::contains(playbook_runs::path, &passed))
        .filter(diesel::dsl::not(is_superseded))
        .order((tickets::updated_at.desc(), tickets::id.desc()))
        .limit(last)
        .select((RunRow::as_select(), tickets::number))
        .load(conn)?;
    let mut closed = Vec::with_capacity(rows.len());
    for (row, number) in rows {
        let run = row.into_run()?;
        let answers = latest(&list_answers(conn, run.ticket, run.no)?);
        closed.push(ClosedRun {
            run,
            number: TicketNumber::from_stored(number),
            answers,
        });
    }
    Ok(closed)
}

/// The answers that count, by check.
pub fn latest(rows: &[GivenAnswer]) -> BTreeMap<String, String> {
    let mut answers = BTreeMap::new();
    for row in rows {
        match &row.answer {
            Some(answer) => answers.insert(row.check.clone(), answer.clone()),
            None => answers.remove(&row.check),
        };
    }
    answers
}
