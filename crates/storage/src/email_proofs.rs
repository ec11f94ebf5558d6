//! Proofs that an anonymous requester reads mail at an address (`domain.md` §3.6). The code
//! itself is kept nowhere: it is derived from the proof's id when it is needed. The address is sealed,
//! and found again by its print.

use diesel::prelude::*;
use domain::ids::ProofId;
use jiff::Timestamp;

use crate::keyring::{self, Field, INSTALLATION};
use crate::schema::email_proofs;
use crate::sealing::{Place, SealedText};
use crate::sql_types::{Id, Ts};
use crate::{DbConnection, StoreError, dialect};

/// A proof in progress.
#[derive(Clone)]
pub struct EmailProof {
    /// The address, as the box is told apart.
    pub email: String,
    /// No code counts afterwards.
    pub expires_at: Timestamp,
    /// Codes tried so far.
    pub tries: i32,
    /// When the right code came.
    pub verified_at: Option<Timestamp>,
    /// When a filing took it.
    pub used_at: Option<Timestamp>,
}

/// Starts a proof.
pub fn insert(
    conn: &mut DbConnection,
    id: ProofId,
    email: &str,
    source: &str,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    let address = place(id.uuid().as_bytes()).seal(INSTALLATION, "email", email)?;
    let print = keyring::current()?.print(INSTALLATION, Field::Email, email)?;
    let values = (
        email_proofs::id.eq(Id(id.uuid())),
        email_proofs::email.eq(address),
        email_proofs::email_print.eq(Some(print)),
        email_proofs::source.eq(source.to_owned()),
        email_proofs::created_at.eq(Ts(now)),
        email_proofs::expires_at.eq(Ts(expires_at)),
        email_proofs::tries.eq(0),
    );
    diesel::insert_into(email_proofs::table)
        .values(values)
        .execute(conn)?;
    Ok(())
}

fn place(id: &[u8; 16]) -> Place<'_> {
    Place::new("email_proofs", id)
}

/// The prints an address may have.
fn prints(email: &str) -> Result<Vec<String>, StoreError> {
    Ok(keyring::current()?.prints_of(INSTALLATION, Field::Email, email))
}

/// How many proofs were asked for since `since`, for this address or from this network source.
pub fn count_since(
    conn: &mut DbConnection,
    email: &str,
    source: &str,
    since: Timestamp,
) -> Result<(i64, i64), StoreError> {
    // Held until the insert that follows: parallel askers are counted one after the other.
    let print = keyring::current()?.print(INSTALLATION, Field::Email, email)?;
    dialect::follow_each_other(conn, &print)?;
    let recent = email_proofs::created_at.ge(Ts(since));
    let by_email = email_proofs::table
        .filter(email_proofs::email_print.eq_any(prints(email)?))
        .filter(recent);
    let by_source = email_proofs::table
        .filter(email_proofs::source.eq(source.to_owned()))
        .filter(recent);
    Ok((
        by_email.count().get_result(conn)?,
        by_source.count().get_result(conn)?,
    ))
}

/// The proof with this id.
pub fn find(conn: &mut DbConnection, id: ProofId) -> Result<Option<EmailProof>, StoreError> {
    let row = email_proofs::table
        .find(Id(id.uuid()))
        .select((
            email_proofs::email,
            email_proofs::expires_at,
            email_proofs::tries,
            email_proofs::verified_at,
            email_proofs::used_at,
        ))
        .first::<(SealedText, Ts, i32, Option<Ts>, Option<Ts>)>(conn)
        .optional()?;
    let Some((email, expires_at, tries, verified_at, used_at)) = row else {
        return Ok(None);
    };
    Ok(Some(EmailProof {
        email: place(id.uuid().as_bytes()).open("email", &email)?,
        expires_at: expires_at.0,
        tries,
        verified_at: verified_at.map(|at| at.0),
        used_at: used_at.map(|at| at.0),
    }))
}

/// Counts a try before its code is looked at, so that guessing in parallel gains nothing.
/// False if `most` tries were made already.
pub fn count_try(conn: &mut DbConnection, id: ProofId, most: i32) -> Result<bool, StoreError> {
    let open = email_proofs::table
        .find(Id(id.uuid()))
        .filter(email_proofs::tries.lt(most));
    Ok(diesel::update(open)
        .set(email_proofs::tries.eq(email_proofs::tries + 1))
        .execute(conn)?
        == 1)
}

/// The right code came.
pub fn mark_verified(
    conn: &mut DbConnection,
    id: ProofId,
    now: Timestamp,
) -> Result<(), StoreError> {
    diesel::update(email_proofs::table.find(Id(id.uuid())))
        .set(email_proofs::verified_at.eq(Some(Ts(now))))
        .execute(conn)?;
    Ok(())
}

/// A filing takes a verified proof of this address. False if there is none to take.
pub fn take(
    conn: &mut DbConnection,
    id: ProofId,
    email: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let good = email_proofs::table
        .find(Id(id.uuid()))
        .filter(email_proofs::email_print.eq_any(prints(email)?))
        .filter(
            email_proofs::verified_at
                .is_not_null()
                .and(email_proofs::used_at.is_null()),
        )
        .filter(email_proofs::expires_at.gt(Ts(now)));
    Ok(diesel::update(good)
        .set(email_proofs::used_at.eq(Some(Ts(now))))
        .execute(conn)?
        == 1)
}

/// Forgets proofs asked for before `before`, `most` of them at a time.
pub fn delete_old(
    conn: &mut DbConnection,
    before: Timestamp,
    most: i64,
) -> Result<usize, StoreError> {
    let old = email_proofs::table
        .filter(email_proofs::created_at.lt(Ts(before)))
        .select(email_proofs::id)
        .limit(most)
        .load::<Id>(conn)?;
    Ok(diesel::delete(email_proofs::table.filter(email_proofs::id.eq_any(old))).execute(conn)?)
}
