//! The entries of the audit trail, append-only. Their body is kept letter by letter, since chains and
//! anchors are over it.

use diesel::prelude::*;
use domain::audit::AuditEntry;

use crate::schema::audit_entries;
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError};

/// Adds an entry.
pub fn append(conn: &mut DbConnection, entry: &AuditEntry) -> Result<(), StoreError> {
    let body = serde_json::to_string(entry).map_err(|_| StoreError::Corrupt {
        table: "audit_entries",
        id: entry.id.to_string(),
        column: "body",
    })?;
    let row = (
        audit_entries::id.eq(Id(entry.id)),
        audit_entries::nth.eq(entry.nth),
        audit_entries::chain.eq(entry.chain.clone()),
        audit_entries::at.eq(Ts(entry.at)),
        audit_entries::body.eq(body),
    );
    diesel::insert_into(audit_entries::table)
        .values(row)
        .execute(conn)?;
    Ok(())
}
