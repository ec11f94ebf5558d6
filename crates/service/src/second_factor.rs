//! The second factor: time-based codes (RFC 6238) and the recovery codes that stand in for a lost
//! device. The secret is kept sealed; a code is good once.

use domain::ids::{AccountId, SessionId};
use domain::invalid::Invalid;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use storage::lives::{AccountEvent, Life};
use storage::{credentials, federated, lives, sessions};
use totp_rs::{Builder, Totp};

use crate::{Desk, DeskError};

/// What an authenticator needs, shown once.
#[derive(Clone, Serialize, Deserialize)]
pub struct Enrolment {
    /// The secret in Base32, for typing.
    pub secret: String,
    /// The same as an `otpauth://` address, for a QR code.
    pub uri: String,
}

/// Recovery codes made at a time.
pub const RECOVERY_CODES: usize = 10;
/// Bytes of a secret (RFC 4226 §4 recommends 160 bits).
const SECRET_BYTES: usize = 20;

impl Desk {
    /// Makes a secret for an authenticator. Nothing changes before a code of it is shown.
    pub fn start_second_factor(&self, account: AccountId) -> Result<Enrolment, DeskError> {
        let mut secret = [0; SECRET_BYTES];
        self.ids.fill(&mut secret);
        let sealed = self
            .secrets
            .seal(&context(account), secret.to_vec())
            .ok_or(DeskError::Broken("a secret cannot be sealed", None))?;
        let desk = self.clone();
        let username = self.db.write(move |conn| {
            let mut life = lives::find(conn, account)?.ok_or(DeskError::NotFound)?;
            if life.has_second_factor() {
                return Err(DeskError::SecondFactorExists);
            }
            // Their second factor is the identity service's affair: here nobody would ask for it.
            if federated::is_federated(conn, account)? {
                return Err(DeskError::Forbidden);
            }
            life.second_factor = Some(sealed);
            let event = event(account, "second_factor.started");
            lives::save(conn, &mut life, &event, desk.clock.now())?;
            Ok(life.username)
        })?;
        let totp = generator(&secret, &username)?;
        Ok(Enrolment {
            secret: totp.secret().to_base32(),
            uri: totp
                .to_url()
                .map_err(|_| DeskError::Broken("an otpauth address cannot be made", None))?,
        })
    }

    /// Confirms the secret with a code of it, and answers the recovery codes, shown once. The session
    /// counts as one with a second factor from now on.
    pub fn confirm_second_factor(
        &self,
        account: AccountId,
        session: SessionId,
        otp: &str,
    ) -> Result<Vec<String>, DeskError> {
        let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| self.recovery_code()).collect();
        let prints: Vec<String> = codes.iter().map(|code| self.recovery_print(code)).collect();
        let (desk, otp) = (self.clone(), otp.trim().to_owned());
        self.db.write(move |conn| {
            let now = desk.clock.now();
            let mut life = lives::find(conn, account)?.ok_or(DeskError::NotFound)?;
            if life.has_second_factor() {
                return Err(DeskError::SecondFactorExists);
            }
            let step = desk.step_of(&life, &otp, now)?;
            let Some(step) = step else {
                let invalid = Invalid::new("otp-wrong", "Codice errato", "the code is wrong");
                return Err(DeskError::field(invalid.at("/otp")));
            };
            life.second_factor_at = Some(now);
            let event = event(account, "second_factor.confirmed");
            lives::save(conn, &mut life, &event, now)?;
            lives::take_step(conn, account, step)?;
            credentials::replace_recovery_codes(conn, account, &prints)?;
            sessions::mark_second_factor(conn, session, now)?;
            Ok(())
        })?;
        Ok(codes)
    }

    /// Whether a code is the account's, now and for the first time; or one of its recovery codes.
    pub(crate) fn takes_second_factor(&self, life: &Life, otp: &str) -> Result<bool, DeskError> {
        let (desk, life, otp) = (self.clone(), life.clone(), otp.trim().to_owned());
        self.db.write(move |conn| {
            let now = desk.clock.now();
            if let Some(step) = desk.step_of(&life, &otp, now)? {
                return Ok(lives::take_step(conn, life.id, step)?);
            }
            let print = desk.recovery_print(&otp);
            Ok::<_, DeskError>(credentials::use_recovery_code(conn, life.id, &print, now)?)
        })
    }

    /// The time step a code belongs to; the one before and after count, too, for slow clocks.
    fn step_of(&self, life: &Life, otp: &str, now: Timestamp) -> Result<Option<i64>, DeskError> {
        let Some(sealed) = &life.second_factor else {
            return Ok(None);
        };
        let secret = self
            .secrets
            .open(&context(life.id), sealed)
            .ok_or(DeskError::Broken("a kept secret cannot be opened", None))?;
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let step = generator(&secret, &life.username)?.check(otp, seconds);
        Ok(step.and_then(|step| i64::try_from(step).ok()))
    }

    /// 50 random bits: guessed at through the same doors and delays as a password.
    fn recovery_code(&self) -> String {
        let mut bytes = [0; 10];
        self.ids.fill(&mut bytes);
        let code: String = crate::secrets::look_alike_free(&bytes);
        format!(
            "{}-{}",
            code.get(..5).unwrap_or_default(),
            code.get(5..).unwrap_or_default()
        )
    }

    fn recovery_print(&self, code: &str) -> String {
        let plain: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
        let plain = plain.to_ascii_uppercase();
        self.secrets.fingerprint("recovery-code", plain.as_bytes())
    }
}

fn context(account: AccountId) -> String {
    format!("second-factor\n{account}")
}

fn event(account: AccountId, kind: &str) -> AccountEvent {
    AccountEvent {
        kind: kind.to_owned(),
        actor: Some(account),
        detail: json!({}),
    }
}

/// SHA-1, six digits, thirty seconds: what every authenticator knows.
fn generator(secret: &[u8], username: &str) -> Result<Totp, DeskError> {
    Builder::new()
        .with_secret(secret.to_vec())
        .with_account_name(username.replace(':', "."))
        .with_issuer(Some("Sportello"))
        .build()
        .map_err(|_| DeskError::Broken("a second factor cannot be set up", None))
}
