//! The keys that seal personal data, opened: one line of data keys for each desk, and one for what
//! belongs to no desk ([`INSTALLATION`]); `docs/adr/0029`. A value is sealed with the key in use of its
//! desk, bound to its table, row and column, and names the key, so that older ones open what they sealed.
//!
//! A closure given to [`crate::Db`] finds the keys of its database with [`current`], on whichever thread
//! it runs. Invariant: a plain key is in memory only, and in no message; what was sealed for another
//! place, or touched, does not open.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard};

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;

use crate::connection::{Manager, Role};
use crate::data_keys::{self, KeyRow};
use crate::error::StoreError;

/// The desk of what belongs to no desk: addresses before a filing, programs, accounts.
pub const INSTALLATION: &str = "";

/// Begins every sealed text; no text that people write holds it.
pub(crate) const MARK: char = '\u{1}';

/// Whoever keeps the master key: a file, a variable, or a program in front of a key service.
pub trait MasterKey: Send + Sync {
    /// Tells it from other master keys, and nothing about it.
    fn id(&self) -> &str;

    /// Wraps a data key; the context comes back at [`MasterKey::unwrap`].
    fn wrap(&self, context: &[u8], key: &[u8; 32]) -> Result<Vec<u8>, KeyError>;

    /// Opens what was wrapped under the same context.
    fn unwrap(&self, context: &[u8], wrapped: &[u8]) -> Result<[u8; 32], KeyError>;
}

/// Why keys cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The data keys were wrapped by another master key.
    #[error("the data keys were wrapped by the master key {expected}, and this is {given}")]
    WrongMaster {
        /// The one they need.
        expected: String,
        /// The one at hand.
        given: String,
    },
    /// The master key does not open what it should have wrapped.
    #[error("data key {0} does not open: its row was touched, or the master key is another one")]
    Damaged(i64),
    /// No master key was given.
    #[error("the keys are locked")]
    Locked,
    /// A value names a key that is not there.
    #[error("there is no data key {0}")]
    Unknown(i64),
    /// A desk has no key yet.
    #[error("desk {0:?} has no data key")]
    NoKey(String),
    /// The keeper of the master key failed.
    #[error("the keeper of the master key failed: {0}")]
    Keeper(String),
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
            .ok_or_else(|| KeyError::Keeper(String::from("it does not open this key")))
    }
}

/// A 256-bit key for AES-GCM is always taken.
fn gcm(bytes: &[u8; 32]) -> RandomizedNonceKey {
    match RandomizedNonceKey::new(&AES_256_GCM, bytes) {
        Ok(key) => key,
        Err(_) => unreachable!("the length is the algorithm's"),
    }
}

/// Nonce, text and tag (NIST SP 800-38D, 96-bit random nonces).
pub(crate) fn encrypt(
    key: &RandomizedNonceKey,
    context: &[u8],
    mut text: Vec<u8>,
) -> Option<Vec<u8>> {
    let nonce = key
        .seal_in_place_append_tag(Aad::from(context), &mut text)
        .ok()?;
    let mut out = nonce.as_ref().to_vec();
    out.append(&mut text);
    Some(out)
}

/// Opens what [`encrypt`] made under the same context.
pub(crate) fn decrypt(key: &RandomizedNonceKey, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, rest) = sealed.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut text = rest.to_vec();
    let plain = key
        .open_in_place(nonce, Aad::from(context), &mut text)
        .ok()?;
    Some(plain.to_vec())
}

fn derived(bytes: &[u8; 32], label: &[u8]) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bytes), label);
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(tag.as_ref()) {
        *to = *from;
    }
    out
}

/// A data key, opened: one part seals, another makes prints.
pub(crate) struct DataKey {
    pub(crate) id: i64,
    pub(crate) desk: String,
    in_use: bool,
    /// None once destroyed.
    parts: Option<(RandomizedNonceKey, hmac::Key)>,
}

impl DataKey {
    fn open(row: KeyRow, master: &dyn MasterKey) -> Result<Self, KeyError> {
        let parts = match &row.wrapped {
            None => None,
            Some(_) if row.master != master.id() => {
                return Err(KeyError::WrongMaster {
                    expected: row.master,
                    given: master.id().to_owned(),
                });
            }
            Some(wrapped) => {
                let bytes = match master.unwrap(&row.context(), wrapped) {
                    Ok(bytes) => bytes,
                    Err(KeyError::Keeper(_)) => return Err(KeyError::Damaged(row.id)),
                    Err(error) => return Err(error),
                };
                let prints = hmac::Key::new(hmac::HMAC_SHA256, &derived(&bytes, b"prints"));
                Some((gcm(&derived(&bytes, b"seal")), prints))
            }
        };
        Ok(DataKey {
            id: row.id,
            desk: row.desk,
            in_use: row.retired_at.is_none(),
            parts,
        })
    }

    /// The cipher; none once the key was destroyed.
    pub(crate) fn cipher(&self) -> Option<&RandomizedNonceKey> {
        self.parts.as_ref().map(|(cipher, _)| cipher)
    }

    fn print(&self, field: Field, value: &str) -> Option<String> {
        let (_, prints) = self.parts.as_ref()?;
        let mut context = hmac::Context::with_key(prints);
        context.update(field.as_str().as_bytes());
        context.update(&[0]);
        context.update(value.as_bytes());
        let tag = context.sign();
        Some(BASE64URL_NOPAD.encode(tag.as_ref().get(..16).unwrap_or_default()))
    }
}

/// What a print is made of. Equal values of two fields have different prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// A tax code.
    TaxCode,
    /// An e-mail address.
    Email,
    /// A telephone number.
    Phone,
    /// A family name, folded.
    FamilyName,
    /// Issuer and subject of an identity.
    Identity,
    /// A person, by tax code, in the audit trail.
    Person,
    /// An entry of the audit trail: its code.
    AuditEntry,
}

impl Field {
    const fn as_str(self) -> &'static str {
        match self {
            Field::TaxCode => "tax-code",
            Field::Email => "email",
            Field::Phone => "phone",
            Field::FamilyName => "family-name",
            Field::Identity => "identity",
            Field::Person => "person",
            Field::AuditEntry => "audit-entry",
        }
    }
}

#[derive(Default)]
struct Opened {
    by_id: HashMap<i64, Arc<DataKey>>,
    in_use: HashMap<String, i64>,
}

/// The keys of one database, opened.
pub struct Keyring {
    master: Arc<dyn MasterKey>,
    manager: Manager,
    opened: RwLock<Opened>,
}

impl Keyring {
    pub(crate) fn open(manager: Manager, master: Arc<dyn MasterKey>) -> Result<Self, StoreError> {
        let keyring = Keyring {
            master,
            manager,
            opened: RwLock::default(),
        };
        keyring.reload()?;
        Ok(keyring)
    }

    /// Reads the keys again: another node may have made some.
    pub fn reload(&self) -> Result<(), StoreError> {
        let mut conn = self.manager.open(Role::Reader)?;
        let mut next = Opened::default();
        for row in data_keys::list(&mut conn.db)? {
            let key = DataKey::open(row, self.master.as_ref())?;
            if key.in_use {
                next.in_use.insert(key.desk.clone(), key.id);
            }
            next.by_id.insert(key.id, Arc::new(key));
        }
        *self.opened.write().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(())
    }

    /// Whoever keeps the master key.
    pub fn master(&self) -> &dyn MasterKey {
        self.master.as_ref()
    }

    fn opened(&self) -> RwLockReadGuard<'_, Opened> {
        self.opened.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key that seals for `desk` now.
    pub(crate) fn in_use(&self, desk: &str) -> Result<Arc<DataKey>, StoreError> {
        let found = || {
            let opened = self.opened();
            let id = opened.in_use.get(desk)?;
            opened.by_id.get(id).cloned()
        };
        if let Some(key) = found() {
            return Ok(key);
        }
        self.reload()?;
        found().ok_or_else(|| KeyError::NoKey(desk.to_owned()).into())
    }

    /// The key with this number, also one that another node made just now.
    pub(crate) fn numbered(&self, id: i64) -> Result<Arc<DataKey>, StoreError> {
        let found = || self.opened().by_id.get(&id).cloned();
        if let Some(key) = found() {
            return Ok(key);
        }
        self.reload()?;
        found().ok_or_else(|| KeyError::Unknown(id).into())
    }

    /// The print of a value for a row of `desk`: equal values of the desk have equal prints, and nobody
    /// without the key can make one.
    pub fn print(&self, desk: &str, field: Field, value: &str) -> Result<String, StoreError> {
        let key = self.in_use(desk)?;
        key.print(field, value)
            .ok_or_else(|| KeyError::NoKey(desk.to_owned()).into())
    }

    /// The prints a value may have: one for each key of each desk that is not destroyed.
    pub fn prints(&self, field: Field, value: &str) -> Vec<String> {
        let opened = self.opened();
        let keys = opened.by_id.values();
        keys.filter_map(|key| key.print(field, value)).collect()
    }

    /// The prints a value may have under the keys of one desk.
    pub fn prints_of(&self, desk: &str, field: Field, value: &str) -> Vec<String> {
        let opened = self.opened();
        let keys = opened.by_id.values().filter(|key| key.desk == desk);
        keys.filter_map(|key| key.print(field, value)).collect()
    }

    /// Makes a first key for each of these desks that has none, and for [`INSTALLATION`].
    pub fn ensure(&self, desks: &[String], now: Timestamp) -> Result<(), StoreError> {
        let missing = {
            let opened = self.opened();
            let wanted = std::iter::once(INSTALLATION).chain(desks.iter().map(String::as_str));
            let has_none = |desk: &&str| !opened.by_id.values().any(|key| key.desk == **desk);
            wanted
                .filter(has_none)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        if missing.is_empty() {
            return Ok(());
        }
        data_keys::add_first(&self.manager, self.master.as_ref(), &missing, now)?;
        self.reload()
    }
}

/// Where the keyring of a database is, once there is one.
pub(crate) type KeySlot = Arc<OnceLock<Arc<Keyring>>>;

thread_local! {
    static HERE: RefCell<Option<KeySlot>> = const { RefCell::new(None) };
}

/// Puts what was there before back.
pub(crate) struct Within(Option<KeySlot>);

/// Until the guard is dropped, [`current`] finds the keys of this slot on this thread.
pub(crate) fn enter(slot: &KeySlot) -> Within {
    Within(HERE.with_borrow_mut(|here| here.replace(Arc::clone(slot))))
}

impl Drop for Within {
    fn drop(&mut self) {
        HERE.with_borrow_mut(|here| *here = self.0.take());
    }
}

/// The keys of the database at work on this thread.
pub fn current() -> Result<Arc<Keyring>, StoreError> {
    HERE.with_borrow(|here| here.as_ref().and_then(|slot| slot.get().cloned()))
        .ok_or_else(|| KeyError::Locked.into())
}
