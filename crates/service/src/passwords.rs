//! Passwords: hashing, which policy holds for whom, and setting another one.
//!
//! How many are hashed at once is bounded, because each takes its share of memory (D-4). Nobody here
//! invents, prints or mails a password: it always comes from its owner.

use std::sync::{Condvar, Mutex};
use std::time::Duration;

use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};
use domain::account::AccountStep;
use domain::ids::AccountId;
use domain::invalid::Invalid;
use domain::password::{MAX_PASSWORD_BYTES, Owner, PasswordPolicy};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use storage::lives::{AccountEvent, Life};
use storage::{DbConnection, accounts, credentials, lives, login_sources, sessions};

use crate::clock::lock;
use crate::evidence::sign_ins::{Known, Step, Tried};
use crate::sign_in::still_proved;
use crate::{Desk, DeskError};

/// How a password stands, for programs that warn their users (`domain.md` §11.4).
#[derive(Debug, Clone, Serialize, serde::Deserialize)]
pub struct CredentialStatus {
    /// Where the account stands.
    pub state: String,
    /// When the password was set.
    pub changed_at: Option<Timestamp>,
    /// When it must be another; none under a policy that does not rotate.
    pub must_change_by: Option<Timestamp>,
    /// Whether logging in takes a second factor.
    pub has_second_factor: bool,
    /// Recovery codes left.
    pub recovery_codes_left: i64,
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
    pub(crate) fn hash_password(&self, password: &str) -> Result<String, DeskError> {
        let mut salt = [0; 16];
        self.ids.fill(&mut salt);
        let argon2 = self.argon2()?;
        let hash: PasswordHash = self
            .hashing
            .pass(|| argon2.hash_password_with_salt(password.as_bytes(), &salt))?
            .map_err(|_| DeskError::Broken("a password cannot be hashed", None))?;
        Ok(hash.to_string())
    }

    pub(crate) fn is_password(&self, password: &str, phc: &str) -> Result<bool, DeskError> {
        let argon2 = self.argon2()?;
        let hash = PasswordHash::new(phc)
            .map_err(|_| DeskError::Broken("a kept password hash is damaged", None))?;
        Ok(self
            .hashing
            .pass(|| argon2.verify_password(password.as_bytes(), &hash))?
            .is_ok())
    }

    /// A hash to compare with when there is no account, so that the work is the same.
    pub(crate) fn nobodys_hash(&self) -> Result<String, DeskError> {
        static HASH: std::sync::OnceLock<String> = std::sync::OnceLock::new();
        if let Some(hash) = HASH.get() {
            return Ok(hash.clone());
        }
        let hash = self.hash_password("nobody has this password")?;
        Ok(HASH.get_or_init(|| hash).clone())
    }

    /// The policy an account obeys: that of where it works, the strictest if there are several.
    pub(crate) fn policy_of(
        &self,
        conn: &mut DbConnection,
        life: &Life,
    ) -> Result<PasswordPolicy, DeskError> {
        let mut places: Vec<_> = accounts::list_placements(conn, life.id)?
            .into_iter()
            .map(|placement| placement.authority)
            .collect();
        places.extend(life.home.clone());
        let policies = &self.settings.sign_in.policies;
        let mut all = places.iter().map(|place| policies.of(place));
        let first = all.next().unwrap_or(policies.usual());
        Ok(all.fold(first.clone(), |strictest, next| strictest.and(next)))
    }

    /// Checks a new password against the policy and the ones before, and hashes it.
    pub(crate) fn check_new_password(
        &self,
        life: &Life,
        policy: &PasswordPolicy,
        earlier: &[String],
        password: &str,
        pointer: &str,
    ) -> Result<String, DeskError> {
        let owner = Owner {
            username: &life.username,
            display_name: &life.display_name,
            has_second_factor: life.has_second_factor(),
        };
        let wrong = |invalid: Invalid| DeskError::field(invalid.at(pointer));
        policy.check(password, &owner).map_err(wrong)?;
        for hash in earlier {
            if self.is_password(password, hash)? {
                return Err(wrong(Invalid::new(
                    "password-used-before",
                    "È una delle ultime usate: scegline un'altra",
                    "it was used before: choose another",
                )));
            }
        }
        self.hash_password(password)
    }

    /// The hashes a new password must differ from: the present one, and the last ones of the policy.
    pub(crate) fn earlier_passwords(
        &self,
        conn: &mut DbConnection,
        life: &Life,
        policy: &PasswordPolicy,
    ) -> Result<Vec<String>, DeskError> {
        let most = i64::try_from(policy.history).unwrap_or(i64::MAX);
        let mut earlier = credentials::list_passwords(conn, life.id, most)?;
        if !life.password_hash.is_empty() && !earlier.contains(&life.password_hash) {
            earlier.push(life.password_hash.clone());
        }
        Ok(earlier)
    }

    /// Writes a hash that was checked, and ends what the old password had opened (D-3).
    pub(crate) fn write_password(
        &self,
        conn: &mut DbConnection,
        life: &mut Life,
        policy: &PasswordPolicy,
        hash: String,
        step: AccountStep,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        life.state = life.state.after(step)?;
        life.must_change_by = policy.must_change_by(now, life.password_changes);
        if step == AccountStep::SetPassword {
            life.password_changes += 1;
            life.must_change_by = policy.must_change_by(now, life.password_changes);
        }
        life.password_set_at = Some(now);
        life.password_hash = hash;
        let event = AccountEvent {
            kind: step.event().to_owned(),
            actor: None,
            detail: json!({}),
        };
        lives::save(conn, life, &event, now)?;
        credentials::remember_password(conn, life.id, &life.password_hash, now)?;
        sessions::revoke_sessions(conn, life.id, None, now)?;
        Ok(())
    }

    /// Changes one's own password with the old one; no session is needed, and all of them end
    /// (`domain.md` §11.4). Wrong old ones are counted like wrong log-ins.
    pub fn change_password(
        &self,
        username: &str,
        password: &str,
        otp: Option<&str>,
        new_password: &str,
        source: &str,
    ) -> Result<CredentialStatus, DeskError> {
        let changed = self.replace_password(username, password, otp, new_password, source);
        let tried = Tried::Username(username.to_owned());
        let account = self.traced(Step::ChangePassword, tried, source, changed)?;
        self.credential_status(account)
    }

    fn replace_password(
        &self,
        username: &str,
        password: &str,
        otp: Option<&str>,
        new_password: &str,
        source: &str,
    ) -> Result<AccountId, DeskError> {
        let life = self.prove(username, password, otp, source)?.life;
        let source = self.source_print(source);
        // The old password was right: a new one that is refused is no wrong try.
        self.forgive(life.id, &source)?;
        let (policy, earlier) = self.db.read(|conn| {
            let policy = self.policy_of(conn, &life)?;
            let earlier = self.earlier_passwords(conn, &life, &policy)?;
            Ok::<_, DeskError>((policy, earlier))
        })?;
        let hash =
            self.check_new_password(&life, &policy, &earlier, new_password, "/new_password")?;
        let desk = self.clone();
        self.db.write(move |conn| {
            let now = desk.clock.now();
            let step = AccountStep::SetPassword;
            login_sources::succeed(conn, life.id, &source, now)?;
            let mut life = still_proved(conn, &life)?;
            desk.write_password(conn, &mut life, &policy, hash, step, now)?;
            let known = Known {
                account: life.id,
                home: life.home.as_ref(),
                placement: None,
            };
            desk.trace(conn, Step::ChangePassword, &known, &source, now)?;
            Ok(life.id)
        })
    }

    /// Takes back what was counted against somebody at this network who has proved who they are.
    pub(crate) fn forgive(&self, account: AccountId, source: &str) -> Result<(), DeskError> {
        let (source, now) = (source.to_owned(), self.clock.now());
        Ok(self
            .db
            .write(move |conn| login_sources::succeed(conn, account, &source, now))?)
    }

    /// How an account's credentials stand.
    pub fn credential_status(&self, account: AccountId) -> Result<CredentialStatus, DeskError> {
        self.db.read(|conn| {
            let life = lives::find(conn, account)?.ok_or(DeskError::NotFound)?;
            let recovery_codes_left = credentials::count_recovery_codes(conn, account)?;
            Ok(CredentialStatus {
                state: life.state.code().to_owned(),
                changed_at: life.password_set_at,
                must_change_by: life.must_change_by,
                has_second_factor: life.has_second_factor(),
                recovery_codes_left,
            })
        })
    }

    /// Whether a password could be anybody's: longer ones are not even hashed.
    pub(crate) fn is_hashable(password: &str) -> bool {
        password.len() <= MAX_PASSWORD_BYTES
    }
}
