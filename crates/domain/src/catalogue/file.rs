//! The shapes of the files, as written by people. Values that can be wrong keep their place
//! in the text.

use std::fmt;

use jiff::civil::Date;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use toml::Spanned;

use super::authority::AuthorityKind;
use super::service::{FormKind, Presence, Profiles, Route};

pub(super) type Word = Spanned<String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServicesFile {
    pub(super) service: Vec<RawService>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawService {
    pub(super) code: Word,
    pub(super) label: RawText,
    pub(super) route: Route,
    #[serde(default)]
    pub(super) form: FormKind,
    pub(super) profiles: Profiles,
    pub(super) authority: RawAuthorityRule,
    pub(super) description: Presence,
    pub(super) phone: Presence,
    pub(super) allow_stp_eni: bool,
    pub(super) problem_types: Vec<RawProblemType>,
    #[serde(default)]
    pub(super) extra_fields: Vec<RawExtraField>,
    pub(super) valid_from: Option<Spanned<Date>>,
    pub(super) valid_to: Option<Spanned<Date>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAuthorityRule {
    pub(super) presence: Presence,
    pub(super) label: RawText,
    #[serde(default)]
    pub(super) required_for: Vec<Word>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProblemType {
    pub(super) code: Word,
    pub(super) number: Option<Spanned<u32>>,
    pub(super) label: RawText,
    #[serde(default)]
    pub(super) citizen_only: bool,
    pub(super) valid_from: Option<Spanned<Date>>,
    pub(super) valid_to: Option<Spanned<Date>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawExtraField {
    pub(super) name: Word,
    pub(super) label: RawText,
    pub(super) kind: Spanned<RawKind>,
    pub(super) length: Option<Spanned<usize>>,
    pub(super) max_length: Option<Spanned<usize>>,
    pub(super) max_items: Option<Spanned<usize>>,
    #[serde(default)]
    pub(super) choices: Vec<RawChoice>,
    #[serde(default)]
    pub(super) required: bool,
    #[serde(default)]
    pub(super) required_for: Vec<Word>,
    pub(super) hint: Option<RawText>,
}

/// The word for a kind; its number or list is a key of its own.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawKind {
    Digits,
    ExactText,
    Text,
    TaxCode,
    TaxCodes,
    Date,
    Year,
    Choice,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawChoice {
    pub(super) code: Word,
    pub(super) label: RawText,
}

/// English is optional: a name is often the same.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawText {
    pub(super) it: Word,
    pub(super) en: Option<Word>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AuthoritiesFile {
    pub(super) authority: Vec<RawAuthority>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAuthority {
    pub(super) code: Word,
    pub(super) label: RawText,
    pub(super) short_label: RawText,
    pub(super) kind: AuthorityKind,
    pub(super) services: RawEnabled,
    pub(super) municipality: Option<Word>,
    pub(super) calendar: Option<Word>,
    pub(super) valid_from: Option<Spanned<Date>>,
    pub(super) valid_to: Option<Spanned<Date>>,
    pub(super) successor: Option<Word>,
    #[serde(default)]
    pub(super) predecessors: Vec<Word>,
}

/// `"*"`, `{ except = [...] }` or `{ only = [...] }`.
pub(super) enum RawEnabled {
    All,
    Except(Vec<Word>),
    Only(Vec<Word>),
}

// Written out because an untagged enum would lose the places of the codes.
impl<'de> Deserialize<'de> for RawEnabled {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EnabledVisitor)
    }
}

struct EnabledVisitor;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Listed {
    Except(Vec<Word>),
    Only(Vec<Word>),
}

impl<'de> Visitor<'de> for EnabledVisitor {
    type Value = RawEnabled;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"*\", { except = [codes] } or { only = [codes] }")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<RawEnabled, E> {
        match text {
            "*" => Ok(RawEnabled::All),
            other => Err(E::invalid_value(serde::de::Unexpected::Str(other), &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawEnabled, A::Error> {
        Ok(
            match Listed::deserialize(MapAccessDeserializer::new(map))? {
                Listed::Except(list) => RawEnabled::Except(list),
                Listed::Only(list) => RawEnabled::Only(list),
            },
        )
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodesFile {
    pub(super) privacy_notice: RawNotice,
    pub(super) hand_over_reasons: Vec<RawEntry>,
    pub(super) resolution_codes: Vec<RawEntry>,
    pub(super) removal_reasons: Vec<RawEntry>,
    pub(super) requester_roles: Vec<RawEntry>,
    /// Folders of before there were complaints have none.
    #[serde(default)]
    pub(super) complaint_classifications: Vec<RawEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNotice {
    pub(super) version: Word,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEntry {
    pub(super) code: Word,
    pub(super) label: RawText,
    pub(super) min_note_chars: Option<usize>,
    #[serde(default)]
    pub(super) system_only: bool,
    #[serde(default)]
    pub(super) names_survivor: bool,
    pub(super) valid_from: Option<Spanned<Date>>,
    pub(super) valid_to: Option<Spanned<Date>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CalendarsFile {
    pub(super) usual: Word,
    pub(super) calendar: Vec<RawCalendar>,
    #[serde(default)]
    pub(super) town: Vec<RawTown>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCalendar {
    pub(super) code: Word,
    pub(super) label: RawText,
    pub(super) closed_on_holidays: bool,
    #[serde(default)]
    pub(super) monday: Vec<Word>,
    #[serde(default)]
    pub(super) tuesday: Vec<Word>,
    #[serde(default)]
    pub(super) wednesday: Vec<Word>,
    #[serde(default)]
    pub(super) thursday: Vec<Word>,
    #[serde(default)]
    pub(super) friday: Vec<Word>,
    #[serde(default)]
    pub(super) saturday: Vec<Word>,
    #[serde(default)]
    pub(super) sunday: Vec<Word>,
    #[serde(default)]
    pub(super) reduction: Vec<RawReduction>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawReduction {
    pub(super) label: RawText,
    pub(super) first: Spanned<Date>,
    pub(super) last: Spanned<Date>,
    #[serde(default)]
    pub(super) monday: Vec<Word>,
    #[serde(default)]
    pub(super) tuesday: Vec<Word>,
    #[serde(default)]
    pub(super) wednesday: Vec<Word>,
    #[serde(default)]
    pub(super) thursday: Vec<Word>,
    #[serde(default)]
    pub(super) friday: Vec<Word>,
    #[serde(default)]
    pub(super) saturday: Vec<Word>,
    #[serde(default)]
    pub(super) sunday: Vec<Word>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTown {
    pub(super) label: Word,
    pub(super) patron: Word,
    pub(super) day: Word,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PoliciesFile {
    pub(super) policy: Vec<RawPolicy>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPolicy {
    pub(super) desk_kind: Word,
    pub(super) label: Word,
    pub(super) owner_body: Word,
    pub(super) formula: Word,
    pub(super) take_charge: Word,
    pub(super) first_response: Word,
    pub(super) resolution: Word,
    pub(super) escalate_after: Word,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TechnicalFile {
    #[serde(default)]
    pub(super) states: Vec<RawStateWords>,
    pub(super) items: Vec<RawItem>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStateWords {
    pub(super) state: Word,
    pub(super) words: Vec<Word>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawItem {
    pub(super) code: Word,
    pub(super) label: RawText,
    pub(super) sub_items: Vec<RawSubItem>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSubItem {
    pub(super) code: Word,
    pub(super) label: RawText,
}
