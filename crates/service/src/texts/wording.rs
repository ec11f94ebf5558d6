//! A subject and a body with gaps: how they are read, and what an authority may not write.
//!
//! Read by hand rather than by a template engine: `{{ name }}` is all there is, and what is checked
//! here is what is laid out later, by the same function. A loop, a filter, a call or an include is not
//! forbidden, it has no meaning (A12).

use domain::invalid::{FieldError, Invalid, Text};
use domain::text::check_wording;

use super::MailTemplate;
use super::placeholders::{Placeholder, is_break};

/// The longest subject, as it is written.
pub const SUBJECT_MAX_CHARS: usize = 78;
/// The longest body, as it is written.
pub const BODY_MAX_CHARS: usize = 4_000;
/// How often a body may place the same value: a note could be long.
const MOST_REPEATS: usize = 3;
/// Characters of an unknown name that the refusal repeats.
const NAME_SHOWN_CHARS: usize = 40;

/// The words of a mail, with their gaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wording {
    /// One line; its only gap is the number.
    pub subject: String,
    /// Paragraphs with a blank line between them. What stands under every mail is added later.
    pub body: String,
}

/// A stretch of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part<'a> {
    Words(&'a str),
    Gap(Placeholder),
}

impl Wording {
    /// Checks words that somebody wrote for this template; all that is wrong is told.
    pub fn check(
        template: MailTemplate,
        subject: &str,
        body: &str,
    ) -> Result<Wording, Vec<FieldError>> {
        let subject = check_subject(subject);
        let body = check_body(template, body);
        match (subject, body) {
            (Ok(subject), Ok(body)) => Ok(Wording { subject, body }),
            (subject, body) => {
                let at = |errors: Vec<Invalid>, pointer: &'static str| {
                    errors.into_iter().map(move |error| error.at(pointer))
                };
                let subject = at(subject.err().unwrap_or_default(), "/subject");
                let body = at(body.err().unwrap_or_default(), "/body");
                Err(subject.chain(body).collect())
            }
        }
    }
}

fn check_subject(input: &str) -> Result<String, Vec<Invalid>> {
    let subject = check_wording(input, SUBJECT_MAX_CHARS).map_err(|error| vec![error])?;
    if subject.contains(is_break) {
        return Err(vec![Invalid::new(
            "forbidden-chars",
            "L'oggetto è una riga sola, senza caratteri di controllo",
            "a subject is one line without control characters",
        )]);
    }
    let mut errors = foreign_content(&subject);
    if let Err(faults) = parts(&subject, &[Placeholder::Number]) {
        errors.extend(faults);
    }
    finish(subject.trim().to_owned(), errors)
}

fn check_body(template: MailTemplate, input: &str) -> Result<String, Vec<Invalid>> {
    let body = check_wording(input, BODY_MAX_CHARS).map_err(|error| vec![error])?;
    let known: Vec<Placeholder> = template.placeholders().collect();
    let mut errors = foreign_content(&body);
    match parts(&body, &known) {
        Err(faults) => errors.extend(faults),
        Ok(parts) => {
            for gap in known {
                let times = parts.iter().filter(|part| **part == Part::Gap(gap)).count();
                if times == 0 && template.needs().contains(&gap) {
                    errors.push(missing(gap));
                }
                if times > MOST_REPEATS {
                    errors.push(repeated(gap));
                }
            }
        }
    }
    finish(tidy(&body), errors)
}

fn finish(text: String, errors: Vec<Invalid>) -> Result<String, Vec<Invalid>> {
    match errors.is_empty() {
        true => Ok(text),
        false => Err(errors),
    }
}

/// Without blanks at line ends, and one blank line between paragraphs.
pub(super) fn tidy(body: &str) -> String {
    let lines: Vec<&str> = body.lines().map(str::trim_end).collect();
    let paragraphs = lines.split(|line| line.is_empty());
    let paragraphs = paragraphs.filter(|lines| !lines.is_empty());
    let paragraphs: Vec<String> = paragraphs.map(|lines| lines.join("\n")).collect();
    paragraphs.join("\n\n")
}

/// Words and gaps in their order; or every unknown gap, and once that braces stand where none may.
pub(super) fn parts<'a>(
    text: &'a str,
    known: &[Placeholder],
) -> Result<Vec<Part<'a>>, Vec<Invalid>> {
    let (mut parts, mut faults) = (Vec::new(), Vec::new());
    let mut rest = text;
    while let Some((words, braces)) = rest
        .find(['{', '}'])
        .and_then(|at| rest.split_at_checked(at))
    {
        let Some((name, after)) = gap(braces) else {
            faults.push(syntax());
            break;
        };
        match known.iter().find(|gap| gap.code() == name) {
            Some(gap) => parts.extend([Part::Words(words), Part::Gap(*gap)]),
            None => faults.push(unknown(name)),
        }
        rest = after;
    }
    parts.push(Part::Words(rest));
    match faults.is_empty() {
        true => Ok(parts),
        false => Err(faults),
    }
}

/// The name in `{{ name }}`, and what follows.
pub(super) fn gap(braces: &str) -> Option<(&str, &str)> {
    let (inside, after) = braces.strip_prefix("{{")?.split_once("}}")?;
    let name = inside.trim_matches(' ');
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    (!name.is_empty() && name.chars().all(is_plain)).then_some((name, after))
}

/// Markup and addresses: a letter's layout is ours, and its only address is the configured one (D-16,
/// D-18). A link in a mail from a health authority is what a deceiver would want to put there.
pub(super) fn foreign_content(text: &str) -> Vec<Invalid> {
    let mut errors = Vec::new();
    let mut after_angles = text.split('<').skip(1);
    let is_tag = |rest: &str| {
        rest.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'))
    };
    if after_angles.any(is_tag) {
        errors.push(Invalid::new(
            "html-not-allowed",
            "Scrivi solo testo, senza HTML",
            "write plain text, without HTML",
        ));
    }
    let lower = text.to_lowercase();
    let schemes = ["://", "www.", "mailto:", "javascript:", "data:text"];
    if schemes.iter().any(|scheme| lower.contains(scheme)) {
        errors.push(Invalid::new(
            "remote-content",
            "Non scrivere indirizzi web: usa i segnaposto",
            "write no web addresses: use the placeholders",
        ));
    }
    errors
}

pub(super) fn syntax() -> Invalid {
    Invalid::new(
        "template-syntax",
        "Le graffe servono solo per i segnaposto, come {{ number }}",
        "braces are for placeholders alone, such as {{ number }}",
    )
}

pub(super) fn unknown(name: &str) -> Invalid {
    let name: String = name.chars().take(NAME_SHOWN_CHARS).collect();
    Invalid {
        code: "unknown-placeholder",
        message: Text::owned(
            format!("Qui non c'è il segnaposto {name}"),
            format!("there is no placeholder {name} here"),
        ),
    }
}

fn missing(gap: Placeholder) -> Invalid {
    let (code, label) = (gap.code(), gap.label());
    Invalid {
        code: "placeholder-missing",
        message: Text::owned(
            format!("Manca il segnaposto {{{{ {code} }}}}: {}", label.it),
            format!("the placeholder {{{{ {code} }}}} is missing: {}", label.en),
        ),
    }
}

fn repeated(gap: Placeholder) -> Invalid {
    let code = gap.code();
    Invalid {
        code: "placeholder-repeated",
        message: Text::owned(
            format!("Il segnaposto {code} compare più di {MOST_REPEATS} volte"),
            format!("the placeholder {code} stands there more than {MOST_REPEATS} times"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBJECT: &str = "Richiesta {{ number }}: riaperta";
    const BODY: &str = "Buongiorno,\n\nla richiesta {{ number }} riparte.\n\n{{ tracking_link }}";

    /// What is wrong with words for `reopened`: pointer and code.
    fn refused(subject: &str, body: &str) -> Vec<(String, &'static str)> {
        match Wording::check(MailTemplate::Reopened, subject, body) {
            Ok(_) => Vec::new(),
            Err(errors) => errors
                .into_iter()
                .map(|error| (error.pointer, error.code))
                .collect(),
        }
    }

    fn body_refused(more: &str) -> Vec<&'static str> {
        let errors = refused(SUBJECT, &format!("{BODY}\n\n{more}"));
        assert!(errors.iter().all(|(pointer, _)| pointer == "/body"));
        errors.into_iter().map(|(_, code)| code).collect()
    }

    #[test]
    fn words_with_gaps_are_taken_and_tidied() {
        let typed = "  \r\nBuongiorno,  \r\n\r\n \r\n\r\nla richiesta {{number}} \u{e8} qui (di nuovo): 3 < 4 | ok\r\n{{   tracking_link }}\r\n";
        let wording = Wording::check(MailTemplate::Reopened, "  Ecco {{number}} ", typed).unwrap();
        assert_eq!(wording.subject, "Ecco {{number}}");
        assert_eq!(
            wording.body,
            "Buongiorno,\n\nla richiesta {{number}} è qui (di nuovo): 3 < 4 | ok\n{{   tracking_link }}"
        );
        assert!(refused("Una notizia per te", BODY).is_empty());
        assert!(body_refused("{{ service_label }}").is_empty());
    }

    #[test]
    fn every_standard_text_would_be_taken_but_for_what_is_reserved() {
        for template in MailTemplate::ALL {
            for lang in domain::invalid::Lang::ALL {
                let standard = template.standard(lang).unwrap();
                let again = Wording::check(template, &standard.subject, &standard.body);
                assert_eq!(again.unwrap(), standard, "{template:?}");
            }
        }
    }

    #[test]
    fn nothing_that_a_program_is_made_of_is_taken() {
        for typed in [
            "{% for i in range(9) %}x{% endfor %}",
            "{%for i in range(9)%}x{%endfor%}",
            "{% include \"it/footer\" %}",
            "{% macro m() %}x{% endmacro %}",
            "{% set a = 1 %}",
            "{# via #}",
            "{{ number|upper }}",
            "{{ number | upper }}",
            "{{ range(9) }}",
            "{{ number.x }}",
            "{{ number[0] }}",
            "{{ 'a' ~ 'b' }}",
            "{{ 1 + 1 }}",
            "{{- number -}}",
            "{{ number }",
            "{ number }}",
            "{{{ number }}}",
            "{{ number",
            "{{ }}",
            "{{}}",
            "{{ Number }}",
            "{{ number\n}}",
            "{{ \u{fb01}ne }}",
            "{",
            "}",
            "}}",
            "${x}",
        ] {
            assert_eq!(body_refused(typed), ["template-syntax"], "{typed}");
            let subject = refused(&format!("Richiesta {typed}"), BODY);
            let code = if typed.contains('\n') {
                "forbidden-chars"
            } else {
                "template-syntax"
            };
            assert_eq!(subject, [("/subject".to_owned(), code)], "{typed}");
        }
    }

    #[test]
    fn gaps_are_those_of_the_template_and_none_is_left_out() {
        let codes = body_refused("{{ note }} {{ code }} {{ ssn }} {{ note2 }}");
        assert_eq!(codes, ["unknown-placeholder"; 4]);
        let error = Wording::check(MailTemplate::Reopened, SUBJECT, "{{ number }}").unwrap_err();
        assert_eq!(error.len(), 1);
        assert_eq!(error[0].code, "placeholder-missing");
        assert!(error[0].message.it.contains("{{ tracking_link }}"));
        let both = refused(SUBJECT, "Ciao");
        assert_eq!(both.len(), 2, "{both:?}");
        assert!(body_refused("{{ number }} {{ number }}").is_empty());
        assert_eq!(
            body_refused("{{ number }} {{ number }} {{ number }}"),
            ["placeholder-repeated"]
        );
        let name = "x".repeat(2_000);
        let body = format!("{BODY} {{{{ {name} }}}}");
        let error = Wording::check(MailTemplate::Reopened, SUBJECT, &body).unwrap_err();
        assert!(error[0].message.it.len() < 100);
    }

    #[test]
    fn a_subject_is_fixed_words_and_the_number() {
        for gap in Placeholder::ALL {
            let errors = refused(&format!("Per te: {{{{ {} }}}}", gap.code()), BODY);
            match gap {
                Placeholder::Number => assert!(errors.is_empty()),
                _ => assert_eq!(errors, [("/subject".to_owned(), "unknown-placeholder")]),
            }
        }
        for typed in [
            "a\nb",
            "a\r\nBcc: x@example.org",
            "a\tb",
            "a\u{85}b",
            "a\u{2028}b",
            "a\0b",
            "a\u{202e}b",
        ] {
            let errors = refused(typed, BODY);
            assert_eq!(
                errors,
                [("/subject".to_owned(), "forbidden-chars")],
                "{typed:?}"
            );
        }
        assert_eq!(refused(" ", BODY), [("/subject".to_owned(), "required")]);
    }

    #[test]
    fn texts_have_an_end() {
        let subject = |chars: usize| refused(&"è".repeat(chars), BODY);
        assert!(subject(SUBJECT_MAX_CHARS).is_empty());
        assert_eq!(
            subject(SUBJECT_MAX_CHARS + 1),
            [("/subject".to_owned(), "too-long")]
        );
        let rest = BODY_MAX_CHARS - BODY.chars().count() - 2;
        assert!(body_refused(&"è".repeat(rest)).is_empty());
        assert_eq!(body_refused(&"è".repeat(rest + 1)), ["too-long"]);
    }

    #[test]
    fn markup_and_addresses_are_refused() {
        for typed in [
            "<b>ciao</b>",
            "</p>",
            "<!-- x -->",
            "<?php",
            "<IMG SRC=x>",
            "a<script",
        ] {
            assert_eq!(body_refused(typed), ["html-not-allowed"], "{typed}");
        }
        for typed in [
            "vedi https://example.org",
            "HTTP://EXAMPLE.ORG",
            "ftp://x",
            "www.example.org",
            "Www.example.org",
            "javascript:alert(1)",
            "mailto:x@example.org",
        ] {
            assert_eq!(body_refused(typed), ["remote-content"], "{typed}");
            let subject = refused(typed, BODY);
            assert_eq!(subject, [("/subject".to_owned(), "remote-content")]);
        }
        let both = body_refused("<a href=\"https://example.org\">qui</a>");
        assert_eq!(both, ["html-not-allowed", "remote-content"]);
    }
}
