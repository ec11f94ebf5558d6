//! Which fields a service's form has: those of every form, those of the service.

use jiff::civil::Date;

use super::Reference;
use super::extra::{Choice, ExtraField, ExtraKind};
use super::fields::{Datatype, FormField, PerProfile};
use super::form::TextLimits;
use super::service::{FormKind, Presence, Profile, Service};
use crate::invalid::Text;
use crate::person_name::PERSON_NAME_MAX_CHARS;

/// Every field of the service's form, in the order shown.
pub(crate) fn of(
    service: &Service,
    reference: &Reference,
    on: Date,
    limits: &TextLimits,
) -> Vec<FormField> {
    use Presence::{FromIdentity, Hidden, Optional, Required};
    let identity = PerProfile {
        citizen: FromIdentity,
        ..PerProfile::all(Required)
    };
    let operator_only = PerProfile {
        operator: Required,
        ..PerProfile::all(Hidden)
    };
    let mut fields = vec![
        FormField {
            choices: vec![Choice {
                code: service.code.to_string(),
                label: service.label.clone(),
            }],
            ..base(
                "service_code",
                Text::new("Servizio", "Service"),
                Datatype::Choice,
                PerProfile::all(Required),
            )
        },
        FormField {
            choices: problem_types(service, on),
            ..base(
                "problem_type",
                Text::new("Tipologia", "Kind of problem"),
                Datatype::Choice,
                PerProfile::all(Required),
            )
        },
        FormField {
            choices: requester_roles(reference, on),
            ..base(
                "requester_role",
                Text::new("Ruolo", "Role"),
                Datatype::Choice,
                operator_only,
            )
        },
        FormField {
            max_length: Some(PERSON_NAME_MAX_CHARS),
            ..base(
                "given_name",
                Text::new("Nome", "Given name"),
                Datatype::PersonName,
                identity,
            )
        },
        FormField {
            max_length: Some(PERSON_NAME_MAX_CHARS),
            ..base(
                "family_name",
                Text::new("Cognome", "Family name"),
                Datatype::PersonName,
                identity,
            )
        },
        FormField {
            max_length: Some(16),
            pattern: Some(tax_code_pattern(service.allow_stp_eni).to_owned()),
            ..base(
                "tax_code",
                Text::new("Codice fiscale", "Tax code"),
                Datatype::TaxCode,
                identity,
            )
        },
        FormField {
            max_length: Some(254),
            ..base(
                "email",
                Text::new("Email", "E-mail"),
                Datatype::Email,
                identity,
            )
        },
        base(
            "email_proof",
            Text::new("Codice di conferma", "Confirmation code"),
            Datatype::EmailProof,
            PerProfile {
                anonymous: Required,
                ..PerProfile::all(Hidden)
            },
        ),
        base(
            "phone",
            Text::new("Telefono", "Phone"),
            Datatype::Phone,
            PerProfile {
                operator: Required,
                ..PerProfile::all(service.phone)
            },
        ),
        FormField {
            required_for: service.authority.required_for.clone(),
            choices: authorities(service, reference, on),
            ..base(
                "authority_code",
                service.authority.label.clone(),
                Datatype::Choice,
                PerProfile::all(service.authority.presence),
            )
        },
        FormField {
            max_length: Some(limits.description_max_chars),
            ..base(
                "description",
                Text::new("Descrizione del problema", "Description of the problem"),
                Datatype::MultilineText,
                PerProfile::all(service.description),
            )
        },
    ];
    fields.extend(
        service
            .extra_fields
            .iter()
            .map(|field| own(field, service.allow_stp_eni)),
    );
    let optional = PerProfile::all(Optional);
    fields.extend([
        base(
            "notification_email",
            Text::new(
                "Email per notifica aggiuntiva",
                "E-mail for a further notice",
            ),
            Datatype::Email,
            optional,
        ),
        base(
            "recall_phone",
            Text::new(
                "Numero telefonico di contatto secondario",
                "Second phone number",
            ),
            Datatype::Phone,
            optional,
        ),
        base(
            "on_behalf_of",
            Text::new("Delegante", "Delegator"),
            Datatype::TaxCode,
            optional,
        ),
        FormField {
            max_items: Some(SELF_HELP_MAX_STEPS),
            ..base(
                "self_help_path",
                Text::new("Percorso guidato", "Self-help path"),
                Datatype::IdList,
                optional,
            )
        },
        base(
            "privacy_ack",
            Text::new(
                "Dichiaro di aver preso visione dell'informativa",
                "I have read the privacy notice",
            ),
            Datatype::Acceptance,
            PerProfile::all(Required),
        ),
    ]);
    for field in &mut fields {
        settle(field, service);
    }
    fields
}

/// The longest walk through the self-help tree that is kept.
pub(crate) const SELF_HELP_MAX_STEPS: usize = 50;

/// Applies the form's kind, and says for whom `required` speaks.
fn settle(field: &mut FormField, service: &Service) {
    // Whoever fills the operator's form gives the operator's fields, and proves the address without
    // a token.
    if service.form == FormKind::Operator && field.datatype != Datatype::EmailProof {
        field.presence.anonymous = field.presence.operator;
    }
    let speaker = if service.profiles.anonymous {
        field.presence.anonymous
    } else {
        field.presence.operator
    };
    field.required = speaker == Presence::Required;
}

fn base(name: &str, label: Text, datatype: Datatype, presence: PerProfile) -> FormField {
    FormField {
        name: name.to_owned(),
        pointer: format!("/{name}"),
        label,
        datatype,
        required: false,
        presence,
        required_for: Vec::new(),
        length: None,
        max_length: None,
        max_items: None,
        pattern: None,
        choices: Vec::new(),
        hint: None,
    }
}

/// A field of the service's own, described from the kind that checks its values.
fn own(field: &ExtraField, allow_stp_eni: bool) -> FormField {
    let presence = PerProfile::all(if field.required {
        Presence::Required
    } else {
        Presence::Optional
    });
    let tax_code = || Some(tax_code_pattern(allow_stp_eni).to_owned());
    let mut form = FormField {
        pointer: format!("/extra/{}", field.name),
        required_for: field.required_for.clone(),
        hint: field.hint.clone(),
        ..base(&field.name, field.label.clone(), Datatype::Text, presence)
    };
    match &field.kind {
        ExtraKind::Digits(length) => {
            form.datatype = Datatype::Digits;
            form.length = Some(*length);
            form.pattern = Some(format!("^[0-9]{{{length}}}$"));
        }
        ExtraKind::ExactText(length) => form.length = Some(*length),
        ExtraKind::Text(max) => form.max_length = Some(*max),
        ExtraKind::TaxCode => (form.datatype, form.pattern) = (Datatype::TaxCode, tax_code()),
        ExtraKind::TaxCodes(max) => {
            (form.datatype, form.pattern, form.max_items) =
                (Datatype::TaxCodeList, tax_code(), Some(*max));
        }
        ExtraKind::Date => form.datatype = Datatype::Date,
        ExtraKind::Year => {
            (form.datatype, form.pattern) = (Datatype::Year, Some("^[0-9]{4}$".to_owned()))
        }
        ExtraKind::Choice(choices) => {
            (form.datatype, form.choices) = (Datatype::Choice, choices.clone())
        }
    }
    form
}

fn problem_types(service: &Service, on: Date) -> Vec<Choice> {
    service
        .problem_types_for(on, Profile::Citizen)
        .map(|problem| Choice {
            code: problem.code.to_string(),
            label: problem.label.clone(),
        })
        .collect()
}

fn authorities(service: &Service, reference: &Reference, on: Date) -> Vec<Choice> {
    if service.authority.presence == Presence::Hidden {
        return Vec::new();
    }
    reference
        .authorities_for(&service.code, on)
        .map(|authority| Choice {
            code: authority.code.to_string(),
            label: authority.label.clone(),
        })
        .collect()
}

fn requester_roles(reference: &Reference, on: Date) -> Vec<Choice> {
    let roles = reference
        .codes
        .requester_roles
        .iter()
        .filter(|role| role.validity.covers(on));
    roles
        .map(|role| Choice {
            code: role.code.clone(),
            label: role.label.clone(),
        })
        .collect()
}

/// The outline of a tax code (`domain.md` §3.2); day and check character are only checked on
/// filing.
const fn tax_code_pattern(allow_stp_eni: bool) -> &'static str {
    match allow_stp_eni {
        true => concat!(
            "^([A-Z]{6}[0-9LMNP-V]{2}[ABCDEHLMPRST][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z]",
            "|[0-9]{11}|(STP|ENI)[0-9]{13})$"
        ),
        false => {
            "^([A-Z]{6}[0-9LMNP-V]{2}[ABCDEHLMPRST][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z]|[0-9]{11})$"
        }
    }
}
