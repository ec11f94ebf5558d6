//! The requester's nudge, "sollecito" (`domain.md` §1, §4.6): asking that somebody get on with it.
//!
//! Counted apart from the reminders that the system sends to the requester (T07).

use jiff::Timestamp;

use crate::calendar::Calendar;
use crate::sla::WorkingTime;
use crate::ticket::Ticket;

/// How often a requester may nudge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NudgeRules {
    /// Working time from filing, or from the nudge before, until the next one.
    pub wait: WorkingTime,
    /// How many one ticket may have.
    pub most: i32,
}

impl Default for NudgeRules {
    fn default() -> Self {
        NudgeRules {
            wait: WorkingTime::TWO_DAYS,
            most: 5,
        }
    }
}

impl NudgeRules {
    /// When the wait before the next nudge is over, by the calendar of the authority that the requester
    /// knows to have it: another desk's would tell of what they are not told. Whether there may be one at all is asked of the ticket.
    pub fn possible_from(&self, ticket: &Ticket, calendar: &Calendar) -> Timestamp {
        let since = ticket.nudged_at.unwrap_or(ticket.created_at);
        calendar
            .add_working_time(since, self.wait.by(calendar))
            .unwrap_or(Timestamp::MAX)
    }

    /// The same, for somebody who only wants to know: none while the ticket takes no nudge, or when
    /// all of them are used up.
    pub fn next(&self, ticket: &Ticket, calendar: &Calendar) -> Option<Timestamp> {
        let may = ticket.takes_nudges() && ticket.nudges < self.most;
        may.then(|| self.possible_from(ticket, calendar))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::calendar::Week;
    use crate::ids::{AccountId, TicketId, TicketNumber};
    use crate::state::State;
    use crate::ticket::{Desk, NewTicket};

    /// Monday to Friday from eight to four in Italy.
    fn calendar() -> Calendar {
        let day = || vec!["08:00-16:00".to_owned()];
        let week = [day(), day(), day(), day(), day(), Vec::new(), Vec::new()];
        Calendar::new(Week::parse(week).unwrap(), true, Vec::new()).unwrap()
    }

    fn rules() -> NudgeRules {
        NudgeRules {
            most: 2,
            ..NudgeRules::default()
        }
    }

    fn filed(at: &str) -> Ticket {
        let new = NewTicket {
            id: TicketId::new(Uuid::from_u128(1)),
            number: TicketNumber::new(2026, 1),
            service: "FSE".into(),
            problem_type: "errore-tecnico".into(),
            declared_authority: None,
            custodian: Desk {
                code: "010204".into(),
                is_region: false,
            },
            route: None,
        };
        Ticket::file(new, at.parse().unwrap()).0
    }

    #[test]
    fn the_wait_is_working_time_since_filing_or_the_nudge_before() {
        for (filed_at, nudged_at, expected) in [
            // Monday at ten: Wednesday at ten.
            ("2026-03-02T10:00+01", None, "2026-03-04T10:00+01"),
            // Friday at three: Tuesday at three, past the week-end.
            ("2026-03-06T15:00+01", None, "2026-03-10T15:00+01"),
            // On a Sunday: from Monday morning on, until Tuesday evening.
            ("2026-03-08T12:00+01", None, "2026-03-10T16:00+01"),
            (
                "2026-03-02T10:00+01",
                Some("2026-03-05T09:00+01"),
                "2026-03-09T09:00+01",
            ),
        ] {
            let mut ticket = filed(filed_at);
            ticket.nudged_at = nudged_at.map(|at| at.parse().unwrap());
            let expected: Timestamp = expected.parse().unwrap();
            let found = rules().possible_from(&ticket, &calendar());
            assert_eq!(found, expected, "{filed_at} {nudged_at:?}");
            assert_eq!(rules().next(&ticket, &calendar()), Some(expected));
        }
    }

    #[test]
    fn nothing_is_promised_when_they_are_used_up_or_the_requester_is_asked() {
        let mut ticket = filed("2026-03-02T10:00+01");
        ticket.nudges = 2;
        assert_eq!(rules().next(&ticket, &calendar()), None);
        let mut ticket = filed("2026-03-02T10:00+01");
        ticket.assignee = Some(crate::actor::Assignee::Operator(AccountId::new(
            Uuid::from_u128(2),
        )));
        ticket.state = State::AwaitingInfo {
            since: ticket.created_at,
            reminders: 0,
        };
        assert_eq!(rules().next(&ticket, &calendar()), None);
    }
}
