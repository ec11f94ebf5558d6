//! The service of delegations, asked over HTTP: `{"delegate": "…"}` is posted, and
//! `{"delegators": ["…"]}` comes back. Tax codes stand in no address, because addresses are logged.
//!
//! Invariant: no caller waits longer than the time-out, and no more than 32 (`MOST_AT_ONCE`) wait: a
//! service that hangs must not take the threads of those who need no delegation.

use std::sync::atomic::{AtomicUsize, Ordering};

use domain::tax_code::TaxCode;
use jiff::Timestamp;
use reqwest::header::{HeaderValue, InvalidHeaderValue};
use serde::Deserialize;
use serde_json::json;
use service::delegations::{DelegationFailure, DelegationSource};

use crate::outgoing::Endpoint;
pub use crate::outgoing::{HttpOptions, OutgoingError};

/// How many ask at the same time; one more hears at once that there is no answer.
const MOST_AT_ONCE: usize = 32;

/// No honest answer is longer.
pub const MAX_BODY_BYTES: usize = 16 * 1024;

/// Why the service cannot be asked as configured.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The address is not good.
    #[error(transparent)]
    Address(#[from] OutgoingError),
    /// The token cannot stand in a header.
    #[error("the token holds characters that no header may hold")]
    Token(#[from] InvalidHeaderValue),
}

/// The service of delegations.
pub struct HttpDelegations {
    endpoint: Endpoint,
    authorization: Option<HeaderValue>,
    asking: AtomicUsize,
}

impl HttpDelegations {
    /// The service at this address, asked with this bearer token, if any.
    pub fn new(url: &str, token: Option<&str>, http: &HttpOptions) -> Result<Self, SetupError> {
        let authorization = match token {
            Some(token) => {
                let mut value = HeaderValue::from_str(&format!("Bearer {token}"))?;
                value.set_sensitive(true);
                Some(value)
            }
            None => None,
        };
        Ok(HttpDelegations {
            endpoint: Endpoint::new(url, http)?,
            authorization,
            asking: AtomicUsize::new(0),
        })
    }

    /// Asks on a runtime of its own: this thread may wait, and the web workers must not.
    fn ask(&self, delegate: &TaxCode) -> Result<Vec<u8>, DelegationFailure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|_| failure("cannot be asked on this machine"))?;
        let body = json!({"delegate": delegate.as_str()});
        let answer = runtime.block_on(self.endpoint.post(&body, self.authorization.as_ref()));
        // Dropping it would wait for a name server that does not answer.
        runtime.shutdown_background();
        answer.map_err(|error| match error {
            OutgoingError::Http(error) if error.is_timeout() => failure("did not answer in time"),
            OutgoingError::Http(error) if error.is_connect() => failure("cannot be reached"),
            other => failure(other.to_string()),
        })
    }
}

impl DelegationSource for HttpDelegations {
    fn active_delegators(
        &self,
        delegate: &TaxCode,
        _: Timestamp,
    ) -> Result<Vec<TaxCode>, DelegationFailure> {
        let _turn = Turn::take(&self.asking).ok_or_else(|| failure("is asked by too many"))?;
        read_answer(&self.ask(delegate)?)
    }
}

/// One entry that cannot be read spoils the whole: nobody knows what else is not as agreed.
fn read_answer(bytes: &[u8]) -> Result<Vec<TaxCode>, DelegationFailure> {
    #[derive(Deserialize)]
    struct Answer {
        delegators: Vec<String>,
    }
    let answer: Answer =
        serde_json::from_slice(bytes).map_err(|_| failure("answered something unreadable"))?;
    answer
        .delegators
        .iter()
        .map(|code| TaxCode::parse(code, true))
        .collect::<Result<_, _>>()
        .map_err(|_| failure("answered something that is no tax code"))
}

fn failure(words: impl Into<String>) -> DelegationFailure {
    DelegationFailure(words.into())
}

/// One of those who ask, until dropped.
struct Turn<'a>(&'a AtomicUsize);

impl<'a> Turn<'a> {
    fn take(asking: &'a AtomicUsize) -> Option<Self> {
        let turn = Turn(asking);
        (asking.fetch_add(1, Ordering::Relaxed) < MOST_AT_ONCE).then_some(turn)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_whole_or_not_at_all() {
        let read = |text: &str| {
            let codes = read_answer(text.as_bytes()).ok()?;
            Some(codes.len())
        };
        for (text, expected) in [
            (r#"{"delegators": []}"#, Some(0)),
            (r#"{"delegators": ["RSSMRA80A01H501U"], "at": 1}"#, Some(1)),
            (r#"{"delegators": ["RSSMRA80A01H501U", "nobody"]}"#, None),
            (r#"{"delegators": "RSSMRA80A01H501U"}"#, None),
            (r#"["RSSMRA80A01H501U"]"#, None),
            ("{}", None),
            ("", None),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn only_so_many_ask_at_once() {
        let asking = AtomicUsize::new(0);
        let mut turns: Vec<_> = (0..MOST_AT_ONCE).map(|_| Turn::take(&asking)).collect();
        assert!(turns.iter().all(Option::is_some));
        assert!(Turn::take(&asking).is_none());
        turns.pop();
        assert!(Turn::take(&asking).is_some());
    }

    #[test]
    fn an_address_is_https_or_on_this_machine() {
        let made = |url| HttpDelegations::new(url, None, &HttpOptions::default()).is_ok();
        for (url, expected) in [
            ("http://127.0.0.1:1/delegations", true),
            ("http://localhost/delegations", true),
            ("http://delegations.example.org/", false),
            ("ftp://127.0.0.1/", false),
            ("delegations", false),
        ] {
            assert_eq!(made(url), expected, "{url}");
        }
        let token = Some("two\nlines");
        assert!(HttpDelegations::new("http://127.0.0.1/", token, &HttpOptions::default()).is_err());
    }
}
