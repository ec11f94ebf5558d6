//! The master key, which wraps the data keys and is never in the database.
//!
//! Whoever keeps it implements [`MasterKey`]; a key at hand, as from a file or a variable, is a
//! [`LocalMaster`]. Invariant: no message tells anything of a key but its id.

use std::sync::Arc;

use aws_lc_rs::aead::RandomizedNonceKey;

use crate::keyring::{KeyError, decrypt, derived, encrypt, gcm};

/// Whoever keeps the master key: a file, a variable, or a program in front of a key service.
pub trait MasterKey: Send + Sync {
    /// Tells it from other master keys, and nothing about it.
    fn id(&self) -> &str;

    /// Wraps a data key; the context comes back at [`MasterKey::unwrap`].
    fn wrap(&self, context: &[u8], key: &[u8; 32]) -> Result<Vec<u8>, KeyError>;

    /// Opens what was wrapped under the same context.
    fn unwrap(&self, context: &[u8], wrapped: &[u8]) -> Result<[u8; 32], KeyError>;

    /// The master key with this id, if its keeper has it as well: another program may have changed
    /// the master key while this one runs.
    fn other(&self, _id: &str) -> Result<Option<Arc<dyn MasterKey>>, KeyError> {
        Ok(None)
    }
}

/// A master key at hand, as from a file or a variable.
pub struct LocalMaster {
    id: String,
    key: RandomizedNonceKey,
}

impl LocalMaster {
    /// From its 32 bytes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        let name = derived(bytes, b"name");
        LocalMaster {
            id: data_encoding::HEXLOWER.encode(name.get(..8).unwrap_or_default()),
            key: gcm(bytes),
        }
    }
}

impl MasterKey for LocalMaster {
    fn id(&self) -> &str {
        &self.id
    }

    fn wrap(&self, context: &[u8], key: &[u8; 32]) -> Result<Vec<u8>, KeyError> {
        encrypt(&self.key, context, key.to_vec())
            .ok_or_else(|| KeyError::Keeper(String::from("it cannot encrypt")))
    }

    fn unwrap(&self, context: &[u8], wrapped: &[u8]) -> Result<[u8; 32], KeyError> {
        decrypt(&self.key, context, wrapped)
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(KeyError::DoesNotOpen)
    }
}
