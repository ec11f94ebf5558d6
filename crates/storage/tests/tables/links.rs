//! Links and merges as rows: one a pair, ways without forks, and both behind the fence.

use domain::ids::{AccountId, TicketId, TicketRef};
use domain::links::{LinkRole, NamedTicket};
use domain::visibility::Scope;
use storage::tickets::{self, RequesterKind};
use storage::{StoreError, links};

use crate::support::Fresh;
use crate::town::{self, everywhere, filed_at, read, read_in, write};
use crate::words::{self, CN1, TO4};

fn id(number: u32) -> TicketId {
    town::ticket(number, TO4).id
}

/// Three tickets of one person who proved an address at TO4, and one of another at CN1.
fn settle(fresh: &Fresh) {
    for (number, desk) in [(1, TO4), (2, TO4), (3, TO4), (4, CN1)] {
        let person = if number == 4 { 4 } else { 1 };
        let dossier = town::dossier(person, RequesterKind::Anonymous);
        town::file(fresh.db(), &town::ticket(number, desk), &dossier, None);
    }
}

fn merge(fresh: &Fresh, merged: u32, into: u32) {
    write(fresh.db(), move |conn| {
        links::merge(conn, id(merged), id(into))?;
        Ok(diesel::RunQueryDsl::execute(
            diesel::sql_query(format!(
                "UPDATE tickets SET state = 'removed', state_since = created_at \
                 WHERE number = '{}'",
                town::ticket(merged, TO4).number
            )),
            conn,
        )?)
    });
}

fn end(fresh: &Fresh, merged: u32) -> Option<TicketId> {
    read(fresh.db(), |conn| links::find_end(conn, id(merged)))
}

fn next(fresh: &Fresh, merged: u32) -> Option<TicketId> {
    let found = read(fresh.db(), |conn| links::find_survivor(conn, id(merged)));
    found.map(|named| named.id)
}

#[test]
fn a_chain_leads_to_its_end_and_parts_where_it_is_undone() {
    everywhere(|fresh| {
        settle(fresh);
        merge(fresh, 1, 2);
        merge(fresh, 2, 3);
        assert_eq!((next(fresh, 1), end(fresh, 1)), (Some(id(2)), Some(id(3))));
        assert_eq!((next(fresh, 2), end(fresh, 2)), (Some(id(3)), Some(id(3))));
        assert_eq!(end(fresh, 3), None);
        write(fresh.db(), |conn| links::undo_merge(conn, id(2), id(3)));
        assert_eq!((next(fresh, 1), end(fresh, 1)), (Some(id(2)), Some(id(2))));
        assert_eq!(end(fresh, 2), None);
    });
}

#[test]
fn the_database_refuses_a_fork_and_a_ticket_merged_into_itself() {
    everywhere(|fresh| {
        settle(fresh);
        merge(fresh, 1, 2);
        for into in [3, 1] {
            let outcome = fresh.db().write_in(&Scope::System, move |conn| {
                links::merge(conn, id(1), id(into))
            });
            assert!(outcome.is_err(), "1 into {into}");
        }
        assert_eq!(end(fresh, 1), Some(id(2)));
    });
}

#[test]
fn a_pair_is_linked_once_whoever_comes_first() {
    everywhere(|fresh| {
        settle(fresh);
        let by: AccountId = words::account(0);
        let link = |one, other| {
            write(fresh.db(), move |conn| {
                links::link(conn, id(one), id(other), by, filed_at())
            })
        };
        assert!(link(2, 1));
        assert!(!link(1, 2));
        assert_eq!(read(fresh.db(), |conn| links::count(conn, id(1))), 1);
        assert!(write(fresh.db(), |conn| links::unlink(conn, id(1), id(2))));
        assert!(!write(fresh.db(), |conn| links::unlink(conn, id(2), id(1))));
    });
}

#[test]
fn a_tracking_session_reaches_what_its_number_leads_to_and_not_back() {
    everywhere(|fresh| {
        settle(fresh);
        merge(fresh, 1, 2);
        merge(fresh, 2, 3);
        let reaches = |from: u32, to: u32| {
            let scope = Scope::Tracking(id(from));
            let found = read_in(fresh.db(), &scope, |conn| {
                tickets::find(conn, &scope, &TicketRef::Id(id(to)))
            });
            found.map(|(ticket, _)| ticket.merged_into)
        };
        let named = |number: u32| NamedTicket::from(&town::ticket(number, TO4));
        assert_eq!(reaches(1, 1), Some(Some(named(2))));
        assert_eq!(reaches(1, 2), Some(Some(named(3))));
        assert_eq!(reaches(1, 3), Some(None));
        assert_eq!(reaches(3, 2), None);
        assert_eq!(reaches(2, 1), None);
        assert_eq!(reaches(4, 3), None);
    });
}

#[test]
fn what_stands_beside_a_ticket_is_in_the_readers_scope() {
    everywhere(|fresh| {
        settle(fresh);
        let by: AccountId = words::account(0);
        write(fresh.db(), move |conn| {
            links::link(conn, id(1), id(4), by, filed_at())?;
            links::link(conn, id(1), id(2), by, filed_at())
        });
        let beside = |scope: Scope| {
            let ticket = town::ticket(1, TO4);
            let dossier = town::dossier(1, RequesterKind::Anonymous);
            let found = read_in(fresh.db(), &scope, |conn| {
                links::load_beside(conn, &scope, &ticket, &dossier.tax_code, filed_at())
            });
            let linked: Vec<_> = found
                .links
                .iter()
                .map(|(role, one)| (*role, one.named.id))
                .collect();
            let alike: Vec<_> = found.alike.iter().map(|one| one.named.id).collect();
            (linked, alike)
        };
        let peers =
            |ids: &[u32]| -> Vec<_> { ids.iter().map(|one| (LinkRole::Peer, id(*one))).collect() };
        let to4 = beside(Scope::Authority(TO4.into()));
        assert_eq!(to4, (peers(&[2]), vec![id(3)]));
        let region = beside(Scope::Region("REG010".into()));
        assert_eq!(region, (peers(&[2, 4]), vec![id(3)]));
        assert_eq!(beside(Scope::Nothing), (Vec::new(), Vec::new()));
    });
}

/// On PostgreSQL, where the fence is.
#[test]
fn nobody_sees_a_link_of_which_they_see_one_side_alone() {
    everywhere(|fresh| {
        if fresh.is_sqlite() {
            return;
        }
        settle(fresh);
        let by: AccountId = words::account(0);
        write(fresh.db(), move |conn| {
            links::link(conn, id(1), id(4), by, filed_at())?;
            links::link(conn, id(1), id(2), by, filed_at())
        });
        merge(fresh, 2, 3);
        let seen = |scope: &Scope| read_in(fresh.db(), scope, |conn| links::count(conn, id(1)));
        assert_eq!(seen(&Scope::System), 2);
        assert_eq!(seen(&Scope::Authority(TO4.into())), 1);
        assert_eq!(seen(&Scope::Authority(CN1.into())), 0);
        assert_eq!(seen(&Scope::Nothing), 0);
        // A requester follows merges and writes none.
        let tracking = Scope::Tracking(id(1));
        let outcome: Result<(), StoreError> = fresh
            .db()
            .write_in(&tracking, |conn| links::merge(conn, id(1), id(4)));
        assert!(matches!(outcome, Err(StoreError::Database(reason))
            if reason.to_string().contains("violates row-level security policy")));
        let gone = fresh
            .db()
            .write_in(&tracking, |conn| links::undo_merge(conn, id(2), id(3)));
        gone.unwrap();
        assert_eq!(end(fresh, 2), Some(id(3)));
    });
}
