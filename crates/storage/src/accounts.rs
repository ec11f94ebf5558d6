//! Placements of staff: a role at an authority's location. The accounts themselves are in `lives`.

use std::collections::HashMap;

use diesel::prelude::*;
use domain::actor::Role;
use domain::codes::AuthorityCode;
use domain::ids::{AccountId, PlacementId};

use crate::schema::{accounts, authorities, placements};
use crate::sql_types::Id;
use crate::{DbConnection, StoreError, dialect, settled};

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

#[derive(Queryable, Selectable)]
#[diesel(table_name = placements)]
pub(crate) struct PlacementRow {
    id: Id,
    role: String,
    authority_code: String,
    location_code: String,
    location_label: String,
}

/// Gives an account a placement: a new one, or one it held before. A second administrator of an
/// authority is refused by the database.
pub fn insert_placement(
    conn: &mut DbConnection,
    id: PlacementId,
    account: AccountId,
    role: Role,
    authority: &AuthorityCode,
    location: (&str, &str),
) -> Result<(), StoreError> {
    settled::forget();
    let insert = diesel::insert_into(placements::table).values((
        placements::id.eq(Id(id.uuid())),
        placements::account_id.eq(Id(account.uuid())),
        placements::role.eq(role.code()),
        placements::authority_code.eq(authority.as_str().to_owned()),
        placements::location_code.eq(location.0.to_owned()),
        placements::location_label.eq(location.1.to_owned()),
        placements::active.eq(true),
    ));
    let keys = &["account_id", "role", "authority_code", "location_code"];
    dialect::upsert(insert, keys, &["location_label", "active"]).execute(conn)?;
    Ok(())
}

/// Takes a placement away.
pub fn end_placement(conn: &mut DbConnection, id: PlacementId) -> Result<(), StoreError> {
    settled::forget();
    diesel::update(placements::table.find(Id(id.uuid())))
        .set(placements::active.eq(false))
        .execute(conn)?;
    Ok(())
}

/// Who administers an authority: account and placement.
pub fn list_admins(
    conn: &mut DbConnection,
    authority: &AuthorityCode,
) -> Result<Vec<(AccountId, PlacementId)>, StoreError> {
    let rows = placements::table
        .filter(placements::authority_code.eq(authority.to_string()))
        .filter(
            placements::role
                .eq(Role::Admin.code())
                .and(placements::active.eq(true)),
        )
        .order(placements::account_id.asc())
        .select((placements::account_id, placements::id))
        .load::<(Id, Id)>(conn)?;
    let admin = |(account, id): (Id, Id)| (AccountId::new(account.0), PlacementId::new(id.0));
    Ok(rows.into_iter().map(admin).collect())
}

/// The names of accounts, for colleagues.
pub fn list_labels(
    conn: &mut DbConnection,
    ids: &[AccountId],
) -> Result<HashMap<AccountId, String>, StoreError> {
    let ids: Vec<Id> = ids.iter().map(|id| Id(id.uuid())).collect();
    let rows = accounts::table
        .filter(accounts::id.eq_any(ids))
        .select((accounts::id, accounts::display_name))
        .load::<(Id, String)>(conn)?;
    let named = rows.into_iter();
    Ok(named
        .map(|(id, label)| (AccountId::new(id.0), label))
        .collect())
}

/// The account with this user name, whatever its state.
pub fn find_by_username(
    conn: &mut DbConnection,
    username: &str,
) -> Result<Option<AccountId>, StoreError> {
    let found = accounts::table
        .filter(accounts::username.eq(username.to_owned()))
        .select(accounts::id)
        .first::<Id>(conn)
        .optional()?;
    Ok(found.map(|id| AccountId::new(id.0)))
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

/// Whether somebody still works in a placement: it is theirs, and their account is active.
pub fn is_in_force(
    conn: &mut DbConnection,
    account: AccountId,
    placement: PlacementId,
) -> Result<bool, StoreError> {
    let found = placements::table
        .inner_join(accounts::table)
        .filter(placements::id.eq(Id(placement.uuid())))
        .filter(placements::account_id.eq(Id(account.uuid())))
        .filter(placements::active.eq(true).and(accounts::active.eq(true)));
    Ok(diesel::select(diesel::dsl::exists(found)).get_result(conn)?)
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
