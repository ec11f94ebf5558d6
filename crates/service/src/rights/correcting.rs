//! Restricting the processing of somebody's data (GDPR 18), and putting wrong data right (GDPR 16), on all
//! tickets of a request at once.

use domain::actor::{Actor, Staff};
use domain::command::Command;
use domain::email::EmailAddress;
use domain::ids::{SubjectRequestId, TicketId, TicketNumber, TicketRef};
use domain::invalid::Invalid;
use domain::person_name::PersonName;
use domain::phone::PhoneNumber;
use domain::subject_request::SubjectRequestStep;
use domain::visibility::Scope;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use storage::DbConnection;
use storage::tickets::{self, Dossier};

use super::Deed;
use crate::once::{Answer, Once};
use crate::{Desk, DeskError};

/// What is right instead; `None` leaves it as it is.
#[derive(Clone, Default)]
pub struct Rectification {
    /// The address.
    pub email: Option<EmailAddress>,
    /// The telephone number.
    pub phone: Option<PhoneNumber>,
    /// The given name.
    pub given_name: Option<PersonName>,
    /// The family name.
    pub family_name: Option<PersonName>,
    /// Which document showed it; needed for a name.
    pub evidence: Option<String>,
}

/// A ticket that was restricted, freed or put right.
#[derive(Clone, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct CorrectedTicket {
    pub ticket: TicketId,
    pub number: TicketNumber,
    pub restricted_at: Option<Timestamp>,
    /// What was put right, by name.
    pub members: Vec<String>,
}

impl Desk {
    /// Restricts the processing of all tickets of a request, or lifts that. Those that stand as asked
    /// already stay as they are.
    pub fn restrict(
        &self,
        staff: &Staff,
        id: SubjectRequestId,
        seen: i64,
        holds: bool,
        once: &Once,
    ) -> Result<Answer<(i64, Vec<CorrectedTicket>)>, DeskError> {
        let (desk, staff) = (self.clone(), staff.clone());
        self.write_once(&Scope::System, once, move |conn| {
            let now = desk.clock.now();
            let deed = Deed {
                step: match holds {
                    true => SubjectRequestStep::Restrict,
                    false => SubjectRequestStep::LiftRestriction,
                },
                staff: &staff,
                seen: Some(seen),
                text: None,
                now,
            };
            let request = desk.take_rights_step(conn, id, deed)?;
            let actor = Actor::Staff(staff.clone());
            let mut corrected = Vec::new();
            for ticket in desk.tickets_of_subject(conn, &request)? {
                let found = tickets::find(conn, &Scope::System, &TicketRef::Id(ticket))?;
                let Some((mut ticket, dossier)) = found else {
                    continue;
                };
                if ticket.restricted_at.is_some() != holds {
                    let command = Command::Restrict { holds };
                    desk.apply(conn, &mut ticket, &dossier, &command, &actor, now)?;
                }
                corrected.push(CorrectedTicket {
                    ticket: ticket.id,
                    number: ticket.number,
                    restricted_at: ticket.restricted_at,
                    members: Vec::new(),
                });
            }
            Ok((request.version, corrected))
        })
    }

    /// Puts names and contacts right on all tickets of a request. The history says which, and not what.
    pub fn rectify(
        &self,
        staff: &Staff,
        id: SubjectRequestId,
        seen: i64,
        right: Rectification,
        once: &Once,
    ) -> Result<Answer<(i64, Vec<CorrectedTicket>)>, DeskError> {
        let names_somebody = right.given_name.is_some() || right.family_name.is_some();
        if names_somebody && right.evidence.is_none() {
            return Err(DeskError::field(Invalid::required().at("/evidence")));
        }
        let (desk, staff) = (self.clone(), staff.clone());
        self.write_once(&Scope::System, once, move |conn| {
            let now = desk.clock.now();
            let deed = Deed {
                step: SubjectRequestStep::Rectify,
                staff: &staff,
                seen: Some(seen),
                text: right.evidence.clone(),
                now,
            };
            let request = desk.take_rights_step(conn, id, deed)?;
            let mut corrected = Vec::new();
            for ticket in desk.tickets_of_subject(conn, &request)? {
                corrected.extend(desk.rectify_ticket(conn, &staff, ticket, &right, now)?);
            }
            Ok((request.version, corrected))
        })
    }

    fn rectify_ticket(
        &self,
        conn: &mut DbConnection,
        staff: &Staff,
        id: TicketId,
        right: &Rectification,
        now: Timestamp,
    ) -> Result<Option<CorrectedTicket>, DeskError> {
        let found = tickets::find(conn, &Scope::System, &TicketRef::Id(id))?;
        let Some((mut ticket, mut dossier)) = found else {
            return Ok(None);
        };
        let members = right.put_into(&mut dossier);
        if !members.is_empty() {
            tickets::rewrite(conn, id, &dossier)?;
            let command = Command::Rectify {
                members: members.clone(),
            };
            let actor = Actor::Staff(staff.clone());
            // With the dossier as it is now: whoever is told of it is told at the new address.
            self.apply(conn, &mut ticket, &dossier, &command, &actor, now)?;
        }
        Ok(Some(CorrectedTicket {
            ticket: ticket.id,
            number: ticket.number,
            restricted_at: ticket.restricted_at,
            members,
        }))
    }
}

impl Rectification {
    /// Puts what is right into a dossier, and names what was another there.
    fn put_into(&self, dossier: &mut Dossier) -> Vec<String> {
        let mut members = Vec::new();
        let mut put = |name: &str, right: Option<&str>, place: &mut String| {
            if let Some(right) = right.filter(|right| *right != place) {
                place.clear();
                place.push_str(right);
                members.push(name.to_owned());
            }
        };
        let email = self.email.as_ref().map(EmailAddress::as_str);
        put("email", email, &mut dossier.email);
        let given = self.given_name.as_ref().map(PersonName::as_str);
        put("given_name", given, &mut dossier.given_name);
        let family = self.family_name.as_ref().map(PersonName::as_str);
        put("family_name", family, &mut dossier.family_name);
        if let Some(phone) = self.phone.as_ref().map(PhoneNumber::as_str)
            && dossier.phone.as_deref() != Some(phone)
        {
            dossier.phone = Some(phone.to_owned());
            members.push("phone".to_owned());
        }
        members
    }
}
