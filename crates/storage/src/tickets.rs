//! The current row of a ticket, and the only ways to write it: [`insert`] and [`save`].
//!
//! Invariant: the row, its events, notes, legs, attachments and messages out are written in
//! the caller's one transaction, guarded by the version that was read.

use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use domain::actor::{Actor, Assignee};
use domain::codes::AuthorityCode;
use domain::event::Event;
use domain::ids::{AccountId, TicketId, TicketNumber, TicketRef};
use domain::links::NamedTicket;
use domain::playbook::PlaybookWord;
use domain::sla::Clock;
pub use domain::state::RequesterKind;
use domain::state::{Channel, Priority, ResolutionCode, State, StateCode, TicketKind};
use domain::tax_code::TaxCode;
use domain::ticket::{Desk, Ticket};
use domain::visibility::{Opened, Scope};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::assignee;
use crate::changes::News;
use crate::connection::MultiBackend;
use crate::dossiers::{self, Contents, DossierColumns};
pub use crate::dossiers::{
    Details, Dossier, Walked, columns_of, forget_person, list_key_desks, reseal_page, rewrite,
    seal_plain_page,
};
use crate::keyring::Field;
use crate::prepared::prepared;
use crate::privacy::{keep_text, read_text};
use crate::schema::{self, tickets};
use crate::sealing::{Place, SealedText};
use crate::sla::Kept;
use crate::sql_types::{Id, Json, Ts};
use crate::together::{Row, insert_together};
use crate::{
    DbConnection, StoreError, attachments, changes, dialect, due_work, history, legs, links, sla,
    ticket_texts, trail,
};

#[derive(Queryable, Selectable, Insertable, Clone)]
#[diesel(table_name = tickets, treat_none_as_default_value = false)]
struct TicketRow {
    id: Id,
    number: String,
    version: i64,
    service_code: String,
    problem_type: String,
    declared_authority: Option<String>,
    custodian: String,
    at_region: bool,
    state: String,
    state_since: Option<Ts>,
    timer_at: Option<Ts>,
    resolution_code: Option<String>,
    assignee: Option<String>,
    tallies: Json,
    needs_attention: bool,
    priority: i32,
    kind: Option<String>,
    tags: String,
    channel: String,
    requester_kind: String,
    identity_print: Option<String>,
    tax_code_print: String,
    key_desk: String,
    family_name_print: String,
    email_print: String,
    phone_print: Option<String>,
    description: Option<String>,
    dossier: SealedText,
    follow_up_of: Option<Id>,
    created_at: Ts,
    updated_at: Ts,
    due_at: Ts,
}

/// The columns the lifecycle may change.
#[derive(AsChangeset)]
#[diesel(table_name = tickets, treat_none_as_null = true)]
struct LifecycleColumns {
    version: i64,
    custodian: String,
    at_region: bool,
    state: String,
    state_since: Option<Ts>,
    timer_at: Option<Ts>,
    resolution_code: Option<String>,
    assignee: Option<String>,
    tallies: Json,
    needs_attention: bool,
    priority: i32,
    kind: Option<String>,
    tags: String,
    updated_at: Ts,
}

/// What only the lifecycle reads: counters, and the word of the playbook.
#[derive(Serialize, Deserialize, Default)]
struct Tallies {
    bounces: i32,
    reopens: i32,
    reminders: i32,
    /// Reminders of the open question.
    asked: u32,
    /// Absent before there were nudges.
    #[serde(default)]
    nudges: i32,
    /// In microseconds since 1970, as instants are kept.
    #[serde(default)]
    nudged_at: Option<i64>,
    #[serde(default)]
    playbook: Option<PlaybookWord>,
    /// In microseconds since 1970.
    #[serde(default)]
    restricted_at: Option<i64>,
    /// In microseconds since 1970, too.
    #[serde(default)]
    anonymised_at: Option<i64>,
}

/// How often the requester nudged, as the counters say.
pub(crate) fn nudges_in(tallies: &Json) -> Option<i32> {
    Some(Tallies::deserialize(&tallies.0).ok()?.nudges)
}

/// 1 for the most urgent, as people count (`domain.md` §4.6).
pub(crate) const fn priority_rank(priority: Priority) -> i32 {
    match priority {
        Priority::Critical => 1,
        Priority::High => 2,
        Priority::Medium => 3,
        Priority::Low => 4,
    }
}

pub(crate) fn priority_of(rank: i32) -> Option<Priority> {
    Priority::ALL
        .iter()
        .copied()
        .find(|priority| priority_rank(*priority) == rank)
}

fn lifecycle_columns(ticket: &Ticket, timer_at: Option<Timestamp>) -> LifecycleColumns {
    let (state_since, asked) = match ticket.state {
        State::AwaitingInfo { since, reminders } => (Some(since), reminders),
        State::Resolved { since, .. } => (Some(since), 0),
        State::AutoClosed { at, .. } | State::Removed { at } => (Some(at), 0),
        State::New | State::InProgress | State::NotCompetent | State::ExternalWork => (None, 0),
    };
    let tallies = serde_json::json!({
        "bounces": ticket.bounces, "reopens": ticket.reopens, "reminders": ticket.reminders, "asked": asked,
        "nudges": ticket.nudges, "nudged_at": ticket.nudged_at.map(Timestamp::as_microsecond),
        "playbook": ticket.playbook,
        "restricted_at": ticket.restricted_at.map(Timestamp::as_microsecond),
        "anonymised_at": ticket.anonymised_at.map(Timestamp::as_microsecond),
    });
    LifecycleColumns {
        version: ticket.version,
        custodian: ticket.custodian.code.as_str().to_owned(),
        at_region: ticket.custodian.is_region,
        state: ticket.state.code().as_str().to_owned(),
        state_since: state_since.map(Ts),
        timer_at: timer_at.map(Ts),
        resolution_code: ticket
            .state
            .resolution()
            .map(|code| code.as_str().to_owned()),
        assignee: ticket.assignee.as_ref().map(assignee::to_column),
        tallies: Json(tallies),
        needs_attention: ticket.needs_attention,
        priority: priority_rank(ticket.priority),
        kind: ticket.kind.map(|kind| kind.as_str().to_owned()),
        tags: serde_json::Value::from(ticket.tags.clone()).to_string(),
        updated_at: Ts(ticket.updated_at),
    }
}

/// What follows from filing a ticket, and is written with it.
#[derive(Default)]
pub struct Following<'a> {
    /// What its service and problem are called, for those who search.
    pub subject: &'a str,
    /// Its clocks, and of them the resolution of its first leg.
    pub clocks: Option<(&'a Kept, &'a Clock)>,
    /// What is to be done about it, and when; each kind once.
    pub work: &'a [(&'a str, Timestamp)],
    /// What the feed tells.
    pub news: &'a [News],
}

/// Writes a new ticket with the first entry of its history. `subject` is what its service and problem are
/// called, for those who search.
pub fn insert(
    conn: &mut DbConnection,
    ticket: &Ticket,
    dossier: &Dossier,
    subject: &str,
    filed: &Event,
    actor: &Actor,
    attachment: Option<&domain::note::Attachment>,
) -> Result<(), StoreError> {
    let following = Following {
        subject,
        ..Following::default()
    };
    insert_with(conn, ticket, dossier, filed, actor, attachment, &following)
}

/// The same with what follows from it, all in one round trip.
pub fn insert_with(
    conn: &mut DbConnection,
    ticket: &Ticket,
    dossier: &Dossier,
    filed: &Event,
    actor: &Actor,
    attachment: Option<&domain::note::Attachment>,
    following: &Following<'_>,
) -> Result<(), StoreError> {
    let now = lifecycle_columns(ticket, None);
    let key_desk = dossier.key_desk.as_str();
    let sealed = DossierColumns::new(ticket.id.uuid(), key_desk, &Contents::of(dossier))?;
    let row = TicketRow {
        id: Id(ticket.id.uuid()),
        number: ticket.number.as_str().to_owned(),
        version: now.version,
        service_code: ticket.service.as_str().to_owned(),
        problem_type: ticket.problem_type.as_str().to_owned(),
        declared_authority: ticket
            .declared_authority
            .as_ref()
            .map(|code| code.as_str().to_owned()),
        custodian: now.custodian,
        at_region: now.at_region,
        state: now.state,
        state_since: now.state_since,
        timer_at: now.timer_at,
        resolution_code: now.resolution_code,
        assignee: now.assignee,
        tallies: now.tallies,
        needs_attention: now.needs_attention,
        priority: now.priority,
        kind: now.kind,
        tags: now.tags,
        channel: dossier.channel.as_str().to_owned(),
        requester_kind: dossier.requester.as_str().to_owned(),
        identity_print: sealed.identity_print,
        tax_code_print: sealed.tax_code_print,
        key_desk: key_desk.to_owned(),
        family_name_print: sealed.family_name_print,
        email_print: sealed.email_print,
        phone_print: sealed.phone_print,
        description: description_column(ticket, dossier)?,
        dossier: sealed.dossier,
        follow_up_of: dossier.follow_up_of.map(|id| Id(id.uuid())),
        created_at: Ts(ticket.created_at),
        updated_at: Ts(ticket.updated_at),
        due_at: Ts(dossier.due_at),
    };
    let mut rows: Vec<Box<dyn Row>> =
        vec![Box::new(diesel::insert_into(tickets::table).values(row))];
    rows.extend(history::rows_of(
        ticket,
        std::slice::from_ref(filed),
        actor,
    )?);
    if let Some(file) = attachment {
        rows.push(attachments::row_of(ticket, filed.seq, file)?);
    }
    let description = dossier.description.as_deref();
    rows.push(ticket_texts::row_of_description(
        ticket,
        following.subject,
        description,
    )?);
    rows.extend(legs::rows_of(ticket));
    if let Some((kept, present)) = following.clocks {
        rows.push(sla::row_of(ticket.id, kept, present)?);
    }
    let work = following.work.iter();
    rows.extend(work.map(|(kind, at)| due_work::row_of(kind, ticket.id.uuid(), *at)));
    let news = following.news.iter();
    rows.extend(news.map(|one| changes::row_of(one, ticket.created_at)));
    insert_together(conn, &rows)?;
    trail::note(ticket.id, &ticket.custodian.code, &dossier.tax_code)?;
    trail::note_change(ticket.id);
    Ok(())
}

/// Writes the ticket as it is now, and what happened to it. The only way to change a ticket.
///
/// `before` is the ticket the decision was made on; somebody else's change since makes it `Stale`.
/// `timer_at` is when the scheduler must look again. `contacts` replaces the dossier, if given.
pub fn save(
    conn: &mut DbConnection,
    ticket: &Ticket,
    before: &Ticket,
    events: &[Event],
    actor: &Actor,
    timer_at: Option<Timestamp>,
    contacts: Option<&Dossier>,
) -> Result<(), StoreError> {
    let row = tickets::table.filter(
        tickets::id
            .eq(Id(ticket.id.uuid()))
            .and(tickets::version.eq(before.version)),
    );
    let update = diesel::update(row).set(lifecycle_columns(ticket, timer_at));
    let changed: Option<i64> = prepared(update.returning(tickets::version))
        .get_result(conn)
        .optional()?;
    if changed.is_none() {
        return Err(StoreError::Stale);
    }
    trail::note_change(ticket.id);
    if let Some(dossier) = contacts {
        rewrite(conn, ticket.id, dossier)?;
    }
    history::append(conn, ticket, events, actor)?;
    legs::write(conn, ticket, &before.legs)
}

/// The ticket `wanted` names, if `scope` reaches it.
pub fn find(
    conn: &mut DbConnection,
    scope: &Scope,
    wanted: &TicketRef,
) -> Result<Option<(Ticket, Dossier)>, StoreError> {
    let mut query = tickets::table.select(TicketRow::as_select()).into_boxed();
    query = match wanted {
        TicketRef::Id(id) => query.filter(tickets::id.eq(Id(id.uuid()))),
        TicketRef::Number(number) => query.filter(tickets::number.eq(number.as_str().to_owned())),
    };
    let had_custody = |code: &AuthorityCode| {
        diesel::dsl::exists(
            schema::legs::table.filter(
                schema::legs::ticket_id
                    .eq(tickets::id)
                    .and(schema::legs::custodian.eq(code.as_str().to_owned())),
            ),
        )
    };
    query = match scope {
        Scope::Authority(code) => query.filter(had_custody(code)),
        Scope::Region(_) | Scope::System => query,
        Scope::Citizen {
            identity,
            tax_code,
            delegators,
        } => query
            .filter(of_citizen(identity, tax_code, delegators)?)
            .filter(is_shown_to_requester()),
        Scope::Tracking(id) => query
            .filter(of_tracking(*id))
            .filter(is_shown_to_requester()),
        Scope::Granted(Opened::Inspected(id) | Opened::Ticket(id)) => {
            query.filter(tickets::id.eq(Id(id.uuid())))
        }
        Scope::Granted(Opened::Authority(code)) => {
            query.filter(tickets::custodian.eq(code.as_str().to_owned()))
        }
        Scope::Technical(_) | Scope::Nothing => return Ok(None),
    };
    let found = prepared(query.limit(1)).get_result::<TicketRow>(conn);
    let Some(row) = found.optional()? else {
        return Ok(None);
    };
    let legs = legs::load(conn, row.id)?;
    let merged_into = match row.state == StateCode::Removed.as_str() {
        true => links::find_survivor(conn, TicketId::new(row.id.0))?,
        false => None,
    };
    row.into_domain(legs, merged_into).map(Some)
}

/// The id of the ticket `wanted` names, for who may name any; nothing of it is opened.
pub fn find_id(
    conn: &mut DbConnection,
    wanted: &TicketRef,
) -> Result<Option<TicketId>, StoreError> {
    let mut query = tickets::table.select(tickets::id).into_boxed();
    query = match wanted {
        TicketRef::Id(id) => query.filter(tickets::id.eq(Id(id.uuid()))),
        TicketRef::Number(number) => query.filter(tickets::number.eq(number.as_str().to_owned())),
    };
    let id = query.first::<Id>(conn).optional()?;
    Ok(id.map(|id| TicketId::new(id.0)))
}

/// A removed ticket is shown to no requester, unless its number leads on.
fn is_shown_to_requester() -> RowCondition {
    let merges = schema::ticket_merges::table
        .filter(schema::ticket_merges::ticket_id.eq(tickets::id))
        .select(schema::ticket_merges::ticket_id);
    Box::new(
        tickets::state
            .ne(StateCode::Removed.as_str())
            .or(diesel::dsl::exists(merges)),
    )
}

/// What a tracking session reaches: the ticket it was opened for, what that goes on in, and what follows
/// up on either.
pub(crate) fn of_tracking(id: TicketId) -> RowCondition {
    let key = || Id(id.uuid());
    let survivors = || {
        schema::ticket_merges::table
            .filter(schema::ticket_merges::ticket_id.eq(key()))
            .select(schema::ticket_merges::into_id)
    };
    let follows = || tickets::follow_up_of.assume_not_null();
    let is_reached = tickets::id
        .eq(key())
        .or(follows().eq(key()))
        .or(tickets::id.eq_any(survivors()))
        .or(follows().eq_any(survivors()));
    let has_no_identity = tickets::requester_kind.ne(RequesterKind::Citizen.as_str());
    Box::new(is_reached.and(has_no_identity))
}

/// The condition on a ticket's row alone.
pub(crate) type RowCondition =
    Box<dyn BoxableExpression<tickets::table, MultiBackend, SqlType = Bool>>;

/// What a citizen reaches: see [`Scope::reaches_citizens`], and whether it is shown to them, elsewhere.
/// Whoever has no delegators is found along one index, by identity.
pub(crate) fn of_citizen(
    identity: &str,
    tax_code: &TaxCode,
    delegators: &[TaxCode],
) -> Result<RowCondition, StoreError> {
    let is_shown = tickets::requester_kind.eq(RequesterKind::Citizen.as_str());
    let identities = dossiers::prints(Field::Identity, identity)?;
    let identity_print = tickets::identity_print.assume_not_null();
    let has_identity: RowCondition = match identities.as_slice() {
        // As it is but while a key changes; PostgreSQL keeps an index's order for one value alone.
        [one] => Box::new(identity_print.eq(one.clone())),
        _ => Box::new(identity_print.eq_any(identities)),
    };
    // Of the few that are the citizen's. As a column it would be looked up for each desk's key.
    let has_tax_code = dialect::fixed::<Text>("(tax_code_print || '')")
        .eq_any(dossiers::prints(Field::TaxCode, tax_code.as_str())?);
    let is_own = has_identity.and(has_tax_code);
    if delegators.is_empty() {
        return Ok(Box::new(is_own.and(is_shown)));
    }
    let mut others = Vec::new();
    for delegator in delegators {
        others.extend(dossiers::prints(Field::TaxCode, delegator.as_str())?);
    }
    let is_delegators = tickets::tax_code_print.eq_any(others);
    Ok(Box::new(is_own.or(is_delegators).and(is_shown)))
}

/// The tickets an account owns that are not over, with who has them in custody.
pub fn list_owned(
    conn: &mut DbConnection,
    account: AccountId,
) -> Result<Vec<(TicketId, AuthorityCode)>, StoreError> {
    let owner = assignee::to_column(&Assignee::Operator(account));
    let rows = tickets::table
        .filter(tickets::assignee.eq(Some(owner)))
        .filter(tickets::state.ne_all(["auto-closed", "removed"]))
        .order(tickets::id.asc())
        .select((tickets::id, tickets::custodian))
        .load::<(Id, String)>(conn)?;
    Ok(rows
        .into_iter()
        .map(|(id, custodian)| (TicketId::new(id.0), custodian.as_str().into()))
        .collect())
}

/// Whose a ticket is.
pub struct Owned {
    /// The ticket.
    pub ticket: TicketId,
    /// Its number.
    pub number: TicketNumber,
    /// Who has it in custody.
    pub custodian: AuthorityCode,
    /// Whom it is about.
    pub tax_code: String,
}

/// Whose these tickets are, in no order: for the index of the audit trail and what is answered out of it,
/// so that it is no look at them itself. Has no scope but that of the transaction.
pub fn list_owners(
    conn: &mut DbConnection,
    tickets: &[TicketId],
) -> Result<Vec<Owned>, StoreError> {
    let ids: Vec<Id> = tickets.iter().map(|id| Id(id.uuid())).collect();
    let rows = tickets::table
        .filter(tickets::id.eq_any(ids))
        .select((
            tickets::id,
            tickets::number,
            tickets::custodian,
            tickets::dossier,
        ))
        .load::<(Id, String, String, SealedText)>(conn)?;
    rows.into_iter()
        .map(|(id, number, custodian, dossier)| {
            Ok(Owned {
                ticket: TicketId::new(id.0),
                number: TicketNumber::from_stored(number),
                custodian: custodian.as_str().into(),
                tax_code: dossiers::person_of(id.0, &dossier)?,
            })
        })
        .collect()
}

/// Holds a ticket's row until the end of the transaction, so that two changes that hang on it
/// follow each other. SQLite has one writer, and so holds everything anyway.
pub fn hold(conn: &mut DbConnection, id: TicketId) -> Result<(), StoreError> {
    let update = diesel::update(tickets::table.find(Id(id.uuid())));
    let held = update.set(tickets::version.eq(tickets::version));
    prepared(held.returning(tickets::version)).load::<i64>(conn)?;
    Ok(())
}

/// The open follow-up of a closed ticket, if there is one.
pub fn find_open_follow_up(
    conn: &mut DbConnection,
    closed: TicketId,
) -> Result<Option<(Ticket, Dossier)>, StoreError> {
    let id = tickets::table
        .filter(tickets::follow_up_of.eq(Some(Id(closed.uuid()))))
        .filter(
            tickets::state.ne_all([StateCode::AutoClosed.as_str(), StateCode::Removed.as_str()]),
        )
        .order((tickets::created_at.desc(), tickets::id.desc()))
        .select(tickets::id)
        .first::<Id>(conn)
        .optional()?;
    match id {
        Some(id) => find(conn, &Scope::System, &TicketRef::Id(TicketId::new(id.0))),
        None => Ok(None),
    }
}

fn description_column(ticket: &Ticket, dossier: &Dossier) -> Result<Option<String>, StoreError> {
    let id = ticket.id.uuid();
    let keep = |text: &String| {
        let at = Place::new("tickets", id.as_bytes());
        keep_text(at, ticket.filed_at().as_str(), "description", text)
    };
    dossier.description.as_ref().map(keep).transpose()
}

impl TicketRow {
    fn into_domain(
        self,
        legs: Vec<domain::ticket::Leg>,
        merged_into: Option<NamedTicket>,
    ) -> Result<(Ticket, Dossier), StoreError> {
        let id = self.id.0;
        let corrupt = |column: &'static str| StoreError::Corrupt {
            table: "tickets",
            id: id.to_string(),
            column,
        };
        let tallies: Tallies =
            serde_json::from_value(self.tallies.0.clone()).map_err(|_| corrupt("tallies"))?;
        let state = self.state(tallies.asked).ok_or_else(|| corrupt("state"))?;
        let ticket = Ticket {
            id: TicketId::new(id),
            number: TicketNumber::from_stored(self.number),
            version: self.version,
            service: self.service_code.as_str().into(),
            problem_type: self.problem_type.as_str().into(),
            declared_authority: self.declared_authority.as_deref().map(AuthorityCode::from),
            custodian: Desk {
                code: self.custodian.as_str().into(),
                is_region: self.at_region,
            },
            state,
            merged_into,
            assignee: match self.assignee.as_deref() {
                Some(text) => Some(assignee::from_column(text).ok_or_else(|| corrupt("assignee"))?),
                None => None,
            },
            legs,
            bounces: tallies.bounces,
            reopens: tallies.reopens,
            reminders: tallies.reminders,
            nudges: tallies.nudges,
            nudged_at: match tallies.nudged_at.map(Timestamp::from_microsecond) {
                Some(at) => Some(at.map_err(|_| corrupt("tallies"))?),
                None => None,
            },
            needs_attention: self.needs_attention,
            priority: priority_of(self.priority).ok_or_else(|| corrupt("priority"))?,
            kind: match self.kind.as_deref() {
                Some(code) => Some(TicketKind::from_code(code).ok_or_else(|| corrupt("kind"))?),
                None => None,
            },
            tags: serde_json::from_str(&self.tags).map_err(|_| corrupt("tags"))?,
            anonymised_at: match tallies.anonymised_at.map(Timestamp::from_microsecond) {
                Some(at) => Some(at.map_err(|_| corrupt("tallies"))?),
                None => None,
            },
            playbook: tallies.playbook,
            restricted_at: match tallies.restricted_at.map(Timestamp::from_microsecond) {
                Some(at) => Some(at.map_err(|_| corrupt("tallies"))?),
                None => None,
            },
            created_at: self.created_at.0,
            updated_at: self.updated_at.0,
        };
        let description = self
            .description
            .map(|kept| read_text(Place::new("tickets", id.as_bytes()), "description", kept))
            .transpose()?;
        let contents = dossiers::open(id, &ticket.custodian.code, &self.dossier)?;
        let dossier = Dossier {
            key_desk: self.key_desk.as_str().into(),
            channel: Channel::from_code(&self.channel).ok_or_else(|| corrupt("channel"))?,
            requester: RequesterKind::from_code(&self.requester_kind)
                .ok_or_else(|| corrupt("requester_kind"))?,
            identity: contents.identity,
            tax_code: contents.tax_code,
            given_name: contents.given_name,
            family_name: contents.family_name,
            email: contents.email,
            phone: contents.phone,
            description,
            details: contents.details,
            follow_up_of: self.follow_up_of.map(|id| TicketId::new(id.0)),
            due_at: self.due_at.0,
        };
        Ok((ticket, dossier))
    }

    fn state(&self, reminders: u32) -> Option<State> {
        let since = self.state_since.map(|at| at.0);
        let code = || {
            self.resolution_code
                .as_deref()
                .and_then(ResolutionCode::from_code)
        };
        Some(match StateCode::from_code(&self.state)? {
            StateCode::New => State::New,
            StateCode::InProgress => State::InProgress,
            StateCode::NotCompetent => State::NotCompetent,
            StateCode::ExternalWork => State::ExternalWork,
            StateCode::AwaitingInfo => State::AwaitingInfo {
                since: since?,
                reminders,
            },
            StateCode::Resolved => State::Resolved {
                since: since?,
                closes_at: self.timer_at?.0,
                code: code()?,
            },
            StateCode::AutoClosed => State::AutoClosed {
                at: since?,
                code: code()?,
            },
            StateCode::Removed => State::Removed { at: since? },
        })
    }
}
