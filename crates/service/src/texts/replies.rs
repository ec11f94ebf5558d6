//! Words that a desk keeps ready for its notes: `{{ name }}` places a value, as in mails, and
//! `[[ what is missing ]]` is a gap that whoever writes the note fills by hand.
//!
//! Read by the same function as the mails' words. No gap places anything about a person: what a
//! requester is called, or any number of theirs, is not for a text that many tickets get.

use domain::invalid::{Invalid, Text};
use domain::text::{NOTE_MAX_CHARS, check_wording};

use super::MailContext;
use super::placeholders::{Placeholder, is_break};
use super::wording::{Part, parts, syntax};

/// The values that words for notes may place.
pub const GAPS: [Placeholder; 5] = [
    Placeholder::Number,
    Placeholder::ServiceLabel,
    Placeholder::AuthorityLabel,
    Placeholder::Today,
    Placeholder::ClosesOn,
];
/// The longest name of a gap that is filled by hand.
const BLANK_MAX_CHARS: usize = 80;

/// Checks words that somebody wrote; all that is wrong is told.
pub fn check(input: &str) -> Result<String, Vec<Invalid>> {
    let body = check_wording(input, NOTE_MAX_CHARS).map_err(|error| vec![error])?;
    let mut errors = parts(&body, &GAPS).err().unwrap_or_default();
    let mut rest = String::new();
    for (place, piece) in body.split("[[").enumerate() {
        // What stands before the first gap closes none.
        let words = match (place, piece.split_once("]]")) {
            (0, _) => piece,
            (_, Some((name, after))) if is_name(name) => after,
            _ => {
                errors.push(blank_syntax());
                break;
            }
        };
        rest.push_str(words);
    }
    if rest.contains("]]") && !errors.contains(&blank_syntax()) {
        errors.push(blank_syntax());
    }
    match errors.is_empty() {
        true => Ok(body),
        false => Err(errors),
    }
}

/// The gaps that are filled by hand, in their order.
pub fn blanks(text: &str) -> Vec<String> {
    let pieces = text.split("[[").skip(1);
    let names = pieces.filter_map(|piece| piece.split_once("]]"));
    let names = names.map(|(name, _)| name).filter(|name| is_name(name));
    names.map(|name| name.trim().to_owned()).collect()
}

/// Places the values; nothing, if one of them is missing or the words were never checked.
pub fn fill(body: &str, context: &MailContext) -> Option<String> {
    let piece = |part| match part {
        Part::Words(words) => Some(str::to_owned(words)),
        Part::Gap(gap) => Some(gap.value(context)?.into_owned()),
    };
    parts(body, &GAPS).ok()?.into_iter().map(piece).collect()
}

fn is_name(name: &str) -> bool {
    !name.trim().is_empty()
        && name.chars().count() <= BLANK_MAX_CHARS
        && !name.contains(['[', ']', '{', '}'])
        && !name.contains(is_break)
}

fn blank_syntax() -> Invalid {
    Invalid {
        message: Text::new(
            "Ciò che si completa a mano si scrive [[ così ]], in una riga di al massimo 80 caratteri",
            "what is filled in by hand is written [[ like this ]], in a line of at most 80 characters",
        ),
        ..syntax()
    }
}

#[cfg(test)]
mod tests {
    use domain::invalid::Lang;

    use super::super::examples;
    use super::*;

    fn refused(body: &str) -> Vec<&'static str> {
        let errors = check(body).err().unwrap_or_default();
        errors.iter().map(|error| error.code).collect()
    }

    #[test]
    fn words_place_values_and_leave_gaps_to_be_filled_by_hand() {
        let body = "Richiesta {{ number }} del {{today}}.\n\nCodice: [[ codice del referto ]].";
        assert_eq!(check(body).unwrap(), body);
        assert_eq!(blanks(body), ["codice del referto"]);
        let text = fill(body, &examples(Lang::It)).unwrap();
        assert_eq!(
            text,
            "Richiesta 2026-0000417-S del 01/12/2026.\n\nCodice: [[ codice del referto ]]."
        );
        assert_eq!(fill(body, &MailContext::default()), None);
    }

    #[test]
    fn every_value_that_may_be_placed_is_and_no_other() {
        for gap in Placeholder::ALL {
            let body = format!("{{{{ {} }}}}", gap.code());
            let expected: &[&str] = match GAPS.contains(&gap) {
                true => &[],
                false => &["unknown-placeholder"],
            };
            assert_eq!(refused(&body), expected, "{gap:?}");
        }
        assert_eq!(
            refused("{{ tax_code }} {{ email }}"),
            ["unknown-placeholder"; 2]
        );
    }

    #[test]
    fn gaps_that_nobody_could_fill_are_refused() {
        let long = format!("[[{}]]", "x".repeat(81));
        for body in [
            "[[ a",
            "a ]]",
            "[[ ]]",
            "[[a\nb]]",
            "[[a [b] c]]",
            "[[[a]]",
            "[[{{ number }}]]",
            "[[ a ]] ]]",
            &long,
        ] {
            assert_eq!(refused(body), ["template-syntax"], "{body}");
        }
        for body in ["[a]", "a[0] = [1, [2]", "[[ a ]] e [[ b ]]"] {
            assert!(refused(body).is_empty(), "{body}");
        }
        assert_eq!(refused(" "), ["required"]);
        assert_eq!(refused(&"x".repeat(5_001)), ["too-long"]);
    }
}
