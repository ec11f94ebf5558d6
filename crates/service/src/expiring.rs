//! Passwords and programs that end soon: whoever answers for them is told 14, 7 and 1 days before
//! (`domain.md` §11.4).

use domain::codes::AuthorityCode;
use domain::invalid::Lang;
use domain::visibility::Scope;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use storage::changes::News;
use storage::lives::{self, AccountEvent, Life};
use storage::outbox::{self, Outgoing};
use storage::{DbConnection, clients, used_tokens};
use uuid::Uuid;

use crate::texts::MailTemplate;
use crate::{Desk, DeskError};

/// Days before the end at which somebody is told.
pub const WARNING_DAYS: [i64; 3] = [14, 7, 1];
/// What such an event is called (`domain.md`, annex).
pub const EXPIRING: &str = "credential.expiring";
/// Accounts looked at in one page.
const PAGE: i64 = 50;

impl Desk {
    /// Tells everybody whose password ends soon, once for each of the days. Days that were missed are
    /// not told late. Running it twice tells nobody twice: the account's history says what was told.
    pub fn warn_of_ends(&self) -> Result<usize, DeskError> {
        let now = self.clock.now();
        let until = now
            .checked_add(SignedDuration::from_hours(14 * 24))
            .unwrap_or(now);
        let (mut told, mut after) = (0, None);
        loop {
            let page = self
                .db
                .read(|conn| lives::list_expiring(conn, now, until, after, PAGE))?;
            let Some(last) = page.last() else {
                return Ok(told);
            };
            after = Some(last.id);
            for life in page {
                let desk = self.clone();
                let id = life.id;
                let result = self.db.write_in(&Scope::System, move |conn| {
                    desk.warn_of_end(conn, life, now)
                });
                match result {
                    Ok(was_told) => told += usize::from(was_told),
                    // Somebody changed the account meanwhile; the next run looks at it again.
                    Err(DeskError::Busy) => {}
                    Err(error) => {
                        tracing::error!(account.id = %id, error = error.as_cause(), "a warning failed");
                    }
                }
            }
        }
    }

    /// Tells the contact of every program that ends soon, once for each of the days.
    pub fn warn_of_clients(&self) -> Result<usize, DeskError> {
        let desk = self.clone();
        self.db.write_in(&Scope::System, move |conn| {
            let now = desk.clock.now();
            let mut told = 0;
            for client in clients::list(conn)? {
                let Some(days) = days_left(client.expires_at, now).filter(|_| client.lives(now))
                else {
                    continue;
                };
                let text = format!("{EXPIRING}\n{}\n{days}", client.id);
                let print = desk.secrets.fingerprint("told", text.as_bytes());
                if !used_tokens::take(conn, &print, client.expires_at)? {
                    continue;
                }
                let message = Outgoing {
                    client: Some(client.id),
                    ..desk.message(MailTemplate::ClientExpiring, client.contact, Lang::It)
                };
                outbox::put(conn, &message, now)?;
                // A program is no desk's: the region answers for it.
                desk.publish_end(conn, None, client.id.uuid(), days, now)?;
                told += 1;
            }
            Ok(told)
        })
    }

    fn warn_of_end(
        &self,
        conn: &mut DbConnection,
        mut life: Life,
        now: Timestamp,
    ) -> Result<bool, DeskError> {
        let Some(end) = life.must_change_by else {
            return Ok(false);
        };
        let Some(days) = days_left(end, now) else {
            return Ok(false);
        };
        let detail = json!({"days": days, "must_change_by": end.to_string()});
        let past = lives::list_events(conn, life.id, 100)?;
        let is_told = past
            .iter()
            .any(|entry| entry.event.kind == EXPIRING && entry.event.detail == detail);
        if is_told {
            return Ok(false);
        }
        let event = AccountEvent {
            kind: EXPIRING.to_owned(),
            actor: None,
            detail,
        };
        lives::save(conn, &mut life, &event, now)?;
        self.publish_end(conn, life.home.clone(), life.id.uuid(), days, now)?;
        if let Some(email) = &life.email {
            let message = Outgoing {
                account: Some(life.id),
                ..self.message(MailTemplate::CredentialExpiring, email.clone(), Lang::It)
            };
            outbox::put(conn, &message, now)?;
        }
        Ok(true)
    }

    /// Tells programs, too: whose it is by id, and how many days are left.
    fn publish_end(
        &self,
        conn: &mut DbConnection,
        home: Option<AuthorityCode>,
        subject: Uuid,
        days: i64,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        let news = News {
            kind: EXPIRING.to_owned(),
            desk: Some(home.unwrap_or_else(|| self.reference.region().clone())),
            former_desk: None,
            ticket: None,
            seq: None,
            subject: Some(subject.to_string()),
            data: json!({"days": days}),
        };
        self.publish(conn, &news, now)
    }
}

/// The smallest of the warning days that has come, before the end.
fn days_left(end: Timestamp, now: Timestamp) -> Option<i64> {
    let left = end.duration_since(now);
    let has_come = |days: &i64| left <= SignedDuration::from_hours(days * 24);
    WARNING_DAYS.into_iter().rev().find(has_come)
}
