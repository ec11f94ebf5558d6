//! Every listed column, sealed anew: after a rotation, after an upgrade, and before a desk's keys go.

use storage::reseal::{self, Walk, Wanted};
use storage::{data_keys, keyring};

use super::*;

/// Puts another key in use for every desk; the answer is those that were before.
fn rotate_all(db: &Db) -> Vec<i64> {
    let before: Vec<i64> = read(db, data_keys::list).iter().map(|row| row.id).collect();
    write(db, |conn| {
        for row in data_keys::list(conn)? {
            keyring::current()?.rotate(conn, &row.desk, hours(2))?;
        }
        Ok(())
    });
    db.keyring().unwrap().reload().unwrap();
    before
}

fn walk(db: &Db, wanted: Wanted) -> Walk {
    let mut walk = Walk::new(wanted);
    while walk.step(db, hours(3)).unwrap() {}
    walk
}

fn under(db: &Db, keys: &[i64]) -> i64 {
    let counts = read(db, reseal::count_by_key);
    let those = counts.iter().filter(|(key, _)| keys.contains(key));
    those.map(|(_, values)| values).sum()
}

/// Destroys keys as if their desks had no others.
fn destroy(db: &Db, keys: &[i64]) {
    let sql = format!(
        "UPDATE data_keys SET wrapped = NULL, destroyed_at = retired_at WHERE id IN ({})",
        keys.iter()
            .map(i64::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    );
    write(db, move |conn| Ok(conn.batch_execute(&sql)?));
    db.keyring().unwrap().reload().unwrap();
}

#[test]
fn what_was_sealed_with_older_keys_outlives_them() {
    everywhere(|fresh| {
        let db = fresh.db();
        plant(db);
        let all = under(
            db,
            &read(db, data_keys::list)
                .iter()
                .map(|row| row.id)
                .collect::<Vec<_>>(),
        );
        let before = rotate_all(db);
        assert_eq!(
            under(db, &before),
            all,
            "a rotation seals nothing anew by itself"
        );
        let walked = walk(db, Wanted::Leaving(before.clone()));
        assert_eq!(walked.unreadable, 0);
        assert_eq!(
            i64::try_from(walked.written).unwrap(),
            all,
            "each value once"
        );
        assert_eq!(under(db, &before), 0);
        assert!(walk(db, Wanted::Leaving(before.clone())).found_nothing());
        destroy(db, &before);
        let kept = read(db, |conn| {
            complaints::find(conn, &Keeper::Everything, complaint().id)
        });
        assert!(kept.is_some_and(|one| one == complaint()));
        write(db, |conn| {
            let counted = email_proofs::count_since(conn, MAILBOX, NETWORK, hours(0))?;
            assert_eq!(counted.0, 1, "found by its new print");
            assert_eq!(federated::find(conn, ISSUER, SUBJECT)?, Some(account(1)));
            Ok(())
        });
    });
}

#[test]
fn a_walk_that_is_cut_off_anywhere_is_simply_begun_again() {
    everywhere(|fresh| {
        plant(fresh.db());
        let before = rotate_all(fresh.db());
        for steps in 0..12 {
            // Another program each time, which knows of no walk before.
            let db = Db::open(&fresh.config).unwrap();
            town::unlock(&db, &[TO4]);
            let mut walk = Walk::new(Wanted::Leaving(before.clone()));
            for _ in 0..steps {
                walk.step(&db, hours(3)).unwrap();
            }
        }
        assert!(under(fresh.db(), &before) > 0, "it was cut off");
        walk(fresh.db(), Wanted::Leaving(before.clone()));
        assert_eq!(under(fresh.db(), &before), 0);
    });
}

#[test]
fn a_value_that_does_not_open_stops_no_walk_and_keeps_its_key() {
    everywhere(|fresh| {
        let db = fresh.db();
        plant(db);
        tamper(
            db,
            "UPDATE clients SET contact = (SELECT recipient FROM outbox ORDER BY id LIMIT 1)",
        );
        let before = rotate_all(db);
        let first = walk(db, Wanted::Leaving(before.clone()));
        assert_eq!((first.unreadable, under(db, &before)), (1, 1));
        assert!(!walk(db, Wanted::Leaving(before)).found_nothing());
    });
}

#[test]
fn what_was_plain_before_its_column_was_sealed_is_sealed_once() {
    everywhere(|fresh| {
        let db = fresh.db();
        plant(db);
        tamper(db, "UPDATE callbacks SET phone = '+393331234567'");
        tamper(
            db,
            "UPDATE complaints SET email = 'a@pianta.example', identity = 'pianta', \
             filed_by_identity = 'pianta'",
        );
        tamper(
            db,
            "UPDATE email_proofs SET email = 'b@pianta.example', email_print = NULL",
        );
        tamper(db, "UPDATE playbook_values SET value = 'PIANTA-7'");
        assert_eq!(under(db, &[0]), 5);
        let mut told = Vec::new();
        let sealed = reseal::seal_plain(db, hours(3), |table, _| told.push(table)).unwrap();
        assert_eq!(sealed, 5);
        assert_eq!(told.len(), 5, "each column that had some: {told:?}");
        assert_eq!(under(db, &[0]), 0);
        write(db, |conn| {
            let counted = email_proofs::count_since(conn, "b@pianta.example", NETWORK, hours(0))?;
            assert_eq!(counted.0, 1);
            Ok(())
        });
        // Nobody looks through the columns again.
        tamper(db, "UPDATE callbacks SET phone = '+393331234567'");
        assert_eq!(reseal::seal_plain(db, hours(3), |_, _| {}).unwrap(), 0);
    });
}

#[test]
fn what_hangs_on_a_ticket_of_another_desk_outlives_the_keys_of_the_first() {
    everywhere(|fresh| {
        let db = fresh.db();
        plant(db);
        tamper(
            db,
            "UPDATE tickets SET custodian = 'REGION', at_region = true",
        );
        let own = |row: &data_keys::KeyRow| row.desk == TO4;
        let keys: Vec<i64> = read(db, data_keys::list)
            .iter()
            .filter(|row| own(row))
            .map(|row| row.id)
            .collect();
        assert_eq!(read(db, |conn| reseal::count_elsewhere(conn, TO4)), 1);
        assert_eq!(write(db, |conn| reseal::move_tickets(conn, TO4)), 1);
        let wanted = Wanted::Moved {
            keys: keys.clone(),
            desk: TO4.to_owned(),
        };
        let walked = walk(db, wanted);
        assert!(
            walked.written > 3,
            "the dossier, the run, its answer, the file"
        );
        write(db, |conn| {
            let destroyed = keyring::current()?.destroy(conn, TO4, hours(3))?;
            assert_eq!(destroyed, 1);
            Ok(())
        });
        db.keyring().unwrap().reload().unwrap();
        let (_, dossier) = town::find(db, &Scope::System, run().ticket).unwrap();
        assert_ne!(dossier.family_name, GONE);
        let files = read(db, |conn| attachments::list(conn, run().ticket));
        assert_eq!(files[0].file, file(1));
        // What was the desk's own is gone, and reads as gone.
        let kept = read(db, |conn| {
            complaints::find(conn, &Keeper::Everything, complaint().id)
        });
        assert_eq!(kept.unwrap().complainant.email.as_deref(), Some(GONE));
    });
}
