//! Legal holds: who sets and ends them, and what they keep.

use domain::actor::Staff;
use domain::codes::AuthorityCode;
use domain::ids::{AccountId, HoldId, TicketId, TicketRef};
use domain::invalid::Invalid;
use domain::tax_code::TaxCode;
use domain::visibility::Scope;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use storage::holds::{self, End, Hold, Subject};
use storage::{DbConnection, tickets};

use crate::action_form::not_in_list;
use crate::once::{Answer, Once};
use crate::{Desk, DeskError};

/// What a hold is to keep.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// A ticket.
    Ticket(TicketRef),
    /// Everything of an authority, by code.
    Authority(String),
    /// Everything about the person with this tax code.
    Person(TaxCode),
}

/// A hold, as it is told: without the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "the members are those of the contract, name by name"
)]
pub struct HoldView {
    pub id: HoldId,
    pub kind: String,
    pub ticket: Option<TicketId>,
    pub authority: Option<AuthorityCode>,
    pub reason: String,
    pub until: Option<Timestamp>,
    pub is_on: bool,
    pub created_at: Timestamp,
    pub created_by: AccountId,
    pub ended_at: Option<Timestamp>,
    pub ended_by: Option<AccountId>,
    pub end_reason: Option<String>,
}

impl HoldView {
    fn new(hold: Hold, now: Timestamp) -> Self {
        let is_on = hold.is_on(now);
        let kind = hold.subject.kind().to_owned();
        let (ticket, authority) = match hold.subject {
            Subject::Ticket(id) => (Some(id), None),
            Subject::Authority(code) => (None, Some(code)),
            Subject::Person(_) => (None, None),
        };
        let end = hold.ended;
        HoldView {
            id: hold.id,
            kind,
            ticket,
            authority,
            reason: hold.reason,
            until: hold.until,
            is_on,
            created_at: hold.created_at,
            created_by: hold.created_by,
            ended_at: end.as_ref().map(|end| end.at),
            ended_by: end.as_ref().map(|end| end.by),
            end_reason: end.map(|end| end.reason),
        }
    }
}

impl Desk {
    /// Keeps something from going, until somebody ends that or its time comes.
    pub fn set_hold(
        &self,
        staff: &Staff,
        wanted: Wanted,
        reason: String,
        until: Option<Timestamp>,
        once: &Once,
    ) -> Result<Answer<HoldView>, DeskError> {
        let (desk, account) = (self.clone(), staff.account);
        // Whoever may hold may hold anything, also what they see nothing of.
        self.write_once(&Scope::System, once, move |conn| {
            let now = desk.clock.now();
            holds::follow(conn)?;
            let subject = desk.subject_of(conn, &wanted)?;
            if until.is_some_and(|until| until <= now) {
                return Err(DeskError::Invalid(vec![in_the_past().at("/until")]));
            }
            let hold = Hold {
                id: HoldId::new(desk.ids.uuid()),
                subject,
                reason,
                until,
                created_at: now,
                created_by: account,
                ended: None,
            };
            holds::insert(conn, &hold)?;
            Ok(HoldView::new(hold, now))
        })
    }

    fn subject_of(&self, conn: &mut DbConnection, wanted: &Wanted) -> Result<Subject, DeskError> {
        Ok(match wanted {
            Wanted::Ticket(named) => {
                let found = tickets::find(conn, &Scope::System, named)?;
                Subject::Ticket(found.ok_or(DeskError::NotFound)?.0.id)
            }
            Wanted::Authority(code) => {
                let known = self.reference.authority_any(code);
                let unknown = || DeskError::Invalid(vec![not_in_list().at("/authority_code")]);
                Subject::Authority(known.ok_or_else(unknown)?.code.clone())
            }
            Wanted::Person(tax_code) => Subject::Person(tax_code.as_str().to_owned()),
        })
    }

    /// Ends a hold; what it kept may go with the next run.
    pub fn end_hold(
        &self,
        staff: &Staff,
        id: HoldId,
        reason: String,
        once: &Once,
    ) -> Result<Answer<HoldView>, DeskError> {
        let (desk, account) = (self.clone(), staff.account);
        self.write_once(&Scope::System, once, move |conn| {
            let now = desk.clock.now();
            holds::follow(conn)?;
            holds::find(conn, id)?.ok_or(DeskError::NotFound)?;
            let end = End {
                at: now,
                by: account,
                reason,
            };
            if !holds::end(conn, id, &end)? {
                return Err(DeskError::HoldEnded);
            }
            let hold = holds::find(conn, id)?.ok_or(DeskError::NotFound)?;
            Ok(HoldView::new(hold, now))
        })
    }

    /// A page of holds, those of one ticket or all, the newest first.
    pub fn list_holds(
        &self,
        ticket: Option<&TicketRef>,
        after: Option<(Timestamp, HoldId)>,
        limit: i64,
    ) -> Result<Vec<HoldView>, DeskError> {
        let now = self.clock.now();
        self.db.read_in(&Scope::System, |conn| {
            let ticket = match ticket {
                None => None,
                Some(named) => {
                    let found = tickets::find(conn, &Scope::System, named)?;
                    Some(found.ok_or(DeskError::NotFound)?.0.id)
                }
            };
            let found = holds::list(conn, ticket, after, limit)?;
            Ok(found
                .into_iter()
                .map(|hold| HoldView::new(hold, now))
                .collect())
        })
    }
}

const fn in_the_past() -> Invalid {
    Invalid::new("in-the-past", "È già passato", "it is in the past")
}
