//! What is over is forgotten, and nothing else is: by the triggers, and against whoever sets a hold at
//! the same time.

use std::sync::mpsc;

use domain::ids::HoldId;
use domain::retention::Class;
use domain::visibility::Scope;
use storage::holds::{self, End, Hold, Subject};
use storage::retention::{self, Kind, Mark};
use storage::sealing::GONE;
use storage::tickets::RequesterKind;
use storage::{Db, StoreError};
use uuid::Uuid;

use crate::append_only::{attachment, refusal};
use crate::life::Life;
use crate::town::{self, count, everywhere, find, read, write};
use crate::words::{CN1, TO4};

const RUN: Uuid = Uuid::from_u128(77);

fn mark(life: &Life, class: Class) -> Mark {
    Mark {
        kind: Kind::Ticket,
        subject: life.ticket.id.uuid(),
        named: life.ticket.number.to_string(),
        authority: TO4.into(),
        class,
    }
}

fn forget(db: &Db, mark: &Mark) {
    let mark = mark.clone();
    write(db, move |conn| {
        retention::forget(conn, &mark, RUN, town::hours(1))
    });
}

fn left(db: &Db, mark: &Mark) -> Vec<&'static str> {
    read(db, |conn| retention::list_left(conn, mark))
}

#[test]
fn a_text_goes_only_where_a_mark_says_so_and_its_row_stays() {
    everywhere(|fresh| {
        let db = fresh.db();
        let mut life = Life::file(db, 1, TO4, RequesterKind::Citizen);
        life.play("operator note + internal");
        let mut other = Life::file(db, 2, TO4, RequesterKind::Citizen);
        other.play("operator note + internal");
        let says = |sql| refusal(db, sql).contains("append-only");
        assert!(says("UPDATE notes SET body = '—'"), "nothing is over yet");
        let texts = mark(&life, Class::HealthText);
        assert!(!left(db, &texts).is_empty());
        forget(db, &texts);
        assert!(left(db, &texts).is_empty());
        assert_eq!(count(db, &Scope::System, "notes WHERE body = '—'"), 1);
        assert_eq!(count(db, &Scope::System, "notes"), 2);
        for sql in [
            "UPDATE notes SET body = '—'",
            "UPDATE notes SET body = 'x' WHERE body = '—'",
            "UPDATE notes SET body = '—x' WHERE body = '—'",
            "UPDATE notes SET audience = 'citizen' WHERE body = '—'",
            "UPDATE notes SET body = body WHERE body = '—'",
            "DELETE FROM notes WHERE body = '—'",
            "UPDATE ticket_events SET state = 'removed'",
            "UPDATE retention_marks SET class = 'identifier'",
            "DELETE FROM retention_marks",
        ] {
            assert!(says(sql), "{sql}");
        }
    });
}

#[test]
fn each_class_takes_its_own_data_and_the_last_takes_the_person() {
    everywhere(|fresh| {
        let db = fresh.db();
        let ticket = town::ticket(1, TO4);
        let dossier = town::dossier(1, RequesterKind::Citizen);
        town::file(db, &ticket, &dossier, Some(attachment(1)));
        let mark = |class| Mark {
            kind: Kind::Ticket,
            subject: ticket.id.uuid(),
            named: ticket.number.to_string(),
            authority: TO4.into(),
            class,
        };
        let now = || find(db, &Scope::System, ticket.id).unwrap().1;
        forget(db, &mark(Class::Attachment));
        assert_eq!(count(db, &Scope::System, "attachments"), 0);
        assert_eq!(count(db, &Scope::System, "purged_attachments"), 1);
        assert_eq!(
            count(
                db,
                &Scope::System,
                "retention_blobs WHERE deleted_at IS NULL"
            ),
            1
        );
        assert_eq!(now().email, dossier.email);
        forget(db, &mark(Class::Contact));
        assert_eq!(now().email, GONE);
        assert_eq!(now().family_name, dossier.family_name);
        forget(db, &mark(Class::HealthText));
        assert!(now().details.extra.is_empty());
        assert!(!left(db, &mark(Class::Identifier)).is_empty());
        forget(db, &mark(Class::Identifier));
        assert!(now().is_gone());
        for class in Class::OF_TICKETS {
            assert_eq!(left(db, &mark(class)), Vec::<&str>::new(), "{class:?}");
        }
        let again = db.write_in(&Scope::System, {
            let mark = mark(Class::Identifier);
            move |conn| retention::forget(conn, &mark, RUN, town::hours(2))
        });
        assert!(matches!(again, Err(StoreError::UniqueViolation { .. })));
    });
}

fn hold(number: u128, subject: Subject) -> Hold {
    Hold {
        id: HoldId::new(Uuid::from_u128(number)),
        subject,
        reason: "Causa 12".to_owned(),
        until: None,
        created_at: town::filed_at(),
        created_by: crate::words::account(0),
        ended: None,
    }
}

fn is_held(db: &Db, number: u32) -> bool {
    let ticket = town::ticket(number, TO4).id;
    let person = town::tax_code(number);
    read(db, |conn| {
        holds::exists_for_ticket(conn, ticket, &TO4.into(), person.as_str(), town::hours(1))
    })
}

#[test]
fn a_hold_keeps_a_ticket_an_authority_or_a_person() {
    everywhere(|fresh| {
        let db = fresh.db();
        for number in [1, 2] {
            let dossier = town::dossier(number, RequesterKind::Citizen);
            town::file(db, &town::ticket(number, TO4), &dossier, None);
        }
        let subjects = [
            Subject::Ticket(town::ticket(1, TO4).id),
            Subject::Authority(TO4.into()),
            Subject::Person(town::tax_code(1).as_str().to_owned()),
        ];
        for (subject, number) in subjects.into_iter().zip(100..) {
            let is_of_all = matches!(subject, Subject::Authority(_));
            let one = hold(number, subject);
            let (id, by) = (one.id, one.created_by);
            assert!(!is_held(db, 1));
            write(db, move |conn| holds::insert(conn, &one));
            assert!(is_held(db, 1));
            assert_eq!(is_held(db, 2), is_of_all);
            let for_desk = |code: &'static str| {
                read(db, |conn| {
                    holds::exists_for_desk(conn, &code.into(), town::hours(1))
                })
            };
            assert!(for_desk(TO4));
            // Of a person nobody can say where they filed.
            assert_eq!(for_desk(CN1), number == 102);
            let end = move || End {
                at: town::hours(1),
                by,
                reason: "Finita".to_owned(),
            };
            assert!(write(db, move |conn| holds::end(conn, id, &end())));
            assert!(!is_held(db, 1));
            let found = read(db, |conn| holds::find(conn, id)).unwrap();
            assert_eq!(found.reason, "Causa 12");
            assert_eq!(found.ended.unwrap().reason, "Finita");
        }
        assert_eq!(
            count(
                db,
                &Scope::System,
                "legal_holds WHERE reason LIKE '%Causa%'"
            ),
            0
        );
    });
}

/// Two connections: one sets a hold and has not committed, the other is about to take the data away.
#[test]
fn a_hold_that_commits_first_wins() {
    everywhere(|fresh| {
        let db = fresh.db().clone();
        let dossier = town::dossier(1, RequesterKind::Citizen);
        town::file(&db, &town::ticket(1, TO4), &dossier, None);
        let (set, is_set) = mpsc::channel();
        let (go, may_go) = mpsc::channel::<()>();
        let setter = db.clone();
        let setting = std::thread::spawn(move || {
            setter.write_in(&Scope::System, move |conn| {
                holds::follow(conn)?;
                holds::insert(conn, &hold(1, Subject::Ticket(town::ticket(1, TO4).id)))?;
                set.send(()).unwrap();
                may_go.recv().unwrap();
                Ok::<_, StoreError>(())
            })
        });
        is_set.recv().unwrap();
        let taker = db.clone();
        let (asks, is_asking) = mpsc::channel();
        let taking = std::thread::spawn(move || {
            asks.send(()).unwrap();
            taker.write_in(&Scope::System, |conn| {
                holds::follow(conn)?;
                let ticket = town::ticket(1, TO4).id;
                let person = town::tax_code(1);
                holds::exists_for_ticket(conn, ticket, &TO4.into(), person.as_str(), town::hours(1))
            })
        });
        is_asking.recv().unwrap();
        go.send(()).unwrap();
        setting.join().unwrap().unwrap();
        assert!(
            taking.join().unwrap().unwrap(),
            "it waited, and saw the hold"
        );
    });
}
