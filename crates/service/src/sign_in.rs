//! Staff log-in: passwords, sessions, placements, rotating refresh tokens.
//!
//! Unknown user, wrong password and blocked account cost the same work and get the same answer
//! (D-4). This file makes no tokens: it knows sessions, and the api signs for them.

use std::sync::{Condvar, Mutex};
use std::time::Duration;

use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};
use domain::actor::{Role, Staff};
use domain::codes::AuthorityCode;
use domain::ids::{AccountId, PlacementId, SessionId};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use storage::{DbConnection, accounts, sessions};

pub use storage::accounts::Placement;
pub use storage::sessions::LiveSession;

use crate::clock::lock;
use crate::{Desk, DeskError};

/// Longest password read, in bytes: hashing more would be a gift to an attacker.
pub const MAX_PASSWORD_BYTES: usize = 256;
/// Shortest password set, in characters (`domain.md` §11.3, without a second factor).
pub const MIN_PASSWORD_CHARS: usize = 15;

/// A session just opened or renewed.
pub struct SignedIn {
    /// Its id.
    pub session: SessionId,
    /// Whose it is.
    pub account: AccountId,
    /// The one good refresh token's secret part.
    pub refresh_secret: String,
    /// The placements to choose from.
    pub placements: Vec<Placement>,
    /// The placement chosen.
    pub placement: Option<Placement>,
}

/// How long a log-in waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// Lets a bounded number of callers pass at once.
pub struct Gate {
    free: Mutex<usize>,
    freed: Condvar,
}

impl Gate {
    pub(crate) fn new(places: usize) -> Self {
        Gate {
            free: Mutex::new(places.max(1)),
            freed: Condvar::new(),
        }
    }

    /// Runs `f` once there is a place, or answers `Busy` when none comes free in time: the thread
    /// that waits is one that every other request needs, too.
    fn pass<T>(&self, f: impl FnOnce() -> T) -> Result<T, DeskError> {
        let free = lock(&self.free);
        let (mut free, waited) = self
            .freed
            .wait_timeout_while(free, PATIENCE, |free| *free == 0)
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if waited.timed_out() {
            return Err(DeskError::Busy);
        }
        *free -= 1;
        drop(free);
        let _place = Place(self);
        Ok(f())
    }
}

/// Gives its place back, also after a panic.
struct Place<'a>(&'a Gate);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *lock(&self.0.free) += 1;
        self.0.freed.notify_one();
    }
}

impl Desk {
    fn argon2(&self) -> Result<Argon2<'static>, DeskError> {
        let rules = &self.settings.sign_in;
        let params = Params::new(rules.hash_memory_kib, rules.hash_passes, 1, None)
            .map_err(|_| DeskError::Broken("the password hash is misconfigured", None))?;
        Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }

    /// Hashes a password with a fresh salt, as a PHC string.
    pub fn hash_password(&self, password: &str) -> Result<String, DeskError> {
        let mut salt = [0; 16];
        self.ids.fill(&mut salt);
        let argon2 = self.argon2()?;
        let hash: PasswordHash = self
            .hashing
            .pass(|| argon2.hash_password_with_salt(password.as_bytes(), &salt))?
            .map_err(|_| DeskError::Broken("a password cannot be hashed", None))?;
        Ok(hash.to_string())
    }

    fn is_password(&self, password: &str, phc: &str) -> Result<bool, DeskError> {
        let argon2 = self.argon2()?;
        let hash = PasswordHash::new(phc)
            .map_err(|_| DeskError::Broken("a kept password hash is damaged", None))?;
        Ok(self
            .hashing
            .pass(|| argon2.verify_password(password.as_bytes(), &hash))?
            .is_ok())
    }

    /// Adds an account with its placements. For set-up; the accounts' own life comes later.
    pub fn add_account(
        &self,
        username: &str,
        display_name: &str,
        password: &str,
        placements: &[(Role, AuthorityCode, String, String)],
    ) -> Result<AccountId, DeskError> {
        let hash = self.hash_password(password)?;
        let (desk, username, display_name) =
            (self.clone(), username.to_owned(), display_name.to_owned());
        let placements = placements.to_vec();
        self.db.write(move |conn| {
            let id = AccountId::new(desk.ids.uuid());
            accounts::insert(conn, id, &username, &display_name, &hash, desk.clock.now())?;
            for (role, authority, code, label) in &placements {
                let placement = PlacementId::new(desk.ids.uuid());
                accounts::insert_placement(conn, placement, id, *role, authority, (code, label))?;
            }
            Ok(id)
        })
    }

    /// Whether an account of this name exists. For set-up.
    pub fn has_account(&self, username: &str) -> Result<bool, DeskError> {
        Ok(self
            .db
            .read(|conn| accounts::find_by_username(conn, username))?
            .is_some())
    }

    /// Opens a session for the right password. One placement alone is chosen at once.
    pub fn sign_in(&self, username: &str, password: &str) -> Result<SignedIn, DeskError> {
        let found = self
            .db
            .read(|conn| accounts::find_by_username(conn, username))?;
        let now = self.clock.now();
        let (desk, id) = (self.clone(), found.as_ref().map(|account| account.id));
        let may_try = self.db.write(move |conn| match id {
            None => Ok(false),
            Some(id) => desk.count_try(conn, id, now),
        })?;
        let phc = match &found {
            Some(account) => account.password_hash.clone(),
            None => self.nobodys_hash()?,
        };
        let is_right = password.len() <= MAX_PASSWORD_BYTES && self.is_password(password, &phc)?;
        let account = match found {
            Some(account) if is_right && may_try && account.active => account,
            _ => return Err(DeskError::Credentials),
        };
        let (desk, id) = (self.clone(), account.id);
        self.db.write(move |conn| {
            accounts::forget_tries(conn, id)?;
            let placements = accounts::list_placements(conn, id)?;
            let placement = match placements.as_slice() {
                [only] => Some(only.clone()),
                _ => None,
            };
            let session = SessionId::new(desk.ids.uuid());
            let refresh_secret = desk.refresh_secret();
            let chosen = placement.as_ref().map(|placement| placement.id);
            let end = now
                .checked_add(desk.settings.sign_in.absolute)
                .unwrap_or(now);
            let hash = hash_secret(&refresh_secret);
            sessions::insert_session(conn, session, id, chosen, &hash, now, end)?;
            Ok(SignedIn {
                session,
                account: id,
                refresh_secret,
                placements,
                placement,
            })
        })
    }

    /// Counts a try and sets the delay it leads to. False while the account is blocked.
    fn count_try(
        &self,
        conn: &mut DbConnection,
        id: AccountId,
        now: Timestamp,
    ) -> Result<bool, DeskError> {
        let Some(tries) = accounts::count_try(conn, id, now)? else {
            return Ok(false);
        };
        if let Some(until) = self
            .delay_after(tries)
            .and_then(|delay| now.checked_add(delay).ok())
        {
            accounts::block(conn, id, until)?;
        }
        Ok(true)
    }

    /// The delay after so many wrong passwords in a row: none at first, then doubling.
    fn delay_after(&self, failures: i32) -> Option<SignedDuration> {
        let rules = &self.settings.sign_in;
        let over = u32::try_from(failures - rules.free_failures).ok()?;
        let seconds = 1_i64.checked_shl(over.min(20)).unwrap_or(i64::MAX);
        Some(SignedDuration::from_secs(seconds).min(rules.longest_delay))
    }

    /// A hash to compare with when there is no account, so that the work is the same.
    fn nobodys_hash(&self) -> Result<String, DeskError> {
        static HASH: std::sync::OnceLock<String> = std::sync::OnceLock::new();
        if let Some(hash) = HASH.get() {
            return Ok(hash.clone());
        }
        let hash = self.hash_password("nobody has this password")?;
        Ok(HASH.get_or_init(|| hash).clone())
    }

    /// The session, if it still holds now.
    pub fn find_session(&self, id: SessionId) -> Result<Option<LiveSession>, DeskError> {
        let now = self.clock.now();
        let idle_since = now
            .checked_sub(self.settings.sign_in.idle)
            .unwrap_or(Timestamp::MIN);
        Ok(self
            .db
            .read(|conn| sessions::find_live_session(conn, id, now, idle_since))?)
    }

    /// The placements an account holds.
    pub fn list_placements(&self, account: AccountId) -> Result<Vec<Placement>, DeskError> {
        Ok(self
            .db
            .read(|conn| accounts::list_placements(conn, account))?)
    }

    /// Renews a session; its old refresh token is good no more, and using it again ends the
    /// session (D-3).
    pub fn refresh(&self, session: SessionId, secret: &str) -> Result<SignedIn, DeskError> {
        let (desk, hash) = (self.clone(), hash_secret(secret));
        let renewed = self.db.write(move |conn| {
            let now = desk.clock.now();
            let Some(state) = sessions::find_refresh(conn, session, now)? else {
                return Ok(None);
            };
            let idle_since = now
                .checked_sub(desk.settings.sign_in.idle)
                .unwrap_or(Timestamp::MIN);
            let alive = sessions::find_live_session(conn, session, now, idle_since)?;
            let (Some(alive), false) = (alive, state.ended) else {
                return Ok(None);
            };
            let refresh_secret = desk.refresh_secret();
            let is_good = crate::secrets::same(&state.refresh_hash, &hash);
            if !is_good
                || !sessions::rotate_refresh(
                    conn,
                    session,
                    &hash,
                    &hash_secret(&refresh_secret),
                    now,
                )?
            {
                sessions::revoke_session(conn, session, now)?;
                return Ok(None);
            }
            let placements = accounts::list_placements(conn, state.account)?;
            Ok::<_, DeskError>(Some(SignedIn {
                session,
                account: state.account,
                refresh_secret,
                placements,
                placement: alive.placement,
            }))
        })?;
        renewed.ok_or(DeskError::Credentials)
    }

    /// Chooses the placement of a session. Its refresh token is replaced, as at every change of
    /// rights (`conventions.md` ID-8).
    pub fn choose_placement(
        &self,
        session: SessionId,
        account: AccountId,
        placement: PlacementId,
    ) -> Result<SignedIn, DeskError> {
        let desk = self.clone();
        self.db.write(move |conn| {
            let refresh_secret = desk.refresh_secret();
            let hash = hash_secret(&refresh_secret);
            if !sessions::choose_placement(conn, session, account, placement, &hash)? {
                return Err(DeskError::NotFound);
            }
            let placements = accounts::list_placements(conn, account)?;
            let placement = placements.iter().find(|one| one.id == placement).cloned();
            Ok(SignedIn {
                session,
                account,
                refresh_secret,
                placements,
                placement,
            })
        })
    }

    /// Ends a session at once.
    pub fn sign_out(&self, session: SessionId) -> Result<(), DeskError> {
        let now = self.clock.now();
        Ok(self
            .db
            .write(move |conn| sessions::revoke_session(conn, session, now))?)
    }

    fn refresh_secret(&self) -> String {
        let mut bytes = [0; 32];
        self.ids.fill(&mut bytes);
        data_encoding::BASE64URL_NOPAD.encode(&bytes)
    }
}

/// Refresh secrets have 256 random bits: a plain hash keeps them.
fn hash_secret(secret: &str) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(secret.as_bytes()))
}

/// The staff member a session acts as.
pub fn staff_of(session: &LiveSession) -> Option<Staff> {
    session.placement.as_ref().map(|placement| Staff {
        account: session.account,
        placement: placement.id,
        role: placement.role,
        authority: placement.authority.clone(),
    })
}
