//! The reference data, upserted at every start so that rows can refer to it.
//!
//! Nothing is deleted: what left the files is history that tickets still name.

use diesel::prelude::*;

use crate::schema::{authorities, problem_types, services};
use crate::{DbConnection, StoreError, dialect};

/// An authority's row.
#[derive(Insertable, Clone, Debug)]
#[diesel(table_name = authorities, treat_none_as_default_value = false)]
pub struct AuthorityRow {
    /// Its code.
    pub code: String,
    /// Its kind.
    pub kind: String,
    /// Its label.
    pub label: String,
    /// First day.
    pub valid_from: Option<String>,
    /// Last day.
    pub valid_to: Option<String>,
    /// Who follows it.
    pub successor: Option<String>,
}

/// A service's row.
#[derive(Insertable, Clone, Debug)]
#[diesel(table_name = services, treat_none_as_default_value = false)]
pub struct ServiceRow {
    /// Its code.
    pub code: String,
    /// Its label.
    pub label_it: String,
    /// Its label.
    pub label_en: String,
    /// First day.
    pub valid_from: Option<String>,
    /// Last day.
    pub valid_to: Option<String>,
}

/// A problem type's row.
#[derive(Insertable, Clone, Debug)]
#[diesel(table_name = problem_types, treat_none_as_default_value = false)]
pub struct ProblemTypeRow {
    /// The service.
    pub service_code: String,
    /// Its code.
    pub code: String,
    /// Its label.
    pub label_it: String,
    /// Its label.
    pub label_en: String,
    /// First day.
    pub valid_from: Option<String>,
    /// Last day.
    pub valid_to: Option<String>,
}

/// Writes all rows, new ones and changed ones.
pub fn upsert(
    conn: &mut DbConnection,
    authority_rows: Vec<AuthorityRow>,
    service_rows: Vec<ServiceRow>,
    type_rows: Vec<ProblemTypeRow>,
) -> Result<(), StoreError> {
    for row in authority_rows {
        let insert = diesel::insert_into(authorities::table).values(row);
        dialect::upsert(
            insert,
            &["code"],
            &["kind", "label", "valid_from", "valid_to", "successor"],
        )
        .execute(conn)?;
    }
    for row in service_rows {
        let insert = diesel::insert_into(services::table).values(row);
        dialect::upsert(
            insert,
            &["code"],
            &["label_it", "label_en", "valid_from", "valid_to"],
        )
        .execute(conn)?;
    }
    for row in type_rows {
        let insert = diesel::insert_into(problem_types::table).values(row);
        dialect::upsert(
            insert,
            &["service_code", "code"],
            &["label_it", "label_en", "valid_from", "valid_to"],
        )
        .execute(conn)?;
    }
    Ok(())
}
