//! Two roles on PostgreSQL: one makes the tables, the other serves with them, and cannot change what the
//! audit trail holds.

use std::process::Command;

use crate::town::psql::psql;
use crate::town::{Town, form};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_role_that_serves_works_and_cannot_touch_the_trail_that_another_owns() {
    // Before the database, which goes first.
    let Some(role) = Role::make() else { return };
    let Some(mut town) = Town::on_postgres("roles") else {
        return;
    };
    let owner = town.url.clone();
    let (_, place) = owner.split_once('@').expect("a role in the URL");
    town.url = format!("postgres://{}@{place}", role.name);

    // The plain role alone makes no tables, and says what to do.
    let told = town.refuses(&["seed"]);
    assert!(told.contains("permission denied"), "{told}");
    town.set("SPORTELLO__DATABASE__OWNER_URL", &owner);
    let told = town.says(&["migrate"]);
    let works = "the user of database.url works with the tables, and cannot change the audit trail";
    assert!(
        told.contains("ran: 00000000000001") && told.contains(works),
        "{told}"
    );
    // Whoever serves does not know the owner.
    town.set("SPORTELLO__DATABASE__OWNER_URL", "");
    town.set("SPORTELLO__DATABASE__MIGRATE_ON_START", "false");

    let server = town.start().await;
    let (citizen, operator) = (town.citizen(), town.operator(&server).await);
    let form = form("Non vedo il referto");
    let id = server.file(&citizen, &form).await;
    let path = format!("/v1/tickets/{id}");
    assert_eq!(
        server.get(&path, &operator).await["description"],
        "Non vedo il referto"
    );
    drop(server);
    town.says(&["jobs", "run", "--once"]);

    for table in ["audit_entries", "audit_links", "audit_anchors"] {
        assert_ne!(
            told_of(&owner, &format!("SELECT count(*) FROM {table}")).trim(),
            "0"
        );
        for statement in [
            format!("DELETE FROM {table}"),
            format!("UPDATE {table} SET {} = {0}", column_of(table)),
            format!("TRUNCATE {table}"),
            format!("DROP TRIGGER {table}_no_delete ON {table}"),
            format!("ALTER TABLE {table} DISABLE TRIGGER ALL"),
            format!("DROP TABLE {table} CASCADE"),
        ] {
            let said = told_of(&town.url, &statement);
            let is_refused = said.contains("permission denied") || said.contains("must be owner");
            assert!(is_refused, "{statement}: {said}");
        }
    }
    let told = town.says(&["audit", "verify"]);
    assert!(told.contains("the trail is what was written"), "{told}");
    let doctor = town.doctor();
    assert!(doctor.contains("ok    audit trail: "), "{doctor}");
    assert!(!doctor.contains("owns the trail"), "{doctor}");
    // The owner would be told, and the trail tells of the owner.
    psql(
        &owner,
        "DROP TRIGGER audit_entries_no_delete ON audit_entries",
    );
    psql(&owner, "DELETE FROM audit_entries WHERE chain = '010204'");
    let told = town.finds(&["audit", "verify"]);
    assert!(told.contains("the entry was deleted"), "{told}");
}

/// A role of the server, until it is dropped.
struct Role {
    admin: String,
    name: String,
}

impl Role {
    fn make() -> Option<Role> {
        let admin = std::env::var("TEST_DATABASE_URL").ok()?;
        let name = format!("serving_processes_{}", std::process::id());
        // Whoever drops the database has to end what is left of its connections.
        psql(
            &admin,
            &format!("CREATE ROLE {name} LOGIN ROLE CURRENT_USER"),
        );
        Some(Role { admin, name })
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        psql(&self.admin, &format!("DROP ROLE {}", self.name));
    }
}

fn column_of(table: &str) -> &str {
    match table {
        "audit_links" => "hash",
        _ => "body",
    }
}

/// What a statement is answered with, or refused with.
fn told_of(url: &str, statement: &str) -> String {
    let output = Command::new("psql")
        .args([url, "-qAtc", statement])
        .output();
    let output = output.expect("psql runs");
    let (out, error) = (output.stdout, output.stderr);
    String::from_utf8_lossy(&[out, error].concat()).into_owned()
}
