//! Text messages as the use cases see them: one message, one telephone, and how the sending went.
//!
//! The gateways live in `jobs`. A text is fixed words and the number of a request, and nothing else:
//! telephones show it to whoever looks on.

use std::fmt;

use domain::invalid::Lang;
use uuid::Uuid;

use crate::outbox::DeliveryFailure;

/// A text message ready to go out.
#[derive(Clone, PartialEq, Eq)]
pub struct TextMessage {
    /// Stable over every attempt, so that a receiver can tell a repetition from a new message.
    pub id: Uuid,
    /// One number in E.164 form, such as `+393331234567`.
    pub to: String,
    /// At most 160 characters of the GSM 7-bit alphabet (3GPP TS 23.038): one message.
    pub text: String,
}

impl fmt::Debug for TextMessage {
    // The number is personal data and must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextMessage")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Something that sends text messages. Blocking: call it from a thread that may wait, never inside
/// a transaction.
pub trait TextGateway: Send + Sync {
    /// Sends one message. After `Ok` the gateway, or the disk, has taken charge of it.
    fn send(&self, message: &TextMessage) -> Result<(), DeliveryFailure>;
}

/// The template of the message to somebody who was called in vain.
pub(crate) const UNREACHABLE: &str = "callback-unreachable";

/// The words to somebody who was called in vain.
pub(crate) fn unreachable_text(number: Option<&str>, lang: Lang) -> String {
    let about = match (number, lang) {
        (None, _) => String::new(),
        (Some(number), Lang::It) => format!(" per la richiesta {number}"),
        (Some(number), Lang::En) => format!(" about request {number}"),
    };
    match lang {
        Lang::It => format!(
            "Assistenza: abbiamo provato a richiamarti{about}, senza trovarti. Contattaci quando puoi. Non rispondere a questo SMS."
        ),
        Lang::En => format!(
            "Help desk: we tried to call you back{about}, in vain. Please contact us when you can. Do not reply to this message."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The letters of the basic table that these texts may need; no extension, which counts double.
    fn is_gsm(c: char) -> bool {
        c.is_ascii_alphanumeric() || " .,:;!?'()+-/àèéìòù".contains(c)
    }

    #[test]
    fn every_text_is_one_message_of_the_small_alphabet() {
        // The longest number: five digits more than usual in the counter.
        for number in [None, Some("2026-0000417-S"), Some("2026-000000000417-S")] {
            for lang in Lang::ALL {
                let text = unreachable_text(number, lang);
                assert!(text.chars().count() <= 160, "{text}");
                assert!(text.chars().all(is_gsm), "{text}");
                assert_eq!(
                    number.is_some_and(|number| text.contains(number)),
                    number.is_some()
                );
            }
        }
    }

    #[test]
    fn a_message_does_not_print_itself() {
        let message = TextMessage {
            id: Uuid::nil(),
            to: "+393331234567".to_owned(),
            text: "Assistenza".to_owned(),
        };
        let printed = format!("{message:?}");
        assert!(
            !printed.contains("333") && !printed.contains("Assistenza"),
            "{printed}"
        );
    }
}
