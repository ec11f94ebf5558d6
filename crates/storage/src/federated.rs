//! Staff a regional identity service vouches for: a person is issuer and subject (A7).

use diesel::prelude::*;
use domain::ids::AccountId;
use jiff::Timestamp;

use crate::schema::federated_identities;
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError};

/// The account of this identity.
pub fn find(
    conn: &mut DbConnection,
    issuer: &str,
    subject: &str,
) -> Result<Option<AccountId>, StoreError> {
    let id = federated_identities::table
        .find((issuer.to_owned(), subject.to_owned()))
        .select(federated_identities::account_id)
        .first::<Id>(conn)
        .optional()?;
    Ok(id.map(|id| AccountId::new(id.0)))
}

/// Whether an account is one that an identity service vouches for.
pub fn is_federated(conn: &mut DbConnection, account: AccountId) -> Result<bool, StoreError> {
    let own = federated_identities::table
        .filter(federated_identities::account_id.eq(Id(account.uuid())))
        .select(federated_identities::subject);
    Ok(diesel::select(diesel::dsl::exists(own)).get_result(conn)?)
}

/// Ties an identity to its account, for good.
pub fn insert(
    conn: &mut DbConnection,
    issuer: &str,
    subject: &str,
    account: AccountId,
    now: Timestamp,
) -> Result<(), StoreError> {
    diesel::insert_into(federated_identities::table)
        .values((
            federated_identities::issuer.eq(issuer.to_owned()),
            federated_identities::subject.eq(subject.to_owned()),
            federated_identities::account_id.eq(Id(account.uuid())),
            federated_identities::created_at.eq(Ts(now)),
        ))
        .execute(conn)?;
    Ok(())
}
