//! The mails people get: which there are, and their words in both languages.
//!
//! A standard text is a file under `templates/mail`, compiled in; an authority may put words of its
//! own in its place (`docs/adr/0018`). Both are a subject line and paragraphs with gaps, and from
//! either come two parts that say the same: plain text, and HTML in one fixed layout. Invariants: a
//! subject is fixed words and the number (D-17); values are put in as they are and never read as
//! template; they are escaped where markup is written (D-16); a missing value is an error, not a gap.

mod html;
mod layout;
pub mod letter;
mod placeholders;
pub mod replies;
mod templates;
mod wording;

pub use placeholders::{Placeholder, examples};
pub use templates::{MailTemplate, footer};
pub use wording::{BODY_MAX_CHARS, SUBJECT_MAX_CHARS, Wording};

use domain::codes::AuthorityCode;
use domain::invalid::Lang;

/// What a mail may say. Each template names what it needs; the rest may be absent.
///
/// No `Debug`: these are personal data and a one-time code.
#[derive(Clone, Default)]
pub struct MailContext {
    /// The number of the request, as people quote it.
    pub number: Option<String>,
    /// The service's name for people.
    pub service_label: Option<String>,
    /// The text of a published note.
    pub note: Option<String>,
    /// Where the requester follows the request, made from the configured base address.
    pub tracking_link: Option<String>,
    /// The one-time code.
    pub code: Option<String>,
    /// The name of the authority that has the request now.
    pub authority_label: Option<String>,
    /// The number of the request a duplicate goes on as.
    pub survivor_number: Option<String>,
    /// The last day to write about a resolved request, already written for people. No article comes before it, because
    /// the Italian one depends on the day ("il 7", "l'8").
    pub closes_on: Option<String>,
    /// Where codes are shown, made from the configured address.
    pub link: Option<String>,
    /// How long the code is valid.
    pub minutes: Option<u32>,
    /// What a digest tells, a line each.
    pub items: Option<String>,
    /// The day on which it is written, already written for people.
    pub today: Option<String>,
    /// Who has the request in custody, and so whose words are used. Says nothing in the mail.
    pub desk: Option<AuthorityCode>,
}

/// A mail's words.
///
/// No `Debug`: the body may hold a note or a code.
#[derive(Clone, PartialEq, Eq)]
pub struct RenderedMail {
    /// One line: fixed words and the number.
    pub subject: String,
    /// Plain text, lines end in LF.
    pub body: String,
    /// The same as an HTML document that needs nothing from elsewhere.
    pub html: String,
}

/// Why a mail's words could not be made. Holds no value of the context.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// A value the text needs is missing.
    #[error("the mail text {template} needs {placeholder}")]
    Missing {
        /// Code of the template.
        template: &'static str,
        /// Code of the placeholder.
        placeholder: &'static str,
    },
    /// The text has braces that are no gap, or a gap this template does not have.
    #[error("the mail text {template} is malformed")]
    Malformed {
        /// Code of the template.
        template: &'static str,
    },
    /// The file is not a subject line, a blank line and a body.
    #[error("the mail text {template} has no subject line")]
    NoSubject {
        /// Code of the template.
        template: &'static str,
    },
    /// With its values it is longer than any mail of ours.
    #[error("the mail text {template} becomes too long")]
    TooLong {
        /// Code of the template.
        template: &'static str,
    },
}

/// Makes a mail of the standard words.
pub fn render(
    template: MailTemplate,
    lang: Lang,
    context: &MailContext,
) -> Result<RenderedMail, TextError> {
    render_with(template, lang, &template.standard(lang)?, context)
}

/// Makes a mail of a desk's own words if they can still be used, and else of the standard ones: no mail
/// is lost because of what somebody wrote.
pub fn render_own_or_standard(
    template: MailTemplate,
    lang: Lang,
    own: Option<Wording>,
    context: &MailContext,
) -> Result<RenderedMail, TextError> {
    let Some(own) = own else {
        return render(template, lang, context);
    };
    render_with(template, lang, &own, context).or_else(|error| {
        let cause: &(dyn std::error::Error + 'static) = &error;
        tracing::warn!(
            mail.template = template.as_str(),
            error = cause,
            "a desk's own words make no mail: the standard ones are sent"
        );
        render(template, lang, context)
    })
}

/// Makes a mail of these words.
pub fn render_with(
    template: MailTemplate,
    lang: Lang,
    wording: &Wording,
    context: &MailContext,
) -> Result<RenderedMail, TextError> {
    let filled = layout::fill(template, wording, context)?;
    let body = filled.to_text(footer(lang));
    if body.len() > layout::MAX_TEXT_BYTES {
        let template = template.as_str();
        return Err(TextError::TooLong { template });
    }
    Ok(RenderedMail {
        html: html::document(lang, &filled, footer(lang)),
        subject: filled.subject,
        body,
    })
}

#[cfg(test)]
mod tests;
