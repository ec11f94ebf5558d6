//! Asking another server: key sets of citizens' issuers, and the service of delegations.
//!
//! Invariant: a request goes to a configured address alone, https or on this machine, follows no
//! redirect, ends in time, and brings no more bytes than allowed.

use std::time::Duration;

use reqwest::header::HeaderValue;

/// How another server is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpOptions {
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for the whole answer.
    pub total_timeout: Duration,
    /// Longest answer; of key sets also for files.
    pub max_body_bytes: usize,
    /// The proxy for other machines. The environment's is never used.
    pub proxy: Option<String>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        HttpOptions {
            connect_timeout: Duration::from_secs(3),
            total_timeout: Duration::from_secs(5),
            max_body_bytes: 256 * 1024,
            proxy: None,
        }
    }
}

/// Why another server did not answer.
#[derive(Debug, thiserror::Error)]
pub enum OutgoingError {
    /// The address is no address.
    #[error("the address is not a URL")]
    Url(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The address is neither https nor http on this machine.
    #[error("the address must be https, or http on this machine")]
    NotHttps,
    /// The client or its proxy cannot be set up, or the server does not answer in time.
    #[error("the HTTP request failed")]
    Http(#[source] reqwest::Error),
    /// Anything but 200; redirects are not followed.
    #[error("the server answered {0}")]
    Status(u16),
    /// More bytes than allowed.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
}

impl From<reqwest::Error> for OutgoingError {
    /// Without the address: it may be one that another server gave us.
    fn from(error: reqwest::Error) -> Self {
        OutgoingError::Http(error.without_url())
    }
}

/// One address, and the client for it alone.
#[derive(Debug)]
pub(crate) struct Endpoint {
    url: reqwest::Url,
    client: reqwest::Client,
    max_bytes: usize,
}

impl Endpoint {
    pub(crate) fn new(url: &str, http: &HttpOptions) -> Result<Self, OutgoingError> {
        let url = reqwest::Url::parse(url).map_err(|error| OutgoingError::Url(Box::new(error)))?;
        let client = client_for(&url, http)?;
        Ok(Endpoint {
            url,
            client,
            max_bytes: http.max_body_bytes,
        })
    }

    /// Whether it is on this machine.
    pub(crate) fn is_local(&self) -> bool {
        is_loopback(&self.url)
    }

    pub(crate) async fn get(&self) -> Result<Vec<u8>, OutgoingError> {
        self.ask(self.client.get(self.url.clone())).await
    }

    /// Asks with a JSON body, and with a credential if there is one.
    pub(crate) async fn post(
        &self,
        body: &serde_json::Value,
        authorization: Option<&HeaderValue>,
    ) -> Result<Vec<u8>, OutgoingError> {
        let mut request = self.client.post(self.url.clone()).json(body);
        if let Some(value) = authorization {
            request = request.header("authorization", value.clone());
        }
        self.ask(request).await
    }

    async fn ask(&self, request: reqwest::RequestBuilder) -> Result<Vec<u8>, OutgoingError> {
        let mut response = request.header("accept", "application/json").send().await?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(OutgoingError::Status(response.status().as_u16()));
        }
        let max_bytes = self.max_bytes;
        let announced = response.content_length().unwrap_or_default();
        if usize::try_from(announced).map_or(true, |length| length > max_bytes) {
            return Err(OutgoingError::TooLong(max_bytes));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len().saturating_add(chunk.len()) > max_bytes {
                return Err(OutgoingError::TooLong(max_bytes));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

fn client_for(url: &reqwest::Url, http: &HttpOptions) -> Result<reqwest::Client, OutgoingError> {
    let local = is_loopback(url);
    let mut builder = reqwest::Client::builder()
        .connect_timeout(http.connect_timeout)
        .timeout(http.total_timeout)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .no_proxy()
        // Kept connections would belong to the thread that opened them.
        .pool_max_idle_per_host(0)
        .user_agent("sportello");
    match url.scheme() {
        "https" => builder = builder.https_only(true),
        // Without TLS the machine's root certificates are not needed, and may be missing.
        "http" if local => builder = builder.tls_certs_only([]),
        _ => return Err(OutgoingError::NotHttps),
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
