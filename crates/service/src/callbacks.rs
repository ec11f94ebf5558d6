//! The queue of people who are to be called back (`domain.md` §10.2). Who was called on three
//! half-days in vain gets a text message, if they allowed one.

use domain::actor::Staff;
use domain::callback::{
    AttemptOutcome, CallbackRefused, CallbackState, HalfDay, MOST_ATTEMPTS, attempt,
};
use domain::codes::AuthorityCode;
use domain::ids::{CallbackId, MessageId, TicketId, TicketNumber};
use domain::invalid::Lang;
use domain::masking;
use domain::permissions::Right;
use domain::phone::PhoneNumber;
use domain::visibility::Scope;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use storage::callbacks::{self, Attempt, Callback};
use storage::deliveries::Keeper;
use storage::outbox::{self, Channel, Outgoing};
use storage::{DbConnection, StoreError};

use crate::contacts::{keeper_of, ticket_in_reach};
use crate::once::{Answer, Once};
use crate::text_gateway::UNREACHABLE;
use crate::{Desk, DeskError};

/// Somebody to be called back, checked but for the ticket.
#[derive(Debug, Clone)]
pub struct NewCallback {
    /// Where.
    pub phone: PhoneNumber,
    /// What about.
    pub reason: String,
    /// The id or number of the ticket it is about.
    pub ticket: Option<String>,
    /// From when, and until when, they would like to be called.
    pub wished: (Timestamp, Timestamp),
    /// Whether they may get a text message instead, in the end.
    pub sms_allowed: bool,
    /// Its language.
    pub lang: Lang,
}

/// An entry of the queue. Has no `Debug`, because of the number.
#[derive(Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct CallbackView {
    pub id: CallbackId,
    pub version: i64,
    pub desk: String,
    pub phone: String,
    /// Answers kept before there were masks hold none.
    #[serde(default)]
    pub masked: bool,
    pub reason: String,
    pub ticket: Option<(TicketId, TicketNumber)>,
    pub wished_from: Timestamp,
    pub wished_to: Timestamp,
    pub sms_allowed: bool,
    pub lang: Lang,
    pub state: CallbackState,
    pub attempts: Vec<AttemptView>,
    /// When the next attempt is possible; none when it is over.
    pub next_attempt_from: Option<Timestamp>,
    pub created_at: Timestamp,
    pub closed_at: Option<Timestamp>,
}

/// A try to reach somebody.
#[derive(Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct AttemptView {
    pub at: Timestamp,
    pub outcome: AttemptOutcome,
    pub note: Option<String>,
}

impl Desk {
    /// Puts somebody into the queue of the placement's desk.
    pub fn plan_callback(
        &self,
        staff: &Staff,
        new: NewCallback,
        once: &Once,
    ) -> Result<Answer<CallbackView>, DeskError> {
        let (desk, staff) = (self.clone(), staff.clone());
        let scope = Scope::of(&staff);
        self.write_once(&scope.clone(), once, move |conn| {
            let now = desk.clock.now();
            let ticket = new
                .ticket
                .map(|text| ticket_in_reach(conn, &scope, &text))
                .transpose()?;
            let callback = Callback {
                id: CallbackId::new(desk.ids.uuid()),
                version: 1,
                desk: staff.authority.clone(),
                phone: new.phone,
                reason: new.reason,
                ticket,
                wished_from: new.wished.0,
                wished_to: new.wished.1,
                sms_allowed: new.sms_allowed,
                lang: new.lang,
                state: CallbackState::Waiting,
                author: staff.account,
                created_at: now,
                closed_at: None,
            };
            callbacks::insert(conn, &callback)?;
            Ok(desk.callback_view(&staff.authority, callback, Vec::new(), now))
        })
    }

    /// A page of the queue, by the time people wish.
    pub fn list_callbacks(
        &self,
        staff: &Staff,
        state: Option<CallbackState>,
        after: Option<(Timestamp, CallbackId)>,
        limit: i64,
    ) -> Result<Vec<CallbackView>, DeskError> {
        let now = self.clock.now();
        let keeper = keeper_of(staff, Right::KeepContacts);
        self.db.read_snapshot_in(&Scope::of(staff), |conn| {
            let found = callbacks::list(conn, &keeper, state, after, limit)?;
            let ids: Vec<CallbackId> = found.iter().map(|one| one.id).collect();
            let attempts = callbacks::list_attempts(conn, &ids)?;
            let of = |id: CallbackId| {
                let own = attempts.iter().filter(|(of, _)| *of == id);
                own.map(|(_, attempt)| attempt.clone()).collect()
            };
            let views = found.into_iter();
            Ok(views
                .map(|one| {
                    let attempts = of(one.id);
                    self.callback_view(&staff.authority, one, attempts, now)
                })
                .collect())
        })
    }

    /// One entry of the queue.
    pub fn show_callback(&self, staff: &Staff, id: CallbackId) -> Result<CallbackView, DeskError> {
        let now = self.clock.now();
        let keeper = keeper_of(staff, Right::KeepContacts);
        self.db.read_snapshot_in(&Scope::of(staff), |conn| {
            let (callback, attempts) = load(conn, &keeper, id)?;
            Ok(self.callback_view(&staff.authority, callback, attempts, now))
        })
    }

    /// Records an attempt that was made just now.
    pub fn attempt_callback(
        &self,
        staff: &Staff,
        id: CallbackId,
        seen: i64,
        outcome: AttemptOutcome,
        note: Option<String>,
        once: &Once,
    ) -> Result<Answer<CallbackView>, DeskError> {
        let keeper = keeper_of(staff, Right::KeepContacts);
        let (desk, account) = (self.clone(), staff.account);
        let reader = staff.authority.clone();
        self.write_once(&Scope::of(staff), once, move |conn| {
            let now = desk.clock.now();
            let zone = &desk.settings.time_zone;
            let (callback, attempts) = load_at(conn, &keeper, id, seen)?;
            let earlier: Vec<_> = attempts.iter().map(|one| (one.at, one.outcome)).collect();
            let allowed = callback.sms_allowed;
            let done = attempt(callback.state, &earlier, outcome, allowed, now, zone)?;
            // The version first: whoever comes second finds it taken, and not a half-day.
            save(conn, &keeper, id, done.state, seen, now)?;
            let attempt = Attempt {
                at: now,
                outcome,
                note,
                author: account,
            };
            let half_day = HalfDay::of(now, zone);
            callbacks::insert_attempt(conn, &callback.desk, id, half_day, &attempt)?;
            if done.sends_text {
                desk.put_unreachable_text(conn, &callback, now)?;
            }
            let (callback, attempts) = load(conn, &keeper, id)?;
            Ok(desk.callback_view(&reader, callback, attempts, now))
        })
    }

    /// Takes somebody off the queue who needs not be called any more.
    pub fn cancel_callback(
        &self,
        staff: &Staff,
        id: CallbackId,
        seen: i64,
        once: &Once,
    ) -> Result<Answer<CallbackView>, DeskError> {
        let keeper = keeper_of(staff, Right::KeepContacts);
        let (desk, reader) = (self.clone(), staff.authority.clone());
        self.write_once(&Scope::of(staff), once, move |conn| {
            let now = desk.clock.now();
            let (callback, _) = load_at(conn, &keeper, id, seen)?;
            let state = callback.state;
            if state != CallbackState::Waiting {
                return Err(CallbackRefused::NotWaiting { state }.into());
            }
            save(conn, &keeper, id, CallbackState::Cancelled, seen, now)?;
            let (callback, attempts) = load(conn, &keeper, id)?;
            Ok(desk.callback_view(&reader, callback, attempts, now))
        })
    }

    fn put_unreachable_text(
        &self,
        conn: &mut DbConnection,
        callback: &Callback,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        let id = MessageId::new(self.ids.uuid());
        let phone = callback.phone.as_str().to_owned();
        let message = Outgoing {
            desk: Some(callback.desk.clone()),
            ticket: callback.ticket.as_ref().map(|(id, _)| *id),
            ..Outgoing::new(id, Channel::Sms, UNREACHABLE, phone, callback.lang)
        };
        Ok(outbox::put_for(conn, &message, self.text_due_at(now), now)?)
    }

    /// The number is whole for the desk that calls, and a mask for whoever looks on (PR-3).
    fn callback_view(
        &self,
        reader: &AuthorityCode,
        callback: Callback,
        attempts: Vec<Attempt>,
        now: Timestamp,
    ) -> CallbackView {
        let masked = *reader != callback.desk;
        let zone = &self.settings.time_zone;
        let waits = callback.state == CallbackState::Waiting && attempts.len() < MOST_ATTEMPTS;
        let last = attempts.last().map(|last| HalfDay::of(last.at, zone));
        let next = last.and_then(|half_day| half_day.end(zone));
        CallbackView {
            id: callback.id,
            version: callback.version,
            desk: callback.desk.to_string(),
            phone: match masked {
                true => masking::phone(callback.phone.as_str()),
                false => callback.phone.as_str().to_owned(),
            },
            masked,
            reason: callback.reason,
            ticket: callback.ticket,
            wished_from: callback.wished_from,
            wished_to: callback.wished_to,
            sms_allowed: callback.sms_allowed,
            lang: callback.lang,
            state: callback.state,
            attempts: attempts
                .into_iter()
                .map(|one| AttemptView {
                    at: one.at,
                    outcome: one.outcome,
                    note: one.note,
                })
                .collect(),
            next_attempt_from: waits.then(|| next.unwrap_or(now).max(now)),
            created_at: callback.created_at,
            closed_at: callback.closed_at,
        }
    }
}

fn load(
    conn: &mut DbConnection,
    keeper: &Keeper,
    id: CallbackId,
) -> Result<(Callback, Vec<Attempt>), DeskError> {
    let callback = callbacks::find(conn, keeper, id)?.ok_or(DeskError::NotFound)?;
    let attempts = callbacks::list_attempts(conn, &[id])?.into_iter();
    Ok((callback, attempts.map(|(_, attempt)| attempt).collect()))
}

fn load_at(
    conn: &mut DbConnection,
    keeper: &Keeper,
    id: CallbackId,
    seen: i64,
) -> Result<(Callback, Vec<Attempt>), DeskError> {
    let (callback, attempts) = load(conn, keeper, id)?;
    match callback.version == seen {
        true => Ok((callback, attempts)),
        false => Err(DeskError::Stale {
            current: callback.version,
        }),
    }
}

fn save(
    conn: &mut DbConnection,
    keeper: &Keeper,
    id: CallbackId,
    state: CallbackState,
    seen: i64,
    now: Timestamp,
) -> Result<(), DeskError> {
    match callbacks::save(conn, id, state, seen, now) {
        Err(StoreError::Stale) => Err(DeskError::Stale {
            current: load(conn, keeper, id)?.0.version,
        }),
        other => Ok(other?),
    }
}
