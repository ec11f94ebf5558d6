//! History cannot be changed, not even by SQL written by hand.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use domain::attachment::FileKind;
use domain::file_name::FileName;
use domain::ids::AttachmentId;
use domain::note::{Attachment, BlobSecret};
use domain::visibility::Scope;
use storage::tickets::RequesterKind;
use storage::{Db, DbConnection, StoreError};
use uuid::Uuid;

use crate::life::Life;
use crate::town::{self, everywhere, read};
use crate::words::TO4;

/// A stored file.
pub(crate) fn attachment(number: u32) -> Attachment {
    Attachment {
        id: AttachmentId::new(Uuid::from_u128(number.into())),
        name: FileName::parse("referto 50%.pdf").unwrap(),
        kind: FileKind::Pdf,
        size: 300_000,
        sha256: "ab".repeat(32),
        blob_key: format!("{number:032x}"),
        blob_secret: BlobSecret::from_stored(format!("secret of {number}")),
    }
}

#[derive(QueryableByName, PartialEq, Debug)]
struct Row {
    #[diesel(sql_type = Text)]
    row: String,
}

fn everything(db: &Db) -> Vec<Row> {
    read(db, |conn| {
        let rows = diesel::sql_query(
            "SELECT 'event ' || seq || kind || state AS row FROM ticket_events
             UNION ALL SELECT 'note ' || seq || kind || body FROM notes
             UNION ALL SELECT 'file ' || seq || file_name || blob_key FROM attachments ORDER BY 1",
        );
        Ok(rows.load(conn)?)
    })
}

/// Runs SQL as nobody should, and answers what the database said to it.
pub(crate) fn refusal(db: &Db, sql: &'static str) -> String {
    let outcome = db.write_in(&Scope::System, move |conn: &mut DbConnection| {
        Ok(conn.batch_execute(sql)?)
    });
    match outcome {
        Ok(()) => "done".to_owned(),
        Err(StoreError::Database(reason)) => reason.to_string(),
        Err(other) => other.to_string(),
    }
}

#[test]
fn events_notes_and_attachments_are_never_rewritten() {
    everywhere(|fresh| {
        let db = fresh.db();
        Life::file(db, 1, TO4, RequesterKind::Citizen).play("operator note + internal");
        let ticket = town::ticket(2, TO4);
        let dossier = town::dossier(2, RequesterKind::Citizen);
        town::file(db, &ticket, &dossier, Some(attachment(1)));
        let before = everything(db);
        assert_eq!(before.len(), 6, "{before:?}");

        let table_and_sql = [
            (
                "ticket_events",
                "UPDATE ticket_events SET state = 'removed'",
            ),
            (
                "ticket_events",
                "UPDATE ticket_events SET state = state WHERE seq = 1",
            ),
            ("ticket_events", "DELETE FROM ticket_events"),
            ("notes", "UPDATE notes SET body = ''"),
            ("notes", "UPDATE notes SET audience = 'citizen'"),
            ("notes", "DELETE FROM notes"),
            ("attachments", "UPDATE attachments SET blob_key = 'another'"),
            ("attachments", "UPDATE attachments SET size = size + 1"),
            ("attachments", "UPDATE attachments SET file_name = 'x.pdf'"),
            ("attachments", "UPDATE attachments SET sha256 = 'ab'"),
            ("attachments", "UPDATE attachments SET blob_secret = NULL"),
        ];
        for (table, sql) in table_and_sql {
            let said = refusal(db, sql);
            assert!(
                said.contains(&format!("{table} is append-only")),
                "{sql}: {said}"
            );
            assert_eq!(everything(db), before, "{sql}");
        }
    });
}

/// SQLite's REPLACE deletes the row in its way without a word, unless it is told to tell.
#[test]
fn replacing_is_refused_like_deleting() {
    everywhere(|fresh| {
        let db = fresh.db();
        if !fresh.is_sqlite() {
            return;
        }
        Life::file(db, 1, TO4, RequesterKind::Citizen).play("operator note + internal");
        let before = everything(db);
        for sql in [
            "REPLACE INTO notes SELECT ticket_id, seq, kind, audience, team, party, '' FROM notes",
            "UPDATE OR REPLACE notes SET body = ''",
            "REPLACE INTO ticket_events SELECT * FROM ticket_events WHERE seq = 1",
        ] {
            let said = refusal(db, sql);
            assert!(said.contains("is append-only"), "{sql}: {said}");
            assert_eq!(everything(db), before, "{sql}");
        }
    });
}

/// PostgreSQL's TRUNCATE fires no row trigger; SQLite has no such statement.
#[test]
fn truncating_is_refused_like_deleting() {
    everywhere(|fresh| {
        let db = fresh.db();
        if fresh.is_sqlite() {
            return;
        }
        Life::file(db, 1, TO4, RequesterKind::Citizen).play("operator note + internal");
        let before = everything(db);
        for sql in [
            "TRUNCATE notes",
            "TRUNCATE ticket_events CASCADE",
            "TRUNCATE tickets CASCADE",
        ] {
            let said = refusal(db, sql);
            assert!(said.contains("is append-only"), "{sql}: {said}");
            assert_eq!(everything(db), before, "{sql}");
        }
    });
}
