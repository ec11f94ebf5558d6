//! Mail as the use cases see it: one message, one recipient, and how the sending went.
//!
//! The transports live in `jobs`; this trait is here so that nothing below them knows SMTP.

use std::fmt;

use domain::invalid::Lang;
use jiff::Timestamp;
use uuid::Uuid;

use crate::outbox::DeliveryFailure;

/// A message ready to go out.
#[derive(Clone, PartialEq, Eq)]
pub struct MailMessage {
    /// Stable over every attempt, so that a receiver can tell a repetition from a new message.
    pub id: Uuid,
    /// When it is sent, by the service's clock: the `Date` header.
    pub at: Timestamp,
    /// The language of subject and body, for readers that speak them aloud.
    pub lang: Lang,
    /// One bare address, such as `anna@example.org`.
    pub to: String,
    /// One line.
    pub subject: String,
    /// Plain text, lines end in LF.
    pub body: String,
    /// The same as an HTML document, for readers that prefer one.
    pub html: String,
}

impl fmt::Debug for MailMessage {
    // Address and text are personal data and must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailMessage")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Something that sends mail. Blocking: call it from a thread that may wait, never inside a
/// transaction.
pub trait Mailer: Send + Sync {
    /// Sends one message. After `Ok` a mail server, or the disk, has taken charge of it.
    fn send(&self, message: &MailMessage) -> Result<(), DeliveryFailure>;
}
