//! How long personal data are kept, version by version; append-only. The last version that is no
//! proposal holds.

use diesel::prelude::*;
use domain::codes::AuthorityCode;
use domain::ids::AccountId;
use domain::retention::{Schedule, Term};
use jiff::Timestamp;

use crate::schema::retention_schedules;
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError};

/// A version of a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleVersion {
    /// Whose; none for all that have none of their own.
    pub authority: Option<AuthorityCode>,
    /// From 1, for the same authority.
    pub version: i64,
    /// Whether it is only proposed.
    pub is_proposal: bool,
    /// The terms.
    pub schedule: Schedule,
    /// When it was entered.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: AccountId,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = retention_schedules, treat_none_as_default_value = false)]
struct ScheduleRow {
    authority_code: String,
    version: i64,
    is_proposal: bool,
    identifier: String,
    contact: String,
    health_text: String,
    attachment: String,
    complaint: String,
    created_at: Ts,
    created_by: Id,
}

/// Adds a version. `UniqueViolation` if somebody was faster.
pub fn insert(conn: &mut DbConnection, version: &ScheduleVersion) -> Result<(), StoreError> {
    let terms = &version.schedule;
    diesel::insert_into(retention_schedules::table)
        .values(ScheduleRow {
            authority_code: code(version.authority.as_ref()),
            version: version.version,
            is_proposal: version.is_proposal,
            identifier: terms.identifier.to_string(),
            contact: terms.contact.to_string(),
            health_text: terms.health_text.to_string(),
            attachment: terms.attachment.to_string(),
            complaint: terms.complaint.to_string(),
            created_at: Ts(version.created_at),
            created_by: Id(version.created_by.uuid()),
        })
        .execute(conn)?;
    Ok(())
}

/// Every version, by authority, the newest first within each.
pub fn list(conn: &mut DbConnection) -> Result<Vec<ScheduleVersion>, StoreError> {
    let rows: Vec<ScheduleRow> = retention_schedules::table
        .order((
            retention_schedules::authority_code.asc(),
            retention_schedules::version.desc(),
        ))
        .select(ScheduleRow::as_select())
        .load(conn)?;
    rows.into_iter().map(into_version).collect()
}

/// An authority as its column keeps it: empty for all.
fn code(authority: Option<&AuthorityCode>) -> String {
    authority.map(ToString::to_string).unwrap_or_default()
}

fn into_version(row: ScheduleRow) -> Result<ScheduleVersion, StoreError> {
    let term = |text: &str, column| {
        Term::parse(text).ok_or_else(|| StoreError::Corrupt {
            table: "retention_schedules",
            id: format!("{}/{}", row.authority_code, row.version),
            column,
        })
    };
    let schedule = Schedule {
        identifier: term(&row.identifier, "identifier")?,
        contact: term(&row.contact, "contact")?,
        health_text: term(&row.health_text, "health_text")?,
        attachment: term(&row.attachment, "attachment")?,
        complaint: term(&row.complaint, "complaint")?,
    };
    let authority = Some(row.authority_code.as_str()).filter(|code| !code.is_empty());
    Ok(ScheduleVersion {
        authority: authority.map(AuthorityCode::from),
        version: row.version,
        is_proposal: row.is_proposal,
        schedule,
        created_at: row.created_at.0,
        created_by: AccountId::new(row.created_by.0),
    })
}
