//! How far each authority is on the way to receiving requests (`domain.md` §9.5).

use diesel::prelude::*;
use domain::actor::Role;
use domain::codes::AuthorityCode;
use domain::ids::AccountId;
use jiff::Timestamp;

use crate::schema::{account_lives, accounts, authority_setups, placements};
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, dialect};

/// What an authority's administrator has done so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Setup {
    /// When the authority's data were confirmed, and by whom.
    pub confirmed: Option<(Timestamp, Option<AccountId>)>,
    /// Which terms were accepted, when and by whom.
    pub terms: Option<(String, Timestamp, Option<AccountId>)>,
    /// Since when it receives requests.
    pub opened_at: Option<Timestamp>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = authority_setups, treat_none_as_default_value = false)]
struct SetupRow {
    authority_code: String,
    confirmed_at: Option<Ts>,
    confirmed_by: Option<Id>,
    terms_version: Option<String>,
    terms_at: Option<Ts>,
    terms_by: Option<Id>,
    opened_at: Option<Ts>,
}

impl From<SetupRow> for Setup {
    fn from(row: SetupRow) -> Self {
        let account = |id: Option<Id>| id.map(|id| AccountId::new(id.0));
        Setup {
            confirmed: row.confirmed_at.map(|at| (at.0, account(row.confirmed_by))),
            terms: row
                .terms_version
                .zip(row.terms_at)
                .map(|(version, at)| (version, at.0, account(row.terms_by))),
            opened_at: row.opened_at.map(|at| at.0),
        }
    }
}

/// How far this authority is.
pub fn find(conn: &mut DbConnection, authority: &AuthorityCode) -> Result<Setup, StoreError> {
    let row = authority_setups::table
        .find(authority.to_string())
        .select(SetupRow::as_select())
        .first(conn)
        .optional()?;
    Ok(row.map(Setup::from).unwrap_or_default())
}

/// How far those authorities are that have begun.
pub fn list(conn: &mut DbConnection) -> Result<Vec<(AuthorityCode, Setup)>, StoreError> {
    let rows = authority_setups::table
        .order(authority_setups::authority_code.asc())
        .select(SetupRow::as_select())
        .load(conn)?;
    let named = |row: SetupRow| (row.authority_code.as_str().into(), Setup::from(row));
    Ok(rows.into_iter().map(named).collect())
}

/// Writes how far this authority is.
pub fn save(
    conn: &mut DbConnection,
    authority: &AuthorityCode,
    setup: &Setup,
) -> Result<(), StoreError> {
    let id = |account: Option<AccountId>| account.map(|account| Id(account.uuid()));
    let row = SetupRow {
        authority_code: authority.to_string(),
        confirmed_at: setup.confirmed.map(|(at, _)| Ts(at)),
        confirmed_by: setup.confirmed.and_then(|(_, by)| id(by)),
        terms_version: setup.terms.as_ref().map(|(version, ..)| version.clone()),
        terms_at: setup.terms.as_ref().map(|(_, at, _)| Ts(*at)),
        terms_by: setup.terms.as_ref().and_then(|(.., by)| id(*by)),
        opened_at: setup.opened_at.map(Ts),
    };
    let columns = &[
        "confirmed_at",
        "confirmed_by",
        "terms_version",
        "terms_at",
        "terms_by",
        "opened_at",
    ];
    let insert = diesel::insert_into(authority_setups::table).values(row);
    dialect::upsert(insert, &["authority_code"], columns).execute(conn)?;
    Ok(())
}

/// Whether requests may go to this authority.
pub fn is_open(conn: &mut DbConnection, authority: &AuthorityCode) -> Result<bool, StoreError> {
    let open = authority_setups::table
        .find(authority.to_string())
        .filter(authority_setups::opened_at.is_not_null());
    Ok(diesel::select(diesel::dsl::exists(open)).get_result(conn)?)
}

/// Whether somebody is there who will work the authority's queue.
pub fn has_operators(
    conn: &mut DbConnection,
    authority: &AuthorityCode,
) -> Result<bool, StoreError> {
    let working = placements::table
        .inner_join(accounts::table.inner_join(account_lives::table))
        .filter(placements::authority_code.eq(authority.to_string()))
        .filter(placements::active.eq(true))
        .filter(placements::role.eq_any([Role::Operator.code(), Role::Supervisor.code()]))
        .filter(account_lives::state.ne_all(["suspended", "revoked", "expired"]))
        .select(placements::id);
    Ok(diesel::select(diesel::dsl::exists(working)).get_result(conn)?)
}
