//! What desks answered to playbooks: runs, the rows of their answers, and the values for the note.
//!
//! Answers are append-only: the last row of a check counts. Of a value only the last is kept, because
//! values name a person's papers. On PostgreSQL a desk sees its own runs and the region all of them;
//! the same is asked for here (ADR 0012). What desks wrote, and the values, are sealed with their keys.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Text};
use domain::codes::{AuthorityCode, PlaybookCode};
use domain::ids::{AccountId, TicketId, TicketNumber};
use domain::state::{PlaybookDecision, StateCode};
use jiff::Timestamp;
use uuid::Uuid;

use crate::schema::{accounts, playbook_answers, playbook_runs, playbook_values, tickets};
use crate::sealing::{Place, SealedText, named_row, numbered_row};
use crate::sql_types::{Id, Instant, Ts};
use crate::{DbConnection, StoreError, dialect, trail};

/// The versions a run keeps, by playbook.
pub type Pins = BTreeMap<String, i32>;

/// A desk's run through a playbook, in one leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaybookRun {
    /// Its id.
    pub id: Uuid,
    /// The ticket.
    pub ticket: TicketId,
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
    id: Id,
    ticket_id: Id,
    leg: i32,
    desk: String,
    begun_with: String,
    pins: String,
    path: String,
    playbook: String,
    version: i32,
    decision: String,
    addition: Option<SealedText>,
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
    addition: Option<SealedText>,
    overridden_at: Option<Ts>,
    handed_over_at: Option<Ts>,
}

/// Codes with a space around each, so that one is found and no other that begins alike.
fn path_column(path: &[String]) -> String {
    format!(" {} ", path.join(" "))
}

fn place(run: &Uuid) -> Place<'_> {
    Place::new("playbook_runs", run.as_bytes())
}

fn sealed_addition(run: &PlaybookRun) -> Result<Option<SealedText>, StoreError> {
    place(&run.id).seal_some(run.desk.as_str(), "addition", run.addition.as_deref())
}

impl RunRow {
    fn into_run(self) -> Result<PlaybookRun, StoreError> {
        let id = self.id.0;
        let corrupt = |column| StoreError::Corrupt {
            table: "playbook_runs",
            id: id.to_string(),
            column,
        };
        let addition = place(&id).open_some("addition", self.addition.as_ref())?;
        Ok(PlaybookRun {
            id,
            ticket: TicketId::new(self.ticket_id.0),
            leg: self.leg,
            desk: self.desk.as_str().into(),
            begun_with: self.begun_with.as_str().into(),
            pins: serde_json::from_str(&self.pins).map_err(|_| corrupt("pins"))?,
            path: self.path.split_whitespace().map(str::to_owned).collect(),
            playbook: self.playbook.as_str().into(),
            version: self.version,
            decision: PlaybookDecision::from_code(&self.decision)
                .ok_or_else(|| corrupt("decision"))?,
            addition,
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
        id: Id(run.id),
        ticket_id: Id(run.ticket.uuid()),
        leg: run.leg,
        desk: run.desk.to_string(),
        begun_with: run.begun_with.to_string(),
        pins,
        path: path_column(&run.path),
        playbook: run.playbook.to_string(),
        version: run.version,
        decision: run.decision.as_str().to_owned(),
        addition: sealed_addition(run)?,
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
    let row = playbook_runs::table.find(Id(run.id));
    diesel::update(row)
        .set(Standing {
            path: path_column(&run.path),
            playbook: run.playbook.to_string(),
            version: run.version,
            decision: run.decision.as_str().to_owned(),
            addition: sealed_addition(run)?,
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
        .order((playbook_runs::started_at.desc(), playbook_runs::id.desc()))
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
    run_id: Id,
    seq: i32,
    playbook: String,
    version: i32,
    check_code: String,
    answer: Option<String>,
    evidence: Option<SealedText>,
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
        let key = numbered_row(run.id, seq.into());
        let evidence = Place::new("playbook_answers", &key).seal_some(
            run.desk.as_str(),
            "evidence",
            answer.evidence.as_deref(),
        )?;
        let row = AnswerRow {
            run_id: Id(run.id),
            seq,
            playbook: answer.playbook.to_string(),
            version: answer.version,
            check_code: answer.check.clone(),
            answer: answer.answer.clone(),
            evidence,
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
    i32,
    String,
    i32,
    String,
    Option<String>,
    Option<SealedText>,
    Id,
    Ts,
    Option<String>,
);

/// All rows of a run's answers, the oldest first.
pub fn list_answers(conn: &mut DbConnection, run: Uuid) -> Result<Vec<GivenAnswer>, StoreError> {
    use playbook_answers as a;
    let rows: Vec<AnswerColumns> = a::table
        .left_join(accounts::table.on(accounts::id.eq(a::account_id)))
        .filter(a::run_id.eq(Id(run)))
        .order(a::seq.asc())
        .select((
            a::seq,
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
    rows.into_iter()
        .map(
            |(seq, playbook, version, check, answer, evidence, by, at, by_label)| {
                let key = numbered_row(run, seq.into());
                Ok(GivenAnswer {
                    playbook: playbook.as_str().into(),
                    version,
                    check,
                    answer,
                    evidence: Place::new("playbook_answers", &key)
                        .open_some("evidence", evidence.as_ref())?,
                    by: AccountId::new(by.0),
                    by_label,
                    at: at.0,
                })
            },
        )
        .collect()
}

#[derive(Insertable)]
#[diesel(table_name = playbook_values, treat_none_as_default_value = false)]
struct ValueRow {
    run_id: Id,
    value_name: String,
    value: Option<SealedText>,
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
    let key = named_row(run.id, name);
    let value = Place::new("playbook_values", &key).seal_some(run.desk.as_str(), "value", value)?;
    let row = ValueRow {
        run_id: Id(run.id),
        value_name: name.to_owned(),
        value,
        account_id: Id(by.uuid()),
        at: Ts(now),
    };
    let insert = diesel::insert_into(playbook_values::table).values(row);
    let keys = &["run_id", "value_name"];
    dialect::upsert(insert, keys, &["value", "account_id", "at"]).execute(conn)?;
    Ok(())
}

/// A run's values by name.
pub fn list_values(
    conn: &mut DbConnection,
    run: Uuid,
) -> Result<BTreeMap<String, String>, StoreError> {
    let rows: Vec<(String, Option<SealedText>)> = playbook_values::table
        .filter(playbook_values::run_id.eq(Id(run)))
        .select((playbook_values::value_name, playbook_values::value))
        .load(conn)?;
    let mut values = BTreeMap::new();
    for (name, value) in rows {
        let key = named_row(run, &name);
        let value = Place::new("playbook_values", &key).open_some("value", value.as_ref())?;
        if let Some(value) = value {
            values.insert(name, value);
        }
    }
    Ok(values)
}

/// Whether any ticket ever ran a playbook.
pub fn was_run(conn: &mut DbConnection, code: &PlaybookCode) -> Result<bool, StoreError> {
    let runs = playbook_runs::table
        .filter(dialect::contains(playbook_runs::path, &format!(" {code} ")))
        .select(playbook_runs::id);
    Ok(diesel::select(diesel::dsl::exists(runs)).get_result(conn)?)
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
            .filter(
                later
                    .field(playbook_runs::started_at)
                    .gt(playbook_runs::started_at),
            )
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
        trail::note_ticket(run.ticket);
        let answers = latest(&list_answers(conn, run.id)?);
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

/// How often runs came to something: by playbook, version, desk and what came of them.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct RunCount {
    /// The playbook where they stand.
    #[diesel(sql_type = Text)]
    pub playbook: String,
    /// Its version.
    #[diesel(sql_type = Integer)]
    pub version: i32,
    /// The desk.
    #[diesel(sql_type = Text)]
    pub desk: String,
    /// What they decided.
    #[diesel(sql_type = Text)]
    pub decision: String,
    /// Whether a supervisor handed over against them.
    #[diesel(sql_type = Bool)]
    pub is_overridden: bool,
    /// Whether the ticket was handed over.
    #[diesel(sql_type = Bool)]
    pub is_handed_over: bool,
    /// Whether it came back to the same desk.
    #[diesel(sql_type = Bool)]
    pub came_back: bool,
    /// How many.
    #[diesel(sql_type = BigInt)]
    pub runs: i64,
}

/// How often a check has an answer.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct AnswerCount {
    /// The playbook the check is of.
    #[diesel(sql_type = Text)]
    pub playbook: String,
    /// Its version.
    #[diesel(sql_type = Integer)]
    pub version: i32,
    /// The check.
    #[diesel(sql_type = Text)]
    pub check_code: String,
    /// The answer that counts.
    #[diesel(sql_type = Text)]
    pub answer: String,
    /// How many.
    #[diesel(sql_type = BigInt)]
    pub runs: i64,
}

/// Counts the runs that began from `from` until `to`, of one desk or of all.
pub fn count_runs(
    conn: &mut DbConnection,
    from: Timestamp,
    to: Timestamp,
    desk: Option<&AuthorityCode>,
) -> Result<Vec<RunCount>, StoreError> {
    Ok(diesel::sql_query(
        "SELECT r.playbook, r.version, r.desk, r.decision, \
         r.overridden_at IS NOT NULL AS is_overridden, r.handed_over_at IS NOT NULL AS is_handed_over, \
         (r.handed_over_at IS NOT NULL AND EXISTS (SELECT 1 FROM legs WHERE legs.ticket_id = r.ticket_id \
         AND legs.no = r.leg + 1 AND legs.outcome = 'returned')) AS came_back, count(*) AS runs \
         FROM playbook_runs r WHERE r.started_at >= $1 AND r.started_at < $2 AND ($3 = '' OR r.desk = $3) \
         GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7",
    )
    .bind::<Instant, _>(Ts(from))
    .bind::<Instant, _>(Ts(to))
    .bind::<Text, _>(desk.map(ToString::to_string).unwrap_or_default())
    .load(conn)?)
}

/// Counts the answers that count in the same runs, by check.
pub fn count_answers(
    conn: &mut DbConnection,
    from: Timestamp,
    to: Timestamp,
    desk: Option<&AuthorityCode>,
) -> Result<Vec<AnswerCount>, StoreError> {
    Ok(diesel::sql_query(
        "SELECT a.playbook, a.version, a.check_code, a.answer, count(*) AS runs FROM playbook_answers a \
         JOIN playbook_runs r ON r.id = a.run_id \
         WHERE r.started_at >= $1 AND r.started_at < $2 AND ($3 = '' OR r.desk = $3) \
         AND a.answer IS NOT NULL AND NOT EXISTS (SELECT 1 FROM playbook_answers later \
         WHERE later.run_id = a.run_id AND later.check_code = a.check_code AND later.seq > a.seq) \
         GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4",
    )
    .bind::<Instant, _>(Ts(from))
    .bind::<Instant, _>(Ts(to))
    .bind::<Text, _>(desk.map(ToString::to_string).unwrap_or_default())
    .load(conn)?)
}
