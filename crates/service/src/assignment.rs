//! Giving out what comes to a desk to those who are present there, where the desk wants that
//! (docs/adr/0022).

use domain::actor::{Actor, Assignee, Staff};
use domain::assignment::{AssignmentMode, choose};
use domain::command::Command;
use domain::permissions::{Right, has};
use domain::ticket::Ticket;
use jiff::Timestamp;
use storage::tickets::Dossier;
use storage::{DbConnection, StoreError, assignment, dialect};

use crate::labels::Labelled;
use crate::{Desk, DeskError};

/// How a desk gives out what comes to it.
pub struct AssignmentSettings {
    /// Counts the changes; what clients send back.
    pub version: i64,
    /// The desk.
    pub desk: Labelled,
    /// How.
    pub mode: AssignmentMode,
}

impl Desk {
    /// How the placement's desk gives out what comes to it.
    pub fn show_assignment_settings(&self, staff: &Staff) -> Result<AssignmentSettings, DeskError> {
        let found = self
            .db
            .read(|conn| assignment::find_settings(conn, &staff.authority))?;
        Ok(AssignmentSettings {
            version: found.version,
            desk: self.authority_label(&staff.authority),
            mode: found.mode,
        })
    }

    /// Sets it, as it was seen at version `seen`. What is in the queue already stays there.
    pub fn change_assignment_settings(
        &self,
        staff: &Staff,
        seen: i64,
        mode: AssignmentMode,
    ) -> Result<AssignmentSettings, DeskError> {
        if !has(staff.role, Right::KeepAssignment) {
            return Err(DeskError::Forbidden);
        }
        let (desk, code, account) = (self.clone(), staff.authority.clone(), staff.account);
        self.db.write(move |conn| {
            let now = desk.clock.now();
            let current = |conn: &mut DbConnection| {
                assignment::find_settings(conn, &code).map(|found| found.version)
            };
            let was = current(conn)?;
            if was != seen {
                return Err(DeskError::Stale { current: was });
            }
            match assignment::save_mode(conn, &code, mode, seen, account, now) {
                Err(StoreError::Stale) => Err(DeskError::Stale {
                    current: current(conn)?,
                }),
                other => Ok(other?),
            }
        })?;
        self.show_assignment_settings(staff)
    }

    /// Gives a ticket that is nobody's to somebody who is present, if its desk wants that and anybody
    /// is (I-6). The state stays: nobody has taken charge.
    pub(crate) fn allot(
        &self,
        conn: &mut DbConnection,
        ticket: &mut Ticket,
        dossier: &Dossier,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        let desk = ticket.custodian.code.clone();
        if self.assignment_mode(conn, &desk)? == AssignmentMode::None
            || !ticket.state.code().is_open()
        {
            return Ok(());
        }
        // Two tickets at once would both go to whom has the fewest: one desk's go one after the other.
        dialect::follow_each_other(conn, &format!("assignment/{desk}"))
            .map_err(StoreError::from)?;
        let settings = assignment::find_settings(conn, &desk)?;
        let present = assignment::list_candidates(conn, &desk, self.day_of(now))?;
        let Some(to) = choose(settings.mode, &present, settings.last) else {
            return Ok(());
        };
        if settings.mode == AssignmentMode::RoundRobin {
            assignment::set_last(conn, &desk, to)?;
        }
        let command = Command::Place {
            to: Assignee::Operator(to),
        };
        self.apply(conn, ticket, dossier, &command, &Actor::System, now)?;
        Ok(())
    }
}
