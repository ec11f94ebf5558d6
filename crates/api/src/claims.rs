//! How the claims of other people's tokens are read: strictly, and as raw text.
//!
//! For the shapes that RFC 7519 leaves open, not for judging what a claim means. Invariant: a
//! time is a number, and an identifier that passed fits into a column of text on both databases.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use crate::tokens::{Times, TokenError};

/// How far an issuer's clock may differ from ours.
pub(crate) const LEEWAY_SECONDS: i64 = 60;

/// No honest identifier is longer.
const MAX_IDENTIFIER_BYTES: usize = 255;

/// Whom a token is for.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    pub(crate) fn contains(&self, wanted: &str) -> bool {
        match self {
            Audience::One(one) => one == wanted,
            Audience::Several(all) => all.iter().any(|one| one == wanted),
        }
    }

    /// The audience, if there is exactly one.
    pub(crate) fn only(&self) -> Option<&str> {
        match self {
            Audience::One(one) => Some(one),
            Audience::Several(all) => match all.as_slice() {
                [one] => Some(one),
                _ => None,
            },
        }
    }
}

/// A NumericDate of RFC 7519: a number, never text; parts of a second are dropped.
#[derive(Clone, Copy)]
pub(crate) struct Seconds(pub(crate) i64);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        let text = number.to_string();
        let whole = text
            .split_once('.')
            .map_or(text.as_str(), |(whole, _)| whole);
        whole
            .parse()
            .map(Seconds)
            .map_err(|_| serde::de::Error::custom("not a time in seconds"))
    }
}

impl Times {
    /// Refuses a token that was made to live longer than this.
    pub(crate) fn live_at_most(&self, seconds: i64) -> Result<(), TokenError> {
        if self.exp.saturating_sub(self.iat) > seconds {
            Err(TokenError::Claim("exp"))
        } else {
            Ok(())
        }
    }

    /// When it was issued.
    pub(crate) fn begun_at(&self) -> Result<Timestamp, TokenError> {
        Timestamp::from_second(self.iat).map_err(|_| TokenError::Claim("iat"))
    }

    /// When nobody accepts the token any more. Not `exp` itself: whoever remembers used tokens
    /// has to do so until the leeway is over, too.
    pub(crate) fn over_at(&self) -> Result<Timestamp, TokenError> {
        Timestamp::from_second(self.exp.saturating_add(LEEWAY_SECONDS))
            .map_err(|_| TokenError::Claim("exp"))
    }
}

/// Text that says something.
pub(crate) fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

/// An identifier that may be kept and compared: something, not endless, nothing invisible.
/// PostgreSQL refuses a zero byte in text, and that would be a fault of ours.
pub(crate) fn identifier(text: Option<String>, claim: &'static str) -> Result<String, TokenError> {
    filled(text)
        .filter(|text| text.len() <= MAX_IDENTIFIER_BYTES && !text.contains(char::is_control))
        .ok_or(TokenError::Claim(claim))
}

/// The same for a claim that may be left out.
pub(crate) fn optional_identifier(
    text: Option<String>,
    claim: &'static str,
) -> Result<Option<String>, TokenError> {
    match text {
        None => Ok(None),
        text => identifier(text, claim).map(Some),
    }
}
