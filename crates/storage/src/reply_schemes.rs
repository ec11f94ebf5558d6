//! Schemes of replies to complaints: versions, drafted and approved. An approved one never changes.

use diesel::prelude::*;
use domain::codes::AuthorityCode;
use domain::ids::{AccountId, SchemeId};
use jiff::Timestamp;

use crate::schema::complaint_reply_schemes as schemes;
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, dialect};

/// A version of a scheme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheme {
    /// Its id.
    pub id: SchemeId,
    /// Whose it is; the region's are everybody's.
    pub desk: AuthorityCode,
    /// Which scheme.
    pub code: String,
    /// The how-maniest version of it.
    pub version: i64,
    /// What people call it.
    pub label: String,
    /// Its words in Italian.
    pub body_it: String,
    /// Its words in English.
    pub body_en: String,
    /// Its own gaps, as JSON.
    pub gaps: String,
    /// Who drafted it, and when.
    pub drafted: (AccountId, Timestamp),
    /// Who approved it, and when.
    pub approved: Option<(AccountId, Timestamp)>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = schemes, treat_none_as_default_value = false)]
struct SchemeRow {
    id: Id,
    desk: String,
    code: String,
    version: i64,
    label: String,
    body_it: String,
    body_en: String,
    gaps: String,
    drafted_by: Id,
    drafted_at: Ts,
    approved_by: Option<Id>,
    approved_at: Option<Ts>,
}

/// The version that the next draft of a scheme gets; until the transaction ends nobody else gets one.
pub fn next_version(
    conn: &mut DbConnection,
    desk: &AuthorityCode,
    code: &str,
) -> Result<i64, StoreError> {
    dialect::follow_each_other(conn, &format!("reply scheme {desk} {code}"))?;
    let last = schemes::table
        .filter(schemes::desk.eq(desk.as_str().to_owned()))
        .filter(schemes::code.eq(code.to_owned()))
        .order(schemes::version.desc())
        .select(schemes::version)
        .first::<i64>(conn)
        .optional()?;
    Ok(last.unwrap_or(0) + 1)
}

/// Writes a draft.
pub fn insert(conn: &mut DbConnection, scheme: &Scheme) -> Result<(), StoreError> {
    let row = SchemeRow {
        id: Id(scheme.id.uuid()),
        desk: scheme.desk.to_string(),
        code: scheme.code.clone(),
        version: scheme.version,
        label: scheme.label.clone(),
        body_it: scheme.body_it.clone(),
        body_en: scheme.body_en.clone(),
        gaps: scheme.gaps.clone(),
        drafted_by: Id(scheme.drafted.0.uuid()),
        drafted_at: Ts(scheme.drafted.1),
        approved_by: scheme.approved.map(|(by, _)| Id(by.uuid())),
        approved_at: scheme.approved.map(|(_, at)| Ts(at)),
    };
    diesel::insert_into(schemes::table)
        .values(row)
        .execute(conn)?;
    Ok(())
}

/// Approves a draft; stale if somebody did.
pub fn approve(
    conn: &mut DbConnection,
    id: SchemeId,
    by: AccountId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let draft = schemes::table
        .find(Id(id.uuid()))
        .filter(schemes::approved_at.is_null());
    let changed = diesel::update(draft)
        .set((
            schemes::approved_by.eq(Some(Id(by.uuid()))),
            schemes::approved_at.eq(Some(Ts(now))),
        ))
        .execute(conn)?;
    match changed {
        0 => Err(StoreError::Stale),
        _ => Ok(()),
    }
}

/// One version of a scheme, of one of these desks; of any, if none is named.
pub fn find(
    conn: &mut DbConnection,
    desks: Option<&[AuthorityCode]>,
    id: SchemeId,
) -> Result<Option<Scheme>, StoreError> {
    let mut query = schemes::table
        .filter(schemes::id.eq(Id(id.uuid())))
        .select(SchemeRow::as_select())
        .into_boxed();
    if let Some(desks) = desks {
        query = query.filter(schemes::desk.eq_any(codes(desks)));
    }
    let found = query.first::<SchemeRow>(conn).optional()?;
    Ok(found.map(into_scheme))
}

/// A page of the versions of these desks' schemes, or of all; the newest draft first, after the one
/// that the page before ended with.
pub fn list(
    conn: &mut DbConnection,
    desks: Option<&[AuthorityCode]>,
    approved: Option<bool>,
    after: Option<(Timestamp, SchemeId)>,
    limit: i64,
) -> Result<Vec<Scheme>, StoreError> {
    let mut query = schemes::table.select(SchemeRow::as_select()).into_boxed();
    if let Some(desks) = desks {
        query = query.filter(schemes::desk.eq_any(codes(desks)));
    }
    query = match approved {
        None => query,
        Some(true) => query.filter(schemes::approved_at.is_not_null()),
        Some(false) => query.filter(schemes::approved_at.is_null()),
    };
    if let Some((at, id)) = after {
        let keys = (schemes::drafted_at, schemes::id);
        query = query.filter(dialect::before(keys, Ts(at), Id(id.uuid())));
    }
    let rows = query
        .order((schemes::drafted_at.desc(), schemes::id.desc()))
        .limit(limit)
        .load::<SchemeRow>(conn)?;
    Ok(rows.into_iter().map(into_scheme).collect())
}

fn codes(desks: &[AuthorityCode]) -> Vec<String> {
    desks.iter().map(ToString::to_string).collect()
}

fn into_scheme(row: SchemeRow) -> Scheme {
    let approved = row.approved_by.map(|id| AccountId::new(id.0));
    Scheme {
        id: SchemeId::new(row.id.0),
        desk: row.desk.as_str().into(),
        code: row.code,
        version: row.version,
        label: row.label,
        body_it: row.body_it,
        body_en: row.body_en,
        gaps: row.gaps,
        drafted: (AccountId::new(row.drafted_by.0), row.drafted_at.0),
        approved: approved.zip(row.approved_at.map(|at| at.0)),
    }
}
