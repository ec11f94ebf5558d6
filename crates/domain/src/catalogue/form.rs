//! The form contract: everything a front end needs to draw a service's form (`domain.md` §3,
//! `api.md` §3).

use jiff::civil::Date;
use serde::Serialize;

use super::field_list;
use super::fields::FormField;
use super::service::{Profile, Profiles, Route, Service};
use super::{Reference, Validity};
use crate::attachment::{ALL_EXTENSIONS, MAX_ATTACHMENT_BYTES};
use crate::codes::{ProblemTypeCode, ServiceCode};
use crate::invalid::Text;
use crate::person_name::PERSON_NAME_MAX_CHARS;
use crate::text::DESCRIPTION_DEFAULT_MAX_CHARS;

/// A service's form as data, true for one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FormContract {
    /// The service.
    pub service_code: ServiceCode,
    /// Its name.
    pub label: Text,
    /// Who works its requests first.
    pub route: Route,
    /// Who may file.
    pub profiles: Profiles,
    /// What can be wrong, in the order shown.
    pub problem_types: Vec<ProblemTypeChoice>,
    /// What is asked, in the order shown; authorities and roles are choices of their fields.
    pub fields: Vec<FormField>,
    /// What may be attached.
    pub attachment: AttachmentRule,
    /// How long texts may be.
    pub text_limits: TextLimits,
    /// The version of the privacy notice that `privacy_ack` accepts.
    pub privacy_notice_version: String,
    /// When the service may be chosen.
    pub validity: Validity,
}

/// A problem type as a form offers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProblemTypeChoice {
    /// What is sent.
    pub code: ProblemTypeCode,
    /// What people read.
    pub label: Text,
    /// Offered to signed-in citizens and staff only.
    pub citizen_only: bool,
}

/// What may be attached to a message (`domain.md` §3.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AttachmentRule {
    /// How many files.
    pub max_files: usize,
    /// The highest size of one, decoded, in bytes.
    pub max_bytes: usize,
    /// The extensions accepted, in lower case.
    pub extensions: &'static [&'static str],
}

impl AttachmentRule {
    /// The rule of every form and every reply.
    pub const STANDARD: AttachmentRule = AttachmentRule {
        max_files: 1,
        max_bytes: MAX_ATTACHMENT_BYTES,
        extensions: &ALL_EXTENSIONS,
    };
}

/// How long texts may be; an installation chooses the description's (`domain.md` §3.1, F11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TextLimits {
    /// Longest description, in Unicode scalar values.
    pub description_max_chars: usize,
    /// Longest given or family name.
    pub person_name_max_chars: usize,
}

impl TextLimits {
    /// The limits of an installation that accepts descriptions of that length.
    pub const fn with_description(description_max_chars: usize) -> Self {
        TextLimits {
            description_max_chars,
            person_name_max_chars: PERSON_NAME_MAX_CHARS,
        }
    }
}

impl Default for TextLimits {
    fn default() -> Self {
        TextLimits::with_description(DESCRIPTION_DEFAULT_MAX_CHARS)
    }
}

impl Service {
    /// The service's form on that day.
    pub fn form(&self, reference: &Reference, on: Date, limits: &TextLimits) -> FormContract {
        let problem_types =
            self.problem_types_for(on, Profile::Citizen)
                .map(|problem| ProblemTypeChoice {
                    code: problem.code.clone(),
                    label: problem.label.clone(),
                    citizen_only: problem.citizen_only,
                });
        FormContract {
            service_code: self.code.clone(),
            label: self.label.clone(),
            route: self.route,
            profiles: self.profiles,
            problem_types: problem_types.collect(),
            fields: field_list::of(self, reference, on, limits),
            attachment: AttachmentRule::STANDARD,
            text_limits: *limits,
            privacy_notice_version: reference.codes.privacy_notice.clone(),
            validity: self.validity,
        }
    }
}
