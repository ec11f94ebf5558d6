//! Words as they are searched: the same on both databases, made here and nowhere else
//! (`docs/adr/0039`).
//!
//! A text becomes the stems of its words, in order, without accents and capitals. What a person types
//! becomes [`Query`] in the same way. Invariant: a word holds letters and digits alone, so that nothing
//! typed is ever syntax for a database.

use std::collections::BTreeMap;
use std::fmt;

use diesel::expression::AsExpression;
use diesel::pg::Pg;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sqlite::Sqlite;
use rust_stemmers::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::connection::MultiBackend;
use crate::sql_types::WordList;

/// Longer words are cut, in texts and in searches alike: no database takes any length.
const LONGEST_WORD: usize = 64;

/// A search says no more words and phrases than this; two hundred characters hold half as many.
const MOST_TERMS: usize = 100;

/// The words of a text, in order. Its `Debug` counts them alone: they tell what the text tells.
#[derive(Clone, PartialEq, Eq, AsExpression)]
#[diesel(sql_type = WordList)]
pub(crate) struct Words(Vec<String>);

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Words({})", self.0.len())
    }
}

impl Words {
    /// The words of these texts, one after the other.
    pub(crate) fn of(texts: &[&str]) -> Self {
        let stemmer = Stemmer::create(Algorithm::Italian);
        let words = texts.iter().flat_map(|text| folded(text));
        Words(words.map(|word| stem(&stemmer, &word)).collect())
    }
}

/// The words of a text without accents and capitals.
fn folded(text: &str) -> Vec<String> {
    let plain: String = text
        .nfkd()
        .flat_map(char::to_lowercase)
        .nfkd()
        .filter(|character| !is_combining_mark(*character))
        .collect();
    plain
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| word.chars().take(LONGEST_WORD).collect())
        .collect()
}

/// What is the same in "referto" and "referti". Snowball takes the end of the second for a pronoun, as in
/// "vederti": here it is a plural, because reports are what is asked for all day long.
fn stem(stemmer: &Stemmer, word: &str) -> String {
    let singular = word.strip_suffix("rti").map(|start| format!("{start}rto"));
    match stemmer.stem(singular.as_deref().unwrap_or(word)) {
        empty if empty.is_empty() => word.to_owned(),
        stem => stem.into_owned(),
    }
}

/// The words that a text must hold to be found: all of them, in any order.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Query(Vec<Term>);

/// Words that follow each other.
#[derive(Clone, PartialEq, Eq)]
struct Term {
    stems: Vec<String>,
    /// The last word as it was typed, where it may go on.
    open_end: Option<String>,
}

impl Query {
    /// What a person typed. Quotes hold a phrase together, and so does a sign between letters, as in
    /// `2026-0000123-F`; a star at the end of a word says that it may go on. All other signs part words.
    pub(crate) fn of(typed: &str) -> Self {
        let stemmer = Stemmer::create(Algorithm::Italian);
        let mut terms = Vec::new();
        let pieces: Vec<&str> = typed.split(['"', '“', '”', '«', '»']).collect();
        let last = pieces.len() - 1;
        for (place, piece) in pieces.into_iter().enumerate() {
            // What stands behind an odd quote is a phrase, if there is another quote behind it.
            if place % 2 == 1 && place < last {
                terms.extend(Term::of(&stemmer, piece));
            } else {
                terms.extend(
                    piece
                        .split_whitespace()
                        .filter_map(|word| Term::of(&stemmer, word)),
                );
            }
        }
        terms.truncate(MOST_TERMS);
        Query(terms)
    }

    /// Whether it holds no word at all; then no text is meant.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// For PostgreSQL's `tsquery`.
    pub(crate) fn to_tsquery(&self) -> String {
        let quoted = |word: &String| format!("'{word}'");
        self.spell(" & ", |term| {
            let mut words: Vec<String> = term.stems.iter().map(quoted).collect();
            if let Some(typed) = &term.open_end
                && let Some(stem) = words.pop()
            {
                words.push(format!("({stem}:* | '{typed}':*)"));
            }
            words.join(" <-> ")
        })
    }

    /// For SQLite's `MATCH`.
    pub(crate) fn to_match(&self) -> String {
        self.spell(" AND ", |term| {
            let phrase = term.stems.join(" ");
            let Some(typed) = &term.open_end else {
                return format!("\"{phrase}\"");
            };
            let before = term.stems.split_last().map(|(_, before)| before);
            let before = before.unwrap_or_default();
            let whole = [before, std::slice::from_ref(typed)].concat().join(" ");
            format!("(\"{phrase}\" * OR \"{whole}\" *)")
        })
    }

    fn spell(&self, and: &str, term: impl Fn(&Term) -> String) -> String {
        self.0.iter().map(term).collect::<Vec<_>>().join(and)
    }
}

impl Term {
    fn of(stemmer: &Stemmer, typed: &str) -> Option<Self> {
        let words = folded(typed);
        let last = words.last()?;
        let open_end = typed.trim_end().ends_with('*').then(|| last.clone());
        let stems = words.iter().map(|word| stem(stemmer, word)).collect();
        Some(Term { stems, open_end })
    }
}

/// Most places of a word that PostgreSQL keeps, and the last place it counts to.
const MOST_PLACES: usize = 255;
const LAST_PLACE: u16 = (1 << 14) - 1;

impl ToSql<WordList, Pg> for Words {
    /// How many words; then each, a zero byte, how many places, and the places.
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        use std::io::Write;
        let mut places: BTreeMap<&str, Vec<u16>> = BTreeMap::new();
        for (word, place) in self.0.iter().zip(1u16..LAST_PLACE) {
            places.entry(word).or_default().push(place);
        }
        out.write_all(&i32::try_from(places.len())?.to_be_bytes())?;
        for (word, mut at) in places {
            at.truncate(MOST_PLACES);
            out.write_all(word.as_bytes())?;
            out.write_all(&[0])?;
            out.write_all(&u16::try_from(at.len())?.to_be_bytes())?;
            for place in at {
                out.write_all(&place.to_be_bytes())?;
            }
        }
        Ok(IsNull::No)
    }
}

impl ToSql<WordList, Sqlite> for Words {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.join(" "));
        Ok(IsNull::No)
    }
}

impl ToSql<WordList, MultiBackend> for Words {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
        out.set_value((WordList, self));
        Ok(IsNull::No)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn accents_capitals_and_endings_do_not_count() {
        for (one, other) in [
            ("perché", "PERCHE'"),
            ("perche", "perche\u{301}"),
            ("referto", "REFERTI"),
            ("visita", "visite"),
            ("Ştefan", "stefan"),
            ("ﬁne", "fine"),
        ] {
            assert!(Words::of(&[one]) == Words::of(&[other]), "{one} {other}");
        }
        assert!(Words::of(&["referto"]) != Words::of(&["ricetta"]));
    }

    #[test]
    fn what_is_typed_is_spelled_for_each_database() {
        for (typed, postgres, sqlite) in [
            ("esame", "'esam'", "\"esam\""),
            (
                "esame AND NOT",
                "'esam' & 'and' & 'not'",
                "\"esam\" AND \"and\" AND \"not\"",
            ),
            (
                "\"l'esame fatto\"",
                "'l' <-> 'esam' <-> 'fatt'",
                "\"l esam fatt\"",
            ),
            ("\"esame fatto", "'esam' & 'fatt'", "\"esam\" AND \"fatt\""),
            (
                "2026-0000123-F",
                "'2026' <-> '0000123' <-> 'f'",
                "\"2026 0000123 f\"",
            ),
            (
                "refer*",
                "('refer':* | 'refer':*)",
                "(\"refer\" * OR \"refer\" *)",
            ),
            ("re*fer", "'re' <-> 'fer'", "\"re fer\""),
            ("a:b -c", "'a' <-> 'b' & 'c'", "\"a b\" AND \"c\""),
            ("*", "", ""),
            ("\" \" ' \\ % \0", "", ""),
        ] {
            let query = Query::of(typed);
            assert_eq!(query.to_tsquery(), postgres, "{typed}");
            assert_eq!(query.to_match(), sqlite, "{typed}");
            assert_eq!(query.is_empty(), postgres.is_empty());
        }
    }

    proptest! {
        #[test]
        fn a_word_is_letters_and_digits_alone(typed in ".{0,300}") {
            for term in Query::of(&typed).0 {
                for word in term.stems.iter().chain(&term.open_end) {
                    prop_assert!(!word.is_empty());
                    prop_assert!(word.chars().all(char::is_alphanumeric), "{word:?}");
                }
            }
        }
    }
}
