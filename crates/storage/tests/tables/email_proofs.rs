//! Proofs of an e-mail address.

use domain::ids::ProofId;
use storage::{Db, email_proofs};
use uuid::Uuid;

use crate::concurrency::at_once;
use crate::town::{everywhere, hours, read, write};

const ADA: &str = "ada@example.org";

fn id(number: u128) -> ProofId {
    ProofId::new(Uuid::from_u128(number))
}

/// A proof asked for at `hour`, good for two hours.
fn ask(db: &Db, number: u128, email: &'static str, source: &'static str, hour: i64) {
    write(db, move |conn| {
        email_proofs::insert(
            conn,
            id(number),
            email,
            source,
            hours(hour),
            hours(hour + 2),
        )
    });
}

fn verify(db: &Db, number: u128) {
    write(db, move |conn| {
        email_proofs::mark_verified(conn, id(number), hours(1))
    });
}

fn take(db: &Db, number: u128, email: &'static str, hour: i64) -> bool {
    write(db, move |conn| {
        email_proofs::take(conn, id(number), email, hours(hour))
    })
}

#[test]
fn a_proof_starts_untried() {
    everywhere(|fresh| {
        let db = fresh.db();
        ask(db, 1, ADA, "192.0.2.0/24", 0);
        let proof = read(db, |conn| email_proofs::find(conn, id(1))).unwrap();
        assert_eq!(
            (proof.email.as_str(), proof.tries, proof.expires_at),
            (ADA, 0, hours(2))
        );
        assert_eq!((proof.verified_at, proof.used_at), (None, None));
        assert!(read(db, |conn| email_proofs::find(conn, id(2))).is_none());
    });
}

#[test]
fn eight_that_guess_at_once_have_no_more_tries_than_one() {
    everywhere(|fresh| {
        let db = fresh.db();
        ask(db, 1, ADA, "192.0.2.0/24", 0);
        let tried = at_once(8, |_| {
            let one = || write(db, |conn| email_proofs::count_try(conn, id(1), 5));
            [one(), one(), one()]
        });
        let allowed = tried.iter().flatten().filter(|allowed| **allowed).count();
        let proof = read(db, |conn| email_proofs::find(conn, id(1))).unwrap();
        assert_eq!((allowed, proof.tries), (5, 5));
        assert!(!write(db, |conn| email_proofs::count_try(conn, id(2), 5)));
    });
}

#[test]
fn a_proof_is_taken_once_by_its_own_address_while_it_holds() {
    everywhere(|fresh| {
        let db = fresh.db();
        for number in 1..4 {
            ask(db, number, ADA, "192.0.2.0/24", 0);
        }
        assert!(!take(db, 1, ADA, 1), "not verified");
        verify(db, 1);
        verify(db, 2);
        assert!(!take(db, 1, "bob@example.org", 1), "another address");
        assert!(!take(db, 3, ADA, 1), "another proof, not verified");
        assert!(!take(db, 2, ADA, 2), "over");
        let taken = at_once(8, |_| take(db, 1, ADA, 1));
        assert_eq!(taken.into_iter().filter(|taken| *taken).count(), 1);
        let proof = read(db, |conn| email_proofs::find(conn, id(1))).unwrap();
        assert_eq!(
            (proof.verified_at, proof.used_at),
            (Some(hours(1)), Some(hours(1)))
        );
    });
}

#[test]
fn proofs_are_counted_by_address_and_by_source_and_forgotten_by_age() {
    everywhere(|fresh| {
        let db = fresh.db();
        ask(db, 1, ADA, "192.0.2.0/24", 0);
        ask(db, 2, ADA, "198.51.100.0/24", 1);
        ask(db, 3, "bob@example.org", "192.0.2.0/24", 1);
        ask(db, 4, "bob@example.org", "192.0.2.0/24", 2);
        let since = |hour| {
            read(db, |conn| {
                email_proofs::count_since(conn, ADA, "192.0.2.0/24", hours(hour))
            })
        };
        assert_eq!(
            [since(0), since(1), since(2), since(3)],
            [(2, 3), (1, 2), (0, 1), (0, 0)]
        );
        assert_eq!(
            write(db, |conn| email_proofs::delete_old(conn, hours(1), 10)),
            1
        );
        assert_eq!(since(0), (1, 2));
    });
}
