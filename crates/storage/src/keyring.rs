//! The keys that seal personal data, opened: one line of data keys for each desk, and one for what
//! belongs to no desk ([`INSTALLATION`]); `docs/adr/0029`. A value is sealed with the key in use of its
//! desk, bound to its table, row and column, and names the key, so that older ones open what they sealed.
//!
//! A closure given to [`crate::Db`] finds the keys of its database with [`current`], on whichever thread
//! it runs. Invariant: a plain key is in memory only, and in no message; what was sealed for another
//! place, or touched, does not open.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;

use crate::connection::{DbConnection, Manager, Role};
use crate::data_keys::{self, KeyRow};
use crate::error::StoreError;
pub use crate::master_key::{LocalMaster, MasterKey};
use crate::privacy;

/// The desk of what belongs to no desk: addresses before a filing, programs, accounts.
pub const INSTALLATION: &str = "";

/// Begins every sealed text; no text that people write holds it.
pub(crate) const MARK: char = '\u{1}';

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
    /// The master key does not open what it is shown.
    #[error("the master key does not open it")]
    DoesNotOpen,
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

/// The key of AES-256-GCM: 256 bits are always taken.
pub fn gcm(bytes: &[u8; 32]) -> RandomizedNonceKey {
    match RandomizedNonceKey::new(&AES_256_GCM, bytes) {
        Ok(key) => key,
        Err(_) => unreachable!("the length is the algorithm's"),
    }
}

/// Nonce, text and tag (NIST SP 800-38D, 96-bit random nonces); none if there is no chance to be had.
pub fn encrypt(key: &RandomizedNonceKey, context: &[u8], mut text: Vec<u8>) -> Option<Vec<u8>> {
    let nonce = key
        .seal_in_place_append_tag(Aad::from(context), &mut text)
        .ok()?;
    let mut out = nonce.as_ref().to_vec();
    out.append(&mut text);
    Some(out)
}

/// Opens what [`encrypt`] made under the same context; none for anything else.
pub fn decrypt(key: &RandomizedNonceKey, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, rest) = sealed.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut text = rest.to_vec();
    let plain = key
        .open_in_place(nonce, Aad::from(context), &mut text)
        .ok()?;
    Some(plain.to_vec())
}

pub(crate) fn derived(bytes: &[u8; 32], label: &[u8]) -> [u8; 32] {
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
    /// None once destroyed.
    parts: Option<(RandomizedNonceKey, hmac::Key)>,
}

impl DataKey {
    fn open(row: &KeyRow, wrapped: &[u8], master: &dyn MasterKey) -> Result<Self, KeyError> {
        let bytes = match master.unwrap(&row.context(), wrapped) {
            Ok(bytes) => bytes,
            Err(KeyError::DoesNotOpen) => return Err(KeyError::Damaged(row.id)),
            Err(error) => return Err(error),
        };
        let prints = hmac::Key::new(hmac::HMAC_SHA256, &derived(&bytes, b"prints"));
        Ok(DataKey {
            id: row.id,
            desk: row.desk.clone(),
            parts: Some((gcm(&derived(&bytes, b"seal")), prints)),
        })
    }

    fn destroyed(row: &KeyRow) -> Self {
        DataKey {
            id: row.id,
            desk: row.desk.clone(),
            parts: None,
        }
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
    /// The desks whose texts are sealed.
    sealing_texts: HashSet<String>,
}

/// The keys of one database, opened.
pub struct Keyring {
    master: RwLock<Arc<dyn MasterKey>>,
    manager: Manager,
    opened: RwLock<Arc<Opened>>,
}

impl Keyring {
    pub(crate) fn open(manager: Manager, master: Arc<dyn MasterKey>) -> Result<Self, StoreError> {
        let keyring = Keyring {
            master: RwLock::new(master),
            manager,
            opened: RwLock::default(),
        };
        keyring.reload()?;
        Ok(keyring)
    }

    /// Reads the keys and switches again: another node may have made some, retired or destroyed some, or wrapped
    /// them anew. What is open already stays open, so that this asks the keeper for new keys alone.
    pub fn reload(&self) -> Result<(), StoreError> {
        let mut conn = self.manager.open(Role::Reader)?;
        let sealing = privacy::list_sealing(&mut conn.db)?;
        self.take(data_keys::list(&mut conn.db)?, sealing)
    }

    /// Takes over the keys, and the desks whose texts are sealed, as they were just read, see [`Keyring::reload`].
    pub fn take(&self, rows: Vec<KeyRow>, sealing_texts: Vec<String>) -> Result<(), StoreError> {
        let mut next = Opened::default();
        for row in rows {
            let known = self.opened().by_id.get(&row.id).cloned();
            let key = match (&row.wrapped, known) {
                (None, _) => Arc::new(DataKey::destroyed(&row)),
                (Some(_), Some(known)) => known,
                (Some(wrapped), None) => {
                    let master = self.master_named(&row.master)?;
                    Arc::new(DataKey::open(&row, wrapped, master.as_ref())?)
                }
            };
            if row.is_in_use() {
                next.in_use.insert(key.desk.clone(), key.id);
            }
            next.by_id.insert(key.id, key);
        }
        next.sealing_texts = sealing_texts.into_iter().collect();
        *self.opened.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        Ok(())
    }

    /// Whoever keeps the master key.
    pub fn master(&self) -> Arc<dyn MasterKey> {
        let master = self.master.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&master)
    }

    /// The master key that wrapped a key; from then on it wraps new ones, too.
    fn master_named(&self, id: &str) -> Result<Arc<dyn MasterKey>, KeyError> {
        let now = self.master();
        if now.id() == id {
            return Ok(now);
        }
        let wrong = || KeyError::WrongMaster {
            expected: id.to_owned(),
            given: now.id().to_owned(),
        };
        let other = now.other(id)?.ok_or_else(wrong)?;
        *self.master.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&other);
        Ok(other)
    }

    /// Does what wraps a key, with the master key that wrapped the others.
    fn wrapping<T>(
        &self,
        mut work: impl FnMut(&dyn MasterKey) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match work(self.master().as_ref()) {
            Err(StoreError::Keys(KeyError::WrongMaster { expected, .. })) => {
                work(self.master_named(&expected)?.as_ref())
            }
            done => done,
        }
    }

    fn opened(&self) -> Arc<Opened> {
        Arc::clone(&self.opened.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The keys as the transaction at work on this thread found them first, so that it seals and prints
    /// with those that its fence names; elsewhere those of now.
    fn of_transaction(&self) -> Arc<Opened> {
        HERE.with_borrow_mut(|here| match here {
            Some(here) if here.is_of(self) => {
                Arc::clone(here.pinned.get_or_insert_with(|| self.opened()))
            }
            _ => self.opened(),
        })
    }

    /// The key that seals for `desk` now.
    pub(crate) fn in_use(&self, desk: &str) -> Result<Arc<DataKey>, StoreError> {
        let found = || {
            let opened = self.of_transaction();
            let id = opened.in_use.get(desk)?;
            opened.by_id.get(id).cloned()
        };
        if let Some(key) = found() {
            return Ok(key);
        }
        self.reload()?;
        unpin();
        found().ok_or_else(|| KeyError::NoKey(desk.to_owned()).into())
    }

    /// Whether texts on what was filed at `desk` are sealed. After its key was destroyed they are not.
    pub fn seals_texts(&self, desk: &str) -> bool {
        let opened = self.opened();
        opened.sealing_texts.contains(desk) && opened.in_use.contains_key(desk)
    }

    /// The desks whose texts are sealed, by code.
    pub fn desks_sealing_texts(&self) -> Vec<String> {
        let mut desks: Vec<_> = self.opened().sealing_texts.iter().cloned().collect();
        desks.sort();
        desks
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
        let opened = self.of_transaction();
        let keys = opened.by_id.values();
        keys.filter_map(|key| key.print(field, value)).collect()
    }

    /// The prints a value may have under the keys of one desk.
    pub fn prints_of(&self, desk: &str, field: Field, value: &str) -> Vec<String> {
        let opened = self.of_transaction();
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
        self.wrapping(|master| data_keys::add_first(&self.manager, master, &missing, now))?;
        self.reload()
    }

    /// Retires the key in use of a desk, and adds the next: from then on that one seals. What the ones
    /// before sealed opens as before, until it is sealed anew (`crate::reseal`). Reload afterwards.
    pub fn rotate(
        &self,
        conn: &mut DbConnection,
        desk: &str,
        now: Timestamp,
    ) -> Result<i64, StoreError> {
        self.wrapping(|master| data_keys::rotate(conn, master, desk, now))
    }

    /// Destroys every key of a desk but a new one, which seals what is written from now on; the answer
    /// is how many were destroyed. Reload afterwards.
    pub fn destroy(
        &self,
        conn: &mut DbConnection,
        desk: &str,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        self.wrapping(|master| data_keys::destroy(conn, master, desk, now))
    }
}

/// Where the keyring of a database is, once there is one.
pub(crate) type KeySlot = Arc<OnceLock<Arc<Keyring>>>;

/// The keys that a thread works with.
struct Here {
    slot: KeySlot,
    /// As they were when they were first asked for.
    pinned: Option<Arc<Opened>>,
}

impl Here {
    fn is_of(&self, keyring: &Keyring) -> bool {
        let own = self.slot.get();
        own.is_some_and(|own| std::ptr::eq(Arc::as_ptr(own), keyring))
    }
}

thread_local! {
    static HERE: RefCell<Option<Here>> = const { RefCell::new(None) };
}

/// Puts what was there before back.
pub(crate) struct Within(Option<Here>);

/// Until the guard is dropped, [`current`] finds the keys of this slot on this thread. Inside of itself it
/// goes on with the same ones.
pub(crate) fn enter(slot: &KeySlot) -> Within {
    Within(HERE.with_borrow_mut(|here| {
        let same = here.as_ref().filter(|here| Arc::ptr_eq(&here.slot, slot));
        let next = Here {
            slot: Arc::clone(slot),
            pinned: same.and_then(|here| here.pinned.clone()),
        };
        here.replace(next)
    }))
}

/// The transaction that begins now works with the keys of now.
pub(crate) fn unpin() {
    HERE.with_borrow_mut(|here| {
        if let Some(here) = here {
            here.pinned = None;
        }
    });
}

impl Drop for Within {
    fn drop(&mut self) {
        HERE.with_borrow_mut(|here| *here = self.0.take());
    }
}

/// The keys of the database at work on this thread.
pub fn current() -> Result<Arc<Keyring>, StoreError> {
    HERE.with_borrow(|here| here.as_ref().and_then(|here| here.slot.get().cloned()))
        .ok_or_else(|| KeyError::Locked.into())
}
