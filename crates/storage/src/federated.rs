//! Staff a regional identity service vouches for: a person is issuer and subject (A7). The subject is
//! sealed, and found again by its print.

use diesel::prelude::*;
use domain::ids::AccountId;
use jiff::Timestamp;

use crate::keyring::{self, Field, INSTALLATION};
use crate::schema::federated_identities;
use crate::sealing::Place;
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError};

/// The account of this identity.
pub fn find(
    conn: &mut DbConnection,
    issuer: &str,
    subject: &str,
) -> Result<Option<AccountId>, StoreError> {
    let prints = keyring::current()?.prints_of(INSTALLATION, Field::Identity, subject);
    let id = federated_identities::table
        .filter(federated_identities::issuer.eq(issuer.to_owned()))
        .filter(federated_identities::subject_print.eq_any(prints))
        .select(federated_identities::account_id)
        .first::<Id>(conn)
        .optional()?;
    Ok(id.map(|id| AccountId::new(id.0)))
}

/// Whether an account is one that an identity service vouches for.
pub fn is_federated(conn: &mut DbConnection, account: AccountId) -> Result<bool, StoreError> {
    let own = federated_identities::table
        .filter(federated_identities::account_id.eq(Id(account.uuid())))
        .select(federated_identities::account_id);
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
    let id = account.uuid();
    let place = Place::new("federated_identities", id.as_bytes());
    let sealed = place.seal(INSTALLATION, "subject", subject)?;
    let print = keyring::current()?.print(INSTALLATION, Field::Identity, subject)?;
    diesel::insert_into(federated_identities::table)
        .values((
            federated_identities::issuer.eq(issuer.to_owned()),
            federated_identities::subject.eq(sealed),
            federated_identities::subject_print.eq(Some(print)),
            federated_identities::account_id.eq(Id(id)),
            federated_identities::created_at.eq(Ts(now)),
        ))
        .execute(conn)?;
    Ok(())
}
