//! People who are to be called back, and the attempts. The number and what was said are sealed.

use diesel::prelude::*;
use domain::callback::{AttemptOutcome, CallbackState, HalfDay};
use domain::codes::AuthorityCode;
use domain::ids::{AccountId, CallbackId, TicketId, TicketNumber};
use domain::invalid::Lang;
use domain::phone::PhoneNumber;
use jiff::Timestamp;

use crate::deliveries::Keeper;
use crate::schema::{callback_attempts, callbacks, tickets};
use crate::sealing::{Place, SealedText, named_row};
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, dialect, trail};

/// Somebody who is to be called back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callback {
    /// Its id.
    pub id: CallbackId,
    /// Counts the changes; what clients send back.
    pub version: i64,
    /// The desk that calls.
    pub desk: AuthorityCode,
    /// Where.
    pub phone: PhoneNumber,
    /// What about.
    pub reason: String,
    /// The ticket it is about.
    pub ticket: Option<(TicketId, TicketNumber)>,
    /// From when they would like to be called.
    pub wished_from: Timestamp,
    /// Until when.
    pub wished_to: Timestamp,
    /// Whether they may get a text message instead, in the end.
    pub sms_allowed: bool,
    /// Its language.
    pub lang: Lang,
    /// Where it stands.
    pub state: CallbackState,
    /// Who put it into the queue.
    pub author: AccountId,
    /// When.
    pub created_at: Timestamp,
    /// When it was over.
    pub closed_at: Option<Timestamp>,
}

/// A try to reach somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// When.
    pub at: Timestamp,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// What the desk wants to remember of it.
    pub note: Option<String>,
    /// Who tried.
    pub author: AccountId,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = callbacks, treat_none_as_default_value = false)]
struct CallbackRow {
    id: Id,
    version: i64,
    desk: String,
    phone: SealedText,
    reason: SealedText,
    ticket_id: Option<Id>,
    wished_from: Ts,
    wished_to: Ts,
    sms_allowed: bool,
    lang: String,
    state: String,
    account_id: Id,
    created_at: Ts,
    closed_at: Option<Ts>,
}

/// Puts somebody into the queue.
pub fn insert(conn: &mut DbConnection, callback: &Callback) -> Result<(), StoreError> {
    let id = callback.id.uuid();
    let (place, desk) = (place(id.as_bytes()), callback.desk.as_str());
    let row = CallbackRow {
        id: Id(id),
        version: callback.version,
        desk: callback.desk.to_string(),
        phone: place.seal(desk, "phone", callback.phone.as_str())?,
        reason: place.seal(desk, "reason", &callback.reason)?,
        ticket_id: callback.ticket.as_ref().map(|(id, _)| Id(id.uuid())),
        wished_from: Ts(callback.wished_from),
        wished_to: Ts(callback.wished_to),
        sms_allowed: callback.sms_allowed,
        lang: callback.lang.code().to_owned(),
        state: callback.state.as_str().to_owned(),
        account_id: Id(callback.author.uuid()),
        created_at: Ts(callback.created_at),
        closed_at: callback.closed_at.map(Ts),
    };
    diesel::insert_into(callbacks::table)
        .values(row)
        .execute(conn)?;
    Ok(())
}

fn place(id: &[u8; 16]) -> Place<'_> {
    Place::new("callbacks", id)
}

/// One entry of the queue, if its keeper may see it.
pub fn find(
    conn: &mut DbConnection,
    keeper: &Keeper,
    id: CallbackId,
) -> Result<Option<Callback>, StoreError> {
    let mut query = callbacks::table
        .left_join(tickets::table.on(tickets::id.nullable().eq(callbacks::ticket_id)))
        .filter(callbacks::id.eq(Id(id.uuid())))
        .select((CallbackRow::as_select(), tickets::number.nullable()))
        .into_boxed();
    if let Keeper::Desk(code) = keeper {
        query = query.filter(callbacks::desk.eq(code.as_str().to_owned()));
    }
    let found = query
        .first::<(CallbackRow, Option<String>)>(conn)
        .optional()?;
    found.map(into_callback).transpose()
}

/// A page of the queue, by the time people wish, after the entry that the page before ended with.
pub fn list(
    conn: &mut DbConnection,
    keeper: &Keeper,
    state: Option<CallbackState>,
    after: Option<(Timestamp, CallbackId)>,
    limit: i64,
) -> Result<Vec<Callback>, StoreError> {
    let mut query = callbacks::table
        .left_join(tickets::table.on(tickets::id.nullable().eq(callbacks::ticket_id)))
        .select((CallbackRow::as_select(), tickets::number.nullable()))
        .into_boxed();
    if let Keeper::Desk(code) = keeper {
        query = query.filter(callbacks::desk.eq(code.as_str().to_owned()));
    }
    if let Some(state) = state {
        query = query.filter(callbacks::state.eq(state.as_str()));
    }
    if let Some((at, id)) = after {
        let keys = (callbacks::wished_from, callbacks::id);
        query = query.filter(dialect::after(keys, Ts(at), Id(id.uuid())));
    }
    let rows = query
        .order((callbacks::wished_from.asc(), callbacks::id.asc()))
        .limit(limit)
        .load::<(CallbackRow, Option<String>)>(conn)?;
    rows.into_iter().map(into_callback).collect()
}

/// Those who are to be called back about a ticket, the first one first.
pub fn list_about(conn: &mut DbConnection, ticket: TicketId) -> Result<Vec<Callback>, StoreError> {
    let rows = callbacks::table
        .left_join(tickets::table.on(tickets::id.nullable().eq(callbacks::ticket_id)))
        .filter(callbacks::ticket_id.eq(Some(Id(ticket.uuid()))))
        .order((callbacks::created_at.asc(), callbacks::id.asc()))
        .select((CallbackRow::as_select(), tickets::number.nullable()))
        .load::<(CallbackRow, Option<String>)>(conn)?;
    rows.into_iter().map(into_callback).collect()
}

/// The attempts of each of these, the first one first.
pub fn list_attempts(
    conn: &mut DbConnection,
    ids: &[CallbackId],
) -> Result<Vec<(CallbackId, Attempt)>, StoreError> {
    let ids: Vec<Id> = ids.iter().map(|id| Id(id.uuid())).collect();
    let rows = callback_attempts::table
        .filter(callback_attempts::callback_id.eq_any(ids))
        .order((
            callback_attempts::callback_id.asc(),
            callback_attempts::at.asc(),
        ))
        .select((
            callback_attempts::callback_id,
            callback_attempts::half_day,
            callback_attempts::at,
            callback_attempts::outcome,
            callback_attempts::note,
            callback_attempts::account_id,
        ))
        .load::<(Id, String, Ts, String, Option<SealedText>, Id)>(conn)?;
    rows.into_iter()
        .map(|(id, half_day, at, outcome, note, author)| {
            let key = named_row(id.0, &half_day);
            let note = Place::new("callback_attempts", &key).open_some("note", note.as_ref())?;
            let outcome =
                AttemptOutcome::from_code(&outcome).ok_or_else(|| StoreError::Corrupt {
                    table: "callback_attempts",
                    id: id.0.to_string(),
                    column: "outcome",
                })?;
            let attempt = Attempt {
                at: at.0,
                outcome,
                note,
                author: AccountId::new(author.0),
            };
            Ok((CallbackId::new(id.0), attempt))
        })
        .collect()
}

/// Notes an attempt; what was said is sealed with the key of `desk`, the entry's.
pub fn insert_attempt(
    conn: &mut DbConnection,
    desk: &AuthorityCode,
    callback: CallbackId,
    half_day: HalfDay,
    attempt: &Attempt,
) -> Result<(), StoreError> {
    let key = named_row(callback.uuid(), half_day.code().as_ref());
    let at = Place::new("callback_attempts", &key);
    let note = at.seal_some(desk.as_str(), "note", attempt.note.as_deref())?;
    diesel::insert_into(callback_attempts::table)
        .values((
            callback_attempts::callback_id.eq(Id(callback.uuid())),
            callback_attempts::half_day.eq(half_day.code()),
            callback_attempts::at.eq(Ts(attempt.at)),
            callback_attempts::outcome.eq(attempt.outcome.as_str()),
            callback_attempts::note.eq(note),
            callback_attempts::account_id.eq(Id(attempt.author.uuid())),
        ))
        .execute(conn)?;
    Ok(())
}

/// Says where an entry stands now, unless somebody changed it since version `was`.
pub fn save(
    conn: &mut DbConnection,
    id: CallbackId,
    state: CallbackState,
    was: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    let closed_at = (state != CallbackState::Waiting).then_some(Ts(now));
    let seen = callbacks::table
        .find(Id(id.uuid()))
        .filter(callbacks::version.eq(was));
    let changed = diesel::update(seen)
        .set((
            callbacks::state.eq(state.as_str()),
            callbacks::closed_at.eq(closed_at),
            callbacks::version.eq(was + 1),
        ))
        .execute(conn)?;
    match changed {
        0 => Err(StoreError::Stale),
        _ => Ok(()),
    }
}

fn into_callback((row, number): (CallbackRow, Option<String>)) -> Result<Callback, StoreError> {
    let corrupt = |column| StoreError::Corrupt {
        table: "callbacks",
        id: row.id.0.to_string(),
        column,
    };
    let number = number
        .map(|text| TicketNumber::parse(&text).ok_or_else(|| corrupt("ticket_id")))
        .transpose()?;
    let place = place(row.id.0.as_bytes());
    let phone = place.open("phone", &row.phone)?;
    if let Some(id) = row.ticket_id {
        trail::note_ticket(TicketId::new(id.0));
    }
    Ok(Callback {
        id: CallbackId::new(row.id.0),
        version: row.version,
        desk: row.desk.as_str().into(),
        reason: place.open("reason", &row.reason)?,
        ticket: row.ticket_id.map(|id| TicketId::new(id.0)).zip(number),
        wished_from: row.wished_from.0,
        wished_to: row.wished_to.0,
        sms_allowed: row.sms_allowed,
        lang: Lang::from_code(&row.lang).ok_or_else(|| corrupt("lang"))?,
        state: CallbackState::from_code(&row.state).ok_or_else(|| corrupt("state"))?,
        author: AccountId::new(row.account_id.0),
        created_at: row.created_at.0,
        closed_at: row.closed_at.map(|at| at.0),
        phone: PhoneNumber::from_stored(phone),
    })
}
