//! Proving an e-mail address before an anonymous filing (`domain.md` §3.6).
//!
//! Nothing here says whether an address is known: sending always answers alike, and a wrong
//! code, an expired one and an unknown proof differ only for whoever holds the proof's id.

use domain::email::EmailAddress;
use domain::ids::ProofId;
use domain::invalid::Lang;
use domain::visibility::Scope;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use storage::email_proofs;
use storage::outbox::{self, Outgoing};

use crate::error::CodeRefusal;
use crate::once::{Answer, Once};
use crate::secrets::same;
use crate::texts::MailTemplate;
use crate::{Desk, DeskError};

/// A proof that was started.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Started {
    /// What to name with the code.
    pub id: ProofId,
    /// When code and proof end.
    pub expires_at: Timestamp,
}

impl Desk {
    /// Mails a one-time code to the address. `source` is the caller's network, for the caps.
    pub fn start_email_proof(
        &self,
        email: &EmailAddress,
        source: &str,
        lang: Lang,
        once: &Once,
    ) -> Result<Answer<Started>, DeskError> {
        let desk = self.clone();
        let (email, mailbox) = (email.as_str().to_owned(), email.mailbox());
        let source = self.secrets.fingerprint("source", source.as_bytes());
        // No ticket is touched.
        self.write_once(&Scope::Nothing, once, move |conn| {
            let now = desk.clock.now();
            let rules = &desk.settings.email_proof;
            for (hours, cap) in [(1, rules.per_hour), (24, rules.per_day)] {
                let span = SignedDuration::from_hours(hours);
                let since = now.checked_sub(span).unwrap_or(now);
                let (by_email, by_source) =
                    email_proofs::count_since(conn, &mailbox, &source, since)?;
                if by_email >= cap || by_source >= cap * rules.source_factor {
                    return Err(DeskError::Quota { retry_after: span });
                }
            }
            let id = ProofId::new(desk.ids.uuid());
            let expires_at = now.checked_add(rules.life).unwrap_or(now);
            email_proofs::insert(conn, id, &mailbox, &source, now, expires_at)?;
            let message = Outgoing {
                proof: Some(id),
                ..desk.message(MailTemplate::OneTimeCode, email, lang)
            };
            outbox::put(conn, &message, now)?;
            Ok(Started { id, expires_at })
        })
    }

    /// Compares the code and answers the proof to file with. A try counts even when it is right.
    pub fn verify_email_proof(&self, id: ProofId, code: &str) -> Result<String, DeskError> {
        let (desk, code) = (self.clone(), code.trim().to_owned());
        let verdict = self.db.write(move |conn| {
            let now = desk.clock.now();
            let rules = &desk.settings.email_proof;
            let Some(proof) = email_proofs::find(conn, id)? else {
                return Ok(Err(CodeRefusal::Wrong));
            };
            if proof.expires_at <= now || proof.used_at.is_some() {
                return Ok(Err(CodeRefusal::Expired));
            }
            if !email_proofs::count_try(conn, id, rules.tries)? {
                return Ok(Err(CodeRefusal::Exhausted));
            }
            if !same(&desk.secrets.one_time_code(id, rules.digits), &code) {
                return Ok(Err(CodeRefusal::Wrong));
            }
            email_proofs::mark_verified(conn, id, now)?;
            Ok::<_, DeskError>(Ok(desk.secrets.email_proof(id)))
        })?;
        verdict.map_err(|refusal| refusal.at("/code"))
    }
}
