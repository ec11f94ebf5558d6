//! Staff accounts and their placements.

use diesel::prelude::*;
use domain::actor::Role;
use domain::codes::AuthorityCode;
use domain::ids::{AccountId, PlacementId};
use jiff::Timestamp;

use crate::schema::{accounts, authorities, placements};
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError};

/// An account, as log-in needs it.
#[derive(Clone)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// What the person types.
    pub username: String,
    /// What colleagues read.
    pub display_name: String,
    /// Argon2 hash, PHC string.
    pub password_hash: String,
    /// Whether it may log in at all.
    pub active: bool,
    /// Wrong passwords since the last right one.
    pub failures: i32,
    /// No try counts before.
    pub blocked_until: Option<Timestamp>,
}

/// A role at an authority's location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// Its id.
    pub id: PlacementId,
    /// What it lets the person do.
    pub role: Role,
    /// Where.
    pub authority: AuthorityCode,
    /// The authority's label.
    pub authority_label: String,
    /// The organisational unit.
    pub location_code: String,
    /// The unit's label.
    pub location_label: String,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = accounts, treat_none_as_default_value = false)]
struct AccountRow {
    id: Id,
    username: String,
    display_name: String,
    password_hash: String,
    active: bool,
    failures: i32,
    blocked_until: Option<Ts>,
    created_at: Ts,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = placements)]
pub(crate) struct PlacementRow {
    id: Id,
    role: String,
    authority_code: String,
    location_code: String,
    location_label: String,
}

/// The account with this user name, compared without letter case.
pub fn find_by_username(
    conn: &mut DbConnection,
    username: &str,
) -> Result<Option<Account>, StoreError> {
    let row = accounts::table
        .filter(accounts::username.eq(username.to_lowercase()))
        .select(AccountRow::as_select())
        .first(conn)
        .optional()?;
    Ok(row.map(|row| Account {
        id: AccountId::new(row.id.0),
        username: row.username,
        display_name: row.display_name,
        password_hash: row.password_hash,
        active: row.active,
        failures: row.failures,
        blocked_until: row.blocked_until.map(|at| at.0),
    }))
}

/// Adds an active account.
pub fn insert(
    conn: &mut DbConnection,
    id: AccountId,
    username: &str,
    display_name: &str,
    password_hash: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let row = AccountRow {
        id: Id(id.uuid()),
        username: username.to_lowercase(),
        display_name: display_name.to_owned(),
        password_hash: password_hash.to_owned(),
        active: true,
        failures: 0,
        blocked_until: None,
        created_at: Ts(now),
    };
    diesel::insert_into(accounts::table)
        .values(row)
        .execute(conn)?;
    Ok(())
}

/// Gives an account a placement.
pub fn insert_placement(
    conn: &mut DbConnection,
    id: PlacementId,
    account: AccountId,
    role: Role,
    authority: &AuthorityCode,
    location: (&str, &str),
) -> Result<(), StoreError> {
    let values = (
        placements::id.eq(Id(id.uuid())),
        placements::account_id.eq(Id(account.uuid())),
        placements::role.eq(role.code()),
        placements::authority_code.eq(authority.as_str().to_owned()),
        placements::location_code.eq(location.0.to_owned()),
        placements::location_label.eq(location.1.to_owned()),
        placements::active.eq(true),
    );
    diesel::insert_into(placements::table)
        .values(values)
        .execute(conn)?;
    Ok(())
}

/// Counts a try before its password is looked at, so that guessing in parallel gains nothing.
/// Answers how many tries there were since the last right one, or `None` while the account is
/// blocked: then the try does not count.
pub fn count_try(
    conn: &mut DbConnection,
    id: AccountId,
    now: Timestamp,
) -> Result<Option<i32>, StoreError> {
    let free = accounts::blocked_until
        .is_null()
        .or(accounts::blocked_until.le(Ts(now)));
    let counted = diesel::update(accounts::table.find(Id(id.uuid())).filter(free))
        .set(accounts::failures.eq(accounts::failures + 1))
        .execute(conn)?;
    if counted == 0 {
        return Ok(None);
    }
    let tries = accounts::table
        .find(Id(id.uuid()))
        .select(accounts::failures)
        .first(conn)?;
    Ok(Some(tries))
}

/// No try counts before `until`.
pub fn block(conn: &mut DbConnection, id: AccountId, until: Timestamp) -> Result<(), StoreError> {
    diesel::update(accounts::table.find(Id(id.uuid())))
        .set(accounts::blocked_until.eq(Some(Ts(until))))
        .execute(conn)?;
    Ok(())
}

/// The right password came: earlier tries are forgotten.
pub fn forget_tries(conn: &mut DbConnection, id: AccountId) -> Result<(), StoreError> {
    diesel::update(accounts::table.find(Id(id.uuid())))
        .set((
            accounts::failures.eq(0),
            accounts::blocked_until.eq(None::<Ts>),
        ))
        .execute(conn)?;
    Ok(())
}

/// The name of an account, for colleagues.
pub fn find_label(conn: &mut DbConnection, id: AccountId) -> Result<Option<String>, StoreError> {
    Ok(accounts::table
        .find(Id(id.uuid()))
        .select(accounts::display_name)
        .first(conn)
        .optional()?)
}

/// The placements an account holds now.
pub fn list_placements(
    conn: &mut DbConnection,
    account: AccountId,
) -> Result<Vec<Placement>, StoreError> {
    let rows = placements::table
        .inner_join(authorities::table.on(authorities::code.eq(placements::authority_code)))
        .filter(
            placements::account_id
                .eq(Id(account.uuid()))
                .and(placements::active.eq(true)),
        )
        .order((
            placements::authority_code.asc(),
            placements::role.asc(),
            placements::id.asc(),
        ))
        .select((PlacementRow::as_select(), authorities::label))
        .load::<(PlacementRow, String)>(conn)?;
    rows.into_iter().map(placement).collect()
}

pub(crate) fn placement((row, label): (PlacementRow, String)) -> Result<Placement, StoreError> {
    Ok(Placement {
        id: PlacementId::new(row.id.0),
        role: Role::from_code(&row.role).ok_or_else(|| StoreError::Corrupt {
            table: "placements",
            id: row.id.0.to_string(),
            column: "role",
        })?,
        authority: row.authority_code.as_str().into(),
        authority_label: label,
        location_code: row.location_code,
        location_label: row.location_label,
    })
}

/// A colleague a ticket can be given to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Colleague {
    /// Their account.
    pub account: AccountId,
    /// Their name.
    pub label: String,
    /// Their roles at this desk.
    pub role: Role,
}

/// The active people of a desk who work tickets.
pub fn list_colleagues(
    conn: &mut DbConnection,
    desk: &AuthorityCode,
) -> Result<Vec<Colleague>, StoreError> {
    let working = [
        Role::Operator,
        Role::Supervisor,
        Role::RegionalOperator,
        Role::RegionalSupervisor,
    ];
    let rows = placements::table
        .inner_join(accounts::table)
        .filter(placements::authority_code.eq(desk.as_str().to_owned()))
        .filter(placements::active.eq(true).and(accounts::active.eq(true)))
        .filter(placements::role.eq_any(working.map(Role::code)))
        .order((accounts::display_name.asc(), accounts::id.asc()))
        .select((accounts::id, accounts::display_name, placements::role))
        .load::<(Id, String, String)>(conn)?;
    let mut colleagues = Vec::new();
    for (id, label, role) in rows {
        let role = Role::from_code(&role).ok_or_else(|| StoreError::Corrupt {
            table: "placements",
            id: id.0.to_string(),
            column: "role",
        })?;
        colleagues.push(Colleague {
            account: AccountId::new(id.0),
            label,
            role,
        });
    }
    Ok(colleagues)
}

diesel::joinable!(placements -> accounts (account_id));
