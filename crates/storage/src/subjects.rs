//! A person across tickets: which are about them, and where free texts name them. What is sealed cannot be searched in SQL, so texts are read page by page.

use diesel::prelude::*;
use domain::ids::TicketId;
use domain::note::Audience;
use domain::subject_request::MentionPlace;
use uuid::Uuid;

use crate::keyring::Field;
use crate::privacy::read_text;
use crate::schema::{
    activities, activity_comments, callbacks, complaints, contacts, notes, tickets,
};
use crate::sealing::{Place, numbered_row};
use crate::sql_types::Id;
use crate::{DbConnection, StoreError, dossiers};

/// The tickets about the person with this tax code, the first one first.
pub fn list_tickets(conn: &mut DbConnection, tax_code: &str) -> Result<Vec<TicketId>, StoreError> {
    let prints = dossiers::prints(Field::TaxCode, tax_code)?;
    let ids = tickets::table
        .filter(tickets::tax_code_print.eq_any(prints))
        .order((tickets::created_at.asc(), tickets::id.asc()))
        .select(tickets::id)
        .load::<Id>(conn)?;
    Ok(ids.into_iter().map(|id| TicketId::new(id.0)).collect())
}

/// A free text, and where it stands. No `Debug`, because of the text.
pub struct FreeText {
    /// The row.
    pub subject: Uuid,
    /// The entry, for a note; else 0.
    pub seq: i64,
    /// The ticket it belongs to, if any.
    pub ticket: Option<TicketId>,
    /// For whom a note is, where it is one.
    pub audience: Option<Audience>,
    /// The desk that wrote a note.
    pub team: Option<String>,
    /// The text.
    pub text: String,
}

/// Where a page of texts ended.
pub type After = (Uuid, i64);

/// A page of the free texts of one sort, after the one that the page before ended with.
pub fn list_texts(
    conn: &mut DbConnection,
    place: MentionPlace,
    after: Option<After>,
    limit: i64,
) -> Result<Vec<FreeText>, StoreError> {
    let (id, seq) = after.unwrap_or((Uuid::nil(), 0));
    let after = Id(id);
    // A text that is sealed is opened, one that is not is taken as it is.
    let opened = |table: &'static str,
                  (subject, ticket): (Id, Option<Id>),
                  texts: Vec<(&'static str, Option<String>)>| {
        let at = Place::new(table, subject.0.as_bytes());
        let open = |(column, kept): (&'static str, Option<String>)| {
            kept.map(|kept| read_text(at, column, kept)).transpose()
        };
        let texts: Vec<_> = texts.into_iter().map(open).collect::<Result<_, _>>()?;
        Ok(FreeText {
            subject: subject.0,
            seq: 0,
            ticket: ticket.map(|id| TicketId::new(id.0)),
            audience: None,
            team: None,
            text: texts.into_iter().flatten().collect::<Vec<_>>().join("\n"),
        })
    };
    match place {
        MentionPlace::Note => list_notes(conn, after, seq, limit),
        MentionPlace::Description => tickets::table
            .filter(tickets::id.gt(after))
            .order(tickets::id.asc())
            .limit(limit)
            .select((tickets::id, tickets::description))
            .load::<(Id, Option<String>)>(conn)?
            .into_iter()
            .map(|(id, text)| opened("tickets", (id, Some(id)), vec![("description", text)]))
            .collect(),
        MentionPlace::Activity => activities::table
            .filter(activities::id.gt(after))
            .order(activities::id.asc())
            .limit(limit)
            .select((
                activities::id,
                activities::ticket_id,
                activities::summary,
                activities::detail,
            ))
            .load::<(Id, Id, String, String)>(conn)?
            .into_iter()
            .map(|(id, ticket, one, two)| {
                let texts = vec![("summary", Some(one)), ("detail", Some(two))];
                opened("activities", (id, Some(ticket)), texts)
            })
            .collect(),
        MentionPlace::ActivityComment => activity_comments::table
            .inner_join(activities::table.on(activities::id.eq(activity_comments::activity_id)))
            .filter(activity_comments::id.gt(after))
            .order(activity_comments::id.asc())
            .limit(limit)
            .select((
                activity_comments::id,
                activities::ticket_id,
                activity_comments::body,
            ))
            .load::<(Id, Id, String)>(conn)?
            .into_iter()
            .map(|(id, ticket, text)| {
                opened(
                    "activity_comments",
                    (id, Some(ticket)),
                    vec![("body", Some(text))],
                )
            })
            .collect(),
        MentionPlace::Contact => contacts::table
            .filter(contacts::id.gt(after))
            .order(contacts::id.asc())
            .limit(limit)
            .select((contacts::id, contacts::ticket_id, contacts::note))
            .load::<(Id, Option<Id>, Option<String>)>(conn)?
            .into_iter()
            .map(|(id, ticket, text)| opened("contacts", (id, ticket), vec![("note", text)]))
            .collect(),
        MentionPlace::Callback => callbacks::table
            .filter(callbacks::id.gt(after))
            .order(callbacks::id.asc())
            .limit(limit)
            .select((callbacks::id, callbacks::ticket_id, callbacks::reason))
            .load::<(Id, Option<Id>, String)>(conn)?
            .into_iter()
            .map(|(id, ticket, text)| {
                opened("callbacks", (id, ticket), vec![("reason", Some(text))])
            })
            .collect(),
        MentionPlace::Complaint => complaints::table
            .filter(complaints::id.gt(after))
            .order(complaints::id.asc())
            .limit(limit)
            .select((complaints::id, complaints::subject, complaints::body))
            .load::<(Id, String, String)>(conn)?
            .into_iter()
            .map(|(id, one, two)| {
                let texts = vec![("subject", Some(one)), ("body", Some(two))];
                opened("complaints", (id, None), texts)
            })
            .collect(),
    }
}

type NoteColumns = (Id, i64, String, Option<String>, String);

fn list_notes(
    conn: &mut DbConnection,
    after: Id,
    seq: i64,
    limit: i64,
) -> Result<Vec<FreeText>, StoreError> {
    let is_later = notes::ticket_id
        .gt(after)
        .or(notes::ticket_id.eq(after).and(notes::seq.gt(seq)));
    let rows = notes::table
        .filter(is_later)
        .order((notes::ticket_id.asc(), notes::seq.asc()))
        .limit(limit)
        .select((
            notes::ticket_id,
            notes::seq,
            notes::audience,
            notes::team,
            notes::body,
        ))
        .load::<NoteColumns>(conn)?;
    rows.into_iter()
        .map(|(ticket, seq, audience, team, text)| {
            let audience = Audience::from_code(&audience).ok_or_else(|| StoreError::Corrupt {
                table: "notes",
                id: format!("{}/{seq}", ticket.0),
                column: "audience",
            })?;
            let key = numbered_row(ticket.0, seq);
            let text = read_text(Place::new("notes", &key), "body", text)?;
            Ok(FreeText {
                subject: ticket.0,
                seq,
                ticket: Some(TicketId::new(ticket.0)),
                audience: Some(audience),
                team,
                text,
            })
        })
        .collect()
}
