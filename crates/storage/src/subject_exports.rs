//! Copies of somebody's data on their way to them: who asked, who approved, where the sealed bytes are,
//! and that they were fetched once (`docs/adr/0038`).

use diesel::prelude::*;
use domain::ids::{AccountId, ExportId, SubjectRequestId};
use domain::note::BlobSecret;
use domain::subject_request::{ExportDelivery, ExportState};
use jiff::Timestamp;

use crate::blobs::{BlobKey, BlobRef};
use crate::keyring::INSTALLATION;
use crate::schema::subject_exports;
use crate::sealing::{Place, SealedText};
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError};

/// A copy of somebody's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// Its id.
    pub id: ExportId,
    /// The request it answers.
    pub request: SubjectRequestId,
    /// Who gets it.
    pub delivery: ExportDelivery,
    /// How far it is.
    pub state: ExportState,
    /// Who asked for it, and when.
    pub asked: (AccountId, Timestamp),
    /// Who approved it, and when.
    pub approved: Option<(AccountId, Timestamp)>,
    /// Where its sealed bytes are, while there are any.
    pub blob: Option<BlobRef>,
    /// When it was there to be fetched.
    pub ready_at: Option<Timestamp>,
    /// Until when it can be fetched.
    pub expires_at: Option<Timestamp>,
    /// When it was fetched, or its time ran out.
    pub ended_at: Option<Timestamp>,
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = subject_exports, treat_none_as_default_value = false, treat_none_as_null = true)]
struct Row {
    id: Id,
    request_id: Id,
    delivery: String,
    state: String,
    asked_by: Id,
    asked_at: Ts,
    approved_by: Option<Id>,
    approved_at: Option<Ts>,
    blob_key: Option<String>,
    blob_sha256: Option<SealedText>,
    blob_size: Option<i64>,
    blob_secret: Option<SealedText>,
    ready_at: Option<Ts>,
    expires_at: Option<Ts>,
    ended_at: Option<Ts>,
}

/// Notes that a copy was asked for.
pub fn insert(conn: &mut DbConnection, export: &Export) -> Result<(), StoreError> {
    diesel::insert_into(subject_exports::table)
        .values(row_of(export)?)
        .execute(conn)?;
    Ok(())
}

/// Writes a copy as it is now, if it still was in this state: of two who fetch it, one wins.
pub fn save(conn: &mut DbConnection, export: &Export, was: ExportState) -> Result<(), StoreError> {
    let seen = subject_exports::table
        .find(Id(export.id.uuid()))
        .filter(subject_exports::state.eq(was.as_str()));
    match diesel::update(seen).set(row_of(export)?).execute(conn)? {
        0 => Err(StoreError::Stale),
        _ => Ok(()),
    }
}

/// One copy.
pub fn find(conn: &mut DbConnection, id: ExportId) -> Result<Option<Export>, StoreError> {
    let found = subject_exports::table
        .find(Id(id.uuid()))
        .select(Row::as_select())
        .first::<Row>(conn)
        .optional()?;
    found.map(into_export).transpose()
}

/// The copies that answer a request, the first one first.
pub fn list_of(
    conn: &mut DbConnection,
    request: SubjectRequestId,
) -> Result<Vec<Export>, StoreError> {
    let rows = subject_exports::table
        .filter(subject_exports::request_id.eq(Id(request.uuid())))
        .order((subject_exports::asked_at.asc(), subject_exports::id.asc()))
        .select(Row::as_select())
        .load::<Row>(conn)?;
    rows.into_iter().map(into_export).collect()
}

/// Copies that are to be made, those asked for first.
pub fn list_to_make(conn: &mut DbConnection, limit: i64) -> Result<Vec<Export>, StoreError> {
    let rows = subject_exports::table
        .filter(subject_exports::state.eq(ExportState::Preparing.as_str()))
        .order((subject_exports::asked_at.asc(), subject_exports::id.asc()))
        .limit(limit)
        .select(Row::as_select())
        .load::<Row>(conn)?;
    rows.into_iter().map(into_export).collect()
}

/// Lets the time of copies run out that nobody fetched. Their bytes are then named by no row, and go
/// with the next sweep. The answer is how many.
pub fn expire(conn: &mut DbConnection, now: Timestamp) -> Result<usize, StoreError> {
    let over = subject_exports::table
        .filter(subject_exports::state.eq(ExportState::Ready.as_str()))
        .filter(subject_exports::expires_at.le(Some(Ts(now))));
    let expired = diesel::update(over)
        .set((
            subject_exports::state.eq(ExportState::Expired.as_str()),
            subject_exports::blob_key.eq(None::<String>),
            subject_exports::blob_sha256.eq(None::<String>),
            subject_exports::blob_size.eq(None::<i64>),
            subject_exports::blob_secret.eq(None::<String>),
            subject_exports::ended_at.eq(Some(Ts(now))),
        ))
        .execute(conn)?;
    Ok(expired)
}

fn row_of(export: &Export) -> Result<Row, StoreError> {
    let blob = export.blob.as_ref();
    let id = export.id.uuid();
    let at = Place::new("subject_exports", id.as_bytes());
    let seal = |column, value: Option<&str>| at.seal_some(INSTALLATION, column, value);
    let digest = blob.map(|blob| data_encoding::HEXLOWER.encode(&blob.sha256));
    Ok(Row {
        id: Id(id),
        request_id: Id(export.request.uuid()),
        delivery: export.delivery.as_str().to_owned(),
        state: export.state.as_str().to_owned(),
        asked_by: Id(export.asked.0.uuid()),
        asked_at: Ts(export.asked.1),
        approved_by: export.approved.map(|(by, _)| Id(by.uuid())),
        approved_at: export.approved.map(|(_, at)| Ts(at)),
        blob_key: blob.map(|blob| blob.key.as_str().to_owned()),
        blob_sha256: seal("blob_sha256", digest.as_deref())?,
        blob_size: blob.map(|blob| i64::try_from(blob.size).unwrap_or(i64::MAX)),
        blob_secret: seal("blob_secret", blob.map(|blob| blob.secret.expose()))?,
        ready_at: export.ready_at.map(Ts),
        expires_at: export.expires_at.map(Ts),
        ended_at: export.ended_at.map(Ts),
    })
}

fn into_export(row: Row) -> Result<Export, StoreError> {
    let corrupt = |column| StoreError::Corrupt {
        table: "subject_exports",
        id: row.id.0.to_string(),
        column,
    };
    let at = Place::new("subject_exports", row.id.0.as_bytes());
    let open = |column, sealed: &Option<SealedText>| at.open_some(column, sealed.as_ref());
    let digest = open("blob_sha256", &row.blob_sha256)?;
    let secret = open("blob_secret", &row.blob_secret)?;
    let blob = match (&row.blob_key, digest, row.blob_size) {
        (Some(key), Some(digest), Some(size)) => Some(BlobRef {
            secret: BlobSecret::from_stored(secret.unwrap_or_default()),
            key: BlobKey::parse(key)?,
            sha256: data_encoding::HEXLOWER
                .decode(digest.as_bytes())
                .ok()
                .and_then(|bytes| bytes.try_into().ok())
                .ok_or_else(|| corrupt("blob_sha256"))?,
            size: u64::try_from(size).map_err(|_| corrupt("blob_size"))?,
        }),
        _ => None,
    };
    let approved = row.approved_by.zip(row.approved_at);
    Ok(Export {
        id: ExportId::new(row.id.0),
        request: SubjectRequestId::new(row.request_id.0),
        delivery: ExportDelivery::from_code(&row.delivery).ok_or_else(|| corrupt("delivery"))?,
        state: ExportState::from_code(&row.state).ok_or_else(|| corrupt("state"))?,
        asked: (AccountId::new(row.asked_by.0), row.asked_at.0),
        approved: approved.map(|(by, at)| (AccountId::new(by.0), at.0)),
        blob,
        ready_at: row.ready_at.map(|at| at.0),
        expires_at: row.expires_at.map(|at| at.0),
        ended_at: row.ended_at.map(|at| at.0),
    })
}
