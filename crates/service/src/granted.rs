//! In which scope a placement reads requests: that of its role, or, for who works none, what a grant of
//! theirs opens at this instant (`domain.md` §2.2, P-3 and A10 "with purpose").
//!
//! Asked anew in each request and on each node, so that a grant ends when its time is over, whatever
//! token its holder still has.

use domain::actor::Staff;
use domain::break_glass::{Grant, GrantState};
use domain::ids::TicketRef;
use domain::permissions::{Right, has};
use domain::visibility::{Opened, Scope};
use jiff::{SignedDuration, Timestamp};
use storage::{break_glass, disclosures, trail};

use crate::reading::where_it_is_written;
use crate::{Desk, DeskError};

/// In which scope somebody reads, and under which break-glass grant.
pub(crate) struct Reading {
    /// The scope.
    pub(crate) scope: Scope,
    grant: Option<Grant>,
}

impl Desk {
    /// How a placement reads the ticket that is `wanted`, or a list if none is.
    pub(crate) fn reading_of(
        &self,
        staff: &Staff,
        wanted: Option<&TicketRef>,
    ) -> Result<Reading, DeskError> {
        if !has(staff.role, Right::ReadUnderGrant) {
            return Ok(Reading {
                scope: Scope::of(staff),
                grant: None,
            });
        }
        let now = self.clock.now();
        if has(staff.role, Right::Inspect) {
            let wanted = wanted.ok_or(DeskError::PurposeRequired)?;
            return self.inspecting(staff, wanted, now);
        }
        let grant = self.grant_in_force(staff, now)?;
        let grant = grant.ok_or(DeskError::Forbidden)?;
        state_purpose(|| format!("break-glass:{}", grant.id));
        Ok(Reading {
            scope: Scope::Granted(grant.opens.clone()),
            grant: Some(grant),
        })
    }

    /// Says that something was read with a grant, for the first time. An answer goes out after it alone.
    pub(crate) fn note_use(&self, reading: &Reading) -> Result<(), DeskError> {
        match &reading.grant {
            Some(grant) if grant.first_used_at.is_none() => self.note_first_use(grant.id),
            _ => Ok(()),
        }
    }

    fn inspecting(
        &self,
        staff: &Staff,
        wanted: &TicketRef,
        now: Timestamp,
    ) -> Result<Reading, DeskError> {
        let found = where_it_is_written(|| {
            self.db.read_in(&Scope::System, |conn| {
                disclosures::find_inspection(conn, staff.account, wanted, now)
            })
        })?;
        let (id, ticket) = found.ok_or(DeskError::PurposeRequired)?;
        state_purpose(|| format!("inspection:{id}"));
        Ok(Reading {
            scope: Scope::Granted(Opened::Inspected(ticket)),
            grant: None,
        })
    }

    fn grant_in_force(&self, staff: &Staff, now: Timestamp) -> Result<Option<Grant>, DeskError> {
        let since = now.checked_sub(LOOKED_BACK).unwrap_or(now);
        let found = where_it_is_written(|| {
            self.db.read_in(&Scope::System, |conn| {
                break_glass::list_unended_of(conn, staff.account, since)
            })
        })?;
        let mut grants = found.into_iter().map(|one| one.grant);
        Ok(grants.find(|grant| grant.state(now) == GrantState::InForce))
    }
}

/// A grant that was asked for longer ago is over.
pub(crate) const LOOKED_BACK: SignedDuration = SignedDuration::from_hours(25);

/// Tells the trail of the request why, if one is followed.
pub(crate) fn state_purpose(purpose: impl FnOnce() -> String) {
    if let Some(trail) = trail::current() {
        trail.state_purpose(&purpose());
    }
}
