//! Who may act for whom, by the table.

use domain::ids::DelegationId;
use storage::Db;
use storage::delegations::{self, NewDelegation};
use uuid::Uuid;

use crate::town::{everywhere, hours, read, tax_code, write};

/// A delegation that begins at an hour, and ends at another if that is given.
fn add(db: &Db, (delegate, delegator): (u32, u32), from: i64, to: Option<i64>) {
    let number = u128::from(delegate) * 1_000_000 + u128::from(delegator) * 1_000;
    let id = number + u128::try_from(from).unwrap();
    let new = NewDelegation {
        id: DelegationId::new(Uuid::from_u128(id)),
        delegate: tax_code(delegate),
        delegator: tax_code(delegator),
        valid_from: hours(from),
        valid_to: to.map(hours),
    };
    write(db, move |conn| delegations::insert(conn, &new, hours(0)));
}

fn revoke(db: &Db, (delegate, delegator): (u32, u32), hour: i64) -> usize {
    write(db, move |conn| {
        delegations::revoke(conn, &tax_code(delegate), &tax_code(delegator), hours(hour))
    })
}

/// For whom the delegate may act at an hour.
fn active(db: &Db, delegate: u32, hour: i64) -> Vec<String> {
    let found = read(db, |conn| {
        delegations::list_active(conn, &tax_code(delegate), hours(hour), 3)
    });
    found.iter().map(|code| code.as_str().to_owned()).collect()
}

fn codes(numbers: &[u32]) -> Vec<String> {
    let code = |number: &u32| tax_code(*number).as_str().to_owned();
    numbers.iter().map(code).collect()
}

#[test]
fn a_delegation_is_active_from_its_beginning_to_its_end() {
    everywhere(|fresh| {
        let db = fresh.db();
        add(db, (1, 2), 1, None);
        add(db, (1, 3), 1, Some(3));
        add(db, (2, 1), 1, None);
        let rows: [(u32, i64, &[u32]); 6] = [
            (1, 0, &[]),
            (1, 1, &[2, 3]),
            (1, 2, &[2, 3]),
            (1, 3, &[2]),
            (2, 3, &[1]),
            (3, 3, &[]),
        ];
        for (delegate, hour, expected) in rows {
            assert_eq!(
                active(db, delegate, hour),
                codes(expected),
                "{delegate} {hour}"
            );
        }
    });
}

#[test]
fn a_revoked_delegation_is_over_and_can_be_given_again() {
    everywhere(|fresh| {
        let db = fresh.db();
        add(db, (1, 2), 1, None);
        add(db, (1, 2), 2, Some(9));
        add(db, (1, 3), 1, None);
        assert_eq!(active(db, 1, 4), codes(&[2, 3]), "two of one are one");
        assert_eq!(revoke(db, (1, 2), 4), 2);
        assert_eq!(active(db, 1, 4), codes(&[3]));
        assert_eq!(
            active(db, 1, 3),
            codes(&[3]),
            "whatever time it is asked for"
        );
        assert_eq!(revoke(db, (1, 2), 5), 0);
        add(db, (1, 2), 5, None);
        assert_eq!(active(db, 1, 5), codes(&[2, 3]));

        let all = read(db, |conn| delegations::list_all(conn, &tax_code(1)));
        let told: Vec<_> = all
            .iter()
            .map(|one| (one.delegator.clone(), one.valid_to, one.revoked_at))
            .collect();
        let expected = [
            (tax_code(2), None, Some(hours(4))),
            (tax_code(3), None, None),
            (tax_code(2), Some(hours(9)), Some(hours(4))),
            (tax_code(2), None, None),
        ];
        assert_eq!(told, expected);
    });
}

#[test]
fn no_more_are_listed_than_asked_for() {
    everywhere(|fresh| {
        for delegator in 2..8 {
            add(fresh.db(), (1, delegator), 1, None);
        }
        assert_eq!(active(fresh.db(), 1, 2), codes(&[2, 3, 4]));
    });
}
