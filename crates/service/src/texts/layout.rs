//! Puts values into gaps, and writes the plain text.
//!
//! A text is a list of words and gaps, gone through once: there is nothing to run, so nothing to stop.

use super::placeholders::{Placeholder, Shape};
use super::wording::{Part, Wording, parts};
use super::{MailContext, MailTemplate, TextError};

/// The longest text with its values, in bytes: three of the longest notes in four-byte characters, and
/// the words around them.
pub(super) const MAX_TEXT_BYTES: usize = 96 * 1024;

/// A text with its values in it.
pub(super) struct Filled {
    pub(super) subject: String,
    pub(super) paragraphs: Vec<Vec<Piece>>,
}

/// A stretch of a paragraph.
pub(super) enum Piece {
    /// Words of the text itself.
    Words(String),
    /// A value, which may hold anything.
    Value(Shape, String),
}

/// Fills the gaps of a text.
pub(super) fn fill(
    template: MailTemplate,
    wording: &Wording,
    context: &MailContext,
) -> Result<Filled, TextError> {
    // The subject is made from the number alone, so that no edit of a text can put a person's words
    // into a header.
    let subject = pieces(template, &wording.subject, &[Placeholder::Number], context)?;
    let known: Vec<Placeholder> = template.placeholders().collect();
    // Cut into paragraphs before the values come: those of a note are its own.
    let paragraphs = wording
        .body
        .split("\n\n")
        .map(|paragraph| pieces(template, paragraph, &known, context));
    Ok(Filled {
        subject: subject.iter().map(Piece::as_str).collect(),
        paragraphs: paragraphs.collect::<Result<_, _>>()?,
    })
}

fn pieces(
    template: MailTemplate,
    text: &str,
    known: &[Placeholder],
    context: &MailContext,
) -> Result<Vec<Piece>, TextError> {
    let code = template.as_str();
    let parts = parts(text, known).map_err(|_| TextError::Malformed { template: code })?;
    let piece = |part| match part {
        Part::Words(words) => Ok(Piece::Words(str::to_owned(words))),
        Part::Gap(gap) => match gap.value(context) {
            Some(value) => Ok(Piece::Value(gap.shape(), value.into_owned())),
            None => Err(TextError::Missing {
                template: code,
                placeholder: gap.code(),
            }),
        },
    };
    parts.into_iter().map(piece).collect()
}

impl Piece {
    fn as_str(&self) -> &str {
        match self {
            Piece::Words(text) | Piece::Value(_, text) => text,
        }
    }
}

impl Filled {
    /// The plain text: paragraphs with a blank line between them, and what stands under every mail.
    pub(super) fn to_text(&self, footer: &str) -> String {
        let mut text = String::new();
        for paragraph in &self.paragraphs {
            text.extend(paragraph.iter().map(Piece::as_str));
            text.push_str("\n\n");
        }
        text.push_str(footer);
        text.push('\n');
        text
    }
}
