//! The rows of attachments: what a file is, which entry it belongs to, and where its bytes are.

use diesel::prelude::*;
use domain::attachment::FileKind;
use domain::codes::AuthorityCode;
use domain::file_name::FileName;
use domain::ids::{AttachmentId, TicketId};
use domain::note::{Attachment, Audience};
use domain::visibility::{EntryFacts, View, may_read};
use jiff::Timestamp;

use crate::schema::{attachments, notes, purged_attachments, subject_exports};
use crate::sql_types::{Id, Instant, Ts, Uid};
use crate::{DbConnection, StoreError};

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

#[derive(Queryable, Selectable)]
#[diesel(table_name = purged_attachments)]
struct PurgedRow {
    id: Id,
    ticket_id: Id,
    seq: i64,
    file_kind: String,
    size: i64,
    purged_at: Ts,
}

/// What a purged file is called: its own name may have told of somebody.
const PURGED_NAME: &str = "allegato";

/// Ties a stored file to an entry.
pub(crate) fn insert(
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
    /// The file; once purged, without name, bytes and digest.
    pub file: Attachment,
    /// When its bytes were purged (T22).
    pub purged_at: Option<Timestamp>,
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
pub fn list(
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

/// Which of these blobs neither an attachment nor a copy of somebody's data speaks of: leftovers of
/// writes that never committed.
pub fn list_orphans(conn: &mut DbConnection, keys: Vec<String>) -> Result<Vec<String>, StoreError> {
    let mut known: Vec<String> = attachments::table
        .filter(attachments::blob_key.eq_any(&keys))
        .select(attachments::blob_key)
        .load(conn)?;
    // Copies of somebody's data are kept in the same store until they are fetched.
    let copies = subject_exports::table
        .filter(subject_exports::blob_key.assume_not_null().eq_any(&keys))
        .select(subject_exports::blob_key.assume_not_null());
    known.extend(copies.load::<String>(conn)?);
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
            purged_at: None,
        })
    }
}

/// What is left of the purged files of a ticket: kind, size and place, under a name that tells nothing.
pub fn list_purged(
    conn: &mut DbConnection,
    ticket: TicketId,
) -> Result<Vec<StoredAttachment>, StoreError> {
    let entry = notes::ticket_id
        .eq(purged_attachments::ticket_id)
        .and(notes::seq.eq(purged_attachments::seq));
    let rows = purged_attachments::table
        .left_join(notes::table.on(entry))
        .filter(purged_attachments::ticket_id.eq(Id(ticket.uuid())))
        .order((purged_attachments::seq.asc(), purged_attachments::id.asc()))
        .select((
            PurgedRow::as_select(),
            (
                notes::audience.nullable(),
                notes::team.nullable(),
                notes::party.nullable(),
            ),
        ))
        .load::<(PurgedRow, EntryColumns)>(conn)?;
    rows.into_iter()
        .map(|(row, entry)| {
            let left = AttachmentRow {
                id: row.id,
                ticket_id: row.ticket_id,
                seq: row.seq,
                file_name: format!("{PURGED_NAME}.{}", row.file_kind),
                file_kind: row.file_kind,
                size: row.size,
                sha256: String::new(),
                blob_key: String::new(),
            };
            Ok(StoredAttachment {
                purged_at: Some(row.purged_at.0),
                ..left.into_domain(entry)?
            })
        })
        .collect()
}

/// Takes the files of a ticket away, and keeps that they were there. Their bytes are then named by no
/// row, and go with the next sweep. Only the system may. The answer is how many.
pub fn purge(
    conn: &mut DbConnection,
    ticket: TicketId,
    now: Timestamp,
) -> Result<usize, StoreError> {
    diesel::sql_query(
        "INSERT INTO purged_attachments (id, ticket_id, seq, file_kind, size, purged_at) \
         SELECT id, ticket_id, seq, file_kind, size, $1 FROM attachments WHERE ticket_id = $2",
    )
    .bind::<Instant, _>(Ts(now))
    .bind::<Uid, _>(Id(ticket.uuid()))
    .execute(conn)?;
    let files = attachments::table.filter(attachments::ticket_id.eq(Id(ticket.uuid())));
    Ok(diesel::delete(files).execute(conn)?)
}
