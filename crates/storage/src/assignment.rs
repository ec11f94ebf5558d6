//! How desks give out what comes to them, and who is there to get it.

use std::collections::HashMap;

use diesel::prelude::*;
use domain::actor::{Assignee, Role};
use domain::assignment::{AssignmentMode, Candidate};
use domain::codes::AuthorityCode;
use domain::ids::AccountId;
use domain::permissions::{Right, has};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::absences::is_away;
use crate::schema::{accounts, assignment_settings, placements};
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, assignee, dialect, queue_counts, settled};

/// How a desk gives out what comes to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Counts the changes; what clients send back.
    pub version: i64,
    /// How.
    pub mode: AssignmentMode,
    /// Who had the last one, where they take turns.
    pub last: Option<AccountId>,
}

/// The version where a desk has set nothing.
pub const UNSET: i64 = 1;

impl Default for Settings {
    fn default() -> Self {
        Settings {
            version: UNSET,
            mode: AssignmentMode::None,
            last: None,
        }
    }
}

/// What a desk has set; nothing is given out where it has set nothing.
pub fn find_settings(
    conn: &mut DbConnection,
    desk: &AuthorityCode,
) -> Result<Settings, StoreError> {
    let found = assignment_settings::table
        .find(desk.as_str().to_owned())
        .select((
            assignment_settings::version,
            assignment_settings::mode,
            assignment_settings::last_account,
        ))
        .first::<(i64, String, Option<Id>)>(conn)
        .optional()?;
    let Some((version, mode, last)) = found else {
        return Ok(Settings::default());
    };
    let mode = AssignmentMode::from_code(&mode).ok_or_else(|| StoreError::Corrupt {
        table: "assignment_settings",
        id: desk.to_string(),
        column: "mode",
    })?;
    Ok(Settings {
        version,
        mode,
        last: last.map(|account| AccountId::new(account.0)),
    })
}

/// Sets how a desk gives out, unless somebody did so since version `was`.
pub fn save_mode(
    conn: &mut DbConnection,
    desk: &AuthorityCode,
    mode: AssignmentMode,
    was: i64,
    by: AccountId,
    now: Timestamp,
) -> Result<(), StoreError> {
    settled::forget();
    let values = (
        assignment_settings::version.eq(was + 1),
        assignment_settings::mode.eq(mode.as_str()),
        assignment_settings::updated_at.eq(Ts(now)),
        assignment_settings::updated_by.eq(Id(by.uuid())),
    );
    let changed = if was == UNSET {
        let desk = assignment_settings::desk.eq(desk.as_str().to_owned());
        let (version, mode, at, by) = values;
        let row = diesel::insert_into(assignment_settings::table);
        let row = row.values((desk, version, mode, at, by));
        dialect::insert_if_absent(row, &["desk"]).execute(conn)?
    } else {
        let seen = assignment_settings::table
            .find(desk.as_str().to_owned())
            .filter(assignment_settings::version.eq(was));
        diesel::update(seen).set(values).execute(conn)?
    };
    match changed {
        0 => Err(StoreError::Stale),
        _ => Ok(()),
    }
}

/// Notes whose turn it was last.
pub fn set_last(
    conn: &mut DbConnection,
    desk: &AuthorityCode,
    last: AccountId,
) -> Result<(), StoreError> {
    diesel::update(assignment_settings::table.find(desk.as_str().to_owned()))
        .set(assignment_settings::last_account.eq(Some(Id(last.uuid()))))
        .execute(conn)?;
    Ok(())
}

/// The people who are present at a desk today: active, placed there with the right to work, and not
/// away.
pub fn list_present(
    conn: &mut DbConnection,
    desk: &AuthorityCode,
    today: Date,
) -> Result<Vec<AccountId>, StoreError> {
    let roles: Vec<&str> = Role::ALL
        .into_iter()
        .filter(|role| has(*role, Right::Work))
        .map(Role::code)
        .collect();
    let rows = placements::table
        .inner_join(accounts::table)
        .filter(placements::authority_code.eq(desk.as_str().to_owned()))
        .filter(placements::active.eq(true).and(accounts::active.eq(true)))
        .filter(placements::role.eq_any(roles))
        .filter(diesel::dsl::not(is_away(today)))
        .order(accounts::id.asc())
        .select(accounts::id)
        .distinct()
        .load::<Id>(conn)?;
    Ok(rows.into_iter().map(|id| AccountId::new(id.0)).collect())
}

/// The same people, with how many open tickets of the desk each of them owns.
pub fn list_candidates(
    conn: &mut DbConnection,
    desk: &AuthorityCode,
    today: Date,
) -> Result<Vec<Candidate>, StoreError> {
    let present = list_present(conn, desk, today)?;
    let loads: HashMap<AccountId, i64> = open_by_owner(conn, desk)?
        .into_iter()
        .filter_map(|(owner, total)| match assignee::from_column(&owner) {
            Some(Assignee::Operator(account)) => Some((account, total)),
            _ => None,
        })
        .collect();
    let candidate = |account: AccountId| Candidate {
        account,
        open: loads.get(&account).copied().unwrap_or(0),
    };
    Ok(present.into_iter().map(candidate).collect())
}

/// How many open tickets of a desk each owner has: kept counts alone, which whoever causes an assignment,
/// such as a citizen who files, may cause to be looked at and not see (ADR 0022).
fn open_by_owner(
    conn: &mut DbConnection,
    desk: &AuthorityCode,
) -> Result<Vec<(String, i64)>, StoreError> {
    dialect::beyond_fence(conn, |conn| queue_counts::list_owned(conn, desk))
}
