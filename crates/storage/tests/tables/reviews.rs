//! The second fence around reviews and complaints, which PostgreSQL alone has: a complainant sees their
//! complaint and what was sent, and nothing that the desk wrote for itself. What is linked is found as
//! the ticket itself is, on both databases.

use diesel::prelude::*;
use domain::complaint::{
    ComplainantKind, ComplaintChannel, ComplaintState, ComplaintStep, DispatchKind, DispatchWay,
};
use domain::contact::Direction;
use domain::ids::{ComplaintId, ComplaintNumber, DispatchId, ReviewId, TicketId};
use domain::invalid::Lang;
use domain::review::ReviewState;
use domain::visibility::Scope;
use storage::complaints::{self, Complainant, Complaint, Dispatch, Entry, Protocol};
use storage::reviews::{self, Review};
use storage::tickets::RequesterKind;
use storage::{Db, DbConnection, StoreError};
use uuid::Uuid;

use crate::support::Fresh;
use crate::town::{self, ELSEWHERE, count, everywhere, filed_at, hours, read_in, write};
use crate::words::{self, CN1, REGION, TO4};

/// What only desks read, and what goes with the complaint.
const OF_DESKS: [&str; 2] = ["complaint_entries", "complaint_protocols"];
const SHARED: [&str; 3] = ["complaints", "complaint_tickets", "complaint_dispatches"];

/// How many rows a statement changed.
fn change(db: &Db, scope: &Scope, sql: &str) -> Result<usize, StoreError> {
    let sql = sql.to_owned();
    db.write_in(scope, move |conn| {
        Ok::<_, StoreError>(diesel::sql_query(sql).execute(conn)?)
    })
}

fn is_refused<T>(outcome: Result<T, StoreError>) -> bool {
    matches!(outcome, Err(StoreError::Database(reason))
        if reason.to_string().contains("violates row-level security policy"))
}

fn ticket(number: u32) -> TicketId {
    town::ticket(number, TO4).id
}

fn complaint_id(number: u32) -> ComplaintId {
    ComplaintId::new(Uuid::from_u128(number.into()))
}

fn citizen(number: u32) -> Scope {
    town::citizen(number, number, &[])
}

fn complaint(number: u32, desk: &str, identity: Option<String>, by: Option<TicketId>) -> Complaint {
    Complaint {
        id: complaint_id(number),
        version: 1,
        number: ComplaintNumber::new(2026, number.into()),
        desk: desk.into(),
        state: ComplaintState::Received,
        channel: ComplaintChannel::Web,
        complainant: Complainant {
            kind: ComplainantKind::Person,
            label: "Ada Rossi".to_owned(),
            email: None,
            postal_address: None,
            identity,
            ticket: by,
            lang: Lang::It,
        },
        service: None,
        subject: "Attesa".to_owned(),
        body: "Ho aspettato.".to_owned(),
        classification: None,
        received_at: filed_at(),
        happened_at: None,
        late_filed: false,
        due_at: hours(720),
        was_extended: false,
        draft: None,
        answered_at: None,
        overdue_told: false,
        author: None,
        created_at: filed_at(),
    }
}

fn received() -> Entry {
    Entry {
        seq: 1,
        at: filed_at(),
        author: None,
        author_label: None,
        step: None,
        state: ComplaintState::Received,
        note: None,
    }
}

fn register(conn: &mut DbConnection, one: &Complaint, linked: TicketId) -> Result<(), StoreError> {
    complaints::insert(conn, one)?;
    complaints::add_entry(conn, &one.desk, one.id, &received())?;
    let note = Entry {
        seq: 2,
        step: Some(ComplaintStep::Note),
        note: Some("SOLO PER NOI".to_owned()),
        ..received()
    };
    complaints::add_entry(conn, &one.desk, one.id, &note)?;
    complaints::link(conn, one.id, linked)?;
    let protocol = Protocol {
        direction: Direction::Inbound,
        number: one.number.as_str().to_owned(),
        registered_on: "2026-03-02".to_owned(),
        office: "AOO".to_owned(),
    };
    complaints::add_protocol(conn, one.id, &protocol, words::account(0), filed_at())?;
    let dispatch = Dispatch {
        id: DispatchId::new(one.id.uuid()),
        complaint: one.id,
        kind: DispatchKind::Extension,
        scheme: None,
        body: "Ci vuole tempo.".to_owned(),
        way: DispatchWay::Web,
        recipient: "Ada Rossi".to_owned(),
        message: None,
        author: words::account(0),
        at: filed_at(),
    };
    complaints::add_dispatch(conn, &one.desk, &dispatch)
}

fn review(number: u32, desk: &str) -> Review {
    Review {
        id: ReviewId::new(Uuid::from_u128(number.into())),
        version: 1,
        ticket: ticket(number),
        desk: desk.into(),
        state: ReviewState::Requested,
        requested_seq: 1,
        requested_at: filed_at(),
        due_at: hours(720),
        taken: None,
        decided: None,
        remedy: None,
    }
}

/// Ticket 1 of a citizen at TO4, 2 of somebody with a tracking link at CN1, each with a review; a
/// complaint of the citizen at TO4 and one by the link at CN1, each linked to its own ticket, and the
/// first to the second's ticket, too.
fn settle(fresh: &Fresh) {
    let db = fresh.db();
    for (number, desk, requester) in [
        (1, TO4, RequesterKind::Citizen),
        (2, CN1, RequesterKind::Anonymous),
    ] {
        let dossier = town::dossier(number, requester);
        town::file(db, &town::ticket(number, desk), &dossier, None);
    }
    write(db, |conn| {
        for (number, desk) in [(1, TO4), (2, CN1)] {
            reviews::insert(conn, &review(number, desk))?;
        }
        let of_citizen = complaint(1, TO4, Some(town::identity(1)), None);
        register(conn, &of_citizen, ticket(1))?;
        complaints::link(conn, of_citizen.id, ticket(2))?;
        register(conn, &complaint(2, CN1, None, Some(ticket(2))), ticket(2))
    });
}

/// Runs the test where there is a fence.
fn fenced(test: impl Fn(&Fresh)) {
    everywhere(|fresh| {
        if !fresh.is_sqlite() {
            settle(fresh);
            test(fresh);
        }
    });
}

#[test]
fn what_a_desk_writes_of_a_complaint_is_seen_by_desks_alone() {
    fenced(|fresh| {
        let db = fresh.db();
        let desk = |code: &str| Scope::Authority(code.into());
        for scope in [citizen(1), Scope::Tracking(ticket(2))] {
            assert_eq!(count(db, &scope, "complaints"), 1, "{scope:?}");
            assert_eq!(count(db, &scope, "complaint_dispatches"), 1, "{scope:?}");
            for table in OF_DESKS {
                assert_eq!(count(db, &scope, table), 0, "{table} in {scope:?}");
            }
        }
        for scope in [desk(TO4), desk(CN1)] {
            assert_eq!(count(db, &scope, "complaints"), 1, "{scope:?}");
            assert_eq!(count(db, &scope, "complaint_entries"), 2, "{scope:?}");
            assert_eq!(count(db, &scope, "complaint_protocols"), 1, "{scope:?}");
        }
        for scope in [Scope::Region(REGION.into()), Scope::System] {
            assert_eq!(count(db, &scope, "complaint_entries"), 4, "{scope:?}");
            assert_eq!(count(db, &scope, "complaint_protocols"), 2, "{scope:?}");
        }
        for scope in [desk(ELSEWHERE), citizen(9), Scope::Nothing] {
            for table in OF_DESKS.into_iter().chain(SHARED) {
                assert_eq!(count(db, &scope, table), 0, "{table} in {scope:?}");
            }
        }
    });
}

#[test]
fn a_complainant_files_and_changes_nothing_afterwards() {
    fenced(|fresh| {
        let db = fresh.db();
        let filed = db.write_in(&citizen(1), |conn| {
            let one = complaint(3, TO4, Some(town::identity(1)), None);
            complaints::insert(conn, &one)?;
            complaints::add_entry(conn, &one.desk, one.id, &received())
        });
        assert!(filed.is_ok(), "{filed:?}");
        let touch = "UPDATE complaints SET subject = 'x'";
        for scope in [citizen(1), Scope::Tracking(ticket(2)), Scope::Nothing] {
            assert_eq!(change(db, &scope, touch).unwrap(), 0, "{scope:?}");
            let delete = "DELETE FROM complaints";
            assert_eq!(change(db, &scope, delete).unwrap(), 0, "{scope:?}");
            let protocol = "INSERT INTO complaint_protocols DEFAULT VALUES";
            assert!(is_refused(change(db, &scope, protocol)), "{scope:?}");
        }
        let to4 = Scope::Authority(TO4.into());
        assert_eq!(change(db, &to4, touch).unwrap(), 2);
        let none =
            db.write(|conn| complaints::add_entry(conn, &TO4.into(), complaint_id(1), &received()));
        assert!(is_refused(none), "without a scope");
    });
}

#[test]
fn a_review_is_seen_by_whoever_sees_its_ticket() {
    fenced(|fresh| {
        let db = fresh.db();
        for (scope, expected) in [
            (Scope::Authority(TO4.into()), 1),
            (Scope::Authority(CN1.into()), 1),
            (Scope::Authority(ELSEWHERE.into()), 0),
            (Scope::Region(REGION.into()), 2),
            (Scope::System, 2),
            (citizen(1), 1),
            (citizen(9), 0),
            (Scope::Tracking(ticket(2)), 1),
            (Scope::Nothing, 0),
        ] {
            assert_eq!(count(db, &scope, "reviews"), expected, "{scope:?}");
        }
    });
}

#[test]
fn linked_tickets_are_listed_within_the_scope_alone() {
    everywhere(|fresh| {
        settle(fresh);
        for (scope, expected) in [
            (citizen(1), vec![ticket(1)]),
            (Scope::Authority(TO4.into()), vec![ticket(1)]),
            (Scope::Region(REGION.into()), vec![ticket(1), ticket(2)]),
            (Scope::System, vec![ticket(1), ticket(2)]),
            (Scope::Nothing, vec![]),
        ] {
            let listed = read_in(fresh.db(), &scope, |conn| {
                complaints::list_tickets(conn, &scope, complaint_id(1))
            });
            let listed: Vec<_> = listed.into_iter().map(|(id, _)| id).collect();
            assert_eq!(listed, expected, "{scope:?}");
        }
    });
}
