//! The mails people get: which there are, and their words in both languages.
//!
//! A template is a file under `templates/mail`, compiled in: the first line is the subject, the
//! body follows a blank line. Invariants: a subject is fixed words and the number (D-17); values
//! are put in as they are and never read as template; a missing value is an error, not a gap.

use domain::invalid::Lang;
use minijinja::{Environment, UndefinedBehavior, Value};

/// A mail to a requester (`domain.md` §3.6, §5.3) or to a member of staff (§11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MailTemplate {
    /// Proves the address of an anonymous requester. Needs `code`, `minutes`.
    OneTimeCode,
    /// The request was filed. Needs `number`, `service_label`, `tracking_link`.
    Receipt,
    /// An operator asks. Needs `number`, `note`, `tracking_link`.
    InfoRequested,
    /// The answer is still missing. Needs `number`, `note` (the question), `tracking_link`.
    InfoReminder,
    /// No answer came in time. Needs `number`, `tracking_link`, `closes_on`.
    AutoResolved,
    /// An operator resolved it. Needs `number`, `note`, `tracking_link`, `closes_on`.
    Resolved,
    /// Another authority has it now. Needs `number`, `authority_label`, `tracking_link`.
    Rerouted,
    /// The requester took it back. Needs `number`, `tracking_link`.
    Withdrawn,
    /// It was closed and is worked again. Needs `number`, `tracking_link`.
    Reopened,
    /// It goes on as another one. Needs `number`, `survivor_number`, `note`; no link, because a
    /// removed request is no longer shown to its requester.
    Duplicate,
    /// The code that starts an account, to staff. Needs `code`, `link`, `closes_on`.
    SecurityCode,
    /// A password ends soon, to staff. Needs `closes_on`.
    CredentialExpiring,
    /// A program ends soon, to its contact. Needs `service_label` (the program's), `closes_on`.
    ClientExpiring,
}

impl MailTemplate {
    /// Every template.
    pub const ALL: [MailTemplate; 13] = [
        MailTemplate::OneTimeCode,
        MailTemplate::Receipt,
        MailTemplate::InfoRequested,
        MailTemplate::InfoReminder,
        MailTemplate::AutoResolved,
        MailTemplate::Resolved,
        MailTemplate::Rerouted,
        MailTemplate::Withdrawn,
        MailTemplate::Reopened,
        MailTemplate::Duplicate,
        MailTemplate::SecurityCode,
        MailTemplate::CredentialExpiring,
        MailTemplate::ClientExpiring,
    ];

    /// The code kept in the outbox.
    pub const fn as_str(self) -> &'static str {
        match self {
            MailTemplate::OneTimeCode => "one-time-code",
            MailTemplate::Receipt => "receipt",
            MailTemplate::InfoRequested => "info-requested",
            MailTemplate::InfoReminder => "info-reminder",
            MailTemplate::AutoResolved => "auto-resolved",
            MailTemplate::Resolved => "resolved",
            MailTemplate::Rerouted => "rerouted",
            MailTemplate::Withdrawn => "withdrawn",
            MailTemplate::Reopened => "reopened",
            MailTemplate::Duplicate => "duplicate",
            MailTemplate::SecurityCode => "security-code",
            MailTemplate::CredentialExpiring => "credential-expiring",
            MailTemplate::ClientExpiring => "client-expiring",
        }
    }

    /// The template with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        MailTemplate::ALL
            .into_iter()
            .find(|template| template.as_str() == code)
    }

    const fn source(self, lang: Lang) -> &'static str {
        let (it, en) = match self {
            MailTemplate::OneTimeCode => (
                include_str!("../templates/mail/it/one-time-code.txt"),
                include_str!("../templates/mail/en/one-time-code.txt"),
            ),
            MailTemplate::Receipt => (
                include_str!("../templates/mail/it/receipt.txt"),
                include_str!("../templates/mail/en/receipt.txt"),
            ),
            MailTemplate::InfoRequested => (
                include_str!("../templates/mail/it/info-requested.txt"),
                include_str!("../templates/mail/en/info-requested.txt"),
            ),
            MailTemplate::InfoReminder => (
                include_str!("../templates/mail/it/info-reminder.txt"),
                include_str!("../templates/mail/en/info-reminder.txt"),
            ),
            MailTemplate::AutoResolved => (
                include_str!("../templates/mail/it/auto-resolved.txt"),
                include_str!("../templates/mail/en/auto-resolved.txt"),
            ),
            MailTemplate::Resolved => (
                include_str!("../templates/mail/it/resolved.txt"),
                include_str!("../templates/mail/en/resolved.txt"),
            ),
            MailTemplate::Rerouted => (
                include_str!("../templates/mail/it/rerouted.txt"),
                include_str!("../templates/mail/en/rerouted.txt"),
            ),
            MailTemplate::Withdrawn => (
                include_str!("../templates/mail/it/withdrawn.txt"),
                include_str!("../templates/mail/en/withdrawn.txt"),
            ),
            MailTemplate::Reopened => (
                include_str!("../templates/mail/it/reopened.txt"),
                include_str!("../templates/mail/en/reopened.txt"),
            ),
            MailTemplate::Duplicate => (
                include_str!("../templates/mail/it/duplicate.txt"),
                include_str!("../templates/mail/en/duplicate.txt"),
            ),
            MailTemplate::SecurityCode => (
                include_str!("../templates/mail/it/security-code.txt"),
                include_str!("../templates/mail/en/security-code.txt"),
            ),
            MailTemplate::CredentialExpiring => (
                include_str!("../templates/mail/it/credential-expiring.txt"),
                include_str!("../templates/mail/en/credential-expiring.txt"),
            ),
            MailTemplate::ClientExpiring => (
                include_str!("../templates/mail/it/client-expiring.txt"),
                include_str!("../templates/mail/en/client-expiring.txt"),
            ),
        };
        match lang {
            Lang::It => it,
            Lang::En => en,
        }
    }
}

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
}

impl MailContext {
    /// The values there are. An absent one is left out: as `none` it would be printed as a word.
    fn values(&self) -> Value {
        let texts = [
            ("number", &self.number),
            ("service_label", &self.service_label),
            ("note", &self.note),
            ("tracking_link", &self.tracking_link),
            ("code", &self.code),
            ("authority_label", &self.authority_label),
            ("survivor_number", &self.survivor_number),
            ("closes_on", &self.closes_on),
            ("link", &self.link),
        ];
        let texts = texts
            .into_iter()
            .filter_map(|(name, text)| Some((name, Value::from(text.as_deref()?))));
        let minutes = self.minutes.map(|minutes| ("minutes", minutes.into()));
        Value::from_pairs(texts.chain(minutes))
    }
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
}

/// Why a mail's words could not be made. Holds no value of the context.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// A value the template needs is missing, or the template is broken.
    #[error("the mail text {template} could not be made")]
    Template {
        /// Code of the template.
        template: &'static str,
        /// Says which line.
        #[source]
        cause: minijinja::Error,
    },
    /// The file is not a subject line, a blank line and a body.
    #[error("the mail text {template} has no subject line")]
    NoSubject {
        /// Code of the template.
        template: &'static str,
    },
}

/// Makes the words of a mail.
pub fn render(
    template: MailTemplate,
    lang: Lang,
    context: &MailContext,
) -> Result<RenderedMail, TextError> {
    let code = template.as_str();
    let (subject, body) = template
        .source(lang)
        .split_once("\n\n")
        .ok_or(TextError::NoSubject { template: code })?;
    // The subject is made from the number alone, so that no edit of a template can put a
    // person's words into a header.
    let number = MailContext {
        number: context.number.clone(),
        ..MailContext::default()
    };
    words(lang, code, subject, &number)
        .and_then(|subject| {
            let mut body = words(lang, code, body, context)?;
            body.push('\n');
            Ok(RenderedMail { subject, body })
        })
        .map_err(|cause| TextError::Template {
            template: code,
            cause,
        })
}

fn words(
    lang: Lang,
    name: &'static str,
    source: &'static str,
    context: &MailContext,
) -> Result<String, minijinja::Error> {
    // Without filters, functions and escaping: templates place values and nothing else. Made
    // anew each time, which costs microseconds beside a conversation with a mail server.
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // Errors would otherwise carry the values that were at hand.
    environment.set_debug(false);
    match lang {
        Lang::It => environment
            .add_template("it/footer", include_str!("../templates/mail/it/footer.txt"))?,
        Lang::En => environment
            .add_template("en/footer", include_str!("../templates/mail/en/footer.txt"))?,
    }
    environment
        .template_from_named_str(name, source)?
        .render(context.values())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "https://assistenza.example.org/segui#k=AbC-1_2";

    /// Each template with exactly what it needs.
    const NEEDS: [(MailTemplate, &[&str]); 13] = [
        (MailTemplate::OneTimeCode, &["code", "minutes"]),
        (
            MailTemplate::Receipt,
            &["number", "service_label", "tracking_link"],
        ),
        (
            MailTemplate::InfoRequested,
            &["number", "note", "tracking_link"],
        ),
        (
            MailTemplate::InfoReminder,
            &["number", "note", "tracking_link"],
        ),
        (
            MailTemplate::AutoResolved,
            &["number", "tracking_link", "closes_on"],
        ),
        (
            MailTemplate::Resolved,
            &["number", "note", "tracking_link", "closes_on"],
        ),
        (
            MailTemplate::Rerouted,
            &["number", "authority_label", "tracking_link"],
        ),
        (MailTemplate::Withdrawn, &["number", "tracking_link"]),
        (MailTemplate::Reopened, &["number", "tracking_link"]),
        (MailTemplate::Duplicate, &["number", "survivor_number"]),
        (MailTemplate::SecurityCode, &["code", "link", "closes_on"]),
        (MailTemplate::CredentialExpiring, &["closes_on"]),
        (
            MailTemplate::ClientExpiring,
            &["service_label", "closes_on"],
        ),
    ];

    fn value(name: &str) -> &'static str {
        match name {
            "number" => "2026-0000417-S",
            "service_label" => "Ritiro e consultazione documenti",
            "note" => "Può inviarci il codice del referto?",
            "tracking_link" | "link" => LINK,
            "code" => "048213",
            "authority_label" => "ASL Città di Prova",
            "survivor_number" => "2026-0000398-K",
            "closes_on" => "8 dicembre 2026",
            "minutes" => "30",
            _ => panic!("no value for {name}"),
        }
    }

    fn context(names: &[&str]) -> MailContext {
        let text = |name: &str| names.contains(&name).then(|| value(name).to_owned());
        MailContext {
            number: text("number"),
            service_label: text("service_label"),
            note: text("note"),
            tracking_link: text("tracking_link"),
            code: text("code"),
            authority_label: text("authority_label"),
            survivor_number: text("survivor_number"),
            closes_on: text("closes_on"),
            link: text("link"),
            minutes: text("minutes").map(|minutes| minutes.parse().unwrap()),
        }
    }

    fn every_mail() -> impl Iterator<Item = (MailTemplate, Lang, &'static [&'static str])> {
        NEEDS
            .into_iter()
            .flat_map(|(template, needs)| [Lang::It, Lang::En].map(|lang| (template, lang, needs)))
    }

    fn made(template: MailTemplate, lang: Lang, context: &MailContext) -> RenderedMail {
        match render(template, lang, context) {
            Ok(mail) => mail,
            Err(error) => panic!("{template:?} {lang:?}: {error:?}"),
        }
    }

    #[test]
    fn codes_are_read_back() {
        for template in MailTemplate::ALL {
            assert_eq!(MailTemplate::from_code(template.as_str()), Some(template));
        }
        assert_eq!(MailTemplate::from_code("closed"), None);
        assert_eq!(NEEDS.map(|(template, _)| template), MailTemplate::ALL);
    }

    #[test]
    fn each_mail_says_all_it_was_given() {
        for (template, lang, needs) in every_mail() {
            let mail = made(template, lang, &context(needs));
            for name in needs {
                assert!(
                    mail.body.contains(value(name)),
                    "{template:?} {lang:?} {name}"
                );
            }
            assert!(
                mail.body.ends_with("Assistenza servizi sanitari on line\n"),
                "{template:?}"
            );
        }
    }

    #[test]
    fn each_mail_fails_without_any_one_of_its_values() {
        for (template, lang, needs) in every_mail() {
            for missing in needs {
                let rest: Vec<&str> = needs
                    .iter()
                    .copied()
                    .filter(|name| name != missing)
                    .collect();
                let answer = render(template, lang, &context(&rest));
                assert!(answer.is_err(), "{template:?} {lang:?} without {missing}");
            }
        }
    }

    #[test]
    fn an_error_says_where_and_tells_no_value() {
        let context = context(&["number", "note", "tracking_link"]);
        let error = render(MailTemplate::Resolved, Lang::It, &context)
            .err()
            .unwrap();
        let said = format!("{error} {error:?} {error:#?}");
        assert!(said.contains("resolved"), "{said}");
        assert!(
            !said.contains("2026-0000417-S") && !said.contains("referto") && !said.contains(LINK),
            "{said}"
        );
    }

    #[test]
    fn a_subject_is_one_line_of_fixed_words_and_the_number() {
        for (template, lang, needs) in every_mail() {
            let subject = made(template, lang, &context(needs)).subject;
            assert!(
                !subject.contains(char::is_control) && subject.len() < 78,
                "{subject}"
            );
            for name in needs.iter().filter(|name| **name != "number") {
                assert!(!subject.contains(value(name)), "{subject}");
            }
            assert_eq!(
                subject.contains(value("number")),
                needs.contains(&"number"),
                "{subject}"
            );
        }
    }

    #[test]
    fn every_mail_is_plain_unattended_and_shows_its_link() {
        for (template, lang, needs) in every_mail() {
            let body = made(template, lang, &context(needs)).body;
            let (unattended, health) = match lang {
                Lang::It => ("messaggio automatico, non rispondere", "sulla tua salute"),
                Lang::En => ("automatic message, do not reply", "about your health"),
            };
            assert!(body.contains(unattended) && body.contains(health), "{body}");
            assert!(!body.contains(['<', '>', '{', '}', '\r']), "{body}");
            assert!(!body.contains("\n\n\n"), "{body}");
            let alone = body.lines().filter(|line| *line == LINK).count();
            assert_eq!(
                alone,
                usize::from(needs.contains(&"tracking_link") || needs.contains(&"link")),
                "{body}"
            );
            assert_eq!(body.matches("://").count(), alone, "{body}");
            // For a citizen the word is the co-payment (`domain.md` §1).
            assert!(!body.to_lowercase().contains("ticket"), "{body}");
        }
    }

    #[test]
    fn a_note_stays_text() {
        let note = "Prima riga\n\n{{ code }} {% include 'it/footer' %} {# via #}\n\
                    <a href=\"http://x.example\">qui</a> & così — 日本 🙂\n.\nultima \\n";
        for (template, lang, needs) in every_mail().filter(|(_, _, needs)| needs.contains(&"note"))
        {
            let mut context = context(needs);
            context.note = Some(note.to_owned());
            let mail = made(template, lang, &context);
            assert!(
                mail.body.contains(&format!("\n\n{note}\n\n")),
                "{}",
                mail.body
            );
        }
    }

    #[test]
    fn the_code_comes_with_its_warnings() {
        let context = context(&["code", "minutes"]);
        let it = made(MailTemplate::OneTimeCode, Lang::It, &context).body;
        for words in ["\n048213\n", "30 minuti", "telefono", "Se non hai chiesto"] {
            assert!(it.contains(words), "{it}");
        }
        let en = made(MailTemplate::OneTimeCode, Lang::En, &context).body;
        for words in ["\n048213\n", "30 minutes", "phone", "If you did not ask"] {
            assert!(en.contains(words), "{en}");
        }
    }
}
