//! Staff log-in: sessions, placements, rotating refresh tokens.
//!
//! Unknown user, wrong password and locked account cost the same work and get the same answer
//! (D-4). This file makes no tokens: it knows sessions, and the api signs for them.

use domain::account::AccountStep;
use domain::actor::{Role, Staff};
use domain::codes::AuthorityCode;
use domain::ids::{AccountId, PlacementId, SessionId};
use domain::password::PasswordPolicy;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use sha2::{Digest, Sha256};
use storage::lives::{AccountEvent, Life};
use storage::login_sources::Tries;
use storage::sessions::NewSession;
use storage::{DbConnection, accounts, lives, login_sources, sessions, used_tokens};

pub use storage::accounts::Placement;
pub use storage::sessions::LiveSession;

use crate::evidence::sign_ins::{Known, Step, Tried};
use crate::{Desk, DeskError};

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
    /// Whether another password must be set before anything else.
    pub must_change_password: bool,
    /// Whether a second factor was shown.
    pub has_second_factor: bool,
}

/// Somebody who showed password and, where there is one, second factor.
pub(crate) struct Proved {
    pub(crate) life: Life,
    pub(crate) by_second_factor: bool,
}

/// What a try at a log-in met.
pub(crate) struct Try {
    pub(crate) life: Option<Life>,
    pub(crate) policy: PasswordPolicy,
    pub(crate) counts: bool,
}

/// Tries from anywhere, at one account, after which a network its owner never used waits after each.
const TRIES_OF_STRANGERS: i32 = 100;

impl Desk {
    /// Adds a working account with its placements. For demonstrations and tests alone: everybody
    /// else starts with two codes.
    pub fn add_account(
        &self,
        username: &str,
        display_name: &str,
        password: &str,
        placements: &[(Role, AuthorityCode, String, String)],
    ) -> Result<AccountId, DeskError> {
        let hash = self.hash_password(password)?;
        let desk = self.clone();
        let id = AccountId::new(self.ids.uuid());
        let now = self.clock.now();
        let mut life = Life::new(id, username, display_name, now);
        life.state = domain::account::AccountState::Active;
        life.password_hash = hash;
        life.password_set_at = Some(now);
        life.home = placements.first().map(|(_, home, ..)| home.clone());
        let placements = placements.to_vec();
        self.db.write(move |conn| {
            let event = AccountEvent {
                kind: "account.set_up".to_owned(),
                actor: None,
                detail: json!({}),
            };
            lives::insert(conn, &life, &event)?;
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
            .read(|conn| lives::find_by_username(conn, username))?
            .is_some())
    }

    /// Opens a session for the right password and, where there is one, second factor. `source` is
    /// the caller's network. One placement alone is chosen at once.
    pub fn sign_in(
        &self,
        username: &str,
        password: &str,
        otp: Option<&str>,
        source: &str,
    ) -> Result<SignedIn, DeskError> {
        let proved = self.prove(username, password, otp, source);
        let opened = proved.and_then(|proved| self.let_proved_in(proved, source));
        let tried = Tried::Username(username.to_owned());
        self.traced(Step::LogIn, tried, source, opened)
    }

    fn let_proved_in(&self, proved: Proved, source: &str) -> Result<SignedIn, DeskError> {
        let (desk, source) = (self.clone(), self.source_print(source));
        self.db.write(move |conn| {
            let now = desk.clock.now();
            login_sources::succeed(conn, proved.life.id, &source, now)?;
            let life = still_proved(conn, &proved.life)?;
            let opened = desk.open_session(conn, life, proved.by_second_factor, now)?;
            desk.trace(conn, Step::LogIn, &Known::of(&opened), &source, now)?;
            Ok(opened)
        })
    }

    /// Opens a session for somebody who was proved, and brings their account up to date.
    pub(crate) fn open_session(
        &self,
        conn: &mut DbConnection,
        mut life: Life,
        has_second_factor: bool,
        now: Timestamp,
    ) -> Result<SignedIn, DeskError> {
        let is_old = life.must_change_by.is_some_and(|end| end <= now);
        let step = match is_old {
            true if life.state.after(AccountStep::RequireChange).is_ok() => {
                AccountStep::RequireChange
            }
            _ => AccountStep::SignIn,
        };
        let state = life.state.after(step)?;
        if state != life.state {
            life.state = state;
            let event = AccountEvent {
                kind: step.event().to_owned(),
                actor: Some(life.id),
                detail: json!({}),
            };
            lives::save(conn, &mut life, &event, now)?;
        }
        let placements = accounts::list_placements(conn, life.id)?;
        let placement = match placements.as_slice() {
            [only] => Some(only.clone()),
            _ => None,
        };
        let session = SessionId::new(self.ids.uuid());
        let refresh_secret = self.refresh_secret();
        let end = now.checked_add(self.settings.sign_in.absolute);
        let new = NewSession {
            id: session,
            account: life.id,
            placement: placement.as_ref().map(|placement| placement.id),
            refresh_hash: &hash_secret(&refresh_secret),
            has_second_factor,
            expires_at: end.unwrap_or(now),
        };
        sessions::insert_session(conn, new, now)?;
        Ok(SignedIn {
            session,
            account: life.id,
            refresh_secret,
            placements,
            placement,
            must_change_password: life.state == domain::account::AccountState::MustChange,
            has_second_factor,
        })
    }

    /// Proves who somebody is. Every way to fail costs the same work and tells the same, except to
    /// whoever has the right password already and lacks the code.
    pub(crate) fn prove(
        &self,
        username: &str,
        password: &str,
        otp: Option<&str>,
        source: &str,
    ) -> Result<Proved, DeskError> {
        let Try {
            life,
            policy: _,
            counts,
        } = self.count_try(username, source)?;
        let phc = match &life {
            Some(life) if !life.password_hash.is_empty() => life.password_hash.clone(),
            _ => self.nobodys_hash()?,
        };
        let is_right = Desk::is_hashable(password) && self.is_password(password, &phc)?;
        let life = match life {
            Some(life) if is_right && counts && life.state.may_sign_in() => life,
            _ => return Err(DeskError::Credentials),
        };
        if !life.has_second_factor() {
            return Ok(Proved {
                life,
                by_second_factor: false,
            });
        }
        let otp = otp.ok_or(DeskError::OtpRequired)?;
        if self.takes_second_factor(&life, otp)? {
            Ok(Proved {
                life,
                by_second_factor: true,
            })
        } else {
            Err(DeskError::Credentials)
        }
    }

    /// Counts a try before its password is looked at, and sets the delay or the lock it leads to.
    pub(crate) fn count_try(&self, username: &str, source: &str) -> Result<Try, DeskError> {
        let (desk, source) = (self.clone(), self.source_print(source));
        let username = username.to_owned();
        self.db.write(move |conn| {
            let now = desk.clock.now();
            let Some(mut life) = lives::find_by_username(conn, &username)? else {
                // A write, as for somebody there is: the time it takes tells nothing (D-4).
                let text = format!("nobody\n{username}\n{source}");
                let print = desk.secrets.fingerprint("used-token", text.as_bytes());
                used_tokens::take(conn, &print, now)?;
                return Ok(Try {
                    life: None,
                    policy: PasswordPolicy::MODERN,
                    counts: false,
                });
            };
            let policy = desk.policy_of(conn, &life)?;
            let tries = login_sources::count(conn, life.id, &source, now)?;
            if let Some(tries) = tries {
                desk.slow_down(conn, &mut life, &policy, tries, &source, now)?;
            }
            Ok::<_, DeskError>(Try {
                life: Some(life),
                policy,
                counts: tries.is_some(),
            })
        })
    }

    /// What so many tries lead to: this network waits longer and longer; when very many came from
    /// everywhere, each one the person never used has one try and then waits longest; under a policy
    /// that says so, the account is locked once the last try it allows has failed.
    fn slow_down(
        &self,
        conn: &mut DbConnection,
        life: &mut Life,
        policy: &PasswordPolicy,
        tries: Tries,
        source: &str,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        let until = |delay: SignedDuration| now.checked_add(delay).unwrap_or(now);
        let is_siege = !tries.is_known && tries.anywhere >= TRIES_OF_STRANGERS;
        let delay = match is_siege {
            true => Some(self.settings.sign_in.longest_delay),
            false => self.delay_after(tries.here - policy.free_failures),
        };
        if let Some(delay) = delay {
            login_sources::block(conn, life.id, source, until(delay))?;
        }
        let is_spent = policy.lock_after.is_some_and(|most| tries.anywhere > most);
        if is_spent && let Ok(state) = life.state.after(AccountStep::Lock) {
            life.state = state;
            let event = AccountEvent {
                kind: AccountStep::Lock.event().to_owned(),
                actor: None,
                detail: json!({"tries": tries.anywhere}),
            };
            lives::save(conn, life, &event, now)?;
        }
        Ok(())
    }

    /// The delay after so many wrong passwords too many: doubling, up to the longest.
    fn delay_after(&self, over: i32) -> Option<SignedDuration> {
        let over = u32::try_from(over).ok()?;
        let seconds = 1_i64.checked_shl(over.min(20)).unwrap_or(i64::MAX);
        let longest = self.settings.sign_in.longest_delay;
        Some(SignedDuration::from_secs(seconds).min(longest))
    }

    /// A network as rows keep it.
    pub(crate) fn source_print(&self, source: &str) -> String {
        self.secrets.fingerprint("source", source.as_bytes())
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
    /// session (D-3). `source` is the caller's network.
    pub fn refresh(
        &self,
        session: SessionId,
        secret: &str,
        source: &str,
    ) -> Result<SignedIn, DeskError> {
        let (desk, hash) = (self.clone(), hash_secret(secret));
        let source = self.source_print(source);
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
                let tried = Tried::Account(state.account);
                desk.trace_refused(conn, Step::ReuseRefreshToken, &tried, &source, now)?;
                return Ok(None);
            }
            let placements = accounts::list_placements(conn, state.account)?;
            Ok::<_, DeskError>(Some(SignedIn {
                session,
                account: state.account,
                refresh_secret,
                placements,
                placement: alive.placement,
                must_change_password: alive.must_change_password,
                has_second_factor: alive.has_second_factor,
            }))
        })?;
        renewed.ok_or(DeskError::Credentials)
    }

    /// Chooses the placement of a session. Its refresh token is replaced, as at every change of
    /// rights (`conventions.md` ID-8). `source` is the caller's network.
    pub fn choose_placement(
        &self,
        session: &LiveSession,
        placement: PlacementId,
        source: &str,
    ) -> Result<SignedIn, DeskError> {
        let chosen = self.write_choice(session, placement, self.source_print(source));
        let tried = Tried::Account(session.account);
        self.traced(Step::ChoosePlacement, tried, source, chosen)
    }

    fn write_choice(
        &self,
        session: &LiveSession,
        placement: PlacementId,
        source: String,
    ) -> Result<SignedIn, DeskError> {
        let desk = self.clone();
        let (must_change_password, has_second_factor) =
            (session.must_change_password, session.has_second_factor);
        let (session, account) = (session.id, session.account);
        self.db.write(move |conn| {
            let refresh_secret = desk.refresh_secret();
            let hash = hash_secret(&refresh_secret);
            if !sessions::choose_placement(conn, session, account, placement, &hash)? {
                return Err(DeskError::NotFound);
            }
            let placements = accounts::list_placements(conn, account)?;
            let placement = placements.iter().find(|one| one.id == placement).cloned();
            let chosen = SignedIn {
                session,
                account,
                refresh_secret,
                placements,
                placement,
                must_change_password,
                has_second_factor,
            };
            let (step, now) = (Step::ChoosePlacement, desk.clock.now());
            desk.trace(conn, step, &Known::of(&chosen), &source, now)?;
            Ok(chosen)
        })
    }

    /// Ends a session at once. `source` is the caller's network.
    pub fn sign_out(&self, session: &LiveSession, source: &str) -> Result<(), DeskError> {
        let (desk, source) = (self.clone(), self.source_print(source));
        let session = session.clone();
        self.db.write(move |conn| {
            let now = desk.clock.now();
            sessions::revoke_session(conn, session.id, now)?;
            let known = Known {
                account: session.account,
                home: None,
                placement: session.placement.as_ref(),
            };
            desk.trace(conn, Step::LogOut, &known, &source, now)
        })
    }

    fn refresh_secret(&self) -> String {
        let mut bytes = [0; 32];
        self.ids.fill(&mut bytes);
        data_encoding::BASE64URL_NOPAD.encode(&bytes)
    }
}

/// The account as it is now, if the password that was proved is still its own: between the proof and
/// this transaction somebody may have changed it, or ended the account.
pub(crate) fn still_proved(conn: &mut DbConnection, proved: &Life) -> Result<Life, DeskError> {
    lives::find(conn, proved.id)?
        .filter(|life| life.password_hash == proved.password_hash && life.state.may_sign_in())
        .ok_or(DeskError::Credentials)
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
