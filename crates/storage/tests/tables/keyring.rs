//! Sealing: what opens, what does not, and what equal values look like.

use std::sync::Arc;

use diesel::connection::SimpleConnection;
use jiff::Timestamp;
use storage::data_keys::{self, KeyRow};
use storage::keyring::{Field, INSTALLATION, KeyError, LocalMaster, MasterKey, current};
use storage::sealing::{GONE, Place, SealedText};
use storage::{Db, StoreError};

use crate::support::{Fresh, everywhere};

const ONE: &str = "010203";
const OTHER: &str = "010204";

fn unlocked(fresh: &Fresh, master: u8) -> Db {
    let db = Db::open(&fresh.config).unwrap();
    db.migrate().unwrap();
    db.unlock(Arc::new(LocalMaster::new(&[master; 32])))
        .unwrap();
    let desks = [ONE.to_owned(), OTHER.to_owned()];
    let keyring = db.keyring().unwrap();
    keyring.ensure(&desks, Timestamp::UNIX_EPOCH).unwrap();
    db
}

fn seal(db: &Db, desk: &'static str, row: &'static [u8], value: &'static str) -> SealedText {
    db.write(move |_| Place::new("tickets", row).seal(desk, "dossier", value))
        .unwrap()
}

fn open(
    db: &Db,
    row: &'static [u8],
    column: &'static str,
    sealed: &SealedText,
) -> Result<String, StoreError> {
    db.read(|_| Place::new("tickets", row).open(column, sealed))
}

#[test]
fn a_value_opens_in_its_own_row_and_column_alone() {
    everywhere(
        |_| {},
        |fresh| {
            let db = unlocked(fresh, 1);
            let sealed = seal(&db, ONE, b"row", "RSSMRA80A01L219M");
            assert_eq!(
                open(&db, b"row", "dossier", &sealed).unwrap(),
                "RSSMRA80A01L219M"
            );
            for (row, column) in [(&b"other"[..], "dossier"), (b"row", "phone")] {
                assert!(matches!(
                    open(&db, row, column, &sealed),
                    Err(StoreError::Corrupt { .. })
                ));
            }
            let again = seal(&db, ONE, b"row", "RSSMRA80A01L219M");
            assert!(again != sealed, "equal values look different");
        },
    );
}

#[test]
fn another_node_opens_what_this_one_sealed_with_the_same_master_key_alone() {
    everywhere(
        |_| {},
        |fresh| {
            let db = unlocked(fresh, 1);
            let sealed = seal(&db, OTHER, b"row", "a");
            assert_eq!(
                open(&unlocked(fresh, 1), b"row", "dossier", &sealed).unwrap(),
                "a"
            );
            let wrong = Db::open(&fresh.config).unwrap();
            let refused = wrong.unlock(Arc::new(LocalMaster::new(&[2; 32])));
            assert!(matches!(
                refused,
                Err(StoreError::Keys(KeyError::WrongMaster { .. }))
            ));
            assert!(matches!(
                wrong.keyring(),
                Err(StoreError::Keys(KeyError::Locked))
            ));
        },
    );
}

#[test]
fn a_wrapped_key_in_the_place_of_another_is_found() {
    everywhere(
        |_| {},
        |fresh| {
            let db = unlocked(fresh, 1);
            db.write(|conn| -> Result<(), StoreError> {
                conn.batch_execute(
                    "UPDATE data_keys SET wrapped = (SELECT wrapped FROM data_keys WHERE id = 2) \
                     WHERE id = 3",
                )?;
                Ok(())
            })
            .unwrap();
            let refused = Db::open(&fresh.config)
                .unwrap()
                .unlock(Arc::new(LocalMaster::new(&[1; 32])));
            assert!(matches!(
                refused,
                Err(StoreError::Keys(KeyError::Damaged(3)))
            ));
        },
    );
}

#[test]
fn prints_are_equal_within_a_desk_and_field_alone() {
    everywhere(
        |_| {},
        |fresh| {
            let db = unlocked(fresh, 1);
            let prints = db
                .read(|_| -> Result<_, StoreError> {
                    let keys = current()?;
                    Ok([
                        keys.print(ONE, Field::TaxCode, "A")?,
                        keys.print(OTHER, Field::TaxCode, "A")?,
                        keys.print(INSTALLATION, Field::TaxCode, "A")?,
                        keys.print(ONE, Field::Email, "A")?,
                        keys.print(ONE, Field::TaxCode, "B")?,
                    ])
                })
                .unwrap();
            let keyring = unlocked(fresh, 1).keyring().unwrap();
            assert_eq!(keyring.print(ONE, Field::TaxCode, "A").unwrap(), prints[0]);
            assert_eq!(keyring.prints(Field::TaxCode, "A").len(), 3);
            for (at, one) in prints.iter().enumerate() {
                assert!(!prints[at + 1..].contains(one), "{at} is somebody else's");
            }
        },
    );
}

fn rows(db: &Db) -> Vec<KeyRow> {
    db.read(data_keys::list).unwrap()
}

fn rotate(db: &Db, desk: &'static str) {
    db.write(move |conn| current()?.rotate(conn, desk, Timestamp::UNIX_EPOCH))
        .unwrap();
    db.keyring().unwrap().reload().unwrap();
}

#[test]
fn a_retired_key_opens_and_finds_and_seals_no_more() {
    everywhere(
        |_| {},
        |fresh| {
            let db = unlocked(fresh, 1);
            let another = unlocked(fresh, 1);
            let before = seal(&db, ONE, b"row", "a");
            rotate(&db, ONE);
            let after = seal(&db, ONE, b"row", "a");
            assert_ne!(before.key(), after.key());
            assert_eq!(open(&db, b"row", "dossier", &before).unwrap(), "a");
            let prints = db.keyring().unwrap().prints_of(ONE, Field::Email, "a");
            assert_eq!(prints.len(), 2);
            // The other node knows of nothing until it meets the new key, or looks.
            assert_eq!(seal(&another, ONE, b"row", "a").key(), before.key());
            assert_eq!(open(&another, b"row", "dossier", &after).unwrap(), "a");
            assert_eq!(seal(&another, ONE, b"row", "a").key(), after.key());
            let other = seal(&db, OTHER, b"row", "a");
            rotate(&db, ONE);
            assert_eq!(seal(&db, OTHER, b"row", "a").key(), other.key());
        },
    );
}

#[test]
fn a_destroyed_key_leaves_a_dash_and_harms_no_other_desk() {
    everywhere(
        |_| {},
        |fresh| {
            let db = unlocked(fresh, 1);
            let another = unlocked(fresh, 1);
            let (mine, others) = (seal(&db, ONE, b"row", "a"), seal(&db, OTHER, b"row", "b"));
            rotate(&db, ONE);
            let later = seal(&db, ONE, b"row", "a");
            db.write(|conn| current()?.destroy(conn, ONE, Timestamp::UNIX_EPOCH))
                .unwrap();
            for node in [&db, &another] {
                node.keyring().unwrap().reload().unwrap();
                for gone in [&mine, &later] {
                    assert_eq!(open(node, b"row", "dossier", gone).unwrap(), GONE);
                }
                assert_eq!(open(node, b"row", "dossier", &others).unwrap(), "b");
                let anew = seal(node, ONE, b"row", "c");
                assert_eq!(open(node, b"row", "dossier", &anew).unwrap(), "c");
                let prints = node.keyring().unwrap().prints_of(ONE, Field::Email, "a");
                assert_eq!(prints.len(), 1, "nobody can make the prints of before");
            }
            let wrapped = rows(&db).into_iter().filter(|row| row.desk == ONE);
            assert_eq!(wrapped.filter(|row| row.wrapped.is_some()).count(), 1);
            assert!(db.scrub_keys().unwrap());
        },
    );
}

#[test]
fn another_master_key_takes_over_while_nodes_run() {
    everywhere(
        |_| {},
        |fresh| {
            let db = unlocked(fresh, 1);
            let sealed = seal(&db, ONE, b"row", "a");
            let (from, to) = (LocalMaster::new(&[1; 32]), LocalMaster::new(&[2; 32]));
            let keys = data_keys::rewrap(&rows(&db), &from, &to).unwrap();
            let id = to.id().to_owned();
            db.write(move |conn| data_keys::put_rewrapped(conn, &keys, &id))
                .unwrap();
            // What is open stays open, whatever the file says.
            db.keyring().unwrap().reload().unwrap();
            assert_eq!(open(&db, b"row", "dossier", &sealed).unwrap(), "a");
            assert_eq!(
                open(&unlocked(fresh, 2), b"row", "dossier", &sealed).unwrap(),
                "a"
            );
            let late = Db::open(&fresh.config).unwrap();
            let refused = late.unlock(Arc::new(LocalMaster::new(&[1; 32])));
            assert!(matches!(
                refused,
                Err(StoreError::Keys(KeyError::WrongMaster { .. }))
            ));
            // A node with the old one alone makes no key that the others could not open.
            let refused = db.write(|conn| current()?.rotate(conn, ONE, Timestamp::UNIX_EPOCH));
            assert!(matches!(
                refused,
                Err(StoreError::Keys(KeyError::WrongMaster { .. }))
            ));
            assert_eq!(rows(&db).iter().filter(|row| row.desk == ONE).count(), 1);
        },
    );
}

#[test]
fn a_key_that_comes_while_others_are_wrapped_anew_puts_all_off() {
    everywhere(
        |_| {},
        |fresh| {
            let db = unlocked(fresh, 1);
            let (from, to) = (LocalMaster::new(&[1; 32]), LocalMaster::new(&[2; 32]));
            let keys = data_keys::rewrap(&rows(&db), &from, &to).unwrap();
            rotate(&db, ONE);
            let id = to.id().to_owned();
            let refused = db.write(move |conn| data_keys::put_rewrapped(conn, &keys, &id));
            assert!(matches!(refused, Err(StoreError::Stale)));
            assert!(rows(&db).iter().all(|row| row.master == from.id()));
            unlocked(fresh, 1);
        },
    );
}
