//! Who is there to get what comes to a desk, what they have, what was removed, and what is left of it.

use diesel::prelude::*;
use domain::actor::{Assignee, Role};
use domain::assignment::Candidate;
use domain::ids::{AbsenceId, AccountId, PlacementId};
use domain::state::RemovalReason;
use domain::ticket::Ticket;
use domain::visibility::Scope;
use jiff::civil::date;
use storage::absences::{self, Absence, Whose};
use storage::tickets::RequesterKind;
use storage::{Db, StoreError, accounts, assignment, attachments, removals};
use uuid::Uuid;

use crate::append_only::attachment;
use crate::town::{self, Count, count, everywhere, hours, read, read_in, write};
use crate::words::{CN1, REGION, TO4, account};

/// The operator and the colleague work at TO4, the administrator does not work tickets.
fn place(db: &Db) {
    write(db, |conn| {
        for (person, role) in [(0, Role::Operator), (1, Role::Supervisor), (3, Role::Admin)] {
            let id = PlacementId::new(Uuid::from_u128(900 + u128::try_from(person).unwrap()));
            let desk = TO4.into();
            accounts::insert_placement(conn, id, account(person), role, &desk, ("01", "Ivrea"))?;
        }
        Ok(())
    });
}

fn owned(number: u32, desk: &str, owner: usize) -> Ticket {
    Ticket {
        assignee: Some(Assignee::Operator(account(owner))),
        ..town::ticket(number, desk)
    }
}

fn away(number: u128, who: AccountId, from: i8, to: i8) -> Absence {
    Absence {
        id: AbsenceId::new(Uuid::from_u128(number)),
        account: who,
        label: town::label("operator"),
        from: date(2026, 3, from),
        to: date(2026, 3, to),
        ended_at: None,
    }
}

#[test]
fn the_nudges_of_a_ticket_are_read_back_and_none_are_where_nobody_wrote_them() {
    everywhere(|fresh| {
        let db = fresh.db();
        let ticket = Ticket {
            nudges: 3,
            nudged_at: Some(hours(5)),
            ..town::ticket(1, TO4)
        };
        let dossier = town::dossier(1, RequesterKind::Citizen);
        town::file(db, &ticket, &dossier, None);
        let (found, _) = town::find(db, &Scope::System, ticket.id).unwrap();
        assert_eq!((found.nudges, found.nudged_at), (3, Some(hours(5))));
        // As the program of the version before writes them.
        write(db, |conn| {
            let old = r#"{"bounces": 0, "reopens": 0, "reminders": 1, "asked": 0}"#;
            diesel::sql_query(format!("UPDATE tickets SET tallies = '{old}'")).execute(conn)?;
            Ok(())
        });
        let (found, _) = town::find(db, &Scope::System, ticket.id).unwrap();
        assert_eq!((found.nudges, found.nudged_at), (0, None));
        assert_eq!(found.reminders, 1);
    });
}

#[test]
fn what_people_have_is_counted_whoever_asks_and_nothing_else_comes_in_reach() {
    everywhere(|fresh| {
        let db = fresh.db();
        place(db);
        for ticket in [owned(1, TO4, 0), owned(2, TO4, 0), owned(3, CN1, 1)] {
            let number = u32::try_from(ticket.id.uuid().as_u128()).unwrap();
            let dossier = town::dossier(number, RequesterKind::Citizen);
            town::file(db, &ticket, &dossier, None);
        }
        let expected = [(0, 2), (1, 0)].map(|(who, open)| Candidate {
            account: account(who),
            open,
        });
        let scopes = [
            (Scope::System, 3),
            (Scope::Authority(CN1.into()), 1),
            (town::citizen(3, 3, &[]), 1),
            (Scope::Tracking(town::ticket(9, TO4).id), 0),
        ];
        for (scope, own) in scopes {
            let (found, seen) = read_in(db, &scope, |conn| {
                let found = assignment::list_candidates(conn, &TO4.into(), date(2026, 3, 2))?;
                let sql = "SELECT COUNT(*) AS count FROM tickets";
                let seen = diesel::sql_query(sql).get_result::<Count>(conn)?.count;
                Ok((found, seen))
            });
            assert_eq!(found, expected, "{scope:?}");
            if !fresh.is_sqlite() {
                assert_eq!(seen, own, "{scope:?}");
            }
        }
    });
}

#[test]
fn nobody_is_present_from_the_first_to_the_last_day_unless_they_come_back() {
    everywhere(|fresh| {
        let db = fresh.db();
        place(db);
        write(db, |conn| {
            absences::insert(conn, &away(1, account(0), 3, 5), account(1), hours(0))
        });
        let present = |day: i8| {
            read(db, |conn| {
                assignment::list_present(conn, &TO4.into(), date(2026, 3, day))
            })
        };
        let (both, one) = (vec![account(0), account(1)], vec![account(1)]);
        for (day, expected) in [(2, &both), (3, &one), (5, &one), (6, &both)] {
            assert_eq!(present(day), *expected, "on the {day}th");
            let gone = read(db, |conn| {
                absences::list_away(conn, &TO4.into(), date(2026, 3, day))
            });
            assert_eq!(gone.is_empty(), expected.len() == 2);
        }
        write(db, |conn| {
            absences::end(
                conn,
                AbsenceId::new(Uuid::from_u128(1)),
                account(0),
                hours(1),
            )
        });
        assert_eq!(present(4), both);
        let desk = Whose::Desk(TO4.into());
        let listed = read(db, |conn| absences::list(conn, &desk, None, 10));
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].ended_at, Some(hours(1)));
        let others = Whose::Own(account(1));
        assert_eq!(read(db, |conn| absences::list(conn, &others, None, 10)), []);
    });
}

#[test]
fn removals_are_seen_by_the_desk_that_had_it_and_the_region() {
    everywhere(|fresh| {
        let db = fresh.db();
        let ticket = town::ticket(1, TO4);
        town::file(db, &ticket, &town::dossier(1, RequesterKind::Citizen), None);
        let to4 = Scope::Authority(TO4.into());
        db.write_in(&to4, move |conn| {
            let (desk, service) = (TO4.into(), "FSE".into());
            let spam = RemovalReason::Spam;
            removals::insert(conn, ticket.id, hours(1), spam, &desk, &service, account(2))
        })
        .unwrap();
        let period = (hours(0), hours(2));
        for (scope, seen) in [
            (to4, 1),
            (Scope::Authority(CN1.into()), 0),
            (Scope::Region(REGION.into()), 1),
            (town::citizen(1, 1, &[]), 0),
        ] {
            let listed = read_in(db, &scope, |conn| {
                removals::list(conn, &scope, period, None, 10)
            });
            assert_eq!(listed.len(), usize::try_from(seen).unwrap(), "{scope:?}");
            let counts = read_in(db, &scope, |conn| removals::count(conn, &scope, period));
            assert_eq!(counts.by_person.len(), listed.len(), "{scope:?}");
            if !fresh.is_sqlite() {
                assert_eq!(count(db, &scope, "removals"), seen, "{scope:?}");
            }
        }
        let late = read(db, |conn| {
            removals::list(conn, &Scope::System, (hours(2), hours(3)), None, 10)
        });
        assert_eq!(late, []);
    });
}

#[test]
fn a_purge_leaves_kind_size_and_place_and_is_the_systems_alone() {
    everywhere(|fresh| {
        let db = fresh.db();
        let ticket = town::ticket(1, TO4);
        let dossier = town::dossier(1, RequesterKind::Citizen);
        town::file(db, &ticket, &dossier, Some(attachment(7)));
        let other = town::ticket(2, TO4);
        let dossier = town::dossier(2, RequesterKind::Citizen);
        town::file(db, &other, &dossier, Some(attachment(8)));
        let id = ticket.id;
        let authority = Scope::Authority(TO4.into());
        if !fresh.is_sqlite() {
            let done = db.write_in(&authority, move |conn| {
                let gone = attachments::purge(conn, id, hours(1))?;
                // Undone, whatever it was.
                Err::<(), _>(StoreError::Corrupt {
                    table: "attachments",
                    id: gone.to_string(),
                    column: "undone",
                })
            });
            let told = done.unwrap_err().to_string();
            assert!(told.contains('0'), "an authority purges nothing: {told}");
        }
        assert_eq!(
            write(db, move |conn| attachments::purge(conn, id, hours(1))),
            1
        );
        assert_eq!(read(db, |conn| attachments::list(conn, id)).len(), 0);
        let left = read_in(db, &authority, |conn| attachments::list_purged(conn, id));
        assert_eq!(left.len(), 1);
        let (file, known) = (&left[0].file, attachment(7));
        assert_eq!(
            (file.id, file.kind, file.size),
            (known.id, known.kind, known.size)
        );
        assert_eq!((left[0].seq, left[0].purged_at), (1, Some(hours(1))));
        assert_eq!(file.name.as_str(), "allegato.pdf");
        assert!(file.sha256.is_empty() && file.blob_key.is_empty());
        assert_eq!(read(db, |conn| attachments::list(conn, other.id)).len(), 1);
        let orphans = vec![attachment(7).blob_key, attachment(8).blob_key];
        let found = read(db, |conn| attachments::list_orphans(conn, orphans));
        assert_eq!(found, [attachment(7).blob_key]);
    });
}
