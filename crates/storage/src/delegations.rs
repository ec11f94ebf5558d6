//! Who may act for whom, where the table is the source of delegations (`docs/adr/0014`).
//!
//! Invariant: both people are sealed in one document, and found by prints; both with the key of the
//! installation, since a delegation holds at every desk (`docs/adr/0029`).

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel::sql_types::Bool;
use domain::ids::DelegationId;
use domain::tax_code::TaxCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::keyring::{self, Field, INSTALLATION};
use crate::schema::delegations;
use crate::sealing::{GONE, Place, SealedText};
use crate::sql_types::{Id, Ts};
use crate::tickets::Walked;
use crate::{DbConnection, StoreError};

/// A delegation to be added.
#[derive(Debug, Clone)]
pub struct NewDelegation {
    /// For machines.
    pub id: DelegationId,
    /// Who may act.
    pub delegate: TaxCode,
    /// For whom.
    pub delegator: TaxCode,
    /// Not before.
    pub valid_from: Timestamp,
    /// Not at or after; open if absent.
    pub valid_to: Option<Timestamp>,
}

/// A delegation as it is kept, active or not.
#[derive(Debug, Clone)]
pub struct Delegation {
    /// For whom the delegate may act.
    pub delegator: TaxCode,
    /// Not before.
    pub valid_from: Timestamp,
    /// Not at or after; open if absent.
    pub valid_to: Option<Timestamp>,
    /// Since when it is revoked.
    pub revoked_at: Option<Timestamp>,
}

/// The document.
#[derive(Serialize, Deserialize)]
struct People {
    delegate: String,
    delegator: String,
}

/// The columns that hold the document and what is searched of it.
#[derive(AsChangeset)]
#[diesel(table_name = delegations)]
struct PeopleColumns {
    delegate_print: String,
    delegator_print: String,
    people: SealedText,
}

impl PeopleColumns {
    fn new(id: Uuid, people: &People) -> Result<Self, StoreError> {
        let text = serde_json::to_string(people).map_err(|_| corrupt(id))?;
        let sealed =
            Place::new("delegations", id.as_bytes()).seal(INSTALLATION, "people", &text)?;
        let keys = keyring::current()?;
        Ok(PeopleColumns {
            delegate_print: keys.print(INSTALLATION, Field::TaxCode, &people.delegate)?,
            delegator_print: keys.print(INSTALLATION, Field::TaxCode, &people.delegator)?,
            people: sealed,
        })
    }
}

fn corrupt(id: Uuid) -> StoreError {
    StoreError::Corrupt {
        table: "delegations",
        id: id.to_string(),
        column: "people",
    }
}

/// Opens a document; none if its key was destroyed.
fn unseal(id: Uuid, sealed: &SealedText) -> Result<Option<People>, StoreError> {
    let text = Place::new("delegations", id.as_bytes()).open("people", sealed)?;
    match text.as_str() {
        GONE => Ok(None),
        text => serde_json::from_str(text).map_err(|_| corrupt(id)),
    }
}

/// For whom the delegation of this row is.
fn delegator_in(id: Id, sealed: &SealedText) -> Result<Option<TaxCode>, StoreError> {
    let Some(people) = unseal(id.0, sealed)? else {
        return Ok(None);
    };
    let code = TaxCode::parse(&people.delegator, true);
    code.map(Some).map_err(|_| corrupt(id.0))
}

/// The prints this person may have in a row.
fn prints(code: &TaxCode) -> Result<Vec<String>, StoreError> {
    let keys = keyring::current()?;
    Ok(keys.prints_of(INSTALLATION, Field::TaxCode, code.as_str()))
}

/// Adds a delegation.
pub fn insert(
    conn: &mut DbConnection,
    new: &NewDelegation,
    now: Timestamp,
) -> Result<(), StoreError> {
    let people = People {
        delegate: new.delegate.as_str().to_owned(),
        delegator: new.delegator.as_str().to_owned(),
    };
    let columns = PeopleColumns::new(new.id.uuid(), &people)?;
    let values = (
        delegations::id.eq(Id(new.id.uuid())),
        delegations::delegate_print.eq(columns.delegate_print),
        delegations::delegator_print.eq(columns.delegator_print),
        delegations::people.eq(columns.people),
        delegations::valid_from.eq(Ts(new.valid_from)),
        delegations::valid_to.eq(new.valid_to.map(Ts)),
        delegations::created_at.eq(Ts(now)),
    );
    diesel::insert_into(delegations::table)
        .values(values)
        .execute(conn)?;
    Ok(())
}

/// Revokes every delegation of this pair that is not over, begun or not; how many there were.
pub fn revoke(
    conn: &mut DbConnection,
    delegate: &TaxCode,
    delegator: &TaxCode,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let held = delegations::table
        .filter(delegations::delegate_print.eq_any(prints(delegate)?))
        .filter(delegations::delegator_print.eq_any(prints(delegator)?))
        .filter(delegations::revoked_at.is_null())
        .filter(
            delegations::valid_to
                .is_null()
                .or(delegations::valid_to.assume_not_null().gt(Ts(now))),
        );
    Ok(diesel::update(held)
        .set(delegations::revoked_at.eq(Some(Ts(now))))
        .execute(conn)?)
}

/// Those for whom the delegate may act now: `most` of them, always the same ones.
pub fn list_active(
    conn: &mut DbConnection,
    delegate: &TaxCode,
    now: Timestamp,
    most: usize,
) -> Result<Vec<TaxCode>, StoreError> {
    let rows = delegations::table
        .filter(delegations::delegate_print.eq_any(prints(delegate)?))
        .filter(delegations::revoked_at.is_null())
        .filter(delegations::valid_from.le(Ts(now)))
        .filter(
            delegations::valid_to
                .is_null()
                .or(delegations::valid_to.assume_not_null().gt(Ts(now))),
        )
        .select((delegations::id, delegations::people))
        .load::<(Id, SealedText)>(conn)?;
    let mut codes = BTreeSet::new();
    for (id, sealed) in rows {
        codes.extend(delegator_in(id, &sealed)?);
    }
    Ok(codes.into_iter().take(most).collect())
}

/// Every delegation the delegate ever had, oldest first.
pub fn list_all(
    conn: &mut DbConnection,
    delegate: &TaxCode,
) -> Result<Vec<Delegation>, StoreError> {
    let rows = delegations::table
        .filter(delegations::delegate_print.eq_any(prints(delegate)?))
        .order((delegations::valid_from.asc(), delegations::id.asc()))
        .select((
            delegations::id,
            delegations::people,
            delegations::valid_from,
            delegations::valid_to,
            delegations::revoked_at,
        ))
        .load::<(Id, SealedText, Ts, Option<Ts>, Option<Ts>)>(conn)?;
    let mut all = Vec::new();
    for (id, sealed, from, to, revoked) in rows {
        if let Some(delegator) = delegator_in(id, &sealed)? {
            all.push(Delegation {
                delegator,
                valid_from: from.0,
                valid_to: to.map(|at| at.0),
                revoked_at: revoked.map(|at| at.0),
            });
        }
    }
    Ok(all)
}

/// Seals a page of the delegations that were there before there were keys. The answer is how many were
/// plain: none means that all are sealed.
pub fn seal_plain_page(conn: &mut DbConnection, limit: i64) -> Result<usize, StoreError> {
    let rows = delegations::table
        .filter(diesel::dsl::sql::<Bool>("substr(people, 1, 1) = '{'"))
        .order(delegations::id.asc())
        .limit(limit)
        .select((delegations::id, delegations::people))
        .load::<(Id, String)>(conn)?;
    for (id, plain) in &rows {
        let people = serde_json::from_str(plain).map_err(|_| corrupt(id.0))?;
        let unchanged = delegations::table
            .find(id)
            .filter(delegations::people.eq(plain));
        diesel::update(unchanged)
            .set(PeopleColumns::new(id.0, &people)?)
            .execute(conn)?;
    }
    Ok(rows.len())
}

/// Seals with the key in use whatever of a page was sealed with one of the keys that are `leaving`, and
/// goes on after the delegation `after`.
pub fn reseal_page(
    conn: &mut DbConnection,
    leaving: &[i64],
    after: Option<DelegationId>,
    limit: i64,
) -> Result<Walked<DelegationId>, StoreError> {
    let mut query = delegations::table
        .order(delegations::id.asc())
        .limit(limit)
        .select((delegations::id, delegations::people))
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(delegations::id.gt(Id(after.uuid())));
    }
    let rows = query.load::<(Id, SealedText)>(conn)?;
    let is_last = i64::try_from(rows.len()).is_ok_and(|count| count < limit);
    let next = rows.last().map(|(id, _)| DelegationId::new(id.0));
    let mut written = 0;
    for (id, sealed) in rows {
        if !sealed.key().is_some_and(|key| leaving.contains(&key)) {
            continue;
        }
        if let Some(people) = unseal(id.0, &sealed)? {
            let unchanged = delegations::table
                .find(id)
                .filter(delegations::people.eq(sealed));
            let columns = PeopleColumns::new(id.0, &people)?;
            written += diesel::update(unchanged).set(columns).execute(conn)?;
        }
    }
    Ok(Walked {
        written,
        next: next.filter(|_| !is_last),
    })
}
