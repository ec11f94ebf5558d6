//! The formal life of accounts: state, credentials' dates, and an append-only history beside them.
//!
//! Invariant: an account changes by [`save`] alone, under the version its reader saw, together with
//! the events that say why. `accounts.active` follows the state, for the program before this one.
//! The mail address is sealed; a print of it sees to it that no two accounts share one.

use diesel::prelude::*;
use domain::account::AccountState;
use domain::actor::Role;
use domain::codes::AuthorityCode;
use domain::ids::AccountId;
use jiff::Timestamp;
use serde_json::Value;

use crate::keyring::{self, Field, INSTALLATION};
use crate::schema::{account_events, account_lives, accounts, placements};
use crate::sealing::{Place, SealedText};
use crate::sql_types::{Id, Json, Ts};
use crate::{DbConnection, StoreError, settled};

/// An account with everything about its life.
#[derive(Clone)]
pub struct Life {
    /// Its id.
    pub id: AccountId,
    /// What the person types.
    pub username: String,
    /// What colleagues read.
    pub display_name: String,
    /// Argon2 hash, PHC string; empty before the person set one.
    pub password_hash: String,
    /// Wrong passwords in a row, from anywhere.
    pub failures: i32,
    /// Raised by one with every change.
    pub version: i64,
    /// Where it stands.
    pub state: AccountState,
    /// The authority that keeps it; none for those set up with the installation.
    pub home: Option<AuthorityCode>,
    /// Where its mail goes.
    pub email: Option<String>,
    /// Keyed fingerprint of the person's tax code: one person, one account.
    pub person_print: Option<String>,
    /// When the password was set.
    pub password_set_at: Option<Timestamp>,
    /// When it must be another.
    pub must_change_by: Option<Timestamp>,
    /// How often it was changed.
    pub password_changes: i32,
    /// The sealed secret of the second factor; confirmed once `second_factor_at` is there.
    pub second_factor: Option<Vec<u8>>,
    /// When the second factor was confirmed.
    pub second_factor_at: Option<Timestamp>,
    /// The last time step whose code was taken: none before counts again.
    pub second_factor_step: i64,
    /// When its holder last confirmed the authority's data.
    pub confirmed_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Life {
    /// An account that was only asked for.
    pub fn new(id: AccountId, username: &str, display_name: &str, now: Timestamp) -> Self {
        Life {
            id,
            username: username.to_lowercase(),
            display_name: display_name.to_owned(),
            password_hash: String::new(),
            failures: 0,
            version: 1,
            state: AccountState::Requested,
            home: None,
            email: None,
            person_print: None,
            password_set_at: None,
            must_change_by: None,
            password_changes: 0,
            second_factor: None,
            second_factor_at: None,
            second_factor_step: 0,
            confirmed_at: None,
            created_at: now,
        }
    }

    /// Whether logging in takes a second factor.
    pub fn has_second_factor(&self) -> bool {
        self.second_factor_at.is_some()
    }
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = account_lives, treat_none_as_default_value = false, treat_none_as_null = true)]
struct LifeRow {
    account_id: Id,
    version: i64,
    state: String,
    home: Option<String>,
    email: Option<SealedText>,
    person_print: Option<String>,
    password_set_at: Option<Ts>,
    must_change_by: Option<Ts>,
    password_changes: i32,
    second_factor: Option<Vec<u8>>,
    second_factor_at: Option<Ts>,
    // Moves forward by `take_step` alone: an account that was read before would turn it back.
    #[diesel(skip_update)]
    second_factor_step: i64,
    confirmed_at: Option<Ts>,
    email_print: Option<String>,
}

/// Seals the mail address of an account.
fn place(account: &[u8; 16]) -> Place<'_> {
    Place::new("account_lives", account)
}

/// Opens the mail address of an account.
pub(crate) fn open_email(account: Id, email: &SealedText) -> Result<String, StoreError> {
    place(account.0.as_bytes()).open("email", email)
}

impl LifeRow {
    fn of(life: &Life) -> Result<Self, StoreError> {
        let id = life.id.uuid();
        let email = life.email.as_deref();
        let sealed = place(id.as_bytes()).seal_some(INSTALLATION, "email", email)?;
        let print = match email {
            Some(email) => Some(keyring::current()?.print(INSTALLATION, Field::Email, email)?),
            None => None,
        };
        Ok(LifeRow {
            account_id: Id(id),
            version: life.version,
            state: life.state.code().to_owned(),
            home: life.home.as_ref().map(ToString::to_string),
            email: sealed,
            email_print: print,
            person_print: life.person_print.clone(),
            password_set_at: life.password_set_at.map(Ts),
            must_change_by: life.must_change_by.map(Ts),
            password_changes: life.password_changes,
            second_factor: life.second_factor.clone(),
            second_factor_at: life.second_factor_at.map(Ts),
            second_factor_step: life.second_factor_step,
            confirmed_at: life.confirmed_at.map(Ts),
        })
    }
}

type AccountPart = (Id, String, String, String, i32, Ts);

fn life((account, row): (AccountPart, LifeRow)) -> Result<Life, StoreError> {
    let (id, username, display_name, password_hash, failures, created_at) = account;
    let state = AccountState::from_code(&row.state).ok_or_else(|| StoreError::Corrupt {
        table: "account_lives",
        id: id.0.to_string(),
        column: "state",
    })?;
    let email = match &row.email {
        Some(email) => Some(open_email(id, email)?),
        None => None,
    };
    Ok(Life {
        id: AccountId::new(id.0),
        username,
        display_name,
        password_hash,
        failures,
        version: row.version,
        state,
        home: row.home.as_deref().map(AuthorityCode::from),
        email,
        person_print: row.person_print,
        password_set_at: row.password_set_at.map(|at| at.0),
        must_change_by: row.must_change_by.map(|at| at.0),
        password_changes: row.password_changes,
        second_factor: row.second_factor,
        second_factor_at: row.second_factor_at.map(|at| at.0),
        second_factor_step: row.second_factor_step,
        confirmed_at: row.confirmed_at.map(|at| at.0),
        created_at: created_at.0,
    })
}

macro_rules! lives {
    () => {
        accounts::table.inner_join(account_lives::table).select((
            (
                accounts::id,
                accounts::username,
                accounts::display_name,
                accounts::password_hash,
                accounts::failures,
                accounts::created_at,
            ),
            LifeRow::as_select(),
        ))
    };
}

/// The account with this id, whoever asks: the use case checks the reach.
pub fn find(conn: &mut DbConnection, id: AccountId) -> Result<Option<Life>, StoreError> {
    let found = lives!()
        .filter(accounts::id.eq(Id(id.uuid())))
        .first(conn)
        .optional()?;
    found.map(life).transpose()
}

/// The account with this user name, compared without letter case.
pub fn find_by_username(
    conn: &mut DbConnection,
    username: &str,
) -> Result<Option<Life>, StoreError> {
    let found = lives!()
        .filter(accounts::username.eq(username.to_lowercase()))
        .first(conn)
        .optional()?;
    found.map(life).transpose()
}

/// Which accounts somebody may know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountScope {
    /// Those an authority keeps, and those that work there.
    Authority(AuthorityCode),
    /// Those of the regional desk with this code, and every administrator.
    Region(AuthorityCode),
    /// All.
    All,
    /// None.
    Nothing,
}

/// A page of accounts by user name, after `after`.
pub fn list(
    conn: &mut DbConnection,
    scope: &AccountScope,
    state: Option<AccountState>,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Life>, StoreError> {
    let mut query = lives!()
        .order(accounts::username.asc())
        .limit(limit)
        .into_boxed();
    if let Some(state) = state {
        query = query.filter(account_lives::state.eq(state.code()));
    }
    if let Some(after) = after {
        query = query.filter(accounts::username.gt(after.to_owned()));
    }
    match scope {
        AccountScope::All => {}
        AccountScope::Nothing => return Ok(Vec::new()),
        AccountScope::Authority(code) => {
            let working = placements::table
                .filter(
                    placements::account_id
                        .eq(accounts::id)
                        .and(placements::authority_code.eq(code.to_string()))
                        .and(placements::active.eq(true)),
                )
                .select(placements::id);
            query = query.filter(
                account_lives::home
                    .eq(Some(code.to_string()))
                    .or(diesel::dsl::exists(working)),
            );
        }
        AccountScope::Region(code) => {
            let admins = placements::table
                .filter(
                    placements::account_id
                        .eq(accounts::id)
                        .and(
                            placements::role
                                .eq(Role::Admin.code())
                                .or(placements::authority_code.eq(code.to_string())),
                        )
                        .and(placements::active.eq(true)),
                )
                .select(placements::id);
            query = query.filter(
                account_lives::home
                    .eq(Some(code.to_string()))
                    .or(diesel::dsl::exists(admins)),
            );
        }
    }
    query.load(conn)?.into_iter().map(life).collect()
}

/// Something that happened to an account; `detail` names things by code and id alone.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountEvent {
    /// What, such as `credential.issued`.
    pub kind: String,
    /// By whom; none for the person's own doing before a log-in, and for the system.
    pub actor: Option<AccountId>,
    /// More, for those who look into it.
    pub detail: Value,
}

/// Adds an account. Its user name, mail address and person must be free.
pub fn insert(
    conn: &mut DbConnection,
    life: &Life,
    event: &AccountEvent,
) -> Result<(), StoreError> {
    settled::forget();
    let values = (
        accounts::id.eq(Id(life.id.uuid())),
        accounts::username.eq(life.username.to_lowercase()),
        accounts::display_name.eq(life.display_name.clone()),
        accounts::password_hash.eq(life.password_hash.clone()),
        accounts::active.eq(life.state.may_sign_in()),
        accounts::failures.eq(0),
        accounts::created_at.eq(Ts(life.created_at)),
    );
    must_be_alone(conn, life)?;
    diesel::insert_into(accounts::table)
        .values(values)
        .execute(conn)?;
    diesel::insert_into(account_lives::table)
        .values(LifeRow::of(life)?)
        .execute(conn)?;
    record(conn, life.id, life.version, event, life.created_at)
}

/// Writes the account as it is now, and why. `Stale` if somebody changed it since version `was`.
pub fn save(
    conn: &mut DbConnection,
    life: &mut Life,
    event: &AccountEvent,
    now: Timestamp,
) -> Result<(), StoreError> {
    settled::forget();
    let was = life.version;
    life.version += 1;
    must_be_alone(conn, life)?;
    let row = LifeRow::of(life)?;
    let changed = diesel::update(
        account_lives::table
            .find(row.account_id)
            .filter(account_lives::version.eq(was)),
    )
    .set(row)
    .execute(conn)?;
    if changed == 0 {
        return Err(StoreError::Stale);
    }
    diesel::update(accounts::table.find(Id(life.id.uuid())))
        .set((
            accounts::display_name.eq(life.display_name.clone()),
            accounts::password_hash.eq(life.password_hash.clone()),
            accounts::active.eq(life.state.may_sign_in()),
        ))
        .execute(conn)?;
    record(conn, life.id, life.version, event, now)
}

/// While several keys live, equal addresses may have different prints, and the index alone does not see
/// that they are equal.
fn must_be_alone(conn: &mut DbConnection, life: &Life) -> Result<(), StoreError> {
    let Some(email) = life.email.as_deref() else {
        return Ok(());
    };
    let prints = keyring::current()?.prints_of(INSTALLATION, Field::Email, email);
    if prints.len() < 2 || life.state == AccountState::Revoked {
        return Ok(());
    }
    let others: i64 = account_lives::table
        .filter(account_lives::email_print.eq_any(prints))
        .filter(account_lives::account_id.ne(Id(life.id.uuid())))
        .filter(account_lives::state.ne(AccountState::Revoked.code()))
        .count()
        .get_result(conn)?;
    match others {
        0 => Ok(()),
        _ => Err(StoreError::UniqueViolation {
            constraint: EMAIL_KEY.to_owned(),
        }),
    }
}

/// The constraint that an account whose mail address is another's violates.
pub const EMAIL_KEY: &str = "account_lives_email_print_key";

/// Takes a time step of the second factor: false if one as late was taken before (RFC 6238 §5.2).
/// No event and no version: it happens at every log-in.
pub fn take_step(conn: &mut DbConnection, id: AccountId, step: i64) -> Result<bool, StoreError> {
    let earlier = account_lives::table
        .find(Id(id.uuid()))
        .filter(account_lives::second_factor_step.lt(step));
    let taken = diesel::update(earlier)
        .set(account_lives::second_factor_step.eq(step))
        .execute(conn)?;
    Ok(taken == 1)
}

fn record(
    conn: &mut DbConnection,
    id: AccountId,
    seq: i64,
    event: &AccountEvent,
    now: Timestamp,
) -> Result<(), StoreError> {
    let values = (
        account_events::account_id.eq(Id(id.uuid())),
        account_events::seq.eq(seq),
        account_events::at.eq(Ts(now)),
        account_events::kind.eq(event.kind.clone()),
        account_events::actor_account.eq(event.actor.map(|actor| Id(actor.uuid()))),
        account_events::detail.eq(Json(event.detail.clone())),
    );
    diesel::insert_into(account_events::table)
        .values(values)
        .execute(conn)?;
    Ok(())
}

/// An entry of an account's history.
#[derive(Debug, Clone, PartialEq)]
pub struct PastEvent {
    /// Its place.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub event: AccountEvent,
}

/// The newest entries of an account's history.
pub fn list_events(
    conn: &mut DbConnection,
    id: AccountId,
    most: i64,
) -> Result<Vec<PastEvent>, StoreError> {
    let rows = account_events::table
        .filter(account_events::account_id.eq(Id(id.uuid())))
        .order(account_events::seq.desc())
        .limit(most)
        .select((
            account_events::seq,
            account_events::at,
            account_events::kind,
            account_events::actor_account,
            account_events::detail,
        ))
        .load::<(i64, Ts, String, Option<Id>, Json)>(conn)?;
    let past = |(seq, at, kind, actor, detail): (i64, Ts, String, Option<Id>, Json)| PastEvent {
        seq,
        at: at.0,
        event: AccountEvent {
            kind,
            actor: actor.map(|actor| AccountId::new(actor.0)),
            detail: detail.0,
        },
    };
    Ok(rows.into_iter().map(past).collect())
}

/// Accounts whose password must be another between `from` and `until`, by that date.
pub fn list_expiring(
    conn: &mut DbConnection,
    from: Timestamp,
    until: Timestamp,
    after: Option<AccountId>,
    limit: i64,
) -> Result<Vec<Life>, StoreError> {
    let mut query = lives!()
        .filter(account_lives::must_change_by.is_not_null())
        .filter(account_lives::must_change_by.gt(Some(Ts(from))))
        .filter(account_lives::must_change_by.le(Some(Ts(until))))
        .filter(accounts::active.eq(true))
        .order(accounts::id.asc())
        .limit(limit)
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(accounts::id.gt(Id(after.uuid())));
    }
    query.load(conn)?.into_iter().map(life).collect()
}

diesel::joinable!(account_lives -> accounts (account_id));
