//! Contacts: what reaches a desk beside the requests, logged on or before a ticket
//! (`domain.md` §10.2).

use domain::actor::Staff;
use domain::contact::{ContactChannel, ContactOutcome, Direction};
use domain::ids::{ContactId, TicketId, TicketNumber, TicketRef};
use domain::invalid::Invalid;
use domain::permissions::{Reach, Right, reach};
use domain::visibility::Scope;
use jiff::Timestamp;
use storage::contacts::{self, Filter};
use storage::deliveries::Keeper;
use storage::{DbConnection, StoreError, tickets};

pub use storage::contacts::Contact;

use crate::action_form::not_in_list;
use crate::once::{Answer, Once};
use crate::{Desk, DeskError};

/// A contact to log, checked but for its ticket.
#[derive(Debug, Clone)]
pub struct NewContact {
    /// How it came about.
    pub channel: ContactChannel,
    /// Who sought whom.
    pub direction: Direction,
    /// When; now, if nothing is said.
    pub at: Option<Timestamp>,
    /// What it led to.
    pub outcome: ContactOutcome,
    /// The id or number of the ticket it was about.
    pub ticket: Option<String>,
    /// What the desk wants to remember of it.
    pub note: Option<String>,
}

/// Which contacts somebody wants to see.
#[derive(Debug, Clone, Default)]
pub struct ContactFilter {
    /// How they came about.
    pub channel: Option<ContactChannel>,
    /// What they led to.
    pub outcome: Option<ContactOutcome>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Not at or after.
    pub to: Option<Timestamp>,
    /// The ticket they were about.
    pub ticket: Option<TicketRef>,
}

impl Desk {
    /// Logs a contact of the placement's desk.
    pub fn log_contact(
        &self,
        staff: &Staff,
        new: NewContact,
        once: &Once,
    ) -> Result<Answer<Contact>, DeskError> {
        let (desk, staff) = (self.clone(), staff.clone());
        let scope = Scope::of(&staff);
        self.write_once(&scope.clone(), once, move |conn| {
            let now = desk.clock.now();
            let ticket = new
                .ticket
                .map(|text| ticket_in_reach(conn, &scope, &text))
                .transpose()?;
            let contact = Contact {
                id: ContactId::new(desk.ids.uuid()),
                version: 1,
                desk: staff.authority,
                channel: new.channel,
                direction: new.direction,
                at: new.at.unwrap_or(now),
                outcome: new.outcome,
                ticket,
                note: new.note,
                author: staff.account,
                created_at: now,
            };
            contacts::insert(conn, &contact)?;
            Ok(contact)
        })
    }

    /// A page of the contacts that the placement sees, the newest first.
    pub fn list_contacts(
        &self,
        staff: &Staff,
        filter: ContactFilter,
        after: Option<(Timestamp, ContactId)>,
        limit: i64,
    ) -> Result<Vec<Contact>, DeskError> {
        let (keeper, scope) = (keeper_of(staff, Right::KeepContacts), Scope::of(staff));
        self.db.read_in(&scope, |conn| {
            let ticket = match &filter.ticket {
                None => None,
                Some(wanted) => match tickets::find(conn, &scope, wanted)? {
                    Some((ticket, _)) => Some(ticket.id),
                    // Out of reach is as if there were none.
                    None => return Ok(Vec::new()),
                },
            };
            let filter = Filter {
                channel: filter.channel,
                outcome: filter.outcome,
                from: filter.from,
                to: filter.to,
                ticket,
            };
            Ok(contacts::list(conn, &keeper, &filter, after, limit)?)
        })
    }

    /// One contact.
    pub fn show_contact(&self, staff: &Staff, id: ContactId) -> Result<Contact, DeskError> {
        let (keeper, scope) = (keeper_of(staff, Right::KeepContacts), Scope::of(staff));
        self.db.read_in(&scope, |conn| {
            contacts::find(conn, &keeper, id)?.ok_or(DeskError::NotFound)
        })
    }

    /// Links a contact to the ticket it turned out to be about; once.
    pub fn link_contact(
        &self,
        staff: &Staff,
        id: ContactId,
        seen: i64,
        ticket: String,
    ) -> Result<Contact, DeskError> {
        let (keeper, scope) = (keeper_of(staff, Right::KeepContacts), Scope::of(staff));
        self.db.write_in(&scope.clone(), move |conn| {
            let find = |conn: &mut DbConnection| {
                contacts::find(conn, &keeper, id)?.ok_or(DeskError::NotFound)
            };
            let contact = find(conn)?;
            if contact.version != seen {
                return Err(DeskError::Stale {
                    current: contact.version,
                });
            }
            if contact.ticket.is_some() {
                let invalid = Invalid::new(
                    "already-linked",
                    "Il contatto è già collegato a una richiesta",
                    "the contact is linked to a request already",
                );
                return Err(DeskError::field(invalid.at("/ticket")));
            }
            let (ticket, _) = ticket_in_reach(conn, &scope, &ticket)?;
            match contacts::link(conn, id, ticket, seen) {
                Err(StoreError::Stale) => Err(DeskError::Stale {
                    current: find(conn)?.version,
                }),
                Err(other) => Err(other.into()),
                Ok(()) => find(conn),
            }
        })
    }
}

/// Whose rows somebody sees: the region's reach is everything.
pub(crate) fn keeper_of(staff: &Staff, right: Right) -> Keeper {
    match reach(staff.role, right) {
        Reach::Region | Reach::All => Keeper::Everything,
        Reach::Desk | Reach::Activities | Reach::No => Keeper::Desk(staff.authority.clone()),
    }
}

/// The ticket somebody names; one out of reach is refused as if it had never existed.
pub(crate) fn ticket_in_reach(
    conn: &mut DbConnection,
    scope: &Scope,
    text: &str,
) -> Result<(TicketId, TicketNumber), DeskError> {
    let unknown = || DeskError::field(not_in_list().at("/ticket"));
    let wanted = TicketRef::parse(text).ok_or_else(unknown)?;
    let (ticket, _) = tickets::find(conn, scope, &wanted)?.ok_or_else(unknown)?;
    Ok((ticket.id, ticket.number))
}
