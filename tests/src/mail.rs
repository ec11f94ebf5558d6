//! Mail that goes nowhere.

use std::sync::{Mutex, PoisonError};

use service::mailer::{MailMessage, Mailer};
use service::outbox::DeliveryFailure;

/// A mail as its receiver would have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The one recipient.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The text.
    pub body: String,
    /// The same as a document.
    pub html: String,
}

impl Mail {
    /// The one-time code: the line of six digits.
    pub fn code(&self) -> Option<&str> {
        let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|b| b.is_ascii_digit());
        self.body.lines().find(is_code)
    }

    /// Number and secret of the tracking link.
    pub fn link(&self) -> Option<(String, String)> {
        let (_, fragment) = self.body.lines().find_map(|line| line.split_once('#'))?;
        let (number, secret) = fragment.split_once("&secret=")?;
        let number = number.strip_prefix("number=")?;
        Some((number.to_owned(), secret.trim().to_owned()))
    }
}

/// Keeps what it is asked to send.
#[derive(Default)]
pub struct Recorder(Mutex<Vec<Mail>>);

impl Recorder {
    /// Everything sent so far.
    pub fn mails(&self) -> Vec<Mail> {
        let mails = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        mails.clone()
    }
}

impl Mailer for Recorder {
    fn send(&self, message: &MailMessage) -> Result<(), DeliveryFailure> {
        let mut mails = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        mails.push(Mail {
            to: message.to.clone(),
            subject: message.subject.clone(),
            body: message.body.clone(),
            html: message.html.clone(),
        });
        Ok(())
    }
}
