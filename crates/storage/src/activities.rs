//! Technical activities and what was written on them.
//!
//! The region sees all of them, the technical desk those opened to it, nobody else any. Comments are
//! append-only, as triggers on both databases see to.

use diesel::prelude::*;
use domain::activity::{ActivityKind, ActivityState, Impact, Urgency};
use domain::codes::{AuthorityCode, ProblemTypeCode, ServiceCode};
use domain::ids::{AccountId, ActivityCommentId, ActivityId, ClientId, TicketId, TicketNumber};
use domain::visibility::Scope;
use jiff::Timestamp;

use crate::connection::MultiBackend;
use crate::keyring::INSTALLATION;
use crate::schema::{accounts, activities, activity_comments};
use crate::sealing::{Place, SealedText};
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, dialect, trail};

/// An activity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// Its id.
    pub id: ActivityId,
    /// Counts the changes; what clients send back.
    pub version: i64,
    /// The ticket it was opened for.
    pub ticket: TicketId,
    /// What it quotes of the ticket.
    pub quoted: Quoted,
    /// The technical desk it was opened to.
    pub desk: AuthorityCode,
    /// Where it stands.
    pub state: ActivityState,
    /// What is asked.
    pub terms: Terms,
    /// Who of the technical desk works it.
    pub assignee: Option<AccountId>,
    /// What an external tool calls it, and the program that speaks for the tool.
    pub external: Option<(ClientId, String)>,
    /// The number of the last report that counted.
    pub reported: Option<i64>,
    /// When somebody asked to leave it be.
    pub cancel_requested_at: Option<Timestamp>,
    /// Who opened it.
    pub opened_by: AccountId,
    /// When.
    pub opened_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it is overdue.
    pub due_at: Timestamp,
    /// When its work was over: resolved, closed or cancelled.
    pub closed_at: Option<Timestamp>,
}

/// What an activity quotes of its ticket: all that whoever works it learns of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quoted {
    /// The number people use.
    pub number: TicketNumber,
    /// The service.
    pub service: ServiceCode,
    /// The problem type.
    pub problem_type: ProblemTypeCode,
}

/// What is asked of the technical desk (`domain.md` §4.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// What is wrong, in a line.
    pub summary: String,
    /// What was seen, and what is asked for.
    pub detail: String,
    /// How much is concerned.
    pub impact: Impact,
    /// How soon it is needed.
    pub urgency: Urgency,
    /// What it restores.
    pub kind: ActivityKind,
    /// The application.
    pub asset: String,
    /// The item of the technical catalogue.
    pub item: Option<String>,
    /// Its sub-item.
    pub sub_item: Option<String>,
}

/// Who wrote a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommentAuthor {
    /// A member of a desk, with their name where it was read.
    Staff(AccountId, AuthorityCode, Option<String>),
    /// A program, with what its tool calls the comment.
    Program(ClientId, String),
}

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Its id.
    pub id: ActivityCommentId,
    /// The activity.
    pub activity: ActivityId,
    /// When.
    pub at: Timestamp,
    /// From whom.
    pub author: CommentAuthor,
    /// The text.
    pub body: String,
}

/// Which activities somebody wants to see.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Any of these states.
    pub states: Vec<ActivityState>,
    /// This urgency.
    pub urgency: Option<Urgency>,
    /// Those whose time was over at this instant and whose work was not; or all others.
    pub overdue: Option<(bool, Timestamp)>,
    /// Whose they are.
    pub assignee: Option<AccountId>,
    /// Whether an external tool has them.
    pub linked: Option<bool>,
    /// The ticket they were opened for.
    pub ticket: Option<TicketId>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = activities, treat_none_as_default_value = false)]
struct ActivityRow {
    id: Id,
    version: i64,
    ticket_id: Id,
    number: String,
    service_code: String,
    problem_type: String,
    desk: String,
    state: String,
    summary: SealedText,
    detail: SealedText,
    impact: String,
    urgency: String,
    kind: String,
    asset: String,
    item: Option<String>,
    sub_item: Option<String>,
    assignee: Option<Id>,
    client_id: Option<Id>,
    external_id: Option<String>,
    reported: Option<i64>,
    cancel_requested_at: Option<Ts>,
    opened_by: Id,
    opened_at: Ts,
    updated_at: Ts,
    due_at: Ts,
    closed_at: Option<Ts>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = activity_comments, treat_none_as_default_value = false)]
struct CommentRow {
    id: Id,
    activity_id: Id,
    at: Ts,
    account_id: Option<Id>,
    desk: Option<String>,
    client_id: Option<Id>,
    external_id: Option<String>,
    body: SealedText,
}

/// Writes a new activity.
pub fn insert(conn: &mut DbConnection, activity: &Activity) -> Result<(), StoreError> {
    let (client, external_id) = activity.external.clone().unzip();
    let id = activity.id.uuid();
    let at = Place::new("activities", id.as_bytes());
    let desk = activity.desk.as_str();
    let row = ActivityRow {
        id: Id(activity.id.uuid()),
        version: activity.version,
        ticket_id: Id(activity.ticket.uuid()),
        number: activity.quoted.number.as_str().to_owned(),
        service_code: activity.quoted.service.as_str().to_owned(),
        problem_type: activity.quoted.problem_type.as_str().to_owned(),
        desk: activity.desk.as_str().to_owned(),
        state: activity.state.as_str().to_owned(),
        summary: at.seal(desk, "summary", &activity.terms.summary)?,
        detail: at.seal(desk, "detail", &activity.terms.detail)?,
        impact: activity.terms.impact.as_str().to_owned(),
        urgency: activity.terms.urgency.as_str().to_owned(),
        kind: activity.terms.kind.as_str().to_owned(),
        asset: activity.terms.asset.clone(),
        item: activity.terms.item.clone(),
        sub_item: activity.terms.sub_item.clone(),
        assignee: activity.assignee.map(|id| Id(id.uuid())),
        client_id: client.map(|id| Id(id.uuid())),
        external_id,
        reported: activity.reported,
        cancel_requested_at: activity.cancel_requested_at.map(Ts),
        opened_by: Id(activity.opened_by.uuid()),
        opened_at: Ts(activity.opened_at),
        updated_at: Ts(activity.updated_at),
        due_at: Ts(activity.due_at),
        closed_at: activity.closed_at.map(Ts),
    };
    diesel::insert_into(activities::table)
        .values(row)
        .execute(conn)?;
    Ok(())
}

/// Writes what may change of an activity, unless somebody changed it since version `was`.
pub fn save(conn: &mut DbConnection, activity: &Activity, was: i64) -> Result<(), StoreError> {
    let seen = activities::table
        .find(Id(activity.id.uuid()))
        .filter(activities::version.eq(was));
    let (client, external_id) = activity.external.clone().unzip();
    let changed = diesel::update(seen)
        .set((
            activities::version.eq(activity.version),
            activities::state.eq(activity.state.as_str()),
            activities::impact.eq(activity.terms.impact.as_str()),
            activities::urgency.eq(activity.terms.urgency.as_str()),
            activities::assignee.eq(activity.assignee.map(|id| Id(id.uuid()))),
            activities::client_id.eq(client.map(|id| Id(id.uuid()))),
            activities::external_id.eq(external_id),
            activities::reported.eq(activity.reported),
            activities::cancel_requested_at.eq(activity.cancel_requested_at.map(Ts)),
            activities::updated_at.eq(Ts(activity.updated_at)),
            activities::due_at.eq(Ts(activity.due_at)),
            activities::closed_at.eq(activity.closed_at.map(Ts)),
        ))
        .execute(conn)?;
    match changed {
        0 => Err(StoreError::Stale),
        _ => Ok(()),
    }
}

type Boxed<'a> = activities::BoxedQuery<'a, MultiBackend>;

/// The rows that `scope` reaches; none where it reaches none.
fn in_scope<'a>(query: Boxed<'a>, scope: &Scope) -> Option<Boxed<'a>> {
    match scope {
        Scope::Region(_) | Scope::System => Some(query),
        Scope::Technical(code) => Some(query.filter(activities::desk.eq(code.as_str().to_owned()))),
        Scope::Authority(_)
        | Scope::Citizen { .. }
        | Scope::Tracking(_)
        | Scope::Granted(_)
        | Scope::Nothing => None,
    }
}

/// The activity with this id, if `scope` reaches it.
pub fn find(
    conn: &mut DbConnection,
    scope: &Scope,
    id: ActivityId,
) -> Result<Option<Activity>, StoreError> {
    let query = activities::table.into_boxed();
    let Some(query) = in_scope(query.filter(activities::id.eq(Id(id.uuid()))), scope) else {
        return Ok(None);
    };
    let row = query.select(ActivityRow::as_select());
    let row = row.first::<ActivityRow>(conn).optional()?;
    row.map(ActivityRow::into_activity).transpose()
}

/// The activity of a ticket whose work is not over; there is one at most.
pub fn find_open(
    conn: &mut DbConnection,
    ticket: TicketId,
) -> Result<Option<Activity>, StoreError> {
    let row = activities::table
        .filter(activities::ticket_id.eq(Id(ticket.uuid())))
        .filter(activities::closed_at.is_null())
        .select(ActivityRow::as_select())
        .first::<ActivityRow>(conn)
        .optional()?;
    row.map(ActivityRow::into_activity).transpose()
}

/// What somebody works and is not over.
pub fn list_assigned(
    conn: &mut DbConnection,
    account: AccountId,
) -> Result<Vec<Activity>, StoreError> {
    let rows = activities::table
        .filter(activities::assignee.eq(Id(account.uuid())))
        .filter(activities::closed_at.is_null())
        .order((activities::due_at.asc(), activities::id.asc()))
        .select(ActivityRow::as_select())
        .load::<ActivityRow>(conn)?;
    rows.into_iter().map(ActivityRow::into_activity).collect()
}

/// The activity that a program's tool calls by this id.
pub fn find_external(
    conn: &mut DbConnection,
    client: ClientId,
    external_id: &str,
) -> Result<Option<ActivityId>, StoreError> {
    let id = activities::table
        .filter(activities::client_id.eq(Id(client.uuid())))
        .filter(activities::external_id.eq(external_id))
        .select(activities::id)
        .first::<Id>(conn)
        .optional()?;
    Ok(id.map(|id| ActivityId::new(id.0)))
}

/// A page of the activities that `scope` reaches, by the time they are due, after the one that the
/// page before ended with.
pub fn list(
    conn: &mut DbConnection,
    scope: &Scope,
    filter: &Filter,
    after: Option<(Timestamp, ActivityId)>,
    limit: i64,
) -> Result<Vec<Activity>, StoreError> {
    let Some(mut query) = in_scope(activities::table.into_boxed(), scope) else {
        return Ok(Vec::new());
    };
    if !filter.states.is_empty() {
        let states: Vec<&str> = filter.states.iter().map(|state| state.as_str()).collect();
        query = query.filter(activities::state.eq_any(states));
    }
    if let Some(urgency) = filter.urgency {
        query = query.filter(activities::urgency.eq(urgency.as_str()));
    }
    if let Some((is_overdue, now)) = filter.overdue {
        query = match is_overdue {
            true => query
                .filter(activities::closed_at.is_null())
                .filter(activities::due_at.le(Ts(now))),
            false => query.filter(
                activities::closed_at
                    .is_not_null()
                    .or(activities::due_at.gt(Ts(now))),
            ),
        };
    }
    if let Some(assignee) = filter.assignee {
        query = query.filter(activities::assignee.eq(Id(assignee.uuid())));
    }
    query = match filter.linked {
        Some(true) => query.filter(activities::external_id.is_not_null()),
        Some(false) => query.filter(activities::external_id.is_null()),
        None => query,
    };
    if let Some(ticket) = filter.ticket {
        query = query.filter(activities::ticket_id.eq(Id(ticket.uuid())));
    }
    if let Some((at, id)) = after {
        let keys = (activities::due_at, activities::id);
        query = query.filter(dialect::after(keys, Ts(at), Id(id.uuid())));
    }
    let rows = query
        .order((activities::due_at.asc(), activities::id.asc()))
        .limit(limit)
        .select(ActivityRow::as_select())
        .load::<ActivityRow>(conn)?;
    rows.into_iter().map(ActivityRow::into_activity).collect()
}

/// Writes a comment. One of a program that is there already is a conflict.
pub fn insert_comment(conn: &mut DbConnection, comment: &Comment) -> Result<(), StoreError> {
    let (account, desk, client, external_id) = match &comment.author {
        CommentAuthor::Staff(account, desk, _) => {
            (Some(*account), Some(desk.as_str().to_owned()), None, None)
        }
        CommentAuthor::Program(client, id) => (None, None, Some(*client), Some(id.clone())),
    };
    // A program has no desk.
    let key_desk = desk.clone().unwrap_or_else(|| INSTALLATION.to_owned());
    let id = comment.id.uuid();
    let at = Place::new("activity_comments", id.as_bytes());
    let body = at.seal(&key_desk, "body", &comment.body)?;
    let row = CommentRow {
        id: Id(comment.id.uuid()),
        activity_id: Id(comment.activity.uuid()),
        at: Ts(comment.at),
        account_id: account.map(|id| Id(id.uuid())),
        desk,
        client_id: client.map(|id| Id(id.uuid())),
        external_id,
        body,
    };
    diesel::insert_into(activity_comments::table)
        .values(row)
        .execute(conn)?;
    Ok(())
}

/// The comment that a program's tool calls by this id.
pub fn find_external_comment(
    conn: &mut DbConnection,
    client: ClientId,
    external_id: &str,
) -> Result<Option<Comment>, StoreError> {
    let row = activity_comments::table
        .filter(activity_comments::client_id.eq(Id(client.uuid())))
        .filter(activity_comments::external_id.eq(external_id))
        .select(CommentRow::as_select())
        .first::<CommentRow>(conn)
        .optional()?;
    row.map(|row| row.into_comment(None)).transpose()
}

/// The comments of an activity, the first one first.
pub fn list_comments(
    conn: &mut DbConnection,
    activity: ActivityId,
) -> Result<Vec<Comment>, StoreError> {
    let rows = activity_comments::table
        .left_join(accounts::table.on(accounts::id.nullable().eq(activity_comments::account_id)))
        .filter(activity_comments::activity_id.eq(Id(activity.uuid())))
        .order((activity_comments::at.asc(), activity_comments::id.asc()))
        .select((CommentRow::as_select(), accounts::display_name.nullable()))
        .load::<(CommentRow, Option<String>)>(conn)?;
    rows.into_iter()
        .map(|(row, label)| row.into_comment(label))
        .collect()
}

/// How many comments an activity has.
pub fn count_comments(conn: &mut DbConnection, activity: ActivityId) -> Result<i64, StoreError> {
    Ok(activity_comments::table
        .filter(activity_comments::activity_id.eq(Id(activity.uuid())))
        .count()
        .get_result(conn)?)
}

impl ActivityRow {
    fn into_activity(self) -> Result<Activity, StoreError> {
        let at = Place::new("activities", self.id.0.as_bytes());
        let id = self.id.0.to_string();
        let corrupt = |column| StoreError::Corrupt {
            table: "activities",
            id: id.clone(),
            column,
        };
        let client = self.client_id.map(|id| ClientId::new(id.0));
        trail::note_ticket(TicketId::new(self.ticket_id.0));
        Ok(Activity {
            id: ActivityId::new(self.id.0),
            version: self.version,
            ticket: TicketId::new(self.ticket_id.0),
            quoted: Quoted {
                number: TicketNumber::parse(&self.number).ok_or_else(|| corrupt("number"))?,
                service: self.service_code.as_str().into(),
                problem_type: self.problem_type.as_str().into(),
            },
            desk: self.desk.as_str().into(),
            state: ActivityState::from_code(&self.state).ok_or_else(|| corrupt("state"))?,
            terms: Terms {
                impact: Impact::from_code(&self.impact).ok_or_else(|| corrupt("impact"))?,
                urgency: Urgency::from_code(&self.urgency).ok_or_else(|| corrupt("urgency"))?,
                kind: ActivityKind::from_code(&self.kind).ok_or_else(|| corrupt("kind"))?,
                summary: at.open("summary", &self.summary)?,
                detail: at.open("detail", &self.detail)?,
                asset: self.asset,
                item: self.item,
                sub_item: self.sub_item,
            },
            assignee: self.assignee.map(|id| AccountId::new(id.0)),
            external: client.zip(self.external_id),
            reported: self.reported,
            cancel_requested_at: self.cancel_requested_at.map(|at| at.0),
            opened_by: AccountId::new(self.opened_by.0),
            opened_at: self.opened_at.0,
            updated_at: self.updated_at.0,
            due_at: self.due_at.0,
            closed_at: self.closed_at.map(|at| at.0),
        })
    }
}

impl CommentRow {
    fn into_comment(self, label: Option<String>) -> Result<Comment, StoreError> {
        let staff = self.account_id.zip(self.desk);
        let author = match (staff, self.client_id.zip(self.external_id)) {
            (Some((account, desk)), None) => {
                CommentAuthor::Staff(AccountId::new(account.0), desk.as_str().into(), label)
            }
            (None, Some((client, id))) => CommentAuthor::Program(ClientId::new(client.0), id),
            _ => {
                return Err(StoreError::Corrupt {
                    table: "activity_comments",
                    id: self.id.0.to_string(),
                    column: "account_id",
                });
            }
        };
        Ok(Comment {
            id: ActivityCommentId::new(self.id.0),
            activity: ActivityId::new(self.activity_id.0),
            at: self.at.0,
            author,
            body: Place::new("activity_comments", self.id.0.as_bytes()).open("body", &self.body)?,
        })
    }
}
