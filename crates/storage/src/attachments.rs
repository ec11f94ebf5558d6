//! The rows of attachments: what a file is, which entry it belongs to, and where its bytes are. Its name,
//! its digest and what opens its bytes are sealed: a known document's digest tells who has it.

use diesel::prelude::*;
use domain::attachment::FileKind;
use domain::codes::AuthorityCode;
use domain::file_name::FileName;
use domain::ids::{AttachmentId, TicketId};
use domain::note::{Attachment, Audience, BlobSecret};
use domain::ticket::Ticket;
use domain::visibility::{EntryFacts, View, may_read};
use jiff::Timestamp;

use crate::blobs::BlobRef;
use crate::keyring::{self, MARK};
use crate::schema::{attachments, notes, purged_attachments, subject_exports};
use crate::sealing::{Place, SealedText};
use crate::sql_types::{Id, Instant, Ts, Uid};
use crate::together::Row;
use crate::{DbConnection, StoreError};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = attachments, treat_none_as_default_value = false)]
struct AttachmentRow {
    id: Id,
    ticket_id: Id,
    seq: i64,
    file_name: SealedText,
    file_kind: String,
    size: i64,
    sha256: SealedText,
    blob_key: String,
    /// None from before blobs were sealed.
    blob_secret: Option<SealedText>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = purged_attachments)]
struct PurgedRow {
    id: Id,
    seq: i64,
    file_kind: String,
    size: i64,
    purged_at: Ts,
}

/// What a purged file is called: its own name may have told of somebody.
const PURGED_NAME: &str = "allegato";

fn place(id: &[u8; 16]) -> Place<'_> {
    Place::new("attachments", id)
}

/// Ties a stored file to an entry.
pub(crate) fn row_of(
    ticket: &Ticket,
    seq: i64,
    file: &Attachment,
) -> Result<Box<dyn Row>, StoreError> {
    let desk = ticket.filed_at().as_str();
    let id = file.id.uuid();
    let place = place(id.as_bytes());
    let row = AttachmentRow {
        id: Id(id),
        ticket_id: Id(ticket.id.uuid()),
        seq,
        file_name: place.seal(desk, "file_name", file.name.as_str())?,
        file_kind: file.kind.as_str().to_owned(),
        size: i64::try_from(file.size).unwrap_or(i64::MAX),
        sha256: place.seal(desk, "sha256", &file.sha256)?,
        blob_key: file.blob_key.clone(),
        blob_secret: Some(place.seal(desk, "blob_secret", file.blob_secret.expose())?),
    };
    Ok(Box::new(
        diesel::insert_into(attachments::table).values(row),
    ))
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

/// For whom an entry is; one without a text was filed along with the form.
fn audience_of(code: Option<&str>) -> Option<Audience> {
    code.map_or(Some(Audience::Citizen), Audience::from_code)
}

impl PurgedRow {
    fn into_domain(
        self,
        (audience, team, party): EntryColumns,
    ) -> Result<StoredAttachment, StoreError> {
        let corrupt = |column: &'static str| StoreError::Corrupt {
            table: "purged_attachments",
            id: self.id.0.to_string(),
            column,
        };
        let name = format!("{PURGED_NAME}.{}", self.file_kind);
        Ok(StoredAttachment {
            seq: self.seq,
            audience: audience_of(audience.as_deref()).ok_or_else(|| corrupt("seq"))?,
            team: team.as_deref().map(AuthorityCode::from),
            party: party.as_deref().map(AuthorityCode::from),
            file: Attachment {
                id: AttachmentId::new(self.id.0),
                kind: FileKind::from_extension(&self.file_kind)
                    .ok_or_else(|| corrupt("file_kind"))?,
                size: u64::try_from(self.size).map_err(|_| corrupt("size"))?,
                name: FileName::from_stored(name),
                sha256: String::new(),
                blob_key: String::new(),
                blob_secret: BlobSecret::default(),
            },
            purged_at: Some(self.purged_at.0),
        })
    }
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
        let place = place(self.id.0.as_bytes());
        let secret = place.open_some("blob_secret", self.blob_secret.as_ref())?;
        Ok(StoredAttachment {
            seq: self.seq,
            audience: audience_of(audience.as_deref()).ok_or_else(|| corrupt("seq"))?,
            team: team.as_deref().map(AuthorityCode::from),
            party: party.as_deref().map(AuthorityCode::from),
            file: Attachment {
                id: AttachmentId::new(self.id.0),
                kind: FileKind::from_extension(&self.file_kind)
                    .ok_or_else(|| corrupt("file_kind"))?,
                size: u64::try_from(self.size).map_err(|_| corrupt("size"))?,
                name: FileName::from_stored(place.open("file_name", &self.file_name)?),
                sha256: place.open("sha256", &self.sha256)?,
                blob_key: self.blob_key,
                blob_secret: BlobSecret::from_stored(secret.unwrap_or_default()),
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
        .map(|(row, entry)| row.into_domain(entry))
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

/// Files whose blobs are to be sealed anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Staleness {
    /// Those from before blobs were sealed.
    Plain,
    /// Those whose secret was sealed with the data key of this number.
    Under(i64),
}

/// A file whose blob is to be sealed anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaleFile {
    /// The desk whose key seals its row.
    pub desk: String,
    /// The file.
    pub file: Attachment,
}

/// A page of files whose blobs are to be sealed anew, after `after`. Their rows are sealed already; what
/// one holds whose key was destroyed reads as [`crate::sealing::GONE`].
pub fn list_stale(
    conn: &mut DbConnection,
    which: &Staleness,
    after: Option<AttachmentId>,
    limit: i64,
) -> Result<Vec<StaleFile>, StoreError> {
    let mut query = attachments::table
        .order(attachments::id.asc())
        .limit(limit)
        .select(AttachmentRow::as_select())
        .into_boxed();
    query = match which {
        Staleness::Plain => query.filter(attachments::blob_secret.is_null()),
        Staleness::Under(key) => {
            query.filter(attachments::blob_secret.like(format!("{MARK}{key}.%")))
        }
    };
    if let Some(after) = after {
        query = query.filter(attachments::id.gt(Id(after.uuid())));
    }
    let keys = keyring::current()?;
    let mut stale = Vec::new();
    for row in query.load(conn)? {
        let row: AttachmentRow = row;
        let id = row.id.0;
        let number = row.sha256.key().ok_or_else(|| StoreError::Corrupt {
            table: "attachments",
            id: id.to_string(),
            column: "sha256",
        })?;
        stale.push(StaleFile {
            desk: keys.numbered(number)?.desk.clone(),
            file: row.into_domain((None, None, None))?.file,
        });
    }
    Ok(stale)
}

/// Has a file's row name the blob that was sealed anew, unless somebody was faster or the file is gone.
pub fn replace_blob(
    conn: &mut DbConnection,
    stale: &StaleFile,
    blob: &BlobRef,
) -> Result<bool, StoreError> {
    let id = stale.file.id.uuid();
    let secret = place(id.as_bytes()).seal(&stale.desk, "blob_secret", blob.secret.expose())?;
    let row = attachments::table
        .find(Id(id))
        .filter(attachments::blob_key.eq(stale.file.blob_key.clone()));
    let changed = diesel::update(row)
        .set((
            attachments::blob_key.eq(blob.key.as_str().to_owned()),
            attachments::blob_secret.eq(Some(secret)),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}
