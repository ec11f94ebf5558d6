//! What time does to a complaint: its term runs out, and after the reply it closes.

use domain::complaint::{ComplaintStep, Hand};
use domain::ids::ComplaintId;
use jiff::{SignedDuration, Timestamp};
use storage::DbConnection;
use storage::complaints::{self, Entry};
use storage::deliveries::Keeper;

use crate::work::Next;
use crate::{Desk, DeskError};

impl Desk {
    /// Does what has become due on a complaint, as it stands now: tells once that its term is over, or
    /// closes it.
    pub(crate) fn look_at_complaint(
        &self,
        conn: &mut DbConnection,
        id: ComplaintId,
        now: Timestamp,
    ) -> Result<Next, DeskError> {
        let Some(mut complaint) = complaints::find(conn, &Keeper::Everything, id)? else {
            return Ok(Next::Done);
        };
        let version = complaint.version;
        if complaint.state.is_open() {
            if complaint.overdue_told {
                return Ok(Next::Done);
            }
            if now <= complaint.due_at {
                return Ok(Next::At(just_after(complaint.due_at)));
            }
            complaint.overdue_told = true;
            complaints::save(conn, &complaint, version)?;
            self.publish_complaint(conn, &complaint, "complaint.overdue", now)?;
            return Ok(Next::Done);
        }
        let Some(answered_at) = complaint.answered_at else {
            return Ok(Next::Done);
        };
        let close_at = self.settings.complaints.close_at(answered_at);
        if now < close_at {
            return Ok(Next::At(close_at));
        }
        let Ok(closed) = complaint.state.step(ComplaintStep::Close, Hand::System) else {
            return Ok(Next::Done);
        };
        complaint.state = closed;
        complaint.version += 1;
        complaints::save(conn, &complaint, version)?;
        let entry = Entry {
            seq: complaint.version,
            at: now,
            author: None,
            author_label: None,
            step: Some(ComplaintStep::Close),
            state: closed,
            note: None,
        };
        complaints::add_entry(conn, &complaint.desk, id, &entry)?;
        Ok(Next::Done)
    }
}

/// The first moment at which a term is over that ends at `due_at`.
fn just_after(due_at: Timestamp) -> Timestamp {
    due_at
        .checked_add(SignedDuration::from_micros(1))
        .unwrap_or(due_at)
}
