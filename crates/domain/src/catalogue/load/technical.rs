//! The technical catalogue.

use std::collections::HashSet;

use super::Check;
use crate::activity::ActivityState;
use crate::catalogue::file::{RawStateWords, TechnicalFile};
use crate::catalogue::technical::{CatalogueItem, TechnicalCatalogue};

impl Check<'_> {
    pub(super) fn technical(&mut self, file: TechnicalFile) -> TechnicalCatalogue {
        let words = self.state_words(file.states);
        self.codes_once("items.code", file.items.iter().map(|item| &item.code));
        let mut items = Vec::new();
        for item in file.items {
            let field = "items.sub_items.code";
            self.codes_once(field, item.sub_items.iter().map(|sub| &sub.code));
            let subs = item.sub_items.into_iter();
            let sub_items = subs
                .map(|sub| CatalogueItem {
                    code: sub.code.into_inner(),
                    label: self.text("items.sub_items.label", sub.label),
                    sub_items: Vec::new(),
                })
                .collect();
            items.push(CatalogueItem {
                code: item.code.into_inner(),
                label: self.text("items.label", item.label),
                sub_items,
            });
        }
        TechnicalCatalogue { items, words }
    }

    /// A word that meant two states would bring an activity now here and now there.
    fn state_words(&mut self, raw: Vec<RawStateWords>) -> Vec<(String, ActivityState)> {
        let mut seen = HashSet::new();
        let mut words = Vec::new();
        for entry in raw {
            let Some(state) = ActivityState::from_code(entry.state.get_ref()) else {
                self.say(entry.state.span(), "states.state", "is no state");
                continue;
            };
            for word in entry.words {
                let text = word.get_ref().trim();
                if text.is_empty() {
                    self.say(word.span(), "states.words", "a word must not be blank");
                }
                if !seen.insert(text.to_lowercase()) {
                    let message = format!("`{text}` is used twice");
                    self.say(word.span(), "states.words", &message);
                }
                words.push((text.to_owned(), state));
            }
        }
        words
    }
}
