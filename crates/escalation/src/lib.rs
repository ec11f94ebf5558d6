//! Which desk gets a ticket: on a hand-over, on a return, on a re-route, as a follow-up. At filing the
//! catalogue says it (`Reference::initial_custodian`).
//!
//! Pure: the reference data comes in, a [`Target`] goes out. Whether the ticket may move at all
//! is the life cycle's affair (`domain::lifecycle`); routing rules as data will live here.
//! Invariant: every answer names a desk that exists in the reference data.
//!
//! What has to be found out before is said by [`playbook`].
#![warn(missing_docs)]

pub mod playbook;

use domain::catalogue::{AuthorityKind, Reference};
use domain::codes::{AuthorityCode, ServiceCode};
use domain::ticket::{Desk, Target};
use jiff::civil::Date;

/// Finds desks in the reference data as it is today.
#[derive(Clone, Copy)]
pub struct Router<'a> {
    reference: &'a Reference,
    today: Date,
}

impl<'a> Router<'a> {
    /// A router over this data, on this day.
    pub const fn new(reference: &'a Reference, today: Date) -> Self {
        Router { reference, today }
    }

    /// The desk with this code, as a first custodian chosen by routing rule R1 (`domain.md` §4.5).
    pub fn desk(&self, code: &AuthorityCode) -> Desk {
        Desk {
            code: code.clone(),
            is_region: code == self.reference.region(),
        }
    }

    /// Where a hand-over goes: the one regional desk (T13).
    pub fn hand_over(&self) -> Target {
        Target {
            desk: self.desk(self.reference.region()),
            accepts: true,
        }
    }

    /// Where the follow-up of a closed ticket begins: where the same form would go if it were filed
    /// today (T24, T01).
    pub fn follow_up(&self, service: &ServiceCode, declared: Option<&AuthorityCode>) -> Desk {
        let accepting = declared.filter(|code| {
            self.authority(code.as_str(), service)
                .is_some_and(|target| target.accepts)
        });
        match self.reference.service_any(service.as_str()) {
            Some(service) => self.desk(self.reference.initial_custodian(service, accepting)),
            None => self.desk(self.reference.region()),
        }
    }

    /// The authority named for a return or a re-route (T16, T17); `None` when there is none of this
    /// code. It accepts while it is active and enabled for the service.
    pub fn authority(&self, code: &str, service: &ServiceCode) -> Option<Target> {
        let authority = self.reference.authority_any(code)?;
        let is_health = !matches!(
            authority.kind,
            AuthorityKind::Region | AuthorityKind::Technical
        );
        let accepts = is_health && authority.serves(service, self.today);
        Some(Target {
            desk: self.desk(&authority.code),
            accepts,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::catalogue::ReferenceFile;

    fn reference() -> Reference {
        let file = |name, text| ReferenceFile { name, text };
        Reference::parse(&[
            file(
                "services.toml",
                include_str!("../../../config/reference/services.toml"),
            ),
            file(
                "authorities.toml",
                include_str!("../../../config/reference/authorities.toml"),
            ),
            file(
                "codes.toml",
                include_str!("../../../config/reference/codes.toml"),
            ),
            file(
                "calendars.toml",
                include_str!("../../../config/reference/calendars.toml"),
            ),
            file(
                "sla-policies.toml",
                include_str!("../../../config/reference/sla-policies.toml"),
            ),
        ])
        .unwrap()
    }

    #[test]
    fn a_hand_over_goes_to_the_region_and_a_re_route_to_an_authority_alone() {
        let reference = reference();
        let router = Router::new(&reference, jiff::civil::date(2026, 11, 21));
        let fse = ServiceCode::from("FSE");
        assert!(router.hand_over().desk.is_region);
        assert!(router.authority("010210", &fse).unwrap().accepts);
        assert!(
            !router.authority("REG010", &fse).unwrap().accepts,
            "not back to the region itself"
        );
        assert!(!router.authority("TEC010", &fse).unwrap().accepts);
        assert!(
            !router.authority("010996", &fse).unwrap().accepts,
            "not enabled for the service"
        );
        assert_eq!(router.authority("999999", &fse), None);
    }

    #[test]
    fn a_follow_up_begins_where_a_filing_would() {
        let reference = reference();
        let router = Router::new(&reference, jiff::civil::date(2026, 11, 21));
        let begins = |service: &str, declared: Option<&str>| {
            let declared = declared.map(AuthorityCode::from);
            router
                .follow_up(&service.into(), declared.as_ref())
                .code
                .to_string()
        };
        assert_eq!(begins("FSE", Some("010204")), "010204");
        assert_eq!(begins("FSE", None), "REG010");
        assert_eq!(
            begins("FSE", Some("010996")),
            "REG010",
            "not enabled for the service any more"
        );
        assert_eq!(
            begins("deleghe", Some("010204")),
            "REG010",
            "a service of the region"
        );
    }
}
