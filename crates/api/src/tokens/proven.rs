//! Signatures that were found right before: a caller sends the same token with each request, and to verify
//! it takes longer than all else that is asked of it.
//!
//! What is kept says that a signature fits its token and its key, and nothing else. Whose the key is, how
//! long it counts, what the claims say and whether it is time for them is looked at in each request.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use jsonwebtoken::{Algorithm, DecodingKey};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::{TokenError, claims_of, verified_claims};

/// Signatures kept of each of two ages: whoever sends as many tokens of their own makes others verify again.
const KEPT: usize = 4096;

/// SHA-256 of key and token.
type Name = [u8; 32];

/// Signatures that were found right.
#[derive(Default)]
pub(crate) struct Proven(Mutex<Ages>);

#[derive(Default)]
struct Ages {
    newer: HashSet<Name>,
    older: HashSet<Name>,
}

impl Proven {
    /// The claims of a token, after its signature was verified now or before.
    pub(crate) fn claims<T: DeserializeOwned>(
        &self,
        token: &str,
        key: &DecodingKey,
        algorithm: Algorithm,
    ) -> Result<T, TokenError> {
        let Some(name) = name_of(token, key) else {
            return verified_claims(token, key, algorithm);
        };
        if self.ages(|ages| ages.holds(&name)) {
            return claims_of(token);
        }
        let claims = verified_claims(token, key, algorithm)?;
        self.ages(|ages| ages.keep(name));
        Ok(claims)
    }

    fn ages<R>(&self, f: impl FnOnce(&mut Ages) -> R) -> R {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Proven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proven(…)")
    }
}

impl Ages {
    fn holds(&mut self, name: &Name) -> bool {
        if self.newer.contains(name) {
            return true;
        }
        // What is still in use does not go with the old ones.
        let is_older = self.older.remove(name);
        if is_older {
            self.keep(*name);
        }
        is_older
    }

    fn keep(&mut self, name: Name) {
        if self.newer.len() >= KEPT {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(name);
    }
}

/// None for RSA, whose signatures are verified in no time, and whose keys have no bytes of their own.
fn name_of(token: &str, key: &DecodingKey) -> Option<Name> {
    let key = key.try_get_as_bytes().ok()?;
    let mut digest = Sha256::new();
    digest.update(key.len().to_be_bytes());
    digest.update(key);
    digest.update(token);
    Some(digest.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_goes_in_the_end() {
        let mut ages = Ages::default();
        let name = |n: usize| {
            let mut name = [0; 32];
            name[..8].copy_from_slice(&n.to_be_bytes());
            name
        };
        for n in 0..10 * KEPT {
            ages.keep(name(n));
            assert!(ages.holds(&name(0)), "{n}");
            assert!(ages.newer.len() + ages.older.len() <= 2 * KEPT);
        }
        assert!(!ages.holds(&name(1)));
        assert!(ages.holds(&name(10 * KEPT - 1)));
    }
}
