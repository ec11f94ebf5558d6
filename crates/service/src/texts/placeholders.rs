//! The gaps of texts: which there are, what people call them, and what fills them.
//!
//! A gap is written `{{ number }}`. It places a value and does nothing else (A12).

use std::borrow::Cow;

use domain::invalid::{Lang, Text};

use super::MailContext;

/// A gap that a text may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Placeholder {
    /// The number of the request.
    Number,
    /// The service's name, or a program's.
    ServiceLabel,
    /// A published note.
    Note,
    /// Where the requester follows the request.
    TrackingLink,
    /// A one-time code.
    Code,
    /// The authority that has the request now.
    AuthorityLabel,
    /// The request a duplicate goes on as.
    SurvivorNumber,
    /// The last day of something.
    ClosesOn,
    /// Where codes are shown.
    Link,
    /// How long a code is good.
    Minutes,
    /// What a digest tells, a line each.
    Items,
    /// The day on which something is written.
    Today,
}

/// What a value looks like, and so how it is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One line of text.
    Line,
    /// Text in lines and paragraphs, as somebody wrote it.
    Lines,
    /// An address of ours.
    Link,
}

/// What people are told of a gap.
struct Facts {
    code: &'static str,
    label: Text,
    example: Text,
    shape: Shape,
}

impl Placeholder {
    /// Every gap.
    pub const ALL: [Placeholder; 12] = [
        Placeholder::Number,
        Placeholder::ServiceLabel,
        Placeholder::Note,
        Placeholder::TrackingLink,
        Placeholder::Code,
        Placeholder::AuthorityLabel,
        Placeholder::SurvivorNumber,
        Placeholder::ClosesOn,
        Placeholder::Link,
        Placeholder::Minutes,
        Placeholder::Items,
        Placeholder::Today,
    ];

    fn facts(self) -> Facts {
        let (code, shape, label, example) = match self {
            Placeholder::Number => (
                "number",
                Shape::Line,
                ("Numero della richiesta", "Number of the request"),
                ("2026-0000417-S", "2026-0000417-S"),
            ),
            Placeholder::ServiceLabel => (
                "service_label",
                Shape::Line,
                ("Nome del servizio", "Name of the service"),
                (
                    "Ritiro e consultazione documenti",
                    "Collecting and reading documents",
                ),
            ),
            Placeholder::Note => (
                "note",
                Shape::Lines,
                ("Testo scritto dall'operatore", "What the operator wrote"),
                (
                    "Puoi inviarci il codice del referto?\nLo trovi in alto a destra, sul foglio del ritiro.",
                    "Can you send us the code of the report?\nIt is at the top right of the collection sheet.",
                ),
            ),
            Placeholder::TrackingLink => (
                "tracking_link",
                Shape::Link,
                (
                    "Indirizzo per seguire la richiesta",
                    "Address to follow the request",
                ),
                (EXAMPLE_LINK, EXAMPLE_LINK),
            ),
            Placeholder::Code => (
                "code",
                Shape::Line,
                ("Codice", "Code"),
                ("048213", "048213"),
            ),
            Placeholder::AuthorityLabel => (
                "authority_label",
                Shape::Line,
                (
                    "Ente che ora si occupa della richiesta",
                    "Authority that has the request now",
                ),
                ("ASL Città di Prova", "ASL Città di Prova"),
            ),
            Placeholder::SurvivorNumber => (
                "survivor_number",
                Shape::Line,
                (
                    "Numero della richiesta che prosegue",
                    "Number of the request that goes on",
                ),
                ("2026-0000398-K", "2026-0000398-K"),
            ),
            Placeholder::ClosesOn => (
                "closes_on",
                Shape::Line,
                ("Ultimo giorno utile", "Last day"),
                ("08/12/2026", "08/12/2026"),
            ),
            Placeholder::Link => (
                "link",
                Shape::Link,
                (
                    "Indirizzo della pagina dei codici",
                    "Address of the page for codes",
                ),
                (EXAMPLE_LINK, EXAMPLE_LINK),
            ),
            Placeholder::Minutes => (
                "minutes",
                Shape::Line,
                ("Minuti di validità", "Minutes the code is good"),
                ("30", "30"),
            ),
            Placeholder::Items => (
                "items",
                Shape::Lines,
                ("Righe del riepilogo", "Lines of the summary"),
                (
                    "2026-0000417-S: il cittadino ha scritto",
                    "2026-0000417-S: the citizen wrote",
                ),
            ),
            Placeholder::Today => (
                "today",
                Shape::Line,
                ("Data di oggi", "Today's date"),
                ("01/12/2026", "01/12/2026"),
            ),
        };
        Facts {
            code,
            label: Text::new(label.0, label.1),
            example: Text::new(example.0, example.1),
            shape,
        }
    }

    /// What is written between the braces.
    pub fn code(self) -> &'static str {
        self.facts().code
    }

    /// What people call it.
    pub fn label(self) -> Text {
        self.facts().label
    }

    /// A value it could have, for previews.
    pub fn example(self) -> Text {
        self.facts().example
    }

    pub(super) fn shape(self) -> Shape {
        self.facts().shape
    }

    /// What fills it in this mail.
    pub(super) fn value(self, context: &MailContext) -> Option<Cow<'_, str>> {
        let text = match self {
            Placeholder::Number => &context.number,
            Placeholder::ServiceLabel => &context.service_label,
            Placeholder::Note => &context.note,
            Placeholder::TrackingLink => &context.tracking_link,
            Placeholder::Code => &context.code,
            Placeholder::AuthorityLabel => &context.authority_label,
            Placeholder::SurvivorNumber => &context.survivor_number,
            Placeholder::ClosesOn => &context.closes_on,
            Placeholder::Link => &context.link,
            Placeholder::Items => &context.items,
            Placeholder::Today => &context.today,
            Placeholder::Minutes => return Some(context.minutes?.to_string().into()),
        };
        let text = text.as_deref()?;
        // Only notes and digests have lines: in any other value a line break would look like our own words.
        Some(match self.shape() {
            Shape::Lines => Cow::Borrowed(text),
            Shape::Line | Shape::Link => one_line(text),
        })
    }
}

/// Leads nowhere (RFC 2606), and looks like the real one.
const EXAMPLE_LINK: &str =
    "https://assistenza.example.org/segui#number=2026-0000417-S&secret=esempio";

/// The values of a preview.
pub fn examples(lang: Lang) -> MailContext {
    let example = |gap: Placeholder| Some(gap.example().to(lang).to_owned());
    MailContext {
        number: example(Placeholder::Number),
        service_label: example(Placeholder::ServiceLabel),
        note: example(Placeholder::Note),
        tracking_link: example(Placeholder::TrackingLink),
        code: example(Placeholder::Code),
        authority_label: example(Placeholder::AuthorityLabel),
        survivor_number: example(Placeholder::SurvivorNumber),
        closes_on: example(Placeholder::ClosesOn),
        link: example(Placeholder::Link),
        minutes: Some(30),
        items: example(Placeholder::Items),
        today: example(Placeholder::Today),
        desk: None,
    }
}

fn one_line(text: &str) -> Cow<'_, str> {
    match text.contains(is_break) {
        true => text.replace(is_break, " ").into(),
        false => text.into(),
    }
}

/// Whether a character ends a line, or does something else that is no text.
pub(super) fn is_break(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_gap_has_a_code_of_its_own_and_an_example() {
        for lang in [Lang::It, Lang::En] {
            let context = examples(lang);
            for gap in Placeholder::ALL {
                let example = gap.example();
                assert_eq!(gap.value(&context).as_deref(), Some(example.to(lang)));
                assert!(!gap.label().to(lang).is_empty());
                assert_eq!(gap.value(&MailContext::default()), None, "{gap:?}");
            }
        }
        let mut codes = Placeholder::ALL.map(Placeholder::code).to_vec();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Placeholder::ALL.len());
    }

    #[test]
    fn only_a_note_has_lines() {
        let lines = Some("a\r\n\r\nb\u{2028}c".to_owned());
        let context = MailContext {
            note: lines.clone(),
            service_label: lines.clone(),
            tracking_link: lines,
            ..MailContext::default()
        };
        let value = |gap: Placeholder| gap.value(&context).unwrap().into_owned();
        assert_eq!(value(Placeholder::Note), "a\r\n\r\nb\u{2028}c");
        assert_eq!(value(Placeholder::ServiceLabel), "a    b c");
        assert_eq!(value(Placeholder::TrackingLink), "a    b c");
    }
}
