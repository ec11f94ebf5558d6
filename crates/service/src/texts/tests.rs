use domain::invalid::Lang;

use super::*;

const LINK: &str = "https://assistenza.example.org/segui#k=AbC-1_2";

fn value(gap: Placeholder) -> &'static str {
    match gap {
        Placeholder::Number => "2026-0000417-S",
        Placeholder::ServiceLabel => "Ritiro e consultazione documenti",
        Placeholder::Note => "Può inviarci il codice del referto?",
        Placeholder::TrackingLink | Placeholder::Link => LINK,
        Placeholder::Code => "048213",
        Placeholder::AuthorityLabel => "ASL Città di Prova",
        Placeholder::SurvivorNumber => "2026-0000398-K",
        Placeholder::ClosesOn => "8 dicembre 2026",
        Placeholder::Minutes => "30",
        Placeholder::Items => "2026-0000417-S: novità nella coda",
        Placeholder::Today => "1 dicembre 2026",
    }
}

fn context(gaps: &[Placeholder]) -> MailContext {
    let text = |gap: Placeholder| gaps.contains(&gap).then(|| value(gap).to_owned());
    MailContext {
        number: text(Placeholder::Number),
        service_label: text(Placeholder::ServiceLabel),
        note: text(Placeholder::Note),
        tracking_link: text(Placeholder::TrackingLink),
        code: text(Placeholder::Code),
        authority_label: text(Placeholder::AuthorityLabel),
        survivor_number: text(Placeholder::SurvivorNumber),
        closes_on: text(Placeholder::ClosesOn),
        link: text(Placeholder::Link),
        minutes: text(Placeholder::Minutes).map(|minutes| minutes.parse().unwrap()),
        items: text(Placeholder::Items),
        today: text(Placeholder::Today),
        desk: None,
    }
}

/// Each template with exactly what it needs.
fn every_mail() -> impl Iterator<Item = (MailTemplate, Lang, &'static [Placeholder])> {
    let with_needs =
        |template: MailTemplate| Lang::ALL.map(|lang| (template, lang, template.needs()));
    MailTemplate::ALL.into_iter().flat_map(with_needs)
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
    assert_eq!(MailTemplate::from_code("opened"), None);
}

#[test]
fn each_mail_says_all_it_was_given() {
    for (template, lang, needs) in every_mail() {
        let mail = made(template, lang, &context(needs));
        for gap in needs {
            assert!(
                mail.body.contains(value(*gap)) && mail.html.contains(value(*gap)),
                "{template:?} {lang:?} {gap:?}"
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
            let rest: Vec<Placeholder> =
                needs.iter().copied().filter(|gap| gap != missing).collect();
            let answer = render(template, lang, &context(&rest));
            assert!(answer.is_err(), "{template:?} {lang:?} without {missing:?}");
        }
    }
}

#[test]
fn an_error_says_where_and_tells_no_value() {
    let context = context(&[
        Placeholder::Number,
        Placeholder::Note,
        Placeholder::TrackingLink,
    ]);
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
        for gap in needs.iter().filter(|gap| **gap != Placeholder::Number) {
            assert!(!subject.contains(value(*gap)), "{subject}");
        }
        assert_eq!(
            subject.contains(value(Placeholder::Number)),
            needs.contains(&Placeholder::Number),
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
            usize::from(
                needs.contains(&Placeholder::TrackingLink) || needs.contains(&Placeholder::Link)
            ),
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
    for (template, lang, needs) in
        every_mail().filter(|(_, _, needs)| needs.contains(&Placeholder::Note))
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
    let context = context(&[Placeholder::Code, Placeholder::Minutes]);
    let it = made(MailTemplate::OneTimeCode, Lang::It, &context).body;
    for words in ["\n048213\n", "30 minuti", "telefono", "Se non hai chiesto"] {
        assert!(it.contains(words), "{it}");
    }
    let en = made(MailTemplate::OneTimeCode, Lang::En, &context).body;
    for words in ["\n048213\n", "30 minutes", "phone", "If you did not ask"] {
        assert!(en.contains(words), "{en}");
    }
}

/// The plain text of a document, as a reader without style shows it.
fn shown(html: &str) -> String {
    let (_, body) = html.split_once("<h1").unwrap();
    let (_, body) = body.split_once("</h1>").unwrap();
    let mut text = String::new();
    let mut rest = body.replace("<br>\n", "\u{0}").replace('\n', "");
    rest = rest.replace("</p>", "\n\n").replace('\u{0}', "\n");
    for piece in rest.split('<') {
        text.push_str(piece.split_once('>').map_or(piece, |(_, words)| words));
    }
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

#[test]
fn both_parts_say_the_same() {
    for (template, lang, needs) in every_mail() {
        let mut context = context(needs);
        context.note = context
            .note
            .map(|_| "Prima riga\nseconda\n\ndopo <br> & \"così\" — l'8\n".to_owned());
        let mail = made(template, lang, &context);
        assert_eq!(
            shown(&mail.html).trim(),
            mail.body.trim(),
            "{template:?} {lang:?}"
        );
    }
}

#[test]
fn every_document_can_be_read_by_anybody_and_fetches_nothing() {
    for (template, lang, needs) in every_mail() {
        let mail = made(template, lang, &context(needs));
        let html = &mail.html;
        let title = mail.subject.replace('\'', "&#39;");
        assert!(html.starts_with(&format!("<!DOCTYPE html>\n<html lang=\"{}\" ", lang.code())));
        assert!(html.contains(&format!("<title>{title}</title>")), "{html}");
        assert_eq!(html.matches("<h1").count(), 1, "{html}");
        assert!(html.contains(&format!(">{title}</h1>")), "{html}");
        assert!(html.contains("<div role=\"article\" lang="), "{html}");
        for fetched in [
            "<img",
            "<script",
            "<link",
            "<style",
            "<iframe",
            "<object",
            "<form",
            "<svg",
            "<base",
            "http-equiv",
            "src=",
            "url(",
            "@import",
            "@font-face",
            "srcset",
            "background=",
            "onload",
        ] {
            assert!(!html.contains(fetched), "{fetched}: {html}");
        }
        // A link is an address in full, once to follow and once to read.
        let links = usize::from(needs.iter().any(|gap| value(*gap) == LINK));
        assert_eq!(html.matches("<a href=").count(), links, "{html}");
        assert_eq!(html.matches("://").count(), 2 * links, "{html}");
        let link = format!("<p><a href=\"{LINK}\" ");
        assert_eq!(html.matches(&link).count(), links, "{html}");
        for (opened, closed) in [
            ("<p>", "</p>"),
            ("<bdi>", "</bdi>"),
            ("<div", "</div>"),
            ("<a ", "</a>"),
        ] {
            assert_eq!(
                html.matches(opened).count(),
                html.matches(closed).count(),
                "{html}"
            );
        }
    }
}

#[test]
fn a_script_in_a_note_is_text_in_the_document() {
    let note =
        "<script>alert('1')</script> {{ code }} {% raw %}\n\n</bdi></p><img src=x onerror=y>";
    let mut context = context(MailTemplate::Resolved.needs());
    context.note = Some(note.to_owned());
    context.code = Some("048213".to_owned());
    let mail = made(MailTemplate::Resolved, Lang::It, &context);
    let escaped = "<p><bdi>&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; {{ code }} {% raw %}<br>\n<br>\n\
                   &lt;/bdi&gt;&lt;/p&gt;&lt;img src=x onerror=y&gt;</bdi></p>";
    assert!(mail.html.contains(escaped), "{}", mail.html);
    assert!(!mail.html.contains("<script") && !mail.html.contains("<img"));
    assert!(!mail.html.contains("048213") && !mail.body.contains("048213"));
    assert!(mail.body.contains(note));
}

#[test]
fn a_name_cannot_add_lines_or_paragraphs() {
    let mut context = context(MailTemplate::Receipt.needs());
    context.service_label =
        Some("Ritiro, consultazione\r\n\r\nIl tuo codice: 1 <b>{{ number }}</b>".to_owned());
    let mail = made(MailTemplate::Receipt, Lang::It, &context);
    let line = "Servizio: Ritiro, consultazione    Il tuo codice: 1 <b>{{ number }}</b>\n";
    assert!(mail.body.contains(line), "{}", mail.body);
    assert!(
        mail.html
            .contains("&lt;b&gt;{{ number }}&lt;/b&gt;</bdi></p>"),
        "{}",
        mail.html
    );
}

/// Words of an authority's own.
fn own(subject: &str, body: &str) -> Wording {
    Wording {
        subject: subject.to_owned(),
        body: body.to_owned(),
    }
}

#[test]
fn own_words_are_used_and_what_stands_under_every_mail_stays() {
    let context = context(MailTemplate::Reopened.needs());
    let words = own(
        "Ecco {{ number }}",
        "Ciao da <ASL> & co.\n\nApri {{tracking_link}} ({{ number }})",
    );
    let mail = render_with(MailTemplate::Reopened, Lang::En, &words, &context)
        .ok()
        .unwrap();
    assert_eq!(mail.subject, "Ecco 2026-0000417-S");
    let body = format!(
        "Ciao da <ASL> & co.\n\nApri {LINK} (2026-0000417-S)\n\n{}\n",
        footer(Lang::En)
    );
    assert_eq!(mail.body, body);
    assert!(
        mail.html.contains("<p>Ciao da &lt;ASL&gt; &amp; co.</p>"),
        "{}",
        mail.html
    );
    assert_eq!(shown(&mail.html).trim(), mail.body.trim());
}

#[test]
fn words_that_cannot_be_filled_make_no_mail() {
    let context = context(&[Placeholder::Number, Placeholder::TrackingLink]);
    let error = |subject: &str, body: &str| {
        render_with(
            MailTemplate::Reopened,
            Lang::It,
            &own(subject, body),
            &context,
        )
        .err()
        .unwrap()
    };
    // Once allowed and now gone, or put into the table by hand.
    assert!(matches!(
        error("x", "{{ service_label }}"),
        TextError::Missing {
            placeholder: "service_label",
            ..
        }
    ));
    assert!(matches!(
        error("x", "{{ note }}"),
        TextError::Malformed { .. }
    ));
    assert!(matches!(
        error("x", "{% for %}"),
        TextError::Malformed { .. }
    ));
    assert!(matches!(
        error("{{ tracking_link }}", "x"),
        TextError::Malformed { .. }
    ));
    let long = "x".repeat(layout::MAX_TEXT_BYTES);
    assert!(matches!(error("x", &long), TextError::TooLong { .. }));
}

#[test]
fn the_longest_note_fits_as_often_as_it_may_stand_there() {
    let mut context = context(MailTemplate::Resolved.needs());
    context.note = Some("😀".repeat(domain::text::NOTE_MAX_CHARS));
    let filler = "😀".repeat(BODY_MAX_CHARS - 90);
    let body = format!(
        "{{{{note}}}}{{{{note}}}}{{{{note}}}}{{{{number}}}}{{{{tracking_link}}}}{{{{closes_on}}}}{filler}"
    );
    let words = Wording::check(MailTemplate::Resolved, "x", &body).unwrap();
    assert!(render_with(MailTemplate::Resolved, Lang::It, &words, &context).is_ok());
}
