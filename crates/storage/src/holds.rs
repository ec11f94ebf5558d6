//! Legal holds: what must not go, whatever its term says. Who one is about and why are sealed under the
//! installation's key; a person is found by a print.
//!
//! Invariant: whoever sets a hold and whoever takes data away follow each other ([`follow`]), so that of
//! the two the first to commit wins.

use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable};
use domain::codes::AuthorityCode;
use domain::ids::{AccountId, HoldId, TicketId};
use jiff::Timestamp;

use crate::connection::MultiBackend;
use crate::keyring::{self, Field, INSTALLATION};
use crate::schema::legal_holds;
use crate::sealing::{Place, SealedText};
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, dialect};

/// What a hold is about.
#[derive(Clone, PartialEq, Eq)]
pub enum Subject {
    /// One ticket.
    Ticket(TicketId),
    /// Everything an authority has.
    Authority(AuthorityCode),
    /// Everything about the person with this tax code. Has no `Debug`, because of it.
    Person(String),
}

impl Subject {
    /// The code in rows and in the API.
    pub const fn kind(&self) -> &'static str {
        match self {
            Subject::Ticket(_) => "ticket",
            Subject::Authority(_) => "authority",
            Subject::Person(_) => "person",
        }
    }
}

/// A hold.
#[derive(Clone, PartialEq, Eq)]
pub struct Hold {
    /// Its id.
    pub id: HoldId,
    /// What it is about.
    pub subject: Subject,
    /// Why, in words.
    pub reason: String,
    /// Until when, if that is known.
    pub until: Option<Timestamp>,
    /// When it was set.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: AccountId,
    /// How it was ended, if it was.
    pub ended: Option<End>,
}

/// The end of a hold.
#[derive(Clone, PartialEq, Eq)]
pub struct End {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: AccountId,
    /// Why.
    pub reason: String,
}

impl Hold {
    /// Whether it holds at `now`.
    pub fn is_on(&self, now: Timestamp) -> bool {
        self.ended.is_none() && self.until.is_none_or(|until| until > now)
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = legal_holds, treat_none_as_default_value = false)]
struct HoldRow {
    id: Id,
    kind: String,
    ticket_id: Option<Id>,
    authority_code: Option<String>,
    person: Option<SealedText>,
    person_print: Option<String>,
    reason: SealedText,
    until: Option<Ts>,
    created_at: Ts,
    created_by: Id,
    ended_at: Option<Ts>,
    ended_by: Option<Id>,
    end_reason: Option<SealedText>,
}

/// Makes setting holds and taking data away follow each other until their transactions end.
pub fn follow(conn: &mut DbConnection) -> Result<(), StoreError> {
    Ok(dialect::follow_each_other(conn, "legal-holds")?)
}

/// Sets a hold; the caller has called [`follow`].
pub fn insert(conn: &mut DbConnection, hold: &Hold) -> Result<(), StoreError> {
    let key = hold.id.uuid();
    let place = Place::new("legal_holds", key.as_bytes());
    let (mut ticket_id, mut authority_code, mut person, mut print) = (None, None, None, None);
    match &hold.subject {
        Subject::Ticket(id) => ticket_id = Some(Id(id.uuid())),
        Subject::Authority(code) => authority_code = Some(code.as_str().to_owned()),
        Subject::Person(tax_code) => {
            person = Some(place.seal(INSTALLATION, "person", tax_code)?);
            print = Some(keyring::current()?.print(INSTALLATION, Field::Person, tax_code)?);
        }
    }
    diesel::insert_into(legal_holds::table)
        .values(HoldRow {
            id: Id(key),
            kind: hold.subject.kind().to_owned(),
            ticket_id,
            authority_code,
            person,
            person_print: print,
            reason: place.seal(INSTALLATION, "reason", &hold.reason)?,
            until: hold.until.map(Ts),
            created_at: Ts(hold.created_at),
            created_by: Id(hold.created_by.uuid()),
            ended_at: None,
            ended_by: None,
            end_reason: None,
        })
        .execute(conn)?;
    Ok(())
}

/// Ends a hold, unless it was ended before: then the answer is `false`.
pub fn end(conn: &mut DbConnection, id: HoldId, end: &End) -> Result<bool, StoreError> {
    let key = id.uuid();
    let reason =
        Place::new("legal_holds", key.as_bytes()).seal(INSTALLATION, "end_reason", &end.reason)?;
    let row = legal_holds::table
        .find(Id(key))
        .filter(legal_holds::ended_at.is_null());
    let ended = diesel::update(row)
        .set((
            legal_holds::ended_at.eq(Some(Ts(end.at))),
            legal_holds::ended_by.eq(Some(Id(end.by.uuid()))),
            legal_holds::end_reason.eq(Some(reason)),
        ))
        .execute(conn)?;
    Ok(ended == 1)
}

/// One hold.
pub fn find(conn: &mut DbConnection, id: HoldId) -> Result<Option<Hold>, StoreError> {
    let row = legal_holds::table
        .find(Id(id.uuid()))
        .select(HoldRow::as_select())
        .first(conn)
        .optional()?;
    row.map(into_hold).transpose()
}

/// A page of holds, the newest first, after the one that the page before ended with.
pub fn list(
    conn: &mut DbConnection,
    ticket: Option<TicketId>,
    after: Option<(Timestamp, HoldId)>,
    limit: i64,
) -> Result<Vec<Hold>, StoreError> {
    let mut query = legal_holds::table.select(HoldRow::as_select()).into_boxed();
    if let Some(ticket) = ticket {
        query = query.filter(legal_holds::ticket_id.eq(Some(Id(ticket.uuid()))));
    }
    if let Some((at, id)) = after {
        let keys = (legal_holds::created_at, legal_holds::id);
        query = query.filter(dialect::before(keys, Ts(at), Id(id.uuid())));
    }
    let rows: Vec<HoldRow> = query
        .order((legal_holds::created_at.desc(), legal_holds::id.desc()))
        .limit(limit)
        .load(conn)?;
    rows.into_iter().map(into_hold).collect()
}

/// Whether a ticket, its authority or the person in it is under a hold.
pub fn exists_for_ticket(
    conn: &mut DbConnection,
    ticket: TicketId,
    authority: &AuthorityCode,
    tax_code: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let prints = keyring::current()?.prints_of(INSTALLATION, Field::Person, tax_code);
    let is_meant = legal_holds::ticket_id
        .eq(Some(Id(ticket.uuid())))
        .or(legal_holds::authority_code.eq(Some(authority.as_str().to_owned())))
        .or(legal_holds::person_print.eq_any(prints));
    exists(conn, Box::new(is_meant), now)
}

/// Whether everything of an authority is under a hold.
pub fn exists_for_authority(
    conn: &mut DbConnection,
    authority: &AuthorityCode,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let is_meant = legal_holds::authority_code.eq(Some(authority.as_str().to_owned()));
    exists(conn, Box::new(is_meant), now)
}

/// Whether anything of a desk is under a hold, so that its keys must not be destroyed: the desk itself,
/// a ticket it ever had, or any person, since nobody can say from a print where they filed.
pub fn exists_for_desk(
    conn: &mut DbConnection,
    desk: &AuthorityCode,
    now: Timestamp,
) -> Result<bool, StoreError> {
    use crate::schema::legs;
    let had = legs::table
        .filter(legs::ticket_id.nullable().eq(legal_holds::ticket_id))
        .filter(legs::custodian.eq(desk.as_str().to_owned()));
    let is_meant = legal_holds::authority_code
        .eq(Some(desk.as_str().to_owned()))
        .or(diesel::dsl::exists(had).nullable())
        .or(legal_holds::kind.eq("person").nullable());
    exists(conn, Box::new(is_meant), now)
}

type Condition =
    Box<dyn BoxableExpression<legal_holds::table, MultiBackend, SqlType = Nullable<Bool>>>;

fn exists(
    conn: &mut DbConnection,
    is_meant: Condition,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let is_on = legal_holds::until
        .is_null()
        .or(legal_holds::until.assume_not_null().gt(Ts(now)));
    let found = legal_holds::table
        .filter(legal_holds::ended_at.is_null())
        .filter(is_on)
        .filter(is_meant)
        .select(legal_holds::id)
        .first::<Id>(conn)
        .optional()?;
    Ok(found.is_some())
}

fn into_hold(row: HoldRow) -> Result<Hold, StoreError> {
    let id = row.id.0;
    let place = Place::new("legal_holds", id.as_bytes());
    let corrupt = |column| StoreError::Corrupt {
        table: "legal_holds",
        id: id.to_string(),
        column,
    };
    let subject = match (row.ticket_id, row.authority_code, &row.person) {
        (Some(ticket), None, None) => Subject::Ticket(TicketId::new(ticket.0)),
        (None, Some(code), None) => Subject::Authority(code.as_str().into()),
        (None, None, Some(person)) => Subject::Person(place.open("person", person)?),
        _ => return Err(corrupt("kind")),
    };
    let ended = match (row.ended_at, row.ended_by, &row.end_reason) {
        (Some(at), Some(by), Some(reason)) => Some(End {
            at: at.0,
            by: AccountId::new(by.0),
            reason: place.open("end_reason", reason)?,
        }),
        _ => None,
    };
    Ok(Hold {
        id: HoldId::new(id),
        subject,
        reason: place.open("reason", &row.reason)?,
        until: row.until.map(|at| at.0),
        created_at: row.created_at.0,
        created_by: AccountId::new(row.created_by.0),
        ended,
    })
}
