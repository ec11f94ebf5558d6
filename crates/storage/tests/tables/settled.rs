//! The version of what is set seldom: whoever keeps any of it in memory relies on nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use diesel::RunQueryDsl;
use domain::visibility::Scope;
use storage::{Db, DbConnection, StoreError, routing, settled};

use crate::town::{everywhere, hours, read, write};

fn version(db: &Db) -> i64 {
    read(db, settled::version)
}

fn run(conn: &mut DbConnection, sql: &'static str) -> Result<usize, StoreError> {
    Ok(diesel::sql_query(sql).execute(conn)?)
}

#[test]
fn whatever_is_set_gives_another_version_and_nothing_else_does() {
    let renewing = [
        "UPDATE accounts SET active = NOT active WHERE username = 'operator'",
        "UPDATE account_lives SET email = 'sealed'
            WHERE account_id = (SELECT id FROM accounts WHERE username = 'operator')",
        "INSERT INTO placements (id, account_id, role, authority_code, location_code, location_label,
            active) SELECT id, id, 'operator', 'TO4', 'a', 'A', TRUE FROM accounts",
        "UPDATE placements SET active = FALSE",
        "DELETE FROM placements",
        "INSERT INTO notification_preferences (account_id, topic, mode)
            SELECT id, 'queue', 'digest' FROM accounts",
        "UPDATE notification_preferences SET mode = 'off'",
        "DELETE FROM notification_preferences",
        "INSERT INTO notification_settings (authority_code, version, pointer_only, copy_to_citizens,
            mail_on_close, updated_at, updated_by) SELECT 'TO4', 2, FALSE, FALSE, FALSE, created_at,
            id FROM accounts WHERE username = 'operator'",
        "UPDATE notification_settings SET mail_on_close = TRUE",
        "DELETE FROM notification_settings",
        "INSERT INTO assignment_settings (desk, version, mode, updated_at, updated_by)
            SELECT 'TO4', 2, 'none', created_at, id FROM accounts WHERE username = 'operator'",
        "UPDATE assignment_settings SET mode = 'round-robin'",
        "INSERT INTO webhook_endpoints (id, version, desk, url, label, event_types, created_at,
            created_by) SELECT id, 1, 'TO4', 'x', 'x', '[]', created_at, id FROM accounts
            WHERE username = 'operator'",
        "UPDATE webhook_endpoints SET event_types = '[\"request.created\"]'",
        "UPDATE webhook_endpoints SET disabled_at = created_at, disabled_reason = 'by-hand'",
        "UPDATE webhook_endpoints SET deleted_at = created_at",
        "INSERT INTO routing_versions (version, definition, in_force_from)
            SELECT 1, '', created_at FROM accounts WHERE username = 'operator'",
        "INSERT INTO sla_policies (id, desk_kind, authority_code, service_code, version, label,
            owner_body, valid_from, in_force_from, formula, take_charge, first_response, resolution,
            escalate_after, created_at) SELECT id, 'authority', '', '', 1, '', '', '', created_at, '',
            '', '', '', '', created_at FROM accounts WHERE username = 'operator'",
    ];
    // Guesses at passwords, whose turn it was and what an endpoint answers come with every hour.
    let others = [
        "UPDATE accounts SET failures = failures + 1",
        "UPDATE account_lives SET password_changes = password_changes + 1",
        "UPDATE assignment_settings SET last_account = updated_by",
        "UPDATE webhook_endpoints SET failing_since = created_at",
    ];
    everywhere(|fresh| {
        let db = fresh.db();
        for (sql, renews) in renewing
            .iter()
            .map(|sql| (*sql, true))
            .chain(others.iter().map(|sql| (*sql, false)))
        {
            let before = version(db);
            assert_ne!(write(db, move |conn| run(conn, sql)), 0, "{sql}");
            assert_eq!(version(db) != before, renews, "{sql}");
        }
    });
}

#[test]
fn a_version_that_was_undone_never_comes_again() {
    everywhere(|fresh| {
        let db = fresh.db();
        let set = "UPDATE accounts SET active = NOT active WHERE username = 'operator'";
        let before = version(db);
        let undone = Arc::new(AtomicI64::new(before));
        let seen = Arc::clone(&undone);
        let refused = db.write_in(&Scope::System, move |conn| {
            run(conn, set)?;
            seen.store(settled::version(conn)?, Ordering::SeqCst);
            Err::<(), _>(StoreError::Stale)
        });
        assert!(refused.is_err());
        let undone = undone.load(Ordering::SeqCst);
        assert_ne!(undone, before);
        assert_eq!(version(db), before);
        write(db, move |conn| run(conn, set));
        assert!(![before, undone].contains(&version(db)));
    });
}

#[test]
fn a_transaction_that_sets_something_sees_that_it_did() {
    everywhere(|fresh| {
        let (before, after) = write(fresh.db(), |conn| {
            let before = settled::version(conn)?;
            let first = routing::RoutingVersion {
                version: 1,
                comment: None,
                in_force_from: hours(0),
                created_by: None,
            };
            routing::insert(conn, &first, "")?;
            Ok((before, settled::version(conn)?))
        });
        assert_ne!(before, after);
    });
}
