//! Erasures of somebody's data: who asked and approved, what became of each ticket and why, and which
//! texts name the person still. Ids and places only; the words that are looked for are sealed, and gone
//! once they were (`docs/adr/0038`).

use diesel::prelude::*;
use domain::ids::{AccountId, ErasureId, MentionId, SubjectRequestId, TicketId, TicketNumber};
use domain::subject_request::{ErasureOutcome, ErasureState, KeptReason, MentionPlace};
use jiff::Timestamp;
use uuid::Uuid;

use crate::keyring::INSTALLATION;
use crate::schema::{erasure_items, erasure_mentions, erasures, tickets};
use crate::sealing::{Place, SealedText};
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, dialect};

/// An erasure. No `Debug`: its words name a person.
#[derive(Clone)]
pub struct Erasure {
    /// Its id.
    pub id: ErasureId,
    /// The request it answers.
    pub request: SubjectRequestId,
    /// How far it is.
    pub state: ErasureState,
    /// Who asked for it, and when.
    pub asked: (AccountId, Timestamp),
    /// Who approved it, and when.
    pub approved: Option<(AccountId, Timestamp)>,
    /// What names the person, while it is under way.
    pub words: Option<Vec<String>>,
    /// Where the search of texts goes on.
    pub scanned: Option<String>,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
}

/// What became of a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Which.
    pub ticket: TicketId,
    /// Its number.
    pub number: TicketNumber,
    /// What was done.
    pub outcome: ErasureOutcome,
    /// Why it was kept.
    pub reason: Option<KeptReason>,
    /// When.
    pub at: Timestamp,
}

/// A place where a free text names the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// Its id.
    pub id: MentionId,
    /// What sort of text.
    pub place: MentionPlace,
    /// The row it stands in: that of the ticket, contact, call back, activity, comment or complaint.
    pub subject: Uuid,
    /// The entry of the ticket's history, for a note; else 0.
    pub seq: i64,
    /// The ticket it belongs to, if any.
    pub ticket: Option<TicketId>,
    /// When it was found.
    pub found_at: Timestamp,
    /// Who looked at it, and when.
    pub reviewed: Option<(AccountId, Timestamp)>,
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = erasures, treat_none_as_default_value = false, treat_none_as_null = true)]
struct Row {
    id: Id,
    request_id: Id,
    state: String,
    asked_by: Id,
    asked_at: Ts,
    approved_by: Option<Id>,
    approved_at: Option<Ts>,
    words: Option<SealedText>,
    scanned: Option<String>,
    ended_at: Option<Ts>,
}

/// Notes that an erasure was asked for.
pub fn insert(conn: &mut DbConnection, erasure: &Erasure) -> Result<(), StoreError> {
    diesel::insert_into(erasures::table)
        .values(row_of(erasure)?)
        .execute(conn)?;
    Ok(())
}

/// Writes an erasure as it is now, if it still was in this state.
pub fn save(
    conn: &mut DbConnection,
    erasure: &Erasure,
    was: ErasureState,
) -> Result<(), StoreError> {
    let seen = erasures::table
        .find(Id(erasure.id.uuid()))
        .filter(erasures::state.eq(was.as_str()));
    match diesel::update(seen).set(row_of(erasure)?).execute(conn)? {
        0 => Err(StoreError::Stale),
        _ => Ok(()),
    }
}

/// One erasure.
pub fn find(conn: &mut DbConnection, id: ErasureId) -> Result<Option<Erasure>, StoreError> {
    let found = erasures::table
        .find(Id(id.uuid()))
        .select(Row::as_select())
        .first::<Row>(conn)
        .optional()?;
    found.map(into_erasure).transpose()
}

/// The erasures that answer a request, the first one first.
pub fn list_of(
    conn: &mut DbConnection,
    request: SubjectRequestId,
) -> Result<Vec<Erasure>, StoreError> {
    let rows = erasures::table
        .filter(erasures::request_id.eq(Id(request.uuid())))
        .order((erasures::asked_at.asc(), erasures::id.asc()))
        .select(Row::as_select())
        .load::<Row>(conn)?;
    rows.into_iter().map(into_erasure).collect()
}

/// Keeps what became of a ticket; what was kept before stays.
pub fn add_item(
    conn: &mut DbConnection,
    erasure: ErasureId,
    ticket: TicketId,
    kept: Option<KeptReason>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let outcome = match kept {
        Some(_) => ErasureOutcome::Kept,
        None => ErasureOutcome::Erased,
    };
    let insert = diesel::insert_into(erasure_items::table).values((
        erasure_items::erasure_id.eq(Id(erasure.uuid())),
        erasure_items::ticket_id.eq(Id(ticket.uuid())),
        erasure_items::outcome.eq(outcome.as_str()),
        erasure_items::reason.eq(kept.map(KeptReason::as_str)),
        erasure_items::at.eq(Ts(now)),
    ));
    dialect::insert_if_absent(insert, &["erasure_id", "ticket_id"]).execute(conn)?;
    Ok(())
}

/// What became of the tickets, by number.
pub fn list_items(conn: &mut DbConnection, erasure: ErasureId) -> Result<Vec<Item>, StoreError> {
    let rows = erasure_items::table
        .inner_join(tickets::table.on(tickets::id.eq(erasure_items::ticket_id)))
        .filter(erasure_items::erasure_id.eq(Id(erasure.uuid())))
        .order(tickets::number.asc())
        .select((
            erasure_items::ticket_id,
            tickets::number,
            erasure_items::outcome,
            erasure_items::reason,
            erasure_items::at,
        ))
        .load::<(Id, String, String, Option<String>, Ts)>(conn)?;
    rows.into_iter()
        .map(|(ticket, number, outcome, reason, at)| {
            let corrupt = |column| StoreError::Corrupt {
                table: "erasure_items",
                id: format!("{erasure}/{}", ticket.0),
                column,
            };
            Ok(Item {
                ticket: TicketId::new(ticket.0),
                number: TicketNumber::from_stored(number),
                outcome: ErasureOutcome::from_code(&outcome).ok_or_else(|| corrupt("outcome"))?,
                reason: match reason {
                    Some(code) => {
                        Some(KeptReason::from_code(&code).ok_or_else(|| corrupt("reason"))?)
                    }
                    None => None,
                },
                at: at.0,
            })
        })
        .collect()
}

/// Notes where a text names the person; what was noted before stays.
pub fn add_mention(
    conn: &mut DbConnection,
    erasure: ErasureId,
    mention: &Mention,
) -> Result<(), StoreError> {
    let insert = diesel::insert_into(erasure_mentions::table).values((
        erasure_mentions::id.eq(Id(mention.id.uuid())),
        erasure_mentions::erasure_id.eq(Id(erasure.uuid())),
        erasure_mentions::place.eq(mention.place.as_str()),
        erasure_mentions::subject.eq(Id(mention.subject)),
        erasure_mentions::seq.eq(mention.seq),
        erasure_mentions::ticket_id.eq(mention.ticket.map(|id| Id(id.uuid()))),
        erasure_mentions::found_at.eq(Ts(mention.found_at)),
        erasure_mentions::reviewed_by.eq(None::<Id>),
        erasure_mentions::reviewed_at.eq(None::<Ts>),
    ));
    dialect::insert_if_absent(insert, &["erasure_id", "place", "subject", "seq"]).execute(conn)?;
    Ok(())
}

type MentionColumns = (Id, String, Id, i64, Option<Id>, Ts, Option<Id>, Option<Ts>);

/// Where texts name the person, in the order they were found.
pub fn list_mentions(
    conn: &mut DbConnection,
    erasure: ErasureId,
) -> Result<Vec<Mention>, StoreError> {
    let rows = erasure_mentions::table
        .filter(erasure_mentions::erasure_id.eq(Id(erasure.uuid())))
        .order(erasure_mentions::id.asc())
        .select((
            erasure_mentions::id,
            erasure_mentions::place,
            erasure_mentions::subject,
            erasure_mentions::seq,
            erasure_mentions::ticket_id,
            erasure_mentions::found_at,
            erasure_mentions::reviewed_by,
            erasure_mentions::reviewed_at,
        ))
        .load::<MentionColumns>(conn)?;
    rows.into_iter()
        .map(|(id, place, subject, seq, ticket, found_at, by, at)| {
            Ok(Mention {
                id: MentionId::new(id.0),
                place: MentionPlace::from_code(&place).ok_or_else(|| StoreError::Corrupt {
                    table: "erasure_mentions",
                    id: id.0.to_string(),
                    column: "place",
                })?,
                subject: subject.0,
                seq,
                ticket: ticket.map(|id| TicketId::new(id.0)),
                found_at: found_at.0,
                reviewed: by.zip(at).map(|(by, at)| (AccountId::new(by.0), at.0)),
            })
        })
        .collect()
}

/// Notes who looked at a place; whoever did first stays. False if there is no such place.
pub fn set_reviewed(
    conn: &mut DbConnection,
    erasures: &[ErasureId],
    id: MentionId,
    by: AccountId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let ids: Vec<Id> = erasures.iter().map(|id| Id(id.uuid())).collect();
    let place = erasure_mentions::table
        .find(Id(id.uuid()))
        .filter(erasure_mentions::erasure_id.eq_any(ids));
    if !diesel::select(diesel::dsl::exists(place.clone())).get_result::<bool>(conn)? {
        return Ok(false);
    }
    diesel::update(place.filter(erasure_mentions::reviewed_at.is_null()))
        .set((
            erasure_mentions::reviewed_by.eq(Some(Id(by.uuid()))),
            erasure_mentions::reviewed_at.eq(Some(Ts(now))),
        ))
        .execute(conn)?;
    Ok(true)
}

fn row_of(erasure: &Erasure) -> Result<Row, StoreError> {
    let id = erasure.id.uuid();
    let place = Place::new("erasures", id.as_bytes());
    let words = match &erasure.words {
        Some(words) => {
            let text = serde_json::Value::from(words.clone()).to_string();
            Some(place.seal(INSTALLATION, "words", &text)?)
        }
        None => None,
    };
    Ok(Row {
        id: Id(id),
        request_id: Id(erasure.request.uuid()),
        state: erasure.state.as_str().to_owned(),
        asked_by: Id(erasure.asked.0.uuid()),
        asked_at: Ts(erasure.asked.1),
        approved_by: erasure.approved.map(|(by, _)| Id(by.uuid())),
        approved_at: erasure.approved.map(|(_, at)| Ts(at)),
        words,
        scanned: erasure.scanned.clone(),
        ended_at: erasure.ended_at.map(Ts),
    })
}

fn into_erasure(row: Row) -> Result<Erasure, StoreError> {
    let corrupt = |column| StoreError::Corrupt {
        table: "erasures",
        id: row.id.0.to_string(),
        column,
    };
    let place = Place::new("erasures", row.id.0.as_bytes());
    let words = match &row.words {
        Some(sealed) => {
            let text = place.open("words", sealed)?;
            Some(serde_json::from_str(&text).map_err(|_| corrupt("words"))?)
        }
        None => None,
    };
    let approved = row.approved_by.zip(row.approved_at);
    Ok(Erasure {
        id: ErasureId::new(row.id.0),
        request: SubjectRequestId::new(row.request_id.0),
        state: ErasureState::from_code(&row.state).ok_or_else(|| corrupt("state"))?,
        asked: (AccountId::new(row.asked_by.0), row.asked_at.0),
        approved: approved.map(|(by, at)| (AccountId::new(by.0), at.0)),
        words,
        scanned: row.scanned,
        ended_at: row.ended_at.map(|at| at.0),
    })
}
