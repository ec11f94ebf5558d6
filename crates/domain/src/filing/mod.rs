//! Filing: from what a person sent to a request that can be opened, or every field that is wrong.
//!
//! The rules come from the same list of fields that the form contract publishes, so that what a
//! form asks and what filing accepts cannot differ. Attachments and e-mail proofs are checked where
//! bytes and proofs are kept. Invariant: a [`Filing`] exists only when no field was refused.

mod person;
mod reading;

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::Date;
use serde_json::{Map, Value};

use crate::catalogue::{
    AuthorityRule, FormKind, Presence, Profile, Profiles, Reference, Route, Service, TextLimits,
    Validity,
};
use crate::codes::{AuthorityCode, ProblemTypeCode, ServiceCode};
use crate::email::EmailAddress;
use crate::invalid::{FieldError, Invalid, Text};
use crate::person_name::PersonName;
use crate::phone::PhoneNumber;
use crate::tax_code::TaxCode;
use crate::text::Description;
use reading::Reading;

/// A form as it was sent, nothing checked (`api.md` §4).
#[derive(Clone, Default, PartialEq)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct FilingForm {
    pub service_code: Option<String>,
    pub problem_type: Option<String>,
    pub authority_code: Option<String>,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    pub tax_code: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub description: Option<String>,
    pub extra: Map<String, Value>,
    pub privacy_ack: Option<bool>,
    pub requester_role: Option<String>,
    pub on_behalf_of: Option<String>,
    pub notification_email: Option<String>,
    pub recall_phone: Option<String>,
    pub self_help_path: Option<Vec<String>>,
}

/// Who sends the form.
#[derive(Clone, Copy)]
pub enum Filer<'a> {
    /// Nobody signed in.
    Anonymous,
    /// A citizen, known from their token.
    Citizen(&'a CitizenIdentity),
    /// The same, filing for somebody else.
    Delegate {
        /// What their token says of them.
        identity: &'a CitizenIdentity,
        /// Those whose delegation is active now, from the source of delegations.
        delegators: &'a [TaxCode],
    },
    /// A member of staff, for themselves or a caller.
    Staff,
}

impl FilingForm {
    /// Whether somebody else than the person with this tax code is to be asked for, which only a
    /// delegation allows.
    pub fn is_for_another(&self, own: &TaxCode) -> bool {
        !reading::blank(&self.on_behalf_of) && self.delegator().as_ref() != Some(own)
    }

    /// Who gave the delegation, if that can be read.
    fn delegator(&self) -> Option<TaxCode> {
        TaxCode::parse(self.on_behalf_of.as_deref()?, true).ok()
    }
}

impl Filer<'_> {
    /// The kind of filer, as forms tell them apart.
    pub const fn profile(&self) -> Profile {
        match self {
            Filer::Anonymous => Profile::Anonymous,
            Filer::Citizen(_) | Filer::Delegate { .. } => Profile::Citizen,
            Filer::Staff => Profile::Operator,
        }
    }
}

/// What a citizen's token says of them.
#[derive(Clone, PartialEq, Eq)]
pub struct CitizenIdentity {
    /// Their tax code.
    pub tax_code: TaxCode,
    /// Their given name.
    pub given_name: PersonName,
    /// Their family name.
    pub family_name: PersonName,
    /// Their address, where the identity provider gives one.
    pub email: Option<EmailAddress>,
}

/// A filed form, all of it checked and normalised.
#[derive(Clone, PartialEq)]
pub struct Filing {
    /// The service, spelled as in the catalogue.
    pub service_code: ServiceCode,
    /// The problem type, spelled as in the catalogue.
    pub problem_type: ProblemTypeCode,
    /// The authority the requester named, or whoever took over from it (§8); never changes afterwards
    /// (`domain.md` §4.7, I-7).
    pub declared_authority: Option<AuthorityCode>,
    /// The requester's given name.
    pub given_name: PersonName,
    /// The requester's family name.
    pub family_name: PersonName,
    /// The requester's tax code.
    pub tax_code: TaxCode,
    /// Where answers go.
    pub email: EmailAddress,
    /// Where to call.
    pub phone: Option<PhoneNumber>,
    /// The problem in the requester's words.
    pub description: Option<Description>,
    /// The service's own fields: texts, whole years as numbers, lists of texts.
    pub extra: BTreeMap<String, Value>,
    /// The role chosen on the operator's form, or [`DELEGATE_ROLE`].
    pub requester_role: Option<String>,
    /// The version of the privacy notice that was read.
    pub privacy_notice_version: String,
    /// A second number for this request alone.
    pub recall_phone: Option<PhoneNumber>,
    /// A second address for this request alone.
    pub notification_email: Option<EmailAddress>,
    /// The answers given in the self-help tree before filing.
    pub self_help_path: Vec<String>,
}

/// The role of a citizen who filed for a delegator. No form offers it.
pub const DELEGATE_ROLE: &str = "delegate";

/// Checks a form. Every refused field is named, not only the first (`domain.md` §3.1).
pub fn check(
    form: &FilingForm,
    filer: &Filer<'_>,
    reference: &Reference,
    today: Date,
    limits: &TextLimits,
) -> Result<Filing, Vec<FieldError>> {
    let profile = filer.profile();
    let offered = |code: &str| {
        reference
            .service(code, today)
            .filter(|s| s.profiles.admit(profile))
    };
    let chosen = form
        .service_code
        .as_deref()
        .and_then(|code| offered(code.trim()));
    let stand_in;
    let service = match chosen {
        Some(service) => service,
        None => {
            stand_in = unknown_service();
            &stand_in
        }
    };
    let fields = crate::catalogue::field_list::of(service, reference, today, limits);
    let mut read = Reading::new(&fields, profile);

    let service_code = read.take("/service_code", &form.service_code, |_| {
        chosen
            .map(|service| service.code.clone())
            .ok_or(Invalid::new(
                "not-in-list",
                "Servizio non disponibile",
                "this service is not available",
            ))
    });
    let problem_type = read.take("/problem_type", &form.problem_type, |code| match chosen {
        Some(service) => service
            .problem_type(code, today, profile)
            .map(|p| Some(p.code.clone()))
            .ok_or(NOT_IN_LIST),
        None => Ok(None), // without a service there is no list to miss
    });
    let problem_type = problem_type.flatten();
    read.problem = problem_type.clone();

    let declared_authority = read.take("/authority_code", &form.authority_code, |code| {
        let named = reference.in_force(code, today);
        let known = named.filter(|a| {
            a.kind.is_health() && (chosen.is_none() || a.services.include(&service.code))
        });
        known
            .map(|authority| authority.code.clone())
            .ok_or(NOT_IN_LIST)
    });
    let requester_role = read.take("/requester_role", &form.requester_role, |code| {
        reference
            .codes
            .requester_role(code, today)
            .map(|role| role.code.clone())
            .ok_or(NOT_IN_LIST)
    });

    let person = person::read(&mut read, form, filer, service);
    let phone = read.take("/phone", &form.phone, PhoneNumber::parse);
    let notification_email = read.take(
        "/notification_email",
        &form.notification_email,
        EmailAddress::parse,
    );
    let recall_phone = read.take("/recall_phone", &form.recall_phone, PhoneNumber::parse);
    let description = read.take("/description", &form.description, |text| {
        Description::parse(text, limits.description_max_chars)
    });
    let extra = match chosen {
        Some(service) => read.extra(&form.extra, service, today),
        None => BTreeMap::new(),
    };
    let self_help_path = read.self_help_path(form.self_help_path.as_deref().unwrap_or_default());
    if form.privacy_ack != Some(true) {
        read.refuse(
            "/privacy_ack",
            Invalid::new(
                "not-accepted",
                "Campo obbligatorio",
                "the notice must be accepted",
            ),
        );
    }

    let errors = read.finish();
    match (service_code, problem_type, person) {
        (Some(service_code), Some(problem_type), Some(person)) if errors.is_empty() => Ok(Filing {
            service_code,
            problem_type,
            declared_authority,
            given_name: person.given_name,
            family_name: person.family_name,
            tax_code: person.tax_code,
            email: person.email,
            phone,
            description,
            extra,
            requester_role: match person.is_delegator {
                true => Some(DELEGATE_ROLE.to_owned()),
                false => requester_role,
            },
            privacy_notice_version: reference.codes.privacy_notice.clone(),
            recall_phone,
            notification_email,
            self_help_path,
        }),
        _ => Err(errors),
    }
}

const NOT_IN_LIST: Invalid = Invalid::new(
    "not-in-list",
    "Valore non in elenco",
    "not one of the choices",
);

/// Stands in for a service that is not known, so that the fields every form has are still checked.
fn unknown_service() -> Service {
    Service {
        code: ServiceCode::new(""),
        label: Text::new("", ""),
        route: Route::Region,
        form: FormKind::Citizen,
        profiles: Profiles {
            citizen: true,
            anonymous: true,
            operator: true,
        },
        authority: AuthorityRule {
            presence: Presence::Optional,
            label: Text::new("", ""),
            required_for: Vec::new(),
        },
        description: Presence::Optional,
        phone: Presence::Optional,
        allow_stp_eni: true,
        problem_types: Vec::new(),
        extra_fields: Vec::new(),
        validity: Validity::default(),
    }
}

// Personal data stays out of every log, so out of `Debug`.
impl fmt::Debug for FilingForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FilingForm").finish_non_exhaustive()
    }
}

impl fmt::Debug for CitizenIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CitizenIdentity").finish_non_exhaustive()
    }
}

impl fmt::Debug for Filing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filing")
            .field("service_code", &self.service_code)
            .field("problem_type", &self.problem_type)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
