//! The two codes that start an account: one goes hand to hand on paper, the other by mail, and only
//! both together let the person set a password (`domain.md` §11.2).
//!
//! The codes are derived from the installation's secret when they are needed (ADR 8); rows keep keyed
//! prints. Invariant: whoever lacks one of the two learns nothing, not even that the other is right.

use domain::account::AccountStep;
use domain::actor::Role;
use domain::ids::{AccountId, IssueId};
use domain::invalid::Lang;
use domain::visibility::Scope;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use storage::accounts::Placement;
use storage::credentials::{self, Issue};
use storage::lives::{self, AccountEvent, Life};
use storage::outbox::{self, Outgoing};
use storage::{DbConnection, login_sources, sessions};

use crate::error::CodeRefusal;
use crate::evidence::sign_ins::{Known, Step, Tried};
use crate::secrets::same;
use crate::texts::MailTemplate;
use crate::{Desk, DeskError};

/// What is handed over in person, shown once.
#[derive(Clone, Serialize, Deserialize)]
pub struct HandedCodes {
    /// The code that goes hand to hand.
    pub identification_code: String,
    /// When both codes end.
    pub expires_at: Timestamp,
    /// The sheet to print, as text.
    pub sheet_text: String,
    /// The sheet to print, as a page.
    pub sheet_html: String,
}

/// Codes mailed to one box in so many hours: an account has a box of its own.
const CODES_PER_BOX: [(i64, i64); 2] = [(1, 3), (24, 10)];
/// Issues looked at in one page.
const PAGE: i64 = 50;

impl Desk {
    /// Makes both codes, voids earlier ones and what the account had: its password, its sessions and
    /// its second factor, since whoever needs new codes has to prove who they are anew.
    pub(crate) fn issue_codes(
        &self,
        conn: &mut DbConnection,
        life: &mut Life,
        held: &[Placement],
        now: Timestamp,
    ) -> Result<HandedCodes, DeskError> {
        let email = life.email.clone().ok_or(DeskError::NoAddress)?;
        for (hours, cap) in CODES_PER_BOX {
            let span = SignedDuration::from_hours(hours);
            let since = now.checked_sub(span).unwrap_or(now);
            if credentials::count_issues_since(conn, life.id, since)? >= cap {
                return Err(DeskError::Quota { retry_after: span });
            }
        }
        let id = IssueId::new(self.ids.uuid());
        let identification = self.secrets.identification_code(id);
        let security = self.secrets.security_code(id);
        let rules = &self.settings.accounts;
        let expires_at = now.checked_add(rules.code_life).unwrap_or(now);
        credentials::insert_issue(
            conn,
            &Issue {
                id,
                account: life.id,
                identification_print: self.code_print(&identification),
                security_print: self.code_print(&security),
                created_at: now,
                expires_at,
                tries: 0,
                used_at: None,
                voided_at: None,
            },
        )?;
        life.password_hash = String::new();
        life.second_factor = None;
        life.second_factor_at = None;
        sessions::revoke_sessions(conn, life.id, None, now)?;
        credentials::replace_recovery_codes(conn, life.id, &[])?;
        credentials::replace_answers(conn, life.id, &[])?;
        login_sources::forget(conn, life.id)?;
        let message = Outgoing {
            account: Some(life.id),
            issue: Some(id),
            ..self.message(MailTemplate::SecurityCode, email, Lang::It)
        };
        outbox::put(conn, &message, now)?;
        let place = held
            .iter()
            .find(|one| one.role == Role::Admin)
            .or(held.first());
        let sheet = Sheet {
            person: &life.display_name,
            place: place.map_or("", |one| &one.authority_label),
            username: &life.username,
            code: &identification,
            url: &rules.activation_url,
            end: &self.day_and_hour(expires_at),
        };
        Ok(HandedCodes {
            sheet_text: sheet.text(),
            sheet_html: sheet.html(),
            identification_code: identification.clone(),
            expires_at,
        })
    }

    /// Sets the first password for whoever shows both codes. `source` is the caller's network.
    /// Answers the user name.
    pub fn activate(
        &self,
        identification: &str,
        security: &str,
        password: &str,
        source: &str,
    ) -> Result<String, DeskError> {
        let activated = self.set_first_password(identification, security, password, source);
        self.traced(Step::SetFirstPassword, Tried::Nobody, source, activated)
    }

    fn set_first_password(
        &self,
        identification: &str,
        security: &str,
        password: &str,
        source: &str,
    ) -> Result<String, DeskError> {
        let (identification, security) = (plain(identification), plain(security));
        let print = self.code_print(&identification);
        let (desk, wanted) = (self.clone(), self.code_print(&security));
        let looked_up = self.db.write(move |conn| {
            let now = desk.clock.now();
            let Some(issue) = credentials::find_issue(conn, &print)? else {
                return Ok(Err(CodeRefusal::Wrong));
            };
            let most = desk.settings.accounts.code_tries;
            let counts = credentials::count_try(conn, issue.id, most, now)?;
            if !same(&issue.security_print, &wanted) {
                return Ok(Err(CodeRefusal::Wrong));
            }
            if counts {
                credentials::forgive_try(conn, &issue)?;
            }
            // Only whoever has both codes hears more than that they are not good.
            if issue.used_at.is_some() {
                return Ok(Err(CodeRefusal::Used));
            }
            // What ran out has run out, also if it was guessed at or taken back before.
            if issue.expires_at <= now {
                return Ok(Err(CodeRefusal::Expired));
            }
            if issue.voided_at.is_some() {
                return Ok(Err(CodeRefusal::Exhausted));
            }
            let life = lives::find(conn, issue.account)?.ok_or(DeskError::NotFound)?;
            let policy = desk.policy_of(conn, &life)?;
            let earlier = desk.earlier_passwords(conn, &life, &policy)?;
            Ok::<_, DeskError>(Ok((issue.id, life, policy, earlier)))
        })?;
        let (issue, mut life, policy, earlier) =
            looked_up.map_err(|refusal| refusal.at("/security_code"))?;
        let hash = self.check_new_password(&life, &policy, &earlier, password, "/password")?;
        let (desk, source) = (self.clone(), self.source_print(source));
        let done = self.db.write(move |conn| {
            let now = desk.clock.now();
            if !credentials::use_issue(conn, issue, now)? {
                return Ok(None);
            }
            life.password_changes = 0;
            desk.write_password(conn, &mut life, &policy, hash, AccountStep::Activate, now)?;
            // Nothing tried before there was a password counts against it.
            login_sources::forget(conn, life.id)?;
            // The person's own network is known from the first day on.
            login_sources::succeed(conn, life.id, &source, now)?;
            let known = Known {
                account: life.id,
                home: life.home.as_ref(),
                placement: None,
            };
            desk.trace(conn, Step::SetFirstPassword, &known, &source, now)?;
            Ok::<_, DeskError>(Some(life.username))
        })?;
        done.ok_or(CodeRefusal::Used.at("/security_code"))
    }

    /// Ends the accounts whose codes nobody used in time.
    pub fn expire_issues(&self) -> Result<usize, DeskError> {
        let mut ended = 0;
        loop {
            let now = self.clock.now();
            let due = self
                .db
                .read(|conn| credentials::list_run_out(conn, now, PAGE))?;
            let before = ended;
            for account in due {
                ended += self.expire_issue(account)?;
            }
            if ended == before {
                return Ok(ended);
            }
        }
    }

    fn expire_issue(&self, account: AccountId) -> Result<usize, DeskError> {
        let desk = self.clone();
        // Their tickets go back to the queue.
        self.db.write_in(&Scope::System, move |conn| {
            let now = desk.clock.now();
            let Some(mut life) = lives::find(conn, account)? else {
                return Ok(0);
            };
            // New codes may have come meanwhile: then there is nothing to end.
            if credentials::has_time_left(conn, account, now)? {
                return Ok(0);
            }
            let Ok(state) = life.state.after(AccountStep::Expire) else {
                return Ok(0);
            };
            life.state = state;
            let event = AccountEvent {
                kind: AccountStep::Expire.event().to_owned(),
                actor: None,
                detail: json!({}),
            };
            lives::save(conn, &mut life, &event, now)?;
            desk.release_tickets(conn, account, now)?;
            Ok(1)
        })
    }

    fn code_print(&self, code: &str) -> String {
        self.secrets.fingerprint("code", code.as_bytes())
    }

    fn day_and_hour(&self, at: Timestamp) -> String {
        at.to_zoned(self.settings.time_zone.clone())
            .strftime("%d/%m/%Y %H:%M")
            .to_string()
    }
}

/// A code as it is kept, from how people type it.
fn plain(typed: &str) -> String {
    typed
        .chars()
        .filter(|c| c.is_ascii_alphanumeric())
        .map(|c| c.to_ascii_uppercase())
        .collect()
}

/// What an officer prints and hands over. It never holds the security code.
struct Sheet<'a> {
    person: &'a str,
    place: &'a str,
    username: &'a str,
    code: &'a str,
    url: &'a str,
    end: &'a str,
}

impl Sheet<'_> {
    fn code_in_groups(&self) -> String {
        let chars: Vec<char> = self.code.chars().collect();
        let groups: Vec<String> = chars.chunks(4).map(|four| four.iter().collect()).collect();
        groups.join("-")
    }

    fn text(&self) -> String {
        format!(
            "Credenziali di accesso - foglio da consegnare di persona\n\n\
             Persona: {}\nEnte: {}\nNome utente: {}\n\nCodice identificativo: {}\n\n\
             Il codice di sicurezza arriva per e-mail. Con tutti e due i codici imposta la tua password:\n{}\n\n\
             I codici valgono fino al {} e si usano una volta sola.\n\
             Le credenziali sono personali: non darle a nessuno.\n",
            self.person,
            self.place,
            self.username,
            self.code_in_groups(),
            self.url,
            self.end
        )
    }

    fn html(&self) -> String {
        let [person, place, username, code, url, end] = [
            self.person,
            self.place,
            self.username,
            &self.code_in_groups(),
            self.url,
            self.end,
        ]
        .map(escaped);
        format!(
            "<!doctype html>\n<html lang=\"it\">\n<head>\n<meta charset=\"utf-8\">\n\
             <title>Credenziali di accesso</title>\n</head>\n<body>\n\
             <h1>Credenziali di accesso</h1>\n<p>Foglio da consegnare di persona.</p>\n\
             <dl>\n<dt>Persona</dt><dd>{person}</dd>\n<dt>Ente</dt><dd>{place}</dd>\n\
             <dt>Nome utente</dt><dd>{username}</dd>\n\
             <dt>Codice identificativo</dt><dd><strong>{code}</strong></dd>\n</dl>\n\
             <p>Il codice di sicurezza arriva per e-mail. Con tutti e due i codici imposta la tua password: {url}</p>\n\
             <p>I codici valgono fino al {end} e si usano una volta sola. Le credenziali sono personali: non darle a nessuno.</p>\n\
             </body>\n</html>\n"
        )
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_as_people_type_them() {
        assert_eq!(plain(" abcd-EFGH 2345 "), "ABCDEFGH2345");
    }

    #[test]
    fn the_sheet_has_the_one_code_and_no_markup_of_others() {
        let sheet = Sheet {
            person: "Anna <b>Rossi</b>",
            place: "ASL TO4",
            username: "anna.rossi",
            code: "ABCDEFGH23",
            url: "https://sportello.example.org/activation",
            end: "09/03/2026 09:00",
        };
        assert!(sheet.text().contains("ABCD-EFGH-23"));
        assert!(sheet.html().contains("Anna &lt;b&gt;Rossi&lt;/b&gt;"));
        assert!(sheet.html().contains("lang=\"it\""));
    }
}
