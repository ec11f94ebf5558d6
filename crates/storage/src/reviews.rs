//! Reviews of decided tickets. What was written is in the notes of the ticket's entries.

use diesel::prelude::*;
use domain::codes::AuthorityCode;
use domain::ids::{AccountId, ReviewId, TicketId, TicketNumber};
use domain::review::{Remedy, ReviewState};
use jiff::Timestamp;

use crate::deliveries::Keeper;
use crate::schema::{playbook_answers, playbook_runs, reviews, tickets};
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, dialect, trail};

/// A review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// Its id.
    pub id: ReviewId,
    /// Counts the changes; what clients send back.
    pub version: i64,
    /// The ticket that was decided.
    pub ticket: TicketId,
    /// The desk that decides the review: the one that had the ticket.
    pub desk: AuthorityCode,
    /// Where it stands.
    pub state: ReviewState,
    /// The entry of the ticket's history that asked for it.
    pub requested_seq: i64,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// Until when it is to be decided.
    pub due_at: Timestamp,
    /// Who looks at it, and since when.
    pub taken: Option<(AccountId, Timestamp)>,
    /// The entry that decided it, who did, and when.
    pub decided: Option<(i64, AccountId, Timestamp)>,
    /// What followed, where it was upheld.
    pub remedy: Option<Remedy>,
}

/// Which reviews.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// In which state.
    pub state: Option<ReviewState>,
    /// Still open though due before this time.
    pub overdue_at: Option<Timestamp>,
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = reviews, treat_none_as_default_value = false, treat_none_as_null = true)]
struct ReviewRow {
    id: Id,
    version: i64,
    ticket_id: Id,
    desk: String,
    state: String,
    requested_seq: i64,
    requested_at: Ts,
    due_at: Ts,
    taken_by: Option<Id>,
    taken_at: Option<Ts>,
    decided_seq: Option<i64>,
    decided_by: Option<Id>,
    decided_at: Option<Ts>,
    remedy: Option<String>,
}

/// Writes a review that was asked for. A second one of the same ticket is a unique violation.
pub fn insert(conn: &mut DbConnection, review: &Review) -> Result<(), StoreError> {
    diesel::insert_into(reviews::table)
        .values(row_of(review))
        .execute(conn)?;
    Ok(())
}

/// Writes a review as it is now, unless somebody changed it since version `was`.
pub fn save(conn: &mut DbConnection, review: &Review, was: i64) -> Result<(), StoreError> {
    let seen = reviews::table
        .find(Id(review.id.uuid()))
        .filter(reviews::version.eq(was));
    match diesel::update(seen).set(row_of(review)).execute(conn)? {
        0 => Err(StoreError::Stale),
        _ => Ok(()),
    }
}

/// One review with its ticket's number, if its keeper may see it.
pub fn find(
    conn: &mut DbConnection,
    keeper: &Keeper,
    id: ReviewId,
) -> Result<Option<(Review, TicketNumber)>, StoreError> {
    let mut query = reviews::table
        .inner_join(tickets::table.on(tickets::id.eq(reviews::ticket_id)))
        .filter(reviews::id.eq(Id(id.uuid())))
        .select((ReviewRow::as_select(), tickets::number))
        .into_boxed();
    if let Keeper::Desk(code) = keeper {
        query = query.filter(reviews::desk.eq(code.as_str().to_owned()));
    }
    let found = query.first::<(ReviewRow, String)>(conn).optional()?;
    found.map(into_review).transpose()
}

/// The review of a ticket, if one was asked for.
pub fn find_of(conn: &mut DbConnection, ticket: TicketId) -> Result<Option<Review>, StoreError> {
    let found = reviews::table
        .inner_join(tickets::table.on(tickets::id.eq(reviews::ticket_id)))
        .filter(reviews::ticket_id.eq(Id(ticket.uuid())))
        .select((ReviewRow::as_select(), tickets::number))
        .first::<(ReviewRow, String)>(conn)
        .optional()?;
    Ok(found
        .map(into_review)
        .transpose()?
        .map(|(review, _)| review))
}

/// Whether somebody answered a playbook of this ticket, in a run that is in reach.
pub fn has_answered_playbook(
    conn: &mut DbConnection,
    ticket: TicketId,
    account: AccountId,
) -> Result<bool, StoreError> {
    let answers: i64 = playbook_answers::table
        .inner_join(playbook_runs::table.on(playbook_runs::id.eq(playbook_answers::run_id)))
        .filter(playbook_runs::ticket_id.eq(Id(ticket.uuid())))
        .filter(playbook_answers::account_id.eq(Id(account.uuid())))
        .count()
        .get_result(conn)?;
    Ok(answers > 0)
}

/// A page of reviews, those due first, after the one that the page before ended with.
pub fn list(
    conn: &mut DbConnection,
    keeper: &Keeper,
    filter: &Filter,
    after: Option<(Timestamp, ReviewId)>,
    limit: i64,
) -> Result<Vec<(Review, TicketNumber)>, StoreError> {
    let mut query = reviews::table
        .inner_join(tickets::table.on(tickets::id.eq(reviews::ticket_id)))
        .select((ReviewRow::as_select(), tickets::number))
        .into_boxed();
    if let Keeper::Desk(code) = keeper {
        query = query.filter(reviews::desk.eq(code.as_str().to_owned()));
    }
    if let Some(state) = filter.state {
        query = query.filter(reviews::state.eq(state.as_str()));
    }
    if let Some(now) = filter.overdue_at {
        query = query
            .filter(reviews::decided_at.is_null())
            .filter(reviews::due_at.lt(Ts(now)));
    }
    if let Some((at, id)) = after {
        let keys = (reviews::due_at, reviews::id);
        query = query.filter(dialect::after(keys, Ts(at), Id(id.uuid())));
    }
    let rows = query
        .order((reviews::due_at.asc(), reviews::id.asc()))
        .limit(limit)
        .load::<(ReviewRow, String)>(conn)?;
    rows.into_iter().map(into_review).collect()
}

fn row_of(review: &Review) -> ReviewRow {
    let account = |id: &AccountId| Id(id.uuid());
    ReviewRow {
        id: Id(review.id.uuid()),
        version: review.version,
        ticket_id: Id(review.ticket.uuid()),
        desk: review.desk.to_string(),
        state: review.state.as_str().to_owned(),
        requested_seq: review.requested_seq,
        requested_at: Ts(review.requested_at),
        due_at: Ts(review.due_at),
        taken_by: review.taken.as_ref().map(|(by, _)| account(by)),
        taken_at: review.taken.map(|(_, at)| Ts(at)),
        decided_seq: review.decided.map(|(seq, ..)| seq),
        decided_by: review.decided.as_ref().map(|(_, by, _)| account(by)),
        decided_at: review.decided.map(|(.., at)| Ts(at)),
        remedy: review.remedy.map(|remedy| remedy.as_str().to_owned()),
    }
}

fn into_review((row, number): (ReviewRow, String)) -> Result<(Review, TicketNumber), StoreError> {
    let corrupt = |column| StoreError::Corrupt {
        table: "reviews",
        id: row.id.0.to_string(),
        column,
    };
    let account = |id: Option<Id>| id.map(|id| AccountId::new(id.0));
    let remedy = row.remedy.as_deref().map(Remedy::from_code);
    let decided = row.decided_seq.zip(account(row.decided_by));
    let review = Review {
        id: ReviewId::new(row.id.0),
        version: row.version,
        ticket: TicketId::new(row.ticket_id.0),
        desk: row.desk.as_str().into(),
        state: ReviewState::from_code(&row.state).ok_or_else(|| corrupt("state"))?,
        requested_seq: row.requested_seq,
        requested_at: row.requested_at.0,
        due_at: row.due_at.0,
        taken: account(row.taken_by).zip(row.taken_at.map(|at| at.0)),
        decided: decided
            .zip(row.decided_at)
            .map(|((seq, by), at)| (seq, by, at.0)),
        remedy: match remedy {
            Some(None) => return Err(corrupt("remedy")),
            other => other.flatten(),
        },
    };
    trail::note_ticket(review.ticket);
    Ok((review, TicketNumber::from_stored(number)))
}
