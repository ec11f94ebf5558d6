//! The short code lists.

use super::Check;
use crate::catalogue::file::{CodesFile, RawEntry};
use crate::catalogue::lists::{CodeEntry, CodeLists};

impl Check<'_> {
    pub(super) fn codes(&mut self, file: CodesFile) -> CodeLists {
        if file.privacy_notice.version.get_ref().trim().is_empty() {
            self.say(
                file.privacy_notice.version.span(),
                "privacy_notice.version",
                "must not be blank",
            );
        }
        CodeLists {
            hand_over_reasons: self.entries("hand_over_reasons", file.hand_over_reasons),
            resolution_codes: self.entries("resolution_codes", file.resolution_codes),
            removal_reasons: self.entries("removal_reasons", file.removal_reasons),
            requester_roles: self.entries("requester_roles", file.requester_roles),
            complaint_classifications: self
                .entries("complaint_classifications", file.complaint_classifications),
            privacy_notice: file.privacy_notice.version.into_inner(),
        }
    }

    fn entries(&mut self, list: &str, raw: Vec<RawEntry>) -> Vec<CodeEntry> {
        self.codes_once(&format!("{list}.code"), raw.iter().map(|entry| &entry.code));
        raw.into_iter()
            .map(|entry| CodeEntry {
                code: entry.code.into_inner(),
                label: self.text(&format!("{list}.label"), entry.label),
                min_note_chars: entry.min_note_chars,
                system_only: entry.system_only,
                names_survivor: entry.names_survivor,
                validity: self.validity(
                    &format!("{list}.valid_to"),
                    entry.valid_from,
                    entry.valid_to,
                ),
            })
            .collect()
    }
}
