//! Reading what whoever keeps accounts sends: every bad field is named at once, and accounts are
//! personal (`domain.md` §9.5).

use domain::account::{AccountStep, fits_desk, may_keep};
use domain::actor::{Role, Staff};
use domain::codes::AuthorityCode;
use domain::email::EmailAddress;
use domain::invalid::{FieldError, Invalid};
use domain::person_name::PersonName;
use domain::tax_code::TaxCode;
use serde_json::{Map, Value};

use crate::action_form::not_in_list;
use crate::{Desk, DeskError};

/// An account to create, as it was sent.
#[derive(Debug, Clone, Default)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct AccountForm {
    pub username: String,
    pub given_name: String,
    pub family_name: String,
    pub tax_code: String,
    pub email: String,
    pub placements: Vec<PlacementForm>,
}

/// A placement to give, as it was sent.
#[derive(Debug, Clone, Default)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct PlacementForm {
    pub role: String,
    pub authority_code: String,
    pub location_code: String,
    pub location_label: Option<String>,
}

/// A step to take with an account.
#[derive(Debug, Clone)]
pub struct StepForm {
    /// Which.
    pub step: AccountStep,
    /// How the person was identified: `in-person` or `remote`.
    pub attested: Option<String>,
    /// The kind of document that was seen; never copied.
    pub document_kind: Option<String>,
    /// Why, for suspending and ending: one of [`REASONS`].
    pub reason: Option<String>,
}

impl StepForm {
    /// What the account's history keeps of a step: codes alone, for a history is never rewritten.
    pub(super) fn detail(&self, keeper: &Staff) -> Value {
        let said = [
            ("attested", &self.attested),
            ("document_kind", &self.document_kind),
            ("reason", &self.reason),
        ];
        let mut detail = Map::new();
        detail.insert("placement".to_owned(), keeper.placement.to_string().into());
        for (name, text) in said {
            if let Some(text) = text {
                detail.insert(name.to_owned(), text.clone().into());
            }
        }
        detail.into()
    }
}

/// How a person may be identified.
pub const ATTESTATIONS: [&str; 2] = ["in-person", "remote"];
/// The documents an officer may see.
pub const DOCUMENT_KINDS: [&str; 5] = [
    "identity-card",
    "passport",
    "driving-licence",
    "service-card",
    "digital-identity",
];

/// Why an account is suspended or ended.
pub const REASONS: [&str; 6] = [
    "absence",
    "change-of-role",
    "departure",
    "mistake",
    "security",
    "other",
];

/// A placement that was checked.
#[derive(Debug, Clone)]
pub(super) struct CheckedPlacement {
    pub(super) role: Role,
    pub(super) authority: AuthorityCode,
    pub(super) location_code: String,
    pub(super) location_label: String,
}

/// A form that was checked.
pub(super) struct CheckedAccount {
    pub(super) username: String,
    pub(super) display_name: String,
    pub(super) tax_code: TaxCode,
    pub(super) email: String,
    pub(super) placements: Vec<CheckedPlacement>,
}

/// Most placements of one account.
pub const MAX_PLACEMENTS: usize = 20;
/// Longest user name.
const MAX_USERNAME: usize = 64;
/// Longest reason and location.
const MAX_LINE: usize = 100;

impl Desk {
    pub(super) fn check_account(
        &self,
        keeper: Option<&Staff>,
        form: &AccountForm,
    ) -> Result<CheckedAccount, DeskError> {
        let mut errors = Vec::new();
        let mut read = |pointer: &str, result: Result<String, Invalid>| match result {
            Ok(value) => value,
            Err(invalid) => {
                errors.push(invalid.at(pointer));
                String::new()
            }
        };
        let username = read("/username", check_username(&form.username));
        let name = |text: &str| PersonName::parse(text).map(|name| name.as_str().to_owned());
        let given = read("/given_name", name(&form.given_name));
        let family = read("/family_name", name(&form.family_name));
        let email = EmailAddress::parse(&form.email).map(|email| email.as_str().to_lowercase());
        let email = read("/email", email);
        let tax_code = TaxCode::parse(&form.tax_code, false)
            .map_err(|invalid| errors.push(invalid.at("/tax_code")))
            .ok();
        if form.placements.is_empty() {
            errors.push(Invalid::required().at("/placements"));
        }
        let placements = self
            .check_placements(keeper, &form.placements)
            .unwrap_or_else(|found| {
                errors.extend(found);
                Vec::new()
            });
        let local = email.split('@').next().unwrap_or_default();
        let shared = &self.settings.accounts.shared_mailboxes;
        if shared.iter().any(|mailbox| mailbox == local) {
            let invalid = Invalid::new(
                "shared-account-not-allowed",
                "Gli account sono personali: serve la casella di una persona",
                "accounts are personal: a person's own mailbox is needed",
            );
            errors.push(invalid.at("/email"));
        }
        let (Some(tax_code), true) = (tax_code, errors.is_empty()) else {
            return Err(DeskError::Invalid(errors));
        };
        self.must_not_be_certified_mail(&email, placements.iter().map(|one| one.role))?;
        Ok(CheckedAccount {
            username,
            display_name: format!("{given} {family}"),
            tax_code,
            email,
            placements,
        })
    }

    /// Without a keeper, whoever rules the machine gives whatever fits the desk.
    pub(super) fn check_placements(
        &self,
        keeper: Option<&Staff>,
        forms: &[PlacementForm],
    ) -> Result<Vec<CheckedPlacement>, Vec<FieldError>> {
        let mut errors = Vec::new();
        if forms.len() > MAX_PLACEMENTS {
            let invalid = Invalid::new(
                "too-many-items",
                "Al massimo 20 collocazioni",
                "at most 20 placements",
            );
            return Err(vec![invalid.at("/placements")]);
        }
        let mut checked = Vec::new();
        for (at, form) in forms.iter().enumerate() {
            let pointer = |name: &str| format!("/placements/{at}/{name}");
            let role = Role::from_code(&form.role);
            let authority = self.reference.authority(&form.authority_code, self.today());
            if role.is_none() {
                errors.push(not_in_list().at(pointer("role")));
            }
            if authority.is_none() {
                errors.push(not_in_list().at(pointer("authority_code")));
            }
            let label = form.location_label.as_ref().unwrap_or(&form.location_code);
            for (name, text) in [
                ("location_code", &form.location_code),
                ("location_label", label),
            ] {
                if !is_line(text) {
                    let invalid = Invalid::new(
                        "invalid-format",
                        "Da 1 a 100 caratteri su una riga",
                        "1 to 100 characters on one line",
                    );
                    errors.push(invalid.at(pointer(name)));
                }
            }
            let (Some(role), Some(authority)) = (role, authority) else {
                continue;
            };
            let may_give = keeper.is_none_or(|keeper| may_keep(keeper, role, &authority.code));
            if !fits_desk(authority.kind, role) || !may_give {
                let invalid = Invalid::new(
                    "not-allowed",
                    "Non puoi dare questo ruolo in questo ente",
                    "you may not give this role at this authority",
                );
                // Whoever may give the role at home has only named the wrong authority.
                let is_home_role =
                    keeper.is_some_and(|keeper| may_keep(keeper, role, &keeper.authority));
                let name = if is_home_role {
                    "authority_code"
                } else {
                    "role"
                };
                errors.push(invalid.at(pointer(name)));
            }
            checked.push(CheckedPlacement {
                role,
                authority: authority.code.clone(),
                location_code: form.location_code.trim().to_owned(),
                location_label: label.trim().to_owned(),
            });
        }
        match errors.is_empty() {
            true => Ok(checked),
            false => Err(errors),
        }
    }

    /// No code of an administrator goes to a certified mailbox (`domain.md` §9.6).
    pub(super) fn must_not_be_certified_mail(
        &self,
        email: &str,
        mut roles: impl Iterator<Item = Role>,
    ) -> Result<(), DeskError> {
        match roles.any(|role| role == Role::Admin) && self.is_certified_mail(email) {
            true => Err(DeskError::CertifiedMail),
            false => Ok(()),
        }
    }

    pub(super) fn is_certified_mail(&self, email: &str) -> bool {
        EmailAddress::from_stored(email.to_owned())
            .has_label_starting_with(&self.settings.accounts.certified_mail)
    }
}

/// What a step does not keep is refused, not dropped.
const NOT_TAKEN: Invalid = Invalid::new(
    "not-accepted",
    "Questo passo non prende questo campo",
    "this step does not take this member",
);

pub(super) fn check_step(form: &StepForm) -> Result<(), Vec<FieldError>> {
    let mut errors = Vec::new();
    let attests = form.step == AccountStep::Identify;
    let explains = matches!(form.step, AccountStep::Suspend | AccountStep::Revoke);
    let members: [(bool, &str, &Option<String>, &[&str]); 3] = [
        (attests, "/attested", &form.attested, &ATTESTATIONS),
        (
            attests,
            "/document_kind",
            &form.document_kind,
            &DOCUMENT_KINDS,
        ),
        (explains, "/reason", &form.reason, &REASONS),
    ];
    for (is_needed, pointer, value, list) in members {
        match value.as_deref() {
            Some(_) if !is_needed => errors.push(NOT_TAKEN.at(pointer)),
            Some(code) if list.contains(&code) => {}
            Some(_) => errors.push(not_in_list().at(pointer)),
            None if is_needed => errors.push(Invalid::required().at(pointer)),
            None => {}
        }
    }
    match errors.is_empty() {
        true => Ok(()),
        false => Err(errors),
    }
}

fn is_line(text: &str) -> bool {
    (1..=MAX_LINE).contains(&text.chars().count())
        && !text.contains(char::is_control)
        && !text.trim().is_empty()
}

/// A user name: a slug that is easy to type and to say.
pub fn check_username(text: &str) -> Result<String, Invalid> {
    let text = text.trim().to_lowercase();
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-@".contains(&b);
    match (3..=MAX_USERNAME).contains(&text.len()) && text.bytes().all(plain) {
        true => Ok(text),
        false => Err(Invalid::new(
            "invalid-format",
            "Da 3 a 64 tra lettere minuscole, cifre, punto, trattino, trattino basso e chiocciola",
            "3 to 64 of a-z, 0-9, dot, hyphen, underscore and at sign",
        )),
    }
}
