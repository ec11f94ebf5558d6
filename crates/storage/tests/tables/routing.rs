//! The versions of the routing rules.

use storage::StoreError;
use storage::routing::{self, RoutingVersion};

use crate::append_only::refusal;
use crate::town::{everywhere, hours, read, write};

fn version(number: i32) -> RoutingVersion {
    RoutingVersion {
        version: number,
        comment: (number > 1).then(|| format!("Versione {number}.")),
        in_force_from: hours(number.into()),
        created_by: None,
    }
}

fn text(number: i32) -> String {
    format!("# Regole, versione {number}: l'«ente» indicato")
}

#[test]
fn a_version_is_read_as_it_was_written_and_the_highest_is_in_force() {
    everywhere(|fresh| {
        let db = fresh.db();
        assert_eq!(read(db, routing::last_version), 0);
        for number in 1..=5 {
            write(db, move |conn| {
                routing::insert(conn, &version(number), &text(number))
            });
            assert_eq!(read(db, routing::last_version), number);
        }
        for number in 1..=5 {
            let found = read(db, move |conn| routing::find(conn, number));
            assert_eq!(found, Some((version(number), text(number))));
        }
        assert_eq!(read(db, |conn| routing::find(conn, 6)), None);
        let page = |before, limit| read(db, move |conn| routing::list(conn, before, limit));
        assert_eq!(page(None, 2), [version(5), version(4)]);
        assert_eq!(page(Some(4), 9), [version(3), version(2), version(1)]);
        let again = db.write(|conn| routing::insert(conn, &version(5), "anders"));
        assert!(
            matches!(again, Err(StoreError::UniqueViolation { .. })),
            "{again:?}"
        );
        write(db, |conn| {
            routing::insert_if_absent(conn, &version(5), "anders")
        });
        assert_eq!(read(db, |conn| routing::find(conn, 5)).unwrap().1, text(5));
    });
}

#[test]
fn no_sql_changes_a_version_of_the_rules() {
    everywhere(|fresh| {
        let db = fresh.db();
        write(db, |conn| routing::insert(conn, &version(1), &text(1)));
        for sql in [
            "UPDATE routing_versions SET definition = ''",
            "DELETE FROM routing_versions",
        ] {
            let refused = refusal(db, sql);
            assert!(refused.contains("append-only"), "{refused}");
        }
        assert_eq!(read(db, |conn| routing::find(conn, 1)).unwrap().1, text(1));
    });
}
