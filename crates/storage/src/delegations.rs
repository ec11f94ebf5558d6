//! Who may act for whom, where the table is the source of delegations (`docs/adr/0014`).

use diesel::prelude::*;
use domain::ids::DelegationId;
use domain::tax_code::TaxCode;
use jiff::Timestamp;

use crate::schema::delegations;
use crate::sealed::Sealed;
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

/// Adds a delegation.
pub fn insert(
    conn: &mut DbConnection,
    new: &NewDelegation,
    now: Timestamp,
) -> Result<(), StoreError> {
    let values = (
        delegations::id.eq(Id(new.id.uuid())),
        delegations::delegate_tax_code.eq(sealed(&new.delegate)),
        delegations::delegator_tax_code.eq(sealed(&new.delegator)),
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
        .filter(delegations::delegate_tax_code.eq(sealed(delegate)))
        .filter(delegations::delegator_tax_code.eq(sealed(delegator)))
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
    most: i64,
) -> Result<Vec<TaxCode>, StoreError> {
    let codes = delegations::table
        .filter(delegations::delegate_tax_code.eq(sealed(delegate)))
        .filter(delegations::revoked_at.is_null())
        .filter(delegations::valid_from.le(Ts(now)))
        .filter(
            delegations::valid_to
                .is_null()
                .or(delegations::valid_to.assume_not_null().gt(Ts(now))),
        )
        .select(delegations::delegator_tax_code)
        .distinct()
        .order(delegations::delegator_tax_code.asc())
        .limit(most)
        .load::<Sealed>(conn)?;
    codes.into_iter().map(opened).collect()
}

/// Every delegation the delegate ever had, oldest first.
pub fn list_all(
    conn: &mut DbConnection,
    delegate: &TaxCode,
) -> Result<Vec<Delegation>, StoreError> {
    let rows = delegations::table
        .filter(delegations::delegate_tax_code.eq(sealed(delegate)))
        .order((delegations::valid_from.asc(), delegations::id.asc()))
        .select((
            delegations::delegator_tax_code,
            delegations::valid_from,
            delegations::valid_to,
            delegations::revoked_at,
        ))
        .load::<(Sealed, Ts, Option<Ts>, Option<Ts>)>(conn)?;
    rows.into_iter()
        .map(|(delegator, from, to, revoked)| {
            Ok(Delegation {
                delegator: opened(delegator)?,
                valid_from: from.0,
                valid_to: to.map(|at| at.0),
                revoked_at: revoked.map(|at| at.0),
            })
        })
        .collect()
}

fn sealed(code: &TaxCode) -> Sealed {
    Sealed::new(code.as_str())
}

fn opened(code: Sealed) -> Result<TaxCode, StoreError> {
    TaxCode::parse(&code.open(), true).map_err(|_| StoreError::Corrupt {
        table: "delegations",
        id: String::new(),
        column: "delegator_tax_code",
    })
}
