//! The days on which people are away. No reason is kept.

use diesel::prelude::*;
use diesel::sql_types::Bool;
use domain::codes::AuthorityCode;
use domain::ids::{AbsenceId, AccountId};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::connection::MultiBackend;
use crate::schema::{absences, accounts, placements};
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, dialect};

/// Days on which somebody is away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absence {
    /// Its id.
    pub id: AbsenceId,
    /// Who is away.
    pub account: AccountId,
    /// Their name.
    pub label: String,
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
    /// When it was ended before that, if it was.
    pub ended_at: Option<Timestamp>,
}

/// Whose absences somebody sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// One's own.
    Own(AccountId),
    /// Those of everybody who is placed at a desk.
    Desk(AuthorityCode),
}

/// That the account beside it is away on that day.
pub(crate) fn is_away(
    day: Date,
) -> Box<dyn BoxableExpression<PlacedAccounts, MultiBackend, SqlType = Bool>> {
    let away = absences::table
        .filter(absences::account_id.eq(accounts::id))
        .filter(absences::ended_at.is_null())
        .filter(absences::from_day.le(day.to_string()))
        .filter(absences::to_day.ge(day.to_string()));
    Box::new(diesel::dsl::exists(away))
}

/// Placements with their accounts.
pub(crate) type PlacedAccounts =
    diesel::dsl::InnerJoinQuerySource<placements::table, accounts::table>;

type Row = (Id, Id, String, String, String, Option<Ts>);

/// Enters days on which somebody is away.
pub fn insert(
    conn: &mut DbConnection,
    absence: &Absence,
    by: AccountId,
    now: Timestamp,
) -> Result<(), StoreError> {
    diesel::insert_into(absences::table)
        .values((
            absences::id.eq(Id(absence.id.uuid())),
            absences::account_id.eq(Id(absence.account.uuid())),
            absences::from_day.eq(absence.from.to_string()),
            absences::to_day.eq(absence.to.to_string()),
            absences::created_at.eq(Ts(now)),
            absences::created_by.eq(Id(by.uuid())),
        ))
        .execute(conn)?;
    Ok(())
}

/// Absences by their last day, the latest first, after the one that the page before ended with.
pub fn list(
    conn: &mut DbConnection,
    whose: &Whose,
    after: Option<(Date, AbsenceId)>,
    limit: i64,
) -> Result<Vec<Absence>, StoreError> {
    let mut query = of(whose);
    if let Some((day, id)) = after {
        let keys = (absences::to_day, absences::id);
        query = query.filter(dialect::before(keys, day.to_string(), Id(id.uuid())));
    }
    let rows = query
        .order((absences::to_day.desc(), absences::id.desc()))
        .limit(limit)
        .load::<Row>(conn)?;
    rows.into_iter().map(into_absence).collect()
}

/// One of them.
pub fn find(
    conn: &mut DbConnection,
    whose: &Whose,
    id: AbsenceId,
) -> Result<Option<Absence>, StoreError> {
    let found = of(whose)
        .filter(absences::id.eq(Id(id.uuid())))
        .first::<Row>(conn)
        .optional()?;
    found.map(into_absence).transpose()
}

/// Ends an absence, unless it was ended before.
pub fn end(
    conn: &mut DbConnection,
    id: AbsenceId,
    by: AccountId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let lasting = absences::table
        .find(Id(id.uuid()))
        .filter(absences::ended_at.is_null());
    diesel::update(lasting)
        .set((
            absences::ended_at.eq(Some(Ts(now))),
            absences::ended_by.eq(Some(Id(by.uuid()))),
        ))
        .execute(conn)?;
    Ok(())
}

/// Who of a desk is away on that day.
pub fn list_away(
    conn: &mut DbConnection,
    desk: &AuthorityCode,
    day: Date,
) -> Result<Vec<AccountId>, StoreError> {
    let rows = placements::table
        .inner_join(accounts::table)
        .filter(placements::authority_code.eq(desk.as_str().to_owned()))
        .filter(is_away(day))
        .select(accounts::id)
        .distinct()
        .load::<Id>(conn)?;
    Ok(rows.into_iter().map(|id| AccountId::new(id.0)).collect())
}

/// Deletes absences whose last day was before `day`; the answer is how many.
pub fn delete_over(conn: &mut DbConnection, day: Date, most: i64) -> Result<usize, StoreError> {
    let old: Vec<Id> = absences::table
        .filter(absences::to_day.lt(day.to_string()))
        .order((absences::to_day.asc(), absences::id.asc()))
        .limit(most)
        .select(absences::id)
        .load(conn)?;
    let old = absences::table.filter(absences::id.eq_any(old));
    Ok(diesel::delete(old).execute(conn)?)
}

#[diesel::dsl::auto_type]
fn with_labels() -> _ {
    absences::table
        .inner_join(accounts::table.on(accounts::id.eq(absences::account_id)))
        .select((
            absences::id,
            absences::account_id,
            accounts::display_name,
            absences::from_day,
            absences::to_day,
            absences::ended_at,
        ))
}

fn of(whose: &Whose) -> diesel::helper_types::IntoBoxed<'static, with_labels, MultiBackend> {
    let query = with_labels().into_boxed();
    match whose {
        Whose::Own(account) => query.filter(absences::account_id.eq(Id(account.uuid()))),
        Whose::Desk(desk) => {
            let there = placements::table
                .filter(placements::authority_code.eq(desk.as_str().to_owned()))
                .filter(placements::active.eq(true))
                .select(placements::account_id);
            query.filter(absences::account_id.eq_any(there))
        }
    }
}

fn into_absence((id, account, label, from, to, ended): Row) -> Result<Absence, StoreError> {
    let day = |text: &str, column| {
        text.parse::<Date>().map_err(|_| StoreError::Corrupt {
            table: "absences",
            id: id.0.to_string(),
            column,
        })
    };
    Ok(Absence {
        from: day(&from, "from_day")?,
        to: day(&to, "to_day")?,
        id: AbsenceId::new(id.0),
        account: AccountId::new(account.0),
        label,
        ended_at: ended.map(|at| at.0),
    })
}
