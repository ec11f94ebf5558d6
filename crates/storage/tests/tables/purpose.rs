//! Stated looks and break-glass grants: what the rows hold, who sees them, and which write comes second.

use std::sync::Arc;

use diesel::prelude::*;
use diesel::sql_types::Text;
use domain::actor::Role;
use domain::break_glass::Grant;
use domain::ids::{DisclosureId, GrantId, MessageId, TicketRef};
use domain::purpose::Purpose;
use domain::visibility::{Opened, Scope};
use storage::break_glass::{self, StoredGrant};
use storage::disclosures::{self, Disclosure};
use storage::keyring::LocalMaster;
use storage::tickets::RequesterKind;
use storage::{Db, StoreError};
use uuid::Uuid;

use crate::support::Fresh;
use crate::town::{self, count, everywhere, filed_at, hours, read, write};
use crate::words::{self, REGION, TO4};

const REASON: &str = "La signora Bianchi lo ha chiesto al telefono.";

#[derive(QueryableByName)]
struct Kept {
    #[diesel(sql_type = Text)]
    reason: String,
}

fn disclosure(number: u128, until: Option<i64>) -> Disclosure {
    Disclosure {
        id: DisclosureId::new(Uuid::from_u128(number)),
        ticket: town::ticket(1, TO4).id,
        account: words::account(12),
        role: Role::Auditor,
        desk: REGION.into(),
        purpose: Purpose::Complaint,
        reason: REASON.to_owned(),
        at: filed_at(),
        until: until.map(hours),
    }
}

fn grant(number: u128) -> StoredGrant {
    StoredGrant {
        grant: Grant {
            id: GrantId::new(Uuid::from_u128(number)),
            asked_by: words::account(11),
            asked_at: filed_at(),
            opens: Opened::Authority(TO4.into()),
            purpose: Purpose::SecurityIncident,
            hours: 8,
            approved: None,
            first_used_at: None,
            ended: None,
        },
        reason: REASON.to_owned(),
        end_message: MessageId::new(Uuid::from_u128(77)),
    }
}

/// A ticket, an identity that was asked for, an inspection of eight hours, and a grant.
fn settle(fresh: &Fresh) -> &Db {
    let db = fresh.db();
    if db.keyring().is_err() {
        db.unlock(Arc::new(LocalMaster::new(&[1; 32]))).unwrap();
    }
    let keyring = db.keyring().unwrap();
    keyring
        .ensure(&[REGION.to_owned(), TO4.to_owned()], filed_at())
        .unwrap();
    let ticket = town::ticket(1, TO4);
    town::file(db, &ticket, &town::dossier(1, RequesterKind::Citizen), None);
    write(db, |conn| {
        disclosures::insert(conn, &disclosure(1, None))?;
        disclosures::insert(conn, &disclosure(2, Some(8)))?;
        break_glass::insert(conn, &grant(1))
    });
    db
}

#[test]
fn reasons_are_sealed_and_open_again() {
    everywhere(|fresh| {
        let db = settle(fresh);
        for table in ["disclosures", "break_glass_grants"] {
            let sql = format!("SELECT reason FROM {table}");
            let kept = read(db, |conn| Ok(diesel::sql_query(sql).load::<Kept>(conn)?));
            for row in kept {
                assert!(!row.reason.contains("Bianchi"), "{table}: {}", row.reason);
            }
        }
        let listed = read(db, |conn| disclosures::list(conn, None, None, 10));
        let reasons: Vec<&str> = listed.iter().map(|(one, ..)| one.reason.as_str()).collect();
        assert_eq!(reasons, [REASON; 2]);
        let listed = read(db, |conn| break_glass::list(conn, None, 10));
        assert_eq!(listed[0].reason, REASON);
        assert_eq!(listed[0].grant, grant(1).grant);
    });
}

#[test]
fn an_inspection_opens_its_ticket_to_its_account_until_its_end() {
    everywhere(|fresh| {
        let db = settle(fresh);
        let ticket = town::ticket(1, TO4);
        let by_id = TicketRef::Id(ticket.id);
        let by_number = TicketRef::Number(ticket.number.clone());
        let other = TicketRef::Id(town::ticket(2, TO4).id);
        let auditor = words::account(12);
        // The identity that was asked for opens nothing, and so is never found here.
        let inspection = Some((DisclosureId::new(Uuid::from_u128(2)), ticket.id));
        for (account, wanted, hour, expected) in [
            (auditor, &by_id, 0, inspection),
            (auditor, &by_number, 7, inspection),
            (auditor, &by_id, 8, None),
            (auditor, &other, 0, None),
            (words::account(11), &by_id, 0, None),
        ] {
            let found = read(db, |conn| {
                disclosures::find_inspection(conn, account, wanted, hours(hour))
            });
            assert_eq!(found, expected, "{wanted:?} after {hour} hours");
        }
    });
}

#[test]
fn who_looked_is_the_systems_alone() {
    everywhere(|fresh| {
        let db = settle(fresh);
        if fresh.is_sqlite() {
            return;
        }
        let scopes = [
            Scope::Authority(TO4.into()),
            Scope::Region(REGION.into()),
            town::citizen(1, 1, &[]),
            Scope::Granted(Opened::Inspected(town::ticket(1, TO4).id)),
            Scope::Granted(Opened::Authority(TO4.into())),
            Scope::Nothing,
        ];
        for (table, rows) in [("disclosures", 2), ("break_glass_grants", 1)] {
            assert_eq!(count(db, &Scope::System, table), rows);
            for scope in &scopes {
                assert_eq!(count(db, scope, table), 0, "{table} in {scope:?}");
            }
        }
        for scope in &scopes {
            let written = db.write_in(scope, |conn| {
                disclosures::insert(conn, &disclosure(3, None))
            });
            assert!(written.is_err(), "{scope:?}");
        }
    });
}

#[test]
fn whoever_comes_second_to_a_grant_hears_so() {
    everywhere(|fresh| {
        let db = settle(fresh);
        let id = grant(1).grant.id;
        let (first, second) = (words::account(9), words::account(10));
        let is_stale = |outcome: Result<(), StoreError>| matches!(outcome, Err(StoreError::Stale));
        let approve = |by| {
            db.write_in(&Scope::System, move |conn| {
                break_glass::save_approval(conn, id, by, hours(1))
            })
        };
        let end = |by| {
            db.write_in(&Scope::System, move |conn| {
                break_glass::save_end(conn, id, by, hours(2))
            })
        };
        approve(first).unwrap();
        assert!(is_stale(approve(second)));
        let used = || {
            write(db, move |conn| {
                break_glass::save_first_use(conn, id, hours(1))
            })
        };
        assert!(used());
        assert!(!used());
        end(second).unwrap();
        assert!(is_stale(end(first)));
        let kept = read(db, |conn| break_glass::find(conn, id)).unwrap().grant;
        assert_eq!(kept.approved, Some((first, hours(1))));
        assert_eq!(kept.ended, Some((second, hours(2))));
        assert_eq!(kept.first_used_at, Some(hours(1)));

        write(db, |conn| break_glass::insert(conn, &grant(2)));
        let id = grant(2).grant.id;
        write(db, move |conn| {
            break_glass::save_end(conn, id, words::account(9), hours(1))
        });
        let late = db.write_in(&Scope::System, move |conn| {
            break_glass::save_approval(conn, id, words::account(9), hours(1))
        });
        assert!(is_stale(late), "what was ended is not agreed to");
    });
}

#[test]
fn the_database_knows_that_nobody_agrees_with_themselves() {
    everywhere(|fresh| {
        let db = settle(fresh);
        let id = grant(1).grant.id;
        let own = db.write_in(&Scope::System, move |conn| {
            break_glass::save_approval(conn, id, words::account(11), hours(1))
        });
        assert!(own.is_err());
    });
}
