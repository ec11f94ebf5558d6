//! Telling those who lead a desk of a request that nobody took there within the time for that
//! (`domain.md` §4.3, queue alert and hand-over alert), once for each leg.

use domain::codes::AuthorityCode;
use domain::ids::{TicketId, TicketRef};
use domain::ticket::{Leg, Ticket};
use domain::visibility::Scope;
use jiff::Timestamp;
use serde_json::json;
use storage::{DbConnection, tickets};

use crate::feed::News;
use crate::work::Next;
use crate::{Desk, DeskError};

impl Desk {
    /// When it is told that nobody took a ticket in its present leg.
    pub(crate) fn untouched_alert_at(&self, ticket: &Ticket) -> Option<Timestamp> {
        let leg = ticket.legs.last()?;
        let wait = match ticket.is_transferred() {
            true => self.settings.untouched.transferred,
            false => self.settings.untouched.filed,
        };
        let calendar = &self.reference.calendar_of(&leg.custodian)?.calendar;
        calendar.add_working_time(leg.opened_at, wait.by(calendar))
    }

    /// Tells of a ticket that nobody took, if that is still so and the time for it is over. What
    /// made this due may have been an earlier leg.
    pub(crate) fn look_at_untouched(
        &self,
        conn: &mut DbConnection,
        id: TicketId,
        now: Timestamp,
    ) -> Result<Next, DeskError> {
        // Whoever is just taking it comes first.
        tickets::hold(conn, id)?;
        let found = tickets::find(conn, &Scope::System, &TicketRef::Id(id))?;
        let Some((ticket, _)) = found.filter(|(ticket, _)| ticket.is_untouched()) else {
            return Ok(Next::Done);
        };
        let (Some(at), Some(leg)) = (self.untouched_alert_at(&ticket), ticket.legs.last()) else {
            return Ok(Next::Done);
        };
        if now < at {
            return Ok(Next::At(at));
        }
        let desk = &ticket.custodian.code;
        self.publish(conn, &news(&ticket, leg, "supervisor", desk), now)?;
        // The region passed it on, and hears where it lies.
        if ticket.is_transferred() && !ticket.custodian.is_region {
            let region = self.reference.region();
            self.publish(conn, &news(&ticket, leg, "region", region), now)?;
        }
        Ok(Next::Done)
    }
}

fn news(ticket: &Ticket, leg: &Leg, level: &str, to: &AuthorityCode) -> News {
    let kind = match ticket.is_transferred() {
        true => "handover.untouched",
        false => "queue.untouched",
    };
    News {
        kind: kind.to_owned(),
        desk: Some(to.clone()),
        former_desk: None,
        ticket: Some(ticket.id),
        seq: None,
        subject: None,
        data: json!({
            "number": ticket.number.as_str(),
            "level": level,
            "custodian": leg.custodian.as_str(),
            "leg": leg.no,
            "since": leg.opened_at.to_string(),
        }),
    }
}
