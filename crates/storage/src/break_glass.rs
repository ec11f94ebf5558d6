//! Break-glass grants (`domain.md` P-3), written and read as the system. Where one stands follows from
//! its times: `domain::break_glass`.

use diesel::prelude::*;
use domain::break_glass::Grant;
use domain::ids::{AccountId, GrantId, MessageId, TicketId};
use domain::purpose::Purpose;
use domain::visibility::Opened;
use jiff::Timestamp;

use crate::keyring::INSTALLATION;
use crate::schema::break_glass_grants as grants;
use crate::sealing::{Place, SealedText};
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, dialect};

/// A grant as it is kept.
#[derive(Clone)]
pub struct StoredGrant {
    /// The grant.
    pub grant: Grant,
    /// Why, in the asker's own words.
    pub reason: String,
    /// The message that tells of its end, put out with it and moved as the end moves.
    pub end_message: MessageId,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = grants, treat_none_as_default_value = false)]
struct GrantRow {
    id: Id,
    asked_by: Id,
    asked_at: Ts,
    authority_code: Option<String>,
    ticket_id: Option<Id>,
    purpose: String,
    reason: SealedText,
    hours: i32,
    approved_by: Option<Id>,
    approved_at: Option<Ts>,
    first_used_at: Option<Ts>,
    ended_by: Option<Id>,
    ended_at: Option<Ts>,
    end_message: Id,
}

/// Writes a grant that was asked for. Its reason belongs to no desk.
pub fn insert(conn: &mut DbConnection, one: &StoredGrant) -> Result<(), StoreError> {
    let grant = &one.grant;
    let id = grant.id.uuid();
    let (authority_code, ticket_id) = match &grant.opens {
        Opened::Authority(code) => (Some(code.as_str().to_owned()), None),
        Opened::Ticket(ticket) | Opened::Inspected(ticket) => (None, Some(Id(ticket.uuid()))),
    };
    let place = Place::new("break_glass_grants", id.as_bytes());
    let row = GrantRow {
        id: Id(id),
        asked_by: Id(grant.asked_by.uuid()),
        asked_at: Ts(grant.asked_at),
        authority_code,
        ticket_id,
        purpose: grant.purpose.as_str().to_owned(),
        reason: place.seal(INSTALLATION, "reason", &one.reason)?,
        hours: grant.hours,
        approved_by: None,
        approved_at: None,
        first_used_at: None,
        ended_by: None,
        ended_at: None,
        end_message: Id(one.end_message.uuid()),
    };
    diesel::insert_into(grants::table)
        .values(row)
        .execute(conn)?;
    Ok(())
}

/// Writes that somebody agreed. `Stale` if somebody did so, or ended it, meanwhile.
pub fn save_approval(
    conn: &mut DbConnection,
    id: GrantId,
    by: AccountId,
    at: Timestamp,
) -> Result<(), StoreError> {
    let waiting = grants::table.find(Id(id.uuid())).filter(
        grants::approved_at
            .is_null()
            .and(grants::ended_at.is_null()),
    );
    let approval = (
        grants::approved_by.eq(Some(Id(by.uuid()))),
        grants::approved_at.eq(Some(Ts(at))),
    );
    match diesel::update(waiting).set(approval).execute(conn)? {
        0 => Err(StoreError::Stale),
        _ => Ok(()),
    }
}

/// Writes that somebody ended it. `Stale` if somebody did so meanwhile.
pub fn save_end(
    conn: &mut DbConnection,
    id: GrantId,
    by: AccountId,
    at: Timestamp,
) -> Result<(), StoreError> {
    let open = grants::table
        .find(Id(id.uuid()))
        .filter(grants::ended_at.is_null());
    let end = (
        grants::ended_by.eq(Some(Id(by.uuid()))),
        grants::ended_at.eq(Some(Ts(at))),
    );
    match diesel::update(open).set(end).execute(conn)? {
        0 => Err(StoreError::Stale),
        _ => Ok(()),
    }
}

/// Writes that something was read with it for the first time. False if something had been before.
pub fn save_first_use(
    conn: &mut DbConnection,
    id: GrantId,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let unused = grants::table
        .find(Id(id.uuid()))
        .filter(grants::first_used_at.is_null());
    let changed = diesel::update(unused)
        .set(grants::first_used_at.eq(Some(Ts(at))))
        .execute(conn)?;
    Ok(changed == 1)
}

/// The grant with this id.
pub fn find(conn: &mut DbConnection, id: GrantId) -> Result<Option<StoredGrant>, StoreError> {
    let row = grants::table
        .find(Id(id.uuid()))
        .select(GrantRow::as_select())
        .first::<GrantRow>(conn)
        .optional()?;
    row.map(GrantRow::into_domain).transpose()
}

/// The grants of an account that nobody ended and that were asked for since then, the newest first.
pub fn list_unended_of(
    conn: &mut DbConnection,
    account: AccountId,
    since: Timestamp,
) -> Result<Vec<StoredGrant>, StoreError> {
    let rows = grants::table
        .filter(grants::asked_by.eq(Id(account.uuid())))
        .filter(grants::asked_at.gt(Ts(since)))
        .filter(grants::ended_at.is_null())
        .order((grants::asked_at.desc(), grants::id.desc()))
        .select(GrantRow::as_select())
        .load::<GrantRow>(conn)?;
    rows.into_iter().map(GrantRow::into_domain).collect()
}

/// A page of grants, the newest first, before the one that the page before ended with.
pub fn list(
    conn: &mut DbConnection,
    before: Option<(Timestamp, GrantId)>,
    limit: i64,
) -> Result<Vec<StoredGrant>, StoreError> {
    let mut query = grants::table.select(GrantRow::as_select()).into_boxed();
    if let Some((at, id)) = before {
        let keys = (grants::asked_at, grants::id);
        query = query.filter(dialect::before(keys, Ts(at), Id(id.uuid())));
    }
    let rows = query
        .order((grants::asked_at.desc(), grants::id.desc()))
        .limit(limit)
        .load::<GrantRow>(conn)?;
    rows.into_iter().map(GrantRow::into_domain).collect()
}

impl GrantRow {
    fn into_domain(self) -> Result<StoredGrant, StoreError> {
        let id = self.id.0;
        let corrupt = |column| StoreError::Corrupt {
            table: "break_glass_grants",
            id: id.to_string(),
            column,
        };
        let opens = match (&self.authority_code, self.ticket_id) {
            (Some(code), None) => Opened::Authority(code.as_str().into()),
            (None, Some(ticket)) => Opened::Ticket(TicketId::new(ticket.0)),
            _ => return Err(corrupt("authority_code")),
        };
        let place = Place::new("break_glass_grants", id.as_bytes());
        let step = |by: Option<Id>, at: Option<Ts>| {
            let by = by.map(|by| AccountId::new(by.0));
            by.zip(at.map(|at| at.0))
        };
        Ok(StoredGrant {
            reason: place.open("reason", &self.reason)?,
            end_message: MessageId::new(self.end_message.0),
            grant: Grant {
                id: GrantId::new(id),
                asked_by: AccountId::new(self.asked_by.0),
                asked_at: self.asked_at.0,
                opens,
                purpose: Purpose::from_code(&self.purpose).ok_or_else(|| corrupt("purpose"))?,
                hours: self.hours,
                approved: step(self.approved_by, self.approved_at),
                first_used_at: self.first_used_at.map(|at| at.0),
                ended: step(self.ended_by, self.ended_at),
            },
        })
    }
}
