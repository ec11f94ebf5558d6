//! What technical activities are about, and what external tools call their states
//! (`domain.md` §4.4, §7.4).

use crate::activity::ActivityState;
use crate::invalid::Text;

/// The catalogue of the second level.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TechnicalCatalogue {
    pub(super) items: Vec<CatalogueItem>,
    /// Words of external tools, beside our own codes.
    pub(super) words: Vec<(String, ActivityState)>,
}

/// An item with its sub-items; a sub-item has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueItem {
    /// Its code.
    pub code: String,
    /// What people read.
    pub label: Text,
    /// What it is divided into.
    pub sub_items: Vec<CatalogueItem>,
}

impl TechnicalCatalogue {
    /// All items, in the order shown.
    pub fn items(&self) -> &[CatalogueItem] {
        &self.items
    }

    /// The item with that code in any letter case.
    pub fn item(&self, code: &str) -> Option<&CatalogueItem> {
        find(&self.items, code)
    }

    /// The state an external tool means: by its own word in any letter case, or by our code.
    pub fn state(&self, word: &str) -> Option<ActivityState> {
        let word = word.trim();
        let known = self
            .words
            .iter()
            .find(|(known, _)| known.to_lowercase() == word.to_lowercase());
        known
            .map(|(_, state)| *state)
            .or_else(|| ActivityState::from_code(word))
    }
}

impl CatalogueItem {
    /// The sub-item with that code in any letter case.
    pub fn sub_item(&self, code: &str) -> Option<&CatalogueItem> {
        find(&self.sub_items, code)
    }
}

fn find<'a>(items: &'a [CatalogueItem], code: &str) -> Option<&'a CatalogueItem> {
    items
        .iter()
        .find(|item| item.code.eq_ignore_ascii_case(code))
}
