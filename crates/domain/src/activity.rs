//! Technical activities: what the region asks of the technical desk behind it (`domain.md` §4.4).
//!
//! An activity has states of its own, which the technical desk or an external tool reports. It knows
//! neither tickets nor time of day: when the work is over, the life cycle of its ticket hears of it
//! (T19); when it is due is counted by the calendar the caller brings.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::calendar::Calendar;
use crate::ids::{ActivityId, ClientId};
use crate::invalid::Text;
use crate::sla::WorkingTime;
use crate::state::codes;

codes! {
    /// Where an activity stands.
    ActivityState {
        /// Nobody has it yet.
        New = "new",
        /// Somebody has it.
        Assigned = "assigned",
        /// Somebody works on it.
        InProgress = "in-progress",
        /// It waits for something else.
        Pending = "pending",
        /// The work is done.
        Resolved = "resolved",
        /// Done, and nobody follows it any more.
        Closed = "closed",
        /// Nobody will do it.
        Cancelled = "cancelled",
    }
}

codes! {
    /// How much of the service is concerned.
    Impact {
        /// Minimo/Localizzato.
        Minor = "minor",
        /// Moderato/Limitato, the default.
        Moderate = "moderate",
        /// Significativo/Grande.
        Significant = "significant",
        /// Vasto/Diffuso.
        Extensive = "extensive",
    }
}

codes! {
    /// How soon it is needed; says when an activity is overdue.
    Urgency {
        /// Bassa.
        Low = "low",
        /// Media, the default.
        Medium = "medium",
        /// Alta.
        High = "high",
        /// Critica.
        Critical = "critical",
    }
}

codes! {
    /// What an activity restores.
    ActivityKind {
        /// Ripristino di servizio utente, the default.
        UserServiceRestoration = "user-service-restoration",
        /// Ripristino di servizio infrastrutturale.
        InfrastructureRestoration = "infrastructure-restoration",
    }
}

impl ActivityState {
    /// The label people read.
    pub const fn label(self) -> Text {
        match self {
            ActivityState::New => Text::new("Nuovo", "New"),
            ActivityState::Assigned => Text::new("Assegnato", "Assigned"),
            ActivityState::InProgress => Text::new("In corso", "In progress"),
            ActivityState::Pending => Text::new("Pendente", "Pending"),
            ActivityState::Resolved => Text::new("Risolto", "Resolved"),
            ActivityState::Closed => Text::new("Chiuso", "Closed"),
            ActivityState::Cancelled => Text::new("Annullato", "Cancelled"),
        }
    }

    /// Whether the work is over, so that the ticket goes on without it (T19).
    pub const fn is_over(self) -> bool {
        matches!(
            self,
            ActivityState::Resolved | ActivityState::Closed | ActivityState::Cancelled
        )
    }

    /// Whether nothing follows any more.
    pub const fn is_final(self) -> bool {
        matches!(self, ActivityState::Closed | ActivityState::Cancelled)
    }

    /// Whether an activity in this state may go to that one. While somebody may still work on it, it
    /// goes anywhere, because a tool is asked now and then and skips what lies between. What is
    /// resolved is closed and not taken up again: the ticket has gone on, and would need another.
    pub const fn may_become(self, next: ActivityState) -> bool {
        match self {
            ActivityState::Closed | ActivityState::Cancelled => false,
            ActivityState::Resolved => matches!(next, ActivityState::Closed),
            ActivityState::New => !matches!(next, ActivityState::New),
            ActivityState::Assigned => !matches!(next, ActivityState::Assigned),
            ActivityState::InProgress => !matches!(next, ActivityState::InProgress),
            ActivityState::Pending => !matches!(next, ActivityState::Pending),
        }
    }
}

/// What the history of a ticket says of its activity: ids and codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityFact {
    /// Which.
    pub activity: ActivityId,
    /// Where it stands now.
    pub state: ActivityState,
    /// The program that reported it; none if it happened here. Whoever subscribes knows its own by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<ClientId>,
}

/// What happens to an activity and concerns its ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActivityStep {
    /// It changed.
    Changed(ActivityFact),
    /// Its work is over (T19).
    Ended(ActivityFact),
    /// Somebody wrote on it.
    Commented {
        /// Which.
        activity: ActivityId,
        /// The comment.
        comment: crate::ids::ActivityCommentId,
        /// Whether the regional desk wrote it.
        by_region: bool,
        /// The program that brought it.
        origin: Option<ClientId>,
    },
    /// Its time is over and it is not (`domain.md` §4.3).
    Overdue {
        /// Which.
        activity: ActivityId,
    },
}

/// How long activities may take before the region is told, in working time (`domain.md` §4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverdueAfter {
    /// Critical ones.
    pub critical: WorkingTime,
    /// High ones.
    pub high: WorkingTime,
    /// Medium ones.
    pub medium: WorkingTime,
    /// Low ones.
    pub low: WorkingTime,
}

impl Default for OverdueAfter {
    fn default() -> Self {
        OverdueAfter {
            critical: WorkingTime::from_hours(4),
            high: WorkingTime::from_days(1),
            medium: WorkingTime::from_days(3),
            low: WorkingTime::from_days(10),
        }
    }
}

impl OverdueAfter {
    /// How long one of this urgency may take.
    pub const fn of(&self, urgency: Urgency) -> WorkingTime {
        match urgency {
            Urgency::Critical => self.critical,
            Urgency::High => self.high,
            Urgency::Medium => self.medium,
            Urgency::Low => self.low,
        }
    }

    /// When one that was opened then is overdue, by the hours of the desk that works it.
    pub fn due_at(&self, urgency: Urgency, opened_at: Timestamp, calendar: &Calendar) -> Timestamp {
        calendar
            .add_working_time(opened_at, self.of(urgency).by(calendar))
            .unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::Week;

    /// A row for each state: what may follow, and whether the work is over.
    #[test]
    fn which_state_may_follow_which() {
        use ActivityState as S;
        #[rustfmt::skip]
        let rows: [(S, &[S], bool, bool); 7] = [
            (S::New, &[S::Assigned, S::InProgress, S::Pending, S::Resolved, S::Closed, S::Cancelled], false, false),
            (S::Assigned, &[S::New, S::InProgress, S::Pending, S::Resolved, S::Closed, S::Cancelled], false, false),
            (S::InProgress, &[S::New, S::Assigned, S::Pending, S::Resolved, S::Closed, S::Cancelled], false, false),
            (S::Pending, &[S::New, S::Assigned, S::InProgress, S::Resolved, S::Closed, S::Cancelled], false, false),
            (S::Resolved, &[S::Closed], true, false),
            (S::Closed, &[], true, true),
            (S::Cancelled, &[], true, true),
        ];
        assert_eq!(rows.map(|row| row.0), *S::ALL);
        for (state, next, is_over, is_final) in rows {
            let found: Vec<S> = S::ALL
                .iter()
                .copied()
                .filter(|next| state.may_become(*next))
                .collect();
            assert_eq!(found, next, "{state:?}");
            assert_eq!(state.is_over(), is_over, "{state:?}");
            assert_eq!(state.is_final(), is_final, "{state:?}");
        }
    }

    #[test]
    fn what_is_over_never_comes_back() {
        for state in ActivityState::ALL.iter().filter(|state| state.is_over()) {
            for next in ActivityState::ALL {
                assert!(!state.may_become(*next) || next.is_over(), "{state:?}");
            }
        }
    }

    #[test]
    fn the_time_goes_by_the_urgency_and_the_hours_of_the_desk() {
        let day = || vec!["08:00-16:00".to_owned()];
        let week = [day(), day(), day(), day(), day(), vec![], vec![]];
        let calendar = Calendar::new(Week::parse(week).unwrap(), true, Vec::new()).unwrap();
        // A Friday at two in the afternoon in Rome.
        let opened: Timestamp = "2026-03-06T13:00:00Z".parse().unwrap();
        for (urgency, due) in [
            (Urgency::Critical, "2026-03-09T09:00:00Z"),
            (Urgency::High, "2026-03-09T13:00:00Z"),
            (Urgency::Medium, "2026-03-11T13:00:00Z"),
            (Urgency::Low, "2026-03-20T13:00:00Z"),
        ] {
            let found = OverdueAfter::default().due_at(urgency, opened, &calendar);
            assert_eq!(found.to_string(), due, "{urgency:?}");
        }
    }
}
