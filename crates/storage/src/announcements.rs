//! Announcements, who acknowledged them, the tickets they are about, and answers to all of those.

use diesel::prelude::*;
use domain::actor::Role;
use domain::announcement::{AnnouncementKind, Readers};
use domain::codes::AuthorityCode;
use domain::ids::{AccountId, AnnouncementId, AnswerId, TicketId};
use domain::invalid::Text;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::deliveries::Keeper;
use crate::schema::{
    announcement_acknowledgements, announcement_answered, announcement_answers,
    announcement_tickets, announcements, tickets,
};
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, dialect, trail};

/// An announcement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// Its id.
    pub id: AnnouncementId,
    /// Counts the changes; what clients send back.
    pub version: i64,
    /// The desk that says it.
    pub desk: AuthorityCode,
    /// What it is about.
    pub kind: AnnouncementKind,
    /// In a line.
    pub title: Text,
    /// In full.
    pub body: Text,
    /// Whom it is for.
    pub readers: Readers,
    /// From when it holds.
    pub valid_from: Timestamp,
    /// When it ends.
    pub valid_to: Timestamp,
    /// Whether staff must say that they have read it.
    pub acknowledgement_required: bool,
    /// Who wrote it.
    pub author: AccountId,
    /// When.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = announcements, treat_none_as_default_value = false)]
struct AnnouncementRow {
    id: Id,
    version: i64,
    desk: String,
    kind: String,
    title_it: String,
    title_en: String,
    body_it: String,
    body_en: String,
    authorities: String,
    roles: String,
    citizens: bool,
    valid_from: Ts,
    valid_to: Ts,
    acknowledgement_required: bool,
    account_id: Id,
    created_at: Ts,
    updated_at: Ts,
}

/// Adds an announcement.
pub fn insert(conn: &mut DbConnection, one: &Announcement) -> Result<(), StoreError> {
    let codes = |codes: Vec<&str>| codes.join(" ");
    let row = AnnouncementRow {
        id: Id(one.id.uuid()),
        version: one.version,
        desk: one.desk.to_string(),
        kind: one.kind.as_str().to_owned(),
        title_it: one.title.it.to_string(),
        title_en: one.title.en.to_string(),
        body_it: one.body.it.to_string(),
        body_en: one.body.en.to_string(),
        authorities: codes(
            one.readers
                .authorities
                .iter()
                .map(|code| code.as_str())
                .collect(),
        ),
        roles: codes(one.readers.roles.iter().map(|role| role.code()).collect()),
        citizens: one.readers.citizens,
        valid_from: Ts(one.valid_from),
        valid_to: Ts(one.valid_to),
        acknowledgement_required: one.acknowledgement_required,
        account_id: Id(one.author.uuid()),
        created_at: Ts(one.created_at),
        updated_at: Ts(one.updated_at),
    };
    diesel::insert_into(announcements::table)
        .values(row)
        .execute(conn)?;
    Ok(())
}

/// The announcement with this id.
pub fn find(
    conn: &mut DbConnection,
    id: AnnouncementId,
) -> Result<Option<Announcement>, StoreError> {
    let row = announcements::table
        .find(Id(id.uuid()))
        .select(AnnouncementRow::as_select())
        .first(conn)
        .optional()?;
    row.map(into_announcement).transpose()
}

/// Changes texts and end, unless somebody did so since version `was`.
pub fn save(conn: &mut DbConnection, one: &Announcement, was: i64) -> Result<(), StoreError> {
    let seen = announcements::table
        .find(Id(one.id.uuid()))
        .filter(announcements::version.eq(was));
    let changed = diesel::update(seen)
        .set((
            announcements::version.eq(one.version),
            announcements::title_it.eq(one.title.it.to_string()),
            announcements::title_en.eq(one.title.en.to_string()),
            announcements::body_it.eq(one.body.it.to_string()),
            announcements::body_en.eq(one.body.en.to_string()),
            announcements::valid_to.eq(Ts(one.valid_to)),
            announcements::updated_at.eq(Ts(one.updated_at)),
        ))
        .execute(conn)?;
    match changed {
        0 => Err(StoreError::Stale),
        _ => Ok(()),
    }
}

/// A page of what a keeper keeps, the newest first, after the one that the page before ended with.
pub fn list(
    conn: &mut DbConnection,
    keeper: &Keeper,
    after: Option<(Timestamp, AnnouncementId)>,
    limit: i64,
) -> Result<Vec<Announcement>, StoreError> {
    let mut query = announcements::table
        .select(AnnouncementRow::as_select())
        .into_boxed();
    if let Keeper::Desk(code) = keeper {
        query = query.filter(announcements::desk.eq(code.as_str().to_owned()));
    }
    if let Some((at, id)) = after {
        let keys = (announcements::valid_from, announcements::id);
        query = query.filter(dialect::before(keys, Ts(at), Id(id.uuid())));
    }
    let rows = query
        .order((announcements::valid_from.desc(), announcements::id.desc()))
        .limit(limit)
        .load(conn)?;
    rows.into_iter().map(into_announcement).collect()
}

/// Everything that holds now, for whomever, the newest first.
pub fn list_holding(
    conn: &mut DbConnection,
    now: Timestamp,
) -> Result<Vec<Announcement>, StoreError> {
    let rows = announcements::table
        .filter(announcements::valid_from.le(Ts(now)))
        .filter(announcements::valid_to.gt(Ts(now)))
        .order((announcements::valid_from.desc(), announcements::id.desc()))
        .select(AnnouncementRow::as_select())
        .load(conn)?;
    rows.into_iter().map(into_announcement).collect()
}

/// Somebody has read it; the answer is when they first said so.
pub fn acknowledge(
    conn: &mut DbConnection,
    id: AnnouncementId,
    account: AccountId,
    now: Timestamp,
) -> Result<Timestamp, StoreError> {
    let row = diesel::insert_into(announcement_acknowledgements::table).values((
        announcement_acknowledgements::announcement_id.eq(Id(id.uuid())),
        announcement_acknowledgements::account_id.eq(Id(account.uuid())),
        announcement_acknowledgements::at.eq(Ts(now)),
    ));
    dialect::insert_if_absent(row, &["announcement_id", "account_id"]).execute(conn)?;
    let at = announcement_acknowledgements::table
        .find((Id(id.uuid()), Id(account.uuid())))
        .select(announcement_acknowledgements::at)
        .first::<Ts>(conn)?;
    Ok(at.0)
}

/// Which of these somebody has acknowledged.
pub fn list_acknowledged(
    conn: &mut DbConnection,
    account: AccountId,
    ids: &[AnnouncementId],
) -> Result<Vec<AnnouncementId>, StoreError> {
    let ids: Vec<Id> = ids.iter().map(|id| Id(id.uuid())).collect();
    let found = announcement_acknowledgements::table
        .filter(announcement_acknowledgements::account_id.eq(Id(account.uuid())))
        .filter(announcement_acknowledgements::announcement_id.eq_any(ids))
        .select(announcement_acknowledgements::announcement_id)
        .load::<Id>(conn)?;
    Ok(found
        .into_iter()
        .map(|id| AnnouncementId::new(id.0))
        .collect())
}

/// How many people acknowledged each of these; those that nobody did are left out.
pub fn count_acknowledged(
    conn: &mut DbConnection,
    ids: &[AnnouncementId],
) -> Result<Vec<(AnnouncementId, i64)>, StoreError> {
    let ids: Vec<Id> = ids.iter().map(|id| Id(id.uuid())).collect();
    let counts = announcement_acknowledgements::table
        .filter(announcement_acknowledgements::announcement_id.eq_any(ids))
        .group_by(announcement_acknowledgements::announcement_id)
        .select((
            announcement_acknowledgements::announcement_id,
            diesel::dsl::count_star(),
        ))
        .load::<(Id, i64)>(conn)?;
    let known = counts.into_iter();
    Ok(known
        .map(|(id, count)| (AnnouncementId::new(id.0), count))
        .collect())
}

/// Links a ticket to an announcement. False if it was linked before.
pub fn link(
    conn: &mut DbConnection,
    id: AnnouncementId,
    ticket: TicketId,
    account: AccountId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let row = diesel::insert_into(announcement_tickets::table).values((
        announcement_tickets::announcement_id.eq(Id(id.uuid())),
        announcement_tickets::ticket_id.eq(Id(ticket.uuid())),
        announcement_tickets::account_id.eq(Id(account.uuid())),
        announcement_tickets::at.eq(Ts(now)),
    ));
    let added = dialect::insert_if_absent(row, &["announcement_id", "ticket_id"]).execute(conn)?;
    Ok(added == 1)
}

/// A page of the linked tickets, the first filed first, of one custodian or of all.
pub fn list_linked(
    conn: &mut DbConnection,
    id: AnnouncementId,
    custodian: Option<&AuthorityCode>,
    after: Option<TicketId>,
    limit: i64,
) -> Result<Vec<TicketId>, StoreError> {
    let mut query = announcement_tickets::table
        .inner_join(tickets::table.on(tickets::id.eq(announcement_tickets::ticket_id)))
        .filter(announcement_tickets::announcement_id.eq(Id(id.uuid())))
        .select(announcement_tickets::ticket_id)
        .into_boxed();
    if let Some(code) = custodian {
        query = query.filter(tickets::custodian.eq(code.as_str().to_owned()));
    }
    if let Some(after) = after {
        query = query.filter(announcement_tickets::ticket_id.gt(Id(after.uuid())));
    }
    let found = query
        .order(announcement_tickets::ticket_id.asc())
        .limit(limit)
        .load::<Id>(conn)?;
    Ok(found.into_iter().map(seen).collect())
}

/// Begins an answer, or finds it begun: for the same announcement, by the same desk.
pub fn begin_answer(
    conn: &mut DbConnection,
    answer: AnswerId,
    announcement: AnnouncementId,
    desk: &AuthorityCode,
    account: AccountId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let row = diesel::insert_into(announcement_answers::table).values((
        announcement_answers::id.eq(Id(answer.uuid())),
        announcement_answers::announcement_id.eq(Id(announcement.uuid())),
        announcement_answers::desk.eq(desk.as_str().to_owned()),
        announcement_answers::account_id.eq(Id(account.uuid())),
        announcement_answers::at.eq(Ts(now)),
    ));
    dialect::insert_if_absent(row, &["id"]).execute(conn)?;
    Ok(())
}

/// Whether a desk began this answer to this announcement.
pub fn has_answer(
    conn: &mut DbConnection,
    answer: AnswerId,
    announcement: AnnouncementId,
    desk: &AuthorityCode,
) -> Result<bool, StoreError> {
    let found = announcement_answers::table
        .find(Id(answer.uuid()))
        .filter(announcement_answers::announcement_id.eq(Id(announcement.uuid())))
        .filter(announcement_answers::desk.eq(desk.as_str().to_owned()));
    Ok(diesel::select(diesel::dsl::exists(found)).get_result(conn)?)
}

/// The answer reaches a ticket, in the transaction that writes it there. False if it did before.
pub fn reach_ticket(
    conn: &mut DbConnection,
    answer: AnswerId,
    ticket: TicketId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let row = diesel::insert_into(announcement_answered::table).values((
        announcement_answered::answer_id.eq(Id(answer.uuid())),
        announcement_answered::ticket_id.eq(Id(ticket.uuid())),
        announcement_answered::at.eq(Ts(now)),
    ));
    let added = dialect::insert_if_absent(row, &["answer_id", "ticket_id"]).execute(conn)?;
    Ok(added == 1)
}

/// The linked tickets with a custodian that are still open and that the answer has not reached, the
/// first filed first.
pub fn list_unanswered(
    conn: &mut DbConnection,
    announcement: AnnouncementId,
    answer: AnswerId,
    custodian: &AuthorityCode,
) -> Result<Vec<TicketId>, StoreError> {
    let answered = announcement_answered::table
        .filter(announcement_answered::answer_id.eq(Id(answer.uuid())))
        .filter(announcement_answered::ticket_id.eq(tickets::id));
    let found = announcement_tickets::table
        .inner_join(tickets::table.on(tickets::id.eq(announcement_tickets::ticket_id)))
        .filter(announcement_tickets::announcement_id.eq(Id(announcement.uuid())))
        .filter(tickets::custodian.eq(custodian.as_str().to_owned()))
        .filter(tickets::state.ne_all(["resolved", "auto-closed", "removed"]))
        .filter(diesel::dsl::not(diesel::dsl::exists(answered)))
        .order(tickets::id.asc())
        .select(tickets::id)
        .load::<Id>(conn)?;
    Ok(found.into_iter().map(seen).collect())
}

/// The tickets that an answer has reached, the first filed first.
pub fn list_answered(
    conn: &mut DbConnection,
    answer: AnswerId,
) -> Result<Vec<TicketId>, StoreError> {
    let found = announcement_answered::table
        .filter(announcement_answered::answer_id.eq(Id(answer.uuid())))
        .order(announcement_answered::ticket_id.asc())
        .select(announcement_answered::ticket_id)
        .load::<Id>(conn)?;
    Ok(found.into_iter().map(seen).collect())
}

fn seen(id: Id) -> TicketId {
    let ticket = TicketId::new(id.0);
    trail::note_ticket(ticket);
    ticket
}

fn into_announcement(row: AnnouncementRow) -> Result<Announcement, StoreError> {
    let corrupt = |column| StoreError::Corrupt {
        table: "announcements",
        id: row.id.0.to_string(),
        column,
    };
    let roles = row
        .roles
        .split_whitespace()
        .map(|code| Role::from_code(code).ok_or_else(|| corrupt("roles")))
        .collect::<Result<_, _>>()?;
    Ok(Announcement {
        id: AnnouncementId::new(row.id.0),
        version: row.version,
        desk: row.desk.as_str().into(),
        kind: AnnouncementKind::from_code(&row.kind).ok_or_else(|| corrupt("kind"))?,
        readers: Readers {
            authorities: row.authorities.split_whitespace().map(Into::into).collect(),
            roles,
            citizens: row.citizens,
        },
        title: Text::owned(row.title_it, row.title_en),
        body: Text::owned(row.body_it, row.body_en),
        valid_from: row.valid_from.0,
        valid_to: row.valid_to.0,
        acknowledgement_required: row.acknowledgement_required,
        author: AccountId::new(row.account_id.0),
        created_at: row.created_at.0,
        updated_at: row.updated_at.0,
    })
}
