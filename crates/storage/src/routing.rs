//! Versions of the routing rules. Append-only: there is no function here that updates or deletes one,
//! and triggers on both databases refuse it.

use diesel::prelude::*;
use domain::ids::AccountId;
use jiff::Timestamp;

use crate::schema::routing_versions;
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, dialect, settled};

/// A version, without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutingVersion {
    /// From 1; the highest one is in force.
    pub version: i32,
    /// Why it was entered.
    pub comment: Option<String>,
    /// When it was entered, and held from then on.
    pub in_force_from: Timestamp,
    /// Who entered it; none for what came with the installation.
    pub created_by: Option<AccountId>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = routing_versions)]
struct VersionRow {
    version: i32,
    comment: Option<String>,
    in_force_from: Ts,
    created_by: Option<Id>,
}

#[derive(Insertable)]
#[diesel(table_name = routing_versions, treat_none_as_default_value = false)]
struct NewRow<'a> {
    version: i32,
    definition: &'a str,
    comment: Option<&'a str>,
    in_force_from: Ts,
    created_by: Option<Id>,
}

impl<'a> NewRow<'a> {
    fn new(version: &'a RoutingVersion, definition: &'a str) -> Self {
        NewRow {
            version: version.version,
            definition,
            comment: version.comment.as_deref(),
            in_force_from: Ts(version.in_force_from),
            created_by: version.created_by.map(|account| Id(account.uuid())),
        }
    }
}

impl From<VersionRow> for RoutingVersion {
    fn from(row: VersionRow) -> Self {
        RoutingVersion {
            version: row.version,
            comment: row.comment,
            in_force_from: row.in_force_from.0,
            created_by: row.created_by.map(|account| AccountId::new(account.0)),
        }
    }
}

/// Adds a version. `UniqueViolation` if it has been added meanwhile.
pub fn insert(
    conn: &mut DbConnection,
    version: &RoutingVersion,
    definition: &str,
) -> Result<(), StoreError> {
    settled::forget();
    diesel::insert_into(routing_versions::table)
        .values(NewRow::new(version, definition))
        .execute(conn)?;
    Ok(())
}

/// Adds a version unless there is one with its number.
pub fn insert_if_absent(
    conn: &mut DbConnection,
    version: &RoutingVersion,
    definition: &str,
) -> Result<(), StoreError> {
    settled::forget();
    let insert =
        diesel::insert_into(routing_versions::table).values(NewRow::new(version, definition));
    dialect::insert_if_absent(insert, &["version"]).execute(conn)?;
    Ok(())
}

/// The number of the version in force; 0 if there is none.
pub fn last_version(conn: &mut DbConnection) -> Result<i32, StoreError> {
    let last: Option<i32> = routing_versions::table
        .select(diesel::dsl::max(routing_versions::version))
        .first(conn)?;
    Ok(last.unwrap_or_default())
}

/// A version with its text.
pub fn find(
    conn: &mut DbConnection,
    version: i32,
) -> Result<Option<(RoutingVersion, String)>, StoreError> {
    let found = routing_versions::table
        .find(version)
        .select((VersionRow::as_select(), routing_versions::definition))
        .first::<(VersionRow, String)>(conn)
        .optional()?;
    Ok(found.map(|(row, definition)| (row.into(), definition)))
}

/// A page of versions, the newest first, that come before `before`.
pub fn list(
    conn: &mut DbConnection,
    before: Option<i32>,
    limit: i64,
) -> Result<Vec<RoutingVersion>, StoreError> {
    let rows: Vec<VersionRow> = routing_versions::table
        .filter(routing_versions::version.lt(before.unwrap_or(i32::MAX)))
        .order(routing_versions::version.desc())
        .limit(limit)
        .select(VersionRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(RoutingVersion::from).collect())
}
