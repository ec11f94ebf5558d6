//! Contacts of desks: who rang, wrote or came by.

use diesel::prelude::*;
use domain::codes::AuthorityCode;
use domain::contact::{ContactChannel, ContactOutcome, Direction};
use domain::ids::{AccountId, ContactId, TicketId, TicketNumber};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::deliveries::Keeper;
use crate::schema::{contacts, tickets};
use crate::sealing::{Place, SealedText};
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, dialect, trail};

/// A contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Its id.
    pub id: ContactId,
    /// Counts the changes; what clients send back.
    pub version: i64,
    /// The desk that had it.
    pub desk: AuthorityCode,
    /// How.
    pub channel: ContactChannel,
    /// Who sought whom.
    pub direction: Direction,
    /// When.
    pub at: Timestamp,
    /// What it led to.
    pub outcome: ContactOutcome,
    /// The ticket it was about.
    pub ticket: Option<(TicketId, TicketNumber)>,
    /// What the desk wants to remember of it.
    pub note: Option<String>,
    /// Who logged it.
    pub author: AccountId,
    /// When they did.
    pub created_at: Timestamp,
}

/// Which contacts.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// How they came about.
    pub channel: Option<ContactChannel>,
    /// What they led to.
    pub outcome: Option<ContactOutcome>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Not at or after.
    pub to: Option<Timestamp>,
    /// The ticket they were about.
    pub ticket: Option<TicketId>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = contacts, treat_none_as_default_value = false)]
struct ContactRow {
    id: Id,
    version: i64,
    desk: String,
    channel: String,
    direction: String,
    at: Ts,
    outcome: String,
    ticket_id: Option<Id>,
    note: Option<SealedText>,
    account_id: Id,
    created_at: Ts,
}

/// Logs a contact.
pub fn insert(conn: &mut DbConnection, contact: &Contact) -> Result<(), StoreError> {
    let id = contact.id.uuid();
    let at = Place::new("contacts", id.as_bytes());
    let seal = |note: &String| at.seal(contact.desk.as_str(), "note", note);
    let row = ContactRow {
        id: Id(contact.id.uuid()),
        version: contact.version,
        desk: contact.desk.to_string(),
        channel: contact.channel.as_str().to_owned(),
        direction: contact.direction.as_str().to_owned(),
        at: Ts(contact.at),
        outcome: contact.outcome.as_str().to_owned(),
        ticket_id: contact.ticket.as_ref().map(|(id, _)| Id(id.uuid())),
        note: contact.note.as_ref().map(seal).transpose()?,
        account_id: Id(contact.author.uuid()),
        created_at: Ts(contact.created_at),
    };
    diesel::insert_into(contacts::table)
        .values(row)
        .execute(conn)?;
    Ok(())
}

/// One contact, if its keeper may see it.
pub fn find(
    conn: &mut DbConnection,
    keeper: &Keeper,
    id: ContactId,
) -> Result<Option<Contact>, StoreError> {
    let mut query = contacts::table
        .left_join(tickets::table.on(tickets::id.nullable().eq(contacts::ticket_id)))
        .filter(contacts::id.eq(Id(id.uuid())))
        .select((ContactRow::as_select(), tickets::number.nullable()))
        .into_boxed();
    if let Keeper::Desk(code) = keeper {
        query = query.filter(contacts::desk.eq(code.as_str().to_owned()));
    }
    let found = query
        .first::<(ContactRow, Option<String>)>(conn)
        .optional()?;
    found.map(into_contact).transpose()
}

/// A page of contacts, the newest first, after the one that the page before ended with.
pub fn list(
    conn: &mut DbConnection,
    keeper: &Keeper,
    filter: &Filter,
    after: Option<(Timestamp, ContactId)>,
    limit: i64,
) -> Result<Vec<Contact>, StoreError> {
    let mut query = contacts::table
        .left_join(tickets::table.on(tickets::id.nullable().eq(contacts::ticket_id)))
        .select((ContactRow::as_select(), tickets::number.nullable()))
        .into_boxed();
    if let Keeper::Desk(code) = keeper {
        query = query.filter(contacts::desk.eq(code.as_str().to_owned()));
    }
    if let Some(channel) = filter.channel {
        query = query.filter(contacts::channel.eq(channel.as_str()));
    }
    if let Some(outcome) = filter.outcome {
        query = query.filter(contacts::outcome.eq(outcome.as_str()));
    }
    if let Some(from) = filter.from {
        query = query.filter(contacts::at.ge(Ts(from)));
    }
    if let Some(to) = filter.to {
        query = query.filter(contacts::at.lt(Ts(to)));
    }
    if let Some(ticket) = filter.ticket {
        query = query.filter(contacts::ticket_id.eq(Some(Id(ticket.uuid()))));
    }
    if let Some((at, id)) = after {
        let keys = (contacts::at, contacts::id);
        query = query.filter(dialect::before(keys, Ts(at), Id(id.uuid())));
    }
    let rows = query
        .order((contacts::at.desc(), contacts::id.desc()))
        .limit(limit)
        .load::<(ContactRow, Option<String>)>(conn)?;
    rows.into_iter().map(into_contact).collect()
}

/// Links a contact to its ticket, unless somebody changed it since version `was` or it has one.
pub fn link(
    conn: &mut DbConnection,
    id: ContactId,
    ticket: TicketId,
    was: i64,
) -> Result<(), StoreError> {
    let unlinked = contacts::table
        .find(Id(id.uuid()))
        .filter(contacts::version.eq(was))
        .filter(contacts::ticket_id.is_null());
    let changed = diesel::update(unlinked)
        .set((
            contacts::ticket_id.eq(Some(Id(ticket.uuid()))),
            contacts::version.eq(was + 1),
        ))
        .execute(conn)?;
    match changed {
        0 => Err(StoreError::Stale),
        _ => Ok(()),
    }
}

fn into_contact((row, number): (ContactRow, Option<String>)) -> Result<Contact, StoreError> {
    let corrupt = |column| StoreError::Corrupt {
        table: "contacts",
        id: row.id.0.to_string(),
        column,
    };
    let at = Place::new("contacts", row.id.0.as_bytes());
    let number = number
        .map(|text| TicketNumber::parse(&text).ok_or_else(|| corrupt("ticket_id")))
        .transpose()?;
    if let Some(id) = row.ticket_id {
        trail::note_ticket(TicketId::new(id.0));
    }
    Ok(Contact {
        id: ContactId::new(row.id.0),
        version: row.version,
        desk: row.desk.as_str().into(),
        channel: ContactChannel::from_code(&row.channel).ok_or_else(|| corrupt("channel"))?,
        direction: Direction::from_code(&row.direction).ok_or_else(|| corrupt("direction"))?,
        at: row.at.0,
        outcome: ContactOutcome::from_code(&row.outcome).ok_or_else(|| corrupt("outcome"))?,
        ticket: row.ticket_id.map(|id| TicketId::new(id.0)).zip(number),
        note: row.note.map(|note| at.open("note", &note)).transpose()?,
        author: AccountId::new(row.account_id.0),
        created_at: row.created_at.0,
    })
}
