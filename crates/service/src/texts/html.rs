//! The one layout of the HTML part: a heading, paragraphs, full addresses, and nothing else.
//!
//! Made for people who have it read aloud, enlarged, without pictures or without style (WCAG 2.1 AA,
//! law 4/2004): language and title, one heading, real paragraphs, contrast above 7 : 1, links that
//! say where they lead. Invariants: whatever is not in this file is escaped; nothing is fetched from
//! anywhere: no picture, no script, no style sheet, no font, so opening a mail tells nobody.

use domain::invalid::Lang;

use super::layout::{Filled, Piece};
use super::placeholders::Shape;

const INK: &str = "#1a1a1a";
const PAPER: &str = "#ffffff";
const LINK: &str = "#004080";

/// The mail as a document of its own.
pub(super) fn document(lang: Lang, mail: &Filled, footer: &str) -> String {
    let (lang, title) = (lang.code(), escaped(&mail.subject));
    let body: String = mail.paragraphs.iter().map(|one| paragraph(one)).collect();
    let footer: String = footer
        .split("\n\n")
        .map(|text| format!("<p>{}</p>\n", in_lines(text)))
        .collect();
    // Mail readers that drop `html` and `body` keep the language and the role of the inner element.
    format!(
        "<!DOCTYPE html>\n\
         <html lang=\"{lang}\" dir=\"ltr\">\n\
         <head>\n\
         <meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n\
         </head>\n\
         <body style=\"margin:0;padding:16px;background-color:{PAPER};color:{INK};\
         font-family:Arial,Helvetica,sans-serif;font-size:1em;line-height:1.5\">\n\
         <div role=\"article\" lang=\"{lang}\" dir=\"ltr\" style=\"max-width:40em;margin:0 auto\">\n\
         <h1 style=\"font-size:1.375em;line-height:1.3\">{title}</h1>\n\
         {body}\
         <hr>\n\
         {footer}\
         </div>\n\
         </body>\n\
         </html>\n"
    )
}

fn paragraph(pieces: &[Piece]) -> String {
    let inside: String = pieces.iter().map(piece).collect();
    format!("<p>{inside}</p>\n")
}

fn piece(piece: &Piece) -> String {
    match piece {
        Piece::Words(text) => in_lines(text),
        Piece::Value(Shape::Link, address) if is_web_address(address) => {
            let address = escaped(address);
            format!(
                "<a href=\"{address}\" style=\"color:{LINK};overflow-wrap:anywhere\">{address}</a>"
            )
        }
        // Isolated: a value in another script does not turn the words beside it round.
        Piece::Value(_, text) => format!("<bdi>{}</bdi>", in_lines(text)),
    }
}

/// Whether an address of ours can be followed; the configuration could hold another scheme.
fn is_web_address(address: &str) -> bool {
    address.starts_with("https://") || address.starts_with("http://")
}

fn in_lines(text: &str) -> String {
    escaped(text).replace('\n', "<br>\n")
}

/// Text that stays text, between tags and in an attribute in quotes.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The contrast of two colours (WCAG 2.1, relative luminance).
    fn contrast(one: &str, other: &str) -> f64 {
        let luminance = |colour: &str| {
            let channel = |at: usize| {
                let value = u8::from_str_radix(&colour[at..at + 2], 16).unwrap();
                let value = f64::from(value) / 255.0;
                match value <= 0.03928 {
                    true => value / 12.92,
                    false => ((value + 0.055) / 1.055).powf(2.4),
                }
            };
            0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
        };
        let (a, b) = (luminance(one) + 0.05, luminance(other) + 0.05);
        a.max(b) / a.min(b)
    }

    #[test]
    fn words_and_links_stand_out_from_the_paper() {
        for ink in [INK, LINK] {
            assert!(contrast(ink, PAPER) > 7.0, "{ink}");
        }
        assert!((contrast("#000000", "#ffffff") - 21.0).abs() < 0.01);
    }

    #[test]
    fn nothing_in_a_text_is_markup() {
        assert_eq!(
            escaped("<script>\"x\" & 'y'</script>"),
            "&lt;script&gt;&quot;x&quot; &amp; &#39;y&#39;&lt;/script&gt;"
        );
    }

    #[test]
    fn only_web_addresses_can_be_followed() {
        let link = |address: &str| piece(&Piece::Value(Shape::Link, address.to_owned()));
        assert!(
            link("https://example.org/?a=1&b=\"2\"")
                .starts_with("<a href=\"https://example.org/?a=1&amp;b=&quot;2&quot;\" style=")
        );
        assert_eq!(
            link("javascript:alert(1)"),
            "<bdi>javascript:alert(1)</bdi>"
        );
    }
}
