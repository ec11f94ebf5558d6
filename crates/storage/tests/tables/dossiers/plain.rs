//! Migration 23 meets a database that has worked before it: what was plain is sealed, page by page.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use domain::visibility::Scope;
use storage::keyring::KeyError;
use storage::list::Filter;
use storage::{Db, StoreError, tickets};

use super::{
    PLANTED, code, execute, found, holds, id, lines, nothing_planted_in, planted, searches, stolen,
};
use crate::support::{self, Fresh};
use crate::town::{self, find, read};
use crate::words::{CN1, TO4};

/// Brings the database to where it was before migration 23, as the program of then did.
fn build_as_before(fresh: &Fresh) {
    let batch = |sql: String| {
        let done = fresh.db().write_in(&Scope::System, move |conn| {
            Ok::<_, StoreError>(conn.batch_execute(&sql)?)
        });
        done.unwrap();
    };
    batch(
        "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, \
         run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)"
            .to_owned(),
    );
    let dialect = match fresh.is_sqlite() {
        true => "sqlite",
        false => "postgres",
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    let folders = std::fs::read_dir(root.join(dialect)).unwrap();
    let mut names: Vec<String> = folders
        .map(|folder| folder.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.as_str() < "00000000000023")
        .collect();
    names.sort();
    for name in names {
        let up = root.join(dialect).join(&name).join("up.sql");
        batch(std::fs::read_to_string(up).unwrap());
        let (version, _) = name.split_once('_').unwrap();
        batch(format!(
            "INSERT INTO __diesel_schema_migrations (version) VALUES ('{version}')"
        ));
    }
}

/// Five tickets of one person, the last of them handed over to CN1 since.
fn plant(fresh: &Fresh) {
    let db = fresh.db();
    let (at, uuid): (&str, fn(u32) -> String) = match fresh.is_sqlite() {
        true => ("1772438400000000", |number| format!("x'{number:032x}'")),
        false => ("TIMESTAMPTZ '2026-03-02T08:00:00Z'", |number| {
            format!("lpad('{number:x}', 32, '0')::uuid")
        }),
    };
    for desk in [TO4, CN1] {
        execute(
            db,
            &format!(
                "INSERT INTO authorities (code, kind, label) VALUES ('{desk}', 'asl', '{desk}')"
            ),
        );
    }
    execute(
        db,
        "INSERT INTO services (code, label_it, label_en) VALUES ('FSE', 'F', 'F')",
    );
    execute(
        db,
        "INSERT INTO problem_types (service_code, code, label_it, label_en) \
         VALUES ('FSE', 'altro', 'A', 'A')",
    );
    let dossier = planted(TO4);
    let details = serde_json::to_string(&dossier.details).unwrap();
    let [identity, tax_code, given_name, family_name, email, phone] = [
        dossier.identity.unwrap(),
        dossier.tax_code,
        dossier.given_name,
        dossier.family_name,
        dossier.email,
        dossier.phone.unwrap(),
    ]
    .map(|text| text.replace('\'', "''"));
    for number in 1..=5 {
        let custodian = if number == 5 { CN1 } else { TO4 };
        let (ticket, name) = (uuid(number), town::ticket(number, TO4).number);
        execute(
            db,
            &format!(
                "INSERT INTO tickets (id, number, version, service_code, problem_type, custodian, \
                 at_region, state, tallies, needs_attention, priority, tags, channel, requester_kind, \
                 requester_identity, tax_code, given_name, family_name, email, phone, details, \
                 created_at, updated_at, due_at) VALUES ({ticket}, '{name}', 1, 'FSE', 'altro', \
                 '{custodian}', false, 'new', \
                 '{{\"bounces\": 0, \"reopens\": 0, \"reminders\": 0, \"asked\": 0}}', false, 3, '[]', \
                 'portal', 'citizen', '{identity}', '{tax_code}', '{given_name}', '{family_name}', \
                 '{email}', '{phone}', '{details}', {at}, {at}, {at})"
            ),
        );
        execute(
            db,
            &format!(
                "INSERT INTO legs (ticket_id, no, custodian, opened_at) \
                 VALUES ({ticket}, 1, '{TO4}', {at})"
            ),
        );
    }
}

/// The next page of two, in a program that has just been started; cut off before its commit if told so.
fn page(fresh: &Fresh, is_cut_off: bool) -> Option<usize> {
    let db = Db::open(&fresh.config).unwrap();
    town::unlock(&db, &[TO4]);
    let done = db.write_in(&Scope::System, move |conn| {
        let count = tickets::seal_plain_page(conn, 2)?;
        match is_cut_off {
            true => Err(StoreError::Stopped),
            false => Ok(count),
        }
    });
    done.ok()
}

fn plain(db: &Db) -> usize {
    let sql = "SELECT number AS line FROM tickets WHERE dossier LIKE '{%'";
    lines(db, sql).len()
}

#[test]
fn what_was_plain_is_sealed_page_by_page_whenever_it_is_cut_off() {
    support::everywhere(
        |_| {},
        |fresh| {
            let db = fresh.db();
            build_as_before(fresh);
            plant(fresh);
            let ran = db.migrate().unwrap();
            assert_eq!(ran.first().map(String::as_str), Some("00000000000023"));
            let desks = read(db, tickets::list_key_desks);
            assert_eq!(desks, [TO4], "also of what CN1 has by now");
            let locked = db.write_in(&Scope::System, |conn| tickets::seal_plain_page(conn, 2));
            assert!(matches!(locked, Err(StoreError::Keys(KeyError::Locked))));

            town::unlock(db, &[TO4]);
            let wanted = domain::ids::TicketRef::Id(id(1));
            let early = db.read_in(&Scope::System, |conn| {
                tickets::find(conn, &Scope::System, &wanted)
            });
            assert!(matches!(
                early,
                Err(StoreError::Corrupt {
                    column: "dossier",
                    ..
                })
            ));

            assert_eq!((page(fresh, true), plain(db)), (None, 5));
            assert_eq!((page(fresh, false), plain(db)), (Some(2), 3));
            assert_eq!((page(fresh, true), plain(db)), (None, 3));
            assert_eq!((page(fresh, false), plain(db)), (Some(2), 1));
            assert_eq!((page(fresh, false), plain(db)), (Some(1), 0));
            assert_eq!(page(fresh, false), Some(0));
            for number in 1..=5 {
                let (_, dossier) = find(db, &Scope::System, id(number)).unwrap();
                let due_at = dossier.due_at;
                assert!(
                    dossier
                        == storage::tickets::Dossier {
                            due_at,
                            ..planted(TO4)
                        }
                );
            }
            for filter in searches() {
                assert_eq!(found(db, &Scope::System, &filter), [1, 2, 3, 4, 5]);
            }
            let citizen = Scope::Citizen {
                identity: "https://idp.example|piantato".to_owned(),
                tax_code: code("RSSMRA85T10A562S"),
                delegators: Vec::new(),
            };
            assert_eq!(found(db, &citizen, &Filter::default()), [1, 2, 3, 4, 5]);
            if !fresh.is_sqlite() {
                nothing_planted_in(&stolen(fresh));
            }
        },
    );
}

/// The bytes of the tables' own files, as long as the server lets its superuser read them.
fn files_of_postgres(fresh: &Fresh) -> Option<Vec<u8>> {
    let (_, place) = fresh.config.url.split_once('@')?;
    let mut conn = PgConnection::establish(&format!("postgres://postgres@{place}")).ok()?;
    conn.batch_execute("CHECKPOINT").ok()?;
    let files = "SELECT pg_read_binary_file(pg_relation_filepath(oid)) AS bytes FROM pg_class \
                 WHERE relkind IN ('r', 'i', 't') AND relnamespace = 'public'::regnamespace \
                 AND pg_relation_size(oid) > 0";
    let files: Vec<Bytes> = diesel::sql_query(files).load(&mut conn).unwrap();
    Some(files.into_iter().flat_map(|file| file.bytes).collect())
}

#[derive(diesel::QueryableByName)]
struct Bytes {
    #[diesel(sql_type = diesel::sql_types::Binary)]
    bytes: Vec<u8>,
}

#[test]
fn scrubbed_files_hold_nothing_of_what_was_plain() {
    support::everywhere(
        |_| {},
        |fresh| {
            let db = fresh.db();
            build_as_before(fresh);
            plant(fresh);
            db.migrate().unwrap();
            town::unlock(db, &[TO4]);
            let now = jiff::Timestamp::UNIX_EPOCH;
            assert!(!read(db, storage::scrub::has_remnants));
            assert!(storage::reseal::seal_plain(db, now, |_, _| {}).unwrap() > 0);
            assert!(read(db, storage::scrub::has_remnants));
            let files = || match fresh.is_sqlite() {
                true => Some(stolen(fresh)),
                false => files_of_postgres(fresh),
            };
            if let Some(files) = files() {
                let [identity, ..] = PLANTED;
                assert!(holds(&files, identity), "this is where it would be");
            }
            assert!(db.scrub().unwrap());
            if let Some(files) = files() {
                nothing_planted_in(&files);
            }
            assert!(!read(db, storage::scrub::has_remnants));
            assert_eq!(plain(db), 0);
            assert_eq!(lines(db, "SELECT number AS line FROM tickets").len(), 5);
            // Nothing is plain any more, and so nothing is left to scrub.
            assert_eq!(storage::reseal::seal_plain(db, now, |_, _| {}).unwrap(), 0);
            assert!(!read(db, storage::scrub::has_remnants));
        },
    );
}
