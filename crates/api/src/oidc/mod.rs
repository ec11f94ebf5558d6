//! Tokens of the issuers this instance was told to trust: citizens', staff's, and vouchers.
//!
//! For verifying a token and handing over what it says, as raw text; not for judging that text
//! (the domain does) and not for logging anybody in. Invariants: keys come only from an issuer's
//! configured key set or the one its own discovery names, never from where a token points; one
//! algorithm family per key; a key set is fetched at most once a minute, however many unknown
//! key ids are tried.
//!
//! `issuers` has the checks that all tokens share, `jwks` keeps the keys, `source` fetches them.

mod citizens;
mod issuers;
mod jwks;
pub(crate) mod keys;
mod person;
mod settings;
mod source;
mod staff;
mod vouchers;

pub use crate::outgoing::HttpOptions;
pub use citizens::{CitizenClaims, CitizenIssuer, CitizenVerifier, LEVEL_2_OR_MORE};
pub use settings::{Issuer, JwksSource, KeySetError, SetupError, TokenAlgorithm};
pub use staff::{
    FEDERATED_ROLES, ProfileRule, STAFF_TOKEN_MAX_SECONDS, StaffClaims, StaffIssuer, StaffVerifier,
};
pub use vouchers::{VOUCHER_MAX_SECONDS, VoucherClaims, VoucherVerifier};

#[cfg(test)]
mod tests;
