//! Brings the tables to where this program expects them, and back.
//!
//! The two folders of migrations are compiled in. Invariant: every migration is one
//! transaction, and however many programs start at once, each migration runs in one of them.

use diesel::migration::MigrationSource;
use diesel::prelude::*;
use diesel::result::QueryResult;
use diesel::sql_types::Text;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use domain::visibility::Scope;

use crate::connection::{DbConnection, MultiBackend};
use crate::db::{Backend, Db};
use crate::dialect;
use crate::error::StoreError;
use crate::transaction::transact;

const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

impl Db {
    /// Runs what has not run yet and returns the versions it ran.
    pub fn migrate(&self) -> Result<Vec<String>, StoreError> {
        self.step_by_step(|conn, source| {
            let pending = conn.pending_migrations(source).map_err(failed)?;
            let Some(next) = pending.first() else {
                return Ok(None);
            };
            let version = conn.run_migration(next.as_ref()).map_err(failed)?;
            Ok(Some(version.to_string()))
        })
    }

    /// Undoes every migration, the last one first, and with them all rows. For tests.
    pub fn revert_all(&self) -> Result<Vec<String>, StoreError> {
        self.step_by_step(|conn, source| {
            if conn.applied_migrations().map_err(failed)?.is_empty() {
                return Ok(None);
            }
            let version = conn.revert_last_migration(source).map_err(failed)?;
            Ok(Some(version.to_string()))
        })
    }

    /// The versions that `migrate` would run. Takes the same lock, so ask it at the start of
    /// the program and not at every check of its health. Changes nothing.
    pub fn pending(&self) -> Result<Vec<String>, StoreError> {
        let mut conn = self.open_alone()?;
        let known = MigrationSource::<MultiBackend>::migrations(&self.migrations());
        let mut pending: Vec<String> = known
            .map_err(failed)?
            .iter()
            .map(|migration| migration.name().version().to_string())
            .collect();
        pending.sort_unstable();
        transact(&mut conn, begin, |db| {
            dialect::lock_migrations(db)?;
            if dialect::has_migrations(db)? {
                let ran: Vec<Ran> =
                    diesel::sql_query("SELECT version FROM __diesel_schema_migrations").load(db)?;
                pending.retain(|version| !ran.iter().any(|ran| ran.version == *version));
            }
            Ok(pending)
        })
    }

    /// Lets the role of `app`, another one than ours, work with our tables: of the audit trail it can only
    /// read, and add to it (D-26). False if it is the same role, which then owns them.
    pub fn grant_to(&self, app: &Db) -> Result<bool, StoreError> {
        let (ours, theirs) = (
            self.read(|conn| Ok::<_, StoreError>(dialect::role(conn)?))?,
            app.read(|conn| Ok::<_, StoreError>(dialect::role(conn)?))?,
        );
        let Some(role) = theirs.filter(|theirs| ours.as_ref() != Some(theirs)) else {
            return Ok(false);
        };
        let mut conn = self.open_alone()?;
        transact(&mut conn, begin, |db| dialect::grant_to(db, &role))?;
        Ok(true)
    }

    /// Whether the database would let this program change the audit trail: its role owns the tables, or
    /// there are no roles.
    pub fn may_change_evidence(&self) -> Result<bool, StoreError> {
        self.read(|conn| Ok(dialect::may_change_evidence(conn)?))
    }

    fn migrations(&self) -> EmbeddedMigrations {
        match self.backend() {
            Backend::Sqlite => SQLITE,
            Backend::Postgres => POSTGRES,
        }
    }

    /// Looks again under the lock before each step: another program may have taken it meanwhile.
    fn step_by_step(
        &self,
        step: fn(&mut DbConnection, EmbeddedMigrations) -> Result<Option<String>, StoreError>,
    ) -> Result<Vec<String>, StoreError> {
        let mut conn = self.open_alone()?;
        let mut done = Vec::new();
        loop {
            let version = transact(&mut conn, begin, |db| {
                dialect::lock_migrations(db)?;
                step(db, self.migrations())
            })?;
            match version {
                Some(version) => done.push(version),
                None => return Ok(done),
            }
        }
    }
}

#[derive(QueryableByName)]
struct Ran {
    #[diesel(sql_type = Text)]
    version: String,
}

/// A migration may have to change rows, and those of every desk.
fn begin(conn: &mut DbConnection) -> QueryResult<()> {
    dialect::begin_write(conn, &Scope::System)
}

fn failed(error: impl std::fmt::Display) -> StoreError {
    StoreError::Migration(error.to_string())
}
