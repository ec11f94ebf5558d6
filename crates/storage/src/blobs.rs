//! The bytes of attachments, in a folder or in an S3 bucket: knows keys, not tickets.
//!
//! Async, unlike the database: the api stores the bytes before the transaction that names
//! them, and a sweep deletes what no row names. What is stored is sealed with a secret of the blob's
//! own, which its row keeps (`docs/adr/0031`); nothing plain is written anywhere. Invariant: a blob that
//! was stored is whole and survives a power cut, is never changed, and reading gives those bytes or an
//! error.

use std::fmt::Write;
use std::path::Path as FilePath;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use domain::note::BlobSecret;
use futures_util::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{
    Error as ObjectError, GetOptions, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload,
};
use sha2::{Digest, Sha256};

use crate::error::StoreError;
use crate::sealed_blobs;

/// Why the store of attachments did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The text is no key.
    #[error("not the key of a blob")]
    BadKey,
    /// There is nothing under this key.
    #[error("no blob {0}")]
    Missing(BlobKey),
    /// The key was used before; blobs never change.
    #[error("blob {0} exists already")]
    Taken(BlobKey),
    /// The bytes are not those that were stored.
    #[error("blob {0} was changed since it was stored")]
    Tampered(BlobKey),
    /// The row has no secret for it: it is plain, from before blobs were sealed.
    #[error("blob {0} is not sealed")]
    Plain(BlobKey),
    /// The system has no random bytes for a secret.
    #[error("no secret can be made")]
    NoSecret,
    /// The folder or the bucket does not answer as it should.
    #[error("cannot reach the store")]
    Store(#[source] ObjectError),
    /// The folder cannot be made.
    #[error("cannot prepare the folder")]
    Folder(#[source] std::io::Error),
}

/// Where the bytes of an attachment are: a random number, so that no key tells of another.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobKey(String);

impl BlobKey {
    /// The key for these 16 random bytes.
    pub fn from_random(random: [u8; 16]) -> Self {
        let mut key = String::with_capacity(32);
        for byte in random {
            // Writing to a `String` cannot fail.
            let _ = write!(key, "{byte:02x}");
        }
        Self(key)
    }

    /// The key a row holds.
    pub fn parse(text: &str) -> Result<Self, BlobError> {
        let is_hex = |c: char| matches!(c, '0'..='9' | 'a'..='f');
        if text.len() == 32 && text.chars().all(is_hex) {
            return Ok(Self(text.to_owned()));
        }
        Err(BlobError::BadKey)
    }

    /// The key for a row to hold.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Two levels of folders, because a folder of a million files is slow to list.
    fn path(&self) -> Path {
        let level = |range| self.0.get(range).unwrap_or_default();
        Path::from_iter([level(0..2), level(2..4), self.as_str()])
    }
}

impl std::fmt::Display for BlobKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a row keeps of a blob, and needs to trust it later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobRef {
    /// Where it is.
    pub key: BlobKey,
    /// What opens it.
    pub secret: BlobSecret,
    /// The digest of the file's bytes.
    pub sha256: [u8; 32],
    /// How many bytes the file has.
    pub size: u64,
}

/// What the methods of [`BlobStore`] return.
pub type BlobFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// The world outside that keeps the bytes.
pub trait BlobStore: Send + Sync {
    /// Seals the bytes with a fresh secret, stores them under the key of these random bytes, and returns
    /// once they are safe.
    fn put(&self, random: [u8; 16], bytes: Bytes) -> BlobFuture<'_, BlobRef>;

    /// Reads the bytes back, and refuses those that are not what was stored.
    fn get<'a>(&'a self, blob: &'a BlobRef) -> BlobFuture<'a, Bytes>;

    /// Reads the bytes of a plain blob, from before blobs were sealed; the secret is none.
    fn get_plain<'a>(&'a self, blob: &'a BlobRef) -> BlobFuture<'a, Bytes>;

    /// Stores the same bytes again, under another key and with another secret; a plain blob is sealed
    /// that way. The one before stays until no row names it.
    fn reseal<'a>(&'a self, random: [u8; 16], blob: &'a BlobRef) -> BlobFuture<'a, BlobRef> {
        Box::pin(async move {
            let bytes = match blob.secret.expose() {
                "" => self.get_plain(blob).await?,
                _ => self.get(blob).await?,
            };
            self.put(random, bytes).await
        })
    }

    /// Deletes the blob; one that is gone already is no error.
    fn delete<'a>(&'a self, key: &'a BlobKey) -> BlobFuture<'a, ()>;

    /// The blobs stored before this moment, of one shard: those whose key begins with this byte.
    /// A sweep goes through all 256, and so never holds the names of all blobs at once.
    fn list_older(&self, shard: u8, than: jiff::Timestamp) -> BlobFuture<'_, Vec<BlobKey>>;
}

/// Opens a plain folder, `file:///folder`, `s3://bucket/folder` or, for tests, `memory:///`.
/// `options` are those of the object store, such as `aws_endpoint`; nothing is read from the
/// environment.
pub fn open(
    url: &str,
    options: impl IntoIterator<Item = (String, String)>,
) -> Result<Arc<dyn BlobStore>, StoreError> {
    let store = match url.split_once("://") {
        None if !url.is_empty() => folder(FilePath::new(url))?,
        Some(("file", path)) if path.starts_with('/') => folder(FilePath::new(path))?,
        Some(("s3" | "memory", _)) => remote(url, options)?,
        _ => {
            return Err(StoreError::UnsupportedUrl(String::from(
                "attachments go to a folder, file:///folder or s3://bucket/folder",
            )));
        }
    };
    Ok(Arc::new(Objects { store }))
}

fn folder(path: &FilePath) -> Result<Arc<dyn ObjectStore>, BlobError> {
    let mut builder = std::fs::DirBuilder::new();
    // Attachments are medical papers: only the owner of the process may look in.
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .recursive(true)
        .create(path)
        .map_err(BlobError::Folder)?;
    let store = LocalFileSystem::new_with_prefix(path).map_err(BlobError::Store)?;
    // Off by default there: the file and the folders that lead to it, before `put` returns.
    Ok(Arc::new(store.with_fsync(true)))
}

fn remote(
    url: &str,
    options: impl IntoIterator<Item = (String, String)>,
) -> Result<Arc<dyn ObjectStore>, StoreError> {
    let unreadable = || StoreError::UnsupportedUrl(String::from("the URL of attachments"));
    let parsed = url.parse().map_err(|_| unreadable())?;
    let (store, prefix) =
        object_store::parse_url_opts(&parsed, options).map_err(BlobError::Store)?;
    Ok(Arc::new(PrefixStore::new(store, prefix)))
}

struct Objects {
    store: Arc<dyn ObjectStore>,
}

impl Objects {
    /// What is stored under a key, if it is as long as it must be.
    async fn stored(&self, key: &BlobKey, size: u64) -> Result<Bytes, BlobError> {
        let found = self
            .store
            .get_opts(&key.path(), GetOptions::default())
            .await
            .map_err(|error| known(error, key))?;
        // Before reading: what grew to gigabytes must not come into memory.
        if found.meta.size != size {
            return Err(BlobError::Tampered(key.clone()));
        }
        found.bytes().await.map_err(|error| known(error, key))
    }
}

impl BlobStore for Objects {
    fn put(&self, random: [u8; 16], bytes: Bytes) -> BlobFuture<'_, BlobRef> {
        Box::pin(async move {
            let secret = sealed_blobs::fresh_secret().ok_or(BlobError::NoSecret)?;
            let blob = BlobRef {
                key: BlobKey::from_random(random),
                secret,
                sha256: Sha256::digest(&bytes).into(),
                size: size_of_bytes(&bytes),
            };
            let sealed =
                sealed_blobs::seal(&blob.key, &blob.secret, &bytes).ok_or(BlobError::NoSecret)?;
            drop(bytes);
            let once = PutOptions {
                mode: PutMode::Create,
                ..PutOptions::default()
            };
            self.store
                .put_opts(&blob.key.path(), PutPayload::from(sealed), once)
                .await
                .map_err(|error| known(error, &blob.key))?;
            Ok(blob)
        })
    }

    fn get<'a>(&'a self, blob: &'a BlobRef) -> BlobFuture<'a, Bytes> {
        Box::pin(async move {
            if blob.secret.expose().is_empty() {
                return Err(BlobError::Plain(blob.key.clone()).into());
            }
            let tampered = || BlobError::Tampered(blob.key.clone());
            let size = sealed_blobs::sealed_size(blob.size).ok_or_else(tampered)?;
            let stored = self.stored(&blob.key, size).await?;
            let bytes = sealed_blobs::open(&blob.key, &blob.secret, blob.size, &stored);
            Ok(as_stored(blob, Bytes::from(bytes.ok_or_else(tampered)?))?)
        })
    }

    fn get_plain<'a>(&'a self, blob: &'a BlobRef) -> BlobFuture<'a, Bytes> {
        Box::pin(async move {
            let bytes = self.stored(&blob.key, blob.size).await?;
            Ok(as_stored(blob, bytes)?)
        })
    }

    fn delete<'a>(&'a self, key: &'a BlobKey) -> BlobFuture<'a, ()> {
        Box::pin(async move {
            match self.store.delete(&key.path()).await {
                Ok(()) | Err(ObjectError::NotFound { .. }) => Ok(()),
                Err(error) => Err(known(error, key).into()),
            }
        })
    }

    fn list_older(&self, shard: u8, than: jiff::Timestamp) -> BlobFuture<'_, Vec<BlobKey>> {
        Box::pin(async move {
            let shard = Path::from(format!("{shard:02x}"));
            let keys = self
                .store
                .list(Some(&shard))
                .try_filter_map(async |object| {
                    let old = object.last_modified.timestamp_micros() < than.as_microsecond();
                    let key = object.location.filename().map(BlobKey::parse);
                    // What is no blob of ours is none of our business.
                    Ok(key.and_then(Result::ok).filter(|_| old))
                })
                .try_collect()
                .await
                .map_err(BlobError::Store)?;
            Ok(keys)
        })
    }
}

/// The bytes, if they are those the row tells of.
fn as_stored(blob: &BlobRef, bytes: Bytes) -> Result<Bytes, BlobError> {
    let digest: [u8; 32] = Sha256::digest(&bytes).into();
    match digest == blob.sha256 {
        true => Ok(bytes),
        false => Err(BlobError::Tampered(blob.key.clone())),
    }
}

fn known(error: ObjectError, key: &BlobKey) -> BlobError {
    match error {
        ObjectError::NotFound { .. } => BlobError::Missing(key.clone()),
        ObjectError::AlreadyExists { .. } => BlobError::Taken(key.clone()),
        other => BlobError::Store(other),
    }
}

/// No machine has more bytes in memory than fit.
fn size_of_bytes(bytes: &Bytes) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
