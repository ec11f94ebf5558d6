//! The reference data in the database, and the public catalogue.

use domain::actor::Staff;
use domain::catalogue::{FormContract, Service, Validity};
use domain::codes::AuthorityCode;
use domain::permissions::{Reach, Right, reach};
use storage::reference::{AuthorityRow, ProblemTypeRow, ServiceRow};

use crate::{Desk, DeskError};

impl Desk {
    /// Brings the reference tables to what the files say.
    pub(crate) fn write_reference(&self) -> Result<(), DeskError> {
        let days = |validity: &Validity| {
            (
                validity.valid_from.map(|d| d.to_string()),
                validity.valid_to.map(|d| d.to_string()),
            )
        };
        let mut authorities = Vec::new();
        for authority in self.reference.authorities() {
            let (valid_from, valid_to) = days(&authority.validity);
            authorities.push(AuthorityRow {
                code: authority.code.as_str().to_owned(),
                kind: authority.kind.as_str().to_owned(),
                label: authority.label.it.to_string(),
                valid_from,
                valid_to,
                successor: authority
                    .successor
                    .as_ref()
                    .map(|code| code.as_str().to_owned()),
            });
        }
        let (mut services, mut types) = (Vec::new(), Vec::new());
        for service in self.reference.services() {
            let (valid_from, valid_to) = days(&service.validity);
            services.push(ServiceRow {
                code: service.code.as_str().to_owned(),
                label_it: service.label.it.to_string(),
                label_en: service.label.en.to_string(),
                valid_from,
                valid_to,
            });
            for problem in &service.problem_types {
                let (valid_from, valid_to) = days(&problem.validity);
                types.push(ProblemTypeRow {
                    service_code: service.code.as_str().to_owned(),
                    code: problem.code.as_str().to_owned(),
                    label_it: problem.label.it.to_string(),
                    label_en: problem.label.en.to_string(),
                    valid_from,
                    valid_to,
                });
            }
        }
        self.db.write(move |conn| {
            Ok(storage::reference::upsert(
                conn,
                authorities,
                services,
                types,
            )?)
        })
    }

    /// The authority of this code, as the catalogue spells it.
    pub(crate) fn known_authority(&self, code: &str) -> Result<AuthorityCode, DeskError> {
        let found = self.reference.authority_any(code);
        Ok(found.ok_or(DeskError::NotFound)?.code.clone())
    }

    /// The same, if the right of a member of staff reaches it; else as if it were not there.
    pub(crate) fn authority_in_reach(
        &self,
        staff: &Staff,
        code: &str,
        right: Right,
    ) -> Result<AuthorityCode, DeskError> {
        let code = self.known_authority(code)?;
        match reaches(staff, right, &code) {
            true => Ok(code),
            false => Err(DeskError::NotFound),
        }
    }

    /// The services that can be chosen today.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        let today = self.today();
        self.reference
            .services()
            .iter()
            .filter(move |service| service.validity.covers(today))
    }

    /// The form contract of a service, from the same data that filing enforces.
    pub fn form(&self, code: &str) -> Result<FormContract, DeskError> {
        let today = self.today();
        let service = self
            .reference
            .service(code, today)
            .ok_or(DeskError::NotFound)?;
        Ok(service.form(&self.reference, today, &self.settings.text_limits))
    }
}

/// Whether the right of a member of staff reaches an authority.
pub(crate) fn reaches(staff: &Staff, right: Right, authority: &AuthorityCode) -> bool {
    match reach(staff.role, right) {
        Reach::All | Reach::Region => true,
        Reach::Desk => staff.authority == *authority,
        Reach::No | Reach::Activities => false,
    }
}
