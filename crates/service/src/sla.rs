//! Keeping the clocks of tickets: made anew from the history with each change that moves one, written
//! beside the ticket in the same transaction, and told when 75 % and 100 % have passed.
//!
//! What is told is told once for each leg, clock and level, by the row that says so; it is told by
//! whoever notices first, a change or the work that time makes due. None of it touches the ticket's
//! version or its time of change.

use domain::codes::AuthorityCode;
use domain::event::Event;
use domain::ids::{TicketId, TicketRef};
use domain::sla::{Alert, Clock, ClockKind, DeskKind, Policy, Run, Step, Terms, clocks, in_force};
use domain::ticket::Ticket;
use domain::visibility::Scope;
use jiff::Timestamp;
use serde_json::json;
use storage::sla::{self, Kept};
use storage::{DbConnection, tickets};

use crate::feed::News;
use crate::work::{Kind, Next};
use crate::{Desk, DeskError};

/// Tickets whose clocks are made anew in one transaction.
const PAGE: i64 = 50;

impl Desk {
    /// Makes the clocks of a ticket anew if `events` moved one; the answer is how they stand.
    pub(crate) fn keep_clocks(
        &self,
        conn: &mut DbConnection,
        ticket: &Ticket,
        events: &[Event],
        now: Timestamp,
    ) -> Result<Vec<Clock>, DeskError> {
        let before = sla::find(conn, ticket.id)?;
        let moves = events
            .iter()
            .map(Step::from)
            .any(|step| step.moves_a_clock());
        match before {
            Some(before) if !moves => Ok(before.clocks),
            before => {
                let history = sla::load_history(conn, ticket.id)?;
                self.renew_clocks(conn, ticket, &history, before, now)
            }
        }
    }

    /// The clocks of a ticket that is about to be filed.
    pub(crate) fn first_clocks(
        &self,
        conn: &mut DbConnection,
        ticket: &Ticket,
        filed: &Event,
    ) -> Result<Vec<Clock>, DeskError> {
        let policies = self.policies(conn)?;
        Ok(self.clocks(ticket, &[Step::from(filed)], &policies))
    }

    /// What is to be done about a ticket that is filed with these clocks, and when.
    pub(crate) fn first_work(
        &self,
        ticket: &Ticket,
        clocks: &[Clock],
        now: Timestamp,
    ) -> Vec<(&'static str, Timestamp)> {
        let alert = present(clocks, ticket).and_then(|_| next_alert(clocks, now));
        let untouched = self.untouched_alert_at(ticket);
        let alert = alert.map(|at| (Kind::Sla.as_str(), at));
        let untouched = untouched.map(|at| (Kind::Untouched.as_str(), at));
        alert.into_iter().chain(untouched).collect()
    }

    fn renew_clocks(
        &self,
        conn: &mut DbConnection,
        ticket: &Ticket,
        history: &[Step],
        before: Option<Kept>,
        now: Timestamp,
    ) -> Result<Vec<Clock>, DeskError> {
        let policies = self.policies(conn)?;
        let clocks = self.clocks(ticket, history, &policies);
        let is_new = before.is_none();
        let mut kept = before.unwrap_or_default();
        let was_due = present(&kept.clocks, ticket).map(|clock| clock.due_at);
        let was_next = next_alert(&kept.clocks, now);
        kept.clocks = clocks;
        let next = next_alert(&kept.clocks, now);
        // What happened before there were clocks is nobody's news.
        self.tell_alerts(conn, ticket, &mut kept, now, is_new)?;
        if let Some(present) = present(&kept.clocks, ticket) {
            sla::write(conn, ticket.id, &kept, present)?;
            if was_due != Some(present.due_at) {
                sla::set_due(conn, ticket.id, present.due_at)?;
            }
            if was_next != next {
                self.schedule(conn, Kind::Sla, ticket.id.uuid(), next)?;
            }
        }
        Ok(kept.clocks)
    }

    fn clocks(&self, ticket: &Ticket, history: &[Step], policies: &[Policy]) -> Vec<Clock> {
        clocks(history, |custodian, opened| {
            let kind = match custodian == self.reference.region() {
                true => DeskKind::Region,
                false => DeskKind::Authority,
            };
            let on = self.day_of(opened);
            let policy = in_force(policies, custodian, kind, &ticket.service, opened, on)?;
            let named = policy
                .calendar
                .as_ref()
                .and_then(|code| self.reference.calendar(code.as_str()));
            let entry = named.or_else(|| self.reference.calendar_of(custodian))?;
            Some(Terms {
                policy: policy.id,
                targets: policy.targets,
                calendar: &entry.calendar,
            })
        })
    }

    /// Tells what happened to the clocks and has not been told; `quietly` only notes it as told. Nobody
    /// is warned of a clock that has been stopped, and no region of one that is stopped or its own.
    fn tell_alerts(
        &self,
        conn: &mut DbConnection,
        ticket: &Ticket,
        kept: &mut Kept,
        now: Timestamp,
        quietly: bool,
    ) -> Result<(), DeskError> {
        let mut told = std::mem::take(&mut kept.told);
        for clock in &kept.clocks {
            for alert in clock.alerts(now) {
                let line = told_line(clock, alert);
                if told.contains(&line) {
                    continue;
                }
                told.push(line);
                let is_over = matches!(clock.run, Run::Stopped { .. });
                let to = match alert {
                    Alert::Warning if !is_over => Some(&ticket.custodian.code),
                    Alert::Breach => Some(&ticket.custodian.code),
                    Alert::Escalation if !is_over && !ticket.custodian.is_region => {
                        Some(self.reference.region())
                    }
                    Alert::Warning | Alert::Escalation => None,
                };
                if let (Some(to), false) = (to, quietly) {
                    self.publish(conn, &news(ticket, clock, alert, to), now)?;
                }
            }
        }
        kept.told = told;
        Ok(())
    }

    /// Tells what has become due on a ticket's clocks.
    pub(crate) fn look_at_clocks(
        &self,
        conn: &mut DbConnection,
        id: TicketId,
        now: Timestamp,
    ) -> Result<Next, DeskError> {
        // Whatever changes the ticket meanwhile waits, so that nothing is told twice.
        tickets::hold(conn, id)?;
        let found = tickets::find(conn, &Scope::System, &TicketRef::Id(id))?;
        let (Some((ticket, _)), Some(mut kept)) = (found, sla::find(conn, id)?) else {
            return Ok(Next::Done);
        };
        self.tell_alerts(conn, &ticket, &mut kept, now, false)?;
        if let Some(present) = present(&kept.clocks, &ticket) {
            sla::write(conn, id, &kept, present)?;
        }
        Ok(next_alert(&kept.clocks, now).map_or(Next::Done, Next::At))
    }

    /// Makes the clocks of all tickets anew from their histories; the answer is how many tickets. What
    /// is found for the first time is told to nobody.
    pub fn recompute_sla(&self) -> Result<usize, DeskError> {
        let (mut done, mut after) = (0, None);
        loop {
            let desk = self.clone();
            let page = self.db.write_in(&Scope::System, move |conn| {
                let now = desk.clock.now();
                let page = sla::list_all(conn, after, PAGE)?;
                for id in &page {
                    tickets::hold(conn, *id)?;
                    let found = tickets::find(conn, &Scope::System, &TicketRef::Id(*id))?;
                    let Some((ticket, _)) = found else { continue };
                    let (history, kept) = (sla::load_history(conn, *id)?, sla::find(conn, *id)?);
                    desk.renew_clocks(conn, &ticket, &history, kept, now)?;
                }
                Ok::<_, DeskError>(page)
            })?;
            let Some(last) = page.last() else {
                return Ok(done);
            };
            (done, after) = (done + page.len(), Some(*last));
        }
    }
}

/// The resolution of the present leg.
pub(crate) fn present<'a>(clocks: &'a [Clock], ticket: &Ticket) -> Option<&'a Clock> {
    let leg = ticket.legs.last()?.no;
    clocks
        .iter()
        .find(|clock| clock.leg == leg && clock.kind == ClockKind::Resolution)
}

fn next_alert(clocks: &[Clock], now: Timestamp) -> Option<Timestamp> {
    clocks
        .iter()
        .filter_map(|clock| clock.next_alert(now))
        .min()
}

fn told_line(clock: &Clock, alert: Alert) -> String {
    format!("{}/{}/{}", clock.leg, clock.kind.as_str(), alert.as_str())
}

fn news(ticket: &Ticket, clock: &Clock, alert: Alert, to: &AuthorityCode) -> News {
    let (kind, level, at) = match alert {
        Alert::Warning => ("sla.warning", "desk", clock.warn_at),
        Alert::Breach => ("sla.breached", "supervisor", clock.due_at),
        Alert::Escalation => ("sla.breached", "region", clock.due_at),
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
            "clock": clock.kind.as_str(),
            "leg": clock.leg,
            "at": at.to_string(),
        }),
    }
}
