//! What happened to tickets: events, the notes under them, attachments and legs.
//!
//! Append-only. There is no function here that updates or deletes an event or a note, and
//! triggers on both databases refuse it; a leg is only ever closed, or opened again (T21).

use std::collections::HashMap;

use diesel::prelude::*;
use domain::actor::Actor;
use domain::attachment::FileKind;
use domain::codes::AuthorityCode;
use domain::event::{Change, Event};
use domain::file_name::FileName;
use domain::ids::{AccountId, AttachmentId, TicketId};
use domain::note::{Attachment, Audience, Note, NoteKind};
use domain::state::StateCode;
use domain::ticket::{Leg, LegEnd, LegOutcome, Ticket};
use domain::visibility::{EntryFacts, View, may_read};
use jiff::Timestamp;

use crate::schema::{accounts, attachments, legs, notes, ticket_events};
use crate::sql_types::{Id, Json, Ts};
use crate::{DbConnection, StoreError};

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

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = attachments, treat_none_as_default_value = false)]
struct AttachmentRow {
    id: Id,
    ticket_id: Id,
    seq: i64,
    file_name: String,
    file_kind: String,
    size: i64,
    sha256: String,
    blob_key: String,
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = legs, treat_none_as_default_value = false, treat_none_as_null = true)]
struct LegRow {
    ticket_id: Id,
    no: i32,
    custodian: String,
    opened_at: Ts,
    closed_at: Option<Ts>,
    closed_seq: Option<i64>,
    outcome: Option<String>,
}

/// Appends events and the notes and files they carry. `ticket` is as it stands after the last one.
pub(crate) fn append(
    conn: &mut DbConnection,
    ticket: &Ticket,
    events: &[Event],
    actor: &Actor,
) -> Result<(), StoreError> {
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
        diesel::insert_into(ticket_events::table)
            .values(row)
            .execute(conn)?;
        if let Some(note) = &event.note {
            append_note(conn, ticket.id, event.seq, note)?;
        }
    }
    Ok(())
}

fn append_note(
    conn: &mut DbConnection,
    ticket: TicketId,
    seq: i64,
    note: &Note,
) -> Result<(), StoreError> {
    let row = NoteRow {
        ticket_id: Id(ticket.uuid()),
        seq,
        kind: note.kind.as_str(),
        audience: note.audience.as_str(),
        team: note.team.as_ref().map(|code| code.as_str().to_owned()),
        party: note.party.as_ref().map(|code| code.as_str().to_owned()),
        body: note.body.clone(),
    };
    diesel::insert_into(notes::table)
        .values(row)
        .execute(conn)?;
    match &note.attachment {
        Some(file) => attach(conn, ticket, seq, file),
        None => Ok(()),
    }
}

/// Ties a stored file to an entry.
pub(crate) fn attach(
    conn: &mut DbConnection,
    ticket: TicketId,
    seq: i64,
    file: &Attachment,
) -> Result<(), StoreError> {
    let row = AttachmentRow {
        id: Id(file.id.uuid()),
        ticket_id: Id(ticket.uuid()),
        seq,
        file_name: file.name.as_str().to_owned(),
        file_kind: file.kind.as_str().to_owned(),
        size: i64::try_from(file.size).unwrap_or(i64::MAX),
        sha256: file.sha256.clone(),
        blob_key: file.blob_key.clone(),
    };
    diesel::insert_into(attachments::table)
        .values(row)
        .execute(conn)?;
    Ok(())
}

/// Writes the legs that changed after entry `since`: the last two at most.
pub(crate) fn write_legs(
    conn: &mut DbConnection,
    ticket: &Ticket,
    since: i64,
) -> Result<(), StoreError> {
    let known = if since == 0 {
        0
    } else {
        count_legs(conn, ticket.id)?
    };
    for leg in ticket.legs.iter().rev().take(2) {
        let row = LegRow {
            ticket_id: Id(ticket.id.uuid()),
            no: leg.no,
            custodian: leg.custodian.as_str().to_owned(),
            opened_at: Ts(leg.opened_at),
            closed_at: leg.closed.as_ref().map(|end| Ts(end.at)),
            closed_seq: leg.closed.as_ref().map(|end| end.seq),
            outcome: leg
                .closed
                .as_ref()
                .map(|end| end.outcome.as_str().to_owned()),
        };
        if i64::from(leg.no) > known {
            diesel::insert_into(legs::table).values(row).execute(conn)?;
        } else {
            diesel::update(legs::table.find((row.ticket_id, row.no)))
                .set(row)
                .execute(conn)?;
        }
    }
    Ok(())
}

fn count_legs(conn: &mut DbConnection, ticket: TicketId) -> Result<i64, StoreError> {
    Ok(legs::table
        .filter(legs::ticket_id.eq(Id(ticket.uuid())))
        .count()
        .get_result(conn)?)
}

pub(crate) fn load_legs(conn: &mut DbConnection, ticket: Id) -> Result<Vec<Leg>, StoreError> {
    let rows = legs::table
        .filter(legs::ticket_id.eq(ticket))
        .order(legs::no.asc())
        .select(LegRow::as_select())
        .load(conn)?;
    rows.into_iter().map(LegRow::into_domain).collect()
}

impl LegRow {
    fn into_domain(self) -> Result<Leg, StoreError> {
        let closed = match (
            self.closed_at,
            self.closed_seq,
            self.outcome.as_deref().and_then(LegOutcome::from_code),
        ) {
            (Some(at), Some(seq), Some(outcome)) => Some(LegEnd {
                at: at.0,
                seq,
                outcome,
            }),
            (None, None, None) => None,
            _ => {
                return Err(StoreError::Corrupt {
                    table: "legs",
                    id: self.ticket_id.0.to_string(),
                    column: "outcome",
                });
            }
        };
        Ok(Leg {
            no: self.no,
            custodian: self.custodian.as_str().into(),
            opened_at: self.opened_at.0,
            closed,
        })
    }
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
        View::Custodian | View::Region | View::Requester => i64::MAX,
    };
    let own = own.map_or("", AuthorityCode::as_str).to_owned();
    let reads_all = view == View::Region;
    let is_readable = notes::audience
        .eq("citizen")
        .and(notes::seq.le(last))
        .or(notes::team.eq(own.clone()))
        .or(notes::audience
            .ne_all(["citizen", "team"])
            .and(notes::party.eq(own)))
        .or(notes::audience
            .ne_all(["citizen", "team"])
            .and(reads_all.into_sql::<diesel::sql_types::Bool>()));
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
    if view == View::Requester {
        let told = notes::seq
            .is_not_null()
            .or(ticket_events::kind.eq_any(TOLD_TO_REQUESTER));
        query = query.filter(told);
    }
    let rows = query
        .order(ticket_events::seq.desc())
        .limit(limit)
        .select((
            EntryRow::as_select(),
            Option::<EntryNoteRow>::as_select(),
            accounts::display_name.nullable(),
        ))
        .load::<(EntryRow, Option<EntryNoteRow>, Option<String>)>(conn)?;
    rows.into_iter()
        .map(|(event, note, label)| entry(ticket, event, note, label))
        .collect()
}

/// The kinds of [`Change::is_told_to_requester`], for SQL; a test keeps the two the same.
const TOLD_TO_REQUESTER: [&str; 10] = [
    "request.created",
    "request.information_requested",
    "request.information_received",
    "request.message_received",
    "request.reminded",
    "request.resolved",
    "request.closed",
    "request.rerouted",
    "request.reopened",
    "note.published",
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
            body: note.body,
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

/// A stored file, the entry it belongs to, and for whom that entry was written.
#[derive(Debug, Clone)]
pub struct StoredAttachment {
    /// The entry.
    pub seq: i64,
    /// For whom the entry's text is; the citizen, where there is none.
    pub audience: Audience,
    /// The author's desk.
    pub team: Option<AuthorityCode>,
    /// The desk addressed.
    pub party: Option<AuthorityCode>,
    /// The file.
    pub file: Attachment,
}

impl StoredAttachment {
    /// Whether somebody with `view` from desk `own` may have it: as its entry's text.
    pub fn is_for(&self, view: View, own: Option<&AuthorityCode>) -> bool {
        let entry = EntryFacts {
            seq: self.seq,
            audience: self.audience,
            team: self.team.as_ref(),
            party: self.party.as_ref(),
        };
        may_read(entry, view, own)
    }
}

type EntryColumns = (Option<String>, Option<String>, Option<String>);

/// The files of a ticket. The caller keeps those that are for its reader.
pub fn list_attachments(
    conn: &mut DbConnection,
    ticket: TicketId,
) -> Result<Vec<StoredAttachment>, StoreError> {
    let entry = notes::ticket_id
        .eq(attachments::ticket_id)
        .and(notes::seq.eq(attachments::seq));
    let rows = attachments::table
        .left_join(notes::table.on(entry))
        .filter(attachments::ticket_id.eq(Id(ticket.uuid())))
        .order((attachments::seq.asc(), attachments::id.asc()))
        .select((
            AttachmentRow::as_select(),
            (
                notes::audience.nullable(),
                notes::team.nullable(),
                notes::party.nullable(),
            ),
        ))
        .load::<(AttachmentRow, EntryColumns)>(conn)?;
    rows.into_iter()
        .map(|(row, entry)| row.into_domain(entry))
        .collect()
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
    let rows: Vec<(Id, String)> = notes::table
        .filter(
            notes::ticket_id
                .eq_any(ids)
                .and(notes::audience.eq("citizen"))
                .and(is_last),
        )
        .select((notes::ticket_id, notes::body))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|(id, body)| (TicketId::new(id.0), body))
        .collect())
}

/// Which of these blobs no attachment speaks of: leftovers of writes that never committed.
pub fn orphans(conn: &mut DbConnection, keys: Vec<String>) -> Result<Vec<String>, StoreError> {
    let known: Vec<String> = attachments::table
        .filter(attachments::blob_key.eq_any(&keys))
        .select(attachments::blob_key)
        .load(conn)?;
    Ok(keys
        .into_iter()
        .filter(|key| !known.contains(key))
        .collect())
}

impl AttachmentRow {
    fn into_domain(
        self,
        (audience, team, party): EntryColumns,
    ) -> Result<StoredAttachment, StoreError> {
        let corrupt = |column: &'static str| StoreError::Corrupt {
            table: "attachments",
            id: self.id.0.to_string(),
            column,
        };
        let audience = match audience.as_deref() {
            None => Audience::Citizen, // filed along with the form
            Some(code) => Audience::from_code(code).ok_or_else(|| corrupt("seq"))?,
        };
        Ok(StoredAttachment {
            seq: self.seq,
            audience,
            team: team.as_deref().map(AuthorityCode::from),
            party: party.as_deref().map(AuthorityCode::from),
            file: Attachment {
                id: AttachmentId::new(self.id.0),
                kind: FileKind::from_extension(&self.file_kind)
                    .ok_or_else(|| corrupt("file_kind"))?,
                size: u64::try_from(self.size).map_err(|_| corrupt("size"))?,
                name: FileName::from_stored(self.file_name),
                sha256: self.sha256,
                blob_key: self.blob_key,
            },
        })
    }
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
    use domain::state::{HandOverReason, RemovalReason, ResolutionCode};

    #[test]
    fn sql_and_domain_agree_on_what_the_requester_is_told() {
        let code = || AuthorityCode::from("010204");
        let all = [
            Change::Filed { custodian: code() },
            Change::Taken {
                by: AccountId::new(uuid::Uuid::nil()),
            },
            Change::NoteAdded,
            Change::InfoRequested,
            Change::QuestionWithdrawn,
            Change::InfoReceived,
            Change::MessageReceived,
            Change::Reminded { nth: 1 },
            Change::Resolved {
                code: ResolutionCode::Duplicate,
                closes_at: Timestamp::UNIX_EPOCH,
            },
            Change::AutoClosed,
            Change::HandedOver {
                reason: HandOverReason::Other,
                to: code(),
            },
            Change::Returned { to: code() },
            Change::Rerouted { to: code() },
            Change::ActivityOpened,
            Change::ActivityClosed,
            Change::Reopened { by_reply: true },
            Change::Removed {
                reason: RemovalReason::Spam,
                duplicate_of: None,
            },
            Change::NotePublished { of: 1 },
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
