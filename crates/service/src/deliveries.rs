//! What became of messages, for those who answer for them: what was given up can be tried again or
//! left (`domain.md` D-7).

use domain::actor::Staff;
use domain::codes::AuthorityCode;
use domain::ids::{MessageId, TicketRef};
use domain::permissions::{Reach, Right, reach};
use domain::visibility::Scope;
use jiff::Timestamp;
use storage::deliveries::{self, Filter, Keeper};
use storage::tickets;

pub use storage::deliveries::{Delivery, DeliveryState};
pub use storage::outbox::Channel;

use crate::once::{Answer, Once};
use crate::{Desk, DeskError};

/// Which deliveries somebody wants to see.
#[derive(Debug, Clone, Default)]
pub struct DeliveryFilter {
    /// How far they are.
    pub state: Option<DeliveryState>,
    /// How they leave.
    pub channel: Option<Channel>,
    /// The ticket they are about.
    pub ticket: Option<TicketRef>,
}

/// What can be done with a message that was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryStep {
    /// Try it again, from the first try on.
    Retry,
    /// Leave it.
    Discard,
}

impl DeliveryStep {
    /// Every step.
    pub const ALL: [DeliveryStep; 2] = [DeliveryStep::Retry, DeliveryStep::Discard];

    /// The code used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            DeliveryStep::Retry => "retry",
            DeliveryStep::Discard => "discard",
        }
    }
}

impl Desk {
    /// A page of the messages that the placement's desk answers for, the newest first.
    pub fn list_deliveries(
        &self,
        staff: &Staff,
        filter: DeliveryFilter,
        after: Option<(Timestamp, MessageId)>,
        limit: i64,
    ) -> Result<Vec<Delivery>, DeskError> {
        let (keeper, scope) = reach_of(staff);
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
                state: filter.state,
                channel: filter.channel,
                ticket,
            };
            Ok(deliveries::list(conn, &keeper, &filter, after, limit)?)
        })
    }

    /// Tries a message that was given up again, or leaves it.
    pub fn step_delivery(
        &self,
        staff: &Staff,
        id: MessageId,
        step: DeliveryStep,
        once: &Once,
    ) -> Result<Answer<Delivery>, DeskError> {
        let (keeper, scope) = reach_of(staff);
        let (desk, account) = (self.clone(), staff.account);
        self.write_once(&scope, once, move |conn| {
            let now = desk.clock.now();
            let found = deliveries::find(conn, &keeper, id)?.ok_or(DeskError::NotFound)?;
            let is_done = match step {
                DeliveryStep::Retry => deliveries::retry(conn, id, now)?,
                DeliveryStep::Discard => deliveries::discard(conn, id, account, now)?,
            };
            if !is_done {
                return Err(DeskError::NotParked { state: found.state });
            }
            deliveries::find(conn, &keeper, id)?.ok_or(DeskError::NotFound)
        })
    }
}

/// Whose messages somebody sees, and how far the tickets go that they may name.
fn reach_of(staff: &Staff) -> (Keeper, Scope) {
    let own = |code: &AuthorityCode| (Keeper::Desk(code.clone()), Scope::of(staff));
    match reach(staff.role, Right::KeepDeliveries) {
        // Whoever keeps the machine sees no case, but what it could not send (P-3).
        Reach::All => (Keeper::Everything, Scope::System),
        Reach::Region | Reach::Desk => own(&staff.authority),
        Reach::Activities | Reach::No => (Keeper::Desk(staff.authority.clone()), Scope::Nothing),
    }
}
