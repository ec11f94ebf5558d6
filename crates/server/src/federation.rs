//! The verifiers of tokens that others issue, made from the configuration.
//!
//! For what needs both settings and reference data, such as whether a profile's authority
//! exists. Invariant: an instance that opened trusts no issuer of its own name and no profile of
//! a desk that is not there.

use std::path::Path;

use anyhow::{Context, bail, ensure};
use api::modi::ModiVerifier;
use api::oidc::{StaffIssuer, StaffVerifier, VoucherVerifier};
use domain::account::fits_desk;
use domain::catalogue::Reference;

use crate::config::Config;

/// Who verifies tokens of staff; the codes in its rules are spelled as in the reference data.
pub(crate) fn staff(config: &Config, reference: &Reference) -> anyhow::Result<StaffVerifier> {
    let mut issuers = config.staff.issuers.clone();
    for staff in &mut issuers {
        check_desks(staff, reference)?;
    }
    StaffVerifier::new(issuers, config.staff.http.clone()).context("staff.issuers")
}

/// Who verifies tokens of programs with certificates, if any authority is trusted; `base_url` is
/// whom they are for, unless the configuration names another audience.
pub(crate) fn certificates(
    config: &Config,
    base_url: &str,
) -> anyhow::Result<Option<ModiVerifier>> {
    let Some(file) = &config.clients.trust_file else {
        return Ok(None);
    };
    let audience = config.clients.audience.as_deref().unwrap_or(base_url);
    let verifier = trusting(file, audience).context("clients.trust_file")?;
    Ok(Some(verifier))
}

/// Who verifies vouchers of programs.
pub(crate) fn vouchers(config: &Config) -> anyhow::Result<VoucherVerifier> {
    let issuers = config.clients.voucher_issuers.clone();
    let http = config.clients.http.clone();
    VoucherVerifier::new(issuers, http).context("clients.voucher_issuers")
}

fn trusting(file: &Path, audience: &str) -> anyhow::Result<ModiVerifier> {
    let pem = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(ModiVerifier::new(&pem, audience.to_owned())?)
}

/// Refuses that somebody else signs as us.
pub(crate) fn must_not_be_ours(config: &Config, own_issuer: &str) -> anyhow::Result<()> {
    for (section, issuer) in config.issuers() {
        if issuer.name == own_issuer {
            bail!("{section}: {own_issuer} is the issuer of our own tokens");
        }
    }
    Ok(())
}

fn check_desks(staff: &mut StaffIssuer, reference: &Reference) -> anyhow::Result<()> {
    for rule in &mut staff.profiles {
        let (profile, role) = (&rule.profile, rule.role);
        let authority = reference.authority_any(&rule.authority).with_context(|| {
            format!(
                "staff.issuers: profile {profile:?}: there is no authority {:?}",
                rule.authority
            )
        })?;
        ensure!(
            fits_desk(authority.kind, role),
            "staff.issuers: profile {profile:?}: {} has no place for the role {}",
            authority.code,
            role.code()
        );
        rule.authority = authority.code.as_str().to_owned();
    }
    Ok(())
}
