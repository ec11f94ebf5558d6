//! Gets the bytes of a key set: from a file, an address, or the address that discovery names.
//!
//! Invariant: no redirect is followed, every wait and every answer has a limit, and an issuer on
//! another machine cannot make us call this one.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tokio::io::AsyncReadExt;

use super::keys::{VerifyingKey, read_key_set};
use super::settings::{HttpOptions, Issuer, JwksSource, KeySetError};

/// Where one issuer's keys come from.
#[derive(Debug)]
pub(super) enum Source {
    Fixed,
    File {
        path: PathBuf,
        max_bytes: usize,
    },
    Url {
        address: Address,
        http: HttpOptions,
    },
    Discovery {
        issuer: String,
        document: Address,
        http: HttpOptions,
    },
}

/// An address, and a client for it alone.
#[derive(Debug)]
pub(super) struct Address {
    url: reqwest::Url,
    client: reqwest::Client,
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
            JwksSource::Url(url) => Source::Url {
                address: Address::new(parse(url)?, http)?,
                http: http.clone(),
            },
            JwksSource::Discovery => Source::Discovery {
                document: Address::new(document_of(&issuer.name)?, http)?,
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
            Source::Url { address, http } => address.fetch(http.max_body_bytes).await?,
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
    document: &Address,
    http: &HttpOptions,
) -> Result<Vec<u8>, KeySetError> {
    let bytes = document.fetch(http.max_body_bytes).await?;
    let found: Document = serde_json::from_slice(&bytes)?;
    // Exactly: whoever may write a page on that server is not thereby the issuer.
    if found.issuer != issuer {
        return Err(KeySetError::Discovery("issuer"));
    }
    let url = parse(&found.jwks_uri).map_err(|_| KeySetError::Discovery("jwks_uri"))?;
    let may_be_here = is_loopback(&document.url);
    if is_loopback(&url) && !may_be_here || url.scheme() != "https" && !is_loopback(&url) {
        return Err(KeySetError::Discovery("jwks_uri"));
    }
    let keys = Address::new(url, http)?;
    keys.fetch(http.max_body_bytes).await
}

/// Where an issuer's discovery document is (OpenID Connect Discovery 1.0, 4).
fn document_of(issuer: &str) -> Result<reqwest::Url, KeySetError> {
    let url = parse(issuer)?;
    let is_plain = url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if !is_plain {
        return Err(KeySetError::Discovery("address"));
    }
    let base = issuer.strip_suffix('/').unwrap_or(issuer);
    parse(&format!("{base}/.well-known/openid-configuration"))
}

fn parse(url: &str) -> Result<reqwest::Url, KeySetError> {
    reqwest::Url::parse(url).map_err(|error| KeySetError::Url(Box::new(error)))
}

impl Address {
    fn new(url: reqwest::Url, http: &HttpOptions) -> Result<Self, KeySetError> {
        let client = client_for(&url, http)?;
        Ok(Address { url, client })
    }

    async fn fetch(&self, max_bytes: usize) -> Result<Vec<u8>, KeySetError> {
        let request = self.client.get(self.url.clone());
        let mut response = request.header("accept", "application/json").send().await?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(KeySetError::Status(response.status().as_u16()));
        }
        let announced = response.content_length().unwrap_or_default();
        if usize::try_from(announced).map_or(true, |length| length > max_bytes) {
            return Err(KeySetError::TooLong(max_bytes));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len().saturating_add(chunk.len()) > max_bytes {
                return Err(KeySetError::TooLong(max_bytes));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

fn client_for(url: &reqwest::Url, http: &HttpOptions) -> Result<reqwest::Client, KeySetError> {
    let local = is_loopback(url);
    let mut builder = reqwest::Client::builder()
        .connect_timeout(http.connect_timeout)
        .timeout(http.total_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .no_proxy()
        // Kept connections would belong to the worker that opened them; one a hour is cheap.
        .pool_max_idle_per_host(0)
        .user_agent("sportello");
    match url.scheme() {
        "https" => builder = builder.https_only(true),
        // Without TLS the machine's root certificates are not needed, and may be missing.
        "http" if local => builder = builder.tls_certs_only([]),
        _ => return Err(KeySetError::NotHttps),
    }
    if let Some(proxy) = http.proxy.as_deref().filter(|_| !local) {
        builder = builder.proxy(reqwest::Proxy::all(proxy)?);
    }
    Ok(builder.build()?)
}

fn is_loopback(url: &reqwest::Url) -> bool {
    let host = url
        .host_str()
        .unwrap_or_default()
        .trim_start_matches('[')
        .trim_end_matches(']');
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
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
