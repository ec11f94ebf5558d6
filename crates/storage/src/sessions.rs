//! Log-ins of staff: which hold, in which placement, and the one refresh token that is good.

use diesel::prelude::*;
use domain::account::AccountState;
use domain::ids::{AccountId, PlacementId, SessionId};
use jiff::Timestamp;

use crate::accounts::{Placement, PlacementRow, placement};
use crate::schema::{account_lives, accounts, authorities, placements, sessions};
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError};

/// A log-in that still holds.
#[derive(Clone)]
pub struct LiveSession {
    /// Its id.
    pub id: SessionId,
    /// Whose.
    pub account: AccountId,
    /// Their user name.
    pub username: String,
    /// Their name.
    pub display_name: String,
    /// The placement chosen, if still held.
    pub placement: Option<Placement>,
    /// When the person logged in; renewing does not count.
    pub since: Timestamp,
    /// Whether a second factor was shown, here or to the identity service.
    pub has_second_factor: bool,
    /// Whether another password must be set before anything else.
    pub must_change_password: bool,
}

#[derive(Insertable)]
#[diesel(table_name = sessions, treat_none_as_default_value = false)]
struct SessionRow {
    id: Id,
    account_id: Id,
    placement_id: Option<Id>,
    refresh_hash: String,
    created_at: Ts,
    used_at: Ts,
    expires_at: Ts,
    revoked_at: Option<Ts>,
    second_factor_at: Option<Ts>,
}

/// A session to open.
#[derive(Debug, Clone, Copy)]
pub struct NewSession<'a> {
    /// Its id.
    pub id: SessionId,
    /// Whose.
    pub account: AccountId,
    /// The placement chosen, if there is no choice.
    pub placement: Option<PlacementId>,
    /// Hash of the one refresh token that is good.
    pub refresh_hash: &'a str,
    /// Whether a second factor was shown.
    pub has_second_factor: bool,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

/// Opens a session.
pub fn insert_session(
    conn: &mut DbConnection,
    session: NewSession<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let row = SessionRow {
        id: Id(session.id.uuid()),
        account_id: Id(session.account.uuid()),
        placement_id: session.placement.map(|id| Id(id.uuid())),
        refresh_hash: session.refresh_hash.to_owned(),
        created_at: Ts(now),
        used_at: Ts(now),
        expires_at: Ts(session.expires_at),
        revoked_at: None,
        second_factor_at: session.has_second_factor.then_some(Ts(now)),
    };
    diesel::insert_into(sessions::table)
        .values(row)
        .execute(conn)?;
    Ok(())
}

/// Ends every session of an account at once, but for `except`.
pub fn revoke_sessions(
    conn: &mut DbConnection,
    account: AccountId,
    except: Option<SessionId>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let open = sessions::table
        .filter(sessions::account_id.eq(Id(account.uuid())))
        .filter(sessions::revoked_at.is_null())
        .filter(sessions::id.ne(Id(except.map_or(uuid::Uuid::nil(), SessionId::uuid))));
    diesel::update(open)
        .set(sessions::revoked_at.eq(Some(Ts(now))))
        .execute(conn)?;
    Ok(())
}

/// A second factor was shown in this session.
pub fn mark_second_factor(
    conn: &mut DbConnection,
    id: SessionId,
    now: Timestamp,
) -> Result<(), StoreError> {
    diesel::update(sessions::table.find(Id(id.uuid())))
        .set(sessions::second_factor_at.eq(Some(Ts(now))))
        .execute(conn)?;
    Ok(())
}

/// The session, if it still holds: not revoked, not over, not idle since `used_after`, its
/// account active. One statement, asked on every staff request.
pub fn find_live_session(
    conn: &mut DbConnection,
    id: SessionId,
    now: Timestamp,
    used_after: Timestamp,
) -> Result<Option<LiveSession>, StoreError> {
    let found = sessions::table
        .inner_join(accounts::table.inner_join(account_lives::table))
        // One after the other: of a join within the join SQLite makes a table first.
        .left_join(placements::table)
        .left_join(authorities::table.on(authorities::code.eq(placements::authority_code)))
        .filter(sessions::id.eq(Id(id.uuid())))
        .filter(sessions::revoked_at.is_null())
        .filter(
            sessions::expires_at
                .gt(Ts(now))
                .and(sessions::used_at.gt(Ts(used_after))),
        )
        .filter(accounts::active.eq(true))
        .select((
            (accounts::id, accounts::username, accounts::display_name),
            (
                sessions::created_at,
                sessions::second_factor_at,
                account_lives::state,
            ),
            Option::<PlacementRow>::as_select(),
            authorities::label.nullable(),
            placements::active.nullable(),
        ))
        .first::<(
            (Id, String, String),
            (Ts, Option<Ts>, String),
            Option<PlacementRow>,
            Option<String>,
            Option<bool>,
        )>(conn)
        .optional()?;
    let Some(((account, username, display_name), standing, row, label, active)) = found else {
        return Ok(None);
    };
    let placement = match (row, label, active) {
        (Some(row), Some(label), Some(true)) => Some(placement((row, label))?),
        _ => None,
    };
    let (since, second_factor_at, state) = standing;
    Ok(Some(LiveSession {
        since: since.0,
        has_second_factor: second_factor_at.is_some(),
        must_change_password: state == AccountState::MustChange.code(),
        id,
        account: AccountId::new(account.0),
        username,
        display_name,
        placement,
    }))
}

/// What a refresh token is compared with.
pub struct RefreshState {
    /// Whose session.
    pub account: AccountId,
    /// Hash of the one token that is good now.
    pub refresh_hash: String,
    /// Revoked or over.
    pub ended: bool,
}

/// The refresh state of a session.
pub fn find_refresh(
    conn: &mut DbConnection,
    id: SessionId,
    now: Timestamp,
) -> Result<Option<RefreshState>, StoreError> {
    let row = sessions::table
        .find(Id(id.uuid()))
        .select((
            sessions::account_id,
            sessions::refresh_hash,
            sessions::expires_at,
            sessions::revoked_at,
        ))
        .first::<(Id, String, Ts, Option<Ts>)>(conn)
        .optional()?;
    Ok(row.map(
        |(account, refresh_hash, expires_at, revoked_at)| RefreshState {
            account: AccountId::new(account.0),
            refresh_hash,
            ended: revoked_at.is_some() || expires_at.0 <= now,
        },
    ))
}

/// Replaces the refresh token, if `old_hash` is still the good one. False if it is not.
pub fn rotate_refresh(
    conn: &mut DbConnection,
    id: SessionId,
    old_hash: &str,
    new_hash: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let row = sessions::table
        .filter(
            sessions::id
                .eq(Id(id.uuid()))
                .and(sessions::refresh_hash.eq(old_hash.to_owned())),
        )
        .filter(sessions::revoked_at.is_null());
    let changed = diesel::update(row)
        .set((
            sessions::refresh_hash.eq(new_hash.to_owned()),
            sessions::used_at.eq(Ts(now)),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

/// Chooses the placement of a session and replaces its refresh token, if its account holds the
/// placement. False if it does not.
pub fn choose_placement(
    conn: &mut DbConnection,
    session: SessionId,
    account: AccountId,
    placement: PlacementId,
    new_hash: &str,
) -> Result<bool, StoreError> {
    let held = diesel::select(diesel::dsl::exists(
        placements::table.filter(
            placements::id
                .eq(Id(placement.uuid()))
                .and(placements::account_id.eq(Id(account.uuid())))
                .and(placements::active.eq(true)),
        ),
    ))
    .get_result::<bool>(conn)?;
    if held {
        let live = sessions::table.find(Id(session.uuid())).filter(
            sessions::account_id
                .eq(Id(account.uuid()))
                .and(sessions::revoked_at.is_null()),
        );
        let changed = diesel::update(live)
            .set((
                sessions::placement_id.eq(Some(Id(placement.uuid()))),
                sessions::refresh_hash.eq(new_hash.to_owned()),
            ))
            .execute(conn)?;
        return Ok(changed == 1);
    }
    Ok(false)
}

/// Ends a session at once.
pub fn revoke_session(
    conn: &mut DbConnection,
    id: SessionId,
    now: Timestamp,
) -> Result<(), StoreError> {
    diesel::update(
        sessions::table
            .find(Id(id.uuid()))
            .filter(sessions::revoked_at.is_null()),
    )
    .set(sessions::revoked_at.eq(Some(Ts(now))))
    .execute(conn)?;
    Ok(())
}

/// Forgets sessions that ended before `before`, `most` of them at a time.
pub fn delete_ended_sessions(
    conn: &mut DbConnection,
    before: Timestamp,
    most: i64,
) -> Result<usize, StoreError> {
    let old = sessions::table
        .filter(sessions::expires_at.lt(Ts(before)))
        .select(sessions::id)
        .limit(most)
        .load::<Id>(conn)?;
    Ok(diesel::delete(sessions::table.filter(sessions::id.eq_any(old))).execute(conn)?)
}

diesel::joinable!(sessions -> accounts (account_id));
diesel::joinable!(sessions -> placements (placement_id));
