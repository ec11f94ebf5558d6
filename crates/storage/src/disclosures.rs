//! Stated looks at personal data: who asked for a requester's full identity, or opened a ticket to look
//! into, and why. Written and read as the system: they are no desk's (`domain.md` §2.2, A10).

use diesel::prelude::*;
use domain::actor::Role;
use domain::codes::AuthorityCode;
use domain::ids::{AccountId, DisclosureId, TicketId, TicketNumber, TicketRef};
use domain::purpose::Purpose;
use jiff::Timestamp;

use crate::schema::{accounts, disclosures, tickets};
use crate::sealing::{Place, SealedText};
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, dialect};

/// A stated look.
#[derive(Clone)]
pub struct Disclosure {
    /// Its id.
    pub id: DisclosureId,
    /// The ticket.
    pub ticket: TicketId,
    /// Who.
    pub account: AccountId,
    /// In which role.
    pub role: Role,
    /// At which desk.
    pub desk: AuthorityCode,
    /// Why.
    pub purpose: Purpose,
    /// Why, in their own words.
    pub reason: String,
    /// When.
    pub at: Timestamp,
    /// Until when the ticket is open to them; none where the identity was asked for.
    pub until: Option<Timestamp>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = disclosures, treat_none_as_default_value = false)]
struct DisclosureRow {
    id: Id,
    kind: String,
    ticket_id: Id,
    account_id: Id,
    role: String,
    desk: String,
    purpose: String,
    reason: SealedText,
    at: Ts,
    until_at: Option<Ts>,
}

const IDENTITY: &str = "identity";
const INSPECTION: &str = "inspection";

/// Writes a stated look. Its reason is sealed with the key of the desk that looked.
pub fn insert(conn: &mut DbConnection, one: &Disclosure) -> Result<(), StoreError> {
    let id = one.id.uuid();
    let place = Place::new("disclosures", id.as_bytes());
    let row = DisclosureRow {
        id: Id(id),
        kind: one.until.map_or(IDENTITY, |_| INSPECTION).to_owned(),
        ticket_id: Id(one.ticket.uuid()),
        account_id: Id(one.account.uuid()),
        role: one.role.code().to_owned(),
        desk: one.desk.as_str().to_owned(),
        purpose: one.purpose.as_str().to_owned(),
        reason: place.seal(one.desk.as_str(), "reason", &one.reason)?,
        at: Ts(one.at),
        until_at: one.until.map(Ts),
    };
    diesel::insert_into(disclosures::table)
        .values(row)
        .execute(conn)?;
    Ok(())
}

/// How many looks an account stated since then.
pub fn count_since(
    conn: &mut DbConnection,
    account: AccountId,
    since: Timestamp,
) -> Result<i64, StoreError> {
    Ok(disclosures::table
        .filter(disclosures::account_id.eq(Id(account.uuid())))
        .filter(disclosures::at.gt(Ts(since)))
        .count()
        .get_result(conn)?)
}

/// The inspection that opens this ticket to the account at `now`, and the ticket's id.
pub fn find_inspection(
    conn: &mut DbConnection,
    account: AccountId,
    wanted: &TicketRef,
    now: Timestamp,
) -> Result<Option<(DisclosureId, TicketId)>, StoreError> {
    let mut query = disclosures::table
        .inner_join(tickets::table.on(tickets::id.eq(disclosures::ticket_id)))
        .filter(disclosures::account_id.eq(Id(account.uuid())))
        .filter(disclosures::until_at.assume_not_null().gt(Ts(now)))
        .order((disclosures::at.desc(), disclosures::id.desc()))
        .select((disclosures::id, disclosures::ticket_id))
        .into_boxed();
    query = match wanted {
        TicketRef::Id(id) => query.filter(tickets::id.eq(Id(id.uuid()))),
        TicketRef::Number(number) => query.filter(tickets::number.eq(number.as_str().to_owned())),
    };
    let found = query.first::<(Id, Id)>(conn).optional()?;
    Ok(found.map(|(id, ticket)| (DisclosureId::new(id.0), TicketId::new(ticket.0))))
}

/// A page of stated looks with their tickets' numbers and the names of who looked, the newest first, before the one that the page
/// before ended with.
pub fn list(
    conn: &mut DbConnection,
    ticket: Option<TicketId>,
    before: Option<(Timestamp, DisclosureId)>,
    limit: i64,
) -> Result<Vec<(Disclosure, TicketNumber, String)>, StoreError> {
    let mut query = disclosures::table
        .inner_join(tickets::table.on(tickets::id.eq(disclosures::ticket_id)))
        .inner_join(accounts::table.on(accounts::id.eq(disclosures::account_id)))
        .select((
            DisclosureRow::as_select(),
            tickets::number,
            accounts::display_name,
        ))
        .into_boxed();
    if let Some(id) = ticket {
        query = query.filter(disclosures::ticket_id.eq(Id(id.uuid())));
    }
    if let Some((at, id)) = before {
        let keys = (disclosures::at, disclosures::id);
        query = query.filter(dialect::before(keys, Ts(at), Id(id.uuid())));
    }
    let rows = query
        .order((disclosures::at.desc(), disclosures::id.desc()))
        .limit(limit)
        .load::<(DisclosureRow, String, String)>(conn)?;
    rows.into_iter()
        .map(|(row, number, label)| {
            let number = TicketNumber::from_stored(number);
            Ok((row.into_domain()?, number, label))
        })
        .collect()
}

impl DisclosureRow {
    fn into_domain(self) -> Result<Disclosure, StoreError> {
        let id = self.id.0;
        let corrupt = |column| StoreError::Corrupt {
            table: "disclosures",
            id: id.to_string(),
            column,
        };
        let place = Place::new("disclosures", id.as_bytes());
        Ok(Disclosure {
            id: DisclosureId::new(id),
            ticket: TicketId::new(self.ticket_id.0),
            account: AccountId::new(self.account_id.0),
            role: Role::from_code(&self.role).ok_or_else(|| corrupt("role"))?,
            desk: self.desk.as_str().into(),
            purpose: Purpose::from_code(&self.purpose).ok_or_else(|| corrupt("purpose"))?,
            reason: place.open("reason", &self.reason)?,
            at: self.at.0,
            until: self.until_at.map(|at| at.0),
        })
    }
}
