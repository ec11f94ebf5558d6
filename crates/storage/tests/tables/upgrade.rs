//! Migration 6 meets a database that has worked before it: rows of the tables of 1 to 5.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use domain::visibility::Scope;
use storage::StoreError;

use crate::support::{self, Fresh};

/// The versions that were there before accounts had a life.
const BEFORE: [&str; 5] = [
    "00000000000001_counters",
    "00000000000002_reference",
    "00000000000003_accounts",
    "00000000000004_tickets",
    "00000000000005_outbox",
];

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

fn execute(fresh: &Fresh, sql: &str) {
    let sql = sql.to_owned();
    let done = fresh.db().write_in(&Scope::System, move |conn| {
        Ok::<_, StoreError>(conn.batch_execute(&sql)?)
    });
    done.unwrap();
}

fn lines(fresh: &Fresh, sql: &str) -> Vec<String> {
    let found = fresh.db().read_in(&Scope::System, |conn| {
        Ok::<_, StoreError>(diesel::sql_query(sql).load::<Line>(conn)?)
    });
    found.unwrap().into_iter().map(|row| row.line).collect()
}

/// Brings the database to where it was before migration 6, as the program of then did.
fn build_as_before(fresh: &Fresh) {
    execute(
        fresh,
        "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, \
         run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)",
    );
    let dialect = if fresh.is_sqlite() {
        "sqlite"
    } else {
        "postgres"
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    for name in BEFORE {
        let up = root.join(dialect).join(name).join("up.sql");
        execute(fresh, &std::fs::read_to_string(up).unwrap());
        let (version, _) = name.split_once('_').unwrap();
        let sql = format!("INSERT INTO __diesel_schema_migrations (version) VALUES ('{version}')");
        execute(fresh, &sql);
    }
}

/// An id as this database writes it.
fn id(fresh: &Fresh, number: u32) -> String {
    match fresh.is_sqlite() {
        true => format!("x'{number:032x}'"),
        false => format!("lpad('{number:x}', 32, '0')::uuid"),
    }
}

fn plant(fresh: &Fresh) {
    let at = match fresh.is_sqlite() {
        true => "1772438400000000",
        false => "TIMESTAMPTZ '2026-03-02T08:00:00Z'",
    };
    for (code, kind) in [
        ("ASL1", "asl"),
        ("ASL2", "asl"),
        ("ASL3", "asl"),
        ("REG", "region"),
    ] {
        let sql = format!(
            "INSERT INTO authorities (code, kind, label) VALUES ('{code}', '{kind}', '{code}')"
        );
        execute(fresh, &sql);
    }
    for (number, name, active) in [
        (1, "anna", true),
        (2, "bruno", true),
        (3, "carla", true),
        (4, "dario", false),
        (5, "elsa", true),
    ] {
        let account = id(fresh, number);
        execute(
            fresh,
            &format!(
                "INSERT INTO accounts (id, username, display_name, password_hash, active, failures, \
                 created_at) VALUES ({account}, '{name}', '{name}', 'hash', {active}, 0, {at})"
            ),
        );
    }
    // ASL1 has three administrators, one of whom lost the place; ASL3 had somebody once.
    for (number, account, role, authority, active) in [
        (11, 3, "admin", "ASL1", true),
        (12, 2, "admin", "ASL1", true),
        (13, 1, "admin", "ASL1", false),
        (14, 3, "operator", "ASL1", true),
        (15, 5, "admin", "ASL2", true),
        (16, 4, "operator", "ASL3", false),
    ] {
        let (placement, account) = (id(fresh, number), id(fresh, account));
        execute(
            fresh,
            &format!(
                "INSERT INTO placements (id, account_id, role, authority_code, location_code, \
                 location_label, active) VALUES ({placement}, {account}, '{role}', '{authority}', \
                 '01', 'Sportello', {active})"
            ),
        );
    }
}

#[test]
fn a_database_that_has_worked_goes_on_working() {
    support::everywhere(
        |_| {},
        |fresh| {
            build_as_before(fresh);
            plant(fresh);
            let ran = fresh.db().migrate().unwrap();
            assert_eq!(ran.first().map(String::as_str), Some("00000000000006"));
            assert_eq!(fresh.db().pending().unwrap(), [""; 0]);

            let states = "SELECT username || ' ' || state || ' ' || coalesce(home, '-') AS line \
                          FROM accounts JOIN account_lives ON account_id = id ORDER BY username";
            assert_eq!(
                lines(fresh, states),
                [
                    "anna active ASL1",
                    "bruno active ASL1",
                    "carla active ASL1",
                    "dario suspended ASL3",
                    "elsa active ASL2",
                ]
            );
            let admins = "SELECT authority_code || ' ' || username AS line FROM placements \
                          JOIN accounts ON accounts.id = account_id \
                          WHERE role = 'admin' AND placements.active ORDER BY 1";
            assert_eq!(lines(fresh, admins), ["ASL1 bruno", "ASL2 elsa"]);
            let kept = "SELECT username AS line FROM placements \
                        JOIN accounts ON accounts.id = account_id \
                        WHERE role = 'operator' AND placements.active";
            assert_eq!(lines(fresh, kept), ["carla"]);
            let open = "SELECT authority_code AS line FROM authority_setups \
                        WHERE opened_at IS NOT NULL AND confirmed_at IS NULL ORDER BY 1";
            assert_eq!(lines(fresh, open), ["ASL1", "ASL2"]);
            let passwords = "SELECT username AS line FROM accounts JOIN account_lives \
                             ON account_id = id WHERE password_hash = 'hash' \
                             AND password_set_at IS NOT NULL AND must_change_by IS NULL";
            assert_eq!(lines(fresh, passwords).len(), 5);
        },
    );
}
