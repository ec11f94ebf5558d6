//! Words that desks keep ready for their notes. One that is retired stays, for its count.

use diesel::prelude::*;
use domain::codes::{AuthorityCode, ProblemTypeCode, ServiceCode};
use domain::command::ActionCode;
use domain::ids::{AccountId, ReplyTemplateId};
use domain::invalid::Text;
use domain::note::Audience;
use domain::state::StateCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::schema::reply_templates;
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, dialect};

/// Words for notes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyTemplate {
    /// Its id.
    pub id: ReplyTemplateId,
    /// Counts the changes; what clients send back.
    pub version: i64,
    /// The desk that keeps it.
    pub desk: AuthorityCode,
    /// What it says, and where it fits.
    pub content: Content,
    /// Notes written with it.
    pub used_count: i64,
    /// When the last of them was.
    pub last_used_at: Option<Timestamp>,
    /// Who wrote it last.
    pub author: AccountId,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// Since when nobody uses it any more.
    pub retired_at: Option<Timestamp>,
}

/// What a template says, and where it fits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Whether every desk uses it.
    pub is_shared: bool,
    /// The service it is for, or all.
    pub service: Option<ServiceCode>,
    /// The problem type it is for, or all.
    pub problem_type: Option<ProblemTypeCode>,
    /// The states it is for; none stands for all.
    pub states: Vec<StateCode>,
    /// The actions it goes with.
    pub actions: Vec<ActionCode>,
    /// Who reads it.
    pub audience: Audience,
    /// What staff call it.
    pub label: Text,
    /// The words, with gaps.
    pub body: Text,
}

/// The orders of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The newest first, after the one with this time.
    Newest(Option<(Timestamp, ReplyTemplateId)>),
    /// The most used first, after the one with this count.
    MostUsed(Option<(i64, ReplyTemplateId)>),
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = reply_templates, treat_none_as_default_value = false)]
struct TemplateRow {
    id: Id,
    version: i64,
    desk: String,
    is_shared: bool,
    service_code: Option<String>,
    problem_type: Option<String>,
    states: String,
    actions: String,
    audience: String,
    label_it: String,
    label_en: String,
    body_it: String,
    body_en: String,
    used_count: i64,
    last_used_at: Option<Ts>,
    account_id: Id,
    created_at: Ts,
    updated_at: Ts,
    retired_at: Option<Ts>,
}

/// Adds a template.
pub fn insert(conn: &mut DbConnection, one: &ReplyTemplate) -> Result<(), StoreError> {
    diesel::insert_into(reply_templates::table)
        .values(into_row(one))
        .execute(conn)?;
    Ok(())
}

/// Writes what a template says now, unless somebody changed it since version `was`.
pub fn save(conn: &mut DbConnection, one: &ReplyTemplate, was: i64) -> Result<(), StoreError> {
    let row = into_row(one);
    let seen = reply_templates::table
        .find(row.id)
        .filter(reply_templates::version.eq(was));
    let changed = diesel::update(seen)
        .set((
            reply_templates::version.eq(row.version),
            reply_templates::is_shared.eq(row.is_shared),
            (
                reply_templates::service_code.eq(row.service_code),
                reply_templates::problem_type.eq(row.problem_type),
                reply_templates::states.eq(row.states),
                reply_templates::actions.eq(row.actions),
                reply_templates::audience.eq(row.audience),
            ),
            (
                reply_templates::label_it.eq(row.label_it),
                reply_templates::label_en.eq(row.label_en),
                reply_templates::body_it.eq(row.body_it),
                reply_templates::body_en.eq(row.body_en),
            ),
            reply_templates::account_id.eq(row.account_id),
            reply_templates::updated_at.eq(row.updated_at),
            reply_templates::retired_at.eq(row.retired_at),
        ))
        .execute(conn)?;
    match changed {
        0 => Err(StoreError::Stale),
        _ => Ok(()),
    }
}

/// A template that is not retired, if a desk uses it: its own, or one for all.
pub fn find(
    conn: &mut DbConnection,
    desk: &AuthorityCode,
    id: ReplyTemplateId,
) -> Result<Option<ReplyTemplate>, StoreError> {
    let is_own = reply_templates::desk.eq(desk.as_str().to_owned());
    let row = reply_templates::table
        .find(Id(id.uuid()))
        .filter(reply_templates::retired_at.is_null())
        .filter(is_own.or(reply_templates::is_shared.eq(true)))
        .select(TemplateRow::as_select())
        .first(conn)
        .optional()?;
    row.map(into_template).transpose()
}

/// A page of the templates that a desk uses, or used.
pub fn list(
    conn: &mut DbConnection,
    desk: &AuthorityCode,
    retired: bool,
    order: Order,
    limit: i64,
) -> Result<Vec<ReplyTemplate>, StoreError> {
    let is_own = reply_templates::desk.eq(desk.as_str().to_owned());
    let mut query = reply_templates::table
        .filter(is_own.or(reply_templates::is_shared.eq(true)))
        .select(TemplateRow::as_select())
        .into_boxed();
    query = match retired {
        true => query.filter(reply_templates::retired_at.is_not_null()),
        false => query.filter(reply_templates::retired_at.is_null()),
    };
    query = match order {
        Order::Newest(after) => {
            if let Some((at, id)) = after {
                let keys = (reply_templates::created_at, reply_templates::id);
                query = query.filter(dialect::before(keys, Ts(at), Id(id.uuid())));
            }
            query.order((
                reply_templates::created_at.desc(),
                reply_templates::id.desc(),
            ))
        }
        Order::MostUsed(after) => {
            if let Some((count, id)) = after {
                let keys = (reply_templates::used_count, reply_templates::id);
                query = query.filter(dialect::before(keys, count, Id(id.uuid())));
            }
            query.order((
                reply_templates::used_count.desc(),
                reply_templates::id.desc(),
            ))
        }
    };
    let rows = query.limit(limit).load(conn)?;
    rows.into_iter().map(into_template).collect()
}

/// How many templates a desk keeps, without those that are retired, for who is about to add one:
/// until the transaction ends nobody else gets an answer.
pub fn count_to_add(conn: &mut DbConnection, desk: &AuthorityCode) -> Result<i64, StoreError> {
    dialect::follow_each_other(conn, &format!("reply templates of {desk}"))?;
    Ok(reply_templates::table
        .filter(reply_templates::desk.eq(desk.as_str().to_owned()))
        .filter(reply_templates::retired_at.is_null())
        .count()
        .get_result(conn)?)
}

/// Counts a note written with a template. What it says stays, and so does its version.
pub fn count_use(
    conn: &mut DbConnection,
    id: ReplyTemplateId,
    now: Timestamp,
) -> Result<(), StoreError> {
    diesel::update(reply_templates::table.find(Id(id.uuid())))
        .set((
            reply_templates::used_count.eq(reply_templates::used_count + 1),
            reply_templates::last_used_at.eq(Some(Ts(now))),
        ))
        .execute(conn)?;
    Ok(())
}

fn into_row(one: &ReplyTemplate) -> TemplateRow {
    let content = &one.content;
    let states = content.states.iter().map(|state| state.as_str());
    let actions = content.actions.iter().map(|action| action.as_str());
    TemplateRow {
        id: Id(one.id.uuid()),
        version: one.version,
        desk: one.desk.to_string(),
        is_shared: content.is_shared,
        service_code: content.service.as_ref().map(ToString::to_string),
        problem_type: content.problem_type.as_ref().map(ToString::to_string),
        states: states.collect::<Vec<_>>().join(" "),
        actions: actions.collect::<Vec<_>>().join(" "),
        audience: content.audience.as_str().to_owned(),
        label_it: content.label.it.to_string(),
        label_en: content.label.en.to_string(),
        body_it: content.body.it.to_string(),
        body_en: content.body.en.to_string(),
        used_count: one.used_count,
        last_used_at: one.last_used_at.map(Ts),
        account_id: Id(one.author.uuid()),
        created_at: Ts(one.created_at),
        updated_at: Ts(one.updated_at),
        retired_at: one.retired_at.map(Ts),
    }
}

fn into_template(row: TemplateRow) -> Result<ReplyTemplate, StoreError> {
    let corrupt = |column| StoreError::Corrupt {
        table: "reply_templates",
        id: row.id.0.to_string(),
        column,
    };
    let states = row.states.split_whitespace().map(StateCode::from_code);
    let action = |code| {
        ActionCode::OFFERED
            .into_iter()
            .find(|action| action.as_str() == code)
    };
    let actions = row.actions.split_whitespace().map(action);
    let content = Content {
        is_shared: row.is_shared,
        states: states
            .collect::<Option<_>>()
            .ok_or_else(|| corrupt("states"))?,
        actions: actions
            .collect::<Option<_>>()
            .ok_or_else(|| corrupt("actions"))?,
        audience: Audience::from_code(&row.audience).ok_or_else(|| corrupt("audience"))?,
        service: row.service_code.map(ServiceCode::new),
        problem_type: row.problem_type.map(ProblemTypeCode::new),
        label: Text::owned(row.label_it, row.label_en),
        body: Text::owned(row.body_it, row.body_en),
    };
    Ok(ReplyTemplate {
        id: ReplyTemplateId::new(row.id.0),
        version: row.version,
        desk: row.desk.as_str().into(),
        content,
        used_count: row.used_count,
        last_used_at: row.last_used_at.map(|at| at.0),
        author: AccountId::new(row.account_id.0),
        created_at: row.created_at.0,
        updated_at: row.updated_at.0,
        retired_at: row.retired_at.map(|at| at.0),
    })
}
