//! What is on its way out. A row is written with the change that causes it and holds no text:
//! the message is made from the ticket when it is sent. The address is sealed with the key of the desk
//! that answers for the message.
//!
//! Claimed by lease: a claim moves `due_at` past the lease and raises `fence`; only the holder
//! of the present fence may say how it went.

use diesel::prelude::*;
use domain::codes::AuthorityCode;
use domain::ids::{AccountId, ClientId, EndpointId, IssueId, MessageId, ProofId, TicketId};
use domain::invalid::Lang;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::keyring::INSTALLATION;
use crate::schema::outbox;
use crate::sealing::{GONE, Place, SealedText};
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, dialect};

/// How a message leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Channel {
    /// By e-mail.
    Mail,
    /// To a program's address.
    Webhook,
    /// As a text message to a telephone.
    Sms,
}

impl Channel {
    /// Every channel.
    pub const ALL: [Channel; 3] = [Channel::Mail, Channel::Webhook, Channel::Sms];

    /// The code used in rows and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Channel::Mail => "mail",
            Channel::Webhook => "webhook",
            Channel::Sms => "sms",
        }
    }

    /// The channel with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Channel::ALL.into_iter().find(|one| one.as_str() == code)
    }
}

/// A message to send.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Stable over every attempt.
    pub id: MessageId,
    /// How it leaves.
    pub channel: Channel,
    /// The desk that answers for it, whose list shows it when it cannot be delivered.
    pub desk: Option<AuthorityCode>,
    /// The ticket it is about.
    pub ticket: Option<TicketId>,
    /// The entry that caused it.
    pub seq: Option<i64>,
    /// The e-mail proof it is about.
    pub proof: Option<ProofId>,
    /// The account it is about.
    pub account: Option<AccountId>,
    /// The codes it carries.
    pub issue: Option<IssueId>,
    /// The program it is about.
    pub client: Option<ClientId>,
    /// The program's address it goes to.
    pub endpoint: Option<EndpointId>,
    /// What a program is told; nothing personal.
    pub payload: Option<String>,
    /// Which text.
    pub template: String,
    /// One address; [`GONE`] if it cannot be known any more.
    pub recipient: String,
    /// Its language.
    pub lang: Lang,
    /// Tries so far, this one included.
    pub attempts: i32,
    /// What a claimer shows when it reports.
    pub fence: i64,
}

impl Outgoing {
    /// A message that says how it leaves, what it is and where to, and nothing it is about yet.
    pub fn new(
        id: MessageId,
        channel: Channel,
        template: &str,
        recipient: String,
        lang: Lang,
    ) -> Self {
        Outgoing {
            id,
            channel,
            desk: None,
            ticket: None,
            seq: None,
            proof: None,
            account: None,
            issue: None,
            client: None,
            endpoint: None,
            payload: None,
            template: template.to_owned(),
            recipient,
            lang,
            attempts: 0,
            fence: 0,
        }
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = outbox, treat_none_as_default_value = false)]
struct OutboxRow {
    id: Id,
    ticket_id: Option<Id>,
    seq: Option<i64>,
    proof_id: Option<Id>,
    template: String,
    recipient: SealedText,
    lang: String,
    state: String,
    attempts: i32,
    due_at: Ts,
    fence: i64,
    last_error: Option<String>,
    created_at: Ts,
    sent_at: Option<Ts>,
    account_id: Option<Id>,
    issue_id: Option<Id>,
    client_id: Option<Id>,
    channel: String,
    endpoint_id: Option<Id>,
    payload: Option<String>,
    desk: Option<String>,
}

/// Puts a message out, in the transaction of what causes it.
pub fn put(conn: &mut DbConnection, message: &Outgoing, now: Timestamp) -> Result<(), StoreError> {
    put_for(conn, message, now, now)
}

/// Puts a message out that is not to leave before `due_at`.
pub fn put_for(
    conn: &mut DbConnection,
    message: &Outgoing,
    due_at: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    let id = message.id.uuid();
    let desk = message
        .desk
        .as_ref()
        .map_or(INSTALLATION, |code| code.as_str());
    let recipient = place(id.as_bytes()).seal(desk, "recipient", &message.recipient)?;
    let row = OutboxRow {
        id: Id(id),
        ticket_id: message.ticket.map(|id| Id(id.uuid())),
        seq: message.seq,
        proof_id: message.proof.map(|id| Id(id.uuid())),
        template: message.template.clone(),
        recipient,
        lang: lang_code(message.lang).to_owned(),
        state: "pending".to_owned(),
        attempts: 0,
        due_at: Ts(due_at),
        fence: 0,
        last_error: None,
        created_at: Ts(now),
        sent_at: None,
        account_id: message.account.map(|id| Id(id.uuid())),
        issue_id: message.issue.map(|id| Id(id.uuid())),
        client_id: message.client.map(|id| Id(id.uuid())),
        channel: message.channel.as_str().to_owned(),
        endpoint_id: message.endpoint.map(|id| Id(id.uuid())),
        payload: message.payload.clone(),
        desk: message.desk.as_ref().map(|code| code.as_str().to_owned()),
    };
    diesel::insert_into(outbox::table)
        .values(row)
        .execute(conn)?;
    Ok(())
}

fn place(id: &[u8; 16]) -> Place<'_> {
    Place::new("outbox", id)
}

/// Claims up to `limit` due messages of a channel until `lease_end`; nobody else gets them before.
pub fn claim(
    conn: &mut DbConnection,
    channel: Channel,
    now: Timestamp,
    lease_end: Timestamp,
    limit: i64,
) -> Result<Vec<Outgoing>, StoreError> {
    let due = outbox::table
        .filter(outbox::state.eq("pending").and(outbox::due_at.le(Ts(now))))
        .filter(outbox::channel.eq(channel.as_str()))
        .order((outbox::due_at.asc(), outbox::id.asc()))
        .select(outbox::id)
        .limit(limit);
    let due = dialect::skip_locked(due).load::<Id>(conn)?;
    let due = load_in_order(conn, due)?;
    let mut claimed = Vec::with_capacity(due.len());
    for row in due {
        claimed.extend(take(conn, row, lease_end)?);
    }
    Ok(claimed)
}

/// Claims the longest due message to one endpoint until `lease_end`.
pub fn claim_for(
    conn: &mut DbConnection,
    endpoint: EndpointId,
    now: Timestamp,
    lease_end: Timestamp,
) -> Result<Option<Outgoing>, StoreError> {
    let due = outbox::table
        .filter(outbox::endpoint_id.eq(Some(Id(endpoint.uuid()))))
        .filter(outbox::state.eq("pending").and(outbox::due_at.le(Ts(now))))
        .order((outbox::due_at.asc(), outbox::id.asc()))
        .select(outbox::id)
        .limit(1);
    let due = dialect::skip_locked(due).load::<Id>(conn)?;
    let due = load_in_order(conn, due)?;
    match due.into_iter().next() {
        Some(row) => take(conn, row, lease_end),
        None => Ok(None),
    }
}

/// The rows with these ids, the first due first.
fn load_in_order(conn: &mut DbConnection, ids: Vec<Id>) -> Result<Vec<OutboxRow>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(outbox::table
        .filter(outbox::id.eq_any(ids))
        .order((outbox::due_at.asc(), outbox::id.asc()))
        .select(OutboxRow::as_select())
        .load(conn)?)
}

/// Claims the message of a row, unless somebody was faster.
fn take(
    conn: &mut DbConnection,
    row: OutboxRow,
    lease_end: Timestamp,
) -> Result<Option<Outgoing>, StoreError> {
    let mine = outbox::table
        .find(row.id)
        .filter(outbox::fence.eq(row.fence).and(outbox::state.eq("pending")));
    let changed = diesel::update(mine)
        .set((
            outbox::fence.eq(row.fence + 1),
            outbox::due_at.eq(Ts(lease_end)),
            outbox::attempts.eq(row.attempts + 1),
        ))
        .execute(conn)?;
    match changed {
        1 => row.into_claimed().map(Some),
        _ => Ok(None),
    }
}

/// The claimed message left. False if the claim was lost meanwhile.
pub fn mark_sent(
    conn: &mut DbConnection,
    message: &Outgoing,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let changed = diesel::update(held(message))
        .set((
            outbox::state.eq("sent"),
            outbox::sent_at.eq(Some(Ts(now))),
            outbox::last_error.eq(None::<String>),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

/// The claimed message did not leave and will be tried again at `next`.
pub fn mark_retry(
    conn: &mut DbConnection,
    message: &Outgoing,
    reason: &str,
    next: Timestamp,
) -> Result<bool, StoreError> {
    let changed = diesel::update(held(message))
        // The claim is over: whoever held it can report no more.
        .set((
            outbox::fence.eq(message.fence + 1),
            outbox::due_at.eq(Ts(next)),
            outbox::last_error.eq(Some(reason.to_owned())),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

/// The claimed message will never leave: kept, with the reason.
pub fn park(conn: &mut DbConnection, message: &Outgoing, reason: &str) -> Result<bool, StoreError> {
    let changed = diesel::update(held(message))
        .set((
            outbox::state.eq("parked"),
            outbox::last_error.eq(Some(reason.to_owned())),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

/// The claimed message is not to leave before `next`: nothing was tried.
pub fn postpone(
    conn: &mut DbConnection,
    message: &Outgoing,
    next: Timestamp,
) -> Result<bool, StoreError> {
    let changed = diesel::update(held(message))
        .set((
            outbox::fence.eq(message.fence + 1),
            outbox::due_at.eq(Ts(next)),
            outbox::attempts.eq(message.attempts - 1),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

/// When the mails about a ticket left that left after `since`, the oldest first.
pub fn list_sent_since(
    conn: &mut DbConnection,
    ticket: TicketId,
    since: Timestamp,
) -> Result<Vec<Timestamp>, StoreError> {
    let sent = outbox::table
        .filter(outbox::ticket_id.eq(Some(Id(ticket.uuid()))))
        .filter(outbox::channel.eq(Channel::Mail.as_str()))
        .filter(outbox::sent_at.gt(Ts(since)))
        .order(outbox::sent_at.asc())
        .select(outbox::sent_at.assume_not_null())
        .load::<Ts>(conn)?;
    Ok(sent.into_iter().map(|at| at.0).collect())
}

/// How many messages wait, and how many were given up.
pub fn count(conn: &mut DbConnection) -> Result<(i64, i64), StoreError> {
    let of = |state: &'static str| outbox::table.filter(outbox::state.eq(state)).count();
    Ok((
        of("pending").get_result(conn)?,
        of("parked")
            .filter(outbox::discarded_at.is_null())
            .get_result(conn)?,
    ))
}

/// How much waits on a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// On which.
    pub channel: Channel,
    /// Messages to be sent, now or later.
    pub pending: i64,
    /// When the first of them is to leave, or was.
    pub oldest_due_at: Option<Timestamp>,
    /// Messages given up that nobody has looked at.
    pub parked: i64,
}

/// What waits, channel by channel.
pub fn list_waiting(conn: &mut DbConnection) -> Result<Vec<Waiting>, StoreError> {
    let pending = outbox::table
        .filter(outbox::state.eq("pending"))
        .group_by(outbox::channel)
        .select((
            outbox::channel,
            diesel::dsl::count_star(),
            diesel::dsl::min(outbox::due_at),
        ))
        .load::<(String, i64, Option<Ts>)>(conn)?;
    let parked = outbox::table
        .filter(outbox::state.eq("parked"))
        .filter(outbox::discarded_at.is_null())
        .group_by(outbox::channel)
        .select((outbox::channel, diesel::dsl::count_star()))
        .load::<(String, i64)>(conn)?;
    let of = |channel: Channel| {
        let waits = pending.iter().find(|(code, ..)| code == channel.as_str());
        let given_up = parked.iter().find(|(code, _)| code == channel.as_str());
        Waiting {
            channel,
            pending: waits.map_or(0, |(_, count, _)| *count),
            oldest_due_at: waits.and_then(|(.., at)| at.map(|at| at.0)),
            parked: given_up.map_or(0, |(_, count)| *count),
        }
    };
    Ok(Channel::ALL.map(of).into())
}

/// Forgets messages to people that left before `before`, `most` of them at a time.
pub fn delete_sent(
    conn: &mut DbConnection,
    before: Timestamp,
    most: i64,
) -> Result<usize, StoreError> {
    let old = outbox::table
        .filter(outbox::endpoint_id.is_null())
        .filter(outbox::state.eq("sent").and(outbox::sent_at.lt(Ts(before))))
        .select(outbox::id)
        .limit(most)
        .load::<Id>(conn)?;
    Ok(diesel::delete(outbox::table.filter(outbox::id.eq_any(old))).execute(conn)?)
}

#[diesel::dsl::auto_type]
fn held(message: &Outgoing) -> _ {
    let id: Id = Id(message.id.uuid());
    let fence: i64 = message.fence;
    outbox::table
        .filter(outbox::id.eq(id))
        .filter(outbox::fence.eq(fence))
        .filter(outbox::state.eq("pending"))
}

const fn lang_code(lang: Lang) -> &'static str {
    match lang {
        Lang::It => "it",
        Lang::En => "en",
    }
}

impl OutboxRow {
    fn into_claimed(self) -> Result<Outgoing, StoreError> {
        let recipient = match place(self.id.0.as_bytes()).open("recipient", &self.recipient) {
            // One row that was touched must not hold up the messages beside it.
            Err(error @ StoreError::Corrupt { .. }) => {
                tracing::error!(%error, "the address of a message does not open");
                GONE.to_owned()
            }
            other => other?,
        };
        Ok(Outgoing {
            id: MessageId::new(self.id.0),
            ticket: self.ticket_id.map(|id| TicketId::new(id.0)),
            seq: self.seq,
            proof: self.proof_id.map(|id| ProofId::new(id.0)),
            account: self.account_id.map(|id| AccountId::new(id.0)),
            issue: self.issue_id.map(|id| IssueId::new(id.0)),
            client: self.client_id.map(|id| ClientId::new(id.0)),
            channel: Channel::from_code(&self.channel).unwrap_or(Channel::Mail),
            endpoint: self.endpoint_id.map(|id| EndpointId::new(id.0)),
            payload: self.payload,
            desk: self.desk.map(|code| code.as_str().into()),
            template: self.template,
            recipient,
            lang: if self.lang == "en" {
                Lang::En
            } else {
                Lang::It
            },
            attempts: self.attempts + 1,
            fence: self.fence + 1,
        })
    }
}
