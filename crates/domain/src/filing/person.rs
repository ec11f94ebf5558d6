//! Who a request is about: as written, as the token says, or the delegator the filer acts for.

use super::reading::{self, Reading};
use super::{CitizenIdentity, Filer, FilingForm};
use crate::catalogue::Service;
use crate::email::EmailAddress;
use crate::invalid::Invalid;
use crate::person_name::PersonName;
use crate::tax_code::TaxCode;

/// Who a request is about, and where answers go.
pub(super) struct Person {
    pub(super) given_name: PersonName,
    pub(super) family_name: PersonName,
    pub(super) tax_code: TaxCode,
    pub(super) email: EmailAddress,
    /// Whether somebody else files for them.
    pub(super) is_delegator: bool,
}

/// Whose the person's fields are.
enum About<'a> {
    /// Whoever is written there.
    Anybody,
    /// The filer, whose token says it.
    Filer(&'a CitizenIdentity),
    /// The delegator, whom no token describes.
    Delegator(&'a TaxCode),
    /// Somebody the filer may not act for.
    Stranger,
}

impl About<'_> {
    /// What a value is told that is not the person's.
    const fn mismatch(&self) -> Invalid {
        let (it, en) = match self {
            About::Delegator(_) => (
                "Non corrisponde al delegante",
                "this differs from the delegator",
            ),
            _ => (
                "Non corrisponde alla tua identità digitale",
                "this differs from your signed-in identity",
            ),
        };
        Invalid::new("identity-mismatch", it, en)
    }
}

const NO_DELEGATION: Invalid = Invalid::new(
    "delegation-missing",
    "Non risulta una delega attiva",
    "no active delegation was found",
);

pub(super) fn read(
    read: &mut Reading<'_>,
    form: &FilingForm,
    filer: &Filer<'_>,
    service: &Service,
) -> Option<Person> {
    let token = match *filer {
        Filer::Citizen(identity) | Filer::Delegate { identity, .. } => Some(identity),
        Filer::Anonymous | Filer::Staff => None,
    };
    let about = about(form, filer);
    let held = match about {
        About::Filer(identity) => Some(identity),
        _ => None,
    };
    let mismatch = about.mismatch();
    let name = |read: &mut Reading<'_>, pointer, raw, held| {
        let name = read.identity(pointer, raw, PersonName::parse, held, same_name, &mismatch);
        // The contract asks no citizen for a name, because a token has one; of a delegator's it does not.
        if matches!(about, About::Delegator(_)) && reading::blank(raw) {
            read.refuse(pointer, Invalid::required());
        }
        name
    };
    let given_name = name(
        read,
        "/given_name",
        &form.given_name,
        held.map(|t| &t.given_name),
    );
    let family_name = name(
        read,
        "/family_name",
        &form.family_name,
        held.map(|t| &t.family_name),
    );
    let held = match about {
        About::Delegator(delegator) => Some(delegator),
        _ => held.map(|t| &t.tax_code),
    };
    let parse = |text: &str| TaxCode::parse(text, service.allow_stp_eni);
    let raw = &form.tax_code;
    let tax_code = read.identity("/tax_code", raw, parse, held, TaxCode::eq, &mismatch);
    read.take("/on_behalf_of", &form.on_behalf_of, |text| match about {
        About::Delegator(_) => TaxCode::parse(text, service.allow_stp_eni).map(drop),
        About::Stranger => Err(NO_DELEGATION),
        // Without a delegation nobody can be named but the person of the form.
        About::Anybody | About::Filer(_) => match &tax_code {
            Some(own) if !form.is_for_another(own) => Ok(()),
            _ => Err(NO_DELEGATION),
        },
    });

    let email = email(read, form, token);
    Some(Person {
        given_name: given_name?,
        family_name: family_name?,
        tax_code: tax_code?,
        email: email?,
        is_delegator: matches!(about, About::Delegator(_)),
    })
}

/// Answers go to whoever files, by the address of the token unless the form gives one.
fn email(
    read: &mut Reading<'_>,
    form: &FilingForm,
    token: Option<&CitizenIdentity>,
) -> Option<EmailAddress> {
    let written = read.take("/email", &form.email, EmailAddress::parse);
    match token {
        // The provider may give no address; then the form must.
        Some(identity) if reading::blank(&form.email) => {
            if identity.email.is_none() {
                read.refuse("/email", Invalid::required());
            }
            identity.email.clone()
        }
        Some(_) | None => written,
    }
}

fn about<'a>(form: &FilingForm, filer: &Filer<'a>) -> About<'a> {
    let (identity, delegators): (_, &[TaxCode]) = match *filer {
        Filer::Anonymous | Filer::Staff => return About::Anybody,
        Filer::Citizen(identity) => (identity, &[]),
        Filer::Delegate {
            identity,
            delegators,
        } => (identity, delegators),
    };
    if !form.is_for_another(&identity.tax_code) {
        return About::Filer(identity);
    }
    let named = form.delegator();
    let active = delegators.iter().find(|one| Some(*one) == named.as_ref());
    active.map_or(About::Stranger, About::Delegator)
}

/// Identity providers send names in capitals, people do not write them so.
fn same_name(one: &PersonName, other: &PersonName) -> bool {
    let plain = |name: &PersonName| {
        name.as_str()
            .to_lowercase()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .replace('’', "'")
    };
    plain(one) == plain(other)
}
