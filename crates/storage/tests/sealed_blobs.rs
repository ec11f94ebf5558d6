//! Sealed blobs: what opens, byte for byte, and what is refused as a whole.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside `#[test]`")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use domain::note::BlobSecret;
use proptest::prelude::*;
use storage::StoreError;
use storage::blobs::{self, BlobError, BlobKey, BlobRef, BlobStore};
use storage::sealed_blobs::{CHUNK, is_sealed, open, seal, sealed_size};

const MEBIBYTE: usize = 1_048_576;
/// What a sealed blob begins with, before its chunks.
const HEAD: usize = 24;
/// A chunk as it is stored.
const STORED_CHUNK: usize = CHUNK + 28;

fn key(number: u8) -> BlobKey {
    BlobKey::from_random([number; 16])
}

/// One secret for each number, as a store would make them.
fn secret(number: u8) -> BlobSecret {
    let letter = char::from(b'A' + number);
    BlobSecret::from_stored(format!("{}A", String::from(letter).repeat(42)))
}

/// Bytes of which no two windows are alike.
fn content(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..size).map(next).collect()
}

fn sealed(plain: &[u8]) -> Vec<u8> {
    seal(&key(1), &secret(1), plain).unwrap()
}

/// What opens of stored bytes that should hold a file of this size.
fn opened(size: usize, stored: &[u8]) -> Option<Vec<u8>> {
    open(&key(1), &secret(1), size.try_into().unwrap(), stored)
}

#[test]
fn files_of_every_awkward_size_come_back_as_they_were() {
    let edges = [
        0,
        1,
        CHUNK - 1,
        CHUNK,
        CHUNK + 1,
        2 * CHUNK - 1,
        2 * CHUNK,
        MEBIBYTE,
    ];
    for size in edges {
        let plain = content(size);
        let stored = sealed(&plain);
        let told = sealed_size(size.try_into().unwrap()).unwrap();
        assert_eq!(u64::try_from(stored.len()).unwrap(), told, "{size}");
        assert!(is_sealed(&stored));
        assert!(opened(size, &stored).unwrap() == plain, "{size}");
        if size >= 16 {
            let told = plain.chunks_exact(16).next().unwrap();
            assert!(!stored.windows(16).any(|window| window == told), "{size}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_file_comes_back_and_no_other_size_is_believed(
        size in prop_oneof![0..300_usize, 65_000..66_100_usize, 130_000..200_000_usize],
        more in 1..70_000_usize,
    ) {
        let plain = content(size);
        let stored = sealed(&plain);
        prop_assert!(opened(size, &stored).unwrap() == plain);
        prop_assert!(opened(size + more, &stored).is_none());
        let less = size.saturating_sub(more);
        prop_assert!(less == size || opened(less, &stored).is_none());
    }

    #[test]
    fn a_flipped_bit_anywhere_in_several_chunks_is_refused(
        place in any::<prop::sample::Index>(),
        bit in 0..8_u32,
    ) {
        let size = 2 * CHUNK + 77;
        let mut stored = sealed(&content(size));
        let place = place.index(stored.len());
        stored[place] ^= 1 << bit;
        prop_assert!(opened(size, &stored).is_none(), "byte {place}, bit {bit}");
    }
}

#[test]
fn every_flipped_byte_of_a_small_blob_is_refused() {
    let stored = sealed(&content(100));
    for place in 0..stored.len() {
        for flip in [1, 0x80, 0xff] {
            let mut touched = stored.clone();
            touched[place] ^= flip;
            assert!(opened(100, &touched).is_none(), "byte {place}");
        }
    }
}

#[test]
fn what_was_cut_or_made_longer_is_refused() {
    let size = 2 * CHUNK + 5;
    let stored = sealed(&content(size));
    for length in (0..HEAD + 40).chain([
        HEAD + STORED_CHUNK,
        HEAD + 2 * STORED_CHUNK,
        stored.len() - 1,
    ]) {
        assert!(opened(size, &stored[..length]).is_none(), "{length}");
    }
    for more in [&[0][..], &stored[HEAD..HEAD + STORED_CHUNK]] {
        assert!(opened(size, &[&stored[..], more].concat()).is_none());
    }
    // Cut after its first chunk it is no file of one chunk either.
    assert!(opened(CHUNK, &stored[..HEAD + STORED_CHUNK]).is_none());
}

#[test]
fn chunks_keep_their_place() {
    let size = 3 * CHUNK;
    let stored = sealed(&content(size));
    let (head, rest) = stored.split_at(HEAD);
    let chunks: Vec<&[u8]> = rest.chunks(STORED_CHUNK).collect();
    assert_eq!(chunks.len(), 3);
    for order in [[1, 0, 2], [0, 2, 1], [2, 1, 0], [0, 0, 2], [0, 1, 1]] {
        let moved: Vec<&[u8]> = order.iter().map(|place| chunks[*place]).collect();
        assert!(
            opened(size, &[head, &moved.concat()].concat()).is_none(),
            "{order:?}"
        );
    }
}

#[test]
fn a_blob_opens_under_its_own_key_with_its_own_secret_alone() {
    let stored = sealed(b"a referral");
    assert!(open(&key(1), &secret(1), 10, &stored).is_some());
    assert!(open(&key(2), &secret(1), 10, &stored).is_none());
    assert!(open(&key(1), &secret(2), 10, &stored).is_none());
    for wrong in ["", "—", "short", &"A".repeat(44)] {
        let wrong = BlobSecret::from_stored(wrong.to_owned());
        assert!(open(&key(1), &wrong, 10, &stored).is_none());
        assert!(seal(&key(1), &wrong, b"a referral").is_none());
    }
    assert_eq!(format!("{:?}", secret(1)), "BlobSecret(…)");
}

struct Folder {
    _folder: tempfile::TempDir,
    place: PathBuf,
    store: Arc<dyn BlobStore>,
}

fn folder() -> Folder {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_owned();
    let store = blobs::open(&place.display().to_string(), []).unwrap();
    Folder {
        _folder: folder,
        place,
        store,
    }
}

fn file_of(place: &Path, key: &BlobKey) -> PathBuf {
    let text = key.as_str();
    place.join(&text[0..2]).join(&text[2..4]).join(text)
}

async fn put(folder: &Folder, number: u8, content: &'static [u8]) -> BlobRef {
    let bytes = Bytes::from_static(content);
    folder.store.put([number; 16], bytes).await.unwrap()
}

async fn is_tampered(folder: &Folder, blob: &BlobRef) -> bool {
    matches!(
        folder.store.get(blob).await,
        Err(StoreError::Blob(BlobError::Tampered(_)))
    )
}

#[tokio::test]
async fn two_blobs_that_were_swapped_and_an_older_one_put_back_are_noticed() {
    let folder = folder();
    let (one, other) = (
        put(&folder, 1, b"the referral of Ada").await,
        put(&folder, 2, b"the referral of Eva").await,
    );
    let (first, second) = (
        file_of(&folder.place, &one.key),
        file_of(&folder.place, &other.key),
    );
    let (of_one, of_other) = (
        std::fs::read(&first).unwrap(),
        std::fs::read(&second).unwrap(),
    );
    std::fs::write(&first, &of_other).unwrap();
    std::fs::write(&second, &of_one).unwrap();
    assert!(is_tampered(&folder, &one).await && is_tampered(&folder, &other).await);

    // An older content of the same length, stored under the same key before.
    std::fs::remove_file(&first).unwrap();
    let older = put(&folder, 1, b"the referral of Pia").await;
    let of_older = std::fs::read(&first).unwrap();
    std::fs::write(&first, &of_one).unwrap();
    assert_eq!(
        folder.store.get(&one).await.unwrap(),
        &b"the referral of Ada"[..]
    );
    assert!(is_tampered(&folder, &older).await);
    std::fs::write(&first, &of_older).unwrap();
    assert!(is_tampered(&folder, &one).await);

    // Even with the older secret in the row, the row's digest tells.
    let mixed = BlobRef {
        secret: older.secret.clone(),
        ..one.clone()
    };
    assert!(is_tampered(&folder, &mixed).await);
}

#[tokio::test]
async fn nothing_plain_is_on_the_disk_and_the_size_told_is_the_plain_one() {
    let folder = folder();
    let blob = put(&folder, 7, b"diagnosis: invented").await;
    assert_eq!(blob.size, 19);
    let stored = std::fs::read(file_of(&folder.place, &blob.key)).unwrap();
    assert!(is_sealed(&stored));
    assert!(
        !stored
            .windows(8)
            .any(|window| b"diagnosis: invented".windows(8).any(|part| part == window))
    );
    assert!(!stored.windows(32).any(|window| window == blob.sha256));
    assert!(!String::from_utf8_lossy(&stored).contains(blob.secret.expose()));
    let again = put(&folder, 8, b"diagnosis: invented").await;
    assert!(
        again.secret != blob.secret,
        "a secret of its own for each blob"
    );
    assert_eq!(again.sha256, blob.sha256);
}

#[tokio::test]
async fn a_plain_blob_is_refused_until_it_is_sealed_anew() {
    let folder = folder();
    let model = put(&folder, 3, b"from before").await;
    let plain = BlobRef {
        key: key(4),
        secret: BlobSecret::default(),
        ..model
    };
    let file = file_of(&folder.place, &plain.key);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "from before").unwrap();
    let refused = folder.store.get(&plain).await;
    assert!(matches!(
        refused,
        Err(StoreError::Blob(BlobError::Plain(_)))
    ));
    // Nor does it open as a sealed one.
    let pretended = BlobRef {
        secret: secret(1),
        ..plain.clone()
    };
    assert!(is_tampered(&folder, &pretended).await);

    let sealed = folder.store.reseal([5; 16], &plain).await.unwrap();
    assert_eq!(folder.store.get(&sealed).await.unwrap(), "from before");
    let stored = std::fs::read(file_of(&folder.place, &sealed.key)).unwrap();
    assert!(is_sealed(&stored) && !String::from_utf8_lossy(&stored).contains("before"));

    let renewed = folder.store.reseal([6; 16], &sealed).await.unwrap();
    assert!(renewed.secret != sealed.secret && renewed.key != sealed.key);
    assert_eq!(folder.store.get(&renewed).await.unwrap(), "from before");
    assert_eq!(folder.store.get(&sealed).await.unwrap(), "from before");

    std::fs::write(&file, "from Before").unwrap();
    let touched = folder.store.reseal([9; 16], &plain).await;
    assert!(matches!(
        touched,
        Err(StoreError::Blob(BlobError::Tampered(_)))
    ));
}
