//! Mail as the use cases see it: one message, one recipient, and how the sending went.
//!
//! The transports live in `jobs`; this trait is here so that nothing below them knows SMTP.

use std::fmt;

use domain::invalid::Lang;
use jiff::Timestamp;
use uuid::Uuid;

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

/// Why a message did not go out. Reasons are kept and shown to staff: they hold codes and fixed
/// words, never an address, a text or what the other server said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailFailure {
    /// A later attempt may work.
    #[error("mail could not be sent for now: {0}")]
    Transient(String),
    /// No later attempt of this message will work.
    #[error("mail cannot be sent: {0}")]
    Permanent(String),
}

impl MailFailure {
    /// The reason alone, for the row of the message.
    pub fn reason(&self) -> &str {
        match self {
            MailFailure::Transient(reason) | MailFailure::Permanent(reason) => reason,
        }
    }
}

/// Something that sends mail. Blocking: call it from a thread that may wait, never inside a
/// transaction.
pub trait Mailer: Send + Sync {
    /// Sends one message. After `Ok` a mail server, or the disk, has taken charge of it.
    fn send(&self, message: &MailMessage) -> Result<(), MailFailure>;
}
