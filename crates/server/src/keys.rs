//! The instance's own secrets on disk: the signing key of its tokens, and derived-code secrets.
//!
//! For making them at the first start and reading them later; the signing key can be changed, with
//! the one before kept for the tokens it signed, and so can the master key (`master.rs`). Invariants:
//! a file appears whole or not at all; what other users of the machine can read, or change, is refused; a file that is there but wrong stops the start, since a new
//! key in its place would silently void every token.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, anyhow, bail, ensure};
use api::tokens::SigningKey;
use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use data_encoding::{BASE64, HEXLOWER};
use service::evidence::AuditKey;

/// The file of the key that signs our tokens.
pub(crate) const SIGNING_KEY_FILE: &str = "signing-key.pem";

/// The file of the one before, whose tokens are still good.
pub(crate) const PREVIOUS_KEY_FILE: &str = "signing-key.previous.pem";

/// The file of the key that signs anchors of the audit trail.
pub(crate) const AUDIT_KEY_FILE: &str = "audit-key.pem";

/// No file of ours is longer.
const MAX_FILE_BYTES: u64 = 16 * 1024;

/// The key that signs our tokens, made at the first start.
pub(crate) fn load_or_create_signing_key(dir: &Path) -> anyhow::Result<SigningKey> {
    load_or_create_key(dir, SIGNING_KEY_FILE)
}

/// The key before this one, if it was changed and not forgotten yet.
pub(crate) fn load_previous_signing_key(dir: &Path) -> anyhow::Result<Option<SigningKey>> {
    match read_private(&dir.join(PREVIOUS_KEY_FILE))? {
        None => Ok(None),
        Some(pem) => SigningKey::from_pkcs8_pem(&pem)
            .map(Some)
            .with_context(|| corrupt(dir, PREVIOUS_KEY_FILE)),
    }
}

/// Puts another signing key in place and keeps this one as the one before. A program that stops in
/// between makes the new key at its next start.
pub(crate) fn rotate_signing_key(dir: &Path) -> anyhow::Result<SigningKey> {
    load_or_create_signing_key(dir)?;
    fs::rename(dir.join(SIGNING_KEY_FILE), dir.join(PREVIOUS_KEY_FILE))
        .with_context(|| format!("cannot rename in {}", dir.display()))?;
    load_or_create_signing_key(dir)
}

/// Forgets the key before this one, and with it every token it signed. False if there is none.
pub(crate) fn forget_previous_signing_key(dir: &Path) -> anyhow::Result<bool> {
    match fs::remove_file(dir.join(PREVIOUS_KEY_FILE)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).with_context(|| format!("cannot delete in {}", dir.display())),
    }
}

/// An ES256 key (PKCS#8, PEM) in a file of `dir`, made if it is not there.
pub(crate) fn load_or_create_key(dir: &Path, name: &str) -> anyhow::Result<SigningKey> {
    let pem = load_or_create(dir, name, new_key_pem)?;
    SigningKey::from_pkcs8_pem(&pem).with_context(|| corrupt(dir, name))
}

/// The key that signs anchors of the audit trail, made if it is not there.
pub(crate) fn load_or_create_audit_key(dir: &Path) -> anyhow::Result<AuditKey> {
    let pem = load_or_create(dir, AUDIT_KEY_FILE, new_key_pem)?;
    key_of_pem(&pem).with_context(|| corrupt(dir, AUDIT_KEY_FILE))
}

fn key_of_pem(pem: &str) -> anyhow::Result<AuditKey> {
    let text: String = pem
        .trim()
        .strip_prefix("-----BEGIN PRIVATE KEY-----")
        .and_then(|rest| rest.strip_suffix("-----END PRIVATE KEY-----"))
        .context("no PRIVATE KEY block")?
        .split_whitespace()
        .collect();
    let der = BASE64
        .decode(text.as_bytes())
        .map_err(|_| anyhow!("no Base64 in the PRIVATE KEY block"))?;
    AuditKey::from_pkcs8(&der).context("no key of P-256")
}

/// 32 random bytes in a file of `dir` (as hex), made if they are not there.
pub(crate) fn load_or_create_secret(dir: &Path, name: &str) -> anyhow::Result<[u8; 32]> {
    let hex = load_or_create(dir, name, new_secret_hex)?;
    secret_of(&hex).with_context(|| corrupt(dir, name))
}

/// The same bytes if they are there; never makes any.
pub(crate) fn load_secret(dir: &Path, name: &str) -> anyhow::Result<Option<[u8; 32]>> {
    let path = dir.join(name);
    match read_private(&path)? {
        None => Ok(None),
        Some(hex) => secret_of(&hex).map(Some).with_context(|| {
            format!(
                "{} is damaged or something else; restore it from its backup",
                path.display()
            )
        }),
    }
}

/// Makes such bytes in a file that is not there yet.
pub(crate) fn create_secret(dir: &Path, name: &str) -> anyhow::Result<[u8; 32]> {
    ensure_private_folder(dir)?;
    let path = dir.join(name);
    ensure!(!path.exists(), "{} is there already", path.display());
    load_or_create_secret(dir, name)
}

/// Gives a file of `dir` another name, in the place of what had it, and waits until that is kept.
pub(crate) fn rename(dir: &Path, from: &str, to: &str) -> anyhow::Result<()> {
    let renamed = fs::rename(dir.join(from), dir.join(to));
    let kept = renamed.and_then(|()| File::open(dir)?.sync_all());
    kept.with_context(|| format!("cannot rename {from} to {to} in {}", dir.display()))
}

/// Deletes a file of `dir`, and waits until that is kept.
pub(crate) fn remove(dir: &Path, name: &str) -> anyhow::Result<()> {
    let removed = fs::remove_file(dir.join(name));
    let kept = removed.and_then(|()| File::open(dir)?.sync_all());
    kept.with_context(|| format!("cannot delete {name} in {}", dir.display()))
}

/// 32 bytes from 64 hexadecimal digits.
pub(crate) fn secret_of(hex: &str) -> anyhow::Result<[u8; 32]> {
    let bytes = HEXLOWER.decode(hex.trim_end().as_bytes()).ok();
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| anyhow!("expected 64 hexadecimal digits"))
}

/// 32 bytes of the operating system's randomness.
pub(crate) fn random_bytes<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| anyhow!("no random bytes from the system"))?;
    Ok(bytes)
}

fn corrupt(dir: &Path, name: &str) -> String {
    let path = dir.join(name);
    format!(
        "{} is damaged or something else; restore it from a backup, or move it away to start anew",
        path.display()
    )
}

fn new_key_pem() -> anyhow::Result<String> {
    let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
        .map_err(|_| anyhow!("cannot make an ES256 key"))?;
    let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
    for (at, letter) in BASE64.encode(der.as_ref()).chars().enumerate() {
        if at > 0 && at % 64 == 0 {
            pem.push('\n');
        }
        pem.push(letter);
    }
    pem.push_str("\n-----END PRIVATE KEY-----\n");
    Ok(pem)
}

fn new_secret_hex() -> anyhow::Result<String> {
    Ok(HEXLOWER.encode(&random_bytes::<32>()?) + "\n")
}

/// The text of the file, made and written first if it is not there.
///
/// Whoever loses a race of two first starts reads what the other wrote.
fn load_or_create(
    dir: &Path,
    name: &str,
    make: impl FnOnce() -> anyhow::Result<String>,
) -> anyhow::Result<String> {
    ensure_private_folder(dir)?;
    let path = dir.join(name);
    if let Some(text) = read_private(&path)? {
        return Ok(text);
    }
    create_private(dir, name, &make()?)
        .with_context(|| format!("cannot write {}", path.display()))?;
    read_private(&path)?
        .with_context(|| format!("{} vanished after it was written", path.display()))
}

fn ensure_private_folder(dir: &Path) -> anyhow::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .with_context(|| format!("cannot make the folder {}", dir.display()))?;
    let mode = fs::metadata(dir)
        .with_context(|| format!("cannot look at {}", dir.display()))?
        .permissions()
        .mode();
    ensure!(
        mode & 0o022 == 0,
        "the folder {} can be written by other users (mode {:03o}); run: chmod 700 {}",
        dir.display(),
        mode & 0o777,
        dir.display()
    );
    Ok(())
}

/// The file's text; none if there is no file.
fn read_private(path: &Path) -> anyhow::Result<Option<String>> {
    let shown = path.display();
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot look at {shown}")),
        // Before opening: a pipe would wait for a writer.
        Ok(metadata) => ensure!(metadata.is_file(), "{shown} is not a file"),
    }
    let file = File::open(path).with_context(|| format!("cannot open {shown}"))?;
    let metadata = file
        .metadata()
        .with_context(|| format!("cannot look at {shown}"))?;
    let mode = metadata.permissions().mode();
    if mode & 0o077 != 0 {
        bail!(
            "{shown} can be read or changed by other users (mode {:03o}); if nobody did, run: chmod 600 {shown}",
            mode & 0o777
        );
    }
    ensure!(
        metadata.len() <= MAX_FILE_BYTES,
        "{shown} is too long to be a key"
    );
    let mut text = String::new();
    file.take(MAX_FILE_BYTES)
        .read_to_string(&mut text)
        .with_context(|| format!("cannot read {shown} as text"))?;
    Ok(Some(text))
}

/// Writes the file whole, or leaves the one that is there.
fn create_private(dir: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    let suffix = HEXLOWER.encode(&random_bytes::<8>()?);
    let temporary = dir.join(format!(".{name}.{suffix}.tmp"));
    let written =
        write_synced(&temporary, text).and_then(|()| publish(&temporary, &dir.join(name)));
    match fs::remove_file(&temporary) {
        // Renamed away, or never made.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        other => other.context("cannot remove the temporary file")?,
    }
    written?;
    File::open(dir)?.sync_all()?;
    Ok(())
}

fn write_synced(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Gives the file its name, unless the name is taken.
///
/// A link, since a rename would replace the key another process has just made and now uses; a
/// rename only where the file system knows no links.
fn publish(temporary: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(temporary, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(_) if !path.exists() => fs::rename(temporary, path),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A folder that goes away with the test.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            let name = format!(
                "sportello-keys-{}",
                HEXLOWER.encode(&random_bytes::<8>().unwrap())
            );
            Folder(std::env::temp_dir().join(name))
        }

        fn keys(&self) -> PathBuf {
            self.0.join("keys")
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(self.keys()).unwrap();
            entries
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn write(path: &Path, bytes: &[u8], mode: u32) {
        fs::write(path, bytes).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn message<T>(result: anyhow::Result<T>) -> String {
        match result {
            Ok(_) => panic!("it should have been refused"),
            Err(error) => format!("{error:#}"),
        }
    }

    #[test]
    fn a_changed_key_signs_and_the_one_before_is_kept_until_forgotten() {
        let folder = Folder::new();
        let dir = &folder.keys();
        let first = load_or_create_signing_key(dir).unwrap();
        assert!(load_previous_signing_key(dir).unwrap().is_none());
        let second = rotate_signing_key(dir).unwrap();
        let previous = || load_previous_signing_key(dir).unwrap();
        assert_ne!(second.id(), first.id());
        assert_eq!(load_or_create_signing_key(dir).unwrap().id(), second.id());
        assert_eq!(previous().unwrap().id(), first.id());
        rotate_signing_key(dir).unwrap();
        assert_eq!(previous().unwrap().id(), second.id());
        assert!(forget_previous_signing_key(dir).unwrap());
        assert!(!forget_previous_signing_key(dir).unwrap());
        assert!(previous().is_none());
    }

    #[test]
    fn the_first_start_makes_what_the_next_ones_read() {
        let folder = Folder::new();
        let dir = folder.keys();
        let key = load_or_create_signing_key(&dir).unwrap();
        let secret = load_or_create_secret(&dir, "tracking.secret").unwrap();
        assert_eq!(load_or_create_signing_key(&dir).unwrap().id(), key.id());
        assert_eq!(
            load_or_create_secret(&dir, "tracking.secret").unwrap(),
            secret
        );
        assert_ne!(load_or_create_secret(&dir, "other.secret").unwrap(), secret);
        assert_eq!(mode(&dir), 0o700);
        for name in ["signing-key.pem", "tracking.secret", "other.secret"] {
            assert_eq!(mode(&dir.join(name)), 0o600, "{name}");
        }
        assert_eq!(folder.names().len(), 3, "no temporary file is left");
        let pem = fs::read_to_string(dir.join("signing-key.pem")).unwrap();
        assert!(pem.lines().all(|line| line.len() <= 64));
    }

    #[test]
    fn first_starts_at_once_agree_on_one_key() {
        let folder = Folder::new();
        let dir = folder.keys();
        let ids: Vec<String> = std::thread::scope(|scope| {
            let start = || load_or_create_signing_key(&dir).unwrap().id().to_owned();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        assert_eq!(folder.names(), ["signing-key.pem"]);
    }

    #[test]
    fn what_others_can_read_or_replace_is_refused() {
        let folder = Folder::new();
        let dir = folder.keys();
        load_or_create_secret(&dir, "a.secret").unwrap();
        let path = dir.join("a.secret");
        for open in [0o604, 0o640, 0o620, 0o601] {
            fs::set_permissions(&path, fs::Permissions::from_mode(open)).unwrap();
            let message = message(load_or_create_secret(&dir, "a.secret"));
            assert!(
                message.contains("a.secret can be read or changed by other users"),
                "{message}"
            );
            assert!(message.contains("chmod 600"), "{message}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        load_or_create_secret(&dir, "a.secret").unwrap();
        for open in [0o770, 0o702] {
            fs::set_permissions(&dir, fs::Permissions::from_mode(open)).unwrap();
            assert!(
                message(load_or_create_secret(&dir, "a.secret"))
                    .contains("can be written by other users")
            );
        }
    }

    #[test]
    fn a_wrong_file_stops_the_start_and_stays_as_it_is() {
        let folder = Folder::new();
        let dir = folder.keys();
        load_or_create_signing_key(&dir).unwrap();
        let good = fs::read(dir.join("signing-key.pem")).unwrap();
        let half = &good[..good.len() / 2];
        let public = b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
        for wrong in [&b""[..], b"\n", half, public, b"\xff\xfe", &[b'x'; 20_000]] {
            for name in ["signing-key.pem", "a.secret"] {
                write(&dir.join(name), wrong, 0o600);
            }
            assert!(message(load_or_create_signing_key(&dir)).contains("signing-key.pem"));
            assert!(message(load_or_create_secret(&dir, "a.secret")).contains("a.secret"));
            assert_eq!(fs::read(dir.join("signing-key.pem")).unwrap(), wrong);
        }
        for hex in [
            "ab".repeat(31),
            "ab".repeat(33),
            "AB".repeat(32),
            "zz".repeat(32),
        ] {
            write(&dir.join("a.secret"), hex.as_bytes(), 0o600);
            let message = message(load_or_create_secret(&dir, "a.secret"));
            assert!(message.contains("is damaged"), "{message}");
            assert!(!message.contains(&hex), "a secret is never repeated");
        }
        fs::create_dir(dir.join("b.secret")).unwrap();
        assert!(message(load_or_create_secret(&dir, "b.secret")).contains("is not a file"));
    }
}
