//! The short code lists operators and forms choose from (`domain.md` §3.4, §4.5, §4.2 T22): their
//! labels, validity and what choosing one asks for. What the codes mean to a request is the
//! lifecycle's business.

use jiff::civil::Date;

use super::validity::Validity;
use crate::invalid::Text;

/// All the short lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeLists {
    /// Why an authority hands a request to the region.
    pub hand_over_reasons: Vec<CodeEntry>,
    /// How a request was resolved.
    pub resolution_codes: Vec<CodeEntry>,
    /// Why a supervisor removes a request.
    pub removal_reasons: Vec<CodeEntry>,
    /// Roles offered by the operator form.
    pub requester_roles: Vec<CodeEntry>,
    /// What complaints are about (`domain.md` §10.4).
    pub complaint_classifications: Vec<CodeEntry>,
    /// Version of the privacy notice in force, stored with each filing (`domain.md` §3.1, F13).
    pub privacy_notice: String,
}

impl CodeLists {
    /// The hand-over reason with that code, if it may be chosen on that day.
    pub fn hand_over_reason(&self, code: &str, on: Date) -> Option<&CodeEntry> {
        find(&self.hand_over_reasons, code, on)
    }

    /// The resolution with that code, if a person may choose it on that day.
    pub fn resolution_code(&self, code: &str, on: Date) -> Option<&CodeEntry> {
        find(&self.resolution_codes, code, on).filter(|entry| !entry.system_only)
    }

    /// The removal reason with that code, if it may be chosen on that day.
    pub fn removal_reason(&self, code: &str, on: Date) -> Option<&CodeEntry> {
        find(&self.removal_reasons, code, on)
    }

    /// The role with that code, if it may be chosen on that day.
    pub fn requester_role(&self, code: &str, on: Date) -> Option<&CodeEntry> {
        find(&self.requester_roles, code, on)
    }

    /// The classification with that code, if it may be chosen on that day.
    pub fn complaint_classification(&self, code: &str, on: Date) -> Option<&CodeEntry> {
        find(&self.complaint_classifications, code, on)
    }
}

fn find<'a>(list: &'a [CodeEntry], code: &str, on: Date) -> Option<&'a CodeEntry> {
    list.iter()
        .find(|entry| entry.code.eq_ignore_ascii_case(code) && entry.validity.covers(on))
}

/// One code of a short list, with what choosing it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeEntry {
    /// The code.
    pub code: String,
    /// What people read.
    pub label: Text,
    /// Shortest note that explains the choice, where any note is too little.
    pub min_note_chars: Option<usize>,
    /// Set by a rule, never chosen by a person.
    pub system_only: bool,
    /// The request that stays must be named.
    pub names_survivor: bool,
    /// When it may be chosen.
    pub validity: Validity,
}
