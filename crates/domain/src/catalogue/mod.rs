//! The reference data: services with their forms, authorities, calendars, short code lists
//! (`domain.md` §3.4, §7, §8, §10.1).
//!
//! It knows what may be chosen, and who took over from whom. It does not read files (the caller
//! brings their texts) and does not know the day (the caller brings that too). Invariant: every
//! code that one entry of a [`Reference`] names is an entry of the same reference.

mod authority;
mod calendars;
mod extra;
pub(crate) mod field_list;
mod fields;
mod file;
mod form;
mod lists;
mod load;
mod policies;
mod service;
mod technical;
mod validity;

use jiff::civil::Date;

pub use authority::{Authority, AuthorityKind, EnabledServices};
pub use calendars::{CalendarEntry, Town};
pub use extra::{Choice, ExtraContext, ExtraField, ExtraKind, FIRST_YEAR};
pub use fields::{Datatype, FormField, PerProfile};
pub use form::{AttachmentRule, FormContract, ProblemTypeChoice, TextLimits};
pub use lists::{CodeEntry, CodeLists};
pub use load::{ReferenceError, ReferenceFile};
pub use policies::FirstPolicy;
pub use service::{
    AuthorityRule, FormKind, Presence, ProblemType, Profile, Profiles, Route, Service,
};
pub use technical::{CatalogueItem, TechnicalCatalogue};
pub use validity::Validity;

use crate::codes::{AuthorityCode, CalendarCode, ServiceCode};

/// All the reference data of an installation, checked as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    services: Vec<Service>,
    authorities: Vec<Authority>,
    region: AuthorityCode,
    calendars: Vec<CalendarEntry>,
    usual_calendar: CalendarCode,
    first_policies: Vec<FirstPolicy>,
    /// The short code lists.
    pub codes: CodeLists,
    /// What technical activities are about.
    pub technical: TechnicalCatalogue,
}

impl Reference {
    /// Reads `services.toml`, `authorities.toml`, `codes.toml`, `calendars.toml` and
    /// `sla-policies.toml`, and `technical-catalogue.toml` if it is there, or says everything that is
    /// wrong with them.
    pub fn parse(files: &[ReferenceFile<'_>]) -> Result<Self, Vec<ReferenceError>> {
        load::reference(files)
    }

    /// Every service, retired ones included, in the order shown.
    pub fn services(&self) -> &[Service] {
        &self.services
    }

    /// Every authority and desk, past ones included, in the order shown.
    pub fn authorities(&self) -> &[Authority] {
        &self.authorities
    }

    /// The code of the regional desk.
    pub fn region(&self) -> &AuthorityCode {
        &self.region
    }

    /// The service with that code in any letter case, if it may be chosen on that day.
    pub fn service(&self, code: &str, on: Date) -> Option<&Service> {
        self.service_any(code)
            .filter(|service| service.validity.covers(on))
    }

    /// The service with that code, even if retired: old requests name it.
    pub fn service_any(&self, code: &str) -> Option<&Service> {
        self.services
            .iter()
            .find(|service| service.code.as_str().eq_ignore_ascii_case(code))
    }

    /// The authority or desk with that code, if active on that day.
    pub fn authority(&self, code: &str, on: Date) -> Option<&Authority> {
        self.authority_any(code)
            .filter(|authority| authority.validity.covers(on))
    }

    /// The authority or desk with that code, even if another took over.
    pub fn authority_any(&self, code: &str) -> Option<&Authority> {
        self.authorities
            .iter()
            .find(|authority| authority.code.as_str().eq_ignore_ascii_case(code))
    }

    /// The authority or desk that does the work of the one with that code on that day: itself, or
    /// whoever took over, however often (`domain.md` §8). Successions have no circles.
    pub fn in_force(&self, code: &str, on: Date) -> Option<&Authority> {
        let mut one = self.authority_any(code)?;
        while !one.validity.covers(on) {
            one = self.authority_any(one.successor.as_ref()?.as_str())?;
        }
        Some(one)
    }

    /// The second-level technical desk on that day, if there is one.
    pub fn technical_desk(&self, on: Date) -> Option<&Authority> {
        let mut desks = self.authorities.iter();
        desks.find(|one| one.kind == AuthorityKind::Technical && one.validity.covers(on))
    }

    /// The SLA policies an installation begins with.
    pub fn first_policies(&self) -> &[FirstPolicy] {
        &self.first_policies
    }

    /// Every calendar, in the order shown: those of the file, then the same in single towns.
    pub fn calendars(&self) -> &[CalendarEntry] {
        &self.calendars
    }

    /// The calendar with that code in any letter case.
    pub fn calendar(&self, code: &str) -> Option<&CalendarEntry> {
        self.calendars
            .iter()
            .find(|entry| entry.code.as_str().eq_ignore_ascii_case(code))
    }

    /// When that authority or desk works: the usual hours if nothing is known of it.
    pub fn calendar_of(&self, authority: &AuthorityCode) -> Option<&CalendarEntry> {
        let own = self.authority_any(authority.as_str());
        let code = own.map_or(&self.usual_calendar, |authority| &authority.calendar);
        self.calendar(code.as_str())
    }

    /// The authorities a requester may name for a service on that day (`domain.md` §3.1, F9).
    pub fn authorities_for<'a>(
        &'a self,
        service: &'a ServiceCode,
        on: Date,
    ) -> impl Iterator<Item = &'a Authority> {
        self.authorities
            .iter()
            .filter(move |authority| authority.serves(service, on))
    }
}

#[cfg(test)]
pub(crate) mod tests;
