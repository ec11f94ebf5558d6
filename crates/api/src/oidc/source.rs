//! Gets the bytes of a key set: from a file, an address, or the address that discovery names.
//!
//! Invariant: no redirect is followed, every wait and every answer has a limit, and an issuer on
//! another machine cannot make us call this one.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tokio::io::AsyncReadExt;

use super::keys::{VerifyingKey, read_key_set};
use super::settings::{Issuer, JwksSource, KeySetError};
use crate::outgoing::{Endpoint, HttpOptions};

/// Where one issuer's keys come from.
#[derive(Debug)]
pub(super) enum Source {
    Fixed,
    File {
        path: PathBuf,
        max_bytes: usize,
    },
    Url(Endpoint),
    Discovery {
        issuer: String,
        document: Endpoint,
        http: HttpOptions,
    },
}

/// What we read of a discovery document; the rest is for those who log people in.
#[derive(Deserialize)]
struct Document {
    issuer: String,
    jwks_uri: String,
}

impl Source {
    /// The source, and the keys that are known without asking anybody. A file is read once to
    /// find mistakes early.
    pub(super) fn new(
        issuer: &Issuer,
        http: &HttpOptions,
    ) -> Result<(Self, Vec<VerifyingKey>), KeySetError> {
        let max_bytes = http.max_body_bytes;
        let source = match &issuer.jwks {
            JwksSource::Inline(json) => {
                return Ok((Source::Fixed, read_key_set(json.as_bytes())?));
            }
            JwksSource::File(path) => {
                read_key_set(&read_file_now(path, max_bytes)?)?;
                Source::File {
                    path: path.clone(),
                    max_bytes,
                }
            }
            JwksSource::Url(url) => Source::Url(Endpoint::new(url, http)?),
            JwksSource::Discovery => Source::Discovery {
                document: Endpoint::new(&document_of(&issuer.name)?, http)?,
                issuer: issuer.name.clone(),
                http: http.clone(),
            },
        };
        Ok((source, Vec::new()))
    }

    pub(super) fn is_fixed(&self) -> bool {
        matches!(self, Source::Fixed)
    }

    /// The keys as they are now; none for a source that never changes.
    pub(super) async fn load(&self) -> Result<Vec<VerifyingKey>, KeySetError> {
        let bytes = match self {
            Source::Fixed => return Ok(Vec::new()),
            Source::File { path, max_bytes } => read_file(path, *max_bytes).await?,
            Source::Url(endpoint) => endpoint.get().await?,
            Source::Discovery {
                issuer,
                document,
                http,
            } => tokio::time::timeout(http.total_timeout, discovered(issuer, document, http))
                .await
                .map_err(|_| KeySetError::TooSlow)??,
        };
        read_key_set(&bytes)
    }
}

/// The key set an issuer's discovery document names. The document is read each time: an issuer
/// may move its keys.
async fn discovered(
    issuer: &str,
    document: &Endpoint,
    http: &HttpOptions,
) -> Result<Vec<u8>, KeySetError> {
    let bytes = document.get().await?;
    let found: Document = serde_json::from_slice(&bytes)?;
    // Exactly: whoever may write a page on that server is not thereby the issuer.
    if found.issuer != issuer {
        return Err(KeySetError::Discovery("issuer"));
    }
    let wrong = |_| KeySetError::Discovery("jwks_uri");
    let keys = Endpoint::new(&found.jwks_uri, http).map_err(wrong)?;
    if keys.is_local() && !document.is_local() {
        return Err(KeySetError::Discovery("jwks_uri"));
    }
    Ok(keys.get().await?)
}

/// Where an issuer's discovery document is (OpenID Connect Discovery 1.0, 4).
fn document_of(issuer: &str) -> Result<String, KeySetError> {
    let url = reqwest::Url::parse(issuer).map_err(|error| KeySetError::Url(Box::new(error)))?;
    let is_plain = url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if !is_plain {
        return Err(KeySetError::Discovery("address"));
    }
    let base = issuer.strip_suffix('/').unwrap_or(issuer);
    Ok(format!("{base}/.well-known/openid-configuration"))
}

async fn read_file(path: &Path, max_bytes: usize) -> Result<Vec<u8>, KeySetError> {
    let mut bytes = Vec::new();
    let file = tokio::fs::File::open(path).await?;
    file.take(one_more_than(max_bytes))
        .read_to_end(&mut bytes)
        .await?;
    at_most(bytes, max_bytes)
}

fn read_file_now(path: &Path, max_bytes: usize) -> Result<Vec<u8>, KeySetError> {
    use std::io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?
        .take(one_more_than(max_bytes))
        .read_to_end(&mut bytes)?;
    at_most(bytes, max_bytes)
}

fn one_more_than(max_bytes: usize) -> u64 {
    u64::try_from(max_bytes)
        .unwrap_or(u64::MAX)
        .saturating_add(1)
}

fn at_most(bytes: Vec<u8>, max_bytes: usize) -> Result<Vec<u8>, KeySetError> {
    if bytes.len() > max_bytes {
        Err(KeySetError::TooLong(max_bytes))
    } else {
        Ok(bytes)
    }
}
