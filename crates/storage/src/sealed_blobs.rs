//! The bytes of an attachment as a store holds them: a head, and chunks sealed with a secret of that
//! file alone, which its row keeps sealed (`docs/adr/0031`).
//!
//! The head says what it is, how long a chunk and how long the file is. A chunk is nonce, ciphertext and
//! tag; it is bound to the head, to the key of the blob, to its place and to whether it is the last.
//! Invariant: what opens is, byte for byte, what was sealed under this key with this secret; anything
//! else is refused as a whole.

use aws_lc_rs::aead::{NONCE_LEN, RandomizedNonceKey};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use data_encoding::BASE64URL_NOPAD;
use domain::note::BlobSecret;

use crate::blobs::BlobKey;
use crate::keyring::{decrypt, encrypt, gcm};

/// Begins every sealed blob: a name, and the version of what follows.
const MAGIC: &[u8; 12] = b"sportello\0b\x01";
/// Plain bytes of each chunk but the last, which may have fewer.
pub const CHUNK: usize = 64 * 1024;
/// Magic, length of a chunk, length of the file.
const HEAD: usize = MAGIC.len() + 4 + 8;
/// What a chunk is longer than its plain bytes: nonce and tag.
const MORE: usize = NONCE_LEN + 16;

/// A secret for a new blob; none if the system has no random bytes.
pub(crate) fn fresh_secret() -> Option<BlobSecret> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(BlobSecret::from_stored(BASE64URL_NOPAD.encode(&bytes)))
}

/// How long the sealed form of a file of this length is.
pub fn sealed_size(size: u64) -> Option<u64> {
    let chunk = u64::try_from(CHUNK).ok()?;
    let chunks = size.div_ceil(chunk).max(1);
    let more = chunks.checked_mul(u64::try_from(MORE).ok()?)?;
    size.checked_add(more)?
        .checked_add(u64::try_from(HEAD).ok()?)
}

/// Whether stored bytes begin as sealed ones do.
pub fn is_sealed(stored: &[u8]) -> bool {
    stored.starts_with(MAGIC)
}

/// Seals the bytes of a file for the blob with this key; none if the secret is none.
pub fn seal(key: &BlobKey, secret: &BlobSecret, plain: &[u8]) -> Option<Vec<u8>> {
    let cipher = cipher(secret)?;
    let size = u64::try_from(plain.len()).ok()?;
    let head = head(size)?;
    let mut sealed = Vec::with_capacity(usize::try_from(sealed_size(size)?).ok()?);
    sealed.extend_from_slice(&head);
    let (mut rest, mut place) = (plain, 0_u64);
    loop {
        let (chunk, left) = rest.split_at_checked(CHUNK).unwrap_or((rest, &[]));
        let is_last = left.is_empty();
        let context = context(&head, key, place, is_last);
        sealed.append(&mut encrypt(&cipher, &context, chunk.to_vec())?);
        if is_last {
            return Some(sealed);
        }
        (rest, place) = (left, place + 1);
    }
}

/// Opens a blob that holds a file of `size` bytes; none if it is not what [`seal`] made of one under this
/// key with this secret.
pub fn open(key: &BlobKey, secret: &BlobSecret, size: u64, stored: &[u8]) -> Option<Vec<u8>> {
    let cipher = cipher(secret)?;
    let head = head(size)?;
    let mut rest = stored.strip_prefix(head.as_slice())?;
    if u64::try_from(stored.len()).ok()? != sealed_size(size)? {
        return None;
    }
    let mut plain = Vec::with_capacity(usize::try_from(size).ok()?);
    let mut place = 0_u64;
    loop {
        let (chunk, left) = rest.split_at_checked(CHUNK + MORE).unwrap_or((rest, &[]));
        let is_last = left.is_empty();
        let context = context(&head, key, place, is_last);
        plain.append(&mut decrypt(&cipher, &context, chunk)?);
        if is_last {
            return Some(plain);
        }
        (rest, place) = (left, place + 1);
    }
}

fn cipher(secret: &BlobSecret) -> Option<RandomizedNonceKey> {
    let bytes = BASE64URL_NOPAD.decode(secret.expose().as_bytes()).ok()?;
    Some(gcm(&bytes.try_into().ok()?))
}

fn head(size: u64) -> Option<Vec<u8>> {
    let chunk = u32::try_from(CHUNK).ok()?;
    Some([MAGIC.as_slice(), &chunk.to_be_bytes(), &size.to_be_bytes()].concat())
}

fn context(head: &[u8], key: &BlobKey, place: u64, is_last: bool) -> Vec<u8> {
    let last = [u8::from(is_last)];
    [head, key.as_str().as_bytes(), &place.to_be_bytes(), &last].concat()
}
