//! The digest of a member of staff: once a day, the numbers of what changed, and nothing of it.

use std::collections::BTreeMap;

use domain::ids::{AccountId, TicketId, TicketRef};
use domain::invalid::Lang;
use domain::notification::Topic;
use domain::visibility::Scope;
use jiff::Timestamp;
use serde_json::json;
use storage::outbox::{self, Outgoing};
use storage::{DbConnection, lives, notifications, tickets};

use crate::texts::MailTemplate;
use crate::work::Next;
use crate::{Desk, DeskError};

/// Requests a digest names at most; the rest is a number.
const NAMED: usize = 50;

impl Desk {
    /// Puts somebody's digest out, if there is anything in it and anywhere to send it.
    pub(crate) fn send_digest(
        &self,
        conn: &mut DbConnection,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Next, DeskError> {
        let items = notifications::list_digest(conn, account)?;
        notifications::clear_digest(conn, account)?;
        let life = lives::find(conn, account)?.filter(|life| life.state.is_working());
        let Some(email) = life.and_then(|life| life.email) else {
            return Ok(Next::Done);
        };
        if items.is_empty() {
            return Ok(Next::Done);
        }
        let items: Vec<_> = items
            .iter()
            .map(|(ticket, topic)| json!([ticket.to_string(), topic.as_str()]))
            .collect();
        let message = Outgoing {
            account: Some(account),
            payload: Some(json!(items).to_string()),
            ..self.message(MailTemplate::StaffDigest, email, Lang::It)
        };
        outbox::put(conn, &message, now)?;
        Ok(Next::Done)
    }

    /// The lines of a digest: a request each, with what there is about it.
    pub(crate) fn digest_lines(
        &self,
        conn: &mut DbConnection,
        payload: &str,
        lang: Lang,
    ) -> Result<String, DeskError> {
        let items: Vec<(String, String)> = serde_json::from_str(payload)
            .map_err(|error| DeskError::broken("the payload of a digest", error))?;
        let mut topics: BTreeMap<String, Vec<&'static str>> = BTreeMap::new();
        for (ticket, topic) in &items {
            let words = Topic::from_code(topic).map(|topic| in_words(topic, lang));
            topics.entry(ticket.clone()).or_default().extend(words);
        }
        let mut lines = Vec::new();
        for (ticket, words) in topics.iter().take(NAMED) {
            let id: TicketId = ticket
                .parse()
                .map_err(|error| DeskError::broken("the payload of a digest", error))?;
            let found = tickets::find(conn, &Scope::System, &TicketRef::Id(id))?;
            if let Some((ticket, _)) = found {
                lines.push(format!("{}: {}", ticket.number, words.join(", ")));
            }
        }
        if topics.len() > NAMED {
            let rest = topics.len() - NAMED;
            lines.push(match lang {
                Lang::It => format!("e altre {rest}"),
                Lang::En => format!("and {rest} more"),
            });
        }
        Ok(lines.join("\n"))
    }
}

const fn in_words(topic: Topic, lang: Lang) -> &'static str {
    match (topic, lang) {
        (Topic::Assigned, Lang::It) => "affidata a te",
        (Topic::Assigned, Lang::En) => "given to you",
        (Topic::RequesterWrote, Lang::It) => "il cittadino ha scritto",
        (Topic::RequesterWrote, Lang::En) => "the citizen wrote",
        (Topic::Queue, Lang::It) => "novità nella coda",
        (Topic::Queue, Lang::En) => "news in the queue",
    }
}
