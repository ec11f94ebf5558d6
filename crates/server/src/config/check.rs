//! Collects what is wrong with the settings, so that a person can mend it all at once.

use std::fmt::Display;
use std::ops::RangeInclusive;

use anyhow::bail;
use jiff::SignedDuration;

use super::period::parse_period;
use super::secret::Secret;
use super::set;

/// What was found wrong so far.
#[derive(Debug, Default)]
pub(crate) struct Check {
    problems: Vec<String>,
}

impl Check {
    /// Notes that this setting is wrong.
    pub(crate) fn say(&mut self, key: &str, message: impl Display) {
        self.problems.push(format!("{key}: {message}"));
    }

    /// A number within bounds.
    pub(crate) fn number<T: PartialOrd + Display + Copy>(
        &mut self,
        key: &str,
        value: T,
        bounds: RangeInclusive<T>,
    ) -> T {
        if !bounds.contains(&value) {
            let (least, most) = (bounds.start(), bounds.end());
            self.say(key, format!("{value} is not from {least} to {most}"));
        }
        value
    }

    /// A duration within bounds, which are written the same way.
    pub(crate) fn period(
        &mut self,
        key: &str,
        text: &str,
        (least, most): (&str, &str),
    ) -> SignedDuration {
        let value = match parse_period(text) {
            Ok(value) => value,
            Err(error) => {
                self.say(key, error);
                return SignedDuration::ZERO;
            }
        };
        let is_less = parse_period(least).is_ok_and(|least| value < least);
        let is_more = parse_period(most).is_ok_and(|most| value > most);
        if is_less || is_more {
            self.say(key, format!("{text:?} is not from {least} to {most}"));
        }
        value
    }

    /// A secret given by value or in a file; `None` if it is not set, or wrong.
    pub(crate) fn secret(&mut self, key: &str, value: &Secret, file: &str) -> Option<String> {
        match (set(value.expose()), set(file)) {
            (Some(_), Some(_)) => {
                self.say(key, format!("{key} and {key}_file are both set"));
                None
            }
            (Some(value), None) => Some(value.to_owned()),
            (None, Some(file)) => self.secret_file(&format!("{key}_file"), file),
            (None, None) => None,
        }
    }

    /// The first line of a file, and nothing else may be there.
    pub(crate) fn secret_file(&mut self, key: &str, file: &str) -> Option<String> {
        match std::fs::read_to_string(file) {
            Ok(text) => {
                let secret = text.trim_end_matches(['\r', '\n']);
                if secret.is_empty() || secret.contains(char::is_control) {
                    self.say(key, format!("{file} is empty, or more than one line"));
                    return None;
                }
                Some(secret.to_owned())
            }
            Err(error) => {
                self.say(key, format!("cannot read {file}: {error}"));
                None
            }
        }
    }

    /// An `http` or `https` address without a slash at its end.
    pub(crate) fn address(&mut self, key: &str, text: &str) -> Option<String> {
        let text = set(text)?;
        let is_http = text.starts_with("https://") || text.starts_with("http://");
        if !is_http || text.ends_with('/') || text.contains(char::is_whitespace) {
            self.say(
                key,
                format!("{text:?} is no http or https address without a slash at its end"),
            );
        }
        Some(text.to_owned())
    }

    /// Fails if anything is wrong, naming all of it.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        if !self.problems.is_empty() {
            bail!(
                "the configuration is wrong:\n  {}",
                self.problems.join("\n  ")
            );
        }
        Ok(())
    }
}
