//! Who may act for whom, where the table is the source of delegations (`docs/adr/0014`).
//!
//! Invariant: both people are sealed and found by prints, with the key of the installation, since a
//! delegation holds at every desk (`docs/adr/0029`).

use std::collections::BTreeSet;

use diesel::prelude::*;
use domain::ids::DelegationId;
use domain::tax_code::TaxCode;
use jiff::Timestamp;

use crate::keyring::{self, Field, INSTALLATION};
use crate::schema::delegations;
use crate::sealing::{GONE, Place, SealedText};
use crate::sql_types::{Id, Ts};
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

/// Opens for whom the delegation of this row is; none if the key was destroyed.
fn delegator_in(id: Id, sealed: &SealedText) -> Result<Option<TaxCode>, StoreError> {
    let place = Place::new("delegations", id.0.as_bytes());
    let text = place.open("delegator_tax_code", sealed)?;
    if text == GONE {
        return Ok(None);
    }
    let code = TaxCode::parse(&text, true).map_err(|_| StoreError::Corrupt {
        table: "delegations",
        id: id.0.to_string(),
        column: "delegator_tax_code",
    })?;
    Ok(Some(code))
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
    let id = new.id.uuid();
    let place = Place::new("delegations", id.as_bytes());
    let sealed = |column, code: &TaxCode| place.seal(INSTALLATION, column, code.as_str());
    let keys = keyring::current()?;
    let print = |code: &TaxCode| keys.print(INSTALLATION, Field::TaxCode, code.as_str());
    let values = (
        delegations::id.eq(Id(id)),
        delegations::delegate_tax_code.eq(sealed("delegate_tax_code", &new.delegate)?),
        delegations::delegator_tax_code.eq(sealed("delegator_tax_code", &new.delegator)?),
        delegations::delegate_print.eq(Some(print(&new.delegate)?)),
        delegations::delegator_print.eq(Some(print(&new.delegator)?)),
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
        .filter(
            delegations::delegate_print
                .assume_not_null()
                .eq_any(prints(delegate)?),
        )
        .filter(
            delegations::delegator_print
                .assume_not_null()
                .eq_any(prints(delegator)?),
        )
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
        .filter(
            delegations::delegate_print
                .assume_not_null()
                .eq_any(prints(delegate)?),
        )
        .filter(delegations::revoked_at.is_null())
        .filter(delegations::valid_from.le(Ts(now)))
        .filter(
            delegations::valid_to
                .is_null()
                .or(delegations::valid_to.assume_not_null().gt(Ts(now))),
        )
        .select((delegations::id, delegations::delegator_tax_code))
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
        .filter(
            delegations::delegate_print
                .assume_not_null()
                .eq_any(prints(delegate)?),
        )
        .order((delegations::valid_from.asc(), delegations::id.asc()))
        .select((
            delegations::id,
            delegations::delegator_tax_code,
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
