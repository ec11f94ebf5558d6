//! What happened to tickets: events and the notes under them.
//!
//! Append-only. There is no function here that updates or deletes an event or a note, and
//! triggers on both databases refuse it.

use std::collections::HashMap;

use diesel::prelude::*;
use domain::actor::Actor;
use domain::codes::AuthorityCode;
use domain::event::{Change, Event, Merge};
use domain::ids::{AccountId, TicketId};
use domain::note::{Audience, Note, NoteKind};
use domain::state::StateCode;
use domain::ticket::Ticket;
use domain::visibility::View;
use jiff::Timestamp;

use crate::prepared::prepared;
use crate::privacy::{keep_text, read_text};
use crate::schema::{accounts, attachments, notes, ticket_events};
use crate::sealing::{Place, numbered_row};
use crate::sql_types::{Id, Json, Ts};
use crate::together::{Row, insert_together};
use crate::{DbConnection, StoreError, attachments as files, ticket_texts};

#[derive(Insertable)]
#[diesel(table_name = ticket_events, treat_none_as_default_value = false)]
struct EventRow {
    ticket_id: Id,
    seq: i64,
    at: Ts,
    kind: &'static str,
    state: &'static str,
    actor_kind: &'static str,
    actor_account: Option<Id>,
    actor_desk: Option<String>,
    change: Json,
}

#[derive(Insertable)]
#[diesel(table_name = notes, treat_none_as_default_value = false)]
struct NoteRow {
    ticket_id: Id,
    seq: i64,
    kind: &'static str,
    audience: &'static str,
    team: Option<String>,
    party: Option<String>,
    body: String,
}

/// Appends events and the notes and files they carry. `ticket` is as it stands after the last one.
pub(crate) fn append(
    conn: &mut DbConnection,
    ticket: &Ticket,
    events: &[Event],
    actor: &Actor,
) -> Result<(), StoreError> {
    insert_together(conn, &rows_of(ticket, events, actor)?)
}

/// The rows of these events, to be written in this order.
pub(crate) fn rows_of(
    ticket: &Ticket,
    events: &[Event],
    actor: &Actor,
) -> Result<Vec<Box<dyn Row>>, StoreError> {
    let mut rows: Vec<Box<dyn Row>> = Vec::new();
    let staff = match actor {
        Actor::Staff(staff) => Some(staff),
        Actor::System | Actor::Requester => None,
    };
    for event in events {
        let change = serde_json::to_value(&event.change).map_err(|_| StoreError::Corrupt {
            table: "ticket_events",
            id: ticket.id.to_string(),
            column: "change",
        })?;
        let row = EventRow {
            ticket_id: Id(ticket.id.uuid()),
            seq: event.seq,
            at: Ts(event.at),
            kind: event.change.kind(),
            state: ticket.state.code().as_str(),
            actor_kind: actor.kind(),
            actor_account: staff.map(|staff| Id(staff.account.uuid())),
            actor_desk: staff.map(|staff| staff.authority.as_str().to_owned()),
            change: Json(change),
        };
        rows.push(Box::new(
            diesel::insert_into(ticket_events::table).values(row),
        ));
        if let Some(note) = &event.note {
            rows.push(note_row(ticket, event.seq, note)?);
            rows.push(ticket_texts::row_of_note(ticket, event.seq, note)?);
            if let Some(file) = &note.attachment {
                rows.push(files::row_of(ticket, event.seq, file)?);
            }
        }
    }
    Ok(rows)
}

fn note_row(ticket: &Ticket, seq: i64, note: &Note) -> Result<Box<dyn Row>, StoreError> {
    let key = numbered_row(ticket.id.uuid(), seq);
    let at = Place::new("notes", &key);
    let row = NoteRow {
        ticket_id: Id(ticket.id.uuid()),
        seq,
        kind: note.kind.as_str(),
        audience: note.audience.as_str(),
        team: note.team.as_ref().map(|code| code.as_str().to_owned()),
        party: note.party.as_ref().map(|code| code.as_str().to_owned()),
        body: keep_text(at, ticket.filed_at().as_str(), "body", &note.body)?,
    };
    Ok(Box::new(diesel::insert_into(notes::table).values(row)))
}

/// One entry of the timeline, as somebody with a view may read it.
#[derive(Clone)]
pub struct Entry {
    /// Its place.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub change: Change,
    /// Where the ticket stood afterwards.
    pub state: StateCode,
    /// `system`, `requester` or `staff`.
    pub actor_kind: String,
    /// The staff member.
    pub actor_account: Option<AccountId>,
    /// The staff member's name, for colleagues.
    pub actor_label: Option<String>,
    /// The staff member's desk.
    pub actor_desk: Option<AuthorityCode>,
    /// What was written, if the reader may read it.
    pub note: Option<EntryNote>,
}

/// A readable text.
#[derive(Clone)]
pub struct EntryNote {
    /// From whom.
    pub kind: NoteKind,
    /// For whom.
    pub audience: Audience,
    /// The author's desk.
    pub team: Option<AuthorityCode>,
    /// The desk addressed.
    pub party: Option<AuthorityCode>,
    /// The text.
    pub body: String,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = ticket_events)]
struct EntryRow {
    seq: i64,
    at: Ts,
    state: String,
    actor_kind: String,
    actor_account: Option<Id>,
    actor_desk: Option<String>,
    change: Json,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = notes)]
struct EntryNoteRow {
    kind: String,
    audience: String,
    team: Option<String>,
    party: Option<String>,
    body: String,
}

/// The newest `limit` entries before `before` that `view` shows to desk `own`, newest first.
///
/// The rule is `domain::visibility::may_read`, as SQL: a text that may not be read never leaves
/// the database.
pub fn list_entries(
    conn: &mut DbConnection,
    ticket: TicketId,
    view: View,
    own: Option<&AuthorityCode>,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Entry>, StoreError> {
    let last = match view {
        View::Until(seq) => seq,
        View::Custodian | View::Region | View::Inspector | View::Granted | View::Requester => {
            i64::MAX
        }
    };
    // Whoever reads under a grant is of no team.
    let own = own.filter(|_| view != View::Granted);
    let own = own.map_or("", AuthorityCode::as_str).to_owned();
    let reads_all = matches!(view, View::Region | View::Granted);
    let reads_teams = view == View::Inspector;
    let is_readable = notes::audience
        .eq("citizen")
        .and(notes::seq.le(last))
        .or(notes::team.eq(own.clone()))
        .or(notes::audience
            .ne_all(["citizen", "team"])
            .and(notes::party.eq(own)))
        .or(notes::audience
            .ne_all(["citizen", "team"])
            .and(reads_all.into_sql::<diesel::sql_types::Bool>()))
        .or(reads_teams.into_sql::<diesel::sql_types::Bool>());
    let mut query = ticket_events::table
        .left_join(
            notes::table.on(notes::ticket_id
                .eq(ticket_events::ticket_id)
                .and(notes::seq.eq(ticket_events::seq))
                .and(is_readable)),
        )
        .left_join(accounts::table.on(accounts::id.nullable().eq(ticket_events::actor_account)))
        .filter(ticket_events::ticket_id.eq(Id(ticket.uuid())))
        .filter(ticket_events::seq.le(last))
        .filter(ticket_events::seq.lt(before.unwrap_or(i64::MAX)))
        .filter(
            notes::seq
                .is_not_null()
                .or(ticket_events::kind.ne("note.added")),
        )
        .into_boxed();
    if !view.knows_of_activities() {
        query = query.filter(ticket_events::kind.not_like("activity.%"));
    }
    if view == View::Requester {
        let told = notes::seq
            .is_not_null()
            .or(ticket_events::kind.eq_any(TOLD_TO_REQUESTER));
        query = query.filter(told);
    }
    let query = query.order(ticket_events::seq.desc()).limit(limit).select((
        EntryRow::as_select(),
        Option::<EntryNoteRow>::as_select(),
        accounts::display_name.nullable(),
    ));
    let rows = prepared(query).load::<(EntryRow, Option<EntryNoteRow>, Option<String>)>(conn)?;
    rows.into_iter()
        .map(|(event, note, label)| entry(ticket, event, note, label))
        .collect()
}

/// The kinds of [`Change::is_told_to_requester`], for SQL; a test keeps the two the same.
const TOLD_TO_REQUESTER: [&str; 19] = [
    "request.created",
    "request.information_requested",
    "request.information_received",
    "request.message_received",
    "request.nudged",
    "request.reminded",
    "request.resolved",
    "request.closed",
    "request.rerouted",
    "request.reopened",
    "request.removed",
    "request.restored",
    "note.published",
    "review.requested",
    "review.taken",
    "review.decided",
    "request.restricted",
    "request.restriction_lifted",
    "request.rectified",
];

fn entry(
    ticket: TicketId,
    row: EntryRow,
    note: Option<EntryNoteRow>,
    actor_label: Option<String>,
) -> Result<Entry, StoreError> {
    let corrupt = |table: &'static str, column: &'static str| StoreError::Corrupt {
        table,
        id: format!("{ticket}/{}", row.seq),
        column,
    };
    let note = match note {
        Some(note) => Some(EntryNote {
            kind: NoteKind::from_code(&note.kind).ok_or_else(|| corrupt("notes", "kind"))?,
            audience: Audience::from_code(&note.audience)
                .ok_or_else(|| corrupt("notes", "audience"))?,
            team: note.team.as_deref().map(AuthorityCode::from),
            party: note.party.as_deref().map(AuthorityCode::from),
            body: read_body(ticket, row.seq, note.body)?,
        }),
        None => None,
    };
    Ok(Entry {
        change: serde_json::from_value(row.change.0.clone())
            .map_err(|_| corrupt("ticket_events", "change"))?,
        state: StateCode::from_code(&row.state).ok_or_else(|| corrupt("ticket_events", "state"))?,
        seq: row.seq,
        at: row.at.0,
        actor_kind: row.actor_kind,
        actor_account: row.actor_account.map(|id| AccountId::new(id.0)),
        actor_label,
        actor_desk: row.actor_desk.as_deref().map(AuthorityCode::from),
        note,
    })
}

fn read_body(ticket: TicketId, seq: i64, kept: String) -> Result<String, StoreError> {
    let key = numbered_row(ticket.uuid(), seq);
    read_text(Place::new("notes", &key), "body", kept)
}

/// The newest text of each ticket that its requester may read, in one statement.
pub fn list_last_messages(
    conn: &mut DbConnection,
    tickets: &[TicketId],
) -> Result<HashMap<TicketId, String>, StoreError> {
    let newer = diesel::alias!(notes as newer);
    let ids: Vec<Id> = tickets.iter().map(|id| Id(id.uuid())).collect();
    let is_last = diesel::dsl::not(diesel::dsl::exists(
        newer
            .filter(newer.field(notes::ticket_id).eq(notes::ticket_id))
            .filter(newer.field(notes::seq).gt(notes::seq))
            .filter(newer.field(notes::audience).eq("citizen")),
    ));
    let query = notes::table
        .filter(
            notes::ticket_id
                .eq_any(ids)
                .and(notes::audience.eq("citizen"))
                .and(is_last),
        )
        .select((notes::ticket_id, notes::seq, notes::body));
    let rows: Vec<(Id, i64, String)> = prepared(query).load(conn)?;
    rows.into_iter()
        .map(|(id, seq, body)| {
            let ticket = TicketId::new(id.0);
            Ok((ticket, read_body(ticket, seq, body)?))
        })
        .collect()
}

/// How much the requester wrote on a ticket: messages, and files of all sides.
pub fn count_said(conn: &mut DbConnection, ticket: TicketId) -> Result<(i64, i64), StoreError> {
    let messages = notes::table
        .filter(
            notes::ticket_id
                .eq(Id(ticket.uuid()))
                .and(notes::kind.eq("message")),
        )
        .count()
        .get_result(conn)?;
    let files = attachments::table
        .filter(attachments::ticket_id.eq(Id(ticket.uuid())))
        .count()
        .get_result(conn)?;
    Ok((messages, files))
}

/// Who did what to a ticket, oldest first.
pub fn list_deeds(
    conn: &mut DbConnection,
    ticket: TicketId,
) -> Result<Vec<(Timestamp, Option<AccountId>, Change)>, StoreError> {
    let rows = ticket_events::table
        .filter(ticket_events::ticket_id.eq(Id(ticket.uuid())))
        .order(ticket_events::seq.asc())
        .select((
            ticket_events::at,
            ticket_events::actor_account,
            ticket_events::change,
        ))
        .load::<(Ts, Option<Id>, Json)>(conn)?;
    rows.into_iter()
        .map(|(at, account, change)| {
            let change = serde_json::from_value(change.0).map_err(|_| StoreError::Corrupt {
                table: "ticket_events",
                id: ticket.to_string(),
                column: "change",
            })?;
            Ok((at.0, account.map(|id| AccountId::new(id.0)), change))
        })
        .collect()
}

/// A note of a ticket as it stands, with the account that wrote it.
pub fn find_note(
    conn: &mut DbConnection,
    ticket: TicketId,
    seq: i64,
) -> Result<Option<(EntryNote, Option<AccountId>)>, StoreError> {
    let entries = ticket_events::table
        .inner_join(
            notes::table.on(notes::ticket_id
                .eq(ticket_events::ticket_id)
                .and(notes::seq.eq(ticket_events::seq))),
        )
        .filter(
            ticket_events::ticket_id
                .eq(Id(ticket.uuid()))
                .and(ticket_events::seq.eq(seq)),
        )
        .select((EntryRow::as_select(), EntryNoteRow::as_select()))
        .first::<(EntryRow, EntryNoteRow)>(conn)
        .optional()?;
    let Some((event, note)) = entries else {
        return Ok(None);
    };
    let entry = entry(ticket, event, Some(note), None)?;
    Ok(entry.note.map(|note| (note, entry.actor_account)))
}

/// The merge that removed a ticket last, as its history kept it.
pub fn find_merge(conn: &mut DbConnection, ticket: TicketId) -> Result<Option<Merge>, StoreError> {
    let last: Option<Json> = ticket_events::table
        .filter(
            ticket_events::ticket_id
                .eq(Id(ticket.uuid()))
                .and(ticket_events::kind.eq("request.removed")),
        )
        .order(ticket_events::seq.desc())
        .select(ticket_events::change)
        .first(conn)
        .optional()?;
    let Some(last) = last else {
        return Ok(None);
    };
    match serde_json::from_value(last.0) {
        Ok(Change::Removed { merge, .. }) => Ok(merge),
        _ => Err(StoreError::Corrupt {
            table: "ticket_events",
            id: ticket.to_string(),
            column: "change",
        }),
    }
}

/// Whether an internal note was shown to the requester before.
pub fn is_published(
    conn: &mut DbConnection,
    ticket: TicketId,
    of: i64,
) -> Result<bool, StoreError> {
    let changes: Vec<Json> = ticket_events::table
        .filter(
            ticket_events::ticket_id
                .eq(Id(ticket.uuid()))
                .and(ticket_events::kind.eq("note.published")),
        )
        .select(ticket_events::change)
        .load(conn)?;
    Ok(changes.iter().any(|change| {
        change
            .0
            .pointer("/data/of")
            .and_then(serde_json::Value::as_i64)
            == Some(of)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::links::LinkKind;
    use domain::state::{HandOverReason, RemovalReason, ResolutionCode, State};

    #[test]
    fn sql_and_domain_agree_on_what_the_requester_is_told() {
        let code = || AuthorityCode::from("010204");
        let all = [
            Change::Filed {
                custodian: code(),
                route: None,
            },
            Change::Taken {
                by: AccountId::new(uuid::Uuid::nil()),
            },
            Change::Released {
                from: AccountId::new(uuid::Uuid::nil()),
            },
            Change::NoteAdded,
            Change::InfoRequested,
            Change::QuestionWithdrawn,
            Change::InfoReceived,
            Change::MessageReceived,
            Change::Nudged,
            Change::Reminded { nth: 1 },
            Change::Resolved {
                code: ResolutionCode::Duplicate,
                closes_at: Timestamp::UNIX_EPOCH,
            },
            Change::AutoClosed,
            Change::HandedOver {
                reason: HandOverReason::Other,
                to: code(),
                route: None,
                playbook: None,
            },
            Change::Returned {
                to: code(),
                route: None,
            },
            Change::Rerouted {
                to: code(),
                route: None,
            },
            Change::PlaybookOverridden { playbook: None },
            Change::ReviewDue,
            Change::ActivityOpened(None),
            Change::ActivityClosed(None),
            Change::ActivityOverdue {
                activity: domain::ids::ActivityId::new(uuid::Uuid::nil()),
            },
            Change::Reopened {
                by_reply: true,
                on_review: false,
            },
            Change::ReviewRequested {
                desk: code(),
                due_at: Timestamp::UNIX_EPOCH,
            },
            Change::Restricted,
            Change::RestrictionLifted,
            Change::Rectified {
                members: vec!["email".to_owned()],
            },
            Change::ReviewTaken,
            Change::ReviewDecided {
                outcome: domain::review::ReviewOutcome::Upheld,
            },
            Change::Removed {
                reason: RemovalReason::Spam,
                duplicate_of: None,
                merge: None,
            },
            Change::Restored {
                state: State::New,
                needs_attention: false,
            },
            Change::LinkAdded {
                other: TicketId::new(uuid::Uuid::nil()),
                kind: LinkKind::Related,
            },
            Change::LinkRemoved {
                other: TicketId::new(uuid::Uuid::nil()),
                kind: LinkKind::Related,
            },
            Change::NotePublished { of: 1 },
            Change::Anonymised,
        ];
        for change in all {
            assert_eq!(
                change.is_told_to_requester(),
                TOLD_TO_REQUESTER.contains(&change.kind()),
                "{change:?}"
            );
        }
    }
}
