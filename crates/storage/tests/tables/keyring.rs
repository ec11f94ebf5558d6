//! Sealing: what opens, what does not, and what equal values look like.

use std::sync::Arc;

use diesel::connection::SimpleConnection;
use jiff::Timestamp;
use storage::keyring::{Field, INSTALLATION, KeyError, LocalMaster, current};
use storage::sealing::{Place, SealedText};
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
